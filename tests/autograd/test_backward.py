"""`backward` and `grad` as PyTorch has them: what they give, and what they refuse."""

import threading

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import backward, grad


def leaf(*values, dtype=xp.float64):
    return xp.asarray(values, dtype=dtype, requires_grad=True)


def test_leaves_and_nodes():
    x = leaf(1.0, 2.0)
    assert x.is_leaf and x.requires_grad and x.grad_fn is None and x.grad is None
    y = x * 2
    assert not y.is_leaf and y.requires_grad and y.grad_fn.name == "multiply"
    assert y.grad_fn.next_functions[0][0].name == "accumulate_grad"
    plain = xp.asarray([1.0])
    assert plain.is_leaf and not plain.requires_grad
    assert not (plain * 2).requires_grad


def test_gradients_accumulate_until_they_are_cleared():
    x = leaf(1.0, 2.0)
    xp.sum(x * x).backward()
    xp.sum(x * x).backward()
    assert x.grad.numpy().tolist() == [4.0, 8.0]
    x.grad = None
    xp.sum(x).backward()
    assert x.grad.numpy().tolist() == [1.0, 1.0]
    del x.grad
    assert x.grad is None


def test_accumulation_is_in_place_like_pytorchs():
    x = leaf(1.0)
    xp.sum(x).backward()
    first = x.grad
    xp.sum(x).backward()
    assert x.grad is first and float(first[0]) == 2.0


def test_a_tensor_used_twice_and_by_several_outputs():
    x = leaf(3.0)
    y = x * x
    backward([xp.sum(y + x), xp.sum(y)], [None, xp.asarray(2.0)])
    assert float(x.grad[0]) == 6.0 + 1.0 + 12.0


def test_retain_graph():
    x = leaf(2.0)
    y = xp.sum(x * x)
    y.backward(retain_graph=True)
    y.backward()
    assert float(x.grad[0]) == 8.0
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    assert float(x.grad[0]) == 8.0
    z = xp.sum(x + 1)  # what saved nothing can be walked again
    z.backward()
    z.backward()


def test_create_graph_gives_gradients_with_a_history():
    x = leaf(2.0)
    y = xp.sum(x**3)
    y.backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = grad(xp.sum(x.grad), x, create_graph=True)
    assert float(second[0]) == 12.0
    assert float(grad(xp.sum(second), x)[0][0]) == 6.0


def test_inputs_limit_what_gets_a_gradient():
    a, b = leaf(1.0), leaf(2.0)
    middle = a * b
    xp.sum(middle * middle).backward(inputs=[a, middle])
    assert float(a.grad[0]) == 8.0 and b.grad is None
    assert float(middle.grad[0]) == 4.0
    xp.sum(a * b).backward(inputs=b)
    assert float(b.grad[0]) == 1.0 and float(a.grad[0]) == 8.0


def test_grad_leaves_nothing_behind():
    a, b = leaf(1.0), leaf(2.0)
    ga, gb = grad(xp.sum(a * b), [a, b])
    assert (float(ga[0]), float(gb[0])) == (2.0, 1.0)
    assert a.grad is None and b.grad is None


def test_unused_inputs():
    a, b = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        grad(xp.sum(a * 2), [a, b], retain_graph=True)
    assert grad(xp.sum(a * 2), [a, b], allow_unused=True)[1] is None
    zero = grad(xp.sum(a * 2), [a, b], materialize_grads=True)[1]
    assert zero.numpy().tolist() == [0.0]
    with pytest.raises(ValueError, match="allow_unused"):
        grad(xp.sum(a), [a, b], allow_unused=False, materialize_grads=True)


def test_gradient_of_an_output_by_itself_and_by_a_view():
    x = leaf(1.0, 2.0)
    y = x * 2
    assert grad(y, y, xp.ones(2))[0].numpy().tolist() == [1.0, 1.0]
    assert grad(xp.sum(x), x)[0].numpy().tolist() == [1.0, 1.0]


