"""`compile`: the same values and gradients as the function, replayed; and what it leaves alone."""

import numpy as np
import pytest

import tensorxp as xp

BACKENDS = ("auto", "replay")


def _chain(x):
    y = x
    for _ in range(5):
        y = xp.sin(y * 1.5 + x) - x / 3
    return y


def _cross_entropy(logits, labels):
    top = xp.max(logits, axis=1, keepdims=True)
    log_sum = xp.log(xp.sum(xp.exp(logits - top), axis=1)) + top[:, 0]
    return xp.mean(log_sum - logits[xp.arange(labels.shape[0]), labels])


def _writes(x):
    z = xp.zeros(x.shape[0])
    z[1:] = x[:-1] * 2
    z += x
    v = z[::2]
    v *= x[::2]
    return z * x


def _decomposes(x):
    a = xp.reshape(x, (2, 3))
    s = xp.linalg.svd(a, full_matrices=False).S
    sign, logabs = xp.linalg.slogdet(a @ a.mT)
    return s * logabs + sign


def _views(x):
    a = xp.reshape(x, (2, 3)).T
    b = xp.broadcast_to(a[:, :1], (3, 2))
    return xp.concat([a * 2, xp.flip(b + 1, axis=0)], axis=0) ** 2


FUNCTIONS = [_chain, _writes, _decomposes, _views]


def _gradient(fn, data):
    x = xp.asarray(data, requires_grad=True)
    out = fn(x)
    xp.sum(out * xp.cos(out.detach())).backward()
    return out.detach(), x.grad


@pytest.mark.parametrize("fn", FUNCTIONS)
def test_values_and_gradients_are_the_functions(fn):
    compiled = xp.compile(fn)
    for seed in range(3):
        data = np.random.default_rng(seed).uniform(0.5, 1.5, 6)
        for ours, theirs in zip(_gradient(compiled, data), _gradient(fn, data), strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
        plain = xp.asarray(data)
        np.testing.assert_allclose(compiled(plain).numpy(), fn(plain).numpy(), rtol=1e-12)
    assert compiled.reason is None


def test_indices_that_are_arguments_are_not_frozen():
    compiled = xp.compile(_cross_entropy)
    for seed in range(3):
        generator = np.random.default_rng(seed)
        labels = xp.asarray(generator.integers(0, 3, 4))
        data = generator.normal(size=(4, 3))
        grads = []
        for fn in (compiled, _cross_entropy):
            logits = xp.asarray(data, requires_grad=True)
            fn(logits, labels).backward()
            grads.append(logits.grad.numpy())
        np.testing.assert_allclose(grads[0], grads[1], rtol=1e-12)
    assert compiled.reason is None


def test_it_is_traced_once_for_each_signature():
    def fn(x, scale=1.0):
        return x * scale

    compiled = xp.compile(fn)
    for _ in range(3):
        compiled(xp.ones(3))
    compiled(xp.ones(4))
    compiled(xp.ones(3), scale=2.0)
    compiled(xp.ones(3, dtype=xp.float32))
    assert compiled.explain().count(": compiled") == 4
    assert float(compiled(xp.ones(3), scale=2.0)[0]) == 2.0


def test_parameters_from_outside_are_read_at_each_call_and_get_gradients():
    w = xp.asarray([2.0], requires_grad=True)
    compiled = xp.compile(lambda x: xp.sum(w * x))
    x = xp.asarray([1.0, 2.0])
    for value in (2.0, 5.0):
        with xp.no_grad():
            w[0] = value
        w.grad = None
        out = compiled(x)
        out.backward()
        assert float(out) == 3 * value
        assert w.grad.tolist() == [3.0]
    assert compiled.reason is None


def test_structures_go_in_and_come_out():
    compiled = xp.compile(lambda d, pair: {"sum": d["a"] + pair[0], "rest": (pair[1] * 2, "text")})
    for value in (1.0, 2.0):
        out = compiled({"a": xp.asarray(value)}, [xp.asarray(2.0), xp.asarray(3.0)])
        assert float(out["sum"]) == value + 2
        assert float(out["rest"][0]) == 6.0
        assert out["rest"][1] == "text"


def test_gradients_inside_are_replayed():
    compiled = xp.compile(xp.autograd.value_and_grad(lambda x: xp.sum(xp.exp(x) * x)))
    for seed in range(2):
        x = xp.asarray(np.random.default_rng(seed).normal(size=4))
        value, grad = compiled(x)
        np.testing.assert_allclose(grad.numpy(), (xp.exp(x) * (x + 1)).numpy(), rtol=1e-12)
        assert not value.requires_grad
    assert compiled.reason is None


def test_second_derivatives_and_forward_mode_go_through():
    compiled = xp.compile(lambda x: xp.sum(x**4))
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    for _ in range(2):
        (g,) = xp.autograd.grad(compiled(x), x, create_graph=True)
        (h,) = xp.autograd.grad(xp.sum(g), x)
        np.testing.assert_allclose(h.numpy(), [12.0, 48.0])
    _, t = xp.autograd.jvp(compiled, (x.detach(),), (xp.ones(2),))
    assert float(t) == 36.0


def test_two_calls_before_backward_do_not_share_their_values():
    compiled = xp.compile(_chain)
    xs = [xp.asarray([0.1, 0.2], requires_grad=True), xp.asarray([1.1, 1.2], requires_grad=True)]
    outs = [compiled(x) for x in xs]
    for x, out in zip(xs, outs, strict=True):
        xp.sum(out).backward()
        other = x.detach().requires_grad_(True)
        xp.sum(_chain(other)).backward()
        np.testing.assert_allclose(x.grad.numpy(), other.grad.numpy(), rtol=1e-12)


def _branches(x):
    return x if xp.sum(x) > 0 else -x


def _draws(x):
    return x * xp.random.normal(shape=(2,))


def _writes_to_argument(x):
    x += 1
    return x


def _shrinks(x):
    return x[x > 0]


def _calls_backward(x):
    y = x.detach().requires_grad_(True)
    xp.sum(y * y).backward()
    return y.grad


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        (_branches, "reads the values"),
        (_draws, "random"),
        (_writes_to_argument, "writes to an argument"),
        (_shrinks, "depends on values"),
        (_calls_backward, "reads 'grad'"),
    ],
)
def test_what_cannot_be_traced_runs_as_it_is(fn, reason):
    compiled = xp.compile(fn)
    for data in ([1.0, 2.0], [-1.0, -2.0], [1.0, -2.0]):
        xp.random.manual_seed(0)
        ours = compiled(xp.asarray(data))
        xp.random.manual_seed(0)
        assert ours.tolist() == fn(xp.asarray(data)).tolist()
    assert reason in compiled.reason


