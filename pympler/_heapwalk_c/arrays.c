/* Sums and paths over a graph in arrays. */

#include "platform.h"
#include "arrays.h"

const char retained_doc[] = PyDoc_STR(
    "retained(sizes, dominators, order)\n\n"
    "Add what each node dominates to its size, in place; order may be shorter.");

PyObject *
sum_retained(PyObject *module, PyObject *args)
{
    Py_buffer sizes, dominators, order;
    if (!PyArg_ParseTuple(args, "w*y*y*", &sizes, &dominators, &order)) {
        return NULL;
    }
    uint64_t *retained = sizes.buf;
    const uint32_t *above = dominators.buf, *nodes = order.buf;
    size_t count = (size_t)dominators.len / 4, total = (size_t)order.len / 4;
    int sound = (size_t)sizes.len / 8 == count && total <= count;
    for (size_t i = total; sound && i-- > 1;) {
        uint32_t node = nodes[i];
        sound = node < count && above[node] < count;
        if (sound) {
            retained[above[node]] += retained[node];
        }
    }
    PyBuffer_Release(&sizes);
    PyBuffer_Release(&dominators);
    PyBuffer_Release(&order);
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "these arrays do not belong together");
        return NULL;
    }
    Py_RETURN_NONE;
}

const char spread_doc[] = PyDoc_STR(
    "spread(starts, targets, parents, queue, begun) -> how long the queue is now\n\n"
    "Breadth first from the nodes in the queue: parents of nodes that have none "
    "(2**32-1) are set, and the nodes put into the queue.");

PyObject *
spread_parents(PyObject *module, PyObject *args)
{
    Py_buffer starts, targets, parents, queue;
    Py_ssize_t begun;
    if (!PyArg_ParseTuple(args, "y*y*w*w*n", &starts, &targets, &parents, &queue, &begun)) {
        return NULL;
    }
    const uint64_t *begins = starts.buf;
    const uint32_t *edges = targets.buf;
    uint32_t *parent = parents.buf, *nodes = queue.buf;
    size_t count = (size_t)parents.len / 4, end = (size_t)begun, room = (size_t)queue.len / 4;
    uint64_t most = (uint64_t)targets.len / 4;
    int sound = (size_t)starts.len / 8 == count + 1 && begun >= 0 && end <= room;
    for (size_t i = 0; sound && i < end; i++) {
        uint32_t node = nodes[i];
        sound = node < count && begins[node + 1] <= most;
        for (uint64_t edge = sound ? begins[node] : most; edge < begins[node + 1] && sound; edge++) {
            uint32_t child = edges[edge];
            if (child >= count) {
                sound = 0;
            }
            else if (parent[child] == LEFT_OUT) {
                parent[child] = node;
                sound = end < room;
                if (sound) {
                    nodes[end++] = child;
                }
            }
        }
    }
    PyBuffer_Release(&starts);
    PyBuffer_Release(&targets);
    PyBuffer_Release(&parents);
    PyBuffer_Release(&queue);
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "these arrays are no graph");
        return NULL;
    }
    return PyLong_FromSize_t(end);
}

const char by_kind_doc[] = PyDoc_STR(
    "by_kind(kinds, sizes, counts, bytes): add up nodes by their kind.");

PyObject *
sum_by_kind(PyObject *module, PyObject *args)
{
    Py_buffer kinds, sizes, counts, bytes;
    if (!PyArg_ParseTuple(args, "y*y*w*w*", &kinds, &sizes, &counts, &bytes)) {
        return NULL;
    }
    size_t nodes = (size_t)kinds.len / 4, most = (size_t)counts.len / 8;
    int sound = (size_t)sizes.len / 8 == nodes && counts.len == bytes.len;
    for (size_t i = 0; sound && i < nodes; i++) {
        uint32_t kind = ((uint32_t *)kinds.buf)[i];
        sound = kind < most;
        if (sound) {
            ((uint64_t *)counts.buf)[kind]++;
            ((uint64_t *)bytes.buf)[kind] += ((uint64_t *)sizes.buf)[i];
        }
    }
    PyBuffer_Release(&kinds);
    PyBuffer_Release(&sizes);
    PyBuffer_Release(&counts);
    PyBuffer_Release(&bytes);
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "these arrays do not belong together");
        return NULL;
    }
    Py_RETURN_NONE;
}
