"""The gamma function, its logarithm, and the derivatives of that.

Forwards are SciPy's, but for double precision near roots and poles, where the library loses.
"""

from math import gamma as _factorial
from math import log, pi
from typing import Any

from tensorxp._backend.families import see
from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import floating, library
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.arithmetic import subtract_p
from tensorxp.special.families import of_scipy, of_scipy_real, of_scipy_several
from tensorxp.special.levels import call, no_derivative

_gamma, _zeta = library("gamma"), library("zeta")
_psi, _gammaln, _loggamma = library("psi"), library("gammaln"), library("loggamma")
_EULER = 0.5772156649015329


def _digamma(xp: Any, x: Any) -> Any:
    out = _psi(xp, x)
    if out.dtype.char != "d":  # the library computes single precision in double
        return out
    below = x < 0
    if not below.any():
        return out
    # ψ(x) = ψ(1 - x) - π cot πx, the turns taken off before the product with π rounds
    with quiet():
        turn = (x - xp.round(x)) * pi
        reflected = _psi(xp, 1 - x) - pi / xp.tan(turn)
    return xp.where(below & (turn != 0), reflected, out)


def _near_roots(xp: Any, x: Any, out: Any) -> Any:
    """Return `out` = log Γ(x) with its values near the roots 1 and 2 in place of the library's."""
    if out.dtype.char != "d":
        return out
    one, two = xp.abs(x - 1) < 0.25, xp.abs(x - 2) < 0.25
    if one.any() or two.any():
        u = xp.where(two, x - 2, xp.where(one, x - 1, 0.0))
        # log Γ(1 + u) = -γ u + Σ ζ(k) (-u)^k / k
        total: Any = 0.0
        for k in range(30, 1, -1):
            total = total * -u + _ZETA[k] / k
        value = u * (u * total - _EULER)
        out = xp.where(one, value, xp.where(two, value + xp.log1p(u), out))
    return out


#: ζ(k) by k
_ZETA = (
    0.0, 0.0, 1.6449340668482264, 1.2020569031595943, 1.0823232337111382, 1.03692775514337,
    1.0173430619844492, 1.008349277381923, 1.0040773561979444, 1.0020083928260821,
    1.000994575127818, *(sum(n**-k for n in range(40, 0, -1)) for k in range(11, 31)),
)  # fmt: skip


def _gammaln_forward(xp: Any, x: Any) -> Any:
    return _near_roots(xp, x, _gammaln(xp, x))


def _loggamma_forward(xp: Any, x: Any) -> Any:
    return _near_roots(xp, x, _loggamma(xp, x))


def _polygamma(xp: Any, n: Any, x: Any) -> Any:
    # ψ_n(x) = (-1)^(n+1) n! ζ(n+1, x) for n ≥ 1
    if isinstance(n, float):
        n = int(n) if n.is_integer() else xp.asarray(n)
    if isinstance(n, complex):
        raise TypeError(f"special.polygamma: n is {n}; allowed are real numbers")
    if not isinstance(n, int):
        dtype = xp.result_type(n, floating(xp, x))
        n, x = n.astype(dtype), xp.asarray(x, dtype=dtype)
    if x.dtype.kind == "c":
        raise TypeError(
            f"special.polygamma: x has dtype {x.dtype}; allowed are real dtypes (digamma of "
            "complex numbers is not differentiated here)"
        )
    if isinstance(n, int):
        if n == 0:
            return _digamma(xp, x)
        wide = xp.asarray(x, dtype=xp.float64)
        with quiet():  # the product may be representable where ζ is not
            found = _zeta(xp, float(n + 1), wide) * (_factorial(n + 1) * (-1) ** (n + 1))
            return found.astype(floating(xp, x).dtype)
    sign = xp.where(n % 1 == 0, 2 * (n % 2) - 1, xp.nan)
    wide, order = xp.asarray(x, dtype=xp.float64), xp.asarray(n, dtype=xp.float64)
    with quiet():
        high = _zeta(xp, order + 1, wide) * _gamma(xp, order + 1) * sign
        return xp.where(n == 0, _digamma(xp, wide), high).astype(dtype)


