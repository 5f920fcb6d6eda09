"""Reductions of small arrays beside NumPy's of the same arrays in double precision."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import loops
from tensorxp._backend.sim import simulated_devices

built = pytest.mark.skipif(not loops.available(), reason="the loops are not built, or off")
FUNCTIONS = ("sum", "prod", "mean", "max", "min", "var", "std", "any", "all")
SHAPES = [(), (1,), (7,), (8,), (9,), (128,), (129,), (4, 4), (3, 1, 5), (2, 3, 4), (40, 5)]


def axes(ndim):
    found = [None, tuple(range(ndim)), *range(ndim), -1][: 3 + ndim] if ndim else [None, ()]
    return [*found, (0, 2), (1, 2), (2, 1), ()] if ndim == 3 else found


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name, shape, dtype):
    a = np.random.default_rng(len(name)).standard_normal(shape)
    a = np.asarray(a > 0 if dtype == "bool" else a, dtype)
    for axis in axes(len(shape)):
        for keepdims in (False, True):
            found = getattr(xp, name)(xp.asarray(a), axis=axis, keepdims=keepdims).numpy()
            wide = a if dtype == "bool" else a.astype(np.float64)
            expected = getattr(np, name)(wide, axis=axis, keepdims=keepdims)
            assert found.shape == expected.shape
            assert found.dtype == (dtype if a.dtype.kind == "f" else expected.dtype) or (
                name in ("any", "all") and found.dtype == bool
            )
            np.testing.assert_allclose(
                found, expected, rtol=1e-6 if dtype == "float32" else 1e-13, atol=1e-15
            )


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("make", [
    lambda a: a.T, lambda a: a[:, ::2], lambda a: a.astype("f2"),
    lambda a: a.astype(complex), lambda a: a.astype(int), lambda a: a[1:1],
])  # fmt: skip
def test_what_is_left_to_numpy(name, make):
    a = make(np.arange(1.0, 13).reshape(3, 4))
    x = xp.asarray(a, copy=False)
    if not a.size and name in ("max", "min"):
        with pytest.raises(ValueError, match=name):
            getattr(xp, name)(x)
        return
    with np.errstate(all="ignore"), pytest.MonkeyPatch.context() as patch:
        found = getattr(xp, name)(x).numpy() if a.size else None
        patch.setattr(loops, "small", lambda *args: None)
        if a.size:
            expected = getattr(xp, name)(x).numpy()
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", [0, 3, 8])
def test_nan_propagates_and_is_true(place, dtype):
    a = np.arange(1, 10, dtype=dtype)
    a[place] = np.nan
    x = xp.asarray(a)
    for name in ("sum", "prod", "mean", "max", "min", "var", "std"):
        assert np.isnan(getattr(xp, name)(x).numpy()), name
    assert np.isnan(xp.linalg.vector_norm(x).numpy())
    assert xp.all(x) and xp.any(xp.asarray([np.nan])) and not xp.all(xp.asarray([np.nan, -0.0]))


@built
def test_single_precision_is_accumulated_in_double():
    x = xp.asarray(np.asarray([1e8, 1, -1e8], np.float32))
    assert float(xp.sum(x)) == 1 and abs(float(xp.mean(x)) - 1 / 3) < 1e-7
    assert float(xp.prod(xp.asarray(np.asarray([1e30, 1e30, 1e-30], np.float32)))) > 9e29
    assert (
        abs(float(xp.linalg.vector_norm(xp.asarray([3e30, 4e30], dtype="float32"))) / 5e30 - 1)
        < 1e-6
    )


def test_correction():
    a = np.arange(4.0)
    x = xp.asarray(a)
    assert float(xp.var(x, correction=1)) == np.var(a, ddof=1)
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        assert np.isnan(float(xp.var(xp.asarray([0.0]), correction=1)))
    with pytest.raises(TypeError):
        xp.var(x, correction="1")


@built
def test_turned_off():
    a = np.random.default_rng(0).standard_normal((4, 5))
    x = xp.asarray(a)
    assert loops.small(loops.SUM, a, None, False) is not None
    with loops.turned_off():
        assert loops.small(loops.SUM, a, None, False) is None
        expected = xp.mean(x, axis=1)
    np.testing.assert_allclose(xp.mean(x, axis=1).numpy(), expected.numpy(), rtol=1e-15)
    assert loops.small(loops.SUM, a, None, False) is not None


def test_a_simulated_device():
    with simulated_devices(1):
        x = xp.asarray(np.arange(6.0).reshape(2, 3), device="sim:0")
        for name in FUNCTIONS:
            out = getattr(xp, name)(x, axis=1)
            assert out.device == x.device and out.shape == (2,)


def test_a_view_written_to():
    x = xp.asarray(np.arange(4.0))
    x.requires_grad_(True)
    y = x * 1
    part = y[:2]
    y[0] = 5.0
    top = xp.max(part)
    top.backward()
    assert float(top) == 5 and x.grad.tolist() == [0, 0, 0, 0]
