/* A look ahead for types that were not taught, so that a walk need not hand back a million objects of
   one: some thousand objects from the beginning, of each some, by what is known of their types. */

#include "references.h"
#include "walking.h"

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
