"""Arithmetic: values and derivatives by table; ties, zeros, scalars and errors by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import nonzero, normal, uniform
from tests.harness import Row, table

PAIR = (normal(3, 4), normal(4))
REAL_PAIR = (nonzero(3, 1), nonzero(4))

ROWS = [
    Row("add", xp.add, PAIR, np.add, torch="add", complex=True),
    Row("subtract", xp.subtract, PAIR, np.subtract, torch="subtract", complex=True),
    Row("multiply", xp.multiply, PAIR, np.multiply, torch="multiply", complex=True),
    Row("divide", xp.divide, REAL_PAIR, np.divide, torch="divide", complex=True),
    Row("divide 3 / x", lambda x: 3 / x, (nonzero(4),), lambda x: 3 / x, complex=True),
    Row("floor_divide", xp.floor_divide, REAL_PAIR, np.floor_divide),
    Row("remainder", xp.remainder, REAL_PAIR, np.remainder, torch="remainder"),
    Row("negative", xp.negative, (normal(3),), np.negative, torch="negative", complex=True),
    Row("positive", xp.positive, (normal(3),), np.positive, torch="positive", complex=True),
    Row("reciprocal", xp.reciprocal, (nonzero(3),), np.reciprocal, "reciprocal", complex=True),
    Row("square", xp.square, (normal(3),), np.square, torch="square", complex=True),
    Row("pow", xp.pow, (uniform(0.5, 2, 3, 1), normal(4)), np.power, torch="pow", complex=True),
    *(
        Row(f"pow x**{n}", lambda x, n=n: x**n, (nonzero(4),), lambda x, n=n: x**n, complex=True)
        for n in (0, 1, 2, 3, -1, -2)
    ),
    Row("pow x**2.5", lambda x: x**2.5, (uniform(0.5, 2, 4),), lambda x: x**2.5),
    Row("pow 2**x", lambda x: 2**x, (normal(4),), lambda x: 2**x, complex=True),
    Row("abs", xp.abs, (nonzero(3),), np.abs, torch="abs", complex=True),
    Row("sign", xp.sign, (nonzero(3),), np.sign, torch="sgn", complex=True),
    Row("maximum", xp.maximum, PAIR, np.maximum, torch="maximum"),
    Row("minimum", xp.minimum, PAIR, np.minimum, torch="minimum"),
    Row(
        "clip",
        xp.clip,
        (normal(3, 4), uniform(-1, 0, 4), uniform(0.1, 1, 3, 1)),
        np.clip,
        torch="clip",
    ),
    Row("clip below", lambda x: xp.clip(x, 0.1), PAIR[:1], lambda x: np.clip(x, 0.1, None)),
    Row("clip above", lambda x, a: xp.clip(x, max=a), PAIR, lambda x, a: np.clip(x, None, a)),
    Row("hypot", xp.hypot, REAL_PAIR, np.hypot, torch="hypot"),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def gradients(fn, *values):
    """Return the gradients of the sum of `fn` at float64 `values`, as lists."""
    xs = [xp.asarray(v, dtype=xp.float64).requires_grad_() for v in values]
    return [g.numpy().tolist() for g in xp.autograd.grad(xp.sum(fn(*xs)), xs)]


@pytest.mark.parametrize("fn", [xp.maximum, xp.minimum])
def test_ties_share_the_gradient(fn):
    assert gradients(fn, [1.0], [1.0]) == [[0.5], [0.5]]


def test_clip_gradient_is_that_of_the_closed_interval():
    found = gradients(xp.clip, [-2.0, -1.0, 0.0, 1.0, 2.0], -1.0, 1.0)
    assert found == [[0.0, 1.0, 1.0, 1.0, 0.0], 1.0, 1.0]
    # where the bounds cross, max wins
    assert gradients(xp.clip, [0.0], [2.0], [1.0]) == [[0.0], [0.0], [1.0]]


def test_gradients_at_zero():
    assert gradients(xp.abs, [0.0]) == [[0.0]]
    assert gradients(xp.sign, [0.0]) == [[0.0]]
    assert gradients(xp.hypot, [0.0, 0.0], [0.0, 2.0]) == [[0.0, 0.0], [0.0, 1.0]]
    assert gradients(lambda x: xp.real(xp.sign(x + 0j)), [0.0]) == [[0.0]]
    assert gradients(lambda x: xp.abs(x + 0j), [0.0]) == [[0.0]]


def test_second_gradients_at_zero_are_finite():
    for fn in (xp.abs, xp.sign, lambda x: xp.abs(x * (1 + 1j)), lambda x: xp.hypot(x, x)):
        x = xp.asarray([0.0], requires_grad=True)
        (g,) = xp.autograd.grad(xp.sum(fn(x)), [x], create_graph=True)
        second = xp.autograd.grad(xp.sum(g), [x], allow_unused=True)[0] if g.requires_grad else None
        assert second is None or bool(xp.all(xp.isfinite(second)))


def test_pow_gradients_at_zeros():
    assert gradients(xp.pow, [0.0, 0.0, 2.0, 0.0], [0.0, 1.0, 0.0, 2.0]) == [
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, np.log(2.0), 0.0],
    ]
    assert gradients(lambda x: x**0, [0.0, 3.0]) == [[0.0, 0.0]]
    assert gradients(lambda x: x**2, [0.0]) == [[0.0]]
    assert gradients(lambda x: 0.0**x, [2.0, 0.0]) == [[0.0, 0.0]]
    # an integer exponent is no bar
    assert gradients(lambda x: xp.pow(x, xp.asarray([0, 3], dtype=xp.uint8)), [2.0, 2.0]) == [
        [0.0, 12.0]
    ]


def test_pow_second_gradient_at_zero():
    for exponent in (2, xp.asarray(2.0), xp.asarray(2)):
        x = xp.asarray(0.0, requires_grad=True)
        (g,) = xp.autograd.grad(xp.pow(x, exponent), [x], create_graph=True)
        assert float(xp.autograd.grad(g, [x])[0]) == 2.0


@pytest.mark.parametrize("fn", [xp.add, xp.subtract, xp.multiply, xp.divide, xp.pow, xp.hypot])
@pytest.mark.parametrize("scalar", [2, 2.0, True])
def test_python_scalars_promote_weakly_in_both_orders(fn, scalar):
    x = xp.asarray([1.0, 4.0], dtype=xp.float32, requires_grad=True)
    for out in (fn(x, scalar), fn(scalar, x)):
        assert out.dtype == xp.float32
        (g,) = xp.autograd.grad(xp.sum(out), [x])
        assert g.dtype == xp.float32


def test_complex_scalar_with_real_tensor():
    x = xp.asarray([1.0, 4.0], dtype=xp.float32, requires_grad=True)
    out = x * (1 + 2j)
    assert out.dtype == xp.complex64
    (g,) = xp.autograd.grad(xp.sum(xp.imag(out)), [x])
    assert g.dtype == xp.float32
    assert g.numpy().tolist() == [2.0, 2.0]


def test_clip_takes_numpy_scalars_on_every_device(device):
    x = xp.asarray([1.0, 5.0], device=device)
    assert xp.clip(x, np.float64(2.0), np.float32(4.0)).cpu().numpy().tolist() == [2.0, 4.0]


def test_clip_keeps_the_dtype():
    x = xp.asarray([1, 100], dtype=xp.int8)
    assert xp.clip(x, -1000, 1000).dtype == xp.int8
    assert xp.clip(x, 2, None).numpy().tolist() == [2, 100]
    y = xp.asarray([1.0, 5.0], dtype=xp.float32)
    assert xp.clip(y, xp.asarray(2.0, dtype=xp.float64), 3.0).dtype == xp.float32
    assert xp.clip(y).numpy().tolist() == [1.0, 5.0]
    assert not np.shares_memory(xp.clip(y).numpy(), y.numpy())
    assert xp.clip(y, np.float64(2.0), np.asarray([3.0, 4.0])).numpy().tolist() == [2.0, 4.0]


def test_clip_refuses_what_it_cannot_order():
    with pytest.raises(TypeError, match="clip: x is complex128"):
        xp.clip(xp.asarray([1j]), 0, 1)
    with pytest.raises(TypeError, match="clip: min is a str"):
        xp.clip(xp.asarray([1.0]), "0", 1)
    with pytest.raises(TypeError, match="clip: x is a float"):
        xp.clip(1.0, 0, 1)


def test_operands_must_be_tensors_or_scalars():
    with pytest.raises(TypeError, match=r"add: x2 is a builtins\.list"):
        xp.add(xp.asarray([1.0]), [1.0])
    with pytest.raises(TypeError, match="add"):
        xp.add(1.0, 2.0)
    with pytest.raises(ValueError, match="could not be broadcast"):
        xp.add(xp.zeros(2), xp.zeros(3))


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_empty_and_0d(shape):
    x, y = xp.ones(shape, requires_grad=True), xp.ones(shape, requires_grad=True)
    for fn in (xp.multiply, xp.divide, xp.pow, xp.maximum, xp.hypot, xp.remainder):
        out = fn(x, y)
        assert isinstance(out, xp.Tensor)
        assert out.shape == shape
        assert [g.shape for g in xp.autograd.grad(xp.sum(out), [x, y])] == [shape, shape]
    assert xp.clip(x, 0, y).shape == shape
    assert xp.abs(x).shape == shape
