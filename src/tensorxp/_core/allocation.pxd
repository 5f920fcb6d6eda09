from tensorxp._core.tensor cimport TensorBase

cpdef TensorBase allocate(object cls)
cpdef long long next_seq()
cpdef object hide(object node)
cpdef object reveal(object node)
cpdef bint visible(object x)
