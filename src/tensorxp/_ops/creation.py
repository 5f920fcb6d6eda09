"""Creation: tensors from shapes and ranges. `conversion.py` makes them of values."""

import operator
from typing import Any

import numpy as np

from tensorxp._backend import dtypes
from tensorxp._backend.device import Device, as_device
from tensorxp._backend.dtypes import as_dtype, of_raw
from tensorxp._backend.families import Family, see
from tensorxp._core.door import new_leaf, wrap
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import LARGEST, dimensions, integer, truth
from tensorxp._ops.beside import tensor_list
from tensorxp._ops.casting import astype
from tensorxp._ops.shaping import broadcast_to, copy, expand_dims, reshape
from tensorxp._ops.transfer import to_device_op

_made = Family(
    """
shape : int or tuple of ints
*more : none
    What else has no word is an error that says how to give it.
dtype : dtype or None
    None is the default real dtype.
device : Device, str or None
    None is the default device.
requires_grad : bool
""",
    "Tensor\n    Of that shape, dtype and device.",
    "RuntimeError\n    `requires_grad` with a dtype that is not floating.",
)
_sized = _made.but(
    raises="""
TypeError, ValueError, DeviceError
    Sizes, a dtype or a device of a wrong type, negative sizes, unknown names, or a device that
    is not there.
RuntimeError
    `requires_grad` with a dtype that is not floating.
"""
)
_alike = _made.but(
    """
x : Tensor, any dtype
dtype : dtype or None
    None is that of `x`.
device : Device, str or None
    None is that of `x`.
""",
    "Tensor\n    Shape of `x`, that dtype and device.",
    """
TypeError, ValueError, DeviceError
    `x` is no Tensor, an unknown dtype or device, or a device that is not there.
RuntimeError
    `requires_grad` with a dtype that is not floating.
""",
)

_SCALARS = (bool, int, float, complex)


def with_grad(x: Tensor, requires_grad: bool, function: str) -> Tensor:
    """Return `x`, a leaf that requires grad where asked; RuntimeError for integer dtypes."""
    if truth(function, "requires_grad", requires_grad):
        if x._data.dtype.kind not in "fc":
            raise RuntimeError(
                f"{function}: requires_grad=True needs a floating-point or complex dtype, "
                f"but the tensor has dtype {x._data.dtype}"
            )
        x._node = new_leaf(x)
    return x


def raw_of(device: Device, make: Any) -> Any:
    """Return `make()` with `device` as the current one of its backend."""
    return device.run(make)


def _shape(function: str, shape: Any) -> tuple[int, ...]:
    if hasattr(shape, "tolist"):
        shape = shape.tolist()
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    try:
        found = tuple(operator.index(n) for n in sizes)
    except TypeError:
        raise TypeError(f"{function}: shape is {shape!r}; allowed are an int or ints") from None
    if any(n < 0 for n in found):
        raise ValueError(f"{function}: shape is {shape!r}; sizes must not be negative")
    return found


def _alone(function: str, shape: Any, more: tuple[Any, ...]) -> Any:
    """Return the shape; TypeError where sizes or a dtype follow it without a word."""
    if more:
        sizes = (shape, *more)
        if all(hasattr(n, "__index__") for n in sizes):
            how = f"the sizes are one argument: {function}({sizes!r})"
        else:
            how = f"what follows the shape is given by its word: {function}({shape!r}, dtype=...)"
        raise TypeError(f"{function}: {len(sizes)} arguments without a word are given; {how}")
    return shape


def _make(
    function: str, name: str, shape: Any, dtype: Any, device: Any, requires_grad: bool, *args: Any
) -> Tensor:
    place = as_device(device, function)
    chosen = as_dtype(dtypes.Defaults.real if dtype is None else dtype, function).dtype
    return _filled(function, name, _shape(function, shape), chosen, place, requires_grad, *args)


def _filled(
    function: str, name: str, shape: Any, chosen: Any, place: Any, requires_grad: bool, *args: Any
) -> Tensor:
    """Return the tensor that the backend's `name` makes, filled with `args[0]` if given."""
    if args and chosen.kind not in "cb" and np.iscomplexobj(args[0]):
        raise TypeError(
            f"{function}: fill_value is {args[0]!r}, but dtype is {chosen}; allowed are a real "
            "fill_value or a complex dtype"
        )
    try:
        raw = raw_of(place, lambda: getattr(place.raw.base, name)(shape, *args, dtype=chosen))
    except (OverflowError, ValueError) as caught:
        error: Exception = caught
        if _is_beyond(args, chosen):
            error = OverflowError(f"fill_value is {args[0]}, out of bounds for {chosen}")
        raise type(error)(f"{function}: {error} (shape is {shape}, dtype {chosen})") from None
    return with_grad(wrap(raw, place), requires_grad, function)


