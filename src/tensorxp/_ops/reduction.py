"""Reductions: sums, products, extrema, moments and truth values over axes.

`axis` arrives as None, an int or a tuple; the primitives get None or a tuple of non-negative
ints, and `keepdims`. Rules bring the result back to the input's dimensions by `restore`.
"""

from typing import Any

from tensorxp._backend import kernels
from tensorxp._core.door import single
from tensorxp._core.primitive import Primitive, linear, nondifferentiable, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import watching
from tensorxp._ops.axes import constant, dimensions, normalize_axes, renamed, restore, shifted
from tensorxp._ops.casting import accumulator
from tensorxp._ops.families import extremum, reduction, summation

Axis = int | tuple[int, ...] | None


def _reduce(op: Primitive, x: Any, params: dict[str, Any]) -> Tensor:
    axis = params["axis"]
    if axis is not None:
        params["axis"] = normalize_axes(op.name, axis, dimensions(op.name, x))
    return single(op, x, params)


sum_p = linear(
    "sum",
    forward=kernels.sum,
    batched=shifted,
    x=lambda xp, ct, *, axis, keepdims: restore(xp, ct, axis, keepdims),
)


@summation.see("mean, prod, cumulative_sum, nansum")
def sum(
    x: Tensor,
    /,
    *,
    axis: Axis = None,
    dtype: Any | None = None,
    keepdims: bool = False,
    dim: None = None,
) -> Tensor:
    """Return the sum of `x` over `axis`, over all elements by default.

    float16, float32 and complex64 are accumulated in double precision.

    >>> xp.sum(xp.asarray([[1, 2], [3, 4]]), axis=0)
    tensor([4, 6])

    Parameters
    ----------
    dtype : dtype or None
        None is that of `x`, int64 for smaller integers and bool, uint64 for unsigned ones.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`, that dtype; 0 of nothing.
    """
    if dim is not None:
        raise renamed("sum", "dim", "axis", dim)
    # written out, since the cost of a small sum counts
    if axis is not None:
        axis = normalize_axes("sum", axis, dimensions("sum", x))
    if dtype is not None:
        dtype = accumulator("sum", x, dtype)
    raw = None
    if not watching:  # who watches sees the door compute it
        try:
            raw = kernels.sum(x._device.raw, x._data, axis=axis, dtype=dtype, keepdims=keepdims)
        except (AttributeError, TypeError, ValueError, MemoryError):
            raw = None  # the door tells what is wrong
    out: Tensor = single(sum_p, x, {"axis": axis, "dtype": dtype, "keepdims": keepdims}, raw)
    return out


prod_p = primitive(kernels.prod)


def _product_of_others(xp: Any, x: Any, axis: tuple[int, ...] | None) -> Any:
    """Return, for each element, the product of all others over `axis`, without a division.

    The product before it times the product behind it: exact where elements are zero.
    """
    order = tuple(range(x.ndim))
    if axis is not None:
        order = tuple([i for i in order if i not in axis]) + axis
    moved = xp.permute_dims(x, order)
    kept = moved.shape[: 0 if axis is None else x.ndim - len(axis)]
    rows = xp.reshape(moved, (*kept, kernels.count(x.shape, axis)))
    before = xp.cumulative_prod(rows, axis=-1, include_initial=True)[..., :-1]
    behind = xp.cumulative_prod(xp.flip(rows, axis=-1), axis=-1, include_initial=True)[..., :-1]
    others = xp.reshape(before * xp.flip(behind, axis=-1), moved.shape)
    return xp.permute_dims(others, tuple([order.index(i) for i in range(x.ndim)]))


