"""Factorisations: Cholesky, QR and singular values.

Factors are unique up to signs or phases; gradients are right for results that do not depend
on this choice. They are stacked over the leading axes.
"""

from typing import Any, NamedTuple

from tensorxp._backend.families import see
from tensorxp._backend.special import on_gpu
from tensorxp._core.door import apply
from tensorxp._core.primitive import nondifferentiable, primitive
from tensorxp._core.tensor import Tensor
from tensorxp.linalg.common import (
    adjoint,
    all_zero,
    diagonal_matrix,
    finite,
    half_tril,
    inverse,
    inverse_gaps,
    is_complex,
    matrix,
    of_matrices,
    of_square,
    real_part,
    square,
    tracked,
)
from tensorxp.linalg.solvers import solve_triangle

_PANEL = 128  # rows of a large matrix that are taken at once


class QRResult(NamedTuple):
    """Orthonormal columns and the upper triangular factor.

    Attributes
    ----------
    Q : Tensor
        Shape (..., M, K), K the least of M and N; "complete": (..., M, M).
    R : Tensor
        Shape (..., K, N); "complete": (..., M, N).
    """

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """Left singular vectors (columns), singular values (descending), right vectors (rows).

    Attributes
    ----------
    U : Tensor
        Shape (..., M, K), K the least of M and N; full: (..., M, M).
    S : Tensor
        Shape (..., K), real.
    Vh : Tensor
        Shape (..., K, N); full: (..., N, N).
    """

    U: Tensor
    S: Tensor
    Vh: Tensor


@primitive
def cholesky_p(xp: Any, x: Any, *, upper: bool) -> Any:
    """Return the triangular factors of positive definite matrices."""
    return xp.linalg.cholesky(x, upper=upper)


@cholesky_p.vjp
def _(xp: Any, ct: Any, out: Any, *, upper: bool) -> Any:
    # gx = sym(L⁻ᴴ Φ(Lᴴ gL) L⁻¹) with Φ the lower triangle, its diagonal halved (Murray 2016,
    # arXiv:1602.07527, 3.3)
    lower, ct = (adjoint(xp, out), adjoint(xp, ct)) if upper else (out, ct)
    lh = adjoint(xp, lower)
    if lh.shape[-1] <= _PANEL or isinstance(ct, Tensor) or isinstance(lh, Tensor) or on_gpu(xp):
        phi = half_tril(xp, lh @ ct)
        right = adjoint(xp, solve_triangle(xp, lh, adjoint(xp, phi), upper=True))
    else:
        right = _phi_by_panels(xp, lh, ct)
    g = solve_triangle(xp, lh, right, upper=True)
    return (g + adjoint(xp, g)) / 2


def _phi_by_panels(xp: Any, lh: Any, ct: Any) -> Any:
    # Φ(Lᴴ gL) L⁻¹ by rows of panels: all is triangular, so a third of the work remains. (Rules of
    # blocks of x, Murray 2016, 3.4, are faster still, but lose digits where x is ill-conditioned.)
    right = xp.zeros_like(ct)
    for i in range(0, lh.shape[-1], _PANEL):
        j = i + _PANEL
        phi = lh[..., i:j, i:] @ ct[..., i:, :j]
        phi[..., i:] = half_tril(xp, phi[..., i:])
        y = solve_triangle(xp, lh[..., :j, :j], adjoint(xp, phi), upper=True)
        right[..., i:j, :j] = adjoint(xp, y)
    return right


@cholesky_p.jvp
def _(xp: Any, t: Any, out: Any, *, upper: bool) -> Any:
    # dL = L Φ(L⁻¹ sym(dx) L⁻ᴴ)
    lower = adjoint(xp, out) if upper else out
    inner = solve_triangle(xp, lower, (t + adjoint(xp, t)) / 2, upper=False)
    middle = solve_triangle(xp, lower, adjoint(xp, inner), upper=False)
    dl = lower @ half_tril(xp, middle)
    return adjoint(xp, dl) if upper else dl


cholesky_p.batched = True


@of_square.see("eigh, solve")
def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """Return L with x = L Lᴴ, or with `upper` U with x = Uᴴ U, of positive definite matrices.

    Only that triangle of `x` is read; the derivatives are those for a Hermitian `x`, and the
    gradient is Hermitian (Murray 2016, arXiv:1602.07527).

    >>> xp.linalg.cholesky(xp.asarray([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])

    Parameters
    ----------
    upper : bool

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, or float16; not square or not positive definite.
    """
    square("cholesky", x)
    return apply(cholesky_p, (x,), {"upper": bool(upper)})


def _first(xp: Any, u: Any, gu: Any, k: int) -> tuple[Any, Any]:
    """Return the first k columns of a unitary U, and a cotangent of U as one of these."""
    if u.shape[-1] == k:
        return u, gu
    # the columns U2 that complete U1 follow it: dU2 = −U1 dU1ᴴ U2
    u1, u2 = u[..., :k], u[..., k:]
    return u1, gu[..., :k] - u2 @ (adjoint(xp, gu[..., k:]) @ u1)


