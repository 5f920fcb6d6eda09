"""Manipulation: the same elements in another shape or order, most of them as views."""

import operator
from typing import Any

import numpy as np

from tensorxp._backend.families import see
from tensorxp._core.door import apply, device_mismatch, single
from tensorxp._core.operands import carries_more, excess
from tensorxp._core.primitive import linear, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import note_read
from tensorxp._core.writes import copy_p
from tensorxp._ops.axes import (
    dimensions,
    normalize_axes,
    normalize_axis,
    not_a_tensor,
    shifted,
    truth,
)
from tensorxp._ops.beside import tensor_list
from tensorxp._ops.families import reduction, unary_any


def _ints(function: str, argument: str, values: Any) -> tuple[int, ...]:
    try:
        if isinstance(values, tuple | list):
            return tuple(operator.index(n) for n in values)
        return (operator.index(values),)
    except TypeError:
        raise TypeError(f"{function}: {argument} is {values!r}; allowed are ints") from None


@unary_any.see("asarray")
def copy(x: Tensor, /) -> Tensor:
    """Return a copy of `x` with memory of its own; the gradient passes.

    >>> x = xp.asarray([1, 2])
    >>> y = xp.copy(x)
    >>> y[0] = 9
    >>> x
    tensor([1, 2])

    Returns
    -------
    Tensor
        Shape and dtype of `x`.
    """
    return single(copy_p, x, {})


reshape_p = linear(
    "reshape",
    forward=lambda xp, x, *, shape: xp.base.reshape(x, shape),
    view=True,
    x=lambda xp, ct, x_shape: xp.reshape(ct, x_shape),
    batched=shifted,
)
reshape_copy_p = linear(
    "reshape_copy",
    forward=lambda xp, x, *, shape: xp.base.reshape(xp.copy(x), shape),
    x=lambda xp, ct, x_shape: xp.reshape(ct, x_shape),
    batched=shifted,
)


@see("ravel, permute_dims")
def reshape(x: Tensor, /, shape: Any, *, copy: bool | None = None) -> Tensor:
    """Return the elements of `x`, in C order, in another shape.

    >>> xp.reshape(xp.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])

    Parameters
    ----------
    x : Tensor, any dtype
    shape : int or tuple of ints
        One size may be -1: what is left.
    copy : bool or None
        True always copies, False never, None where the strides allow no view.

    Returns
    -------
    Tensor
        That shape, dtype of `x`; a view or a copy.

    Raises
    ------
    TypeError, ValueError
        `x` is no Tensor, `shape` no ints; sizes that don't fit, no view is possible with
        `copy=False`.
    """
    try:
        data = x._data
    except AttributeError:
        raise not_a_tensor("reshape", x) from None
    if copy is None or not truth("reshape", "copy", copy):
        try:
            raw = data.reshape(shape)
        except (TypeError, ValueError):
            raw = data.reshape(_reshape_sizes(data, shape))
        base = raw.base
        if base is data or (base is not None and base is data.base):
            return single(reshape_p, x, {"shape": raw.shape}, raw)
        if copy is False:
            raise ValueError(
                f"reshape: copy=False, but x of shape {data.shape} with strides {data.strides} "
                f"cannot be viewed as {shape}"
            )
    sizes = _reshape_sizes(data, shape)
    return single(reshape_copy_p, x, {"shape": sizes})


