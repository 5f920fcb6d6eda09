"""Powers, exponential integrals, degrees and elliptic integrals.

Quotients that are 0/0 somewhere go over to their power series there, so that derivatives of any
order hold.
"""

import math
from typing import Any

from tensorxp._backend.special import library
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import Primitive, elementwise, nondifferentiable
from tensorxp._core.tensor import Tensor
from tensorxp.special.bessel import yv_p
from tensorxp.special.distributions import hyp2f1_p
from tensorxp.special.gammas import digamma_p, gamma_p
from tensorxp.special.levels import call, no_derivative, several

_DEGREE = math.pi / 180
_NEAR = 0.03  # where series take over; what they leave out is below rounding


def _series(u: Any, coefficients: list[float]) -> Any:
    total: Any = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        total = total * u + c
    return total


def _exprel_slope(xp: Any, x: Any) -> Any:
    # of (exp(x) - 1) / x: (exp(x) (x - 1) + 1) / x², near 0 Σ x^k / (k! (k + 2))
    near = xp.abs(x) < _NEAR
    far = xp.where(near, 1.0, x)
    quotient = (xp.exp(far) * (far - 1) + 1) / (far * far)
    close = xp.where(near, x, 0.0)
    terms = [1 / (math.factorial(k) * (k + 2)) for k in range(9)]
    return xp.where(near, _series(close, terms), quotient)


exp10_p = elementwise(
    "exp10", forward=library("exp10"), x=lambda ct, out: ct * (out * math.log(10))
)
exprel_p = elementwise(
    "exprel", forward=library("exprel"), x=lambda xp, ct, x: ct * _exprel_slope(xp, x)
)


def _power_slope(xp: Any, log: Any, lmbda: Any) -> Any:
    # (exp(λ log) - 1) / λ by λ
    return log * log * _exprel_slope(xp, lmbda * log)


# y = (x^λ - 1) / λ
boxcox_p = elementwise(
    "boxcox",
    inputs=("x", "lmbda"),
    forward=library("boxcox"),
    x=lambda xp, ct, x, lmbda: ct * xp.exp((lmbda - 1) * xp.log(x)),
    lmbda=lambda xp, ct, x, lmbda: ct * _power_slope(xp, xp.log(x), lmbda),
)
boxcox1p_p = elementwise(
    "boxcox1p",
    inputs=("x", "lmbda"),
    forward=library("boxcox1p"),
    x=lambda xp, ct, x, lmbda: ct * xp.exp((lmbda - 1) * xp.log1p(x)),
    lmbda=lambda xp, ct, x, lmbda: ct * _power_slope(xp, xp.log1p(x), lmbda),
)


def _inverse_slope(xp: Any, log: Any, lmbda: Any) -> Any:
    # x(y, λ) by λ: what λ changes y by, taken back by x: - (∂y/∂λ) / (∂y/∂x), ∂y/∂x = x^(λ-1)
    return -_power_slope(xp, log, lmbda) * xp.exp((1 - lmbda) * log)


inv_boxcox_p = elementwise(
    "inv_boxcox",
    inputs=("x", "lmbda"),
    forward=library("inv_boxcox"),
    x=lambda xp, ct, lmbda, out: ct * xp.exp((1 - lmbda) * xp.log(out)),
    lmbda=lambda xp, ct, lmbda, out: ct * _inverse_slope(xp, xp.log(out), lmbda),
)
inv_boxcox1p_p = elementwise(
    "inv_boxcox1p",
    inputs=("x", "lmbda"),
    forward=library("inv_boxcox1p"),
    x=lambda xp, ct, lmbda, out: ct * xp.exp((1 - lmbda) * xp.log1p(out)),
    lmbda=lambda xp, ct, lmbda, out: ct * _inverse_slope(xp, xp.log1p(out), lmbda),
)

sindg_p: Primitive = elementwise(
    "sindg",
    forward=library("sindg"),
    x=lambda xp, ct, x: ct * (call(xp, cosdg_p, x) * _DEGREE),
)
cosdg_p: Primitive = elementwise(
    "cosdg",
    forward=library("cosdg"),
    x=lambda xp, ct, x: -ct * (call(xp, sindg_p, x) * _DEGREE),
)
tandg_p = elementwise(
    "tandg", forward=library("tandg"), x=lambda ct, out: ct * ((1 + out * out) * _DEGREE)
)
cotdg_p = elementwise(
    "cotdg", forward=library("cotdg"), x=lambda ct, out: -ct * ((1 + out * out) * _DEGREE)
)
radian_p = elementwise(
    "radian",
    inputs=("d", "m", "s"),
    forward=library("radian"),
    d=lambda ct: ct * _DEGREE,
    m=lambda ct: ct * (_DEGREE / 60),
    s=lambda ct: ct * (_DEGREE / 3600),
)

