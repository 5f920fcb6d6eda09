"""Indexing: `x[key]` as a view (basic keys) or a gather (arrays and masks), and writes.

A key comes in as a user gives it and is brought to raw form once: ints, slices, None and
Ellipsis stay, integer and boolean arrays and sequences become raw arrays, 0-d integer Tensors
ints. Ints alone that pick one element give a tensor of its own, where NumPy gives a scalar.
"""

from typing import Any

import numpy as np

from tensorxp._backend.families import see
from tensorxp._core.door import apply, node_of, single
from tensorxp._core.modes import modes
from tensorxp._core.primitive import linear
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import note_read, stack, watching
from tensorxp._core.writes import own_key, write
from tensorxp._ops.axes import dimensions
from tensorxp._ops.beside import tensors

_PLAIN = frozenset((int, slice, type(None), type(Ellipsis)))
_ndarray = np.ndarray
#: Lists in a key may be nested so deep: the most dimensions that NumPy has.
_DEEPEST = 64


def _get(xp: Any, x: Any, *, key: Any) -> Any:
    return x[key]


def _element(xp: Any, x: Any, *, key: Any) -> Any:
    return xp.copy(x[key])


def _put(xp: Any, ct: Any, x_shape: Any, *, key: Any) -> Any:
    # y = x[key]: the cotangent goes back to its places, which are distinct
    out = xp.zeros(x_shape, dtype=ct.dtype, device=ct.device)
    out[key] = ct
    return out


def _add(xp: Any, ct: Any, x_shape: Any, *, key: Any) -> Any:
    # y = x[key]: the cotangents of places that were read several times add up
    return xp.index_add(xp.zeros(x_shape, dtype=ct.dtype, device=ct.device), key, ct)


def _put_rows(xp: Any, ct: Any, x_shape: Any, *, key: Any) -> Any:
    out = xp.zeros((len(ct), *x_shape), dtype=ct.dtype, device=ct.device)
    out[(slice(None), *key) if type(key) is tuple else (slice(None), key)] = ct
    return out


def _last(key: Any) -> Any:
    """Return the key that leaves one more axis, the last, alone."""
    parts = key if type(key) is tuple else (key,)
    return (*parts, slice(None)) if any([part is Ellipsis for part in parts]) else parts


def _add_rows(xp: Any, ct: Any, x_shape: Any, *, key: Any) -> Any:
    # with the rows as last axis the arrays in a key mean what they mean without
    return xp.moveaxis(_add(xp, xp.moveaxis(ct, 0, -1), (*x_shape, len(ct)), key=_last(key)), -1, 0)


getitem_p = linear("getitem", forward=_get, view=True, batched={"x": _put_rows}, x=_put)
element_p = linear("element", forward=_element, batched={"x": _put_rows}, x=_put)
gather_p = linear("gather", forward=_get, batched={"x": _add_rows}, x=_add)
mask_p = linear("mask", forward=_get, batched={"x": _add_rows}, x=_put)
index_add_p = linear(
    "index_add", x=lambda ct: ct, values=lambda ct, *, key: ct[key],
    forward=lambda xp, x, values, *, key: xp.index_add(x, key, values),
)  # fmt: skip


def getitem(x: Any, key: Any, /) -> Tensor:
    """Return `x[key]`, as NumPy: a view for slices, None, Ellipsis and ints beside them or for
    some of the axes, a copy for arrays, and a 0-d tensor of its own for an int for each axis.
    """
    if not _is_plain(key) and not (type(key) is tuple and _all_plain(key)):
        key, op = raw_key(x, key, "__getitem__")
        if op is not getitem_p:
            if modes.grad and node_of(x) is not None and not stack():
                key = _kept(x, key)
            try:
                return single(op, x, {"key": key})
            except IndexError as error:
                raise _explained("__getitem__", x, error) from None
    data = x._data
    try:
        raw = data[key]
    except IndexError as error:
        raise _explained("__getitem__", x, error) from None
    if type(raw) is _ndarray:
        return single(getitem_p, x, {"key": key}, raw)
    if type(raw) is data.__class__:  # CuPy has no scalars
        if raw.ndim or key is Ellipsis or (type(key) is tuple and Ellipsis in key):
            return single(getitem_p, x, {"key": key}, raw)
        raw = x._device.raw.copy(raw)
    return single(element_p, x, {"key": key}, raw)


def _kept(x: Any, key: Any) -> Any:
    """Return a raw key that backward can rely on."""
    return x._device.run(lambda: own_key(key))


def _explained(function: str, x: Any, error: IndexError) -> IndexError:
    return IndexError(f"{function}: {error}; the tensor has shape {tuple(x._data.shape)}")


def _is_plain(key: Any) -> bool:
    kind = type(key)
    if kind is slice:
        start, stop, step = key.start, key.stop, key.step
        return (
            (start is None or type(start) is int)
            and (stop is None or type(stop) is int)
            and (step is None or type(step) is int)
        )
    return kind is int or key is None or key is Ellipsis


def _all_plain(key: tuple[Any, ...]) -> bool:
    for part in key:
        if not _is_plain(part):
            return False
    return True


def setitem(x: Any, key: Any, value: Any, /) -> None:
    """Set `x[key] = value` in place; the value is cast and broadcast. Nothing changes on error."""
    if not _is_plain(key):
        key, _ = raw_key(x, key, "__setitem__")
    if not isinstance(value, Tensor) and isinstance(value, list | tuple):
        value = _listed(x, value)
    write(x, key, value)


