"""The Python side of CUDA devices, with the stand-in in CuPy's place: no device is needed.

Which device is the current one, what is asked of streams and of DLPack, what errors say.
"""

import sys
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp import cuda
from tests.gpu import stand_in

pytestmark = pytest.mark.usefixtures("calls")
A = np.arange(6.0).reshape(2, 3)


def current() -> int:
    return stand_in.current.device


def test_devices_are_found() -> None:
    assert cuda.is_available() and cuda.device_count() == 2
    assert [str(d) for d in xp.devices() if d.type == "cuda"] == ["cuda:0", "cuda:1"]
    assert cuda.get_device_name(1) == "stand-in 1" and cuda.get_device_capability() == (9, 0)
    cuda.set_device(1)
    assert cuda.current_device() == 1 and xp.device("cuda") == "cuda:1"
    with pytest.raises(xp.DeviceError, match=r"'cuda:2' does not exist.*2 CUDA devices"):
        xp.zeros(1, device="cuda:2")


@pytest.mark.parametrize("index", [0, 1])
def test_work_is_done_on_the_device_of_its_inputs(index: int) -> None:
    device = f"cuda:{index}"
    x = xp.asarray(A, device=device)
    for out in (
        x + 1, x @ x.T, xp.sum(x), x[:, 1], x[x > 1], xp.zeros(2, device=device), x.T, -x,
        xp.linspace(0, 1, 3, device=device), xp.take(x, xp.asarray([1], device=device), axis=0),
        x + np.float64(2), xp.random.rand(2, device=device), xp.random.permutation(x), x.copy(),
        xp.full_like(x, 2.0), xp.where(x > 1, x, 0.0), x.astype(xp.float32), x.reshape(3, 2),
    ):  # fmt: skip
        assert out.device == device and out._data._dev == index
        assert current() == 0
    assert x.tolist() == A.tolist() and float(x.sum()) == A.sum() and device in repr(x)


def test_mixing_names_both() -> None:
    x, y = xp.asarray(A, device="cuda:0"), xp.asarray(A, device="cuda:1")
    for other in (y, xp.asarray(A)):
        with pytest.raises(xp.DeviceError, match=f"cuda:0, {other.device}"):
            x + other
    assert (x + x).device == "cuda:0"


def test_copies_between_gpus_wait_both_ways(calls: list[Any]) -> None:
    x = xp.asarray(A, device="cuda:0")
    calls.clear()
    y = x.T.to("cuda:1")
    assert y.device == "cuda:1" and y._data._dev == 1 and current() == 0
    assert [call[0] for call in calls] == ["record", "wait_event", "record", "wait_event"]
    assert [call[1][1] for call in calls if call[0] == "wait_event"] == [0, 1]
    np.testing.assert_array_equal(y.cpu(), A.T)


def test_streams(calls: list[Any]) -> None:
    stream = cuda.Stream("cuda:1")
    assert stream.device == "cuda:1" and "cuda:1" in repr(stream)
    with stream:
        assert current() == 1 and stand_in.current.streams == (stream.raw,)
    assert current() == 0 and stand_in.current.streams == ()
    moved = xp.asarray(A).to_device("cuda:1", stream=stream)
    assert moved.device == "cuda:1"
    with pytest.raises(xp.DeviceError, match="the stream belongs to cuda:1, but the copy is from"):
        xp.asarray(A).to_device("cuda:0", stream=stream)
    with pytest.raises(ValueError, match="neither device is a CUDA device"):
        xp.asarray(A).to_device("sim:0", stream=stream)
    other = cuda.Stream("cuda:1")
    calls.clear()
    stream.wait_stream(other)
    assert [call[0] for call in calls] == ["record", "wait_event"]
    stream.synchronize()
    cuda.synchronize("cuda:1")
    assert calls[-2:] == [("stream.synchronize", 1), ("synchronize", 1)]
    assert stream.query() and stream.__cuda_stream__() == (0, stream.ptr)


def test_host_copies(calls: list[Any]) -> None:
    x = xp.asarray(A, device="cuda:1")
    calls.clear()
    x.cpu()
    x.to("cpu", non_blocking=True)
    assert calls == [("asnumpy", 1, 1, True), ("asnumpy", 1, 1, False)]
    pinned = cuda.pin_memory(xp.asarray(A))
    assert pinned.device == "cpu" and pinned.tolist() == A.tolist()
    with pytest.raises(TypeError, match=r"pin_memory: x is on cuda:1"):
        cuda.pin_memory(x)
    cuda.empty_cache()
    assert ("free", 1) in calls


