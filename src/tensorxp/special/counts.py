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
from tensorxp.special.families import of_scipy_several
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


@of_scipy_several.see("fdtrc, fdtri")
def fdtr(dfn: Tensor | float, dfd: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the F distribution function; differentiable in `x`.

    `dfn` and `dfd` are the degrees of freedom; a gradient in them raises NotImplementedError.

    >>> xp.special.fdtr(2.0, 4.0, xp.asarray([1.0]))
    tensor([0.5556])
    """
    return several(fdtr_p, dfn, dfd, x)  # type: ignore[no-any-return]


@of_scipy_several.see("fdtr")
def fdtrc(dfn: Tensor | float, dfd: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return 1 - `fdtr`, accurate where that is near 1; differentiable in `x`.

    `dfn` and `dfd` are the degrees of freedom; a gradient in them raises NotImplementedError.

    >>> xp.special.fdtrc(2.0, 4.0, xp.asarray([1.0]))
    tensor([0.4444])
    """
    return several(fdtrc_p, dfn, dfd, x)  # type: ignore[no-any-return]


@of_scipy_several.see("fdtr")
def fdtri(dfn: Tensor | float, dfd: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the quantile of the F distribution, the inverse of `fdtr`; differentiable in `x`.

    `dfn` and `dfd` are the degrees of freedom, `x` is a probability; a gradient in the former
    raises NotImplementedError.

    >>> xp.special.fdtri(2.0, 4.0, xp.asarray([0.5]))
    tensor([0.8284])
    """
    return several(fdtri_p, dfn, dfd, x)  # type: ignore[no-any-return]


@of_scipy_several.see("chdtrc")
def chdtri(v: Tensor | float, p: Tensor | float, /) -> Tensor:
    """Return the inverse of `chdtrc` in its last argument; differentiable in `p`.

    `v` is the number of degrees of freedom, `p` is in [0, 1]. A gradient in `v` raises
    NotImplementedError.

    >>> xp.special.chdtri(2.0, xp.asarray([0.5]))
    tensor([1.3863])
    """
    return binary(chdtri_p, v, p)


@of_scipy_several.see("gdtrc, gammainc")
def gdtr(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the gamma distribution function of rate `a` and shape `b`; differentiable in all.

    A second derivative in `b` alone raises NotImplementedError.

    >>> xp.special.gdtr(1.0, 2.0, xp.asarray([1.0]))
    tensor([0.2642])
    """
    return several(gdtr_p, a, b, x)  # type: ignore[no-any-return]


@of_scipy_several.see("gdtr, gammaincc")
def gdtrc(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return 1 - `gdtr`, accurate where that is near 1; differentiable in all.

    A second derivative in `b` alone raises NotImplementedError.

    >>> xp.special.gdtrc(1.0, 2.0, xp.asarray([1.0]))
    tensor([0.7358])
    """
    return several(gdtrc_p, a, b, x)  # type: ignore[no-any-return]


@of_scipy_several.see("pdtrc, pdtri")
def pdtr(k: Tensor | float, m: Tensor | float, /) -> Tensor:
    """Return the Poisson distribution function at `k` for mean `m`; differentiable in `m`.

    `k` is rounded down.

    >>> xp.special.pdtr(1.0, xp.asarray([2.0]))
    tensor([0.406])
    """
    return binary(pdtr_p, k, m)


@of_scipy_several.see("pdtr")
def pdtrc(k: Tensor | float, m: Tensor | float, /) -> Tensor:
    """Return 1 - `pdtr`, accurate where that is near 1; differentiable in `m`.

    `k` is rounded down.

    >>> xp.special.pdtrc(1.0, xp.asarray([2.0]))
    tensor([0.594])
    """
    return binary(pdtrc_p, k, m)


@of_scipy_several.see("pdtr")
def pdtri(k: Tensor | float, y: Tensor | float, /) -> Tensor:
    """Return the mean m for which `pdtr(k, m)` is `y`; differentiable in `y`.

    `k` is rounded down.

    >>> xp.special.pdtri(1.0, xp.asarray([0.406]))
    tensor([2.])
    """
    return binary(pdtri_p, k, y)


@of_scipy_several.see("bdtrc, bdtri")
def bdtr(k: Tensor | float, n: Tensor | int, p: Tensor | float, /) -> Tensor:
    """Return the binomial distribution function at `k` of `n` trials; differentiable in `p`.

    `k` is rounded down.

    >>> xp.special.bdtr(1, xp.asarray(4), xp.asarray([0.5]))
    tensor([0.3125])
    """
    return several(bdtr_p, k, n, p)  # type: ignore[no-any-return]


@of_scipy_several.see("bdtr")
def bdtrc(k: Tensor | float, n: Tensor | int, p: Tensor | float, /) -> Tensor:
    """Return 1 - `bdtr`, accurate where that is near 1; differentiable in `p`.

    `k` is rounded down.

    >>> xp.special.bdtrc(1, xp.asarray(4), xp.asarray([0.5]))
    tensor([0.6875])
    """
    return several(bdtrc_p, k, n, p)  # type: ignore[no-any-return]


@of_scipy_several.see("bdtr")
def bdtri(k: Tensor | float, n: Tensor | int, y: Tensor | float, /) -> Tensor:
    """Return the probability p for which `bdtr(k, n, p)` is `y`; differentiable in `y`.

    `k` is rounded down.

    >>> xp.special.bdtri(1, xp.asarray(4), xp.asarray([0.3125]))
    tensor([0.5])
    """
    return several(bdtri_p, k, n, y)  # type: ignore[no-any-return]


@of_scipy_several.see("nbdtrc, nbdtri")
def nbdtr(k: Tensor | int, n: Tensor | int, p: Tensor | float, /) -> Tensor:
    """Return the chance of at most `k` failures before `n` successes; differentiable in `p`.

    `k` is rounded down.

    >>> xp.special.nbdtr(1.0, 2.0, xp.asarray([0.5]))
    tensor([0.5])
    """
    return several(nbdtr_p, k, n, p)  # type: ignore[no-any-return]


@of_scipy_several.see("nbdtr")
def nbdtrc(k: Tensor | int, n: Tensor | int, p: Tensor | float, /) -> Tensor:
    """Return 1 - `nbdtr`, accurate where that is near 1; differentiable in `p`.

    `k` is rounded down.

    >>> xp.special.nbdtrc(1.0, 2.0, xp.asarray([0.5]))
    tensor([0.5])
    """
    return several(nbdtrc_p, k, n, p)  # type: ignore[no-any-return]


@of_scipy_several.see("nbdtr")
def nbdtri(k: Tensor | int, n: Tensor | int, y: Tensor | float, /) -> Tensor:
    """Return the probability p for which `nbdtr(k, n, p)` is `y`; differentiable in `y`.

    `k` is rounded down.

    >>> xp.special.nbdtri(1.0, 2.0, xp.asarray([0.5]))
    tensor([0.5])
    """
    return several(nbdtri_p, k, n, y)  # type: ignore[no-any-return]
