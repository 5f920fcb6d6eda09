from tensorxp._core.tensor cimport TensorBase

cpdef TensorBase allocate(object cls)
cpdef object next_seq()
