"""The compiled loops give what NumPy gives, and leave to NumPy what they cannot read."""

import ctypes
import os
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.special

import tensorxp as xp
from tensorxp._backend import loops

pytestmark = pytest.mark.skipif(not loops.available(), reason="the loops are not built, or off")

F = xp.nn.functional
DTYPES = (np.float32, np.float64)
EDGES = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-40, -3e-5, 1e4, -1e4, 1e30, -1e30, 88.5, -103.5]


@pytest.fixture(params=[True, False], ids=["widest", "avx2"])
def wide(request):
    """Use each instruction set that the processor has."""
    loops._loops.set_wide(request.param)
    yield
    loops._loops.set_wide(True)


@pytest.fixture(params=[1, 3])
def threads(request):
    """Use one thread and several."""
    before = loops.set_threads(request.param)
    yield
    loops.set_threads(before)


def values(dtype, *shape, scale=3.0):
    """Return normal numbers."""
    return (np.random.default_rng(0).standard_normal(shape) * scale).astype(dtype)


def ulps(found, wanted):
    """Return the largest error in units in the last place of the wanted value."""
    spacing = np.spacing(np.abs(wanted.astype(found.dtype))).astype(np.longdouble)
    return float(np.max(np.abs(found.astype(np.longdouble) - wanted) / spacing))


def normal(x):
    return scipy.special.ndtr(x.astype(np.float64)).astype(np.longdouble)


def density(x):
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def by_tanh(x):
    """Return σ(2 √(2/π) (x + 0.044715 x³)) and the derivative of its argument."""
    root = np.sqrt(np.longdouble(2) / np.pi)
    inner = 2 * root * (x + np.longdouble(0.044715) * x**3)
    return 1 / (1 + np.exp(-inner)), 2 * root * (1 + 3 * np.longdouble(0.044715) * x * x)


def by_tanh_slope(x):
    s, inner = by_tanh(x)
    return s + x * s * (1 - s) * inner


ORACLES = {
    "gelu": lambda x: x * normal(x),
    "gelu_tanh": lambda x: x * by_tanh(x)[0],
    "gelu_slope": lambda x: normal(x) + x * density(x),
    "gelu_tanh_slope": by_tanh_slope,
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_erf_and_sigmoid_are_accurate(dtype, wide, threads):
    x = np.concatenate([values(dtype, 50_000), values(dtype, 5_000, scale=1e-3)])
    erf = scipy.special.erf(x.astype(np.float64)).astype(np.longdouble)
    assert ulps(loops.mapped("erf", x), erf) <= 2.01
    sigmoid = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    assert ulps(loops.mapped("sigmoid", x), sigmoid) <= 2.5


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gelu_is_accurate(dtype, name, wide, threads):
    x = values(dtype, 60_000)
    if name.endswith("slope"):
        ones = np.ones_like(x)
        found = loops.mapped_with(name, x, ones)
        broadcast = loops.mapped_with(name, x, np.broadcast_to(dtype(1), x.shape))
        np.testing.assert_array_equal(found, broadcast)
        np.testing.assert_array_equal(loops.mapped_with(name, x, ones * 2), found * 2)
    else:
        found = loops.mapped(name, x)
    wanted = ORACLES[name](x.astype(np.longdouble))
    error = np.abs(found - wanted) / np.maximum(np.abs(x), 1)
    assert error.max() <= 4 * np.finfo(dtype).eps


def rows(function, axis=-1):
    return lambda x: function(x, axis=axis)


PUBLIC = {
    "erf": xp.special.erf,
    "sigmoid": F.sigmoid,
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "softmax": rows(xp.special.softmax),
    "softmax_all": rows(xp.special.softmax, None),
    "log_softmax": rows(xp.special.log_softmax),
    "logsumexp": rows(xp.special.logsumexp),
    "logsumexp_kept": lambda x: xp.special.logsumexp(x, axis=(-2, -1), keepdims=True),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:], x[0] * 2, x[1] + 1),
    "layer_norm_plain": lambda x: F.layer_norm(x, x.shape[-1:]),
    "sum": xp.sum,
    "mean": xp.mean,
    "divide_rows": lambda x: x / (2 + x[:, :1] ** 2),
    "divide_columns": lambda x: x / (2 + x[:1] ** 2),
} | {
    f"{name}_{axis}": lambda x, fn=fn, axis=axis: fn(x, axis=axis)
    for name, fn in {"sum": xp.sum, "mean": xp.mean, "var": xp.var, "std": xp.std}.items()
    for axis in (0, 1, None)
}  # fmt: skip


def both(function, array):
    """Return the value and the gradient of `function`, weighted so that no cotangent is even."""
    x = xp.asarray(array.copy(), requires_grad=True)
    out = function(x)
    weight = xp.asarray(np.linspace(0.5, 2, out.size, dtype=array.dtype).reshape(out.shape))
    xp.sum(out * weight).backward()
    return out.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("shape", [(3, 5), (70, 130), (2, 40_000), (9_000, 17), (300, 600)])