def test_gradient_by_one_output_of_several():
    a = xp.asarray([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
    values, vectors = xp.linalg.eigh(a)
    weights = xp.asarray([[1.0, 2.0], [3.0, 4.0]])
    (g,) = grad(xp.sum(weights * vectors**2), a, create_graph=True)
    # the saved eigenvectors are the output itself: differentiating by it finds them
    (found,) = grad(xp.sum(weights * g), vectors)
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    b = torch.tensor(a.detach().numpy(), requires_grad=True)
    w = torch.tensor(weights.numpy())
    their = torch.linalg.eigh(b)[1]
    (h,) = torch.autograd.grad((w * their**2).sum(), b, create_graph=True)
    (expected,) = torch.autograd.grad((w * h).sum(), their)
    assert values.requires_grad
    signs = np.sign((their.detach().numpy() * vectors.detach().numpy()).sum(0))
    np.testing.assert_allclose(found.numpy(), expected.numpy() * signs, rtol=1e-9)


@pytest.mark.parametrize("call", [lambda y: y.backward(), lambda y: grad(y, y)])
def test_a_gradient_can_be_left_out_for_one_element_only(call):
    with pytest.raises(RuntimeError, match=r"one element.*\(2,\).*sum first"):
        call(leaf(1.0, 2.0) * 2)
    with pytest.raises(RuntimeError, match="output is complex"):
        call(xp.asarray(1j, requires_grad=True) * 2)
    call(leaf(1.0) * 2)


def test_wrong_gradients_are_refused(device):
    x = xp.asarray([1.0, 2.0], device=device, requires_grad=True)
    y = x * 2
    with pytest.raises(RuntimeError, match=r"shape \(3,\).*\(2,\)"):
        y.backward(xp.ones(3, device=device))
    with pytest.raises(TypeError, match="gradient is a float"):
        y.backward(1.0)
    with pytest.raises(RuntimeError, match="complex128, but the output is real"):
        y.backward(xp.asarray([1j, 1j], device=device))
    other = "sim:0" if device == "cpu" else "cpu"
    with pytest.raises(RuntimeError, match=f"is on {other}, but the output is on {device}"):
        y.backward(xp.ones(2, device=other))
    with pytest.raises(RuntimeError, match="2 gradients"):
        backward([y], [xp.ones(2), xp.ones(2)])
    with pytest.raises(RuntimeError, match="1 outputs, but 2 grad_outputs"):
        grad(y, x, [xp.ones(2), xp.ones(2)])
    assert x.grad is None
    y.backward(xp.ones(2, dtype=xp.float32, device=device))  # cast, as PyTorch
    assert x.grad.dtype == xp.float64


def test_what_is_no_tensor_or_requires_no_grad_is_refused():
    x = leaf(1.0)
    y = xp.sum(x * x)
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        xp.asarray([1.0]).backward()
    with pytest.raises(RuntimeError, match="requires_grad=True"):
        grad(y, xp.asarray(1.0))
    with pytest.raises(TypeError, match=r"inputs\[1\] is a int"):
        grad(y, [x, 3])
    with pytest.raises(TypeError, match=r"inputs\[0\] is a str"):
        y.backward(inputs=["x"])
    with pytest.raises(TypeError, match="output is a float"):
        grad(1.0, x)
    for call in (lambda: grad(y, []), lambda: grad([], x), lambda: backward([])):
        with pytest.raises(ValueError, match="at least one"):
            call()
    with pytest.raises(RuntimeError, match="inputs is empty"):
        y.backward(inputs=[])
    with pytest.raises(ValueError, match="is_grads_batched"):
        grad(y, x, is_grads_batched=True)


def test_only_floats_require_a_gradient():
    for dtype in (xp.int64, xp.bool, xp.uint8):
        with pytest.raises(RuntimeError, match="floating-point"):
            xp.asarray([1], dtype=dtype, requires_grad=True)
        with pytest.raises(RuntimeError, match="floating-point"):
            xp.asarray([1], dtype=dtype).requires_grad_()
    with pytest.raises(RuntimeError, match=r"detach\(\)"):
        (leaf(1.0) * 2).requires_grad_(False)
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    assert not xp.astype(x, xp.int64).requires_grad
    assert not (x > 1).requires_grad
    assert not xp.argmax(x).requires_grad


def test_requires_grad_can_be_taken_back_and_grad_stays():
    x = leaf(2.0)
    xp.sum(x * x).backward()
    x.requires_grad_(False)
    assert not (x * 2).requires_grad and float(x.grad[0]) == 4.0
    x.requires_grad = True
    xp.sum(x * x).backward()
    assert float(x.grad[0]) == 8.0


def test_assigning_grad():
    x = xp.asarray([1.0, 2.0])
    x.grad = xp.ones(2)
    assert not x.requires_grad and x.grad.numpy().tolist() == [1.0, 1.0]
    for wrong in (xp.ones(3), xp.ones(2, dtype=xp.float32), xp.ones(2, device="sim:0"), x):
        with pytest.raises(RuntimeError, match="grad"):
            x.grad = wrong
    with pytest.raises(TypeError, match="float"):
        x.grad = 1.0


def test_hooks_see_and_replace():
    x = leaf(1.0, 2.0)
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(g.numpy().tolist()))
    doubled = y.register_hook(lambda g: g * 2)
    xp.sum(y).backward()
    assert seen == [[1.0, 1.0]] and x.grad.numpy().tolist() == [6.0, 6.0]
    doubled.remove()
    doubled.remove()
    x.grad = None
    with x.register_hook(lambda g: g * 100):
        xp.sum(x * 1).backward()
    xp.sum(x * 1).backward()
    assert x.grad.numpy().tolist() == [101.0, 101.0]


def test_hooks_run_before_a_gradient_is_retained_or_captured():
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 5)
    assert y.retains_grad and not x.retains_grad
    xp.sum(y).backward(retain_graph=True)
    assert float(y.grad[0]) == 5.0
    assert float(grad(xp.sum(y), y)[0][0]) == 5.0


