"""Gradients own their memory: nothing of the user's, no saved value, no other gradient.

The engine hands a cotangent's buffer over to `.grad` where nobody else holds it; these tests
try to catch it handing over one that somebody holds.
"""

import numpy as np
import pytest

import tensorxp as xp


def shares(a, b):
    return np.shares_memory(a.detach().numpy(), b.detach().numpy())


@pytest.mark.parametrize("create_graph", [False, True])
def test_inputs_of_one_operation_get_gradients_of_their_own(create_graph):
    for fn in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: xp.stack([a, b])[0] + b):
        a, b = (xp.asarray([1.0, 2.0], requires_grad=True) for _ in range(2))
        xp.sum(fn(a, b)).backward(create_graph=create_graph)
        assert a.grad is not b.grad and not shares(a.grad, b.grad)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "fn", [lambda x: x, lambda x: +x, lambda x: x * 1, lambda x: x[...], lambda x: x.T, xp.real]
)
def test_the_given_gradient_is_not_taken(fn, create_graph):
    x = xp.ones((2, 2), requires_grad=True)
    given = xp.ones((2, 2))
    fn(x).backward(given, create_graph=create_graph)
    assert x.grad is not given and not shares(x.grad, given)
    x.grad.detach()[...] = 7.0
    assert given.numpy().tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_results_of_grad_are_separate_from_grad_and_hooks():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 1
    y.retain_grad()
    kept = []
    x.register_hook(kept.append)
    y.register_hook(kept.append)
    y.backward(xp.ones(2))
    arrays = [x.grad, y.grad]
    assert not shares(*arrays)
    assert not shares(x.grad, kept[1])
    (g,) = xp.autograd.grad(x * 1, x, kept[0])
    assert not shares(g, x.grad)


def test_saved_values_are_not_taken():
    x, w = (xp.asarray([1.0, 2.0], requires_grad=True) for _ in range(2))
    y = x * w
    y.backward(xp.ones(2), retain_graph=True)
    assert not shares(x.grad, w) and not shares(w.grad, x)
    x.grad[...] = 100.0
    (g,) = xp.autograd.grad(y, w, xp.ones(2))
    assert g.numpy().tolist() == [1.0, 2.0]


OPERATIONS = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: +a,
    lambda a, b: a[...],
    lambda a, b: a.T,
    lambda a, b: xp.concat([a, b])[3:],
    lambda a, b: xp.stack([a, b])[1],
    lambda a, b: xp.flip(a),
    lambda a, b: xp.where(a > 0, a, b),
    lambda a, b: xp.broadcast_to(a[:1], (3, 3)),
    lambda a, b: xp.reshape(a, (9,)).reshape((3, 3)),
    lambda a, b: xp.unstack(a)[1] + b,
    lambda a, b: a @ xp.eye(3),
    lambda a, b: xp.roll(a, 1),
    lambda a, b: xp.astype(a, xp.float64, copy=False),
    lambda a, b: xp.real(a),
    lambda a, b: xp.maximum(a, b),
    lambda a, b: xp.sum(a, axis=0) + b,
    lambda a, b: xp.linalg.qr(a + 3 * xp.eye(3))[1],
    lambda a, b: xp.meshgrid(a[0], b[0])[0],
]


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs(seed):
    """Accumulated gradients overlap with nothing, and writing to them changes nothing else."""
    rng = np.random.default_rng(seed)
    leaves = [xp.asarray(rng.normal(size=(3, 3)), requires_grad=True) for _ in range(4)]
    made = list(leaves)
    held = []
    for _ in range(rng.integers(1, 12)):
        a, b = (made[rng.integers(len(made))] for _ in range(2))
        out = OPERATIONS[rng.integers(len(OPERATIONS))](a, b)
        if rng.random() < 0.2:
            out.register_hook(held.append)
        if rng.random() < 0.2 and not out.is_leaf:
            out.retain_grad()
        made.append(out)
    outs = made[-2:]
    given = [xp.asarray(rng.normal(size=(3, 3))) for _ in outs]
    before = [g.numpy().copy() for g in given]
    expected = xp.autograd.grad(outs, leaves, given, retain_graph=True, allow_unused=True)
    held.clear()
    xp.autograd.backward(outs, given, retain_graph=True)
    owners = [x.grad for x in leaves if x.grad is not None]
    others = [*given, *made, *held, *[g for g in expected if g is not None]]
    others += [y.grad for y in made[4:] if y.retains_grad and y.grad is not None]
    for i, g in enumerate(owners):
        assert not any(shares(g, x) for x in [*others, *owners[:i]])
        assert g.numpy().flags.writeable and g.numpy().base is None
    for g in owners:
        g[...] = np.nan
    for g, value in zip(given, before, strict=True):
        np.testing.assert_array_equal(g.numpy(), value)
    for x in leaves:
        x.grad = None
    xp.autograd.backward(outs, given)
    for x, g in zip(leaves, expected, strict=True):
        assert (x.grad is None) == (g is None)
        if g is not None:
            np.testing.assert_allclose(x.grad.numpy(), g.numpy(), rtol=1e-12, atol=1e-12)
