"""NumPy's functions of values: elementwise functions, sorting, searching.

Each has NumPy's arguments behind the namespace (see `_numpy_calls`).
"""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tensorxp._core.tensor import Tensor
from tensorxp._numpy.calls import NoEquivalent, floating, implements, need, tensors

# elementwise


@implements()
def clip(
    xp: Any, a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *,
    min: Any = None, max: Any = None, dtype: Any = None,
) -> Any:  # fmt: skip
    if out is not None or dtype is not None:
        raise NoEquivalent
    (a,) = tensors(xp, a) if not isinstance(a_min, Tensor) else tensors(xp, a, a_min)[:1]
    low, high = a_min if min is None else min, a_max if max is None else max
    # unlike the standard's clip, NumPy's promotes with its bounds
    if low is not None:
        a = xp.maximum(a, low if isinstance(low, int | float) else tensors(xp, low, a)[0])
    if high is not None:
        a = xp.minimum(a, high if isinstance(high, int | float) else tensors(xp, high, a)[0])
    return a


@implements("round", "around")
def round(xp: Any, a: Any, decimals: int = 0, out: Any = None) -> Any:
    if out is not None:
        raise NoEquivalent
    return xp.round(a, decimals)


@implements()
def fix(xp: Any, x: Any, out: Any = None) -> Any:
    if out is not None:
        raise NoEquivalent
    return xp.trunc(x)


@implements()
def real(xp: Any, val: Any) -> Any:
    return xp.real(val) if xp.isdtype(val.dtype, "complex floating") else val


@implements()
def imag(xp: Any, val: Any) -> Any:
    is_complex = xp.isdtype(val.dtype, "complex floating")
    return xp.imag(val) if is_complex else xp.zeros_like(val)


@implements()
def angle(xp: Any, z: Any, deg: bool = False) -> Any:
    out = need(xp, "angle")(z)
    return xp.rad2deg(out) if deg else out


