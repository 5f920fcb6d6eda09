"""NumPy's reductions, cumulative functions and statistics, with NumPy's arguments."""

from typing import Any

import numpy as np

from tensorxp._core.tensor import Tensor
from tensorxp._numpy import ufuncs as reductions
from tensorxp._numpy.calls import NoEquivalent, floating, implements, need, tensors
from tensorxp._numpy.ufuncs import flag
from tensorxp._ops.half import singly

# reductions


def _sum_like(reduction: Any, neutral: int) -> Any:
    def reduced(
        xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
        keepdims: bool = False, initial: Any = neutral, where: Any = True,
    ) -> Any:  # fmt: skip
        if out is not None:
            raise NoEquivalent
        return reduction(xp, *tensors(xp, a), axis, dtype, keepdims, initial, where)

    return reduced


implements("sum")(_sum_like(reductions.sum, 0))
implements("prod")(_sum_like(reductions.prod, 1))


def _reordered(reduction: Any, extra: str) -> Any:
    # any, all and max take no dtype: (a, axis, out, keepdims, initial or where)
    def reduced(xp: Any, a: Any, axis: Any = None, out: Any = None, keepdims: bool = False,
                **rest: Any) -> Any:  # fmt: skip
        if out is not None or set(rest) - {"where", extra}:
            raise NoEquivalent
        return reduction(xp, *tensors(xp, a), axis=axis, keepdims=keepdims, **rest)

    return reduced


implements("any")(_reordered(reductions.any, "where"))
implements("all")(_reordered(reductions.all, "where"))
implements("max", "amax")(_reordered(reductions.max, "initial"))
implements("min", "amin")(_reordered(reductions.min, "initial"))


@implements()
def mean(
    xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None,
    keepdims: bool = False, *, where: Any = True,
) -> Any:  # fmt: skip
    if out is not None:
        raise NoEquivalent
    if dtype is not None:
        a = xp.astype(a, dtype)
    if where is True:
        return xp.mean(a, axis=axis, keepdims=flag(keepdims))
    a = floating(xp, a)
    mask = xp.broadcast_to(xp.asarray(where, device=a._device), a.shape)
    count = xp.sum(xp.astype(mask, "int64"), axis=axis, keepdims=flag(keepdims))
    return reductions.sum(xp, a, axis, None, keepdims, 0, mask) / xp.astype(count, _real(xp, a))


def _real(xp: Any, a: Any) -> Any:
    """Return the dtype of the real part of floating `a`."""
    return xp.finfo(a.dtype).dtype


def _spread(name: str) -> Any:
    def spread(
        xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
        keepdims: bool = False, *, where: Any = True, mean: Any = None, correction: Any = None,
    ) -> Any:  # fmt: skip
        if out is not None or where is not True or mean is not None:
            raise NoEquivalent
        if dtype is not None:
            a = xp.astype(a, dtype)
        ddof = ddof if correction is None else correction
        return getattr(xp, name)(a, axis=axis, correction=ddof, keepdims=flag(keepdims))

    return spread


implements("std")(_spread("std"))
implements("var")(_spread("var"))


def _index_of(name: str) -> Any:
    def index_of(
        xp: Any, a: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False
    ) -> Any:
        if out is not None:
            raise NoEquivalent
        return getattr(xp, name)(a, axis=axis, keepdims=flag(keepdims))

    return index_of


implements("argmax")(_index_of("argmax"))
implements("argmin")(_index_of("argmin"))


