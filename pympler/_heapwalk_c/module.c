/* The walk over the heap, as fast as the memory allows.

   Only what must be fast is here: which objects there are, their flat sizes, who refers to whom, the
   lengths of containers, and dominators over arrays. What a type means, and what is counted, is
   decided in Python, once for each type (Walker.teach); objects of a type that needs Python are
   handed back. While a walk runs, no Python code does, no object is made and no reference count is
   changed, so that the heap stands still under the lock of the interpreter. Nothing is kept
   afterwards but the types that were taught. Memory comes from mmap: a walk in a forked child must
   not touch what it shares with its parent. */

#include "arrays.h"
#include "layout.h"
#include "walking.h"

/* Counted up with each change of what Python calls, here and in pympler/sizing/compiled.py, so that
   an extension that was built before is not used. */
#define INTERFACE 6

#if PY_VERSION_HEX < 0x030B0000
void *general_lookup;
#endif

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
    return PyModule_AddIntMacro(module, INTERFACE);
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
