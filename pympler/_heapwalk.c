/* The walk over the heap, as fast as the memory allows.

   Only what must be fast is here: which objects there are, their flat sizes, who refers to whom, the
   lengths of containers, and dominators over arrays. What a type means, and what is counted, is
   decided in Python, once for each type (Walker.teach); objects of a type that needs Python are
   handed back. While a walk runs, no Python code does, no object is made and no reference count is
   changed, so that the heap stands still under the lock of the interpreter. Nothing is kept
   afterwards but the types that were taught. Memory comes from mmap: a walk in a forked child must
   not touch what it shares with its parent.
*/

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#if PY_VERSION_HEX < 0x030A0000 || PY_VERSION_HEX >= 0x030E0000
#error "the layout of objects is known for CPython 3.10 to 3.13 only"
#endif
#if defined(Py_GIL_DISABLED) || defined(PYPY_VERSION) || SIZEOF_VOID_P != 8
#error "made for CPython of 64 bits with a lock of the interpreter"
#endif

#if PY_VERSION_HEX < 0x030B0000
#include <frameobject.h>
#include <longintrepr.h>
#endif

#ifdef _WIN32
#include <windows.h>
#define CAN_FORK 0
#define PREFETCH(at) ((void)(at))
#else
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#define CAN_FORK 1
#define PREFETCH(at) __builtin_prefetch((const void *)(at))
#endif

#define LEFT_OUT UINT32_MAX
#define WORD_AT(object, offset) (*(uintptr_t *)((char *)(object) + (offset)))

/* Memory that is zero at first, and no part of the heap that is walked. What is large comes from
   mmap, which gives pages that nobody shares; a walk in a forked child asks for nothing small. */

#define LARGE 65536

static void *
area_new(size_t bytes)
{
    if (bytes < LARGE) {
        return PyMem_RawCalloc(1, bytes);
    }
#ifdef _WIN32
    return VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
#else
    void *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return area == MAP_FAILED ? NULL : area;
#endif
}

static void
area_free(void *area, size_t bytes)
{
    if (area == NULL) {
        return;
    }
    if (bytes < LARGE) {
        PyMem_RawFree(area);
        return;
    }
#ifdef _WIN32
    VirtualFree(area, 0, MEM_RELEASE);
#else
    munmap(area, bytes);
#endif
}

static void *
area_grow(void *old, size_t old_bytes, size_t bytes)
{
#ifdef MREMAP_MAYMOVE
    if (old != NULL && old_bytes >= LARGE) {
        void *moved = mremap(old, old_bytes, bytes, MREMAP_MAYMOVE);
        return moved == MAP_FAILED ? NULL : moved;
    }
#endif
    void *area = area_new(bytes);
    if (area != NULL && old != NULL) {
        memcpy(area, old, old_bytes);
        area_free(old, old_bytes);
    }
    return area;
}

/* Numbers or addresses in a row. */

typedef struct {
    void *data;
    size_t count, room, item_bytes, first_bytes;
} Row;

#define ROW_OF(type) {NULL, 0, 0, sizeof(type), 2048}
#define LARGE_ROW_OF(type) {NULL, 0, 0, sizeof(type), LARGE}
#define AT(row, type) ((type *)(row).data)

static int
row_more(Row *row)
{
    size_t room = row->room ? row->room * 2 : row->first_bytes / row->item_bytes;
    void *data = area_grow(row->data, row->room * row->item_bytes, room * row->item_bytes);
    if (data == NULL) {
        return 0;
    }
    row->data = data;
    row->room = room;
    return 1;
}

#define PUSH(row, type, value)                                                                     \
    (((row)->count < (row)->room || row_more(row)) &&                                              \
     (((type *)(row)->data)[(row)->count++] = (value), 1))

static void
row_free(Row *row)
{
    area_free(row->data, row->room * row->item_bytes);
    row->data = NULL;
    row->count = row->room = 0;
}

/* A map from addresses: a region of a megabyte has a table with a bit, or a number of 32 bits, for
   each place where an object can begin. Objects lie close together, so that this is a fraction of
   what a hash table of addresses takes, and neighbours share a line of the cache. */

#define REGION_BITS 20
#define PLACE_BITS 4
#define PLACES (1 << (REGION_BITS - PLACE_BITS))

typedef struct {
    uintptr_t number; /* one more than that of the region: 0 is an empty place */
    void *table;
} Region;

typedef struct {
    Region *regions;
    size_t mask, used, table_bytes;
    uintptr_t last_number;
    void *last;
    char *chunk; /* of which the next tables are taken */
    size_t chunk_left, chunk_tables;
    Row chunks; /* pairs of address and bytes */
} Map;

static void
map_init(Map *map, size_t table_bytes, int is_large)
{
    const Row small = ROW_OF(uintptr_t), large = LARGE_ROW_OF(uintptr_t);
    memset(map, 0, sizeof(Map));
    map->table_bytes = table_bytes;
    map->chunks = is_large ? large : small;
    map->chunk_tables = is_large ? 8 : 2;
}

static void
map_free(Map *map)
{
    for (size_t i = 0; i + 1 < map->chunks.count; i += 2) {
        area_free((void *)AT(map->chunks, uintptr_t)[i], AT(map->chunks, uintptr_t)[i + 1]);
    }
    row_free(&map->chunks);
    area_free(map->regions, map->regions ? (map->mask + 1) * sizeof(Region) : 0);
    map_init(map, map->table_bytes, map->chunks.first_bytes == LARGE);
}

static Region *
map_place(Region *regions, size_t mask, uintptr_t number)
{
    size_t at = (size_t)((number * 0x9E3779B97F4A7C15ull) >> 32) & mask;
    while (regions[at].number && regions[at].number != number) {
        at = (at + 1) & mask;
    }
    return &regions[at];
}

static int
map_more(Map *map)
{
    size_t room = map->regions ? (map->mask + 1) * 2 : map->chunks.first_bytes / sizeof(Region);
    Region *regions = area_new(room * sizeof(Region));
    if (regions == NULL) {
        return 0;
    }
    if (map->regions) {
        for (size_t i = 0; i <= map->mask; i++) {
            if (map->regions[i].number) {
                *map_place(regions, room - 1, map->regions[i].number) = map->regions[i];
            }
        }
        area_free(map->regions, (map->mask + 1) * sizeof(Region));
    }
    map->regions = regions;
    map->mask = room - 1;
    return 1;
}

/* The table of the region that an address is in; NULL if there is no memory for it, or none yet
   and none is to be made. */
static void *
map_find(Map *map, uintptr_t number, int make)
{
    if (!map->regions && (!make || !map_more(map))) {
        return NULL;
    }
    Region *place = map_place(map->regions, map->mask, number);
    if (place->number == 0) {
        if (!make) {
            return NULL;
        }
        if (map->used * 2 > map->mask) {
            if (!map_more(map)) {
                return NULL;
            }
            place = map_place(map->regions, map->mask, number);
        }
        if (map->chunk_left == 0) {
            size_t bytes = map->chunk_tables * map->table_bytes;
            char *chunk = area_new(bytes);
            if (chunk == NULL) {
                return NULL;
            }
            if (!PUSH(&map->chunks, uintptr_t, (uintptr_t)chunk) ||
                !PUSH(&map->chunks, uintptr_t, (uintptr_t)bytes)) {
                area_free(chunk, bytes);
                map->chunks.count &= ~(size_t)1;
                return NULL;
            }
            map->chunk = chunk;
            map->chunk_left = map->chunk_tables;
            if (map->chunk_tables < 512) {
                map->chunk_tables *= 2;
            }
        }
        place->number = number;
        place->table = map->chunk;
        map->chunk += map->table_bytes;
        map->chunk_left--;
        map->used++;
    }
    map->last_number = number;
    map->last = place->table;
    return place->table;
}

static inline void *
map_table(Map *map, const void *address)
{
    uintptr_t number = ((uintptr_t)address >> REGION_BITS) + 1;
    return number == map->last_number ? map->last : map_find(map, number, 1);
}

static inline size_t
place_of(const void *address)
{
    return ((uintptr_t)address >> PLACE_BITS) & (PLACES - 1);
}

#define BIT_TABLE (PLACES / 8)
#define NUMBER_TABLE (PLACES * sizeof(uint32_t))

/* 1 if an address is new, 0 if it was marked before, -1 without memory. */
static inline int
map_mark(Map *map, const void *address)
{
    uint64_t *bits = map_table(map, address);
    if (bits == NULL) {
        return -1;
    }
    size_t place = place_of(address);
    uint64_t bit = (uint64_t)1 << (place & 63);
    if (bits[place >> 6] & bit) {
        return 0;
    }
    bits[place >> 6] |= bit;
    return 1;
}

static int
map_has(Map *map, const void *address)
{
    uintptr_t number = ((uintptr_t)address >> REGION_BITS) + 1;
    uint64_t *bits = number == map->last_number ? map->last : map_find(map, number, 0);
    size_t place = place_of(address);
    return bits != NULL && (bits[place >> 6] >> (place & 63) & 1);
}

static inline uint32_t *
map_number(Map *map, const void *address)
{
    uint32_t *numbers = map_table(map, address);
    return numbers == NULL ? NULL : &numbers[place_of(address)];
}

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

