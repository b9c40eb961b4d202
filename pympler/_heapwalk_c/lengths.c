/* Lengths of containers, for the growth scan. */

#include "references.h"
#include "walking.h"

enum { NO_LENGTH = 1, USED, ITEM_COUNT, SET_USED, ASKED };

typedef struct {
    Walker *walker;
    Row measured;
    PyObject *asked;
    PyTypeObject *deque, *array;
    PyObject *others; /* types whose length Python reads */
    PyTypeObject *queue;
    Py_ssize_t least; /* shorter ones are left out */
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

/* Addresses and lengths in turn: the dictionary is made at once at the end, while nothing else is
   fetched into the cache. */
static int
read_length(Lengths *found, int how, PyObject *item)
{
    if (how == ASKED) {
        return PyList_Append(found->asked, item) == 0;
    }
    Py_ssize_t length = how == USED       ? PyDict_GET_SIZE(item)
                        : how == SET_USED ? ((PySetObject *)item)->used
                                          : Py_SIZE(item);
    return length < found->least || (PUSH(&found->measured, uintptr_t, (uintptr_t)item) &&
                                     PUSH(&found->measured, uintptr_t, (uintptr_t)length));
}

/* Containers that gc does not track are found through what it does track. */
static int
visit_untracked(PyObject *item, void *arg)
{
    Lengths *found = arg;
    PyTypeObject *type = Py_TYPE(item);
    int how = type == &PyDict_Type                                ? USED
              : type == &PyByteArray_Type || type == found->array ? ITEM_COUNT
              : type == found->queue                              ? ASKED
                                                                  : NO_LENGTH;
    if (how == NO_LENGTH || (PyObject_IS_GC(item) && PyObject_GC_IsTracked(item))) {
        return 0;
    }
    int is_new = map_mark(&found->walker->seen, item);
    if (is_new < 0 || (is_new && !read_length(found, how, item))) {
        found->walker->failed = 1;
    }
    return found->walker->failed;
}

static PyObject *
dict_of(const Row *measured)
{
    PyObject *lengths = PyDict_New();
    const uintptr_t *pairs = measured->data;
    for (size_t i = 0; lengths != NULL && i < measured->count; i += 2) {
        PyObject *key = PyLong_FromVoidPtr((void *)pairs[i]);
        PyObject *value = key ? PyLong_FromSsize_t((Py_ssize_t)pairs[i + 1]) : NULL;
        if (value == NULL || PyDict_SetItem(lengths, key, value) < 0) {
            Py_CLEAR(lengths);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return lengths;
}

static int
measure(Lengths *found, PyObject *objects)
{
    Walker *walker = found->walker;
    PyObject **items = ((PyListObject *)objects)->ob_item;
    size_t count = (size_t)PyList_GET_SIZE(objects);
    Kind *kind = NULL;
    for (size_t i = 0; i < count; i++) {
        fetch_ahead(items, i, count);
        PyObject *item = items[i];
        if (item == found->asked || item == objects) {
            continue;
        }
        if (kind == NULL || kind->type != Py_TYPE(item)) {
            kind = find_kind(walker, Py_TYPE(item));
            if (kind == NULL && (kind = add_kind(walker, Py_TYPE(item))) != NULL) {
                use_nature(walker, kind);
                kind->sizer = (uint8_t)how_long(found, kind->type);
            }
            if (kind == NULL) {
                return 0;
            }
        }
        if (kind->sizer != NO_LENGTH && !read_length(found, kind->sizer, item)) {
            return 0;
        }
        if (kind->follow != MODULE) {
            traverse(item, visit_untracked, found);
            if (walker->failed) {
                return 0;
            }
        }
    }
    return 1;
}

const char lengths_doc[] = PyDoc_STR(
    "lengths(objects, deque, array, queue, others, least=0) -> (lengths, asked)\n\n"
    "The length of each container among the objects (None: all that gc tracks), by id, with what "
    "they lead to and gc does not track, those shorter than least left out; and the objects whose "
    "length Python must read.");

PyObject *
walker_lengths(Walker *walker, PyObject *args)
{
    PyObject *objects;
    PyObject *listed = NULL;
    Lengths found = {.walker = walker, .measured = LARGE_ROW_OF(uintptr_t)};
    if (!PyArg_ParseTuple(args, "OO!O!O!O!|n", &objects, &PyType_Type, &found.deque, &PyType_Type,
                          &found.array, &PyType_Type, &found.queue, &PyTuple_Type,
                          &found.others, &found.least)) {
        return NULL;
    }
    if (objects != Py_None && !PyList_CheckExact(objects)) {
        PyErr_SetString(PyExc_TypeError, "give a list or None");
        return NULL;
    }
    found.asked = PyList_New(0);
    if (found.asked != NULL && objects == Py_None) {
        objects = listed = all_tracked();
    }
    if (found.asked == NULL || objects == NULL) {
        Py_XDECREF(found.asked);
        return NULL;
    }
    int ok = measure(&found, objects);
    Py_XDECREF(listed);
    PyObject *lengths = ok ? dict_of(&found.measured) : NULL;
    row_free(&found.measured);
    if (lengths == NULL) {
        Py_DECREF(found.asked);
        return PyErr_Occurred() ? NULL : no_memory(walker);
    }
    return Py_BuildValue("NN", lengths, found.asked);
}
