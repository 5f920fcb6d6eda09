"""`compile` joins small products of matrices: the same values and gradients, fewer products."""

from collections import Counter

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._compile.front import entry as tracing
from tensorxp._compile.native import build

needs_compiler = pytest.mark.skipif(bool(build.problem()), reason=build.problem())
BACKENDS = [pytest.param("native", marks=needs_compiler), "replay"]
STEPS, BATCH, UNITS = 6, 3, 5
sigmoid = xp.nn.functional.sigmoid


@pytest.fixture
def traced(monkeypatch):
    """Collect how often each operation is in the traces, forward and backward."""
    found = []

    def improved(trace):
        trace = original(trace)
        names = [step.op.name for step in trace.steps]
        found.append((Counter(names[: trace.forward_steps]), Counter(names[trace.forward_steps :])))
        return trace

    original = tracing.improved
    monkeypatch.setattr(tracing, "improved", improved)
    return found


def arrays(*shapes, dtype="float64"):
    r = np.random.default_rng(1)
    return [r.normal(size=shape).astype(dtype) * 0.5 for shape in shapes]


def lstm(x, w_in, w_hidden, bias):
    h = c = xp.zeros((x.shape[1], UNITS), dtype=x.dtype)
    outs = []
    for t in range(x.shape[0]):
        z = x[t] @ w_in.T + h @ w_hidden.T + bias
        i, f, g, o = (z[:, j * UNITS : (j + 1) * UNITS] for j in range(4))
        c = sigmoid(f) * c + sigmoid(i) * xp.tanh(g)
        h = sigmoid(o) * xp.tanh(c)
        outs.append(h)
    return xp.stack(outs)


def batch_first(x, w_in, w_hidden, bias):
    return lstm(xp.permute_dims(x, (1, 0, 2)), w_in, w_hidden, bias)


def rnn(x, w_in, w_hidden, bias):
    h = xp.zeros((x.shape[1], w_hidden.shape[0]), dtype=x.dtype)
    for t in reversed(range(x.shape[0])):
        h = xp.tanh(x[t] @ w_in + h @ w_hidden + bias)
    return h


def two_layers(x, w_in, w_hidden, bias):
    """The second layer's inputs are known only after the first layer; both share the weights."""
    first = [xp.tanh(x[t] @ w_in + bias) for t in range(x.shape[0])]
    return xp.stack([xp.tanh(h @ w_in + first[0] @ w_hidden) for h in first])


def crossed(x, w_in, w_hidden, bias):
    """Each of two weights multiplies what the other made: joined, either would wait for both."""
    a, b = x[0], x[1]
    for _ in range(5):
        a, b = xp.tanh(b @ w_in), xp.tanh(a @ w_hidden + bias)
        a, b = xp.tanh(b @ w_hidden), xp.tanh(x[2] @ w_in) + a
    return a + b


def columns(x, w_in, w_hidden, bias):
    """Products from the left, of what is transposed or not, and a sum that holds other things."""
    total = w_in * 2
    for t in range(x.shape[0]):
        total = total + x[t].T @ (x[t] @ w_hidden) + (w_in @ x[t].T) @ x[t]
    return total + bias


def large(x, w_in, w_hidden, bias):
    """Sums whose joining would cost more than it saves are left alone."""
    return sum([(x[t] @ x[t].T) @ x[t] @ w_in for t in range(x.shape[0])], bias * w_hidden[0])


def left_out(x, w_in, w_hidden, bias):
    """The first sum stays, for its last term; the second joins what it would have joined."""
    xs = [x[t].T for t in range(4)]
    first = sum([a @ x[t + 1] for t, a in enumerate(xs[1:], 1)], xs[0] @ x[1]) + w_in @ w_hidden
    return first @ sum([a @ xp.tanh(x[t]) for t, a in enumerate(xs[1:], 1)], xs[0] @ x[5]) + bias


def repeated(x, w_in, w_hidden, bias):
    """Matrices that are joined with one of them twice, and sums over each of them once."""
    a, b, c, d = (xp.sin(x[t]) for t in range(4))
    rows = [xp.tanh(y @ w_in) for y in (a, a, b, c, d)]
    outer = x[0].T @ a + x[1].T @ a + x[2].T @ b + x[3].T @ c + x[4].T @ d
    once = a.T @ x[4] + b.T @ x[3] + c.T @ x[1] + d.T @ x[0]
    return sum(rows) @ (once + w_hidden) @ outer + bias


WIDE = (STEPS, BATCH, UNITS), (4 * UNITS, UNITS), (4 * UNITS, UNITS), (4 * UNITS,)
SQUARE = (STEPS, BATCH, UNITS), (UNITS, UNITS), (UNITS, UNITS), (UNITS,)
FUNCTIONS = {
    lstm: WIDE, batch_first: ((BATCH, STEPS, UNITS), *WIDE[1:]), rnn: SQUARE, two_layers: SQUARE,
    crossed: SQUARE, columns: SQUARE, large: SQUARE, left_out: SQUARE, repeated: SQUARE,
}  # fmt: skip


