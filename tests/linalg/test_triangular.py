"""Triangular systems by NumPy's own BLAS, in every layout, and the large factors built on them."""

import sys
import threading
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import blas, kernels
from tensorxp.linalg import decompositions
from tests.harness import Row, table
from tests.linalg.samples import both, definite

DTYPES = ("float32", "float64", "complex64", "complex128")


@pytest.fixture(params=["blas", "scipy", "neither"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Solve by each of the ways there are; "scipy" and "neither" as without NumPy's OpenBLAS."""
    if request.param != "blas":
        monkeypatch.setattr(blas, "_solvers", lambda char: None)
    if request.param == "neither":
        monkeypatch.setattr(kernels, "_triangular_solver", lambda backend: None)
    return str(request.param)


def triangle(dtype: str, *shape: int, upper: bool = True, seed: int = 0) -> Any:
    """Return well-conditioned triangles with NaN where they are not to be read."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(shape) / shape[-1] + 2 * np.eye(shape[-1])
    if dtype.startswith("complex"):
        a = a + 1j * rng.standard_normal(shape) / shape[-1]
    rest = np.tri(shape[-1], k=-1, dtype=bool)
    return np.where(rest if upper else rest.T, np.nan, a).astype(dtype)


def normal(dtype: str, *shape: int) -> Any:
    rng = np.random.default_rng(1)
    b = rng.standard_normal(shape)
    return (b + 1j * rng.standard_normal(shape) if "complex" in dtype else b).astype(dtype)


def laid_out(a: Any, layout: str) -> Any:
    """Return `a` in memory by rows, by columns, with gaps, backwards, or as a broadcast."""
    if layout == "columns":
        return a.mT.copy().mT
    if layout == "gaps":
        wide = np.full((*a.shape[:-1], 2 * a.shape[-1]), np.nan, a.dtype)
        wide[..., : a.shape[-1]] = a
        return wide[..., : a.shape[-1]]
    if layout == "steps":
        return np.repeat(a, 2, axis=-1)[..., ::2]
    if layout == "backwards":
        return a[..., ::-1].copy()[..., ::-1]
    return a


def dense(a: Any, upper: bool, unit: bool) -> Any:
    full = np.triu(a, int(unit)) if upper else np.tril(a, -int(unit))
    return full + int(unit) * np.eye(a.shape[-1], dtype=a.dtype)


@pytest.mark.parametrize("layout", ["rows", "columns", "gaps", "steps", "backwards"])
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_layout(dtype: str, upper: bool, unit: bool, layout: str, way: str) -> None:
    a = laid_out(triangle(dtype, 7, 7, upper=upper), layout)
    if unit:
        a = laid_out(np.where(np.eye(7, dtype=bool), np.array(np.nan, dtype), a), layout)
    full = dense(a, upper, unit)
    tolerance = 1e-5 if dtype in ("float32", "complex64") else 1e-13
    for k in (1, 4):
        for other in ("rows", "columns", "gaps", "steps"):
            b = laid_out(normal(dtype, 7, k), other)
            before = b.copy()
            params = {"upper": upper, "unitriangular": unit}
            y = xp.linalg.solve_triangular(xp.asarray(a), xp.asarray(b), **params)
            assert y.dtype == np.dtype(dtype)
            np.testing.assert_allclose(full @ y.numpy(), b, rtol=0, atol=tolerance)
            x2 = xp.asarray(b).mT
            y = xp.linalg.solve_triangular(xp.asarray(a), x2, left=False, **params)
            np.testing.assert_allclose(y.numpy() @ full, b.T, rtol=0, atol=tolerance)
            np.testing.assert_array_equal(b, before)


@pytest.mark.parametrize("n", [3, 40])
@pytest.mark.parametrize(
    "stacks", [((2, 3), (2, 3)), ((3,), (2, 1)), ((), (2, 3)), ((2, 1), (3,)), ((2,), ())]
)
def test_stacks_broadcast(stacks: Any, n: int, way: str) -> None:
    a, y = triangle("float64", *stacks[0], n, n), normal("float64", *stacks[1], n, 2)
    for x1, x2 in ((a, y), (laid_out(a, "columns"), laid_out(y, "columns"))):
        found = xp.linalg.solve_triangular(xp.asarray(x1), xp.asarray(x2), upper=True)
        expected = np.linalg.solve(np.triu(a), y)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shapes", [((0, 0), (0, 3)), ((3, 3), (3, 0)), ((2, 0, 0), (0, 1)),
                                    ((0, 3, 3), (3, 2)), ((3, 3), (0, 3, 2))])  # fmt: skip
def test_empty_systems(shapes: Any, way: str) -> None:
    a, b = (xp.ones(shape, requires_grad=True) for shape in shapes)
    y = xp.linalg.solve_triangular(a, b, upper=True)
    assert y.shape == (*np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2]), *shapes[1][-2:])
    xp.sum(y).backward()
    assert a.grad is not None and a.grad.shape == a.shape
    assert b.grad is not None and b.grad.shape == b.shape


@pytest.mark.parametrize("n", [3, 40])
@pytest.mark.parametrize("stack", [(), (2,)])
def test_a_zero_on_the_diagonal(n: int, stack: Any, way: str) -> None:
    a = np.nan_to_num(triangle("float64", *stack, n, n))
    a[..., 1, 1] = 0
    for k in (1, 2):
        b = xp.ones((n, k))
        with pytest.raises(xp.linalg.LinAlgError, match=r"solve_triangular.*[Ss]ingular"):
            xp.linalg.solve_triangular(xp.asarray(a), b, upper=True)
        assert xp.linalg.solve_triangular(
            xp.asarray(a), b, upper=True, unitriangular=True
        ).shape == (*stack, n, k)


def test_mixed_dtypes_are_promoted(way: str) -> None:
    a = np.triu(np.arange(1, 10).reshape(3, 3))
    kinds = ((np.int64, np.int64), (np.float32, np.float64), (np.float64, np.complex64))
    for first, second in kinds:
        x1, x2 = a.astype(first), np.ones((3, 2), second)
        found = xp.linalg.solve_triangular(xp.asarray(x1), xp.asarray(x2), upper=True)
        expected = np.linalg.solve(x1, x2)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("k", [1, 5])
def test_the_residual_is_small_where_the_triangle_is_nearly_singular(k: int) -> None:
    # substitution solves (U + dU) y = b with |dU| ≤ n eps |U|, element by element
    rng = np.random.default_rng(0)
    u = np.triu(rng.standard_normal((200, 200)))  # its condition number is beyond 1 / eps
    b = rng.standard_normal((200, k))
    for a, upper in ((u, True), (u.T.copy(), False)):
        y = xp.linalg.solve_triangular(xp.asarray(a), xp.asarray(b), upper=upper).numpy()
        residual = np.abs(a.astype(np.longdouble) @ y - b)
        assert np.all(residual <= 200 * np.finfo(float).eps * (np.abs(a) @ np.abs(y)))


def test_nan_and_infinity_pass(way: str) -> None:
    a = xp.asarray([[2.0, 1.0], [0.0, 1.0]])
    y = xp.linalg.solve_triangular(a, xp.asarray([[1.0, 1.0], [xp.nan, 1.0]]), upper=True)
    assert xp.isnan(y[:, 0]).tolist() == [True, True]
    assert y[:, 1].tolist() == [0.0, 1.0]


def test_numpys_wheels_have_the_solvers() -> None:
    config: Any = np.show_config(mode="dicts")
    if config["Build Dependencies"]["blas"].get("name") != "scipy-openblas":
        pytest.skip("another build of NumPy")
    if sys.maxsize < 2**32:
        pytest.skip("its BLAS counts in 32 bits")
    assert all(blas._solvers(np.dtype(dtype).char) for dtype in DTYPES)
    assert blas._solvers("e") is None


def test_threads_solve_at_once() -> None:
    a, b = xp.asarray(triangle("float64", 100, 100)), xp.asarray(normal("float64", 100, 100))
    expected = xp.linalg.solve_triangular(a, b, upper=True)
    wrong = []

    def work() -> None:
        for _ in range(20):
            if not xp.all(xp.linalg.solve_triangular(a, b, upper=True) == expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def cholesky(lib: Any, x: Any) -> Any:
    return lib.linalg.cholesky(definite(x))


def cholesky_upper(lib: Any, x: Any) -> Any:
    return lib.linalg.cholesky(definite(x), upper=True)


def upper(lib: Any, a: Any, b: Any) -> Any:
    if lib is np:
        return np.linalg.solve(np.triu(a), b)
    return lib.linalg.solve_triangular(a, b, upper=True)


def unit(lib: Any, a: Any, b: Any) -> Any:
    if lib is np:
        return np.linalg.solve(dense(a / 9, False, True), b)
    return lib.linalg.solve_triangular(a / 9, b, upper=False, unitriangular=True)


def column(lib: Any, a: Any, b: Any) -> Any:
    return lib.linalg.solve(a, b)


ROWS: list[Row] = [
    both("solve_triangular_many", upper, (5, 5), (2, 5, 3)),
    both("solve_triangular_column", upper, (5, 5), (5, 1)),
    both("solve_triangular_large_stack", unit, (2, 24, 24), (2, 24, 2)),
    both("solve_column", column, (4, 4), (4, 1)),
]
PANELS: list[Row] = [
    both("cholesky_stack", cholesky, (2, 8, 8)),
    both("cholesky_upper", cholesky_upper, (7, 7)),
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


@pytest.fixture
def panels_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompositions, "_PANEL", 3)


@table(PANELS)
@pytest.mark.usefixtures("panels_of_three")
def test_row_by_panels(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


@pytest.mark.parametrize("noise", [1e-4, 1e-8, 1e-11])
def test_cholesky_gradient_of_an_ill_conditioned_matrix(noise: float) -> None:
    points = np.linspace(0, 20, 280)
    x = np.exp(-((points[:, None] - points) ** 2) / 2) + noise * np.eye(280)
    ct = np.tril(np.random.default_rng(0).standard_normal(x.shape))
    tensor = xp.asarray(x, requires_grad=True)
    out = xp.linalg.cholesky(tensor)
    out.backward(xp.asarray(ct))
    # the same formula from this factor in long double
    wide = out.detach().numpy().astype(np.longdouble)
    phi = np.tril(wide.T @ ct)
    phi[np.diag_indices(280)] /= 2
    expected = substituted(wide.T, substituted(wide.T, (phi + phi.T) / 2).T)
    assert tensor.grad is not None
    error = np.abs(tensor.grad.numpy() - expected).max() / np.abs(expected).max()
    assert error < 3e-15 / noise**0.5
    assert xp.all(tensor.grad == tensor.grad.mT)


def substituted(u: Any, b: Any) -> Any:
    """Return u⁻¹ b for upper triangular u, row by row."""
    y = b.copy()
    for i in range(len(u) - 1, -1, -1):
        y[i] = (y[i] - u[i, i + 1 :] @ y[i + 1 :]) / u[i, i]
    return y


@pytest.mark.usefixtures("panels_of_three")
def test_jacobian_of_a_factor_by_panels_is_that_of_its_rows() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((8, 8))
    x = xp.asarray(a @ a.T + np.eye(8))
    whole = xp.autograd.functional.jacobian(xp.linalg.cholesky, x, strategy="reverse")
    x.requires_grad_()
    for i in range(8):
        for j in range(i + 1):
            (row,) = xp.autograd.grad(xp.linalg.cholesky(x)[i, j], x)
            np.testing.assert_allclose(whole[i, j].numpy(), row.numpy(), rtol=1e-9, atol=1e-12)
