/* What an object refers to. */

#ifndef HEAPWALK_REFERENCES_H
#define HEAPWALK_REFERENCES_H

#include "walker.h"

int traverse(PyObject *item, visitproc visit, void *arg);
int follow(const Walker *walker, const Kind *kind, PyObject *item, visitproc visit, void *arg);

/* Objects that a walk comes to soon are fetched into the cache, a block at once: while one of them is
   waited for, so are the others. First their heads, a block later what these point to. */
#define BLOCK 32

static inline void
fetch_head(const PyObject *item)
{
    PREFETCH(item);
    PREFETCH((const char *)item + 32);
}

static inline void
fetch_body(PyObject *item)
{
    PyTypeObject *type = Py_TYPE(item);
    if (type == &PyDict_Type) {
        char *keys = (char *)((PyDictObject *)item)->ma_keys;
        PREFETCH(keys);
        PREFETCH(keys + 48);
    }
    else if (type == &PyList_Type) {
        PREFETCH(((PyListObject *)item)->ob_item);
    }
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000
    else if (type->tp_flags & (1UL << 4)) {
        /* Where the values of its attributes lie. */
        PREFETCH(WORD_AT(item, PY_VERSION_HEX < 0x030C0000 ? -32 : -24));
    }
#endif
}

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
