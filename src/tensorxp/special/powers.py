"""Powers, exponential integrals, degrees and elliptic integrals.

Quotients that are 0/0 somewhere go over to their power series there, so that derivatives of any
order hold.
"""

import math
from typing import Any

from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import in_double, library
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import Primitive, elementwise, nondifferentiable
from tensorxp._core.tensor import Tensor
from tensorxp._ops.arithmetic import power_below
from tensorxp.special.bessel import neighbours, yv_p
from tensorxp.special.betas import polygamma_rise_p, raw_beta
from tensorxp.special.distributions import hyp2f1_p
from tensorxp.special.families import of_scipy, of_scipy_real, of_scipy_several
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
    # of y = (exp(x) - 1) / x: (exp(x) - y) / x, near 0 Σ x^k / (k! (k + 2))
    near = xp.abs(x) < 1
    far = xp.where(near, 1.0, x)
    root = xp.exp(far / 2)  # exp(x) overflows before the quotient does
    large = root * (root * ((far - 1) / far / far))
    quotient = (root * root - call(xp, exprel_p, xp.where(far > 40, 1.0, far))) / far
    quotient = xp.where(far > 40, large, quotient)
    close = xp.where(near, x, 0.0)
    terms = [1 / (math.factorial(k) * (k + 2)) for k in range(19)]
    return xp.where(near, _series(close, terms), quotient)


exp10_p = elementwise(
    "exp10", forward=library("exp10"), x=lambda ct, out: ct * (out * math.log(10))
)
exprel_p: Primitive = elementwise(
    "exprel", forward=library("exprel"), x=lambda xp, ct, x: ct * _exprel_slope(xp, x)
)


def _power1p(xp: Any, x: Any, power: Any, below: bool = False) -> Any:
    # (1 + x)^power, or with power - 1; near 0, where 1 + x rounds, by log1p
    near = xp.abs(x) < 0.5
    close = xp.exp((power - 1 if below else power) * xp.log1p(xp.where(near, x, 0.0)))
    base = 1 + xp.where(near, 0.0, x)
    return xp.where(near, close, power_below(xp, base, power) if below else xp.pow(base, power))


def _power_slope(xp: Any, log: Any, power: Any, lmbda: Any) -> Any:
    # (exp(λ log) - 1) / λ by λ: log² exprel'(z), z = λ log, or (e^z (z - 1) + 1) / λ²
    z = lmbda * log
    near = xp.abs(z) < 1
    close = log * log * _exprel_slope(xp, xp.where(near, z, 0.0))
    safe = xp.where(near, 1.0, lmbda)
    return xp.where(near, close, (power * (z - 1) + 1) / safe / safe)


@in_double
def _boxcox(xp: Any, x: Any, lmbda: Any) -> Any:
    log = xp.log(x)
    return xp.where(lmbda == 0, log, _boxed(xp, log, xp.pow(x, lmbda), lmbda))


@in_double
def _boxcox1p(xp: Any, x: Any, lmbda: Any) -> Any:
    log = xp.log1p(x)
    return xp.where(lmbda == 0, log, _boxed(xp, log, _power1p(xp, x, lmbda), lmbda))


def _boxed(xp: Any, log: Any, power: Any, lmbda: Any) -> Any:
    # the power itself is better than that of its logarithm where it is far from 1
    z = lmbda * log
    plain = xp.where(xp.abs(z) < 1, xp.expm1(z), power - 1) / lmbda
    plain = xp.where(z == z, plain, z)  # negative numbers have whole powers, but no logarithm
    return xp.where(xp.abs(z) < 1e-290, log, plain)


def _exponent(xp: Any, y: Any, lmbda: Any) -> Any:
    """Return log1p(λ y) / λ, the logarithm of inv_boxcox."""
    z = lmbda * y
    tiny = (xp.abs(z) < 1e-20) | (lmbda == 0)  # 0 times infinity
    return xp.where(tiny, y, xp.log1p(z) / xp.where(tiny, 1.0, lmbda))


