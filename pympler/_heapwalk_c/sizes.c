/* How many bytes an object takes, what it refers to left out. */

#include "layout.h"
#include "sizes.h"

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

Py_ssize_t
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
