"""Padding of the last axes, given as PyTorch does: pairs from the last axis forwards."""

from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._ops.network import in_single
from tensorxp.nn.functional._sizes import expect


def _pairs(pad: Any, ndim: int) -> list[tuple[int, int]]:
    """Return (before, behind) for each axis."""
    if not isinstance(pad, tuple | list):
        raise TypeError(f"pad: pad is {pad!r}; allowed are tuples and lists of ints")
    sizes = [int(n) for n in pad]
    if len(sizes) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(sizes) // 2 > ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(sizes)} and input of dimension {ndim}"
        )
    pairs = [(sizes[i], sizes[i + 1]) for i in range(0, len(sizes), 2)]
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


@see("tensorxp.pad")
def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Return a copy of x with its last axes padded.

    >>> xp.nn.functional.pad(xp.asarray([[1.0, 2.0]]), (1, 0), value=9.0)
    tensor([[9., 1., 2.]])

    Parameters
    ----------
    input : Tensor
        Of any shape and dtype.
    pad : sequence of ints
        (before, behind) of the last axis, then of the last but one, and so on.
    mode : str
        "constant", "reflect" (without the edge), "replicate" (the edge), "circular" (the other end
        of what negative sizes leave). With all of them negative sizes crop.
    value : float or None
        With "constant"; None: 0.

    Returns
    -------
    Tensor
        Padded axes are longer; the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor, or `pad` no sequence of ints.
    RuntimeError
        Sizes are odd in number, too many, or do not fit the mode.
    NotImplementedError
        Another `mode`.
    ValueError
        A `value` with another mode than "constant".
    """
    expect("pad", input)
    pairs = _pairs(pad, input.ndim)
    if mode == "constant":
        return _constant(input, pairs, 0.0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    return _by_index(input, pairs, mode)


def pad_spatial(input: Any, pads: Any, mode: str) -> Any:
    """Return the input with its last axes padded by pairs in the order of the axes."""
    lead = [(0, 0)] * (input.ndim - len(pads))
    return _by_index(input, [*lead, *pads], mode)


def _constant(x: Any, pairs: list[tuple[int, int]], value: float) -> Any:
    if any(lo < 0 or hi < 0 for lo, hi in pairs):
        key = tuple(
            slice(max(-lo, 0), n - max(-hi, 0) if hi < 0 else None)
            for n, (lo, hi) in zip(x.shape, pairs, strict=True)
        )
        if any(n + lo + hi < 0 for n, (lo, hi) in zip(x.shape, pairs, strict=True)):
            raise RuntimeError(f"pad: the padding {pairs} crops more than the input {x.shape} has")
        x = x[key]
        pairs = [(max(lo, 0), max(hi, 0)) for lo, hi in pairs]
    if not any(lo or hi for lo, hi in pairs):
        return xp.copy(x)
    return xp.pad(x, tuple(pairs), constant_values=value)


@in_single()
def _by_index(x: Any, pairs: list[tuple[int, int]], mode: str) -> Any:
    """Pad by taking elements of the input again, axis by axis."""
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    for axis, (lo, hi) in enumerate(pairs):
        if not (lo or hi):
            continue
        n = x.shape[axis]
        if n == 0:
            raise RuntimeError(
                f"pad: axis {axis} of input {x.shape} is empty; mode {mode!r} needs elements"
            )
        if mode == "reflect" and max(lo, hi) >= n:
            raise RuntimeError(
                "Padding size should be less than the corresponding input dimension, but got: "
                f"padding ({lo}, {hi}) at dimension {axis} of input {x.shape}"
            )
        if n + lo + hi < 0:
            raise RuntimeError(
                f"pad: the padding ({lo}, {hi}) crops more than axis {axis} of input {x.shape} has"
            )
        start, left = max(-lo, 0), n - max(-lo, 0) - max(-hi, 0)
        if mode == "circular" and max(lo, hi) > left:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if mode == "circular":
            places = [start + (i - start) % left for i in range(-lo, n + hi)]
        else:
            places = [_source(i, n, mode) for i in range(-lo, n + hi)]
        x = xp.take(x, xp.asarray(places, dtype=xp.int64, device=x.device), axis=axis)
    return x


def _source(i: int, n: int, mode: str) -> int:
    """Return which element stands at place `i`, counted from the input's first."""
    if mode == "replicate":
        return min(max(i, 0), n - 1)
    if i < 0:
        return -i
    return i if i < n else 2 * (n - 1) - i
