/* What an object refers to, as visits one after the other. */

#include "layout.h"
#include "references.h"

int
traverse(PyObject *item, visitproc visit, void *arg)
{
    PyTypeObject *type = Py_TYPE(item);
    if (type->tp_traverse == NULL || !PyObject_IS_GC(item)) {
        return 0;
    }
    return type->tp_traverse(item, visit, arg);
}

static int
visit_keys(PyObject *dict, visitproc visit, void *arg)
{
    Py_ssize_t place = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &place, &key, &value)) {
        int stop = visit(key, arg);
        if (stop) {
            return stop;
        }
    }
    return 0;
}

int
follow(const Walker *walker, const Kind *kind, PyObject *item, visitproc visit, void *arg)
{
    int stop;
    switch (kind->follow) {
    case NOTHING:
        return 0;
    case MODULE: {
        /* What some modules made in C traverse is not safe (_asyncio of 3.12.1). */
        PyObject *names = PyModule_GetDict(item);
        return names ? visit(names, arg) : 0;
    }
    case WITH_NAMESPACE: {
        stop = traverse(item, visit, arg);
        uintptr_t names = stop ? 0 : namespace_of(walker, kind, item);
        return names ? visit((PyObject *)names, arg) : stop;
    }
    case KEYS:
        stop = traverse(item, visit, arg);
        if (!stop && hides_keys(item)) {
            stop = visit_keys(item, visit, arg);
        }
        return stop;
    default:
        return traverse(item, visit, arg);
    }
}

static inline void
fetch_heads(PyObject **items, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        PREFETCH(items[i]);
        PREFETCH((char *)items[i] + 32);
    }
}

static inline void
fetch_bodies(PyObject **items, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        PyObject *item = items[i];
        PyTypeObject *type = Py_TYPE(item);
        if (type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type) {
            continue;
        }
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
}

static inline size_t
least(size_t one, size_t other)
{
    return one < other ? one : other;
}

void
fetch_block(PyObject **items, size_t i, size_t count)
{
    if (i == 0) {
        fetch_heads(items, 0, least(2 * BLOCK, count));
        fetch_bodies(items, 0, least(BLOCK, count));
    }
    fetch_heads(items, least(i + 2 * BLOCK, count), least(i + 3 * BLOCK, count));
    fetch_bodies(items, least(i + BLOCK, count), least(i + 2 * BLOCK, count));
}
