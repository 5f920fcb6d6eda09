"""`Function`: as in PyTorch, with its checks."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import Function, grad, gradcheck, gradgradcheck, jvp, once_differentiable


def leaf(*values):
    return xp.asarray(values, dtype=xp.float64, requires_grad=True)


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx, x):
        y = xp.exp(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, ct):
        (y,) = ctx.saved_tensors
        return ct * y

    @staticmethod
    def jvp(ctx, t):
        (y,) = ctx.saved_tensors
        return t * y


class MultiplyAdd(Function):
    """Several inputs, some no tensors; two outputs."""

    @staticmethod
    def forward(ctx, x, y, n, name=None):
        ctx.save_for_backward(x, y)
        ctx.n = n
        return x * y * n, x + y

    @staticmethod
    def backward(ctx, ct1, ct2):
        x, y = ctx.saved_tensors
        gx = ct1 * y * ctx.n + ct2 if ctx.needs_input_grad[0] else None
        return gx, ct1 * x * ctx.n + ct2, None, None


class SetUp(Function):
    """PyTorch's newer form: forward without ctx."""

    @staticmethod
    def forward(x, y):
        return x * y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, ct):
        x, y = ctx.saved_tensors
        return ct * y, ct * x


def make(forward, backward, jvp=None):
    """Return a Function of loose functions."""
    body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    if jvp is not None:
        body["jvp"] = staticmethod(jvp)
    return type("Made", (Function,), body)


def test_gradients_of_every_order():
    x, y = leaf(0.3, 0.5), leaf(0.7, -0.2)
    assert gradcheck(Exp.apply, x, check_forward_ad=True) and gradgradcheck(Exp.apply, x)
    both = lambda x, y: MultiplyAdd.apply(x, y, 3, "name")  # noqa: E731
    assert gradcheck(both, (x, y)) and gradgradcheck(both, (x, y))
    assert gradcheck(SetUp.apply, (x, y)) and gradgradcheck(SetUp.apply, (x, y))
    third = x
    for _ in range(3):
        third = grad(xp.sum(Exp.apply(x) if third is x else third), x, create_graph=True)[0]
    np.testing.assert_allclose(third.detach().numpy(), np.exp([0.3, 0.5]))


def test_forward_mode_in_any_nesting():
    x, v = xp.asarray([0.3, 0.5]), xp.asarray([1.0, 2.0])
    expected = np.exp([0.3, 0.5]) * [1.0, 4.0]
    total = lambda x: xp.sum(Exp.apply(x))  # noqa: E731
    np.testing.assert_allclose(xp.autograd.hvp(total, x, v)[1].numpy(), np.exp(x.numpy()) * [1, 2])
    twice = jvp(lambda x: jvp(total, x, v)[1], x, v)[1]
    np.testing.assert_allclose(float(twice), expected.sum())
    with pytest.raises(NotImplementedError, match="jvp is not defined"):
        jvp(SetUp.apply, (x, x), (v, v))


def test_the_node_is_named_and_outputs_are_not_recorded_without_need():
    x = leaf(1.0)
    assert Exp.apply(x).grad_fn.name == "Exp"
    assert not Exp.apply(x.detach()).requires_grad
    with xp.no_grad():
        assert not Exp.apply(x).requires_grad
    assert make(lambda ctx, n: n + 1, None).apply(2) == 3


def test_forward_runs_without_recording_and_backward_as_the_caller_says():
    modes = []

    def forward(ctx, x):
        modes.append(xp.is_grad_enabled())
        return x * 2

    def backward(ctx, ct):
        modes.append(xp.is_grad_enabled())
        return ct * 2

    x = leaf(1.0)
    y = make(forward, backward).apply(x)
    y.backward(retain_graph=True)
    grad(y, x, create_graph=True)
    assert modes == [False, False, True]


def test_needs_input_grad():
    seen = []
    op = make(
        lambda ctx, x, n, y: (seen.append(ctx.needs_input_grad), x * y)[1],
        lambda ctx, ct: (ct, None, None),
    )
    op.apply(leaf(1.0), 3, xp.ones(1))
    assert seen == [(True, False, False)]


