/* Strings that are keys, which are counted at the end of a walk. */

#ifndef HEAPWALK_KEYS_H
#define HEAPWALK_KEYS_H

#include "walker.h"

int note_mapping(Walker *walker, PyObject *dict);
int count_keys(Walker *walker, size_t begin, size_t end);
void hold_mappings(Walker *walker);
void forget_mappings(Walker *walker);

#endif