# y = (x^λ - 1) / λ
boxcox_p = elementwise(
    "boxcox",
    inputs=("x", "lmbda"),
    forward=_boxcox,
    x=lambda xp, ct, x, lmbda: ct * power_below(xp, x, lmbda),
    lmbda=lambda xp, ct, x, lmbda: ct * _power_slope(xp, xp.log(x), xp.pow(x, lmbda), lmbda),
)
boxcox1p_p = elementwise(
    "boxcox1p",
    inputs=("x", "lmbda"),
    forward=_boxcox1p,
    x=lambda xp, ct, x, lmbda: ct * _power1p(xp, x, lmbda, below=True),
    lmbda=lambda xp, ct, x, lmbda: (
        ct * _power_slope(xp, xp.log1p(x), _power1p(xp, x, lmbda), lmbda)
    ),
)


def _inverse_slope(xp: Any, y: Any, lmbda: Any) -> Any:
    # log1p(λy)/λ by λ: y² (z/(1+z) - log1p z)/z², z = λy, near 0 -Σ (k + 1)/(k + 2) (-z)^k
    z = lmbda * y
    near = xp.abs(z) < 0.2
    far = xp.where(near, 1.0, z)
    quotient = (far / (1 + far) - xp.log1p(far)) / far / far
    series = -_series(xp.where(near, -z, 0.0), [(k + 1) / (k + 2) for k in range(24)])
    return y * xp.where(near, series, quotient) * y


