cimport cython

from tensorxp._backend.device cimport Device
from tensorxp._core.allocation cimport allocate
from tensorxp._backend.arrays cimport call1, call2, dtype_of, laid_out
from tensorxp._core.node cimport Leaf, Node, Vertex
from tensorxp._core.operands cimport promote, wrap
from tensorxp._core.primitive cimport Primitive
from tensorxp._core.record cimport record
from tensorxp._core.tensor cimport TensorBase
from tensorxp._core.views cimport View, view_of

@cython.locals(version=object, base=TensorBase, view=View)
cpdef object node_of(TensorBase x)
@cython.locals(i=Py_ssize_t, count=Py_ssize_t, kind=tuple, known=TensorBase)
cpdef object arrays_like(tuple tensors, tuple more, tuple kinds)
cpdef object unary(Primitive op, object x)
@cython.locals(device=Device)
cpdef object single(Primitive op, object x, dict params, object raw=*)
cdef bint _derives(object raw, Vertex node)
@cython.locals(device=Device)
cpdef object binary(Primitive op, object x1, object x2)
cpdef object apply(Primitive op, tuple inputs, dict params)
@cython.locals(device=Device, recorded=bint)
cdef object _run(Primitive op, tuple inputs, dict params)
