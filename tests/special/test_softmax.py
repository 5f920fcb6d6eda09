"""log-sum-exp and softmax: by table over axes; infinities, NaN, weights and dtypes by name."""

from typing import Any

import numpy as np
import pytest
import scipy.special as sp

import tensorxp as xp
from tensorxp.autograd.testing import normal, uniform
from tests.harness import Row, table

special = xp.special
INF, NAN = np.inf, np.nan
X = normal(3, 4, 2)


def torch_of(name: str, axis: Any) -> Any:
    """Return PyTorch's function over one axis; None where it takes no such axis."""
    if not isinstance(axis, int):
        return None
    return lambda x: getattr(pytest.importorskip("torch"), name)(x, axis)


ROWS = [
    *(
        Row(
            f"{name} {axis}",
            lambda x, f=name, a=axis: getattr(special, f)(x, axis=a),
            (X,),
            lambda x, f=name, a=axis: getattr(sp, f)(x, axis=a),
            torch=torch_of(name, axis),
        )
        for name in ("softmax", "log_softmax", "logsumexp")
        for axis in (None, 1, -1, (0, 2))
    ),
    Row("softmax", lambda x: special.softmax(x, 1), (X,), complex=True),
    Row("log_softmax", lambda x: special.log_softmax(x, 1), (X,), complex=True),
    Row(
        "logsumexp keepdims",
        lambda x: special.logsumexp(x, axis=(0, 1), keepdims=True),
        (X,),
        lambda x: sp.logsumexp(x, axis=(0, 1), keepdims=True),
    ),
    Row(
        "logsumexp",
        lambda x: special.logsumexp(x, axis=1),
        (X,),
        lambda x: sp.logsumexp(x, axis=1),
        complex=True,
    ),
    Row(
        "logsumexp weights",
        lambda x, b: special.logsumexp(x, axis=1, b=b),
        (X, uniform(0.5, 2, 4, 1)),
        lambda x, b: sp.logsumexp(x, axis=1, b=b),
    ),
    Row(
        "logsumexp sign",
        lambda x, b: special.logsumexp(x, axis=1, b=b, return_sign=True),
        (X, lambda rng: np.asarray([[1.0], [-20.0], [0.5], [-1.0]])),
        lambda x, b: sp.logsumexp(x, axis=1, b=b, return_sign=True),
    ),
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


def gradient(fn: Any, *values: Any, create_graph: bool = False) -> list[Any]:
    """Return the value and the gradients of a function of lists of numbers."""
    tensors = [xp.asarray(v, dtype=xp.float64).requires_grad_() for v in values]
    out = fn(*tensors)
    found = xp.autograd.grad([out], tensors, [xp.ones_like(out)], create_graph=create_graph)
    return [out.detach().numpy(), *[g.detach().numpy() for g in found]]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "x, value, expected",
    [
        ([-INF, -INF], -INF, [0, 0]),
        ([INF, 1.0], INF, [1, 0]),
        ([INF, INF, -INF, 900.0], INF, [0.5, 0.5, 0, 0]),
        ([-INF, 2.0], 2.0, [0, 1]),
        ([1000.0, 1000.0], 1000 + np.log(2), [0.5, 0.5]),
        ([-1e300, 0.0], 0.0, [0, 1]),
        ([NAN, 1.0], NAN, [NAN, NAN]),
        ([], -INF, []),
    ],
)
def test_logsumexp_at_the_edges(x: Any, value: float, expected: Any, create_graph: bool) -> None:
    out, g = gradient(special.logsumexp, x, create_graph=create_graph)
    np.testing.assert_allclose(out, value)
    np.testing.assert_allclose(g, expected)


def test_rows_of_minus_infinity_do_not_spoil_the_others() -> None:
    x = [[-INF, -INF], [0.0, 0.0], [INF, 0.0]]
    out, g = gradient(lambda x: special.logsumexp(x, axis=1), x)
    np.testing.assert_allclose(out, [-INF, np.log(2), INF])
    np.testing.assert_allclose(g, [[0, 0], [0.5, 0.5], [1, 0]])


@pytest.mark.parametrize("fn", [special.softmax, special.log_softmax])
def test_softmax_with_infinities(fn: Any) -> None:
    reference = getattr(sp, fn.__name__)
    x = np.asarray([[-INF, 0.0, 1.0], [-INF, -INF, 3.0]])
    out, g = gradient(lambda x: fn(x, axis=1)[:, 2], x)
    np.testing.assert_allclose(out, reference(x, axis=1)[:, 2])
    assert np.isfinite(g).all()
    for bad in ([-INF, -INF], [INF, 0.0], [NAN, 0.0]):
        assert np.isnan(special.softmax(xp.asarray(bad)).numpy()).any()


