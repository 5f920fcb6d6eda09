from tensorxp._autograd_methods cimport AutogradMethods

cdef class TorchMethods(AutogradMethods):
    pass
