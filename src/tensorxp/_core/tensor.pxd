cimport cython

from tensorxp._backend.device cimport Device

@cython.freelist(64)
cdef class TensorBase:
    cdef object __weakref__
    cdef public object _data
    cdef public Device _device
    cdef public object _node
    cdef public object _version
