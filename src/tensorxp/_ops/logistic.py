"""The logistic function and its inverse, to rounding in both tails; for real numbers."""

from typing import Any

from tensorxp._backend import kernels
from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import real_floating
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._ops.levels import call


def _logit(xp: Any, x: Any) -> Any:
    # near 1/2 by s = 2x - 1: log((1 + s) / (1 - s)), without cancellation
    x = real_floating(xp, x)
    with quiet():
        s = 2 * x - 1
        near = xp.log1p(s) - xp.log1p(-s)
        return xp.where(xp.abs(s) < 0.4, near, xp.log(x / (1 - x)))


# y = σ(x): dy = σ(x) σ(-x) dx
expit_p: Primitive = elementwise(
    "expit",
    forward=kernels.expit,
    x=lambda xp, ct, x: ct * (call(xp, expit_p, x) * call(xp, expit_p, -x)),
)
logit_p = elementwise("logit", forward=_logit, x=lambda ct, x: ct / (x * (1 - x)))
