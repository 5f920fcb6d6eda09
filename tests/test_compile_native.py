"""`compile` by the machine: random programs, special values, threads, and what goes around it."""

import gc
import importlib
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import tensorxp as xp
from tensorxp._compile.ir import compound, lowering, regions
from tensorxp._compile.native import build, emit
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._ops.exponential import exp_p

needs_compiler = pytest.mark.skipif(bool(build.problem()), reason=build.problem())
BACKENDS = [pytest.param("native", marks=needs_compiler), "replay"]

UNARY = {
    "sin": xp.sin, "cos": xp.cos, "tanh": xp.tanh, "exp": lambda x: xp.exp(xp.sin(x)),
    "log": lambda x: xp.log(xp.abs(x) + 1), "sqrt": lambda x: xp.sqrt(x * x + 0.5), "abs": xp.abs,
    "negative": lambda x: -x, "square": xp.square, "cube": lambda x: xp.sin(x) ** 3,
    "sigmoid": xp.nn.functional.sigmoid, "erf": xp.special.erf,
    "expm1": lambda x: xp.expm1(xp.cos(x)),
    "halve": lambda x: x / 2, "shift": lambda x: 1.5 - x, "floor": lambda x: xp.floor(x * 3) + x,
    "relu": xp.nn.functional.relu, "gelu": xp.nn.functional.gelu,
    "softmax": lambda x: xp.special.softmax(x, axis=-1),
    "log_softmax": lambda x: xp.special.log_softmax(x, axis=-1),
    "reverse": lambda x: xp.flip(x, axis=-1), "turn": lambda x: xp.swapaxes(x, 0, 1).mT * 1,
    "first": lambda x: x[:, :1] + x, "last": lambda x: x[-1:, ::-1] * x, "row": lambda x: x[1] - x,
    "reshape": lambda x: xp.reshape(xp.reshape(x, (-1,)) * 2, x.shape),
    "transpose": lambda x: xp.reshape(x.T, x.shape) + x,
    "roll": lambda x: xp.concat([x[1:], x[:1]], axis=0),
    "stack": lambda x: xp.mean(xp.stack([x, x * x], axis=1), axis=1),
    "sum": lambda x: xp.sum(x) * 0.01 + x, "mean0": lambda x: x - xp.mean(x, axis=0),
    "mean1": lambda x: x - xp.mean(x, axis=1, keepdims=True),
    "max0": lambda x: xp.max(x, axis=0) - x,
    "max1": lambda x: x - xp.max(x, axis=-1, keepdims=True), "min": lambda x: xp.min(x) + x,
    "var": lambda x: x / xp.sqrt(xp.var(x, axis=1, keepdims=True) + 1),
    "var0": lambda x: x / xp.sqrt(xp.var(x, axis=0) + 1),
    "logsumexp": lambda x: xp.special.logsumexp(x, axis=1)[:, None] - x,
    "matvec": lambda x: (x @ x[0])[:, None] * 0.1 + x, "vecmat": lambda x: x[:, 0] @ x * 0.1 + x,
    "product": lambda x: x @ x.T @ x * 0.01,
}  # fmt: skip
BINARY = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1), "maximum": xp.maximum, "minimum": xp.minimum,
    "atan2": lambda a, b: xp.atan2(a, b * b + 1), "hypot": lambda a, b: xp.hypot(a, b + 3),
    "where": lambda a, b: xp.where(a > b, a, b * 2), "less": lambda a, b: a * (a < b),
    "equal": lambda a, b: xp.where((a == b) | (a > 0), a, b), "logaddexp": xp.logaddexp,
    "power": lambda a, b: (a * a + 1) ** xp.sin(b),
}  # fmt: skip


def gap(x, axis):
    """Return how far the largest of `x` along `axis` lies from the next one."""
    x = np.sort(x, axis=axis)
    return np.diff(np.take(x, [-2, -1], axis), axis=axis) if x.shape[axis] > 1 else np.inf


