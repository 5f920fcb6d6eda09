"""`vjp`, `value_and_grad`, `jacobian`, `hessian`, `hvp`, beside PyTorch's and nested."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import functional, hessian, hvp, jacobian, jvp, value_and_grad, vjp

X = np.array([0.3, 0.5, -0.7])
W = np.arange(12.0).reshape(4, 3) / 10


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def close(found, expected):
    np.testing.assert_allclose(found.numpy(), np.asarray(expected), rtol=1e-10, atol=1e-12)


def narrow(lib):
    return lambda x: lib.stack([x[0] * x[1], lib.sin(x[2])])


def wide(lib):
    return lambda x: lib.sin(lib.reshape(x, (3, 1)) * lib.reshape(lib.arange(100.0), (1, 100)))


def scalar(lib):
    return lambda x: lib.sum(lib.exp(x) * x[0]) ** 2


@pytest.mark.parametrize("fn", [narrow, wide, scalar])
@pytest.mark.parametrize("strategy", [None, "forward", "reverse"])
def test_jacobian(fn, strategy, torch):
    expected = torch.autograd.functional.jacobian(fn(torch), torch.tensor(X))
    found = jacobian(fn(xp), xp.asarray(X), strategy=strategy)
    assert found.shape == tuple(expected.shape) and not found.requires_grad
    close(found, expected)


def test_the_cheaper_strategy_is_chosen(monkeypatch):
    calls = []
    for name in ("_by_columns", "_by_rows"):
        original = getattr(functional, name)
        monkeypatch.setattr(
            functional, name, lambda *a, f=original, n=name: (calls.append(n), f(*a))[1]
        )
    jacobian(wide(xp), xp.asarray(X))
    jacobian(narrow(xp), xp.asarray(X))
    assert calls == ["_by_columns", "_by_rows"]


@pytest.mark.parametrize("strategy", [None, "forward", "reverse"])
def test_jacobian_of_several_inputs_and_outputs(strategy, torch):
    def fn(lib):
        return lambda x, w: (w @ x, lib.sum(x * x), w[0] * 2)

    expected = torch.autograd.functional.jacobian(fn(torch), (torch.tensor(X), torch.tensor(W)))
    found = jacobian(fn(xp), (xp.asarray(X), xp.asarray(W)), strategy=strategy)
    for row, their in zip(found, expected, strict=True):
        for block, value in zip(row, their, strict=True):
            assert block.shape == tuple(value.shape)
            close(block, value)


def test_jacobian_of_constants_empties_and_0d():
    x = xp.asarray(X)
    close(jacobian(lambda x: xp.ones(2), x), np.zeros((2, 3)))
    assert jacobian(lambda x: x[:0], x).shape == (0, 3)
    assert jacobian(xp.sin, xp.zeros((0,))).shape == (0, 0)
    assert jacobian(xp.sin, xp.asarray(1.0)).shape == ()


def test_jacobian_of_complex_rows_are_pytorchs_gradients():
    z = xp.asarray(X + 1j)
    close(jacobian(lambda z: xp.sum(xp.real(z) ** 2 + xp.imag(z)), z), 2 * X + 1j)
    close(jacobian(xp.exp, z), np.diag(np.conj(np.exp(X + 1j))))
    with pytest.raises(ValueError, match="reverse"):
        jacobian(xp.exp, z, strategy="forward")


def test_jacobian_with_create_graph():
    x = xp.asarray(X, requires_grad=True)
    for strategy in ("forward", "reverse"):
        j = jacobian(lambda x: x**3, x, create_graph=True, strategy=strategy)
        (g,) = xp.autograd.grad(xp.sum(j), x)
        close(g, 6 * X)


def test_hessian(torch):
    expected = torch.autograd.functional.hessian(scalar(torch), torch.tensor(X))
    close(hessian(scalar(xp), xp.asarray(X)), expected)

    def fn(lib):
        return lambda x, w: lib.sum(lib.exp(w @ x))

    theirs = torch.autograd.functional.hessian(fn(torch), (torch.tensor(X), torch.tensor(W)))
    ours = hessian(fn(xp), (xp.asarray(X), xp.asarray(W)))
    for row, their in zip(ours, theirs, strict=True):
        for block, value in zip(row, their, strict=True):
            close(block, value)


def test_hvp(torch):
    v = np.array([1.0, 2.0, -1.0])
    value, product = hvp(scalar(xp), xp.asarray(X), xp.asarray(v))
    theirs = torch.autograd.functional.hvp(scalar(torch), torch.tensor(X), torch.tensor(v))
    close(value, theirs[0])
    close(product, theirs[1])
    _, (a, b) = hvp(lambda x, y: xp.sum(x * y), (xp.asarray(X), xp.asarray(v)), (
        xp.asarray(v), xp.asarray(X)))  # fmt: skip
    close(a, X)
    close(b, v)


def test_vjp():
    out, pull = vjp(lambda x: xp.asarray(W) @ x, xp.asarray(X))
    assert not out.requires_grad
    close(pull(xp.asarray([1.0, 0, 0, 0]))[0], W[0])
    close(pull(xp.asarray([0, 1.0, 0, 2.0]))[0], W[1] + 2 * W[3])
    _, pull = vjp(lambda x, y: (x * y, x + 1), xp.asarray(X), xp.asarray(2.0))
    a, b = pull((xp.ones(3), xp.ones(3)))
    close(a, np.full(3, 3.0))
    close(b, X.sum())
    _, pull = vjp(lambda x: xp.ones(2), xp.asarray(X))
    close(pull(xp.ones(2))[0], np.zeros(3))


def test_value_and_grad():
    value, g = value_and_grad(lambda x: xp.sum(x**2))(xp.asarray(X))
    close(value, np.sum(X**2))
    close(g, 2 * X)
    _, (a, b) = value_and_grad(lambda x, n, y: xp.sum(x**n * y), (0, 2))(
        xp.asarray(X), 2, xp.asarray(X)
    )
    close(a, 2 * X * X)
    close(b, X**2)
    with pytest.raises(RuntimeError, match="one element"):
        value_and_grad(lambda x: x)(xp.asarray(X))
    with pytest.raises(TypeError, match="list"):
        value_and_grad(lambda x: x)([1.0])


def test_arguments_are_not_touched():
    x = xp.asarray(X, requires_grad=True)
    for call in (
        lambda: jacobian(lambda x: x * 2, x), lambda: hessian(lambda x: xp.sum(x**3), x),
        lambda: value_and_grad(xp.sum)(x), lambda: hvp(xp.sum, x, x.detach()),
        lambda: vjp(lambda x: x * 2, x)[1](xp.ones(3)),
    ):  # fmt: skip
        call()
        assert x.grad is None and x.is_leaf


def test_they_work_inside_no_grad():
    with xp.no_grad():
        close(jacobian(lambda x: x**2, xp.asarray(X)), np.diag(2 * X))
        close(hessian(lambda x: xp.sum(x**3), xp.asarray(X)), np.diag(6 * X))
        close(hvp(lambda x: xp.sum(x**3), xp.asarray(X), xp.ones(3))[1], 6 * X)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_jacobian_of_jacobian(outer, inner):
    x = xp.asarray(X)
    fn = lambda x: xp.exp(x) * x[0]  # noqa: E731
    found = jacobian(lambda x: jacobian(fn, x, strategy=inner), x, strategy=outer)
    expected = jacobian(lambda x: jacobian(fn, x), x)
    assert found.shape == (3, 3, 3)
    close(found, expected.numpy())
    third = jacobian(lambda x: hessian(lambda x: xp.sum(xp.sin(x)), x), x, strategy=outer)
    assert third.shape == (3, 3, 3)
    close(xp.sum(third, axis=(0, 1)), -np.cos(X))


def test_nested_values_feed_outer_gradients():
    # the gradient of a gradient's norm, of a Hessian's trace, of a jvp inside a vjp
    x = xp.asarray(X)
    norm = lambda x: xp.sum(value_and_grad(lambda x: xp.sum(x**3))(x)[1] ** 2)  # noqa: E731
    close(value_and_grad(norm)(x)[1], 36 * X**3)
    trace = lambda x: xp.linalg.trace(hessian(lambda x: xp.sum(x**4), x))  # noqa: E731
    close(value_and_grad(trace)(x)[1], 24 * X)
    _, pull = vjp(lambda x: jvp(lambda y: y**3, x, x)[1], x)
    close(pull(xp.ones(3))[0], 9 * X**2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: jacobian(xp.sin, ["x"]), lambda: jacobian(lambda x: 3.0, xp.ones(2)),
        lambda: hessian(xp.sin, "x"), lambda: hvp(xp.sum, xp.ones(2), 1.0),
        lambda: vjp(xp.sin, None),
    ],
)  # fmt: skip
def test_what_is_no_tensor_is_refused(call):
    with pytest.raises(TypeError, match=r"allowed are Tensors"):
        call()


def test_other_bad_input():
    with pytest.raises(ValueError, match="strategy"):
        jacobian(xp.sin, xp.ones(2), strategy="fastest")
    with pytest.raises(RuntimeError, match="one element"):
        hessian(xp.sin, xp.ones(2))
    _, pull = vjp(lambda x: (x, x), xp.ones(2))
    with pytest.raises(ValueError, match="2 outputs"):
        pull(xp.ones(2))
    with pytest.raises(ValueError, match="2 inputs, but 1 vectors"):
        hvp(lambda x, y: xp.sum(x * y), (xp.ones(2), xp.ones(2)), xp.ones(2))


PULLED = {
    "sin": (xp.sin, X),
    "product": (lambda x: xp.asarray(W) @ x, X),
    "several": (lambda x: (x * x, xp.sum(x)), X),
    "unused": (lambda x: (x * x, xp.ones(2)), X),
    "complex": (lambda z: z * z, X + 1j * X[::-1]),
    "flatten": (lambda x: xp.concat([xp.reshape(x, (-1,)), xp.reshape(x, (-1,))]), W),
}


@pytest.mark.parametrize("name", PULLED)
def test_a_pullback_is_differentiable_by_its_cotangent(name):
    fn, at = PULLED[name]
    out, pull = vjp(fn, xp.asarray(at))
    rng = np.random.default_rng(0)
    outs = out if isinstance(out, tuple) else (out,)
    cts = tuple(xp.asarray(rng.normal(size=y.shape), dtype=y.dtype) for y in outs)
    call = lambda *cts: pull(cts)[0]  # noqa: E731
    assert not call(*cts).requires_grad  # without need nothing is recorded
    rows = jacobian(call, cts)
    for i, ct in enumerate(cts):
        # linear: the Jacobian's columns are what the pullback gives of the unit vectors
        for k in np.ndindex(*ct.shape):
            unit = [xp.zeros_like(c) for c in cts]
            unit[i][k] = 1
            column = rows[i].numpy().reshape(*at.shape, *ct.shape)[(..., *k)]
            close(call(*unit), np.conj(column) if name == "complex" else column)
        _, slope = jvp(call, cts, [ct if j == i else None for j in range(len(cts))])
        close(slope, call(*(c if j == i else xp.zeros_like(c) for j, c in enumerate(cts))).numpy())
    leaves = tuple(c.requires_grad_() for c in cts)
    total = xp.sum(xp.abs(call(*leaves)) ** 2)
    total.backward()
    assert leaves[0].grad is not None and xp.any(leaves[0].grad != 0)
    with xp.no_grad():
        assert not call(*leaves).requires_grad
    _, again = vjp(call, *leaves)  # and the pullback of the pullback is the linear map itself
    assert again(xp.ones(at.shape, dtype=at.dtype))[0].requires_grad is False


def test_a_pullback_inside_other_derivatives():
    x = xp.asarray(X)

    def norm(ct):
        return xp.sum(vjp(lambda x: xp.sin(x) * x, x)[1](ct)[0] ** 2)

    slope = np.cos(X) * X + np.sin(X)
    close(value_and_grad(norm)(xp.ones(3))[1], 2 * slope**2)
    close(hessian(norm, xp.ones(3)), np.diag(2 * slope**2))
    _, pull = vjp(xp.sin, x, create_graph=True)
    found = jacobian(lambda ct: pull(ct)[0], xp.ones(3))
    assert found.requires_grad and pull(xp.ones(3))[0].requires_grad
    close(found.detach(), np.diag(np.cos(X)))


def test_a_write_to_a_primal_before_the_pullback_is_noticed():
    x = xp.asarray([1.0, 2.0])
    _, pullback = vjp(lambda t: t * t, x)
    x[0] = 100.0
    with pytest.raises(RuntimeError, match="modified by an in-place operation"):
        pullback(xp.ones(2))
    array = np.asarray([1.0, 2.0])  # an array of NumPy tells nobody of writes: it is copied
    _, pullback = vjp(lambda t: t * t, array)
    array[0] = 100.0
    assert pullback(np.ones(2))[0].tolist() == [2.0, 4.0]
