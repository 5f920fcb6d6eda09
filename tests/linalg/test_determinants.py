"""Determinants and adjugates, of singular matrices too."""

from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tests.harness import Row, table
from tests.linalg.samples import both, regular


def det(lib: Any, x: Any) -> Any:
    return lib.linalg.det(x)


def slogdet(lib: Any, x: Any) -> Any:
    return tuple(lib.linalg.slogdet(x))


def adjugate(lib: Any, x: Any) -> Any:
    if lib is xp:
        return xp.linalg.adjugate(x)
    return lib.linalg.det(x)[..., None, None] * lib.linalg.inv(x)


ROWS: list[Row] = [
    both("det", det, (2, 3, 3)),
    both("det_4", det, (4, 4)),
    both("slogdet", slogdet, (2, 3, 3)),
    both("adjugate", adjugate, (2, 3, 3)),
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


def cofactors(a: Any) -> Any:
    """Return the matrix of cofactors by determinants of minors."""
    out = np.empty_like(a)
    for i, j in np.ndindex(a.shape):
        minor = np.delete(np.delete(a, i, 0), j, 1)
        out[i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return out


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_gradient_at_singular_matrices_is_the_cofactor_matrix(rank: int, dtype: str) -> None:
    rng = np.random.default_rng(rank)
    a = regular(3, 3, dtype=dtype)(rng)
    a[rank:] = 0
    a[:, 1] = a[:, 0]
    x = xp.asarray(a, copy=True).requires_grad_()
    (g,) = xp.autograd.grad(xp.real(xp.linalg.det(x)), x)
    np.testing.assert_allclose(g.numpy(), cofactors(a).conj(), atol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_second_derivative_at_singular_matrices(dtype: str) -> None:
    rng = np.random.default_rng(1)
    a = regular(3, 3, dtype=dtype)(rng)
    a[:, 2] = 0
    v, w = regular(3, 3, dtype=dtype)(rng), regular(3, 3, dtype=dtype)(rng)

    def slope(b: Any) -> Any:
        x = xp.asarray(b, copy=True).requires_grad_()
        (g,) = xp.autograd.grad(xp.real(xp.linalg.det(x)), x, create_graph=True)
        return x, xp.sum(xp.real(xp.conj(xp.asarray(w)) * g))

    x, out = slope(a)
    (found,) = xp.autograd.grad(out, x)
    step = 1e-5
    ends = [float(slope(a + sign * step * v)[1]) for sign in (1, -1)]
    expected = (ends[0] - ends[1]) / (2 * step)
    assert abs(np.sum(found.numpy().conj() * v).real - expected) < 1e-8


def test_one_singular_matrix_in_a_stack_spoils_no_other() -> None:
    a = np.stack([np.diag([1.0, 2.0, 0.0]), np.diag([1.0, 2.0, 3.0])])
    x = xp.asarray(a, copy=True).requires_grad_()
    xp.sum(xp.linalg.det(x)).backward()
    expected = np.stack([np.diag([0.0, 0.0, 2.0]), np.diag([6.0, 3.0, 2.0])])
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-15)


def test_slogdet_of_a_singular_matrix() -> None:
    x = xp.zeros((2, 2), requires_grad=True)
    sign, logabsdet = xp.linalg.slogdet(x)
    assert sign == 0
    assert logabsdet == -xp.inf
    with pytest.raises(xp.linalg.LinAlgError):
        logabsdet.backward()


def test_empty_matrices_have_determinant_1() -> None:
    x = xp.zeros((2, 0, 0), requires_grad=True)
    assert xp.linalg.det(x).tolist() == [1, 1]
    xp.sum(xp.linalg.det(x)).backward()
    assert x.grad.shape == (2, 0, 0)
