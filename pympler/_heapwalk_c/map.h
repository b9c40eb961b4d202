/* A map from addresses to a bit or a number each. */

#ifndef HEAPWALK_MAP_H
#define HEAPWALK_MAP_H

#include "memory.h"

/* A map from addresses: a region of a megabyte has a table with a bit, or a number of 32 bits, for
   each place where an object can begin. Objects lie close together, so that this is a fraction of
   what a hash table of addresses takes, and neighbours share a line of the cache. */

#define REGION_BITS 20
#define PLACE_BITS 4
#define PLACES (1 << (REGION_BITS - PLACE_BITS))

typedef struct {
    uintptr_t number; /* one more than that of the region: 0 is an empty place */
    void *table;
} Region;

typedef struct {
    Region *regions;
    size_t mask, used, table_bytes;
    uintptr_t last_number;
    void *last;
    char *chunk; /* of which the next tables are taken */
    size_t chunk_left, chunk_tables;
    Row chunks; /* pairs of address and bytes */
} Map;

void map_init(Map *map, size_t table_bytes, int is_large);
void map_free(Map *map);
void *map_find(Map *map, uintptr_t number, int make);

static inline void *
map_table(Map *map, const void *address)
{
    uintptr_t number = ((uintptr_t)address >> REGION_BITS) + 1;
    if (number == map->last_number && map->last) {
        return map->last;
    }
    return map_find(map, number, 1);
}

static inline size_t
place_of(const void *address)
{
    return ((uintptr_t)address >> PLACE_BITS) & (PLACES - 1);
}

#define BIT_TABLE (PLACES / 8)
#define NUMBER_TABLE (PLACES * sizeof(uint32_t))

/* 1 if an address is new, 0 if it was marked before, -1 without memory. */
static inline int
map_mark(Map *map, const void *address)
{
    uint64_t *bits = map_table(map, address);
    if (bits == NULL) {
        return -1;
    }
    size_t place = place_of(address);
    uint64_t bit = (uint64_t)1 << (place & 63);
    if (bits[place >> 6] & bit) {
        return 0;
    }
    bits[place >> 6] |= bit;
    return 1;
}

static inline int
map_has(Map *map, const void *address)
{
    uintptr_t number = ((uintptr_t)address >> REGION_BITS) + 1;
    uint64_t *bits = number == map->last_number ? map->last : map_find(map, number, 0);
    size_t place = place_of(address);
    return bits != NULL && (bits[place >> 6] >> (place & 63) & 1);
}

/* Have the bit of an address in the cache soon. */
static inline void
map_fetch(Map *map, const void *address)
{
    uint64_t *bits = map_table(map, address);
    if (bits != NULL) {
        PREFETCH(&bits[place_of(address) >> 6]);
    }
}

static inline uint32_t *
map_number(Map *map, const void *address)
{
    uint32_t *numbers = map_table(map, address);
    return numbers == NULL ? NULL : &numbers[place_of(address)];
}

#endif