def test_memory_figures_and_caches(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pool = sys.modules["cupy"].get_default_memory_pool()
    monkeypatch.setattr(pool, "used_bytes", lambda: 10)
    monkeypatch.setattr(pool, "total_bytes", lambda: 30)
    expected = {"allocated": 10, "kept": 20, "bound": None, "resident": 30, "peak": 30}
    assert xp.memory_stats("cuda:1") == expected
    freed = []
    for device in ("cuda:1", "sim:0", "cpu", None):
        calls.clear()
        xp.empty_cache(device)
        freed.append([call[1] for call in calls if call[0] == "free"])
    assert freed == [[1, 1], [], [], [0, 0, 1, 1]]
    calls.clear()
    cuda.empty_cache(0)
    cuda.empty_cache("sim:0")
    assert calls == [("free", 0)] * 2
    with pytest.raises(ValueError, match="allowed are CUDA devices"):
        cuda.empty_cache("cpu")


def test_dlpack_gets_what_the_consumer_asked_for(calls: list[Any]) -> None:
    x = xp.asarray(A, device="cuda:1")
    calls.clear()
    assert x.__dlpack_device__() == (2, 1)
    x.__dlpack__(stream=7, max_version=(1, 0), dl_device=(2, 1), copy=False)
    x.__dlpack__(stream=1, dl_device=(1, 0), copy=True)
    assert calls == [("__dlpack__", 7, (1, 0), (2, 1), False),
                     ("__dlpack__", 1, None, (1, 0), True)]  # fmt: skip
    with pytest.raises(BufferError, match=r"on cuda:1 and dl_device is \(2, 0\).*move it first"):
        x.__dlpack__(dl_device=(2, 0))
    leaf = xp.ones(2, device="cuda:1", requires_grad=True)
    with pytest.raises(BufferError, match="detach"):
        leaf.__dlpack__()
    with pytest.raises(RuntimeError, match="detach"):
        _ = leaf.__cuda_array_interface__
    assert x.__cuda_array_interface__["shape"] == (2, 3)


def test_host_conversions_are_refused() -> None:
    x = xp.asarray(A, device="cuda")
    for convert in (np.asarray, lambda t: t.numpy()):
        with pytest.raises(TypeError, match=r"cuda:0.*cpu\(\)"):
            convert(x)


def test_out_of_memory_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    x = xp.ones(3, device="cuda:1")

    def full(*args: Any, **kwargs: Any) -> Any:
        raise stand_in.OutOfMemoryError("Out of memory allocating 8 bytes")

    cupy = sys.modules["cupy"]
    with monkeypatch.context() as patch:
        patch.setattr(cupy, "zeros", full)
        patch.setitem(x.device._forwards, xp._ops.arithmetic.add_p, full)
        for call in (lambda: xp.zeros(3, device="cuda:1"), lambda: x + x):
            with pytest.raises(MemoryError) as caught:
                call()
            assert any("on cuda:1" in note for note in caught.value.__notes__)
    assert (x + x).tolist() == [2.0, 2.0, 2.0] and current() == 0


def test_singular_matrices_are_errors_and_stacks_broadcast() -> None:
    x = xp.asarray([[2.0, 1.0], [1.0, 3.0]], device="cuda")
    stack = xp.ones((4, 2, 1), device="cuda")
    assert xp.linalg.solve(x, stack).shape == (4, 2, 1)
    with pytest.raises(np.linalg.LinAlgError):
        xp.linalg.inv(xp.zeros((2, 2), device="cuda"))


def test_random_states_are_seeds_and_counts() -> None:
    g = xp.random.Generator("cuda:1").manual_seed(3)
    first, state = xp.random.rand(4, generator=g), g.get_state()
    assert first.device == "cuda:1" and state.device == "cpu" and state.shape == (17,)
    second = xp.random.rand(4, generator=g)
    g.set_state(state)
    assert xp.random.rand(4, generator=g).tolist() == second.tolist() != first.tolist()
    same = xp.random.Generator("cuda:0").manual_seed(3)
    assert xp.random.rand(4, generator=same).tolist() == first.tolist()
    with pytest.raises(ValueError, match="no state of a generator on cuda"):
        g.set_state(xp.random.Generator("cpu").get_state())
    xp.random.manual_seed(5)
    numbers = xp.random.rand(2, device="cuda:0").tolist()
    xp.random.manual_seed(5)
    assert xp.random.rand(2, device="cuda:0").tolist() == numbers


def test_cudnn_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORXP_CUDNN", "0")
    x = xp.asarray(np.ones((1, 1, 4, 4)), device="cuda", requires_grad=True)
    w = xp.ones((1, 1, 2, 2), device="cuda", requires_grad=True)
    out = xp.nn.functional.conv2d(x, w)
    assert out.device == "cuda:0" and float(out.sum()) == 36.0
