"""Branches of the operations that the rows of the tables do not take."""

import array_api_strict as strict
import numpy as np
import pytest

import tensorxp as xp
import tensorxp.nn.functional as F
from tensorxp._backend import blocks, kernels, loops
from tensorxp._core.watchers import Watcher, watch
from tensorxp._ops import columns, gelu, indexing

R = np.random.default_rng(5)


def test_relu_of_large_arrays_without_loops():
    n = 2 * blocks.SMALL + 3
    for x in (R.normal(size=n), R.normal(size=(3, n // 2)).astype("float32")):
        with loops.turned_off():
            found = F.relu(xp.asarray(x)).numpy()
        assert found.dtype == x.dtype and (found == np.maximum(x, 0)).all()


def complex_leaf():
    z = R.normal(size=4) + 1j * R.normal(size=4)
    return xp.asarray(z, requires_grad=True), z


def slope_of(f, z, h=1e-6):
    return (f(z + h) - f(z - h)) / (2 * h)


def test_silu_of_complex_numbers():
    x, z = complex_leaf()
    out = F.silu(x)

    def formula(z):
        return z / (1 + np.exp(-z))

    np.testing.assert_allclose(out.detach().numpy(), formula(z), rtol=1e-12)
    one = xp.ones(4, dtype=x.dtype)
    (first,) = xp.autograd.grad(out, [x], one, create_graph=True)
    np.testing.assert_allclose(first.detach().numpy().conj(), slope_of(formula, z), rtol=1e-7)
    (second,) = xp.autograd.grad(first, [x], one)
    right = slope_of(lambda z: slope_of(formula, z, 1e-4), z, 1e-4)
    np.testing.assert_allclose(second.numpy().conj(), right, rtol=1e-4)


def test_clip_of_an_array_between_tensors():
    lo, hi = xp.asarray([1.0, 3.0]), xp.asarray([2.5, 4.0])
    assert xp.clip(np.full(2, 2.0), lo, hi).tolist() == [2.0, 3.0]
    assert xp.clip(np.full(2, 2.0), lo, None).tolist() == [2.0, 3.0]
    assert xp.clip(np.full(2, 3.5), None, hi).tolist() == [2.5, 3.5]
    for bounds in ((1.0, 3.0), (lo, None)):
        with pytest.raises(TypeError, match=r"clip: x is a (builtins\.)?float"):
            xp.clip(2.0, *bounds)


CONVOLUTIONS = [
    {"padding": 1}, {"padding": 0}, {"stride": 2, "padding": 1}, {"padding": 3}, {"groups": 2},
    {"dilation": 2, "padding": 2}, {"stride": (1, 2), "groups": 2},
]  # fmt: skip


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("needs", ["both", "x", "weight"])
def test_convolutions_in_blocks_of_images(options, needs, monkeypatch):
    """Blocks of two images leave one for the last: the same as all at once, to rounding."""
    x, ct = R.normal(size=(5, 2, 5, 6)), None
    weight = R.normal(size=(4, 2 // options.get("groups", 1), 3, 3))
    bias = R.normal(size=4)
    found = []
    with loops.turned_off():
        for limit in (columns.LIMIT, 2 * 2 * 9 * 11 * 12):
            monkeypatch.setattr(columns, "LIMIT", limit)
            given = [xp.asarray(x), xp.asarray(weight)]
            wanted = [t for t, name in zip(given, ("x", "weight"), strict=True)
                      if needs in (name, "both")]  # fmt: skip
            for t in wanted:
                t.requires_grad_()
            out = F.conv2d(*given, xp.asarray(bias), **options)
            ct = np.cos(np.arange(out.size)).reshape(out.shape)
            slopes = xp.autograd.grad(out, wanted, xp.asarray(ct))
            found.append([out.detach().numpy(), *[s.numpy() for s in slopes]])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    # the adjoint: Σ ct (out - bias) = Σ slope x for each of the two factors
    flat = (found[0][0] - bias[:, None, None]) * ct
    for t, slope in zip(wanted, found[0][1:], strict=True):
        np.testing.assert_allclose(flat.sum(), (t.detach().numpy() * slope).sum(), rtol=1e-10)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_blocks_hold_as_many_images_as_fit(count, monkeypatch):
    g = columns.Geometry((5, 2, 4, 4), (3, 2, 3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1)
    monkeypatch.setattr(columns, "LIMIT", count * 2 * 9 * 2 * 2)
    assert columns.Blocks(np_namespace(), g, np.dtype(float)).count == count
    assert not columns.Geometry((5, 2, 4, 4), (3, 2, 1, 1), (1, 2), ((0, 0),) * 2, (1, 1), 1).plain
    assert columns.Geometry((5, 2, 4, 4), (3, 2, 1, 1), (1, 1), ((0, 0),) * 2, (1, 1), 1).plain


def np_namespace():
    return xp.device("cpu").raw


def test_what_other_libraries_hold_becomes_a_tensor():
    other = strict.asarray([1.0, 2.0])
    x = xp.asarray(other)
    assert x.tolist() == [1.0, 2.0] and x.dtype is xp.float64
    assert xp.asarray(other, dtype=xp.float32).dtype is xp.float32
    copied = xp.asarray(other, copy=True)
    other[0] = 5.0
    assert copied.tolist() == [1.0, 2.0]
    shared = xp.asarray(other, copy=False)
    other[1] = 7.0
    assert shared.tolist() == [5.0, 7.0]


class Odd(np.ndarray):
    """A subclass that holds nothing else."""


def test_subclasses_and_what_has_an_array():
    odd = np.asarray([1.0, 2.0]).view(Odd)
    x = xp.asarray(odd)
    assert type(x._data) is np.ndarray and x.tolist() == [1.0, 2.0]
    assert np.shares_memory(x._data, odd)
    assert not np.shares_memory(xp.asarray(odd, copy=True)._data, odd)


def test_integers_that_no_dtype_holds_together():
    assert xp.asarray([2**63, 0]).dtype is xp.uint64
    assert xp.asarray([2**63, 0]).tolist() == [2**63, 0]
    with pytest.raises(OverflowError, match="below 0 and others from"):
        xp.asarray([2**63, -1])
    assert xp.asarray([2**63 - 1, -1]).tolist() == [2**63 - 1, -1]


def test_a_linear_map_with_a_wider_bias():
    x, w = R.normal(size=(2, 3)).astype("float32"), R.normal(size=(4, 3)).astype("float32")
    bias = R.normal(size=4)
    for b in (bias, bias.astype("float32"), bias + 0j):
        found = F.linear(xp.asarray(x), xp.asarray(w), xp.asarray(b)).numpy()
        assert found.dtype == np.result_type(x, b)
        np.testing.assert_allclose(found, x @ w.T + b, rtol=1e-5)


def test_information_on_the_namespace():
    info = xp.__array_namespace_info__()
    assert info.capabilities() == {
        "boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64
    }  # fmt: skip
    devices = info.devices()
    assert devices + [1] == [*devices, 1] and [1] + devices == [1, *devices]  # noqa: RUF005
    assert devices + (1,) == (*devices, 1) and (1,) + devices == (1, *devices)  # noqa: RUF005
    theirs = strict.__array_namespace_info__()
    one = (
        "bool", "signed integer", "unsigned integer", "integral", "real floating",
        "complex floating", "numeric",
    )  # fmt: skip
    for kind in (*one, ("bool", "integral"), ("real floating",), ()):
        assert set(info.dtypes(kind=kind)) == set(theirs.dtypes(kind=kind)), kind
    with pytest.raises(ValueError, match="kind is 'odd'"):
        info.dtypes(kind=("bool", "odd"))


def test_gelu_without_a_library_for_the_normal_distribution(monkeypatch):
    x, found = R.normal(size=7), []
    with loops.turned_off():
        for there in (True, False):
            if not there:
                monkeypatch.setattr(gelu, "available", lambda xp: False)
                monkeypatch.setattr(kernels, "available", lambda xp: False)
            t = xp.asarray(x, requires_grad=True)
            out = F.gelu(t)
            (slope,) = xp.autograd.grad(out.sum(), [t])
            found.append((out.detach().numpy(), slope.numpy(), gelu.normal_of(np_namespace(), x)))
    for there, missing in zip(*found, strict=True):
        np.testing.assert_allclose(missing, there, rtol=1e-14)


def test_variances_of_large_arrays():
    """By a loop where there is one: over some axes, all, and of rows shifted far from zero."""
    n = int(np.sqrt(loops.LARGE)) + 2
    x = R.normal(size=(n, n)) + 5
    for axis in (None, 0, 1):
        for correction in (0, 1):
            t = xp.asarray(x, requires_grad=True)
            out = xp.var(t, axis=axis, correction=correction)
            right = x.var(axis=axis, ddof=correction)
            np.testing.assert_allclose(out.detach().numpy(), right, rtol=1e-12)
            out.sum().backward()
            size = x.size if axis is None else n
            slope = 2 * (x - x.mean(axis=axis, keepdims=True)) / (size - correction)
            np.testing.assert_allclose(t.grad.numpy(), slope, rtol=1e-9, atol=1e-12)


def test_quotients_by_one_number():
    n = loops.LARGE + 1
    a, b = R.normal(size=n), np.asarray([1.7])
    x, y = xp.asarray(a), xp.asarray(b, requires_grad=True)
    (x / y).backward(xp.asarray(np.cos(a)))
    np.testing.assert_allclose(y.grad.numpy(), [-(np.cos(a) * a).sum() / 1.7**2], rtol=1e-10)


def test_arrays_beside_tensors_of_indices():
    a, k = R.normal(size=(3, 4)), xp.asarray([2, 0])
    assert (xp.take(a, k, axis=1).numpy() == a[:, [2, 0]]).all()
    rows = xp.asarray([[0], [2], [1]])
    assert (xp.take_along_axis(a, rows, axis=1).numpy() == a[[0, 1, 2], [0, 2, 1], None]).all()
    x = xp.asarray(R.normal(size=(2, 3, 4)))
    for axes in ((1, 2, 0), [0, 2, 1]):
        assert (x.transpose(axes).numpy() == x.numpy().transpose(axes)).all()


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_the_slope_of_quantiles_by_their_place(method):
    a, places = R.normal(size=(2, 5)), np.asarray([0.1, 0.25, 0.6])
    for q in (places, places[0]):
        x, t = xp.asarray(a, requires_grad=True), xp.asarray(q, requires_grad=True)
        out = xp.quantile(x, t, axis=1, method=method)
        right = np.quantile(a, q, axis=1, method=method)
        np.testing.assert_allclose(out.detach().numpy(), right, rtol=1e-12)
        ct = np.cos(np.arange(out.size)).reshape(out.shape)
        gx, gq = xp.autograd.grad(out, [x, t], xp.asarray(ct))

        def of(rows, q, ct=ct):
            return (np.quantile(rows, q, axis=1, method=method) * ct).sum(axis=-1)

        if method == "linear":
            up, at = of(a, q + 1e-7), of(a, q)
            slope = np.atleast_1d((up - at) / 1e-7)
            np.testing.assert_allclose(np.atleast_1d(gq.numpy())[0], slope[0], rtol=1e-5)
        else:
            assert (gq.numpy() == 0).all()
        np.testing.assert_allclose((gx.numpy() * a).sum(), of(a, q).sum(), rtol=1e-12)
    assert xp.quantile(xp.asarray(a), xp.asarray([]), axis=1).shape == (0, 2)
    assert xp.quantile(xp.asarray(a), xp.zeros((2, 0)), axis=1, keepdims=True).shape == (2, 0, 2, 1)


def test_convolutions_without_outputs():
    for options in ({"stride": 2}, {}):
        x = xp.asarray(R.normal(size=(2, 3, 5, 5)), requires_grad=True)
        weight = xp.zeros((0, 3, 3, 3), requires_grad=True)
        slopes = xp.autograd.grad(F.conv2d(x, weight, **options).sum(), [x, weight])
        assert (slopes[0].numpy() == 0).all() and slopes[1].shape == (0, 3, 3, 3)


def test_targets_that_are_no_classes_are_named():
    x = xp.asarray(R.normal(size=(4, 3)))
    for wrong in (3, -1):
        with pytest.raises(
            IndexError, match=f"Target {wrong} is out of bounds; allowed are 0 to 2"
        ):
            F.nll_loss(x, xp.asarray([0, wrong, 2, -100]))
    assert np.isfinite(float(F.nll_loss(x, xp.asarray([0, 1, 2, -100]))))


def test_recording_is_left_as_it_is_by_inference_mode_of_false():
    for outer in (xp.no_grad, xp.enable_grad):
        with outer():
            before = xp.is_grad_enabled()
            with xp.inference_mode(False):
                assert xp.is_grad_enabled() is before
            with xp.inference_mode():
                assert not xp.is_grad_enabled()
            assert xp.is_grad_enabled() is before


def test_bounds_of_indices_for_devices_that_do_not_check_them():
    x = xp.zeros((3, 5))
    for right in ([], [4, -5], [0]):
        indexing._check_bounds(x, np.asarray(right, dtype=int), "f")
    for wrong in ([5], [-6], [0, 7]):
        with pytest.raises(IndexError, match=r"f: an index is out of bounds for shape \(3, 5\)"):
            indexing._check_bounds(x, np.asarray(wrong), "f")


def test_what_is_read_into_python_is_told():
    class Noting(Watcher):
        read_values = ()

        def read(self, x):
            self.read_values += (x._data.tolist(),)

    watcher, x = Noting(), xp.asarray([0.5, 2.0])
    with watch(watcher):
        assert xp.allclose(x, x) is True and float(x[xp.asarray(1)].detach()) == 2.0
        x[xp.asarray([1, 0])]
    assert watcher.read_values[:2] == ([True, True], 1)