inv_boxcox_p = elementwise(
    "inv_boxcox",
    inputs=("x", "lmbda"),
    forward=in_double(lambda xp, y, lmbda: xp.exp(_exponent(xp, y, lmbda))),
    x=lambda ct, x, lmbda, out: ct * (out / (1 + lmbda * x)),
    lmbda=lambda xp, ct, x, lmbda, out: ct * (out * _inverse_slope(xp, x, lmbda)),
)
inv_boxcox1p_p = elementwise(
    "inv_boxcox1p",
    inputs=("x", "lmbda"),
    forward=in_double(lambda xp, y, lmbda: xp.expm1(_exponent(xp, y, lmbda))),
    x=lambda xp, ct, x, lmbda: ct * (xp.exp(_exponent(xp, x, lmbda)) / (1 + lmbda * x)),
    lmbda=lambda xp, ct, x, lmbda: (
        ct * (xp.exp(_exponent(xp, x, lmbda)) * _inverse_slope(xp, x, lmbda))
    ),
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
_sindg, _cosdg = library("sindg"), library("cosdg")
_library_tandg, _library_cotdg = library("tandg"), library("cotdg")


def _tandg(xp: Any, x: Any) -> Any:
    # by sine and cosine, whose roots are exact; the library's loses digits near poles
    out = _library_tandg(xp, x)
    with quiet():
        top, bottom = _sindg(xp, x), _cosdg(xp, x)
        return xp.where(top * bottom == 0, out, top / bottom)


def _cotdg(xp: Any, x: Any) -> Any:
    out = _library_cotdg(xp, x)
    with quiet():
        top, bottom = _cosdg(xp, x), _sindg(xp, x)
        return xp.where(top * bottom == 0, out, top / bottom)


tandg_p = elementwise("tandg", forward=_tandg, x=lambda ct, out: ct * ((1 + out * out) * _DEGREE))
cotdg_p = elementwise("cotdg", forward=_cotdg, x=lambda ct, out: -ct * ((1 + out * out) * _DEGREE))
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
    "expi",
    forward=library("expi"),
    x=lambda xp, ct, x: ct * (xp.exp(x / 2) / x * xp.exp(x / 2)).conjugate(),
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


# near 0 by K = π/2 F(1/2, 1/2; 1; m) and E = π/2 F(-1/2, 1/2; 1; m), elsewhere by
# 2m (1 - m) K' = E - (1 - m) K and 2m E' = E - K
def _k_slope(xp: Any, m: Any, rest: Any) -> Any:
    near = xp.abs(m) < 0.5
    series = math.pi / 8 * call(xp, hyp2f1_p, 1.5, 1.5, 2.0, xp.where(near, m, 0.0))
    m, p = xp.where(near, 0.5, m), xp.where(near, 0.5, rest)
    e, k = call(xp, ellipe_p, m), call(xp, ellipkm1_p, p)
    return xp.where(near, series, (e / p - k) / (2 * m))


def _e_slope(xp: Any, m: Any) -> Any:
    near = xp.abs(m) < 0.5
    series = -math.pi / 8 * call(xp, hyp2f1_p, 0.5, 1.5, 2.0, xp.where(near, m, 0.0))
    m = xp.where(near, 0.5, m)
    return xp.where(near, series, (call(xp, ellipe_p, m) - call(xp, ellipk_p, m)) / (2 * m))


ellipk_p: Primitive = elementwise(
    "ellipk", forward=library("ellipk"), x=lambda xp, ct, x: ct * _k_slope(xp, x, 1 - x)
)
ellipkm1_p: Primitive = elementwise(
    "ellipkm1", forward=library("ellipkm1"), x=lambda xp, ct, x: -ct * _k_slope(xp, 1 - x, x)
)
ellipe_p: Primitive = elementwise(
    "ellipe", forward=library("ellipe"), x=lambda xp, ct, x: ct * _e_slope(xp, x)
)


def _rgamma_slope(xp: Any, x: Any, out: Any) -> Any:
    # -ψ/Γ, and (-1)^n n! at -n, where 1/Γ is 0 and ψ has a pole
    least = 8 * xp.finfo(x.dtype).smallest_normal  # beside a pole the product would be inf · 0
    pole = (xp.abs(out) < least) & (xp.real(x) < 0.5)
    safe = xp.where(pole, 1.0, x)
    at_pole = xp.cos(math.pi * x) * call(xp, gamma_p, xp.where(pole, 1 - x, 1.0))
    return xp.where(pole, at_pole, -call(xp, digamma_p, safe) * out)


rgamma_p = elementwise(
    "rgamma",
    forward=library("rgamma"),
    x=lambda xp, ct, x, out: ct * _rgamma_slope(xp, x, out).conjugate(),
)
_library_binom = library("binom")


@in_double
def _binom(xp: Any, n: Any, k: Any) -> Any:
    out = _library_binom(xp, n, k)
    rest = n - k
    # the library multiplies up for whole k; else its logarithms lose digits for large n
    short = (k % 1 == 0) & (xp.minimum(k, rest) < 20)
    far = (k > 0) & (rest > 0) & (n > 100) & (n < xp.inf) & ~short
    if far.any():
        n, k, rest = xp.where(far, n, 4.0), xp.where(far, k, 2.0), xp.where(far, rest, 2.0)
        share = raw_beta(xp, rest + 1, k + 1) * (n + 1)
        far = far & (share > 0)  # it is below the smallest number beside huge n
        out = xp.where(far, 1 / xp.where(far, share, 1.0), out)
    return out


gammasgn_p = nondifferentiable("gammasgn", forward=library("gammasgn"))
binom_p = elementwise(
    "binom",
    inputs=("n", "k"),
    forward=_binom,
    n=lambda xp, ct, n, k, out: ct * (out * call(xp, polygamma_rise_p, n - k + 1, k, n=0)),
    k=lambda xp, ct, n, k, out: ct * (out * call(xp, polygamma_rise_p, k + 1, n - 2 * k, n=0)),
)


def _yn_slope(xp: Any, ct: Any, n: Any, x: Any) -> Any:
    n = xp.trunc(n)  # as the function takes it
    return ct * neighbours(xp, yv_p, n, x, -1)


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
        ct * ((v * x * out - (v + m) * call(xp, lpmv_p, m, v - 1, x)) / ((x - 1) * (x + 1)))
    ),
)


@of_scipy_real.see("tensorxp.exp2, tensorxp.log10")
def exp10(x: Tensor, /) -> Tensor:
    """Return 10 raised to each element of `x`.

    >>> xp.special.exp10(xp.asarray([0.0, 2.0]))
    tensor([  1., 100.])
    """
    return unary(exp10_p, x)


