"""Forward mode: `jvp`, nested in itself and in reverse mode in any order."""

import threading
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import grad, hvp, jvp, value_and_grad

X = np.array([0.3, 0.5, -0.7])
V = np.array([1.0, -2.0, 0.5])


def of(array):
    return xp.asarray(array)


def gradient(fn):
    return lambda x: value_and_grad(fn)(x)[1]


def derivative(fn):
    return lambda x: jvp(fn, x, xp.ones_like(x))[1]


def close(found, expected):
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-12)


def test_value_and_tangent():
    out, tangent = jvp(lambda x: xp.sin(x) * x, of(X), of(V))
    close(out, np.sin(X) * X)
    close(tangent, (np.cos(X) * X + np.sin(X)) * V)
    assert not out.requires_grad and not tangent.requires_grad


def test_several_inputs_and_outputs():
    outs, tangents = jvp(lambda x, y: (x * y, xp.sum(y), x + 1), (of(X), of(V)), (of(V), None))
    assert [t.shape for t in tangents] == [(3,), (), (3,)]
    close(tangents[0], V * V)
    close(tangents[1], 0.0)
    close(outs[2], X + 1)


def test_dependence_by_closure_and_constants():
    x = of(X)
    _, tangent = jvp(lambda y: x * y + 3.0, x, of(V))
    close(tangent, X * V)
    _, tangent = jvp(lambda y: xp.asarray(2.0), x, of(V))
    close(tangent, 0.0)
    _, tangent = jvp(lambda y: xp.argmax(y), x, of(V))
    close(tangent, 0)


def test_detach_stops_the_tangent_and_no_grad_does_not():
    _, tangent = jvp(lambda x: x.detach() * x, of(X), of(V))
    close(tangent, X * V)

    def quiet(x):
        with xp.no_grad():
            return x * x

    close(jvp(quiet, of(X), of(V))[1], 2 * X * V)


FUNCTIONS = [
    lambda x: xp.sum(xp.exp(x)),
    lambda x: xp.sum(xp.tanh(x) ** 3),
    lambda x: xp.sum(xp.sqrt(x * x + 1)),
    lambda x: xp.prod(x),
    lambda x: xp.sum(xp.linalg.qr(xp.eye(3) * 2 + x[:, None] * x)[1] ** 2),
    lambda x: xp.linalg.det(xp.eye(3) + x[:, None] * xp.exp(x)),
    lambda x: xp.sum(xp.linalg.eigh(x[:, None] + x + xp.eye(3) * xp.arange(3.0)).eigenvalues ** 2),
    lambda x: xp.sum(xp.linalg.inv(xp.eye(3) * 3 + x[:, None] * x)),
    lambda x: xp.sum(xp.cumulative_prod(x) * xp.sort(x)),
    lambda x: xp.sum(xp.abs(xp.fft.rfft(x)) ** 2 * xp.asarray([1.0, 2.0])),
]


@pytest.mark.parametrize("fn", FUNCTIONS)
def test_every_nesting_gives_the_same_second_derivative(fn):
    x, v = of(X), of(V)
    h = 1e-5
    expected = (gradient(fn)(of(X + h * V)).numpy() - gradient(fn)(of(X - h * V)).numpy()) / (2 * h)
    over_reverse = jvp(gradient(fn), x, v)[1]
    over_forward = gradient(lambda x: jvp(fn, x, v)[1])(x)
    leaf = xp.asarray(X, requires_grad=True)
    (first,) = grad(fn(leaf), leaf, create_graph=True)
    over_twice = grad(xp.sum(first * v), leaf)[0]
    by_backward = jvp(_by_backward(fn), x, v)[1]
    for found in (over_reverse, over_forward, over_twice, by_backward, hvp(fn, x, v)[1]):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(found.numpy(), over_twice.numpy(), rtol=1e-9, atol=1e-10)
        assert not found.requires_grad
    twice = jvp(lambda x: jvp(fn, x, v)[1], x, v)[1]
    np.testing.assert_allclose(float(twice), over_twice.numpy() @ V, rtol=1e-9)


def _by_backward(fn):
    def run(x):
        leaf = xp.zeros_like(x, requires_grad=True) if False else x.detach().requires_grad_()
        y = fn(leaf + (x - x.detach()))
        y.backward()
        return leaf.grad

    return run


