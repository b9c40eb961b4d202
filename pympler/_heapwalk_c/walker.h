/* The state of a walk, and what is known of each type. */

#ifndef HEAPWALK_WALKER_H
#define HEAPWALK_WALKER_H

#include "map.h"

/* Kinds: what is done with the objects of a type. The numbers are those of pympler/sizing/taught.py. */

enum { UNKNOWN, SKIP, COUNT, PARK, OWN };
enum { CONSTANT, ITEMS, ONE_MORE, ONE_MORE_DIGIT, LIST, DICT, SET, TEXT, INT, BYTEARRAY, CLASS, CODE };
enum { NOTHING, PLAIN, WITH_NAMESPACE, KEYS, MODULE, FRAME };
enum { HIDDEN_VALUES = 1, MANAGED_NAMESPACE = 2, OFFSET_NAMESPACE = 4, MAPPING = 8 };

typedef struct {
    PyTypeObject *type; /* a reference, but for those met in a forked child */
    PyObject *asked;    /* a __sizeof__ made in C, for a forked child; or NULL */
    Py_ssize_t base, fixed, each, header;
    uint64_t objects, bytes;
    uint8_t mode, sizer, follow, flags;
} Kind;

#define RECENT 512

typedef struct {
    PyObject_HEAD
    Row kinds;
    uint32_t *places; /* hash table of places in kinds, one more each */
    size_t places_mask;
    Map seen, namespaces;
    PyObject *shared; /* Marks, or NULL */
    Row next, parked, unknown, samples;
    PyObject *recent[RECENT]; /* what was met a moment ago */
    Row mappings;             /* whose keys are counted at the end; see keys.c */
    size_t held;              /* of these, how many we have references to */
    Map pending;              /* keys that one of them has */
    int is_uncovered;
    Py_ssize_t align, least_int;
    Py_ssize_t values_at, dict_at, keys_at; /* see pympler/sizing/layout.py; keys_at 0: unknown */
    int is_inline, is_tagged, is_child;
    int failed; /* no memory */
    int stopped; /* 1: max_objects, 2: timeout */
    double deadline_s;
    uint64_t objects, most, bytes;
} Walker;

typedef struct {
    PyObject_HEAD
    Map map;
} Marks;

static inline double
now_s(void)
{
#ifdef _WIN32
    return (double)GetTickCount64() / 1e3;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
#endif
}

static inline size_t
hash_of(const void *address)
{
    return (size_t)(((uintptr_t)address >> 4) * 0x9E3779B97F4A7C15ull >> 40);
}

static inline Kind *
find_kind(Walker *walker, PyTypeObject *type)
{
    if (walker->places == NULL) {
        return NULL;
    }
    size_t at = hash_of(type) & walker->places_mask;
    for (uint32_t place; (place = walker->places[at]) != 0; at = (at + 1) & walker->places_mask) {
        Kind *kind = &AT(walker->kinds, Kind)[place - 1];
        if (kind->type == type) {
            return kind;
        }
    }
    return NULL;
}

Kind *add_kind(Walker *walker, PyTypeObject *type);
void teach_itself(const Walker *walker, Kind *kind);
int is_marks(PyObject *item);
void use_nature(const Walker *walker, Kind *kind);

#endif