@prod_p.vjp
def _(xp: Any, ct: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    # y = ∏ x_i: ∂y/∂x_k = ∏_{i≠k} x_i
    others = _product_of_others(xp, xp.astype(x, ct.dtype, copy=False), axis)
    return restore(xp, ct, axis, keepdims) * others.conjugate()


@prod_p.jvp
def _(xp: Any, t: Any, x: Any, out: Any, *, axis: Any, keepdims: bool) -> Any:
    others = _product_of_others(xp, xp.astype(x, out.dtype, copy=False), axis)
    return xp.sum(t * others, axis=axis, keepdims=keepdims)


prod_p.batched = shifted


@summation.see("sum, cumulative_prod")
def prod(
    x: Tensor,
    /,
    *,
    axis: Axis = None,
    dtype: Any | None = None,
    keepdims: bool = False,
    dim: None = None,
) -> Tensor:
    """Return the product of `x` over `axis`, of all elements by default.

    Derivatives of every order are exact where elements are zero.

    >>> xp.prod(xp.asarray([[1, 2], [3, 4]]), axis=1)
    tensor([ 2, 12])

    Returns
    -------
    Tensor
        Shape of `x` without `axis`, that dtype; 1 of nothing.
    """
    if dim is not None:
        raise renamed("prod", "dim", "axis", dim)
    if dtype is not None:
        dtype = accumulator("prod", x, dtype)
    return _reduce(prod_p, x, {"axis": axis, "dtype": dtype, "keepdims": keepdims})


mean_p = linear(
    "mean",
    forward=kernels.mean,
    batched=shifted,
    x=lambda xp, ct, x_shape, *, axis, keepdims: (
        restore(xp, ct, axis, keepdims) / kernels.count(x_shape, axis)
    ),
)


@reduction.see("median, average, var")
def mean(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False, dim: None = None) -> Tensor:
    """Return the arithmetic mean of `x` over `axis`, of all elements by default.

    float32 and complex64 are accumulated in double precision; as in NumPy, the mean is infinite
    where they do not hold the sum.

    >>> xp.mean(xp.asarray([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    tensor([2., 3.])

    Returns
    -------
    Tensor
        Shape of `x` without `axis`; dtype of `x`, of integers and bool the default real one. NaN of
        nothing.
    """
    if dim is not None:
        raise renamed("mean", "dim", "axis", dim)
    return _reduce(mean_p, x, {"axis": axis, "keepdims": keepdims})


max_p, min_p = primitive(kernels.max), primitive(kernels.min)


def _share(xp: Any, x: Any, out: Any, dtype: Any, axis: Any, keepdims: bool) -> Any:
    """Return which elements are the extremum, and how many of them there are."""
    chosen = x == restore(xp, out, axis, keepdims)
    return chosen, xp.sum(chosen, axis=axis, dtype=dtype, keepdims=True)


def _extremum_vjp(xp: Any, ct: Any, x: Any, out: Any, *, axis: Any, keepdims: bool) -> Any:
    # the elements that attain the extremum share the cotangent evenly
    chosen, number = _share(xp, x, out, ct.dtype, axis, keepdims)
    return restore(xp, ct, axis, keepdims) * chosen / number


def _extremum_jvp(xp: Any, t: Any, x: Any, out: Any, *, axis: Any, keepdims: bool) -> Any:
    chosen, number = _share(xp, x, out, t.dtype, axis, keepdims)
    return xp.sum(t * chosen / number, axis=axis, keepdims=keepdims)


for _extremum in (max_p, min_p):
    _extremum.vjp(_extremum_vjp)
    _extremum.jvp(_extremum_jvp)
    _extremum.batched = shifted


@extremum.see("min, argmax, maximum, nanmax")
def max(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False, dim: None = None) -> Tensor:
    """Return the largest value of `x` over `axis`, of all elements by default.

    NaN propagates. Equal largest elements share the gradient evenly. Complex numbers are ordered by
    their real, then by their imaginary parts.

    >>> xp.max(xp.asarray([[1, 5], [7, 2]]), axis=1)
    tensor([5, 7])
    """
    if dim is not None:
        raise renamed("max", "dim", "axis", dim)
    return _reduce(max_p, x, {"axis": axis, "keepdims": keepdims})


@extremum.see("max, argmin, minimum, nanmin")
def min(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False, dim: None = None) -> Tensor:
    """Return the smallest value of `x` over `axis`, of all elements by default.

    NaN propagates. Equal smallest elements share the gradient evenly. Complex numbers are ordered
    as by `max`.

    >>> xp.min(xp.asarray([[1, 5], [7, 2]]), axis=1)
    tensor([1, 2])
    """
    if dim is not None:
        raise renamed("min", "dim", "axis", dim)
    return _reduce(min_p, x, {"axis": axis, "keepdims": keepdims})


def _deviation(xp: Any, x: Any, axis: Any) -> Any:
    return x - xp.mean(x, axis=axis, keepdims=True)


def _along(xp: Any, t: Any, deviation: Any, axis: Any, keepdims: bool) -> Any:
    """Return the sum of re(conj(deviation) t): what both moments change by, but for a factor."""
    change = deviation.conjugate() * t
    if xp.isdtype(change.dtype, "complex floating"):
        change = xp.real(change)
    return xp.sum(change, axis=axis, keepdims=keepdims)


var_p = primitive(kernels.var)


def _scaled_deviation(xp: Any, x: Any, share: Any, axis: Any) -> Any:
    """Return (x - mean) · share, one `share` for each mean."""
    found = kernels.deviation_slope(x, share, axis)
    if found is not None:
        return found
    return share * _deviation(xp, x, axis)


@var_p.vjp
def _(xp: Any, ct: Any, x: Any, *, axis: Any, correction: float, keepdims: bool) -> Any:
    # v = Σ |x - m|² / n: ∂v/∂x = 2 (x - m) / n
    share = restore(xp, ct, axis, keepdims) * 2 / kernels.freedom(x.shape, axis, correction)
    return _scaled_deviation(xp, x, share, axis)


@var_p.jvp
def _(xp: Any, t: Any, x: Any, *, axis: Any, correction: float, keepdims: bool) -> Any:
    change = _along(xp, t, _deviation(xp, x, axis), axis, keepdims)
    return change * 2 / kernels.freedom(x.shape, axis, correction)


var_p.batched = shifted


std_p = primitive(kernels.std)


def _over(xp: Any, numerator: Any, out: Any) -> Any:
    """Return numerator / out, and 0 where `out` is 0, in derivatives as well."""
    still = out == 0
    return xp.where(still, 0, numerator / xp.where(still, 1, out))


@std_p.vjp
def _(xp: Any, ct: Any, x: Any, out: Any, *, axis: Any, correction: float, keepdims: bool) -> Any:
    # s = √v: ∂s/∂x = (x - m) / (n s)
    share = restore(xp, _over(xp, ct, out), axis, keepdims)
    return _scaled_deviation(xp, x, share / kernels.freedom(x.shape, axis, correction), axis)


@std_p.jvp
def _(xp: Any, t: Any, x: Any, out: Any, *, axis: Any, correction: float, keepdims: bool) -> Any:
    change = _along(xp, t, _deviation(xp, x, axis), axis, keepdims)
    return _over(xp, change, out) / kernels.freedom(x.shape, axis, correction)


std_p.batched = shifted


@reduction.see("std, mean")
def var(
    x: Tensor,
    /,
    *,
    axis: Axis = None,
    correction: int | float = 0.0,
    keepdims: bool = False,
    dim: None = None,
) -> Tensor:
    """Return the variance of `x` over `axis`: the mean of |x - mean(x)|².

    >>> xp.var(xp.asarray([1.0, 2.0, 3.0, 4.0]))
    tensor(1.25)

    Parameters
    ----------
    correction : float
        Taken off the number of elements that the sum is divided by.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`; dtype of its real part, of integers and bool float64. NaN where
        the divisor is 0.
    """
    if dim is not None:
        raise renamed("var", "dim", "axis", dim)
    constant("var", "correction", correction)
    return _reduce(var_p, x, {"axis": axis, "correction": correction, "keepdims": keepdims})


@reduction.see("var, mean")
def std(
    x: Tensor,
    /,
    *,
    axis: Axis = None,
    correction: int | float = 0.0,
    keepdims: bool = False,
    dim: None = None,
) -> Tensor:
    """Return the standard deviation of `x` over `axis`: the square root of `var`.

    The gradient is 0 where the standard deviation is 0.

    >>> xp.std(xp.asarray([1.0, 2.0, 3.0, 4.0]), correction=1)
    tensor(1.291)

    Parameters
    ----------
    correction : float
        As for `var`.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`; dtype as of `var`.
    """
    if dim is not None:
        raise renamed("std", "dim", "axis", dim)
    constant("std", "correction", correction)
    return _reduce(std_p, x, {"axis": axis, "correction": correction, "keepdims": keepdims})


any_p = nondifferentiable("any", forward=kernels.any)
all_p = nondifferentiable("all", forward=kernels.all)


def _count_nonzero(xp: Any, x: Any, *, axis: Axis, keepdims: bool) -> Any:
    # some releases of NumPy give a Python int
    return xp.asarray(xp.count_nonzero(x, axis=axis, keepdims=keepdims))


count_nonzero_p = nondifferentiable("count_nonzero", forward=_count_nonzero)


@reduction.see("all")
def any(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False, dim: None = None) -> Tensor:
    """Return whether any element over `axis` is true (not zero; NaN is true).

    >>> xp.any(xp.asarray([[True, False], [False, False]]), axis=1)
    tensor([ True, False])

    Returns
    -------
    Tensor
        Shape of `x` without `axis`, dtype bool; False of nothing.
    """
    if dim is not None:
        raise renamed("any", "dim", "axis", dim)
    return _reduce(any_p, x, {"axis": axis, "keepdims": keepdims})


@reduction.see("any")
def all(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False, dim: None = None) -> Tensor:
    """Return whether all elements over `axis` are true (not zero; NaN is true).

    >>> xp.all(xp.asarray([[True, False], [True, True]]), axis=1)
    tensor([False,  True])

    Returns
    -------
    Tensor
        Shape of `x` without `axis`, dtype bool; True of nothing.
    """
    if dim is not None:
        raise renamed("all", "dim", "axis", dim)
    return _reduce(all_p, x, {"axis": axis, "keepdims": keepdims})


@reduction.see("nonzero")
def count_nonzero(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the number of elements over `axis` that are not zero.

    >>> xp.count_nonzero(xp.asarray([[0, 1], [2, 3]]), axis=0)
    tensor([1, 2])

    Returns
    -------
    Tensor
        Shape of `x` without `axis`, dtype int64.
    """
    return _reduce(count_nonzero_p, x, {"axis": axis, "keepdims": keepdims})