@implements()
def count_nonzero(xp: Any, a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return xp.count_nonzero(a, axis=axis, keepdims=flag(keepdims))


@implements()
def ptp(xp: Any, a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    if out is not None:
        raise NoEquivalent
    return xp.max(a, axis=axis, keepdims=flag(keepdims)) - xp.min(
        a, axis=axis, keepdims=flag(keepdims)
    )


def _cumulative(name: str) -> Any:
    def cumulative(xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        if out is not None:
            raise NoEquivalent
        if axis is None:
            a, axis = xp.reshape(a, (-1,)), 0
        return getattr(xp, name)(a, axis=axis, dtype=dtype)

    return cumulative


implements("cumsum")(_cumulative("cumulative_sum"))
implements("cumprod")(_cumulative("cumulative_prod"))


@implements()
def cumulative_sum(
    xp: Any, x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    return xp.cumulative_sum(x, axis=axis, dtype=dtype, include_initial=include_initial)


@implements()
def cumulative_prod(
    xp: Any, x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    return xp.cumulative_prod(x, axis=axis, dtype=dtype, include_initial=include_initial)


@implements()
def nansum(
    xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
) -> Any:
    if out is not None:
        raise NoEquivalent
    return need(xp, "nansum")(a, axis=axis, dtype=dtype, keepdims=flag(keepdims))


@implements()
def nanmean(
    xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
) -> Any:
    if out is not None:
        raise NoEquivalent
    return need(xp, "nanmean")(a, axis=axis, dtype=dtype, keepdims=flag(keepdims))


@implements()
def nanprod(
    xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False
) -> Any:
    if out is not None:
        raise NoEquivalent
    return xp.prod(xp.where(a != a, 1, a), axis=axis, dtype=dtype, keepdims=flag(keepdims))


def _nan_cumulative(name: str, neutral: int) -> Any:
    def cumulative(xp: Any, a: Any, axis: Any = None, dtype: Any = None) -> Any:
        a = xp.where(a != a, neutral, a)
        if axis is None:
            a, axis = xp.reshape(a, (-1,)), 0
        return getattr(xp, name)(a, axis=axis, dtype=dtype)

    return cumulative


implements("nancumsum")(_nan_cumulative("cumulative_sum", 0))
implements("nancumprod")(_nan_cumulative("cumulative_prod", 1))


@implements()
def nanvar(
    xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    if out is not None:
        raise NoEquivalent
    a = floating(xp, a) if dtype is None else xp.astype(a, dtype)
    if a.dtype == xp.float16:
        return singly(lambda t: nanvar(xp, t, axis, None, None, ddof, keepdims), a)
    missing = a != a
    a = xp.where(missing, 0, a)
    number = xp.sum(~missing, axis=axis, dtype=_real(xp, a), keepdims=True)
    centred = xp.where(missing, 0, a - xp.sum(a, axis=axis, keepdims=True) / number)
    squares = xp.real(centred * xp.conj(centred)) if _is_complex(xp, a) else centred * centred
    total = xp.sum(squares, axis=axis, keepdims=flag(keepdims))
    number = xp.sum(~missing, axis=axis, dtype=total.dtype, keepdims=flag(keepdims))
    return total / xp.where(number > ddof, number - ddof, xp.nan)


def _is_complex(xp: Any, a: Any) -> bool:
    return bool(xp.isdtype(a.dtype, "complex floating"))


@implements()
def nanstd(
    xp: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    if dtype is None and a.dtype == xp.float16:
        return singly(lambda t: nanstd(xp, t, axis, None, out, ddof, keepdims), a)
    found = nanvar(xp, a, axis, dtype, out, ddof, keepdims)
    flat = found == 0  # as of std, the gradient is 0 where nothing deviates
    return xp.where(flat, 0.0, xp.sqrt(xp.where(flat, 1.0, found)))


@implements()
def nanmedian(
    xp: Any, a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    if bool(xp.any(a != a)):
        raise NoEquivalent
    return median(xp, a, axis, out, overwrite_input, keepdims)


def _without_nan(name: str) -> Any:
    def reduced(xp: Any, a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        return need(xp, name)(a, axis=axis, keepdims=flag(keepdims))

    return reduced


implements("nanmax")(_without_nan("nanmax"))
implements("nanmin")(_without_nan("nanmin"))


@implements()
def average(
    xp: Any, a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    if returned:
        raise NoEquivalent
    if weights is not None:
        a, weights = tensors(xp, a, weights)
    return need(xp, "average")(a, axis=axis, weights=weights, keepdims=flag(keepdims))


def _quantiles(name: str) -> Any:
    def quantiles(
        xp: Any, a: Any, q: Any, axis: Any = None, out: Any = None,
        overwrite_input: bool = False, method: str = "linear", keepdims: bool = False,
    ) -> Any:  # fmt: skip
        if out is not None or overwrite_input:
            raise NoEquivalent
        if method not in ("linear", "lower", "higher", "midpoint", "nearest"):
            raise NoEquivalent
        places = np.asarray(q._data.tolist() if isinstance(q, Tensor) else q)
        if places.ndim > 2:
            raise ValueError(f"{name}: q has {places.ndim} dimensions; allowed are 0 to 2")
        given = q._data.dtype.type(0) if isinstance(q, Tensor) and not q.ndim else q
        given = np.zeros(1, q._data.dtype) if isinstance(q, Tensor) and q.ndim else given
        like = np.zeros(1, a._data.dtype)
        dtype = getattr(np, name)(like, given, method=method).dtype  # NumPy knows its rules best
        if dtype.kind in "iu" and dtype.itemsize == 8:  # which floats cannot hold
            raise NoEquivalent
        wide = xp.astype(a, dtype, copy=False) if dtype.kind == "f" else a
        out = need(xp, name)(wide, q, axis=axis, method=method, keepdims=flag(keepdims))
        return xp.astype(out, dtype, copy=False)

    return quantiles


implements("quantile")(_quantiles("quantile"))
implements("percentile")(_quantiles("percentile"))


@implements()
def median(
    xp: Any, a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    if out is not None or overwrite_input:
        raise NoEquivalent
    if not a.size:  # NaN of nothing
        return xp.mean(a, axis=axis, keepdims=flag(keepdims))
    return need(xp, "median")(a, axis=axis, keepdims=flag(keepdims))


@implements()
def trapezoid(xp: Any, y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    if x is not None:
        y, x = tensors(xp, y, x)
    return need(xp, "trapezoid")(y, x, dx=dx, axis=axis)


@implements()
def cov(
    xp: Any, m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    if y is not None or fweights is not None or dtype is not None:
        raise NoEquivalent
    if aweights is not None:
        (aweights,) = tensors(xp, aweights, m)[:1]
    correction = ddof if ddof is not None else 0 if bias else 1
    m = xp.astype(m, xp.result_type(m, xp.float64), copy=False)  # as NumPy computes it
    return need(xp, "cov")(m, rowvar=rowvar, correction=correction, weights=aweights)


@implements()
def corrcoef(xp: Any, x: Any, y: Any = None, rowvar: bool = True) -> Any:
    if y is not None:
        raise NoEquivalent
    x = xp.astype(x, xp.result_type(x, xp.float64), copy=False)
    return need(xp, "corrcoef")(x, rowvar=rowvar)