def gradients(fn, given, needs=(True,) * 4):
    tensors = [xp.asarray(a, requires_grad=n) for a, n in zip(given, needs, strict=True)]
    out = fn(*tensors)
    xp.sum(xp.real(out * xp.cos(out.detach()))).backward()
    grads = [x.grad for x, n in zip(tensors, needs, strict=True) if n]
    return [x.numpy() for x in (out.detach(), *grads)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fn", FUNCTIONS, ids=lambda fn: fn.__name__)
def test_values_and_gradients_are_the_functions(fn, dtype, backend):
    compiled = xp.compile(fn, backend=backend)
    given = arrays(*FUNCTIONS[fn], dtype=dtype)
    for needs in ((True,) * 4, (False, True, True, True), (False, False, True, False)):
        found, wanted = (gradients(f, given, needs) for f in (compiled, fn))
        for ours, theirs in zip(found, wanted, strict=True):
            assert ours.dtype == theirs.dtype == np.dtype(dtype)
            scale = np.abs(theirs).max() * (1e-5 if dtype == "float32" else 1e-13)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=scale)
    plain = [xp.asarray(a) for a in given]
    np.testing.assert_allclose(compiled(*plain).numpy(), fn(*plain).numpy(), rtol=1e-3, atol=1e-6)
    assert compiled.reason is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_complex_products(backend):
    real, imaginary = arrays(*SQUARE), arrays(*SQUARE[::-1])[::-1]
    given = [a + 1j * b for a, b in zip(real, imaginary, strict=True)]
    for ours, theirs in zip(
        gradients(xp.compile(rnn, backend=backend), given), gradients(rnn, given), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_a_loop_over_time_has_few_products(traced):
    gradients(xp.compile(lstm), arrays(*WIDE))
    forward, backward = traced[0]
    assert forward["matmul"] == 1 + STEPS  # the inputs' at once, and one of each step
    assert backward["matmul"] == STEPS - 1 + 3  # of the steps, of two weights and of the inputs
    assert not forward["concat"]  # the inputs lie in order
    assert backward["concat"] == 3  # the gates' cotangents are joined once for all three
    gradients(xp.compile(lstm), arrays(*WIDE), (False, True, True, True))
    assert traced[1][1]["matmul"] == STEPS - 1 + 2
    assert traced[1][1]["concat"] == 2  # and now in the order in which the inputs lie


def test_a_weight_that_is_used_few_times_is_left_alone(traced):
    gradients(xp.compile(lambda *args: lstm(args[0][:3], *args[1:])), arrays(*WIDE))
    forward, backward = traced[0]
    assert forward["matmul"] == 6
    assert not backward["concat"]


def test_products_that_are_returned_stay(traced):
    compiled = xp.compile(lambda x, w: [x[t] @ w for t in range(5)])
    x, w = (xp.asarray(a) for a in arrays((5, 3, 4), (4, 4)))
    outs = compiled(x, w)
    assert traced[0][0]["matmul"] == 5
    outs[0] += 1
    for t in range(1, 5):
        np.testing.assert_allclose(outs[t].numpy(), (x[t] @ w).numpy(), rtol=1e-13)


def test_the_layer_is_two_operations(traced):
    model = xp.nn.LSTM(4, 5, num_layers=2, bidirectional=True, dtype=xp.float64)
    x = xp.asarray(arrays((7, 3, 4))[0], requires_grad=True)
    parameters = list(model.parameters())

    def loss():
        out, (h, c) = model(x)
        return xp.sum(out * out) + xp.sum(h * c)

    compiled = xp.compile(loss)
    wanted = xp.autograd.grad(loss(), [x, *parameters])
    found = xp.autograd.grad(compiled(), [x, *parameters])
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-13)
    assert traced[0][0]["lstm"] == traced[0][1]["lstm_vjp"] == 4
    assert compiled.reason is None


def test_the_layer_under_jvp_and_second_derivatives():
    model = xp.nn.LSTM(4, 5, dtype=xp.float64)
    x, t = (xp.asarray(a) for a in arrays((6, 3, 4), (6, 3, 4)))

    def loss(x):
        return xp.sum(model(x)[0] ** 2)

    compiled = xp.compile(loss)
    for transform in (
        lambda f: xp.autograd.jvp(f, (x,), (t,))[1],
        lambda f: xp.autograd.hvp(f, x, t)[1],
        lambda f: xp.autograd.jvp(lambda x: _gradient(f, x), (x,), (t,))[1],
    ):
        found, wanted = transform(compiled).detach(), transform(loss).detach()
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-9, atol=1e-12)


def _gradient(f, x):
    x = x if x.requires_grad else x.detach().requires_grad_()
    return xp.autograd.grad(f(x), x, create_graph=True)[0]


