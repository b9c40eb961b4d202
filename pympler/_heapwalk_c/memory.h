/* Memory of its own, and rows of numbers or addresses in it. */

#ifndef HEAPWALK_MEMORY_H
#define HEAPWALK_MEMORY_H

#include "platform.h"

/* Memory that is zero at first, and no part of the heap that is walked. What is large comes from
   mmap, which gives pages that nobody shares; a walk in a forked child asks for nothing small. */

#define LARGE 65536

void *area_new(size_t bytes);
void area_free(void *area, size_t bytes);
void *area_grow(void *old, size_t old_bytes, size_t bytes);

/* Numbers or addresses in a row. */

typedef struct {
    void *data;
    size_t count, room, item_bytes, first_bytes;
} Row;

#define ROW_OF(type) {NULL, 0, 0, sizeof(type), 2048}
#define LARGE_ROW_OF(type) {NULL, 0, 0, sizeof(type), LARGE}
#define AT(row, type) ((type *)(row).data)

int row_more(Row *row);
void row_free(Row *row);

#define PUSH(row, type, value)                                                                     \
    (((row)->count < (row)->room || row_more(row)) &&                                              \
     (((type *)(row)->data)[(row)->count++] = (value), 1))

#endif
