"""The C twin of arrays.py: small NumPy arrays go straight to NumPy's own loops."""

cimport numpy as np
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM

import numpy

np.import_array()
np.import_umath()

cdef extern from "_arrays.h":
    PyObject *descr(np.ndarray x)
    PyObject *apply_unary(object ufunc, object x) except? NULL
    PyObject *apply_binary(object ufunc, object x, object y) except? NULL
    PyObject *apply_product(object x, object y) except? NULL
    PyObject *apply_expand(object x, object shape) except? NULL
    int apply_into(object ufunc, object x, object y) except -1

cdef object _multiply = numpy.multiply
cdef object _negative = numpy.negative
cdef object _add = numpy.add
cdef object _subtract = numpy.subtract
cdef object _divide = numpy.divide


cdef inline object _owned(PyObject *x):
    out = <object>x
    Py_DECREF(out)
    return out


cpdef object call1(object fn, object x):
    """Return `fn(x)`."""
    cdef PyObject *out = apply_unary(fn, x)
    return fn(x) if out == NULL else _owned(out)


cpdef object call2(object fn, object x, object y):
    """Return `fn(x, y)`."""
    cdef PyObject *out = apply_binary(fn, x, y)
    return fn(x, y) if out == NULL else _owned(out)


cpdef object times(object x, object y):
    """Return `x * y`."""
    cdef PyObject *out = apply_binary(_multiply, x, y)
    return x * y if out == NULL else _owned(out)


cpdef object add_into(object x, object y):
    """Return `x` with `y` added in place."""
    if not apply_into(_add, x, y):
        x += y
    return x


cpdef object product(object x, object y):
    """Return `x @ y`."""
    cdef PyObject *out = apply_product(x, y)
    return x @ y if out == NULL else _owned(out)


cpdef object expand(object xp, object x, object shape):
    """Return `xp.broadcast_to(x, shape)`, of small arrays a copy."""
    cdef PyObject *out = apply_expand(x, shape)
    return xp.broadcast_to(x, shape) if out == NULL else _owned(out)


cpdef object over(object x, object y):
    """Return `x / y`."""
    cdef PyObject *out = apply_binary(_divide, x, y)
    return x / y if out == NULL else _owned(out)


cpdef object minus(object x, object y):
    """Return `x - y`."""
    cdef PyObject *out = apply_binary(_subtract, x, y)
    return x - y if out == NULL else _owned(out)


cpdef object plus(object x, object y):
    """Return `x + y`."""
    cdef PyObject *out = apply_binary(_add, x, y)
    return x + y if out == NULL else _owned(out)


cpdef object negated(object x):
    """Return `-x`."""
    cdef PyObject *out = apply_unary(_negative, x)
    return -x if out == NULL else _owned(out)


cpdef object conj(object x):
    """Return the complex conjugate of `x`, itself where it is a real array."""
    if type(x) is np.ndarray and not np.PyArray_ISCOMPLEX(<np.ndarray>x):
        return x
    return x.conjugate()


cpdef object shape_of(object x):
    """Return `x.shape`."""
    cdef Py_ssize_t i, ndim
    cdef object n
    if type(x) is not np.ndarray:
        return x.shape
    ndim = np.PyArray_NDIM(<np.ndarray>x)
    shape = PyTuple_New(ndim)
    for i in range(ndim):
        n = np.PyArray_DIM(<np.ndarray>x, i)
        Py_INCREF(n)
        PyTuple_SET_ITEM(shape, i, n)
    return shape


cpdef object dtype_of(object x):
    """Return `x.dtype`."""
    return <object>descr(<np.ndarray>x) if type(x) is np.ndarray else x.dtype


cpdef bint has_shape(object x, object shape):
    """Return whether `x` has this shape."""
    cdef Py_ssize_t i, ndim
    cdef object n
    if type(x) is not np.ndarray or type(shape) is not tuple:
        return x.shape == shape
    ndim = np.PyArray_NDIM(<np.ndarray>x)
    if len(<tuple>shape) != ndim:
        return False
    for i in range(ndim):
        n = (<tuple>shape)[i]
        if type(n) is not int or np.PyArray_DIM(<np.ndarray>x, i) != <Py_ssize_t>n:
            return False
    return True


cpdef bint fits(object x, object shape, object dtype):
    """Return whether `x` has this shape and this very dtype."""
    return dtype_of(x) is dtype and has_shape(x, shape)


cpdef bint laid_out(object x, tuple shape, object dtype, tuple strides):
    """Return whether `x` has this shape, this very dtype, and these strides."""
    cdef Py_ssize_t i
    if type(x) is not np.ndarray:
        return x.dtype is dtype and x.shape == shape and x.strides == strides
    if not fits(x, shape, dtype) or len(strides) != np.PyArray_NDIM(<np.ndarray>x):
        return False
    for i in range(len(strides)):
        if np.PyArray_STRIDE(<np.ndarray>x, i) != <Py_ssize_t>strides[i]:
            return False
    return True