def test_missing_cotangents_are_zeros_or_none():
    seen = []

    def build(materialize):
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 1, x * 2

        def backward(ctx, a, b):
            seen.append(b)
            return a

        return make(forward, backward)

    for materialize in (True, False):
        x = leaf(1.0, 2.0)
        xp.sum(build(materialize).apply(x)[0]).backward()
        assert x.grad.numpy().tolist() == [1.0, 1.0]
    assert seen[0].numpy().tolist() == [0.0, 0.0] and seen[1] is None


def test_none_gradients():
    x, y = leaf(1.0), leaf(2.0)
    op = make(lambda ctx, x, y: x * y, lambda ctx, ct: (ct, None))
    op.apply(x, y).backward()
    assert y.grad is None and float(x.grad[0]) == 1.0
    # more than asked for is fine while it is None
    make(lambda ctx, x: x * 1, lambda ctx, ct: (ct, None, None)).apply(x).backward()


def test_non_differentiable_outputs():
    def forward(ctx, x):
        order, ties = xp.argsort(x), x * 0
        ctx.mark_non_differentiable(ties)
        return x * 2, order, ties

    x = leaf(2.0, 1.0)
    y, order, ties = make(forward, lambda ctx, a, b, c: a * 2).apply(x)
    assert y.requires_grad and not order.requires_grad and not ties.requires_grad
    xp.sum(y).backward()
    assert x.grad.numpy().tolist() == [2.0, 2.0]


def change(ctx, x, y):
    x += y
    ctx.mark_dirty(x)
    ctx.save_for_backward(x)
    return x


def test_inputs_changed_in_place():
    op = make(change, lambda ctx, ct: (ct, ct * 3))
    a, b = leaf(1.0, 2.0), leaf(5.0, 6.0)
    x = a * 2
    out = op.apply(x, b)
    assert out is x and x.grad_fn.name == "Made"
    xp.sum(x * x).backward()
    assert a.grad.numpy().tolist() == [2 * 2 * 7.0, 2 * 2 * 10.0]
    assert b.grad.numpy().tolist() == [3 * 2 * 7.0, 3 * 2 * 10.0]
    base = a * 2  # through a view, the base follows
    view = base[1:]
    op.apply(view, b[1:])
    (g,) = grad(xp.sum(base * base), b)
    assert g.numpy().tolist() == [0.0, 3 * 2 * 10.0]


def test_dirty_inputs_are_checked():
    with pytest.raises(RuntimeError, match="leaf Tensor that requires grad was marked as dirty"):
        make(change, None).apply(leaf(1.0), xp.ones(1))

    def not_returned(ctx, x):
        x += 1
        ctx.mark_dirty(x)
        return x * 1

    with pytest.raises(RuntimeError, match="not returned"):
        make(not_returned, None).apply(leaf(1.0) * 1)
    w = xp.asarray([1.0])
    saved = leaf(2.0) * w
    make(change, None).apply(w, xp.ones(1))
    with pytest.raises(RuntimeError, match="modified by an in-place"):
        saved.backward()


def test_an_input_returned_as_it_is():
    op = make(lambda ctx, x: x, lambda ctx, ct: ct * 2)
    x = leaf(1.0, 2.0)
    y = op.apply(x)
    assert y is not x and y.grad_fn.name == "Made" and x.is_leaf
    xp.sum(y).backward()
    assert x.grad.numpy().tolist() == [2.0, 2.0]
    z = x * 1
    saved = z * z
    with xp.no_grad():
        op.apply(z)[0] = 5.0  # the same memory: the write is counted
    with pytest.raises(RuntimeError, match="modified by an in-place"):
        xp.sum(saved).backward()


def test_saved_tensors_are_checked_and_freed():
    x = leaf(1.0)
    y = Exp.apply(x)
    y.backward()
    with pytest.raises(RuntimeError, match=r"'Exp' are freed.*retain_graph=True"):
        y.backward()
    for change_saved in (lambda y, w: y.__imul__(2.0), lambda y, w: w.__iadd__(1.0)):
        w = xp.asarray([3.0])
        y = make(
            lambda ctx, x, w: (out := x * w, ctx.save_for_backward(w, out))[0],
            lambda ctx, ct: (ct * ctx.saved_tensors[0], None),
        ).apply(x, w)
        z = xp.sum(y + 0)
        with xp.no_grad():
            change_saved(y, w)
        with pytest.raises(RuntimeError, match=r"saved_tensors.*version 1, expected version 0"):
            z.backward()
    with pytest.raises(TypeError, match="list"):
        make(lambda ctx, x: ctx.save_for_backward([x]), None).apply(x)