def _listed(x: Any, value: Any) -> Tensor:
    """Return a list to write into `x` in its dtype, number by number: exact, and held in range."""
    try:
        return x.__array_namespace__().asarray(value, dtype=x.dtype, device=x._device)  # type: ignore[no-any-return]
    except (TypeError, ValueError, OverflowError) as error:
        text = str(error).replace("asarray: obj", "value").removeprefix("asarray: ")
        text = text.removesuffix(f" (dtype is {x._data.dtype})")
        kind = next(k for k in (TypeError, OverflowError, ValueError) if isinstance(error, k))
        raise kind(f"__setitem__: {text}; the tensor has dtype {x._data.dtype}") from None


def raw_key(x: Any, key: Any, function: str) -> tuple[Any, Any]:
    """Return the key in raw form and the primitive that reads with it."""
    parts = key if type(key) is tuple else (key,)
    raw, op = [], getitem_p
    for part in parts:
        found = _raw_part(x, part, function)
        raw.append(found)
        kind = getattr(getattr(found, "dtype", None), "kind", None)
        if kind == "b" or found is True or found is False:
            op = gather_p if op is gather_p else mask_p
        elif kind is not None:
            op = gather_p
    return (tuple(raw) if type(key) is tuple else raw[0]), op


def _raw_part(x: Any, part: Any, function: str) -> Any:
    kind = part.__class__
    if kind is slice:
        return slice(*([_bound(bound, function) for bound in (part.start, part.stop, part.step)]))
    if kind in _PLAIN or kind is bool:
        return part
    raw = x._device.raw
    if isinstance(part, Tensor):
        if part._device is not x._device:
            if part._data.ndim == 0 and part._data.dtype.kind in "iu":
                return int(part._device.raw.to_numpy(part._data))
            raise _mixed(function, x, part)
        data = part._data
        if watching and data.ndim == 0 and data.dtype.kind in "iu":
            note_read(part)
        if data.dtype.kind in "iu":
            _check_bounds(x, data, function) if x._device.type == "cuda" else None
            return int(data) if data.ndim == 0 else data
        if data.dtype.kind == "b":
            return data
        raise IndexError(
            f"{function}: the key holds a Tensor of dtype {part.dtype}; allowed are integers and "
            "booleans (masks)"
        )
    dtype_kind = getattr(getattr(part, "dtype", None), "kind", "i")
    if getattr(part, "ndim", 0) == 0 and hasattr(part, "__index__") and dtype_kind in "biu":
        return bool(part) if dtype_kind == "b" else part.__index__()
    if isinstance(part, x._device._array_type):
        if dtype_kind in "biu":
            return part
    elif not isinstance(part, str | bytes):
        found = _host_array(part)
        if found is not None and found.dtype.kind in "biu":
            return raw.asarray(found)
    raise IndexError(
        f"{function}: the key holds {part!r} of type {type(part).__name__}; allowed are ints, "
        "slices, None, Ellipsis, and integer or boolean arrays and sequences"
    )


def _host_array(part: Any) -> Any:
    """Return a sequence, or what has `__array__`, as a NumPy array; None where it is none."""
    try:
        found = np.asarray(_plain_items(part))
    except (TypeError, ValueError):  # what is ragged or has no values
        return None
    return found if found.size or hasattr(part, "dtype") else found.astype(np.int64)


def _plain_items(items: Any, depth: int = 0) -> Any:
    """Return nested lists with the values of the Tensors in them."""
    if isinstance(items, list | tuple):
        if depth > _DEEPEST:  # compiled, it would not meet Python's limit of recursion
            raise IndexError(f"the key holds lists that are nested more than {_DEEPEST} deep")
        return [_plain_items(item, depth + 1) for item in items]
    return items.tolist() if isinstance(items, Tensor) else items


def _bound(bound: Any, function: str) -> int | None:
    if bound is None or type(bound) is int:
        return bound
    try:
        return int(bound.__index__())
    except (AttributeError, TypeError):
        raise IndexError(
            f"{function}: a slice bound is {bound!r}; allowed are ints, 0-d integer Tensors, None"
        ) from None


def _check_bounds(x: Any, index: Any, function: str) -> None:
    """Raise IndexError for an index beyond every axis: CuPy wraps such an index silently."""
    limit = max(x._data.shape, default=0)
    if not index.size:
        return
    low, high = x._device.run(lambda: (int(index.min()), int(index.max())))
    if high >= limit or low < -limit:
        raise IndexError(f"{function}: an index is out of bounds for shape {x.shape}")


def _mixed(function: str, x: Any, part: Any) -> Exception:
    return IndexError(
        f"{function}: the tensor is on {x._device} but an index is on {part._device}; "
        "move the index with .to(device)"
    )


@see("take")
def index_add(x: Tensor, key: Any, values: Any, /) -> Tensor:
    """Return a copy of `x` with `values` added at `x[key]`, repeated places summed.

    The gradient with respect to `values` is the cotangent at `key`.

    >>> xp.index_add(xp.zeros(3), xp.asarray([0, 2, 0]), xp.ones(3))
    tensor([2., 0., 1.])

    Parameters
    ----------
    x : Tensor of any dtype
    key : what `x[key]` takes
    values : Tensor, array or scalar
        Broadcast to the shape of `x[key]`, cast to the dtype of `x`.

    Returns
    -------
    Tensor
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, IndexError, ValueError, OverflowError, DeviceError
        `x` is no Tensor, `values` no numbers; a key that does not fit; shapes that don't broadcast;
        a Python int beyond the dtype; two devices.
    """
    x, values = tensors("index_add", x=x, values=values, scalars=True)
    dimensions("index_add", x)
    key, _ = raw_key(x, key, "index_add")
    if modes.grad and not stack():
        key = own_key(key)
    try:
        return apply(index_add_p, (x, values), {"key": key})
    except IndexError as error:
        raise _explained("index_add", x, error) from None