def test_a_write_to_a_tensor_from_outside_happens_once_a_call():
    count = xp.zeros(1)

    def fn(x):
        count[0] = count[0] + 1
        return x + count

    compiled = xp.compile(fn)
    for i in range(1, 4):
        assert float(compiled(xp.zeros(1))[0]) == i
    assert "outside" in compiled.reason


def test_bad_input():
    with pytest.raises(TypeError, match="compile: fn is a int"):
        xp.compile(3)


def test_equal_arguments_of_several_types_are_several_signatures():
    compiled = xp.compile(lambda x, n: x * n)
    x = xp.asarray([1, 2])
    assert compiled(x, 1).dtype == xp.int64
    assert compiled(x, 1.0).dtype == xp.float64
    assert xp.signbit(compiled(xp.asarray(1.0), -0.0)) and not xp.signbit(
        compiled(xp.asarray(1.0), 0.0)
    )


def test_an_array_that_is_given_twice_at_first_is_not_taken_for_one():
    w = xp.asarray([1.0, 2.0])
    scaled = xp.compile(lambda x: x * w)
    scaled(w)
    assert scaled(xp.asarray([10.0, 10.0])).tolist() == [10.0, 20.0]
    difference = xp.compile(lambda x, i, j: x[i] - x[j])
    x, i = xp.asarray([1.0, 2.0, 3.0]), xp.asarray([0, 1])
    difference(x, i, i)
    assert difference(x, xp.asarray([0, 0]), xp.asarray([2, 2])).tolist() == [-2.0, -2.0]


def test_writing_to_a_constant_that_was_returned_changes_no_later_call():
    compiled = xp.compile(lambda x: (x * 2, xp.reshape(xp.zeros(4), (2, 2))))
    for _ in range(3):
        zeros = compiled(xp.ones(2))[1]
        assert zeros.tolist() == [[0.0, 0.0], [0.0, 0.0]]
        zeros += 1


def test_what_the_trace_took_from_outside_may_change():
    w = xp.asarray([3.0])
    compiled = xp.compile(lambda x: xp.sum(x * w))
    x = xp.asarray([1.0])
    assert not compiled(x).requires_grad
    w.requires_grad_(True)
    compiled(x).backward()
    assert w.grad.tolist() == [1.0]
    linear = xp.nn.Linear(2, 2)
    step = xp.compile(linear)
    assert step(xp.ones((1, 2), dtype=xp.float32)).dtype == xp.float32
    linear.double()
    assert step(xp.ones((1, 2), dtype=xp.float32)).dtype == xp.float64


