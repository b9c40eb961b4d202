/* The type Marks: a set of addresses. */

#include "walking.h"

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

int
is_marks(PyObject *item)
{
    /* In each interpreter it is a type of its own; what makes the objects is the same. */
    return Py_TYPE(item)->tp_new == marks_new;
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

PyType_Spec marks_spec = {
    "pympler._heapwalk.Marks", sizeof(Marks), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, marks_slots,
};
