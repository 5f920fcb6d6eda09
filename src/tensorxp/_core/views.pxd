cimport cython

from tensorxp._core.tensor cimport TensorBase

@cython.freelist(64)
cdef class View:
    cdef public TensorBase base
    cdef public tuple links
    cdef public list cell
    cdef public object seen
    cdef public bint frozen

cpdef list cell_of(TensorBase x)
@cython.locals(parent=View, view=View)
cpdef View view_of(TensorBase x, object op, dict params, bint frozen)
