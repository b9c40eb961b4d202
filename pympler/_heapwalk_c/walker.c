/* The type Walker, and what it is told and asked. */

#include "keys.h"
#include "sizes.h"
#include "walking.h"

/* What a type means, from Python. */

PyDoc_STRVAR(teach_doc,
             "teach(type, mode, sizer, base, fixed, each, header, follow, flags, asked)\n\n"
             "Say what is done with the objects of a type; see pympler/sizing/taught.py.");

static PyObject *
walker_teach(Walker *walker, PyObject *args)
{
    PyTypeObject *type;
    Kind taught;
    memset(&taught, 0, sizeof(taught));
    if (!PyArg_ParseTuple(args, "O!bbnnnnbbO", &PyType_Type, &type, &taught.mode, &taught.sizer,
                          &taught.base, &taught.fixed, &taught.each, &taught.header,
                          &taught.follow, &taught.flags, &taught.asked)) {
        return NULL;
    }
    Kind *kind = find_kind(walker, type);
    if (kind == NULL) {
        kind = add_kind(walker, type);
    }
    if (kind == NULL) {
        return PyErr_NoMemory();
    }
    taught.type = type;
    taught.objects = kind->objects;
    taught.bytes = kind->bytes;
    taught.asked = taught.asked == Py_None ? NULL : Py_NewRef(taught.asked);
    PyObject *before = kind->asked;
    *kind = taught;
    if (taught.follow == FRAME) { /* stands for: by its nature */
        use_nature(walker, kind);
    }
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

#if CAN_FORK

PyDoc_STRVAR(know_doc,
             "know(types): have a place for these types, of which a walk in a forked child then "
             "finds out by itself what it must know.");

static PyObject *
walker_know(Walker *walker, PyObject *types)
{
    if (!PyList_CheckExact(types)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(types); i++) {
        PyObject *type = PyList_GET_ITEM(types, i);
        if (!PyType_Check(type)) {
            PyErr_SetString(PyExc_TypeError, "give types");
            return NULL;
        }
        if (find_kind(walker, (PyTypeObject *)type) == NULL) {
            Kind *kind = add_kind(walker, (PyTypeObject *)type);
            if (kind == NULL) {
                return PyErr_NoMemory();
            }
            use_nature(walker, kind);
            teach_itself(walker, kind);
            Py_XINCREF(kind->asked);
        }
    }
    Py_RETURN_NONE;
}

#endif

PyDoc_STRVAR(size_doc, "size(item) -> its bytes as they would be counted, -1 if it is handed back.");

static PyObject *
walker_size(Walker *walker, PyObject *item)
{
    Kind *kind = find_kind(walker, Py_TYPE(item));
    int known = kind != NULL && kind->mode == COUNT;
    return PyLong_FromSsize_t(known ? size_of(walker, kind, item) : -1);
}

PyDoc_STRVAR(sizes_doc,
             "sizes(items) -> bytes: numbers of 64 bits, the size of each or -1 if Python must be "
             "asked.");

static PyObject *
walker_sizes(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    size_t count = (size_t)PyList_GET_SIZE(items);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * sizeof(int64_t)));
    if (bytes == NULL) {
        return NULL;
    }
    int64_t *sizes = (int64_t *)PyBytes_AS_STRING(bytes);
    for (size_t i = 0; i < count; i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        Kind *kind = find_kind(walker, Py_TYPE(item));
        sizes[i] = kind && kind->mode == COUNT ? size_of(walker, kind, item) : -1;
    }
    return bytes;
}

PyDoc_STRVAR(tally_doc, "tally() -> rows of type, objects and bytes, for each type in its place.");

static PyObject *
walker_tally(Walker *walker, PyObject *unused)
{
    PyObject *rows = PyList_New(0);
    for (size_t i = 0; rows != NULL && i < walker->kinds.count; i++) {
        Kind *kind = &AT(walker->kinds, Kind)[i];
        PyObject *row = Py_BuildValue("OKK", kind->type, (unsigned long long)kind->objects,
                                      (unsigned long long)kind->bytes);
        if (row == NULL || PyList_Append(rows, row) < 0) {
            Py_CLEAR(rows);
        }
        Py_XDECREF(row);
    }
    return rows;
}

PyDoc_STRVAR(budget_doc, "budget(most, timeout_s): when walks stop; -1 for no limit.");

static PyObject *
walker_budget(Walker *walker, PyObject *args)
{
    Py_ssize_t most;
    double timeout_s;
    if (!PyArg_ParseTuple(args, "nd", &most, &timeout_s)) {
        return NULL;
    }
    walker->most = most < 0 ? UINT64_MAX : (uint64_t)most;
    walker->deadline_s = timeout_s < 0 ? 0 : now_s() + timeout_s;
    Py_RETURN_NONE;
}