def test_a_result_from_outside_keeps_its_history():
    w = xp.asarray([3.0], requires_grad=True)
    doubled = w * 2
    compiled = xp.compile(lambda x: xp.sum(x * doubled))
    compiled(xp.asarray([1.0])).backward()
    assert w.grad.tolist() == [2.0]
    assert "result of an operation" in compiled.reason


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_module_that_goes_to_training_is_traced_again(wrapped):
    model = xp.nn.Sequential(xp.nn.Linear(4, 4), xp.nn.Dropout(1.0)).eval()
    compiled = xp.compile((lambda x: model(x)) if wrapped else model)
    x = xp.ones((2, 4), dtype=xp.float32)
    assert bool(xp.any(compiled(x) != 0))
    model.train()
    assert bool(xp.all(compiled(x) == 0))


def test_a_returned_argument_or_view_of_one_is_the_functions():
    compiled = xp.compile(lambda x: x[0])
    x = xp.asarray([[1.0, 2.0], [3.0, 4.0]])
    y = compiled(x)
    y += 10
    assert x[0].tolist() == [11.0, 12.0] and x.version == 1
    assert "view" in compiled.reason


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("copy", [lambda x: xp.asarray(x, copy=True), xp.positive, xp.conj])
def test_a_view_of_a_copy_has_memory_of_its_own(copy, backend):
    w = xp.ones((2, 3))
    compiled = xp.compile(lambda x: (copy(x)[0], copy(w).T, copy(copy(x))[0]), backend=backend)
    x = xp.zeros((2, 3))
    for _ in range(2):
        outs = compiled(x)
        for i, y in enumerate(outs):
            y += i + 1
        assert compiled.reason is None and not xp.any(x) and xp.all(w == 1)
        assert [float(xp.max(y)) for y in outs] == [1, 3, 3]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [3, 60])
def test_a_write_to_a_view_of_what_backward_needs_raises(n, backend):
    compiled = xp.compile(lambda x: xp.exp(xp.sinh(xp.tan(x))).T[1:], backend=backend)
    y = compiled(xp.full((n, n), 0.5, requires_grad=True))
    with xp.no_grad():
        y *= 2
    with pytest.raises(RuntimeError, match="in-place"):
        xp.sum(y).backward()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "hook", [lambda c: xp.astype(c, xp.float32), lambda c: xp.astype(c, xp.complex128) * (1 + 2j)]
)
def test_hooks_that_change_the_dtype_of_a_cotangent(hook, backend):
    compiled = xp.compile(lambda x: (xp.sin(x), x * x), backend=backend)
    x = xp.linspace(0, 1, 1000, dtype=xp.float64, requires_grad=True)
    y, z = compiled(x)
    y.register_hook(hook)
    z.grad_fn.register_prehook(lambda cts: (cts[0], cts[1][:1]))
    xp.sum(y + z).backward()
    wanted = xp.cos(x.detach()) + 2 * x.detach()
    np.testing.assert_allclose(x.grad.numpy(), wanted.numpy(), rtol=1e-6)


@pytest.mark.parametrize("which", ["argument", "output", "outside"])
def test_a_write_to_what_backward_needs_raises(which):
    w = xp.asarray([2.0], requires_grad=True)
    x = xp.asarray([1.0], requires_grad=True) * 1
    compiled = xp.compile(lambda x: xp.exp(x * x) * w if which != "output" else xp.exp(x))
    y = compiled(x)
    with xp.no_grad():
        {"argument": x, "output": y, "outside": w}[which][0] = 5.0
    with pytest.raises(RuntimeError, match="in-place"):
        xp.sum(y).backward()


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x * 2 if xp.allclose(x, xp.ones(1)) else x * 3,
        lambda x: xp.from_numpy(np.from_dlpack(x) * 2),
        lambda x: xp.quantile(xp.arange(10.0), x / 10),
    ],
)
def test_values_that_leave_for_python_are_not_frozen(fn):
    compiled = xp.compile(fn)
    for value in (1.0, 2.0, 3.0):
        assert compiled(xp.asarray([value])).tolist() == fn(xp.asarray([value])).tolist()
    assert "reads the values" in compiled.reason or "from_dlpack" in compiled.reason


