"""Jacobians in one pass for many rows are those of a pass per row, for every primitive."""

from math import prod

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import loops
from tensorxp.autograd import batching, functional, hessian, jacobian
from tensorxp.autograd.testing import by_floats, floats, outputs_of, tensors_of, to_numpy
from tests.harness import sample
from tests.tables import rows

CASES = [
    pytest.param(row, kind, id=f"{row.name}-{kind}")
    for row in rows()
    if row.gradients
    for kind in (("real", "complex") if row.complex else ("real",))
]
SINGLE = {"d": np.float32, "D": np.complex64}


def both(fn, xs, monkeypatch):
    """Return the Jacobians of `fn`, row by row and in batches, as flat lists of arrays."""

    def of_xs(*given):
        return tuple(floats(outputs_of(fn(*given))))

    found = []
    for way in (lambda *_: None, batching.jacobians):
        monkeypatch.setattr(functional, "jacobians", way)
        table = jacobian(of_xs, tuple(xs), strategy="reverse")
        found.append([j for row in table for j in row])
    return found


def compare(fn, xs, monkeypatch, rtol=1e-11):
    alone, batched = both(fn, xs, monkeypatch)
    assert len(alone) == len(batched)
    for a, b in zip(alone, batched, strict=True):
        assert (b.dtype, b.shape, b.device) == (a.dtype, a.shape, a.device)
        np.testing.assert_allclose(to_numpy(b), to_numpy(a), rtol=rtol, atol=rtol)
    return batched


@pytest.mark.parametrize("row, kind", CASES)
def test_rows_of_every_primitive(row, kind, device, monkeypatch):
    arrays = sample(row, kind)
    tried = [(arrays, 1e-11)]
    if row.float32:
        tried.append(([a.astype(SINGLE.get(a.dtype.char, a.dtype)) for a in arrays], 2e-3))
    for each, rtol in tried:
        fixed = tensors_of(each, device)
        compare(by_floats(row.fn, fixed), floats(fixed), monkeypatch, rtol)
    # the loops of large arrays, and batches of few rows
    monkeypatch.setattr(loops, "LARGE", 1)
    monkeypatch.setattr(batching, "LIMIT", 30)
    fixed = tensors_of(arrays, device)
    compare(by_floats(row.fn, fixed), floats(fixed), monkeypatch)


def numbers(*shape, dtype=float):
    rng = np.random.default_rng(prod(shape) + len(shape))
    a = rng.uniform(0.5, 1.5, shape)
    return xp.asarray(a + 1j * rng.uniform(0.5, 1.5, shape) if dtype is complex else a)


