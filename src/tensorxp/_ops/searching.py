"""Searching and picking: positions of extrema and of non-zeros, `where`, `isin`, `take`.

Positions are int64 and have no derivative; what is picked by them has.
"""

from math import prod
from typing import Any

from tensorxp._backend.dtypes import Defaults
from tensorxp._backend.families import see
from tensorxp._core.door import apply, device_mismatch, is_numpy_value, single, wrap
from tensorxp._core.operands import limits
from tensorxp._core.primitive import Primitive, elementwise, nondifferentiable, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions, normalize_axis, renamed, shifted
from tensorxp._ops.beside import tensors
from tensorxp._ops.families import position, unary_any
from tensorxp._ops.shaping import ravel, stack

_SCALARS = (float, int, bool, complex)


def _beside(function: str, argument: str, value: Any, tensor: Any) -> Any:
    """Return an operand beside `tensor`: a Tensor or a Python scalar; TypeError for others."""
    if isinstance(value, Tensor) or value.__class__ in _SCALARS:
        return value
    if isinstance(value, (int, float, complex)) and not hasattr(value, "dtype"):
        return value.__pos__()
    if isinstance(tensor, Tensor):
        if tensor._device.type == "cpu" and is_numpy_value(tensor._device, value):
            return wrap(tensor._device.raw.asarray(value), tensor._device)
    raise TypeError(
        f"{function}: {argument} is a {type(value).__module__}.{type(value).__name__}; allowed are "
        "Tensors and, beside a Tensor, Python scalars"
    )


def _indices(function: str, value: Any, x: Any) -> Any:
    """Return indices into `x` as an integer Tensor on its device; TypeError for other dtypes."""
    if not isinstance(value, Tensor):
        raw = x._device.raw.asarray(value)
        value = wrap(raw if raw.size else raw.astype("int64"), x._device)
    if value._data.dtype.kind not in "iu":
        raise TypeError(f"{function}: indices have dtype {value._data.dtype}; allowed are integers")
    if value._data.dtype.kind == "u":  # NumPy does not take uint64 for indices
        value = wrap(value._data.astype("int64"), value._device)
    return value


argmax_p = nondifferentiable(
    "argmax", forward=lambda xp, x, *, axis, keepdims: x.argmax(axis, None, keepdims=keepdims)
)
argmin_p = nondifferentiable(
    "argmin", forward=lambda xp, x, *, axis, keepdims: x.argmin(axis, None, keepdims=keepdims)
)
nonzero_p = nondifferentiable("nonzero")


