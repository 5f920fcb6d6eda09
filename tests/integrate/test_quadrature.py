"""Integrals by Gauss-Legendre points and of samples."""

import numpy as np
import pytest

import tensorxp as xp

rng = np.random.default_rng(0)
X, Y = np.sort(rng.random(9)), rng.random((3, 9))


def test_fixed_quad_is_exact_for_polynomials():
    found = xp.integrate.fixed_quad(lambda x: 7 * x**6 - 3 * x**2, 0, 2, n=4)
    assert float(found) == pytest.approx(2**7 - 2**3)


def test_fixed_quad_gradients():
    a, b = xp.tensor(0.2, requires_grad=True), xp.tensor(1.3, requires_grad=True)

    def integral(a, b):
        return xp.integrate.fixed_quad(lambda x, a: xp.exp(-a * x**2), a, b, args=(a,), n=20)

    assert xp.autograd.gradcheck(integral, (a, b), check_forward_ad=True)
    (g,) = xp.autograd.grad(integral(a.detach(), b), b)
    np.testing.assert_allclose(float(g), np.exp(-0.2 * 1.3**2), rtol=1e-12)


def test_fixed_quad_errors():
    with pytest.raises(ValueError, match="n is 0"):
        xp.integrate.fixed_quad(xp.exp, 0, 1, n=0)
    with pytest.raises(ValueError, match="b is"):
        xp.integrate.fixed_quad(xp.exp, 0, np.inf)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 8, 9])
def test_rules_of_samples_agree_with_scipy(n):
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
    x, y = X[:n], Y[:, :n]
    pairs = [
        (xp.integrate.simpson(xp.asarray(y), xp.asarray(x)), integrate.simpson(y, x)),
        (
            xp.integrate.simpson(xp.asarray(y.T), dx=0.3, axis=0),
            integrate.simpson(y.T, dx=0.3, axis=0),
        ),
        (xp.integrate.trapezoid(xp.asarray(y), xp.asarray(x)), integrate.trapezoid(y, x)),
    ]
    if n > 1:
        for initial in (None, 0):
            pairs.append(
                (
                    xp.integrate.cumulative_trapezoid(
                        xp.asarray(y), xp.asarray(x), initial=initial
                    ),
                    integrate.cumulative_trapezoid(y, x, initial=initial),
                )
            )
    for found, expected in pairs:
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-14)


@pytest.mark.parametrize("n", [8, 9])
@pytest.mark.parametrize("rule", ["simpson", "trapezoid", "cumulative_trapezoid"])
def test_rules_of_samples_have_gradients(n, rule):
    x, y = (xp.tensor(v, requires_grad=True) for v in (X[:n], Y[:, :n]))
    assert xp.autograd.gradcheck(getattr(xp.integrate, rule), (y, x))


def test_errors():
    with pytest.raises(ValueError, match="3 places for 9 samples"):
        xp.integrate.simpson(xp.asarray(Y), xp.asarray(X[:3]))
    with pytest.raises(ValueError, match="at least one sample"):
        xp.integrate.simpson(xp.zeros((2, 0)))
    with pytest.raises(ValueError, match="initial"):
        xp.integrate.cumulative_trapezoid(xp.asarray(Y), initial=1)
