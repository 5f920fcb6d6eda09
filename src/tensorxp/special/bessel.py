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


def j0(x: Tensor, /) -> Tensor:
    """Return the Bessel function of the first kind of order 0.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(j0_p, x)


def j1(x: Tensor, /) -> Tensor:
    """Return the Bessel function of the first kind of order 1.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(j1_p, x)


def jv(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the Bessel function of the first kind of real order.

    Parameters
    ----------
    v : Tensor or scalar, real or bool, broadcast
    x : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    NotImplementedError
        A gradient in `v`.
    """
    return binary(jv_p, v, x)


def y0(x: Tensor, /) -> Tensor:
    """Return the Bessel function of the second kind of order 0: -inf at 0, NaN below.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(y0_p, x)


def y1(x: Tensor, /) -> Tensor:
    """Return the Bessel function of the second kind of order 1: -inf at 0, NaN below.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(y1_p, x)


def yv(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the Bessel function of the second kind of real order.

    Parameters
    ----------
    v : Tensor or scalar, real or bool, broadcast
    x : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    NotImplementedError
        A gradient in `v`.
    """
    return binary(yv_p, v, x)


def i0(x: Tensor, /) -> Tensor:
    """Return the modified Bessel function of the first kind of order 0.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(i0_p, x)


def i0e(x: Tensor, /) -> Tensor:
    """Return exp(-|x|) i0(x); the gradient at its kink at 0 is 0.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(i0e_p, x)


def i1(x: Tensor, /) -> Tensor:
    """Return the modified Bessel function of the first kind of order 1.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(i1_p, x)


def i1e(x: Tensor, /) -> Tensor:
    """Return exp(-|x|) i1(x).

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(i1e_p, x)


def iv(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the modified Bessel function of the first kind of real order.

    Parameters
    ----------
    v : Tensor or scalar, real or bool, broadcast
    x : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    NotImplementedError
        A gradient in `v`.
    """
    return binary(iv_p, v, x)


def ive(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return exp(-|x|) iv(v, x).

    Parameters
    ----------
    v, x : Tensor or scalar, real or bool, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    NotImplementedError
        A gradient in `v`.
    """
    if isinstance(x, Tensor) and x._data.dtype.kind == "c":
        raise TypeError(f"special.ive: x has dtype {x._data.dtype}; allowed are real dtypes")
    return binary(ive_p, v, x)


def k0(x: Tensor, /) -> Tensor:
    """Return the modified Bessel function of the second kind of order 0: inf at 0, NaN below.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(k0_p, x)


def k0e(x: Tensor, /) -> Tensor:
    """Return exp(x) k0(x).

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(k0e_p, x)


def k1(x: Tensor, /) -> Tensor:
    """Return the modified Bessel function of the second kind of order 1: inf at 0, NaN below.

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(k1_p, x)


def k1e(x: Tensor, /) -> Tensor:
    """Return exp(x) k1(x).

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.

    Raises
    ------
    TypeError, ImportError
        `x` is no Tensor, or complex; SciPy is missing.
    """
    return unary(k1e_p, x)


def kv(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return the modified Bessel function of the second kind of real order.

    Parameters
    ----------
    v : Tensor or scalar, real or bool, broadcast
    x : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    NotImplementedError
        A gradient in `v`.
    """
    return binary(kv_p, v, x)


def kve(v: Tensor | float, x: Tensor | float, /) -> Tensor:
    """Return exp(x) kv(v, x).

    Parameters
    ----------
    v : Tensor or scalar, real or bool, broadcast
    x : Tensor or scalar, any dtype, broadcast

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype; of integers and bool the default real one.

    Raises
    ------
    TypeError, ValueError, DeviceError, ImportError
        Operands of other types or dtypes, that don't broadcast, or on two devices; SciPy is
        missing.
    NotImplementedError
        A gradient in `v`.
    """
    return binary(kve_p, v, x)
