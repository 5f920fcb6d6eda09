"""`minimize`: every method, structures, bounds, constraints, gradients of the minimum."""

from collections import namedtuple

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed")

from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

import tensorxp as xp
from tensorxp.optimize._minimize import METHODS

TIGHT = {"tol": 1e-10}


def rosenbrock(x, a=1.0):
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("cobyla", "dogleg")])
@pytest.mark.filterwarnings("ignore")
def test_methods_find_the_minimum_and_its_gradient(method):
    a = xp.tensor(1.1, requires_grad=True)
    start = xp.tensor([1.0, 1.3])
    found = xp.optimize.minimize(rosenbrock, start, args=(a,), method=method, tol=1e-9)
    np.testing.assert_allclose(found.x.detach().numpy(), [1.1, 1.21], atol=3e-4)
    (g,) = xp.autograd.grad(found.x[1], a)
    np.testing.assert_allclose(float(g), 2.2, atol=2e-3)


@pytest.mark.parametrize("method", ["dogleg", "trust-exact", "cobyla"])
def test_methods_on_a_bowl(method):
    found = xp.optimize.minimize(
        lambda x: xp.sum((x - 2.0) ** 2), xp.zeros(3), method=method, tol=1e-8
    )
    np.testing.assert_allclose(found.x.numpy(), 2.0, atol=1e-4)
    assert found.success


def test_hessian_methods_take_few_steps():
    calls = []

    def fun(x):
        calls.append(x)
        return rosenbrock(x)

    found = xp.optimize.minimize(fun, xp.tensor([-1.2, 1.0]), method="trust-exact", tol=1e-8)
    assert found.success and found.nit < 30
    assert len(calls) < 100  # values, gradients and Hessians share evaluations


Point = namedtuple("Point", "u v")


def test_structures_of_parameters():
    def fun(p):
        return (
            xp.sum((p["a"] - 1) ** 2)
            + (p["b"][0] - 2) ** 2
            + xp.sum((p["b"][1].u + p["b"][1].v) ** 2)
        )

    start = {"a": xp.zeros((2, 2), dtype=xp.float32), "b": [1.0, Point(xp.ones(3), xp.ones(1))]}
    found = xp.optimize.minimize(fun, start)
    x = found.x
    assert x["a"].shape == (2, 2) and x["a"].dtype == xp.float32
    assert isinstance(x["b"][1], Point) and x["b"][0].shape == ()
    np.testing.assert_allclose(x["a"].numpy(), 1.0, atol=1e-4)
    np.testing.assert_allclose((x["b"][1].u + x["b"][1].v).numpy(), 0.0, atol=1e-4)
    assert found.jac["a"].shape == (2, 2)
    assert found.fun.shape == ()


def test_bounds_in_every_form():
    def fun(x):
        return xp.sum((x - xp.tensor([2.0, -1.0])) ** 2)

    start = xp.tensor([0.5, 0.5])
    for bounds in (
        [(0, 1), (0, 1)],
        Bounds(0, 1),
        (0, 1),
        (xp.zeros(2), xp.ones(2)),
        ((0, 1), (0, None)),
    ):
        found = xp.optimize.minimize(fun, start, bounds=bounds)
        np.testing.assert_allclose(found.x.numpy(), [1, 0], atol=1e-8)
    found = xp.optimize.minimize(
        lambda p: fun(xp.stack([p["x"], p["y"]])), {"x": 0.5, "y": 0.5},
        bounds={"x": (None, 1), "y": (0, None)},
    )  # fmt: skip
    assert (round(float(found.x["x"]), 6), round(float(found.x["y"]), 6)) == (1.0, 0.0)


def projection(a, **kwargs):
    """Return the point of the constraints that is near a, by a skewed distance."""
    return xp.optimize.minimize(
        lambda p: xp.sum((p - a) ** 2 * (1 + 0.1 * p)), xp.ones(3) / 3, tol=1e-12, **kwargs
    ).x


A = [0.9, 0.5, -0.8]


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
@pytest.mark.filterwarnings("ignore")
def test_gradient_at_active_bounds_and_constraints(method):
    a = xp.tensor(A, requires_grad=True)
    sphere = {"type": "eq", "fun": lambda p: xp.sum(p**2) - 1}
    options = {"bounds": [(0, None)] * 3, "constraints": sphere, "method": method}
    found = projection(a, **options)
    assert abs(float(found[2])) < 1e-5
    (g,) = xp.autograd.grad(found, a, xp.tensor([1.0, 2.0, 3.0]))
    step, slope = 1e-4, []
    for row in np.eye(3):
        sides = [
            projection(a.detach() + sign * step * xp.asarray(row), **options) for sign in (1, -1)
        ]
        slope.append(float(((sides[0] - sides[1]) / (2 * step)) @ xp.tensor([1.0, 2.0, 3.0])))
    np.testing.assert_allclose(g.numpy(), slope, atol=1e-3)


