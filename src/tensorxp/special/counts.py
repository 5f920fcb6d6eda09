"""Distribution functions of the F, gamma, binomial, negative binomial and Poisson distributions.

The derivative in the last argument is the density. Counts (k, and n of trials) are rounded down
and have no derivative.
"""

from typing import Any

from tensorxp._backend.special import library
from tensorxp._core.door import binary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp.special.densities import beta_density, gamma_density
from tensorxp.special.incomplete import shape_slope_p
from tensorxp.special.levels import call, no_derivative, several


def _f_density(xp: Any, dfn: Any, dfd: Any, x: Any) -> Any:
    # that of the beta distribution at p = m x / (n + m x), times dp/dx = m n / (n + m x)²
    p, q = dfn / (dfd / x + dfn), dfd / (dfd + dfn * x)
    return beta_density(xp, dfn / 2, dfd / 2, p, q) * (q * (dfn / (dfd + dfn * x)))


def _degrees(name: str, slope: Any) -> Primitive:
    return elementwise(
        name,
        inputs=("dfn", "dfd", "x"),
        forward=library(name),
        dfn=no_derivative(name, "dfn"),
        dfd=no_derivative(name, "dfd"),
        x=slope,
    )


fdtr_p = _degrees("fdtr", lambda xp, ct, dfn, dfd, x: ct * _f_density(xp, dfn, dfd, x))
fdtrc_p = _degrees("fdtrc", lambda xp, ct, dfn, dfd, x: -ct * _f_density(xp, dfn, dfd, x))
fdtri_p = _degrees("fdtri", lambda xp, ct, dfn, dfd, out: ct / _f_density(xp, dfn, dfd, out))
chdtri_p = elementwise(
    "chdtri",
    inputs=("v", "p"),
    forward=library("chdtri"),
    v=no_derivative("chdtri", "v"),
    p=lambda xp, ct, v, out: -2 * ct / gamma_density(xp, v / 2, out / 2),
)
# gdtr(a, b, x) = P(b, a x)
gdtr_p = elementwise(
    "gdtr",
    inputs=("a", "b", "x"),
    forward=library("gdtr"),
    a=lambda xp, ct, a, b, x: ct * (x * gamma_density(xp, b, a * x)),
    b=lambda xp, ct, a, b, x: ct * call(xp, shape_slope_p, b, a * x),
    x=lambda xp, ct, a, b, x: ct * (a * gamma_density(xp, b, a * x)),
)
gdtrc_p = elementwise(
    "gdtrc",
    inputs=("a", "b", "x"),
    forward=library("gdtrc"),
    a=lambda xp, ct, a, b, x: -ct * (x * gamma_density(xp, b, a * x)),
    b=lambda xp, ct, a, b, x: -ct * call(xp, shape_slope_p, b, a * x),
    x=lambda xp, ct, a, b, x: -ct * (a * gamma_density(xp, b, a * x)),
)


def _poisson_slope(xp: Any, k: Any, m: Any) -> Any:
    # pdtr(k, m) = Q(k + 1, m)
    return -gamma_density(xp, xp.floor(k) + 1.0, m)


pdtr_p = elementwise(
    "pdtr",
    inputs=("k", "m"),
    forward=library("pdtr"),
    m=lambda xp, ct, k, m: ct * _poisson_slope(xp, k, m),
)
pdtrc_p = elementwise(
    "pdtrc",
    inputs=("k", "m"),
    forward=library("pdtrc"),
    m=lambda xp, ct, k, m: -ct * _poisson_slope(xp, k, m),
)
pdtri_p = elementwise(
    "pdtri",
    inputs=("k", "y"),
    forward=library("pdtri"),
    y=lambda xp, ct, k, out: ct / _poisson_slope(xp, k, out),
)


def _binomial_slope(xp: Any, k: Any, n: Any, p: Any) -> Any:
    # bdtr(k, n, p) = I(n - k, k + 1) at 1 - p
    k, n = xp.floor(k) + 0.0, xp.trunc(n)
    return -beta_density(xp, k + 1, n - k, p)


def _counted(name: str, slope: Any, last: str = "p") -> Primitive:
    return elementwise(name, inputs=("k", "n", last), forward=library(name), **{last: slope})


bdtr_p = _counted("bdtr", lambda xp, ct, k, n, p: ct * _binomial_slope(xp, k, n, p))
bdtrc_p = _counted("bdtrc", lambda xp, ct, k, n, p: -ct * _binomial_slope(xp, k, n, p))
bdtri_p = _counted("bdtri", lambda xp, ct, k, n, out: ct / _binomial_slope(xp, k, n, out), "y")


def _negative_slope(xp: Any, k: Any, n: Any, p: Any) -> Any:
    # nbdtr(k, n, p) = I(n, k + 1) at p
    return beta_density(xp, xp.trunc(n) + 0.0, xp.floor(k) + 1.0, p)


nbdtr_p = _counted("nbdtr", lambda xp, ct, k, n, p: ct * _negative_slope(xp, k, n, p))
nbdtrc_p = _counted("nbdtrc", lambda xp, ct, k, n, p: -ct * _negative_slope(xp, k, n, p))
nbdtri_p = _counted("nbdtri", lambda xp, ct, k, n, out: ct / _negative_slope(xp, k, n, out), "y")


