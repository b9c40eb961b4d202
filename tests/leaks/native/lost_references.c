/* An extension that makes a list in each call and forgets to give up its reference to it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *
count_words(PyObject *Py_UNUSED(module), PyObject *text)
{
    PyObject *words = PyUnicode_Split(text, NULL, -1);
    if (words == NULL) {
        return NULL;
    }
    return PyLong_FromSsize_t(PyList_GET_SIZE(words)); /* Py_DECREF(words) is missing */
}

static PyObject *
tag(PyObject *Py_UNUSED(module), PyObject *number)
{
    PyObject *text = PyUnicode_FromFormat("request number %S of this process", number);
    Py_XINCREF(text); /* one reference too many: gc does not track a text */
    return text;
}

static PyMethodDef methods[] = {
    {"count_words", count_words, METH_O, NULL},
    {"tag", tag, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "lost_references", NULL, -1, methods};

PyMODINIT_FUNC
PyInit_lost_references(void)
{
    return PyModule_Create(&module);
}