class _Cube(xp.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, ct):
        return ct * 3 * ctx.saved_tensors[0] ** 2


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        (lambda x: xp.sum(_Cube.apply(x)), "autograd.Function"),
        (lambda x: xp.sum(xp.autograd.checkpoint(lambda v: xp.sin(v) * v, x)), "checkpoint"),
    ],
)
def test_gradients_that_a_trace_would_freeze(fn, reason):
    compiled = xp.compile(fn)
    for data in ([1.0, 2.0], [5.0, 6.0]):
        ours, theirs = (xp.asarray(data, requires_grad=True) for _ in range(2))
        compiled(ours).backward()
        fn(theirs).backward()
        assert ours.grad.tolist() == theirs.grad.tolist()
    assert reason in compiled.reason


def test_an_argument_that_is_set_to_require_grad_and_a_new_default_dtype():
    compiled = xp.compile(lambda x: x.requires_grad_() * xp.ones(2))
    for _ in range(2):
        assert compiled(xp.ones(2)).requires_grad
    zeros = xp.compile(lambda x: x + xp.zeros(2))
    x = xp.asarray(1.0, dtype=xp.float32)
    assert zeros(x).dtype == xp.float64
    xp.set_default_dtype(xp.float32)
    try:
        assert zeros(x).dtype == xp.float32
    finally:
        xp.set_default_dtype(xp.float64)


def test_a_parameter_that_is_replaced_is_the_new_one():
    layer = xp.nn.Linear(2, 1, bias=False)
    compiled = xp.compile(lambda x: layer(x))
    x = xp.ones((1, 2), dtype=xp.float32)
    compiled(x)
    layer.weight = xp.nn.Parameter(xp.zeros((1, 2), dtype=xp.float32))
    assert compiled(x).tolist() == [[0.0]]


def _root_then_view(x):
    y = x * 1
    z = y[::2]
    y += 1
    return z * x[::2]


def _view_then_root(x):
    y = x * 1
    y[..., ::2] *= 2
    return y * x


def _view_of_view(x):
    y = x * 1
    z = y[1:]
    q = z[::-1]
    y[1:3] = q[:2]
    return z * q


def _sums(x):
    y = xp.zeros_like(x)
    for k in range(4):
        y[k : k + 1] += x[k] * k
        y[:k] *= 2
    return y


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("fn", [_root_then_view, _view_then_root, _view_of_view, _sums])
def test_a_view_has_what_was_written_to_its_memory_later(fn, backend):
    compiled = xp.compile(fn, backend=backend)
    for data in ([1.0, 2.0, 3.0, 4.0], [5.0, 7.0, -1.0, 2.0]):
        ours, theirs = (xp.asarray(data, requires_grad=True) for _ in range(2))
        assert compiled(ours.detach()).tolist() == fn(theirs.detach()).tolist()
        out, expected = compiled(ours), fn(theirs)
        assert out.tolist() == expected.tolist()
        xp.sum(out * out).backward()
        xp.sum(expected * expected).backward()
        assert ours.grad.tolist() == theirs.grad.tolist()
    assert compiled.reason is None


def test_a_view_as_an_index_after_a_write_is_left_alone():
    def fn(x):
        i = xp.astype(x, xp.int64) - 1
        v = i[1:]
        i[...] = 0
        return (x * 2)[v]

    compiled = xp.compile(fn)
    x = xp.asarray([1.0, 2.0, 3.0])
    assert compiled(x).tolist() == fn(x).tolist() == [2.0, 2.0]
    assert "index after a write" in compiled.reason


