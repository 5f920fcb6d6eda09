"""NumPy's functions of arrays as such: creation, joining, splitting, shapes, and what they are.

Each has NumPy's arguments behind the namespace (see `_numpy_calls`).
"""

from operator import index
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tensorxp._core.tensor import Tensor
from tensorxp._core.writes import write
from tensorxp._numpy.calls import (
    NoEquivalent,
    implements,
    is_by_rows,
    laid_out,
    need,
    tensors,
)

# creation


def _like(name: str) -> Any:
    def like(
        xp: Any, a: Any, dtype: Any = None, order: Any = "K", subok: bool = True,
        shape: Any = None, *, device: Any = None,
    ) -> Any:  # fmt: skip
        a = tensors(xp, a)[0]
        if shape is None:
            made = getattr(xp, f"{name}_like")(a, dtype=dtype)
        else:
            made = getattr(xp, name)(shape, dtype=dtype or a.dtype, device=a._device)
        return laid_out(f"{name}_like", made, order)

    return like


for _name in ("zeros", "ones", "empty"):
    implements(f"{_name}_like")(_like(_name))


@implements()
def full_like(
    xp: Any, a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: bool = True,
    shape: Any = None, *, device: Any = None,
) -> Any:  # fmt: skip
    a = tensors(xp, a, fill_value)[0]
    if shape is None:
        shape = a.shape
    made = xp.full(shape, fill_value, dtype=dtype or a.dtype, device=a._device)
    return laid_out("full_like", made, order)


@implements()
def copy(xp: Any, a: Any, order: Any = "K", subok: bool = False) -> Any:
    return laid_out("copy", xp.copy(a), order)


