cimport cython

from tensorxp._backend.arrays cimport expand

cdef class Rule:
    cdef public tuple codes, named
    cdef public object fn

cdef class BoundRule:
    cdef public object fn
    cdef public Py_ssize_t form, index
    cdef public tuple named, places

    cpdef object call(self, list values, dict params)

cpdef object run_rules(tuple rules, list values, object needs, dict params)
