cimport cython

from tensorxp._backend.device cimport Device
from tensorxp._core.allocation cimport allocate
from tensorxp._core.primitive cimport Primitive
from tensorxp._core.tensor cimport TensorBase

@cython.locals(out=TensorBase)
cpdef TensorBase wrap(object raw, Device device, object node=*, object version=*)
cpdef tuple promote(Primitive op, object x1, object x2)
