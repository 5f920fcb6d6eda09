"""Cholesky, QR and singular values: values and derivatives of what is unique in them."""

from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tests.harness import Row, table
from tests.linalg.samples import both, definite, regular


def square_of(x: Any) -> Any:
    return (x * x.conj()).real


def cholesky(lib: Any, x: Any) -> Any:
    return lib.linalg.cholesky(definite(x))


def cholesky_upper(lib: Any, x: Any) -> Any:
    return lib.linalg.cholesky(definite(x), upper=True)


def qr(lib: Any, x: Any) -> Any:
    return tuple(lib.linalg.qr(x))


def qr_complete(lib: Any, x: Any) -> Any:
    q, r = lib.linalg.qr(x, mode="complete")
    k = min(x.shape[-2:])
    q1, q2 = q[..., :k], q[..., k:]
    return q1, r, q2 @ q2.mT.conj()


def polar(lib: Any, x: Any) -> Any:
    u, s, vh = lib.linalg.svd(x, full_matrices=False)
    weights = s * s / (1 + s)
    return (u * weights[..., None, :]) @ vh, u[..., :1] @ vh[..., :1, :]


def svd_parts(lib: Any, x: Any) -> Any:
    u, s, vh = lib.linalg.svd(x, full_matrices=False)
    return s, square_of(u), square_of(vh)


def svd_full(lib: Any, x: Any) -> Any:
    u, s, vh = lib.linalg.svd(x)
    k = s.shape[-1]
    u2, v2 = u[..., k:], vh[..., k:, :]
    return s, square_of(u[..., :k]), square_of(vh[..., :k, :]), u2 @ u2.mT.conj(), v2.mT.conj() @ v2


def svdvals(lib: Any, x: Any) -> Any:
    return lib.linalg.svdvals(x)


ROWS: list[Row] = [
    both("cholesky", cholesky, (2, 3, 3)),
    both("cholesky_upper", cholesky_upper, (3, 3)),
    both("qr_tall", qr, (2, 4, 3)),
    both("qr_square", qr, (3, 3)),
    both("qr_wide", qr, (2, 3, 5)),
    both("qr_complete_tall", qr_complete, (2, 4, 2), torch=None),
    both("qr_complete_wide", qr_complete, (2, 4), torch=None),
    both("svd_square", svd_parts, (2, 3, 3)),
    both("svd_tall", svd_parts, (4, 3)),
    both("svd_wide", svd_parts, (2, 3, 4)),
    both("svd_full_tall", svd_full, (4, 2), torch=None),
    both("svd_full_wide", svd_full, (2, 2, 4), torch=None),
    both("polar_square", polar, (3, 3)),
    both("polar_tall", polar, (4, 3)),
    both("polar_wide", polar, (3, 4)),
    both("svdvals_tall", svdvals, (2, 4, 3)),
    both("svdvals_wide", svdvals, (3, 4)),
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_cholesky_gradient_is_hermitian_as_in_pytorch(upper: bool, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    a = definite(regular(3, 3, dtype=dtype)(np.random.default_rng(0)))
    x = xp.asarray(a, copy=True).requires_grad_()
    t = torch.tensor(a, requires_grad=True)
    xp.sum(xp.abs(xp.linalg.cholesky(x, upper=upper)) ** 3).backward()
    (torch.linalg.cholesky(t, upper=upper).abs() ** 3).sum().backward()
    found = x.grad.numpy()
    np.testing.assert_allclose(found, found.conj().T, atol=1e-14)
    np.testing.assert_allclose(found, t.grad.numpy(), atol=1e-13)


def test_real_eigenvectors_and_factors_have_pytorchs_gradients() -> None:
    torch = pytest.importorskip("torch")
    a = regular(3, 3)(np.random.default_rng(1))
    weights = np.random.default_rng(2).standard_normal((3, 3))
    x, t = xp.asarray(a, copy=True).requires_grad_(), torch.tensor(a, requires_grad=True)
    u, _, vh = xp.linalg.svd(x)
    tu, _, tvh = torch.linalg.svd(t)
    sign = np.sign(np.sum(u.detach().numpy() * tu.detach().numpy(), axis=0))
    xp.sum(
        (u * xp.asarray(sign) + (vh * xp.asarray(sign[:, None])).mT) * xp.asarray(weights)
    ).backward()
    ((tu + tvh.mT) * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_singular_values_have_gradients_at_ties_and_zeros(shape: tuple[int, int]) -> None:
    for a in (np.eye(*shape), np.zeros(shape)):
        x = xp.asarray(a, copy=True).requires_grad_()
        for s in (xp.linalg.svdvals(x), xp.linalg.svd(x).S):
            (g,) = xp.autograd.grad(xp.sum(s), x)
            u, _, vh = np.linalg.svd(a, full_matrices=False)
            np.testing.assert_allclose(g.numpy(), u @ vh, atol=1e-15)


def test_vectors_have_no_gradient_at_ties() -> None:
    x = xp.eye(3, requires_grad=True)
    (g,) = xp.autograd.grad(xp.linalg.svd(x).U[0, 1], x)
    assert not xp.all(xp.isfinite(g))


def test_empty_matrices() -> None:
    for shape in [(0, 0), (2, 0, 0)]:
        x = xp.zeros(shape, requires_grad=True)
        for outs in (
            (xp.linalg.cholesky(x),),
            xp.linalg.qr(x),
            xp.linalg.svd(x),
            (xp.linalg.svdvals(x),),
        ):
            xp.autograd.grad(sum(xp.sum(out) for out in outs), x)


def test_errors_name_the_function_and_the_shape() -> None:
    for name in ("cholesky", "eigh", "eig", "eigvals", "eigvalsh", "det", "slogdet", "inv"):
        function = getattr(xp.linalg, name)
        with pytest.raises(ValueError, match=rf"{name}: x has shape \(2, 3\)"):
            function(xp.zeros((2, 3)))
        with pytest.raises(xp.linalg.LinAlgError, match=f"{name}: x has shape"):
            function(xp.zeros(3))
        with pytest.raises(TypeError, match=f"{name}: x is a builtins.list"):
            function([[1.0]])
    with pytest.raises(xp.linalg.LinAlgError):
        xp.linalg.cholesky(-xp.eye(2))
    with pytest.raises(ValueError, match="qr: mode is 'full'"):
        xp.linalg.qr(xp.eye(2), mode="full")