@of_scipy_real.see("tensorxp.expm1")
def exprel(x: Tensor, /) -> Tensor:
    """Return (exp(x) - 1) / x, 1 at 0.

    >>> xp.special.exprel(xp.asarray([0.0, 1.0]))
    tensor([1.    , 1.7183])
    """
    return unary(exprel_p, x)


@of_scipy_several.see("inv_boxcox, boxcox1p")
def boxcox(x: Tensor | float, lmbda: Tensor | float, /) -> Tensor:
    """Return (x**lmbda - 1) / lmbda, and log(x) for lmbda 0; differentiable in both, also there.

    >>> xp.special.boxcox(xp.asarray([1.0, 4.0]), 0.5)
    tensor([0., 2.])
    """
    return binary(boxcox_p, x, lmbda)


@of_scipy_several.see("inv_boxcox1p, boxcox")
def boxcox1p(x: Tensor | float, lmbda: Tensor | float, /) -> Tensor:
    """Return `boxcox` of 1 + x.

    >>> xp.special.boxcox1p(xp.asarray([0.0, 3.0]), 0.5)
    tensor([0., 2.])
    """
    return binary(boxcox1p_p, x, lmbda)


@of_scipy_several.see("boxcox")
def inv_boxcox(x: Tensor | float, lmbda: Tensor | float, /) -> Tensor:
    """Return the inverse of `boxcox` in its first argument.

    >>> xp.special.inv_boxcox(xp.asarray([0.0, 2.0]), 0.5)
    tensor([1., 4.])
    """
    return binary(inv_boxcox_p, x, lmbda)


@of_scipy_several.see("boxcox1p")
def inv_boxcox1p(x: Tensor | float, lmbda: Tensor | float, /) -> Tensor:
    """Return the inverse of `boxcox1p` in its first argument.

    >>> xp.special.inv_boxcox1p(xp.asarray([0.0, 2.0]), 0.5)
    tensor([0., 3.])
    """
    return binary(inv_boxcox1p_p, x, lmbda)


@of_scipy_real.see("cosdg, tandg")
def sindg(x: Tensor, /) -> Tensor:
    """Return the sine of an angle in degrees.

    >>> xp.special.sindg(xp.asarray([0.0, 30.0]))
    tensor([0. , 0.5])
    """
    return unary(sindg_p, x)


@of_scipy_real.see("sindg, tandg")
def cosdg(x: Tensor, /) -> Tensor:
    """Return the cosine of an angle in degrees.

    >>> xp.special.cosdg(xp.asarray([0.0, 60.0]))
    tensor([1. , 0.5])
    """
    return unary(cosdg_p, x)


@of_scipy_real.see("sindg, cotdg")
def tandg(x: Tensor, /) -> Tensor:
    """Return the tangent of an angle in degrees.

    >>> xp.special.tandg(xp.asarray([0.0, 45.0]))
    tensor([0., 1.])
    """
    return unary(tandg_p, x)


@of_scipy_real.see("tandg")
def cotdg(x: Tensor, /) -> Tensor:
    """Return the cotangent of an angle in degrees.

    >>> xp.special.cotdg(xp.asarray([45.0, 90.0]))
    tensor([1., 0.])
    """
    return unary(cotdg_p, x)


@of_scipy_several.see("tensorxp.deg2rad")
def radian(d: Tensor | float, m: Tensor | float, s: Tensor | float, /) -> Tensor:
    """Return an angle of degrees, minutes and seconds in radians.

    >>> xp.special.radian(xp.asarray([90.0]), 30.0, 0.0)
    tensor([1.5795])
    """
    return several(radian_p, d, m, s)  # type: ignore[no-any-return]


@of_scipy.see("expi, expn")
def exp1(x: Tensor, /) -> Tensor:
    """Return the exponential integral E1, the integral of exp(-t) / t from `x` to infinity.

    >>> xp.special.exp1(xp.asarray([1.0, 2.0]))
    tensor([0.2194, 0.0489])
    """
    return unary(exp1_p, x)


