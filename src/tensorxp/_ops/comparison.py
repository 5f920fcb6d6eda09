"""Comparisons, tests of single elements and logic; their boolean results have no gradient."""

from typing import Any

from tensorxp._core.door import apply, binary, promote, unary
from tensorxp._core.primitive import nondifferentiable
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import note_read, watching

_PAIR = ("x1", "x2")

equal_p = nondifferentiable("equal", inputs=_PAIR)
not_equal_p = nondifferentiable("not_equal", inputs=_PAIR)
less_p = nondifferentiable("less", inputs=_PAIR)
less_equal_p = nondifferentiable("less_equal", inputs=_PAIR)
greater_p = nondifferentiable("greater", inputs=_PAIR)
greater_equal_p = nondifferentiable("greater_equal", inputs=_PAIR)


def equal(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return whether each element of `x1` equals that of `x2`; NaN equals nothing.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(equal_p, x1, x2)


def not_equal(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return whether each element of `x1` differs from that of `x2`; NaN always does.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(not_equal_p, x1, x2)


def less(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return whether each element of `x1` is less than that of `x2`.

    Complex numbers are ordered by their real, then by their imaginary parts.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(less_p, x1, x2)


def less_equal(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return whether each element of `x1` is at most that of `x2`, ordered as by `less`.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(less_equal_p, x1, x2)


def greater(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return whether each element of `x1` is greater than that of `x2`, ordered as by `less`.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(greater_p, x1, x2)


def greater_equal(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return whether each element of `x1` is not less than that of `x2`, ordered as by `less`.

    Like all comparisons it is false where one is NaN.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(greater_equal_p, x1, x2)


isfinite_p = nondifferentiable("isfinite")
isinf_p = nondifferentiable("isinf")
isnan_p = nondifferentiable("isnan")
signbit_p = nondifferentiable("signbit")


def isfinite(x: Tensor, /) -> Tensor:
    """Return whether each element of `x` is finite; complex: both of its parts.

    Parameters
    ----------
    x : Tensor, any dtype

    Returns
    -------
    Tensor
        Shape of `x`, dtype bool.

    Raises
    ------
    TypeError
        `x` is no Tensor.
    """
    return unary(isfinite_p, x)


def isinf(x: Tensor, /) -> Tensor:
    """Return whether each element of `x` is infinite; complex: one of its parts.

    Parameters
    ----------
    x : Tensor, any dtype

    Returns
    -------
    Tensor
        Shape of `x`, dtype bool.

    Raises
    ------
    TypeError
        `x` is no Tensor.
    """
    return unary(isinf_p, x)


def isnan(x: Tensor, /) -> Tensor:
    """Return whether each element of `x` is NaN; complex: one of its parts.

    Parameters
    ----------
    x : Tensor, any dtype

    Returns
    -------
    Tensor
        Shape of `x`, dtype bool.

    Raises
    ------
    TypeError
        `x` is no Tensor.
    """
    return unary(isnan_p, x)


def signbit(x: Tensor, /) -> Tensor:
    """Return whether the sign bit of each element of `x` is set, as in -0.0.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape of `x`, dtype bool.

    Raises
    ------
    TypeError
        `x` is no Tensor, or of another dtype.
    """
    return unary(signbit_p, x)


logical_and_p = nondifferentiable("logical_and", inputs=_PAIR)
logical_or_p = nondifferentiable("logical_or", inputs=_PAIR)
logical_xor_p = nondifferentiable("logical_xor", inputs=_PAIR)
logical_not_p = nondifferentiable("logical_not")


def logical_and(x1: Tensor | bool, x2: Tensor | bool, /) -> Tensor:
    """Return whether both elements of each pair are true; numbers are true if not 0.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(logical_and_p, x1, x2)


def logical_or(x1: Tensor | bool, x2: Tensor | bool, /) -> Tensor:
    """Return whether an element of each pair is true; numbers are true if not 0.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(logical_or_p, x1, x2)


def logical_xor(x1: Tensor | bool, x2: Tensor | bool, /) -> Tensor:
    """Return whether one element of each pair is true; numbers are true if not 0.

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    return binary(logical_xor_p, x1, x2)


def logical_not(x: Tensor, /) -> Tensor:
    """Return whether each element of `x` is false; numbers are false if 0.

    Parameters
    ----------
    x : Tensor, any dtype

    Returns
    -------
    Tensor
        Shape of `x`, dtype bool.

    Raises
    ------
    TypeError
        `x` is no Tensor.
    """
    return unary(logical_not_p, x)


def _isclose_forward(xp: Any, x1: Any, x2: Any, rtol: Any, atol: Any, *, equal_nan: bool) -> Any:
    return xp.base.isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)


isclose_p = nondifferentiable(
    "isclose", forward=_isclose_forward, inputs=("x1", "x2", "rtol", "atol")
)


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

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast
    rtol, atol : Tensor or float
        Broadcast with the pair.
    equal_nan : bool
        Whether two NaN are close.

    Returns
    -------
    Tensor
        The broadcast shape, dtype bool.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    inputs = (*promote(isclose_p, x1, x2), rtol, atol)
    return apply(isclose_p, inputs, {"equal_nan": equal_nan})


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

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast
    rtol, atol : Tensor or float
        Broadcast with the pair.
    equal_nan : bool
        Whether two NaN are close.

    Returns
    -------
    bool
        True also for the empty shape.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Operands of other types, that don't broadcast, or on two devices.
    """
    close = isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if watching:
        note_read(close)
    return bool(close._data.all())
