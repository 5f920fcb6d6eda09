cimport cython

from tensorxp._backend.device cimport Device
from tensorxp._core.allocation cimport next_seq, reveal
from tensorxp._core.primitive cimport Plan, Primitive

cdef class Extra:
    cdef public object hooks, prehooks, posthooks, accumulated_hooks
    cdef public bint retain, check_nan, frozen
    cdef public object grad, where, owner

@cython.freelist(256)
cdef class Vertex:
    cdef object __weakref__
    cdef public Device device
    cdef public object shape, dtype, extra
    cdef public long long seq
    cdef public Primitive op
    cdef public Plan plan
    cdef public tuple edges
    cdef public object saved, params

cdef class Node(Vertex):
    pass

cdef class Slot(Vertex):
    cdef public Node main
    cdef public object index

cdef class Leaf(Vertex):
    cdef public object grad
