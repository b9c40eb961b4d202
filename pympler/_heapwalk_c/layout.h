/* Where CPython keeps what it shows to nobody: tables of dictionaries, values of instances. */

#ifndef HEAPWALK_LAYOUT_H
#define HEAPWALK_LAYOUT_H

#include "walker.h"

/* Dictionaries: what Objects/dictobject.c keeps to itself. */

#if PY_VERSION_HEX >= 0x030B0000
typedef struct {
    Py_ssize_t refcnt;
    uint8_t log2_size, log2_index_bytes, kind;
    uint32_t version;
    Py_ssize_t usable, used;
} Keys;

static inline Py_ssize_t
keys_bytes(const Keys *keys)
{
    Py_ssize_t entry = keys->kind ? 2 * sizeof(PyObject *) : 3 * sizeof(PyObject *);
    Py_ssize_t size = (Py_ssize_t)1 << keys->log2_size;
    return sizeof(Keys) + ((Py_ssize_t)1 << keys->log2_index_bytes) + (size << 1) / 3 * entry;
}

static inline Py_ssize_t
split_usable(const Keys *keys)
{
    return keys->usable + keys->used;
}

/* Of two words each if all keys are strings, else of three, the hash before key and value. */
static inline PyObject **
entries_of(const Keys *keys)
{
    return (PyObject **)((char *)(keys + 1) + ((size_t)1 << keys->log2_index_bytes));
}
#else
typedef struct {
    Py_ssize_t refcnt, size;
    void *lookup;
    Py_ssize_t usable, used;
} Keys;

extern void *general_lookup; /* the one of tables with other keys than strings; see module.c */

static inline Py_ssize_t
keys_bytes(const Keys *keys)
{
    Py_ssize_t size = keys->size;
    Py_ssize_t index = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
    return sizeof(Keys) + index * size + (size << 1) / 3 * 3 * sizeof(PyObject *);
}

static inline Py_ssize_t
split_usable(const Keys *keys)
{
    return (keys->size << 1) / 3;
}
#endif

#define KEYS_OF(dict) ((const Keys *)((PyDictObject *)(dict))->ma_keys)

/* Whether all keys are strings, so that tp_traverse leaves them out. */
static inline int
hides_keys(PyObject *dict)
{
#if PY_VERSION_HEX >= 0x030B0000
    return KEYS_OF(dict)->kind != 0;
#else
    return KEYS_OF(dict)->lookup != general_lookup;
#endif
}

/* Bytes of the array of values of a type with so many shared keys; see layout.py. */
static inline Py_ssize_t
array_bytes(uintptr_t values, Py_ssize_t capacity)
{
    Py_ssize_t prefix = *((uint8_t *)values - 1);
    if (capacity < prefix - 9) {
        capacity = prefix - 9;
    }
    if (capacity > prefix - 2) {
        capacity = prefix - 2;
    }
    return prefix + 8 * capacity;
}

static inline Py_ssize_t
inline_bytes(uintptr_t values)
{
    Py_ssize_t capacity = *(uint8_t *)values;
    return 8 + 8 * capacity + (capacity + 7) / 8 * 8;
}

static inline Py_ssize_t
dict_bytes(Walker *walker, const Kind *kind, PyObject *item)
{
    const Keys *keys = KEYS_OF(item);
    uintptr_t values = (uintptr_t)((PyDictObject *)item)->ma_values;
    Py_ssize_t own = keys->refcnt == 1 ? keys_bytes(keys) : 0;
    if (values == 0) {
        return kind->base + own;
    }
    if (kind->type != &PyDict_Type || walker->keys_at == 0) {
        return kind->base + split_usable(keys) * 8 + own;
    }
    if (walker->is_inline) {
        return kind->base + (((uint8_t *)values)[2] ? 0 : inline_bytes(values));
    }
    return kind->base + array_bytes(values, split_usable(keys) + own / 8);
}

/* Where the namespace of an instance is, 0 for nowhere. */
static inline uintptr_t
namespace_of(const Walker *walker, const Kind *kind, PyObject *item)
{
    if (kind->flags & MANAGED_NAMESPACE) {
        uintptr_t word = WORD_AT(item, walker->dict_at);
        return walker->is_tagged && (word & 1) ? 0 : word;
    }
    if (kind->flags & OFFSET_NAMESPACE) {
        return WORD_AT(item, kind->type->tp_dictoffset);
    }
    return 0;
}

static inline Py_ssize_t
hidden_bytes(const Walker *walker, PyObject *item)
{
    PyTypeObject *type = Py_TYPE(item);
    if (walker->is_inline) {
        return inline_bytes((uintptr_t)item + type->tp_basicsize);
    }
    uintptr_t values = WORD_AT(item, walker->values_at);
    if (walker->is_tagged) {
        values = values & 1 ? values + 1 : 0;
    }
    if (values == 0) {
        return 0;
    }
    const Keys *keys = *(const Keys **)((char *)type + walker->keys_at);
    return array_bytes(values, keys ? split_usable(keys) : 0);
}

#endif