def _reshape_sizes(data: Any, shape: Any) -> tuple[int, ...]:
    """Return the sizes that `shape` means for an array; TypeError or ValueError if it cannot."""
    sizes = _ints("reshape", "shape", shape)
    known = 1
    for n in sizes:
        known *= 1 if n == -1 else n
    total = data.size
    if sizes.count(-1) > 1 or any(n < -1 for n in sizes):
        raise ValueError(f"reshape: shape is {sizes}; one size may be -1, no other negative")
    if -1 in sizes and not known:
        raise ValueError(f"reshape: shape is {sizes}; -1 cannot be inferred beside a size 0")
    if (total % known) if -1 in sizes else total != known:
        raise ValueError(
            f"reshape: x has shape {data.shape}, {total} elements, which do not fit {sizes}"
        )
    return tuple(total // known if n == -1 else n for n in sizes)


permute_dims_p = linear(
    "permute_dims",
    forward=lambda xp, x, *, axes: xp.base.transpose(x, axes),
    view=True,
    x=lambda xp, ct, *, axes: xp.permute_dims(ct, tuple(int(i) for i in np.argsort(axes))),
    batched={
        "x": lambda xp, ct, *, axes: xp.permute_dims(ct, (0, *(np.argsort(axes) + 1).tolist()))
    },
)


@see("matrix_transpose, moveaxis")
def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """Return a view of `x` with its axes in another order.

    >>> xp.permute_dims(xp.zeros((2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)

    Parameters
    ----------
    x : Tensor, any dtype
    axes : tuple of ints
        A permutation of all axes.

    Returns
    -------
    Tensor
        A view; size i of its shape is that of axis `axes[i]`.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor, `axes` no ints; no such axis; no permutation.
    """
    ndim = dimensions("permute_dims", x)
    order = tuple(
        [normalize_axis("permute_dims", n, ndim) for n in _ints("permute_dims", "axes", axes)]
    )
    if sorted(order) != list(range(ndim)):
        raise ValueError(f"permute_dims: axes is {axes}; it must be a permutation of {ndim} axes")
    return _permuted(x, order)


def _permuted(x: Any, order: tuple[int, ...]) -> Tensor:
    return single(permute_dims_p, x, {"axes": order}, x._data.transpose(order))


@see("permute_dims, swapaxes")
def matrix_transpose(x: Tensor, /) -> Tensor:
    """Return a view of `x` with its last two axes swapped.

    >>> xp.matrix_transpose(xp.zeros((5, 2, 3))).shape
    (5, 3, 2)

    Parameters
    ----------
    x : Tensor, any dtype
        Shape (..., M, N).

    Returns
    -------
    Tensor
        A view of shape (..., N, M), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        `x` is no Tensor; fewer than two axes.
    """
    ndim = dimensions("matrix_transpose", x)
    if ndim < 2:
        raise ValueError(f"matrix_transpose: x has shape {x._data.shape}; it needs two axes")
    return _permuted(x, (1, 0) if ndim == 2 else (*range(ndim - 2), ndim - 1, ndim - 2))


@see("moveaxis, permute_dims")
def swapaxes(x: Tensor, axis1: int, axis2: int, /) -> Tensor:
    """Return a view of `x` with two axes swapped.

    >>> xp.swapaxes(xp.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)

    Parameters
    ----------
    x : Tensor, any dtype
    axis1, axis2 : int

    Returns
    -------
    Tensor
        A view of the shape with two sizes swapped.

    Raises
    ------
    TypeError, AxisError
        `x` is no Tensor, an axis no int; no such axis.
    """
    ndim = dimensions("swapaxes", x)
    order = list(range(ndim))
    i, j = normalize_axis("swapaxes", axis1, ndim), normalize_axis("swapaxes", axis2, ndim)
    order[i], order[j] = order[j], order[i]
    return _permuted(x, tuple(order))


@see("swapaxes, permute_dims")
def moveaxis(x: Tensor, source: Any, destination: Any, /) -> Tensor:
    """Return a view of `x` with some axes moved, the others in their order.

    >>> xp.moveaxis(xp.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)

    Parameters
    ----------
    x : Tensor, any dtype
    source, destination : int or tuple of ints
        Where they are, and where they go in the result.

    Returns
    -------
    Tensor
        A view of the shape with its sizes moved.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor, an axis no int; no such axis; lengths that differ, an axis given twice.
    """
    ndim = dimensions("moveaxis", x)
    start = normalize_axes("moveaxis", source, ndim)
    for name, value in (("source", source), ("destination", destination)):
        if value is None:
            raise TypeError(f"moveaxis: {name} is None; allowed are an int and a tuple of ints")
    end = normalize_axes("moveaxis", destination, ndim)
    if len(start) != len(end):
        raise ValueError(
            f"moveaxis: source is {source} and destination {destination}: lengths differ"
        )
    order = [n for n in range(ndim) if n not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return _permuted(x, tuple(order))


squeeze_p = linear(
    "squeeze",
    forward=lambda xp, x, *, axes: xp.base.squeeze(x, axis=axes),
    view=True,
    x=lambda xp, ct, x_shape: xp.reshape(ct, x_shape),
    batched=shifted,
)
expand_dims_p = linear(
    "expand_dims",
    forward=lambda xp, x, *, axes: xp.base.expand_dims(x, axes),
    view=True,
    x=lambda xp, ct, x_shape: xp.reshape(ct, x_shape),
    batched=shifted,
)


@see("expand_dims")
def squeeze(x: Tensor, /, axis: Any = None) -> Tensor:
    """Return a view of `x` without axes of size 1.

    >>> xp.squeeze(xp.zeros((1, 3, 1)), axis=0).shape
    (3, 1)

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int, tuple of ints or None
        None is all of size 1.

    Returns
    -------
    Tensor
        A view of the shape without these, dtype of `x`.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor; no such axis; a size that is not 1, an axis given twice.
    """
    ndim, shape = dimensions("squeeze", x), x._data.shape
    if axis is None:
        axes = tuple(i for i, n in enumerate(shape) if n == 1)
    else:
        axes = normalize_axes("squeeze", axis, ndim)
    if any(shape[i] != 1 for i in axes):
        raise ValueError(f"squeeze: axis is {axis}, but x has shape {shape}; the size must be 1")
    return single(squeeze_p, x, {"axes": axes})


@see("squeeze, atleast_nd")
def expand_dims(x: Tensor, /, axis: Any = 0) -> Tensor:
    """Return a view of `x` with new axes of size 1.

    >>> xp.expand_dims(xp.asarray([1, 2]), axis=1)
    tensor([[1],
            [2]])

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int or tuple of ints
        Their places in the result.

    Returns
    -------
    Tensor
        A view of the shape with these, dtype of `x`.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor; a place out of range; one given twice.
    """
    count = len(axis) if isinstance(axis, tuple | list) else 1
    axes = normalize_axes("expand_dims", axis, dimensions("expand_dims", x) + count)
    return single(expand_dims_p, x, {"axes": axes})


flip_p = linear(
    "flip",
    forward=lambda xp, x, *, axes: xp.base.flip(x, axes) if axes else x[...],  # NumPy: a scalar
    view=True,
    x=lambda xp, ct, *, axes: xp.flip(ct, axis=axes),
    batched=shifted,
)


@reduction.see("roll")
def flip(x: Tensor, /, *, axis: Any = None) -> Tensor:
    """Return a view of `x` with the order along axes reversed.

    >>> xp.flip(xp.asarray([[1, 2], [3, 4]]), axis=1)
    tensor([[2, 1],
            [4, 3]])

    Parameters
    ----------
    axis : int, tuple of ints or None
        None is all.

    Returns
    -------
    Tensor
        A view of the shape and dtype of `x`.
    """
    ndim = dimensions("flip", x)
    axes = tuple(range(ndim)) if axis is None else normalize_axes("flip", axis, ndim)
    return single(flip_p, x, {"axes": axes})


roll_p = linear(
    "roll",
    forward=lambda xp, x, *, shift, axis: xp.base.roll(x, shift, axis=axis),
    x=lambda xp, ct, *, shift, axis: xp.roll(
        ct, tuple(-n for n in shift) if isinstance(shift, tuple) else -shift, axis=axis
    ),
    batched=lambda params, ndim: None if params["axis"] is None else shifted(params, ndim),
)


@see("flip")
def roll(x: Tensor, /, shift: Any, *, axis: Any = None) -> Tensor:
    """Return a copy of `x` with its elements moved along axes, the last coming first again.

    >>> xp.roll(xp.asarray([1, 2, 3, 4]), 1)
    tensor([4, 1, 2, 3])

    Parameters
    ----------
    x : Tensor, any dtype
    shift : int or tuple of ints
        One for each axis.
    axis : int, tuple of ints or None
        None rolls the flattened elements by an int.

    Returns
    -------
    Tensor
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor, `shift` no ints; no such axis; lengths that differ.
    """
    ndim = dimensions("roll", x)
    steps: Any = _ints("roll", "shift", shift)
    if not isinstance(shift, tuple | list):
        steps = steps[0]
    if axis is None:
        if isinstance(steps, tuple):
            raise ValueError(f"roll: shift is {shift}, but axis is None; give one axis for each")
        axes: Any = None
    else:
        axes = tuple(normalize_axis("roll", n, ndim) for n in _ints("roll", "axis", axis))
        if isinstance(steps, tuple) and len(steps) != len(axes):
            raise ValueError(f"roll: shift is {shift} and axis {axis}: their lengths differ")
        steps = steps if isinstance(steps, tuple) else (steps,) * len(axes)
    return apply(roll_p, (x,), {"shift": steps, "axis": axes})


broadcast_to_p = linear(
    "broadcast_to",
    forward=lambda xp, x, *, shape: xp.base.broadcast_to(x, shape),
    view=True,
    x=lambda ct: ct,  # the engine sums over the broadcast axes
    batched=True,
)


@see("broadcast_arrays, tile")
def broadcast_to(x: Tensor, /, shape: Any) -> Tensor:
    """Return a read-only view of `x` repeated to another shape.

    >>> xp.broadcast_to(xp.asarray([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])

    Parameters
    ----------
    x : Tensor, any dtype
    shape : int or tuple of ints

    Returns
    -------
    Tensor
        A view of that shape, dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        `x` is no Tensor, `shape` no ints; shapes that don't fit.
    """
    sizes = _ints("broadcast_to", "shape", shape)
    try:
        return apply(broadcast_to_p, (x,), {"shape": sizes})
    except ValueError:
        raise ValueError(
            f"broadcast_to: x with shape {x._data.shape} could not be broadcast to {sizes}"
        ) from None


@see("broadcast_arrays")
def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """Return the shape that `shapes` broadcast to.

    >>> xp.broadcast_shapes((2, 1), (3,))
    (2, 3)

    Parameters
    ----------
    *shapes : int or tuple of ints

    Returns
    -------
    tuple of ints

    Raises
    ------
    TypeError, ValueError
        No ints; shapes that don't broadcast.
    """
    try:
        return np.broadcast_shapes(*(_ints("broadcast_shapes", "a shape", s) for s in shapes))
    except ValueError:
        raise ValueError(
            f"broadcast_shapes: the shapes {', '.join(map(str, shapes))} could not be broadcast "
            "together"
        ) from None


@see("broadcast_to, broadcast_shapes")
def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """Return the arrays broadcast to one shape.

    >>> xp.broadcast_arrays(xp.asarray([1, 2]), xp.asarray([[3], [4]]))[0]
    tensor([[1, 2],
            [1, 2]])

    Parameters
    ----------
    *arrays : Tensor, any dtype

    Returns
    -------
    tuple of Tensors
        Read-only views of that shape, each with its dtype; those that have it are returned
        themselves.

    Raises
    ------
    TypeError, ValueError
        No Tensors; shapes that don't broadcast.
    """
    items = tensor_list("broadcast_arrays", "arrays", arrays)
    shape = broadcast_shapes(*(x._data.shape for x in items))
    return tuple(x if x._data.shape == shape else broadcast_to(x, shape) for x in items)


@primitive
def concat_p(xp: Any, *xs: Any, axis: int) -> Any:
    """Return the arrays joined along an axis."""
    return xp.base.concatenate(xs, axis=axis)


@concat_p.vjp
def _(ct: Any, xs_shape: Any, needs: Any, *, axis: int) -> Any:
    grads, start = [], 0
    for shape, needed in zip(xs_shape, needs, strict=True):
        stop = start + shape[axis]
        key = (slice(None),) * axis + (slice(start, stop),)
        grads.append(ct[key] if needed else None)
        start = stop
    return tuple(grads)


@concat_p.jvp
def _(xp: Any, t: Any, xs: Any, *, axis: int) -> Any:
    parts = [xp.zeros_like(x) if d is None else d for d, x in zip(t, xs, strict=True)]
    return xp.concat(parts, axis=axis)


concat_p.batched = shifted


def _tensors(function: str, arrays: Any) -> tuple[Any, ...]:
    try:
        items = tuple(arrays)
    except TypeError:
        raise TypeError(
            f"{function}: arrays is {arrays!r}; allowed is a sequence of Tensors"
        ) from None
    if not items:
        raise ValueError(f"{function}: arrays is empty; at least one Tensor is needed")
    others = [i for i, x in enumerate(items) if not isinstance(x, Tensor)]
    if others:
        items = _beside(function, items, others)
    device = items[0]._device
    for x in items:
        if x._device is not device:
            raise device_mismatch(function, items)
    return items


def _beside(function: str, items: tuple[Any, ...], others: list[int]) -> tuple[Any, ...]:
    """Return the `items` with the `others`, which are no Tensors, as Tensors on their device."""
    if len(others) == len(items):
        raise TypeError(f"{function}: arrays holds no Tensor but {type(items[0]).__name__}")
    for i in others:
        if carries_more(type(items[i])):
            raise TypeError(f"{function}: arrays[{i}] is a {excess(items[i])}")
    first = next(x for x in items if isinstance(x, Tensor))
    asarray = first.__array_namespace__().asarray
    return tuple(x if isinstance(x, Tensor) else asarray(x, device=first._device) for x in items)


@see("stack, unstack")
def concat(arrays: Any, /, *, axis: int | None = 0) -> Tensor:
    """Return arrays joined along an existing axis.

    >>> xp.concat([xp.asarray([[1, 2]]), xp.asarray([[3, 4]])], axis=1)
    tensor([[1, 2, 3, 4]])

    Parameters
    ----------
    arrays : sequence of Tensors
        Of shapes that agree except along `axis`; beside a Tensor, what `asarray` takes.
    axis : int or None
        None flattens them first.

    Returns
    -------
    Tensor
        Shape with the sizes along `axis` added up, the promoted dtype.

    Raises
    ------
    TypeError, AxisError, ValueError, DeviceError
        No Tensors; no such axis; none, or shapes that differ; two devices.
    """
    items = _tensors("concat", arrays)
    if axis is None:
        items, axis = tuple(reshape(x, (-1,)) for x in items), 0
    where = normalize_axis("concat", axis, items[0]._data.ndim)
    shapes = [x._data.shape for x in items]
    rests = [shape[:where] + shape[where + 1 :] for shape in shapes]
    if rests.count(rests[0]) < len(rests) or any([len(x) != len(shapes[0]) for x in shapes]):
        raise ValueError(f"concat: the shapes {shapes} differ beside axis {axis}")
    return apply(concat_p, items, {"axis": where})


@primitive
def stack_p(xp: Any, *xs: Any, axis: int) -> Any:
    """Return the arrays joined along a new axis."""
    return xp.base.stack(xs, axis=axis)


@stack_p.vjp
def _(ct: Any, needs: Any, *, axis: int) -> Any:
    return tuple(
        ct[(slice(None),) * axis + (i,)] if needed else None for i, needed in enumerate(needs)
    )


@stack_p.jvp
def _(xp: Any, t: Any, xs: Any, *, axis: int) -> Any:
    parts = [xp.zeros_like(x) if d is None else d for d, x in zip(t, xs, strict=True)]
    return xp.stack(parts, axis=axis)


stack_p.batched = shifted


@see("concat, unstack")
def stack(arrays: Any, /, *, axis: int = 0) -> Tensor:
    """Return arrays of one shape joined along a new axis.

    >>> xp.stack([xp.asarray([1, 2]), xp.asarray([3, 4])])
    tensor([[1, 2],
            [3, 4]])

    Parameters
    ----------
    arrays : sequence of Tensors
        As for `concat`.
    axis : int
        Its place in the result.

    Returns
    -------
    Tensor
        Their shape with the new axis, the promoted dtype.

    Raises
    ------
    TypeError, AxisError, ValueError, DeviceError
        No Tensors; no such axis; none, or shapes that differ; two devices.
    """
    items = _tensors("stack", arrays)
    where = normalize_axis("stack", axis, items[0]._data.ndim + 1)
    shapes = [x._data.shape for x in items]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError(f"stack: the shapes {shapes} differ; all must be the same")
    return apply(stack_p, items, {"axis": where})


@see("stack")
def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Return views of the slices of `x` along an axis.

    >>> a, b = xp.unstack(xp.asarray([[1, 2], [3, 4]]))
    >>> b
    tensor([3, 4])

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int

    Returns
    -------
    tuple of Tensors
        Views of the shape without `axis`, dtype of `x`.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor; no such axis; `x` is 0-d.
    """
    ndim = dimensions("unstack", x)
    if not ndim:
        raise ValueError("unstack: x is 0-d; it needs an axis")
    where = normalize_axis("unstack", axis, ndim)
    before = (slice(None),) * where
    return tuple(x[(*before, i)] for i in range(x._data.shape[where]))


@primitive
def repeat_p(xp: Any, x: Any, *, repeats: Any, axis: int) -> Any:
    """Return each element along an axis repeated."""
    return xp.base.repeat(x, repeats, axis=axis)


def _repeat_back(xp: Any, ct: Any, x_shape: Any, *, repeats: Any, axis: int) -> Any:
    # equal counts fold into an axis that is summed; others add up at their places
    n = x_shape[axis]
    if isinstance(repeats, int):
        folded = xp.reshape(ct, (*x_shape[: axis + 1], repeats, *x_shape[axis + 1 :]))
        return xp.sum(folded, axis=axis + 1, dtype=ct.dtype)
    index = np.repeat(np.arange(n), repeats)
    key = (slice(None),) * axis + (xp.asarray(index, device=ct.device),)
    return xp.index_add(xp.zeros(x_shape, dtype=ct.dtype, device=ct.device), key, ct)


repeat_p.kind = "linear"
repeat_p.batched = shifted
repeat_p.vjp(_repeat_back)


@see("tile")
def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Return each element of `x` repeated along an axis.

    >>> xp.repeat(xp.asarray([1, 2]), 2)
    tensor([1, 1, 2, 2])

    Parameters
    ----------
    x : Tensor, any dtype
    repeats : int, or 1-D integer Tensor or sequence
        One count, or one for each element.
    axis : int or None
        None flattens `x` first.

    Returns
    -------
    Tensor
        Shape of `x` with the counts added up along `axis`; its dtype.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor, counts are no integers; no such axis; negative counts, or another number
        of them.
    """
    dimensions("repeat", x)
    if axis is None:
        x, axis = ravel(x), 0
    where = normalize_axis("repeat", axis, x._data.ndim)
    if isinstance(repeats, Tensor):
        note_read(repeats)
        counts: Any = repeats._device.raw.to_numpy(repeats._data)
    else:
        counts = np.asarray(repeats)
    if counts.dtype.kind not in "iu" and counts.size:
        raise TypeError(f"repeat: repeats has dtype {counts.dtype}; allowed are integers")
    if counts.ndim == 0 or counts.size == 1:
        counts = int(counts.reshape(()))
    elif counts.shape != (x._data.shape[where],):
        raise ValueError(
            f"repeat: repeats has shape {counts.shape}; allowed is an int or one count for each "
            f"of the {x._data.shape[where]} elements along axis {axis}"
        )
    else:
        counts = [int(n) for n in counts]
    if (counts < 0) if isinstance(counts, int) else any(n < 0 for n in counts):
        raise ValueError(f"repeat: repeats is {counts}; counts must not be negative")
    return apply(repeat_p, (x,), {"repeats": counts, "axis": where})


@see("repeat, broadcast_to")
def tile(x: Tensor, repetitions: Any, /) -> Tensor:
    """Return `x` repeated as a whole `repetitions[i]` times along axis i.

    >>> xp.tile(xp.asarray([1, 2]), (2, 2))
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])

    Parameters
    ----------
    x : Tensor, any dtype
    repetitions : int or tuple of ints
        The shorter of this and the shape gets ones in front.

    Returns
    -------
    Tensor
        Shape: sizes times counts; dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        `x` is no Tensor, counts are no ints; negative ones.
    """
    counts = _ints("tile", "repetitions", repetitions)
    if any(n < 0 for n in counts):
        raise ValueError(f"tile: repetitions is {repetitions}; counts must not be negative")
    ndim = max(dimensions("tile", x), len(counts))
    shape = (1,) * (ndim - x._data.ndim) + tuple(x._data.shape)
    counts = (1,) * (ndim - len(counts)) + counts
    paired = tuple(n for count, size in zip(counts, shape, strict=True) for n in (count, size))
    spread = reshape(x, tuple(n for size in shape for n in (1, size)))
    full = tuple(count * size for count, size in zip(counts, shape, strict=True))
    return reshape(copy(broadcast_to(spread, paired)), full)


@unary_any.see("flatten, reshape")
def ravel(x: Tensor, /) -> Tensor:
    """Return `x` as one axis.

    >>> xp.ravel(xp.asarray([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])

    Returns
    -------
    Tensor
        Shape (x.size,), dtype of `x`; a view where the strides allow.
    """
    dimensions("ravel", x)
    return reshape(x, (x._data.size,))


@see("ravel, reshape")
def flatten(x: Tensor, /, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return `x` with a range of axes made one.

    >>> xp.flatten(xp.zeros((2, 3, 4)), 1).shape
    (2, 12)

    Parameters
    ----------
    x : Tensor, any dtype
        0-d becomes 1-D.
    start_dim, end_dim : int
        The first and the last of them.

    Returns
    -------
    Tensor
        The shape with their product in their place, dtype of `x`; a view where the strides allow.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor, an axis no int; no such axis; the last before the first.
    """
    ndim = dimensions("flatten", x)
    if not ndim:
        return reshape(x, (1,))
    start = normalize_axis("flatten", start_dim, ndim)
    end = normalize_axis("flatten", end_dim, ndim)
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    shape = x._data.shape
    size = 1
    for n in shape[start : end + 1]:
        size *= n
    return reshape(x, (*shape[:start], size, *shape[end + 1 :]))


@see("expand_dims")
def atleast_nd(x: Tensor, /, *, ndim: int) -> Tensor:
    """Return `x` with axes of size 1 in front until it has enough.

    >>> xp.atleast_nd(xp.asarray([1, 2]), ndim=2)
    tensor([[1, 2]])

    Parameters
    ----------
    x : Tensor, any dtype
    ndim : int

    Returns
    -------
    Tensor
        A view whose shape has max(x.ndim, ndim) axes, dtype of `x`; `x` itself where it has them.

    Raises
    ------
    TypeError
        `x` is no Tensor, `ndim` no int.
    """
    missing = _ints("atleast_nd", "ndim", ndim)[0] - dimensions("atleast_nd", x)
    return expand_dims(x, axis=tuple(range(missing))) if missing > 0 else x


_BORDERS: tuple[Any, ...] = ("edge", "reflect", "symmetric", "wrap")


def _pad_with_own(x: Tensor, widths: list[list[int]], mode: Any) -> Tensor:
    """Return `x` with a border of its elements: along each axis, a choice of positions."""
    xp: Any = x.__array_namespace__()
    out = copy(x)
    for axis, pair in enumerate(widths):
        if any(pair):
            size = x._data.shape[axis]
            if size == 0:
                raise ValueError(
                    f"pad: x has shape {x._data.shape}; allowed with an empty axis {axis} is the "
                    'mode "constant"'
                )
            places = xp.asarray(np.pad(np.arange(size), pair, mode=mode), device=x._device)
            out = xp.take(out, places, axis=axis)
    return out


@see("concat")
def pad(
    x: Tensor, pad_width: Any, /, mode: str = "constant", *, constant_values: Any = 0
) -> Tensor:
    """Return `x` with a border of one value or of its own elements.

    >>> xp.pad(xp.asarray([1, 2]), (1, 2))
    tensor([0, 1, 2, 0, 0])

    Parameters
    ----------
    x : Tensor, any dtype
    pad_width : int, pair of ints, or sequence of pairs
        (before, after), for all axes or for each.
    mode : str
        "constant", or as NumPy's "edge", "reflect", "symmetric", "wrap", whose gradients add up
        where the elements came from.
    constant_values : scalar or 0-d Tensor
        Of the mode "constant"; cast to the dtype of `x`.

    Returns
    -------
    Tensor
        Shape: sizes plus borders; dtype of `x`.

    Raises
    ------
    TypeError, ValueError, OverflowError
        `x` is no Tensor, widths are no ints, a complex value for real `x`; negative widths or other
        numbers of them, another mode; an empty axis to extend by its own elements; an int beyond
        the dtype.
    """
    if mode.__class__ is not str or mode not in ("constant", *_BORDERS):
        allowed = ", ".join(f'"{name}"' for name in _BORDERS)
        raise ValueError(f'pad: mode is {mode!r}; allowed are "constant", {allowed}')
    ndim = dimensions("pad", x)
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (ndim, 2)).tolist()
    except ValueError:
        raise ValueError(
            f"pad: pad_width is {pad_width} for x of shape {x._data.shape}; allowed are an int, a "
            "pair (before, after), or a pair for each axis"
        ) from None
    if any(not isinstance(n, int) for pair in widths for n in pair):
        raise TypeError(f"pad: pad_width is {pad_width!r}; allowed are ints")
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: pad_width is {pad_width}; widths must not be negative")
    if not isinstance(constant_values, Tensor | int | float | complex | np.generic | np.ndarray):
        raise TypeError(f"pad: constant_values is {constant_values!r}; allowed is a number")
    if mode != "constant":
        return _pad_with_own(x, widths, mode)
    shape = tuple(n + a + b for n, (a, b) in zip(x._data.shape, widths, strict=True))
    key = tuple(slice(a, a + n) for n, (a, _) in zip(x._data.shape, widths, strict=True))
    xp: Any = x.__array_namespace__()
    try:
        out = xp.full(shape, constant_values, dtype=x.dtype, device=x._device)
    except (TypeError, OverflowError) as error:
        text = str(error).replace("full: fill_value", "pad: constant_values")
        raise type(error)(text) from None
    out[key] = x
    return out  # type: ignore[no-any-return]


def transpose(x: Tensor, axes: tuple[Any, ...], /) -> Tensor:
    """Return a view with axes reversed (none given), swapped (two ints), or permuted."""
    if not axes or axes == (None,):
        return permute_dims(x, tuple(reversed(range(x._data.ndim))))
    if len(axes) == 1 and isinstance(axes[0], tuple | list):
        return permute_dims(x, tuple(axes[0]))
    return swapaxes(x, *axes) if len(axes) == 2 else permute_dims(x, axes)
