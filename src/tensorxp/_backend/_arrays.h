/* NumPy's own elementwise loops on small arrays, without the machinery of a ufunc call.
 *
 * A loop that raises a floating-point flag is not trusted: the caller then calls the ufunc itself,
 * which warns or raises as the error state asks for. */
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#include <fenv.h>
#include <string.h>

#define SMALL 1024 /* elements; above it a ufunc's own cost is small, and it releases the GIL */
#define ENTRIES 256
#define FLAGS (FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID)

typedef struct {
    PyObject *ufunc; /* owned, so that its address is not used again */
    int type, out_type;
    PyUFuncGenericFunction run; /* NULL where the ufunc has no loop of this type alone */
    void *data;
} Loop;

static Loop loops[ENTRIES];

/* Return the loop of `ufunc` whose inputs are all of `type`, or NULL. */
static Loop *find_loop(PyObject *object, int type, int inputs) {
    PyUFuncObject *ufunc = (PyUFuncObject *)object;
    Loop *entry = &loops[(((size_t)object >> 5) * 31 + (size_t)type) % ENTRIES];
    int i, j;
    if (entry->ufunc != object || entry->type != type) {
        Py_INCREF(object);
        Py_XDECREF(entry->ufunc);
        entry->ufunc = object;
        entry->type = type;
        entry->run = NULL;
        if (ufunc->nout == 1 && !ufunc->core_enabled && type <= NPY_CLONGDOUBLE) {
            for (i = 0; i < ufunc->ntypes && entry->run == NULL; i++) {
                const char *row = ufunc->types + i * ufunc->nargs;
                for (j = 0; j < ufunc->nin && row[j] == type; j++) {
                }
                if (j == ufunc->nin && row[j] <= NPY_CLONGDOUBLE) {
                    entry->run = ufunc->functions[i];
                    entry->data = ufunc->data == NULL ? NULL : (void *)ufunc->data[i];
                    entry->out_type = row[j];
                }
            }
        }
    }
    return entry->run == NULL || ufunc->nin != inputs ? NULL : entry;
}

/* Return the dtype of an array, a borrowed reference. */
static PyObject *descr(PyArrayObject *x) {
    return (PyObject *)PyArray_DESCR(x);
}

static int is_plain(PyArrayObject *x) {
    return PyArray_CheckExact((PyObject *)x) && PyArray_IS_C_CONTIGUOUS(x) && PyArray_ISBEHAVED_RO(x);
}

/* Write a Python scalar as `type`, as NumPy's weak promotion does; return whether that is exact. */
static int fill_scalar(PyObject *x, int type, void *at) {
    if (PyFloat_CheckExact(x)) {
        double value = PyFloat_AS_DOUBLE(x);
        if (type == NPY_DOUBLE) {
            memcpy(at, &value, sizeof value);
            return 1;
        }
        if (type == NPY_FLOAT && value >= -3e38 && value <= 3e38) {
            float rounded = (float)value;
            memcpy(at, &rounded, sizeof rounded);
            return 1;
        }
        return 0;
    }
    if (PyLong_CheckExact(x)) {
        int overflow;
        long long value = PyLong_AsLongLongAndOverflow(x, &overflow);
        if (overflow || value < -(1 << 24) || value > 1 << 24) {
            return 0;
        }
        if (type == NPY_DOUBLE) {
            double exact = (double)value;
            memcpy(at, &exact, sizeof exact);
            return 1;
        }
        if (type == NPY_FLOAT) {
            float exact = (float)value;
            memcpy(at, &exact, sizeof exact);
            return 1;
        }
        if (type == NPY_LONG) {
            long exact = (long)value;
            memcpy(at, &exact, sizeof exact);
            return 1;
        }
    }
    return 0;
}

/* Run a loop on `args`; return the new array, or NULL (with or without an error). */
static PyObject *run_loop(Loop *loop, PyArrayObject *like, int inputs, char **args, npy_intp *steps) {
    npy_intp n = PyArray_SIZE(like);
    PyObject *out = PyArray_EMPTY(PyArray_NDIM(like), PyArray_DIMS(like), loop->out_type, 0);
    if (out == NULL) {
        return NULL;
    }
    args[inputs] = PyArray_BYTES((PyArrayObject *)out);
    steps[inputs] = PyArray_ITEMSIZE((PyArrayObject *)out);
    if (fetestexcept(FLAGS)) {
        feclearexcept(FLAGS);
    }
    loop->run(args, &n, steps, loop->data);
    if (fetestexcept(FLAGS) || PyErr_Occurred()) {
        feclearexcept(FLAGS);
        Py_DECREF(out);
        return NULL;
    }
    return out;
}

