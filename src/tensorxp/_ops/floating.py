"""What knows floating-point numbers: fmax and fmin, copysign, nextafter, nan_to_num."""

from typing import Any

from tensorxp._backend.families import see
from tensorxp._core.door import apply, binary
from tensorxp._core.primitive import elementwise, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.families import binary_any, binary_float

# at a tie x1 takes the cotangent; a NaN takes it only where both are NaN (x1 then)
fmax_p = elementwise(
    "fmax",
    scalars=True,
    x1=lambda xp, ct, x1, x2: xp.where((x1 >= x2) | (x2 != x2), ct, 0.0),
    x2=lambda xp, ct, x1, x2: xp.where((x1 >= x2) | (x2 != x2), 0.0, ct),
)
fmin_p = elementwise(
    "fmin",
    scalars=True,
    x1=lambda xp, ct, x1, x2: xp.where((x1 <= x2) | (x2 != x2), ct, 0.0),
    x2=lambda xp, ct, x1, x2: xp.where((x1 <= x2) | (x2 != x2), 0.0, ct),
)


@binary_any.see("maximum, nanmax")
def fmax(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the greater of each pair of elements, passing over NaN.

    At a tie `x1` gets the gradient.

    >>> xp.fmax(xp.asarray([1.0, xp.nan]), 0.5)
    tensor([1. , 0.5])
    """
    return binary(fmax_p, x1, x2)


@binary_any.see("minimum, nanmin")
def fmin(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the smaller of each pair of elements, passing over NaN.

    At a tie `x1` gets the gradient.

    >>> xp.fmin(xp.asarray([1.0, xp.nan]), 0.5)
    tensor([0.5, 0.5])
    """
    return binary(fmin_p, x1, x2)


# y = |a| sign(b): dy = sign(a) sign(b) da, and 0 at a = 0
copysign_p = elementwise(
    "copysign",
    x1=lambda xp, ct, x1, x2: ct * (xp.sign(x1) * xp.copysign(xp.ones_like(x2), x2)),
    x2=lambda xp, ct: xp.zeros_like(ct),
)
nextafter_p = elementwise("nextafter", x1=lambda ct: ct, x2=lambda xp, ct: xp.zeros_like(ct))


@binary_float.see("signbit, sign")
def copysign(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the magnitudes of `x1` with the signs of `x2`, those of zeros and NaN included.

    The gradient for `x1` is 0 at 0; for `x2` it is zero.

    >>> xp.copysign(xp.asarray([1.0, 2.0]), xp.asarray([-1.0, 1.0]))
    tensor([-1.,  2.])
    """
    return binary(copysign_p, x1, x2)


@binary_float
def nextafter(x1: Tensor | float, x2: Tensor | float, /) -> Tensor:
    """Return the next floating-point number after `x1` towards `x2`.

    The gradient for `x1` is that of the identity; for `x2` it is zero.

    >>> xp.nextafter(xp.asarray([1.0]), 2.0) - 1 < 1e-6
    tensor([ True])
    """
    return binary(nextafter_p, x1, x2)


@primitive
def nan_to_num_p(xp: Any, x: Any, *, nan: float, posinf: float | None, neginf: float | None) -> Any:
    return xp.base.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


# real and imaginary parts pass where they are finite; the map is its own adjoint
def _finite_part(xp: Any, ct: Any, x: Any) -> Any:
    if not xp.isdtype(x.dtype, "complex floating"):
        return xp.where(xp.isfinite(x), ct, 0.0)
    re = xp.where(xp.isfinite(xp.real(x)), xp.real(ct), 0.0)
    return re + xp.where(xp.isfinite(xp.imag(x)), xp.imag(ct), 0.0) * 1j


nan_to_num_p.vjp(_finite_part)
nan_to_num_p.batched = True


@nan_to_num_p.jvp
def _(xp: Any, t: Any, x: Any) -> Any:
    return _finite_part(xp, t, x)


@see("isnan")
def nan_to_num(
    x: Tensor, /, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """Return a copy of `x` with NaN and the infinities replaced, in complex `x` by parts.

    The gradient is 0 where something was replaced.

    >>> xp.nan_to_num(xp.asarray([xp.nan, 1.0, xp.inf]), posinf=9.0)
    tensor([0., 1., 9.])

    Parameters
    ----------
    x : Tensor, any dtype
    nan : float
        In place of NaN.
    posinf, neginf : float or None
        In place of the infinities; None: the largest and smallest number of the dtype.

    Returns
    -------
    Tensor
        Shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` is no Tensor, or a value no number of its dtype.
    """
    return apply(nan_to_num_p, (x,), {"nan": nan, "posinf": posinf, "neginf": neginf})
