"""Searching and picking: tables; repeated and negative indices, scalars and bounds by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import booleans, integers, normal, spaced
from tests.harness import Row, table

ROWS = [
    Row("where", xp.where, (booleans(3, 1), normal(3, 4), normal(4)), np.where, "where", True),
    Row(
        "where scalar",
        lambda c, x: xp.where(c, x, 2.5) + xp.where(c, 1, x),
        (booleans(4), normal(4)),
        lambda c, x: np.where(c, x, 2.5) + np.where(c, 1, x),
        complex=True,
    ),
    *(
        Row(
            f"take {axis}",
            lambda x, i, a=axis: xp.take(x, i, axis=a),
            (normal(3, 4, 2), integers(-2, 2, 5)),
            lambda x, i, a=axis: np.take(x, i, axis=a),
            complex=True,
        )
        for axis in (0, 1, -1)
    ),
    Row("take 1d", xp.take, (normal(4), integers(0, 4, 6)), np.take, torch="take", complex=True),
    Row("take flat", xp.take, (normal(3, 2), integers(0, 6, 2, 2)), np.take, complex=True),
    *(
        Row(
            f"take_along_axis {axis}",
            lambda x, i, a=axis: xp.take_along_axis(x, i, axis=a),
            (normal(3, 4, 2), integers(-3, 3, *shape)),
            lambda x, i, a=axis: np.take_along_axis(x, i, axis=a),
            complex=True,
        )
        for axis, shape in ((0, (5, 4, 2)), (1, (3, 2, 1)), (0, (1, 1, 2)))
    ),
    Row(
        "take_along_axis broadcast",
        xp.take_along_axis,
        (normal(1, 4), integers(0, 4, 3, 2)),
        lambda x, i: np.take_along_axis(x, i, axis=-1),
        torch=lambda x, i: x.expand(3, 4).take_along_dim(i, -1),
        complex=True,
    ),
    Row("argmax", xp.argmax, (spaced(3, 4),), np.argmax),
    Row("argmin", lambda x: xp.argmin(x, axis=1), (spaced(3, 4),), lambda x: np.argmin(x, axis=1)),
    Row("nonzero", xp.nonzero, (integers(-1, 2, 3, 4),), np.nonzero),
    Row("argwhere", xp.argwhere, (integers(-1, 2, 3, 4),), np.argwhere),
    Row("flatnonzero", xp.flatnonzero, (integers(-1, 2, 3, 4),), np.flatnonzero),
    Row("isin", xp.isin, (integers(0, 9, 3, 4), integers(0, 9, 4)), np.isin),
    Row("bincount", xp.bincount, (integers(0, 5, 9),), np.bincount),
    Row(
        "bincount weights",
        lambda i, w: xp.bincount(i, w, 7),
        (integers(0, 5, 9), normal(9)),
        lambda i, w: np.bincount(i, w, 7),
    ),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_where_passes_no_nan_from_the_other_side():
    x = xp.asarray([0.0, 4.0]).requires_grad_()
    y = xp.where(x > 0, x, 0.0)
    xp.sum(y).backward()
    assert x.grad.numpy().tolist() == [0.0, 1.0]


def test_where_promotes_python_scalars_weakly():
    c = xp.asarray([True, False])
    assert xp.where(c, xp.ones(2, dtype=xp.float32), 2.5).dtype == xp.float32
    assert xp.where(c, 1, xp.ones(2, dtype=xp.int8)).dtype == xp.int8
    assert xp.where(c, 1j, xp.ones(2, dtype=xp.float32)).dtype == xp.complex64
    assert xp.where(c, 1.0, 0).dtype == xp.float64
    assert xp.where(c, 1, 0).dtype == xp.int64
    assert xp.where(c, True, False).dtype == xp.bool
    with pytest.raises(TypeError, match="where: x2 is a"):
        xp.where(c, 1.0, "a")


def test_where_refuses_integers_beyond_the_dtype():
    c, x = xp.asarray([True, False]), xp.asarray([1, 2], dtype=xp.uint8)
    assert xp.where(c, x, 255).dtype == xp.uint8
    with pytest.raises(OverflowError, match=r"where: x2 is 300, .* uint8, which holds 0 to 255"):
        xp.where(c, x, 300)
    with pytest.raises(OverflowError, match="where: x1 is -1, out of bounds"):
        xp.where(c, -1, x)
    with pytest.raises(OverflowError, match="int64, which holds -9223372036854775808 to"):
        xp.where(c, xp.asarray([1, 2]), 2**63)
    with pytest.raises(OverflowError, match="where: x1 is 300"):
        x.masked_fill(c, 300)
    assert xp.where(c, xp.ones(2), 2**70).tolist() == [1.0, 2.0**70]


def test_isin_is_exact_for_large_integers_and_scalars():
    x = xp.asarray([2**63, 2**63 + 1], dtype=xp.uint64)
    assert xp.isin(x, 2**63).numpy().tolist() == [True, False]
    assert xp.isin(x, -1).numpy().tolist() == [False, False]
    assert xp.isin(x, 2**63, invert=True).numpy().tolist() == [False, True]
    out = xp.isin(3, xp.asarray([1, 3]))
    assert out.shape == () and bool(out)
    assert not bool(xp.isin(xp.nan, xp.asarray([xp.nan])))


def test_searchsorted():
    x = xp.asarray([1.0, 2.0, 2.0, 5.0])
    v = xp.asarray([[0.0, 2.0], [5.0, 9.0]])
    assert xp.searchsorted(x, v).numpy().tolist() == [[0, 1], [3, 4]]
    assert xp.searchsorted(x, v, side="right").numpy().tolist() == [[0, 3], [4, 4]]
    assert xp.searchsorted(x, 2.0).shape == ()
    order = xp.asarray([3, 1, 0, 2])
    shuffled = xp.asarray([2.0, 2.0, 5.0, 1.0])
    assert xp.searchsorted(shuffled, 2.0, sorter=order).dtype == xp.int64
    assert int(xp.searchsorted(shuffled, 2.0, sorter=order)) == 1
    with pytest.raises(ValueError, match="searchsorted: x1 has 2 dimensions"):
        xp.searchsorted(xp.ones((2, 2)), v)
    with pytest.raises(ValueError, match="searchsorted: side"):
        xp.searchsorted(x, v, side="middle")


def test_take_adds_up_repeated_places():
    x = xp.asarray([1.0, 2.0, 3.0]).requires_grad_()
    xp.sum(xp.take(x, xp.asarray([0, 0, -1, 0]))).backward()
    assert x.grad.numpy().tolist() == [3.0, 0.0, 1.0]


def test_take_takes_lists_and_unsigned_indices():
    x = xp.asarray([1.0, 2.0, 3.0])
    assert xp.take(x, [2, 0]).numpy().tolist() == [3.0, 1.0]
    assert xp.take(x, xp.asarray([2], dtype=xp.uint64)).numpy().tolist() == [3.0]
    assert xp.take(x, xp.asarray([], dtype=xp.int64)).shape == (0,)


def test_bad_indices():
    x = xp.ones((2, 3))
    with pytest.raises(IndexError):
        xp.take(x, xp.asarray([3]), axis=1)
    with pytest.raises(IndexError):
        xp.take_along_axis(x, xp.asarray([[3]]))
    with pytest.raises(TypeError, match="take: indices have dtype float64"):
        xp.take(x, xp.asarray([1.0]), axis=0)
    with pytest.raises(ValueError, match="take_along_axis: indices have 1 dimensions"):
        xp.take_along_axis(x, xp.asarray([1]))
    with pytest.raises(IndexError, match="take: axis 2 is out of bounds"):
        xp.take(x, xp.asarray([1]), axis=2)
    with pytest.raises(ValueError, match="nonzero"):
        xp.nonzero(xp.asarray(1.0))


def test_changed_indices_are_noticed():
    x = xp.ones(3, requires_grad=True)
    i = xp.asarray([0, 1])
    y = xp.take(x, i)
    i[0] = 2
    with pytest.raises(RuntimeError, match="modified by an in-place operation"):
        xp.sum(y).backward()
