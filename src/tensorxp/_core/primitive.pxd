from tensorxp._core.rules cimport Rule

cdef class Plan:
    cdef public tuple needs, saves, rules
    cdef public bint hidden, thin

cdef class Primitive:
    cdef object __weakref__
    cdef public object name
    cdef public str kind
    cdef public tuple inputs
    cdef public object batched, forward, _formula
    cdef public bint view, scalars, variadic, tensor_level, differentiable
    cdef public dict rules, _plans
    cdef public list _few
    cdef public object _bound
    cdef public Rule whole, jvp_rule
