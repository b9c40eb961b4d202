/* The walk of asizeof: level by level. Objects are told apart by address, and the next ones are
   fetched into the cache while one is looked at. */

#include "keys.h"
#include "layout.h"
#include "meeting.h"
#include "references.h"
#include "sizes.h"
#include "walking.h"

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

void
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

/* Count an object, and meet what it refers to. */
static int
count_one(Walker *walker, Kind *kind, PyObject *item, int is_last)
{
    Py_ssize_t bytes = size_of(walker, kind, item);
    if (bytes < 0) {
        return PUSH(&walker->parked, PyObject *, item);
    }
    add_size(walker, kind, bytes);
    if (is_last || kind->follow == NOTHING) {
        return 1;
    }
    if (!meet_all(walker, kind, item)) {
        return 0;
    }
    if (kind->flags) {
        uintptr_t names = namespace_of(walker, kind, item);
        if (names && map_mark(&walker->namespaces, (void *)names) < 0) {
            return 0;
        }
        if ((kind->flags & MAPPING) && PyDict_GET_SIZE(item) && hides_keys(item)) {
            return note_mapping(walker, item);
        }
    }
    return 1;
}

static int
not_taught(Walker *walker, Kind *kind, PyObject *item)
{
    if (kind == NULL) {
        kind = add_kind(walker, Py_TYPE(item));
        if (kind == NULL || !PUSH(&walker->samples, PyObject *, item)) {
            return 0;
        }
    }
    return PUSH(&walker->unknown, PyObject *, item);
}

/* How many of the items had not been met before. */
static size_t
walk_level(Walker *walker, PyObject **items, size_t count, int is_fresh, int is_last)
{
    Ahead ahead = {.walker = walker, .is_fresh = is_fresh};
    PyTypeObject *last_type = NULL;
    Kind *kind = NULL;
    size_t fresh = 0;
    for (size_t i = 0; i < count && !walker->failed; i++) {
        if (!(i & 1023) && is_over(walker)) {
            break;
        }
        PyObject *item = next_of(&ahead, items, i, count);
        if (item == NULL) {
            continue;
        }
        fresh++;
        if (Py_TYPE(item) != last_type) {
            last_type = Py_TYPE(item);
            kind = find_kind(walker, last_type);
        }
        int ok = 1;
        if (kind == NULL || kind->mode == UNKNOWN) {
            ok = not_taught(walker, kind, item);
            last_type = NULL;
        }
        else if (kind->mode == PARK) {
            ok = PUSH(&walker->parked, PyObject *, item);
        }
        else if (kind->mode == COUNT) {
            ok = count_one(walker, kind, item, is_last);
        }
        if (!ok) {
            walker->failed = 1;
        }
    }
    return fresh;
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

const char walk_doc[] = PyDoc_STR(
    "walk(items, depth, limit, deep, alone) -> (parked, unknown, samples, following, depth)\n\n"
    "Count the items, none of them met before they were asked for, and all that they lead to unless "
    "an object must be handed back. Alone: if none is, this is the end, and keys are counted.");

PyObject *
walker_walk(Walker *walker, PyObject *args)
{
    PyObject *items;
    Py_ssize_t depth, limit;
    int deep, alone;
    if (!PyArg_ParseTuple(args, "O!nnpp", &PyList_Type, &items, &depth, &limit, &deep, &alone)) {
        return NULL;
    }
    Row level = ROW_OF(PyObject *);
    begin_meeting(walker);
    PyObject **start = ((PyListObject *)items)->ob_item;
    size_t count = (size_t)PyList_GET_SIZE(items);
    for (int is_first = 1;; is_first = 0) {
        size_t fresh = walk_level(walker, start, count, is_first, limit >= 0 && depth >= limit);
        if (!is_first && fresh == 0) {
            depth--; /* it was no level, but what other levels had */
        }
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
    if (walker->stopped) {
        walker->next.count = 0;
    }
    keep_fresh(walker);
    int is_done = !walker->parked.count && !walker->unknown.count && !walker->next.count;
    if (alone && is_done && !walker->failed && !walker->stopped && walker->held == 0) {
        if (find_kind(walker, &PyUnicode_Type) != NULL) {
            walker->failed = !count_keys(walker, 0, walker->mappings.count);
            walker->mappings.count = 0;
        }
    }
    hold_mappings(walker);
    return walker->failed ? no_memory(walker)
                          : handed_back(walker, list_of(&walker->next), depth);
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
    walk_level(walker, ((PyListObject *)items)->ob_item, (size_t)PyList_GET_SIZE(items), 1, 1);
    return walker->failed ? no_memory(walker) : handed_back(walker, PyList_New(0), 0);
}
