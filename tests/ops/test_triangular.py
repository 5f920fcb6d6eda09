"""Triangles of matrices: values and gradients by table, errors."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

ROWS = [
    Row(
        f"{name} {k} {shape}",
        lambda x, f=name, k=k: getattr(xp, f)(x, k=k),
        (normal(*shape),),
        lambda x, f=name, k=k: getattr(np, f)(x, k),
        torch=lambda x, f=name, k=k: getattr(x, f)(k),
        complex=True,
    )
    for name in ("tril", "triu")
    for k, shape in [
        (0, (3, 3)), (1, (3, 4)), (-1, (4, 3)), (9, (2, 2)), (-9, (2, 2)), (0, (2, 3, 3)),
        (0, (0, 3)),
    ]
]  # fmt: skip


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize("name", ["tril", "triu"])
def test_dtypes_and_copies(name):
    function, reference = getattr(xp, name), getattr(np, name)
    for dtype in ("bool", "int8", "uint64", "float32"):
        a = np.ones((2, 2), dtype=dtype)
        out = function(xp.asarray(a))
        assert out.dtype == a.dtype
        np.testing.assert_array_equal(out.numpy(), reference(a))
    a = np.asarray([[np.inf, np.nan], [np.nan, -np.inf]])
    np.testing.assert_array_equal(function(xp.asarray(a)).numpy(), reference(a))
    x = xp.ones((2, 2))
    function(x, k=np.int64(5 if name == "tril" else -5))[...] = 0.0
    assert bool(xp.all(x == 1))


@pytest.mark.parametrize("function", [xp.tril, xp.triu])
def test_errors(function):
    name = function.__name__
    with pytest.raises(
        ValueError, match=rf"{name}: x has shape \(2,\); it needs at least two axes"
    ):
        function(xp.ones(2))
    with pytest.raises(TypeError, match=f"{name}: x is a builtins.list"):
        function([[1.0]])
    with pytest.raises(TypeError, match=f"{name}: k is 1.5; allowed is an integer"):
        function(xp.ones((2, 2)), k=1.5)
