"""Updating raw arrays piece by piece, so that temporaries never grow with the model.

A piece is a group of equally placed parts of a parameter, its gradient and its states, small
enough to stay in the processor's cache; what a rule needs besides is in a few scratch buffers.
"""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from tensorxp._core.face import Device

# elements of a piece: five float32 arrays of it fit into a core's cache; a GPU wants more
LIMITS = {"cuda": 1 << 24}
LIMIT = 1 << 14


_ANYWHERE = nullcontext()


def current(device: Device) -> Any:
    """Return a scope in which `device` is the current one of its backend."""
    return device.raw.base.cuda.Device(device.index) if device.type == "cuda" else _ANYWHERE


def as_real(raw: Any) -> Any:
    """Return complex numbers as a view of pairs of real ones, real numbers as they are."""
    if raw.dtype.kind != "c":
        return raw
    return raw[..., None].view(raw.real.dtype)


def pieces(arrays: list[Any], limit: int) -> Iterator[list[Any]]:
    """Yield views of equally placed parts of arrays of one shape, of about `limit` elements."""
    first = arrays[0]
    if first.size <= limit:
        yield arrays
        return
    if not all(a.flags.c_contiguous for a in arrays) and all(a.flags.f_contiguous for a in arrays):
        arrays = [a.T for a in arrays]
        first = arrays[0]
    if all(a.flags.c_contiguous for a in arrays):
        flat = [a.reshape(-1) for a in arrays]
        for start in range(0, first.size, limit):
            yield [a[start : start + limit] for a in flat]
        return
    rows = max(1, limit // (first.size // len(first)))
    for start in range(0, len(first), rows):
        yield [a[start : start + rows] for a in arrays]


class Scratch:
    """Buffers that are kept between steps, some for each device and dtype."""

    def __init__(self) -> None:
        self._held: dict[tuple[Device, Any], list[Any]] = {}

    def like(self, device: Device, piece: Any, count: int) -> list[Any]:
        """Return `count` arrays of the shape and dtype of `piece`, with any values."""
        size = math.prod(piece.shape)
        key = (device, piece.dtype)
        held = self._held.get(key, [])
        if len(held) < count or held[0].size < size:
            held = [device.raw.base.empty(max(size, 1), dtype=piece.dtype) for _ in range(count)]
            self._held[key] = held
        return [buffer[:size].reshape(piece.shape) for buffer in held[:count]]


def total_gradient(xp: Any, p: Any, g: Any, out: Any, weight_decay: float, maximize: bool) -> Any:
    """Return g + weight_decay · p, with -g for g to maximize; `g` itself or in `out`."""
    if weight_decay:
        xp.multiply(p, weight_decay, out=out)
        return xp.subtract(out, g, out=out) if maximize else xp.add(out, g, out=out)
    return xp.negative(g, out=out) if maximize else g


def move_average(xp: Any, average: Any, x: Any, weight: float, out: Any) -> None:
    """Do average += weight · (x - average) in place; `out` is scratch."""
    xp.subtract(x, average, out=out)
    xp.multiply(out, weight, out=out)
    xp.add(average, out, out=average)


def decay_and_add_square(xp: Any, average: Any, x: Any, decay: float, out: Any) -> None:
    """Do average = decay · average + (1 - decay) · x² in place; `out` is scratch."""
    xp.multiply(average, decay, out=average)
    xp.multiply(x, x, out=out)
    xp.multiply(out, 1 - decay, out=out)
    xp.add(average, out, out=average)


def add_scaled(xp: Any, target: Any, x: Any, scale: float, out: Any) -> None:
    """Do target += scale · x in place; `out` is scratch, and may be `x`."""
    xp.multiply(x, scale, out=out)
    xp.add(target, out, out=target)
