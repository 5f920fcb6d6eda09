"""Reductions: values and derivatives by table; ties, zeros, accumulation and axes by name."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import booleans, integers, normal, spaced
from tests.harness import Row, table

X = (normal(3, 4, 2),)


def zeroed(*places):
    """Return a sampler of (3, 4) numbers with exact zeros at places."""

    def sampler(rng):
        out = rng.uniform(0.5, 2, (3, 4))
        for place in places:
            out[place] = 0
        return out

    return (sampler,)


AXES = (None, 1, (0, 2), (-1, 0), ())

ROWS = [
    *(
        Row(
            f"{name} {axis} {keepdims}",
            lambda x, f=name, a=axis, k=keepdims: getattr(xp, f)(x, axis=a, keepdims=k),
            X,
            lambda x, f=name, a=axis, k=keepdims: getattr(np, f)(x, axis=a, keepdims=k),
            complex=True,
        )
        for name in ("sum", "mean", "prod", "var")
        for axis in AXES
        for keepdims in (False, True)
        if not (name == "var" and axis == ())
    ),
    *(
        Row(
            f"{name} {axis}",
            lambda x, f=name, a=axis: getattr(xp, f)(x, axis=a),
            (spaced(3, 4, 2),),
            lambda x, f=name, a=axis: getattr(np, f)(x, axis=a),
            torch=None if axis is None else lambda x, f=f"a{name}", a=axis: torch_of(f)(x, a),
        )
        for name in ("max", "min")
        for axis in (None, 1, (0, 2))
    ),
    Row("sum", xp.sum, X, np.sum, torch="sum", complex=True),
    Row("mean", xp.mean, X, np.mean, torch="mean", complex=True),
    Row("prod", xp.prod, X, np.prod, torch="prod", complex=True),
    Row("max keepdims", lambda x: xp.max(x, axis=1, keepdims=True), (spaced(3, 4),)),
    Row("sum dtype", lambda x: xp.sum(x, dtype=xp.complex128), X, complex=True),
    Row("prod one zero", lambda x: xp.prod(x, axis=1), zeroed((0, 1)), complex=True),
    Row("prod two zeros", lambda x: xp.prod(x, axis=1), zeroed((0, 1), (0, 3)), complex=True),
    Row("prod three zeros", xp.prod, zeroed((0, 1), (0, 3), (1, 2)), np.prod),
    Row("prod zeros axes", lambda x: xp.prod(x, axis=(1, 0)), zeroed((0, 1), (2, 3)), np.prod),
    Row("var correction", lambda x: xp.var(x, correction=1.5), X, complex=True),
    Row(
        "std",
        lambda x: xp.std(x, axis=1, correction=1),
        X,
        lambda x: np.std(x, axis=1, ddof=1),
        torch=lambda x: x.std(dim=1, correction=1),
        complex=True,
    ),
    Row("std all", xp.std, X, np.std, complex=True),
    Row("any", lambda x: xp.any(x, axis=1), (booleans(3, 2),), lambda x: np.any(x, axis=1)),
    Row("all", lambda x: xp.all(x, axis=(0, 1)), (booleans(3, 2),), np.all),
    Row("count_nonzero", xp.count_nonzero, (integers(-1, 2, 5),), np.count_nonzero),
]


def torch_of(name):
    """Return a function of PyTorch by name, imported when it is called."""
    return getattr(pytest.importorskip("torch"), name)


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def gradient(fn, values, **params):
    """Return the gradient of the sum of `fn` at `values`, as lists."""
    x = xp.asarray(values, dtype=xp.float64).requires_grad_()
    return xp.autograd.grad(xp.sum(fn(x, **params)), [x])[0].numpy().tolist()


@pytest.mark.parametrize("fn", [xp.max, xp.min])
def test_ties_share_the_gradient_evenly(fn):
    assert gradient(fn, [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]) == [[1 / 6] * 3] * 2
    assert gradient(fn, [[2.0, 2.0], [2.0, 2.0]], axis=1) == [[0.5, 0.5], [0.5, 0.5]]


def test_nan_propagates():
    x = xp.asarray([1.0, xp.nan, 2.0])
    for fn in (xp.max, xp.min, xp.sum, xp.prod, xp.mean, xp.std, xp.var):
        assert bool(xp.isnan(fn(x)))


def test_prod_is_exact_where_a_quotient_would_not_be():
    assert gradient(xp.prod, [0.0, 0.0, 3.0]) == [0.0, 0.0, 0.0]
    assert gradient(xp.prod, [0.0, 2.0, 3.0]) == [6.0, 0.0, 0.0]
    assert gradient(xp.prod, [1e-200, 1e-200]) == [1e-200, 1e-200]


def test_prod_has_a_second_derivative_at_two_zeros():
    x = xp.asarray([0.0, 0.0, 3.0]).requires_grad_()
    (g,) = xp.autograd.grad(xp.prod(x), [x], create_graph=True)
    (h,) = xp.autograd.grad(g[0], [x])
    assert h.numpy().tolist() == [0.0, 3.0, 0.0]


def test_std_of_equal_elements_has_gradient_zero():
    assert gradient(xp.std, [2.0, 2.0, 2.0]) == [0.0, 0.0, 0.0]


def test_small_integers_become_int64_and_unsigned_uint64():
    for fn in (xp.sum, xp.prod):
        for dtype in (xp.int8, xp.int16, xp.int32, xp.bool):
            assert fn(xp.ones(3, dtype=dtype)).dtype == xp.int64
        for dtype in (xp.uint8, xp.uint16, xp.uint32):
            assert fn(xp.ones(3, dtype=dtype)).dtype == xp.uint64
        assert fn(xp.ones(3, dtype=xp.float32), dtype=xp.float64).dtype == xp.float64
        assert fn(xp.ones(3, dtype=xp.float64), dtype=xp.int8).dtype == xp.int8


@pytest.mark.parametrize("dtype", [xp.float32, xp.complex64])
def test_single_precision_is_accumulated_in_double_precision(dtype):
    x = np.full(4_000_003, 0.1, dtype=np.dtype(dtype.name))
    exact = np.sum(x, dtype=np.complex128)
    assert complex(xp.sum(xp.asarray(x))) == pytest.approx(complex(exact), rel=1e-7)
    assert xp.sum(xp.asarray(x)).dtype == dtype
    y = np.linspace(0.9, 1.1, 999, dtype=np.float32).astype(np.dtype(dtype.name))
    found = complex(xp.prod(xp.asarray(y)))
    assert found == pytest.approx(complex(np.prod(y, dtype=np.complex128)), rel=1e-7)


def test_mean_of_integers_has_the_default_dtype():
    assert xp.mean(xp.asarray([1, 2])).dtype == xp.float64
    xp.set_default_dtype(xp.float32)
    try:
        assert xp.mean(xp.asarray([1, 2])).dtype == xp.float32
    finally:
        xp.set_default_dtype(xp.float64)


def test_empty_and_scalar_tensors():
    empty = xp.zeros((0, 3), requires_grad=True)
    assert float(xp.sum(empty)) == 0
    assert float(xp.prod(empty)) == 1
    xp.sum(xp.prod(empty, axis=0)).backward()
    assert empty.grad.shape == (0, 3)
    assert not bool(xp.any(empty)) and bool(xp.all(empty))
    assert gradient(xp.prod, 3.0) == 1.0
    assert gradient(xp.max, 3.0) == 1.0
    with pytest.raises(ValueError, match="max"):
        xp.max(empty)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "max", "min", "std", "var", "any", "all"])
def test_bad_axes_and_types(name):
    fn = getattr(xp, name)
    x = xp.ones((2, 3))
    with pytest.raises(
        IndexError, match=f"{name}: axis 2 is out of bounds for array of dimension 2"
    ):
        fn(x, axis=2)
    with pytest.raises(ValueError, match=f"{name}: axis"):
        fn(x, axis=(0, -3))
    with pytest.raises(ValueError, match="twice"):
        fn(x, axis=(1, -1))
    with pytest.raises(TypeError, match=f"{name}: axis"):
        fn(x, axis=1.5)
    with pytest.raises(TypeError, match=name):
        fn([1.0, 2.0])
    with pytest.raises(TypeError, match=name):
        fn([1.0, 2.0], axis=0)


@pytest.mark.parametrize("count", [1, 2, 7, 200, 2000, 5000])
def test_reductions_of_single_precision_have_one_value_at_every_size(count):
    # by way of a small loop, NumPy's, and a large one, of rows and of columns
    largest = np.float32(np.finfo(np.float32).max)
    shapes = ((count,), (count, 2)) if count > 1 else ((count,),)
    for shape in shapes:
        x = xp.asarray(np.full(shape, largest, np.float32))
        with np.errstate(over="ignore"):
            found = {name: getattr(xp, name)(x, axis=0) for name in ("mean", "sum", "var", "std")}
            halves = xp.mean(x * 0.5, axis=0)
        assert bool(xp.all(found["mean"] == (largest if count == 1 else np.inf)))  # as NumPy's
        assert bool(xp.all(found["sum"] == (largest if count == 1 else np.inf)))
        assert not bool(xp.any(found["var"]))
        assert not bool(xp.any(found["std"]))
        assert bool(xp.all(halves == (largest / 2 if count <= 2 else np.inf)))
        norms = xp.linalg.vector_norm(x * 1e-5, axis=0)
        np.testing.assert_allclose(norms.numpy(), largest * 1e-5 * count**0.5, rtol=1e-6)
        signs = np.resize(np.float32([1, -1]), shape) if len(shape) == 1 else 1
        if count % 2 == 0 and len(shape) == 1:
            spread = xp.std(x * signs)
            assert float(spread) == largest


@pytest.mark.parametrize("dtype", ["float16", "float32", "complex64"])
def test_moments_are_computed_in_double_precision(dtype):
    a = np.asarray([0, 1000, 2000, 3000], dtype)
    x = xp.asarray(a)
    exact = a.astype(np.result_type(a, np.float64))
    real = np.finfo(dtype).dtype
    for got, expected in (
        (xp.std(x), exact.std()),
        (xp.mean(x), exact.mean()),
        (xp.linalg.vector_norm(x), np.linalg.norm(exact)),
        (xp.linalg.vector_norm(x, ord=3), np.linalg.vector_norm(exact, ord=3)),
        (xp.linalg.vector_norm(x, ord=1), np.linalg.vector_norm(exact, ord=1)),
    ):
        assert abs(complex(got) - expected) <= np.spacing(real.type(abs(expected)))
