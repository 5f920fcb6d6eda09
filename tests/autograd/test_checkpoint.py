"""`checkpoint`: the same gradients, less memory."""

import tracemalloc

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import Function, checkpoint, grad, hvp, jvp


def leaf(*values):
    return xp.asarray(values, dtype=xp.float64, requires_grad=True)


def block(x, w):
    y = xp.tanh(x) @ w
    y += 1
    v = y[:1]
    v *= 2
    q, r = xp.linalg.qr(w)
    return xp.exp(y) @ q, xp.sum(r * r)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_gradients_are_the_same(order):
    rng = np.random.default_rng(0)
    x, w = (xp.asarray(rng.normal(size=(3, 3)) / 2, requires_grad=True) for _ in range(2))
    results = []
    for call in (block, lambda *args: checkpoint(block, *args)):
        a, b = call(x, w)
        out = xp.sum(a) * b
        for _ in range(order):
            grads = grad(out, [x, w], create_graph=True)
            out = xp.sum(grads[0] ** 2) + xp.sum(grads[1])
        results.append([g.detach().numpy() for g in grads])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)


def test_closed_over_parameters_get_gradients_though_no_argument_requires_one():
    w, b = leaf(2.0), leaf(1.0)
    x = xp.asarray([3.0])
    checkpoint(lambda x: xp.sin(x * w) * b, x).backward()
    np.testing.assert_allclose(w.grad.numpy(), 3 * np.cos(6.0))
    np.testing.assert_allclose(b.grad.numpy(), np.sin(6.0))
    (g,) = grad(checkpoint(lambda x: xp.sin(x * w) * b, x), w)
    np.testing.assert_allclose(g.numpy(), w.grad.numpy())


def test_the_function_runs_twice_and_only_where_needed():
    runs = []

    def counted(x):
        runs.append(xp.is_grad_enabled())
        return xp.exp(xp.exp(x))

    x = leaf(0.1)
    y = checkpoint(counted, x)
    assert runs == [True]
    y.backward(retain_graph=True)
    assert runs == [True, True]
    y.backward()
    assert runs == [True, True]
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()
    with xp.no_grad():
        assert not checkpoint(counted, x).requires_grad
    assert len(runs) == 3
    checkpoint(counted, xp.asarray(0.1))
    assert len(runs) == 4


def test_arguments_of_every_kind():
    x = leaf(1.0, 2.0)
    out = checkpoint(lambda x, n, *, shift, scale: x**n * scale + shift, x, 2, shift=x, scale=3.0)
    xp.sum(out).backward()
    assert x.grad.numpy().tolist() == [7.0, 13.0]


def test_nested():
    runs = []

    def inner(x):
        runs.append("inner")
        return xp.sin(xp.exp(x))

    def outer(x):
        runs.append("outer")
        return checkpoint(inner, x * x) * x

    x = leaf(0.5)
    y = checkpoint(outer, x)
    (g,) = grad(y, x, create_graph=True)
    (plain,) = grad(xp.sin(xp.exp(x * x)) * x, x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), plain.detach().numpy())
    np.testing.assert_allclose(grad(g, x)[0].numpy(), grad(plain, x)[0].numpy())
    assert runs == ["outer", "inner"] * 2 + ["inner"]


def test_functions_inside():
    held = []

    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            held.append(ctx)
            y = x * x
            ctx.save_for_backward(x, y)
            return y * x

        @staticmethod
        def backward(ctx, ct):
            y = ctx.saved_tensors[1]
            return ct * 3 * y

    x = leaf(2.0)
    (g,) = grad(checkpoint(lambda x: Cube.apply(x * 1) * 2, x), x)
    assert float(g[0]) == 24.0 and len(held) == 2


def test_gradients_taken_inside():
    def penalty(x):
        y = xp.sum(xp.exp(x) * x)
        (g,) = grad(y, x, create_graph=True)
        return xp.sum(g * g)

    x = leaf(0.3, 0.5)
    (found,) = grad(checkpoint(penalty, x), x)
    (expected,) = grad(penalty(x), x)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


