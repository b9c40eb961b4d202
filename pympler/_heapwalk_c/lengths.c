/* Lengths of containers, for the growth scan. */

#include "references.h"
#include "walking.h"

enum { NO_LENGTH = 1, USED, ITEM_COUNT, SET_USED, ASKED };

typedef struct {
    Walker *walker;
    PyObject *lengths, *asked;
    PyTypeObject *deque, *array;
    PyObject *others; /* types whose length Python reads */
    PyTypeObject *queue;
} Lengths;

static int
how_long(const Lengths *found, PyTypeObject *type)
{
    if (PyType_FastSubclass(type, Py_TPFLAGS_DICT_SUBCLASS)) {
        return USED;
    }
    if (type == &PyFrozenSet_Type) {
        return NO_LENGTH;
    }
    if (PyType_FastSubclass(type, Py_TPFLAGS_LIST_SUBCLASS) ||
        PyType_IsSubtype(type, &PyByteArray_Type) || PyType_IsSubtype(type, found->deque) ||
        PyType_IsSubtype(type, found->array)) {
        return ITEM_COUNT;
    }
    if (PyType_IsSubtype(type, &PySet_Type) || PyType_IsSubtype(type, &PyFrozenSet_Type)) {
        return SET_USED;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(found->others); i++) {
        if (PyType_IsSubtype(type, (PyTypeObject *)PyTuple_GET_ITEM(found->others, i))) {
            return ASKED;
        }
    }
    return NO_LENGTH;
}

static int
read_length(Lengths *found, int how, PyObject *item)
{
    Py_ssize_t length;
    if (how == ASKED) {
        return PyList_Append(found->asked, item) == 0;
    }
    length = how == USED       ? PyDict_GET_SIZE(item)
             : how == SET_USED ? ((PySetObject *)item)->used
                               : Py_SIZE(item);
    PyObject *key = PyLong_FromVoidPtr(item);
    PyObject *value = key ? PyLong_FromSsize_t(length) : NULL;
    int ok = value != NULL && PyDict_SetItem(found->lengths, key, value) == 0;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return ok;
}

/* Containers that gc does not track are found through what it does track. */
static int
visit_untracked(PyObject *item, void *arg)
{
    Lengths *found = arg;
    PyTypeObject *type = Py_TYPE(item);
    int how = type == &PyDict_Type                                    ? USED
              : type == &PyByteArray_Type || type == found->array     ? ITEM_COUNT
              : type == found->queue                                  ? ASKED
                                                                      : NO_LENGTH;
    if (how == NO_LENGTH || (PyObject_IS_GC(item) && PyObject_GC_IsTracked(item))) {
        return 0;
    }
    int is_new = map_mark(&found->walker->seen, item);
    if (is_new > 0 && !PUSH(&found->walker->next, PyObject *, item)) {
        is_new = -1;
    }
    found->walker->failed = is_new < 0;
    return is_new < 0;
}

const char lengths_doc[] = PyDoc_STR(
    "lengths(objects, deque, array, queue, others) -> (lengths, asked)\n\n"
    "The length of each container among the objects (None: all that gc tracks), by id, with what they lead to and "
    "gc does not track; and the objects whose length Python must read.");

PyObject *
walker_lengths(Walker *walker, PyObject *args)
{
    PyObject *objects;
    PyObject *listed = NULL;
    Lengths found = {walker, NULL, NULL, NULL, NULL, NULL, NULL};
    if (!PyArg_ParseTuple(args, "OO!O!O!O!", &objects, &PyType_Type, &found.deque, &PyType_Type,
                          &found.array, &PyType_Type, &found.queue, &PyTuple_Type,
                          &found.others)) {
        return NULL;
    }
    if (objects != Py_None && !PyList_CheckExact(objects)) {
        PyErr_SetString(PyExc_TypeError, "give a list or None");
        return NULL;
    }
    found.lengths = PyDict_New();
    found.asked = found.lengths ? PyList_New(0) : NULL;
    if (found.asked != NULL && objects == Py_None) {
        objects = listed = all_tracked();
    }
    if (found.asked == NULL || objects == NULL) {
        Py_XDECREF(found.lengths);
        Py_XDECREF(found.asked);
        return NULL;
    }
    walker->next.count = 0;
    Kind *kind = NULL;
    Py_ssize_t count = PyList_GET_SIZE(objects);
    int ok = 1;
    /* What is made here are numbers, and growing a dictionary of them runs no code of others. */
    for (Py_ssize_t i = 0; ok && i < count; i++) {
        fetch_ahead(((PyListObject *)objects)->ob_item, (size_t)i, (size_t)count);
        PyObject *item = PyList_GET_ITEM(objects, i);
        if (item == found.lengths || item == found.asked) {
            continue;
        }
        if (kind == NULL || kind->type != Py_TYPE(item)) {
            kind = find_kind(walker, Py_TYPE(item));
            if (kind == NULL && (kind = add_kind(walker, Py_TYPE(item))) != NULL) {
                use_nature(walker, kind);
                kind->sizer = (uint8_t)how_long(&found, kind->type);
            }
            if (kind == NULL) {
                ok = 0;
                break;
            }
        }
        if (kind->sizer != NO_LENGTH) {
            ok = read_length(&found, kind->sizer, item);
        }
        if (kind->follow != MODULE && ok) {
            traverse(item, visit_untracked, &found);
            ok = !walker->failed;
        }
    }
    for (size_t i = 0; ok && i < walker->next.count; i++) {
        PyObject *item = AT(walker->next, PyObject *)[i];
        ok = read_length(&found, how_long(&found, Py_TYPE(item)), item);
    }
    walker->next.count = 0;
    Py_XDECREF(listed);
    if (!ok) {
        Py_DECREF(found.lengths);
        Py_DECREF(found.asked);
        return PyErr_Occurred() ? NULL : no_memory(walker);
    }
    return Py_BuildValue("NN", found.lengths, found.asked);
}