def test_hooks_of_nodes():
    x, w = leaf(1.0, 2.0), leaf(3.0)
    y = x * w
    seen = []
    y.grad_fn.register_prehook(lambda outs: (outs[0] * 2,))
    y.grad_fn.register_hook(lambda ins, outs: seen.append((len(ins), ins[1].shape, outs[0].shape)))
    y.grad_fn.register_hook(lambda ins, outs: (ins[0] * 10, ins[1]))
    xp.sum(y).backward()
    assert seen == [(2, (1,), (2,))]
    assert x.grad.numpy().tolist() == [60.0, 60.0] and w.grad.numpy().tolist() == [6.0]
    q, r = xp.linalg.qr(xp.asarray([[2.0, 1.0], [0.0, 1.0]], requires_grad=True))
    q.grad_fn.register_prehook(lambda outs: seen.append(outs[1]))
    xp.sum(q).backward()
    assert seen[-1] is None and r.requires_grad


def test_hooks_of_the_wrong_form_are_refused():
    x = leaf(1.0, 2.0)
    with pytest.raises(TypeError, match="allowed is a function"):
        x.register_hook(3)
    with pytest.raises(RuntimeError, match="does not require grad"):
        xp.asarray([1.0]).register_hook(print)
    with pytest.raises(RuntimeError, match="does not require grad"):
        xp.asarray([1.0]).retain_grad()
    for wrong in (xp.ones(3), 3):
        y = x * 2
        y.register_hook(lambda g, wrong=wrong: wrong)
        with pytest.raises(RuntimeError, match=r"hook.*\(2,\)"):
            xp.sum(y).backward()
    y = x * x
    y.grad_fn.register_hook(lambda ins, outs: ins[:1])
    with pytest.raises(RuntimeError, match="tuple of 2"):
        xp.sum(y).backward()


def test_post_accumulate_hooks():
    x = leaf(1.0)
    seen = []

    def step(tensor):
        seen.append(tensor is x and float(tensor.grad[0]))
        tensor.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    xp.sum(x * 2).backward()
    assert seen == [2.0] and x.grad is None
    handle.remove()
    xp.sum(x * 2).backward()
    assert float(x.grad[0]) == 2.0
    with pytest.raises(RuntimeError, match="not a leaf"):
        (x * 2).register_post_accumulate_grad_hook(step)


def test_detach():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = y.detach()
    assert not z.requires_grad and z.is_leaf
    assert np.shares_memory(z.numpy(), y.detach().numpy())
    xp.sum(y * z).backward()
    assert x.grad.numpy().tolist() == [4.0, 8.0]
    y = x * 2
    y.detach_()
    assert y.is_leaf and not y.requires_grad
    with pytest.raises(RuntimeError, match="view"):
        (x * 2)[:1].detach_()


def test_grad_modes():
    x = leaf(1.0)
    with xp.no_grad():
        assert not xp.is_grad_enabled() and not (x * 2).requires_grad
        with xp.enable_grad():
            assert (x * 2).requires_grad
        assert not xp.is_grad_enabled()
    with xp.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert xp.is_grad_enabled()
    xp.set_grad_enabled(False)
    assert not xp.is_grad_enabled()
    xp.set_grad_enabled(True)
    assert xp.is_grad_enabled()


def test_grad_modes_decorate():
    x = leaf(1.0)

    @xp.no_grad()
    def quiet(y):
        return (y * 2).requires_grad

    @xp.enable_grad()
    def loud(y):
        return (y * 2).requires_grad

    @xp.set_grad_enabled(False)
    def also_quiet(y):
        return (y * 2).requires_grad

    assert xp.is_grad_enabled()
    assert not quiet(x) and not also_quiet(x) and quiet.__name__ == "quiet"
    with xp.no_grad():
        assert loud(x)
    with pytest.raises(TypeError, match="generator"):

        @xp.no_grad()
        def numbers():
            yield 1


