cimport cython

cdef class Rule:
    cdef public tuple codes, named
    cdef public object fn

cdef class BoundRule:
    cdef public object fn
    cdef public Py_ssize_t index
    cdef public tuple named, places

    @cython.locals(places=tuple)
    cpdef object call(self, list values, dict params)