static PyObject *
walker_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"shared", "align", "least_int", "layout", NULL};
    PyObject *shared = Py_None, *layout = Py_None;
    Py_ssize_t align = 1, least_int = 0;
    Walker *walker;
    if (!PyArg_ParseTupleAndKeywords(args, names, "|OnnO", keywords, &shared, &align, &least_int,
                                     &layout)) {
        return NULL;
    }
    if (shared != Py_None && !is_marks(shared)) {
        PyErr_SetString(PyExc_TypeError, "shared must be Marks");
        return NULL;
    }
    if (align < 1 || (align & (align - 1))) {
        PyErr_SetString(PyExc_ValueError, "align must be a power of two");
        return NULL;
    }
    walker = (Walker *)type->tp_alloc(type, 0);
    if (walker == NULL) {
        return NULL;
    }
    const Row pointers = ROW_OF(PyObject *);
    walker->next = walker->parked = walker->mappings = pointers;
    walker->unknown = walker->samples = pointers;
    const Row kinds = {NULL, 0, 0, sizeof(Kind), 16 * sizeof(Kind)};
    walker->kinds = kinds;
    map_init(&walker->seen, BIT_TABLE, 0);
    map_init(&walker->namespaces, BIT_TABLE, 0);
    map_init(&walker->pending, BIT_TABLE, 0);
    walker->align = align;
    walker->least_int = least_int;
    walker->most = UINT64_MAX;
    walker->shared = shared == Py_None ? NULL : Py_NewRef(shared);
    if (layout != Py_None &&
        !PyArg_ParseTuple(layout, "ppnnn", &walker->is_inline, &walker->is_tagged,
                          &walker->values_at, &walker->dict_at, &walker->keys_at)) {
        Py_DECREF(walker);
        return NULL;
    }
    return (PyObject *)walker;
}

static void
walker_dealloc(Walker *walker)
{
    PyTypeObject *type = Py_TYPE(walker);
    forget_mappings(walker);
    for (size_t i = 0; i < walker->kinds.count; i++) {
        Py_DECREF(AT(walker->kinds, Kind)[i].type);
        Py_XDECREF(AT(walker->kinds, Kind)[i].asked);
    }
    row_free(&walker->kinds);
    row_free(&walker->next);
    row_free(&walker->parked);
    row_free(&walker->unknown);
    row_free(&walker->samples);
    map_free(&walker->seen);
    map_free(&walker->namespaces);
    area_free(walker->places, walker->places ? (walker->places_mask + 1) * sizeof(uint32_t) : 0);
    Py_XDECREF(walker->shared);
    type->tp_free((PyObject *)walker);
    Py_DECREF(type);
}

static PyObject *
get_stopped(Walker *walker, void *unused)
{
    return PyLong_FromLong(walker->stopped);
}

static PyObject *
get_objects(Walker *walker, void *unused)
{
    return PyLong_FromUnsignedLongLong(walker->objects);
}

static PyObject *
get_bytes(Walker *walker, void *unused)
{
    return PyLong_FromUnsignedLongLong(walker->bytes);
}

static PyObject *
get_mappings(Walker *walker, void *unused)
{
    return PyLong_FromSize_t(walker->mappings.count);
}

static PyGetSetDef walker_attributes[] = {
    {"mappings", (getter)get_mappings, NULL, "how many dictionaries wait for their keys", NULL},
    {"stopped", (getter)get_stopped, NULL, "1 by max_objects, 2 by time, 0 not at all", NULL},
    {"objects", (getter)get_objects, NULL, "how many objects were counted", NULL},
    {"bytes", (getter)get_bytes, NULL, "and their bytes", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define METHOD(name, flags) {#name, (PyCFunction)walker_##name, flags, name##_doc}

static PyMethodDef walker_methods[] = {
    METHOD(teach, METH_VARARGS),
    METHOD(size, METH_O),
    METHOD(sizes, METH_O),
    METHOD(budget, METH_VARARGS),
    METHOD(mark, METH_O),
    METHOD(fresh, METH_O),
    METHOD(look, METH_O),
    METHOD(walk, METH_VARARGS),
    METHOD(note, METH_VARARGS),
    METHOD(add_keys, METH_VARARGS),
    METHOD(count, METH_O),
    METHOD(reach, METH_VARARGS),
    METHOD(tally, METH_NOARGS),
    METHOD(lengths, METH_VARARGS),
    METHOD(graph, METH_VARARGS),
#if CAN_FORK
    METHOD(fork_graph, METH_VARARGS),
    METHOD(know, METH_O),
#endif
    {NULL, NULL, 0, NULL},
};

static PyType_Slot walker_slots[] = {
    {Py_tp_new, walker_new},
    {Py_tp_dealloc, walker_dealloc},
    {Py_tp_methods, walker_methods},
    {Py_tp_getset, walker_attributes},
    {Py_tp_doc, "A walk over the heap. Walker(shared, align, least_int, layout)"},
    {0, NULL},
};

PyType_Spec walker_spec = {
    "pympler._heapwalk.Walker", sizeof(Walker), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, walker_slots,
};