typedef struct {
    PyObject_HEAD
    Row kinds;
    uint32_t *places; /* hash table of places in kinds, one more each */
    size_t places_mask;
    Map seen, namespaces;
    PyObject *shared; /* Marks, or NULL */
    Row next, parked, unknown, samples, mappings;
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

static double
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

static size_t
hash_of(const void *address)
{
    return (size_t)(((uintptr_t)address >> 4) * 0x9E3779B97F4A7C15ull >> 40);
}

static Kind *
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

/* In a forked child, which cannot ask Python what a new type means: its __sizeof__, if it is made in
   C, and the bytes in front of its objects. */
static void
teach_itself(const Walker *walker, Kind *kind)
{
    PyTypeObject *type = kind->type;
    PyObject *name = PyUnicode_FromString("__sizeof__");
    PyObject *found = name ? _PyType_Lookup(type, name) : NULL;
    if (found && (Py_IS_TYPE(found, &PyMethodDescr_Type) || Py_IS_TYPE(found, &PyWrapperDescr_Type))) {
        kind->asked = found;
    }
    kind->header = PyType_IS_GC(type) ? 16 : 0;
#if PY_VERSION_HEX >= 0x030C0000
    kind->header += type->tp_flags & (3UL << 3) ? 16 : 0;
#elif PY_VERSION_HEX >= 0x030B0000
    kind->header += type->tp_flags & (1UL << 4) ? 16 : 0;
#endif
    if (walker->keys_at && (type->tp_flags & (walker->is_inline ? 1UL << 2 : 1UL << 4))) {
        kind->flags |= HIDDEN_VALUES;
    }
    PyErr_Clear();
}

static Kind *
add_kind(Walker *walker, PyTypeObject *type)
{
    Kind kind;
    memset(&kind, 0, sizeof(kind));
    kind.type = type;
    if (walker->kinds.count * 2 >= walker->places_mask) {
        size_t room = walker->places ? (walker->places_mask + 1) * 2 : 64;
        uint32_t *places = area_new(room * sizeof(uint32_t));
        if (places == NULL) {
            return NULL;
        }
        for (size_t i = 0; i < walker->kinds.count; i++) {
            size_t at = hash_of(AT(walker->kinds, Kind)[i].type) & (room - 1);
            while (places[at]) {
                at = (at + 1) & (room - 1);
            }
            places[at] = (uint32_t)i + 1;
        }
        area_free(walker->places, (walker->places_mask + 1) * sizeof(uint32_t));
        walker->places = places;
        walker->places_mask = room - 1;
    }
    if (!PUSH(&walker->kinds, Kind, kind)) {
        return NULL;
    }
    size_t at = hash_of(type) & walker->places_mask;
    while (walker->places[at]) {
        at = (at + 1) & walker->places_mask;
    }
    walker->places[at] = (uint32_t)walker->kinds.count;
    if (!walker->is_child) {
        Py_INCREF(type);
    }
    else {
        teach_itself(walker, &AT(walker->kinds, Kind)[walker->kinds.count - 1]);
    }
    return &AT(walker->kinds, Kind)[walker->kinds.count - 1];
}

/* Dictionaries: what Objects/dictobject.c keeps to itself. */

#if PY_VERSION_HEX >= 0x030B0000
typedef struct {
    Py_ssize_t refcnt;
    uint8_t log2_size, log2_index_bytes, kind;
    uint32_t version;
    Py_ssize_t usable, used;
} Keys;

static Py_ssize_t
keys_bytes(const Keys *keys)
{
    Py_ssize_t entry = keys->kind ? 2 * sizeof(PyObject *) : 3 * sizeof(PyObject *);
    Py_ssize_t size = (Py_ssize_t)1 << keys->log2_size;
    return sizeof(Keys) + ((Py_ssize_t)1 << keys->log2_index_bytes) + (size << 1) / 3 * entry;
}

static Py_ssize_t
split_usable(const Keys *keys)
{
    return keys->usable + keys->used;
}
#else
typedef struct {
    Py_ssize_t refcnt, size;
    void *lookup;
    Py_ssize_t usable, used;
} Keys;

static void *general_lookup; /* the one of tables with other keys than strings */

static Py_ssize_t
keys_bytes(const Keys *keys)
{
    Py_ssize_t size = keys->size;
    Py_ssize_t index = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
    return sizeof(Keys) + index * size + (size << 1) / 3 * 3 * sizeof(PyObject *);
}

static Py_ssize_t
split_usable(const Keys *keys)
{
    return (keys->size << 1) / 3;
}
#endif

#define KEYS_OF(dict) ((const Keys *)((PyDictObject *)(dict))->ma_keys)

/* Whether all keys are strings, so that tp_traverse leaves them out. */
static int
hides_keys(PyObject *dict)
{
#if PY_VERSION_HEX >= 0x030B0000
    return KEYS_OF(dict)->kind != 0;
#else
    return KEYS_OF(dict)->lookup != general_lookup;
#endif
}

/* Bytes of the array of values of a type with so many shared keys; see layout.py. */
static Py_ssize_t
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

static Py_ssize_t
inline_bytes(uintptr_t values)
{
    Py_ssize_t capacity = *(uint8_t *)values;
    return 8 + 8 * capacity + (capacity + 7) / 8 * 8;
}

static Py_ssize_t
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
static uintptr_t
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

static Py_ssize_t
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

/* Sizes. */

static Py_ssize_t
digits_of(PyObject *item)
{
#if PY_VERSION_HEX >= 0x030C0000
    return (Py_ssize_t)(((PyLongObject *)item)->long_value.lv_tag >> 3);
#else
    return Py_ABS(Py_SIZE(item));
#endif
}

static Py_ssize_t
text_bytes(PyObject *item)
{
    Py_ssize_t bytes;
    Py_ssize_t length = PyUnicode_GET_LENGTH(item);
    PyASCIIObject *head = (PyASCIIObject *)item;
    if (PyUnicode_IS_COMPACT_ASCII(item)) {
        bytes = sizeof(PyASCIIObject) + length + 1;
    }
    else if (PyUnicode_IS_COMPACT(item)) {
        bytes = sizeof(PyCompactUnicodeObject) + (length + 1) * PyUnicode_KIND(item);
    }
    else {
        bytes = sizeof(PyUnicodeObject);
        if (((PyUnicodeObject *)item)->data.any) {
            bytes += (length + 1) * PyUnicode_KIND(item);
        }
    }
#if PY_VERSION_HEX < 0x030C0000
    if (head->wstr != NULL &&
        !(PyUnicode_IS_READY(item) && (void *)head->wstr == PyUnicode_DATA(item))) {
        Py_ssize_t wide = PyUnicode_IS_COMPACT_ASCII(item)
                              ? length
                              : ((PyCompactUnicodeObject *)item)->wstr_length;
        bytes += (wide + 1) * sizeof(wchar_t);
    }
#endif
    /* The encoded text is kept once it was asked for. */
    if (!PyUnicode_IS_COMPACT_ASCII(item)) {
        PyCompactUnicodeObject *compact = (PyCompactUnicodeObject *)item;
        if (compact->utf8 != NULL && (void *)compact->utf8 != PyUnicode_DATA(item)) {
            bytes += compact->utf8_length + 1;
        }
    }
    (void)head;
    return bytes;
}

/* Bytes of an object; -1 if Python is to be asked. */
static Py_ssize_t
size_of(Walker *walker, const Kind *kind, PyObject *item)
{
    Py_ssize_t count, bytes = kind->base;
    switch (kind->sizer) {
    case CONSTANT:
        break;
    case CODE:
        if (((PyCodeObject *)item)->co_extra != NULL) {
            return -1;
        }
        /* fall through */
    case ITEMS:
        count = Py_ABS(Py_SIZE(item));
        if (count < 0 || count > PY_SSIZE_T_MAX / 4096) {
            return -1; /* a type that says what is not true */
        }
        bytes += count * kind->each;
        break;
    case ONE_MORE:
    case ONE_MORE_DIGIT:
        count = kind->sizer == ONE_MORE ? Py_ABS(Py_SIZE(item)) : digits_of(item);
        if (count < 0 || count > PY_SSIZE_T_MAX / 4096) {
            return -1;
        }
        if (kind->sizer == ONE_MORE_DIGIT && count == 0) {
            count = 1;
        }
        bytes += (kind->fixed + kind->each * (count + 1) + 7) / 8 * 8;
        break;
    case LIST:
        bytes += ((PyListObject *)item)->allocated * (Py_ssize_t)sizeof(PyObject *);
        break;
    case DICT:
        bytes = dict_bytes(walker, kind, item);
        break;
    case SET: {
        PySetObject *set = (PySetObject *)item;
        if (set->table != set->smalltable) {
            bytes += (set->mask + 1) * (Py_ssize_t)sizeof(setentry);
        }
        break;
    }
    case TEXT:
#if PY_VERSION_HEX < 0x030C0000
        if (!PyUnicode_IS_READY(item)) {
            return -1;
        }
#endif
        bytes += text_bytes(item);
        break;
    case INT:
        count = digits_of(item);
#if PY_VERSION_HEX >= 0x030B0000
        count = count ? count : 1;
#endif
        bytes += count * (Py_ssize_t)sizeof(digit);
        break;
    case BYTEARRAY:
        bytes += ((PyByteArrayObject *)item)->ob_alloc;
        break;
    case CLASS:
        if (((PyTypeObject *)item)->tp_flags & Py_TPFLAGS_HEAPTYPE) {
            const Keys *keys = (const Keys *)((PyHeapTypeObject *)item)->ht_cached_keys;
            bytes = kind->header + sizeof(PyHeapTypeObject) + (keys ? keys_bytes(keys) : 0);
        }
        else {
            bytes = kind->fixed + sizeof(PyTypeObject);
        }
        break;
    }
    if (kind->flags & HIDDEN_VALUES) {
        bytes += hidden_bytes(walker, item);
    }
    return bytes;
}

/* References. */

static int
traverse(PyObject *item, visitproc visit, void *arg)
{
    PyTypeObject *type = Py_TYPE(item);
    if (type->tp_traverse == NULL || !PyObject_IS_GC(item)) {
        return 0;
    }
    return type->tp_traverse(item, visit, arg);
}

static int
visit_keys(PyObject *dict, visitproc visit, void *arg)
{
    Py_ssize_t place = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &place, &key, &value)) {
        int stop = visit(key, arg);
        if (stop) {
            return stop;
        }
    }
    return 0;
}