def test_a_scope_is_left_after_an_error_and_can_be_used_again():
    scope = xp.no_grad()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), scope:
            raise ZeroDivisionError
        assert xp.is_grad_enabled()
    with scope, scope:
        assert not xp.is_grad_enabled()
    assert xp.is_grad_enabled()


def test_grad_modes_decorate_without_parentheses_but_no_coroutine():
    @xp.no_grad
    def double(x):
        return x * 2

    assert not double(xp.asarray([1.0], requires_grad=True)).requires_grad
    assert xp.is_grad_enabled()
    with pytest.raises(TypeError, match="asynchronous"):

        @xp.enable_grad
        async def later():
            pass

    with pytest.raises(TypeError, match="no_grad: allowed is a function"):
        xp.no_grad(3)


def test_grad_mode_belongs_to_the_thread():
    found = []
    with xp.no_grad():
        thread = threading.Thread(target=lambda: found.append(xp.is_grad_enabled()))
        thread.start()
        thread.join()
    assert found == [True]


@pytest.mark.parametrize("make", [xp.no_grad, lambda: xp.set_grad_enabled(False)])
def test_a_scope_that_threads_share_keeps_their_modes_apart(make):
    scope, inside, leave, found = make(), threading.Event(), threading.Event(), []
    xp.set_grad_enabled(True)

    def work():
        with xp.enable_grad(), scope:
            found.append(xp.is_grad_enabled())
            inside.set()
            leave.wait(10)
        found.append(xp.is_grad_enabled())

    with xp.no_grad():
        with xp.enable_grad():
            thread = threading.Thread(target=work)
            thread.start()
            inside.wait(10)
        with scope:  # this thread's mode before it is off, the other's is on
            leave.set()
            thread.join()
        if make is xp.no_grad:
            assert not xp.is_grad_enabled()
    xp.set_grad_enabled(True)
    assert found == [False, True]


def test_a_generator_may_leave_its_scope_in_another_thread():
    def numbers():
        with xp.no_grad():
            yield xp.is_grad_enabled()

    iterator, found = numbers(), []

    def work():
        found.append(next(iterator))
        xp.set_grad_enabled(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False] and list(iterator) == [] and xp.is_grad_enabled()


def test_threads_run_backward_on_graphs_of_their_own():
    failures = []
    barrier = threading.Barrier(4)

    def work(seed):
        try:
            rng = np.random.default_rng(seed)
            barrier.wait()
            for _ in range(50):
                data = rng.normal(size=20)
                x = xp.asarray(data, requires_grad=True)
                y = x
                for _ in range(20):
                    y = xp.sin(y) * x
                g = grad(xp.sum(y), x, create_graph=True)[0]
                xp.sum(g * g).backward()
                forward = xp.autograd.jvp(lambda x: xp.sum(x**3), x.detach(), xp.ones(20))[1]
                np.testing.assert_allclose(float(forward), 3 * np.sum(data**2), rtol=1e-9)
                u = xp.asarray(data, requires_grad=True)
                xp.sum(u * u).backward()
                np.testing.assert_array_equal(u.grad.numpy(), 2 * data)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_thread_joins_a_graph_made_by_another():
    x = leaf(2.0)
    made = []
    thread = threading.Thread(target=lambda: made.append(xp.sum(x * x)))
    thread.start()
    thread.join()
    made[0].backward()
    assert float(x.grad[0]) == 4.0


def test_complex_gradients_point_to_the_steepest_ascent():
    z = xp.asarray([3 + 4j], requires_grad=True)
    xp.sum(xp.abs(z) ** 2).backward()
    assert complex(z.grad[0]) == 6 + 8j
    x = leaf(2.0)
    xp.sum(xp.imag(x * 1j * x)).backward()  # real inputs get real gradients
    assert x.grad.dtype == xp.float64 and float(x.grad[0]) == 4.0


def test_moving_casting_and_copying_keep_the_gradient(device):
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x.to(device)
    y = xp.asarray(y.astype(xp.float32), copy=True)
    y = xp.asarray([y[0], y[1]])
    xp.sum(y * y).backward()
    assert str(x.grad.device) == "cpu" and x.grad.numpy().tolist() == [2.0, 4.0]
    assert x.grad.dtype == xp.float64