polygamma_p: Primitive = elementwise(
    "polygamma",
    inputs=("n", "x"),
    forward=_polygamma,
    n=no_derivative("polygamma", "n"),
    x=lambda xp, ct, n, x: ct * call(xp, polygamma_p, n + 1, x),
)


def _digamma_slope(xp: Any, ct: Any, x: Any) -> Any:
    return ct * call(xp, polygamma_p, 1, x)


digamma_p = elementwise("digamma", forward=_digamma, x=_digamma_slope)
gamma_p = elementwise(
    "gamma",
    forward=_gamma,
    x=lambda xp, ct, x, out: ct * (out * call(xp, digamma_p, x)).conjugate(),
)
gammaln_p = elementwise(
    "gammaln", forward=_gammaln_forward, x=lambda xp, ct, x: ct * call(xp, digamma_p, x)
)
loggamma_p = elementwise(
    "loggamma",
    forward=_loggamma_forward,
    x=lambda xp, ct, x: ct * call(xp, digamma_p, x).conjugate(),
)


@of_scipy.see("gammaln, rgamma, digamma")
def gamma(x: Tensor, /) -> Tensor:
    """Return the gamma function.

    >>> xp.special.gamma(xp.asarray([0.5, 5.0]))
    tensor([ 1.7725, 24.    ])
    """
    return unary(gamma_p, x)


@of_scipy_real.see("gamma, loggamma, gammasgn")
def gammaln(x: Tensor, /) -> Tensor:
    """Return the logarithm of |gamma(x)|.

    >>> xp.special.gammaln(xp.asarray([3.0, 10.0]))
    tensor([ 0.6931, 12.8018])
    """
    return unary(gammaln_p, x)


@of_scipy.see("gammaln")
def loggamma(x: Tensor, /) -> Tensor:
    """Return the principal branch of the logarithm of the gamma function; NaN for real x < 0.

    >>> xp.special.loggamma(xp.asarray([3.0, 10.0]))
    tensor([ 0.6931, 12.8018])
    """
    return unary(loggamma_p, x)


@see("gammaln, polygamma")
def digamma(x: Tensor, /) -> Tensor:
    """Return the logarithmic derivative of the gamma function.

    >>> xp.special.digamma(xp.asarray([1.0, 2.0]))
    tensor([-0.5772,  0.4228])

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
        `x` is no Tensor, or complex and a gradient is asked for; SciPy is missing.
    """
    return unary(digamma_p, x)


@of_scipy_several.see("digamma, zeta")
def polygamma(n: Tensor | int, x: Tensor | float, /) -> Tensor:
    """Return the `n`-th derivative of `digamma`.

    `n` is a natural number, others give NaN; a Python number leaves the dtype of `x`.

    >>> xp.special.polygamma(1, xp.asarray([1.0]))
    tensor([1.6449])

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool float64.
    """
    return binary(polygamma_p, n, x)


@see("gammaln")
def multigammaln(a: Tensor, d: int, /) -> Tensor:
    """Return the logarithm of the multivariate gamma function; NaN where a ≤ (d - 1) / 2.

    >>> xp.special.multigammaln(xp.asarray([3.0]), 2)
    tensor([1.5502])

    Parameters
    ----------
    a : Tensor, any dtype
    d : int
        The dimension, from 1 to 100000.

    Returns
    -------
    Tensor
        Shape and dtype of `a`; of integers and bool float64.

    Raises
    ------
    TypeError, ValueError, ImportError
        `a` is no Tensor; another `d`; SciPy is missing.
    """
    if not isinstance(d, int) or not 1 <= d <= 100_000:
        raise ValueError(f"special.multigammaln: d is {d!r}; allowed are integers from 1 to 100000")
    total: Any = unary(loggamma_p, a)
    for i in range(1, d):
        total = total + unary(loggamma_p, binary(subtract_p, a, i / 2))
    return total + d * (d - 1) / 4 * log(pi)  # type: ignore[no-any-return]
