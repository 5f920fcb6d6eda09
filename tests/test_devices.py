"""Devices without a GPU: simulated accelerators, default devices, transfers, clear errors."""

import copy
import gc
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp import cuda
from tensorxp._backend.sim import simulated_devices


def memory() -> Any:
    """Return the figures of sim:0, counted from nothing."""
    gc.collect()
    figures = xp.device("sim:0").raw.memory
    figures.reset_transfers()
    figures.reset_peak()
    return figures


def test_names_and_singletons() -> None:
    assert xp.device("sim:0") is xp.device("sim:0") and xp.device("sim") is xp.device("sim:0")
    assert xp.device("sim:0") != xp.device("sim:1") and xp.device("cpu") == "cpu"
    assert str(xp.device("sim:1")) == "sim:1" and "sim:1" in repr(xp.device("sim:1"))
    assert xp.device(xp.device("sim:1")) is xp.device("sim:1")
    assert pickle.loads(pickle.dumps(xp.device("sim:1"))) is xp.device("sim:1")
    assert {xp.device("sim:0"): 1}[xp.device("sim:0")] == 1
    # equal to one string only, whose hash it has
    for device in (xp.device("cpu"), xp.device("sim:0"), xp.device("sim:1")):
        assert device == str(device) and {str(device): 1}[device] == 1
        assert {device, str(device)} == {device}
    assert xp.device("sim:0") != "sim" and "sim" not in {xp.device("sim:0")}
    assert xp.device("sim:0") in xp.devices() and xp.devices()[0] == "cpu"