def test_far_apart_elements_neither_overflow_nor_vanish() -> None:
    x = xp.asarray([0.0, -1e4, 1e4])
    np.testing.assert_array_equal(special.softmax(x).numpy(), [0, 0, 1])
    np.testing.assert_array_equal(special.log_softmax(x).numpy(), [-1e4, -2e4, 0])
    assert float(special.logsumexp(x)) == 1e4


def test_weights_of_zero_take_elements_out() -> None:
    x, b = [2000.0, 0.0, 1.0], [0.0, 1.0, 2.0]
    out, g, gb = gradient(lambda x, b: special.logsumexp(x, b=b), x, b)
    total = 1 + 2 * np.e
    np.testing.assert_allclose(out, np.log(total))
    np.testing.assert_allclose(g, [0, 1 / total, 2 * np.e / total])
    np.testing.assert_allclose(gb, [INF, 1 / total, np.e / total])
    assert float(special.logsumexp(xp.asarray(x), b=0.0)) == -INF


def test_numbers_as_weights_are_weak() -> None:
    x = xp.asarray([0.0, 1.0], dtype=xp.float32)
    for b in (2, 0.5, None):
        out, sign = special.logsumexp(x, b=b, return_sign=True)
        assert out.dtype == sign.dtype == xp.float32
    assert special.logsumexp(xp.asarray([0, 1]), b=2).dtype == xp.float64
    out = special.logsumexp(x, b=np.asarray([1.0, 2.0], dtype=np.float32))
    np.testing.assert_allclose(float(out), np.log(1 + 2 * np.e), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_negative_sum_is_nan_without_its_sign() -> None:
    x = xp.asarray([0.0, 1.0])
    b = xp.asarray([1.0, -1.0])
    assert np.isnan(float(special.logsumexp(x, b=b)))
    out, sign = special.logsumexp(x, b=b, return_sign=True)
    np.testing.assert_allclose(float(out), np.log(np.e - 1))
    assert float(sign) == -1
    assert float(special.logsumexp(x, return_sign=True)[1]) == 1


@pytest.mark.parametrize("fn", [special.softmax, special.log_softmax, special.logsumexp])
def test_dtypes(fn: Any) -> None:
    reference = getattr(sp, fn.__name__)
    integers = np.arange(4)
    np.testing.assert_allclose(fn(xp.asarray(integers)).numpy(), reference(integers))
    assert fn(xp.asarray(integers)).dtype == xp.float64
    for dtype in (xp.float16, xp.float32, xp.complex64):
        assert fn(xp.ones(3, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("fn", [special.softmax, special.log_softmax, special.logsumexp])
def test_a_number_and_axes(fn: Any) -> None:
    x = xp.asarray(3.0, requires_grad=True)
    y = fn(x)
    assert y.shape == ()
    (g,) = xp.autograd.grad(y, [x])
    assert float(g) == (1 if fn is special.logsumexp else 0)
    assert fn(xp.ones((0, 3)), axis=1).shape[0] == 0
    with pytest.raises(IndexError, match="axis 2 is out of bounds"):
        fn(xp.ones((2, 3)), axis=2)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", [0, 1, None])
def test_single_precision_sums_do_not_drift(axis: Any, order: str) -> None:
    rng = np.random.default_rng(0)
    x = np.asarray(rng.standard_normal((20_000, 3) if axis == 0 else (3, 20_000)), np.float32)
    x = np.asarray(x, order=order)
    for name in ("softmax", "log_softmax", "logsumexp"):
        found = getattr(special, name)(xp.asarray(x), axis=axis).numpy()
        expected = getattr(sp, name)(x.astype(np.float64), axis=axis)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_inputs_are_left_alone() -> None:
    x = np.asarray([[1.0, INF], [-INF, -INF]])
    for fn in (special.softmax, special.log_softmax, special.logsumexp):
        fn(xp.asarray(x, copy=False), axis=1)
    np.testing.assert_array_equal(x, [[1.0, INF], [-INF, -INF]])


def test_the_logarithm_of_a_sum_survives_views_and_third_derivatives() -> None:
    x = xp.asarray([[0.1, 0.2], [0.3, 0.5]], requires_grad=True)
    assert xp.autograd.gradgradcheck(lambda x: special.logsumexp(x.T[1:], axis=1), (x,))

    def slope(x: Any) -> Any:
        (g,) = xp.autograd.grad(special.logsumexp(x), [x], create_graph=True)
        return g[0, 0] ** 2

    assert xp.autograd.gradgradcheck(slope, (x,))