static PyObject *apply_unary(PyObject *ufunc, PyObject *x) {
    PyArrayObject *a = (PyArrayObject *)x;
    char *args[2];
    npy_intp steps[2];
    Loop *loop;
    if (Py_TYPE(ufunc) != &PyUFunc_Type || !PyArray_CheckExact(x) || !is_plain(a) ||
        PyArray_SIZE(a) > SMALL || (loop = find_loop(ufunc, PyArray_TYPE(a), 1)) == NULL) {
        return NULL;
    }
    args[0] = PyArray_BYTES(a);
    steps[0] = PyArray_ITEMSIZE(a);
    return run_loop(loop, a, 1, args, steps);
}

/* One operand is an array, the other one of the same shape, of no dimension, or a Python scalar. */
static PyObject *apply_binary(PyObject *ufunc, PyObject *x, PyObject *y) {
    PyObject *operands[2] = {x, y};
    PyArrayObject *like = NULL;
    char *args[3];
    npy_intp steps[3];
    npy_clongdouble scalar;
    Loop *loop;
    int i;
    if (Py_TYPE(ufunc) != &PyUFunc_Type) {
        return NULL;
    }
    for (i = 0; i < 2; i++) {
        PyArrayObject *a = (PyArrayObject *)operands[i];
        if (PyArray_CheckExact(operands[i])) {
            if (!is_plain(a)) {
                return NULL;
            }
            if (like == NULL || (PyArray_NDIM(like) == 0 && PyArray_NDIM(a) > 0)) {
                like = a;
            }
        }
    }
    if (like == NULL || PyArray_SIZE(like) > SMALL ||
        (loop = find_loop(ufunc, PyArray_TYPE(like), 2)) == NULL) {
        return NULL;
    }
    for (i = 0; i < 2; i++) {
        PyArrayObject *a = (PyArrayObject *)operands[i];
        if (!PyArray_CheckExact(operands[i])) {
            if (!fill_scalar(operands[i], PyArray_TYPE(like), &scalar)) {
                return NULL;
            }
            args[i] = (char *)&scalar;
            steps[i] = 0;
        } else if (PyArray_TYPE(a) != PyArray_TYPE(like)) {
            return NULL;
        } else if (PyArray_NDIM(a) == 0) {
            args[i] = PyArray_BYTES(a);
            steps[i] = 0;
        } else if (a == like || PyArray_SAMESHAPE(a, like)) {
            args[i] = PyArray_BYTES(a);
            steps[i] = PyArray_ITEMSIZE(a);
        } else {
            return NULL;
        }
    }
    return run_loop(loop, like, 2, args, steps);
}

/* Apply a ufunc of two arrays of one dtype and shape, which share no memory, into the first.
 *
 * Return whether that was done. Flags are not told: an engine's sums run with warnings off. */
static int apply_into(PyObject *ufunc, PyObject *x, PyObject *y) {
    PyArrayObject *a = (PyArrayObject *)x, *b = (PyArrayObject *)y;
    npy_intp steps[3], n;
    char *args[3];
    Loop *loop;
    if (!PyArray_CheckExact(x) || !PyArray_CheckExact(y) || a == b || !is_plain(a) ||
        !is_plain(b) || !PyArray_ISWRITEABLE(a) || PyArray_SIZE(a) > SMALL ||
        PyArray_TYPE(a) != PyArray_TYPE(b) || !PyArray_SAMESHAPE(a, b) ||
        (loop = find_loop(ufunc, PyArray_TYPE(a), 2)) == NULL ||
        loop->out_type != PyArray_TYPE(a)) {
        return 0;
    }
    n = PyArray_SIZE(a);
    args[0] = args[2] = PyArray_BYTES(a);
    args[1] = PyArray_BYTES(b);
    steps[0] = steps[1] = steps[2] = PyArray_ITEMSIZE(a);
    loop->run(args, &n, steps, loop->data);
    return 1;
}

