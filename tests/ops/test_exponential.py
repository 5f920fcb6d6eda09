"""Exponentials, logarithms and roots: values and derivatives by table, infinities by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import nonzero, normal, uniform
from tests.harness import Row, table

POSITIVE = (uniform(0.5, 2, 3, 2),)

ROWS = [
    Row("exp", xp.exp, (normal(3, 2),), np.exp, torch="exp", complex=True),
    Row("exp2", xp.exp2, (normal(3, 2),), np.exp2, torch="exp2", complex=True),
    Row("expm1", xp.expm1, (normal(3, 2),), np.expm1, torch="expm1", complex=True),
    Row("log", xp.log, POSITIVE, np.log, torch="log", complex=True),
    Row("log1p", xp.log1p, POSITIVE, np.log1p, torch="log1p", complex=True),
    Row("log2", xp.log2, POSITIVE, np.log2, torch="log2", complex=True),
    Row("log10", xp.log10, POSITIVE, np.log10, torch="log10", complex=True),
    Row("logaddexp", xp.logaddexp, (normal(3, 1), normal(4)), np.logaddexp, torch="logaddexp"),
    Row("sqrt", xp.sqrt, POSITIVE, np.sqrt, torch="sqrt", complex=True),
    Row("cbrt", xp.cbrt, (nonzero(3, 2),), np.cbrt),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_roots_have_an_infinite_gradient_at_zero():
    for fn in (xp.sqrt, xp.cbrt):
        x = xp.asarray(0.0, requires_grad=True)
        fn(x).backward()
        assert float(x.grad) == float("inf")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (-np.inf, 1.0, (0.0, 1.0)),
        (np.inf, 1.0, (1.0, 0.0)),
        (-np.inf, -np.inf, (0.5, 0.5)),
        (np.inf, np.inf, (0.5, 0.5)),
        (1.0, 1.0, (0.5, 0.5)),
        (1000.0, 0.0, (1.0, 0.0)),
        (1e17, 1e17, (0.5, 0.5)),
    ],
)
def test_logaddexp_shares_at_infinities(a, b, expected):
    x1, x2 = xp.asarray(a, requires_grad=True), xp.asarray(b, requires_grad=True)
    g1, g2 = xp.autograd.grad(xp.logaddexp(x1, x2), [x1, x2], create_graph=True)
    assert (float(g1), float(g2)) == pytest.approx(expected)
    assert float(xp.autograd.grad(g1, [x1])[0]) == pytest.approx(expected[0] * expected[1], abs=0.3)


def test_logaddexp_second_gradient_far_apart():
    x1, x2 = xp.asarray(1000.0, requires_grad=True), xp.asarray(0.0, requires_grad=True)
    (g,) = xp.autograd.grad(xp.logaddexp(x1, x2), [x2], create_graph=True)
    assert [float(s) for s in xp.autograd.grad(g, [x1, x2])] == [0.0, 0.0]


def test_integers_become_floats():
    for fn in (xp.exp, xp.log, xp.sqrt, xp.log1p):
        assert fn(xp.asarray([1, 2])).dtype == xp.float64
