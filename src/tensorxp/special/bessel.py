"""Bessel functions: of orders 0 and 1, and of any real order, plain and exponentially scaled.

Derivatives follow the recurrences between orders, so they hold to any order, at 0 as well.
The order itself has no derivative here.
"""

from typing import Any

from tensorxp._backend.special import library
from tensorxp._core.door import binary, unary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp.special.levels import call, no_derivative


def _ordered(name: str, slope: Any) -> Primitive:
    return elementwise(
        name,
        inputs=("v", "x"),
        scalars=True,
        forward=library(name),
        v=no_derivative(name, "v"),
        x=slope,
    )


def _neighbours(xp: Any, op: Primitive, v: Any, x: Any, sign: int) -> Any:
    """Return half the value of the order below plus or minus half that of the order above."""
    return (call(xp, op, v - 1, x) + call(xp, op, v + 1, x) * sign) / 2


# J' and Y': (f_{v-1} - f_{v+1}) / 2;  I': the sum;  K': minus the sum
jv_p: Primitive = _ordered(
    "jv", lambda xp, ct, v, x: ct * _neighbours(xp, jv_p, v, x, -1).conjugate()
)
yv_p: Primitive = _ordered(
    "yv", lambda xp, ct, v, x: ct * _neighbours(xp, yv_p, v, x, -1).conjugate()
)
iv_p: Primitive = _ordered(
    "iv", lambda xp, ct, v, x: ct * _neighbours(xp, iv_p, v, x, 1).conjugate()
)
kv_p: Primitive = _ordered(
    "kv", lambda xp, ct, v, x: -ct * _neighbours(xp, kv_p, v, x, 1).conjugate()
)
# scaled by exp(-|x|) and exp(x)
ive_p: Primitive = _ordered(
    "ive",
    lambda xp, ct, v, x, out: ct * (_neighbours(xp, ive_p, v, x, 1) - xp.sign(x) * out),
)
kve_p: Primitive = _ordered(
    "kve", lambda xp, ct, v, x, out: ct * (out - _neighbours(xp, kve_p, v, x, 1)).conjugate()
)

j1_p = elementwise(
    "j1",
    forward=library("j1"),
    x=lambda xp, ct, x: ct * ((call(xp, j0_p, x) - call(xp, jv_p, 2, x)) / 2),
)
j0_p: Primitive = elementwise(
    "j0", forward=library("j0"), x=lambda xp, ct, x: -ct * call(xp, j1_p, x)
)
y1_p = elementwise(
    "y1", forward=library("y1"), x=lambda xp, ct, x, out: ct * (call(xp, y0_p, x) - out / x)
)
y0_p: Primitive = elementwise(
    "y0", forward=library("y0"), x=lambda xp, ct, x: -ct * call(xp, y1_p, x)
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


def _i1e_slope(xp: Any, ct: Any, x: Any, out: Any) -> Any:
    return ct * ((call(xp, i0e_p, x) + call(xp, ive_p, 2, x)) / 2 - xp.sign(x) * out)


def _i0e_slope(xp: Any, ct: Any, x: Any, out: Any) -> Any:
    return ct * (call(xp, i1e_p, x) - xp.sign(x) * out)


i1e_p = elementwise("i1e", forward=library("i1e"), x=_i1e_slope)
i0e_p: Primitive = elementwise("i0e", forward=library("i0e"), x=_i0e_slope)
k1e_p = elementwise(
    "k1e",
    forward=library("k1e"),
    x=lambda xp, ct, x, out: ct * (out - call(xp, k0e_p, x) - out / x),
)
k0e_p: Primitive = elementwise(
    "k0e", forward=library("k0e"), x=lambda xp, ct, x, out: ct * (out - call(xp, k1e_p, x))
)


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
