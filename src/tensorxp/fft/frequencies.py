"""Sample frequencies, and their order: zero first, or zero in the middle."""

from collections.abc import Sequence
from operator import index
from typing import Any

from tensorxp._backend import dtypes
from tensorxp._backend.device import as_device, cpu
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions, normalize_axes
from tensorxp._ops.conversion import asarray
from tensorxp._ops.shaping import roll


def _frequencies(name: str, n: int, d: float, dtype: Any, device: Any) -> Tensor:
    chosen = dtypes.Defaults.real if dtype is None else dtypes.as_dtype(dtype, name)
    if not chosen.is_floating_point:
        raise TypeError(f"{name}: dtype is {chosen}; allowed are real floating-point dtypes")
    try:
        n = index(n)
    except TypeError:
        raise TypeError(f"{name}: n is {n!r}; allowed are integers") from None
    if n < 1 or d == 0:
        raise ValueError(f"{name}: n is {n} and d {d}; n must be positive and d not zero")
    place = as_device(device, name)
    raw = getattr(cpu.raw.fft, name)(n, d=float(d)).astype(chosen.dtype)
    return asarray(wrap(raw, cpu), device=place)


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the frequencies of `fft` of `n` samples at distance `d`: first 0 and up, then below.

    `dtype` is real floating-point, by default the default dtype; TypeError for others.
    """
    return _frequencies("fftfreq", n, d, dtype, device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the n // 2 + 1 frequencies of `rfft` of `n` samples at distance `d`, ascending."""
    return _frequencies("rfftfreq", n, d, dtype, device)


def fftshift(x: Tensor, /, *, axes: int | Sequence[int] | None = None) -> Tensor:
    """Return `x` with frequency 0 moved from the start to the middle of `axes` (None: all)."""
    places = normalize_axes("fftshift", axes, dimensions("fftshift", x))
    return roll(x, tuple(x._data.shape[i] // 2 for i in places), axis=places)


def ifftshift(x: Tensor, /, *, axes: int | Sequence[int] | None = None) -> Tensor:
    """Return the inverse of `fftshift`: frequency 0 moved from the middle to the start."""
    places = normalize_axes("ifftshift", axes, dimensions("ifftshift", x))
    return roll(x, tuple(-(x._data.shape[i] // 2) for i in places), axis=places)
