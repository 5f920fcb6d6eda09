"""Parts of complex numbers: real, imag, conj, angle.

These are linear over the reals only, or not linear: gradients follow PyTorch's convention
(the conjugate Wirtinger derivative).
"""

from typing import Any

from tensorxp._core.door import apply, unary
from tensorxp._core.primitive import linear, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.families import unary_any

real_p = linear("real", view=True, batched=True, x=lambda ct: ct)
imag_p = linear("imag", view=True, batched=True, x=lambda ct: ct * 1j)
conj_p = linear("conj", batched=True, x=lambda ct: ct.conjugate())


@unary_any.see("imag, conj")
def real(x: Tensor, /) -> Tensor:
    """Return the real parts of `x`, as a view; real `x` is its own real part.

    >>> xp.real(xp.asarray([1 + 2j, 3.0]))
    tensor([1., 3.])

    Returns
    -------
    Tensor
        A view of the shape of `x`; of complex, with the real dtype of the same precision.
    """
    return apply(real_p, (x,), {})


@unary_any.see("real, conj")
def imag(x: Tensor, /) -> Tensor:
    """Return the imaginary parts of complex `x`, as a view; for real `x` zeros (read-only).

    >>> xp.imag(xp.asarray([1 + 2j, 3.0]))
    tensor([2., 0.])

    Returns
    -------
    Tensor
        Shape of `x`; of complex, the real dtype of the same precision.
    """
    return apply(imag_p, (x,), {})


@unary_any.see("real, imag")
def conj(x: Tensor, /) -> Tensor:
    """Return the complex conjugate of each element of `x`; real `x` is copied.

    >>> xp.conj(xp.asarray([1 + 2j]))
    tensor([1.-2.j])
    """
    return unary(conj_p, x)


@primitive
def angle_p(xp: Any, x: Any) -> Any:
    return xp.base.angle(x)


# y = Im log x, complex: dy = Im(dx / x), and 0 at 0
@angle_p.vjp
def _(xp: Any, ct: Any, x: Any) -> Any:
    if not xp.isdtype(x.dtype, "complex floating"):
        return xp.zeros_like(ct)
    zero = x == 0
    return xp.where(zero, 0.0, ct * 1j / xp.where(zero, 1.0, x).conjugate())


@angle_p.jvp
def _(xp: Any, t: Any, x: Any) -> Any:
    if not xp.isdtype(x.dtype, "complex floating"):
        return xp.zeros_like(t)
    zero = x == 0
    return xp.where(zero, 0.0, xp.imag(t / xp.where(zero, 1.0, x)))


angle_p.batched = True


@unary_any.see("abs, conj")
def angle(x: Tensor, /) -> Tensor:
    """Return the angle of each element of `x` in [-π, π]; for real `x` it is 0 or π.

    The gradient is 0 at 0 and for real `x`.

    >>> xp.angle(xp.asarray([1j, -1.0]))
    tensor([1.5708, 3.1416])

    Returns
    -------
    Tensor
        Shape of `x`; dtype of its real part; of integers and bool a float dtype.
    """
    return unary(angle_p, x)
