"""GELU, exact and by tanh (Hendrycks and Gimpel, 2016), on blocks that stay in the cache."""

import math
from typing import Any

import tensorxp.special  # noqa: F401 - before its module, which another thread may be importing
from tensorxp._backend import loops
from tensorxp._backend.blocks import in_blocks, on_host
from tensorxp._backend.dtypes import Defaults
from tensorxp._backend.special import available
from tensorxp._core.door import unary
from tensorxp._core.primitive import elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.levels import call
from tensorxp._ops.logistic import expit_p, raw_expit
from tensorxp.special.errors import erfc_p, ndtr_p
from tensorxp.special.gauss import bell, raw_bell

_SQRT_2_PI = math.sqrt(2 / math.pi)


# ½ (1 + tanh v) = σ(2v), whose lower tail does not cancel: y = x σ(2v), 2v = b x (1 + 0.044715 x²)
_SLOPE, _CUBE = 2 * _SQRT_2_PI, 2 * _SQRT_2_PI * 0.044715
#: Beyond ±40 the sigmoid is 0 or 1 in every dtype, and x³ cannot overflow before.
_LIMIT = 40.0


def _doubled(xp: Any, x: Any, out: Any) -> None:
    """Set `out` to b x (1 + 0.044715 x²)."""
    xp.multiply(x, x, out=out)
    out *= _CUBE
    out += _SLOPE
    out *= x


def _gelu_block(xp: Any, x: Any, out: Any, z: Any) -> None:
    xp.clip(x, -_LIMIT, _LIMIT, out=out)
    _doubled(xp, out, z)
    xp.multiply(x, raw_expit(xp, z), out=out)


def _gelu_slope_block(xp: Any, x: Any, ct: Any, out: Any, z: Any, held: Any) -> None:
    # dy = σ (1 + x σ(-2v) (b + 3c x²)) dx
    xp.clip(x, -_LIMIT, _LIMIT, out=held)
    _doubled(xp, held, z)
    xp.multiply(held, held, out=out)
    out *= 3 * _CUBE
    out += _SLOPE
    out *= held
    below = z < 0
    xp.abs(z, out=z)
    xp.negative(z, out=z)
    xp.exp(z, out=z)
    xp.add(z, 1, out=held)
    z /= held  # the smaller of σ(±2v)
    xp.reciprocal(held, out=held)
    out *= xp.where(below, held, z)
    out += 1
    out *= xp.where(below, z, held)
    out *= ct


def _gelu_tanh_forward(xp: Any, x: Any) -> Any:
    x = x if x.dtype.kind in "fc" else x.astype(Defaults.real.dtype)
    found = loops.mapped("gelu_tanh", x)
    return in_blocks(xp, _gelu_block, (x,), 1) if found is None else found


def _gelu_tanh_slope(xp: Any, ct: Any, x: Any) -> Any:
    found = loops.mapped_with("gelu_tanh_slope", x, ct)
    if found is not None:
        return found
    if not isinstance(x, Tensor) and x.shape == ct.shape:
        return in_blocks(xp, _gelu_slope_block, (x, ct), 2)
    if xp.isdtype(x.dtype, "complex floating"):
        t = xp.tanh(x * (_SLOPE + _CUBE * x * x) * 0.5)
        return ct * (0.5 * (1 + t) + x * (1 - t * t) * (_SLOPE + 3 * _CUBE * x * x) * 0.25)
    z = xp.clip(x, -_LIMIT, _LIMIT)
    v = z * (_SLOPE + _CUBE * (z * z))
    rest = call(xp, expit_p, -v) * (z * (_SLOPE + 3 * _CUBE * (z * z)))
    return ct * (call(xp, expit_p, v) * (1 + rest))


gelu_tanh_p = elementwise("gelu_tanh", forward=_gelu_tanh_forward, x=_gelu_tanh_slope)


def gelu_tanh(x: Tensor, /) -> Tensor:
    """Return x Φ(x) with Φ approximated by tanh (Hendrycks and Gimpel, 2016)."""
    return unary(gelu_tanh_p, x)


# Φ(-t) = exp(-t²/2) R(t) in float32: (1 + t) R is a polynomial in (t - 3.5) / (t + 3.5)
_TAIL = (
    1.500395816e-4, 9.950178331e-5, -1.389004396e-3, 2.903609649e-4, 1.037120364e-2,
    -3.026203076e-2, 3.804867314e-2, 7.872741566e-4, -9.771261033e-2, 4.785531864e-1,
)  # fmt: skip


def _normal_block(xp: Any, x: Any, out: Any, t: Any, z: Any) -> Any:
    """Set `out` to Φ(x) in float32, and return exp(-x²/2); t and z are scratch."""
    xp.abs(x, out=t)
    xp.minimum(t, 15, out=t)
    xp.add(t, 3.5, out=z)
    xp.subtract(t, 3.5, out=out)
    out /= z
    z[...] = _TAIL[0]
    for coefficient in _TAIL[1:]:
        z *= out
        z += coefficient
    density = raw_bell(xp, t, factor=0.5)
    t += 1
    z /= t
    z *= density
    out[...] = xp.where(x > 0, 1 - z, z)
    return density


def _gelu_exact_block(xp: Any, x: Any, out: Any, t: Any, z: Any) -> None:
    _normal_block(xp, x, out, t, z)
    out *= x


def _gelu_exact_slope_block(xp: Any, x: Any, ct: Any, out: Any, t: Any, z: Any) -> None:
    density = _normal_block(xp, x, out, t, z)
    density *= 1 / math.sqrt(2 * math.pi)
    density *= x
    out += density
    out *= ct


def _gelu_forward(xp: Any, x: Any) -> Any:
    x = x if x.dtype.kind in "fc" else x.astype(Defaults.real.dtype)
    found = loops.mapped("gelu", x)
    if found is not None:
        return found
    if x.dtype == xp.float32 and on_host(xp):
        return in_blocks(xp, _gelu_exact_block, (x,), 2)
    return x * normal_of(xp, x)


def normal_of(xp: Any, x: Any) -> Any:
    """Return Φ(x), the normal distribution function, of a Tensor or a raw array."""
    if isinstance(x, Tensor) or available(xp):
        return call(xp, ndtr_p, x)
    return 0.5 * call(xp, erfc_p, x * -math.sqrt(0.5))


def _gelu_slope(xp: Any, ct: Any, x: Any) -> Any:
    # y = x Φ(x): dy = (Φ(x) + x φ(x)) dx
    found = loops.mapped_with("gelu_slope", x, ct)
    if found is not None:
        return found
    if not isinstance(x, Tensor) and x.dtype == ct.dtype == xp.float32 and x.shape == ct.shape:
        if on_host(xp):
            return in_blocks(xp, _gelu_exact_slope_block, (x, ct), 2)
    density = bell(xp, x, 0.5) * (1 / math.sqrt(2 * math.pi))
    return ct * (normal_of(xp, x) + x * density)


gelu_p = elementwise("gelu", forward=_gelu_forward, x=_gelu_slope)


def gelu(x: Tensor, /) -> Tensor:
    """Return x Φ(x), Φ the distribution function of the normal distribution."""
    return unary(gelu_p, x)