static int
follow(const Walker *walker, const Kind *kind, PyObject *item, visitproc visit, void *arg)
{
    int stop;
    switch (kind->follow) {
    case NOTHING:
        return 0;
    case MODULE: {
        /* What some modules made in C traverse is not safe (_asyncio of 3.12.1). */
        PyObject *names = PyModule_GetDict(item);
        return names ? visit(names, arg) : 0;
    }
    case WITH_NAMESPACE: {
        stop = traverse(item, visit, arg);
        uintptr_t names = stop ? 0 : namespace_of(walker, kind, item);
        return names ? visit((PyObject *)names, arg) : stop;
    }
    case KEYS:
        stop = traverse(item, visit, arg);
        if (!stop && hides_keys(item)) {
            stop = visit_keys(item, visit, arg);
        }
        return stop;
    default:
        return traverse(item, visit, arg);
    }
}

/* What a walk over everything does with a type that nothing was said about. */
static void
use_nature(const Walker *walker, Kind *kind)
{
    PyTypeObject *type = kind->type;
    if (PyType_FastSubclass(type, Py_TPFLAGS_DICT_SUBCLASS)) {
        kind->follow = KEYS;
    }
    else if (PyType_IsSubtype(type, &PyModule_Type)) {
        kind->follow = MODULE;
    }
    else if (type == &PyFrame_Type) {
        kind->follow = FRAME;
    }
    else if (walker->is_inline && (type->tp_flags & (1UL << 2)) && (type->tp_flags & (1UL << 4))) {
        kind->follow = WITH_NAMESPACE;
        kind->flags |= MANAGED_NAMESPACE;
    }
    else {
        kind->follow = type->tp_traverse ? PLAIN : NOTHING;
    }
}

/* The walk of asizeof: level by level. Objects are told apart by address, and the next ones are
   fetched into the cache while one is looked at. */

#define AHEAD 64
#define NEAR 24

static inline void
fetch_ahead(PyObject **items, size_t i, size_t count)
{
    if (i + AHEAD < count) {
        PREFETCH(items[i + AHEAD]);
    }
    if (i + NEAR < count) {
        PyObject *item = items[i + NEAR];
        PyTypeObject *type = Py_TYPE(item);
        if (type == &PyDict_Type) {
            PREFETCH(((PyDictObject *)item)->ma_keys);
        }
        else if (type == &PyList_Type) {
            PREFETCH(((PyListObject *)item)->ob_item);
        }
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030D0000
        else if (type->tp_flags & (1UL << 4)) {
            /* Where the values of its attributes lie. */
            PREFETCH(WORD_AT(item, PY_VERSION_HEX < 0x030C0000 ? -32 : -24));
        }
#endif
    }
}

static int
visit_fresh(PyObject *item, void *arg)
{
    Walker *walker = arg;
    int is_new = map_mark(&walker->seen, item);
    if (is_new > 0) {
        if (walker->shared && map_has(&((Marks *)walker->shared)->map, item)) {
            return 0;
        }
        if (PUSH(&walker->next, PyObject *, item)) {
            return 0;
        }
        is_new = -1;
    }
    if (is_new < 0) {
        walker->failed = 1;
        return 1;
    }
    return 0;
}

static int
is_over(Walker *walker)
{
    if (walker->objects >= walker->most) {
        walker->stopped = 1;
    }
    else if (walker->deadline_s && now_s() >= walker->deadline_s) {
        walker->stopped = 2;
    }
    return walker->stopped;
}

static void
add_size(Walker *walker, Kind *kind, Py_ssize_t bytes)
{
    if (kind->sizer == INT && kind->type == &PyLong_Type && bytes < walker->least_int) {
        bytes = walker->least_int;
    }
    bytes = (bytes + walker->align - 1) & -walker->align;
    kind->objects++;
    kind->bytes += bytes;
    walker->objects++;
    walker->bytes += bytes;
}

static int
walk_level(Walker *walker, PyObject **items, size_t count, int is_last)
{
    PyTypeObject *last_type = NULL;
    Kind *kind = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!(i & 1023) && is_over(walker)) {
            return 0;
        }
        fetch_ahead(items, i, count);
        PyObject *item = items[i];
        if (Py_TYPE(item) != last_type) {
            last_type = Py_TYPE(item);
            kind = find_kind(walker, last_type);
        }
        if (kind == NULL || kind->mode == UNKNOWN) {
            if (kind == NULL) {
                kind = add_kind(walker, last_type);
                if (kind == NULL || !PUSH(&walker->samples, PyObject *, item)) {
                    walker->failed = 1;
                    return 0;
                }
            }
            if (!PUSH(&walker->unknown, PyObject *, item)) {
                walker->failed = 1;
                return 0;
            }
            continue;
        }
        if (kind->mode == PARK) {
            if (!PUSH(&walker->parked, PyObject *, item)) {
                walker->failed = 1;
                return 0;
            }
            continue;
        }
        if (kind->mode != COUNT) {
            continue;
        }
        Py_ssize_t bytes = size_of(walker, kind, item);
        if (bytes < 0) {
            if (!PUSH(&walker->parked, PyObject *, item)) {
                walker->failed = 1;
                return 0;
            }
            continue;
        }
        add_size(walker, kind, bytes);
        if (is_last || kind->follow == NOTHING) {
            continue;
        }
        if (follow(walker, kind, item, visit_fresh, walker) && walker->failed) {
            return 0;
        }
        if (kind->flags) {
            uintptr_t names = namespace_of(walker, kind, item);
            if (names && map_mark(&walker->namespaces, (void *)names) < 0) {
                walker->failed = 1;
                return 0;
            }
            if ((kind->flags & MAPPING) && PyDict_GET_SIZE(item) && hides_keys(item)) {
                if (!PUSH(&walker->mappings, PyObject *, item)) {
                    walker->failed = 1;
                    return 0;
                }
                Py_INCREF(item); /* Python may run before its keys are counted */
            }
        }
    }
    return 1;
}

static PyObject *
list_of(const Row *row)
{
    PyObject *list = PyList_New(row->count);
    for (size_t i = 0; list != NULL && i < row->count; i++) {
        PyObject *item = AT(*row, PyObject *)[i];
        Py_INCREF(item);
        PyList_SET_ITEM(list, i, item);
    }
    return list;
}

static PyObject *
no_memory(Walker *walker)
{
    walker->failed = 0;
    walker->parked.count = walker->unknown.count = walker->samples.count = walker->next.count = 0;
    return PyErr_NoMemory();
}

/* What is handed back: objects for Python, objects of types that were not taught, and of these one
   of each type. */
static PyObject *
handed_back(Walker *walker, PyObject *more, Py_ssize_t depth)
{
    PyObject *parked = list_of(&walker->parked);
    PyObject *unknown = parked ? list_of(&walker->unknown) : NULL;
    PyObject *samples = unknown ? list_of(&walker->samples) : NULL;
    walker->parked.count = walker->unknown.count = walker->samples.count = 0;
    if (samples == NULL || more == NULL) {
        Py_XDECREF(parked);
        Py_XDECREF(unknown);
        Py_XDECREF(samples);
        Py_XDECREF(more);
        return NULL;
    }
    return Py_BuildValue("NNNNn", parked, unknown, samples, more, depth);
}

PyDoc_STRVAR(walk_doc,
             "walk(items, depth, limit, deep) -> (parked, unknown, samples, following, depth)\n\n"
             "Count the items, and all that they lead to unless an object must be handed back.");

static PyObject *
walker_walk(Walker *walker, PyObject *args)
{
    PyObject *items;
    Py_ssize_t depth, limit;
    int deep;
    if (!PyArg_ParseTuple(args, "O!nnp", &PyList_Type, &items, &depth, &limit, &deep)) {
        return NULL;
    }
    Row level = ROW_OF(PyObject *);
    walker->next.count = 0;
    PyObject **start = ((PyListObject *)items)->ob_item;
    size_t count = (size_t)PyList_GET_SIZE(items);
    for (;;) {
        walk_level(walker, start, count, limit >= 0 && depth >= limit);
        if (walker->failed || walker->stopped || walker->parked.count ||
            walker->unknown.count || !walker->next.count || !deep) {
            break;
        }
        Row done = level;
        level = walker->next;
        walker->next = done;
        walker->next.count = 0;
        start = level.data;
        count = level.count;
        depth++;
    }
    row_free(&level);
    if (walker->failed) {
        return no_memory(walker);
    }
    if (walker->stopped) {
        walker->next.count = 0;
    }
    return handed_back(walker, list_of(&walker->next), depth);
}

