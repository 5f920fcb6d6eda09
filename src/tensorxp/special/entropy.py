"""x log y and entropies, with their conventions at zero: all without SciPy."""

from typing import Any

from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import floating, in_double, real_floating
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import elementwise
from tensorxp._core.tensor import Tensor
from tensorxp.special.differences import deviance
from tensorxp.special.families import special_pair, special_real, special_several

_deviance = in_double(deviance)


def _pair(xp: Any, x1: Any, x2: Any) -> Any:
    """Return both as arrays of the promoted floating dtype."""
    x1, x2 = floating(xp, x1), floating(xp, x2)
    dtype = xp.result_type(x1, x2)
    return xp.asarray(x1, dtype=dtype), xp.asarray(x2, dtype=dtype)


def _product(xp: Any, log: Any, x1: Any, x2: Any) -> Any:
    """Return x1 log(x2), and 0 where x1 is 0 unless x2 is NaN."""
    x1, x2 = _pair(xp, x1, x2)
    with quiet():
        return xp.where((x1 == 0) & ~xp.isnan(x2), 0, x1 * log(x2))


# y = a log b: ∂y/∂a = log b, ∂y/∂b = a / b; where a = 0, the first is 0 unless log b is finite
def _xlogy_x1(xp: Any, ct: Any, x1: Any, x2: Any) -> Any:
    flat = (x1 == 0) & (x2 == 0)
    return ct * xp.where(flat, 0, xp.log(xp.where(flat, 1, x2))).conjugate()


def _xlogy_x2(xp: Any, ct: Any, x1: Any, x2: Any) -> Any:
    flat = (x1 == 0) & (x2 == 0)
    return ct * (x1 / xp.where(flat, 1, x2)).conjugate()


def _xlog1py_x1(xp: Any, ct: Any, x1: Any, x2: Any) -> Any:
    flat = (x1 == 0) & (x2 == -1)
    return ct * xp.where(flat, 0, xp.log1p(xp.where(flat, 0, x2))).conjugate()


def _xlog1py_x2(xp: Any, ct: Any, x1: Any, x2: Any) -> Any:
    flat = (x1 == 0) & (x2 == -1)
    return ct * (x1 / xp.where(flat, 1, x2 + 1)).conjugate()


xlogy_p = elementwise(
    "xlogy", forward=lambda xp, x1, x2: _product(xp, xp.log, x1, x2), x1=_xlogy_x1, x2=_xlogy_x2
)
xlog1py_p = elementwise(
    "xlog1py",
    forward=lambda xp, x1, x2: _product(xp, xp.log1p, x1, x2),
    x1=_xlog1py_x1,
    x2=_xlog1py_x2,
)


