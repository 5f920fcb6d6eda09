"""tensorxp: the Python Array API standard with gradients and GPUs.

    >>> import tensorxp as xp
    >>> x = xp.tensor(2.0, requires_grad=True)
    >>> y = x**2 + 3 * x
    >>> y.backward()
    >>> float(x.grad)
    7.0

This module is the namespace: re-exports chapter by chapter, as the standard orders them. What all
functions accept, return and raise stands in docs/conventions.md: another type or dtype is a
TypeError, shapes that do not fit are a ValueError, two devices a DeviceError.
"""

import typing as _typing
from importlib import import_module as _import_module
from math import e, inf, nan, pi

import tensorxp._backend.sources as _source  # noqa: F401 - first: it says where modules come from
from tensorxp import autograd, fft, linalg
from tensorxp._backend.device import (
    Device,
    DeviceError,
    default_device,
    devices,
    set_default_device,
)
from tensorxp._backend.device import as_device as device
from tensorxp._backend.dtypes import (
    DType,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from tensorxp._backend.dtypes import bool_ as bool
from tensorxp._backend.names import UnknownName as _UnknownName
from tensorxp._backend.names import listing as _listing
from tensorxp._core.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from tensorxp._numpy.integrations import watch_imports as _watch_imports
from tensorxp._ops.arithmetic import (
    abs,
    add,
    clip,
    divide,
    floor_divide,
    hypot,
    maximum,
    minimum,
    multiply,
    negative,
    positive,
    pow,
    reciprocal,
    remainder,
    sign,
    square,
    subtract,
)
from tensorxp._ops.bitwise import (
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
)
from tensorxp._ops.casting import astype, can_cast, finfo, iinfo, isdtype, result_type
from tensorxp._ops.comparison import (
    allclose,
    equal,
    greater,
    greater_equal,
    isclose,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
    signbit,
)
from tensorxp._ops.complex import angle, conj, imag, real
from tensorxp._ops.conversion import asarray, from_dlpack, from_numpy, tensor
from tensorxp._ops.creation import (
    empty,
    empty_like,
    eye,
    full,
    full_like,
    meshgrid,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from tensorxp._ops.cumulative import cumprod, cumsum, cumulative_prod, cumulative_sum, diff
from tensorxp._ops.einsum import einsum
from tensorxp._ops.exponential import (
    cbrt,
    exp,
    exp2,
    expm1,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    sqrt,
)
from tensorxp._ops.floating import copysign, fmax, fmin, nan_to_num, nextafter
from tensorxp._ops.indexing import index_add
from tensorxp._ops.info import __array_namespace_info__
from tensorxp._ops.numpy_names import concatenate, transpose
from tensorxp._ops.products import dot, inner, kron, matmul, outer, tensordot, vecdot
from tensorxp._ops.ranges import arange, linspace, logspace
from tensorxp._ops.reduction import (
    all,
    any,
    count_nonzero,
    max,
    mean,
    min,
    prod,
    std,
    sum,
    var,
)
from tensorxp._ops.rounding import ceil, floor, round, trunc
from tensorxp._ops.searching import (
    argmax,
    argmin,
    argwhere,
    bincount,
    flatnonzero,
    isin,
    nonzero,
    searchsorted,
    take,
    take_along_axis,
    where,
)
from tensorxp._ops.sets import unique_all, unique_counts, unique_inverse, unique_values
from tensorxp._ops.shaping import (
    atleast_nd,
    broadcast_arrays,
    broadcast_shapes,
    broadcast_to,
    concat,
    copy,
    expand_dims,
    flatten,
    flip,
    matrix_transpose,
    moveaxis,
    pad,
    permute_dims,
    ravel,
    repeat,
    reshape,
    roll,
    squeeze,
    stack,
    swapaxes,
    tile,
    unstack,
)
from tensorxp._ops.sorting import argsort, sort
from tensorxp._ops.statistics import (
    average,
    corrcoef,
    cov,
    median,
    nanmax,
    nanmean,
    nanmin,
    nansum,
    percentile,
    ptp,
    quantile,
    trapezoid,
)
from tensorxp._ops.transfer import to_device
from tensorxp._ops.triangular import tril, triu
from tensorxp._ops.trigonometric import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    deg2rad,
    rad2deg,
    sin,
    sinh,
    tan,
    tanh,
)
from tensorxp._tensor.type import Tensor
from tensorxp._version import __version__
from tensorxp.linalg.products import diag

newaxis = None
__array_api_version__ = "2025.12"

__all__ = [
    "e", "inf", "nan", "pi",
    "Device", "DeviceError", "default_device", "devices", "set_default_device",
    "empty_cache", "memory_stats",
    "device",
    "DType", "complex64", "complex128", "float16", "float32", "float64", "get_default_dtype",
    "int8", "int16", "int32", "int64", "set_default_dtype", "uint8", "uint16", "uint32", "uint64",
    "bool",
    "enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled",
    "__array_namespace_info__",
    "abs", "add", "clip", "divide", "floor_divide", "hypot", "maximum", "minimum", "multiply",
    "negative", "positive", "pow", "reciprocal", "remainder", "sign", "square", "subtract",
    "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor",
    "astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type",
    "allclose", "equal", "greater", "greater_equal", "isclose", "isfinite", "isinf", "isnan",
    "less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "not_equal",
    "signbit",
    "angle", "conj", "imag", "real",
    "asarray", "from_dlpack", "from_numpy", "tensor",
    "arange", "empty", "empty_like", "eye", "full", "full_like", "linspace", "logspace", "meshgrid",
    "ones", "ones_like", "zeros", "zeros_like",
    "cumsum", "cumprod", "cumulative_prod", "cumulative_sum", "diff",
    "einsum",
    "cbrt", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "logaddexp", "sqrt",
    "copysign", "fmax", "fmin", "nan_to_num", "nextafter",
    "index_add",
    "concatenate", "transpose",
    "dot", "inner", "kron", "matmul", "outer", "tensordot", "vecdot",
    "all", "any", "count_nonzero", "max", "mean", "min", "prod", "std", "sum", "var",
    "ceil", "floor", "round", "trunc",
    "argmax", "argmin", "argwhere", "bincount", "flatnonzero", "isin", "nonzero", "searchsorted",
    "take", "take_along_axis", "where",
    "unique_all", "unique_counts", "unique_inverse", "unique_values",
    "atleast_nd", "broadcast_arrays", "broadcast_shapes", "broadcast_to", "concat", "copy",
    "expand_dims", "flatten", "flip", "matrix_transpose", "moveaxis", "pad", "permute_dims",
    "ravel", "repeat", "reshape", "roll", "squeeze", "stack", "swapaxes", "tile", "unstack",
    "argsort", "sort",
    "average", "corrcoef", "cov", "median", "nanmax", "nanmean", "nanmin", "nansum", "percentile",
    "ptp", "quantile", "trapezoid",
    "to_device",
    "tril", "triu",
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "deg2rad", "rad2deg",
    "sin", "sinh", "tan", "tanh",
    "Tensor",
    "compile",
    "__version__",
    "diag",
    "newaxis", "__array_api_version__",
    "autograd", "fft", "linalg",
]  # fmt: skip


_watch_imports()

if _typing.TYPE_CHECKING:  # loaded when first used, by __getattr__
    from tensorxp import cuda as cuda
    from tensorxp import integrate as integrate
    from tensorxp import interpolate as interpolate
    from tensorxp import nn as nn
    from tensorxp import optim as optim
    from tensorxp import optimize as optimize
    from tensorxp import profiler as profiler
    from tensorxp import random as random
    from tensorxp import special as special
    from tensorxp import utils as utils
    from tensorxp._compile.front.compiled import compile as compile
    from tensorxp.random import Generator as Generator
    from tensorxp.random import bernoulli as bernoulli
    from tensorxp.random import get_rng_state as get_rng_state
    from tensorxp.random import initial_seed as initial_seed
    from tensorxp.random import manual_seed as manual_seed
    from tensorxp.random import multinomial as multinomial
    from tensorxp.random import normal as normal
    from tensorxp.random import poisson as poisson
    from tensorxp.random import rand as rand
    from tensorxp.random import rand_like as rand_like
    from tensorxp.random import randint as randint
    from tensorxp.random import randint_like as randint_like
    from tensorxp.random import randn as randn
    from tensorxp.random import randn_like as randn_like
    from tensorxp.random import randperm as randperm
    from tensorxp.random import seed as seed
    from tensorxp.random import set_rng_state as set_rng_state
    from tensorxp.utils.memory import empty_cache as empty_cache
    from tensorxp.utils.memory import memory_stats as memory_stats
    from tensorxp.utils.serialization import load as load
    from tensorxp.utils.serialization import save as save

_LAZY = (
    "cuda", "nn", "optim", "utils", "special", "random", "profiler",
    "optimize", "integrate", "interpolate",
)  # fmt: skip

_LAZY_FUNCTIONS = {
    "compile": "_compile.front.compiled",
    "empty_cache": "utils.memory",
    "memory_stats": "utils.memory",
    "save": "utils.serialization",
    "load": "utils.serialization",
    **dict.fromkeys(
        (
            "Generator", "bernoulli", "get_rng_state", "initial_seed", "manual_seed",
            "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like",
            "randn", "randn_like", "randperm", "seed", "set_rng_state",
        ),
        "random",
    ),
}  # fmt: skip


def __getattr__(name: str) -> _typing.Any:
    """Import a subpackage when it is first used: `tensorxp.nn` and the like."""
    if name in _LAZY:
        return _import_module(f"{__name__}.{name}")
    if name in _LAZY_FUNCTIONS:
        return getattr(_import_module(f"{__name__}.{_LAZY_FUNCTIONS[name]}"), name)
    raise _UnknownName(__name__, name)


__dir__ = _listing(globals(), *_LAZY, *_LAZY_FUNCTIONS)
