"""Determinants, right to second order for singular matrices too."""

from typing import Any, NamedTuple

from tensorxp._core.door import apply
from tensorxp._core.primitive import primitive
from tensorxp._core.tensor import Tensor
from tensorxp.linalg.common import (
    adjoint,
    diagonal_matrix,
    finite,
    is_complex,
    of_finite,
    of_square_only,
    real_part,
    square,
)


class SlogdetResult(NamedTuple):
    """Sign (complex: phase) and the logarithm of the absolute value of determinants.

    Attributes
    ----------
    sign : Tensor
        Shape (...), dtype of the matrices.
    logabsdet : Tensor
        Shape (...), real.
    """

    sign: Tensor
    logabsdet: Tensor


def _others(xp: Any, s: Any) -> Any:
    """Return the products of all entries but each one along the last axis."""
    n = s.shape[-1]
    mask = xp.eye(n, dtype=xp.bool, device=s.device)
    return xp.prod(xp.where(mask, 1, xp.expand_dims(s, axis=-2)), axis=-1, dtype=s.dtype)


def _parts(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """Return U, S, Vh and det(U) det(Vh)."""
    if not isinstance(x, Tensor):
        finite("adjugate", xp, x)
    u, s, vh = xp.linalg.svd(x)
    return u, s, vh, xp.linalg.det(u) * xp.linalg.det(vh)


def _scale(xp: Any, factor: Any, a: Any) -> Any:
    return xp.expand_dims(factor, axis=(-2, -1)) * a


@primitive
def adjugate_p(xp: Any, x: Any) -> Any:
    """Return the adjugates of square matrices, singular ones too."""
    # adj(x) = det(U) det(Vh) V diag(Π_{k≠i} s_k) Uᴴ
    u, s, vh, unit = _parts(xp, x)
    return _scale(
        xp, unit, (adjoint(xp, vh) * xp.expand_dims(_others(xp, s), axis=-2)) @ adjoint(xp, u)
    )


def _adjugate_derivative(xp: Any, t: Any, x: Any) -> Any:
    # with E = Uᴴ dx V and p_ij = Π_{k≠i,j} s_k: the inner matrix has −p_ij E_ij beside the
    # diagonal and Σ_{k≠i} p_ik E_kk on it
    u, s, vh, unit = _parts(xp, x)
    v, n = adjoint(xp, vh), s.shape[-1]
    eye = xp.eye(n, dtype=xp.bool, device=s.device)
    without = xp.where(eye, 1, xp.expand_dims(s, axis=-2))
    pairs = xp.where(eye, 0, _others(xp, without))
    e = adjoint(xp, u) @ t @ v
    on = xp.sum(pairs * xp.expand_dims(xp.linalg.diagonal(e), axis=-2), axis=-1, dtype=e.dtype)
    return _scale(xp, unit, v @ (diagonal_matrix(xp, on) - pairs * e) @ adjoint(xp, u))


@adjugate_p.jvp
def _(xp: Any, t: Any, x: Any) -> Any:
    return _adjugate_derivative(xp, t, x)


adjugate_p.batched = True


@adjugate_p.vjp
def _(xp: Any, ct: Any, x: Any) -> Any:
    # tr(cᴴ dadj(x)) is symmetric in cᴴ and dx, both being second derivatives of det
    return adjoint(xp, _adjugate_derivative(xp, adjoint(xp, ct), x))


@of_finite.see("inv, det")
def adjugate(x: Tensor, /) -> Tensor:
    """Return the adjugates of square matrices, det(x) inv(x), right for singular ones too.

    By the singular value decomposition. First derivatives are right everywhere, higher ones where
    the singular values are distinct.

    >>> xp.linalg.adjugate(xp.asarray([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[ 4., -2.],
            [-3.,  1.]])
    """
    square("adjugate", x)
    return apply(adjugate_p, (x,), {})


@primitive
def det_p(xp: Any, x: Any) -> Any:
    """Return the determinants of square matrices."""
    return xp.linalg.det(x)


def _adjugate(xp: Any, x: Any, out: Any) -> Any:
    # adj(x) = det(x) x⁻¹; by singular values where a determinant is zero
    if bool(xp.any(out == 0)):
        return adjugate(x)
    return _scale(xp, out, xp.linalg.inv(x))


@det_p.vjp
def _(xp: Any, ct: Any, x: Any, out: Any) -> Any:
    # d det(x) = tr(adj(x) dx) (Jacobi)
    return _scale(xp, ct, adjoint(xp, _adjugate(xp, x, out)))


@det_p.jvp
def _(xp: Any, t: Any, x: Any, out: Any) -> Any:
    return xp.sum(xp.matrix_transpose(_adjugate(xp, x, out)) * t, axis=(-2, -1), dtype=t.dtype)


det_p.tensor_level = True


@of_square_only.see("slogdet, inv")
def det(x: Tensor, /) -> Tensor:
    """Return the determinants of square matrices.

    The gradient is the conjugate of the cofactor matrix, for singular matrices too (of rank M - 1
    it has rank 1, below it is zero), and so is the second derivative.

    >>> xp.linalg.det(xp.asarray([[1.0, 2.0], [3.0, 5.0]]))
    tensor(-1.)

    Returns
    -------
    Tensor
        Shape (...), dtype of `x`; of integers and bool float64.
    """
    square("det", x)
    return apply(det_p, (x,), {})


@primitive
def slogdet_p(xp: Any, x: Any) -> Any:
    """Return signs and logarithms of the absolute values of determinants."""
    return tuple(xp.linalg.slogdet(x))


@slogdet_p.vjp
def _(xp: Any, ct: Any, x: Any, out: Any) -> Any:
    # d log|det| + i d arg(det) = tr(x⁻¹ dx); the sign turns by its argument
    g = ct[1]
    if is_complex(xp, x):
        g = g - 1j * xp.imag(ct[0].conjugate() * out[0])
    return _scale(xp, g, adjoint(xp, xp.linalg.inv(x)))


@slogdet_p.jvp
def _(xp: Any, t: Any, x: Any, out: Any) -> Any:
    trace = xp.sum(xp.matrix_transpose(xp.linalg.inv(x)) * t, axis=(-2, -1), dtype=t.dtype)
    if is_complex(xp, x):
        return out[0] * (1j * xp.imag(trace)), xp.real(trace)
    return xp.zeros_like(out[0]), real_part(xp, trace)


slogdet_p.batched = True


@of_square_only.see("det")
def slogdet(x: Tensor, /) -> SlogdetResult:
    """Return the sign and the logarithm of the absolute value of determinants.

    For complex `x` the sign is a number of modulus 1 and has a derivative. A singular matrix gives
    0 and -inf, and has no gradient: backward raises LinAlgError.

    >>> sign, logabsdet = xp.linalg.slogdet(xp.asarray([[1.0, 2.0], [3.0, 5.0]]))
    >>> sign
    tensor(-1.)

    Returns
    -------
    SlogdetResult
        (sign, logabsdet), of shape (...); dtype of `x` and of its real part; of integers and bool
        float64.
    """
    square("slogdet", x)
    return SlogdetResult(*apply(slogdet_p, (x,), {}))