@primitive
def qr_p(xp: Any, x: Any, *, mode: str) -> Any:
    """Return the factors Q and R."""
    return tuple(xp.linalg.qr(x, mode=mode))


@qr_p.vjp
def _(xp: Any, ct: Any, out: Any, *, mode: str) -> Any:
    (gq, gr), (q, r) = ct, out
    m, n = q.shape[-2], r.shape[-1]
    if m >= n:
        q, gq = _first(xp, q, gq, n)
        return _square_qr_vjp(xp, gq, gr[..., :n, :], q, r[..., :n, :])
    # x = [X Y], R = [R1 R2] with R2 = Qᴴ Y
    r2, gr2 = r[..., m:], gr[..., m:]
    gx = _square_qr_vjp(xp, gq + q @ (r2 @ adjoint(xp, gr2)), gr[..., :m], q, r[..., :m])
    return xp.concat([gx, q @ gr2], axis=-1)


def _square_qr_vjp(xp: Any, gq: Any, gr: Any, q: Any, r: Any) -> Any:
    # gx = (gQ + Q (M + Mᴴ)) R⁻ᴴ with M the upper triangle, its diagonal halved, of
    # gR Rᴴ − Qᴴ gQ (Walter & Lehmann 2010, arXiv:1009.6112; Roberts & Roberts 2020)
    half = half_tril(xp, r @ adjoint(xp, gr) - adjoint(xp, gq) @ q)
    g = gq + q @ (half + adjoint(xp, half))
    return adjoint(xp, solve_triangle(xp, r, adjoint(xp, g), upper=True))


@qr_p.jvp
def _(xp: Any, t: Any, out: Any, *, mode: str) -> Any:
    # Qᴴ dx R⁻¹ = Ω + T, Ω skew and T upper triangular: dR = T R, dQ = dx R⁻¹ − Q T
    q, r = out
    m, n = t.shape[-2:]
    k = min(m, n)
    q1, r1 = q[..., :k], r[..., :k, :k]
    dxr = adjoint(xp, solve_triangle(xp, adjoint(xp, r1), adjoint(xp, t[..., :k]), upper=False))
    s = adjoint(xp, q1) @ dxr
    upper = adjoint(xp, half_tril(xp, s) + half_tril(xp, adjoint(xp, s)))
    dq, dr = dxr - q1 @ upper, upper @ r1
    if n > k:
        dr2 = adjoint(xp, dq) @ (q @ r[..., k:]) + adjoint(xp, q) @ t[..., k:]
        dr = xp.concat([dr, dr2], axis=-1)
    if mode == "complete" and m > k:
        dq = xp.concat([dq, -(q1 @ (adjoint(xp, dq) @ q[..., k:]))], axis=-1)
        dr = xp.concat([dr, xp.zeros_like(r[..., k:, :])], axis=-2)
    return dq, dr


qr_p.batched = True


@see("svd, cholesky")
def qr(x: Tensor, /, *, mode: str = "reduced") -> QRResult:
    """Return Q and R with x = Q R.

    The derivatives need the first min(M, N) columns of `x` to be independent. The columns that
    "complete" adds are unique up to a unitary mixing, and their derivatives are right for results
    that do not depend on it (Walter & Lehmann 2010, arXiv:1009.6112).

    >>> q, r = xp.linalg.qr(xp.asarray([[3.0, 1.0], [4.0, 2.0]]))
    >>> xp.abs(r)
    tensor([[5. , 2.2],
            [0. , 0.4]])

    Parameters
    ----------
    x : Tensor, any dtype but float16
        Shape (..., M, N).
    mode : str
        "reduced", or "complete" for a square Q.

    Returns
    -------
    QRResult
        (Q, R), dtype of `x`; of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError, ValueError
        `x` is no Tensor, or float16; fewer than two axes; another `mode`.
    """
    matrix("qr", x)
    if mode not in ("reduced", "complete"):
        raise ValueError(f'qr: mode is {mode!r}; allowed are "reduced" and "complete"')
    return QRResult(*apply(qr_p, (x,), {"mode": mode}))


@primitive
def svd_p(xp: Any, x: Any, *, full_matrices: bool) -> Any:
    """Return left vectors, singular values and right vectors."""
    return tuple(xp.linalg.svd(finite("svd", xp, x), full_matrices=full_matrices))