@implements()
def nan_to_num(
    xp: Any, x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    if not copy:
        raise NoEquivalent
    return need(xp, "nan_to_num")(x, nan=nan, posinf=posinf, neginf=neginf)


@implements()
def sinc(xp: Any, x: Any) -> Any:
    y = xp.where(x == 0, 1.0, x) * xp.pi
    return xp.where(x == 0, 1.0, xp.sin(y) / y)


@implements()
def isclose(
    xp: Any, a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    a, b = tensors(xp, a, b)
    return xp.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)


@implements()
def allclose(
    xp: Any, a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    return bool(xp.all(isclose(xp, a, b, rtol, atol, equal_nan)))


@implements()
def array_equal(xp: Any, a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    a1, a2 = tensors(xp, a1, a2)
    if a1.shape != a2.shape:
        return False
    same = a1 == a2
    if equal_nan and xp.isdtype(xp.result_type(a1, a2), ("real floating", "complex floating")):
        same = same | (xp.isnan(a1) & xp.isnan(a2))
    return bool(xp.all(same))


@implements()
def array_equiv(xp: Any, a1: Any, a2: Any) -> bool:
    a1, a2 = tensors(xp, a1, a2)
    try:
        return bool(xp.all(a1 == a2))
    except ValueError:
        return False


@implements()
def astype(xp: Any, x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    return xp.astype(x, dtype, copy=copy)


# sorting and searching


@implements()
def sort(
    xp: Any, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    if order is not None:
        raise NoEquivalent
    return xp.sort(xp.reshape(a, (-1,)) if axis is None else a, axis=-1 if axis is None else axis)


@implements()
def argsort(
    xp: Any, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Any:
    if order is not None:
        raise NoEquivalent
    flat = xp.reshape(a, (-1,)) if axis is None or not a.ndim else a
    return xp.argsort(flat, axis=-1 if axis is None else axis)


@implements()
def where(xp: Any, condition: Any, x: Any = None, y: Any = None, /) -> Any:
    if x is None and y is None:
        return xp.nonzero(condition)
    (condition,) = tensors(xp, condition)
    if not xp.isdtype(condition.dtype, "bool"):
        condition = condition != 0
    scalar = (int, float, complex)
    if x.__class__ in scalar and y.__class__ in scalar:
        dtype = np.result_type(np.asarray(x), np.asarray(y))
        x = xp.asarray(x, dtype=dtype, device=condition._device)
    x = x if x.__class__ in scalar else tensors(xp, x, condition)[0]
    y = y if y.__class__ in scalar else tensors(xp, y, condition)[0]
    return xp.where(condition, x, y)


@implements()
def nonzero(xp: Any, a: Any) -> Any:
    return xp.nonzero(a)


@implements()
def flatnonzero(xp: Any, a: Any) -> Any:
    return xp.nonzero(xp.reshape(a, (-1,)))[0]


@implements()
def argwhere(xp: Any, a: Any) -> Any:
    return xp.stack(xp.nonzero(a), axis=1)


@implements()
def searchsorted(xp: Any, a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    a, v = tensors(xp, a, v)
    return xp.searchsorted(a, v, side=side, sorter=sorter)


@implements()
def take(
    xp: Any, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise"
) -> Any:
    if out is not None or mode != "raise":
        raise NoEquivalent
    a, indices = tensors(xp, a, indices)
    if axis is None:
        return xp.reshape(a, (-1,))[indices]
    return a[(slice(None),) * normalize_axis_index(axis, a.ndim) + (indices,)]


@implements()
def take_along_axis(xp: Any, arr: Any, indices: Any, axis: Any = -1) -> Any:
    arr, indices = tensors(xp, arr, indices)
    if axis is None:
        if indices.ndim != 1:
            raise ValueError(
                f"take_along_axis: indices have {indices.ndim} dimensions; without an axis "
                "allowed is 1"
            )
        return xp.reshape(arr, (-1,))[indices]
    return xp.take_along_axis(arr, indices, axis=axis)


@implements()
def compress(xp: Any, condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    if out is not None:
        raise NoEquivalent
    condition, a = tensors(xp, condition, a)
    index = xp.nonzero(condition)[0]
    return take(xp, a, index, axis)


@implements()
def extract(xp: Any, condition: Any, arr: Any) -> Any:
    condition, arr = tensors(xp, condition, arr)
    return xp.reshape(arr, (-1,))[xp.nonzero(xp.reshape(condition, (-1,)))[0]]


@implements()
def isin(
    xp: Any, element: Any, test_elements: Any, assume_unique: bool = False,
    invert: bool = False, *, kind: Any = None,
) -> Any:  # fmt: skip
    element, test_elements = tensors(xp, element, test_elements)
    return need(xp, "isin")(element, test_elements, invert=invert)


@implements()
def unique(
    xp: Any, ar: Any, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: Any = None, *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    if axis is not None or (not xp.isdtype(ar.dtype, ("bool", "integral")) and equal_nan):
        if axis is not None or bool(xp.any(xp.isnan(ar))):
            raise NoEquivalent  # the standard's unique keeps every NaN
    found = xp.unique_all(ar)
    wanted = (return_index, return_inverse, return_counts)
    extra = (found.indices, found.inverse_indices, found.counts)
    chosen = [x for x, is_wanted in zip(extra, wanted, strict=True) if is_wanted]
    return (found.values, *chosen) if chosen else found.values


for _name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    implements(_name)(lambda xp, x, _name=_name: getattr(xp, _name)(x))


@implements()
def interp(
    xp: Any, x: Any, xp_: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    if period is not None:
        raise NoEquivalent
    x, knots, fp = (floating(xp, value) for value in tensors(xp, x, xp_, fp))
    if knots.ndim != 1 or knots.shape != fp.shape or not knots.size:
        raise ValueError(
            f"interp: xp has shape {knots.shape} and fp {fp.shape}; they must be 1-d, of equal "
            "length, with an element at least"
        )
    last = knots.shape[0] - 1
    high = xp.clip(xp.searchsorted(knots, x, side="right"), 1, last)
    low = high - 1
    slope = (fp[high] - fp[low]) / (knots[high] - knots[low])
    out = fp[low] + slope * (x - knots[low])
    out = xp.where(x < knots[0], fp[0] if left is None else left, out)
    return xp.where(x > knots[last], fp[last] if right is None else right, out)