def _is_beyond(args: tuple[Any, ...], dtype: Any) -> bool:
    """Return whether a fill value is an integer that the integer dtype does not hold."""
    if not args or not isinstance(args[0], int) or dtype.kind not in "iu":
        return False
    return not np.iinfo(dtype).min <= args[0] <= np.iinfo(dtype).max


@_sized.see("zeros, empty_like")
def empty(
    shape: Any, *more: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of `shape` with arbitrary values.

    >>> xp.empty((2, 3)).shape
    (2, 3)
    """
    return _make("empty", "empty", _alone("empty", shape, more), dtype, device, requires_grad)


@_sized.see("ones, full, zeros_like")
def zeros(
    shape: Any, *more: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of zeros.

    >>> xp.zeros((2, 3))
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return _make("zeros", "zeros", _alone("zeros", shape, more), dtype, device, requires_grad)


@_sized.see("zeros, full, ones_like")
def ones(
    shape: Any, *more: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor of ones.

    >>> xp.ones((2, 2))
    tensor([[1., 1.],
            [1., 1.]])
    """
    return _make("ones", "ones", _alone("ones", shape, more), dtype, device, requires_grad)


def _scalar_dtype(function: str, value: Any, argument: str) -> Any:
    for kind in _SCALARS:
        if isinstance(value, kind):
            return as_dtype(kind, function)
    raise TypeError(
        f"{function}: {argument} is {value!r} of type {type(value).__name__}; "
        "allowed are Python scalars and 0-d tensors"
    )


@_made.see("full_like, zeros, ones")
def full(
    shape: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor of `shape` filled with one value.

    >>> xp.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])

    Parameters
    ----------
    fill_value : scalar or 0-d Tensor
        A Tensor that requires grad receives the sum of the cotangent.
    dtype : dtype or None
        None is that of `fill_value`: bool, int64, or the default real or complex dtype for scalars.
    device : Device, str or None
        None is the default device, or that of a Tensor `fill_value`.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        Sizes, a value, dtype or device of a wrong type, negative sizes, a Tensor `fill_value` that
        doesn't broadcast to `shape`, an int beyond the dtype, or a device that is not there.
    """
    if isinstance(fill_value, Tensor):
        value = fill_value if dtype is None else astype(fill_value, dtype, copy=False)
        if device is not None:
            value = to_device_op(value, as_device(device, "full"))
        return with_grad(copy(broadcast_to(value, _shape("full", shape))), requires_grad, "full")
    if isinstance(fill_value, np.ndarray | np.generic):
        dtype = fill_value.dtype if dtype is None else dtype
    elif dtype is None:
        dtype = _scalar_dtype("full", fill_value, "fill_value")
    return _make("full", "full", shape, dtype, device, requires_grad, fill_value)


def _like(
    function: str, name: str, x: Tensor, dtype: Any, device: Any, requires_grad: bool, *args: Any
) -> Tensor:
    dimensions(function, x)
    place = x._device if device is None else as_device(device, function)
    chosen = x._data.dtype if dtype is None else as_dtype(dtype, function).dtype
    return _filled(function, name, x._data.shape, chosen, place, requires_grad, *args)


@_alike.see("empty, zeros_like")
def empty_like(
    x: Tensor, /, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a tensor with the shape of `x` and arbitrary values.

    >>> xp.empty_like(xp.asarray([1, 2, 3])).shape
    (3,)
    """
    return _like("empty_like", "empty", x, dtype, device, requires_grad)


