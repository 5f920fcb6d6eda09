"""GELU, exact and by tanh (Hendrycks and Gimpel, 2016), on blocks that stay in the cache."""

import math
from typing import Any

from tensorxp._backend import loops
from tensorxp._backend.dtypes import Defaults
from tensorxp._core.door import unary
from tensorxp._core.primitive import elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.blocks import in_blocks
from tensorxp.special.errors import erf, erf_p

_SQRT_2_PI = math.sqrt(2 / math.pi)


def _gelu_block(xp: Any, x: Any, out: Any, z: Any) -> None:
    xp.multiply(x, x, out=z)
    z *= 0.044715 * _SQRT_2_PI
    z += _SQRT_2_PI
    z *= x
    xp.base.tanh(z, out=z)
    z += 1
    z *= 0.5
    xp.multiply(x, z, out=out)


def _gelu_slope_block(xp: Any, x: Any, ct: Any, out: Any, z: Any, square: Any) -> None:
    # dy = (½ (1 + t) + ½ x (1 - t²) √(2/π) (1 + 3a x²)) dx
    xp.multiply(x, x, out=square)
    xp.multiply(square, 0.044715 * _SQRT_2_PI, out=z)
    z += _SQRT_2_PI
    z *= x
    xp.base.tanh(z, out=z)
    square *= 1.5 * 0.044715 * _SQRT_2_PI
    square += 0.5 * _SQRT_2_PI
    square *= x
    xp.multiply(z, z, out=out)
    xp.subtract(1, out, out=out)
    out *= square
    z += 1
    z *= 0.5
    out += z
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
    t = xp.tanh(x * (_SQRT_2_PI + 0.044715 * _SQRT_2_PI * x * x))
    inner = 0.5 * _SQRT_2_PI + 1.5 * 0.044715 * _SQRT_2_PI * x * x
    return ct * (0.5 * (1 + t) + x * (1 - t * t) * inner)


gelu_tanh_p = elementwise("gelu_tanh", forward=_gelu_tanh_forward, x=_gelu_tanh_slope)


def gelu_tanh(x: Tensor, /) -> Tensor:
    """Return x Φ(x) with Φ approximated by tanh (Hendrycks and Gimpel, 2016)."""
    return unary(gelu_tanh_p, x)


# Φ(x) = ½ + ½ tanh(x P(x²)) to 1e-7, x² at most 32: P is a weighted minimax fit
_NORMAL = (
    0.7978849415, 0.03633308457, -3.259496907e-05, -5.530619686e-05,
    3.964745078e-06, -1.322633993e-07, 1.75617263e-09,
)  # fmt: skip


def _normal_block(xp: Any, x: Any, z: Any, square: Any) -> None:
    """Set z to Φ(x) in float32; `square` is scratch."""
    xp.clip(x, -5.65, 5.65, out=square)
    square *= square
    xp.multiply(square, _NORMAL[-1], out=z)
    for coefficient in _NORMAL[-2:0:-1]:
        z += coefficient
        z *= square
    z += _NORMAL[0]
    z *= x
    xp.base.tanh(z, out=z)
    z *= 0.5
    z += 0.5


def _gelu_exact_block(xp: Any, x: Any, out: Any, z: Any, square: Any) -> None:
    _normal_block(xp, x, z, square)
    xp.multiply(x, z, out=out)


def _gelu_exact_slope_block(xp: Any, x: Any, ct: Any, out: Any, z: Any, square: Any) -> None:
    _normal_block(xp, x, z, square)
    xp.multiply(x, x, out=out)
    out *= -0.5
    xp.exp(out, out=out)
    out *= x
    out *= 1 / math.sqrt(2 * math.pi)
    out += z
    out *= ct


def _gelu_forward(xp: Any, x: Any) -> Any:
    found = loops.mapped("gelu", x)
    if found is not None:
        return found
    if x.dtype == xp.float32:
        return in_blocks(xp, _gelu_exact_block, (x,), 2)
    return x * (0.5 * (1 + erf_of(xp, x * math.sqrt(0.5))))


def erf_of(xp: Any, x: Any) -> Any:
    """Return erf(x) of a Tensor or a raw array."""
    if isinstance(x, Tensor):
        return erf(x)
    return erf_p.forward(xp, x)  # type: ignore[misc]


def _gelu_slope(xp: Any, ct: Any, x: Any) -> Any:
    # y = x Φ(x): dy = (Φ(x) + x φ(x)) dx
    found = loops.mapped_with("gelu_slope", x, ct)
    if found is not None:
        return found
    if not isinstance(x, Tensor) and x.dtype == ct.dtype == xp.float32 and x.shape == ct.shape:
        return in_blocks(xp, _gelu_exact_slope_block, (x, ct), 2)
    normal = 0.5 * (1 + erf_of(xp, x * math.sqrt(0.5)))
    return ct * (normal + x * xp.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))


gelu_p = elementwise("gelu", forward=_gelu_forward, x=_gelu_slope)


def gelu(x: Tensor, /) -> Tensor:
    """Return x Φ(x), Φ the distribution function of the normal distribution."""
    return unary(gelu_p, x)