def _position(op: Primitive, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    if axis is not None:
        axis = normalize_axis(op.name, axis, dimensions(op.name, x))
    return single(op, x, {"axis": axis, "keepdims": keepdims})


@position.see("argmin, max")
def argmax(
    x: Tensor, /, *, axis: int | None = None, keepdims: bool = False, dim: None = None
) -> Tensor:
    """Return the index of the first largest element along `axis`; the first NaN counts as that.

    >>> xp.argmax(xp.asarray([[1, 5], [7, 2]]), axis=1)
    tensor([1, 0])
    """
    if dim is not None:
        raise renamed("argmax", "dim", "axis", dim)
    return _position(argmax_p, x, axis, keepdims)


@position.see("argmax, min")
def argmin(
    x: Tensor, /, *, axis: int | None = None, keepdims: bool = False, dim: None = None
) -> Tensor:
    """Return the index of the first smallest element along `axis`; the first NaN counts as that.

    >>> xp.argmin(xp.asarray([[1, 5], [7, 2]]), axis=1)
    tensor([0, 1])
    """
    if dim is not None:
        raise renamed("argmin", "dim", "axis", dim)
    return _position(argmin_p, x, axis, keepdims)


@see("argwhere, flatnonzero, where")
def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """Return the indices of the elements that are not zero, in the order of the flattened `x`.

    >>> xp.nonzero(xp.asarray([0, 5, 0, 7]))
    (tensor([1, 3]),)

    Parameters
    ----------
    x : Tensor, any dtype

    Returns
    -------
    tuple of Tensors
        One of shape (count,) and dtype int64 for each axis.

    Raises
    ------
    TypeError, ValueError
        `x` is no Tensor; `x` is 0-d.
    """
    if dimensions("nonzero", x) == 0:
        raise ValueError("nonzero: x has 0 dimensions; allowed are 1 and above")
    return tuple(apply(nonzero_p, (x,), {}))


@see("nonzero, flatnonzero")
def argwhere(x: Tensor, /) -> Tensor:
    """Return the indices of the elements that are not zero, one row for each element.

    >>> xp.argwhere(xp.asarray([[0, 1], [2, 0]]))
    tensor([[0, 1],
            [1, 0]])

    Parameters
    ----------
    x : Tensor, any dtype

    Returns
    -------
    Tensor
        Shape (count, x.ndim), dtype int64.

    Raises
    ------
    TypeError, ValueError
        `x` is no Tensor; `x` is 0-d.
    """
    return stack(nonzero(x), axis=-1)


@unary_any.see("nonzero, argwhere")
def flatnonzero(x: Tensor, /) -> Tensor:
    """Return the indices into the flattened `x` of the elements that are not zero.

    >>> xp.flatnonzero(xp.asarray([[0, 1], [2, 0]]))
    tensor([1, 2])

    Returns
    -------
    Tensor
        Shape (count,), dtype int64.
    """
    return nonzero(ravel(x))[0]


def _searchsorted(xp: Any, x1: Any, x2: Any, sorter: Any, *, side: str) -> Any:
    if type(x2) is int and x1.dtype.kind in "iu":
        held = xp.iinfo(x1.dtype)
        if not held.min <= x2 <= held.max:  # before or behind all, as comparisons say
            return xp.asarray(len(x1) if x2 > held.max else 0, dtype=xp.int64)
    if not hasattr(x2, "dtype"):
        x2 = xp.asarray(x2, dtype=xp.result_type(x1.dtype, x2))
    if _mixed_signs(xp, x1, x2):
        return _among_others(xp, x1, x2, sorter, side)
    return xp.base.searchsorted(x1, x2, side, sorter)


def _among_others(xp: Any, x1: Any, x2: Any, sorter: Any, side: str) -> Any:
    """Search uint64 among signed integers or the contrary, whose common dtype is not exact."""
    held, beyond = _held(xp, x2, x1.dtype)
    place = 0 if x1.dtype.kind == "u" else len(x1)
    return xp.where(beyond, place, xp.base.searchsorted(x1, held, side, sorter))


def _held(xp: Any, x: Any, dtype: Any) -> Any:
    """Return integers in a dtype of the other sign, and where that does not hold them."""
    beyond = x < 0 if dtype.kind == "u" else x > xp.iinfo(dtype).max
    return xp.astype(xp.where(beyond, 0, x), dtype), beyond


searchsorted_p = nondifferentiable(
    "searchsorted", forward=_searchsorted, inputs=("x1", "x2", "sorter")
)


@see("sort")
def searchsorted(
    x1: Tensor,
    x2: Tensor | float,
    /,
    *,
    side: str = "left",
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where in the sorted `x1` the elements of `x2` belong so that it stays sorted.

    NaN belongs at the end.

    >>> xp.searchsorted(xp.asarray([1.0, 2.0, 3.0]), xp.asarray([0.5, 2.5]))
    tensor([0, 2])

    Parameters
    ----------
    x1 : Tensor, any dtype
        1-D.
    x2 : Tensor or scalar, any dtype
    side : str
        "left" puts them before equal elements, "right" behind.
    sorter : Tensor, integer, or None
        The indices that sort `x1`, 1-D.

    Returns
    -------
    Tensor
        Shape of `x2`, dtype int64.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Arguments of other types or dtypes; `x1` not 1-D, another `side`; two devices.
    """
    if dimensions("searchsorted", x1, "x1") != 1:
        raise ValueError(f"searchsorted: x1 has {x1._data.ndim} dimensions; allowed is 1")
    if side not in ("left", "right"):
        raise ValueError(f'searchsorted: side is {side!r}; allowed are "left" and "right"')
    if sorter is not None:
        sorter = _indices("searchsorted", sorter, x1)
    inputs = (x1, _beside("searchsorted", "x2", x2, x1), sorter)
    return apply(searchsorted_p, inputs, {"side": side})


def _check_fits(argument: str, value: int, other: Any) -> None:
    """Raise an OverflowError where the integer dtype of `other` does not hold `value`."""
    held = limits(other)
    if held is not None and not held.min <= value <= held.max:
        raise OverflowError(
            f"where: {argument} is {value}, out of bounds for the other operand's dtype "
            f"{held.dtype}, which holds {held.min} to {held.max}"
        )


where_p = elementwise(
    "where",
    scalars=True,
    inputs=("condition", "x1", "x2"),
    x1=lambda xp, ct, condition: xp.where(condition, ct, 0),
    x2=lambda xp, ct, condition: xp.where(condition, 0, ct),
)


@see("nonzero")
def where(condition: Tensor | complex, x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return the elements of `x1` where `condition` is true, and of `x2` elsewhere.

    Each side gets the gradient only where it was chosen, and zero elsewhere even where the other
    side's derivative is infinite or NaN.

    >>> xp.where(xp.asarray([True, False]), xp.asarray([1.0, 2.0]), 0)
    tensor([1., 0.])

    Parameters
    ----------
    condition : Tensor or scalar, any dtype, broadcast
        Numbers are true if not 0.
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype of `x1` and `x2`.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        No Tensor among them, or other types; shapes that don't broadcast; a Python int beyond the
        other's integer dtype; two devices.
    """
    tensor = next((x for x in (x1, x2, condition) if isinstance(x, Tensor)), None)
    condition = _beside("where", "condition", condition, tensor)
    x1, x2 = _beside("where", "x1", x1, tensor), _beside("where", "x2", x2, tensor)
    if tensor is not None and x1.__class__ in _SCALARS and x2.__class__ in _SCALARS:
        kinds = {complex: Defaults.complex, float: Defaults.real}
        dtype = kinds.get(complex if complex in (type(x1), type(x2)) else type(x1 + x2))
        raw = tensor._device.raw
        x1 = wrap(raw.asarray(x1, dtype=None if dtype is None else dtype.dtype), tensor._device)
    if x1.__class__ is int and isinstance(x2, Tensor):
        _check_fits("x1", x1, x2)
    elif x2.__class__ is int and isinstance(x1, Tensor):
        _check_fits("x2", x2, x1)
    return apply(where_p, (condition, x1, x2), {})


def _isin(xp: Any, x1: Any, x2: Any, *, invert: bool) -> Any:
    if not hasattr(x2, "dtype"):
        found = x1 == x2  # exact for integers beyond the dtype
    elif not hasattr(x1, "dtype"):
        found = (x2 == x1).any()
    elif _mixed_signs(xp, x1, x2):
        held, beyond = _held(xp, x1, x2.dtype)
        found = xp.isin(held, x2) & ~beyond
    else:
        return xp.isin(x1, x2, invert=invert)
    return ~found if invert else found


def _mixed_signs(xp: Any, x1: Any, x2: Any) -> bool:
    """Return whether integers meet in a floating dtype, which does not hold them exactly."""
    kinds = x1.dtype.kind + x2.dtype.kind
    return kinds in ("iu", "ui") and xp.result_type(x1, x2).kind == "f"


isin_p = nondifferentiable("isin", forward=_isin, inputs=("x1", "x2"))


@see("unique_values")
def isin(x1: Tensor | complex, x2: Tensor | complex, /, *, invert: bool = False) -> Tensor:
    """Return for each element of `x1` whether it is among `x2`, by value; NaN never is.

    >>> xp.isin(xp.asarray([1, 2, 3]), xp.asarray([1, 3]))
    tensor([ True, False,  True])

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype
    invert : bool
        Return the contrary.

    Returns
    -------
    Tensor
        Shape of `x1`, dtype bool.

    Raises
    ------
    TypeError, DeviceError
        Other types, or no Tensor among them; two devices.
    """
    tensor = x1 if isinstance(x1, Tensor) else x2
    inputs = (_beside("isin", "x1", x1, tensor), _beside("isin", "x2", x2, tensor))
    return apply(isin_p, inputs, {"invert": invert})


def _scatter(xp: Any, ct: Any, shape: tuple[int, ...], places: Any) -> Any:
    """Return zeros of `shape` with `ct` added at `places`, indices into the flattened result.

    One flat index is the fast path of adding at places, on every backend.
    """
    zeros = xp.zeros((prod(shape),), dtype=ct.dtype, device=ct.device)
    key = (xp.reshape(places, (-1,)),)
    return xp.reshape(xp.index_add(zeros, key, xp.reshape(ct, (-1,))), shape)


def _positive(xp: Any, indices: Any, size: int) -> Any:
    indices = xp.astype(indices, xp.int64, copy=False)
    return xp.where(indices < 0, indices + size, indices)


@primitive
def take_p(xp: Any, x: Any, indices: Any, *, axis: int) -> Any:
    """Pick slices along `axis`."""
    return xp.take(x, indices, axis=axis)


@take_p.vjp
def _(xp: Any, ct: Any, x_shape: Any, indices: Any, *, axis: int) -> Any:
    # y = x[:, i]: the cotangents of slices that were picked several times add up
    outer, size, inner = prod(x_shape[:axis]), x_shape[axis], prod(x_shape[axis + 1 :])
    picked = xp.reshape(_positive(xp, indices, size), (1, -1, 1)) * inner
    device = ct.device
    first = xp.reshape(xp.arange(outer, dtype=picked.dtype, device=device), (-1, 1, 1))
    last = xp.arange(inner, dtype=picked.dtype, device=device)
    return _scatter(xp, ct, x_shape, first * (size * inner) + picked + last), None


@take_p.jvp
def _(xp: Any, t: Any, indices: Any, *, axis: int) -> Any:
    return xp.take(t[0], indices, axis=axis)


take_p.batched = shifted


@see("take_along_axis, index_add")
def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Return the slices of `x` at `indices` along `axis`.

    >>> xp.take(xp.asarray([[1, 2, 3], [4, 5, 6]]), xp.asarray([2, 0]), axis=1)
    tensor([[3, 1],
            [6, 4]])

    Parameters
    ----------
    x : Tensor, any dtype
    indices : Tensor or sequence, integer
        Of any shape; negative ones count from the end.
    axis : int or None
        None picks from the flattened `x`.

    Returns
    -------
    Tensor
        Shape of `x` with that of `indices` in place of `axis`; its dtype; a copy.

    Raises
    ------
    TypeError, AxisError
        `x` is no Tensor, `indices` are no integers; no such axis.
    IndexError, DeviceError
        An index out of bounds; two devices.
    """
    if not isinstance(x, Tensor):
        x = tensors("take", x=x, indices=indices)[0]
    ndim = dimensions("take", x)
    indices = _indices("take", indices, x)
    if axis is None and ndim != 1:
        x, ndim = ravel(x), 1
    axis = 0 if axis is None else normalize_axis("take", axis, ndim)
    _check_bounds("take", indices, x, axis)
    try:
        return apply(take_p, (x, indices), {"axis": axis})
    except IndexError as error:
        raise _out_of_bounds("take", error, x) from None


def _check_bounds(function: str, indices: Any, x: Any, axis: int) -> None:
    """Raise IndexError for an index beyond the axis: CuPy wraps such an index silently."""
    data, size = indices._data, x._data.shape[axis]
    if x._device is not indices._device:
        raise device_mismatch(function, (x, indices))
    if x._device.type == "cuda" and data.size:
        low, high = x._device.run(lambda: (int(data.min()), int(data.max())))
        if high >= size or low < -size:
            raise IndexError(
                f"{function}: an index is out of bounds for axis {axis} of size {size}"
            )


@primitive
def take_along_axis_p(xp: Any, x: Any, indices: Any, *, axis: int) -> Any:
    """Pick elements along `axis`, the other axes aligned."""
    return xp.take_along_axis(x, indices, axis=axis)


@take_along_axis_p.vjp
def _(xp: Any, ct: Any, x_shape: Any, indices: Any, *, axis: int) -> Any:
    # y[i, j] = x[i, k[i, j]]: the cotangents of elements that were picked several times add up
    places: Any = 0
    stride = 1
    for i in range(len(x_shape) - 1, -1, -1):
        size = x_shape[i]
        if i == axis:
            steps = _positive(xp, indices, size)
        else:
            steps = xp.arange(size, dtype=xp.int64, device=ct.device)
            steps = xp.reshape(steps, (-1,) + (1,) * (len(x_shape) - 1 - i))
        places = places + steps * stride
        stride *= size
    return _scatter(xp, ct, x_shape, xp.broadcast_to(places, ct.shape)), None


@take_along_axis_p.jvp
def _(xp: Any, t: Any, indices: Any, *, axis: int) -> Any:
    return xp.take_along_axis(t[0], indices, axis=axis)


take_along_axis_p.batched = shifted


@see("take, argsort")
def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the elements of `x` at `indices` along `axis`.

    >>> x = xp.asarray([[3, 1], [2, 4]])
    >>> xp.take_along_axis(x, xp.argsort(x))
    tensor([[1, 3],
            [2, 4]])

    Parameters
    ----------
    x : Tensor, any dtype
    indices : Tensor or sequence, integer
        Of as many axes; those beside `axis` broadcast. Negative ones count from the end.
    axis : int

    Returns
    -------
    Tensor
        The broadcast shape, the size of `indices` along `axis`; dtype of `x`.

    Raises
    ------
    TypeError, AxisError
        `x` is no Tensor, `indices` are no integers; no such axis.
    ValueError, IndexError, DeviceError
        Numbers of axes that differ; an index out of bounds; two devices.
    """
    if not isinstance(x, Tensor):
        x = tensors("take_along_axis", x=x, indices=indices)[0]
    ndim = dimensions("take_along_axis", x)
    indices = _indices("take_along_axis", indices, x)
    axis = normalize_axis("take_along_axis", axis, ndim)
    if indices._data.ndim != ndim:
        raise ValueError(
            f"take_along_axis: indices have {indices._data.ndim} dimensions; allowed are the "
            f"{ndim} of x"
        )
    _check_bounds("take_along_axis", indices, x, axis)
    try:
        return apply(take_along_axis_p, (x, indices), {"axis": axis})
    except IndexError as error:
        raise _out_of_bounds("take_along_axis", error, x) from None


def _out_of_bounds(function: str, error: IndexError, x: Tensor) -> IndexError:
    return IndexError(f"{function}: {error}; x has shape {x.shape}")


@primitive
def bincount_p(xp: Any, x: Any, weights: Any, *, minlength: int) -> Any:
    """Count integers, or sum the weights of each."""
    if x.dtype == xp.uint64:  # which NumPy 2.1 refuses; what is greater is negative then
        x = x.astype(xp.int64)
    return xp.base.bincount(x, weights, minlength)


@bincount_p.vjp
def _(xp: Any, ct: Any, x: Any) -> Any:
    # y_k = Σ_{x_i = k} w_i
    return None, xp.take(ct, x, axis=0)


@bincount_p.jvp
def _(xp: Any, t: Any, x: Any, *, minlength: int) -> Any:
    return xp.bincount(x, t[1], minlength)


@see("unique_counts")
def bincount(x: Tensor, /, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Return how often each integer from 0 up occurs in `x`, or the sums of `weights`.

    Differentiable in `weights`.

    >>> xp.bincount(xp.asarray([0, 2, 2]), minlength=4)
    tensor([1, 0, 2, 0])

    Parameters
    ----------
    x : Tensor, integer or bool
        1-D, not negative.
    weights : Tensor, real or bool, or None
        Of the shape of `x`.
    minlength : int
        The least size of the result.

    Returns
    -------
    Tensor
        Shape (max(max(x) + 1, minlength),), dtype int64, with weights float64.

    Raises
    ------
    TypeError, ValueError, DeviceError
        No Tensor, other dtypes; not 1-D, negative elements or `minlength`, shapes that differ; two
        devices.
    """
    return apply(bincount_p, (x, weights), {"minlength": minlength})
