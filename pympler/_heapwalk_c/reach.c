/* All that is alive, for muppy: what the starts lead to, each object once. */

#include "meeting.h"
#include "references.h"
#include "walking.h"

/* What is known of a type in this walk; new here, it is followed by its nature. */
static Kind *
kind_in_reach(Walker *walker, PyTypeObject *type, Marks *skipped)
{
    Kind *kind = find_kind(walker, type);
    if (kind == NULL && (kind = add_kind(walker, type)) != NULL) {
        use_nature(walker, kind);
        if (kind->follow == WITH_NAMESPACE) {
            kind->follow = PLAIN; /* gc tracks the namespace */
        }
        if (skipped != NULL && map_has(&skipped->map, type)) {
            kind->mode = SKIP;
        }
    }
    return kind;
}

/* Meet all that gc tracks. Exact tuples are found through what holds them, since another thread may
   be filling one; the list is gone before it runs again. */
static int
meet_tracked(Walker *walker)
{
    PyObject *listed = all_tracked();
    if (listed == NULL) {
        return 0;
    }
    PyObject **items = ((PyListObject *)listed)->ob_item;
    size_t count = (size_t)PyList_GET_SIZE(listed);
    for (size_t i = 0; i < count && !walker->failed; i++) {
        fetch_ahead(items, i, count);
        if (!PyTuple_CheckExact(items[i]) && items[i] != listed) {
            meet(walker, items[i]);
        }
    }
    Py_DECREF(listed);
    return 1;
}

/* Without memory: of the row, that many are held. */
static void
let_go(Walker *walker, size_t held)
{
    walker->next.count = 0;
    for (size_t i = 0; i < held; i++) {
        Py_XDECREF(AT(walker->next, PyObject *)[i]);
    }
}

/* Look at all that was met and at what that leads to. What is left in the row is held, as long as the
   head of the object is in the cache: it may be garbage that only a collection waits for, and one may
   begin when a list is made for it. Frames are put aside. How many are left; 0 without memory. */
static size_t
reach_all(Walker *walker, Marks *skipped, PyObject *frames)
{
    Ahead ahead = {.walker = walker};
    PyTypeObject *last_type = NULL;
    Kind *kind = NULL;
    size_t kept = 0, i = 0;
    /* The row grows while it is gone through; what is skipped is taken out of it. */
    for (; i < walker->next.count && !walker->failed; i++) {
        PyObject *item = next_of(&ahead, walker->next.data, i, walker->next.count);
        if (item == NULL) {
            continue;
        }
        if (Py_TYPE(item) != last_type) {
            last_type = Py_TYPE(item);
            kind = kind_in_reach(walker, last_type, skipped);
            if (kind == NULL) {
                walker->failed = 1;
                break;
            }
        }
        if (kind->mode == SKIP || kind->follow == FRAME) {
            AT(walker->next, PyObject *)[i] = NULL;
            if (kind->mode != SKIP && PyList_Append(frames, item) < 0) {
                walker->failed = 1;
            }
            continue;
        }
        kept++;
        Py_INCREF(item);
        meet_all(walker, kind, item);
    }
    if (walker->failed) {
        let_go(walker, i);
        return 0;
    }
    return kept;
}

/* The list of what is held in the row, to which the references go over. */
static PyObject *
list_of_held(Walker *walker, size_t kept)
{
    PyObject *found = PyList_New((Py_ssize_t)kept);
    if (found == NULL) {
        let_go(walker, walker->next.count);
        return NULL;
    }
    Py_ssize_t place = 0;
    PyObject **met = walker->next.data;
    for (size_t i = 0; i < walker->next.count; i++) {
        if (met[i] != NULL) {
            PyList_SET_ITEM(found, place++, met[i]);
        }
    }
    walker->next.count = 0;
    return found;
}

const char reach_doc[] = PyDoc_STR(
    "reach(items, skipped) -> (found, frames)\n\n"
    "All that the items (None: all that gc tracks) lead to and that was not met before; frames, "
    "which are not gone through; without objects of the types whose ids are in the marks.");

PyObject *
walker_reach(Walker *walker, PyObject *args)
{
    PyObject *items, *skipped;
    if (!PyArg_ParseTuple(args, "OO", &items, &skipped)) {
        return NULL;
    }
    if ((items != Py_None && !PyList_CheckExact(items)) ||
        (skipped != Py_None && !is_marks(skipped))) {
        PyErr_SetString(PyExc_TypeError, "give a list or None, and Marks or None");
        return NULL;
    }
    PyObject *frames = PyList_New(0); /* first: what is made later may begin a collection */
    if (frames == NULL) {
        return NULL;
    }
    PyObject_GC_UnTrack(frames); /* it is no part of what is alive */
    begin_meeting(walker);
    if (items == Py_None) {
        if (!meet_tracked(walker)) {
            Py_DECREF(frames);
            return NULL;
        }
    }
    else {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items) && !walker->failed; i++) {
            meet(walker, PyList_GET_ITEM(items, i));
        }
    }
    size_t kept = reach_all(walker, skipped == Py_None ? NULL : (Marks *)skipped, frames);
    PyObject *found = walker->failed ? no_memory(walker) : list_of_held(walker, kept);
    if (found == NULL) {
        Py_DECREF(frames);
        return NULL;
    }
    PyObject_GC_Track(frames);
    return Py_BuildValue("NN", found, frames);
}