@pytest.mark.parametrize("fn", FUNCTIONS[:4])
def test_third_derivatives(fn):
    x, v = of(X), of(V)
    thirds = [
        jvp(lambda x: hvp(fn, x, v)[1], x, v)[1].numpy() @ V,
        jvp(lambda x: jvp(lambda x: jvp(fn, x, v)[1], x, v)[1], x, v)[1].numpy(),
        hvp(lambda x: jvp(fn, x, v)[1], x, v)[1].numpy() @ V,
        gradient(lambda x: xp.sum(hvp(fn, x, v)[1] * v))(x).numpy() @ V,
        jvp(lambda x: gradient(lambda x: jvp(fn, x, v)[1])(x), x, v)[1].numpy() @ V,
    ]
    np.testing.assert_allclose(thirds, [thirds[0]] * 5, rtol=1e-9)


def test_perturbations_are_not_confused():
    one = xp.asarray(1.0)
    for outer in (derivative, gradient):
        for inner in (derivative, gradient):
            nested = outer(lambda x, inner=inner: x * inner(lambda y: x + y)(one))
            assert float(nested(one)) == 1.0
            nested = outer(lambda x, inner=inner: x * inner(lambda y: x * y)(one))
            assert float(nested(one)) == 2.0
            nested = outer(lambda x, inner=inner: inner(lambda y: x * y * y)(x))
            assert float(nested(xp.asarray(3.0))) == 12.0


def test_tangents_carry_outer_gradients():
    v = xp.asarray(V, requires_grad=True)
    w = xp.asarray(X, requires_grad=True)
    out, tangent = jvp(lambda x: xp.sum(w * x**2), of(X), v)
    assert out.requires_grad
    gv, gw = grad(tangent, [v, w])
    close(gv, 2 * X * X)
    close(gw, 2 * X * V)


def test_in_place_writes_and_views():
    def writes(x):
        y = xp.copy(x) * 2
        left, right = y[:2], y[1:]
        y *= x
        left += 1
        right[0] = x[0]
        right[xp.asarray([False, True])] = x[1] * 3
        y[[2, 0]] += x[:2]
        return y, left, right[::-1]

    outs, tangents = jvp(writes, of(X), of(V))
    h = 1e-6
    highs, lows = (writes(of(X + s * V)) for s in (h, -h))
    for out, tangent, high, low in zip(outs, tangents, highs, lows, strict=True):
        assert out.shape == tangent.shape
        np.testing.assert_allclose(
            tangent.numpy(), (high.numpy() - low.numpy()) / (2 * h), rtol=1e-6, atol=1e-8
        )


def test_overwritten_values_lose_their_tangent():
    def overwritten(x):
        y = xp.copy(x)
        v = y[:1]
        y[...] = 0.0
        return y, v

    for tangent in jvp(overwritten, of(X), of(V))[1]:
        assert not tangent.numpy().any()


def test_writes_into_fresh_memory():
    def fill(x):
        y = xp.zeros(4)
        view = y[1:]
        view[...] = x
        return y, view * view

    tangents = jvp(fill, of(X), of(V))[1]
    close(tangents[0], [0, *V])
    close(tangents[1], 2 * X * V)


def test_the_argument_is_the_callers_memory():
    x = of(X.copy())
    y = xp.asarray(V, requires_grad=True) * x  # saves x

    def change(x):
        x += 1
        return x * x

    _, tangent = jvp(change, x, of(V))
    close(tangent, 2 * (X + 1) * V)
    with pytest.raises(RuntimeError, match="modified by an in-place"):
        xp.sum(y).backward()


def test_complex():
    z, t = of(X + 1j * V), of(V - 2j * X)
    _, tangent = jvp(lambda z: z**2 * xp.conj(z), z, t)
    value = X + 1j * V
    close(tangent, 2 * value * np.conj(value) * t.numpy() + value**2 * np.conj(t.numpy()))
    _, tangent = jvp(xp.abs, z, t)
    close(tangent, np.real(np.conj(value) * t.numpy()) / np.abs(value))
    _, tangent = jvp(lambda x: xp.exp(1j * x), of(X), of(V))
    close(tangent, 1j * np.exp(1j * X) * V)


def test_bad_input():
    x = of(X)
    for call, kind, match in (
        (lambda: jvp(lambda x: x, [x, x], [x]), ValueError, "2 primals, but 1 tangents"),
        (lambda: jvp(lambda x: x, x, xp.ones(2)), ValueError, r"primal's shape \(3,\)"),
        (lambda: jvp(lambda x: x, x, 1.0), ValueError, "tangents"),
        (lambda: jvp(lambda x: x, 1.0, x), TypeError, r"primals\[0\] is a float"),
        (lambda: jvp(lambda x: x, x, x * 1j), TypeError, "dtype"),
        (lambda: jvp(lambda x: x, xp.arange(3), xp.arange(3)), TypeError, "None for integers"),
        (lambda: jvp(lambda x: 3.0, x, x), TypeError, "returned a float"),
        (lambda: jvp(lambda x: x, x, x.to("sim:0")), RuntimeError, "different devices"),
    ):
        with pytest.raises(kind, match=match):
            call()