def _definite(x):
    return x @ x.mT + 2 * xp.eye(x.shape[-1], dtype=x.dtype)


DECOMPOSED = {
    "cholesky": lambda x: xp.linalg.cholesky(_definite(x)),
    "inv": lambda x: xp.linalg.inv(_definite(x)),
    "solve": lambda x: xp.linalg.solve(_definite(x), x),
    "eigh": lambda x: xp.linalg.eigh(_definite(x)).eigenvalues,
    "svd": lambda x: xp.linalg.svd(x, full_matrices=False).S,
    "qr": lambda x: xp.linalg.qr(x).R,
    "det": lambda x: xp.linalg.det(_definite(x)),
    "slogdet": lambda x: xp.linalg.slogdet(_definite(x)).logabsdet,
    "softmax_cross_entropy": lambda x: xp.nn.functional.cross_entropy(x, xp.arange(len(x)) % 4),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", DECOMPOSED)
def test_rules_that_stay_whole(name, backend, traced):
    fn, data = DECOMPOSED[name], arrays((4, 4))[0]
    compiled = xp.compile(fn, backend=backend)
    for scale in (1, 2):
        for ours, theirs in zip(
            gradients(compiled, [data * scale], (True,)), gradients(fn, [data * scale], (True,)),
            strict=True,
        ):  # fmt: skip
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    assert traced[0][1][f"{name}_vjp"] == 1
    assert compiled.reason is None


@pytest.mark.parametrize("name", ["cholesky", "solve", "eigh"])
def test_derivatives_of_gradients_inside_a_trace(name, traced):
    x, t = (xp.asarray(a) for a in arrays((4, 4), (4, 4)))

    def slope(x, create=False):
        x = x if x.requires_grad else x.detach().requires_grad_()
        return xp.autograd.grad(xp.sum(DECOMPOSED[name](x) ** 2), x, create_graph=create)[0]

    def forward_over_reverse(x, t):
        return xp.autograd.hvp(lambda x: xp.sum(DECOMPOSED[name](x) ** 2), x, t)[1]

    def twice(x, t):
        x = x.detach().requires_grad_()
        return xp.autograd.grad(xp.sum(slope(x, True) * t), x)[0]

    for fn in (lambda x, t: slope(x) * t, forward_over_reverse, twice):
        np.testing.assert_allclose(
            xp.compile(fn)(x, t).numpy(), fn(x, t).numpy(), rtol=1e-8, atol=1e-10
        )


def test_hooks_of_parameters_run_once():
    model = xp.nn.LSTM(4, 5, dtype=xp.float64)
    x = xp.asarray(arrays((6, 3, 4))[0], requires_grad=True)
    seen = []
    model.weight_hh_l0.register_hook(lambda ct: seen.append(ct.shape))
    model.weight_ih_l0.register_hook(lambda ct: ct * 2)
    x.register_hook(lambda ct: ct * 3)

    def loss(x):
        return xp.sum(model(x)[0] ** 2)

    compiled = xp.compile(loss)
    found = []
    for fn in (loss, compiled, compiled):
        model.zero_grad()
        x.grad = None
        fn(x).backward()
        found.append([model.weight_ih_l0.grad.numpy().copy(), x.grad.numpy().copy()])
        found.append(xp.autograd.grad(fn(x), [model.weight_ih_l0, x], create_graph=True))
    assert seen == [(20, 5)] * 3
    for got in found[1:]:
        for ours, theirs in zip(got, found[0], strict=True):
            ours = ours.detach().numpy() if isinstance(ours, xp.Tensor) else ours
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-14)


def test_numbers_alike_multiply_as_a_sum():
    ones, x = xp.ones(3000), arrays((3000, 7))[0]

    def fn(x):
        return (
            ones @ x + (xp.full((2, 3000), 0.5) @ x)[1] + (x.T @ ones) + (x.T @ ones[:, None])[:, 0]
        )

    found, wanted = (gradients(f, [x], (True,)) for f in (xp.compile(fn), fn))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 4, 5, 13, 32])
@pytest.mark.parametrize(("inner", "columns"), [(9, 64), (40, 130), (128, 15), (33, 33)])
def test_packed_products(rows, inner, columns, dtype):
    a, b = arrays((rows + 2, inner + 3), (columns, inner), dtype=dtype)

    def fn(a, b):
        part = a[1 : rows + 1, 2 : inner + 2]
        return xp.tanh(part @ b.T) + 2 * (xp.exp(part) @ xp.flip(b, axis=1).T)

    found, wanted = (
        gradients(f, [a, b], (True, True)) for f in (xp.compile(fn, backend="native"), fn)
    )
    for ours, theirs in zip(found, wanted, strict=True):
        scale = np.abs(theirs).max() * (1e-5 if dtype == "float32" else 1e-13)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=scale)
