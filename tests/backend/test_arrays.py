"""What the core asks of small arrays, beside NumPy: values, dtypes, warnings, references."""

import sys

import numpy as np
import pytest

from tensorxp._backend import arrays

BINARY = [
    f
    for f in (getattr(np, name) for name in dir(np))
    if isinstance(f, np.ufunc) and f.nin == 2 and f.nout == 1 and f.signature is None
]
UNARY = [
    f
    for f in (getattr(np, name) for name in dir(np))
    if isinstance(f, np.ufunc) and f.nin == 1 and f.nout == 1 and f.signature is None
]
DTYPES = "?bBhHiIlLqQefdgFDG"


def layouts(dtype, seed):
    """Return arrays of one dtype in every layout that the short way must take or leave."""
    rng = np.random.default_rng(seed)
    base = (rng.normal(size=(3, 4)) * 3).astype(dtype)
    if np.dtype(dtype).kind == "c":
        base = base + base[::-1] * np.asarray(1j).astype(dtype)
    yield base
    yield base.T
    yield base[:, ::2]
    yield base.ravel()
    yield base[:0]
    yield np.array(base[0, 0])
    yield base.astype(base.dtype.newbyteorder())
    raw = np.empty(base.nbytes + 1, np.uint8)[1:]
    unaligned = raw.view(base.dtype).reshape(base.shape)
    unaligned[...] = base
    yield unaligned


def outcome(fn, *args):
    """Return a result, or the error that came instead."""
    try:
        return fn(*args)
    except Exception as error:
        return error


def same(found, expected):
    if isinstance(expected, Exception):
        assert type(found) is type(expected) and str(found) == str(expected)
        return
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("fn", UNARY, ids=lambda f: f.__name__)
def test_functions_of_one_array(fn):
    with np.errstate(all="ignore"):
        for dtype in DTYPES:
            for x in layouts(dtype, 1):
                same(outcome(arrays.call1, fn, x), outcome(fn, x))


@pytest.mark.parametrize("fn", BINARY, ids=lambda f: f.__name__)
def test_functions_of_two_arrays(fn):
    with np.errstate(all="ignore"):
        for dtype in DTYPES:
            left, right = list(layouts(dtype, 1)), list(layouts(dtype, 2))
            for x, y in [*zip(left, right, strict=True), (left[0], right[5]), (left[5], right[0])]:
                same(outcome(arrays.call2, fn, x, y), outcome(fn, x, y))
            other = np.ones((3, 4), np.float32)
            same(outcome(arrays.call2, fn, left[0], other), outcome(fn, left[0], other))
            same(
                outcome(arrays.call2, fn, left[0], right[3][:4]), outcome(fn, left[0], right[3][:4])
            )


@pytest.mark.parametrize("fn", [np.add, np.multiply, np.divide, np.less, np.bitwise_and, np.hypot])
def test_python_scalars_promote_weakly(fn):
    scalars = [0, 1, -3, 2**24, 2**24 + 1, -(2**31), 2**40, 2**70, 0.0, -0.0, 0.1, 1e300, True]
    scalars += [float("inf"), float("nan"), 1e-46, 3.3e38, np.float64(0.1), 2j, None]
    if fn is np.less and np.lib.NumpyVersion(np.__version__) < "2.2.0":
        scalars = [x for x in scalars if type(x) is not int or x in (0, 1)]  # NumPy crashes
    with np.errstate(all="ignore"):
        for dtype in DTYPES:
            for x in layouts(dtype, 3):
                for value in scalars:
                    same(outcome(arrays.call2, fn, x, value), outcome(fn, x, value))
                    same(outcome(arrays.call2, fn, value, x), outcome(fn, value, x))


def test_the_error_state_holds():
    zero, one = np.zeros(3), np.ones(3)
    with np.errstate(all="raise"):
        for fn, args in [
            (np.log, (zero,)), (np.divide, (one, zero)), (np.exp, (one * 1e3,)),
            (np.exp, (one * -1e3,)), (np.sqrt, (-one,)), (np.multiply, (one * 1e300, 1e300)),
            (np.floor_divide, (np.ones(3, int), np.zeros(3, int))),
        ]:  # fmt: skip
            with pytest.raises(FloatingPointError):
                (arrays.call1 if len(args) == 1 else arrays.call2)(fn, *args)
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
        arrays.call1(np.log, zero)
    with np.errstate(all="raise"):  # no flag of an earlier call is taken for one of the next
        arrays.call1(np.exp, one)
    with pytest.raises(ValueError, match="negative integer powers"):
        arrays.call2(np.power, np.ones(3, int), -np.ones(3, int))