PyDoc_STRVAR(fresh_doc, "fresh(items) -> those of the items that were not met before, each once.");

static PyObject *
walker_fresh(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    walker->next.count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        if (visit_fresh(PyList_GET_ITEM(items, i), walker)) {
            return no_memory(walker);
        }
    }
    PyObject *fresh = list_of(&walker->next);
    walker->next.count = 0;
    return fresh;
}

PyDoc_STRVAR(mark_doc, "mark(items): let these objects count as met.");

static PyObject *
walker_mark(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        if (map_mark(&walker->seen, PyList_GET_ITEM(items, i)) < 0) {
            return PyErr_NoMemory();
        }
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(add_keys_doc,
             "add_keys(begin, end): count the strings that are keys and that gc did not list, of "
             "the mappings with these numbers.");

static PyObject *
walker_add_keys(Walker *walker, PyObject *args)
{
    Py_ssize_t begin, end;
    if (!PyArg_ParseTuple(args, "nn", &begin, &end)) {
        return NULL;
    }
    Kind *text = find_kind(walker, &PyUnicode_Type);
    uint64_t countdown = 0;
    for (Py_ssize_t i = begin; text && text->mode == COUNT && i >= 0 && i < end; i++) {
        if ((size_t)i >= walker->mappings.count) {
            break;
        }
        PyObject *dict = AT(walker->mappings, PyObject *)[i];
        if (map_has(&walker->namespaces, dict)) {
            continue;
        }
        Py_ssize_t place = 0;
        PyObject *key, *value;
        while (PyDict_Next(dict, &place, &key, &value)) {
            if (!(countdown++ & 1023) && is_over(walker)) {
                Py_RETURN_NONE;
            }
            /* Keys that were met have been counted, unless they were left out. */
            int is_new = PyUnicode_CheckExact(key) ? map_mark(&walker->seen, key) : 0;
            if (is_new < 0) {
                return PyErr_NoMemory();
            }
            if (is_new && !(walker->shared && map_has(&((Marks *)walker->shared)->map, key))) {
                Py_ssize_t bytes = size_of(walker, text, key);
                if (bytes >= 0) {
                    add_size(walker, text, bytes);
                }
            }
        }
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(note_doc,
             "note(mappings, namespaces): remember these dictionaries, and the addresses of those "
             "that are namespaces of instances, as if the walk had met them.");

static PyObject *
walker_note(Walker *walker, PyObject *args)
{
    PyObject *mappings, *namespaces;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &mappings, &PyList_Type, &namespaces)) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(mappings); i++) {
        PyObject *dict = PyList_GET_ITEM(mappings, i);
        if (!PyDict_Check(dict)) {
            PyErr_SetString(PyExc_TypeError, "a mapping must be a dict");
            return NULL;
        }
        if (!PUSH(&walker->mappings, PyObject *, dict)) {
            return PyErr_NoMemory();
        }
        Py_INCREF(dict);
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(namespaces); i++) {
        void *address = PyLong_AsVoidPtr(PyList_GET_ITEM(namespaces, i));
        if (PyErr_Occurred() || (address && map_mark(&walker->namespaces, address) < 0)) {
            return PyErr_Occurred() ? NULL : PyErr_NoMemory();
        }
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(count_doc, "count(items) -> (parked, unknown, samples, [], 0): what must be handed back, as from "
             "walk; the others are counted.");

static PyObject *
walker_count(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    walk_level(walker, ((PyListObject *)items)->ob_item, (size_t)PyList_GET_SIZE(items), 1);
    return walker->failed ? no_memory(walker) : handed_back(walker, PyList_New(0), 0);
}

/* All that is alive, for muppy: what the starts lead to, each object once. Frames are handed back. */

PyDoc_STRVAR(reach_doc,
             "reach(items, found) -> frames\n\n"
             "Append all that the items lead to and that was not met before to the list found.");

static PyObject *
walker_reach(Walker *walker, PyObject *args)
{
    PyObject *items, *found;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &items, &PyList_Type, &found)) {
        return NULL;
    }
    walker->parked.count = walker->next.count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        if (visit_fresh(PyList_GET_ITEM(items, i), walker)) {
            return no_memory(walker);
        }
    }
    PyTypeObject *last_type = NULL;
    Kind *kind = NULL;
    size_t kept = 0;
    /* The row grows while it is gone through; what is skipped is taken out of it. */
    for (size_t i = 0; i < walker->next.count; i++) {
        fetch_ahead(walker->next.data, i, walker->next.count);
        PyObject *item = AT(walker->next, PyObject *)[i];
        if (Py_TYPE(item) != last_type) {
            last_type = Py_TYPE(item);
            kind = find_kind(walker, last_type);
            if (kind == NULL) {
                kind = add_kind(walker, last_type);
                if (kind == NULL) {
                    return no_memory(walker);
                }
                use_nature(walker, kind);
                if (kind->follow == WITH_NAMESPACE) {
                    kind->follow = PLAIN; /* gc tracks the namespace */
                }
            }
        }
        if (kind->mode == SKIP) {
            AT(walker->next, PyObject *)[i] = NULL;
            continue;
        }
        if (kind->follow == FRAME) {
            AT(walker->next, PyObject *)[i] = NULL;
            if (!PUSH(&walker->parked, PyObject *, item)) {
                return no_memory(walker);
            }
            continue;
        }
        kept++;
        if (follow(walker, kind, item, visit_fresh, walker) && walker->failed) {
            return no_memory(walker);
        }
    }
    PyObject *frames = list_of(&walker->parked);
    PyObject *more = frames ? PyList_New(kept) : NULL;
    if (more == NULL) {
        Py_XDECREF(frames);
        return NULL;
    }
    size_t place = 0;
    for (size_t i = 0; i < walker->next.count; i++) {
        PyObject *item = AT(walker->next, PyObject *)[i];
        if (item != NULL) {
            Py_INCREF(item);
            PyList_SET_ITEM(more, place++, item);
        }
    }
    walker->next.count = 0;
    Py_ssize_t end = PyList_GET_SIZE(found);
    int failed = PyList_SetSlice(found, end, end, more);
    Py_DECREF(more);
    if (failed) {
        Py_DECREF(frames);
        return NULL;
    }
    return frames;
}

/* A snapshot: every object has a number, and its references are a row of numbers. */

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

static void
graph_init(Graph *graph, Walker *walker)
{
    const Row numbers = LARGE_ROW_OF(uint32_t), wide = LARGE_ROW_OF(uint64_t);
    const Row pointers = LARGE_ROW_OF(PyObject *);
    memset(graph, 0, sizeof(*graph));
    graph->walker = walker;
    map_init(&graph->numbers, NUMBER_TABLE, 1);
    map_init(&graph->entered, BIT_TABLE, 1);
    graph->kinds = graph->targets = graph->loose = graph->parked = numbers;
    graph->sizes = graph->starts = wide;
    graph->objects = graph->frames = graph->own = pointers;
}

static void
graph_free(Graph *graph)
{
    map_free(&graph->numbers);
    map_free(&graph->entered);
    row_free(&graph->objects);
    row_free(&graph->kinds);
    row_free(&graph->sizes);
    row_free(&graph->starts);
    row_free(&graph->targets);
    row_free(&graph->loose);
    row_free(&graph->parked);
    row_free(&graph->frames);
    row_free(&graph->own);
}

static Kind *
kind_in_graph(Walker *walker, PyObject *item)
{
    Kind *kind = find_kind(walker, Py_TYPE(item));
    if (kind == NULL) {
        kind = add_kind(walker, Py_TYPE(item));
        if (kind == NULL || !PUSH(&walker->samples, PyObject *, item)) {
            walker->failed = 1;
            return NULL;
        }
        use_nature(walker, kind);
    }
    return kind;
}

/* The names of the module that the code of a frame belongs to. */
static PyObject *
globals_of(PyObject *frame)
{
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *names = PyFrame_GetGlobals((PyFrameObject *)frame);
    Py_DECREF(names); /* the frame holds it */
    return names;
#else
    return ((PyFrameObject *)frame)->f_globals;
#endif
}

static int
is_ours(Graph *graph, const Kind *kind, PyObject *item)
{
    if (kind->mode == OWN) {
        return 1;
    }
    if (kind->follow != FRAME) {
        return 0;
    }
    /* A frame is ours if its module is, whose names are left out from the beginning. */
    uint32_t *number = map_number(&graph->numbers, globals_of(item));
    return number != NULL && *number == LEFT_OUT;
}

/* The number of an object that had none: LEFT_OUT if it is ours, 0 if no more are wanted. */
static uint32_t
add_node(Graph *graph, PyObject *item, uint32_t *place)
{
    Walker *walker = graph->walker;
    Kind *kind = kind_in_graph(walker, item);
    if (kind == NULL) {
        return 0;
    }
    if (is_ours(graph, kind, item)) {
        return *place = LEFT_OUT;
    }
    uint32_t node = (uint32_t)graph->objects.count;
    if (node > graph->most) {
        walker->stopped = walker->stopped ? walker->stopped : 1;
        return 0;
    }
    if (!PUSH(&graph->objects, PyObject *, item) ||
        !PUSH(&graph->kinds, uint32_t, (uint32_t)(kind - AT(walker->kinds, Kind)) + 1)) {
        walker->failed = 1;
        return 0;
    }
    return *place = node;
}