@svd_p.vjp
def _(xp: Any, ct: Any, out: Any, *, full_matrices: bool) -> Any:
    # gx = U (Ω(UᴴgU) S + S Ω(VᴴgV) + diag(gS)) Vᴴ + (1 − UUᴴ) gU S⁻¹ Vᴴ + U S⁻¹ gVᴴ (1 − VVᴴ)
    # with Ω(X) = (X − Xᴴ) / (Sj² − Si²), and on the diagonal i im(UᴴgU − VᴴgV) / (2 S)
    # (Townsend 2016; complex: Wan & Zhang 2019, arXiv:1909.02659)
    (gu, gs, gvh), (u, s, vh) = ct, out
    v, gv, k = adjoint(xp, vh), adjoint(xp, gvh), s.shape[-1]
    unused = all_zero(xp, gu, gvh)
    u, gu = _first(xp, u, gu, k)
    v, gv = _first(xp, v, gv, k)
    row, column = xp.expand_dims(s, axis=-2), xp.expand_dims(s, axis=-1)
    per_gap = inverse_gaps(xp, s, unused, squared=True)
    per_row = inverse(xp, row, unused & (row == 0))
    xu, xv = adjoint(xp, u) @ gu, adjoint(xp, v) @ gv
    inner = (xu - adjoint(xp, xu)) * per_gap * row + column * (xv - adjoint(xp, xv)) * per_gap
    inner = inner + diagonal_matrix(xp, gs)
    if is_complex(xp, u):
        phase = xp.imag(xp.linalg.diagonal(xu)) - xp.imag(xp.linalg.diagonal(xv))
        inner = inner + 1j * diagonal_matrix(xp, phase * per_row[..., 0, :] / 2)
    left = u @ inner
    if u.shape[-2] > k:
        left = left + (gu - u @ xu) * per_row
    g = left @ adjoint(xp, v)
    if v.shape[-2] > k:
        g = g + (u * per_row) @ adjoint(xp, gv - v @ xv)
    return g


@svd_p.jvp
def _(xp: Any, t: Any, out: Any, *, full_matrices: bool) -> Any:
    # P = Uᴴ dx V: dS = re diag(P), dU = U (P S + S Pᴴ) / (Sj² − Si²) + (1 − UUᴴ) dx V S⁻¹,
    # and dV likewise from Pᴴ; i im(P) / (2 S) on the diagonal, negative for V
    u, s, vh = out
    v, k = adjoint(xp, vh), s.shape[-1]
    u1, v1 = u[..., :k], v[..., :k]
    row, column = xp.expand_dims(s, axis=-2), xp.expand_dims(s, axis=-1)
    per_gap = inverse_gaps(xp, s, squared=True)
    p = adjoint(xp, u1) @ t @ v1
    ph = adjoint(xp, p)
    wu, wv = (p * row + column * ph) * per_gap, (column * p + ph * row) * per_gap
    diagonal = xp.linalg.diagonal(p)
    if is_complex(xp, p):
        phase = 1j * diagonal_matrix(xp, xp.imag(diagonal) / (2 * s))
        wu, wv = wu + phase, wv - phase
    du = _follow(xp, u, u1 @ wu, (t @ v1 - u1 @ p) / row, k)
    dv = _follow(xp, v, v1 @ wv, (adjoint(xp, t) @ u1 - v1 @ ph) / row, k)
    return du, real_part(xp, diagonal), adjoint(xp, dv)


svd_p.batched = True


def _follow(xp: Any, u: Any, within: Any, across: Any, k: int) -> Any:
    """Return the tangent of all columns, of its parts within and across the span of the first k."""
    if u.shape[-2] == k:
        return within
    du = within + across
    if u.shape[-1] == k:
        return du
    return xp.concat([du, -(u[..., :k] @ (adjoint(xp, du) @ u[..., k:]))], axis=-1)


@see("svdvals, qr")
def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """Return U, S and Vh with x = U diag(S) Vh; S is real and descending.

    At equal singular values, and at zeros where `x` is not square or is complex, the vectors have
    no derivative (NaN or infinite, as PyTorch); where only S is used the gradient is U diag(g) Vh
    there too. The columns that `full_matrices` adds are unique up to a unitary mixing, and their
    derivatives are right for results that do not depend on it (complex: Wan & Zhang 2019,
    arXiv:1909.02659).

    >>> xp.linalg.svd(xp.asarray([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])

    Parameters
    ----------
    x : Tensor, any dtype but float16
        Shape (..., M, N).
    full_matrices : bool
        Whether U and Vh are square.

    Returns
    -------
    SVDResult
        (U, S, Vh), dtype of `x` (S: of its real part); of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, or float16; fewer than two axes, or not finite.
    """
    matrix("svd", x)
    params = {"full_matrices": bool(full_matrices)}
    return SVDResult(*apply(svd_p, (x,), params))


svdvals_p = nondifferentiable(
    "svdvals", forward=lambda xp, x: xp.linalg.svdvals(finite("svdvals", xp, x))
)


@of_matrices.see("svd, matrix_rank")
def svdvals(x: Tensor, /) -> Tensor:
    """Return the singular values of matrices, descending.

    The gradient is U diag(g) Vh, at equal or zero singular values with any choice of U and Vh.

    >>> xp.linalg.svdvals(xp.asarray([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])

    Returns
    -------
    Tensor
        Shape (..., min(M, N)), dtype of the real part of `x`; of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, or float16; fewer than two axes, or not finite.
    """
    matrix("svdvals", x)
    if tracked(x):
        return apply(svd_p, (x,), {"full_matrices": False})[1]
    return apply(svdvals_p, (x,), {})
