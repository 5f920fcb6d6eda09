"""`view`: the same memory in another shape or as another dtype."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

ROWS = [
    Row("view shape", lambda x: x.view(3, -1), (normal(2, 3),), lambda x: x.reshape(3, 2),
        torch=lambda x: x.view(3, -1), complex=True),
    Row("view tuple", lambda x: x.view((6,)), (normal(2, 3),), lambda x: x.reshape(6),
        complex=True),
    Row("view pairs as complex", lambda x: x.view(xp.complex128), (normal(2, 4),),
        lambda x: x.view("c16"), float32=False),
    Row("view complex as pairs", lambda x: xp.astype(x, xp.complex128).view(xp.float64),
        (normal(3),), lambda x: x.astype("c16").view("f8"), complex=True, float32=False),
    Row("view 0-d", lambda x: x.view(1), (normal(),), lambda x: x.reshape(1), complex=True),
]  # fmt: skip


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32", "complex64", np.int32, xp.uint64])
def test_bits(dtype, device):
    a = np.asarray([1.5, -2.0])
    x = xp.asarray(a, device=device)
    expected = a.view(np.dtype(dtype))
    out = x.view(dtype)
    assert out.dtype == expected.dtype and out.shape == expected.shape
    np.testing.assert_array_equal(out.cpu().numpy(), expected)


def test_views_share_memory():
    x = xp.ones(4)
    x.view(2, 2)[0, 0] = 5.0
    x.view("uint64")[1] = 0
    assert x.tolist() == [5.0, 0.0, 1.0, 1.0]


def test_bits_stop_the_gradient():
    x = xp.ones(2, requires_grad=True)
    assert x.view(xp.float64).requires_grad and x.view(xp.complex128).requires_grad
    assert not x.view(xp.int64).requires_grad
    assert x.view(1, 2).requires_grad


ERRORS = [
    (lambda x: x.mT.view(6), r"view: x of shape \(3, 2\) with strides \(8, 24\).*\(6,\); reshape"),
    (lambda x: x.view(4), r"view: x has shape \(2, 3\), 6 elements, which do not fit \(4,\)"),
    (lambda x: x.view(), r"view: x has shape \(2, 3\)"),
    (lambda x: x.view(xp.complex128), "view: .*dtype.*x has shape"),
    (lambda x: x.mT.view(xp.float32), "view: .*last axis must be contiguous"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[e[1][:40] for e in ERRORS])
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(xp.ones((2, 3)))


def test_unknown_names():
    with pytest.raises(TypeError, match=r"view: dtype is 'flaot32'.*did you mean 'float32'"):
        xp.ones(2).view("flaot32")
