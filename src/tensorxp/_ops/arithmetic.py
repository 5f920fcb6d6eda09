"""Arithmetic: sums, products, quotients, powers, absolute values, and what chooses between values.

Operands are Tensors or, beside one, Python scalars, which promote weakly.
"""

from typing import Any

from tensorxp._backend import kernels
from tensorxp._backend.arrays import call1, call2, conj, negated, over, times
from tensorxp._backend.device import cpu
from tensorxp._backend.families import see
from tensorxp._core.door import apply, binary, is_numpy_value, unary, wrap
from tensorxp._core.primitive import Primitive, elementwise, linear
from tensorxp._core.rules import same
from tensorxp._core.tensor import Tensor, TensorBase
from tensorxp._ops.beside import tensors
from tensorxp._ops.casting import astype_p
from tensorxp._ops.families import binary_any, binary_float, binary_real, unary_any, unary_numeric

add_p = elementwise("add", scalars=True, x1=same, x2=same)
subtract_p = elementwise("subtract", scalars=True, x1=same, x2=lambda ct: negated(ct))
multiply_p = elementwise(
    "multiply",
    scalars=True,
    x1=lambda ct, x2: times(ct, conj(x2)),
    x2=lambda ct, x1: times(ct, conj(x1)),
)


def _divide_x2(ct: Any, x1: Any, x2: Any) -> Any:
    # y = a / b: dy = da / b - a db / b²; y is not saved, so that it may be written to
    if ct.__class__ is x2.__class__ and ct.size > x2.size >= 1:
        found = kernels.dot_slope(ct, x1, x2.shape)
        if found is not None:
            return -found / x2 / x2
    # not by 1 / b, which overflows for b that a / b² does not
    return times(ct, negated(over(over(conj(x1), conj(x2)), conj(x2))))


divide_p = elementwise(
    "divide",
    scalars=True,
    x1=lambda ct, x2: over(ct, conj(x2)),
    x2=_divide_x2,
)