exp1_p = elementwise(
    "exp1", forward=library("exp1"), x=lambda xp, ct, x: -ct * (xp.exp(-x) / x).conjugate()
)
expi_p = elementwise(
    "expi", forward=library("expi"), x=lambda xp, ct, x: ct * (xp.exp(x) / x).conjugate()
)


def _expn_slope(xp: Any, n: Any, x: Any) -> Any:
    # E_n' = -E_(n-1), and E_0 = exp(-x) / x
    n = xp.trunc(n)  # as the function takes it
    below = call(xp, expn_p, xp.where(n > 0, n - 1, n), x)
    return xp.where(n > 0, -below, -xp.exp(-x) * (x + 1) / (x * x))


expn_p: Primitive = elementwise(
    "expn",
    inputs=("n", "x"),
    forward=library("expn"),
    x=lambda xp, ct, n, x: ct * _expn_slope(xp, n, x),
)


def _spence_slope(xp: Any, x: Any) -> Any:
    # log(x) / (1 - x), near 1 with u = 1 - x: - Σ u^k / (k + 1)
    near = xp.abs(1 - x) < _NEAR
    far = xp.where(near, 0.5, x)
    close = xp.where(near, 1 - x, 0.0)
    series = -_series(close, [1 / (k + 1) for k in range(11)])
    return xp.where(near, series, xp.log(far) / (1 - far))


spence_p = elementwise(
    "spence",
    forward=library("spence"),
    x=lambda xp, ct, x: ct * _spence_slope(xp, x).conjugate(),
)


# K = π/2 F(1/2, 1/2; 1; m) and E = π/2 F(-1/2, 1/2; 1; m)
def _k_slope(xp: Any, m: Any) -> Any:
    return math.pi / 8 * call(xp, hyp2f1_p, 1.5, 1.5, 2.0, m)


ellipk_p = elementwise(
    "ellipk", forward=library("ellipk"), x=lambda xp, ct, x: ct * _k_slope(xp, x)
)
ellipkm1_p = elementwise(
    "ellipkm1", forward=library("ellipkm1"), x=lambda xp, ct, x: -ct * _k_slope(xp, 1 - x)
)
ellipe_p = elementwise(
    "ellipe",
    forward=library("ellipe"),
    x=lambda xp, ct, x: -ct * (math.pi / 8 * call(xp, hyp2f1_p, 0.5, 1.5, 2.0, x)),
)


def _rgamma_slope(xp: Any, x: Any, out: Any) -> Any:
    # -ψ/Γ, and (-1)^n n! at -n, where 1/Γ is 0 and ψ has a pole
    pole = (out == 0) & (xp.real(x) <= 0)
    safe = xp.where(pole, 1.0, x)
    at_pole = xp.cos(math.pi * x) * call(xp, gamma_p, xp.where(pole, 1 - x, 1.0))
    return xp.where(pole, at_pole, -call(xp, digamma_p, safe) * out)


rgamma_p = elementwise(
    "rgamma",
    forward=library("rgamma"),
    x=lambda xp, ct, x, out: ct * _rgamma_slope(xp, x, out).conjugate(),
)
gammasgn_p = nondifferentiable("gammasgn", forward=library("gammasgn"))
binom_p = elementwise(
    "binom",
    inputs=("n", "k"),
    forward=library("binom"),
    n=lambda xp, ct, n, k, out: (
        ct * (out * (call(xp, digamma_p, n + 1) - call(xp, digamma_p, n - k + 1)))
    ),
    k=lambda xp, ct, n, k, out: (
        ct * (out * (call(xp, digamma_p, n - k + 1) - call(xp, digamma_p, k + 1)))
    ),
)


def _yn_slope(xp: Any, ct: Any, n: Any, x: Any) -> Any:
    n = xp.trunc(n)  # as the function takes it
    return ct * ((call(xp, yv_p, n - 1, x) - call(xp, yv_p, n + 1, x)) / 2)


yn_p = elementwise(
    "yn",
    inputs=("n", "x"),
    forward=library("yn"),
    x=_yn_slope,
)
# (x² - 1) P' = v x P_v - (v + m) P_(v-1)
lpmv_p: Primitive = elementwise(
    "lpmv",
    inputs=("m", "v", "x"),
    forward=library("lpmv"),
    v=no_derivative("lpmv", "v"),
    x=lambda xp, ct, m, v, x, out: (
        ct * ((v * x * out - (v + m) * call(xp, lpmv_p, m, v - 1, x)) / (x * x - 1))
    ),
)


def exp10(x: Tensor, /) -> Tensor:
    """Return 10 raised to each element of `x`.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(exp10_p, x)


def exprel(x: Tensor, /) -> Tensor:
    """Return (exp(x) - 1) / x, 1 at 0.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(exprel_p, x)


