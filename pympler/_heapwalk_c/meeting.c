/* What a walk meets; see meeting.h. */

#include "layout.h"
#include "meeting.h"
#include "references.h"
#include "walking.h"

int
visit_met(PyObject *item, void *arg)
{
    return meet(arg, item);
}

/* Between two walks objects may be gone, and others have their addresses. */
void
begin_meeting(Walker *walker)
{
    walker->next.count = 0;
    memset(walker->recent, 0, sizeof(walker->recent));
}

/* 1 if an object was not met before; then it is now. */
static int
is_fresh(Walker *walker, PyObject *item)
{
    int is_new = map_mark(&walker->seen, item);
    if (is_new < 0) {
        walker->failed = 1;
    }
    return is_new > 0 && !(walker->shared && map_has(&((Marks *)walker->shared)->map, item));
}

void
keep_fresh(Walker *walker)
{
    PyObject **items = walker->next.data;
    size_t kept = 0;
    for (size_t i = 0; i < walker->next.count; i++) {
        if (is_fresh(walker, items[i])) {
            items[kept++] = items[i];
        }
    }
    walker->next.count = kept;
}

static size_t
least(size_t one, size_t other)
{
    return one < other ? one : other;
}

void
make_ready(Ahead *ahead, PyObject **items, size_t i, size_t count)
{
    Walker *walker = ahead->walker;
    size_t end = least(count, i + 4 * BLOCK);
    for (size_t at = ahead->bits; at < end && !ahead->is_fresh; at++) {
        map_fetch(&walker->seen, items[at]);
    }
    ahead->bits = end;
    end = least(count, i + 3 * BLOCK);
    for (size_t at = ahead->heads; at < end; at++) {
        if (!ahead->is_fresh && !is_fresh(walker, items[at])) {
            items[at] = NULL;
        }
        else {
            fetch_head(items[at]);
        }
    }
    ahead->heads = end;
    end = least(count, i + 2 * BLOCK);
    for (size_t at = ahead->bodies; at < end; at++) {
        if (items[at] != NULL) {
            fetch_body(items[at]);
        }
    }
    ahead->bodies = end;
    ahead->ready = least(count, i + BLOCK);
}

/* The references of an object. What is met most is gone through here and not by a call for each. */
int
meet_all(Walker *walker, const Kind *kind, PyObject *item)
{
    if (kind->type == &PyList_Type || kind->type == &PyTuple_Type) {
        PyObject **items = kind->type == &PyList_Type ? ((PyListObject *)item)->ob_item
                                                      : ((PyTupleObject *)item)->ob_item;
        for (Py_ssize_t i = 0, count = Py_SIZE(item); i < count; i++) {
            if (items[i] != NULL && meet(walker, items[i])) {
                return 0;
            }
        }
        return 1;
    }
#if PY_VERSION_HEX >= 0x030B0000
    if (kind->type == &PyDict_Type && ((PyDictObject *)item)->ma_values == NULL) {
        const Keys *keys = KEYS_OF(item);
        Py_ssize_t each = keys->kind ? 2 : 3;
        int with_keys = each == 3 || kind->follow == KEYS;
        PyObject **entry = entries_of(keys);
        for (Py_ssize_t i = 0; i < keys->used; i++, entry += each) {
            PyObject *key = entry[each - 2], *value = entry[each - 1];
            if (value != NULL && (meet(walker, value) || (with_keys && meet(walker, key)))) {
                return 0;
            }
        }
        return 1;
    }
#endif
    follow(walker, kind, item, visit_met, walker);
    return !walker->failed;
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
    begin_meeting(walker);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items) && !walker->failed; i++) {
        meet(walker, PyList_GET_ITEM(items, i));
    }
    keep_fresh(walker);
    if (walker->failed) {
        return no_memory(walker);
    }
    PyObject *fresh = list_of(&walker->next);
    walker->next.count = 0;
    return fresh;
}

const char mark_doc[] = PyDoc_STR("mark(items): let these objects count as met.");

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
