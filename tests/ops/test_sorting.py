"""Sorting: tables; order of ties and NaN, descending order of every dtype by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import integers, spaced
from tests.harness import Row, table

ROWS = [
    *(
        Row(
            f"sort {axis} {descending}",
            lambda x, a=axis, d=descending: xp.sort(x, axis=a, descending=d),
            (spaced(3, 4),),
            lambda x, a=axis, d=descending: np.flip(np.sort(x, a), a) if d else np.sort(x, a),
            torch=lambda x, a=axis, d=descending: x.sort(dim=a, descending=d).values,
            torch_order2=False,
        )
        for axis in (0, -1)
        for descending in (False, True)
    ),
    Row("sort default", xp.sort, (spaced(5),), np.sort, complex=True),
    Row("argsort", xp.argsort, (spaced(3, 4),), np.argsort),
    Row("argsort ties", xp.argsort, (integers(0, 3, 9),), lambda x: np.argsort(x, kind="stable")),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "int8", "int64", "uint8", "uint64", "bool"]
)
def test_ties_keep_their_order(dtype, descending):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2 if dtype == "bool" else 4, 50).astype(dtype)
    found = xp.argsort(xp.asarray(x), descending=descending).numpy()
    key = (lambda i: -int(x[i])) if descending else (lambda i: int(x[i]))
    assert found.tolist() == sorted(range(50), key=key)
    np.testing.assert_array_equal(xp.sort(xp.asarray(x), descending=descending).numpy(), x[found])


def test_extreme_values_of_integers():
    for dtype in ("int8", "int64", "uint8", "uint64"):
        info = np.iinfo(dtype)
        x = xp.asarray(np.array([0, info.max, info.min, 1], dtype=dtype))
        expected = sorted([0, info.max, info.min, 1], reverse=True)
        assert xp.sort(x, descending=True).numpy().tolist() == expected


def test_nan_comes_last_in_either_order():
    x = xp.asarray([xp.nan, 1.0, -xp.inf, xp.nan, xp.inf])
    assert xp.argsort(x).numpy().tolist() == [2, 1, 4, 0, 3]
    assert xp.argsort(x, descending=True).numpy().tolist() == [4, 1, 2, 0, 3]
    np.testing.assert_array_equal(
        xp.sort(x, descending=True).numpy(), [np.inf, 1, -np.inf, np.nan, np.nan]
    )


def test_signed_zeros_keep_their_order():
    x = xp.asarray([0.0, -0.0, 1.0])
    assert np.signbit(xp.sort(x).numpy()).tolist() == [False, True, False]
    assert np.signbit(xp.sort(x, descending=True).numpy()).tolist() == [False, False, True]


def test_gradient_goes_back_to_ties_in_order():
    x = xp.asarray([2.0, 1.0, 2.0]).requires_grad_()
    y = xp.sort(x, descending=True)
    (y * xp.asarray([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.numpy().tolist() == [1.0, 100.0, 10.0]


def test_bad_axis():
    with pytest.raises(IndexError, match="sort: axis 1 is out of bounds"):
        xp.sort(xp.ones(3), axis=1)
    with pytest.raises(IndexError, match="argsort: axis"):
        xp.argsort(xp.asarray(1.0))
