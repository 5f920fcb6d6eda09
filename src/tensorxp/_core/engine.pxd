cimport cython

from tensorxp._backend.arrays cimport add_into, fits, plus
from tensorxp._core.node cimport Leaf, Node, Slot, Vertex
from tensorxp._core.operands cimport wrap
from tensorxp._core.primitive cimport Plan
from tensorxp._core.rules cimport BoundRule, run_rules
from tensorxp._core.tensor cimport TensorBase

cdef class _Queue:
    cdef public list heap
    cdef public dict waiting
    cdef public object newest, newest_ct, ct

    cdef object pop(self)
    cdef object add(self, Vertex node, object ct)
    cdef object add_part(self, Node node, object index, object ct)
    cdef object _put(self, Vertex node, object ct)

@cython.locals(i=Py_ssize_t, edges=tuple)
cpdef object _walk(
    _Queue queue, dict targets, set needed, int tensors, bint watched, bint retain_graph,
    bint accumulate, bint stop,
)
@cython.locals(saved=tuple, plan=Plan, form=Py_ssize_t)
cdef object _pull_thin(
    _Queue queue, Node node, object saved, object ct, set needed, bint retain_graph,
)
cdef int _calibrate_sum(object known, object ct, Vertex node)
cdef object _sum(object known, object ct, Vertex node)
@cython.locals(values=list, level=int, i=Py_ssize_t)
cpdef object pull_back(Node node, object ct, object needs, int tensors, bint retain_graph)
@cython.locals(leaf=Leaf)
cdef object _accumulate(Leaf leaf, object ct, bint tensors)
