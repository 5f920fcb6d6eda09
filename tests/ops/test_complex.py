"""Parts of complex numbers: by table, real and complex; views and zeros by name."""

import numpy as np

import tensorxp as xp
from tensorxp.autograd.testing import nonzero, normal
from tests.harness import Row, table

X = (normal(3, 2),)

ROWS = [
    Row("real", xp.real, X, np.real, torch="real", complex=True),
    Row("imag", xp.imag, X, np.imag, complex=True),
    Row("conj", xp.conj, X, np.conj, torch="conj", complex=True),
    Row("angle", xp.angle, (nonzero(3, 2),), np.angle, torch="angle", complex=True),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_parts_are_views():
    z = xp.asarray([1 + 2j, 3 + 4j])
    xp.real(z)[0] = 5.0
    xp.imag(z)[1] = 6.0
    assert z.numpy().tolist() == [5 + 2j, 3 + 6j]


def test_gradient_through_a_write_to_a_part():
    z = xp.asarray([1 + 2j, 3 + 4j], requires_grad=True)
    v = xp.asarray(7.0, requires_grad=True)
    w = z * 1
    xp.imag(w)[0] = v
    xp.sum(xp.abs(w) ** 2).backward()
    np.testing.assert_allclose(z.grad.numpy(), [2, 6 + 8j])
    assert float(v.grad) == 14.0


def test_angle_has_no_gradient_at_zero():
    z = xp.asarray([0j, 1 + 0j], requires_grad=True)
    xp.sum(xp.angle(z)).backward()
    assert z.grad.numpy().tolist() == [0, 1j]