def test_forward_mode():
    fn = lambda x: xp.sum(checkpoint(lambda y: xp.exp(xp.tanh(y)) * y, x))  # noqa: E731
    plain = lambda x: xp.sum(xp.exp(xp.tanh(x)) * x)  # noqa: E731
    x, v = xp.asarray([0.3, 0.5]), xp.asarray([1.0, 2.0])
    np.testing.assert_allclose(jvp(fn, x, v)[1].numpy(), jvp(plain, x, v)[1].numpy())
    np.testing.assert_allclose(hvp(fn, x, v)[1].numpy(), hvp(plain, x, v)[1].numpy())


def test_random_numbers_are_repeated():
    xp.random.manual_seed(1)
    x = leaf(*np.ones(50))
    masks = []

    def dropout(x):
        masks.append(xp.random.rand(50) < 0.5)
        return xp.exp(x) * masks[-1]

    y = xp.sum(checkpoint(dropout, x))
    after = xp.random.rand(3)
    y.backward()
    np.testing.assert_array_equal(masks[0].numpy(), masks[1].numpy())
    np.testing.assert_allclose(x.grad.numpy(), np.e * masks[0].numpy())
    xp.random.manual_seed(1)
    xp.random.rand(50)
    np.testing.assert_array_equal(xp.random.rand(3).numpy(), after.numpy())
    y = xp.sum(checkpoint(dropout, x, preserve_rng_state=False))
    y.backward()
    assert (masks[2] != masks[3]).any()


def test_memory_is_smaller():
    def layers(x):
        for _ in range(8):
            x = xp.exp(xp.sin(x))
        return x

    peaks = {}
    for name in ("plain", "checkpointed"):
        x = xp.asarray(np.zeros(100_000), requires_grad=True)
        tracemalloc.start()
        y = x
        for _ in range(4):
            y = layers(y) if name == "plain" else checkpoint(layers, y)
        peaks[name] = tracemalloc.get_traced_memory()[0]
        xp.sum(y).backward()
        tracemalloc.stop()
    assert peaks["checkpointed"] < peaks["plain"] / 7


def test_what_it_reads_must_not_change():
    w = xp.asarray([3.0])
    for change in (lambda x, w: x.__iadd__(1.0), lambda x, w: w.__imul__(2.0)):
        x = leaf(1.0)
        y = checkpoint(lambda x: xp.exp(x + w), x)
        with xp.no_grad():
            change(x, w)
        with pytest.raises(RuntimeError, match=r"checkpoint.*modified by an in-place"):
            y.backward()


def test_running_statistics_may_change():
    mean = xp.zeros(1)
    x = leaf(1.0)

    def norm(x):
        with xp.no_grad():
            mean[...] = 0.5 * mean + 0.5 * x
        return xp.exp(x)

    checkpoint(norm, x).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.e)


def test_a_function_that_does_something_else_is_refused():
    runs = []

    def changing(x):
        runs.append(1)
        return xp.exp(x) if len(runs) % 2 else xp.sin(xp.exp(x))

    with pytest.raises(RuntimeError, match="1 operations at first and 2"):
        checkpoint(changing, leaf(1.0)).backward()

    def other(x):
        runs.append(1)
        return xp.exp(x) if len(runs) % 2 else xp.tanh(x)

    with pytest.raises(RuntimeError, match=r"'exp'.*'tanh'"):
        checkpoint(other, leaf(1.0)).backward()


def test_beside_pytorch_on_closures():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.utils.checkpoint import checkpoint as theirs

    found = []
    for lib, call in ((xp, checkpoint), (torch, lambda f, x: theirs(f, x, use_reentrant=False))):
        w = lib.asarray([0.3, 0.4], dtype=lib.float64).requires_grad_()
        x = lib.asarray([1.0, 2.0], dtype=lib.float64)
        out = lib.sum(call(lambda x, lib=lib, w=w: lib.tanh(x * w) * w, x))
        (g,) = lib.autograd.grad(out, w, create_graph=True)
        found.append((g.detach().numpy(), lib.autograd.grad(lib.sum(g), w)[0].numpy()))
    np.testing.assert_allclose(found[0], found[1])
