"""`compile` on CUDA: the kernels made of traces, run on the host and compiled by NVRTC.

The stand-in's `RawModule` compiles the generated text with the host's compiler, each thread of a
block on a stack of its own, so that values are the kernels' own. No device is needed.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tensorxp as xp
from tensorxp._compile.cuda import emit, lines, program, source
from tensorxp._compile.ir import regions
from tests.gpu import host_kernel, stand_in
from tests.test_compile_native import BINARY, CASES, INTEGERS, SPECIAL, UNARY, build_program

pytestmark = pytest.mark.skipif(
    host_kernel.COMPILER is None, reason="there is no C++ compiler for the host"
)


@pytest.fixture(autouse=True)
def no_modules(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the stand-in in CuPy's place, and no module of an earlier test."""
    monkeypatch.setattr(program, "_modules", {})


def launches(calls: list[Any]) -> list[Any]:
    return [call for call in calls if call[0] == "launch"]


def gradients(
    fn: Callable[..., Any], arrays: list[Any], device: str, weights: Any = None
) -> list[Any]:
    """Return what a function gives for arrays, and the gradients of those of real dtypes."""
    tensors = [xp.asarray(a, device=device, requires_grad=a.dtype.kind == "f") for a in arrays]
    out = fn(*tensors)
    found = [out.detach()]
    if weights is not None and out.requires_grad:
        xp.sum(out * xp.asarray(weights, device=device)).backward()
        found += [x.grad for x in tensors if x.grad is not None]
    assert all(x.device == device for x in found)
    return [x.cpu().numpy() for x in found]


def check(fn: Callable[..., Any], arrays: list[Any], rtol: float, tiny: float = 0.0) -> Any:
    """Compare a compiled function on CUDA, twice, with the function on the CPU; return it."""
    compiled = xp.compile(fn)
    out = fn(*[xp.asarray(a) for a in arrays])
    weights = np.random.default_rng(1).standard_normal(out.shape).astype(out.dtype)
    weights = weights if out.dtype.kind == "f" else None
    expected = gradients(fn, arrays, "cpu", weights)
    for _ in range(2):
        found = gradients(compiled, arrays, "cuda:0", weights)
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
            finite = np.abs(np.where(np.isfinite(theirs), theirs, 1)).max(initial=1.0)
            np.testing.assert_allclose(
                ours.astype("float64"), theirs.astype("float64"), rtol=rtol, atol=rtol * finite
            )
    assert compiled.reason is None and compiled.fallback is None
    return compiled


