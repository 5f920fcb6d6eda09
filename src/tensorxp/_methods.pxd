from tensorxp._torch_methods cimport TorchMethods

cdef class Methods(TorchMethods):
    pass
