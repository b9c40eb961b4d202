/* A map from addresses; see map.h. */

#include "map.h"

void
map_init(Map *map, size_t table_bytes, int is_large)
{
    const Row small = ROW_OF(uintptr_t), large = LARGE_ROW_OF(uintptr_t);
    memset(map, 0, sizeof(Map));
    map->table_bytes = table_bytes;
    map->chunks = is_large ? large : small;
    map->chunk_tables = is_large ? 8 : 2;
}

void
map_free(Map *map)
{
    for (size_t i = 0; i + 1 < map->chunks.count; i += 2) {
        area_free((void *)AT(map->chunks, uintptr_t)[i], AT(map->chunks, uintptr_t)[i + 1]);
    }
    row_free(&map->chunks);
    area_free(map->regions, map->regions ? (map->mask + 1) * sizeof(Region) : 0);
    map_init(map, map->table_bytes, map->chunks.first_bytes == LARGE);
}

static Region *
map_place(Region *regions, size_t mask, uintptr_t number)
{
    size_t at = (size_t)((number * 0x9E3779B97F4A7C15ull) >> 32) & mask;
    while (regions[at].number && regions[at].number != number) {
        at = (at + 1) & mask;
    }
    return &regions[at];
}

static int
map_more(Map *map)
{
    size_t room = map->regions ? (map->mask + 1) * 2 : map->chunks.first_bytes / sizeof(Region);
    Region *regions = area_new(room * sizeof(Region));
    if (regions == NULL) {
        return 0;
    }
    if (map->regions) {
        for (size_t i = 0; i <= map->mask; i++) {
            if (map->regions[i].number) {
                *map_place(regions, room - 1, map->regions[i].number) = map->regions[i];
            }
        }
        area_free(map->regions, (map->mask + 1) * sizeof(Region));
    }
    map->regions = regions;
    map->mask = room - 1;
    return 1;
}

/* The table of the region that an address is in; NULL if there is no memory for it, or none yet
   and none is to be made. */
void *
map_find(Map *map, uintptr_t number, int make)
{
    if (!map->regions && (!make || !map_more(map))) {
        return NULL;
    }
    Region *place = map_place(map->regions, map->mask, number);
    if (place->number == 0) {
        if (!make) {
            map->last_number = number; /* what is asked next is mostly near */
            return map->last = NULL;
        }
        if (map->used * 2 > map->mask) {
            if (!map_more(map)) {
                return NULL;
            }
            place = map_place(map->regions, map->mask, number);
        }
        if (map->chunk_left == 0) {
            size_t bytes = map->chunk_tables * map->table_bytes;
            char *chunk = area_new(bytes);
            if (chunk == NULL) {
                return NULL;
            }
            if (!PUSH(&map->chunks, uintptr_t, (uintptr_t)chunk) ||
                !PUSH(&map->chunks, uintptr_t, (uintptr_t)bytes)) {
                area_free(chunk, bytes);
                map->chunks.count &= ~(size_t)1;
                return NULL;
            }
            map->chunk = chunk;
            map->chunk_left = map->chunk_tables;
            if (map->chunk_tables < 512) {
                map->chunk_tables *= 2;
            }
        }
        place->number = number;
        place->table = map->chunk;
        map->chunk += map->table_bytes;
        map->chunk_left--;
        map->used++;
    }
    map->last_number = number;
    map->last = place->table;
    return place->table;
}
