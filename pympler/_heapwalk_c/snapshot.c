/* A snapshot of the heap as arrays, as bytes. */

#include "graph.h"
#include "walking.h"

int
parse_request(Walker *walker, PyObject *args, Request *request, Graph *graph, int *descriptor)
{
    double timeout_s;
    Py_ssize_t most;
    memset(request, 0, sizeof(*request));
    const Row numbers = LARGE_ROW_OF(uint32_t);
    request->top_nodes = request->familiar_nodes = numbers;
    if (!PyArg_ParseTuple(args, "O!O!O!O!dn|i", &PyList_Type, &request->tops, &PyList_Type,
                          &request->own, &PyDict_Type, &request->frames, &PyList_Type,
                          &request->familiar, &timeout_s, &most, descriptor)) {
        return 0;
    }
    graph_init(graph, walker);
    walker->failed = walker->stopped = 0;
    walker->samples.count = 0;
    walker->deadline_s = timeout_s >= 0 ? now_s() + timeout_s : 0;
    graph->most = most < 0 || most >= LEFT_OUT ? LEFT_OUT - 1 : (uint32_t)most;
    Py_ssize_t place = 0;
    PyObject *key, *held;
    while (PyDict_Next(request->frames, &place, &key, &held)) {
        void *frame = PyLong_AsVoidPtr(key);
        if (!PyErr_Occurred() && !PyList_CheckExact(held)) {
            PyErr_SetString(PyExc_TypeError, "frames maps ids to lists");
        }
        else if (!PyErr_Occurred() && (!PUSH(&graph->frames, PyObject *, frame) ||
                                       !PUSH(&graph->frames, PyObject *, held))) {
            PyErr_NoMemory();
        }
        if (PyErr_Occurred()) {
            graph_free(graph);
            return 0;
        }
    }
    return 1;
}

void
take_graph(Graph *graph, Request *request, PyObject *listed)
{
    Walker *walker = graph->walker;
    /* Node 0 is no object. */
    if (!PUSH(&graph->objects, PyObject *, NULL) || !PUSH(&graph->kinds, uint32_t, 0) ||
        !PUSH(&graph->sizes, uint64_t, 0) || !PUSH(&graph->starts, uint64_t, 0) ||
        !PUSH(&graph->starts, uint64_t, 0)) {
        walker->failed = 1;
        return;
    }
    graph->done = 1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(request->own) && !walker->failed; i++) {
        leave_out(graph, PyList_GET_ITEM(request->own, i));
    }
    add_tops(graph, request->tops, &request->top_nodes);
    if (!walker->failed) {
        spread(graph);
    }
    if (listed != NULL && !walker->failed && !walker->stopped) {
        spread_rest(graph, listed);
    }
    if (!walker->failed) {
        nodes_of(graph, request->familiar, &request->familiar_nodes);
    }
    map_free(&graph->numbers);
    map_free(&graph->entered);
    if (!walker->failed) {
        add_sizes(graph);
    }
}

/* The bytes of a row, whose memory is given back. */
static PyObject *
bytes_of(Row *row)
{
    PyObject *bytes = PyBytes_FromStringAndSize(row->data, row->count * row->item_bytes);
    row_free(row);
    return bytes;
}

/* All that gc tracks. The list may hold tuples that other threads still fill, so that it must be
   gone before any of them runs again. */
PyObject *
all_tracked(void)
{
    PyObject *gc = PyImport_ImportModule("gc");
    PyObject *get_objects = gc ? PyObject_GetAttrString(gc, "get_objects") : NULL;
    PyObject *listed = get_objects ? PyObject_CallNoArgs(get_objects) : NULL;
    Py_XDECREF(gc);
    Py_XDECREF(get_objects);
    if (listed != NULL && !PyList_CheckExact(listed)) {
        PyErr_SetString(PyExc_TypeError, "gc.get_objects() gave no list");
        Py_CLEAR(listed);
    }
    return listed;
}

const char graph_doc[] = PyDoc_STR(
    "graph(tops, own, frames, familiar, timeout_s, most) -> tuple\n\n"
    "The arrays of a snapshot: kinds, sizes, ids, starts, targets, loose, nodes of the tops and of "
    "what is familiar; then nodes that must be handed back, these objects, one object of each type "
    "that was not taught, and whether it was stopped.");

PyObject *
walker_graph(Walker *walker, PyObject *args)
{
    Graph graph;
    Request request;
    int unused = 0;
    if (!parse_request(walker, args, &request, &graph, &unused)) {
        return NULL;
    }
    PyObject *listed = all_tracked();
    PyObject *result = NULL;
    PyObject *parked = NULL, *unknown = NULL;
    if (listed != NULL) {
        take_graph(&graph, &request, listed);
        if (walker->failed) {
            no_memory(walker);
        }
        else {
            /* References first, while all of it is alive: letting go of the list runs code. */
            Row row = ROW_OF(PyObject *);
            int ok = 1;
            for (size_t i = 0; i < graph.parked.count && ok; i++) {
                uint32_t node = AT(graph.parked, uint32_t)[i];
                ok = PUSH(&row, PyObject *, AT(graph.objects, PyObject *)[node]);
            }
            parked = ok ? list_of(&row) : PyErr_NoMemory();
            unknown = parked ? list_of(&walker->samples) : NULL;
            row_free(&row);
        }
        Py_DECREF(listed);
    }
    if (unknown != NULL) {
        Row *rows[] = {&graph.kinds,   &graph.sizes,       &graph.objects,
                       &graph.starts,  &graph.targets,     &graph.loose,
                       &request.top_nodes, &request.familiar_nodes, &graph.parked};
        result = PyTuple_New(12);
        for (int i = 0; i < 9 && result != NULL; i++) {
            PyObject *bytes = bytes_of(rows[i]);
            if (bytes == NULL) {
                Py_CLEAR(result);
                break;
            }
            PyTuple_SET_ITEM(result, i, bytes);
        }
        if (result != NULL) {
            PyTuple_SET_ITEM(result, 9, Py_NewRef(parked));
            PyTuple_SET_ITEM(result, 10, Py_NewRef(unknown));
            PyTuple_SET_ITEM(result, 11, PyLong_FromLong(walker->stopped));
        }
    }
    Py_XDECREF(parked);
    Py_XDECREF(unknown);
    walker->samples.count = 0;
    graph_free(&graph);
    row_free(&request.top_nodes);
    row_free(&request.familiar_nodes);
    return result;
}
