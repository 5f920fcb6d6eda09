"""Bessel functions: of orders 0 and 1, and of any real order, plain and exponentially scaled.

Derivatives follow the recurrences between orders, so they hold to any order, at 0 as well.
The order itself has no derivative here.
"""

from typing import Any

from tensorxp._backend.special import library
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp.special.cylinders import scaled_slope, with_far_waves, with_series
from tensorxp.special.families import hypergeometric, of_scipy_real, of_scipy_several
from tensorxp.special.levels import call, no_derivative


def _ordered(name: str, slope: Any, forward: Any = None) -> Primitive:
    return elementwise(
        name,
        inputs=("v", "x"),
        scalars=True,
        forward=library(name) if forward is None else forward,
        v=no_derivative(name, "v"),
        x=slope,
    )


def neighbours(xp: Any, op: Primitive, v: Any, x: Any, sign: int) -> Any:
    """Return half the value of the order below plus or minus half that of the order above."""
    below, above = call(xp, op, v - 1, x), call(xp, op, v + 1, x) * sign
    if xp.isdtype(above.dtype, "complex floating"):
        return (below + above) / 2
    # near 0, where both are infinite, the order above is the greater by far
    return xp.where(xp.isinf(above), above, (below + above) / 2)


# J' and Y': (f_{v-1} - f_{v+1}) / 2;  I': the sum;  K': minus the sum
jv_p: Primitive = _ordered(
    "jv",
    lambda xp, ct, v, x: ct * neighbours(xp, jv_p, v, x, -1).conjugate(),
    with_series("jv", -1),
)
yv_p: Primitive = _ordered(
    "yv", lambda xp, ct, v, x: ct * neighbours(xp, yv_p, v, x, -1).conjugate()
)
iv_p: Primitive = _ordered(
    "iv",
    lambda xp, ct, v, x: ct * neighbours(xp, iv_p, v, x, 1).conjugate(),
    with_series("iv", 1),
)
kv_p: Primitive = _ordered(
    "kv", lambda xp, ct, v, x: -ct * neighbours(xp, kv_p, v, x, 1).conjugate()
)


def _slopes(name: str, sign: int) -> Primitive:
    """Return the derivatives of ive or kve, by order."""
    op: Primitive = elementwise(
        f"{name}_slope",
        inputs=("v", "x"),
        scalars=True,
        forward=scaled_slope(name, sign),
        v=no_derivative(name, "v"),
        x=lambda xp, ct, v, x, *, order: ct * call(xp, op, v, x, order=order + 1),
    )
    return op


ive_slope_p, kve_slope_p = _slopes("ive", -1), _slopes("kve", 1)


def _kve_slope(xp: Any, v: Any, x: Any, out: Any) -> Any:
    if xp.isdtype(x.dtype, "complex floating"):
        return (out - neighbours(xp, kve_p, v, x, 1)).conjugate()
    return call(xp, kve_slope_p, v, x, order=1)


# scaled by exp(-|x|) and exp(x)
ive_p: Primitive = _ordered(
    "ive",
    lambda xp, ct, v, x: ct * call(xp, ive_slope_p, v, x, order=1),
    with_series("ive", 1, scaled=True),
)
kve_p: Primitive = _ordered("kve", lambda xp, ct, v, x, out: ct * _kve_slope(xp, v, x, out))


def _j1_slope(xp: Any, x: Any, out: Any) -> Any:
    # J_0 - J_1 / x, and ½ (J_0 - J_2) where that is 0/0
    near = xp.abs(x) < 1
    small, large = xp.where(near, x, 0.0), xp.where(near, 1.0, x)
    series = (call(xp, j0_p, small) - call(xp, jv_p, 2, small)) / 2
    return xp.where(near, series, call(xp, j0_p, large) - out / large)


j1_p = elementwise(
    "j1",
    forward=with_far_waves("j1", 1, False),
    x=lambda xp, ct, x, out: ct * _j1_slope(xp, x, out),
)
j0_p: Primitive = elementwise(
    "j0", forward=with_far_waves("j0", 0, False), x=lambda xp, ct, x: -ct * call(xp, j1_p, x)
)
y1_p = elementwise(
    "y1",
    forward=with_far_waves("y1", 1, True),
    x=lambda xp, ct, x, out: ct * (call(xp, y0_p, x) - out / x),
)
y0_p: Primitive = elementwise(
    "y0", forward=with_far_waves("y0", 0, True), x=lambda xp, ct, x: -ct * call(xp, y1_p, x)
)
i1_p = elementwise(
    "i1",
    forward=library("i1"),
    x=lambda xp, ct, x: ct * ((call(xp, i0_p, x) + call(xp, iv_p, 2, x)) / 2),
)
i0_p: Primitive = elementwise(
    "i0", forward=library("i0"), x=lambda xp, ct, x: ct * call(xp, i1_p, x)
)
k1_p = elementwise(
    "k1", forward=library("k1"), x=lambda xp, ct, x, out: -ct * (call(xp, k0_p, x) + out / x)
)
k0_p: Primitive = elementwise(
    "k0", forward=library("k0"), x=lambda xp, ct, x: -ct * call(xp, k1_p, x)
)


def _scaled(name: str, op: Primitive, v: int) -> Primitive:
    return elementwise(
        name, forward=library(name), x=lambda xp, ct, x: ct * call(xp, op, v, x, order=1)
    )


i0e_p, i1e_p = _scaled("i0e", ive_slope_p, 0), _scaled("i1e", ive_slope_p, 1)
k0e_p, k1e_p = _scaled("k0e", kve_slope_p, 0), _scaled("k1e", kve_slope_p, 1)


