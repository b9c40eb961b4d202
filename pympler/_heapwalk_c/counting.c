/* The walk of asizeof: level by level. Objects are told apart by address, and the next ones are
   fetched into the cache while one is looked at. */

#include "layout.h"
#include "references.h"
#include "sizes.h"
#include "walking.h"

int
visit_fresh(PyObject *item, void *arg)
{
    Walker *walker = arg;
    int is_new = map_mark(&walker->seen, item);
    if (is_new > 0) {
        if (walker->shared && map_has(&((Marks *)walker->shared)->map, item)) {
            return 0;
        }
        if (PUSH(&walker->next, PyObject *, item)) {
            return 0;
        }
        is_new = -1;
    }
    if (is_new < 0) {
        walker->failed = 1;
        return 1;
    }
    return 0;
}

int
is_over(Walker *walker)
{
    if (walker->objects >= walker->most) {
        walker->stopped = 1;
    }
    else if (walker->deadline_s && now_s() >= walker->deadline_s) {
        walker->stopped = 2;
    }
    return walker->stopped;
}

static void
add_size(Walker *walker, Kind *kind, Py_ssize_t bytes)
{
    if (kind->sizer == INT && kind->type == &PyLong_Type && bytes < walker->least_int) {
        bytes = walker->least_int;
    }
    bytes = (bytes + walker->align - 1) & -walker->align;
    kind->objects++;
    kind->bytes += bytes;
    walker->objects++;
    walker->bytes += bytes;
}

static int
walk_level(Walker *walker, PyObject **items, size_t count, int is_last)
{
    PyTypeObject *last_type = NULL;
    Kind *kind = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!(i & 1023) && is_over(walker)) {
            return 0;
        }
        fetch_ahead(items, i, count);
        PyObject *item = items[i];
        if (Py_TYPE(item) != last_type) {
            last_type = Py_TYPE(item);
            kind = find_kind(walker, last_type);
        }
        if (kind == NULL || kind->mode == UNKNOWN) {
            if (kind == NULL) {
                kind = add_kind(walker, last_type);
                if (kind == NULL || !PUSH(&walker->samples, PyObject *, item)) {
                    walker->failed = 1;
                    return 0;
                }
            }
            if (!PUSH(&walker->unknown, PyObject *, item)) {
                walker->failed = 1;
                return 0;
            }
            continue;
        }
        if (kind->mode == PARK) {
            if (!PUSH(&walker->parked, PyObject *, item)) {
                walker->failed = 1;
                return 0;
            }
            continue;
        }
        if (kind->mode != COUNT) {
            continue;
        }
        Py_ssize_t bytes = size_of(walker, kind, item);
        if (bytes < 0) {
            if (!PUSH(&walker->parked, PyObject *, item)) {
                walker->failed = 1;
                return 0;
            }
            continue;
        }
        add_size(walker, kind, bytes);
        if (is_last || kind->follow == NOTHING) {
            continue;
        }
        if (follow(walker, kind, item, visit_fresh, walker) && walker->failed) {
            return 0;
        }
        if (kind->flags) {
            uintptr_t names = namespace_of(walker, kind, item);
            if (names && map_mark(&walker->namespaces, (void *)names) < 0) {
                walker->failed = 1;
                return 0;
            }
            if ((kind->flags & MAPPING) && PyDict_GET_SIZE(item) && hides_keys(item)) {
                if (!PUSH(&walker->mappings, PyObject *, item)) {
                    walker->failed = 1;
                    return 0;
                }
                Py_INCREF(item); /* Python may run before its keys are counted */
            }
        }
    }
    return 1;
}

PyObject *
list_of(const Row *row)
{
    PyObject *list = PyList_New(row->count);
    for (size_t i = 0; list != NULL && i < row->count; i++) {
        PyObject *item = AT(*row, PyObject *)[i];
        Py_INCREF(item);
        PyList_SET_ITEM(list, i, item);
    }
    return list;
}

PyObject *
no_memory(Walker *walker)
{
    walker->failed = 0;
    walker->parked.count = walker->unknown.count = walker->samples.count = walker->next.count = 0;
    return PyErr_NoMemory();
}

/* What is handed back: objects for Python, objects of types that were not taught, and of these one
   of each type. */
static PyObject *
handed_back(Walker *walker, PyObject *more, Py_ssize_t depth)
{
    PyObject *parked = list_of(&walker->parked);
    PyObject *unknown = parked ? list_of(&walker->unknown) : NULL;
    PyObject *samples = unknown ? list_of(&walker->samples) : NULL;
    walker->parked.count = walker->unknown.count = walker->samples.count = 0;
    if (samples == NULL || more == NULL) {
        Py_XDECREF(parked);
        Py_XDECREF(unknown);
        Py_XDECREF(samples);
        Py_XDECREF(more);
        return NULL;
    }
    return Py_BuildValue("NNNNn", parked, unknown, samples, more, depth);
}

/* A look ahead for types that were not taught, so that a walk need not hand back a million objects
   of one: some thousand objects from the beginning, of each some, by what is known of their types. */

#define LOOKED_AT 2048
#define LOOKED_AT_OF_EACH 32

typedef struct {
    Walker *walker;
    Map seen;
    size_t some; /* where to stop within one object */
} Look;

static int
visit_looked_at(PyObject *item, void *arg)
{
    Look *look = arg;
    Row *next = &look->walker->next;
    if (next->count >= look->some) {
        return 1;
    }
    int is_new = map_mark(&look->seen, item);
    if (is_new < 0 || (is_new && !PUSH(next, PyObject *, item))) {
        look->walker->failed = 1;
    }
    return look->walker->failed;
}