@_alike.see("zeros, ones_like")
def zeros_like(
    x: Tensor, /, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return zeros with the shape of `x`.

    >>> xp.zeros_like(xp.asarray([1.0, 2.0]))
    tensor([0., 0.])
    """
    return _like("zeros_like", "zeros", x, dtype, device, requires_grad)


@_alike.see("ones, zeros_like")
def ones_like(
    x: Tensor, /, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return ones with the shape of `x`.

    >>> xp.ones_like(xp.asarray([1, 2, 3]))
    tensor([1, 1, 1])
    """
    return _like("ones_like", "ones", x, dtype, device, requires_grad)


@see("full")
def full_like(
    x: Tensor,
    /,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a tensor with the shape of `x` filled with one value.

    >>> xp.full_like(xp.asarray([1.0, 2.0]), 7)
    tensor([7., 7.])

    Parameters
    ----------
    x : Tensor, any dtype
    fill_value : scalar or 0-d Tensor
        As for `full`.
    dtype : dtype or None
        None is that of `x`.
    device : Device, str or None
        None is that of `x`.
    requires_grad : bool

    Returns
    -------
    Tensor
        Shape of `x`, that dtype and device.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        `x` is no Tensor, and as for `full`.
    RuntimeError
        `requires_grad` with a dtype that is not floating.
    """
    dimensions("full_like", x)
    if isinstance(fill_value, Tensor):
        chosen = of_raw(x._data.dtype) if dtype is None else dtype
        place = x._device if device is None else device
        shape = x._data.shape
        return full(shape, fill_value, dtype=chosen, device=place, requires_grad=requires_grad)
    if not isinstance(fill_value, np.ndarray | np.generic):
        _scalar_dtype("full_like", fill_value, "fill_value")
    return _like("full_like", "full", x, dtype, device, requires_grad, fill_value)


def count_of(function: str, argument: str, value: Any) -> int:
    found = integer(function, argument, value)
    if found < 0:
        raise ValueError(f"{function}: {argument} is {found}; it must not be negative")
    if found >= LARGEST:
        raise ValueError(f"{function}: {argument} is {found}; no array is so long")
    return found


@_made.see("diag")
def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return zeros with ones on the `k`-th diagonal.

    >>> xp.eye(2)
    tensor([[1., 0.],
            [0., 1.]])

    Parameters
    ----------
    n_rows, n_cols : int
        `n_cols` None is `n_rows`.
    k : int
        Positive above the main diagonal.

    Returns
    -------
    Tensor
        Shape (n_rows, n_cols), that dtype and device.

    Raises
    ------
    TypeError, ValueError, DeviceError
        `n_rows`, `n_cols` or `k` is no int, a size is negative, an unknown dtype or device.
    """
    place = as_device(device, "eye")
    chosen = as_dtype(dtypes.Defaults.real if dtype is None else dtype, "eye").dtype
    rows = count_of("eye", "n_rows", n_rows)
    columns = rows if n_cols is None else count_of("eye", "n_cols", n_cols)
    if rows * columns >= LARGEST:
        raise ValueError(f"eye: n_rows is {rows}, n_cols {columns}; no array is so large")
    k = integer("eye", "k", k)
    raw = raw_of(place, lambda: place.raw.base.eye(rows, columns, k, dtype=chosen))
    return with_grad(wrap(raw, place), requires_grad, "eye")


@see("broadcast_arrays")
def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Return coordinate tensors of vectors.

    >>> x, y = xp.meshgrid(xp.arange(3), xp.arange(2))
    >>> y
    tensor([[0, 0, 0],
            [1, 1, 1]])

    Parameters
    ----------
    *arrays : Tensor, any dtype
        1-D or 0-D, n of them.
    indexing : str
        "xy" (Cartesian: the first two axes swapped) or "ij".

    Returns
    -------
    tuple of Tensors
        n copies, each with the dtype of its vector and the shape of all sizes.

    Raises
    ------
    TypeError, ValueError
        An argument is no Tensor, has two axes or more; another `indexing`.
    """
    if indexing.__class__ is not str or indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing is {indexing!r}; allowed are "xy" and "ij"')
    items = tensor_list("meshgrid", "arrays", arrays)
    for i, x in enumerate(items):
        if x._data.ndim > 1:
            raise ValueError(f"meshgrid: arrays[{i}] has shape {x._data.shape}; it must be 1-d")
    flat = [reshape(x, (-1,)) for x in items]
    swap = indexing == "xy" and len(flat) > 1
    order = [1, 0, *range(2, len(flat))] if swap else list(range(len(flat)))
    shape = tuple(flat[i]._data.shape[0] for i in order)
    out = []
    for i, x in enumerate(flat):
        for axis in range(len(flat)):
            if order[axis] != i:
                x = expand_dims(x, axis=axis)
        out.append(copy(broadcast_to(x, shape)))
    return tuple(out)
