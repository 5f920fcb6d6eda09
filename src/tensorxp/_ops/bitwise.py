"""Bitwise operations on integers and booleans; they have no gradient."""

from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import nondifferentiable
from tensorxp._core.tensor import Tensor
from tensorxp._ops.families import binary_integer, binary_shift, unary_numeric

_PAIR = ("x1", "x2")

bitwise_and_p = nondifferentiable("bitwise_and", inputs=_PAIR)
bitwise_or_p = nondifferentiable("bitwise_or", inputs=_PAIR)
bitwise_xor_p = nondifferentiable("bitwise_xor", inputs=_PAIR)
bitwise_left_shift_p = nondifferentiable("bitwise_left_shift", inputs=_PAIR)
bitwise_right_shift_p = nondifferentiable("bitwise_right_shift", inputs=_PAIR)
bitwise_invert_p = nondifferentiable("bitwise_invert")


@binary_integer.see("bitwise_or, logical_and")
def bitwise_and(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return x1 & x2 for each pair of elements.

    >>> xp.bitwise_and(xp.asarray([6, 12]), 10)
    tensor([2, 8])
    """
    return binary(bitwise_and_p, x1, x2)


@binary_integer.see("bitwise_and, logical_or")
def bitwise_or(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return x1 | x2 for each pair of elements.

    >>> xp.bitwise_or(xp.asarray([6, 12]), 1)
    tensor([ 7, 13])
    """
    return binary(bitwise_or_p, x1, x2)


@binary_integer.see("bitwise_or, logical_xor")
def bitwise_xor(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return x1 ^ x2 for each pair of elements.

    >>> xp.bitwise_xor(xp.asarray([6, 12]), 10)
    tensor([12,  6])
    """
    return binary(bitwise_xor_p, x1, x2)


@binary_shift.see("bitwise_right_shift")
def bitwise_left_shift(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return the bits of `x1` shifted left by `x2` places, zeros following.

    >>> xp.bitwise_left_shift(xp.asarray([1, 3]), 2)
    tensor([ 4, 12])
    """
    return binary(bitwise_left_shift_p, x1, x2)


@binary_shift.see("bitwise_left_shift")
def bitwise_right_shift(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return the bits of `x1` shifted right by `x2` places, the sign bit following.

    >>> xp.bitwise_right_shift(xp.asarray([4, 13]), 2)
    tensor([1, 3])
    """
    return binary(bitwise_right_shift_p, x1, x2)


@unary_numeric.see("logical_not")
def bitwise_invert(x: Tensor, /) -> Tensor:
    """Return each element of `x` with all bits inverted; booleans are negated.

    >>> xp.bitwise_invert(xp.asarray([0, 5]))
    tensor([-1, -6])

    Parameters
    ----------
    x : Tensor, integer or bool
    """
    return unary(bitwise_invert_p, x)
