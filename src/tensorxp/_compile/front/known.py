"""What traced code may call as it is: functions whose result follows from their arguments.

Everything else is either rewritten and followed (functions with a source), or ends the trace.
"""

import builtins
import cmath
import functools
import itertools
import math
import operator
import sys
from types import ModuleType
from typing import Any

import numpy as np

from tensorxp._core.modes import _Scope, enable_grad, inference_mode, no_grad
from tensorxp._core.tensor import CONCRETE

#: Scalars and the like: operators on them have no effects and read nothing else.
SCALARS = frozenset(
    (int, float, complex, bool, str, bytes, type(None), type(...), type(NotImplemented), range)
)

#: Types that may be called on what was asked about; their instances are new.
TYPES = frozenset((
    int, float, complex, bool, str, bytes, list, tuple, dict, set, frozenset, slice, range, zip,
    enumerate, reversed, object, itertools.chain, itertools.product, itertools.islice,
    itertools.repeat, itertools.accumulate, itertools.combinations, itertools.permutations,
    itertools.pairwise, itertools.zip_longest, itertools.count, itertools.cycle,
))  # fmt: skip

#: Builtin functions that only look at their arguments, after these were asked about.
FUNCTIONS = frozenset((
    abs, round, pow, divmod, chr, ord, bin, hex, oct, repr, format, callable,
    functools.reduce, math.prod, math.fsum,
))  # fmt: skip

#: Those that write to their first argument.
IN_PLACE = frozenset((
    operator.iadd, operator.iand, operator.iconcat, operator.ifloordiv, operator.ilshift,
    operator.imatmul, operator.imod, operator.imul, operator.ior, operator.ipow, operator.irshift,
    operator.isub, operator.itruediv, operator.ixor, operator.setitem, operator.delitem,
))  # fmt: skip

#: Functions that take what they are given apart first.
FOLDS = frozenset((sum, min, max, any, all, sorted))

#: Methods of lists, dicts and sets that only look, and those whose results are new.
READS = frozenset((
    "index", "count", "copy", "get", "items", "keys", "values", "union", "intersection",
    "difference", "symmetric_difference", "issubset", "issuperset", "isdisjoint", "__contains__",
    "__len__", "__getitem__", "__iter__",
))  # fmt: skip
MAKES = frozenset((
    "copy", "items", "keys", "values", "union", "intersection", "difference",
    "symmetric_difference", "split", "rsplit", "splitlines", "partition", "__iter__",
))  # fmt: skip
WRITES = frozenset((
    "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update",
    "setdefault", "popitem", "add", "discard",
))  # fmt: skip

SCOPES = (no_grad, enable_grad, inference_mode, _Scope)

#: Parts of this package whose functions follow from their arguments, the default dtype and device.
_OURS = (
    "_ops", "linalg", "fft", "special", "nn.functional", "_core", "_tensor", "_numpy", "autograd",
    "_backend",
)  # fmt: skip
_THEIRS = {
    "optimize": "a solver decides by values how far it goes",
    "integrate": "a solver decides by values how far it goes",
    "interpolate": "it decides by values",
    "random": "it draws random numbers",
}
#: Functions of these parts that leave something behind, or go by values.
_NOT = frozenset((
    "set_default_dtype", "set_default_device", "set_grad_enabled", "backward", "gradcheck",
    "gradgradcheck", "checkpoint", "implicit", "custom_root", "save", "load", "register_hook",
    "register_post_accumulate_grad_hook", "retain_grad", "detach_", "set_detect_anomaly",
    "saved_tensors_hooks", "from_numpy", "from_dlpack", "numpy", "tolist", "item", "set_",
    "export_dlpack", "dlpack_device", "unique_all", "unique_values", "unique_inverse",
    "unique_counts", "nonzero", "argwhere", "flatnonzero", "bincount", "linear_solve",
    "data_ptr", "__array__", "fixed_point", "root",
))  # fmt: skip
#: Functions whose results follow from the shapes and dtypes of Tensors alone.
OF_SHAPES = frozenset((
    "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full",
    "new_empty",
))  # fmt: skip
_READERS = frozenset(("item", "numpy", "tolist", "__array__", "export_dlpack", "from_dlpack"))
#: Attributes of a Tensor that follow from what a guard holds: its shape, dtype, device and history.
ATTRIBUTES = frozenset((
    "dtype", "device", "shape", "ndim", "size", "T", "mT", "H", "mH", "real", "imag", "itemsize",
    "nbytes", "is_cuda", "requires_grad", "__class__",
))  # fmt: skip

_NUMPY_NOT = frozenset((
    "save", "savez", "savez_compressed", "savetxt", "load", "loadtxt", "fromfile", "genfromtxt",
    "copyto", "put", "place", "putmask", "put_along_axis", "fill_diagonal", "apply_along_axis",
    "apply_over_axes", "piecewise", "array2string", "array_repr", "array_str", "may_share_memory",
    "shares_memory", "einsum_path", "setbufsize", "frombuffer", "empty", "empty_like",
))  # fmt: skip
_NUMPY = frozenset((
    np.array, np.asarray, np.zeros, np.arange, np.ones, np.full, np.eye, np.identity, np.tri,
    np.result_type, np.dtype, np.iinfo, np.finfo, np.broadcast_shapes, np.deg2rad,
))  # fmt: skip
_DISPATCHED = type(np.sum)
_MODULES = (math, cmath, operator)
_BUILTIN = type(len)
#: The functions of whole modules of Python that follow from their arguments.
PURE = frozenset(
    f for m in _MODULES for f in vars(m).values() if type(f) is _BUILTIN
) | FUNCTIONS  # fmt: skip
ERRORS = tuple(
    x for x in vars(builtins).values() if isinstance(x, type) and issubclass(x, Exception)
)


def tensor_types() -> tuple[Any, ...]:
    """Return the classes of Tensors that a trace takes; those of `nn` where it is loaded."""
    found = sys.modules.get("tensorxp.nn.parameter")
    return (CONCRETE[0],) if found is None else (CONCRETE[0], found.Parameter, found.Buffer)


def ours(module: str, name: str) -> bool | str:
    """Return whether a function of this package runs as it is (False: follow it), or why not."""
    part = module.partition(".")[2]
    if name in _READERS:
        return f"it reads the values of a tensor by {name}"
    if name in _NOT:
        return f"it calls {name}"
    if any(part == x or part.startswith((f"{x}.", f"{x}_")) for x in _OURS):
        return True
    if part.split(".")[0] == "nn":
        return False
    reason = _THEIRS.get(part.split(".")[0])
    return f"it calls {part}.{name}" + (f": {reason}" if reason else "")


def of_numpy(f: Any) -> bool:
    """Return whether `f` is a function of NumPy that follows from its arguments."""
    if isinstance(f, np.ufunc):
        return True
    if isinstance(f, type):
        return issubclass(f, np.generic) or f in _NUMPY
    if type(f) is _DISPATCHED:
        module = getattr(f, "__module__", "")
        return module in ("numpy", "numpy.linalg") and f.__name__ not in _NUMPY_NOT
    try:
        return f in _NUMPY
    except TypeError:
        return False


def is_constant(value: Any) -> bool:
    """Return whether `value` never changes and has operators without effects."""
    return type(value) in SCALARS or isinstance(value, np.generic | np.dtype | ModuleType)
