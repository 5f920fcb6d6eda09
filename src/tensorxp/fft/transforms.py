"""The discrete Fourier transforms: of complex, real and Hermitian signals, over one or more axes.

All are linear, so the jvp is the transform of the tangent and the vjp the adjoint transform:
the inverse one with "backward" and "forward" swapped. Real transforms keep one half of the
spectrum; the other half's share makes the factors 2 and 1/2 of `_halves`.
"""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive, linear
from tensorxp._core.tensor import TensorBase as Tensor
from tensorxp._ops.axes import dimensions, normalize_axes, normalize_axis

_SWAPPED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _fitted(xp: Any, ct: Any, shape: tuple[int, ...]) -> Any:
    """Return `ct` cut or filled with zeros at the ends to `shape`."""
    if ct.shape == shape:
        return ct
    ct = ct[tuple([slice(min(a, b)) for a, b in zip(ct.shape, shape, strict=True)])]
    if ct.shape == shape:
        return ct
    out = xp.zeros(shape, dtype=ct.dtype, device=ct.device)
    out[tuple([slice(n) for n in ct.shape])] = ct
    return out


def _halves(xp: Any, ct: Any, n: int, axis: int, inner: float) -> Any:
    """Return a half spectrum of length-n signals, its values that stand for two times `inner`."""
    dtype = xp.float32 if ct.dtype == xp.complex64 else xp.float64
    factors = xp.full((n // 2 + 1,), inner, dtype=dtype, device=ct.device)
    factors[0] = 1
    if n % 2 == 0:
        factors[-1] = 1
    return ct * xp.reshape(factors, (-1,) + (1,) * (ct.ndim - 1 - axis))


def _whole(name: str, inverse: str) -> Primitive:
    """Return the primitive of a complex transform along one axis."""

    def rule(xp: Any, ct: Any, x_shape: Any, *, n: int, axis: int, norm: str) -> Any:
        back = getattr(xp.fft, inverse)(ct, n=n, axis=axis, norm=_SWAPPED[norm])
        return _fitted(xp, back, x_shape)

    def forward(xp: Any, x: Any, *, n: int, axis: int, norm: str) -> Any:
        return getattr(xp.fft, name)(x, n=n, axis=axis, norm=norm)

    return linear(name, forward=forward, x=rule)


def _to_half(name: str, inverse: str) -> Primitive:
    """Return the primitive of a transform of real signals to half spectra."""

    def rule(xp: Any, ct: Any, x_shape: Any, *, n: int, axis: int, norm: str) -> Any:
        halved = _halves(xp, ct, n, axis, 0.5)
        back = getattr(xp.fft, inverse)(halved, n=n, axis=axis, norm=_SWAPPED[norm])
        return _fitted(xp, back, x_shape)

    def forward(xp: Any, x: Any, *, n: int, axis: int, norm: str) -> Any:
        return getattr(xp.fft, name)(x, n=n, axis=axis, norm=norm)

    return linear(name, forward=forward, x=rule)


def _from_half(name: str, inverse: str) -> Primitive:
    """Return the primitive of a transform of half spectra to real signals."""

    def rule(xp: Any, ct: Any, x_shape: Any, *, n: int, axis: int, norm: str) -> Any:
        back = getattr(xp.fft, inverse)(ct, n=n, axis=axis, norm=_SWAPPED[norm])
        return _fitted(xp, _halves(xp, back, n, axis, 2.0), x_shape)

    def forward(xp: Any, x: Any, *, n: int, axis: int, norm: str) -> Any:
        return getattr(xp.fft, name)(x, n=n, axis=axis, norm=norm)

    return linear(name, forward=forward, x=rule)
