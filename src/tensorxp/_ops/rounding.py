"""Rounding: integers as they are, floats to whole numbers of their dtype.

These functions are constant almost everywhere: they are recorded, and their gradient is zero.
"""

from typing import Any

from tensorxp._backend.families import see
from tensorxp._backend.quiet import quiet
from tensorxp._core.door import single, unary
from tensorxp._core.primitive import elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import integer
from tensorxp._ops.families import unary_real


def _zero(xp: Any, ct: Any) -> Any:
    return xp.zeros_like(ct)


ceil_p = elementwise("ceil", x=_zero)
floor_p = elementwise("floor", x=_zero)
round_p = elementwise("round", x=_zero)
trunc_p = elementwise("trunc", x=_zero)


def _round_to(xp: Any, x: Any, *, decimals: int) -> Any:
    """Round to decimal places also where their power of ten is beyond the dtype."""
    if x.dtype.kind not in "fc":
        return xp.round(x, decimals) if decimals > -20 else xp.zeros_like(x)
    with quiet():
        out = xp.round(x, max(-400, min(decimals, 400)))
        lost = xp.isnan(out) if decimals < 0 else ~xp.isfinite(out)
        if not lost.any():
            return out
        return xp.where(lost, x if decimals > 0 else xp.where(xp.isfinite(x), x * 0, x), out)


round_to_p = elementwise("round_to", forward=_round_to, x=_zero)


@unary_real.see("floor, round, trunc")
def ceil(x: Tensor, /) -> Tensor:
    """Return the smallest integer not below each element of `x`; the gradient is zero.

    >>> xp.ceil(xp.asarray([-1.5, 1.2]))
    tensor([-1.,  2.])
    """
    return unary(ceil_p, x)


@unary_real.see("ceil, round, trunc")
def floor(x: Tensor, /) -> Tensor:
    """Return the greatest integer not above each element of `x`; the gradient is zero.

    >>> xp.floor(xp.asarray([-1.5, 1.2]))
    tensor([-2.,  1.])
    """
    return unary(floor_p, x)


@see("floor, ceil, trunc")
def round(x: Tensor, /, decimals: int = 0) -> Tensor:
    """Return each element of `x` rounded to an integer or a place, the even one in the middle.

    Complex elements are rounded by parts. The gradient is zero.

    >>> xp.round(xp.asarray([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])

    Parameters
    ----------
    x : Tensor, any dtype
    decimals : int
        Places behind the decimal point; negative ones are before it.

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of bool float16.

    Raises
    ------
    TypeError
        `x` is no Tensor, `decimals` no integer.
    """
    if decimals.__class__ is int and not decimals:
        return unary(round_p, x)
    return single(round_to_p, x, {"decimals": integer("round", "decimals", decimals)})


@unary_real.see("floor, ceil, round")
def trunc(x: Tensor, /) -> Tensor:
    """Return each element of `x` without its fraction; the gradient is zero.

    >>> xp.trunc(xp.asarray([-1.5, 1.2]))
    tensor([-1.,  1.])
    """
    return unary(trunc_p, x)
