"""Implicit differentiation: orders, modes, and which tensors count as parameters."""

import gc
import weakref

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.implicit import implicit_solution


def cube_root(t):
    """Return the solution of x³ = t, a 1-D tensor."""
    with xp.no_grad():
        start = xp.cbrt(t.detach())
    return implicit_solution(lambda x: x**3 - t, start)


def test_derivatives_of_any_order():
    t = xp.tensor([2.0], requires_grad=True)
    found = cube_root(t)[0]
    for k in range(4):
        power = 1 / 3 - k
        factor = np.prod([1 / 3 - i for i in range(k)])
        np.testing.assert_allclose(float(found), factor * 2**power, rtol=1e-12)
        (g,) = xp.autograd.grad(found, t, create_graph=True)
        found = g[0]


def test_forward_mode_and_its_mixtures():
    t, one = xp.tensor([2.0]), xp.tensor([1.0])
    first, second = 2 ** (-2 / 3) / 3, -2 / 9 * 2 ** (-5 / 3)
    _, slope = xp.autograd.jvp(cube_root, (t,), (one,))
    np.testing.assert_allclose(slope.numpy(), [first], rtol=1e-12)
    _, curve = xp.autograd.hvp(lambda t: cube_root(t)[0], t, one)
    np.testing.assert_allclose(curve.numpy(), [second], rtol=1e-10)

    def of_slope(t):
        return xp.autograd.jvp(cube_root, (t,), (one,))[1]

    _, curve = xp.autograd.jvp(of_slope, (t,), (one,))
    np.testing.assert_allclose(curve.numpy(), [second], rtol=1e-10)
    t.requires_grad_(True)
    (curve,) = xp.autograd.grad(of_slope(t), t, one)
    np.testing.assert_allclose(curve.numpy(), [second], rtol=1e-10)


def test_parameters_that_depend_on_each_other_count_once():
    a = xp.tensor([2.0], requires_grad=True)
    b = a * 3  # x = a + b = 4 a, and both are closed over
    x = implicit_solution(lambda x: x - a - b, xp.tensor([8.0]))
    ga, gb = xp.autograd.grad(x, [a, b], retain_graph=True)
    assert (float(ga[0]), float(gb[0])) == (4.0, 1.0)
    x.backward()
    assert float(a.grad[0]) == 4.0


def test_views_and_outputs_of_several_as_parameters():
    a = xp.tensor([[3.0, 1.0], [1.0, 2.0]], requires_grad=True)

    def solution(a):
        values, _ = xp.linalg.eigh((a + a.mT) / 2)
        half = a[0]
        return implicit_solution(lambda x: x - values - half, (values + half).detach())

    assert xp.autograd.gradcheck(solution, (a,))


def test_nothing_to_differentiate():
    x = implicit_solution(lambda x: x - 1, xp.tensor([1.0]))
    assert not x.requires_grad
    t = xp.tensor([2.0], requires_grad=True)
    with xp.no_grad():
        assert not cube_root(t).requires_grad


def test_a_singular_jacobian_is_named():
    t = xp.tensor([0.0], requires_grad=True)
    x = implicit_solution(lambda x: x**2 - t, xp.tensor([0.0]), "somewhere")
    with pytest.raises(RuntimeError, match="somewhere: the Jacobian is singular"):
        x.backward()


def test_refuses_what_is_not_a_real_vector():
    for x in (xp.tensor(1.0), xp.tensor([1j]), 3.0):
        with pytest.raises(TypeError, match="1-D real Tensor"):
            implicit_solution(lambda x: x, x)


def test_the_graph_is_freed_without_the_collector():
    t = xp.tensor([2.0], requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        x = cube_root(t)
        node = weakref.ref(x.grad_fn)
        x.backward()
        del x
        assert node() is None
    finally:
        gc.enable()
