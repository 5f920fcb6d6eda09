from tensorxp._tensor.gradients cimport AutogradMethods

cdef class TorchMethods(AutogradMethods):
    pass
