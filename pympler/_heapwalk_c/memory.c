/* Memory of its own, and rows in it; see memory.h. */

#include "memory.h"

#ifdef MADV_HUGEPAGE
/* Large pages, if the system has some to give: fewer faults, and addresses are found faster. */
#define HUGE_FROM ((size_t)4 << 20)

static void *
prefer_huge(void *area, size_t bytes)
{
    if (bytes >= HUGE_FROM) {
        madvise(area, bytes, MADV_HUGEPAGE);
    }
    return area;
}
#else
#define prefer_huge(area, bytes) (area)
#endif

void *
area_new(size_t bytes)
{
    if (bytes < LARGE) {
        return PyMem_RawCalloc(1, bytes);
    }
#ifdef _WIN32
    return VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
#else
    void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return area == MAP_FAILED ? NULL : prefer_huge(area, bytes);
#endif
}

void
area_free(void *area, size_t bytes)
{
    if (area == NULL) {
        return;
    }
    if (bytes < LARGE) {
        PyMem_RawFree(area);
        return;
    }
#ifdef _WIN32
    VirtualFree(area, 0, MEM_RELEASE);
#else
    munmap(area, bytes);
#endif
}

void *
area_grow(void *old, size_t old_bytes, size_t bytes)
{
#ifdef MREMAP_MAYMOVE
    if (old != NULL && old_bytes >= LARGE) {
        void *moved = mremap(old, old_bytes, bytes, MREMAP_MAYMOVE);
        return moved == MAP_FAILED ? NULL : prefer_huge(moved, bytes);
    }
#endif
    void *area = area_new(bytes);
    if (area != NULL && old != NULL) {
        memcpy(area, old, old_bytes);
        area_free(old, old_bytes);
    }
    return area;
}

int
row_more(Row *row)
{
    size_t room = row->room ? row->room * 2 : row->first_bytes / row->item_bytes;
    void *data = area_grow(row->data, row->room * row->item_bytes, room * row->item_bytes);
    if (data == NULL) {
        return 0;
    }
    row->data = data;
    row->room = room;
    return 1;
}

void
row_free(Row *row)
{
    area_free(row->data, row->room * row->item_bytes);
    row->data = NULL;
    row->count = row->room = 0;
}
