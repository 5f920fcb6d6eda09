"""The gamma function and what is built of it: beta, incomplete beta, …

Forwards are SciPy's. The parameters of the incomplete beta function have no derivative here.
"""

from math import gamma as _factorial
from math import log, pi
from typing import Any

from tensorxp._backend.special import floating, library
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.arithmetic import subtract_p
from tensorxp.special.entropy import xlog1py_p, xlogy_p
from tensorxp.special.levels import call, no_derivative, several

_digamma, _gamma, _zeta = library("psi"), library("gamma"), library("zeta")


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
        return _zeta(xp, float(n + 1), x) * (_factorial(n + 1) * (-1) ** (n + 1))
    sign = xp.where(n % 1 == 0, 2 * (n % 2) - 1, xp.nan)
    high = _zeta(xp, n + 1, x) * _gamma(xp, n + 1) * sign
    return xp.where(n == 0, _digamma(xp, x), high)


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
    "gammaln", forward=library("gammaln"), x=lambda xp, ct, x: ct * call(xp, digamma_p, x)
)
loggamma_p = elementwise(
    "loggamma",
    forward=library("loggamma"),
    x=lambda xp, ct, x: ct * call(xp, digamma_p, x).conjugate(),
)


def gamma(x: Tensor, /) -> Tensor:
    """Return the gamma function.

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
    return unary(gamma_p, x)


def gammaln(x: Tensor, /) -> Tensor:
    """Return the logarithm of |gamma(x)|.

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
    return unary(gammaln_p, x)


def loggamma(x: Tensor, /) -> Tensor:
    """Return the principal branch of the logarithm of the gamma function; NaN for real x < 0.

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
    return unary(loggamma_p, x)


def digamma(x: Tensor, /) -> Tensor:
    """Return the logarithmic derivative of the gamma function.

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


def polygamma(n: Tensor | int, x: Tensor | float, /) -> Tensor:
    """Return the `n`-th derivative of `digamma`.

    Parameters
    ----------
    n, x : Tensor or scalar, real or bool, broadcast
        `n` is a natural number, others give NaN; a Python number leaves the dtype of `x`.

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool float64.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    """
    return binary(polygamma_p, n, x)


def multigammaln(a: Tensor, d: int, /) -> Tensor:
    """Return the logarithm of the multivariate gamma function; NaN where a ≤ (d - 1) / 2.

    Parameters
    ----------
    a : Tensor, any dtype
    d : int
        The dimension, at least 1.

    Returns
    -------
    Tensor
        Shape and dtype of `a`; of integers and bool float64.

    Raises
    ------
    TypeError, ValueError, ImportError
        `a` is no Tensor; another `d`; SciPy is missing.
    """
    if not isinstance(d, int) or d < 1:
        raise ValueError(f"special.multigammaln: d is {d!r}; allowed is an integer of at least 1")
    total: Any = unary(loggamma_p, a)
    for i in range(1, d):
        total = total + unary(loggamma_p, binary(subtract_p, a, i / 2))
    return total + d * (d - 1) / 4 * log(pi)  # type: ignore[no-any-return]


def _beta_slope(xp: Any, mine: Any, other: Any) -> Any:
    # ∂ log B(a, b)/∂a = ψ(a) - ψ(a + b)
    return call(xp, digamma_p, mine) - call(xp, digamma_p, mine + other)


beta_p = elementwise(
    "beta",
    forward=library("beta"),
    x1=lambda xp, ct, x1, x2, out: ct * (out * _beta_slope(xp, x1, x2)),
    x2=lambda xp, ct, x1, x2, out: ct * (out * _beta_slope(xp, x2, x1)),
)
betaln_p = elementwise(
    "betaln",
    forward=library("betaln"),
    x1=lambda xp, ct, x1, x2: ct * _beta_slope(xp, x1, x2),
    x2=lambda xp, ct, x1, x2: ct * _beta_slope(xp, x2, x1),
)


def _poch_m(xp: Any, ct: Any, z: Any, m: Any, out: Any) -> Any:
    return ct * (out * call(xp, digamma_p, z + m))


def _poch_z(xp: Any, ct: Any, z: Any, m: Any, out: Any) -> Any:
    return ct * (out * (call(xp, digamma_p, z + m) - call(xp, digamma_p, z)))


# (z)_m = Γ(z + m) / Γ(z)
poch_p = elementwise("poch", inputs=("z", "m"), forward=library("poch"), z=_poch_z, m=_poch_m)


def beta(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the beta function gamma(x1) gamma(x2) / gamma(x1 + x2).

    Parameters
    ----------
    x1, x2 : Tensor or scalar, real or bool, broadcast

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
    return binary(beta_p, x1, x2)


def betaln(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the logarithm of the absolute value of `beta`.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, real or bool, broadcast

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
    return binary(betaln_p, x1, x2)


def poch(z: Tensor | float, m: Tensor | float, /) -> Tensor:
    """Return the rising factorial gamma(z + m) / gamma(z).

    Parameters
    ----------
    z, m : Tensor or scalar, real or bool, broadcast

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
    return binary(poch_p, z, m)


def _beta_density(xp: Any, a: Any, b: Any, x: Any) -> Any:
    # ∂I_x(a, b)/∂x = x^(a-1) (1-x)^(b-1) / B(a, b)
    powers = call(xp, xlogy_p, a - 1, x) + call(xp, xlog1py_p, b - 1, -x)
    return xp.exp(powers - call(xp, betaln_p, a, b))


def _incomplete_beta(name: str, sign: int) -> Any:
    return elementwise(
        name,
        inputs=("a", "b", "x"),
        forward=library(name),
        a=no_derivative(name, "a"),
        b=no_derivative(name, "b"),
        x=lambda xp, ct, a, b, x: ct * (_beta_density(xp, a, b, x) * sign),
    )


betainc_p, betaincc_p = _incomplete_beta("betainc", 1), _incomplete_beta("betaincc", -1)
betaincinv_p = elementwise(
    "betaincinv",
    inputs=("a", "b", "y"),
    forward=library("betaincinv"),
    a=no_derivative("betaincinv", "a"),
    b=no_derivative("betaincinv", "b"),
    y=lambda xp, ct, a, b, out: ct / _beta_density(xp, a, b, out),
)


def betainc(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the regularised incomplete beta function; differentiable in `x`.

    Parameters
    ----------
    a, b, x : Tensor or scalar, real or bool, broadcast
        `x` in [0, 1], otherwise the result is NaN.

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
        A gradient in `a` or `b`.
    """
    return several(betainc_p, a, b, x)  # type: ignore[no-any-return]


def betaincc(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return 1 - betainc(a, b, x), accurate where that is small; differentiable in `x`.

    Parameters
    ----------
    a, b, x : Tensor or scalar, real or bool, broadcast
        `x` in [0, 1], otherwise the result is NaN.

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
        A gradient in `a` or `b`.
    """
    return several(betaincc_p, a, b, x)  # type: ignore[no-any-return]


def betaincinv(a: Tensor | float, b: Tensor | float, y: Tensor | float, /) -> Tensor:
    """Return the x with betainc(a, b, x) = y; differentiable in `y`.

    Parameters
    ----------
    a, b, y : Tensor or scalar, real or bool, broadcast
        `y` in [0, 1], otherwise the result is NaN.

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
        A gradient in `a` or `b`.
    """
    return several(betaincinv_p, a, b, y)  # type: ignore[no-any-return]
