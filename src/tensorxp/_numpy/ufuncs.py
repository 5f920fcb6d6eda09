"""What NumPy's ufuncs are called here, and those that are made of several functions."""

import math
from operator import index
from typing import Any

import numpy as np

from tensorxp._core.tensor import Tensor
from tensorxp._numpy.calls import NoEquivalent

#: NumPy's name → ours, where they differ
UFUNC_NAMES = {
    "absolute": "abs", "conjugate": "conj", "invert": "bitwise_invert",
    "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh",
    "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh",
    "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift",
    "power": "pow", "degrees": "rad2deg", "radians": "deg2rad",
    "true_divide": "divide", "mod": "remainder",
}  # fmt: skip

#: ufuncs whose dtype= does not say what their inputs are
PREDICATES = {
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "isfinite", "isinf",
    "isnan", "signbit", "logical_and", "logical_or", "logical_xor", "logical_not",
}  # fmt: skip

#: ufunc → our function for its `accumulate`
ACCUMULATIONS = {
    "add": "cumulative_sum", "multiply": "cumulative_prod", "maximum": "cumulative_max",
    "minimum": "cumulative_min", "logaddexp": "logcumsumexp",
}  # fmt: skip


def _divmod(x1: Any, x2: Any) -> tuple[Any, Any]:
    xp = _xp(x1, x2)
    return xp.floor_divide(x1, x2), xp.remainder(x1, x2)


def _floating(xp: Any, *xs: Any) -> tuple[Any, ...]:
    """Return integers in the floating dtype that NumPy's ufuncs without integer loops take."""
    dtype = _dtype_of(np.heaviside, xs[0], xs[-1])
    return tuple([xp.astype(x, dtype, copy=False) for x in xs])


def _dtype_of(ufunc: Any, *xs: Any) -> Any:
    """Return the dtype of NumPy's results, in which the formulas below compute."""
    return ufunc(*[np.empty(0, x._data.dtype) for x in xs]).dtype


def _rint(x: Any) -> Any:
    xp = _xp(x)
    return xp.round(x if xp.isdtype(x.dtype, "complex floating") else _floating(xp, x)[0])


def _fabs(x: Any) -> Any:
    xp = _xp(x)
    return xp.abs(*_floating(xp, x))


def _modf(x: Any) -> tuple[Any, Any]:
    xp = _xp(x)
    (x,) = _floating(xp, x)
    whole = xp.trunc(x)
    return xp.where(xp.isinf(x), xp.copysign(xp.zeros_like(x), x), x - whole), whole


def _fmod(x1: Any, x2: Any) -> Any:
    # the sign of x1, by the remainder of non-negative numbers, which is exact
    xp = _xp(x1, x2)
    dtype = _dtype_of(np.fmod, *_pair(xp, x1, x2))
    x1, x2 = (xp.astype(x, dtype, copy=False) for x in _pair(xp, x1, x2))
    if dtype.kind in "iu":  # whose absolute value may not be held
        left = xp.remainder(x1, x2)
        return xp.where((left != 0) & ((x1 < 0) != (x2 < 0)), left - x2, left)
    size = xp.abs(x2)
    return xp.where(x1 < 0, -xp.remainder(-x1, size), xp.remainder(x1, size))


def _heaviside(x1: Any, x2: Any) -> Any:
    xp = _xp(x1, x2)
    x1, x2 = _floating(xp, *_pair(xp, x1, x2))
    step = xp.astype(x1 > 0, x1.dtype)
    return xp.where(xp.isnan(x1), x1, xp.where(x1 == 0, x2, step))


def _ldexp(x1: Any, x2: Any) -> Any:
    xp = _xp(x1, x2)
    x2 = xp.asarray(x2, device=x1._device) if x2.__class__ is int else x2
    x1, x2 = _pair(xp, x1, x2)
    dtype = _dtype_of(np.ldexp, x1, x2)
    # in steps, none of which is beyond float64, so that no 0 meets an infinite power
    left = xp.astype(xp.clip(x2, -2200, 2200), xp.float64)
    out = xp.astype(x1, xp.float64)
    for _ in range(3):
        step = xp.clip(left, -800.0, 800.0)
        out, left = out * xp.exp2(step), left - step
    return xp.astype(out, dtype)


def _logaddexp2(x1: Any, x2: Any) -> Any:
    xp = _xp(x1, x2)
    x1, x2 = _pair(xp, x1, x2)
    dtype = _dtype_of(np.logaddexp2, x1, x2)
    x1, x2 = (xp.astype(x, xp.float64) for x in (x1, x2))  # the factors round
    out = xp.logaddexp(x1 * math.log(2), x2 * math.log(2)) / math.log(2)
    return xp.astype(out, dtype, copy=False)


def _float_power(x1: Any, x2: Any) -> Any:
    xp = _xp(x1, x2)
    common = xp.result_type(*_pair(xp, x1, x2), xp.float64)
    x1, x2 = (xp.astype(x, common) if isinstance(x, Tensor) else x for x in (x1, x2))
    return xp.pow(x1, x2)


def _matvec(x1: Any, x2: Any) -> Any:
    xp = _xp(x1, x2)
    _least("matvec", x1, x2, 1)
    return xp.matmul(x1, xp.expand_dims(x2, axis=-1))[..., 0]


