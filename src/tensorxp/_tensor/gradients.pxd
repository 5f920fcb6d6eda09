from tensorxp._tensor.operators cimport Operators

cdef class AutogradMethods(Operators):
    pass
