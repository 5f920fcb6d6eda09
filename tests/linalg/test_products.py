"""Cross products, diagonals, traces, powers, chains and the exponential of matrices."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tests.harness import Row, table
from tests.linalg.samples import both


def cross(lib: Any, a: Any, b: Any, axis: int = -1) -> Any:
    if lib in (np, xp):
        return lib.linalg.cross(a, b, axis=axis)
    return lib.linalg.cross(a, b, dim=axis)


def diagonal(lib: Any, x: Any, offset: int = 0) -> Any:
    return lib.linalg.diagonal(x, offset=offset)


def trace(lib: Any, x: Any, offset: int = 0) -> Any:
    if lib in (np, xp):
        return lib.linalg.trace(x, offset=offset)
    return lib.linalg.diagonal(x, offset=offset).sum(-1)


def power(lib: Any, x: Any, n: int) -> Any:
    return lib.linalg.matrix_power(x, n)


def chain(lib: Any, *xs: Any) -> Any:
    return lib.linalg.multi_dot(xs)


def vectors(lib: Any, a: Any, b: Any, c: Any) -> Any:
    return lib.linalg.multi_dot([a[0], b, c[0]])


def expm(lib: Any, x: Any) -> Any:
    return xp.linalg.expm(x) if lib is xp else lib.linalg.matrix_exp(x)


ROWS: list[Row] = [
    both("cross", cross, (2, 3), (2, 3)),
    both("cross_broadcast", cross, (1, 3), (4, 2, 3), torch=None),
    both("cross_axis", partial(cross, axis=-2), (3, 2), (3, 2)),
    *(both(f"diagonal_{k}", partial(diagonal, offset=k), (2, 3, 4)) for k in (0, 2, -1, 5)),
    *(both(f"trace_{k}", partial(trace, offset=k), (2, 3, 4)) for k in (0, 1, -2)),
    *(both(f"matrix_power_{n}", partial(power, n=n), (2, 3, 3)) for n in (0, 1, 2, 5, -1, -3)),
    both("multi_dot", chain, (2, 5), (5, 3), (3, 4), (4, 2)),
    both("multi_dot_vectors", vectors, (1, 3), (3, 4), (1, 4)),
    both("expm", expm, (2, 3, 3), reference=None),
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


def test_diagonal_is_a_view_that_carries_writes_and_gradients() -> None:
    for offset in (0, 1, -1):
        x = xp.zeros((2, 3, 3))
        xp.linalg.diagonal(x, offset=offset)[...] = 1
        assert float(xp.sum(x)) == 2 * (3 - abs(offset))
    w = xp.ones((2, 2), requires_grad=True)
    y = w * 1
    view = xp.linalg.diagonal(y)
    view *= 3
    xp.sum(y).backward()
    assert w.grad.tolist() == [[3, 1], [1, 3]]
    with pytest.raises(ValueError, match=r"diagonal: x has shape \(2,\)"):
        xp.linalg.diagonal(xp.zeros(2))


def test_trace_takes_a_dtype() -> None:
    assert xp.linalg.trace(xp.eye(2, dtype=xp.int8)).dtype == xp.int64
    assert xp.linalg.trace(xp.eye(2, dtype=xp.int8), dtype=xp.float32).dtype == xp.float32


def test_matrix_power_keeps_integers_and_makes_new_arrays() -> None:
    x = xp.asarray([[1, 1], [0, 1]])
    assert xp.linalg.matrix_power(x, 5).tolist() == [[1, 5], [0, 1]]
    for n in (0, 1):
        xp.linalg.matrix_power(x, n)[0, 0] = 7
    assert x.tolist() == [[1, 1], [0, 1]]
    with pytest.raises(TypeError, match=r"matrix_power: n is 1\.5"):
        xp.linalg.matrix_power(x, 1.5)


def test_cross_errors() -> None:
    with pytest.raises(ValueError, match=r"cross: x1 has shape \(2,\)"):
        xp.linalg.cross(xp.zeros(2), xp.zeros(2))
    with pytest.raises(ValueError, match="cross: axis is 0 for 2 and 1 dimensions"):
        xp.linalg.cross(xp.zeros((3, 3)), xp.zeros(3), axis=0)


def test_expm_of_large_and_small_matrices() -> None:
    scipy_linalg = pytest.importorskip("scipy.linalg")
    for scale in (0.0, 1e-8, 1.0, 30.0):
        a = scale * np.random.default_rng(0).standard_normal((4, 4))
        found = xp.linalg.expm(xp.asarray(a)).numpy()
        np.testing.assert_allclose(found, scipy_linalg.expm(a), rtol=1e-9)


def test_multi_dot_chooses_the_cheap_order() -> None:
    a, b, c = (xp.ones(shape) for shape in [(1000, 1), (1, 1000), (1000, 1)])
    assert xp.linalg.multi_dot([a, b, c]).shape == (1000, 1)
    with pytest.raises(ValueError, match="multi_dot: the shapes are"):
        xp.linalg.multi_dot([a])
