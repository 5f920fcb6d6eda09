"""Trigonometric and hyperbolic functions: by table; edges and branch cuts by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import nonzero, normal, uniform
from tests.harness import Row, table

ANY = (normal(3, 2),)
INSIDE = (uniform(-0.9, 0.9, 3, 2),)
INSIDE_COMPLEX = (lambda rng: rng.uniform(-0.9, 0.9, 5) + 1j * rng.uniform(-0.9, 0.9, 5),)

ROWS = [
    Row("sin", xp.sin, ANY, np.sin, torch="sin", complex=True),
    Row("cos", xp.cos, ANY, np.cos, torch="cos", complex=True),
    Row("tan", xp.tan, INSIDE, np.tan, torch="tan", complex=True),
    Row("asin", xp.asin, INSIDE, np.arcsin, torch="asin", complex=True),
    Row("acos", xp.acos, INSIDE, np.arccos, torch="acos", complex=True),
    Row("atan", xp.atan, ANY, np.arctan, torch="atan", complex=INSIDE_COMPLEX),
    Row("sinh", xp.sinh, ANY, np.sinh, torch="sinh", complex=True),
    Row("cosh", xp.cosh, ANY, np.cosh, torch="cosh", complex=True),
    Row("tanh", xp.tanh, ANY, np.tanh, torch="tanh", complex=INSIDE_COMPLEX),
    Row("asinh", xp.asinh, ANY, np.arcsinh, torch="asinh", complex=True),
    Row("acosh", xp.acosh, (uniform(1.1, 3, 3, 2),), np.arccosh, torch="acosh", complex=True),
    Row("atanh", xp.atanh, INSIDE, np.arctanh, torch="atanh", complex=True),
    Row("atan2", xp.atan2, (nonzero(3, 1), nonzero(4)), np.arctan2, torch="atan2"),
    Row("deg2rad", xp.deg2rad, ANY, np.deg2rad, torch="deg2rad"),
    Row("rad2deg", xp.rad2deg, ANY, np.rad2deg, torch="rad2deg"),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_atan2_gradient_at_the_origin_is_zero():
    x1, x2 = xp.asarray(0.0, requires_grad=True), xp.asarray(0.0, requires_grad=True)
    assert [float(g) for g in xp.autograd.grad(xp.atan2(x1, x2), [x1, x2])] == [0.0, 0.0]


def test_atan2_gradient_of_great_and_small_numbers():
    for size in (1e200, 1e-200):
        x1, x2 = xp.asarray(size, requires_grad=True), xp.asarray(size, requires_grad=True)
        for g in xp.autograd.grad(xp.atan2(x1, x2), [x1, x2]):
            assert abs(float(g)) == pytest.approx(0.5 / size)


@pytest.mark.parametrize(
    ("fn", "at"),
    [(xp.asin, 1.0), (xp.asin, -1.0), (xp.acosh, 1.0), (xp.atanh, 0.0), (xp.acos, 1.0)],
)
def test_gradient_at_the_edge(fn, at):
    x = xp.asarray(at, requires_grad=True)
    (g,) = xp.autograd.grad(fn(x), [x])
    sign = -1 if fn is xp.acos else 1
    assert float(g) == (1.0 if fn is xp.atanh else sign * float("inf"))


@pytest.mark.parametrize(
    ("fn", "cut"),
    [
        (xp.asin, [complex(2, 0.0), complex(2, -0.0), complex(-2, 0.0), complex(-2, -0.0)]),
        (xp.acos, [complex(2, 0.0), complex(2, -0.0), complex(-2, 0.0), complex(-2, -0.0)]),
        (xp.acosh, [complex(0.5, 0.0), complex(0.5, -0.0), complex(-2, 0.0), complex(-2, -0.0)]),
        (xp.asinh, [complex(0.0, 2), complex(-0.0, 2), complex(0.0, -2), complex(-0.0, -2)]),
    ],
)
def test_gradient_on_the_branch_cut_belongs_to_the_side_of_the_value(fn, cut):
    z = xp.asarray(np.asarray(cut))
    along = 1j if fn is xp.asinh else 1.0
    _, slope = xp.autograd.jvp(fn, (z,), (xp.full_like(z, along),))
    h = np.asarray([complex(0, 1e-6) if fn is xp.asinh else complex(1e-6, -0.0)])
    # steps along the cut must keep the sign of the zero part
    high, low = (_shifted(np.asarray(cut), s * h) for s in (1, -1))
    expected = (fn(xp.asarray(high)).numpy() - fn(xp.asarray(low)).numpy()) / 2e-6
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-6)


def _shifted(z, h):
    out = z.copy()
    out.real = np.where(h.real == 0, z.real, z.real + h.real)
    out.imag = np.where(h.imag == 0, z.imag, z.imag + h.imag)
    return out
