/* A snapshot: every object has a number, and its references are a row of numbers. */

#ifndef HEAPWALK_GRAPH_H
#define HEAPWALK_GRAPH_H

#include "walker.h"

typedef struct {
    Walker *walker;
    Map numbers, entered; /* entered: what was left out and gone through */
    Row objects, kinds, sizes, starts, targets, loose, parked;
    Row frames; /* frames that run, with the list of what each holds */
    Row own;    /* what is left out and to be gone through */
    size_t done;
    uint32_t most;
    int has_listing;
} Graph;

void graph_init(Graph *graph, Walker *walker);
void graph_free(Graph *graph);
int leave_out(Graph *graph, PyObject *item);
void spread(Graph *graph);
void spread_rest(Graph *graph, PyObject *listed);
void add_tops(Graph *graph, PyObject *tops, Row *nodes);
void nodes_of(Graph *graph, PyObject *items, Row *nodes);
void add_sizes(Graph *graph);

/* What Python gives for a snapshot, and what is found for it. */
typedef struct {
    PyObject *tops, *own, *frames, *familiar;
    Row top_nodes, familiar_nodes;
} Request;

int parse_request(Walker *walker, PyObject *args, Request *request, Graph *graph, int *descriptor);
void take_graph(Graph *graph, Request *request, PyObject *listed);

#endif
