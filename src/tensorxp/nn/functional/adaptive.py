"""Adaptive pooling: windows that cover the input so that the output has a given size."""

from math import prod
from typing import Any

import numpy as np

import tensorxp as xp
from tensorxp._core.face import is_floating
from tensorxp._ops.network import along, in_single
from tensorxp.nn.functional._family import told
from tensorxp.nn.functional._sizes import batched, check_weights
from tensorxp.nn.functional.pooling import mean_pool, pool


def _adaptive_sizes(name: str, size: Any, output_size: Any, least: int) -> tuple[int, ...]:
    wanted = output_size if isinstance(output_size, tuple | list) else (output_size,) * len(size)
    if len(wanted) != len(size):
        raise RuntimeError(f"{name}: output_size is {output_size}; expected {len(size)} sizes")
    found = tuple(n if m is None else int(m) for n, m in zip(size, wanted, strict=True))
    one = least == 0 and all([m == 1 for m in found])  # the mean of nothing is NaN
    if not one and any([m > 0 and n == 0 for n, m in zip(size, found, strict=True)]):
        raise RuntimeError(
            f"{name}: input has spatial sizes {tuple(size)}; windows need at least 1 element"
        )
    if max(found) >= 2**31:
        raise RuntimeError(f"{name}: output_size is {output_size}; allowed are sizes below 2**31")
    if min(found) < least:
        raise RuntimeError(f"{name}: output_size is {output_size}; at least {least} needed")
    return found


def _bounds(n: int, m: int) -> list[tuple[int, int]]:
    """Return the window (start, stop) of each of `m` outputs over `n` elements."""
    return [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


def _even(size: Any, wanted: Any) -> bool:
    return all(m > 0 and n % m == 0 for n, m in zip(size, wanted, strict=True))


@in_single()
def _adaptive_avg(ndim: int, input: Any, output_size: Any) -> Any:
    name = f"adaptive_avg_pool{ndim}d"
    x, single = batched(name, input, ndim)
    if not is_floating(x):
        raise TypeError(f"{name}: input has dtype {x.dtype}; allowed are floating-point dtypes")
    size = x.shape[2:]
    wanted = _adaptive_sizes(name, size, output_size, 0)
    if all(m == 1 for m in wanted):
        out = xp.mean(x, axis=tuple(range(2, x.ndim)), keepdims=True)
    elif _even(size, wanted):
        kernel = tuple(n // m for n, m in zip(size, wanted, strict=True))
        out = mean_pool(ndim, x, kernel, None, 0, False, True, None)
    else:
        # windows are products of intervals: one matrix of means along each axis
        out = x
        for axis, (n, m) in enumerate(zip(size, wanted, strict=True)):
            check_weights(name, "output_size", output_size, n, m)
            rows = [
                [1 / (stop - start) if start <= j < stop else 0.0 for j in range(n)]
                for start, stop in _bounds(n, m)
            ]
            out = along(out, np.reshape(rows, (m, n)), axis + 2)
    return out[0] if single else out


_AVG = """Return means over windows that cover the input so that the output has a given size.

Window i of m over n elements goes from ⌊i n / m⌋ to ⌈(i + 1) n / m⌉.

>>> xp.nn.functional.adaptive_avg_pool{n}d(xp.ones((1, 1, {four})), 2).shape
(1, 1, {two})

Parameters
----------
input : Tensor
    Shape {x}, or {u} without a batch.
output_size : {i}
    {t}; None in a tuple keeps an axis as it is.

Returns
-------
Tensor
    Shape {y}, or without N; the dtype of `input`.

Raises
------
TypeError
    `input` is no floating-point Tensor.
RuntimeError
    Its shape or `output_size` is not allowed.

See Also
--------
avg_pool{n}d, adaptive_max_pool{n}d
"""


@told(_AVG, 1)
def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    return _adaptive_avg(1, input, output_size)


@told(_AVG, 2)
def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    return _adaptive_avg(2, input, output_size)


@told(_AVG, 3)
def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    return _adaptive_avg(3, input, output_size)


def _adaptive_max(ndim: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    name = f"adaptive_max_pool{ndim}d"
    x, single = batched(name, input, ndim)
    size = x.shape[2:]
    wanted = _adaptive_sizes(name, size, output_size, 1)
    if _even(size, wanted):
        kernel = tuple(n // m for n, m in zip(size, wanted, strict=True))
        found = pool(ndim, x, kernel, None, 0, 1, False, return_indices)
        out, places = found if return_indices else (found, None)
    else:
        out, places = _gathered_max(name, x, size, wanted)
    if single:
        out, places = out[0], None if places is None else places[0]
    return (out, places) if return_indices else out


def _gathered_max(name: str, x: Any, size: Any, wanted: Any) -> tuple[Any, Any]:
    """Return maxima over windows of unequal size: gathered, the short ones by repeating an end."""
    index: Any = 0
    ndim = len(size)
    for axis, (n, m) in enumerate(zip(size, wanted, strict=True)):
        check_weights(name, "output_size", wanted, n // m + 2, m)
        bounds = _bounds(n, m)
        longest = max(stop - start for start, stop in bounds)
        rows = [[min(start + i, stop - 1) for i in range(longest)] for start, stop in bounds]
        shape = [1] * (2 * ndim)
        shape[axis], shape[ndim + axis] = m, longest
        places = xp.reshape(xp.asarray(rows, dtype=xp.int64, device=x.device), tuple(shape))
        index = index * n + places
    flat_index = xp.reshape(index, (*wanted, -1))
    flat = xp.reshape(x, (*x.shape[:2], prod(size)))
    windows = flat.detach()[:, :, flat_index]
    best = xp.argmax(windows, axis=-1, keepdims=True)
    index_of = xp.broadcast_to(flat_index, windows.shape)
    chosen = xp.take_along_axis(index_of, best, axis=-1)[..., 0]
    picked = xp.take_along_axis(flat, xp.reshape(chosen, (*x.shape[:2], prod(wanted))), axis=-1)
    return xp.reshape(picked, (*x.shape[:2], *wanted)), chosen


_MAX = """Return maxima over windows that cover the input so that the output has a given size.

Window i of m over n elements goes from ⌊i n / m⌋ to ⌈(i + 1) n / m⌉.

>>> xp.nn.functional.adaptive_max_pool{n}d(xp.ones((1, 1, {four})), 2).shape
(1, 1, {two})

Parameters
----------
input : Tensor
    Shape {x}, or {u} without a batch.
output_size : {i}
    {t}, at least 1; None in a tuple keeps an axis as it is.
return_indices : bool
    Return also where they are.

Returns
-------
Tensor, or two
    Shape {y}, or without N; the dtype of `input`. Indices: int64, into the flattened spatial axes.

Raises
------
TypeError
    `input` is no Tensor.
RuntimeError
    Its shape or `output_size` is not allowed.

See Also
--------
max_pool{n}d, adaptive_avg_pool{n}d
"""


@told(_MAX, 1)
def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    return _adaptive_max(1, input, output_size, return_indices)


@told(_MAX, 2)
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    return _adaptive_max(2, input, output_size, return_indices)


@told(_MAX, 3)
def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    return _adaptive_max(3, input, output_size, return_indices)
