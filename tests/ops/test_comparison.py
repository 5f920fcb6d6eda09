"""Comparisons, tests of elements and logic: values by table; results are never recorded."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import booleans, integers, normal
from tests.harness import Row, table

PAIR = (integers(0, 3, 4, 3), integers(0, 3, 3))
BOOLEANS = (booleans(4, 3), booleans(3))
ODD = (lambda rng: np.asarray([0.0, -0.0, 1.5, np.inf, -np.inf, np.nan]),)


def _row(name, inputs, complex=False):
    reference = getattr(np, name)
    return Row(name, getattr(xp, name), inputs, reference, complex=complex, gradients=False)


ROWS = [
    *(_row(name, PAIR) for name in ("equal", "not_equal", "less", "less_equal")),
    *(_row(name, PAIR) for name in ("greater", "greater_equal")),
    *(_row(name, ODD) for name in ("isfinite", "isinf", "isnan", "signbit")),
    *(_row(name, BOOLEANS) for name in ("logical_and", "logical_or", "logical_xor")),
    _row("logical_not", BOOLEANS[:1]),
    _row("isclose", (normal(3), normal(3)), complex=True),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize(
    "fn",
    [xp.equal, xp.not_equal, xp.less, xp.less_equal, xp.greater, xp.greater_equal, xp.isclose],
)
def test_results_are_boolean_and_not_recorded(fn):
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    for out in (fn(x, x), fn(x, 1.0), fn(1.0, x), fn(x, 1)):
        assert out.dtype == xp.bool
        assert not out.requires_grad
    for out in (xp.isnan(x), xp.isfinite(x), xp.isinf(x), xp.signbit(x), xp.logical_not(x)):
        assert out.dtype == xp.bool
        assert not out.requires_grad


def test_close():
    x = xp.asarray([1.0, np.nan, np.inf])
    assert xp.isclose(x, x + 1e-9).numpy().tolist() == [True, False, True]
    assert xp.isclose(x, x, equal_nan=True).numpy().all()
    assert xp.allclose(x, x, equal_nan=True) is True
    assert xp.allclose(x, x) is False
    assert xp.allclose(xp.asarray(1.0), 1.1, rtol=0.2)


def test_a_tensor_equals_nothing_that_is_no_value():
    x = xp.ones(2)
    assert (x == None) is False and (x != None) is True  # noqa: E711
    assert (x == "auto") is False
    assert x in [None, "auto", x]
    with pytest.raises(TypeError, match=r"equal: x2 is a builtins\.list"):
        x == [1, 1]  # noqa: B015


def test_scalars_beyond_the_dtype_compare_alike_with_and_without_a_watcher():
    x = xp.asarray([1, 2], dtype=xp.uint8)
    with xp.profiler.profile():
        assert (x < 300).tolist() == [True, True]
    assert (x < 300).tolist() == [True, True]
