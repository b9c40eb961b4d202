/* An extension that takes memory from the C library in each call and does not give it back. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

static PyObject *
checksum(PyObject *Py_UNUSED(module), PyObject *bytes)
{
    Py_ssize_t size = PyBytes_Size(bytes);
    if (size < 0) {
        return NULL;
    }
    char *copy = malloc((size_t)size + 1);
    if (copy == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(copy, PyBytes_AS_STRING(bytes), (size_t)size + 1);
    unsigned long sum = 0;
    for (Py_ssize_t place = 0; place < size; place++) {
        sum += (unsigned char)copy[place];
    }
    return PyLong_FromUnsignedLong(sum); /* free(copy) is missing */
}

static PyMethodDef methods[] = {
    {"checksum", checksum, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "raw_malloc", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_raw_malloc(void)
{
    return PyModule_Create(&module);
}