static int
visit_node(PyObject *item, void *arg)
{
    Graph *graph = arg;
    uint32_t *place = map_number(&graph->numbers, item);
    if (place == NULL) {
        graph->walker->failed = 1;
        return 1;
    }
    uint32_t node = *place ? *place : add_node(graph, item, place);
    if (node != 0 && node != LEFT_OUT && !PUSH(&graph->targets, uint32_t, node)) {
        graph->walker->failed = 1;
    }
    return graph->walker->failed;
}

static int
follow_in_graph(Graph *graph, const Kind *kind, PyObject *item, visitproc visit)
{
    if (kind->follow == FRAME) {
        PyObject **frames = graph->frames.data;
        for (size_t i = 0; i + 1 < graph->frames.count; i += 2) {
            if (frames[i] == item) {
                for (Py_ssize_t j = 0; j < PyList_GET_SIZE(frames[i + 1]); j++) {
                    if (visit(PyList_GET_ITEM(frames[i + 1], j), graph)) {
                        return 1;
                    }
                }
                return 0;
            }
        }
    }
    return follow(graph->walker, kind, item, visit, graph);
}

/* In a forked child only: a __sizeof__ made in C is asked there and then. */
static Py_ssize_t
ask_size(const Walker *walker, const Kind *kind, PyObject *item)
{
    PyTypeObject *type = Py_TYPE(item);
    Py_ssize_t bytes = -1;
    Py_ssize_t hidden = kind->flags & HIDDEN_VALUES ? hidden_bytes(walker, item) : 0;
    if (kind->asked != NULL) {
        PyObject *answer = PyObject_CallOneArg(kind->asked, item);
        bytes = answer && PyLong_CheckExact(answer) ? PyLong_AsSsize_t(answer) : -1;
        Py_XDECREF(answer);
        PyErr_Clear();
    }
    if (bytes >= 0) {
        return bytes + kind->header + hidden;
    }
    return hidden + type->tp_basicsize + (PyType_IS_GC(type) ? 2 * (Py_ssize_t)sizeof(PyObject *) : 0);
}

static void
spread(Graph *graph)
{
    Walker *walker = graph->walker;
    for (; graph->done < graph->objects.count; graph->done++) {
        size_t i = graph->done;
        if (!(i & 1023) && walker->deadline_s && now_s() >= walker->deadline_s) {
            walker->stopped = 2;
        }
        if (walker->stopped == 2) {
            return;
        }
        fetch_ahead(graph->objects.data, i, graph->objects.count);
        PyObject *item = AT(graph->objects, PyObject *)[i];
        /* By value: the table may move when a type is met that it has not. */
        Kind kind = AT(walker->kinds, Kind)[AT(graph->kinds, uint32_t)[i] - 1];
        follow_in_graph(graph, &kind, item, visit_node);
        if (walker->failed || !PUSH(&graph->starts, uint64_t, graph->targets.count)) {
            walker->failed = 1;
            return;
        }
    }
}

static void
add_sizes(Graph *graph)
{
    Walker *walker = graph->walker;
    for (size_t i = graph->sizes.count; i < graph->objects.count; i++) {
        fetch_ahead(graph->objects.data, i, graph->objects.count);
        PyObject *item = AT(graph->objects, PyObject *)[i];
        Kind *kind = &AT(walker->kinds, Kind)[AT(graph->kinds, uint32_t)[i] - 1];
        Py_ssize_t bytes = kind->mode == COUNT ? size_of(walker, kind, item) : -1;
        if (bytes < 0) {
            bytes = 0;
            if (walker->is_child) {
                bytes = ask_size(walker, kind, item);
            }
            else if (!PUSH(&graph->parked, uint32_t, (uint32_t)i)) {
                walker->failed = 1;
            }
        }
        if (walker->failed || !PUSH(&graph->sizes, uint64_t, (uint64_t)bytes)) {
            walker->failed = 1;
            return;
        }
    }
    while (graph->starts.count < graph->objects.count + 1) { /* what was not followed */
        if (!PUSH(&graph->starts, uint64_t, graph->targets.count)) {
            walker->failed = 1;
            return;
        }
    }
}

static int
leave_out(Graph *graph, PyObject *item)
{
    uint32_t *place = map_number(&graph->numbers, item);
    if (place == NULL || map_mark(&graph->entered, item) < 0 ||
        !PUSH(&graph->own, PyObject *, item)) {
        graph->walker->failed = 1;
        return 0;
    }
    *place = LEFT_OUT;
    return 1;
}

static int
visit_own(PyObject *item, void *arg)
{
    Graph *graph = arg;
    uint32_t *place = map_number(&graph->numbers, item);
    if (place == NULL) {
        graph->walker->failed = 1;
        return 1;
    }
    if ((*place == 0 || *place == LEFT_OUT) && !map_has(&graph->entered, item)) {
        leave_out(graph, item);
    }
    return graph->walker->failed;
}

static int
visit_inner(PyObject *item, void *arg)
{
    Graph *graph = ((void **)arg)[0];
    if (item != ((void **)arg)[1] && map_mark(&graph->entered, item) < 0) {
        graph->walker->failed = 1;
        return 1;
    }
    return 0;
}

/* What no top leads to: first what only our own objects lead to is left out; of the rest, what is
   referred to by others of it is no beginning. */
static void
spread_rest(Graph *graph, PyObject *listed)
{
    Walker *walker = graph->walker;
    Py_ssize_t count = PyList_GET_SIZE(listed);
    for (Py_ssize_t i = 0; i < count && !walker->failed; i++) {
        PyObject *item = PyList_GET_ITEM(listed, i);
        uint32_t *place = map_number(&graph->numbers, item);
        Kind *kind = place && !*place ? kind_in_graph(walker, item) : NULL;
        if (place == NULL) {
            walker->failed = 1;
        }
        else if (kind != NULL && is_ours(graph, kind, item)) {
            leave_out(graph, item);
        }
    }
    while (graph->own.count && !walker->failed) {
        PyObject *item = AT(graph->own, PyObject *)[--graph->own.count];
        Kind *kind = kind_in_graph(walker, item);
        if (kind != NULL) {
            Kind known = *kind;
            follow(walker, &known, item, visit_own, graph);
        }
    }
    Row rest = LARGE_ROW_OF(PyObject *);
    map_free(&graph->entered);
    for (Py_ssize_t i = 0; i < count && !walker->failed; i++) {
        PyObject *item = PyList_GET_ITEM(listed, i);
        /* A tuple may be half built by another thread, and is found through what holds it. What
           nothing but the list holds was made for the list. */
        if (PyTuple_CheckExact(item) || Py_REFCNT(item) < 2) {
            continue;
        }
        uint32_t *place = map_number(&graph->numbers, item);
        if (place == NULL || (!*place && !PUSH(&rest, PyObject *, item))) {
            walker->failed = 1;
        }
        else if (!*place) {
            Kind *kind = kind_in_graph(walker, item);
            void *pair[] = {graph, item};
            if (kind != NULL) {
                Kind known = *kind;
                follow(walker, &known, item, visit_inner, pair);
            }
        }
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < rest.count && !walker->failed && walker->stopped != 2; i++) {
            PyObject *item = AT(rest, PyObject *)[i];
            uint32_t *place = map_number(&graph->numbers, item);
            if (place == NULL) {
                walker->failed = 1;
            }
            else if (!*place && (round || !map_has(&graph->entered, item))) {
                uint32_t node = add_node(graph, item, place);
                if (node != 0 && node != LEFT_OUT) {
                    if (!PUSH(&graph->loose, uint32_t, node)) {
                        walker->failed = 1;
                    }
                    spread(graph);
                }
            }
        }
    }
    row_free(&rest);
}

/* Number the tops; their nodes are put into the row. */
static void
add_tops(Graph *graph, PyObject *tops, Row *nodes)
{
    Walker *walker = graph->walker;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(tops) && !walker->failed; i++) {
        uint32_t *place = map_number(&graph->numbers, PyList_GET_ITEM(tops, i));
        uint32_t node = 0;
        if (place != NULL) {
            node = *place ? *place : add_node(graph, PyList_GET_ITEM(tops, i), place);
        }
        if (place == NULL || !PUSH(nodes, uint32_t, node == LEFT_OUT ? 0 : node)) {
            walker->failed = 1;
        }
    }
}

static void
nodes_of(Graph *graph, PyObject *items, Row *nodes)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items) && !graph->walker->failed; i++) {
        uint32_t *place = map_number(&graph->numbers, PyList_GET_ITEM(items, i));
        if (place == NULL || !PUSH(nodes, uint32_t, *place == LEFT_OUT ? 0 : *place)) {
            graph->walker->failed = 1;
        }
    }
}

/* What Python gives for a snapshot, and what is found for it. */
typedef struct {
    PyObject *tops, *own, *frames, *familiar;
    Row top_nodes, familiar_nodes;
} Request;