@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_with_and_without(dtype, name, shape):
    x = values(dtype, *shape)
    found = both(PUBLIC[name], x)
    with loops.turned_off():
        wanted = both(PUBLIC[name], x.astype(np.float64))
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == dtype
        tolerance = 50 * np.finfo(dtype).eps
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max()))


@pytest.mark.parametrize(
    "name", ["erf", "sigmoid", "relu", "gelu", "gelu_tanh", "softmax", "log_softmax", "logsumexp"]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_special_values(dtype, name, wide):
    edges = np.asarray(EDGES, dtype)
    x = np.concatenate(
        [
            np.stack([np.roll(edges, i) for i in range(4)]),
            np.stack([edges[-4:]] * 13, axis=1),
            np.stack([np.full(13, -np.inf), np.full(13, np.inf), np.where(edges > 0, np.inf, 1)]),
        ]
    ).astype(dtype)
    with np.errstate(all="ignore"):
        found = both(PUBLIC[name], x)
        with loops.turned_off():
            wanted = both(PUBLIC[name], x)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 3), (300, 257), (2, 70_000)])
def test_cross_entropy(shape, dtype, reduction, threads):
    labels = xp.asarray(np.random.default_rng(1).integers(0, shape[1], shape[0]))
    weight = xp.asarray(np.linspace(1, 2, shape[1], dtype=dtype))

    def loss(x):
        return F.cross_entropy(
            x, labels, xp.astype(weight, x.dtype), ignore_index=2, reduction=reduction
        )

    x = values(dtype, *shape)
    found = both(loss, x)
    with loops.turned_off():
        wanted = both(loss, x.astype(np.float64))
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_targets_out_of_bounds_are_an_error():
    x, scale = values(np.float32, 4, 3), np.ones(4, np.float32)
    with pytest.raises(IndexError, match="out of bounds"):
        loops.cross_entropy(x, np.asarray([0, 1, 2, 3]), scale)
    last = loops.cross_entropy(x, np.asarray([-1] * 4), scale)
    for a, b in zip(last, loops.cross_entropy(x, np.asarray([2] * 4), scale), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("correction", [0, 1, 2.5])
def test_moments_do_not_cancel(correction):
    x = values(np.float64, 200, 200, scale=1.0) + 1e8
    for axis in (0, 1, None):
        found = xp.var(xp.asarray(x), axis=axis, correction=correction).numpy()
        with loops.turned_off():
            wanted = xp.var(xp.asarray(x), axis=axis, correction=correction).numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-7)


STEPS = {
    "sgd": lambda p: xp.optim.SGD(p, lr=0.1),
    "decay": lambda p: xp.optim.SGD(p, lr=0.1, weight_decay=0.1, maximize=True),
    "momentum": lambda p: xp.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.1),
    "nesterov": lambda p: xp.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: xp.optim.Adam(p, lr=0.1, weight_decay=0.1),
    "amsgrad": lambda p: xp.optim.Adam(p, lr=0.1, amsgrad=True, maximize=True),
    "adamw": lambda p: xp.optim.AdamW(p, lr=0.1),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_steps(dtype, name, threads):
    def trained():
        p = xp.asarray(values(dtype, 50_000), requires_grad=True)
        optimizer = STEPS[name]([p])
        for i in range(4):
            p.grad = xp.asarray(values(dtype, 50_000, scale=1 + i) + dtype(i))
            optimizer.step()
        return p.detach().numpy()

    found = trained()
    with loops.turned_off():
        wanted = trained()
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_what_cannot_be_read_is_left_to_numpy():
    x = values(np.float32, 6, 4)
    shifted = np.frombuffer(b"\0" + x.tobytes(), np.float32, count=24, offset=1)
    others = [x.T, x[::2], x.astype(">f4"), x.astype(np.float16), x.astype(int), shifted]
    for other in others:
        assert loops.mapped("erf", other) is None
    assert loops.by_rows("softmax", x, (0,)) is None
    assert loops.by_rows("softmax", x[:0], (1,)) is None
    for function in (xp.special.erf, rows(xp.special.softmax, 0), rows(xp.special.softmax)):
        np.testing.assert_allclose(
            function(xp.asarray(x).T).numpy(), function(xp.asarray(x.T.copy())).numpy(), rtol=1e-6
        )


