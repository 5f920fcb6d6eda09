"""Comparisons, tests of single elements and logic; their boolean results have no gradient."""

from typing import Any

from tensorxp._core.door import apply, binary, promote, unary
from tensorxp._core.primitive import nondifferentiable
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import note_read, watching
from tensorxp._ops.families import comparison, predicate, unary_real

_PAIR = ("x1", "x2")

equal_p = nondifferentiable("equal", inputs=_PAIR)
not_equal_p = nondifferentiable("not_equal", inputs=_PAIR)
less_p = nondifferentiable("less", inputs=_PAIR)
less_equal_p = nondifferentiable("less_equal", inputs=_PAIR)
greater_p = nondifferentiable("greater", inputs=_PAIR)
greater_equal_p = nondifferentiable("greater_equal", inputs=_PAIR)


@comparison.see("not_equal, isclose")
def equal(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return whether each element of `x1` equals that of `x2`; NaN equals nothing.

    >>> xp.equal(xp.asarray([1, 2, 3]), xp.asarray([1, 5, 3]))
    tensor([ True, False,  True])
    """
    return binary(equal_p, x1, x2)


@comparison.see("equal")
def not_equal(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return whether each element of `x1` differs from that of `x2`; NaN always does.

    >>> xp.not_equal(xp.asarray([1, 2, 3]), xp.asarray([1, 5, 3]))
    tensor([False,  True, False])
    """
    return binary(not_equal_p, x1, x2)


@comparison.see("less_equal, greater")
def less(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return whether each element of `x1` is less than that of `x2`.

    Complex numbers are ordered by their real, then by their imaginary parts.

    >>> xp.less(xp.asarray([1, 2, 3]), 2)
    tensor([ True, False, False])
    """
    return binary(less_p, x1, x2)


@comparison.see("less, greater_equal")
def less_equal(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return whether each element of `x1` is at most that of `x2`, ordered as by `less`.

    >>> xp.less_equal(xp.asarray([1, 2, 3]), 2)
    tensor([ True,  True, False])
    """
    return binary(less_equal_p, x1, x2)


@comparison.see("greater_equal, less")
def greater(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return whether each element of `x1` is greater than that of `x2`, ordered as by `less`.

    >>> xp.greater(xp.asarray([1, 2, 3]), 2)
    tensor([False, False,  True])
    """
    return binary(greater_p, x1, x2)


@comparison.see("greater, less_equal")
def greater_equal(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return whether each element of `x1` is not less than that of `x2`, ordered as by `less`.

    Like all comparisons it is false where one is NaN.

    >>> xp.greater_equal(xp.asarray([1, 2, 3]), 2)
    tensor([False,  True,  True])
    """
    return binary(greater_equal_p, x1, x2)


isfinite_p = nondifferentiable("isfinite")
isinf_p = nondifferentiable("isinf")
isnan_p = nondifferentiable("isnan")
signbit_p = nondifferentiable("signbit")


@predicate.see("isinf, isnan")
def isfinite(x: Tensor, /) -> Tensor:
    """Return whether each element of `x` is finite; complex: both of its parts.

    >>> xp.isfinite(xp.asarray([1.0, xp.inf, xp.nan]))
    tensor([ True, False, False])
    """
    return unary(isfinite_p, x)


@predicate.see("isfinite, isnan")
def isinf(x: Tensor, /) -> Tensor:
    """Return whether each element of `x` is infinite; complex: one of its parts.

    >>> xp.isinf(xp.asarray([1.0, -xp.inf, xp.nan]))
    tensor([False,  True, False])
    """
    return unary(isinf_p, x)


@predicate.see("isfinite, nan_to_num")
def isnan(x: Tensor, /) -> Tensor:
    """Return whether each element of `x` is NaN; complex: one of its parts.

    >>> xp.isnan(xp.asarray([1.0, xp.inf, xp.nan]))
    tensor([False, False,  True])
    """
    return unary(isnan_p, x)


@unary_real.see("sign, copysign")
def signbit(x: Tensor, /) -> Tensor:
    """Return whether the sign bit of each element of `x` is set, as in -0.0.

    >>> xp.signbit(xp.asarray([-0.0, 0.0, -3.0]))
    tensor([ True, False,  True])

    Returns
    -------
    Tensor
        Shape of `x`, dtype bool.
    """
    return unary(signbit_p, x)


logical_and_p = nondifferentiable("logical_and", inputs=_PAIR)
logical_or_p = nondifferentiable("logical_or", inputs=_PAIR)
logical_xor_p = nondifferentiable("logical_xor", inputs=_PAIR)
logical_not_p = nondifferentiable("logical_not")


@comparison.see("logical_or, bitwise_and")
def logical_and(x1: Tensor | bool, x2: Tensor | bool, /) -> Tensor:
    """Return whether both elements of each pair are true; numbers are true if not 0.

    >>> xp.logical_and(xp.asarray([True, True]), xp.asarray([True, False]))
    tensor([ True, False])
    """
    return binary(logical_and_p, x1, x2)


@comparison.see("logical_and, bitwise_or")
def logical_or(x1: Tensor | bool, x2: Tensor | bool, /) -> Tensor:
    """Return whether an element of each pair is true; numbers are true if not 0.

    >>> xp.logical_or(xp.asarray([True, False]), xp.asarray([False, False]))
    tensor([ True, False])
    """
    return binary(logical_or_p, x1, x2)


@comparison.see("logical_or, not_equal")
def logical_xor(x1: Tensor | bool, x2: Tensor | bool, /) -> Tensor:
    """Return whether one element of each pair is true; numbers are true if not 0.

    >>> xp.logical_xor(xp.asarray([True, True]), xp.asarray([True, False]))
    tensor([False,  True])
    """
    return binary(logical_xor_p, x1, x2)


@predicate.see("bitwise_invert")
def logical_not(x: Tensor, /) -> Tensor:
    """Return whether each element of `x` is false; numbers are false if 0.

    >>> xp.logical_not(xp.asarray([True, False]))
    tensor([False,  True])
    """
    return unary(logical_not_p, x)


def _isclose_forward(xp: Any, x1: Any, x2: Any, rtol: Any, atol: Any, *, equal_nan: bool) -> Any:
    return xp.base.isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)


isclose_p = nondifferentiable(
    "isclose", forward=_isclose_forward, inputs=("x1", "x2", "rtol", "atol")
)


@comparison.see("allclose, equal")
def isclose(
    x1: Tensor | complex,
    x2: Tensor | complex,
    /,
    *,
    rtol: Tensor | float = 1e-05,
    atol: Tensor | float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    """Return whether |x1 - x2| ≤ atol + rtol |x2| for each pair; equal infinities are close.

    >>> xp.isclose(xp.asarray([1.0, 2.0]), xp.asarray([1.0, 2.1]))
    tensor([ True, False])

    Parameters
    ----------
    rtol, atol : Tensor or float
        Broadcast with the pair.
    equal_nan : bool
        Whether two NaN are close.
    """
    inputs = (*promote(isclose_p, x1, x2), rtol, atol)
    return apply(isclose_p, inputs, {"equal_nan": equal_nan})


@comparison.see("isclose")
def allclose(
    x1: Tensor | complex,
    x2: Tensor | complex,
    /,
    *,
    rtol: Tensor | float = 1e-05,
    atol: Tensor | float = 1e-08,
    equal_nan: bool = False,
) -> bool:
    """Return whether all pairs are close by `isclose`.

    >>> xp.allclose(xp.asarray([1.0, 2.0]), xp.asarray([1.0, 2.000001]))
    True

    Parameters
    ----------
    rtol, atol : Tensor or float
        Broadcast with the pair.
    equal_nan : bool
        Whether two NaN are close.

    Returns
    -------
    bool
        True also for the empty shape.
    """
    close = isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if watching:
        note_read(close)
    return bool(close._data.all())