static int
parse_request(Walker *walker, PyObject *args, Request *request, Graph *graph, int *descriptor)
{
    double timeout_s;
    Py_ssize_t most;
    memset(request, 0, sizeof(*request));
    const Row numbers = LARGE_ROW_OF(uint32_t);
    request->top_nodes = request->familiar_nodes = numbers;
    if (!PyArg_ParseTuple(args, "O!O!O!O!dn|i", &PyList_Type, &request->tops, &PyList_Type,
                          &request->own, &PyDict_Type, &request->frames, &PyList_Type,
                          &request->familiar, &timeout_s, &most, descriptor)) {
        return 0;
    }
    graph_init(graph, walker);
    walker->failed = walker->stopped = 0;
    walker->samples.count = 0;
    walker->deadline_s = timeout_s >= 0 ? now_s() + timeout_s : 0;
    graph->most = most < 0 || most >= LEFT_OUT ? LEFT_OUT - 1 : (uint32_t)most;
    Py_ssize_t place = 0;
    PyObject *key, *held;
    while (PyDict_Next(request->frames, &place, &key, &held)) {
        void *frame = PyLong_AsVoidPtr(key);
        if (!PyErr_Occurred() && !PyList_CheckExact(held)) {
            PyErr_SetString(PyExc_TypeError, "frames maps ids to lists");
        }
        else if (!PyErr_Occurred() && (!PUSH(&graph->frames, PyObject *, frame) ||
                                       !PUSH(&graph->frames, PyObject *, held))) {
            PyErr_NoMemory();
        }
        if (PyErr_Occurred()) {
            graph_free(graph);
            return 0;
        }
    }
    return 1;
}

static void
take_graph(Graph *graph, Request *request, PyObject *listed)
{
    Walker *walker = graph->walker;
    /* Node 0 is no object. */
    if (!PUSH(&graph->objects, PyObject *, NULL) || !PUSH(&graph->kinds, uint32_t, 0) ||
        !PUSH(&graph->sizes, uint64_t, 0) || !PUSH(&graph->starts, uint64_t, 0) ||
        !PUSH(&graph->starts, uint64_t, 0)) {
        walker->failed = 1;
        return;
    }
    graph->done = 1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(request->own) && !walker->failed; i++) {
        leave_out(graph, PyList_GET_ITEM(request->own, i));
    }
    add_tops(graph, request->tops, &request->top_nodes);
    if (!walker->failed) {
        spread(graph);
    }
    if (listed != NULL && !walker->failed && !walker->stopped) {
        spread_rest(graph, listed);
    }
    if (!walker->failed) {
        nodes_of(graph, request->familiar, &request->familiar_nodes);
    }
    map_free(&graph->numbers);
    map_free(&graph->entered);
    if (!walker->failed) {
        add_sizes(graph);
    }
}

/* The bytes of a row, whose memory is given back. */
static PyObject *
bytes_of(Row *row)
{
    PyObject *bytes = PyBytes_FromStringAndSize(row->data, row->count * row->item_bytes);
    row_free(row);
    return bytes;
}

/* All that gc tracks. The list may hold tuples that other threads still fill, so that it must be
   gone before any of them runs again. */
static PyObject *
all_tracked(void)
{
    PyObject *gc = PyImport_ImportModule("gc");
    PyObject *get_objects = gc ? PyObject_GetAttrString(gc, "get_objects") : NULL;
    PyObject *listed = get_objects ? PyObject_CallNoArgs(get_objects) : NULL;
    Py_XDECREF(gc);
    Py_XDECREF(get_objects);
    if (listed != NULL && !PyList_CheckExact(listed)) {
        PyErr_SetString(PyExc_TypeError, "gc.get_objects() gave no list");
        Py_CLEAR(listed);
    }
    return listed;
}

PyDoc_STRVAR(
    graph_doc,
    "graph(tops, own, frames, familiar, timeout_s, most) -> tuple\n\n"
    "The arrays of a snapshot: kinds, sizes, ids, starts, targets, loose, nodes of the tops and of "
    "what is familiar; then nodes that must be handed back, these objects, one object of each type "
    "that was not taught, and whether it was stopped.");

static PyObject *
walker_graph(Walker *walker, PyObject *args)
{
    Graph graph;
    Request request;
    int unused = 0;
    if (!parse_request(walker, args, &request, &graph, &unused)) {
        return NULL;
    }
    PyObject *listed = all_tracked();
    PyObject *result = NULL;
    PyObject *parked = NULL, *unknown = NULL;
    if (listed != NULL) {
        take_graph(&graph, &request, listed);
        if (walker->failed) {
            no_memory(walker);
        }
        else {
            /* References first, while all of it is alive: letting go of the list runs code. */
            Row row = ROW_OF(PyObject *);
            int ok = 1;
            for (size_t i = 0; i < graph.parked.count && ok; i++) {
                uint32_t node = AT(graph.parked, uint32_t)[i];
                ok = PUSH(&row, PyObject *, AT(graph.objects, PyObject *)[node]);
            }
            parked = ok ? list_of(&row) : PyErr_NoMemory();
            unknown = parked ? list_of(&walker->samples) : NULL;
            row_free(&row);
        }
        Py_DECREF(listed);
    }
    if (unknown != NULL) {
        Row *rows[] = {&graph.kinds,   &graph.sizes,       &graph.objects,
                       &graph.starts,  &graph.targets,     &graph.loose,
                       &request.top_nodes, &request.familiar_nodes, &graph.parked};
        result = PyTuple_New(12);
        for (int i = 0; i < 9 && result != NULL; i++) {
            PyObject *bytes = bytes_of(rows[i]);
            if (bytes == NULL) {
                Py_CLEAR(result);
                break;
            }
            PyTuple_SET_ITEM(result, i, bytes);
        }
        if (result != NULL) {
            PyTuple_SET_ITEM(result, 9, Py_NewRef(parked));
            PyTuple_SET_ITEM(result, 10, Py_NewRef(unknown));
            PyTuple_SET_ITEM(result, 11, PyLong_FromLong(walker->stopped));
        }
    }
    Py_XDECREF(parked);
    Py_XDECREF(unknown);
    walker->samples.count = 0;
    graph_free(&graph);
    row_free(&request.top_nodes);
    row_free(&request.familiar_nodes);
    return result;
}

#if CAN_FORK

static int
write_all(int descriptor, const void *data, size_t bytes)
{
    const char *from = data;
    while (bytes > 0) {
        ssize_t done = write(descriptor, from, bytes > (1 << 20) ? (1 << 20) : bytes);
        if (done < 0) {
            if (errno == EINTR) {
                continue;
            }
            return 0;
        }
        from += done;
        bytes -= (size_t)done;
    }
    return 1;
}

static int
write_row(int descriptor, const Row *row)
{
    uint64_t bytes = row->count * row->item_bytes;
    return write_all(descriptor, &bytes, sizeof(bytes)) && write_all(descriptor, row->data, bytes);
}

/* Names of the types that the parent did not know, one after the other, each ended by a zero. */
static int
write_names(int descriptor, Walker *walker, size_t known)
{
    Row names = LARGE_ROW_OF(char);
    for (size_t i = known; i < walker->kinds.count; i++) {
        for (const char *letter = AT(walker->kinds, Kind)[i].type->tp_name;; letter++) {
            if (!PUSH(&names, char, *letter)) {
                return 0;
            }
            if (*letter == 0) {
                break;
            }
        }
    }
    return write_row(descriptor, &names);
}

PyDoc_STRVAR(
    fork_graph_doc,
    "fork_graph(tops, own, frames, familiar, timeout_s, most, descriptor) -> pid\n\n"
    "Walk in a forked child, which writes to the descriptor: whether it was stopped in 8 bytes, "
    "then kinds, sizes, ids, starts, targets, nodes of the tops and of what is familiar, and the "
    "names of further types, each after its length in 8 bytes.");

