/* The nodes and edges of a snapshot; see graph.h. */

#include "graph.h"
#include "layout.h"
#include "references.h"
#include "sizes.h"

void
graph_init(Graph *graph, Walker *walker)
{
    const Row numbers = LARGE_ROW_OF(uint32_t), wide = LARGE_ROW_OF(uint64_t);
    const Row pointers = LARGE_ROW_OF(PyObject *);
    memset(graph, 0, sizeof(*graph));
    graph->walker = walker;
    map_init(&graph->numbers, NUMBER_TABLE, 1);
    map_init(&graph->entered, BIT_TABLE, 1);
    graph->kinds = graph->targets = graph->loose = graph->parked = numbers;
    graph->sizes = graph->starts = wide;
    graph->objects = graph->frames = graph->own = pointers;
}

void
graph_free(Graph *graph)
{
    map_free(&graph->numbers);
    map_free(&graph->entered);
    row_free(&graph->objects);
    row_free(&graph->kinds);
    row_free(&graph->sizes);
    row_free(&graph->starts);
    row_free(&graph->targets);
    row_free(&graph->loose);
    row_free(&graph->parked);
    row_free(&graph->frames);
    row_free(&graph->own);
}

static Kind *
kind_in_graph(Walker *walker, PyObject *item)
{
    Kind *kind = find_kind(walker, Py_TYPE(item));
    if (kind == NULL) {
        kind = add_kind(walker, Py_TYPE(item));
        if (kind == NULL || !PUSH(&walker->samples, PyObject *, item)) {
            walker->failed = 1;
            return NULL;
        }
        use_nature(walker, kind);
    }
    return kind;
}

/* The names of the module that the code of a frame belongs to. */
static PyObject *
globals_of(PyObject *frame)
{
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *names = PyFrame_GetGlobals((PyFrameObject *)frame);
    Py_DECREF(names); /* the frame holds it */
    return names;
#else
    return ((PyFrameObject *)frame)->f_globals;
#endif
}

static int
is_ours(Graph *graph, const Kind *kind, PyObject *item)
{
    if (kind->mode == OWN) {
        return 1;
    }
    if (kind->follow != FRAME) {
        return 0;
    }
    /* A frame is ours if its module is, whose names are left out from the beginning. */
    uint32_t *number = map_number(&graph->numbers, globals_of(item));
    return number != NULL && *number == LEFT_OUT;
}

/* The number of an object that had none: LEFT_OUT if it is ours, 0 if no more are wanted. */
static uint32_t
add_node(Graph *graph, PyObject *item, uint32_t *place)
{
    Walker *walker = graph->walker;
    Kind *kind = kind_in_graph(walker, item);
    if (kind == NULL) {
        return 0;
    }
    if (is_ours(graph, kind, item)) {
        return *place = LEFT_OUT;
    }
    uint32_t node = (uint32_t)graph->objects.count;
    if (node > graph->most) {
        walker->stopped = walker->stopped ? walker->stopped : 1;
        return 0;
    }
    if (!PUSH(&graph->objects, PyObject *, item) ||
        !PUSH(&graph->kinds, uint32_t, (uint32_t)(kind - AT(walker->kinds, Kind)) + 1)) {
        walker->failed = 1;
        return 0;
    }
    return *place = node;
}

static int
visit_node(PyObject *item, void *arg)
{
    Graph *graph = arg;
    uint32_t *place = map_number(&graph->numbers, item);
    if (place == NULL) {
        graph->walker->failed = 1;
        return 1;
    }
    uint32_t node = *place ? *place : add_node(graph, item, place);
    if (node != 0 && node != LEFT_OUT && !PUSH(&graph->targets, uint32_t, node)) {
        graph->walker->failed = 1;
    }
    return graph->walker->failed;
}

