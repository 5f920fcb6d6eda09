cimport cython

from tensorxp._backend.device cimport Device
from tensorxp._core.allocation cimport hide, next_seq, visible
from tensorxp._backend.arrays cimport dtype_of, has_shape, shape_of
from tensorxp._core.node cimport Node, Slot, Vertex
from tensorxp._core.primitive cimport Plan, Primitive
from tensorxp._core.tensor cimport TensorBase
from tensorxp._core.views cimport View, cell_of

@cython.locals(plan=Plan, node=Node, saves=tuple, saved=tuple, code=Py_ssize_t, mask=int, alone=bint, k=int)
cpdef Node record(
    Primitive op, object inputs, tuple edges, dict params, object raw, Device device, object out
)
cdef object _shape(object raw, tuple edges)
cdef bint _leads_on(tuple edges, dict params)
