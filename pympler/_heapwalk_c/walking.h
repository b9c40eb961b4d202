/* What the walks share, and the methods of Walker that they are. */

#ifndef HEAPWALK_WALKING_H
#define HEAPWALK_WALKING_H

#include "walker.h"

int is_over(Walker *walker);
void add_size(Walker *walker, Kind *kind, Py_ssize_t bytes);
PyObject *list_of(const Row *row);
PyObject *no_memory(Walker *walker);
PyObject *all_tracked(void);

#define DECLARE_METHOD(name)                                                                       \
    PyObject *walker_##name(Walker *walker, PyObject *args);                                       \
    extern const char name##_doc[]

DECLARE_METHOD(look);
DECLARE_METHOD(walk);
DECLARE_METHOD(fresh);
DECLARE_METHOD(mark);
DECLARE_METHOD(add_keys);
DECLARE_METHOD(note);
DECLARE_METHOD(count);
DECLARE_METHOD(reach);
DECLARE_METHOD(graph);
DECLARE_METHOD(lengths);
#if CAN_FORK
DECLARE_METHOD(fork_graph);
#endif

extern PyType_Spec walker_spec, marks_spec;

#endif