SHAPES = [
    ((3,), (3,)), ((3,), (3, 2)), ((4, 3), (3,)), ((4, 3), (3, 2)), ((5, 4, 3), (3, 2)),
    ((4, 3), (5, 3, 2)), ((5, 4, 3), (5, 3, 2)), ((5, 1, 4, 3), (2, 3, 2)), ((3,), (5, 3, 2)),
    ((5, 4, 3), (3,)), ((4, 0), (0, 2)), ((0, 3), (3, 2)), ((2, 0, 3), (3, 4)), ((1, 3), (3, 1)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape1, shape2", SHAPES)
def test_matmul(shape1, shape2, dtype, device, monkeypatch):
    x1, x2 = numbers(*shape1, dtype=dtype).to(device), numbers(*shape2).to(device)
    compare(xp.matmul, (x1, x2), monkeypatch)
    compare(xp.matmul, (x1[..., ::-1], x2), monkeypatch)


BROADCAST = [
    ((), ()), ((), (3,)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((2, 1), (3,)), ((1, 1, 1), (2, 3)),
    ((0,), (1,)), ((2, 0), (1, 0)), ((1,), ()),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape1, shape2", BROADCAST)
@pytest.mark.parametrize(
    "fn",
    [
        xp.add, xp.subtract, xp.multiply, xp.divide, xp.pow, lambda a, b: xp.where(a == b, a, b),
        lambda a, b: xp.broadcast_arrays(a, b)[0] * 2, lambda a, b: xp.sin(a) * a - b / a,
    ],
)  # fmt: skip
def test_broadcasting(fn, shape1, shape2, dtype, monkeypatch):
    x1, x2 = numbers(*shape1, dtype=dtype), numbers(*shape2)
    compare(fn, (x1, x2), monkeypatch)
    compare(fn, (x2, x1), monkeypatch)


KEYS = [
    0, -1, slice(1, None), (..., 0), (slice(None), None, 1), (slice(None, None, -1), [1, 1]),
    [0, 0, 2], ([0, 2], slice(None), [1, 1]), (..., [1, 0]), ([[0], [1]], [0, 1]), (0, [1, 1]),
    (np.arange(24).reshape(3, 4, 2) % 3 == 0).tolist(), (..., [True, False]), (None, [1, 1], ...),
    True, ([0, 1], None, [1, 1]), (slice(0, 0),), ([0, 1], ..., [1, 1]),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_keys(key, device, monkeypatch):
    def written(x):
        y = x * 2
        y[key] = x[key] * x[key] + 1
        return y

    def through_a_view(x):
        y = x * 2
        y[1:][...] = xp.sin(x[:2])
        y[key] *= 3
        return y

    x = numbers(3, 4, 2).to(device)
    for fn in (lambda x: x[key], written, through_a_view):
        compare(fn, (x,), monkeypatch)


PROGRAMS = {
    "identity": lambda x, y: x,
    "unused": lambda x, y: xp.sin(x),
    "constant": lambda x, y: xp.ones(3) * 2,
    "twice": lambda x, y: x * x + x / y - xp.sum(y * x),
    "same": lambda x, y: (y, y + 0),
    "several": lambda x, y: (xp.outer(x, y), xp.sum(x), x[:0]),
    "slots": lambda x, y: xp.linalg.eigh(xp.outer(x, x) + xp.diag(y)),
    "slot": lambda x, y: xp.linalg.svd(xp.outer(x, y) + xp.eye(3))[1] * y,
    "0-d": lambda x, y: xp.exp(x[0]) * y[1],
    "no elements": lambda x, y: xp.sum(x[:0] * y[:0]) + x,
    "single": lambda x, y: xp.astype(xp.astype(x, xp.float32) * 2, xp.float64) * y,
    "complex": lambda x, y: xp.abs(xp.exp(1j * x) * y) + xp.imag(x * 1j * y),
    "transfer": lambda x, y: (x.to("cpu") * 2).to(x.device) * y,
    "cast": lambda x, y: xp.sum(x, dtype=xp.complex128) * y,
    "bce": lambda x, y: xp.nn.functional.binary_cross_entropy(x / 2, y / 2, reduction="none"),
    "dense": lambda x, y: xp.nn.functional.linear(xp.outer(x, y), xp.outer(y, x)[:2], x[:2]),
    "dense 1-d": lambda x, y: xp.nn.functional.linear(x, xp.outer(y, x), y),
    "solve": lambda x, y: xp.linalg.solve(xp.outer(x, x) + xp.eye(3), xp.outer(x, y)),
    "solves": lambda x, y: xp.linalg.solve(xp.outer(x, x) + xp.eye(3), (x * xp.ones((2, 3, 3)))),
    "checkpoint": lambda x, y: xp.autograd.checkpoint(lambda a: xp.sin(a) * a, x) * y,
    "infinite": lambda x, y: xp.where(x > 1, xp.sqrt(xp.abs(x - x[0])), xp.sqrt(y - y[1] + 1)),
    "long": lambda x, y: xp.reshape(xp.concat([x, y, x * y]), (3, 3)).T @ x,
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name, device, monkeypatch):
    with xp.device(device):
        x, y = numbers(3), numbers(3) + 1 / 8
        for limit in (batching.LIMIT, 10):
            monkeypatch.setattr(batching, "LIMIT", limit)
            compare(PROGRAMS[name], (x, y), monkeypatch)


def test_hessian(monkeypatch):
    def fn(x, w):
        return xp.sum(xp.tanh(w @ x) ** 2) + xp.special.logsumexp(x * x) / xp.linalg.det(w)

    x, w = numbers(3), numbers(3, 3) + xp.eye(3)
    monkeypatch.setattr(functional, "jacobians", lambda *_: None)
    alone = hessian(fn, (x, w))
    monkeypatch.setattr(functional, "jacobians", batching.jacobians)
    for row, expected in zip(hessian(fn, (x, w)), alone, strict=True):
        for a, b in zip(row, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-11, atol=1e-11)


def test_a_primitive_that_takes_one_row_at_a_time(monkeypatch):
    @xp.autograd.primitive
    def doubled_p(raw, x):
        return x * 2

    @doubled_p.vjp
    def _(ct):
        assert ct.shape == (3,)
        return ct * 2

    def fn(x):
        return xp.sin(xp.autograd.apply_primitive(doubled_p, (xp.exp(x),)))

    compare(fn, (numbers(3),), monkeypatch)


def test_an_elementwise_rule_that_is_constant(monkeypatch):
    for shape in ((3,), ()):
        steps_p = xp.autograd.elementwise("floor", x=lambda xp, x: xp.zeros_like(x))
        compare(
            lambda x, op=steps_p: x * xp.autograd.apply_primitive(op, (x,)),
            (numbers(*shape),),
            monkeypatch,
        )


def test_hooks_see_single_rows():
    seen = []

    def fn(x):
        y = xp.sin(x)
        y.register_hook(lambda ct: seen.append(ct.shape))
        return y * 2

    x = numbers(3)
    np.testing.assert_allclose(jacobian(fn, x).numpy(), np.diag(2 * np.cos(x.numpy())))
    assert seen == [(3,)] * 3


def test_functions_see_single_rows(monkeypatch):
    class Cube(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, ct):
            assert ct.shape == (3,)
            (x,) = ctx.saved_tensors
            return ct * 3 * x**2

    compare(lambda x: xp.sin(Cube.apply(x)), (numbers(3),), monkeypatch)


def test_the_result_is_one_s_own():
    x = numbers(3)
    for fn in (lambda x: x, lambda x: xp.sum(x) * xp.ones(3), lambda x: xp.broadcast_to(x, (2, 3))):
        first, second = jacobian(lambda x, fn=fn: (fn(x), fn(x)), x)
        first[...] = 7
        assert not (second == 7).any()
        assert not first.requires_grad


def test_a_saved_value_that_was_modified_is_named():
    def fn(x):
        y = xp.exp(x)
        z = y * 2
        y += 1
        return z

    with pytest.raises(RuntimeError, match="modified by an in-place operation"):
        jacobian(fn, numbers(3))