@special_pair.see("xlog1py, entr")
def xlogy(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return x1 log(x2), and 0 where `x1` is 0 unless `x2` is NaN.

    Where both are 0 both gradients are 0.

    >>> xp.special.xlogy(xp.asarray([0.0, 1.0]), xp.asarray([0.0, 2.0]))
    tensor([0.    , 0.6931])
    """
    return binary(xlogy_p, x1, x2)


@special_pair.see("xlogy")
def xlog1py(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return x1 log(1 + x2), and 0 where `x1` is 0 unless `x2` is NaN.

    Where `x1` is 0 and `x2` is -1 both gradients are 0.

    >>> xp.special.xlog1py(xp.asarray([0.0, 1.0]), xp.asarray([-1.0, 1.0]))
    tensor([0.    , 0.6931])
    """
    return binary(xlog1py_p, x1, x2)


def _entr(xp: Any, x: Any) -> Any:
    x = real_floating(xp, x)
    with quiet():
        return xp.where(x < 0, -xp.inf, xp.where(x == 0, 0, -x * xp.log(x)))


# y = -x log x: dy = -(1 + log x) dx
entr_p = elementwise("entr", forward=_entr, x=lambda xp, ct, x: -ct * (xp.log(x) + 1))


@special_real.see("rel_entr, xlogy")
def entr(x: Tensor, /) -> Tensor:
    """Return -x log(x), 0 at 0 (with gradient inf), -inf for negative `x` (gradient NaN).

    >>> xp.special.entr(xp.asarray([0.0, 0.5]))
    tensor([0.    , 0.3466])
    """
    return unary(entr_p, x)


def _log_quotient(xp: Any, x1: Any, x2: Any) -> Any:
    # log(a/b): near 1 by log1p, where a/b overflows or underflows as a difference
    ratio = x1 / x2
    close = (ratio > 0.5) & (ratio < 2)
    wild = (ratio < xp.finfo(ratio.dtype).smallest_normal) | (ratio == xp.inf)
    plain = xp.where(wild, xp.log(x1) - xp.log(x2), xp.log(xp.where(wild, 1, ratio)))
    return xp.where(close, xp.log1p((x1 - x2) / xp.where(close, x2, 1)), plain)


def _domain(xp: Any, x1: Any, x2: Any, inside: Any, at_zero: Any) -> Any:
    """Return `inside` where both are positive, `at_zero` where x1 is 0 and x2 not negative.

    Otherwise it is inf; NaN stays NaN.
    """
    out = xp.where((x1 > 0) & (x2 > 0), inside, xp.inf)
    out = xp.where((x1 == 0) & (x2 >= 0), at_zero, out)
    return xp.where(xp.isnan(x1) | xp.isnan(x2), xp.nan, out).astype(inside.dtype)


def _rel_entr(xp: Any, x1: Any, x2: Any) -> Any:
    x1, x2 = _pair(xp, real_floating(xp, x1), real_floating(xp, x2))
    with quiet():
        return _domain(xp, x1, x2, x1 * _log_quotient(xp, x1, x2), 0)


def _kl_div(xp: Any, x1: Any, x2: Any) -> Any:
    x1, x2 = _pair(xp, real_floating(xp, x1), real_floating(xp, x2))
    with quiet():
        return _domain(xp, x1, x2, _deviance(xp, x1, x2), x2)


# y = a log(a/b): ∂y/∂a = log(a/b) + 1, ∂y/∂b = -a/b, and 0 where both are 0
def _log_ratio(xp: Any, x1: Any, x2: Any) -> Any:
    empty = (x1 == 0) & (x2 == 0)
    return empty, _log_quotient(xp, xp.where(empty, 1, x1), xp.where(empty, 1, x2))


def _rel_entr_x1(xp: Any, ct: Any, x1: Any, x2: Any) -> Any:
    empty, log_ratio = _log_ratio(xp, x1, x2)
    return ct * xp.where(empty, 0, log_ratio + 1)


def _ratio(xp: Any, x1: Any, x2: Any) -> Any:
    return x1 / xp.where((x1 == 0) & (x2 == 0), 1, x2)


def _apart(xp: Any, x1: Any, x2: Any) -> Any:
    # 1 - a/b; near a = b the difference is exact
    x2 = xp.where(x2 == 0, 1, x2)
    return (x2 - x1) / x2


rel_entr_p = elementwise(
    "rel_entr",
    forward=_rel_entr,
    x1=_rel_entr_x1,
    x2=lambda xp, ct, x1, x2: -ct * _ratio(xp, x1, x2),
)
kl_div_p = elementwise(
    "kl_div",
    forward=_kl_div,
    x1=lambda xp, ct, x1, x2: ct * _log_ratio(xp, x1, x2)[1],
    x2=lambda xp, ct, x1, x2: ct * xp.where(x2 == 0, 1 - _ratio(xp, x1, x2), _apart(xp, x1, x2)),
)


@special_several.see("kl_div, entr")
def rel_entr(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return x1 log(x1 / x2): 0 where `x1` is 0 and x2 ≥ 0, inf outside of the domain.

    Where both are 0 both gradients are 0; where only `x1` is, its gradient is -inf.

    >>> xp.special.rel_entr(xp.asarray([0.5]), xp.asarray([0.25]))
    tensor([0.3466])
    """
    return binary(rel_entr_p, x1, x2)


@special_several.see("rel_entr, entr")
def kl_div(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return x1 log(x1 / x2) - x1 + x2: x2 where `x1` is 0 and x2 ≥ 0, inf outside.

    Where both are 0 the gradients are 0 and 1; where only `x1` is, its gradient is -inf.

    >>> xp.special.kl_div(xp.asarray([0.5]), xp.asarray([0.25]))
    tensor([0.0966])
    """
    return binary(kl_div_p, x1, x2)
