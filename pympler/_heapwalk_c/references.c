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

void
fetch_block(PyObject **items, size_t i, size_t count)
{
    size_t heads = i == 0 ? 0 : i + 2 * BLOCK, bodies = i == 0 ? 0 : i + BLOCK;
    for (size_t at = heads; at < count && at < i + 3 * BLOCK; at++) {
        fetch_head(items[at]);
    }
    for (size_t at = bodies; at < count && at < i + 2 * BLOCK; at++) {
        fetch_body(items[at]);
    }
}