@of_scipy.see("exp1")
def expi(x: Tensor, /) -> Tensor:
    """Return the exponential integral Ei, the integral of exp(t) / t up to `x`.

    >>> xp.special.expi(xp.asarray([1.0, 2.0]))
    tensor([1.8951, 4.9542])
    """
    return unary(expi_p, x)


@of_scipy_several.see("exp1")
def expn(n: Tensor | int, x: Tensor | float, /) -> Tensor:
    """Return the exponential integral of integer order; differentiable in `x`.

    The order `n` is a natural number.

    >>> xp.special.expn(2, xp.asarray([1.0]))
    tensor([0.1485])
    """
    return binary(expn_p, n, x)


@of_scipy
def spence(x: Tensor, /) -> Tensor:
    """Return Spence's function, the integral of log(t) / (1 - t) from 1 to `x`.

    >>> xp.special.spence(xp.asarray([0.0, 1.0]))
    tensor([1.6449, 0.    ])
    """
    return unary(spence_p, x)


@of_scipy_real.see("ellipe, ellipkm1")
def ellipk(x: Tensor, /) -> Tensor:
    """Return the complete elliptic integral of the first kind, of the parameter m = x.

    >>> xp.special.ellipk(xp.asarray([0.0, 0.5]))
    tensor([1.5708, 1.8541])
    """
    return unary(ellipk_p, x)


@of_scipy_real.see("ellipk")
def ellipkm1(x: Tensor, /) -> Tensor:
    """Return `ellipk` of 1 - x, accurate for small `x`.

    >>> xp.special.ellipkm1(xp.asarray([0.5, 1.0]))
    tensor([1.8541, 1.5708])
    """
    return unary(ellipkm1_p, x)


@of_scipy_real.see("ellipk")
def ellipe(x: Tensor, /) -> Tensor:
    """Return the complete elliptic integral of the second kind, of the parameter m = x.

    >>> xp.special.ellipe(xp.asarray([0.0, 0.5]))
    tensor([1.5708, 1.3506])
    """
    return unary(ellipe_p, x)


@of_scipy.see("gamma")
def rgamma(x: Tensor, /) -> Tensor:
    """Return 1 / gamma(x), 0 at its poles, with the derivative there.

    >>> xp.special.rgamma(xp.asarray([0.0, 5.0]))
    tensor([0.    , 0.0417])
    """
    return unary(rgamma_p, x)


@of_scipy_real.see("gammaln")
def gammasgn(x: Tensor, /) -> Tensor:
    """Return the sign of the gamma function; constant, so without gradient.

    >>> xp.special.gammasgn(xp.asarray([-0.5, 2.0]))
    tensor([-1.,  1.])
    """
    return unary(gammasgn_p, x)


@of_scipy_several.see("poch")
def binom(n: Tensor | float, k: Tensor | float, /) -> Tensor:
    """Return the binomial coefficient of real arguments.

    Differentiable in both; where it is 0 the derivative is NaN.

    >>> xp.special.binom(5.0, xp.asarray([0.0, 2.0, 3.0]))
    tensor([ 1., 10., 10.])
    """
    return binary(binom_p, n, k)


@of_scipy_several.see("yv, y0, y1")
def yn(n: Tensor | int, x: Tensor | float, /) -> Tensor:
    """Return the Bessel function Y of integer order; differentiable in `x`.

    The order `n` is an integer.

    >>> xp.special.yn(2, xp.asarray([1.0]))
    tensor([-1.6507])
    """
    return binary(yn_p, n, x)


@of_scipy_several
def lpmv(m: Tensor | int, v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the associated Legendre function of order `m` and degree `v` at |x| <= 1.

    Differentiable in `x`, not at ±1.

    The order `m` is an integer. A gradient in `v` raises NotImplementedError.

    >>> xp.special.lpmv(1, 2, xp.asarray([0.5]))
    tensor([-1.299])
    """
    return several(lpmv_p, m, v, x)  # type: ignore[no-any-return]