static PyObject *
walker_fork_graph(Walker *walker, PyObject *args)
{
    Graph graph;
    Request request;
    int descriptor = -1;
    if (!parse_request(walker, args, &request, &graph, &descriptor)) {
        return NULL;
    }
    size_t known = walker->kinds.count;
    /* Not os.fork(), which would run hooks of the program in the child. Of this process nothing
       but this thread goes on there, without waiting for any lock, until it ends by _exit(). */
    pid_t child = fork();
    if (child == 0) {
        uint64_t stopped;
        walker->is_child = 1;
        take_graph(&graph, &request, NULL);
        stopped = (uint64_t)walker->stopped;
        int ok = !walker->failed && write_all(descriptor, &stopped, sizeof(stopped)) &&
                 write_row(descriptor, &graph.kinds) && write_row(descriptor, &graph.sizes) &&
                 write_row(descriptor, &graph.objects) && write_row(descriptor, &graph.starts) &&
                 write_row(descriptor, &graph.targets) &&
                 write_row(descriptor, &request.top_nodes) &&
                 write_row(descriptor, &request.familiar_nodes) &&
                 write_names(descriptor, walker, known);
        _exit(ok ? 0 : walker->failed ? 2 : 1);
    }
    graph_free(&graph);
    if (child < 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return PyLong_FromLong(child);
}

#endif

/* Lengths of containers, for the growth scan. */

enum { NO_LENGTH = 1, USED, ITEM_COUNT, SET_USED, ASKED };

typedef struct {
    Walker *walker;
    PyObject *lengths, *asked;
    PyTypeObject *deque, *array;
    PyObject *others; /* types whose length Python reads */
    PyTypeObject *queue;
} Lengths;

static int
how_long(const Lengths *found, PyTypeObject *type)
{
    if (PyType_FastSubclass(type, Py_TPFLAGS_DICT_SUBCLASS)) {
        return USED;
    }
    if (type == &PyFrozenSet_Type) {
        return NO_LENGTH;
    }
    if (PyType_FastSubclass(type, Py_TPFLAGS_LIST_SUBCLASS) ||
        PyType_IsSubtype(type, &PyByteArray_Type) || PyType_IsSubtype(type, found->deque) ||
        PyType_IsSubtype(type, found->array)) {
        return ITEM_COUNT;
    }
    if (PyType_IsSubtype(type, &PySet_Type) || PyType_IsSubtype(type, &PyFrozenSet_Type)) {
        return SET_USED;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(found->others); i++) {
        if (PyType_IsSubtype(type, (PyTypeObject *)PyTuple_GET_ITEM(found->others, i))) {
            return ASKED;
        }
    }
    return NO_LENGTH;
}

static int
read_length(Lengths *found, int how, PyObject *item)
{
    Py_ssize_t length;
    if (how == ASKED) {
        return PyList_Append(found->asked, item) == 0;
    }
    length = how == USED       ? PyDict_GET_SIZE(item)
             : how == SET_USED ? ((PySetObject *)item)->used
                               : Py_SIZE(item);
    PyObject *key = PyLong_FromVoidPtr(item);
    PyObject *value = key ? PyLong_FromSsize_t(length) : NULL;
    int ok = value != NULL && PyDict_SetItem(found->lengths, key, value) == 0;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return ok;
}

/* Containers that gc does not track are found through what it does track. */
static int
visit_untracked(PyObject *item, void *arg)
{
    Lengths *found = arg;
    PyTypeObject *type = Py_TYPE(item);
    int how = type == &PyDict_Type                                    ? USED
              : type == &PyByteArray_Type || type == found->array     ? ITEM_COUNT
              : type == found->queue                                  ? ASKED
                                                                      : NO_LENGTH;
    if (how == NO_LENGTH || (PyObject_IS_GC(item) && PyObject_GC_IsTracked(item))) {
        return 0;
    }
    int is_new = map_mark(&found->walker->seen, item);
    if (is_new > 0 && !PUSH(&found->walker->next, PyObject *, item)) {
        is_new = -1;
    }
    found->walker->failed = is_new < 0;
    return is_new < 0;
}

PyDoc_STRVAR(lengths_doc,
             "lengths(objects, deque, array, queue, others) -> (lengths, asked)\n\n"
             "The length of each container among the objects (None: all that gc tracks), by id, with what they lead to and "
             "gc does not track; and the objects whose length Python must read.");

static PyObject *
walker_lengths(Walker *walker, PyObject *args)
{
    PyObject *objects;
    PyObject *listed = NULL;
    Lengths found = {walker, NULL, NULL, NULL, NULL, NULL, NULL};
    if (!PyArg_ParseTuple(args, "OO!O!O!O!", &objects, &PyType_Type, &found.deque, &PyType_Type,
                          &found.array, &PyType_Type, &found.queue, &PyTuple_Type,
                          &found.others)) {
        return NULL;
    }
    if (objects != Py_None && !PyList_CheckExact(objects)) {
        PyErr_SetString(PyExc_TypeError, "give a list or None");
        return NULL;
    }
    found.lengths = PyDict_New();
    found.asked = found.lengths ? PyList_New(0) : NULL;
    if (found.asked != NULL && objects == Py_None) {
        objects = listed = all_tracked();
    }
    if (found.asked == NULL || objects == NULL) {
        Py_XDECREF(found.lengths);
        Py_XDECREF(found.asked);
        return NULL;
    }
    walker->next.count = 0;
    Kind *kind = NULL;
    Py_ssize_t count = PyList_GET_SIZE(objects);
    int ok = 1;
    /* What is made here are numbers, and growing a dictionary of them runs no code of others. */
    for (Py_ssize_t i = 0; ok && i < count; i++) {
        fetch_ahead(((PyListObject *)objects)->ob_item, (size_t)i, (size_t)count);
        PyObject *item = PyList_GET_ITEM(objects, i);
        if (item == found.lengths || item == found.asked) {
            continue;
        }
        if (kind == NULL || kind->type != Py_TYPE(item)) {
            kind = find_kind(walker, Py_TYPE(item));
            if (kind == NULL && (kind = add_kind(walker, Py_TYPE(item))) != NULL) {
                use_nature(walker, kind);
                kind->sizer = (uint8_t)how_long(&found, kind->type);
            }
            if (kind == NULL) {
                ok = 0;
                break;
            }
        }
        if (kind->sizer != NO_LENGTH) {
            ok = read_length(&found, kind->sizer, item);
        }
        if (kind->follow != MODULE && ok) {
            traverse(item, visit_untracked, &found);
            ok = !walker->failed;
        }
    }
    for (size_t i = 0; ok && i < walker->next.count; i++) {
        PyObject *item = AT(walker->next, PyObject *)[i];
        ok = read_length(&found, how_long(&found, Py_TYPE(item)), item);
    }
    walker->next.count = 0;
    Py_XDECREF(listed);
    if (!ok) {
        Py_DECREF(found.lengths);
        Py_DECREF(found.asked);
        return PyErr_Occurred() ? NULL : no_memory(walker);
    }
    return Py_BuildValue("NN", found.lengths, found.asked);
}

/* What a type means, from Python. */

PyDoc_STRVAR(teach_doc,
             "teach(type, mode, sizer, base, fixed, each, header, follow, flags, asked)\n\n"
             "Say what is done with the objects of a type; see pympler/sizing/taught.py.");

static PyObject *
walker_teach(Walker *walker, PyObject *args)
{
    PyTypeObject *type;
    Kind taught;
    memset(&taught, 0, sizeof(taught));
    if (!PyArg_ParseTuple(args, "O!bbnnnnbbO", &PyType_Type, &type, &taught.mode, &taught.sizer,
                          &taught.base, &taught.fixed, &taught.each, &taught.header,
                          &taught.follow, &taught.flags, &taught.asked)) {
        return NULL;
    }
    Kind *kind = find_kind(walker, type);
    if (kind == NULL) {
        kind = add_kind(walker, type);
    }
    if (kind == NULL) {
        return PyErr_NoMemory();
    }
    taught.type = type;
    taught.objects = kind->objects;
    taught.bytes = kind->bytes;
    taught.asked = taught.asked == Py_None ? NULL : Py_NewRef(taught.asked);
    PyObject *before = kind->asked;
    *kind = taught;
    if (taught.follow == FRAME) { /* stands for: by its nature */
        use_nature(walker, kind);
    }
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

#if CAN_FORK

PyDoc_STRVAR(know_doc,
             "know(types): have a place for these types, of which a walk in a forked child then "
             "finds out by itself what it must know.");

static PyObject *
walker_know(Walker *walker, PyObject *types)
{
    if (!PyList_CheckExact(types)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(types); i++) {
        PyObject *type = PyList_GET_ITEM(types, i);
        if (!PyType_Check(type)) {
            PyErr_SetString(PyExc_TypeError, "give types");
            return NULL;
        }
        if (find_kind(walker, (PyTypeObject *)type) == NULL) {
            Kind *kind = add_kind(walker, (PyTypeObject *)type);
            if (kind == NULL) {
                return PyErr_NoMemory();
            }
            use_nature(walker, kind);
            teach_itself(walker, kind);
            Py_XINCREF(kind->asked);
        }
    }
    Py_RETURN_NONE;
}

#endif

PyDoc_STRVAR(size_doc, "size(item) -> its bytes as they would be counted, -1 if it is handed back.");

static PyObject *
walker_size(Walker *walker, PyObject *item)
{
    Kind *kind = find_kind(walker, Py_TYPE(item));
    int known = kind != NULL && kind->mode == COUNT;
    return PyLong_FromSsize_t(known ? size_of(walker, kind, item) : -1);
}

PyDoc_STRVAR(sizes_doc,
             "sizes(items) -> bytes: numbers of 64 bits, the size of each or -1 if Python must be "
             "asked.");

static PyObject *
walker_sizes(Walker *walker, PyObject *items)
{
    if (!PyList_CheckExact(items)) {
        PyErr_SetString(PyExc_TypeError, "give a list");
        return NULL;
    }
    size_t count = (size_t)PyList_GET_SIZE(items);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * sizeof(int64_t)));
    if (bytes == NULL) {
        return NULL;
    }
    int64_t *sizes = (int64_t *)PyBytes_AS_STRING(bytes);
    for (size_t i = 0; i < count; i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        Kind *kind = find_kind(walker, Py_TYPE(item));
        sizes[i] = kind && kind->mode == COUNT ? size_of(walker, kind, item) : -1;
    }
    return bytes;
}

PyDoc_STRVAR(tally_doc, "tally() -> rows of type, objects and bytes, for each type in its place.");

static PyObject *
walker_tally(Walker *walker, PyObject *unused)
{
    PyObject *rows = PyList_New(0);
    for (size_t i = 0; rows != NULL && i < walker->kinds.count; i++) {
        Kind *kind = &AT(walker->kinds, Kind)[i];
        PyObject *row = Py_BuildValue("OKK", kind->type, (unsigned long long)kind->objects,
                                      (unsigned long long)kind->bytes);
        if (row == NULL || PyList_Append(rows, row) < 0) {
            Py_CLEAR(rows);
        }
        Py_XDECREF(row);
    }
    return rows;
}