def test_gradient_to_a_parameter_of_an_active_inequality():
    s = xp.tensor(0.8, requires_grad=True)

    def solution(s):
        return projection(
            xp.tensor(A), constraints={"type": "ineq", "fun": lambda p: s - xp.sum(p**2)}
        )

    assert xp.autograd.gradcheck(solution, (s,), eps=1e-4, atol=1e-4)


def test_scipy_constraint_objects():
    a = xp.tensor(A)
    by_matrix = projection(a, constraints=LinearConstraint([[1, 1, 1]], 1, 1))
    by_function = projection(a, constraints=[NonlinearConstraint(xp.sum, 1, 1)])
    np.testing.assert_allclose(by_matrix.numpy(), by_function.numpy(), atol=1e-6)
    assert float(xp.sum(by_matrix)) == pytest.approx(1)


def test_implicit_gradient_of_the_value_and_second_derivative():
    a = xp.tensor(0.7, requires_grad=True)
    found = xp.optimize.minimize(lambda x: xp.sum(xp.exp(x) - a * x), xp.zeros(2), **TIGHT)
    (g,) = xp.autograd.grad(found.fun, a, create_graph=True)  # d/da 2 (a - a log a) = -2 log a
    (g2,) = xp.autograd.grad(g, a)
    np.testing.assert_allclose(float(g), -2 * np.log(0.7), rtol=1e-6)
    np.testing.assert_allclose(float(g2), -2 / 0.7, rtol=1e-6)
    plain = xp.optimize.minimize(lambda x: xp.sum(xp.exp(x) - a * x), xp.zeros(2), implicit=False)
    assert not plain.x.requires_grad and not plain.fun.requires_grad


def test_callbacks():
    places, results = [], []
    xp.optimize.minimize(
        lambda p: (p["x"] - 1) ** 2, {"x": xp.tensor(0.0)}, callback=lambda x: places.append(x)
    )
    assert isinstance(places[0]["x"], xp.Tensor)

    def watch(intermediate_result):
        results.append(intermediate_result.x["x"])

    xp.optimize.minimize(lambda p: (p["x"] - 1) ** 2, {"x": xp.tensor(0.0)}, callback=watch)
    assert isinstance(results[0], xp.Tensor)


def test_errors():
    x0 = xp.zeros(2)
    with pytest.raises(ValueError, match="method is 'newton'"):
        xp.optimize.minimize(xp.sum, x0, method="newton")
    with pytest.raises(TypeError, match="one element"):
        xp.optimize.minimize(lambda x: x, x0)
    with pytest.raises(TypeError, match="complex"):
        xp.optimize.minimize(xp.sum, xp.zeros(2, dtype=xp.complex128))
    with pytest.raises(TypeError, match="x0 holds a str"):
        xp.optimize.minimize(xp.sum, {"a": "b"})
    with pytest.raises(ValueError, match="no tensor"):
        xp.optimize.minimize(xp.sum, [])
    with pytest.raises(ValueError, match="bounds"):
        xp.optimize.minimize(xp.sum, x0, bounds=(1, 2, 3))
    with pytest.raises(ValueError, match='needs "type"'):
        xp.optimize.minimize(xp.sum, x0, constraints={"fun": xp.sum})
    with pytest.raises(TypeError, match="callable"):
        xp.optimize.minimize(3, x0)


def test_devices(device):
    a = xp.tensor(1.5, device=device, requires_grad=True)
    found = xp.optimize.minimize(lambda x: xp.sum((x - a) ** 2), xp.zeros(2, device=device))
    assert str(found.x.device) == device
    found.x.sum().backward()
    np.testing.assert_allclose(float(a.grad), 2.0, rtol=1e-6)


def test_result_is_a_dict_with_attributes():
    result = xp.optimize.OptimizeResult(x=1, success=True)
    assert result.x == result["x"] == 1 and "x" in dir(result)
    with pytest.raises(AttributeError, match="success"):
        result.nothing  # noqa: B018
    assert "success: True" in repr(result)