def _least(name: str, x1: Any, x2: Any, ndim: int) -> None:
    for argument, x, least in (("x1", x1, 1), ("x2", x2, ndim)):
        if getattr(x, "ndim", 0) < least:
            raise ValueError(f"{name}: {argument} is {x!r}; it needs {least} dimensions or more")


def _vecmat(x1: Any, x2: Any) -> Any:
    xp = _xp(x1, x2)
    _least("vecmat", x1, x2, 2)
    x1 = xp.conj(x1) if xp.isdtype(x1.dtype, "complex floating") else x1
    return xp.matmul(xp.expand_dims(x1, axis=-2), x2)[..., 0, :]


COMPOSITES = {
    "divmod": _divmod, "rint": _rint, "fabs": _fabs, "modf": _modf, "fmod": _fmod,
    "heaviside": _heaviside, "ldexp": _ldexp,
    "logaddexp2": _logaddexp2, "float_power": _float_power, "matvec": _matvec, "vecmat": _vecmat,
}  # fmt: skip


def _xp(*xs: Any) -> Any:
    return next(x for x in xs if isinstance(x, Tensor)).__array_namespace__()


def _pair(xp: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
    """Return both as Tensors, a Python scalar in the dtype that it takes beside the other."""
    tensor = x1 if isinstance(x1, Tensor) else x2
    return tuple(  # type: ignore[return-value]
        x
        if isinstance(x, Tensor)
        else xp.asarray(x, dtype=xp.result_type(tensor, x), device=tensor._device)
        for x in (x1, x2)
    )


# reductions, with the arguments of `ufunc.reduce`: initial and where beside the standard's


def flag(keepdims: Any) -> bool:
    """Return `keepdims` as NumPy takes it: a bool or an integer; TypeError for others."""
    try:
        return bool(index(keepdims))
    except TypeError:
        raise TypeError(f"keepdims is {keepdims!r}; allowed are True and False") from None


def masked(xp: Any, x: Any, where: Any, fill: Any) -> Any:
    """Return `x` with the neutral element where the mask is false."""
    if where is True:
        return x
    mask = xp.asarray(where, device=x._device)
    if not xp.isdtype(mask.dtype, "bool"):
        raise TypeError(f"where has dtype {mask.dtype}; allowed is bool")
    if mask.ndim > x.ndim or np.broadcast_shapes(mask.shape, x.shape) != x.shape:
        raise ValueError(f"where has shape {mask.shape}, which does not broadcast to {x.shape}")
    return xp.where(mask, x, fill)


def sum(
    xp: Any, x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
    initial: Any = 0, where: Any = True,
) -> Any:  # fmt: skip
    out = xp.sum(masked(xp, x, where, 0), axis=axis, dtype=dtype, keepdims=flag(keepdims))
    return out if initial is None or _is(initial, 0) else out + _initial(xp, out, initial)


def prod(
    xp: Any, x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
    initial: Any = 1, where: Any = True,
) -> Any:  # fmt: skip
    out = xp.prod(masked(xp, x, where, 1), axis=axis, dtype=dtype, keepdims=flag(keepdims))
    return out if initial is None or _is(initial, 1) else out * _initial(xp, out, initial)


def _initial(xp: Any, out: Any, initial: Any) -> Any:
    """Return `initial` in the dtype of the result, as NumPy casts it."""
    initial = xp.asarray(initial, dtype=out.dtype, device=out._device)
    if initial.ndim:
        raise TypeError(f"initial has shape {initial.shape}; allowed is a number")
    return initial


def _extreme(which: str) -> Any:
    def extreme(
        xp: Any, x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
        initial: Any = None, where: Any = True,
    ) -> Any:  # fmt: skip
        function, pick = getattr(xp, which), getattr(xp, f"{which}imum")
        if dtype is not None:
            x = xp.astype(x, dtype, copy=False)
        if initial is None:
            if where is not True:
                raise ValueError(f"{which}: where= needs initial=, as there is no neutral element")
            return function(x, axis=axis, keepdims=flag(keepdims))
        initial = _initial(xp, x, initial)
        if x.size == 0:
            kept = xp.sum(x, axis=axis, keepdims=flag(keepdims))
            return xp.broadcast_to(initial, kept.shape) + xp.zeros_like(kept, dtype=x.dtype)
        x = masked(xp, x, where, initial)
        return pick(function(x, axis=axis, keepdims=flag(keepdims)), initial)

    return extreme


max = _extreme("max")
min = _extreme("min")


def any(
    xp: Any, x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    if dtype is not None or initial is not None:
        raise NoEquivalent
    x = x if where is True else xp.astype(x, "bool")
    return xp.any(masked(xp, x, where, False), axis=axis, keepdims=flag(keepdims))


def all(
    xp: Any, x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    if dtype is not None or initial is not None:
        raise NoEquivalent
    x = x if where is True else xp.astype(x, "bool")
    return xp.all(masked(xp, x, where, True), axis=axis, keepdims=flag(keepdims))


def _logsumexp(xp: Any, x: Any, axis: Any = None, keepdims: bool = False, **rest: Any) -> Any:
    if rest or not hasattr(xp, "logsumexp"):
        raise NoEquivalent
    return xp.logsumexp(x, axis=axis, keepdims=flag(keepdims))


def _is(value: Any, number: float) -> bool:
    return isinstance(value, int | float | np.generic) and bool(value == number)


REDUCTIONS = {
    "add": sum, "multiply": prod, "maximum": max, "minimum": min, "logical_or": any,
    "logical_and": all, "logaddexp": _logsumexp,
}  # fmt: skip
