"""GELU, exact and by tanh (Hendrycks and Gimpel, 2016)."""

import math
from typing import Any

import tensorxp.special  # noqa: F401 - before its module, which another thread may be importing
from tensorxp._backend import kernels
from tensorxp._backend.numpy_kernels import GELU_CUBE, GELU_LIMIT, GELU_SLOPE
from tensorxp._backend.special import available
from tensorxp._core.door import unary
from tensorxp._core.primitive import elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.levels import call
from tensorxp._ops.logistic import expit_p
from tensorxp.special.errors import erfc_p, ndtr_p
from tensorxp.special.gauss import bell


def _gelu_tanh_slope(xp: Any, ct: Any, x: Any) -> Any:
    if not isinstance(x, Tensor) and x.shape == ct.shape:
        return kernels.gelu_tanh_slope(xp, ct, x)
    z = xp.clip(x, -GELU_LIMIT, GELU_LIMIT)
    v = z * (GELU_SLOPE + GELU_CUBE * (z * z))
    rest = call(xp, expit_p, -v) * (z * (GELU_SLOPE + 3 * GELU_CUBE * (z * z)))
    return ct * (call(xp, expit_p, v) * (1 + rest))


gelu_tanh_p = elementwise("gelu_tanh", forward=kernels.gelu_tanh, x=_gelu_tanh_slope)


def gelu_tanh(x: Tensor, /) -> Tensor:
    """Return x Φ(x) with Φ approximated by tanh (Hendrycks and Gimpel, 2016)."""
    return unary(gelu_tanh_p, x)


def normal_of(xp: Any, x: Any) -> Any:
    """Return Φ(x), the normal distribution function, of a Tensor or a raw array."""
    if isinstance(x, Tensor) or available(xp):
        return call(xp, ndtr_p, x)
    return 0.5 * call(xp, erfc_p, x * -math.sqrt(0.5))


def _gelu_slope(xp: Any, ct: Any, x: Any) -> Any:
    # y = x Φ(x): dy = (Φ(x) + x φ(x)) dx
    if not isinstance(x, Tensor) and x.shape == ct.shape:
        found = kernels.gelu_slope(xp, ct, x)
        if found is not None:
            return found
    density = bell(xp, x, 0.5) * (1 / math.sqrt(2 * math.pi))
    return ct * (normal_of(xp, x) + x * density)


gelu_p = elementwise("gelu", forward=kernels.gelu, x=_gelu_slope)


def gelu(x: Tensor, /) -> Tensor:
    """Return x Φ(x), Φ the distribution function of the normal distribution."""
    return unary(gelu_p, x)
