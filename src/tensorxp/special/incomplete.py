"""The incomplete gamma functions, with derivatives in both arguments, and beta functions in one.

The derivative in the shape a is computed where a and x are small by the power series of
P(a, x), term by term, and elsewhere by quadrature of ln t - ψ(a) under the density, from the
side of x where this has one sign, so that nothing cancels.
"""

from typing import Any

from tensorxp._backend.device import cpu
from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import floating, library
from tensorxp._core.door import binary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp.special.densities import beta_density, gamma_density
from tensorxp.special.entropy import xlogy_p
from tensorxp.special.families import of_scipy_several
from tensorxp.special.gammas import digamma_p, gammaln_p
from tensorxp.special.levels import call, no_derivative, several

_NODES, _WEIGHTS = (x.tolist() for x in cpu.raw.polynomial.legendre.leggauss(64))
_DEPTH = 45.0  # exp(-45) is nothing beside 1
_SMALL = 30.0


def _by_series(xp: Any, a: Any, x: Any) -> Any:
    # P = x^a exp(-x) / Γ(a+1) Σ c_k, c_k = x^k / ((a+1)…(a+k)): the terms' logarithms change with
    # a by ln x - ψ(a+k+1), and ψ(a+k+1) = ψ(a+1) + 1/(a+1) + … + 1/(a+k)
    change = xp.log(x) - call(xp, digamma_p, a + 1)
    term, total = xp.ones_like(a), change
    for k in range(1, 100):
        term = term * (x / (a + k))
        change = change - 1 / (a + k)
        total = total + term * change
    return total * xp.exp(call(xp, xlogy_p, a, x) - x - call(xp, gammaln_p, a + 1))


def _by_quadrature(xp: Any, a: Any, x: Any) -> Any:
    # with t = x exp(±u) away from the middle of the density:
    # ∓ x^a exp(-x) / Γ(a) ∫_0 exp(±a u - x (exp(±u) - 1)) (ln x ± u - ψ(a)) du
    side = xp.where(x < a, -1.0, 1.0)
    skew = xp.abs(x - a)
    ends = xp.where(
        x < a,
        (_DEPTH + xp.sqrt(_DEPTH * (_DEPTH + 8 * x))) / (2 * x),
        xp.sqrt(2 * _DEPTH / x),
    )
    ends = xp.minimum(ends, _DEPTH / skew)
    ends = xp.where(x < a, ends, xp.minimum(ends, xp.log1p((_DEPTH + a * ends) / x)))
    offset = xp.log(x) - call(xp, digamma_p, a)
    total = xp.zeros_like(a)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        u = ends * ((node + 1) / 2) * side
        total = total + xp.exp(a * u - x * xp.expm1(u)) * (offset + u) * (weight / 2)
    return -side * total * ends * x * gamma_density(xp, a, x)


def _shape_slope(xp: Any, a: Any, x: Any) -> Any:
    """Return ∂P(a, x)/∂a, computed in double precision; 0 at the ends of the domain of x."""
    a, x = floating(xp, a), floating(xp, x)
    dtype = xp.result_type(a, x)
    a, x = xp.broadcast_arrays(xp.asarray(a, dtype=xp.float64), xp.asarray(x, dtype=xp.float64))
    inside = (a > 0) & (x > 0) & (x < xp.inf) & (a < xp.inf)
    series = inside & (a <= _SMALL) & (x <= a + 1)
    out = xp.where((a > 0) & ((x == 0) | (x == xp.inf)), 0.0, xp.nan)
    out = xp.asarray(out)
    with quiet():
        for places, method in ((series, _by_series), (inside & ~series, _by_quadrature)):
            if places.any():
                out[places] = method(xp, a[places], x[places])
    return out.astype(dtype)


# ∂²P/∂a∂x = density (ln x - ψ(a))
shape_slope_p = elementwise(
    "gammainc_shape_slope",
    inputs=("a", "x"),
    forward=_shape_slope,
    a=no_derivative("gammainc", "a", "second "),
    x=lambda xp, ct, a, x: ct * (gamma_density(xp, a, x) * (xp.log(x) - call(xp, digamma_p, a))),
)


def _incomplete(name: str, sign: int) -> Primitive:
    return elementwise(
        name,
        inputs=("a", "x"),
        forward=library(name),
        a=lambda xp, ct, a, x: ct * (call(xp, shape_slope_p, a, x) * sign),
        x=lambda xp, ct, a, x: ct * (gamma_density(xp, a, x) * sign),
    )


def _inverse(name: str, sign: int) -> Primitive:
    # y = P(a, x): dx = (dy - ∂P/∂a da) / density
    return elementwise(
        name,
        inputs=("a", "y"),
        forward=library(name),
        a=lambda xp, ct, a, out: (
            -ct * (call(xp, shape_slope_p, a, out) / gamma_density(xp, a, out))
        ),
        y=lambda xp, ct, a, out: ct / (gamma_density(xp, a, out) * sign),
    )


gammainc_p, gammaincc_p = _incomplete("gammainc", 1), _incomplete("gammaincc", -1)
gammaincinv_p, gammainccinv_p = _inverse("gammaincinv", 1), _inverse("gammainccinv", -1)


def _chi_square(name: str, sign: int) -> Primitive:
    # y = P(v/2, x/2)
    return elementwise(
        name,
        inputs=("v", "x"),
        forward=library(name),
        v=lambda xp, ct, v, x: ct * _half(xp, _slope, v, x) * sign,
        x=lambda xp, ct, v, x: ct * _half(xp, gamma_density, v, x) * sign,
    )


