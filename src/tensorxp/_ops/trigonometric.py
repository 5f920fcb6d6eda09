"""Trigonometric and hyperbolic functions and their inverses, real and complex.

The derivatives of inverse functions keep the sign of a zero imaginary part, so that on a
branch cut they belong to the same side as the value: hence `x - -1`, since `x + 1` loses it.
"""

from math import pi
from typing import Any

from tensorxp._backend.arrays import call1, conj, minus, negated, times
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import elementwise, linear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.families import binary_float, unary_float, unary_real_float

_RADIANS, _DEGREES = pi / 180, 180 / pi


def _asin_slope(xp: Any, x: Any) -> Any:
    # sqrt(1 - x²), by factors: exact near x = 1
    if xp.isdtype(x.dtype, "complex floating"):
        return xp.sqrt(-((x - 1) * (x - -1))).conjugate()
    return xp.sqrt((1 - x) * (1 + x))


def _unit_hypot(xp: Any, x: Any) -> Any:
    """Return sqrt(1 + x²), which does not overflow before x does."""
    if xp.isdtype(x.dtype, "complex floating"):
        return xp.sqrt(x * x - -1)
    return xp.hypot(x, xp.ones_like(x))


def _atan_slope(xp: Any, ct: Any, x: Any) -> Any:
    if xp.isdtype(x.dtype, "complex floating"):
        return ct / (x * x + 1).conjugate()
    r = _unit_hypot(xp, x)
    return ct / r / r


sin_p = elementwise("sin", x=lambda xp, ct, x: times(ct, conj(call1(xp.cos, x))))
cos_p = elementwise("cos", x=lambda xp, ct, x: times(ct, conj(negated(call1(xp.sin, x)))))
tan_p = elementwise("tan", x=lambda ct, out: ct * (out * out + 1).conjugate())
asin_p = elementwise("asin", x=lambda xp, ct, x: ct / _asin_slope(xp, x))
acos_p = elementwise("acos", x=lambda xp, ct, x: -ct / _asin_slope(xp, x))
atan_p = elementwise("atan", x=_atan_slope)
sinh_p = elementwise("sinh", x=lambda xp, ct, x: ct * xp.cosh(x).conjugate())
cosh_p = elementwise("cosh", x=lambda xp, ct, x: ct * xp.sinh(x).conjugate())
# by `out`, as PyTorch: `x` may be written to. Where it rounds to ±1, the derivative is 0
tanh_p = elementwise("tanh", x=lambda ct, out: times(ct, conj(minus(1, times(out, out)))))
asinh_p = elementwise("asinh", x=lambda xp, ct, x: ct / _unit_hypot(xp, x).conjugate())
acosh_p = elementwise(
    "acosh", x=lambda xp, ct, x: ct / (xp.sqrt(x - 1) * xp.sqrt(x - -1)).conjugate()
)
atanh_p = elementwise("atanh", x=lambda ct, x: ct / ((1 - x) * (1 + x)).conjugate())


@unary_float.see("cos, asin")
def sin(x: Tensor, /) -> Tensor:
    """Return the sine of each element of `x`, in radians.

    >>> xp.sin(xp.asarray([0.0, 1.5]))
    tensor([0.    , 0.9975])
    """
    return unary(sin_p, x)


@unary_float.see("sin, acos")
def cos(x: Tensor, /) -> Tensor:
    """Return the cosine of each element of `x`, in radians.

    >>> xp.cos(xp.asarray([0.0, 1.5]))
    tensor([1.    , 0.0707])
    """
    return unary(cos_p, x)


@unary_float.see("sin, atan")
def tan(x: Tensor, /) -> Tensor:
    """Return the tangent of each element of `x`, in radians.

    >>> xp.tan(xp.asarray([0.0, 1.5]))
    tensor([ 0.    , 14.1014])
    """
    return unary(tan_p, x)


@unary_float.see("sin, asinh")
def asin(x: Tensor, /) -> Tensor:
    """Return the principal arcsine of each element of `x`; NaN beyond ±1 for real `x`.

    The gradient at ±1 is inf.

    >>> xp.asin(xp.asarray([0.0, 1.0]))
    tensor([0.    , 1.5708])
    """
    return unary(asin_p, x)


