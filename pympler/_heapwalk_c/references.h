/* What an object refers to. */

#ifndef HEAPWALK_REFERENCES_H
#define HEAPWALK_REFERENCES_H

#include "walker.h"

int traverse(PyObject *item, visitproc visit, void *arg);
int follow(const Walker *walker, const Kind *kind, PyObject *item, visitproc visit, void *arg);

#define AHEAD 64
#define NEAR 24

static inline void
fetch_ahead(PyObject **items, size_t i, size_t count)
{
    if (i + AHEAD < count) {
        PREFETCH(items[i + AHEAD]);
    }
    if (i + NEAR < count) {
        PyObject *item = items[i + NEAR];
        PyTypeObject *type = Py_TYPE(item);
        if (type == &PyDict_Type) {
            PREFETCH(((PyDictObject *)item)->ma_keys);
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
}

#endif
