"""Student's distribution, the zeta function and hypergeometric functions."""

from typing import Any

from tensorxp._backend.special import library
from tensorxp._core.door import apply, binary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp.special.betas import betaln_p
from tensorxp.special.families import hypergeometric, of_scipy_several
from tensorxp.special.levels import call, no_derivative, several


def _student_density(xp: Any, df: Any, t: Any) -> Any:
    # (1 + t²/ν)^(-(ν+1)/2) / (√ν B(1/2, ν/2))
    half = xp.full_like(df, 0.5)
    tail = (df + 1) / 2 * xp.log1p(t * t / df)
    return xp.exp(-tail - call(xp, betaln_p, half, df / 2)) / xp.sqrt(df)


stdtr_p = elementwise(
    "stdtr",
    inputs=("df", "x"),
    forward=library("stdtr"),
    df=no_derivative("stdtr", "df"),
    x=lambda xp, ct, df, x: ct * _student_density(xp, df, x),
)
stdtrit_p = elementwise(
    "stdtrit",
    inputs=("df", "p"),
    forward=library("stdtrit"),
    df=no_derivative("stdtrit", "df"),
    p=lambda xp, ct, df, out: ct / _student_density(xp, df, out),
)


@of_scipy_several.see("stdtrit")
def stdtr(df: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return Student's distribution function; differentiable in `x`.

    `df` is the number of degrees of freedom. A gradient in `df` raises NotImplementedError.

    >>> xp.special.stdtr(3.0, xp.asarray([0.0, 1.0]))
    tensor([0.5   , 0.8045])
    """
    return binary(stdtr_p, df, x)


@of_scipy_several.see("stdtr")
def stdtrit(df: Tensor | float, p: Tensor | float, /) -> Tensor:
    """Return the quantile of Student's distribution, the inverse of `stdtr`; differentiable in `p`.

    `df` is the number of degrees of freedom, `p` is in [0, 1]. A gradient in `df` raises
    NotImplementedError.

    >>> xp.special.stdtrit(3.0, xp.asarray([0.5, 0.975]))
    tensor([0.    , 3.1824])
    """
    return binary(stdtrit_p, df, p)


_library_zeta = library("zeta")


def _zeta(xp: Any, x: Any, q: Any) -> Any:
    return _library_zeta(xp, x) if q is None else _library_zeta(xp, x, q)


# ζ(s, q) = Σ (q + k)^-s: ∂ζ/∂q = -s ζ(s + 1, q)
zeta_p: Primitive = elementwise(
    "zeta",
    inputs=("x", "q"),
    forward=_zeta,
    x=no_derivative("zeta", "x"),
    q=lambda xp, ct, x, q: -ct * (x * call(xp, zeta_p, x + 1, q)),
)


@hypergeometric.see("polygamma")
def zeta(x: Tensor | float, q: Tensor | float | None = None, /) -> Tensor:
    """Return the Hurwitz zeta function of `x` and `q`; without `q`, the Riemann zeta function.

    Differentiable in `q`.

    A gradient in `x` raises NotImplementedError.

    >>> xp.special.zeta(xp.asarray([2.0, 4.0]))
    tensor([1.6449, 1.0823])

    Parameters
    ----------
    q : Tensor or scalar, real, or None
    """
    return binary(zeta_p, x, q) if q is not None else apply(zeta_p, (x, None), {})


# d/dz F(a, b; c; z) = ab/c F(a+1, b+1; c+1; z), and likewise with fewer parameters
hyp0f1_p: Primitive = elementwise(
    "hyp0f1",
    inputs=("v", "x"),
    forward=library("hyp0f1"),
    scalars=True,
    v=no_derivative("hyp0f1", "v"),
    x=lambda xp, ct, v, x: ct * (call(xp, hyp0f1_p, v + 1, x) / v).conjugate(),
)
_moderate_hyp1f1 = library("hyp1f1")


def _hyp1f1(xp: Any, a: Any, b: Any, x: Any) -> Any:
    # SciPy does not return from a huge x, where the value is that of gamma(b) / gamma(a) exp(x)
    over = xp.asarray(x).real > 1e8
    if not xp.any(over) or xp.asarray(x).dtype.kind == "c":
        return _moderate_hyp1f1(xp, a, b, x)
    end = xp.where((xp.asarray(a) > 0) & (xp.asarray(b) > 0), xp.inf, xp.nan)
    found = _moderate_hyp1f1(xp, a, b, xp.where(over, xp.zeros_like(x), x))
    return xp.where(over, end, found).astype(found.dtype)


hyp1f1_p: Primitive = elementwise(
    "hyp1f1",
    inputs=("a", "b", "x"),
    forward=_hyp1f1,
    scalars=True,
    a=no_derivative("hyp1f1", "a"),
    b=no_derivative("hyp1f1", "b"),
    x=lambda xp, ct, a, b, x: ct * (a / b * call(xp, hyp1f1_p, a + 1, b + 1, x)).conjugate(),
)
hyp2f1_p: Primitive = elementwise(
    "hyp2f1",
    inputs=("a", "b", "c", "x"),
    forward=library("hyp2f1"),
    scalars=True,
    a=no_derivative("hyp2f1", "a"),
    b=no_derivative("hyp2f1", "b"),
    c=no_derivative("hyp2f1", "c"),
    x=lambda xp, ct, a, b, c, x: (
        ct * (a * b / c * call(xp, hyp2f1_p, a + 1, b + 1, c + 1, x)).conjugate()
    ),
)


@hypergeometric.see("hyp1f1")
def hyp0f1(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the confluent hypergeometric limit function 0F1(; v; x); differentiable in `x`.

    A gradient in `v` raises NotImplementedError.

    >>> xp.special.hyp0f1(1.0, xp.asarray([0.0, 1.0]))
    tensor([1.    , 2.2796])
    """
    return binary(hyp0f1_p, v, x)


@hypergeometric.see("hyp0f1, hyp2f1")
def hyp1f1(a: Tensor | float, b: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the confluent hypergeometric function 1F1(a; b; x); differentiable in `x`.

    A gradient in `a` or `b` raises NotImplementedError.

    >>> xp.special.hyp1f1(1.0, 2.0, xp.asarray([1.0]))
    tensor([1.7183])
    """
    return several(hyp1f1_p, a, b, x)  # type: ignore[no-any-return]


@hypergeometric.see("hyp1f1")
def hyp2f1(a: Tensor | float, b: Tensor | float, c: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return Gauss's hypergeometric function 2F1(a, b; c; x); differentiable in `x`.

    A gradient in `a`, `b` or `c` raises NotImplementedError.

    >>> xp.special.hyp2f1(1.0, 1.0, 2.0, xp.asarray([0.5]))
    tensor([1.3863])
    """
    return several(hyp2f1_p, a, b, c, x)  # type: ignore[no-any-return]