def boxcox(x: Tensor | float, lmbda: Tensor | float, /) -> Tensor:
    """Return (x**lmbda - 1) / lmbda, and log(x) for lmbda 0; differentiable in both, also there.

    Parameters
    ----------
    x, lmbda : Tensor or scalar, real or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return binary(boxcox_p, x, lmbda)


def boxcox1p(x: Tensor | float, lmbda: Tensor | float, /) -> Tensor:
    """Return `boxcox` of 1 + x.

    Parameters
    ----------
    x, lmbda : Tensor or scalar, real or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return binary(boxcox1p_p, x, lmbda)


def inv_boxcox(x: Tensor | float, lmbda: Tensor | float, /) -> Tensor:
    """Return the inverse of `boxcox` in its first argument.

    Parameters
    ----------
    x, lmbda : Tensor or scalar, real or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return binary(inv_boxcox_p, x, lmbda)


def inv_boxcox1p(x: Tensor | float, lmbda: Tensor | float, /) -> Tensor:
    """Return the inverse of `boxcox1p` in its first argument.

    Parameters
    ----------
    x, lmbda : Tensor or scalar, real or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return binary(inv_boxcox1p_p, x, lmbda)


def sindg(x: Tensor, /) -> Tensor:
    """Return the sine of an angle in degrees.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(sindg_p, x)


def cosdg(x: Tensor, /) -> Tensor:
    """Return the cosine of an angle in degrees.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(cosdg_p, x)


def tandg(x: Tensor, /) -> Tensor:
    """Return the tangent of an angle in degrees.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(tandg_p, x)


def cotdg(x: Tensor, /) -> Tensor:
    """Return the cotangent of an angle in degrees.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(cotdg_p, x)


def radian(d: Tensor | float, m: Tensor | float, s: Tensor | float, /) -> Tensor:
    """Return an angle of degrees, minutes and seconds in radians.

    Parameters
    ----------
    d, m, s : Tensor or scalar, real or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return several(radian_p, d, m, s)  # type: ignore[no-any-return]


def exp1(x: Tensor, /) -> Tensor:
    """Return the exponential integral E1, the integral of exp(-t) / t from `x` to infinity.

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
        `x` is no Tensor; SciPy is missing.
    """
    return unary(exp1_p, x)


def expi(x: Tensor, /) -> Tensor:
    """Return the exponential integral Ei, the integral of exp(t) / t up to `x`.

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
        `x` is no Tensor; SciPy is missing.
    """
    return unary(expi_p, x)


def expn(n: Tensor | int, x: Tensor | float, /) -> Tensor:
    """Return the exponential integral of integer order; differentiable in `x`.

    Parameters
    ----------
    n, x : Tensor or scalar, real or bool, broadcast
        The order `n` is a natural number.

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return binary(expn_p, n, x)


def spence(x: Tensor, /) -> Tensor:
    """Return Spence's function, the integral of log(t) / (1 - t) from 1 to `x`.

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
        `x` is no Tensor; SciPy is missing.
    """
    return unary(spence_p, x)


def ellipk(x: Tensor, /) -> Tensor:
    """Return the complete elliptic integral of the first kind, of the parameter m = x.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(ellipk_p, x)


def ellipkm1(x: Tensor, /) -> Tensor:
    """Return `ellipk` of 1 - x, accurate for small `x`.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(ellipkm1_p, x)


def ellipe(x: Tensor, /) -> Tensor:
    """Return the complete elliptic integral of the second kind, of the parameter m = x.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(ellipe_p, x)


def rgamma(x: Tensor, /) -> Tensor:
    """Return 1 / gamma(x), 0 at its poles, with the derivative there.

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
        `x` is no Tensor; SciPy is missing.
    """
    return unary(rgamma_p, x)


def gammasgn(x: Tensor, /) -> Tensor:
    """Return the sign of the gamma function; constant, so without gradient.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(gammasgn_p, x)


def binom(n: Tensor | float, k: Tensor | float, /) -> Tensor:
    """Return the binomial coefficient of real arguments.

    Differentiable in both; where it is 0 the derivative is NaN.

    Parameters
    ----------
    n, k : Tensor or scalar, real or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return binary(binom_p, n, k)


def yn(n: Tensor | int, x: Tensor | float, /) -> Tensor:
    """Return the Bessel function Y of integer order; differentiable in `x`.

    Parameters
    ----------
    n, x : Tensor or scalar, real or bool, broadcast
        The order `n` is an integer.

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return binary(yn_p, n, x)


def lpmv(m: Tensor | int, v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the associated Legendre function of order `m` and degree `v` at |x| <= 1.

    Differentiable in `x`, not at ±1.

    Parameters
    ----------
    m, v, x : Tensor or scalar, real or bool, broadcast
        The order `m` is an integer.

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    NotImplementedError
        A gradient in `v`.
    """
    return several(lpmv_p, m, v, x)  # type: ignore[no-any-return]
