/* What all parts need: the interpreters that are known, and the system below. */

#ifndef HEAPWALK_PLATFORM_H
#define HEAPWALK_PLATFORM_H

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
/* GCC 12 takes a function that does nothing but fetch for one without effect and leaves out calls
   of it; what is volatile stays. */
#define PREFETCH(at)                                                                               \
    do {                                                                                           \
        __builtin_prefetch((const void *)(at));                                                    \
        __asm__ volatile("");                                                                      \
    } while (0)
#endif

#define LEFT_OUT UINT32_MAX
#define WORD_AT(object, offset) (*(uintptr_t *)((char *)(object) + (offset)))

/* The parts call each other and nobody else does: a program may have functions of these names. */
#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#endif