def test_a_level_ends_with_an_error_and_belongs_to_its_thread():
    with pytest.raises(ZeroDivisionError):
        jvp(lambda x: 1 / 0, of(X), of(V))
    seen = []

    def watched(x):
        y = x * 2
        thread = threading.Thread(target=lambda: seen.append(jvp(lambda u: u * y, y, y)[1].numpy()))
        thread.start()
        thread.join()
        return y

    close(jvp(watched, of(X), of(V))[1], 2 * V)
    np.testing.assert_allclose(seen[0], 4 * X * X)


def test_float32_stays(device):
    x = xp.asarray([1.0, 2.0], dtype=xp.float32, device=device)
    out, tangent = jvp(lambda x: xp.sin(x) * 2.0 + x**2, x, xp.ones(2, device=device))
    assert out.dtype == tangent.dtype == xp.float32 and str(tangent.device) == device


def _sample(kind: str, seed: int) -> Any:
    rnd = np.random.default_rng(seed)
    x = rnd.uniform(0.5, 1.5, 3)
    return x if kind == "real" else x + 1j * rnd.uniform(-1, 1, 3)


MIXED = {
    "add": xp.add, "subtract": xp.subtract, "multiply": xp.multiply, "divide": xp.divide,
    "pow": xp.pow, "xlogy": xp.special.xlogy, "xlog1py": xp.special.xlog1py, "dot": xp.dot,
    "vecdot": xp.vecdot, "outer": xp.outer, "kron": xp.kron, "cross": xp.linalg.cross,
    "where": lambda a, b: xp.where(xp.asarray([True, False, True]), a, b),
    "concat": lambda a, b: xp.concat([a, b]),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("scalar", [False, True])
def test_mixtures_of_real_and_complex(name: str, scalar: bool) -> None:
    if scalar and name not in ("add", "subtract", "multiply", "divide", "pow"):
        return
    fn = MIXED[name]
    for kinds in (("real", "complex"), ("complex", "real"), ("complex", "complex")):
        for i in (0, 1):
            other: Any = xp.asarray(_sample(kinds[1 - i], 1))
            if scalar:
                other = 1 + 2j if kinds[1 - i] == "complex" else 2.5
            x, t = _sample(kinds[i], 2), _sample(kinds[i], 3)

            def along(z: Any, i: int = i, other: Any = other) -> Any:
                return fn(z, other) if i == 0 else fn(other, z)

            h = 1e-6
            ends = [along(xp.asarray(x + s * h * t)).numpy() for s in (1, -1)]
            right = (ends[0] - ends[1]) / (2 * h)
            _, got = xp.autograd.jvp(along, xp.asarray(x), xp.asarray(t))
            np.testing.assert_allclose(got.numpy(), right, rtol=1e-6, atol=1e-8)
            leaf = xp.asarray(x).requires_grad_()
            out = along(leaf)
            ct = np.resize(_sample("complex" if np.iscomplexobj(right) else "real", 4), out.shape)
            (grad,) = xp.autograd.grad(out, [leaf], xp.asarray(ct))
            assert grad.dtype == leaf.dtype
            np.testing.assert_allclose(
                np.vdot(grad.numpy(), t).real, np.vdot(ct, right).real, rtol=1e-6
            )


def test_complex_base_real_exponent() -> None:
    z = 1 + 2j
    y, slope = xp.autograd.jvp(lambda e: xp.asarray(z) ** e, xp.asarray(1.5), xp.asarray(1.0))
    np.testing.assert_allclose(complex(y), z**1.5)
    np.testing.assert_allclose(complex(slope), z**1.5 * np.log(z))


def test_tangents_of_lower_precision_do_not_lower_that_of_the_other_operand() -> None:
    exponent = xp.asarray(1 / 3)
    x = xp.asarray(2.0, dtype=xp.float32)
    _, slope = xp.autograd.jvp(lambda b: b**exponent, x, xp.ones_like(x))
    np.testing.assert_allclose(float(slope), 2 ** (-2 / 3) / 3, rtol=1e-15)
