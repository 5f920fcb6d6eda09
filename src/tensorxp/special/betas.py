"""The beta function, its logarithm, and the rising factorial.

Where SciPy's values are differences of large logarithms, those of `differences` take their place.
"""

from typing import Any

from tensorxp._backend.special import in_double, library
from tensorxp._core.door import binary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp.special.differences import gamma_quotient, log_beta, polygamma_difference
from tensorxp.special.families import of_scipy_several
from tensorxp.special.gammas import polygamma_p
from tensorxp.special.levels import call

# ψ_n(a + b) - ψ_n(a)
polygamma_rise_p: Primitive = elementwise(
    "polygamma_rise",
    inputs=("a", "b"),
    forward=polygamma_difference,
    a=lambda xp, ct, a, b, *, n: ct * call(xp, polygamma_rise_p, a, b, n=n + 1),
    b=lambda xp, ct, a, b, *, n: ct * call(xp, polygamma_p, n + 1, a + b),
)


def _rise(xp: Any, a: Any, b: Any) -> Any:
    """Return ψ(a + b) - ψ(a) inside a rule."""
    return call(xp, polygamma_rise_p, a, b, n=0)


_library_beta, _library_betaln = library("beta"), library("betaln")
_library_poch, _library_gamma, _psi = library("poch"), library("gamma"), library("psi")


@in_double
def _betaln(xp: Any, a: Any, b: Any) -> Any:
    good = (a > 0) & (b > 0) & (a < xp.inf) & (b < xp.inf)
    found = log_beta(xp, xp.where(good, a, 1.0), xp.where(good, b, 1.0))
    return found if good.all() else xp.where(good, found, _library_betaln(xp, a, b))


@in_double
def raw_beta(xp: Any, a: Any, b: Any) -> Any:
    out = _library_beta(xp, a, b)
    small, large = xp.minimum(a, b), xp.maximum(a, b)
    far = (small > 0) & (a + b > 100) & (a + b < xp.inf)
    if far.any():
        small, large = xp.where(far, small, 1.0), xp.where(far, large, 100.0)
        short = xp.minimum(small, 20.0)
        part = _library_gamma(xp, short) * gamma_quotient(xp, large, short)
        part = xp.where(small <= 20, part, xp.exp(log_beta(xp, small, large)))
        out = xp.where(far, part, out)
    return out


@in_double
def _poch(xp: Any, z: Any, m: Any) -> Any:
    out = _library_poch(xp, z, m)
    near = (z > 0) & (m >= 0) & (z + m < 170)
    # Γ(z + m) / Γ(z), times what the rounding of z + m has cost
    end = z + m
    large = xp.maximum(z, m)
    lost = xp.minimum(z, m) - (end - large)
    share = 1 + xp.where(near, lost * _psi(xp, end), 0.0)
    out = xp.where(near, _library_gamma(xp, end) / _library_gamma(xp, z) * share, out)
    far = (z >= 10) & (m >= 0) & (z + m >= 170) & (z + m < xp.inf)
    if far.any():
        value = 1 / gamma_quotient(xp, xp.where(far, z, 10.0), xp.where(far, m, 0.0))
        out = xp.where(far, value, out)
    return out


# ∂ log B(a, b)/∂a = ψ(a) - ψ(a + b)
beta_p = elementwise(
    "beta",
    forward=raw_beta,
    x1=lambda xp, ct, x1, x2, out: -ct * (out * _rise(xp, x1, x2)),
    x2=lambda xp, ct, x1, x2, out: -ct * (out * _rise(xp, x2, x1)),
)
betaln_p = elementwise(
    "betaln",
    forward=_betaln,
    x1=lambda xp, ct, x1, x2: -ct * _rise(xp, x1, x2),
    x2=lambda xp, ct, x1, x2: -ct * _rise(xp, x2, x1),
)


def _poch_m(xp: Any, ct: Any, z: Any, m: Any, out: Any) -> Any:
    return ct * (out * call(xp, polygamma_p, 0, z + m))


def _poch_z(xp: Any, ct: Any, z: Any, m: Any, out: Any) -> Any:
    return ct * (out * _rise(xp, z, m))


# (z)_m = Γ(z + m) / Γ(z)
poch_p = elementwise("poch", inputs=("z", "m"), forward=_poch, z=_poch_z, m=_poch_m)


@of_scipy_several.see("betaln, gamma")
def beta(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the beta function gamma(x1) gamma(x2) / gamma(x1 + x2).

    >>> xp.special.beta(xp.asarray([2.0]), xp.asarray([3.0]))
    tensor([0.0833])
    """
    return binary(beta_p, x1, x2)


@of_scipy_several.see("beta, gammaln")
def betaln(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the logarithm of the absolute value of `beta`.

    >>> xp.special.betaln(xp.asarray([2.0]), xp.asarray([3.0]))
    tensor([-2.4849])
    """
    return binary(betaln_p, x1, x2)


@of_scipy_several.see("gamma, binom")
def poch(z: Tensor | float, m: Tensor | float, /) -> Tensor:
    """Return the rising factorial gamma(z + m) / gamma(z).

    >>> xp.special.poch(xp.asarray([3.0]), 2.0)
    tensor([12.])
    """
    return binary(poch_p, z, m)
