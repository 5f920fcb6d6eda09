"""The error function, its relatives and inverses, and the normal distribution's.

erf and erfc also work without SciPy, by Cody's rational approximations.
"""

from math import pi, sqrt
from typing import Any

from tensorxp._backend import kernels
from tensorxp._backend.families import see
from tensorxp._backend.special import floating, library
from tensorxp._core.door import unary
from tensorxp._core.primitive import elementwise
from tensorxp._core.tensor import Tensor
from tensorxp.special.families import of_scipy, of_scipy_real
from tensorxp.special.gauss import bell, integral_p, inverse_bell_p
from tensorxp.special.levels import call

_TWO_OVER_ROOT_PI = 2 / sqrt(pi)
_ROOT_2, _ROOT_2PI = sqrt(2), sqrt(2 * pi)

_erfcx, _log_ndtr = library("erfcx"), library("log_ndtr")


def _gauss(xp: Any, x: Any) -> Any:
    # the derivative of erf: 2/√π exp(-x²)
    return (bell(xp, x, 1.0) * _TWO_OVER_ROOT_PI).conjugate()


def _inverse_gauss(xp: Any, y: Any, low: Any, high: Any) -> Any:
    # exp(y²), where `low` and `high` are the two tails erfc(-y) and erfc(y)
    return call(xp, inverse_bell_p, y, xp.where(y < 0, low, high))


erf_p = elementwise("erf", forward=kernels.erf, x=lambda xp, ct, x: ct * _gauss(xp, x))
erfc_p = elementwise("erfc", forward=kernels.erfc, x=lambda xp, ct, x: -ct * _gauss(xp, x))
# y = exp(x²) erfc(x): dy = (2 x y - 2/√π) dx, without that difference
erfcx_p = elementwise(
    "erfcx",
    forward=_erfcx,
    x=lambda xp, ct, x: ct * (call(xp, integral_p, x, order=1) * -2).conjugate(),
)
# x = erf(y): dy = √π/2 exp(y²) dx
erfinv_p = elementwise(
    "erfinv",
    forward=library("erfinv"),
    x=lambda xp, ct, x, out: ct * (_inverse_gauss(xp, out, 1 + x, 1 - x) / _TWO_OVER_ROOT_PI),
)
erfcinv_p = elementwise(
    "erfcinv",
    forward=library("erfcinv"),
    x=lambda xp, ct, x, out: -ct * (_inverse_gauss(xp, out, 2 - x, x) / _TWO_OVER_ROOT_PI),
)


@see("erfc, erfinv, ndtr")
def erf(x: Tensor, /) -> Tensor:
    """Return the error function, 2/√π times the integral of exp(-t²) from 0 to `x`.

    Large float32 arrays on the CPU are computed in single precision, to 3 units in the last place.

    >>> xp.special.erf(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.8427])

    Parameters
    ----------
    x : Tensor, any dtype

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor; `x` is complex and SciPy is missing.
    """
    return unary(erf_p, x)


@see("erf, erfcx, erfcinv")
def erfc(x: Tensor, /) -> Tensor:
    """Return 1 - erf(x), accurate where erf is near 1.

    >>> xp.special.erfc(xp.asarray([0.0, 1.0]))
    tensor([1.    , 0.1573])

    Parameters
    ----------
    x : Tensor, any dtype

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor; `x` is complex and SciPy is missing.
    """
    return unary(erfc_p, x)


@of_scipy.see("erfc")
def erfcx(x: Tensor, /) -> Tensor:
    """Return exp(x²) erfc(x), which neither overflows nor vanishes for large `x`.

    >>> xp.special.erfcx(xp.asarray([0.0, 10.0]))
    tensor([1.    , 0.0561])
    """
    return unary(erfcx_p, x)


@of_scipy_real.see("erf, erfcinv")
def erfinv(x: Tensor, /) -> Tensor:
    """Return the inverse of erf on [-1, 1]; ±inf with an infinite gradient at ±1.

    >>> xp.special.erfinv(xp.asarray([0.0, 0.5]))
    tensor([0.    , 0.4769])
    """
    return unary(erfinv_p, x)


@of_scipy_real.see("erfc, erfinv")
def erfcinv(x: Tensor, /) -> Tensor:
    """Return the inverse of erfc on [0, 2]; ±inf with an infinite gradient at the ends.

    >>> xp.special.erfcinv(xp.asarray([0.5, 1.5]))
    tensor([ 0.4769, -0.4769])
    """
    return unary(erfcinv_p, x)


def _log_ndtr_forward(xp: Any, x: Any) -> Any:
    x = floating(xp, x)
    out = _log_ndtr(xp, x)
    if out.dtype.char != "d":
        return out
    return xp.where(x > 1, xp.log1p(-kernels.ndtr(xp, -xp.maximum(x, 1.0))), out)


def _hazard(xp: Any, x: Any) -> Any:
    # φ(x) / Φ(x); where Φ is small as √(2/π) / erfcx(-x/√2), which does not underflow
    if xp.isdtype(x.dtype, "complex floating"):
        return (2 / _ROOT_2PI / call(xp, erfcx_p, x * (-1 / _ROOT_2))).conjugate()
    below = 2 / _ROOT_2PI / call(xp, erfcx_p, xp.where(x < 0, x, 0.0) * (-1 / _ROOT_2))
    above = bell(xp, x, 0.5) / _ROOT_2PI / call(xp, ndtr_p, xp.where(x < 0, 0.0, x))
    return xp.where(x < 0, below, above)


ndtr_p = elementwise(
    "ndtr",
    forward=kernels.ndtr,
    x=lambda xp, ct, x: ct * (bell(xp, x, 0.5) / _ROOT_2PI).conjugate(),
)
# x = Φ(y): dy = √2π exp(y²/2) dx
ndtri_p = elementwise(
    "ndtri",
    forward=library("ndtri"),
    x=lambda xp, ct, x, out: (
        ct * (_inverse_gauss(xp, out * (1 / _ROOT_2), 2 * x, 2 * (1 - x)) * _ROOT_2PI)
    ),
)
# y = log Φ(x): dy = φ(x) / Φ(x) dx
log_ndtr_p = elementwise(
    "log_ndtr", forward=_log_ndtr_forward, x=lambda xp, ct, x: ct * _hazard(xp, x)
)


@of_scipy.see("ndtri, log_ndtr, erf")
def ndtr(x: Tensor, /) -> Tensor:
    """Return the distribution function of the standard normal distribution.

    >>> xp.special.ndtr(xp.asarray([0.0, 1.0]))
    tensor([0.5   , 0.8413])
    """
    return unary(ndtr_p, x)


@of_scipy_real.see("ndtr")
def ndtri(x: Tensor, /) -> Tensor:
    """Return the quantile of the standard normal distribution; ±inf at 0 and 1, NaN outside.

    >>> xp.special.ndtri(xp.asarray([0.5, 0.975]))
    tensor([0.  , 1.96])
    """
    return unary(ndtri_p, x)


@of_scipy.see("ndtr")
def log_ndtr(x: Tensor, /) -> Tensor:
    """Return the logarithm of `ndtr`; value and gradient are accurate in both tails.

    >>> xp.special.log_ndtr(xp.asarray([0.0, -10.0]))
    tensor([ -0.6931, -53.2313])
    """
    return unary(log_ndtr_p, x)