const char look_doc[] = PyDoc_STR(
    "look(items) -> objects of types that were not taught, one of each, of what is near the items.");

PyObject *
walker_look(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    Look look = {.walker = walker, .some = LOOKED_AT};
    map_init(&look.seen, BIT_TABLE, 0);
    walker->next.count = walker->samples.count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        if (visit_looked_at(PyList_GET_ITEM(items, i), &look)) {
            break;
        }
    }
    for (size_t i = 0; i < walker->next.count && !walker->failed; i++) {
        PyObject *item = AT(walker->next, PyObject *)[i];
        Kind *kind = find_kind(walker, Py_TYPE(item));
        if (kind == NULL) {
            kind = add_kind(walker, Py_TYPE(item));
            walker->failed = kind == NULL || !PUSH(&walker->samples, PyObject *, item);
        }
        else if (kind->mode == COUNT && kind->follow != NOTHING) {
            look.some = walker->next.count + LOOKED_AT_OF_EACH;
            look.some = look.some < LOOKED_AT ? look.some : LOOKED_AT;
            follow(walker, kind, item, visit_looked_at, &look);
        }
    }
    map_free(&look.seen);
    walker->next.count = 0;
    if (walker->failed) {
        return no_memory(walker);
    }
    PyObject *samples = list_of(&walker->samples);
    walker->samples.count = 0;
    return samples;
}

const char walk_doc[] = PyDoc_STR(
    "walk(items, depth, limit, deep) -> (parked, unknown, samples, following, depth)\n\n"
    "Count the items, and all that they lead to unless an object must be handed back.");

PyObject *
walker_walk(Walker *walker, PyObject *args)
{
    PyObject *items;
    Py_ssize_t depth, limit;
    int deep;
    if (!PyArg_ParseTuple(args, "O!nnp", &PyList_Type, &items, &depth, &limit, &deep)) {
        return NULL;
    }
    Row level = ROW_OF(PyObject *);
    walker->next.count = 0;
    PyObject **start = ((PyListObject *)items)->ob_item;
    size_t count = (size_t)PyList_GET_SIZE(items);
    for (;;) {
        walk_level(walker, start, count, limit >= 0 && depth >= limit);
        if (walker->failed || walker->stopped || walker->parked.count ||
            walker->unknown.count || !walker->next.count || !deep) {
            break;
        }
        Row done = level;
        level = walker->next;
        walker->next = done;
        walker->next.count = 0;
        start = level.data;
        count = level.count;
        depth++;
    }
    row_free(&level);
    if (walker->failed) {
        return no_memory(walker);
    }
    if (walker->stopped) {
        walker->next.count = 0;
    }
    return handed_back(walker, list_of(&walker->next), depth);
}

const char fresh_doc[] = PyDoc_STR(
    "fresh(items) -> those of the items that were not met before, each once.");

PyObject *
walker_fresh(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    walker->next.count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        if (visit_fresh(PyList_GET_ITEM(items, i), walker)) {
            return no_memory(walker);
        }
    }
    PyObject *fresh = list_of(&walker->next);
    walker->next.count = 0;
    return fresh;
}

const char mark_doc[] = PyDoc_STR(
    "mark(items): let these objects count as met.");

PyObject *
walker_mark(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        if (map_mark(&walker->seen, PyList_GET_ITEM(items, i)) < 0) {
            return PyErr_NoMemory();
        }
    }
    Py_RETURN_NONE;
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
    Kind *text = find_kind(walker, &PyUnicode_Type);
    uint64_t countdown = 0;
    for (Py_ssize_t i = begin; text && text->mode == COUNT && i >= 0 && i < end; i++) {
        if ((size_t)i >= walker->mappings.count) {
            break;
        }
        PyObject *dict = AT(walker->mappings, PyObject *)[i];
        if (map_has(&walker->namespaces, dict)) {
            continue;
        }
        Py_ssize_t place = 0;
        PyObject *key, *value;
        while (PyDict_Next(dict, &place, &key, &value)) {
            if (!(countdown++ & 1023) && is_over(walker)) {
                Py_RETURN_NONE;
            }
            /* Keys that were met have been counted, unless they were left out. */
            int is_new = PyUnicode_CheckExact(key) ? map_mark(&walker->seen, key) : 0;
            if (is_new < 0) {
                return PyErr_NoMemory();
            }
            if (is_new && !(walker->shared && map_has(&((Marks *)walker->shared)->map, key))) {
                Py_ssize_t bytes = size_of(walker, text, key);
                if (bytes >= 0) {
                    add_size(walker, text, bytes);
                }
            }
        }
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
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(namespaces); i++) {
        void *address = PyLong_AsVoidPtr(PyList_GET_ITEM(namespaces, i));
        if (PyErr_Occurred() || (address && map_mark(&walker->namespaces, address) < 0)) {
            return PyErr_Occurred() ? NULL : PyErr_NoMemory();
        }
    }
    Py_RETURN_NONE;
}

const char count_doc[] = PyDoc_STR(
    "count(items) -> (parked, unknown, samples, [], 0): what must be handed back, as from "
    "walk; the others are counted.");

PyObject *
walker_count(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    walk_level(walker, ((PyListObject *)items)->ob_item, (size_t)PyList_GET_SIZE(items), 1);
    return walker->failed ? no_memory(walker) : handed_back(walker, PyList_New(0), 0);
}
