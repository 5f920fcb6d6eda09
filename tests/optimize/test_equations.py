"""`root`, `fixed_point` and `least_squares`: solutions, Jacobians and gradients of solutions."""

import builtins
import importlib

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed")

from scipy import optimize

import tensorxp as xp
from tensorxp.optimize._root import WITH_JACOBIAN, WITHOUT_JACOBIAN


def system(p, a):
    return {"first": p["u"] * a + p["v"] - 1, "second": [p["v"] ** 3 + 0.1 * p["u"]]}


START = {"u": xp.ones(2), "v": xp.zeros(2)}


def test_root_of_a_structure_and_its_gradient():
    a = xp.tensor([2.0, 3.0], requires_grad=True)

    def solution(a):
        return xp.optimize.root(system, START, args=(a,)).x["u"]

    assert xp.autograd.gradcheck(solution, (a,), check_forward_ad=True)
    assert xp.autograd.gradgradcheck(solution, (a,))


@pytest.mark.parametrize(
    "method", [m for m in WITH_JACOBIAN + WITHOUT_JACOBIAN if "mixing" not in m]
)
@pytest.mark.filterwarnings("ignore")
def test_root_methods(method):
    t = xp.tensor(2.0, requires_grad=True)
    found = xp.optimize.root(lambda x: x + 0.1 * xp.sin(x) - t, xp.ones(2), method=method, tol=1e-9)
    assert found.success
    (g,) = xp.autograd.grad(found.x[0], t)
    np.testing.assert_allclose(float(g), 1 / (1 + 0.1 * np.cos(float(found.x[0]))), rtol=1e-5)


def test_root_errors():
    with pytest.raises(ValueError, match="1 values for 2 unknowns"):
        xp.optimize.root(xp.sum, xp.zeros(2))
    with pytest.raises(ValueError, match="method is 'newton'"):
        xp.optimize.root(xp.sum, xp.zeros(1), method="newton")
    with pytest.raises(ValueError, match="no callback"):
        xp.optimize.root(lambda x: x, xp.zeros(1), callback=print)


@pytest.mark.parametrize("method", ["anderson", "iteration"])
def test_fixed_point(method):
    s = xp.tensor([1.0, 0.7], requires_grad=True)

    def solution(s):
        return xp.optimize.fixed_point(
            lambda x, s: xp.cos(x * s), xp.tensor([0.5, 0.6]), (s,), xtol=1e-13, method=method
        )

    np.testing.assert_allclose(solution(s)[0].item(), 0.7390851332151607, rtol=1e-12)
    assert xp.autograd.gradcheck(solution, (s,), check_forward_ad=True)
    assert xp.autograd.gradgradcheck(solution, (s,))


def test_fixed_point_errors():
    with pytest.raises(RuntimeError, match="no convergence after 5 steps"):
        xp.optimize.fixed_point(lambda x: 2 * x + 1, xp.ones(1), maxiter=5, method="iteration")
    with pytest.raises(ValueError, match="method"):
        xp.optimize.fixed_point(lambda x: x, xp.ones(1), method="del2")
    with pytest.raises(ValueError, match="2 values for 1"):
        xp.optimize.fixed_point(lambda x: xp.concat([x, x]), xp.ones(1))


T = xp.linspace(0, 1, 20)
Y = xp.exp(-1.3 * T) + 0.05 * xp.cos(20 * T)
TIGHT = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}


def fit(y, loss="linear"):
    found = xp.optimize.least_squares(
        lambda p: p["a"] * xp.exp(-p["b"] * T) - y, {"a": 1.0, "b": 1.0}, loss=loss, f_scale=0.04,
        **TIGHT,
    )  # fmt: skip
    return found


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
def test_least_squares_agrees_with_scipy(loss):
    t, y = T.numpy(), Y.numpy()
    found = fit(Y, loss)
    expected = optimize.least_squares(
        lambda p: p[0] * np.exp(-p[1] * t) - y, [1.0, 1.0], loss=loss, f_scale=0.04, **TIGHT
    )
    values = [float(found.x["a"]), float(found.x["b"])]
    np.testing.assert_allclose(values, expected.x, rtol=1e-6)
    np.testing.assert_allclose(float(found.cost), expected.cost, rtol=1e-10)
    assert found.fun.shape == (20,)


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "cauchy"])
def test_least_squares_gradient(loss):
    y = xp.copy(Y).requires_grad_(True)
    (g,) = xp.autograd.grad(fit(y, loss).x["b"], y)
    direction = xp.cos(3 * T)
    step = 1e-3
    sides = [fit(Y + sign * step * direction, loss).x["b"] for sign in (1, -1)]
    np.testing.assert_allclose(
        float(g @ direction), float(sides[0] - sides[1]) / (2 * step), rtol=1e-3
    )


def test_least_squares_bounds_hold_a_parameter():
    y = xp.copy(Y).requires_grad_(True)
    found = xp.optimize.least_squares(
        lambda p: p[0] * xp.exp(-p[1] * T) - y, xp.tensor([1.0, 0.5]), bounds=(0, [2.0, 1.0])
    )
    b = float(found.x[1])
    (g,) = xp.autograd.grad(found.x[1], y, retain_graph=True)
    assert b == pytest.approx(1) and not g.numpy().any()
    basis = np.exp(-b * T.numpy())
    (g,) = xp.autograd.grad(found.x[0], y)
    np.testing.assert_allclose(g.numpy(), basis / (basis @ basis), rtol=1e-6)


def test_least_squares_errors():
    with pytest.raises(ValueError, match="loss is 'l1'"):
        xp.optimize.least_squares(lambda x: x, xp.zeros(1), loss="l1")
    with pytest.raises(ValueError, match="pair"):
        xp.optimize.least_squares(lambda x: x, xp.zeros(1), bounds=3)


def test_scipy_missing(monkeypatch):
    def refuse(name, *args):
        if name.startswith("scipy"):
            raise ImportError("no scipy here")
        return importlib.import_module(name)

    monkeypatch.setattr("tensorxp.optimize._results.import_module", refuse)
    for call in (xp.optimize.minimize, xp.optimize.root, xp.optimize.least_squares):
        with pytest.raises(ImportError, match=r"pip install 'tensorxp\[special\]'"):
            call(lambda x: x, xp.zeros(1))


def test_the_packages_are_loaded_lazily():
    assert builtins.all(hasattr(xp, name) for name in ("optimize", "integrate", "interpolate"))
