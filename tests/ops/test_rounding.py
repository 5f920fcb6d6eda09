"""Rounding: values by table; the gradient is zero, but recorded."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import integers, normal
from tests.harness import Row, table

X = (normal(4, 3),)

ROWS = [
    Row("ceil", xp.ceil, X, np.ceil, torch="ceil"),
    Row("floor", xp.floor, X, np.floor, torch="floor"),
    Row("round", xp.round, X, np.round, torch="round", complex=False),
    Row("round to places", lambda x: xp.round(x, 1), X, lambda x: np.round(x, 1)),
    Row("trunc", xp.trunc, X, np.trunc, torch="trunc"),
    *(
        Row(f"{fn.__name__} of integers", fn, (integers(-5, 5, 4),), lambda x: x, gradients=False)
        for fn in (xp.ceil, xp.floor, xp.round, xp.trunc)
    ),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize("fn", [xp.ceil, xp.floor, xp.round, xp.trunc, xp.sign])
def test_gradient_is_zero_and_recorded(fn):
    x = xp.asarray([0.5, 1.0, -1.5], requires_grad=True)
    out = fn(x)
    assert out.requires_grad
    xp.sum(out).backward()
    assert x.grad.numpy().tolist() == [0.0, 0.0, 0.0]


def test_round_to_places_beyond_the_dtype():
    x = xp.asarray([1.5, -2e30, np.inf, -0.0], dtype=xp.float32)
    assert xp.round(x, 40).tolist() == xp.round(x, 10**9).tolist() == x.tolist()
    assert xp.round(x, -60).tolist() == xp.round(x, -(10**9)).tolist() == [0.0, 0.0, np.inf, 0.0]
    assert xp.round(xp.asarray([5, -7]), -30).tolist() == [0, 0]


def test_round_takes_the_even_neighbour_and_complex_parts():
    assert xp.round(xp.asarray([0.5, 1.5, -2.5])).numpy().tolist() == [0.0, 2.0, -2.0]
    assert complex(xp.round(xp.asarray(1.5 + 0.4j))) == 2 + 0j
