/* How many bytes an object takes. */

#ifndef HEAPWALK_SIZES_H
#define HEAPWALK_SIZES_H

#include "walker.h"

/* -1 if Python is to be asked. */
Py_ssize_t size_of(Walker *walker, const Kind *kind, PyObject *item);

#endif
