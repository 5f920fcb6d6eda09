"""NumPy's statistics beyond the standard, composed of differentiable functions.

NaN-passing reductions, averages, quantiles, covariance, and the trapezoidal rule.
"""

from math import prod
from typing import Any

from tensorxp._backend.dtypes import Defaults
from tensorxp._backend.families import see
from tensorxp._core.door import node_of
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import note_read, watching
from tensorxp._ops.axes import dimensions, normalize_axes, normalize_axis, truth
from tensorxp._ops.beside import tensors
from tensorxp._ops.casting import astype, result_type
from tensorxp._ops.cumulative import diff, part
from tensorxp._ops.families import extremum, reduction
from tensorxp._ops.half import in_single, is_half, singly
from tensorxp._ops.products import matmul
from tensorxp._ops.reduction import Axis, max, mean, min, sum
from tensorxp._ops.searching import where
from tensorxp._ops.shaping import broadcast_to, expand_dims, permute_dims, reshape, stack
from tensorxp._ops.sorting import sort

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _floating(x: Any) -> Any:
    """Return `x`, integers and bool as the default real dtype: their sums would wrap."""
    if x._data.dtype.kind in "fc":
        return x
    return astype(x, Defaults.real)


def _missing(function: str, x: Any) -> Any:
    """Return where `x` is NaN."""
    dimensions(function, x)
    return x != x


