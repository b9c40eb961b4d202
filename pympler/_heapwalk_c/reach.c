/* All that is alive, for muppy: what the starts lead to, each object once. */

#include "meeting.h"
#include "references.h"
#include "walking.h"

const char reach_doc[] = PyDoc_STR(
    "reach(items, found) -> frames\n\n"
    "Append all that the items lead to and that was not met before to the list found.");

PyObject *
walker_reach(Walker *walker, PyObject *args)
{
    PyObject *items, *found;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &items, &PyList_Type, &found)) {
        return NULL;
    }
    Ahead ahead = {.walker = walker};
    begin_meeting(walker);
    walker->parked.count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items) && !walker->failed; i++) {
        meet(walker, PyList_GET_ITEM(items, i));
    }
    PyTypeObject *last_type = NULL;
    Kind *kind = NULL;
    size_t kept = 0;
    /* The row grows while it is gone through; what is skipped is taken out of it. */
    for (size_t i = 0; i < walker->next.count && !walker->failed; i++) {
        PyObject *item = next_of(&ahead, walker->next.data, i, walker->next.count);
        if (item == NULL) {
            continue;
        }
        if (Py_TYPE(item) != last_type) {
            last_type = Py_TYPE(item);
            kind = find_kind(walker, last_type);
            if (kind == NULL) {
                kind = add_kind(walker, last_type);
                if (kind == NULL) {
                    return no_memory(walker);
                }
                use_nature(walker, kind);
                if (kind->follow == WITH_NAMESPACE) {
                    kind->follow = PLAIN; /* gc tracks the namespace */
                }
            }
        }
        if (kind->mode == SKIP) {
            AT(walker->next, PyObject *)[i] = NULL;
            continue;
        }
        if (kind->follow == FRAME) {
            AT(walker->next, PyObject *)[i] = NULL;
            if (!PUSH(&walker->parked, PyObject *, item)) {
                return no_memory(walker);
            }
            continue;
        }
        kept++;
        meet_all(walker, kind, item);
    }
    if (walker->failed) {
        return no_memory(walker);
    }
    PyObject *frames = list_of(&walker->parked);
    PyObject *more = frames ? PyList_New(kept) : NULL;
    if (more == NULL) {
        Py_XDECREF(frames);
        return NULL;
    }
    size_t place = 0;
    for (size_t i = 0; i < walker->next.count; i++) {
        PyObject *item = AT(walker->next, PyObject *)[i];
        if (item != NULL) {
            Py_INCREF(item);
            PyList_SET_ITEM(more, place++, item);
        }
    }
    walker->next.count = 0;
    Py_ssize_t end = PyList_GET_SIZE(found);
    int failed = PyList_SetSlice(found, end, end, more);
    Py_DECREF(more);
    if (failed) {
        Py_DECREF(frames);
        return NULL;
    }
    return frames;
}