PyDoc_STRVAR(budget_doc, "budget(most, timeout_s): when walks stop; -1 for no limit.");

static PyObject *
walker_budget(Walker *walker, PyObject *args)
{
    Py_ssize_t most;
    double timeout_s;
    if (!PyArg_ParseTuple(args, "nd", &most, &timeout_s)) {
        return NULL;
    }
    walker->most = most < 0 ? UINT64_MAX : (uint64_t)most;
    walker->deadline_s = timeout_s < 0 ? 0 : now_s() + timeout_s;
    Py_RETURN_NONE;
}

static PyObject *
walker_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    static char *keywords[] = {"shared", "align", "least_int", "layout", NULL};
    PyObject *shared = Py_None, *layout = Py_None;
    Py_ssize_t align = 1, least_int = 0;
    Walker *walker;
    if (!PyArg_ParseTupleAndKeywords(args, names, "|OnnO", keywords, &shared, &align, &least_int,
                                     &layout)) {
        return NULL;
    }
    /* Marks is made by the same module, and known by how it is made. */
    if (shared != Py_None && strcmp(Py_TYPE(shared)->tp_name, "pympler._heapwalk.Marks") != 0) {
        PyErr_SetString(PyExc_TypeError, "shared must be Marks");
        return NULL;
    }
    if (align < 1 || (align & (align - 1))) {
        PyErr_SetString(PyExc_ValueError, "align must be a power of two");
        return NULL;
    }
    walker = (Walker *)type->tp_alloc(type, 0);
    if (walker == NULL) {
        return NULL;
    }
    const Row pointers = ROW_OF(PyObject *);
    walker->next = walker->parked = walker->mappings = pointers;
    walker->unknown = walker->samples = pointers;
    const Row kinds = {NULL, 0, 0, sizeof(Kind), 16 * sizeof(Kind)};
    walker->kinds = kinds;
    map_init(&walker->seen, BIT_TABLE, 0);
    map_init(&walker->namespaces, BIT_TABLE, 0);
    walker->align = align;
    walker->least_int = least_int;
    walker->most = UINT64_MAX;
    walker->shared = shared == Py_None ? NULL : Py_NewRef(shared);
    if (layout != Py_None &&
        !PyArg_ParseTuple(layout, "ppnnn", &walker->is_inline, &walker->is_tagged,
                          &walker->values_at, &walker->dict_at, &walker->keys_at)) {
        Py_DECREF(walker);
        return NULL;
    }
    return (PyObject *)walker;
}

static void
walker_dealloc(Walker *walker)
{
    PyTypeObject *type = Py_TYPE(walker);
    for (size_t i = 0; i < walker->mappings.count; i++) {
        Py_DECREF(AT(walker->mappings, PyObject *)[i]);
    }
    for (size_t i = 0; i < walker->kinds.count; i++) {
        Py_DECREF(AT(walker->kinds, Kind)[i].type);
        Py_XDECREF(AT(walker->kinds, Kind)[i].asked);
    }
    row_free(&walker->mappings);
    row_free(&walker->kinds);
    row_free(&walker->next);
    row_free(&walker->parked);
    row_free(&walker->unknown);
    row_free(&walker->samples);
    map_free(&walker->seen);
    map_free(&walker->namespaces);
    area_free(walker->places, walker->places ? (walker->places_mask + 1) * sizeof(uint32_t) : 0);
    Py_XDECREF(walker->shared);
    type->tp_free((PyObject *)walker);
    Py_DECREF(type);
}

static PyObject *
get_stopped(Walker *walker, void *unused)
{
    return PyLong_FromLong(walker->stopped);
}

static PyObject *
get_objects(Walker *walker, void *unused)
{
    return PyLong_FromUnsignedLongLong(walker->objects);
}

static PyObject *
get_bytes(Walker *walker, void *unused)
{
    return PyLong_FromUnsignedLongLong(walker->bytes);
}

static PyObject *
get_mappings(Walker *walker, void *unused)
{
    return PyLong_FromSize_t(walker->mappings.count);
}

static PyGetSetDef walker_attributes[] = {
    {"mappings", (getter)get_mappings, NULL, "how many dictionaries wait for their keys", NULL},
    {"stopped", (getter)get_stopped, NULL, "1 by max_objects, 2 by time, 0 not at all", NULL},
    {"objects", (getter)get_objects, NULL, "how many objects were counted", NULL},
    {"bytes", (getter)get_bytes, NULL, "and their bytes", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define METHOD(name, flags) {#name, (PyCFunction)walker_##name, flags, name##_doc}

static PyMethodDef walker_methods[] = {
    METHOD(teach, METH_VARARGS),
    METHOD(size, METH_O),
    METHOD(sizes, METH_O),
    METHOD(budget, METH_VARARGS),
    METHOD(mark, METH_O),
    METHOD(fresh, METH_O),
    METHOD(walk, METH_VARARGS),
    METHOD(note, METH_VARARGS),
    METHOD(add_keys, METH_VARARGS),
    METHOD(count, METH_O),
    METHOD(reach, METH_VARARGS),
    METHOD(tally, METH_NOARGS),
    METHOD(lengths, METH_VARARGS),
    METHOD(graph, METH_VARARGS),
#if CAN_FORK
    METHOD(fork_graph, METH_VARARGS),
    METHOD(know, METH_O),
#endif
    {NULL, NULL, 0, NULL},
};

static PyType_Slot walker_slots[] = {
    {Py_tp_new, walker_new},
    {Py_tp_dealloc, walker_dealloc},
    {Py_tp_methods, walker_methods},
    {Py_tp_getset, walker_attributes},
    {Py_tp_doc, "A walk over the heap. Walker(shared, align, least_int, layout)"},
    {0, NULL},
};

static PyType_Spec walker_spec = {
    "pympler._heapwalk.Walker", sizeof(Walker), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, walker_slots,
};

static PyObject *
marks_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    PyObject *ids;
    if (!PyArg_ParseTuple(args, "O!", &PyList_Type, &ids)) {
        return NULL;
    }
    Marks *marks = (Marks *)type->tp_alloc(type, 0);
    if (marks == NULL) {
        return NULL;
    }
    map_init(&marks->map, BIT_TABLE, 0);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(ids); i++) {
        void *address = PyLong_AsVoidPtr(PyList_GET_ITEM(ids, i));
        if (PyErr_Occurred() || map_mark(&marks->map, address) < 0) {
            if (!PyErr_Occurred()) {
                PyErr_NoMemory();
            }
            Py_DECREF(marks);
            return NULL;
        }
    }
    return (PyObject *)marks;
}

static void
marks_dealloc(Marks *marks)
{
    PyTypeObject *type = Py_TYPE(marks);
    map_free(&marks->map);
    type->tp_free((PyObject *)marks);
    Py_DECREF(type);
}

static PyType_Slot marks_slots[] = {
    {Py_tp_new, marks_new},
    {Py_tp_dealloc, marks_dealloc},
    {Py_tp_doc, "A set of addresses. Marks(ids)"},
    {0, NULL},
};

static PyType_Spec marks_spec = {
    "pympler._heapwalk.Marks", sizeof(Marks), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, marks_slots,
};

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

PyDoc_STRVAR(dominators_doc,
             "dominators(starts, targets, tops, dominators, order) -> nodes that were reached\n\n"
             "Fill the last two arrays, of one number for each node.");

static PyObject *
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

PyDoc_STRVAR(retained_doc,
             "retained(sizes, dominators, order)\n\n"
             "Add what each node dominates to its size, in place; order may be shorter.");

static PyObject *
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

PyDoc_STRVAR(spread_doc,
             "spread(starts, targets, parents, queue, begun) -> how long the queue is now\n\n"
             "Breadth first from the nodes in the queue: parents of nodes that have none "
             "(2**32-1) are set, and the nodes put into the queue.");

static PyObject *
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

PyDoc_STRVAR(by_kind_doc, "by_kind(kinds, sizes, counts, bytes): add up nodes by their kind.");

static PyObject *
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

static PyMethodDef functions[] = {
    {"dominators", find_dominators, METH_VARARGS, dominators_doc},
    {"retained", sum_retained, METH_VARARGS, retained_doc},
    {"spread", spread_parents, METH_VARARGS, spread_doc},
    {"by_kind", sum_by_kind, METH_VARARGS, by_kind_doc},
    {NULL, NULL, 0, NULL},
};

static int
module_exec(PyObject *module)
{
#if PY_VERSION_HEX < 0x030B0000
    PyObject *key = PyLong_FromLong(0);
    PyObject *probe = key ? PyDict_New() : NULL;
    int failed = probe == NULL || PyDict_SetItem(probe, key, key) < 0;
    if (!failed) {
        general_lookup = KEYS_OF(probe)->lookup; /* the same in every interpreter */
    }
    Py_XDECREF(key);
    Py_XDECREF(probe);
    if (failed) {
        return -1;
    }
#endif
    PyType_Spec *specs[] = {&walker_spec, &marks_spec};
    for (int i = 0; i < 2; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        int failed_here = type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0;
        Py_XDECREF(type);
        if (failed_here) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pympler._heapwalk",
    .m_doc = "The walk over the heap in C; see pympler.sizing.compiled.",
    .m_methods = functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit__heapwalk(void)
{
    return PyModuleDef_Init(&module_definition);
}
