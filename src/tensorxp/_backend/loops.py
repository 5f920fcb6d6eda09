"""Compiled loops, where they were built: one pass over memory, vectorised, shared by threads.

Each function returns None where its loop does not apply (no compiler at installation, another
dtype than float32 or float64, not C-contiguous, not NumPy's), and the caller goes on with NumPy.
`TENSORXP_LOOPS=0` turns them off. How many threads share a large array is told in `threads`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from tensorxp._backend import threads

try:
    if os.environ.get("TENSORXP_LOOPS") == "0":
        raise ImportError("turned off")
    from tensorxp._backend import _loops  # type: ignore[attr-defined]
except ImportError:
    _loops = None

_ITEMSIZES = {np.dtype(np.float32): 4, np.dtype(np.float64): 8}
_FLOAT64 = np.dtype(np.float64)
_INT64 = np.dtype(np.int64)
_NUMBERS: dict[str, int] = {}


if _loops is not None:
    _NUMBERS.update({name: i for i, name in enumerate(_loops.NAMES)})
    _loops.set_threads(threads.count())


#: The reductions of `small`, by number.
SUM, PROD, MEAN, MAX, MIN, VAR, STD, NORM, ALL, ANY = range(10)
#: small(kind, x, axis, keepdims, correction=0): a reduction of a small contiguous array over all
#: axes (None) or a tuple of neighbours, without NumPy's set-up; in double precision.
small: Any = getattr(_loops, "small", lambda *args: None)

#: Runs a compiled program on arrays in a list of values (`launch_plan` in _loops.c), or None.
launch: Any = getattr(_loops, "launch", None)


def available() -> bool:
    """Return whether there are compiled loops, and they are on."""
    return bool(_NUMBERS)


def set_threads(count: int) -> int:
    """Let `count` threads share a large array; return how many did before."""
    return 1 if _loops is None else int(_loops.set_threads(count))


@contextmanager
def turned_off() -> Iterator[None]:
    """Leave everything to NumPy within the scope, in all threads."""
    held = dict(_NUMBERS)
    _NUMBERS.clear()
    before = _loops and _loops.set_small(False)
    try:
        yield
    finally:
        _NUMBERS.update(held)
        if _loops:
            _loops.set_small(before)


def _fits(x: Any) -> bool:
    """Return whether a loop can read `x`."""
    if x.__class__ is not np.ndarray or x.dtype not in _ITEMSIZES:
        return False
    flags = x.flags
    return bool(flags.c_contiguous and flags.aligned and x.dtype.isnative)


def _alike(x: Any, *others: Any) -> bool:
    """Return whether a loop can read all of them, of one shape and dtype."""
    return _fits(x) and all(
        [y.shape == x.shape and y.dtype is x.dtype and _fits(y) for y in others]
    )


def _call(name: str, n: int, m: int, first: Any, *more: Any) -> None:
    _loops.run(_NUMBERS[name], first.itemsize, n, m, first, *more)


def mapped(name: str, x: Any) -> Any:
    """Return the elementwise function `name` of `x`."""
    if name not in _NUMBERS or not _fits(x):
        return None
    out = np.empty(x.shape, x.dtype)
    _call(name, x.size, 1, out, x)
    return out


def mapped_with(name: str, x: Any, y: Any) -> Any:
    """Return the elementwise function `name` of `x` and `y`, which may be one broadcast number."""
    if name not in _NUMBERS or not _fits(x) or y.__class__ is not np.ndarray:
        return None
    if y.dtype is not x.dtype or y.shape != x.shape:
        return None
    number = 0.0
    if not any(y.strides) and y.size:
        number, y = float(y[(0,) * y.ndim]), None
    elif not _fits(y):
        y = np.ascontiguousarray(y)
    out = np.empty(x.shape, x.dtype)
    _call(name, x.size, 1, out, x, y, number)
    return out


def _split(x: Any, axis: tuple[int, ...] | None) -> tuple[int, int]:
    """Return the rows, and their length, that reducing the last axes sees; (0, 0) for others."""
    if axis is None or len(axis) == x.ndim:
        return 1, x.size
    lead = x.ndim - len(axis)
    if tuple(sorted(axis)) != tuple(range(lead, x.ndim)) or not axis:
        return 0, 0
    n = prod(x.shape[:lead])
    return n, x.size // n if n else 0


def by_rows(name: str, x: Any, axis: tuple[int, ...], *others: Any) -> Any:
    """Return the function `name` of rows along the last axes, an array of the shape of x."""
    if name not in _NUMBERS or not _alike(x, *others):
        return None
    n, m = _split(x, axis)
    if not n or not m:
        return None
    out = np.empty(x.shape, x.dtype)
    _call(name, n, m, out, x, *others)
    return out


def logsumexp(x: Any, axis: tuple[int, ...]) -> Any:
    """Return log Σ exp x, the shift and Σ exp(x - shift) over the last axes, which stay as 1."""
    if not _NUMBERS or not _fits(x):
        return None
    n, m = _split(x, axis)
    if not n or not m:
        return None
    shape = _kept(x, axis, True)
    found = tuple([np.empty(shape, x.dtype) for _ in range(3)])
    _call("logsumexp", n, m, *found, x)
    return found


def shares(x: Any, shift: Any, factor: Any, axis: tuple[int, ...]) -> Any:
    """Return factor · exp(x - shift), with 1 for exp where x and its shift are equal."""
    if not _NUMBERS or not _fits(x) or not _alike(shift, factor) or shift.dtype is not x.dtype:
        return None
    n, m = _split(x, axis)
    if not n or not m or shift.size != n:
        return None
    out = np.empty(x.shape, x.dtype)
    _call("shares", n, m, out, x, shift, factor)
    return out


def _labelled(x: Any, target: Any, *others: Any) -> bool:
    """Return whether scores (N, C), labels (N,) and what belongs to each row can be read."""
    return bool(
        _NUMBERS
        and _fits(x)
        and x.size
        and target.__class__ is np.ndarray
        and target.dtype == _INT64
        and target.flags.c_contiguous
        and target.flags.aligned
        and target.shape == x.shape[:1]
        and all([_fits(y) and y.dtype is x.dtype and y.shape == target.shape for y in others])
    )


def cross_entropy(x: Any, target: Any, scale: Any) -> Any:
    """Return scale · -log softmax(x)[target] of each row, the peaks, and Σ exp(x - peak)."""
    if not _labelled(x, target, scale):
        return None
    found = tuple([np.empty(len(x), x.dtype) for _ in range(3)])
    _call("cross_entropy", *x.shape, *found, x, target, scale)
    return found


def cross_entropy_back(x: Any, peaks: Any, sums: Any, target: Any, share: Any) -> Any:
    """Return share · (softmax(x) - onehot(target))."""
    if not _labelled(x, target, peaks, sums, share):
        return None
    out = np.empty(x.shape, x.dtype)
    _call("cross_entropy_back", *x.shape, out, x, peaks, share / sums, target, share)
    return out


def _layout(x: Any, axis: tuple[int, ...] | None) -> tuple[str, int, int]:
    """Return whether `axis` are the last or the first axes, and the matrix that x then is."""
    n, m = _split(x, axis)
    if n and m:
        return "_rows", n, m
    count = len(axis) if axis else 0
    if x.size and axis and tuple(sorted(axis)) == tuple(range(count)):
        n = prod(x.shape[:count])
        return "_columns", n, x.size // n
    return "", 0, 0


def _kept(x: Any, axis: tuple[int, ...] | None, keepdims: bool) -> tuple[int, ...]:
    if axis is None:
        return (1,) * x.ndim if keepdims else ()
    if keepdims:
        return tuple([1 if i in axis else k for i, k in enumerate(x.shape)])
    return tuple([k for i, k in enumerate(x.shape) if i not in axis])


#: Elements from which the loops of sums and moments are faster than NumPy's.
LARGE = 4096


def total(x: Any, axis: tuple[int, ...] | None, keepdims: bool) -> Any:
    """Return the sum in double precision of large `x` over its first or last axes."""
    return _summed("sum", axis, keepdims, x)


def dot(x: Any, y: Any, shape: tuple[int, ...]) -> Any:
    """Return the sum of x y over the first or last axes, those that are 1 in `shape`."""
    if x.size < LARGE or len(shape) != x.ndim or not _alike(x, y):
        return None
    return _summed("dot", tuple([i for i, k in enumerate(shape) if k == 1]), True, x, y)


def _summed(kind: str, axis: tuple[int, ...] | None, keepdims: bool, x: Any, *more: Any) -> Any:
    if not _NUMBERS or x.size < LARGE or not _fits(x):
        return None
    way, n, m = _layout(x, axis)
    if not way or (way == "_columns" and m < 16):
        return None
    blocks = -(-m // _loops.WIDTH) if way == "_rows" else 1
    found = np.empty(n * blocks if way == "_rows" else m)
    _loops.run(_NUMBERS[kind + way], x.itemsize, n, m, found, x, *more)
    if blocks > 1:
        found = found.reshape(n, blocks).sum(axis=1)
    return found.reshape(_kept(x, axis, keepdims))


def moments(x: Any, axis: tuple[int, ...] | None, keepdims: bool) -> Any:
    """Return the mean and Σ |x - mean|² in double precision, over the first or last axes."""
    if not _NUMBERS or x.size < LARGE or not _fits(x):
        return None
    way, n, m = _layout(x, axis)
    if way == "_rows":
        width = _loops.WIDTH
        blocks = -(-m // width)
        mean, square = np.empty(n * blocks), np.empty(n * blocks)
        _loops.run(_NUMBERS["moments_rows"], x.itemsize, n, m, mean, square, x)
        if blocks > 1:
            # join the blocks: Σ (x - m)² = Σ_b (Σ_b (x - m_b)² + n_b (m_b - m)²)
            counts = np.full(blocks, float(width))
            counts[-1] = m - width * (blocks - 1)
            parts, square = mean.reshape(n, blocks), square.reshape(n, blocks)
            mean = parts @ counts / m
            square = square.sum(axis=1) + (parts - mean[:, None]) ** 2 @ counts
    elif way and m >= 16:
        mean, square = np.empty(m), np.empty(m)
        _loops.run(_NUMBERS["moments_columns"], x.itemsize, n, m, mean, square, x)
    else:
        return None
    shape = _kept(x, axis, keepdims)
    return mean.reshape(shape), square.reshape(shape)


def rescaled(x: Any, axis: tuple[int, ...] | None, centre: Any, scale: Any, offset: Any) -> Any:
    """Return (x - centre) · scale + offset, with one number for each result over `axis`."""
    if not _NUMBERS or x.size < LARGE or not _fits(x):
        return None
    way, n, m = _layout(x, axis)
    if not way:
        return None
    count = n if way == "_rows" else m
    kinds: Any = ((centre, _FLOAT64), (scale, x.dtype), (offset, x.dtype))
    numbers = [
        np.ascontiguousarray(np.broadcast_to(np.asarray(a, dtype).reshape(-1), (count,)))
        for a, dtype in kinds
    ]
    out = np.empty(x.shape, x.dtype)
    _call("scale" + way, n, m, out, x, *numbers)
    return out


def layer_norm(rows: Any, gain: Any, shift: Any, eps: float) -> Any:
    """Return rows standardised, times gain, plus shift; their means and 1 / √(var + eps)."""
    if not _NUMBERS or not _fits(rows) or not rows.size or not _one_each(rows, gain, shift):
        return None
    n, m = rows.shape
    found = (np.empty((n, m), rows.dtype), *[np.empty((n, 1), rows.dtype) for _ in range(2)])
    _call("layer_norm", n, m, *found, rows, gain, shift, eps)
    return found


def _one_each(rows: Any, *vectors: Any) -> bool:
    return all(
        [v is None or (_fits(v) and v.dtype is rows.dtype and v.size == rows.shape[1])
         for v in vectors]
    )  # fmt: skip


def layer_norm_back(rows: Any, cts: Any, means: Any, scales: Any, gain: Any) -> Any:
    """Return the cotangents of the rows, the gain and the shift."""
    if not _NUMBERS or not _alike(rows, cts) or not rows.size or not _one_each(rows, gain):
        return None
    if not _alike(means, scales) or means.dtype is not rows.dtype or means.size != len(rows):
        return None
    n, m = rows.shape
    groups = -(-n // _loops.GROUP)
    back = np.empty((n, m), rows.dtype)
    parts = np.empty((groups, m), rows.dtype), np.empty((groups, m), rows.dtype)
    _call("layer_norm_back", n, m, back, *parts, rows, cts, means, scales, gain)
    return back, parts[0].sum(axis=0), parts[1].sum(axis=0)


def stepped(name: str, arrays: tuple[Any, ...], numbers: tuple[float, ...]) -> bool:
    """Do the optimizer step `name` in place on alike arrays (None: missing); say if it was done."""
    if name not in _NUMBERS:
        return False
    given = [a for a in arrays if a is not None]
    if not _alike(*given) or not all([a.flags.writeable for a in given[:-1]]):
        return False
    _call(name, given[0].size, 1, *arrays, *numbers)
    return True


def _swept(back: bool, n: int, sizes: tuple[int, ...], reverse: bool, arrays: list[Any]) -> bool:
    """Run the recurrence of an LSTM on C-contiguous arrays; say if it was done."""
    if not _NUMBERS or not hasattr(_loops, "lstm") or not sizes or not n or not min(sizes):
        return False
    if not all([_fits(x) and x.dtype is arrays[0].dtype for x in arrays]):
        return False
    steps = np.asarray(sizes, np.int64)
    _loops.lstm(back, arrays[0].itemsize, n, reverse, steps, *arrays)
    return True


def lstm(
    gates: Any, h: Any, c: Any, weight: Any, sizes: tuple[int, ...], reverse: bool
) -> tuple[Any, ...] | None:
    """Return the outputs, the last h and c, the activated gates, cells and tanh of the cells."""
    n, dtype = h.shape[1], gates.dtype
    if h.dtype != dtype or c.dtype != dtype or weight.dtype != dtype:
        return None
    h, c = (np.array(x, order="C") for x in (h, c))
    active = np.empty(gates.shape, dtype)
    out, cells, squashed = (np.empty((len(gates), n), dtype) for _ in range(3))
    gates, weight = np.ascontiguousarray(gates), np.ascontiguousarray(weight)
    arrays = [gates, h, c, weight, active, out, cells, squashed]
    if not _swept(False, n, sizes, reverse, arrays):
        return None
    return out, h, c, active, cells, squashed


def lstm_back(
    cts: tuple[Any, ...], c: Any, weight: Any, found: tuple[Any, ...], sizes: tuple[int, ...],
    reverse: bool,
) -> tuple[Any, ...] | None:  # fmt: skip
    """Return the cotangents of the gates, h and c from those of what `lstm` returns first."""
    active, cells, squashed = found
    ct, c, weight = (np.ascontiguousarray(x) for x in (cts[0], c, weight))
    h_ct, c_ct = (np.array(x, order="C") for x in cts[1:3])
    back = np.empty(active.shape, active.dtype)
    arrays = [active, cells, squashed, c, ct, h_ct, c_ct, back, weight]
    if not _swept(True, weight.shape[1], sizes, reverse, arrays):
        return None
    return back, h_ct, c_ct
