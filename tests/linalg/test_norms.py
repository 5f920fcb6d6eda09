"""Norms of vectors and matrices of every order, at ties and at zero too."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tests.harness import Row, table
from tests.linalg.samples import both

INF = float("inf")
VECTOR_ORDERS = [0, 1, 2, 3, 4, 0.5, 1.5, 2.5, -1, -2, INF, -INF]
MATRIX_ORDERS = ["fro", "nuc", 1, -1, 2, -2, INF, -INF]


def vector_norm(lib: Any, x: Any, axis: Any = -1, keepdims: bool = False, ord: Any = 2) -> Any:
    if lib not in (np, xp):
        return lib.linalg.vector_norm(x, ord, axis, keepdims)
    return lib.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


def matrix_norm(lib: Any, x: Any, ord: Any, keepdims: bool = False) -> Any:
    return lib.linalg.matrix_norm(x, ord=ord, keepdims=keepdims)


def norm(lib: Any, x: Any, ord: Any, axis: Any) -> Any:
    return lib.linalg.norm(x, ord, axis)


ROWS: list[Row] = [
    *(both(f"vector_norm_{p}", partial(vector_norm, ord=p), (2, 3, 4)) for p in VECTOR_ORDERS),
    both("vector_norm_all", partial(vector_norm, axis=None), (2, 3)),
    both("vector_norm_axes", partial(vector_norm, axis=(2, 0), ord=3), (2, 3, 4)),
    both("vector_norm_keepdims", partial(vector_norm, axis=(0, 1), keepdims=True), (2, 3, 4)),
    *(both(f"matrix_norm_{p}", partial(matrix_norm, ord=p), (2, 3, 4)) for p in MATRIX_ORDERS),
    both("matrix_norm_keepdims", partial(matrix_norm, ord=1, keepdims=True), (2, 3, 4)),
    both("norm_vector", partial(norm, ord=3, axis=0), (3, 4)),
    both("norm_matrix", partial(norm, ord="nuc", axis=(2, 0)), (3, 4, 5)),
    both("norm_all", partial(norm, ord=None, axis=None), (2, 3, 4)),
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("p", VECTOR_ORDERS)
@pytest.mark.parametrize(
    "values", [[0.0, 0.0, 0.0], [3.0, 0.0, -4.0], [2.0, -2.0, 1.0], [1.0, -1.0, 1.0]]
)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_gradients_at_zeros_and_ties_are_pytorchs(p: float, values: Any, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    a = np.asarray(values, dtype=dtype)
    x, t = xp.asarray(a, copy=True).requires_grad_(), torch.tensor(a, requires_grad=True)
    xp.linalg.vector_norm(x, ord=p).backward()
    if p in (0.5, -1, -2) and 0.0 in values:  # PyTorch gives NaN or infinity here
        assert xp.all(x.grad[x == 0] == 0)
        return
    torch.linalg.vector_norm(t, p).backward()
    expected = np.zeros(3) if t.grad is None else t.grad.numpy()
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-15)


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("p", [0.5, 1.5, 2, 2.5, 3, -1, INF])
def test_zeros_give_finite_derivatives(p: float) -> None:
    x = xp.asarray([0.0, 0.0], requires_grad=True)
    (g,) = xp.autograd.grad(xp.linalg.vector_norm(x, ord=p), x, create_graph=True)
    assert xp.all(g == 0)
    (h,) = xp.autograd.grad(xp.sum(g), x, allow_unused=True)
    assert h is None or xp.all(h == 0)


@pytest.mark.parametrize("p", MATRIX_ORDERS)
def test_matrix_norms_at_ties_have_pytorchs_gradients(p: Any) -> None:
    torch = pytest.importorskip("torch")
    a = np.asarray([[1.0, 1.0], [1.0, -1.0]])
    x, t = xp.asarray(a, copy=True).requires_grad_(), torch.tensor(a, requires_grad=True)
    xp.linalg.matrix_norm(x, ord=p).backward()
    torch.linalg.matrix_norm(t, p).backward()
    if p in (2, -2):  # any pair of singular vectors is right: their product has norm 1
        assert np.isclose(np.linalg.norm(x.grad.numpy(), "nuc"), 1)
    else:
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), atol=1e-15)


def test_norm_errors() -> None:
    with pytest.raises(ValueError, match="matrix_norm: ord is 3"):
        xp.linalg.matrix_norm(xp.eye(2), ord=3)
    with pytest.raises(ValueError, match=r"matrix_norm: x has shape \(0, 2\); ord 2 needs"):
        xp.linalg.matrix_norm(xp.zeros((0, 2)), ord=2)
    with pytest.raises(ValueError, match=r"norm: x has shape \(2, 2, 2\)"):
        xp.linalg.norm(xp.zeros((2, 2, 2)), 2)
    with pytest.raises(IndexError, match="vector_norm: axis 2 is out of bounds"):
        xp.linalg.vector_norm(xp.eye(2), axis=2)
