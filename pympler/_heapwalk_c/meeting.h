/* What a walk meets, and which of it was not met before. */

#ifndef HEAPWALK_MEETING_H
#define HEAPWALK_MEETING_H

#include "walker.h"

/* All that is met is put into the row of what is next, and told apart from what was met before only a
   little ahead of its turn, when the bits that tell it have been fetched into the cache. What was met
   a moment ago is not put there again: types, names, None. */
static inline int
meet(Walker *walker, PyObject *item)
{
    PyObject **recent = &walker->recent[((uintptr_t)item >> PLACE_BITS) % RECENT];
    if (*recent == item) {
        return 0;
    }
    *recent = item;
    if (!PUSH(&walker->next, PyObject *, item)) {
        walker->failed = 1;
        return 1;
    }
    return 0;
}

int visit_met(PyObject *item, void *arg);

/* Meet what an object refers to; 0 without memory. */
int meet_all(Walker *walker, const Kind *kind, PyObject *item);

void begin_meeting(Walker *walker);

/* Leave in the row of what is next what was not met before, each once. */
void keep_fresh(Walker *walker);

/* Objects in a row, made ready a block at once, so that waiting for one of them is waiting for all:
   the bits are fetched; a block later what was met before becomes NULL, and the heads of the others
   are fetched; after another block what these point to is. */
typedef struct {
    Walker *walker;
    size_t bits, heads, bodies, ready; /* how far each step has come */
    int is_fresh;                      /* nothing of it was met before, and the row is not ours */
} Ahead;

void make_ready(Ahead *ahead, PyObject **items, size_t i, size_t count);

/* The next of the items, NULL if it was met before. The row may grow from one to the next. */
static inline PyObject *
next_of(Ahead *ahead, PyObject **items, size_t i, size_t count)
{
    if (i >= ahead->ready) {
        make_ready(ahead, items, i, count);
    }
    return items[i];
}

#endif