static int
follow_in_graph(Graph *graph, const Kind *kind, PyObject *item, visitproc visit)
{
    if (kind->follow == FRAME) {
        PyObject **frames = graph->frames.data;
        for (size_t i = 0; i + 1 < graph->frames.count; i += 2) {
            if (frames[i] == item) {
                for (Py_ssize_t j = 0; j < PyList_GET_SIZE(frames[i + 1]); j++) {
                    if (visit(PyList_GET_ITEM(frames[i + 1], j), graph)) {
                        return 1;
                    }
                }
                return 0;
            }
        }
    }
    return follow(graph->walker, kind, item, visit, graph);
}

/* In a forked child only: a __sizeof__ made in C is asked there and then. */
static Py_ssize_t
ask_size(const Walker *walker, const Kind *kind, PyObject *item)
{
    PyTypeObject *type = Py_TYPE(item);
    Py_ssize_t bytes = -1;
    Py_ssize_t hidden = kind->flags & HIDDEN_VALUES ? hidden_bytes(walker, item) : 0;
    if (kind->asked != NULL) {
        PyObject *answer = PyObject_CallOneArg(kind->asked, item);
        bytes = answer && PyLong_CheckExact(answer) ? PyLong_AsSsize_t(answer) : -1;
        Py_XDECREF(answer);
        PyErr_Clear();
    }
    if (bytes >= 0) {
        return bytes + kind->header + hidden;
    }
    return hidden + type->tp_basicsize + (PyType_IS_GC(type) ? 2 * (Py_ssize_t)sizeof(PyObject *) : 0);
}

void
spread(Graph *graph)
{
    Walker *walker = graph->walker;
    for (; graph->done < graph->objects.count; graph->done++) {
        size_t i = graph->done;
        if (!(i & 1023) && walker->deadline_s && now_s() >= walker->deadline_s) {
            walker->stopped = 2;
        }
        if (walker->stopped == 2) {
            return;
        }
        fetch_ahead(graph->objects.data, i, graph->objects.count);
        PyObject *item = AT(graph->objects, PyObject *)[i];
        /* By value: the table may move when a type is met that it has not. */
        Kind kind = AT(walker->kinds, Kind)[AT(graph->kinds, uint32_t)[i] - 1];
        follow_in_graph(graph, &kind, item, visit_node);
        if (walker->failed || !PUSH(&graph->starts, uint64_t, graph->targets.count)) {
            walker->failed = 1;
            return;
        }
    }
}

void
add_sizes(Graph *graph)
{
    Walker *walker = graph->walker;
    for (size_t i = graph->sizes.count; i < graph->objects.count; i++) {
        fetch_ahead(graph->objects.data, i, graph->objects.count);
        PyObject *item = AT(graph->objects, PyObject *)[i];
        Kind *kind = &AT(walker->kinds, Kind)[AT(graph->kinds, uint32_t)[i] - 1];
        Py_ssize_t bytes = kind->mode == COUNT ? size_of(walker, kind, item) : -1;
        if (bytes < 0) {
            bytes = 0;
            if (walker->is_child) {
                bytes = ask_size(walker, kind, item);
            }
            else if (!PUSH(&graph->parked, uint32_t, (uint32_t)i)) {
                walker->failed = 1;
            }
        }
        if (walker->failed || !PUSH(&graph->sizes, uint64_t, (uint64_t)bytes)) {
            walker->failed = 1;
            return;
        }
    }
    while (graph->starts.count < graph->objects.count + 1) { /* what was not followed */
        if (!PUSH(&graph->starts, uint64_t, graph->targets.count)) {
            walker->failed = 1;
            return;
        }
    }
}

int
leave_out(Graph *graph, PyObject *item)
{
    uint32_t *place = map_number(&graph->numbers, item);
    if (place == NULL || map_mark(&graph->entered, item) < 0 ||
        !PUSH(&graph->own, PyObject *, item)) {
        graph->walker->failed = 1;
        return 0;
    }
    *place = LEFT_OUT;
    return 1;
}

static int
visit_own(PyObject *item, void *arg)
{
    Graph *graph = arg;
    uint32_t *place = map_number(&graph->numbers, item);
    if (place == NULL) {
        graph->walker->failed = 1;
        return 1;
    }
    if ((*place == 0 || *place == LEFT_OUT) && !map_has(&graph->entered, item)) {
        leave_out(graph, item);
    }
    return graph->walker->failed;
}

