"""Values and gradients on a CUDA device, beside the CPU's; transfers, streams, memory."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp import cuda
from tensorxp._backend import cuda_kernels, cudnn
from tests.gpu.test_kernels import REFERENCES, grid, planes

A = np.asarray([[2.0, 0.5, 0.25], [0.5, 3.0, 0.75], [0.25, 0.75, 1.5]])
B = np.asarray([[1.5, 2.25, 1.75], [2.3, 1.6, 1.1], [0.4, 0.9, 2.2]])

CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b * 2.0,
    "divide": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "pow-half": lambda a, b: a**0.5,
    "remainder": lambda a, b: a % b,
    "floor_divide": lambda a, b: a // b + a,
    "exp": lambda a, b: xp.exp(a),
    "expm1": lambda a, b: xp.expm1(a),
    "log": lambda a, b: xp.log(a),
    "tanh": lambda a, b: xp.tanh(a),
    "atan2": lambda a, b: xp.atan2(a, b),
    "abs": lambda a, b: xp.abs(a - b),
    "maximum": lambda a, b: xp.maximum(a, b),
    "clip": lambda a, b: xp.clip(a, 0.4, 2.0),
    "where": lambda a, b: xp.where(a > b, a, b),
    "sum": lambda a, b: xp.sum(a, axis=0),
    "prod": lambda a, b: xp.prod(a, axis=1),
    "mean": lambda a, b: xp.mean(a),
    "std": lambda a, b: xp.std(a, axis=1, correction=1),
    "max": lambda a, b: xp.max(a, axis=1),
    "cumulative_sum": lambda a, b: xp.cumulative_sum(a, axis=1),
    "cumulative_prod": lambda a, b: xp.cumulative_prod(a, axis=1),
    "matmul": lambda a, b: a @ b,
    "tensordot": lambda a, b: xp.tensordot(a, b, axes=1),
    "einsum": lambda a, b: xp.einsum("ij,kj->ik", a, b),
    "vecdot": lambda a, b: xp.vecdot(a, b),
    "reshape": lambda a, b: xp.reshape(a, (9,)),
    "permute": lambda a, b: a.T * b,
    "concat": lambda a, b: xp.concat([a, b], axis=1),
    "stack": lambda a, b: xp.stack([a, b]),
    "flip": lambda a, b: xp.flip(a, axis=1),
    "roll": lambda a, b: xp.roll(a, 1, axis=0),
    "repeat": lambda a, b: xp.repeat(a, 2, axis=0),
    "tile": lambda a, b: xp.tile(a, (2, 1)),
    "slice": lambda a, b: a[1:, ::2],
    "negative-step": lambda a, b: a[::-1],
    "mask": lambda a, b: a[a > 0.6],
    "gather": lambda a, b: a[xp.asarray([0, 0, 2], device=a.device)],
    "take": lambda a, b: xp.take(a, xp.asarray([2, 0], device=a.device), axis=1),
    "sort": lambda a, b: xp.sort(a, axis=1),
    "tril": lambda a, b: xp.tril(a),
    "inv": lambda a, b: xp.linalg.inv(a),
    "solve": lambda a, b: xp.linalg.solve(a, b),
    "det": lambda a, b: xp.linalg.det(a),
    "cholesky": lambda a, b: xp.linalg.cholesky(a),
    "eigvalsh": lambda a, b: xp.linalg.eigvalsh(a),
    "svdvals": lambda a, b: xp.linalg.svdvals(a),
    "norm": lambda a, b: xp.linalg.vector_norm(a),
    "fft": lambda a, b: xp.abs(xp.fft.fft(a)),
    "irfft": lambda a, b: xp.fft.irfft(xp.fft.rfft(a, n=4), n=4),
    "write": lambda a, b: _written(a, b),
}


def _written(a: Any, b: Any) -> Any:
    out = b * 1
    out[0, 1:] = a[1, 1:] * 2
    out *= a
    return out


def _run(name: str, device: str, fn: Any = None) -> tuple[Any, Any, Any]:
    a = xp.asarray(A, device=device, requires_grad=True)
    b = xp.asarray(B, device=device, requires_grad=True)
    out = (fn or CALLS[name])(a, b)
    assert out.device == device
    (out * out).sum().backward()
    assert a.grad.device == device
    grad_b = None if b.grad is None else b.grad.cpu().numpy()
    return out.detach().cpu().numpy(), a.grad.cpu().numpy(), grad_b


@pytest.mark.parametrize("name", CALLS)
def test_value_and_gradient_of_the_cpu(name: str) -> None:
    for found, expected in zip(_run(name, "cuda:0"), _run(name, "cpu"), strict=True):
        if expected is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", ["auto", "graph", "replay"])
@pytest.mark.parametrize("name", CALLS)
def test_compiled_value_and_gradient_of_the_cpu(name: str, backend: str) -> None:
    fn = xp.compile(CALLS[name], backend=backend)
    expected = _run(name, "cpu")
    for _ in range(4):  # traced, captured, launched
        for found, wanted in zip(_run(name, "cuda:0", fn), expected, strict=True):
            if wanted is not None:
                np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", ["auto", "graph"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_compiled_layers(dtype: str, backend: str) -> None:
    """Rows, totals of many blocks and half precision, beside the CPU."""

    def loss(x: Any, w: Any) -> Any:
        y = (x - xp.mean(x, axis=1, keepdims=True)) / xp.sqrt(xp.var(x, axis=1, keepdims=True) + 1)
        return xp.sum(xp.special.softmax(xp.tanh(y * w), axis=1) * y, axis=0)

    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in ((120, 300), (300,))]
    fn = xp.compile(loss, backend=backend)
    tolerance = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-9}[dtype]
    for _ in range(4):
        results = []
        for device, call in (("cuda", fn), ("cpu", loss)):
            x, w = (xp.asarray(a, device=device, requires_grad=True) for a in arrays)
            out = call(x, w)
            (out * out).sum().backward()
            results.append([t.cpu().numpy() for t in (out.detach(), x.grad, w.grad)])
        for found, expected in zip(*results, strict=True):
            scale = tolerance * np.abs(expected).max()
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=scale)
    assert fn.reason is None and fn.fallback is None


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "complex64", "complex128", "int64", "bool"]
)
def test_round_trip(dtype: str) -> None:
    for array in (A.astype(dtype), A.astype(dtype).T, A.astype(dtype)[::-1], A.astype(dtype)[:0]):
        there = xp.asarray(array, device="cuda")
        assert there.device.type == "cuda" and there.is_cuda
        np.testing.assert_array_equal(there.cpu().numpy(), array)
        np.testing.assert_array_equal(there.to("cuda").to("cpu", non_blocking=False).numpy(), array)


def test_transfer_keeps_the_gradient() -> None:
    x = xp.asarray(A, requires_grad=True)
    y = (x.to("cuda") ** 2).cpu() * xp.asarray(B)
    y.sum().backward()
    assert x.grad.device == "cpu"
    np.testing.assert_allclose(x.grad, 2 * A * B)


def test_mixing_and_conversion_are_refused() -> None:
    x = xp.asarray(A, device="cuda:0")
    for call in (lambda: x + xp.asarray(A), lambda: x + xp.asarray(A, device="sim:0")):
        with pytest.raises(xp.DeviceError, match="cuda:0"):
            call()
    with pytest.raises(TypeError, match=r"cuda:0.*cpu\(\)"):
        np.asarray(x)
    with pytest.raises(TypeError, match="cuda:0"):
        x.numpy()
    assert float((x * np.float64(2)).sum()) == pytest.approx(2 * A.sum())
    with pytest.raises(xp.DeviceError, match="does not exist"):
        xp.zeros(1, device="cuda:99")


def test_numpy_protocols() -> None:
    x = xp.asarray(A, device="cuda", requires_grad=True)
    y = np.sum(np.sin(x) * np.float64(2), axis=0)
    assert y.device.type == "cuda"
    y.sum().backward()
    np.testing.assert_allclose(x.grad.cpu(), 2 * np.cos(A))


def test_default_device() -> None:
    xp.set_default_device("cuda")
    try:
        assert xp.zeros(2).device == "cuda:0" and xp.asarray(A).device == "cuda:0"
        with xp.device("cpu"):
            assert xp.zeros(2).device == "cpu"
    finally:
        xp.set_default_device(None)
    with xp.device("cuda:0"):
        assert xp.arange(3).device == "cuda:0"


def test_figures() -> None:
    assert cuda.is_available() and cuda.device_count() >= 1 and cuda.current_device() == 0
    assert cuda.get_device_name() and cuda.get_device_capability() >= (5, 0)
    gc.collect()
    before = cuda.memory_allocated()
    x = xp.zeros(1_000_000, device="cuda")
    assert cuda.memory_allocated() >= before + 8_000_000
    assert cuda.memory_reserved() >= cuda.memory_allocated()
    del x
    assert cuda.memory_allocated() == before
    cuda.empty_cache()
    cuda.synchronize()


def test_streams() -> None:
    stream = cuda.Stream()
    with stream:
        x = xp.asarray(A, device="cuda") @ xp.asarray(B, device="cuda")
    stream.synchronize()
    assert stream.query() and stream.ptr and stream.device == "cuda:0"
    np.testing.assert_allclose(x.cpu(), A @ B)
    pinned = cuda.pin_memory(xp.asarray(A))
    moved = pinned.to_device("cuda", stream=stream)
    stream.synchronize()
    np.testing.assert_array_equal(moved.cpu(), A)
    back = moved.to("cpu", non_blocking=True)
    cuda.synchronize()
    np.testing.assert_array_equal(back, A)


def test_out_of_memory_leaves_tensors_usable() -> None:
    x = xp.ones(10, device="cuda")
    with pytest.raises(MemoryError):
        xp.zeros((1 << 44,), device="cuda")
    assert float((x + 1).sum()) == 20.0


def test_training_step() -> None:
    nn, optim = pytest.importorskip("tensorxp.nn"), pytest.importorskip("tensorxp.optim")
    model = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1)).to("cuda")
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    inputs = xp.asarray(np.linspace(-1, 1, 300).reshape(100, 3), device="cuda").astype("float32")
    losses = []
    for _ in range(50):
        optimizer.zero_grad()
        loss = ((model(inputs) - inputs[:, :1] ** 2) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 4


@pytest.mark.parametrize("name", cuda_kernels.KERNELS)
def test_corrections_at_special_points(name: str) -> None:
    """The kernels laid over CuPy give NumPy's values, signs of zero included for real ones."""
    kind, inputs, _ = cuda_kernels.KERNELS[name]
    arrays = grid(len(inputs.split(","))) if kind == "f" else [planes()]
    place = xp.device("cuda").raw
    found = place.to_numpy(getattr(place, name)(*map(place.from_host, arrays)))
    with np.errstate(all="ignore"):
        expected = REFERENCES[name](*arrays)
    for part in (np.real, np.imag):
        np.testing.assert_allclose(part(found), part(expected), rtol=1e-12, atol=1e-16)
    if name in ("floor_divide", "remainder", "sign"):
        lost = np.isnan(expected)
        assert ((np.signbit(found) == np.signbit(expected)) | lost).all()