@pytest.mark.parametrize(
    "returned, kind, match",
    [
        (lambda ct: (), RuntimeError, "returned 0 gradients, but forward has 2"),
        (lambda ct: ct, RuntimeError, "returned 1 gradients, but forward has 2"),
        (lambda ct: (ct, ct, ct), RuntimeError, "returned 3 gradients, but forward has 2"),
        (lambda ct: (ct, ct), RuntimeError, "argument 1, which is no Tensor"),
        (lambda ct: (1.0, None), TypeError, "a float as gradient 0"),
        (lambda ct: (ct[:1], None), RuntimeError, r"shape \(1,\), but the argument has"),
        (lambda ct: (xp.ones((2, 3)), None), RuntimeError, r"shape \(2, 3\)"),
    ],
)
def test_wrong_gradients(returned, kind, match):
    op = make(lambda ctx, x, n: x * n, lambda ctx, ct: returned(ct))
    with pytest.raises(kind, match=match):
        xp.sum(op.apply(leaf(1.0, 2.0), 3)).backward()


def test_gradients_are_summed_to_the_shape_and_cast():
    x = xp.asarray([1.0], dtype=xp.float32, requires_grad=True)
    make(lambda ctx, x: x * xp.ones(3), lambda ctx, ct: ct * 1.0).apply(x).backward(xp.ones(3))
    assert x.grad.dtype == xp.float32 and x.grad.numpy().tolist() == [3.0]


def test_wrong_outputs_and_missing_methods():
    with pytest.raises(TypeError, match="forward returned a float"):
        make(lambda ctx, x: 1.0, None).apply(leaf(1.0))
    with pytest.raises(TypeError, match="forward returned a list"):
        make(lambda ctx, x: [x * 1], None).apply(leaf(1.0))

    class Nothing(Function):
        pass

    with pytest.raises(NotImplementedError, match="forward is not defined"):
        Nothing.apply(leaf(1.0))

    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    with pytest.raises(NotImplementedError, match="backward is not defined"):
        Half.apply(leaf(1.0)).backward()


def test_errors_of_the_user_pass_unchanged():
    def fail(ctx, ct):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        make(lambda ctx, x: x * 1, fail).apply(leaf(1.0)).backward()
    with pytest.raises(ValueError, match=r"^mine$"):
        make(lambda ctx, x: xp.asarray(float("x")) if False else _raise(), fail).apply(leaf(1.0))


def _raise():
    raise ValueError("mine")


def test_once_differentiable():
    @once_differentiable
    def backward(ctx, ct):
        (x,) = ctx.saved_tensors
        assert not xp.is_grad_enabled()
        return ct * 2 * x

    op = make(lambda ctx, x: (ctx.save_for_backward(x), x * x)[1], backward)
    x = leaf(3.0)
    (g,) = grad(op.apply(x), x)
    assert float(g[0]) == 6.0 and not g.requires_grad
    (g,) = grad(op.apply(x), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.backward()


def test_several_devices(device):
    x = xp.asarray([1.0, 2.0], device=device, requires_grad=True)
    xp.sum(Exp.apply(x)).backward()
    assert str(x.grad.device) == device


def test_beside_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")

    def scale_forward(ctx, x, y):
        z = x * y
        ctx.save_for_backward(x, y, z)
        return z, z * z

    def scale_backward(ctx, a, b):
        x, y, z = ctx.saved_tensors
        c = a + 2 * b * z
        return c * y, c * x

    found = []
    for lib, base in ((xp, Function), (torch, torch.autograd.Function)):
        body = {"forward": staticmethod(scale_forward), "backward": staticmethod(scale_backward)}
        op = type("Op", (base,), body)
        x, y = (lib.asarray([v, 2 * v], dtype=lib.float64).requires_grad_() for v in (0.3, 0.7))
        a, b = op.apply(x, y)
        first = lib.autograd.grad(lib.sum(a * b), [x, y], create_graph=True)
        second = lib.autograd.grad(lib.sum(first[0] * first[1]), [x, y], create_graph=True)
        third = lib.autograd.grad(lib.sum(second[0]), [x, y])
        found.append([g.detach().numpy() for g in (*first, *second, *third)])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)
