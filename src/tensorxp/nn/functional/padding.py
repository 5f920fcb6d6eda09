"""Padding of the last axes, given as PyTorch does: pairs from the last axis forwards."""

from typing import Any

import tensorxp as xp


def _pairs(pad: Any, ndim: int) -> list[tuple[int, int]]:
    """Return (before, behind) for each axis."""
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


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Return the input padded: `pad` is (last axis before, behind, last but one before, …).

    Modes: "constant" (negative sizes crop), "reflect", "replicate", "circular".
    """
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


def _by_index(x: Any, pairs: list[tuple[int, int]], mode: str) -> Any:
    """Pad by taking elements of the input again, axis by axis."""
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    for axis, (lo, hi) in enumerate(pairs):
        if not (lo or hi):
            continue
        n = x.shape[axis]
        if mode == "reflect" and max(lo, hi) >= n:
            raise RuntimeError(
                "Padding size should be less than the corresponding input dimension, but got: "
                f"padding ({lo}, {hi}) at dimension {axis} of input {x.shape}"
            )
        if mode == "circular" and max(lo, hi) > n:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        places = [_source(i, n, mode) for i in range(-lo, n + hi)]
        x = xp.take(x, xp.asarray(places, dtype=xp.int64, device=x.device), axis=axis)
    return x


def _source(i: int, n: int, mode: str) -> int:
    """Return which element stands at place `i`, counted from the input's first."""
    if mode == "replicate":
        return min(max(i, 0), n - 1)
    if mode == "circular":
        return i % n
    if i < 0:
        return -i
    return i if i < n else 2 * (n - 1) - i