def fdtr(dfn: Tensor | float, dfd: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the F distribution function; differentiable in `x`.

    Parameters
    ----------
    dfn, dfd, x : Tensor or scalar, real or bool, broadcast
        `dfn` and `dfd` degrees of freedom.

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
        A gradient in `dfn` or `dfd`.
    """
    return several(fdtr_p, dfn, dfd, x)  # type: ignore[no-any-return]


def fdtrc(dfn: Tensor | float, dfd: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return 1 - `fdtr`, accurate where that is near 1; differentiable in `x`.

    Parameters
    ----------
    dfn, dfd, x : Tensor or scalar, real or bool, broadcast
        `dfn` and `dfd` degrees of freedom.

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
        A gradient in `dfn` or `dfd`.
    """
    return several(fdtrc_p, dfn, dfd, x)  # type: ignore[no-any-return]


def fdtri(dfn: Tensor | float, dfd: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the quantile of the F distribution, the inverse of `fdtr`; differentiable in `x`.

    Parameters
    ----------
    dfn, dfd, x : Tensor or scalar, real or bool, broadcast
        `dfn` and `dfd` degrees of freedom, `x` a probability.

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
        A gradient in `dfn` or `dfd`.
    """
    return several(fdtri_p, dfn, dfd, x)  # type: ignore[no-any-return]


def chdtri(v: Tensor | float, p: Tensor | float, /) -> Tensor:
    """Return the inverse of `chdtrc` in its last argument; differentiable in `p`.

    Parameters
    ----------
    v, p : Tensor or scalar, real or bool, broadcast
        `v` degrees of freedom, `p` in [0, 1].

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
    return binary(chdtri_p, v, p)


def gdtr(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the gamma distribution function of rate `a` and shape `b`; differentiable in all.

    Parameters
    ----------
    a, b, x : Tensor or scalar, real or bool, broadcast

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
        A second derivative in `b` alone.
    """
    return several(gdtr_p, a, b, x)  # type: ignore[no-any-return]


def gdtrc(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return 1 - `gdtr`, accurate where that is near 1; differentiable in all.

    Parameters
    ----------
    a, b, x : Tensor or scalar, real or bool, broadcast

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
        A second derivative in `b` alone.
    """
    return several(gdtrc_p, a, b, x)  # type: ignore[no-any-return]


def pdtr(k: Tensor | float, m: Tensor | float, /) -> Tensor:
    """Return the Poisson distribution function at `k` for mean `m`; differentiable in `m`.

    Parameters
    ----------
    k, m : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return binary(pdtr_p, k, m)


def pdtrc(k: Tensor | float, m: Tensor | float, /) -> Tensor:
    """Return 1 - `pdtr`, accurate where that is near 1; differentiable in `m`.

    Parameters
    ----------
    k, m : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return binary(pdtrc_p, k, m)


def pdtri(k: Tensor | float, y: Tensor | float, /) -> Tensor:
    """Return the mean m for which `pdtr(k, m)` is `y`; differentiable in `y`.

    Parameters
    ----------
    k, y : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return binary(pdtri_p, k, y)


def bdtr(k: Tensor | float, n: Tensor | int, p: Tensor | float, /) -> Tensor:
    """Return the binomial distribution function at `k` of `n` trials; differentiable in `p`.

    Parameters
    ----------
    k, n, p : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return several(bdtr_p, k, n, p)  # type: ignore[no-any-return]


def bdtrc(k: Tensor | float, n: Tensor | int, p: Tensor | float, /) -> Tensor:
    """Return 1 - `bdtr`, accurate where that is near 1; differentiable in `p`.

    Parameters
    ----------
    k, n, p : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return several(bdtrc_p, k, n, p)  # type: ignore[no-any-return]


def bdtri(k: Tensor | float, n: Tensor | int, y: Tensor | float, /) -> Tensor:
    """Return the probability p for which `bdtr(k, n, p)` is `y`; differentiable in `y`.

    Parameters
    ----------
    k, n, y : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return several(bdtri_p, k, n, y)  # type: ignore[no-any-return]


def nbdtr(k: Tensor | int, n: Tensor | int, p: Tensor | float, /) -> Tensor:
    """Return the chance of at most `k` failures before `n` successes; differentiable in `p`.

    Parameters
    ----------
    k, n, p : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return several(nbdtr_p, k, n, p)  # type: ignore[no-any-return]


def nbdtrc(k: Tensor | int, n: Tensor | int, p: Tensor | float, /) -> Tensor:
    """Return 1 - `nbdtr`, accurate where that is near 1; differentiable in `p`.

    Parameters
    ----------
    k, n, p : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return several(nbdtrc_p, k, n, p)  # type: ignore[no-any-return]


def nbdtri(k: Tensor | int, n: Tensor | int, y: Tensor | float, /) -> Tensor:
    """Return the probability p for which `nbdtr(k, n, p)` is `y`; differentiable in `y`.

    Parameters
    ----------
    k, n, y : Tensor or scalar, real or bool, broadcast
        `k` is rounded down.

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
    return several(nbdtri_p, k, n, y)  # type: ignore[no-any-return]
