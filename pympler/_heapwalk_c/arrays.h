/* Functions over a graph in arrays, which hold no object. */

#ifndef HEAPWALK_ARRAYS_H
#define HEAPWALK_ARRAYS_H

#include "platform.h"

PyObject *find_dominators(PyObject *module, PyObject *args);
PyObject *sum_retained(PyObject *module, PyObject *args);
PyObject *spread_parents(PyObject *module, PyObject *args);
PyObject *sum_by_kind(PyObject *module, PyObject *args);

extern const char dominators_doc[], retained_doc[], spread_doc[], by_kind_doc[];

#endif
