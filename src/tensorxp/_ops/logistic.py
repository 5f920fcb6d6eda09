"""The logistic function and its inverse, to rounding in both tails; for real numbers."""

from typing import Any

from tensorxp._backend import loops
from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import real_floating
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._ops.levels import call


def raw_expit(xp: Any, x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) of a raw array; nothing overflows, and no tail is lost."""
    x = real_floating(xp, x)
    found = loops.mapped("sigmoid", x)
    if found is not None:
        return found
    e = xp.asarray(xp.negative(xp.abs(x)))
    xp.exp(e, out=e)
    top = xp.asarray(xp.where(x < 0, e, xp.ones((), dtype=e.dtype)))
    e += 1
    return xp.divide(top, e, out=top)


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
    forward=raw_expit,
    x=lambda xp, ct, x: ct * (call(xp, expit_p, x) * call(xp, expit_p, -x)),
)
logit_p = elementwise("logit", forward=_logit, x=lambda ct, x: ct / (x * (1 - x)))
