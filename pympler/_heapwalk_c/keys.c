/* Strings that are keys, and that gc does not list.

   They are counted at the end, when it is known which dictionaries are namespaces of instances: the
   names of attributes belong to classes. Most of many dictionaries have the same keys, so that a
   dictionary is put aside (its address is odd then) if each of its keys was met, or is a key of one
   that was not put aside. It is gone through after all if one of these is a namespace. */

#include "layout.h"
#include "keys.h"
#include "sizes.h"
#include "walking.h"

#define FEW_KEYS 16

static int
count_key(Walker *walker, Kind *text, PyObject *key)
{
    /* Keys that were met have been counted, unless they were left out. */
    int is_new = PyUnicode_CheckExact(key) ? map_mark(&walker->seen, key) : 0;
    if (is_new > 0 && !(walker->shared && map_has(&((Marks *)walker->shared)->map, key))) {
        Py_ssize_t bytes = size_of(walker, text, key);
        if (bytes >= 0) {
            add_size(walker, text, bytes);
        }
    }
    return is_new >= 0;
}

static int
count_keys_of(Walker *walker, Kind *text, PyObject *dict)
{
    Py_ssize_t place = 0;
    PyObject *key, *value;
    uint64_t countdown = 0;
    while (PyDict_Next(dict, &place, &key, &value)) {
        if (!(countdown++ & 1023) && is_over(walker)) {
            return 1;
        }
        if (!count_key(walker, text, key)) {
            return 0;
        }
    }
    return 1;
}

/* Of the mappings with these numbers; 0 without memory. */
int
count_keys(Walker *walker, size_t begin, size_t end)
{
    Kind *text = find_kind(walker, &PyUnicode_Type);
    if (text == NULL || text->mode != COUNT) {
        return 1;
    }
    for (int aside = 0; aside <= walker->is_uncovered; aside++) {
        for (size_t i = begin; i < end; i++) {
            uintptr_t address = AT(walker->mappings, uintptr_t)[i];
            PyObject *dict = (PyObject *)(address & ~(uintptr_t)1);
            if ((int)(address & 1) != aside) {
                continue;
            }
            if (map_has(&walker->namespaces, dict)) {
                walker->is_uncovered = 1;
            }
            else if (!count_keys_of(walker, text, dict)) {
                return 0;
            }
            else if (walker->stopped) {
                return 1;
            }
        }
    }
    return 1;
}

/* 1 if each key was met or waits to be counted, 0 if not, -1 without memory. */
static int
is_covered(Walker *walker, PyObject *dict)
{
    Py_ssize_t place = 0;
    PyObject *key, *value;
    int covered = 1;
    while (PyDict_Next(dict, &place, &key, &value)) {
        if (PyUnicode_CheckExact(key) && !map_has(&walker->seen, key)) {
            int is_new = map_mark(&walker->pending, key);
            if (is_new < 0) {
                return -1;
            }
            covered &= !is_new;
        }
    }
    return covered;
}

/* Have the keys of a dictionary counted at the end. */
int
note_mapping(Walker *walker, PyObject *dict)
{
    int covered = PyDict_GET_SIZE(dict) <= FEW_KEYS ? is_covered(walker, dict) : 0;
    return covered >= 0 && PUSH(&walker->mappings, uintptr_t, (uintptr_t)dict | covered);
}

/* Before Python runs, which may let go of them. */
void
hold_mappings(Walker *walker)
{
    for (; walker->held < walker->mappings.count; walker->held++) {
        Py_INCREF((PyObject *)(AT(walker->mappings, uintptr_t)[walker->held] & ~(uintptr_t)1));
    }
}

void
forget_mappings(Walker *walker)
{
    while (walker->held > 0) {
        Py_DECREF((PyObject *)(AT(walker->mappings, uintptr_t)[--walker->held] & ~(uintptr_t)1));
    }
    row_free(&walker->mappings);
    map_free(&walker->pending);
}

const char add_keys_doc[] = PyDoc_STR(
    "add_keys(begin, end): count the strings that are keys and that gc did not list, of "
    "the mappings with these numbers.");

PyObject *
walker_add_keys(Walker *walker, PyObject *args)
{
    Py_ssize_t begin, end;
    if (!PyArg_ParseTuple(args, "nn", &begin, &end)) {
        return NULL;
    }
    size_t most = walker->mappings.count;
    if (begin >= 0 && begin <= end && (size_t)end <= most && !count_keys(walker, begin, end)) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

const char note_doc[] = PyDoc_STR(
    "note(mappings, namespaces): remember these dictionaries, and the addresses of those "
    "that are namespaces of instances, as if the walk had met them.");

PyObject *
walker_note(Walker *walker, PyObject *args)
{
    PyObject *mappings, *namespaces;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &mappings, &PyList_Type, &namespaces)) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(mappings); i++) {
        PyObject *dict = PyList_GET_ITEM(mappings, i);
        if (!PyDict_Check(dict)) {
            PyErr_SetString(PyExc_TypeError, "a mapping must be a dict");
            return NULL;
        }
        if (!PUSH(&walker->mappings, PyObject *, dict)) {
            return PyErr_NoMemory();
        }
        Py_INCREF(dict);
        walker->held++;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(namespaces); i++) {
        void *address = PyLong_AsVoidPtr(PyList_GET_ITEM(namespaces, i));
        if (PyErr_Occurred() || (address && map_mark(&walker->namespaces, address) < 0)) {
            return PyErr_Occurred() ? NULL : PyErr_NoMemory();
        }
    }
    Py_RETURN_NONE;
}

