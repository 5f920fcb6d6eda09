from tensorxp._tensor.methods cimport Methods

cdef class Tensor(Methods):
    pass