@implements()
def copyto(xp: Any, dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if not isinstance(dst, Tensor):
        raise NoEquivalent
    value = tensors(xp, src, dst)[0]
    if not np.can_cast(value._data.dtype, dst._data.dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"copyto: cannot cast from {value.dtype} to {dst._data.dtype}")
    if where is not True:
        mask = xp.broadcast_to(tensors(xp, where, dst)[0], dst._data.shape)
        value = xp.where(mask, value, dst)
    write(dst, ..., value, "copyto")


@implements()
def meshgrid(
    xp: Any, *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> Any:
    if sparse or not copy:
        raise NoEquivalent
    return xp.meshgrid(*tensors(xp, *xi), indexing=indexing)


# joining and splitting


def _cast_all(xp: Any, arrays: Any, dtype: Any) -> list[Any]:
    found = tensors(xp, *arrays)
    return found if dtype is None else [xp.astype(x, dtype, copy=False) for x in found]


@implements("concatenate", "concat")
def concatenate(
    xp: Any, arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None
) -> Any:
    if out is not None:
        raise NoEquivalent
    return xp.concat(_cast_all(xp, arrays, dtype), axis=axis)


@implements()
def stack(xp: Any, arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None) -> Any:
    if out is not None:
        raise NoEquivalent
    return xp.stack(_cast_all(xp, arrays, dtype), axis=axis)


def _atleast(xp: Any, x: Any, ndim: int) -> Any:
    if x.ndim == 0:
        return xp.reshape(x, (1,) * ndim)
    if ndim == 2 and x.ndim == 1:
        return x[None, :]
    if ndim == 3 and x.ndim < 3:
        return x[None, :, None] if x.ndim == 1 else x[:, :, None]
    return x


def _atleast_nd(ndim: int) -> Any:
    def atleast(xp: Any, *arys: Any) -> Any:
        out = tuple(_atleast(xp, x, ndim) for x in tensors(xp, *arys))
        return out[0] if len(out) == 1 else out

    return atleast


for _ndim in (1, 2, 3):
    implements(f"atleast_{_ndim}d")(_atleast_nd(_ndim))


@implements()
def vstack(xp: Any, tup: Any, *, dtype: Any = None) -> Any:
    return xp.concat([_atleast(xp, x, 2) for x in _cast_all(xp, tup, dtype)], axis=0)


@implements()
def hstack(xp: Any, tup: Any, *, dtype: Any = None) -> Any:
    arrays = [_atleast(xp, x, 1) for x in _cast_all(xp, tup, dtype)]
    return xp.concat(arrays, axis=0 if arrays[0].ndim == 1 else 1)


@implements()
def dstack(xp: Any, tup: Any) -> Any:
    return xp.concat([_atleast(xp, x, 3) for x in tensors(xp, *tup)], axis=2)


@implements()
def column_stack(xp: Any, tup: Any) -> Any:
    arrays = tensors(xp, *tup)
    return xp.concat([xp.reshape(x, (-1, 1)) if x.ndim < 2 else x for x in arrays], axis=1)


@implements()
def append(xp: Any, arr: Any, values: Any, axis: Any = None) -> Any:
    return xp.concat(tensors(xp, arr, values), axis=axis)


@implements()
def insert(xp: Any, arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    arr, values = tensors(xp, arr, values)
    arr, axis = _flat(xp, arr, axis)
    n = arr.shape[axis]
    places = _places(obj, n)
    values = xp.astype(xp.atleast_nd(values, ndim=arr.ndim), arr.dtype, copy=False)
    if places.ndim == 0:
        values = xp.moveaxis(values, 0, axis)
    count = values.shape[axis] if places.size == 1 else places.size
    # the result is a choice of what is there and, numbered behind it, what comes in
    new = np.arange(n, n + count)
    order = np.insert(np.arange(n), places.item() if places.size == 1 else places, new)
    shape = (*arr.shape[:axis], count, *arr.shape[axis + 1 :])
    both = xp.concat([arr, xp.broadcast_to(values, shape)], axis=axis)
    return xp.take(both, xp.asarray(order, device=arr._device), axis=axis)


@implements()
def delete(xp: Any, arr: Any, obj: Any, axis: Any = None) -> Any:
    arr, axis = _flat(xp, tensors(xp, arr)[0], axis)
    kept = np.delete(np.arange(arr.shape[axis]), _raw_key(obj))
    return xp.take(arr, xp.asarray(kept, device=arr._device), axis=axis)


def _flat(xp: Any, arr: Any, axis: Any) -> tuple[Any, int]:
    if axis is None:
        return xp.reshape(arr, (-1,)), 0
    return arr, normalize_axis_index(axis, arr.ndim)


def _raw_key(obj: Any) -> Any:
    return obj.cpu().numpy() if isinstance(obj, Tensor) else obj


def _places(obj: Any, n: int) -> "np.ndarray[Any, Any]":
    """Return the positions that an argument of `insert` stands for."""
    if isinstance(obj, slice):
        return np.arange(n)[obj]
    found = np.asarray(_raw_key(obj))
    found = np.flatnonzero(found) if found.dtype == bool else found
    return found if found.size else found.astype(np.int64)


@implements()
def block(xp: Any, arrays: Any) -> Any:
    leaves, depths = _leaves(arrays, 0)
    if len(set(depths)) != 1:
        raise NoEquivalent
    leaves = tensors(xp, *leaves)
    ndim = max(depths[0], *(x.ndim for x in leaves))
    return _joined(xp, arrays, depths[0], ndim, iter(leaves))


def _leaves(arrays: Any, depth: int) -> tuple[list[Any], list[int]]:
    if not isinstance(arrays, list):
        return [arrays], [depth]
    if not arrays:
        raise NoEquivalent
    found = [_leaves(item, depth + 1) for item in arrays]
    return [x for xs, _ in found for x in xs], [d for _, ds in found for d in ds]


def _joined(xp: Any, arrays: Any, depth: int, ndim: int, leaves: Any) -> Any:
    if not depth:
        return xp.atleast_nd(next(leaves), ndim=ndim)
    return xp.concat([_joined(xp, item, depth - 1, ndim, leaves) for item in arrays], axis=-depth)


@implements()
def array_split(xp: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    axis = normalize_axis_index(axis, ary.ndim)
    size = ary.shape[axis]
    if isinstance(indices_or_sections, int | np.integer):
        each, extra = divmod(size, int(indices_or_sections))
        steps = [each + 1] * extra + [each] * (int(indices_or_sections) - extra)
        ends = [int(n) for n in np.cumsum(steps)]
    else:
        ends = [index(n) for n in indices_or_sections] + [size]
    starts = [0, *ends[:-1]]
    before = (slice(None),) * axis
    return [ary[(*before, slice(i, j))] for i, j in zip(starts, ends, strict=True)]


@implements()
def split(xp: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if isinstance(indices_or_sections, int) and ary.shape[axis] % indices_or_sections:
        raise ValueError(
            f"split: {ary.shape[axis]} elements along axis {axis} cannot be divided into "
            f"{indices_or_sections} equal parts"
        )
    return array_split(xp, ary, indices_or_sections, axis)


@implements()
def vsplit(xp: Any, ary: Any, indices_or_sections: Any) -> Any:
    _least(ary, 2, "vsplit")
    return split(xp, ary, indices_or_sections, 0)


@implements()
def hsplit(xp: Any, ary: Any, indices_or_sections: Any) -> Any:
    _least(ary, 1, "hsplit")
    return split(xp, ary, indices_or_sections, 0 if ary.ndim == 1 else 1)


@implements()
def dsplit(xp: Any, ary: Any, indices_or_sections: Any) -> Any:
    _least(ary, 3, "dsplit")
    return split(xp, ary, indices_or_sections, 2)


def _least(x: Any, ndim: int, function: str) -> None:
    if x.ndim < ndim:
        raise ValueError(f"{function}: the array has {x.ndim} dimensions; it needs {ndim} or more")


@implements()
def unstack(xp: Any, x: Any, /, *, axis: int = 0) -> Any:
    return xp.unstack(x, axis=axis)


# shapes


@implements()
def reshape(xp: Any, a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    if order in ("K", "k") or not is_by_rows("reshape", a, order):
        raise NoEquivalent
    return xp.reshape(a, _sizes("reshape", shape), copy=copy)


def _sizes(function: str, value: Any) -> tuple[Any, ...]:
    """Return an int or a sequence of ints as a tuple."""
    if hasattr(value, "__index__") and not getattr(value, "ndim", 0):
        return (value,)
    if isinstance(value, tuple | list | range | np.ndarray | Tensor):
        return tuple(value)
    raise TypeError(f"{function}: {value!r} is given; allowed are an int and sequences of ints")


@implements()
def ravel(xp: Any, a: Any, order: str = "C") -> Any:
    if not is_by_rows("ravel", a, order):
        raise NoEquivalent
    return xp.reshape(a, (-1,))


@implements("transpose", "permute_dims")
def transpose(xp: Any, a: Any, axes: Any = None) -> Any:
    order = tuple(range(a.ndim))[::-1] if axes is None else _sizes("transpose", axes)
    return xp.permute_dims(a, order)


@implements()
def swapaxes(xp: Any, a: Any, axis1: int, axis2: int) -> Any:
    return xp.swapaxes(a, axis1, axis2)


@implements()
def rollaxis(xp: Any, a: Any, axis: int, start: int = 0) -> Any:
    axis = normalize_axis_index(axis, a.ndim)
    start = normalize_axis_index(start, a.ndim + 1) if start >= 0 else start + a.ndim
    return xp.moveaxis(a, axis, start - 1 if axis < start else start)


@implements()
def moveaxis(xp: Any, a: Any, source: Any, destination: Any) -> Any:
    return xp.moveaxis(a, source, destination)


@implements()
def squeeze(xp: Any, a: Any, axis: Any = None) -> Any:
    if axis is None:
        axis = tuple(i for i, n in enumerate(a.shape) if n == 1)
    return xp.squeeze(a, axis=axis)


@implements()
def expand_dims(xp: Any, a: Any, axis: Any) -> Any:
    return xp.expand_dims(a, axis=_sizes("expand_dims", axis))


@implements()
def broadcast_to(xp: Any, array: Any, shape: Any, subok: bool = False) -> Any:
    return xp.broadcast_to(array, _sizes("broadcast_to", shape))


@implements()
def broadcast_arrays(xp: Any, *args: Any, subok: bool = False) -> Any:
    return xp.broadcast_arrays(*tensors(xp, *args))


@implements()
def flip(xp: Any, m: Any, axis: Any = None) -> Any:
    return xp.flip(m, axis=axis)


@implements()
def fliplr(xp: Any, m: Any) -> Any:
    return xp.flip(m, axis=1)


@implements()
def flipud(xp: Any, m: Any) -> Any:
    return xp.flip(m, axis=0)


@implements()
def rot90(xp: Any, m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    first, second = axes
    k %= 4
    if k == 2:
        return xp.flip(m, axis=(first, second))
    if k == 1:
        return xp.swapaxes(xp.flip(m, axis=second), first, second)
    return xp.flip(xp.swapaxes(m, first, second), axis=second) if k else xp.copy(m)


@implements()
def roll(xp: Any, a: Any, shift: Any, axis: Any = None) -> Any:
    return xp.roll(a, shift, axis=axis)


@implements()
def tile(xp: Any, A: Any, reps: Any) -> Any:
    return xp.tile(A, tuple(index(n) for n in _sizes("tile", reps)))


@implements()
def repeat(xp: Any, a: Any, repeats: Any, axis: Any = None) -> Any:
    if isinstance(repeats, list | tuple):
        repeats = xp.asarray(repeats, device=a._device)
    return xp.repeat(a, repeats, axis=axis)


@implements()
def pad(xp: Any, array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    modes = ("constant", "edge", "reflect", "symmetric", "wrap")
    if mode not in modes or set(kwargs) - ({"constant_values"} if mode == "constant" else set()):
        raise NoEquivalent
    width = pad_width.tolist() if isinstance(pad_width, Tensor) else pad_width
    value = kwargs.get("constant_values", 0)
    if not isinstance(value, int | float | complex) or isinstance(width, dict):
        raise NoEquivalent
    pairs = np.broadcast_to(np.asarray(width), (array.ndim, 2)).tolist()
    return need(xp, "pad")(array, tuple(tuple(p) for p in pairs), mode, constant_values=value)


@implements()
def diag(xp: Any, v: Any, k: int = 0) -> Any:
    return xp.diag(v, k)


@implements()
def diagflat(xp: Any, v: Any, k: int = 0) -> Any:
    return xp.diag(xp.reshape(v, (-1,)), k)


@implements()
def tril(xp: Any, m: Any, k: int = 0) -> Any:
    return xp.tril(m, k=k)


@implements()
def triu(xp: Any, m: Any, k: int = 0) -> Any:
    return xp.triu(m, k=k)


@implements()
def diff(
    xp: Any, a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None
) -> Any:
    edges = {"prepend": prepend, "append": append}
    sizes = list(a.shape)
    sizes[axis] = 1
    for name, edge in edges.items():
        if edge is not None:
            edge = tensors(xp, edge, a)[0]
            edges[name] = xp.broadcast_to(edge, tuple(sizes)) if edge.ndim == 0 else edge
    return xp.diff(a, axis=axis, n=n, **edges)


# what an array is


@implements()
def shape(xp: Any, a: Any) -> Any:
    return a.shape


@implements()
def ndim(xp: Any, a: Any) -> int:
    return int(a.ndim)


@implements()
def size(xp: Any, a: Any, axis: Any = None) -> int:
    return int(a.size if axis is None else a.shape[axis])


@implements()
def iscomplexobj(xp: Any, x: Any) -> bool:
    return bool(xp.isdtype(x.dtype, "complex floating"))


@implements()
def isrealobj(xp: Any, x: Any) -> bool:
    return not iscomplexobj(xp, x)


def _raw(values: Any) -> list[Any]:
    return [x._data if isinstance(x, Tensor) else x for x in values]


@implements()
def result_type(xp: Any, *arrays_and_dtypes: Any) -> Any:
    return np.result_type(
        *(x._data.dtype if isinstance(x, Tensor) else x for x in arrays_and_dtypes)
    )


@implements()
def may_share_memory(xp: Any, a: Any, b: Any, /, max_work: Any = None) -> bool:
    a, b = _raw((a, b))
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)


@implements()
def shares_memory(xp: Any, a: Any, b: Any, /, max_work: Any = -1) -> bool:
    a, b = _raw((a, b))
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.shares_memory(a, b)


@implements("array_repr", "array_str", "array2string")
def array_repr(xp: Any, arr: Any, *args: Any, **kwargs: Any) -> str:
    return repr(arr)