def test_buffers_are_checked():
    number = loops._NUMBERS["softmax"]
    x = values(np.float32, 4, 4)
    frozen = np.empty_like(x)
    frozen.flags.writeable = False
    for n, m, out in [(4, 5, x.copy()), (4, 4, x[:3].copy()), (-1, 4, x.copy()), (4, 4, frozen)]:
        with pytest.raises((ValueError, BufferError)):
            loops._loops.run(number, 4, n, m, out, x)
    with pytest.raises(TypeError):
        loops._loops.run(number, 4, 4, 4, x.copy())
    with pytest.raises(ValueError, match="no such loop"):
        loops._loops.run(1000, 4, 4, 4, x.copy(), x)


def test_launch_takes_plain_arrays_only():
    launch = loops._loops.launch
    double, data = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3), np.arange(3.0)
    seen = []

    def run(program, arrays, limit):
        pointers = ctypes.cast(arrays, ctypes.POINTER(ctypes.c_void_p))
        seen.append((program, pointers[0], limit))
        return 0

    entry = double(run)
    head = object.__basicsize__
    flags = head + 6 * ctypes.sizeof(ctypes.c_void_p)
    address = ctypes.cast(entry, ctypes.c_void_p).value
    plan = struct.pack("8q", address, 1234, head, flags, 7, 0, 1, 1)
    assert launch(plan, [None, data], np.ndarray) is True
    assert seen == [(1234, data.ctypes.data, 7)]
    for other in (data[::2], np.float64(1), [1.0], None, data.view(np.matrix)):
        assert launch(plan, [None, other], np.ndarray) is False
    assert launch(plan, [None], np.ndarray) is False
    assert len(seen) == 1
    with pytest.raises(TypeError):
        launch(plan, (None, data), np.ndarray)


def test_results_do_not_depend_on_the_threads():
    x = values(np.float32, 1000, 300)
    before = loops.set_threads(1)
    try:
        one = [loops.total(x, axis, False) for axis in ((0,), (1,), None)]
        loops.set_threads(5)
        for axis, wanted in zip(((0,), (1,), None), one, strict=True):
            np.testing.assert_array_equal(loops.total(x, axis, False), wanted)
    finally:
        loops.set_threads(before)


def test_callers_in_several_threads():
    before = loops.set_threads(3)
    x = [values(np.float32, 100_000) + i for i in range(4)]
    wanted = [loops.mapped("erf", a) for a in x]
    wrong = []

    def work(i):
        for _ in range(50):
            if not np.array_equal(loops.mapped("erf", x[i]), wanted[i]):
                wrong.append(i)

    started = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    loops.set_threads(before)
    assert not wrong


FORK = """
import os, threading
import numpy as np
from tensorxp._backend import loops

loops.set_threads(4)
x = np.linspace(-3, 3, 300_000, dtype=np.float32)
wanted = loops.mapped("erf", x)
stop = threading.Event()

def busy():  # so that some forks come while a job is running
    while not stop.is_set():
        loops.mapped("erf", x)

thread = threading.Thread(target=busy)
thread.start()
children = []
for _ in range(20):
    pid = os.fork()
    if not pid:
        good = all(np.array_equal(loops.mapped("erf", x), wanted) for _ in range(5))
        os._exit(0 if good else 1)
    children.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in children]
stop.set()
thread.join()
assert not any(codes), codes
assert np.array_equal(loops.mapped("erf", x), wanted)
"""


def run(code, **environment):
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    given = {**os.environ, **environment}
    done = subprocess.run(
        command, env=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_children_have_a_pool_of_their_own():
    run(FORK)


def test_environment():
    code = "from tensorxp._backend import loops; print(loops.available(), loops.set_threads(1))"
    assert run(code, TENSORXP_LOOPS="0").split() == ["False", "1"]
    assert run(code, TENSORXP_NUM_THREADS="7").split() == ["True", "7"]
    assert run(code, TENSORXP_NUM_THREADS="", OMP_NUM_THREADS="2,1").split() == ["True", "2"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100, 127, 128, 129, 300])
def test_small_sums(n, dtype):
    a = np.random.default_rng(n).standard_normal(n).astype(dtype)
    found = xp.sum(xp.asarray(a)).numpy()
    assert found.dtype == dtype and found.shape == ()
    np.testing.assert_allclose(found, a.astype(np.float64).sum(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "values", [[], [-0.0], [-0.0] * 20, [0.0, -0.0], [np.inf, -np.inf], [np.nan, 1]]
)
def test_small_sums_of_special_values(values):
    a = np.asarray(values, np.float64)
    with np.errstate(invalid="ignore"):
        expected = np.add.reduce(a)
    found = xp.sum(xp.asarray(a)).numpy()
    np.testing.assert_array_equal(found, expected)
    assert np.signbit(found) == np.signbit(expected) or np.isnan(found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_elements_at_an_odd_address(dtype):
    x = xp.asarray(np.frombuffer(b"x", dtype=dtype, offset=1, count=0), copy=False)
    for fn in (F.gelu, F.sigmoid, F.relu, xp.special.erf, F.silu):
        assert fn(x).shape == (0,)
