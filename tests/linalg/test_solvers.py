"""Systems, inverses, pseudo-inverses and least squares."""

from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import kernels
from tests.harness import Row, table
from tests.linalg.samples import both, regular


def inv(lib: Any, x: Any) -> Any:
    return lib.linalg.inv(x)


def solve(lib: Any, a: Any, b: Any) -> Any:
    return lib.linalg.solve(a, b)


def solve_vector(lib: Any, a: Any, b: Any) -> Any:
    return lib.linalg.solve(a, b[0])


def pinv(lib: Any, x: Any) -> Any:
    return lib.linalg.pinv(x)


def pinv_of_low_rank(lib: Any, a: Any, b: Any) -> Any:
    return lib.linalg.pinv(a @ b)


def triangular(lib: Any, a: Any, b: Any, **more: Any) -> Any:
    if lib is not np:
        return lib.linalg.solve_triangular(a, b, **more)
    k = 1 if more.get("unitriangular") else 0
    triangle = np.triu(a, k) if more["upper"] else np.tril(a, -k)
    triangle = triangle + k * np.eye(a.shape[-1], dtype=a.dtype)
    if more.get("left", True):
        return np.linalg.solve(triangle, b)
    return np.linalg.solve(triangle.mT, b.mT).mT


def lower(lib: Any, a: Any, b: Any) -> Any:
    return triangular(lib, a + a.mT, b, upper=False)


def upper(lib: Any, a: Any, b: Any) -> Any:
    return triangular(lib, a, b, upper=True)


def right(lib: Any, a: Any, b: Any) -> Any:
    return triangular(lib, a, b.mT, upper=False, left=False)


def unit(lib: Any, a: Any, b: Any) -> Any:
    return triangular(lib, a, b, upper=True, unitriangular=True)


def lstsq(lib: Any, a: Any, b: Any) -> Any:
    return lib.linalg.lstsq(a, b)[0]


ROWS: list[Row] = [
    both("inv", inv, (2, 3, 3)),
    both("solve", solve, (2, 3, 3), (2, 3, 2)),
    both("solve_broadcast", solve, (3, 3), (2, 3, 2)),
    both("solve_vector", solve_vector, (3, 3), (1, 3)),
    both("solve_vector_stack", solve_vector, (2, 3, 3), (1, 3), torch=None),
    both("pinv_tall", pinv, (2, 4, 3)),
    both("pinv_wide", pinv, (3, 4)),
    both("pinv_of_low_rank", pinv_of_low_rank, (2, 4, 2), (2, 2, 3), torch_order2=False),
    both("solve_triangular_lower", lower, (3, 3), (3, 2), torch=None),
    both("solve_triangular_upper", upper, (3, 3), (3, 2)),
    both("solve_triangular_stack", upper, (2, 3, 3), (2, 3, 2)),
    both("solve_triangular_right", right, (3, 3), (3, 2)),
    both("solve_triangular_unit", unit, (3, 3), (3, 2)),
    both("lstsq_tall", lstsq, (4, 3), (4, 2)),
    both("lstsq_wide", lstsq, (3, 4), (3, 2), reference=None, torch_order2=False),
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


def test_solve_takes_vectors_only_as_one_axis() -> None:
    a, b = xp.eye(2), xp.asarray([[1.0, 2.0], [3.0, 4.0]])
    assert xp.linalg.solve(a, b[0]).shape == (2,)
    assert xp.linalg.solve(xp.stack([a, a]), b[0]).shape == (2, 2)
    assert xp.linalg.solve(xp.stack([a, a]), b).shape == (2, 2, 2)
    with pytest.raises(ValueError, match=r"solve: x1 has shape \(2, 2\) and x2 \(3,\)"):
        xp.linalg.solve(a, xp.zeros(3))
    with pytest.raises(xp.linalg.LinAlgError):
        xp.linalg.solve(xp.zeros((2, 2)), b)


@pytest.mark.parametrize("upper", [False, True])
def test_solve_triangular_without_scipy(upper: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    a = xp.asarray(regular(3, 3)(np.random.default_rng(0)))
    b = xp.asarray([1.0, 2.0, 3.0])
    expected = xp.linalg.solve_triangular(a, b, upper=upper)
    monkeypatch.setattr(kernels, "_triangular_solver", lambda backend: None)
    found = xp.linalg.solve_triangular(a, b, upper=upper)
    assert found.shape == (3,)
    assert xp.allclose(found, expected)


def test_rank_counts_by_rtol_and_has_no_gradient() -> None:
    x = xp.asarray([[[1.0, 0.0], [0.0, 1e-3]], [[1.0, 0.0], [0.0, 0.0]]], requires_grad=True)
    rank = xp.linalg.matrix_rank(x)
    assert rank.dtype == xp.int64
    assert rank.tolist() == [2, 1]
    assert not rank.requires_grad
    assert xp.linalg.matrix_rank(x, rtol=1e-2).tolist() == [1, 1]
    assert xp.linalg.matrix_rank(x, rtol=xp.asarray([1e-2, 1e-4])).tolist() == [1, 1]
    assert xp.linalg.pinv(x, rtol=xp.asarray([1e-2, 1e-4]))[0, 1, 1] == 0
    assert xp.linalg.pinv(x, rtol=xp.asarray([1e-2]))[0, 1, 1] == 0
    for shape, matrices in (((3,), x), ((2, 1), x), ((2,), x[0])):
        with pytest.raises(ValueError, match=r"pinv: rtol has shape .* one for each matrix"):
            xp.linalg.pinv(matrices, rtol=xp.full(shape, 1e-3))


def test_condition_numbers_are_numpys() -> None:
    a = regular(3, 3)(np.random.default_rng(0))
    for p in (None, 2, -2, 1, -1, "fro", "nuc", float("inf")):
        found = xp.linalg.cond(xp.asarray(a), p)
        np.testing.assert_allclose(found.numpy(), np.linalg.cond(a, p), rtol=1e-12)


def test_lstsq_gives_numpys_four_results() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((4, 2)), rng.standard_normal((4, 3))
    found = xp.linalg.lstsq(xp.asarray(a), xp.asarray(b))
    for ours, theirs in zip(found, np.linalg.lstsq(a, b), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12)
