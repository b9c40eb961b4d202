/* What an object refers to. */

#ifndef HEAPWALK_REFERENCES_H
#define HEAPWALK_REFERENCES_H

#include "walker.h"

int traverse(PyObject *item, visitproc visit, void *arg);
int follow(const Walker *walker, const Kind *kind, PyObject *item, visitproc visit, void *arg);

/* Objects that a walk comes to soon are fetched into the cache, a block at once: while one of them is
   waited for, so are the others. First their heads, a block later what these point to. */
#define BLOCK 32

void fetch_block(PyObject **items, size_t i, size_t count);

/* To be called for each item of a row in turn, which may grow meanwhile. */
static inline void
fetch_ahead(PyObject **items, size_t i, size_t count)
{
    if (i % BLOCK == 0) {
        fetch_block(items, i, count);
    }
}

#endif
