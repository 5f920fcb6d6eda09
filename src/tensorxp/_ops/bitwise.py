"""Bitwise operations on integers and booleans; they have no gradient."""

from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import nondifferentiable
from tensorxp._core.tensor import Tensor

_PAIR = ("x1", "x2")

bitwise_and_p = nondifferentiable("bitwise_and", inputs=_PAIR)
bitwise_or_p = nondifferentiable("bitwise_or", inputs=_PAIR)
bitwise_xor_p = nondifferentiable("bitwise_xor", inputs=_PAIR)
bitwise_left_shift_p = nondifferentiable("bitwise_left_shift", inputs=_PAIR)
bitwise_right_shift_p = nondifferentiable("bitwise_right_shift", inputs=_PAIR)
bitwise_invert_p = nondifferentiable("bitwise_invert")


def bitwise_and(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return x1 & x2 for each pair of elements.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, integer or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        Operands of other types or dtypes, that don't broadcast, Python ints beyond the dtype, or
        two devices.
    """
    return binary(bitwise_and_p, x1, x2)


def bitwise_or(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return x1 | x2 for each pair of elements.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, integer or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        Operands of other types or dtypes, that don't broadcast, Python ints beyond the dtype, or
        two devices.
    """
    return binary(bitwise_or_p, x1, x2)


def bitwise_xor(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return x1 ^ x2 for each pair of elements.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, integer or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        Operands of other types or dtypes, that don't broadcast, Python ints beyond the dtype, or
        two devices.
    """
    return binary(bitwise_xor_p, x1, x2)


def bitwise_left_shift(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return the bits of `x1` shifted left by `x2` places, zeros following.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, integer or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of bool int8.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        Operands of other types or dtypes, that don't broadcast, Python ints beyond the dtype, or
        two devices.
    """
    return binary(bitwise_left_shift_p, x1, x2)


def bitwise_right_shift(x1: Tensor | int, x2: Tensor | int, /) -> Tensor:
    """Return the bits of `x1` shifted right by `x2` places, the sign bit following.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, integer or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of bool int8.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        Operands of other types or dtypes, that don't broadcast, Python ints beyond the dtype, or
        two devices.
    """
    return binary(bitwise_right_shift_p, x1, x2)


def bitwise_invert(x: Tensor, /) -> Tensor:
    """Return each element of `x` with all bits inverted; booleans are negated.

    Parameters
    ----------
    x : Tensor, integer or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` is no Tensor, or of another dtype.
    """
    return unary(bitwise_invert_p, x)
