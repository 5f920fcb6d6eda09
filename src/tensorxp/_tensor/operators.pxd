from tensorxp._core.door cimport binary
from tensorxp._core.tensor cimport TensorBase
from tensorxp._ops.indexing cimport getitem

cdef class Operators(TensorBase):
    pass