def _choose(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch cuDNN off, or on where it may be used."""
    if library == "1" and not cudnn.enabled():
        pytest.skip("cuDNN is not installed, or TENSORXP_CUDNN=0")
    monkeypatch.setenv("TENSORXP_CUDNN", library)


def _convolved(device: str, dtype: str) -> list[Any]:
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=shape) for shape in ((3, 4, 9, 8), (6, 2, 3, 3), (6,)))
    leaves = [xp.asarray(a.astype(dtype), device=device, requires_grad=True) for a in (x, w, b)]
    out = xp.nn.functional.conv2d(*leaves, stride=2, padding=1, groups=2)
    (out * out).sum().backward()
    return [t.cpu() for t in (out.detach(), *(leaf.grad for leaf in leaves))]


@pytest.mark.parametrize("library", ["0", "1"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_convolution(dtype: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _choose(library, monkeypatch)
    tolerance = 2e-4 if dtype == "float32" else 1e-9
    for found, expected in zip(_convolved("cuda", dtype), _convolved("cpu", dtype), strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("library", ["0", "1"])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_in_half_precision(
    causal: bool, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _choose(library, monkeypatch)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2, 3, 16, 32)).astype("float16") for _ in range(3)]
    results = []
    for device, dtype in (("cuda", "float16"), ("cpu", "float64")):
        leaves = [xp.asarray(a.astype(dtype), device=device, requires_grad=True) for a in arrays]
        out = xp.nn.functional.scaled_dot_product_attention(*leaves, is_causal=causal)
        out.sum().backward()
        results.append([t.cpu().numpy() for t in (out.detach(), *(x.grad for x in leaves))])
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found.astype("float64"), expected, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_optimisers(name: str) -> None:
    start = np.linspace(-1, 1, 7).astype("float32")
    found = []
    for device in ("cuda", "cpu"):
        p = xp.asarray(start.copy(), device=device, requires_grad=True)
        optimizer = getattr(xp.optim, name)([p], lr=0.1, weight_decay=0.01)
        for _ in range(5):
            optimizer.zero_grad()
            (p * p * p).sum().backward()
            optimizer.step()
        found.append(p.detach().cpu().numpy())
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


def test_random_numbers_follow_seed_and_state() -> None:
    g = xp.random.Generator("cuda").manual_seed(3)
    first, state = xp.random.randn(1000, generator=g), g.get_state()
    second = xp.random.randn(1000, generator=g)
    g.set_state(state)
    assert xp.all(xp.random.randn(1000, generator=g) == second)
    assert xp.all(xp.random.randn(1000, generator=g.manual_seed(3)) == first)
    assert abs(float(first.mean())) < 0.2 and abs(float(first.std()) - 1) < 0.2
    assert abs(float((first * second).mean())) < 0.2


def test_two_gpus() -> None:
    if cuda.device_count() < 2:
        pytest.skip("this machine has one CUDA device")
    a = xp.asarray(A, device="cuda:1")
    assert float((a.T.to("cuda:0").to("cuda:1") - a.T).sum()) == 0.0
    assert (a + 1)[a > 1].device == "cuda:1" and cuda.current_device() == 0
    assert float(xp.linalg.inv(a)[0, 0]) == pytest.approx(np.linalg.inv(A)[0, 0])
    assert xp.random.rand(2, device="cuda:1").device == "cuda:1"


def test_singular_matrices_are_errors() -> None:
    for call in (xp.linalg.inv, xp.linalg.cholesky):
        with pytest.raises(np.linalg.LinAlgError):
            call(xp.asarray([[1.0, 2.0], [2.0, 4.0 - 1e-3]], device="cuda") * 0.0)
