"""Cumulative sums and products, and differences: tables; zeros, initial values, sizes by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table


def zeroed(*places):
    """Return a sampler of (2, 6) numbers with exact zeros at places."""

    def sampler(rng):
        out = rng.uniform(0.5, 2, (2, 6))
        for place in places:
            out[place] = 0
        return out

    return (sampler,)


CASES = [(axis, initial) for axis in (0, 1, -1) for initial in (False, True)]

ROWS = [
    *(
        Row(
            f"{name} {axis} {initial}",
            lambda x, f=name, a=axis, i=initial: getattr(xp, f)(x, axis=a, include_initial=i),
            (normal(3, 5, 2),),
            lambda x, f=name, a=axis, i=initial: getattr(np, f)(x, axis=a, include_initial=i),
            complex=True,
        )
        for name in ("cumulative_sum", "cumulative_prod")
        for axis, initial in CASES
    ),
    *(
        Row(
            f"cumulative_prod zeros {places} {initial}",
            lambda x, i=initial: xp.cumulative_prod(x, axis=1, include_initial=i),
            zeroed(*places),
            complex=True,
        )
        for places in ([(0, 0)], [(0, 2)], [(0, 2), (0, 4), (1, 5)])
        for initial in (False, True)
    ),
    Row("cumsum", xp.cumsum, (normal(3, 4),), np.cumsum, complex=True),
    Row("cumprod", xp.cumprod, (normal(3, 4),), np.cumprod, complex=True),
    Row(
        "cumsum torch",
        lambda x: xp.cumsum(x, 1),
        (normal(3, 4),),
        torch=lambda x: x.cumsum(1),
        complex=True,
    ),
    Row(
        "cumprod torch",
        lambda x: xp.cumprod(x, 1),
        zeroed((0, 3), (1, 1), (1, 4)),
        torch=lambda x: x.cumprod(1),
        complex=True,
    ),
    Row("cumsum dtype", lambda x: xp.cumsum(x, dtype=xp.complex128), (normal(4),)),
    Row("diff", xp.diff, (normal(3, 5),), np.diff, torch="diff", complex=True),
    *(
        Row(
            f"diff {n} {axis}",
            lambda x, n=n, a=axis: xp.diff(x, n=n, axis=a),
            (normal(4, 3),),
            lambda x, n=n, a=axis: np.diff(x, n=n, axis=a),
            complex=True,
        )
        for n in (0, 1, 2, 3)
        for axis in (0, 1)
    ),
    Row(
        "diff joined",
        lambda x, a, b: xp.diff(x, n=2, axis=0, prepend=a, append=b),
        (normal(4, 3), normal(2, 3), normal(1, 3)),
        lambda x, a, b: np.diff(x, n=2, axis=0, prepend=a, append=b),
        torch=lambda x, a, b: x.diff(n=2, dim=0, prepend=a, append=b),
        complex=True,
    ),
    Row(
        "diff appended",
        lambda x, b: xp.diff(x, append=b),
        (normal(2, 3), normal()),
        lambda x, b: np.diff(x, append=b),
    ),
    Row(
        "diff scalar",
        lambda x: xp.diff(x, prepend=0),
        (normal(3),),
        lambda x: np.diff(x, prepend=0),
    ),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_third_derivative_of_a_cumulative_product_with_zeros():
    x = xp.asarray([2.0, 0.0, 0.0, 5.0]).requires_grad_()
    y = xp.cumulative_prod(x)[3]
    for place in (1, 2, 3):
        (g,) = xp.autograd.grad(y, [x], create_graph=True)
        y = g[place]
    assert float(y) == 2.0


def test_single_precision_is_accumulated_in_double_precision():
    x = np.full(100_003, 0.1, dtype=np.float32)
    out = xp.cumulative_sum(xp.asarray(x))
    assert out.dtype == xp.float32
    exact = np.cumsum(x, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(out.numpy(), exact)
    y = np.linspace(0.9, 1.1, 999, dtype=np.float32)
    exact = np.cumprod(y, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(xp.cumulative_prod(xp.asarray(y)).numpy(), exact)


@pytest.mark.parametrize("fn", [xp.cumulative_sum, xp.cumulative_prod])
def test_dtypes_and_empty_tensors(fn):
    assert fn(xp.ones(3, dtype=xp.int8)).dtype == xp.int64
    assert fn(xp.ones(3, dtype=xp.uint8), include_initial=True).dtype == xp.uint64
    assert fn(xp.ones(3), dtype=xp.float32).dtype == xp.float32
    x = xp.zeros((2, 0), requires_grad=True)
    out = fn(x, axis=1, include_initial=True)
    assert out.shape == (2, 1)
    xp.sum(out).backward()
    assert x.grad.shape == (2, 0)
    x = xp.zeros((0, 3), requires_grad=True)
    xp.sum(fn(x, axis=1)).backward()
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize("fn", [xp.cumulative_sum, xp.cumulative_prod])
def test_axis_is_needed_beyond_one_dimension(fn):
    with pytest.raises(ValueError, match="axis is None"):
        fn(xp.ones((2, 2)))
    with pytest.raises(IndexError, match="axis 2 is out of bounds"):
        fn(xp.ones((2, 2)), axis=2)


def test_diff_of_too_short_an_axis_is_empty():
    x = xp.ones((2, 2), requires_grad=True)
    out = xp.diff(x, n=3)
    assert out.shape == (2, 0)
    xp.sum(out).backward()
    assert x.grad.numpy().tolist() == [[0, 0], [0, 0]]


def test_diff_of_order_zero_is_a_copy():
    x = xp.ones(2)
    y = xp.diff(x, n=0)
    y[0] = 5
    assert float(x[0]) == 1


def test_diff_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="diff: n is -1"):
        xp.diff(xp.ones(3), n=-1)
    with pytest.raises(ValueError, match="diff: prepend has shape"):
        xp.diff(xp.ones((3, 2)), prepend=xp.ones((2, 1)))
    with pytest.raises(IndexError, match="diff: axis"):
        xp.diff(xp.asarray(1.0))
