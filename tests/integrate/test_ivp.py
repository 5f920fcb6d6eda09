"""`solve_ivp` and `odeint`: SciPy's solutions, and their derivatives by both ways."""

import numpy as np
import pytest

import tensorxp as xp

P = [1.5, 1.0, 3.0, 1.0]
METHODS = ["RK23", "RK45", "DOP853"]


def prey(t, y, p):
    return xp.stack([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]])


def tensors():
    return xp.tensor([10.0, 5.0], requires_grad=True), xp.tensor(P, requires_grad=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("places", [None, np.linspace(0, 3, 7)])
@pytest.mark.parametrize("span", [(0, 3), (3, 0)])
def test_agrees_with_scipy(method, places, span):
    integrate = pytest.importorskip("scipy.integrate", reason="SciPy is not installed")
    if places is not None and span[0]:
        places = places[::-1]
    y0, p = tensors()

    def fun(t, y):
        return [P[0] * y[0] - P[1] * y[0] * y[1], -P[2] * y[1] + P[3] * y[0] * y[1]]

    found = xp.integrate.solve_ivp(prey, span, y0, method, places, args=(p,))
    expected = integrate.solve_ivp(fun, span, [10.0, 5.0], method, places)
    np.testing.assert_allclose(found.t.numpy(), expected.t, rtol=1e-7)
    np.testing.assert_allclose(found.y.detach().numpy(), expected.y, rtol=1e-8)
    assert (found.success, found.status) == (True, 0)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_to_state_and_parameters(method):
    def solution(y, p):
        return xp.integrate.solve_ivp(prey, (0, 0.4), y, method, [0.2, 0.4], args=(p,), rtol=1e-7).y

    assert xp.autograd.gradcheck(solution, tensors(), atol=1e-4, check_forward_ad=True)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_to_times(method):
    y0, p = (x.detach() for x in tensors())
    options = {"args": (p,), "rtol": 1e-9, "atol": 1e-9}
    places = xp.tensor([0.1, 0.3], requires_grad=True)

    def between(places):
        return xp.integrate.solve_ivp(prey, (0, 0.4), y0, method, places, **options).y

    def end(span):
        return xp.integrate.solve_ivp(
            lambda t, y, p: prey(t, y, p) * xp.cos(t), span, y0, method, **options
        ).y[:, -1]

    assert xp.autograd.gradcheck(between, (places,), atol=1e-4)
    assert xp.autograd.gradcheck(end, (places,), atol=1e-4)


@pytest.mark.parametrize("places", [None, [0.0, 1.0, 2.0], [1.0, 2.0]])
def test_adjoint_agrees_with_recording(places):
    grads = []
    for gradient in ("record", "adjoint"):
        y0, p = tensors()
        start = y0 * 1.0
        found = xp.integrate.solve_ivp(
            prey, (0, 2), start, "DOP853", places, args=(p * 1.0,), rtol=1e-9, atol=1e-9,
            gradient=gradient,
        )  # fmt: skip
        weights = xp.cos(xp.arange(found.y.size, dtype=xp.float64))
        xp.sum(found.y * xp.reshape(weights, found.y.shape)).backward()
        grads.append((y0.grad.numpy(), p.grad.numpy()))
    for a, b in zip(*grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_adjoint_refuses_what_it_cannot():
    y0, p = tensors()
    options = {"args": (p,), "gradient": "adjoint"}
    found = xp.integrate.solve_ivp(prey, (0, 1), y0, **options)
    with pytest.raises(RuntimeError, match="once only"):
        xp.autograd.grad(xp.sum(found.y), y0, create_graph=True)
    with pytest.raises(ValueError, match="times"):
        xp.integrate.solve_ivp(prey, (0, xp.tensor(1.0, requires_grad=True)), y0, **options)
    with pytest.raises(TypeError, match="complex"):
        xp.integrate.solve_ivp(lambda t, y: y, (0, 1), xp.tensor([1j]), gradient="adjoint")


def test_structures_and_analytic_solution():
    w = xp.tensor(2.0, requires_grad=True)
    times = np.array([0.0, 0.7, 1.5])

    def solution(w):
        found = xp.integrate.odeint(
            lambda y, t: {"x": y["v"], "v": -(w**2) * y["x"]},
            {"x": xp.tensor(1.0), "v": xp.tensor(0.0)}, times,
        )  # fmt: skip
        return found["x"]

    np.testing.assert_allclose(solution(w).detach().numpy(), np.cos(2 * times), atol=1e-7)
    (g,) = xp.autograd.grad(solution(w), w, xp.tensor([0.0, 0.0, 1.0]), create_graph=True)
    np.testing.assert_allclose(float(g), -1.5 * np.sin(3), atol=1e-6)
    (g2,) = xp.autograd.grad(g, w)
    np.testing.assert_allclose(float(g2), -(1.5**2) * np.cos(3), atol=1e-5)


def test_complex_state():
    w = xp.tensor(2.0, requires_grad=True)
    found = xp.integrate.solve_ivp(
        lambda t, y: 1j * w * y, (0, 1), xp.tensor([[1.0 + 0j]]), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(found.y[0, 0, -1].detach().item(), np.exp(2j), rtol=1e-7)
    (g,) = xp.autograd.grad(xp.real(found.y[0, 0, -1]), w)
    np.testing.assert_allclose(float(g), -np.sin(2), rtol=1e-6)


def test_float32_stays():
    found = xp.integrate.solve_ivp(lambda t, y: -y, (0, 1), xp.ones(2, dtype=xp.float32))
    assert found.y.dtype == xp.float32 and found.t.dtype == xp.float32


def test_a_wall_is_reported():
    found = xp.integrate.solve_ivp(lambda t, y: y**2, (0, 2), xp.tensor([1.0]))  # 1 / (1 - t)
    assert not found.success and found.status == -1
    assert float(found.t[-1]) == pytest.approx(1, abs=1e-3)


def test_errors():
    y0 = xp.ones(2)
    solve = xp.integrate.solve_ivp
    with pytest.raises(ValueError, match="method is 'LSODA'"):
        solve(lambda t, y: y, (0, 1), y0, "LSODA")
    with pytest.raises(ValueError, match="gradient is 'none'"):
        solve(lambda t, y: y, (0, 1), y0, gradient="none")
    with pytest.raises(ValueError, match="1 values for 2 components"):
        solve(lambda t, y: y[:1], (0, 1), y0)
    with pytest.raises(ValueError, match="outside t_span"):
        solve(lambda t, y: y, (0, 1), y0, t_eval=[0.5, 2.0])
    with pytest.raises(ValueError, match="not sorted"):
        solve(lambda t, y: y, (0, 1), y0, t_eval=[0.5, 0.2])
    with pytest.raises(ValueError, match=r"\(start, end\)"):
        solve(lambda t, y: y, (0, 1, 2), y0)
    with pytest.raises(RuntimeError, match="steps did not reach"):
        solve(lambda t, y: y, (0, 1), y0, max_step=0.01, max_steps=5)
    with pytest.raises(ValueError, match="two or more"):
        xp.integrate.odeint(lambda y, t: y, y0, [0.0])


def test_devices(device):
    a = xp.tensor(0.5, device=device, requires_grad=True)
    for gradient in ("record", "adjoint"):
        found = xp.integrate.solve_ivp(
            lambda t, y: -a * y, (0, 1), xp.ones(2, device=device), rtol=1e-8, atol=1e-8,
            gradient=gradient,
        )  # fmt: skip
        assert str(found.y.device) == device
        (g,) = xp.autograd.grad(found.y[0, -1], a)
        np.testing.assert_allclose(float(g), -np.exp(-0.5), rtol=1e-6)