/* Return a small array repeated along axes of size 1 or in front, or NULL. */
static PyObject *apply_expand(PyObject *x, PyObject *shape) {
    npy_intp dims[8];
    Py_ssize_t i, ndim, n = 1;
    PyArrayObject *out;
    if (!PyArray_CheckExact(x) || !PyTuple_CheckExact(shape) ||
        PyArray_TYPE((PyArrayObject *)x) > NPY_CLONGDOUBLE ||
        !PyArray_ISNOTSWAPPED((PyArrayObject *)x) || PyTuple_GET_SIZE(shape) > 8) {
        return NULL;
    }
    ndim = PyTuple_GET_SIZE(shape);
    if (PyArray_NDIM((PyArrayObject *)x) > ndim) {
        return NULL;
    }
    for (i = 0; i < ndim; i++) {
        PyObject *size = PyTuple_GET_ITEM(shape, i);
        if (!PyLong_CheckExact(size)) {
            return NULL;
        }
        dims[i] = PyLong_AsSsize_t(size);
        if (dims[i] < 0 || dims[i] > SMALL || (n *= dims[i]) > SMALL) {
            PyErr_Clear();
            return NULL;
        }
    }
    out = (PyArrayObject *)PyArray_EMPTY((int)ndim, dims, PyArray_TYPE((PyArrayObject *)x), 0);
    if (out != NULL && PyArray_CopyInto(out, (PyArrayObject *)x) < 0) {
        PyErr_Clear(); /* shapes that do not fit: the caller's function says so */
        Py_DECREF(out);
        return NULL;
    }
    return (PyObject *)out;
}

#define SMALL_PRODUCT 256 /* multiplications; above it BLAS pays for its call */

/* C = A B of float or double, by strides in bytes; C is contiguous. */
#define PRODUCT(NAME, T)                                                                           \
    static void NAME(const char *a, const char *b, char *c, npy_intp m, npy_intp k, npy_intp n,    \
                     const npy_intp *sa, const npy_intp *sb) {                                     \
        npy_intp i, j, p;                                                                          \
        for (i = 0; i < m; i++) {                                                                  \
            for (j = 0; j < n; j++) {                                                              \
                const char *x = a + i * sa[0], *y = b + j * sb[1];                                 \
                T sum = 0;                                                                         \
                for (p = 0; p < k; p++, x += sa[1], y += sb[0]) {                                  \
                    sum += *(const T *)x * *(const T *)y;                                          \
                }                                                                                  \
                ((T *)c)[i * n + j] = sum;                                                         \
            }                                                                                      \
        }                                                                                          \
    }
PRODUCT(product_double, double)
PRODUCT(product_float, float)

/* Return the matrix product of two small arrays of one or two dimensions, or NULL. */
static PyObject *apply_product(PyObject *x, PyObject *y) {
    PyArrayObject *a = (PyArrayObject *)x, *b = (PyArrayObject *)y;
    npy_intp m = 1, k, n = 1, sa[2] = {0, 0}, sb[2] = {0, 0}, dims[2];
    int type, ndim = 0;
    PyObject *out;
    if (!PyArray_CheckExact(x) || !PyArray_CheckExact(y) || !PyArray_ISBEHAVED_RO(a) ||
        !PyArray_ISBEHAVED_RO(b)) {
        return NULL;
    }
    type = PyArray_TYPE(a);
    if ((type != NPY_DOUBLE && type != NPY_FLOAT) || PyArray_TYPE(b) != type ||
        PyArray_NDIM(a) < 1 || PyArray_NDIM(a) > 2 || PyArray_NDIM(b) < 1 || PyArray_NDIM(b) > 2) {
        return NULL;
    }
    k = PyArray_DIM(a, PyArray_NDIM(a) - 1);
    sa[1] = PyArray_STRIDE(a, PyArray_NDIM(a) - 1);
    sb[0] = PyArray_STRIDE(b, 0);
    if (PyArray_NDIM(a) == 2) {
        dims[ndim++] = m = PyArray_DIM(a, 0);
        sa[0] = PyArray_STRIDE(a, 0);
    }
    if (PyArray_NDIM(b) == 2) {
        dims[ndim++] = n = PyArray_DIM(b, 1);
        sb[1] = PyArray_STRIDE(b, 1);
    }
    if (PyArray_DIM(b, 0) != k || m > SMALL_PRODUCT || k > SMALL_PRODUCT || n > SMALL_PRODUCT ||
        m * k * n > SMALL_PRODUCT || (out = PyArray_EMPTY(ndim, dims, type, 0)) == NULL) {
        return NULL;
    }
    if (fetestexcept(FLAGS)) {
        feclearexcept(FLAGS);
    }
    (type == NPY_DOUBLE ? product_double : product_float)(
        PyArray_BYTES(a), PyArray_BYTES(b), PyArray_BYTES((PyArrayObject *)out), m, k, n, sa, sb);
    if (fetestexcept(FLAGS)) {
        feclearexcept(FLAGS);
        Py_DECREF(out);
        return NULL;
    }
    return out;
}