@reduction.see("sum, nanmean")
def nansum(x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum of `x` over `axis`, NaN counting as 0.

    >>> xp.nansum(xp.asarray([1.0, xp.nan, 3.0]))
    tensor(4.)

    Parameters
    ----------
    dtype : dtype or None
        As for `sum`.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`; dtype as of `sum`.
    """
    return sum(where(_missing("nansum", x), 0, x), axis=axis, dtype=dtype, keepdims=keepdims)


@reduction.see("mean, nansum")
def nanmean(
    x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False
) -> Tensor:
    """Return the mean of what is not NaN in `x` over `axis`; NaN where nothing is.

    >>> xp.nanmean(xp.asarray([1.0, xp.nan, 3.0]))
    tensor(2.)

    Parameters
    ----------
    dtype : dtype or None
        Of the sum and the result; None is that of `x`, of integers and bool the default real one.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`, that dtype.
    """
    missing = _missing("nanmean", x)
    if dtype is None and is_half(x):
        return singly(lambda t: nanmean(t, axis=axis, keepdims=keepdims), x)  # type: ignore[no-any-return]
    if dtype is None:
        x = _floating(x)
    total: Any = sum(where(missing, 0, x), axis=axis, dtype=dtype, keepdims=keepdims)
    number = sum(~missing, axis=axis, dtype=total.dtype, keepdims=keepdims)
    return total / number  # type: ignore[no-any-return]


@extremum.see("max, fmax")
def nanmax(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest of what is not NaN in real `x` over `axis`; NaN where nothing is.

    Complex `x` is taken as by `max`.

    >>> xp.nanmax(xp.asarray([1.0, xp.nan, 3.0]))
    tensor(3.)
    """
    return _nan_extremum("nanmax", max, float("-inf"), x, axis, keepdims)


@extremum.see("min, fmin")
def nanmin(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the smallest of what is not NaN in real `x` over `axis`; NaN where nothing is.

    Complex `x` is taken as by `min`.

    >>> xp.nanmin(xp.asarray([1.0, xp.nan, 3.0]))
    tensor(1.)
    """
    return _nan_extremum("nanmin", min, float("inf"), x, axis, keepdims)


def _nan_extremum(
    function: str, extremum: Any, last: float, x: Any, axis: Axis, keepdims: bool
) -> Tensor:
    missing = _missing(function, x)
    if x._data.dtype.kind != "f":
        return extremum(x, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]
    found = extremum(where(missing, last, x), axis=axis, keepdims=keepdims)
    number: Any = sum(~missing, axis=axis, keepdims=keepdims)
    return where(number == 0, float("nan"), found)


@see("max, min")
def ptp(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest less the smallest value of `x` over `axis`, ordered as by `max`.

    >>> xp.ptp(xp.asarray([1, 5, 2]))
    tensor(4)

    Parameters
    ----------
    x : Tensor, numeric
    axis : int, tuple of ints or None
    keepdims : bool
        Whether reduced axes stay, of size 1.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`, its dtype.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor or bool; no such axis; one given twice, or there are no elements.
    """
    top: Any = max(x, axis=axis, keepdims=keepdims)
    return top - min(x, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]


@in_single()
@see("mean")
def average(
    x: Tensor, /, *, axis: Axis = None, weights: Tensor | None = None, keepdims: bool = False
) -> Tensor:
    """Return the mean of `x` over `axis`, with weights the weighted mean; NaN where they sum to 0.

    >>> xp.average(xp.asarray([1.0, 2.0]), weights=xp.asarray([3.0, 1.0]))
    tensor(1.25)

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int, tuple of ints or None
    weights : Tensor or None
        Of the shape of `x`, or 1-D along the one `axis`.
    keepdims : bool
        Whether reduced axes stay, of size 1.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`; its dtype, promoted with that of `weights`; of integers a real
        floating one.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` or `weights` is no Tensor; no such axis; one given twice, or weights of another shape.
    """
    if weights is None:
        return mean(x, axis=axis, keepdims=keepdims)
    x, weights = tensors("average", x=x, weights=weights)
    axes = normalize_axes("average", axis, dimensions("average", x))
    shape = x._data.shape
    dimensions("average", weights, "weights")
    x = _floating(x)
    w: Any = astype(weights, result_type(x, weights), copy=False)
    if w.shape != shape:
        if len(axes) != 1 or w.shape != (shape[axes[0]],):
            raise ValueError(
                f"average: weights have shape {w.shape}; allowed are the shape {shape} of x, or "
                "1-D along one axis"
            )
        w = reshape(w, tuple([n if i == axes[0] else 1 for i, n in enumerate(shape)]))
    total: Any = sum(w * x, axis=axes, keepdims=keepdims)
    whole: Any = sum(broadcast_to(w, shape), axis=axes, keepdims=keepdims)
    return total / whole  # type: ignore[no-any-return]


def _sorted_last(function: str, x: Any, axis: Axis) -> tuple[Any, tuple[int, ...]]:
    """Return `x` sorted along a last axis made of the reduced axes, and these axes."""
    ndim = dimensions(function, x)
    axes = normalize_axes(function, axis, ndim)
    kept = tuple([i for i in range(ndim) if i not in axes])
    moved: Any = permute_dims(x, kept + axes)
    size = prod([x._data.shape[i] for i in axes])
    if not size:
        raise ValueError(f"{function}: no elements along axis {axis} of shape {x._data.shape}")
    return sort(reshape(moved, (*moved.shape[: len(kept)], size)), axis=-1), axes


@extremum.see("mean, quantile")
def median(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the median of `x` over `axis`, the mean of the two middle elements of an even number.

    NaN where an element is NaN. Both middle elements get half of the gradient.

    >>> xp.median(xp.asarray([3.0, 1.0, 2.0, 10.0]))
    tensor(2.5)

    Returns
    -------
    Tensor
        Shape of `x` without `axis`; its dtype, of integers and bool the default real one.
    """
    rows, axes = _sorted_last("median", x, axis)
    n = rows.shape[-1]
    found = _with_nan(mean(rows[..., (n - 1) // 2 : n // 2 + 1], axis=-1), rows)
    return expand_dims(found, axis=axes) if truth("quantile", "keepdims", keepdims) else found


def _with_nan(found: Tensor, rows: Any) -> Tensor:
    """Return `found`, NaN where the sorted `rows` end in NaN."""
    if rows._data.dtype.kind not in "fc":
        return found
    last = rows[..., -1]
    return where(last != last, last, found)


@see("percentile, median")
def quantile(
    x: Tensor, q: Any, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return quantiles of `x` over `axis`; NaN where an element is NaN.

    The gradient by a Tensor `q` is the slope between two elements; at an element it is 0, as
    in PyTorch, and so for the methods that take one of them or the middle.

    >>> xp.quantile(xp.asarray([1.0, 2.0, 3.0]), xp.asarray([0.25, 0.5]))
    tensor([1.5, 2. ])

    Parameters
    ----------
    x : Tensor, numeric
    q : number, sequence or Tensor
        Of any shape, in [0, 1].
    axis : int, tuple of ints or None
    method : str
        What to take between two elements: "linear", "lower", "higher", "midpoint", "nearest".
    keepdims : bool
        Whether reduced axes stay, of size 1.

    Returns
    -------
    Tensor
        Shape of `q`, then that of `x` without `axis`; dtype of `x`, of integers a real floating
        one.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor, `q` no numbers; no such axis; one given twice, no elements, `q` out of
        range, another method.
    """
    if method.__class__ is not str or method not in _METHODS:
        raise ValueError(f"quantile: method is {method!r}; allowed are {', '.join(_METHODS)}")
    rows, axes = _sorted_last("quantile", x, axis)
    rows = _floating(rows)
    given, q = q, _host("quantile", x, q)
    wanted: Any = [None] * q.size  # each as a Tensor, where its gradient is
    if isinstance(given, Tensor) and (node_of(given) is not None or watching):
        flat: Any = reshape(given, (-1,))
        wanted = [flat[i] for i in range(q.size)] if given._data.dtype.kind == "f" else wanted
    if not q.size:  # nothing is asked for: the shape of an answer, none of them
        one: Any = _quantile(rows, 0.5, None, method, axes, keepdims)
        return reshape(one[None][:0], (*q.shape, *one.shape))
    found = [
        _quantile(rows, float(p), t, method, axes, keepdims)
        for p, t in zip(q.reshape(-1), wanted, strict=True)
    ]
    if not q.shape:
        return found[0]
    out: Any = stack(found, axis=0)
    return reshape(out, (*q.shape, *out.shape[1:]))


def _quantile(
    rows: Any, q: float, wanted: Any, method: str, axes: tuple[int, ...], keepdims: bool
) -> Tensor:
    """Return one quantile of the sorted rows; `wanted` is `q` as a Tensor that it follows."""
    if not 0 <= q <= 1:
        raise ValueError(f"quantile: q is {q}; allowed are numbers from 0 to 1")
    place = q * (rows.shape[-1] - 1)
    below = int(place)
    above = below + (place > below)
    fraction = place - below
    if method == "nearest":
        below = above = round(place)  # halves go to the even place
    elif method in ("lower", "higher"):
        below = above = below if method == "lower" else above
    elif method == "midpoint":
        fraction = 0.5 if above > below else 0.0
    found = rows[..., below]
    if wanted is not None and above > below and method == "linear":
        fraction = astype(wanted * (rows.shape[-1] - 1) - below, rows.dtype)
    elif wanted is not None:
        found = found + astype(wanted, rows.dtype) * 0  # piecewise constant
    if above > below:
        found = found + (rows[..., above] - found) * fraction
    found = _with_nan(found, rows)
    return expand_dims(found, axis=axes) if truth("quantile", "keepdims", keepdims) else found


@see("quantile, median")
def percentile(
    x: Tensor, q: Any, /, *, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """Return `quantile` of `x` for percentages.

    >>> xp.percentile(xp.asarray([1.0, 2.0, 3.0, 4.0]), 50)
    tensor(2.5)

    Parameters
    ----------
    x : Tensor, numeric
    q : number, sequence or Tensor
        Of any shape, in [0, 100].
    axis : int, tuple of ints or None
    method : str
        As for `quantile`.
    keepdims : bool
        Whether reduced axes stay, of size 1.

    Returns
    -------
    Tensor
        Shape and dtype as of `quantile`.

    Raises
    ------
    TypeError, AxisError, ValueError
        As for `quantile`.
    """
    host = _host("percentile", x, q)
    if host.size and not (host.min() >= 0 and host.max() <= 100):
        raise ValueError(f"percentile: q is {host}; allowed are numbers from 0 to 100")
    return quantile(
        x, (q if isinstance(q, Tensor) else host) / 100, axis=axis, method=method, keepdims=keepdims
    )


def _host(function: str, x: Tensor, q: Any) -> Any:
    """Return quantiles as a NumPy array; TypeError where they are no real numbers."""
    dimensions(function, x)
    if isinstance(q, Tensor):
        note_read(q)
        q = q._data
    found = x._device.raw.to_numpy(q)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{function}: q is {q!r}; allowed are real numbers")
    return found


@see("tensorxp.integrate.simpson")
def trapezoid(y: Tensor, /, x: Tensor | None = None, *, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Return the integral of `y` along `axis` by the trapezoidal rule.

    >>> xp.trapezoid(xp.asarray([0.0, 1.0, 4.0]), dx=0.5)
    tensor(1.5)

    Parameters
    ----------
    y : Tensor, any dtype
    x : Tensor, real, or None
        The places of the samples: 1-D, or of the shape of `y`; None: evenly `dx` apart.
    dx : float
    axis : int

    Returns
    -------
    Tensor
        Shape of `y` without `axis`; its dtype, promoted with that of `x`; of integers float64.

    Raises
    ------
    TypeError, AxisError, ValueError
        `y` or `x` is no Tensor; no such axis; shapes that don't fit.
    """
    y, x = tensors("trapezoid", y=y, x=x)
    ndim = dimensions("trapezoid", y, "y")
    axis = normalize_axis("trapezoid", axis, ndim)
    samples: Any = _floating(y)
    step: Any = dx
    if x is not None:
        ndim_of_x = dimensions("trapezoid", x)
        x = _floating(x)
        if ndim_of_x == 1:
            step = reshape(diff(x), (-1,) + (1,) * (ndim - 1 - axis))
        else:
            step = diff(x, axis=axis)
    heights = samples[part(axis, 1, None)] + samples[part(axis, None, -1)]
    return sum(heights * step / 2, axis=axis)


@in_single()
@see("corrcoef, var")
def cov(
    x: Tensor, /, *, rowvar: bool = True, correction: int | float = 1, weights: Any = None
) -> Tensor:
    """Return the covariance matrix of the variables in the rows of `x`.

    >>> xp.cov(xp.asarray([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])

    Parameters
    ----------
    x : Tensor, any dtype
        Shape (N, count), or (count,) for one variable.
    rowvar : bool
        False: the variables are the columns.
    correction : float
        Taken off the number of observations.
    weights : Tensor, real, or None
        Relative weights of the observations, shape (count,): the divisor is their sum less
        `correction` times their mean square.

    Returns
    -------
    Tensor
        Shape (N, N), 0-d for one variable; dtype of `x`, of integers a real floating one.

    Raises
    ------
    TypeError, ValueError
        `x` or `weights` is no Tensor, `correction` no number; other shapes.
    """
    x, weights = tensors("cov", x=x, weights=weights)
    rows = _variables("cov", x, rowvar)
    if not isinstance(correction, int | float):
        raise TypeError(f"cov: correction is {correction!r}; allowed is a number")
    n = rows.shape[-1]
    if weights is None:
        centred = rows - mean(rows, axis=-1, keepdims=True)
        freedom = n - correction if n > correction else 0
        found: Any = matmul(centred, centred.mT.conjugate()) / freedom
    else:
        dimensions("cov", weights, "weights")
        w: Any = _floating(weights)
        centre: Any = average(rows, axis=1, weights=w, keepdims=True)
        centred = rows - centre
        total: Any = sum(w)
        squares: Any = sum(w * w)
        divisor = total - correction * squares / total
        found = matmul(centred * w, centred.mT.conjugate()) / divisor
    return reshape(found, ()) if len(rows) == 1 else found


@in_single()
@see("cov")
def corrcoef(x: Tensor, /, *, rowvar: bool = True) -> Tensor:
    """Return the matrix of correlation coefficients of the variables in the rows of `x`.

    NaN for a variable that is constant.

    >>> xp.corrcoef(xp.asarray([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])

    Parameters
    ----------
    x : Tensor, any dtype
        Shape (N, count), or (count,) for one variable.
    rowvar : bool
        False: the variables are the columns.

    Returns
    -------
    Tensor
        Shape (N, N), 0-d for one variable; dtype of `x`, of integers a real floating one.

    Raises
    ------
    TypeError, ValueError
        `x` is no Tensor; three axes or more.
    """
    rows = _variables("corrcoef", x, rowvar)
    centred = rows - mean(rows, axis=-1, keepdims=True)
    square: Any = sum((centred * centred.conjugate()).real, axis=-1, keepdims=True)
    unit = centred / square**0.5
    found = matmul(unit, unit.mT.conjugate())
    return reshape(found, ()) if len(rows) == 1 else found


def _variables(function: str, x: Any, rowvar: bool) -> Any:
    """Return `x` as a matrix with a row for each variable."""
    ndim = dimensions(function, x)
    if ndim not in (1, 2):
        raise ValueError(f"{function}: x has {ndim} dimensions; allowed are 1 and 2")
    return reshape(x, (1, -1)) if ndim == 1 else x if truth(function, "rowvar", rowvar) else x.mT
