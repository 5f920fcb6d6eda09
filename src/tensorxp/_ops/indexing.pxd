from tensorxp._core.door cimport apply, node_of, single
from tensorxp._core.tensor cimport TensorBase

cpdef object getitem(object x, object key)
cdef bint _is_plain(object key)
cdef bint _all_plain(tuple key)
