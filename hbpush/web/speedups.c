/* What `hbpush.web.write_each` does, in C: between two system calls there is nothing of Python. Built where a C compiler is at hand. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* Python ignores SIGPIPE */
#endif

struct target {
    int descriptor; /* negative: nothing is sent */
    Py_ssize_t sent;
};

/* Fill targets with the descriptors of a list. Whether all of them fit; otherwise an exception is set. */
static int read_descriptors(PyObject *list, struct target *targets, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        long descriptor = PyLong_AsLong(PyList_GetItem(list, i));
        if (descriptor == -1 && PyErr_Occurred())
            return 0;
        if (descriptor > INT_MAX || descriptor < INT_MIN) {
            PyErr_SetString(PyExc_OverflowError, "a descriptor is too large");
            return 0;
        }
        targets[i] = (struct target){(int)descriptor, 0};
    }
    return 1;
}

static void send_all(struct target *targets, Py_ssize_t count, const char *wire, Py_ssize_t size)
{
    for (struct target *target = targets; target < targets + count; target++) {
        if (target->descriptor < 0)
            continue;
        target->sent = send(target->descriptor, wire, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (target->sent < 0)
            target->sent = 0;
    }
}

/* The new list of (index, sent) for those that have not taken everything; NULL with an exception set. */
static PyObject *list_unwritten(const struct target *targets, Py_ssize_t count, Py_ssize_t size)
{
    PyObject *unwritten = PyList_New(0);
    for (Py_ssize_t i = 0; unwritten != NULL && i < count; i++) {
        if (targets[i].sent == size)
            continue;
        PyObject *pair = Py_BuildValue("(nn)", i, targets[i].sent);
        if (pair == NULL || PyList_Append(unwritten, pair) < 0)
            Py_CLEAR(unwritten);
        Py_XDECREF(pair);
    }
    return unwritten;
}

static PyObject *write_each(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *list, *bytes;
    if (!PyArg_ParseTuple(arguments, "O!S:write_each", &PyList_Type, &list, &bytes))
        return NULL;
    Py_ssize_t count = PyList_Size(list), size = PyBytes_Size(bytes);
    const char *wire = PyBytes_AsString(bytes);
    struct target *targets = PyMem_Calloc((size_t)count, sizeof *targets);
    if (targets == NULL)
        return PyErr_NoMemory();
    PyObject *unwritten = NULL;
    if (read_descriptors(list, targets, count)) {
        Py_BEGIN_ALLOW_THREADS
        send_all(targets, count, wire, size);
        Py_END_ALLOW_THREADS
        unwritten = list_unwritten(targets, count, size);
    }
    PyMem_Free(targets);
    return unwritten;
}

static PyMethodDef methods[] = {
    {"write_each", write_each, METH_VARARGS, "write_each(descriptors, wire): see hbpush.web.write_each."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED}, /* it keeps nothing between two calls */
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "speedups", .m_methods = methods, .m_slots = slots};

PyMODINIT_FUNC PyInit_speedups(void)
{
    return PyModuleDef_Init(&definition);
}