def test_rules_take_arrays_of_other_kinds_too():
    x, z = np.arange(4.0), np.arange(4) * (1 + 2j)
    np.testing.assert_array_equal(arrays.times(x, z), x * z)
    np.testing.assert_array_equal(arrays.plus(x, 2), x + 2)
    np.testing.assert_array_equal(arrays.negated(z), -z)
    np.testing.assert_array_equal(arrays.conj(z), z.conj())
    np.testing.assert_array_equal(arrays.conj(x), x)
    assert arrays.conj(2 + 1j) == 2 - 1j and arrays.times(np.float32(2), 3.0) == 6
    with pytest.raises(TypeError):
        arrays.negated(np.ones(3, bool))


def test_sums_in_place():
    for dtype in DTYPES.replace("?", ""):
        for x, y in zip(layouts(dtype, 1), layouts(dtype, 2), strict=True):
            expected = x + y
            assert arrays.add_into(x, y) is x
            np.testing.assert_array_equal(x, expected)
    x = np.zeros((3, 4))
    np.testing.assert_array_equal(arrays.add_into(x, np.arange(4)), np.zeros((3, 4)) + np.arange(4))
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        arrays.add_into(frozen, np.ones(3))


def test_shapes_and_dtypes():
    for x in (np.ones((300, 2, 70000))[:, :, :0], np.float32(3), np.ones((), "i2")):
        assert arrays.shape_of(x) == x.shape and arrays.dtype_of(x) is x.dtype
        assert arrays.fits(x, x.shape, x.dtype)
        assert not arrays.fits(x, (*x.shape, 1), x.dtype)
        assert not arrays.fits(x, x.shape, np.dtype("u1"))
        assert arrays.laid_out(x, x.shape, x.dtype, x.strides)
        assert not arrays.laid_out(x, x.shape, x.dtype, (*x.strides, 1))
        assert not arrays.laid_out(x, x.shape, np.dtype("u1"), x.strides)
    assert not arrays.fits(np.ones((2, 3)), (3, 2), np.dtype("f8"))
    assert not arrays.laid_out(np.ones((3, 3)).T, (3, 3), np.dtype("f8"), (24, 8))


def test_references_are_neither_lost_nor_kept():
    x, y = np.arange(700.0), np.ones(700)
    watched = [x, y, x.dtype, np.add, np.sin, np.multiply, 700]
    before = [sys.getrefcount(item) for item in watched]
    for _ in range(1000):
        arrays.call1(np.sin, x)
        arrays.call2(np.add, x, y)
        arrays.call2(np.add, x, 2.0)
        arrays.times(x, y)
        arrays.negated(x)
        arrays.conj(x)
        arrays.add_into(x, y)
        arrays.shape_of(x)
        arrays.dtype_of(x)
        arrays.fits(x, (700,), x.dtype)
        arrays.laid_out(x, (700,), x.dtype, (8,))
        with np.errstate(all="ignore"):
            arrays.call2(np.divide, x, 0.0)
            outcome(arrays.call2, np.add, x, None)
    after = [sys.getrefcount(item) for item in watched]
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 10


@pytest.mark.parametrize("dtype", ["f4", "f8", "F", "i8", ">f8"])
def test_small_products(dtype):
    rng = np.random.default_rng(4)
    shapes = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((1, 1), (1, 1))]
    shapes += [((2, 0), (0, 3)), ((0, 2), (2, 3)), ((16, 20), (20, 16)), ((2, 2, 3), (3, 2))]
    for left, right in shapes:
        x, y = (rng.integers(-4, 5, s).astype(dtype) for s in (left, right))
        for a in (x, np.asfortranarray(x), np.repeat(x, 2, axis=-1)[..., ::2], x[::-1][::-1]):
            for b in (y, np.asfortranarray(y), np.repeat(y, 2, axis=0)[::2]):
                found, expected = arrays.product(a, b), a @ b
                assert found.dtype == expected.dtype and found.shape == expected.shape
                np.testing.assert_array_equal(found, expected)
    found = arrays.product(np.array([[np.inf, 1.0], [2.0, np.nan]]), np.ones((2, 2)))
    np.testing.assert_array_equal(found, [[np.inf, np.inf], [np.nan, np.nan]])
    for wrong in (np.ones(4), np.ones((4, 2)), np.array(1.0), 2.0):
        with pytest.raises((ValueError, TypeError)):
            arrays.product(np.ones((2, 3)), wrong)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        arrays.product(np.full((2, 2), 1e200), np.full((2, 2), 1e200))


def test_expansion():
    for x in (
        np.array(2.0),
        np.arange(3.0),
        np.ones((3, 1), "F"),
        np.ones((2, 1), ">i4"),
        np.ones((1, 3)),
    ):
        for shape in ((), (3,), (2, 3), (4, 3, 3), (0, 3), (2000, 3), (1,) * 9 + (3,)):
            found = outcome(arrays.expand, np, x, shape)
            same(found, outcome(np.broadcast_to, x, shape))
            assert isinstance(found, Exception) or found.dtype == x.dtype
