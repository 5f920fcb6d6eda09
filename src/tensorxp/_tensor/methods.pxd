from tensorxp._tensor.torch_methods cimport TorchMethods

cdef class Methods(TorchMethods):
    pass

cdef object _reduce(object function, object x, object axis, tuple args, dict kwargs)