@unary_float.see("cos, acosh")
def acos(x: Tensor, /) -> Tensor:
    """Return the principal arccosine of each element of `x`; NaN beyond ±1 for real `x`.

    The gradient at ±1 is -inf.

    >>> xp.acos(xp.asarray([1.0, 0.0]))
    tensor([0.    , 1.5708])
    """
    return unary(acos_p, x)


@unary_float.see("tan, atan2")
def atan(x: Tensor, /) -> Tensor:
    """Return the principal arctangent of each element of `x`.

    >>> xp.atan(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.7854])
    """
    return unary(atan_p, x)


@unary_float.see("cosh, asinh")
def sinh(x: Tensor, /) -> Tensor:
    """Return the hyperbolic sine of each element of `x`.

    >>> xp.sinh(xp.asarray([0.0, 1.0]))
    tensor([0.    , 1.1752])
    """
    return unary(sinh_p, x)


@unary_float.see("sinh, acosh")
def cosh(x: Tensor, /) -> Tensor:
    """Return the hyperbolic cosine of each element of `x`.

    >>> xp.cosh(xp.asarray([0.0, 1.0]))
    tensor([1.    , 1.5431])
    """
    return unary(cosh_p, x)


@unary_float.see("atanh, sinh")
def tanh(x: Tensor, /) -> Tensor:
    """Return the hyperbolic tangent of each element of `x`.

    >>> xp.tanh(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.7616])
    """
    return unary(tanh_p, x)


@unary_float.see("sinh, asin")
def asinh(x: Tensor, /) -> Tensor:
    """Return the inverse hyperbolic sine of each element of `x`.

    >>> xp.asinh(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.8814])
    """
    return unary(asinh_p, x)


@unary_float.see("cosh, acos")
def acosh(x: Tensor, /) -> Tensor:
    """Return the inverse hyperbolic cosine of each element of `x`; NaN below 1 for real `x`.

    The gradient at 1 is inf.

    >>> xp.acosh(xp.asarray([1.0, 2.0]))
    tensor([0.   , 1.317])
    """
    return unary(acosh_p, x)


@unary_float.see("tanh, atan")
def atanh(x: Tensor, /) -> Tensor:
    """Return the inverse hyperbolic tangent of each element of `x`; NaN beyond ±1 for real `x`.

    At ±1 the gradient is inf.

    >>> xp.atanh(xp.asarray([0.0, 0.5]))
    tensor([0.    , 0.5493])
    """
    return unary(atanh_p, x)


# y = arg(b + ai): dy = (b da - a db) / r², r = hypot(a, b), and 0 at the origin
def _over_square(xp: Any, value: Any, x1: Any, x2: Any) -> Any:
    r = xp.hypot(x1, x2)
    r = xp.where(r == 0, 1.0, r)
    return value / r / r


atan2_p = elementwise(
    "atan2",
    x1=lambda xp, ct, x1, x2: ct * _over_square(xp, x2, x1, x2),
    x2=lambda xp, ct, x1, x2: -ct * _over_square(xp, x1, x1, x2),
)


@binary_float.see("atan, angle")
def atan2(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the angle of each point (x2, x1) in [-π, π]; the gradients at (0, 0) are 0.

    >>> xp.atan2(xp.asarray([1.0, -1.0]), xp.asarray([1.0, -1.0]))
    tensor([ 0.7854, -2.3562])
    """
    return binary(atan2_p, x1, x2)


deg2rad_p = linear("deg2rad", batched=True, x=lambda ct: ct * _RADIANS)
rad2deg_p = linear("rad2deg", batched=True, x=lambda ct: ct * _DEGREES)


@unary_real_float.see("rad2deg")
def deg2rad(x: Tensor, /) -> Tensor:
    """Return each element of `x` turned from degrees into radians.

    >>> xp.deg2rad(xp.asarray([90.0, 180.0]))
    tensor([1.5708, 3.1416])
    """
    return unary(deg2rad_p, x)


@unary_real_float.see("deg2rad")
def rad2deg(x: Tensor, /) -> Tensor:
    """Return each element of `x` turned from radians into degrees.

    >>> xp.rad2deg(xp.asarray([xp.pi, 1.0]))
    tensor([180.    ,  57.2958])
    """
    return unary(rad2deg_p, x)
