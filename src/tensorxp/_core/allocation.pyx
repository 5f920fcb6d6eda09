"""The C twin of allocation.py: `TensorBase`'s own allocator for every subclass, and a counter."""

from cpython.object cimport PyObject

from tensorxp._core.tensor cimport TensorBase

cdef extern from "Python.h":
    ctypedef void *destructor
    ctypedef void *traverseproc
    ctypedef void *inquiry
    ctypedef struct PyBufferProcs:
        void *bf_getbuffer
        void *bf_releasebuffer
    ctypedef struct Py_buffer:
        void *obj
    int PyObject_GetBuffer(object, Py_buffer *, int) except -1
    ctypedef struct PyMethodDef:
        pass
    ctypedef struct PyCFunctionObject:
        PyMethodDef *m_ml
    ctypedef struct PyTypeObject:
        PyBufferProcs *tp_as_buffer
        const char *tp_name
        object (*tp_new)(PyTypeObject *, object, void *)
        destructor tp_dealloc
        traverseproc tp_traverse
        inquiry tp_clear
        PyObject *tp_dict
    object PyDescr_NewMethod(PyTypeObject *, PyMethodDef *)
    void PyType_Modified(PyTypeObject *)
    void PyObject_GC_Track(object)
    void PyObject_GC_UnTrack(object)
    bint PyObject_GC_IsTracked(object)
    bint PyObject_IS_GC(object)

COMPILED = True

cdef tuple _NONE = ()
cdef long long _last = 0


cpdef long long next_seq():
    """Return the next sequence number."""
    global _last
    _last += 1
    return _last


# a subclass that is an extension type hides the allocator of its base from `TensorBase.__new__`
cpdef TensorBase allocate(object cls):
    return <TensorBase>(<PyTypeObject *>TensorBase).tp_new(<PyTypeObject *>cls, _NONE, NULL)


def settle(type cls not None, type root not None):
    """Have instances of the extension type `cls` deleted in one step, as those of its base."""
    cdef PyTypeObject *base = <PyTypeObject *>root
    cdef PyTypeObject *own = <PyTypeObject *>cls
    if cls.__basicsize__ != root.__basicsize__ or not issubclass(cls, root):
        raise TypeError(f"settle: {cls} has fields of its own")
    own.tp_dealloc = base.tp_dealloc
    own.tp_traverse = base.tp_traverse
    own.tp_clear = base.tp_clear


def publish(type cls not None):
    """Have help and errors call a class what users call it."""
    (<PyTypeObject *>cls).tp_name = b"tensorxp.Tensor"


def strict(type cls not None):
    """Have the methods of a class refuse what is no instance of it, as those of built-in types do.

    Cython's own do not look, unless they are compiled without `binding`, which the directives at
    the top of other modules say. This is for classes beside public functions, which need it.
    """
    cdef PyTypeObject *own = <PyTypeObject *>cls
    cdef dict names = <dict>own.tp_dict
    for name, method in list(names.items()):
        if type(method) is type(strict):
            names[name] = PyDescr_NewMethod(own, (<PyCFunctionObject *>method).m_ml)
    PyType_Modified(own)


cdef int _getbuffer(object x, Py_buffer *view, int flags) except -1:
    view.obj = NULL
    return PyObject_GetBuffer(x.__array__(), view, flags)  # which makes the array its owner


cdef PyBufferProcs _procs
_procs.bf_getbuffer = <void *>_getbuffer
_procs.bf_releasebuffer = NULL


def lend(type cls not None):
    """Have instances of `cls`, and of subclasses made from now on, lend the buffer of their array.

    Python before 3.12 has no `__buffer__` for classes to define.
    """
    (<PyTypeObject *>cls).tp_as_buffer = &_procs


cpdef object hide(object x):
    """Keep a node or tuple, which is in no reference cycle, out of sight of the collector."""
    PyObject_GC_UnTrack(x)


cpdef object reveal(object x):
    """Let the garbage collector see a node or tuple again."""
    if PyObject_IS_GC(x) and not PyObject_GC_IsTracked(x):
        PyObject_GC_Track(x)


cpdef bint visible(object x):
    """Return whether the garbage collector sees `x`."""
    return PyObject_GC_IsTracked(x)