@binary_any.see("subtract")
def add(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return the sum of each element of `x1` with the respective element of `x2`.

    >>> xp.add(xp.asarray([1, 2]), 0.5)
    tensor([1.5, 2.5])
    """
    return binary(add_p, x1, x2)


@binary_any.see("add")
def subtract(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return the difference of each element of `x1` and the respective element of `x2`.

    >>> xp.subtract(xp.asarray([1, 2]), xp.asarray([3, 5]))
    tensor([-2, -3])

    Parameters
    ----------
    x1, x2 : Tensor or scalar, numeric, broadcast
    """
    return binary(subtract_p, x1, x2)


@binary_any.see("divide")
def multiply(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return the product of each element of `x1` with the respective element of `x2`.

    >>> xp.multiply(xp.asarray([1.0, 2.0]), xp.asarray([[2.0], [3.0]]))
    tensor([[2., 4.],
            [3., 6.]])
    """
    return binary(multiply_p, x1, x2)


@binary_any.see("floor_divide, remainder")
def divide(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return the quotient of each element of `x1` by the respective element of `x2`.

    >>> xp.divide(xp.asarray([1.0, 2.0]), 4)
    tensor([0.25, 0.5 ])

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool float64.
    """
    return binary(divide_p, x1, x2)


def _floor_divide_zero(xp: Any, ct: Any) -> Any:
    return xp.zeros_like(ct)


floor_divide_p = elementwise(
    "floor_divide", scalars=True, x1=_floor_divide_zero, x2=_floor_divide_zero
)
# y = a - b floor(a / b), and the floor is constant almost everywhere
remainder_p = elementwise(
    "remainder",
    scalars=True,
    x1=lambda ct: ct,
    x2=lambda xp, ct, x1, x2: -ct * xp.floor_divide(x1, x2),
)


@binary_real.see("remainder, divide")
def floor_divide(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the greatest integers not above the quotients of `x1` by `x2`.

    An infinite operand gives the floor of the true quotient. The gradients are zero.

    >>> xp.floor_divide(xp.asarray([7, -7]), 2)
    tensor([ 3, -4])
    """
    return binary(floor_divide_p, x1, x2)


@binary_real.see("floor_divide")
def remainder(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the remainders of `x1` divided by `x2`, with the sign of `x2`.

    The gradients are 1 for `x1` and -floor(x1 / x2) for `x2`, also at the jumps.

    >>> xp.remainder(xp.asarray([7, -7]), 3)
    tensor([1, 2])
    """
    return binary(remainder_p, x1, x2)


negative_p = linear("negative", batched=True, x=lambda ct: negated(ct))
positive_p = linear("positive", batched=True, x=lambda ct: ct)
reciprocal_p = elementwise("reciprocal", x=lambda ct, out: -ct * (out * out).conjugate())
square_p = elementwise("square", x=lambda ct, x: times(ct, times(conj(x), 2)))


@unary_numeric.see("positive")
def negative(x: Tensor, /) -> Tensor:
    """Return each element of `x` with its sign changed; unsigned ones modulo 2 to their bits.

    >>> xp.negative(xp.asarray([1, -2]))
    tensor([-1,  2])
    """
    return unary(negative_p, x)


@unary_numeric.see("negative")
def positive(x: Tensor, /) -> Tensor:
    """Return a copy of `x`.

    >>> xp.positive(xp.asarray([1, -2]))
    tensor([ 1, -2])
    """
    return unary(positive_p, x)


@unary_any.see("divide")
def reciprocal(x: Tensor, /) -> Tensor:
    """Return 1 / x for each element of `x`, truncated for integers.

    >>> xp.reciprocal(xp.asarray([2.0, 4.0]))
    tensor([0.5 , 0.25])
    """
    return unary(reciprocal_p, x)


@unary_any.see("pow, sqrt")
def square(x: Tensor, /) -> Tensor:
    """Return x * x for each element of `x`.

    >>> xp.square(xp.asarray([1.0, -3.0]))
    tensor([1., 9.])
    """
    return unary(square_p, x)


def power_below(xp: Any, x1: Any, x2: Any) -> Any:
    # x1**(x2 - 1), times x1**rest, where rest is what x2 - 1 has lost by rounding
    lower = x2 - 1
    power = xp.pow(x1, lower)
    if xp.isdtype(power.dtype, "complex floating"):
        return power
    rest = xp.where(xp.abs(x2) < 1, x2 - (lower + 1), (x2 - lower) - 1)
    if not isinstance(rest, Tensor) and not rest.any():
        return power
    return power * (1 + rest * xp.log(xp.where(x1 > 0, x1, 1.0)))


def _pow_x1(xp: Any, ct: Any, x1: Any, x2: Any) -> Any:
    # d x1**x2 = x2 x1**(x2 - 1) dx1, and 0 where x2 is 0, also at x1 = 0 and NaN
    if isinstance(x2, (int, float, complex)):
        if x2 == 0:
            return xp.zeros_like(ct)
        if x2 == 1:
            return ct
        if isinstance(x2, complex) or 2 * x2 % 1 == 0:  # then x2 - 1 is exact
            slope = times(x1, 2) if x2 == 2 else times(xp.pow(x1, x2 - 1), x2)
            return times(ct, conj(slope))
        x2 = xp.asarray(x2, dtype=x1.dtype, device=x1.device)
    x2 = xp.astype(x2, ct.dtype, copy=False)
    flat = (x2 == 0) & ((x1 == 0) | (x1 != x1))
    safe = xp.where(flat, 1.0, x2)
    return ct * xp.where(flat, 0.0, safe * power_below(xp, x1, safe)).conjugate()


def _pow_x2(xp: Any, ct: Any, x1: Any, x2: Any, out: Any) -> Any:
    # d x1**x2 = x1**x2 log(x1) dx2, and 0 where x1 is 0 and the real exponent not below 0
    if isinstance(x1, (int, float, complex)):
        x1 = xp.asarray(x1, dtype=ct.dtype, device=ct.device)
    x1 = xp.astype(x1, ct.dtype, copy=False)
    if xp.isdtype(x2.dtype, "complex floating"):
        flat = (x1 == 0) & (xp.imag(x2) == 0) & (xp.real(x2) >= 0)
    else:
        flat = (x1 == 0) & (x2 >= 0)
    return ct * (out * xp.log(xp.where(flat, 1.0, x1))).conjugate()


pow_p = elementwise("pow", scalars=True, x1=_pow_x1, x2=_pow_x2)


@see("square, sqrt")
def pow(x1: Tensor | complex, x2: Tensor | complex, /) -> Tensor:
    """Return each element of `x1` raised to the respective element of `x2`.

    Gradients at zeros: for `x1` it is 0 where the exponent is 0, for `x2` it is 0 where the base is
    0 and the exponent not negative. A negative real base has a NaN gradient for `x2`.

    >>> xp.pow(xp.asarray([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of bool int8.

    Raises
    ------
    TypeError, OverflowError, DeviceError
        Operands of other types, Python ints beyond the dtype, or two devices.
    ValueError
        Shapes that don't broadcast, or integers to negative integer powers.
    """
    return binary(pow_p, x1, x2)


abs_p = Primitive("abs", "general", ("x",))


# d|x| = Re(conj(sign x) dx), and sign is 0 at 0
@abs_p.vjp
def _(xp: Any, ct: Any, x: Any) -> Any:
    return times(ct, call1(xp.sign, x))


@abs_p.jvp
def _(xp: Any, t: Any, x: Any) -> Any:
    return xp.real(t * xp.sign(x).conjugate())


abs_p.batched = True


sign_p = elementwise("sign", x=lambda xp, ct: xp.zeros_like(ct))


# y = x / |x|, complex: dy = (dx - y Re(conj(y) dx)) / |x|, which is its own adjoint
def _complex_sign_rule(xp: Any, ct: Any, x: Any) -> Any:
    zero = x == 0
    size = xp.abs(xp.where(zero, 1.0, x))
    out = x / size
    return xp.where(zero, 0.0, (ct - out * xp.real(out.conjugate() * ct)) / size)


complex_sign_p = Primitive(
    "complex_sign", "general", ("x",), forward=lambda xp, x: xp.sign(x), batched=True
)
complex_sign_p.vjp(_complex_sign_rule)


@complex_sign_p.jvp
def _(xp: Any, t: Any, x: Any) -> Any:
    return _complex_sign_rule(xp, t, x)


@unary_any.see("sign")
def abs(x: Tensor, /) -> Tensor:
    """Return the absolute value of each element of `x`; its gradient at 0 is 0.

    >>> xp.abs(xp.asarray([-1.5, 2.0]))
    tensor([1.5, 2. ])

    Returns
    -------
    Tensor
        Shape of `x`, and its dtype: of complex, the real one of the same precision.
    """
    return unary(abs_p, x)


@unary_numeric.see("signbit, copysign")
def sign(x: Tensor, /) -> Tensor:
    """Return the sign of each element of `x`: -1, 0 or 1, and x / |x| for complex `x`.

    The gradient is 0 for real `x`, and for complex `x` at 0.

    >>> xp.sign(xp.asarray([-2.0, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """
    turns = isinstance(x, TensorBase) and x._data.dtype.kind == "c"
    return unary(complex_sign_p if turns else sign_p, x)


# y = sqrt(a² + b²): dy = (a da + b db) / y, and 0 at the origin
hypot_p = elementwise(
    "hypot",
    x1=lambda xp, ct, x1, out: ct * (x1 / xp.where(out == 0, 1.0, out)),
    x2=lambda xp, ct, x2, out: ct * (x2 / xp.where(out == 0, 1.0, out)),
)


@binary_float.see("abs")
def hypot(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return sqrt(x1² + x2²) without overflow on the way; the gradient at (0, 0) is 0.

    >>> xp.hypot(xp.asarray([3.0]), xp.asarray([4.0]))
    tensor([5.])
    """
    return binary(hypot_p, x1, x2)


# the greater takes the cotangent, at a tie each takes half; a NaN hands it to both
maximum_p = elementwise(
    "maximum",
    scalars=True,
    x1=lambda xp, ct, x1, x2: xp.where(x1 == x2, ct * 0.5, xp.where(x1 < x2, 0.0, ct)),
    x2=lambda xp, ct, x1, x2: xp.where(x1 == x2, ct * 0.5, xp.where(x2 < x1, 0.0, ct)),
)
minimum_p = elementwise(
    "minimum",
    scalars=True,
    x1=lambda xp, ct, x1, x2: xp.where(x1 == x2, ct * 0.5, xp.where(x1 > x2, 0.0, ct)),
    x2=lambda xp, ct, x1, x2: xp.where(x1 == x2, ct * 0.5, xp.where(x2 > x1, 0.0, ct)),
)


@binary_any.see("minimum, fmax, max")
def maximum(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the greater of each pair of elements, NaN if one is NaN.

    At a tie each operand gets half of the gradient. Complex numbers are ordered by their real, then
    by their imaginary parts.

    >>> xp.maximum(xp.asarray([1.0, 5.0]), 2)
    tensor([2., 5.])
    """
    return binary(maximum_p, x1, x2)


@binary_any.see("maximum, fmin, min")
def minimum(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the smaller of each pair of elements, NaN if one is NaN.

    At a tie each operand gets half of the gradient. Complex numbers are ordered as by `maximum`.

    >>> xp.minimum(xp.asarray([1.0, 5.0]), 2)
    tensor([1., 2.])
    """
    return binary(minimum_p, x1, x2)


def _clip_forward(xp: Any, x: Any, min: Any, max: Any) -> Any:
    out = x
    if x.dtype.kind in "iu":
        # a bound beyond the dtype bounds nothing, and NumPy refuses to convert it
        info = xp.iinfo(x.dtype)
        min = None if isinstance(min, int) and min <= info.min else min
        max = None if isinstance(max, int) and max >= info.max else max
        if not _keeps(xp, x, min) or not _keeps(xp, x, max):
            return _clip_integers(xp, x, min, max)
    if min is not None:
        out = call2(xp.maximum, out, min)
    if max is not None:
        out = call2(xp.minimum, out, max)
    if out is not x and out.dtype is x.dtype:
        return out
    return xp.asarray(out, dtype=x.dtype, copy=out is x or None)


def _keeps(xp: Any, x: Any, bound: Any) -> bool:
    """Return whether the integers `x` keep their dtype beside a bound."""
    return bound is None or type(bound) is int or xp.result_type(x, bound) == x.dtype


def _clip_integers(xp: Any, x: Any, min: Any, max: Any) -> Any:
    """Return integers within bounds of other dtypes: what stays does not pass through floats."""
    out, limits = x, xp.iinfo(x.dtype)
    for bound, beyond in ((min, xp.less), (max, xp.greater)):
        if bound is not None:
            chosen = beyond(out, bound)
            held = xp.where(chosen, bound, 0)
            above, below = held >= limits.max, held <= limits.min
            held = xp.astype(xp.asarray(xp.where(above | below, 0, held)), x.dtype)
            held = xp.where(above, limits.max, xp.where(below, limits.min, held))
            out = xp.where(chosen, held, out)
    return out


def _clip_x(xp: Any, ct: Any, x: Any, min: Any, max: Any) -> Any:
    inside = x == x
    if min is not None:
        inside = inside & (x >= min)
    if max is not None:
        inside = inside & (x <= max)
    return xp.where(inside, ct, 0.0)


def _clip_min(xp: Any, ct: Any, x: Any, min: Any, max: Any) -> Any:
    below = x < min
    return xp.where(below if max is None else below & (min < max), ct, 0.0)


def _clip_max(xp: Any, ct: Any, x: Any, min: Any, max: Any) -> Any:
    above = x > max
    return xp.where(above if min is None else above | (max < min), ct, 0.0)


clip_p = elementwise(
    "clip",
    forward=_clip_forward,
    scalars=True,
    inputs=("x", "min", "max"),
    x=_clip_x,
    min=_clip_min,
    max=_clip_max,
)


#: kinds of bounds, by class where they are Python's, and those that keep the dtype of `x`
_KINDS = {type(None): "", bool: "b", int: "n", float: "w"}
_SAME = {
    "b": ("", "b"), "i": ("", "b", "n", "i", "u"), "u": ("", "b", "n", "i", "u"),
    "f": ("", "b", "n", "w", "f"),
}  # fmt: skip


def _bound(x: Any, value: Any, argument: str) -> Any:
    """Return a bound of `clip` as a Tensor, a Python scalar or None."""
    if value is None or value.__class__ in (int, float, bool):
        return value
    if isinstance(value, Tensor) and value._data.dtype.kind != "c":
        return value
    if is_numpy_value(cpu, value) and (x._device is cpu or value.ndim == 0):
        return wrap(x._device.raw.asarray(value), x._device)
    if isinstance(value, (int, float)) and not hasattr(value, "dtype"):
        return value.__pos__()
    raise TypeError(
        f"clip: {argument} is a {type(value).__name__}"
        f"{f' of dtype {value.dtype}' if hasattr(value, 'dtype') else ''}; allowed are real "
        "Tensors, real Python scalars and None"
    )


@see("maximum, minimum")
def clip(
    x: Tensor, /, min: Tensor | float | None = None, max: Tensor | float | None = None
) -> Tensor:
    """Return the elements of `x` held within [min, max].

    Where `min` is above `max` the result is `max`. `x` gets the gradient inside the closed
    interval, a bound where it replaces `x`.

    >>> xp.clip(xp.asarray([-2.0, 0.5, 3.0]), -1, 1)
    tensor([-1. ,  0.5,  1. ])

    Parameters
    ----------
    x : Tensor, real or bool
    min, max : Tensor, real scalar or None
        Broadcast with `x`; None is no bound.

    Returns
    -------
    Tensor
        The broadcast shape, the dtype of `x`, to which bounds are cast; Tensors beyond an integer
        dtype count as its ends. Integers promote with floating bounds, as in NumPy.

    Raises
    ------
    TypeError, ValueError, DeviceError
        `x` is complex or no Tensor, a bound is not as above; shapes don't broadcast; two devices.
    """
    if not isinstance(x, Tensor) and (isinstance(min, Tensor) or isinstance(max, Tensor)):
        x = tensors("clip", x=x, bound=min if isinstance(min, Tensor) else max)[0]
    if not isinstance(x, Tensor) or x._data.dtype.kind == "c":
        given = f"a {type(x).__name__}" if not isinstance(x, Tensor) else x._data.dtype
        raise TypeError(f"clip: x is {given}; allowed are Tensors of a real dtype")
    bounds = _bound(x, min, "min"), _bound(x, max, "max")
    for bound in bounds:
        kind = bound._data.dtype.kind if isinstance(bound, Tensor) else _KINDS[bound.__class__]
        if kind not in _SAME[x._data.dtype.kind]:
            other = bound._data.dtype if isinstance(bound, Tensor) else bound
            x = apply(astype_p, (x,), {"dtype": x._device.raw.result_type(x._data.dtype, other)})
    return apply(clip_p, (x, *bounds), {})