#: How far the inputs of a function lie from where it jumps, or its derivative does.
EDGES = {
    "abs": lambda a, b: a, "relu": lambda a, b: a,
    "floor": lambda a, b: a * 3 - np.round(a * 3),
    "max0": lambda a, b: gap(a, 0), "max1": lambda a, b: gap(a, -1),
    "min": lambda a, b: gap(-a.reshape(-1), 0),
    **dict.fromkeys(("maximum", "minimum", "where", "less"), lambda a, b: a - b),
    "equal": lambda a, b: np.minimum(np.abs(a - b), np.abs(a)),
}  # fmt: skip
step = st.tuples(
    st.sampled_from([*UNARY, *BINARY]), st.integers(0, 7), st.integers(0, 7), st.booleans()
)


def build_program(steps, see=None):
    """Return a function of a matrix and a row that goes through `steps`."""

    def program(x, row):
        values = [x, row + x * 0]
        for name, i, j, tame in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if see is not None:
                see(name, a, b)
            y = UNARY[name](a) if name in UNARY else BINARY[name](a, b)
            values.append(xp.tanh(y) if tame else y * 0.5)
        return sum(values[1:], x)

    return program


def gradients(fn, arrays, weights):
    tensors = [xp.asarray(a, requires_grad=True) for a in arrays]
    out = fn(*tensors)
    xp.sum(out * weights).backward()
    return [out.detach(), *[x.grad for x in tensors]]


def check(fn, compiled, arrays, rtol):
    out = fn(*[xp.asarray(a) for a in arrays])
    weights = xp.asarray(
        np.random.default_rng(1).standard_normal(out.shape).astype(arrays[0].dtype)
    )
    for ours, theirs in zip(
        gradients(compiled, arrays, weights), gradients(fn, arrays, weights), strict=True
    ):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        ours, theirs = ours.numpy(), theirs.numpy()
        scale = np.max(np.abs(theirs), initial=1.0, where=np.isfinite(theirs))
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * scale)


def decided(steps, arrays, rtol):
    """Return whether the program stays further from all edges than by what rounding moves it.

    Sums may differ in the last bit, and so may which side of an edge a difference of equal
    values is on: what comes after has no one right value.
    """
    clear = True

    def see(name, a, b):
        nonlocal clear
        if name in EDGES and clear:
            a, b = a.numpy(), b.numpy()
            scale = max(1.0, *[np.max(np.abs(v), where=np.isfinite(v), initial=0) for v in (a, b)])
            clear = not np.any(np.abs(EDGES[name](a, b)) <= rtol * scale)

    build_program(steps, see)(*map(xp.asarray, arrays))
    return clear


@pytest.fixture(params=["line", "loop"])
def kind(request, monkeypatch):
    """Have all work done in loop regions of small blocks and several threads, or as it comes."""
    if request.param == "loop":
        monkeypatch.setattr(regions, "SMALL", 0)
        monkeypatch.setattr(emit, "_BLOCK", 64)
        monkeypatch.setattr(emit, "_THREAD", 1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(step, min_size=1, max_size=8),
    shape=st.sampled_from([(3, 4), (5, 5), (2, 37), (33, 3), (4, 1), (2, 2)]),
    seed=st.integers(0, 5),
)
@example(  # the differences of equal rows from their mean are rounding
    [*[("sin", 1, 0, False)] * 5, ("mean0", 5, 0, False), ("equal", 7, 0, False)], (5, 5), 0
)
def test_random_programs(kind, backend, dtype, steps, shape, seed):
    generator = np.random.default_rng(seed)
    arrays = [generator.standard_normal(s).astype(dtype) for s in (shape, shape[1:])]
    program = build_program(steps)
    compiled = xp.compile(program, backend=backend)
    rtol = 2e-4 if dtype == "float32" else 1e-9
    assume(decided(steps, arrays, rtol))
    check(program, compiled, arrays, rtol)
    check(program, compiled, [a[::-1].copy()[::-1] for a in arrays], rtol)
    assert compiled.reason is None


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
@pytest.mark.parametrize("shape", [(300, 41), (40, 300)])
def test_each_step_on_arrays_of_many_blocks(backend, shape, name):
    arrays = [np.random.default_rng(0).standard_normal(s) for s in (shape, shape[1:])]
    program = build_program([(name, 0, 1, False)])
    check(program, xp.compile(program, backend=backend), arrays, 1e-9)


SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 3.0, 1e-310, 1e308, np.inf, -np.inf, np.nan]
)
CASES = {
    "floor_divide": xp.floor_divide, "remainder": xp.remainder, "pow": xp.pow,
    "pow half": lambda a, b: a**0.5 + 0 * b, "pow square": lambda a, b: a**2 + 0 * b,
    "pow -1": lambda a, b: a**-1, "maximum": xp.maximum, "minimum": xp.minimum,
    "logaddexp": xp.logaddexp, "divide": lambda a, b: a / b, "copysign": xp.copysign,
    "atan2": xp.atan2, "hypot": xp.hypot, "less": xp.less, "equal": xp.equal,
    "where": lambda a, b: xp.where(a > b, a, b), "sign": lambda a, b: xp.sign(a),
    "isnan": lambda a, b: xp.isnan(a) | xp.isinf(b) | xp.isfinite(a * b),
    "relu": lambda a, b: xp.nn.functional.relu(a),
    "sigmoid": lambda a, b: xp.nn.functional.sigmoid(a),
    "exp": lambda a, b: xp.exp(a), "log": lambda a, b: xp.log(a), "sin": lambda a, b: xp.sin(a),
    "tanh": lambda a, b: xp.tanh(a), "expm1": lambda a, b: xp.expm1(a),
    "erf": lambda a, b: xp.special.erf(a),
    "log1p": lambda a, b: xp.log1p(a), "sqrt": lambda a, b: xp.sqrt(a),
    "round": lambda a, b: xp.round(a),
    "floor": lambda a, b: xp.floor(a), "acos": lambda a, b: xp.acos(a),
    "atanh": lambda a, b: xp.atanh(a),
    "sinh": lambda a, b: xp.sinh(a), "exp2": lambda a, b: xp.exp2(a) if hasattr(xp, "exp2") else a,
    "max": lambda a, b: xp.max(a, axis=1), "min": lambda a, b: xp.min(a),
    "sum": lambda a, b: xp.sum(a, axis=0),
    "softmax": lambda a, b: xp.special.softmax(a, axis=1),
    "logsumexp": lambda a, b: xp.special.logsumexp(a, axis=1),
    "clip": lambda a, b: xp.clip(a, -1.0, 2.0), "clip reversed": lambda a, b: xp.clip(a, b, 2.0),
    "reciprocal": lambda a, b: xp.reciprocal(a),
    "cast": lambda a, b: xp.astype(a > 0, xp.float64) * b,
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_special_values(kind, backend, dtype, name):
    with np.errstate(all="ignore"):
        a, b = (x.astype(dtype) for x in np.meshgrid(SPECIAL, SPECIAL, indexing="ij"))
        fn = CASES[name]
        ours = xp.compile(fn, backend=backend)(xp.asarray(a), xp.asarray(b)).numpy()
        theirs = fn(xp.asarray(a), xp.asarray(b)).numpy()
    assert ours.dtype == theirs.dtype
    tiny = np.finfo(dtype).tiny
    np.testing.assert_allclose(
        ours, theirs, rtol=2e-6 if dtype == "float32" else 1e-14, atol=tiny, equal_nan=True
    )
    if name not in ("maximum", "minimum", "hypot", "max", "min", "clip", "clip reversed", "relu"):
        zero = (theirs == 0) & (ours == 0)
        assert (np.signbit(ours) == np.signbit(theirs))[zero].all()


INTEGERS = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "floor_divide": lambda a, b: a // b, "remainder": lambda a, b: a % b,
    "abs": lambda a, b: xp.abs(a),
    "negative": lambda a, b: -a, "square": lambda a, b: xp.square(a),
    "sign": lambda a, b: xp.sign(a),
    "maximum": xp.maximum, "less": xp.less, "divide": lambda a, b: a / b,
    "scaled": lambda a, b: a * 2.5,
    "shifted": lambda a, b: a + 3, "sum": lambda a, b: xp.sum(a, axis=1),
    "prod": lambda a, b: xp.prod(a),
    "max": lambda a, b: xp.max(a, axis=0), "mean": lambda a, b: xp.mean(a),
    "sqrt": lambda a, b: xp.sqrt(xp.abs(b)),
    "count": lambda a, b: xp.sum(a > b, axis=0),
    "bits": lambda a, b: (a > b) & ~(a == 3) | (b < 0) ^ (a > 0),
    "compared": lambda a, b: a > 2.5, "mixed": lambda a, b: xp.where(a > b, a, 7),
    "float": lambda a, b: xp.astype(a, xp.float32) * 0.5,
    "truth": lambda a, b: xp.astype(a, xp.bool),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_integers_wrap_and_divide_as_numpys(kind, backend, dtype, name):
    info = np.iinfo(dtype)
    values = np.array([0, 1, 2, 3, 7, info.max, info.min, info.max - 1], dtype=dtype)
    values = np.concatenate([values, (-values[1:5]).astype(dtype)])
    a, b = np.meshgrid(values, values, indexing="ij")
    fn = INTEGERS[name]
    with np.errstate(all="ignore"):
        ours = xp.compile(fn, backend=backend)(xp.asarray(a), xp.asarray(b)).numpy()
        theirs = fn(xp.asarray(a), xp.asarray(b)).numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_outputs_are_arrays_of_their_own(backend):
    def fn(x):
        y = x * 2
        z = xp.reshape(y, (2, 2))
        return y, z, x * 2, +y, xp.broadcast_to(xp.sum(x), (3,)) * 1, z.T

    compiled = xp.compile(fn, backend=backend)
    for _ in range(2):
        x = xp.asarray([1.0, 2.0, 3.0, 4.0])
        y, z, other, copy, three, turned = compiled(x)
        y += 10
        assert x.tolist() == [1.0, 2.0, 3.0, 4.0]
        assert z.tolist() == [[12.0, 14.0], [16.0, 18.0]] and turned.tolist() == z.T.tolist()
        assert z.version == y.version
        assert other.tolist() == copy.tolist() == [2.0, 4.0, 6.0, 8.0]
        three[0] = 0.0
        assert three.tolist() == [0.0, 10.0, 10.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_second_backward_raises_unless_the_graph_is_retained(backend):
    compiled = xp.compile(lambda x: xp.sum(xp.exp(x) * x), backend=backend)
    x = xp.asarray([0.5, 1.0], requires_grad=True)
    y = compiled(x)
    y.backward(retain_graph=True)
    once = x.grad.numpy().copy()
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * once)
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", ["transposed", "strided", "reversed", "broadcast", "unaligned"])
def test_arguments_in_any_layout(kind, backend, layout):
    data = np.arange(24.0).reshape(4, 6) / 7
    raw = {
        "transposed": np.asfortranarray(data), "strided": np.repeat(data, 2, axis=1)[:, ::2],
        "reversed": data[::-1, ::-1].copy()[::-1, ::-1],
        "broadcast": np.broadcast_to(data[0], (4, 6)),
        "unaligned": np.frombuffer(b"\0" + data.tobytes(), np.float64, offset=1).reshape(4, 6),
    }[layout]  # fmt: skip

    def fn(x):
        return xp.sin(x) @ x.T + xp.sum(x, axis=1), xp.special.softmax(x, axis=0)

    compiled = xp.compile(fn, backend=backend)
    for array in (data, raw, data):
        x = xp.from_numpy(array) if array.flags.writeable else xp.asarray(array)
        for ours, theirs in zip(compiled(x), fn(x), strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_may_call_one_function_at_once(backend):
    def fn(x):
        y = xp.sin(x) * x
        return xp.sum(xp.special.softmax(y, axis=1) * y)

    compiled = xp.compile(fn, backend=backend)
    generator = np.random.default_rng(0)
    arrays = [generator.standard_normal((64, 129)) for _ in range(4)]
    compiled(xp.asarray(arrays[0], requires_grad=True))
    expected = []
    for a in arrays:
        x = xp.asarray(a, requires_grad=True)
        fn(x).backward()
        expected.append(x.grad.numpy())
    failures = []

    def work(i):
        for _ in range(20):
            x = xp.asarray(arrays[i], requires_grad=True)
            compiled(x).backward()
            if not np.allclose(x.grad.numpy(), expected[i], rtol=1e-10):
                failures.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_forked_process_goes_on(backend):
    code = f"""
import os, numpy as np, tensorxp as xp
fn = xp.compile(lambda x: xp.sum(xp.exp(-x * x) + x, axis=1), backend={backend!r})
x = xp.asarray(np.ones((512, 512)))
fn(x)
pid = os.fork()
if pid == 0:
    os._exit(0 if abs(float(fn(x)[0]) - 512 * (1 + np.exp(-1))) < 1e-9 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_a_compiler_auto_replays_and_native_says_so(tmp_path):
    code = """
import tensorxp as xp
fn = xp.compile(lambda x: xp.sum(x * 2))
assert float(fn(xp.ones(3))) == 6.0
try:
    xp.compile(lambda x: x, backend="native")
except RuntimeError as error:
    assert "no C compiler" in str(error)
else:
    raise AssertionError
"""
    environment = {**os.environ, "TENSORXP_CC": "no-such-compiler"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.fixture
def copier(tmp_path):
    """Make a compiler that copies the library of this process, and notes each time that it did."""
    assert build.library() is not None
    noted, script = tmp_path / "noted", tmp_path / "copier"
    script.write_text(f"""#!/bin/sh
while [ "$1" != -o ]; do shift; done
sleep 0.2
echo built >> '{noted}'
cp '{build.kept_at(build.compiler())}' "$2"
""")
    script.chmod(0o700)
    return script, noted


@needs_compiler
def test_the_library_is_built_once_and_found_again(tmp_path, copier):
    code = "from tensorxp._compile.native import build; assert build.library(), build.problem()"
    script, noted = copier
    folder = tmp_path / "cache"
    environment = {**os.environ, "TENSORXP_CACHE": str(folder), "TENSORXP_CC": str(script)}
    running = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    (path,) = folder.iterdir()
    before = path.stat().st_mtime_ns, noted.read_text()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert (path.stat().st_mtime_ns, noted.read_text()) == before
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])  # to load it would end the process
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert path.read_bytes() == whole and len(noted.read_text()) > len(before[1])


@pytest.fixture
def kept(tmp_path):
    """Put a copy of the library that this process runs into a cache of its own."""
    assert build.library() is not None
    return shutil.copy2(build.kept_at(build.compiler()), tmp_path)


@needs_compiler
def test_a_library_that_others_may_write_to_is_not_loaded(tmp_path, kept):
    code = "from tensorxp._compile.native import build; print(build.library(), build.problem())"
    environment = {**os.environ, "TENSORXP_CACHE": str(tmp_path)}

    def answer():
        command = [sys.executable, "-c", code]
        return subprocess.run(command, check=True, env=environment, capture_output=True).stdout

    assert b"None" not in answer()
    (path,) = tmp_path.iterdir()
    path.chmod(0o722)
    assert b"others may write" in answer()
    path.chmod(0o700)
    tmp_path.chmod(0o777)
    assert b"others may write" in answer()


def test_a_user_without_a_home(monkeypatch):
    def home(cls):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("TENSORXP_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(build.Path, "home", classmethod(home))
    library, problem = build._load.__wrapped__()
    assert library is None and problem


def test_an_unknown_backend():
    with pytest.raises(ValueError, match='"auto", "graph", "native" and "replay"'):
        xp.compile(lambda x: x, backend="jit")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_trace_keeps_no_values_alive(backend):
    def fn(x):
        for _ in range(20):
            x = xp.sin(x) + 1
        return xp.sum(x)

    compiled = xp.compile(fn, backend=backend)
    compiled(xp.ones(10))
    gc.collect()
    import tracemalloc

    tracemalloc.start()
    xp.compile(fn, backend=backend)(xp.ones(1 << 18))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 8 * (1 << 18)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_long_loop_is_one_program(backend):
    def fn(u, a):
        for _ in range(200):
            u = u + 0.01 * (a @ u) * (1 - u)
        return xp.sum(u * u)

    arrays = [np.array([0.3, 0.6]), np.array([[0.5, -0.3], [0.2, 0.1]])]
    compiled = xp.compile(fn, backend=backend)
    check(fn, compiled, arrays, 1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_pieces_that_were_written_through_another_shape(backend):
    def fn(v, q):
        a, b = xp.zeros((2, 3), dtype=v.dtype), xp.zeros((2, 3), dtype=v.dtype)
        a.reshape((3, 2))[1:2] = v  # the end of one row and the start of the next
        b[1:2, :1] = q
        return a + b

    compiled = xp.compile(fn, backend=backend)
    check(fn, compiled, [np.array([[1.0, 2.0]]), np.array([[4.0]])], 1e-12)


def test_every_rule_belongs_to_a_primitive():
    for module, name in list(lowering._waiting):
        assert isinstance(getattr(importlib.import_module(module), name), Primitive)
    found = lowering.rule_of(importlib.import_module("tensorxp.special.softmax").softmax_p)
    assert found in compound.COMPOUND and not lowering._waiting


def test_a_primitive_is_known_as_an_object_not_by_its_name():
    assert lowering.rule_of(exp_p) is not None
    assert lowering.rule_of(elementwise("exp", x=lambda ct, out: ct)) is None


@needs_compiler
def test_the_library_is_built_anew_for_other_formulas(monkeypatch):
    before = build.kept_at(build.compiler())
    monkeypatch.setattr(build, "header", lambda: "other")
    assert build.kept_at(build.compiler()) != before


#: What the machine has a kernel for that calls functions of C's library.
CALLS = {
    **{name: getattr(xp, name) for name in (
        "exp log sin cos tan tanh sinh cosh exp2 expm1 log1p log2 log10 asin acos atan asinh atanh "
        "reciprocal sqrt square"
    ).split()},
    "acosh": lambda x: xp.acosh(x + 1), "erf": xp.special.erf, "erfc": xp.special.erfc,
    "cbrt": xp.cbrt, "sigmoid": xp.nn.functional.sigmoid, "gelu": xp.nn.functional.gelu,
    "silu": xp.nn.functional.silu, "ndtr": xp.special.ndtr,
    "pow": lambda x: (x + 0.1) ** (x + 0.3), "pow of a number": lambda x: 1.7**x,
    "power": lambda x: x**0.37, "atan2": lambda x: xp.atan2(x, x + 0.2),
    "hypot": lambda x: xp.hypot(x, x + 0.2), "logaddexp": lambda x: xp.logaddexp(x, x + 0.2),
}  # fmt: skip
LENGTHS = range(1, 41) if os.environ.get("TENSORXP_THOROUGH") == "1" else (1, 3, 9, 32, 39)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_inputs_give_equal_results_wherever_they_stand(dtype):
    """The end of a vector goes through the same code as its middle."""
    program = xp.compile(lambda x: tuple(fn(x) for fn in CALLS.values()))
    for value in (0.7236, 0.1117):
        found = {name: set() for name in CALLS}
        for n in LENGTHS:
            memory = np.full(n + 1, value, dtype)
            for x in (memory[:n], memory[1:]):
                program(xp.asarray(x, copy=False))
                for name, y in zip(CALLS, program(xp.asarray(x, copy=False)), strict=True):
                    found[name].update(y.tolist())
        assert {name: len(values) for name, values in found.items() if len(values) > 1} == {}
