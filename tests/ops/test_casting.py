"""Data types: `astype` and its gradient, promotion, limits, kinds."""

import itertools

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import normal
from tests.harness import Row, table

NAMES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
]  # fmt: skip

PAIRS = list(itertools.product(NAMES, NAMES))

ROWS = [
    Row("astype float64", lambda x: xp.astype(x, xp.float64), (normal(2, 3),),
        lambda x: x.astype("f8"), torch=lambda x: x.double()),
    Row("astype complex128", lambda x: xp.astype(x, xp.complex128), (normal(2, 3),),
        lambda x: x.astype("c16"), torch=lambda x: x.cdouble(), complex=True),
    Row("astype no copy", lambda x: xp.astype(x, x.dtype, copy=False) * 2, (normal(),),
        lambda x: x * 2, complex=True),
    Row("astype empty", lambda x: xp.astype(x, xp.float64), (normal(0, 2),)),
]  # fmt: skip


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_values_are_those_of_numpy(source, target):
    a = np.asarray([0, 1, 3, 7], dtype=source)
    x = xp.asarray(a)
    if a.dtype.kind == "c" and np.dtype(target).kind not in "cb":
        with pytest.raises(TypeError, match=f"astype: x has dtype {source}.*{target}; use real"):
            xp.astype(x, target)
        return
    out = xp.astype(x, getattr(xp, target))
    assert out.dtype == np.dtype(target)
    np.testing.assert_array_equal(out.numpy(), a.astype(target))
    assert out is not x
    assert (xp.astype(x, target, copy=False) is x) == (source == target)


def test_the_gradient_comes_back_in_the_dtype_of_the_input():
    x = xp.asarray([1.0, 2.0], dtype=xp.float32).requires_grad_()
    xp.sum(xp.astype(x, xp.float64) * 3).backward()
    assert x.grad.dtype == xp.float32 and x.grad.tolist() == [3.0, 3.0]
    x.grad = None
    xp.real(xp.sum(xp.astype(x, xp.complex64) * (2 + 1j))).backward()
    assert x.grad.dtype == xp.float32 and x.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("target", ["int64", "bool", "uint8"])
def test_the_gradient_stops_at_integers(target):
    x = xp.ones(2, requires_grad=True)
    assert not xp.astype(x, target).requires_grad
    assert xp.astype(xp.astype(x, target), xp.float64).requires_grad is False


def test_astype_to_a_device():
    x = xp.ones(2, requires_grad=True)
    out = xp.astype(x, xp.float32, device="sim:0")
    assert (str(out.device), out.dtype) == ("sim:0", xp.float32)
    xp.sum(out).backward()
    assert str(x.grad.device) == "cpu" and x.grad.dtype == xp.float64
    assert xp.astype(x, x.dtype, copy=False, device="cpu") is x


def test_methods():
    x = xp.asarray([1.5, 0.0])
    pairs = [("float", "float32"), ("double", "float64"), ("half", "float16"), ("long", "int64"),
             ("int", "int32"), ("bool", "bool")]  # fmt: skip
    for method, name in pairs:
        assert getattr(x, method)().dtype == getattr(xp, name)
    assert x.double() is x and x.to(xp.float64) is x
    assert x.astype("int8").dtype == xp.int8 and x.astype(x.dtype, copy=False) is x
    assert x.astype(np.float32).dtype == xp.float32 and x.astype(int).dtype == xp.int64


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_promotion_is_that_of_numpy(a, b):
    expected = np.result_type(a, b)
    first, second = getattr(xp, a), xp.zeros(2, dtype=b)
    assert xp.result_type(first, second) == expected
    assert (first == getattr(xp, b)) == (a == b)
    assert xp.can_cast(first, getattr(xp, b)) == np.can_cast(a, b)
    assert xp.can_cast(second, first) == np.can_cast(b, a)
    for scalar in (True, 1, 1.0, 1j):
        assert xp.result_type(scalar, first) == np.result_type(scalar, np.dtype(a))


def test_result_type_of_mixed_arguments():
    assert xp.result_type("float32", xp.int8, 1.0) == xp.float32
    assert xp.result_type(np.float32(1), 2.0) == xp.float32
    assert xp.result_type(np.zeros(2, dtype="i2"), xp.uint8) == xp.int16
    for arguments in ((), (1, 2.0)):
        with pytest.raises(ValueError, match="result_type"):
            xp.result_type(*arguments)


def test_isdtype():
    kinds = {
        "bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu",
        "real floating": "f", "complex floating": "c", "numeric": "iufc",
    }  # fmt: skip
    for name, (kind, letters) in itertools.product(NAMES, kinds.items()):
        assert xp.isdtype(getattr(xp, name), kind) == (np.dtype(name).kind in letters)
    assert xp.isdtype(xp.float32, xp.float32) and not xp.isdtype(xp.float32, xp.float64)
    assert xp.isdtype(xp.int8, ("real floating", xp.int8)) and not xp.isdtype(xp.int8, ())


def test_limits():
    for name in NAMES:
        dtype = getattr(xp, name)
        kind = np.dtype(name).kind
        if kind in "fc":
            info, theirs = xp.finfo(dtype), np.finfo(name)
            for field in ("bits", "eps", "max", "min", "smallest_normal"):
                assert getattr(info, field) == getattr(theirs, field)
                assert type(getattr(info, field)) is (int if field == "bits" else float)
            assert info.dtype == theirs.dtype and xp.finfo(xp.zeros(1, dtype=dtype)) == info
        elif kind in "iu":
            info, theirs = xp.iinfo(dtype), np.iinfo(name)
            assert (info.bits, info.max, info.min) == (theirs.bits, theirs.max, theirs.min)
            assert info.dtype == dtype and xp.iinfo(xp.zeros(1, dtype=dtype)) == info


ERRORS = [
    (lambda: xp.astype(xp.ones(2), "flaot32"), TypeError, "astype: dtype is 'flaot32'.*'float32'"),
    (lambda: xp.astype(xp.ones(2), None), TypeError, "astype: dtype is None; allowed are"),
    (lambda: xp.astype([1.0], xp.int8), TypeError, "astype: x is a builtins.list"),
    (lambda: xp.finfo(xp.int64), TypeError, "finfo: type is int64; allowed are floating"),
    (lambda: xp.iinfo(xp.float64), TypeError, "iinfo: type is float64; allowed are integer"),
    (lambda: xp.iinfo("bool"), TypeError, "iinfo: type is bool"),
    (lambda: xp.isdtype(xp.int8, "floating"), ValueError, "isdtype: kind is 'floating'; allowed"),
    (lambda: xp.isdtype(3, "bool"), TypeError, "isdtype: dtype is 3"),
    (lambda: xp.isdtype(xp.int8, 3), TypeError, "isdtype: kind is 3"),
    (lambda: xp.can_cast(1, xp.int8), TypeError, "can_cast: from_ is 1"),
    (lambda: xp.can_cast(xp.int8, "x"), TypeError, "can_cast: to is 'x'"),
    (lambda: xp.result_type([1], xp.int8), TypeError, r"result_type: an argument is \[1\]"),
    (lambda: xp.set_default_dtype(xp.int8), TypeError, "set_default_dtype: dtype is int8; allowed"),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS, ids=[e[2][:40] for e in ERRORS])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