def _slope(xp: Any, a: Any, x: Any) -> Any:
    return call(xp, shape_slope_p, a, x)


def _half(xp: Any, fn: Any, v: Any, x: Any) -> Any:
    return fn(xp, v / 2, x / 2) / 2


chdtr_p, chdtrc_p = _chi_square("chdtr", 1), _chi_square("chdtrc", -1)


@of_scipy_several.see("gammaincc, gammaincinv")
def gammainc(a: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the regularised lower incomplete gamma function P(a, x); differentiable in both.

    A second derivative in `a` alone raises NotImplementedError.

    >>> xp.special.gammainc(2.0, xp.asarray([1.0, 3.0]))
    tensor([0.2642, 0.8009])

    Parameters
    ----------
    a, x : Tensor or scalar, real or bool, broadcast
        Not negative, otherwise the result is NaN.
    """
    return binary(gammainc_p, a, x)


@of_scipy_several.see("gammainc, gammainccinv")
def gammaincc(a: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the regularised upper incomplete gamma function 1 - P(a, x); differentiable in both.

    A second derivative in `a` alone raises NotImplementedError.

    >>> xp.special.gammaincc(2.0, xp.asarray([1.0, 3.0]))
    tensor([0.7358, 0.1991])

    Parameters
    ----------
    a, x : Tensor or scalar, real or bool, broadcast
        Not negative, otherwise the result is NaN.
    """
    return binary(gammaincc_p, a, x)


@of_scipy_several.see("gammainc")
def gammaincinv(a: Tensor | float, y: Tensor | float, /) -> Tensor:
    """Return the x with gammainc(a, x) = y; differentiable in both.

    `y` is in [0, 1], otherwise the result is NaN. A second derivative in `a` raises
    NotImplementedError.

    >>> xp.special.gammaincinv(2.0, xp.asarray([0.5]))
    tensor([1.6783])
    """
    return binary(gammaincinv_p, a, y)


@of_scipy_several.see("gammaincc")
def gammainccinv(a: Tensor | float, y: Tensor | float, /) -> Tensor:
    """Return the x with gammaincc(a, x) = y; differentiable in both.

    `y` is in [0, 1], otherwise the result is NaN. A second derivative in `a` raises
    NotImplementedError.

    >>> xp.special.gammainccinv(2.0, xp.asarray([0.5]))
    tensor([1.6783])
    """
    return binary(gammainccinv_p, a, y)


@of_scipy_several.see("chdtrc, chdtri")
def chdtr(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the chi-square distribution function; differentiable in both.

    `v` is the number of degrees of freedom. A second derivative in `v` alone raises
    NotImplementedError.

    >>> xp.special.chdtr(2.0, xp.asarray([0.0, 2.0]))
    tensor([0.    , 0.6321])
    """
    return binary(chdtr_p, v, x)


@of_scipy_several.see("chdtr")
def chdtrc(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return 1 - chdtr(v, x), accurate where that is small; differentiable in both.

    `v` is the number of degrees of freedom. A second derivative in `v` alone raises
    NotImplementedError.

    >>> xp.special.chdtrc(2.0, xp.asarray([0.0, 2.0]))
    tensor([1.    , 0.3679])
    """
    return binary(chdtrc_p, v, x)


def _incomplete_beta(name: str, sign: int) -> Any:
    return elementwise(
        name,
        inputs=("a", "b", "x"),
        forward=library(name),
        a=no_derivative(name, "a"),
        b=no_derivative(name, "b"),
        x=lambda xp, ct, a, b, x: ct * (beta_density(xp, a, b, x) * sign),
    )


betainc_p, betaincc_p = _incomplete_beta("betainc", 1), _incomplete_beta("betaincc", -1)
betaincinv_p = elementwise(
    "betaincinv",
    inputs=("a", "b", "y"),
    forward=library("betaincinv"),
    a=no_derivative("betaincinv", "a"),
    b=no_derivative("betaincinv", "b"),
    y=lambda xp, ct, a, b, out: ct / beta_density(xp, a, b, out),
)


@of_scipy_several.see("betaincc, betaincinv")
def betainc(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the regularised incomplete beta function; differentiable in `x`.

    `x` is in [0, 1], otherwise the result is NaN. A gradient in `a` or `b` raises
    NotImplementedError.

    >>> xp.special.betainc(2.0, 3.0, xp.asarray([0.5]))
    tensor([0.6875])
    """
    return several(betainc_p, a, b, x)  # type: ignore[no-any-return]


@of_scipy_several.see("betainc")
def betaincc(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return 1 - betainc(a, b, x), accurate where that is small; differentiable in `x`.

    `x` is in [0, 1], otherwise the result is NaN. A gradient in `a` or `b` raises
    NotImplementedError.

    >>> xp.special.betaincc(2.0, 3.0, xp.asarray([0.5]))
    tensor([0.3125])
    """
    return several(betaincc_p, a, b, x)  # type: ignore[no-any-return]


@of_scipy_several.see("betainc")
def betaincinv(a: Tensor | float, b: Tensor | float, y: Tensor | float, /) -> Tensor:
    """Return the x with betainc(a, b, x) = y; differentiable in `y`.

    `y` is in [0, 1], otherwise the result is NaN. A gradient in `a` or `b` raises
    NotImplementedError.

    >>> xp.special.betaincinv(2.0, 3.0, xp.asarray([0.6875]))
    tensor([0.5])
    """
    return several(betaincinv_p, a, b, y)  # type: ignore[no-any-return]