@of_scipy_real.see("j1, jv, y0")
def j0(x: Tensor, /) -> Tensor:
    """Return the Bessel function of the first kind of order 0.

    >>> xp.special.j0(xp.asarray([0.0, 1.0]))
    tensor([1.    , 0.7652])
    """
    return unary(j0_p, x)


@of_scipy_real.see("j0, jv, y1")
def j1(x: Tensor, /) -> Tensor:
    """Return the Bessel function of the first kind of order 1.

    >>> xp.special.j1(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.4401])
    """
    return unary(j1_p, x)


@hypergeometric.see("j0, j1, yv")
def jv(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the Bessel function of the first kind of real order.

    A gradient in `v` raises NotImplementedError.

    >>> xp.special.jv(0.5, xp.asarray([1.0]))
    tensor([0.6714])
    """
    return binary(jv_p, v, x)


@of_scipy_real.see("y1, yv, j0")
def y0(x: Tensor, /) -> Tensor:
    """Return the Bessel function of the second kind of order 0: -inf at 0, NaN below.

    >>> xp.special.y0(xp.asarray([1.0, 2.0]))
    tensor([0.0883, 0.5104])
    """
    return unary(y0_p, x)


@of_scipy_real.see("y0, yv, j1")
def y1(x: Tensor, /) -> Tensor:
    """Return the Bessel function of the second kind of order 1: -inf at 0, NaN below.

    >>> xp.special.y1(xp.asarray([1.0, 2.0]))
    tensor([-0.7812, -0.107 ])
    """
    return unary(y1_p, x)


@hypergeometric.see("y0, y1, jv")
def yv(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the Bessel function of the second kind of real order.

    A gradient in `v` raises NotImplementedError.

    >>> xp.special.yv(0.5, xp.asarray([1.0]))
    tensor([-0.4311])
    """
    return binary(yv_p, v, x)


@of_scipy_real.see("i0e, i1, iv")
def i0(x: Tensor, /) -> Tensor:
    """Return the modified Bessel function of the first kind of order 0.

    >>> xp.special.i0(xp.asarray([0.0, 1.0]))
    tensor([1.    , 1.2661])
    """
    return unary(i0_p, x)


@of_scipy_real.see("i0")
def i0e(x: Tensor, /) -> Tensor:
    """Return exp(-|x|) i0(x); the gradient at its kink at 0 is 0.

    >>> xp.special.i0e(xp.asarray([0.0, 1.0]))
    tensor([1.    , 0.4658])
    """
    return unary(i0e_p, x)


@of_scipy_real.see("i1e, i0, iv")
def i1(x: Tensor, /) -> Tensor:
    """Return the modified Bessel function of the first kind of order 1.

    >>> xp.special.i1(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.5652])
    """
    return unary(i1_p, x)


@of_scipy_real.see("i1")
def i1e(x: Tensor, /) -> Tensor:
    """Return exp(-|x|) i1(x).

    >>> xp.special.i1e(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.2079])
    """
    return unary(i1e_p, x)


@hypergeometric.see("ive, i0, i1")
def iv(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the modified Bessel function of the first kind of real order.

    A gradient in `v` raises NotImplementedError.

    >>> xp.special.iv(0.5, xp.asarray([1.0]))
    tensor([0.9377])
    """
    return binary(iv_p, v, x)


@of_scipy_several.see("iv")
def ive(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return exp(-|x|) iv(v, x).

    A gradient in `v` raises NotImplementedError.

    >>> xp.special.ive(0.5, xp.asarray([1.0]))
    tensor([0.345])
    """
    if isinstance(x, Tensor) and x._data.dtype.kind == "c":
        raise TypeError(f"special.ive: x has dtype {x._data.dtype}; allowed are real dtypes")
    return binary(ive_p, v, x)


@of_scipy_real.see("k0e, k1, kv")
def k0(x: Tensor, /) -> Tensor:
    """Return the modified Bessel function of the second kind of order 0: inf at 0, NaN below.

    >>> xp.special.k0(xp.asarray([1.0, 2.0]))
    tensor([0.421 , 0.1139])
    """
    return unary(k0_p, x)


@of_scipy_real.see("k0")
def k0e(x: Tensor, /) -> Tensor:
    """Return exp(x) k0(x).

    >>> xp.special.k0e(xp.asarray([1.0, 2.0]))
    tensor([1.1445, 0.8416])
    """
    return unary(k0e_p, x)


@of_scipy_real.see("k1e, k0, kv")
def k1(x: Tensor, /) -> Tensor:
    """Return the modified Bessel function of the second kind of order 1: inf at 0, NaN below.

    >>> xp.special.k1(xp.asarray([1.0, 2.0]))
    tensor([0.6019, 0.1399])
    """
    return unary(k1_p, x)


@of_scipy_real.see("k1")
def k1e(x: Tensor, /) -> Tensor:
    """Return exp(x) k1(x).

    >>> xp.special.k1e(xp.asarray([1.0, 2.0]))
    tensor([1.6362, 1.0335])
    """
    return unary(k1e_p, x)


@hypergeometric.see("kve, k0, k1")
def kv(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the modified Bessel function of the second kind of real order.

    A gradient in `v` raises NotImplementedError.

    >>> xp.special.kv(0.5, xp.asarray([1.0]))
    tensor([0.4611])
    """
    return binary(kv_p, v, x)


@hypergeometric.see("kv")
def kve(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return exp(x) kv(v, x).

    A gradient in `v` raises NotImplementedError.

    >>> xp.special.kve(0.5, xp.asarray([1.0]))
    tensor([1.2533])
    """
    return binary(kve_p, v, x)