static int
visit_inner(PyObject *item, void *arg)
{
    Graph *graph = ((void **)arg)[0];
    if (item != ((void **)arg)[1] && map_mark(&graph->entered, item) < 0) {
        graph->walker->failed = 1;
        return 1;
    }
    return 0;
}

/* What no top leads to: first what only our own objects lead to is left out; of the rest, what is
   referred to by others of it is no beginning. */
void
spread_rest(Graph *graph, PyObject *listed)
{
    Walker *walker = graph->walker;
    Py_ssize_t count = PyList_GET_SIZE(listed);
    for (Py_ssize_t i = 0; i < count && !walker->failed; i++) {
        PyObject *item = PyList_GET_ITEM(listed, i);
        uint32_t *place = map_number(&graph->numbers, item);
        Kind *kind = place && !*place ? kind_in_graph(walker, item) : NULL;
        if (place == NULL) {
            walker->failed = 1;
        }
        else if (kind != NULL && is_ours(graph, kind, item)) {
            leave_out(graph, item);
        }
    }
    while (graph->own.count && !walker->failed) {
        PyObject *item = AT(graph->own, PyObject *)[--graph->own.count];
        Kind *kind = kind_in_graph(walker, item);
        if (kind != NULL) {
            Kind known = *kind;
            follow(walker, &known, item, visit_own, graph);
        }
    }
    Row rest = LARGE_ROW_OF(PyObject *);
    map_free(&graph->entered);
    for (Py_ssize_t i = 0; i < count && !walker->failed; i++) {
        PyObject *item = PyList_GET_ITEM(listed, i);
        /* A tuple may be half built by another thread, and is found through what holds it. What
           nothing but the list holds was made for the list. */
        if (PyTuple_CheckExact(item) || Py_REFCNT(item) < 2) {
            continue;
        }
        uint32_t *place = map_number(&graph->numbers, item);
        if (place == NULL || (!*place && !PUSH(&rest, PyObject *, item))) {
            walker->failed = 1;
        }
        else if (!*place) {
            Kind *kind = kind_in_graph(walker, item);
            void *pair[] = {graph, item};
            if (kind != NULL) {
                Kind known = *kind;
                follow(walker, &known, item, visit_inner, pair);
            }
        }
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < rest.count && !walker->failed && walker->stopped != 2; i++) {
            PyObject *item = AT(rest, PyObject *)[i];
            uint32_t *place = map_number(&graph->numbers, item);
            if (place == NULL) {
                walker->failed = 1;
            }
            else if (!*place && (round || !map_has(&graph->entered, item))) {
                uint32_t node = add_node(graph, item, place);
                if (node != 0 && node != LEFT_OUT) {
                    if (!PUSH(&graph->loose, uint32_t, node)) {
                        walker->failed = 1;
                    }
                    spread(graph);
                }
            }
        }
    }
    row_free(&rest);
}

/* Number the tops; their nodes are put into the row. */
void
add_tops(Graph *graph, PyObject *tops, Row *nodes)
{
    Walker *walker = graph->walker;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(tops) && !walker->failed; i++) {
        uint32_t *place = map_number(&graph->numbers, PyList_GET_ITEM(tops, i));
        uint32_t node = 0;
        if (place != NULL) {
            node = *place ? *place : add_node(graph, PyList_GET_ITEM(tops, i), place);
        }
        if (place == NULL || !PUSH(nodes, uint32_t, node == LEFT_OUT ? 0 : node)) {
            walker->failed = 1;
        }
    }
}

void
nodes_of(Graph *graph, PyObject *items, Row *nodes)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items) && !graph->walker->failed; i++) {
        uint32_t *place = map_number(&graph->numbers, PyList_GET_ITEM(items, i));
        if (place == NULL || !PUSH(nodes, uint32_t, *place == LEFT_OUT ? 0 : *place)) {
            graph->walker->failed = 1;
        }
    }
}
