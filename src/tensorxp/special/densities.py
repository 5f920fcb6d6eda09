"""The densities of the gamma and beta distributions, without differences of large terms.

After C. Loader, "Fast and accurate computation of binomial probabilities" (2000): with Stirling's
error Δ and the deviance D, x^a e^-x / Γ(a) is exp(-Δ(a) - D(a, x)) √(a/2π), and the exponent is
small near the mode. Small parameters go by powers, which do not magnify rounding as exponents do.
"""

from math import pi
from typing import Any

from tensorxp._backend.special import in_double, library
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp.special.betas import polygamma_rise_p
from tensorxp.special.differences import deviance, stirling
from tensorxp.special.gammas import digamma_p
from tensorxp.special.levels import call

_SMALL = 20.0
_beta, _gamma = library("beta"), library("gamma")


@in_double
def _gamma_density(xp: Any, a: Any, x: Any) -> Any:
    big = xp.maximum(a, _SMALL)
    root = xp.exp((deviance(xp, big, x) + stirling(xp, big)) * -0.5)
    wide = root * (root * xp.sqrt(big / (2 * pi)) / x)
    small = xp.minimum(a, _SMALL)
    return xp.where(a < _SMALL, xp.exp(-x) / _gamma(xp, small) * xp.pow(x, small - 1), wide)


# f = x^(a-1) e^-x / Γ(a): ∂f/∂a = f (log x - ψ(a)), ∂f/∂x = f ((a - 1)/x - 1)
gamma_density_p: Primitive = elementwise(
    "gamma_density",
    inputs=("a", "x"),
    forward=_gamma_density,
    a=lambda xp, ct, a, x, out: ct * (out * (xp.log(x) - call(xp, digamma_p, a))),
    x=lambda ct, a, x, out: ct * (out * ((a - 1 - x) / x)),
)


@in_double
def _beta_density(xp: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    n = a + b
    exponent = stirling(xp, n) - stirling(xp, a) - stirling(xp, b)
    root = xp.exp((exponent - deviance(xp, a, n * x) - deviance(xp, b, n * y)) * 0.5)
    wide = root / x * (root / y) * xp.sqrt(a / (2 * pi) * (b / n))
    small = (a < _SMALL) & (b < _SMALL)
    if not small.any():
        return wide
    c, d = xp.where(small, a, 1.0), xp.where(small, b, 1.0)
    plain = xp.pow(x, c - 1) * xp.pow(y, d - 1) / _beta(xp, c, d)
    return xp.where(small, plain, wide)


# f = x^(a-1) y^(b-1) / B(a, b), y = 1 - x being given since it may be known better
beta_density_p: Primitive = elementwise(
    "beta_density",
    inputs=("a", "b", "x", "y"),
    forward=_beta_density,
    a=lambda xp, ct, a, b, x, out: ct * (out * (xp.log(x) + call(xp, polygamma_rise_p, a, b, n=0))),
    b=lambda xp, ct, a, b, y, out: ct * (out * (xp.log(y) + call(xp, polygamma_rise_p, b, a, n=0))),
    x=lambda ct, a, x, out: ct * (out * ((a - 1) / x)),
    y=lambda ct, b, y, out: ct * (out * ((b - 1) / y)),
)


def gamma_density(xp: Any, a: Any, x: Any) -> Any:
    """Return x^(a-1) e^-x / Γ(a) inside a rule."""
    return call(xp, gamma_density_p, a, x)


def beta_density(xp: Any, a: Any, b: Any, x: Any, y: Any = None) -> Any:
    """Return x^(a-1) y^(b-1) / B(a, b) inside a rule; y is 1 - x."""
    return call(xp, beta_density_p, a, b, x, 1 - x if y is None else y)