@pytest.fixture(params=["line", "loop", "backwards"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have work in small regions, in loop regions, or in both with threads in another order."""
    monkeypatch.setattr(host_kernel, "keep", False)  # other programs each time
    if request.param != "line":
        monkeypatch.setattr(regions, "SMALL", 0 if request.param == "loop" else 40)
        monkeypatch.setattr(emit, "_LEAST", 1)  # so that totals are split
        monkeypatch.setattr(stand_in.RawModule, "backwards", request.param == "backwards")
    else:
        monkeypatch.setattr(lines, "_VALUES", 7)
        monkeypatch.setattr(lines, "_SHARED", 4096)


step = st.tuples(
    st.sampled_from([*UNARY, *BINARY]), st.integers(0, 7), st.integers(0, 7), st.booleans()
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(step, min_size=2, max_size=8),
    shape=st.sampled_from([(3, 4), (5, 5), (2, 37), (33, 3), (4, 1), (2, 2)]),
    seed=st.integers(0, 5),
)
def test_random_programs(kind: None, dtype: str, steps: Any, shape: Any, seed: int) -> None:
    generator = np.random.default_rng(seed)
    arrays = [generator.standard_normal(s).astype(dtype) for s in (shape, shape[1:])]
    check(build_program(steps), arrays, 2e-4 if dtype == "float32" else 1e-9)


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
@pytest.mark.parametrize("shape", [(300, 41), (40, 300)])
def test_each_step_on_arrays_of_many_blocks(shape: Any, name: str) -> None:
    arrays = [np.random.default_rng(0).standard_normal(s) for s in (shape, shape[1:])]
    check(build_program([(name, 0, 1, False)]), arrays, 1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_values(dtype: str) -> None:
    def all_cases(a: Any, b: Any) -> Any:
        return tuple(fn(a, b) for fn in CASES.values())

    with np.errstate(all="ignore"):
        a, b = (x.astype(dtype) for x in np.meshgrid(SPECIAL, SPECIAL, indexing="ij"))
        ours = xp.compile(all_cases)(xp.asarray(a, device="cuda:0"), xp.asarray(b, device="cuda:0"))
        theirs = all_cases(xp.asarray(a), xp.asarray(b))
    for name, x, y in zip(CASES, ours, theirs, strict=True):
        x, y = x.cpu().numpy(), y.numpy()
        assert x.dtype == y.dtype, name
        np.testing.assert_allclose(
            x, y, rtol=2e-6 if dtype == "float32" else 1e-14, atol=np.finfo(dtype).tiny,
            equal_nan=True, err_msg=name,
        )  # fmt: skip
        if name not in ("maximum", "minimum", "hypot", "max", "min", "clip", "clip reversed",
                        "relu"):  # fmt: skip
            zero = (x == 0) & (y == 0)
            assert (np.signbit(x) == np.signbit(y))[zero].all(), name


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint8", "uint16", "uint32"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_integers_wrap_and_divide_as_numpys(dtype: str) -> None:
    info = np.iinfo(dtype)
    values = np.array([0, 1, 2, 3, 7, info.max, info.min, info.max - 1], dtype=dtype)
    values = np.concatenate([values, (-values[1:5]).astype(dtype)])
    a, b = (x.copy() for x in np.meshgrid(values, values, indexing="ij"))
    cases = dict(INTEGERS) | {"far": lambda a, b: (a < 1000) & (b > -1000)}

    def all_cases(a: Any, b: Any) -> Any:
        return tuple(fn(a, b) for fn in cases.values())

    compiled = xp.compile(all_cases)
    ours = compiled(xp.asarray(a, device="cuda:0"), xp.asarray(b, device="cuda:0"))
    theirs = all_cases(xp.asarray(a), xp.asarray(b))
    assert compiled.fallback is None
    for name, x, y in zip(cases, ours, theirs, strict=True):
        x, y = x.cpu().numpy(), y.numpy()
        assert x.dtype == y.dtype, name
        rtol = {4: 1e-6, 2: 2e-3}.get(x.dtype.itemsize, 1e-12) if x.dtype.kind == "f" else 0
        np.testing.assert_allclose(x, y, rtol=rtol, err_msg=name)


HALVES = {
    "arithmetic": lambda a, b: a * b + a / (b * b + 1) - b,
    "compared": lambda a, b: xp.where(a > b, a, 0.1) + xp.astype(a < 0.3, a.dtype),
    "sum": lambda a, b: xp.sum(a * b, axis=1), "max": lambda a, b: xp.max(a, axis=0) - b,
    "mixed": lambda a, b: xp.astype(a, xp.float32) * 3 + b,
    "mean": lambda a, b: a - xp.mean(b, axis=1, keepdims=True),
    "softmax": lambda a, b: xp.special.softmax(a + b, axis=1),
    "logsumexp": lambda a, b: xp.special.logsumexp(a, axis=1),
    "gelu": lambda a, b: xp.nn.functional.gelu(a) * xp.nn.functional.silu(b),
    "var": lambda a, b: xp.var(a, axis=0) + xp.tanh(b),
    "functions": lambda a, b: xp.exp(a) + xp.sin(b),
}  # fmt: skip


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("shape", [(6, 5), (70, 90)])
def test_half_precision(shape: Any, name: str) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype("float16") for _ in range(2)]
    check(HALVES[name], arrays, 4e-3)


def test_half_precision_rounds_each_operation_as_numpy() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((50, 60)).astype("float16") for _ in range(2))
    x[0, :8] = [0, -0.0, 65504, np.inf, np.nan, 6e-8, -6e-5, 1e-7]
    found = xp.compile(lambda a, b: (a * b + b, a / b, a * a - a))(
        *[xp.asarray(z, device="cuda:0") for z in (x, y)]
    )
    with np.errstate(all="ignore"):
        for ours, theirs in zip(found, (x * y + y, x / y, x * x - x), strict=True):
            np.testing.assert_array_equal(ours.cpu().numpy(), theirs)


def test_large_means_in_half_precision_do_not_overflow() -> None:
    x = np.full((3, 70_000), 2.0, dtype="float16")
    out = xp.compile(lambda a: xp.mean(a, axis=1))(xp.asarray(x, device="cuda:0"))
    assert out.dtype == xp.float16 and out.tolist() == [2.0, 2.0, 2.0]


REDUCTIONS = {
    "all": lambda x: xp.sum(xp.sin(x)), "first": lambda x: xp.sum(x * x, axis=0),
    "last": lambda x: xp.sum(x * x, axis=-1), "middle": lambda x: xp.sum(x * x, axis=1),
    "outer": lambda x: xp.sum(x * x, axis=(0, 2)), "max": lambda x: xp.max(x * 2, axis=(0, 1)),
    "several": lambda x: xp.sum(x) + xp.max(x * x, axis=(1, 2)) + xp.sum(x + 1, axis=(1, 2)),
    "both": lambda x: x - xp.mean(x, axis=2, keepdims=True) + xp.sum(x, axis=0),
    "normal": lambda x: xp.sum((x - xp.mean(x, axis=2, keepdims=True)) ** 2, axis=0),
    "prod": lambda x: xp.prod(1 + x * 0.01, axis=0), "min": lambda x: xp.min(x),
    "means": lambda x: xp.mean(xp.exp(x), axis=(0, 1)) * 2,
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5, 40, 30), (600, 3, 7), (2, 3, 9000), (1, 70, 64)])
def test_reductions(shape: Any, name: str) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    check(REDUCTIONS[name], [x], 1e-9)
    out = xp.compile(REDUCTIONS[name])(xp.asarray(x, device="cuda:0"))  # nothing is saved
    np.testing.assert_allclose(out.cpu(), REDUCTIONS[name](xp.asarray(x)), rtol=1e-9, atol=1e-12)


def test_sums_do_not_depend_on_the_run() -> None:
    x = np.random.default_rng(0).standard_normal((40, 1000)).astype("float32")
    fn = xp.compile(lambda x: (xp.sum(xp.exp(x)), xp.sum(x, axis=0)))
    found = [[y.cpu().numpy() for y in fn(xp.asarray(x, device="cuda:0"))] for _ in range(2)]
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    assert found[0][0] == pytest.approx(np.exp(x.astype("float64")).sum(), rel=1e-7)


def _joined(x: Any, y: Any) -> Any:
    out = xp.zeros((200, 60), device=x.device, dtype=x.dtype)
    out[10:60] = x * 2
    out[::2, 5] = y[:100, 0]
    return xp.concat([out, x], axis=0)


OTHERS = {
    "products": lambda x, y: xp.tanh(x @ y.T) @ y, "written": _joined,
    "small product": lambda x, y: x[:4, :5] @ y[:5, :3],
    "taken": lambda x, y: xp.take(y * 2, xp.asarray([3, 0], device=y.device), axis=0),
    "sorted": lambda x, y: xp.sort(x * x, axis=1) * 2, "turned": lambda x, y: (x.T + 1)[::-1, ::3],
    "constant": lambda x, y: x * xp.ones(60, device=x.device, dtype=x.dtype),
    "table": lambda x, y: x * xp.asarray(np.arange(60.0), device=x.device),
    "numbers": lambda x, y: 0 * x[0, 0] + xp.sum(x**2 - 3 * x),
    "chain": lambda x, y: _chain(x[:3, :4]), "none": lambda x, y: xp.sum(x[:0] * 2) + y * 3,
    "scalars": lambda x, y: xp.sum(x) * xp.max(y) - 1,
    "recurrent": lambda x, y: _recurrent(x, y[:60]),
    "loss": lambda x, y: xp.mean((x @ y.T - 1) ** 2),
}  # fmt: skip


def _chain(x: Any) -> Any:
    for i in range(60):
        x = xp.sin(x) * 1.01 + x[:, ::-1] * 0.1 + xp.sum(x) * 1e-3 * i
    return x


def _recurrent(x: Any, w: Any) -> Any:
    state = x[:8]
    for i in range(6):
        state = xp.tanh((x[8 * i : 8 * i + 8] @ w + state @ w) * 0.1)
    return state


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_fused_and_what_stays_a_call(name: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 60)), rng.standard_normal((200, 60))
    check(OTHERS[name], [x, y], 1e-9)
    turned = np.asfortranarray(x)
    check(OTHERS[name], [turned, y], 1e-9)


def test_launches(calls: list[Any]) -> None:
    """One kernel for an elementwise program, on the inputs' device and the current stream."""
    fn = xp.compile(lambda x: xp.sin(x) * 2 + x)
    x = xp.asarray(np.ones((60, 70)), device="cuda:1")
    fn(x)
    for _ in range(2):
        calls.clear()
        assert fn(x)._data._dev == 1 and stand_in.current.device == 0
        assert launches(calls) == [("launch", "k0", 1, 0)]
    stream = xp.cuda.Stream("cuda:1")
    with stream:
        calls.clear()
        fn(x)
        assert launches(calls) == [("launch", "k0", 1, stream.ptr)]


def test_one_text_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = stand_in.RawModule.__init__

    def count(self: Any, *args: Any, **kwargs: Any) -> None:
        made.append(kwargs)
        original(self, *args, **kwargs)

    monkeypatch.setattr(stand_in.RawModule, "__init__", count)
    for shape in ((60, 70), (60, 70), (4200,), (61, 70)):
        xp.compile(lambda x: xp.sin(x) * 2)(xp.ones(shape, device="cuda:0"))
    assert len(made) == 2 and made[0]["options"] == source.OPTIONS


@pytest.mark.parametrize("error", [stand_in.CompileException("no such GPU"),
                                   RuntimeError("libnvrtc.so is missing")])  # fmt: skip
def test_a_refused_source_is_replayed(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(stand_in.RawModule, "__init__", refuse)
    fn = xp.compile(lambda x: xp.sin(x) * 2)
    x = np.ones((60, 70))
    for _ in range(2):
        np.testing.assert_allclose(fn(xp.asarray(x, device="cuda:0")).cpu(), np.sin(x) * 2)
    assert fn.reason is None and str(error) in fn.fallback
    monkeypatch.setattr(program, "LONGEST", 10)
    fn = xp.compile(lambda x: xp.sin(x) * 2)
    fn(xp.asarray(x, device="cuda:0"))
    assert "characters of source" in fn.fallback
    assert xp.compile(lambda x: x + 1, backend="replay").fallback is None


class TestGraphs:
    """Programs of kernels alone, launched as graphs."""

    @staticmethod
    def run(fn: Any, x: Any) -> Any:
        return fn(xp.asarray(x, device="cuda:0")).cpu().numpy()

    def test_from_the_second_call_on(self, calls: list[Any]) -> None:
        weight = xp.asarray(np.linspace(0, 1, 70), device="cuda:0")
        fn = xp.compile(lambda x: xp.sum(xp.exp(x) * weight, axis=1), backend="graph")
        found = []
        for i in range(4):
            x = np.full((60, 70), 0.1 * i)
            calls.clear()
            found.append(fn(xp.asarray(x, device="cuda:0")))
            graphs = [call for call in calls if call[0] == "graph"]
            assert len(graphs) == (i > 0)
            assert len(launches(calls)) == (1 if i < 2 else 0)  # at once, then while it is captured
        for i, out in enumerate(found):  # results of earlier calls are not written over
            expected = (np.exp(np.full((60, 70), 0.1 * i)) * np.linspace(0, 1, 70)).sum(axis=1)
            np.testing.assert_allclose(out.cpu(), expected)

    def test_parameters_are_read_where_they_are(self) -> None:
        w = xp.asarray(np.ones(70), device="cuda:0")
        fn = xp.compile(lambda x: x * w, backend="graph")
        x = np.ones((60, 70))
        for i in range(8):
            np.testing.assert_array_equal(self.run(fn, x), x * (i + 1))
            if i % 2:
                w += 1
            else:
                w.data = w.data + 1  # other memory

    def test_gradients(self) -> None:
        x, y = np.random.default_rng(0).standard_normal((2, 40, 60))
        fn = lambda x, y: xp.sum(xp.tanh(x) * y, axis=0)  # noqa: E731
        compiled = xp.compile(fn, backend="graph")
        weights = np.linspace(-1, 1, 60)
        for i in range(4):
            arrays = [x + i, y - i]
            for a, b in zip(gradients(compiled, arrays, "cuda:0", weights),
                            gradients(fn, arrays, "cpu", weights), strict=True):  # fmt: skip
                np.testing.assert_allclose(a, b, rtol=1e-9)

    def test_other_streams_and_calls_of_cupy_run_without(self, calls: list[Any]) -> None:
        fn = xp.compile(lambda x: xp.sin(x) * 2, backend="graph")
        x = np.ones((60, 70))
        for _ in range(3):
            self.run(fn, x)
        calls.clear()
        with xp.cuda.Stream("cuda:0"):
            self.run(fn, x)
        assert len(launches(calls)) == 1 and not any(call[0] == "graph" for call in calls)
        product = xp.compile(lambda x: xp.sin(x) @ x.T, backend="graph")
        calls.clear()
        for _ in range(3):
            self.run(product, x)
        assert not any(call[0] == "graph" for call in calls)
        assert fn.fallback is None and "matmul" in product.fallback

    def test_they_are_off_by_default(self, calls: list[Any]) -> None:
        fn = xp.compile(lambda x: xp.sin(x) * 2)
        for _ in range(4):
            self.run(fn, np.ones((60, 70)))
        assert not any(call[0] == "graph" for call in calls)

    def test_a_failed_capture_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(self: Any, mode: Any = None) -> None:
            raise stand_in.CUDARuntimeError("cudaErrorStreamCaptureUnsupported")

        monkeypatch.setattr(stand_in.Stream, "begin_capture", fail)
        fn = xp.compile(lambda x: xp.sin(x) * 2, backend="graph")
        self.run(fn, np.ones((60, 70)))
        with pytest.warns(UserWarning, match="the capture failed: cudaErrorStreamCapture"):
            self.run(fn, np.ones((60, 70)))
        np.testing.assert_allclose(self.run(fn, np.ones((60, 70))), np.sin(1) * 2)


ADDED = ("-ftz=true", "--device-as-default-execution-space")  # by CuPy; none may come twice


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_nvrtc_compiles_them(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nvrtc = pytest.importorskip("cupy_backends.cuda.libs.nvrtc", reason="CuPy is not installed")
    rng = np.random.default_rng(0)
    for dtype in ("float16", "float32", "float64", "int8", "uint32", "int64"):
        x, y = (rng.standard_normal(s).astype(dtype) for s in ((50, 60), (60,)))
        cases = INTEGERS if "int" in dtype else CASES | {
            name: lambda a, b, fn=fn: fn(a) * 2 for name, fn in UNARY.items()}  # fmt: skip
        cases = (
            {**cases, "products": lambda a, b: a[:3, :4] @ a[:4, :3]} if dtype[0] == "f" else cases
        )
        for many in (x, x[:4, :9].copy()):
            fn = xp.compile(lambda a, b, cases=cases: [fn(a, b) for fn in cases.values()])
            b = xp.asarray(y[: many.shape[1]].copy(), device="cuda:0")
            fn(xp.asarray(many, device="cuda:0"), b)
            assert fn.reason is None and fn.fallback is None
    for shape in ((50, 60), (6, 5)):  # backward, too
        steps = [(name, i, i + 1, True) for i, name in enumerate([*UNARY, *BINARY])]
        fn = xp.compile(build_program(steps[:20] if shape[0] == 50 else steps))
        x = xp.ones(shape, device="cuda:0", dtype=xp.float32, requires_grad=True)
        xp.sum(fn(x, x[0].detach())).backward()
        assert fn.reason is None and fn.fallback is None
    assert len(program._modules) == 16
    monkeypatch.setitem(sys.modules, "cupy", stand_in.real)  # which knows where NVRTC is
    for _, text in program._modules:
        try:
            made = nvrtc.createProgram(text, "k.cu", [], [])
        except (OSError, RuntimeError) as error:
            pytest.skip(f"NVRTC cannot be loaded: {error}")
        try:
            nvrtc.compileProgram(made, [*source.OPTIONS, *ADDED, f"-arch={architecture}"])
        except Exception as error:
            raise AssertionError(f"{error}\n{nvrtc.getProgramLog(made)[-3000:]}") from None
        assert nvrtc.getCUBIN(made)


def test_tensors_of_several_devices_are_replayed() -> None:
    fn = xp.compile(lambda x: x.to("cuda:1") * 2)
    for _ in range(2):
        out = fn(xp.ones(3, device="cuda:0"))
        assert out.device == "cuda:1" and out.tolist() == [2.0, 2.0, 2.0]
    assert fn.reason is None and fn.fallback == "it has tensors of several devices"
