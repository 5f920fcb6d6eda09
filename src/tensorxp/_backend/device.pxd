cdef class Device:
    cdef public str type
    cdef public object index
    cdef public object _raw
    cdef public object _array_type
    cdef public dict _forwards
    cdef public bint several
