from tensorxp._operators cimport Operators

cdef class AutogradMethods(Operators):
    pass
