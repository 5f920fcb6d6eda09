"""What knows floating-point numbers: by table; NaN, ties and signs by name."""

import numpy as np

import tensorxp as xp
from tensorxp.autograd.testing import nonzero, normal
from tests.harness import Row, table

PAIR = (nonzero(3, 4), nonzero(4))

ROWS = [
    Row("fmax", xp.fmax, PAIR, np.fmax, torch="fmax"),
    Row("fmin", xp.fmin, PAIR, np.fmin, torch="fmin"),
    Row("copysign", xp.copysign, PAIR, np.copysign, torch="copysign"),
    Row("nextafter", xp.nextafter, PAIR, np.nextafter),
    Row("nan_to_num", xp.nan_to_num, (normal(3),), np.nan_to_num, complex=True),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def gradients(fn, *values):
    """Return the gradients of the sum of `fn` at float64 `values`, as lists."""
    xs = [xp.asarray(v, dtype=xp.float64).requires_grad_() for v in values]
    return [g.numpy().tolist() for g in xp.autograd.grad(xp.sum(fn(*xs)), xs)]


def test_fmax_and_fmin_pass_over_nan_and_give_ties_to_the_first():
    x1, x2 = [1.0, np.nan, 2.0, np.nan], [1.0, 1.0, np.nan, np.nan]
    for fn in (xp.fmax, xp.fmin):
        assert gradients(fn, x1, x2) == [[1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]]


def test_copysign_gradient():
    assert gradients(xp.copysign, [2.0, -2.0, 0.0, -np.inf], [-0.0, 1.0, 1.0, 1.0]) == [
        [-1.0, -1.0, 0.0, -1.0],
        [0.0, 0.0, 0.0, 0.0],
    ]


def test_nan_to_num():
    x = xp.asarray([np.nan, np.inf, -np.inf, 1.5], dtype=xp.float32)
    out = xp.nan_to_num(x, nan=7.0, posinf=8.0)
    assert out.dtype == xp.float32
    assert out.numpy().tolist() == [7.0, 8.0, float(np.finfo(np.float32).min), 1.5]
    assert gradients(xp.nan_to_num, [np.nan, np.inf, 1.5]) == [[0.0, 0.0, 1.0]]