@pytest.mark.parametrize(
    "spec, error, text",
    [
        ("gpu", ValueError, r'device is .gpu.; allowed are "cpu", "cuda"'),
        ("cuda:x", ValueError, "cuda:x"),
        ("cpu:1", ValueError, "the only CPU device"),
        ("sim:9", xp.DeviceError, "sim:9.*2 simulated devices"),
        (3, TypeError, "device is 3 of type int"),
    ],
)
def test_unknown_device(spec: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        xp.zeros(2, device=spec)


def test_simulated_devices_are_off_unless_asked_for() -> None:
    with simulated_devices(0):
        assert all(device.type != "sim" for device in xp.devices())
        with pytest.raises(xp.DeviceError, match="TENSORXP_SIM_DEVICES"):
            xp.device("sim:0")
    with simulated_devices(4):
        assert xp.zeros(1, device="sim:3").device == "sim:3"
    assert xp.device("sim:0") is xp.zeros(1, device="sim:0").device


@pytest.mark.skipif(cuda.is_available(), reason="this machine has CUDA")
def test_cuda_that_is_missing() -> None:
    x = xp.ones(2)
    calls: list[Callable[[], Any]] = [
        lambda: x.to("cuda"),
        lambda: x.cuda(),
        lambda: xp.zeros(2, device="cuda:1"),
        lambda: xp.set_default_device("cuda"),
        cuda.Stream,
        cuda.synchronize,
        cuda.current_device,
        cuda.get_device_name,
        cuda.memory_allocated,
        lambda: cuda.pin_memory(x),
    ]
    for call in calls:
        with pytest.raises(xp.DeviceError, match=r"(?i)cupy.*install"):
            call()
    assert cuda.device_count() == 0 and not cuda.is_available()
    assert cuda.empty_cache() is None
    assert (x + 1).tolist() == [2.0, 2.0]


def test_import_does_not_look_for_cuda() -> None:
    code = (
        "import sys, tensorxp, tensorxp.cuda; "
        "assert 'cupy' not in sys.modules and 'scipy' not in sys.modules, 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_transfer_keeps_the_gradient() -> None:
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = (x.to("sim:0") ** 2).to("sim:1") * xp.asarray([3.0, 4.0], device="sim:1")
    assert y.device == "sim:1" and y.requires_grad
    y.sum().backward()
    assert x.grad.device == "cpu" and x.grad.tolist() == [6.0, 16.0]
    assert x.to("cpu") is x and x.to_device("cpu") is x


def test_transfer_in_forward_mode_and_second_order() -> None:
    def loss(x: Any) -> Any:
        return (x.to("sim:0") ** 3).sum().to("cpu")

    x, v = xp.asarray([1.0, 2.0]), xp.asarray([1.0, 1.0])
    value, tangent = xp.autograd.jvp(loss, (x,), (v,))
    assert float(value) == 9.0 and float(tangent) == 15.0 and tangent.device == "cpu"
    hessian = xp.autograd.hessian(loss, x)
    np.testing.assert_allclose(hessian, np.diag([6.0, 12.0]))


def test_to_takes_dtypes_devices_and_tensors() -> None:
    x = xp.ones(2)
    assert x.to("sim:0", xp.float32).dtype == xp.float32
    like = xp.zeros(1, dtype=xp.float32, device="sim:1")
    assert x.to(like).device == "sim:1" and x.to(like).dtype == xp.float32
    assert x.to(device="sim:0").cpu().device == "cpu"
    assert x.to("sim:0", non_blocking=True).device == "sim:0"
    with pytest.raises(ValueError, match="neither device is a CUDA device"):
        x.to_device("sim:0", stream=1)


def test_transfers_are_copies_and_counted() -> None:
    figures = memory()
    x = xp.ones(4)
    y = x.to("sim:0")
    assert (figures.copies_in, figures.bytes_in) == (1, 32)
    x[0] = 5
    assert y.tolist() == [1.0, 1.0, 1.0, 1.0]
    before = figures.copies_out
    z = (y * 2).cpu()
    assert figures.copies_out == before + 1
    z[0] = 9
    assert float(y[0]) == 1.0
    moved = y.to("sim:1")
    moved[0] = 7
    assert float(y[0]) == 1.0


def test_memory_figures() -> None:
    figures = memory()
    before = figures.allocated
    x = xp.zeros(1000, device="sim:0")
    view = x[:10]
    assert cuda.memory_allocated("sim:0") == before + 8000
    y = x + 1
    assert figures.allocated == before + 16000
    del y
    assert figures.allocated == before + 8000
    assert cuda.max_memory_allocated("sim:0") >= before + 16000
    del x
    assert figures.allocated == before + 8000  # the view keeps the memory
    del view
    assert figures.allocated == before
    cuda.reset_peak_memory_stats("sim:0")
    assert cuda.max_memory_allocated("sim:0") == figures.allocated
    with pytest.raises(ValueError, match="allowed are CUDA devices"):
        cuda.memory_allocated("cpu")


def test_memory_of_a_graph_is_freed_without_the_collector() -> None:
    figures = memory()
    before = figures.allocated
    gc.disable()
    try:
        x = xp.ones(1000, device="sim:0", requires_grad=True)
        y = xp.exp(x) * x
        y.sum().backward()
        del x, y
        assert figures.allocated == before
    finally:
        gc.enable()


def test_out_of_memory_leaves_tensors_usable() -> None:
    figures = memory()
    figures.limit = figures.allocated + 10_000
    try:
        x = xp.ones(1000, device="sim:0")
        with pytest.raises(MemoryError, match=r"out of memory.*smaller batches"):
            x + 1
        x += 1
        assert float(x.sum()) == 2000.0
    finally:
        figures.limit = None


MIXED: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "radd": lambda a, b: b + a,
    "matmul": lambda a, b: a @ b,
    "where": lambda a, b: xp.where(a > 0, a, b),
    "concat": lambda a, b: xp.concat([a, b]),
    "stack": lambda a, b: xp.stack([a, b]),
    "iadd": lambda a, b: a.__iadd__(b),
    "setitem": lambda a, b: a.__setitem__(0, b[0]),
    "maximum": lambda a, b: xp.maximum(a, b),
    "einsum": lambda a, b: xp.einsum("i,i->", a, b),
    "solve": lambda a, b: xp.linalg.solve(a.reshape(2, 2), b.reshape(2, 2)),
    "searchsorted": lambda a, b: xp.searchsorted(a, b),
}


@pytest.mark.parametrize("name", MIXED)
@pytest.mark.parametrize("other", ["cpu", "sim:1"])
def test_mixing_devices_names_both(name: str, other: str) -> None:
    a = xp.asarray([1.0, 2.0, 3.0, 4.0], device="sim:0")
    b = xp.asarray([1.0, 2.0, 3.0, 4.0], device=other)
    with pytest.raises(xp.DeviceError) as caught:
        MIXED[name](a, b)
    assert "sim:0" in str(caught.value) and other in str(caught.value)
    assert ".to(" in str(caught.value)
    assert a.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_scalars_mix_with_any_device() -> None:
    x = xp.ones(2, device="sim:0")
    for scalar in (2, 2.0, np.float64(2), np.float32(2)):
        assert (x * scalar).device == "sim:0" and (scalar * x).tolist() == [2.0, 2.0]
    assert float(x.sum()) == 2.0 and bool(x.sum() == 2) and x.sum().item() == 2.0


def test_arrays_do_not_mix_with_other_devices() -> None:
    x = xp.ones(2, device="sim:0")
    for call in (lambda: x + np.ones(2), lambda: np.ones(2) + x, lambda: x.__iadd__(np.ones(2))):
        with pytest.raises((TypeError, xp.DeviceError)):
            call()
    with pytest.raises(ValueError, match="copy=False"):
        xp.asarray(np.ones(2), device="sim:0", copy=False)


def test_implicit_conversion_is_refused() -> None:
    x = xp.ones(2, device="sim:0")
    for call in (lambda: np.asarray(x), lambda: x.numpy(), lambda: np.array([x, x])):
        with pytest.raises(TypeError, match=r"sim:0.*cpu\(\)"):
            call()
    for export in (np.from_dlpack, memoryview, lambda y: y.__dlpack__(dl_device=(2, 0))):
        with pytest.raises((BufferError, RuntimeError, TypeError)):
            export(x)
    assert x.__dlpack_device__() == (9, 0)
    assert not hasattr(x, "__cuda_array_interface__")
    assert x.cpu().numpy().tolist() == [1.0, 1.0]


def test_default_device() -> None:
    xp.set_default_device("sim:0")
    try:
        assert xp.zeros(2).device == "sim:0" and xp.asarray([1.0]).device == "sim:0"
        assert xp.arange(3).device == "sim:0" and xp.linspace(0, 1, 3).device == "sim:0"
        assert xp.eye(2).device == "sim:0" and xp.asarray(np.ones(2)).device == "sim:0"
        assert xp.asarray(xp.ones(2, device="cpu")).device == "cpu"
        with xp.device("sim:1"):
            assert xp.ones(1).device == "sim:1"
        assert xp.ones(1).device == "sim:0"
    finally:
        xp.set_default_device(None)
    assert xp.ones(1).device == "cpu"


def test_default_device_of_a_scope_is_per_thread() -> None:
    found: list[str] = []
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with xp.device("sim:1"):
            entered.set()
            leave.wait(5)
            found.append(str(xp.ones(1).device))
        found.append(str(xp.ones(1).device))

    thread = threading.Thread(target=other)
    with xp.device("sim:1"):
        thread.start()
        entered.wait(5)
        with xp.device("sim:0"):
            assert xp.ones(1).device == "sim:0"
    assert xp.ones(1).device == "cpu"
    leave.set()
    thread.join()
    assert found == ["sim:1", "cpu"]


def test_results_stay_on_the_device() -> None:
    x = xp.asarray([[2.0, 1.0], [1.0, 3.0]], device="sim:0")
    for out in (
        x.T, x[0], x[:, 1], x.sum(), xp.zeros_like(x), xp.linalg.inv(x), *xp.linalg.eigh(x),
        xp.fft.fft(x), xp.argsort(x), *xp.unique_counts(x), x.astype(xp.float32), x > 1,
        *xp.nonzero(x), xp.tril(x), xp.where(x > 1, x, 0.0), xp.cumulative_sum(x, axis=0),
    ):  # fmt: skip
        assert out.device == "sim:0"


def test_copies_and_pickles() -> None:
    x = xp.asarray([1.0, 2.0], device="sim:0", requires_grad=True)
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.device == "sim:0" and twin.requires_grad and twin.tolist() == [1.0, 2.0]
    assert "sim:0" in repr(x)


def test_a_model_moves_and_trains() -> None:
    nn = pytest.importorskip("tensorxp.nn")
    optim = pytest.importorskip("tensorxp.optim")
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to("sim:0")
    assert all(p.device == "sim:0" for p in model.parameters())
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    inputs = xp.asarray(np.linspace(-1, 1, 30).reshape(10, 3), device="sim:0").astype("float32")
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = ((model(inputs) - inputs[:, :1]) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    assert all(p.grad.device == "sim:0" for p in model.parameters())
    with pytest.raises(xp.DeviceError, match=r"sim:0.*cpu|cpu.*sim:0"):
        model(inputs.cpu())
