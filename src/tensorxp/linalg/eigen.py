"""Eigenvalues and eigenvectors, of Hermitian matrices and of any square ones.

Eigenvectors are unique up to a factor of modulus 1, at ties up to a unitary mixing; gradients
are right for results that do not depend on this choice.
"""

from typing import Any, NamedTuple

from tensorxp._core.door import apply
from tensorxp._core.primitive import nondifferentiable, primitive
from tensorxp._core.tensor import Tensor
from tensorxp.linalg.common import (
    adjoint,
    all_zero,
    finite,
    inverse_gaps,
    of_finite,
    of_square,
    real_part,
    square,
    tracked,
)


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and the eigenvectors as columns.

    Attributes
    ----------
    eigenvalues : Tensor
        Shape (..., M), real.
    eigenvectors : Tensor
        Shape (..., M, M).
    """

    eigenvalues: Tensor
    eigenvectors: Tensor


class EigResult(NamedTuple):
    """Complex eigenvalues in no particular order, and the eigenvectors as columns.

    Attributes
    ----------
    eigenvalues : Tensor
        Shape (..., M), complex.
    eigenvectors : Tensor
        Shape (..., M, M), complex.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor


@primitive
def eigh_p(xp: Any, x: Any) -> Any:
    """Return eigenvalues and eigenvectors of Hermitian matrices (their lower triangle)."""
    finite("eigh", xp, xp.tril(x))
    return tuple(xp.linalg.eigh(x))


@eigh_p.vjp
def _(xp: Any, ct: Any, out: Any) -> Any:
    # gx = V (diag(gλ) + skew(VᴴgV) / (λj − λi)) Vᴴ (Giles 2008, 3.1; complex: Boeddeker et al.
    # 2017, arXiv:1701.00392, 4.2); the skew part alone makes it Hermitian
    values, v = out
    vh = adjoint(xp, v)
    turn = vh @ ct[1]
    inner = (turn - adjoint(xp, turn)) / 2 * inverse_gaps(xp, values, all_zero(xp, ct[1]))
    return (v * xp.expand_dims(ct[0], axis=-2) + v @ inner) @ vh


@eigh_p.jvp
def _(xp: Any, t: Any, out: Any) -> Any:
    # P = Vᴴ sym(dx) V: dλ = re diag(P), dV = V (P / (λj − λi))
    values, v = out
    p = adjoint(xp, v) @ ((t + adjoint(xp, t)) / 2) @ v
    return real_part(xp, xp.linalg.diagonal(p)), v @ (p * inverse_gaps(xp, values))


eigh_p.batched = True


@of_square.see("eig, eigvalsh")
def eigh(x: Tensor, /) -> EighResult:
    """Return eigenvalues, ascending, and orthonormal eigenvectors of Hermitian matrices.

    Only the lower triangle of `x` is read; the derivatives are those for a Hermitian `x`, and the
    gradient is Hermitian. At equal eigenvalues the eigenvectors have no derivative (NaN or
    infinite, as PyTorch); where only the eigenvalues are used the gradient is V diag(g) Vᴴ there
    too (Boeddeker et al. 2017, arXiv:1701.00392).

    >>> values, vectors = xp.linalg.eigh(xp.asarray([[2.0, 1.0], [1.0, 2.0]]))
    >>> values
    tensor([1., 3.])

    Returns
    -------
    EighResult
        (eigenvalues, eigenvectors), dtype of the real part of `x` and of `x`; of integers and bool
        float64.

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, or float16; not square, or the triangle is not finite.
    """
    square("eigh", x)
    return EighResult(*apply(eigh_p, (x,), {}))


def _eigvalsh(xp: Any, x: Any) -> Any:
    finite("eigvalsh", xp, xp.tril(x))
    return xp.linalg.eigvalsh(x)


eigvalsh_p = nondifferentiable("eigvalsh", forward=_eigvalsh)


