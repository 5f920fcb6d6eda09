from tensorxp._methods cimport Methods

cdef class Tensor(Methods):
    pass