def test_parts_and_hooks_of_a_module_that_are_replaced():
    class Model(xp.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = xp.nn.ModuleList([xp.nn.Linear(3, 3) for _ in range(2)])
            self.head = xp.nn.Linear(3, 2)

        def forward(self, x):
            for layer in self.layers:
                x = xp.tanh(layer(x))
            return self.head(x)

    model = Model()
    compiled = xp.compile(model)
    x = xp.ones((2, 3), dtype=xp.float32)

    def agree():
        return bool(xp.allclose(compiled(x), model(x), rtol=1e-5))

    assert agree()
    model.head = xp.nn.Linear(3, 4)
    assert agree()
    model.layers[1] = xp.nn.Linear(3, 3)
    assert agree()
    model.layers.append(xp.nn.Linear(3, 3))
    assert agree()
    with model.head.register_forward_hook(lambda module, args, out: out * 2):
        assert agree()
    assert agree()
    assert compiled.reason is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_tensor_from_outside_that_gets_other_memory_before_backward(backend):
    layer = xp.nn.Linear(3, 3, bias=False)

    def fn(x):
        return xp.sum(xp.sin(x * layer.weight))

    grads = []
    for f in (fn, xp.compile(fn, backend=backend)):
        x = xp.ones((3, 3), dtype=xp.float32, requires_grad=True)
        out = f(x)
        layer.to(xp.float64)  # backward goes on with what was read
        out.backward()
        grads.append(x.grad.numpy())
        layer.to(xp.float32)
    np.testing.assert_allclose(grads[0], grads[1], rtol=1e-5)


def test_numbers_of_numpy_as_arguments():
    compiled = xp.compile(lambda x, s: xp.copysign(x, xp.asarray(float(s))))
    x = xp.ones(1)
    for number in (0.0, -0.0, 1.5):
        for kind in (np.float64, np.float32):
            expected = float(np.copysign(1.0, number))
            assert compiled(x, kind(number)).tolist() == [expected]


def test_calls_beyond_the_most_signatures_run_as_written():
    compiled = xp.compile(lambda x, k: x * k, backend="replay")
    x = xp.ones(1)
    for k in range(260):
        assert compiled(x, k).tolist() == [k]
    assert "signatures" in compiled.reason
    assert compiled.explain().count(": compiled") == 256
    assert compiled(x, 3).tolist() == [3]
    assert compiled(x, 259).tolist() == [259]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "options",
    [{}, {"reduction": "none"}, {"ignore_index": 1}, {"label_smoothing": 0.1}, {"weight": True}],
)
def test_cross_entropy_is_traced_and_checks_its_targets_at_each_call(backend, options):
    if "weight" in options:
        options = {"weight": xp.asarray([0.5, 1.0, 2.0]), "ignore_index": 1}
    fn = xp.nn.functional.cross_entropy
    compiled = xp.compile(lambda x, y: xp.sum(fn(x, y, **options)), backend=backend)
    generator = np.random.default_rng(0)
    for _ in range(3):
        data = generator.standard_normal((5, 3))
        ours, theirs = (xp.asarray(data, requires_grad=True) for _ in range(2))
        target = xp.asarray(generator.permutation([0, 1, 2, 2, 0]))
        out, expected = compiled(ours, target), xp.sum(fn(theirs, target, **options))
        out.backward()
        expected.backward()
        assert xp.allclose(out.detach(), expected.detach())
        assert xp.allclose(ours.grad, theirs.grad)
    assert compiled.reason is None
    for wrong in (3, -1):
        target[2] = wrong
        with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds"):
            compiled(ours, target)


def _flipped(x):
    return xp.flip(x) * 1, xp.cos(x) + xp.flip(x * 2), xp.flip(x, axis=()) - 1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", [(), (1,), (3,)])
def test_views_of_tensors_without_axes(shape, backend):
    compiled = xp.compile(_flipped, backend=backend)
    for number in (0.5, 2.0):
        x = xp.full(shape, number, requires_grad=True)
        outs, expected = compiled(x), _flipped(x)
        assert all(
            a.shape == b.shape and xp.allclose(a, b) for a, b in zip(outs, expected, strict=True)
        )
        slope, right = (xp.autograd.grad([xp.sum(y) for y in ys], x)[0] for ys in (outs, expected))
        assert xp.allclose(slope, right)
    assert compiled.reason is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_inputs_of_outputs_that_are_not_used_have_no_gradient(backend):
    weight = xp.ones(2, requires_grad=True)

    def fn(x, y):
        return x * 2, y * weight, xp.sum(x * y), x > 0

    def gradients(f, used):
        x, y = (xp.asarray(data, requires_grad=True) for data in ([1.0, 2.0], [3.0, 4.0]))
        outs = f(x, y)
        total = sum(xp.sum(outs[i]) for i in used)
        found = []
        for again in (False, True):
            grads = xp.autograd.grad(
                total, [x, y, weight], create_graph=again, retain_graph=True, allow_unused=True
            )
            found.append([None if g is None else g.tolist() for g in grads])
        total.backward()
        return found, [None if t.grad is None else t.grad.tolist() for t in (x, y)]

    compiled = xp.compile(fn, backend=backend)
    for used in ((0,), (1,), (2,), (0, 1), (0, 1, 2), (0,)):
        assert gradients(compiled, used) == gradients(fn, used)
    assert compiled.reason is None


def test_methods_are_traced_bound_and_unbound():
    def methods(x, p):
        return (xp.Tensor.exp(x) if hasattr(xp.Tensor, "exp") else x).sum() + p.abs().mean()

    compiled = xp.compile(methods, fullgraph=True)
    x, p = xp.asarray([1.0, 2.0], requires_grad=True), xp.nn.Parameter(xp.ones(3))
    assert float(compiled(x, p)) == pytest.approx(float(methods(x, p)))
    compiled(x, p).backward()
    assert x.grad is not None and p.grad is not None
