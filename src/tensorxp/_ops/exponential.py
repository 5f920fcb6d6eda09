"""Exponentials, logarithms and roots, real and complex."""

from math import log as _log
from typing import Any

from tensorxp._backend.arrays import conj, over, plus, times
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.families import binary_float, unary_float, unary_real_float

_LN_2, _LN_10 = _log(2), _log(10)

exp_p = elementwise("exp", x=lambda ct, out: times(ct, conj(out)))
exp2_p = elementwise("exp2", x=lambda ct, out: ct * (out.conjugate() * _LN_2))
# by x: out + 1 has lost exp(x) where x is far below 0
expm1_p = elementwise("expm1", x=lambda xp, ct, x: ct * xp.exp(x).conjugate())
log_p = elementwise("log", x=lambda ct, x: over(ct, conj(x)))
log1p_p = elementwise("log1p", x=lambda ct, x: over(ct, plus(conj(x), 1)))
log2_p = elementwise("log2", x=lambda ct, x: ct / x.conjugate() * (1 / _LN_2))
log10_p = elementwise("log10", x=lambda ct, x: ct / x.conjugate() * (1 / _LN_10))


@unary_float.see("log, expm1, exp2")
def exp(x: Tensor, /) -> Tensor:
    """Return e raised to each element of `x`.

    >>> xp.exp(xp.asarray([0.0, 1.0]))
    tensor([1.    , 2.7183])
    """
    return unary(exp_p, x)


@unary_float.see("log2, exp")
def exp2(x: Tensor, /) -> Tensor:
    """Return 2 raised to each element of `x`.

    >>> xp.exp2(xp.asarray([0.0, 3.0]))
    tensor([1., 8.])
    """
    return unary(exp2_p, x)


@unary_float.see("log1p, exp")
def expm1(x: Tensor, /) -> Tensor:
    """Return exp(x) - 1, accurate for elements near 0.

    >>> xp.expm1(xp.asarray([0.0, 1.0]))
    tensor([0.    , 1.7183])
    """
    return unary(expm1_p, x)


@unary_float.see("exp, log1p, log2, log10")
def log(x: Tensor, /) -> Tensor:
    """Return the natural logarithm of each element of `x`; complex: the principal branch.

    For real `x`: -inf at 0, NaN below.

    >>> xp.log(xp.asarray([1.0, 10.0]))
    tensor([0.    , 2.3026])
    """
    return unary(log_p, x)


@unary_float.see("expm1, log")
def log1p(x: Tensor, /) -> Tensor:
    """Return log(1 + x), accurate for elements near 0.

    >>> xp.log1p(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.6931])
    """
    return unary(log1p_p, x)


@unary_float.see("exp2, log")
def log2(x: Tensor, /) -> Tensor:
    """Return the logarithm to base 2 of each element of `x`.

    >>> xp.log2(xp.asarray([1.0, 8.0]))
    tensor([0., 3.])
    """
    return unary(log2_p, x)


@unary_float.see("log")
def log10(x: Tensor, /) -> Tensor:
    """Return the logarithm to base 10 of each element of `x`.

    >>> xp.log10(xp.asarray([1.0, 1000.0]))
    tensor([0., 3.])
    """
    return unary(log10_p, x)


# y = log(exp a + exp b): dy = σ(a - b) da + σ(b - a) db; equal infinities share by half
def _logaddexp_share(xp: Any, ct: Any, mine: Any, other: Any) -> Any:
    lead = mine - other
    moved = lead - mine
    rest = (mine - (lead - moved)) - (other + moved)  # what the difference lost by rounding
    lead = xp.where(mine == other, 0.0, lead)
    rest = xp.where(xp.abs(rest) < 1, rest, 0.0)
    e = xp.exp(-xp.abs(lead)) * (1 - xp.sign(lead) * rest)
    return ct * (xp.where(lead < 0, e, 1.0) / (1 + e))


logaddexp_p = elementwise(
    "logaddexp",
    x1=lambda xp, ct, x1, x2: _logaddexp_share(xp, ct, x1, x2),
    x2=lambda xp, ct, x1, x2: _logaddexp_share(xp, ct, x2, x1),
)


@binary_float.see("tensorxp.special.logsumexp")
def logaddexp(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return log(exp(x1) + exp(x2)) without overflow on the way.

    The gradients are exp(x - out); two equal infinities get half each.

    >>> xp.logaddexp(xp.asarray([0.0]), xp.asarray([0.0]))
    tensor([0.6931])
    """
    return binary(logaddexp_p, x1, x2)


sqrt_p = elementwise("sqrt", x=lambda ct, out: over(ct, times(conj(out), 2)))
cbrt_p = elementwise("cbrt", x=lambda ct, out: ct / (3 * out * out))


@unary_float.see("square, cbrt")
def sqrt(x: Tensor, /) -> Tensor:
    """Return the principal square root of each element of `x`; NaN for negative real `x`.

    The gradient at 0 is inf.

    >>> xp.sqrt(xp.asarray([4.0, 2.0]))
    tensor([2.    , 1.4142])
    """
    return unary(sqrt_p, x)


@unary_real_float.see("sqrt, pow")
def cbrt(x: Tensor, /) -> Tensor:
    """Return the real cube root of each element of `x`; the gradient at 0 is inf.

    >>> xp.cbrt(xp.asarray([8.0, -27.0]))
    tensor([ 2., -3.])
    """
    return unary(cbrt_p, x)
