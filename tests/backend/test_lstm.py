"""The LSTM's compiled recurrence is NumPy's, on each instruction set and number of threads."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import loops
from tensorxp._ops.recurrence import lstm_p

pytestmark = pytest.mark.skipif(
    not loops.available() or not hasattr(loops._loops, "lstm"), reason="the loops are not built"
)

#: Steps' sizes and units: ragged, one row, a full panel and less, more rows than a thread takes.
CASES = [((2, 2, 1), 3), ((5,) * 4, 16), ((32, 32, 20, 13, 1), 33), ((70, 69, 8), 40),
         ((1, 1, 1), 7), ((3,), 1), ((9,) * 70, 5)]  # fmt: skip


@pytest.fixture(params=[True, False], ids=["widest", "avx2"])
def wide(request):
    """Use each instruction set that the processor has."""
    loops._loops.set_wide(request.param)
    yield
    loops._loops.set_wide(True)


def inputs(sizes, units, dtype):
    r = np.random.default_rng(len(sizes) + units)
    rows, batch = sum(sizes), sizes[0]
    shapes = (rows, 4 * units), (batch, units), (batch, units), (4 * units, units)
    given = [r.normal(size=shape).astype(dtype) for shape in shapes]
    return given, [r.normal(size=s).astype(dtype) for s in ((rows, units), *shapes[1:3])]


def run(given, cts, sizes, reverse):
    """Return all outputs and the gradients."""
    tensors = [xp.asarray(x, requires_grad=True) for x in given]
    outs = xp.autograd.apply_primitive(lstm_p, tuple(tensors), {"sizes": sizes, "reverse": reverse})
    grads = xp.autograd.grad(list(outs[:3]), tensors, [xp.asarray(ct) for ct in cts])
    return [x.detach().numpy() for x in (*outs, *grads)]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("sizes", "units"), CASES, ids=str)
def test_values_and_gradients_are_those_of_numpy(sizes, units, dtype, reverse, wide):
    given, cts = inputs(sizes, units, dtype)
    with loops.turned_off():
        wanted = run(given, cts, sizes, reverse)
    for count in (1, 3):
        before = loops.set_threads(count)
        try:
            found = run(given, cts, sizes, reverse)
        finally:
            loops.set_threads(before)
        for ours, theirs in zip(found, wanted, strict=True):
            assert ours.dtype == theirs.dtype
            scale = np.abs(theirs).max() * (2e-5 if dtype == "float32" else 1e-13)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gates_are_accurate(dtype, wide):
    edges = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-40, -3e-5, 30.0, -30.0, 1e30, 9.1, -18.9]
    x = np.random.default_rng(0).normal(size=400) * np.logspace(-9, 1, 400)
    x = np.concatenate([edges, x]).astype(dtype)
    rows = np.zeros((1, 4 * x.size), dtype)
    for j in range(4):
        rows[0, j * x.size : (j + 1) * x.size] = x
    zeros = np.zeros((1, x.size), dtype)
    active = loops.lstm(rows, zeros, zeros, np.zeros((4 * x.size, x.size), dtype), (1,), False)[3]
    exact = x.astype(np.longdouble)
    with np.errstate(all="ignore"):
        wanted = [1 / (1 + np.exp(-exact)), np.tanh(exact)]
    for j, exact in ((0, wanted[0]), (1, wanted[0]), (2, wanted[1]), (3, wanted[0])):
        found = active[0, j * x.size : (j + 1) * x.size]
        spacing = np.spacing(np.abs(exact.astype(dtype))).astype(np.longdouble)
        fine = np.isfinite(exact)
        assert np.array_equal(np.isnan(found), np.isnan(exact))
        error = np.abs(found[fine].astype(np.longdouble) - exact[fine]) / spacing[fine]
        assert error.max() < 4


def test_other_dtypes_and_layouts_are_taken_or_left_to_numpy():
    given, cts = inputs((3, 2), 4, np.float64)
    wanted = run(given, cts, (3, 2), False)
    turned = [np.asfortranarray(x) for x in given]
    for ours, theirs in zip(run(turned, cts, (3, 2), False), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    mixed = [given[0].astype(np.float32), *given[1:]]
    assert loops.lstm(*mixed, (3, 2), False) is None
    assert run(mixed, cts, (3, 2), False)[0].dtype == np.float64
    assert loops.lstm(*[x.astype(np.float16) for x in given], (3, 2), False) is None


def test_arguments_are_checked():
    given, _ = inputs((3, 2), 4, np.float32)
    gates, h, c, weight = given
    outs = [np.empty((5, 16), "f"), *[np.empty((5, 4), "f") for _ in range(3)]]
    call = loops._loops.lstm
    sizes = np.array([3, 2])
    arrays = [gates, h.copy(), c.copy(), weight, *outs]
    assert call(0, 4, 4, 0, sizes, *arrays) is None
    for i in range(len(arrays)):
        wrong = list(arrays)
        wrong[i] = wrong[i][:-1].copy()
        with pytest.raises(ValueError, match=f"array {i}"):
            call(0, 4, 4, 0, sizes, *wrong)
    with pytest.raises(ValueError, match="increase"):
        call(0, 4, 4, 0, np.array([2, 3]), *arrays)
    with pytest.raises(ValueError, match="increase"):
        call(0, 4, 4, 0, np.array([5, -1]), *arrays)
    for head in ((2, 4, 4, 0), (0, 2, 4, 0), (0, 4, 0, 0)):
        with pytest.raises(ValueError, match="no such loop"):
            call(*head, sizes, *arrays)
    with pytest.raises(TypeError):
        call(0, 4)


def test_what_backward_gets_may_be_broadcast():
    given, cts = inputs((3, 3), 4, np.float64)
    found, c, weight = loops.lstm(*given, (3, 3), False), given[2], given[3]
    even = [np.broadcast_to(np.float64(0.5), ct.shape) for ct in cts]
    args = (c, weight, found[3:], (3, 3), False)
    for ours, theirs in zip(
        loops.lstm_back(tuple(even), *args),
        loops.lstm_back(tuple(ct.copy() for ct in even), *args),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
