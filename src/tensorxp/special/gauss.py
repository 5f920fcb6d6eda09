"""The normal density without loss in its tail, and the scaled integrals of erfc.

exp(-x²) by a rounded square is wrong by x² ulp; the square's rounding error is added here.
K_n(x) = exp(x²) iⁿerfc(x), the n-th integral of erfc: K_0 = erfcx, and K_n' = -2 (n + 1) K_(n+1),
so derivatives of erfcx of every order are positive numbers that nothing cancels in.
"""

from math import pi, sqrt
from typing import Any

from tensorxp._backend import numpy_kernels
from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import library
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp.special.levels import call

_erfcx = library("erfcx")


bell_p: Primitive = elementwise(
    "bell",
    forward=numpy_kernels.bell,
    x=lambda xp, ct, x, *, factor: (
        ct * (x * call(xp, bell_p, x, factor=factor) * (-2 * factor)).conjugate()
    ),
)


def bell(xp: Any, x: Any, factor: float) -> Any:
    """Return exp(-factor x²) inside a rule."""
    return call(xp, bell_p, x, factor=factor)


def _inverse_bell(xp: Any, x: Any, tail: Any) -> Any:
    x = xp.abs(x)
    with quiet():
        found = xp.where(x < 0.5, xp.exp(x * x), _erfcx(xp, x) / tail)
        return xp.where(tail == 0, xp.inf, found)


# exp(x²) where tail = erfc(|x|) is at hand: erfcx(|x|) / tail does not magnify the rounding of x.
# As a function of x alone its derivative is 2 x out
inverse_bell_p = elementwise(
    "inverse_bell",
    inputs=("x", "tail"),
    forward=_inverse_bell,
    x=lambda ct, x, out: ct * (2 * x * out),
)


def _integral(xp: Any, x: Any, *, order: int) -> Any:
    """Return K_order(x) of a raw array."""
    if order == 0:
        return _erfcx(xp, x)
    x = xp.asarray(x)
    if x.dtype.kind == "c":
        return _upwards(xp, x, order)
    wide = xp.asarray(x, dtype=xp.float64)
    with quiet():
        near = _upwards(xp, xp.minimum(wide, _TURN), order)
        # K_n / K_(n-1) = 1 / (2x + 2(n+1) K_(n+1)/K_n), from far above
        big = xp.maximum(wide, _TURN)
        ratio = 1 / (big + xp.sqrt(big * big + 2 * _TERMS))
        product = xp.ones_like(big)
        for n in range(_TERMS, 0, -1):
            ratio = 1 / (2 * big + 2 * (n + 1) * ratio)
            if n <= order:
                product = product * ratio
        far = product * _erfcx(xp, big)
        return xp.asarray(xp.where(wide < _TURN, near, far), dtype=x.dtype)


_TERMS, _TURN = 90, 1.5  # of the continued fraction, and from where it has converged


def _upwards(xp: Any, x: Any, order: int) -> Any:
    # 2n K_n = K_(n-2) - 2x K_(n-1), K_(-1) = 2/√π
    below, here = 2 / sqrt(pi), _erfcx(xp, x)
    for n in range(1, order + 1):
        below, here = here, (below - 2 * x * here) / (2 * n)
    return here


integral_p: Primitive = elementwise(
    "scaled_erfc_integral",
    forward=_integral,
    x=lambda xp, ct, x, *, order: (
        ct * (call(xp, integral_p, x, order=order + 1) * (-2 * (order + 1))).conjugate()
    ),
)
