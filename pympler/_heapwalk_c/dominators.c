/* Dominators of a graph in arrays. */

#include "map.h"
#include "arrays.h"

/* Dominators by the algorithm of Lengauer and Tarjan, as in pympler/graph/dominators.py. The arrays
   are numbers alone, so that other threads run meanwhile. */

typedef struct {
    const uint64_t *starts;
    const uint32_t *targets, *tops;
    size_t nodes, top_count;
    uint32_t *dominators, *order; /* the result; order has room for all nodes */
    uint32_t *number, *parent, *semi, *label, *ancestor, *bucket, *following, *found, *before, *path;
    uint64_t *edges; /* next edge of each node, then where its predecessors begin */
    size_t before_count;
} Domination;

static size_t
search(Domination *d)
{
    size_t total = 1, depth;
    uint32_t *stack = d->path;
    memcpy(d->edges, d->starts, d->nodes * sizeof(uint64_t));
    d->order[0] = 0;
    for (size_t t = 0; t < d->top_count; t++) {
        uint32_t top = d->tops[t];
        if (top == 0 || d->number[top]) {
            continue;
        }
        d->number[top] = (uint32_t)total;
        d->order[total] = top;
        d->parent[total++] = 0;
        stack[0] = top;
        depth = 1;
        while (depth) {
            uint32_t node = stack[depth - 1];
            uint64_t edge = d->edges[node], end = d->starts[node + 1];
            while (edge < end && d->number[d->targets[edge]]) {
                edge++;
            }
            d->edges[node] = edge + 1;
            if (edge >= end) {
                depth--;
                continue;
            }
            uint32_t child = d->targets[edge];
            d->number[child] = (uint32_t)total;
            d->order[total] = child;
            d->parent[total++] = d->number[node];
            stack[depth++] = child;
        }
    }
    return total;
}

/* By the numbers of the search: where the predecessors of each begin, and these. */
static void
reverse(Domination *d, size_t total)
{
    uint64_t *ends = d->edges, sofar = 0;
    memset(ends, 0, (d->nodes + 1) * sizeof(uint64_t));
    for (size_t i = 0; i < total; i++) {
        uint32_t node = d->order[i];
        for (uint64_t edge = d->starts[node]; edge < d->starts[node + 1]; edge++) {
            ends[d->number[d->targets[edge]]]++;
        }
    }
    for (size_t t = 0; t < d->top_count; t++) {
        ends[d->number[d->tops[t]]]++;
    }
    for (size_t i = 0; i <= total && i <= d->nodes; i++) {
        sofar += ends[i];
        ends[i] = sofar;
    }
    for (size_t i = 0; i < total; i++) {
        uint32_t node = d->order[i];
        for (uint64_t edge = d->starts[node]; edge < d->starts[node + 1]; edge++) {
            d->before[--ends[d->number[d->targets[edge]]]] = (uint32_t)i;
        }
    }
    for (size_t t = 0; t < d->top_count; t++) {
        d->before[--ends[d->number[d->tops[t]]]] = 0;
    }
}

static inline uint32_t
evaluate(Domination *d, uint32_t node)
{
    uint32_t *ancestor = d->ancestor, *label = d->label, *semi = d->semi;
    if (!ancestor[node]) {
        return node;
    }
    size_t depth = 0;
    uint32_t one = node;
    while (ancestor[ancestor[one] - 1]) {
        d->path[depth++] = one;
        one = ancestor[one] - 1;
    }
    while (depth) {
        one = d->path[--depth];
        uint32_t above = ancestor[one] - 1;
        if (semi[label[above]] < semi[label[one]]) {
            label[one] = label[above];
        }
        ancestor[one] = ancestor[above];
    }
    return label[node];
}