@of_square.see("eigh, eigvals")
def eigvalsh(x: Tensor, /) -> Tensor:
    """Return the eigenvalues of Hermitian matrices, ascending.

    Only the lower triangle of `x` is read. The gradient is V diag(g) Vᴴ, at equal eigenvalues with
    any choice of V.

    >>> xp.linalg.eigvalsh(xp.asarray([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])

    Returns
    -------
    Tensor
        Shape (..., M), dtype of the real part of `x`; of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, or float16; not square, or the triangle is not finite.
    """
    square("eigvalsh", x)
    if tracked(x):
        return apply(eigh_p, (x,), {})[0]
    return apply(eigvalsh_p, (x,), {})


def _complex(xp: Any, a: Any) -> Any:
    if a.dtype.kind == "c":
        return a
    return a.astype(xp.complex64 if a.dtype == xp.float32 else xp.complex128)


@primitive
def eig_p(xp: Any, x: Any) -> Any:
    """Return complex eigenvalues and eigenvectors of norm 1 of any square matrices."""
    values, vectors = xp.linalg.eig(finite("eig", xp, x))
    return _complex(xp, values), _complex(xp, vectors)


@eig_p.vjp
def _(xp: Any, ct: Any, out: Any) -> Any:
    # gx = V⁻ᴴ (diag(gλ) + Vᴴ(gV − V re diag(VᴴgV)) / conj(λj − λi)) Vᴴ: Boeddeker et al.
    # 2017, 4.2; the inner difference keeps the columns of V at norm 1
    values, v = out
    vh = adjoint(xp, v)
    along = xp.real(xp.sum(v.conjugate() * ct[1], axis=-2, keepdims=True))
    inner = (vh @ (ct[1] - v * along)) * inverse_gaps(xp, values, all_zero(xp, ct[1])).conjugate()
    return xp.linalg.solve(vh, xp.expand_dims(ct[0], axis=-1) * vh + inner @ vh)


@eig_p.jvp
def _(xp: Any, t: Any, out: Any) -> Any:
    # P = V⁻¹ dx V: dλ = diag(P), dV = X − V re diag(VᴴX) with X = V (P / (λj − λi))
    values, v = out
    p = xp.linalg.solve(v, xp.astype(t, v.dtype, copy=False) @ v)
    dv = v @ (p * inverse_gaps(xp, values))
    along = xp.real(xp.sum(v.conjugate() * dv, axis=-2, keepdims=True))
    return xp.linalg.diagonal(p), dv - v * along


eig_p.batched = True


@of_finite.see("eigh, eigvals")
def eig(x: Tensor, /) -> EigResult:
    """Return eigenvalues and eigenvectors (columns of norm 1) of square matrices.

    The gradient is right where the result does not depend on the phases of the eigenvectors. At
    equal eigenvalues the eigenvectors have no derivative (NaN or infinite).

    >>> values, vectors = xp.linalg.eig(xp.asarray([[2.0, 0.0], [0.0, 3.0]]))
    >>> values
    tensor([2.+0.j, 3.+0.j])

    Returns
    -------
    EigResult
        (eigenvalues, eigenvectors), always complex: complex64 of single precision, else complex128.
    """
    square("eig", x)
    return EigResult(*apply(eig_p, (x,), {}))


eigvals_p = nondifferentiable(
    "eigvals", forward=lambda xp, x: _complex(xp, xp.linalg.eigvals(finite("eigvals", xp, x)))
)


@of_finite.see("eig, eigvalsh")
def eigvals(x: Tensor, /) -> Tensor:
    """Return the complex eigenvalues of square matrices, in no particular order.

    The gradient is V⁻ᴴ diag(g) Vᴴ; it needs independent eigenvectors.

    >>> xp.linalg.eigvals(xp.asarray([[2.0, 0.0], [0.0, 3.0]]))
    tensor([2.+0.j, 3.+0.j])

    Returns
    -------
    Tensor
        Shape (..., M), complex64 of single precision, else complex128: the dtype is always complex.
    """
    square("eigvals", x)
    if tracked(x):
        return apply(eig_p, (x,), {})[0]
    return apply(eigvals_p, (x,), {})