static void
dominate(Domination *d, size_t total)
{
    for (size_t i = 0; i < total; i++) {
        d->semi[i] = d->label[i] = (uint32_t)i;
    }
    for (uint32_t node = (uint32_t)total - 1; node > 0; node--) {
        uint32_t least = node;
        for (uint64_t place = d->edges[node]; place < d->edges[node + 1]; place++) {
            uint32_t one = d->before[place];
            if (one > node) {
                one = evaluate(d, one);
            }
            if (d->semi[one] < least) {
                least = d->semi[one];
            }
        }
        d->semi[node] = least;
        d->following[node] = d->bucket[least];
        d->bucket[least] = node;
        uint32_t above = d->parent[node];
        d->ancestor[node] = above + 1;
        uint32_t waiting = d->bucket[above];
        d->bucket[above] = 0;
        while (waiting) {
            uint32_t best = evaluate(d, waiting);
            d->found[waiting] = d->semi[best] < above ? best : above;
            waiting = d->following[waiting];
        }
    }
    for (uint32_t node = 1; node < total; node++) {
        if (d->found[node] != d->semi[node]) {
            d->found[node] = d->found[d->found[node]];
        }
    }
    for (size_t node = 1; node < total; node++) {
        d->dominators[d->order[node]] = d->order[d->found[node]];
    }
}

/* Whether the arrays are what they should be: they may come from a file. */
static int
is_sound(const Domination *d, size_t edges)
{
    if (d->starts[0] != 0 || d->starts[d->nodes] != edges || d->starts[1] != 0) {
        return 0;
    }
    for (size_t i = 0; i < d->nodes; i++) {
        if (d->starts[i] > d->starts[i + 1]) {
            return 0;
        }
    }
    for (size_t i = 0; i < edges; i++) {
        if (d->targets[i] >= d->nodes) {
            return 0;
        }
    }
    for (size_t i = 0; i < d->top_count; i++) {
        if (d->tops[i] >= d->nodes) {
            return 0;
        }
    }
    return 1;
}

const char dominators_doc[] = PyDoc_STR(
    "dominators(starts, targets, tops, dominators, order) -> nodes that were reached\n\n"
    "Fill the last two arrays, of one number for each node.");

PyObject *
find_dominators(PyObject *module, PyObject *args)
{
    Py_buffer starts, targets, tops, dominators, order;
    if (!PyArg_ParseTuple(args, "y*y*y*w*w*", &starts, &targets, &tops, &dominators, &order)) {
        return NULL;
    }
    Domination d;
    memset(&d, 0, sizeof(d));
    size_t edges = (size_t)targets.len / 4, total = 0;
    d.nodes = (size_t)dominators.len / 4;
    d.starts = starts.buf;
    d.targets = targets.buf;
    d.tops = tops.buf;
    d.top_count = (size_t)tops.len / 4;
    d.dominators = dominators.buf;
    d.order = order.buf;
    char *memory = NULL;
    size_t bytes = d.nodes * 9 * 4 + (d.nodes + 2) * 8 + (edges + d.top_count + 1) * 4;
    int sound = d.nodes > 0 && d.nodes < LEFT_OUT && order.len == dominators.len &&
                starts.len == (Py_ssize_t)(d.nodes + 1) * 8 && is_sound(&d, edges);
    if (sound) {
        memory = area_new(bytes);
    }
    if (memory != NULL) {
        Py_BEGIN_ALLOW_THREADS
        uint32_t **arrays[] = {&d.number, &d.parent,    &d.semi,  &d.label, &d.ancestor,
                               &d.bucket, &d.following, &d.found, &d.path};
        d.edges = (uint64_t *)memory;
        char *at = memory + (d.nodes + 2) * 8;
        for (size_t i = 0; i < 9; i++) {
            *arrays[i] = (uint32_t *)at;
            at += d.nodes * 4;
        }
        d.before = (uint32_t *)at;
        memset(d.dominators, 0, d.nodes * 4);
        total = search(&d);
        reverse(&d, total);
        dominate(&d, total);
        area_free(memory, bytes);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&starts);
    PyBuffer_Release(&targets);
    PyBuffer_Release(&tops);
    PyBuffer_Release(&dominators);
    PyBuffer_Release(&order);
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "these arrays are no graph");
        return NULL;
    }
    return memory ? PyLong_FromSize_t(total) : PyErr_NoMemory();
}
