"""CUDA memory shared with CuPy and PyTorch, proved by writing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorxp as xp


@pytest.fixture
def cupy() -> Any:
    return pytest.importorskip("cupy")


@pytest.fixture
def torch() -> Any:
    module = pytest.importorskip("torch")
    if not module.cuda.is_available():
        pytest.skip("this build of torch has no CUDA")
    return module


def test_cupy_in(cupy: Any) -> None:
    source = cupy.zeros((2, 3))
    for t in (xp.asarray(source), xp.from_dlpack(source), xp.asarray(source, copy=False)):
        assert t.device == "cuda:0"
        t[0, 0] = 5
        assert float(source[0, 0]) == 5
        source[0, 0] = 0
        assert float(t[0, 0]) == 0
    copied = xp.asarray(source, copy=True)
    copied[0, 0] = 1
    assert float(source[0, 0]) == 0


def test_cupy_out(cupy: Any) -> None:
    t = xp.zeros((2, 3), device="cuda")
    for other in (cupy.from_dlpack(t), cupy.asarray(t)):
        other[0, 0] = 5
        assert float(t[0, 0]) == 5
        t[0, 0] = 0
    interface = t.__cuda_array_interface__
    assert interface["shape"] == (2, 3) and interface["data"][0] == t._data.data.ptr
    assert t.__dlpack_device__() == (2, 0)


def test_gradient_is_refused(cupy: Any) -> None:
    leaf = xp.ones(2, device="cuda", requires_grad=True)
    with pytest.raises(BufferError, match="detach"):
        cupy.from_dlpack(leaf)
    with pytest.raises(RuntimeError, match="detach"):
        _ = leaf.__cuda_array_interface__


def test_only_the_cuda_interface(cupy: Any) -> None:
    source = cupy.arange(3.0)

    class Holder:
        __cuda_array_interface__ = source.__cuda_array_interface__

    t = xp.asarray(Holder())
    t[0] = 7
    assert float(source[0]) == 7


def test_torch_both_ways(torch: Any) -> None:
    source = torch.zeros(2, 3, device="cuda")
    t = xp.asarray(source)
    t[0, 0] = 5
    assert source[0, 0].item() == 5
    back = torch.from_dlpack(t)
    back[1, 1] = 6
    assert float(t[1, 1]) == 6
    with pytest.raises(BufferError, match="detach"):
        xp.asarray(torch.ones(2, device="cuda", requires_grad=True))


def test_host_copy_on_request(cupy: Any) -> None:
    t = xp.ones(2, device="cuda")
    with pytest.raises((BufferError, ValueError, RuntimeError)):
        np.from_dlpack(t)
    host = np.from_dlpack(t, device="cpu")
    assert host.tolist() == [1.0, 1.0]
    assert xp.from_dlpack(t, device="cpu").device == "cpu"


SHAPED: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda cupy: cupy.arange(6.0).reshape(2, 3).T,
    "strided": lambda cupy: cupy.arange(6.0)[::2],
    "bool": lambda cupy: cupy.asarray([True, False]),
    "uint8": lambda cupy: cupy.asarray([1, 2], dtype="uint8"),
    "float16": lambda cupy: cupy.asarray([1.0, 2.0], dtype="float16"),
    "complex64": lambda cupy: cupy.asarray([1 + 2j], dtype="complex64"),
    "complex128": lambda cupy: cupy.asarray([1 + 2j]),
    "0-d": lambda cupy: cupy.asarray(3.0),
}


@pytest.mark.parametrize("name", SHAPED)
def test_shared_memory(name: str, cupy: Any) -> None:
    source = SHAPED[name](cupy)
    place = (0,) * source.ndim
    t = xp.asarray(source)
    t[place] = 1
    assert bool(source[place] == 1)
    back = cupy.from_dlpack(t)
    back[place] = 0
    assert bool(t[place] == 0)


def test_nothing_and_negative_strides(cupy: Any) -> None:
    assert cupy.from_dlpack(xp.zeros((0, 3), device="cuda")).shape == (0, 3)
    t = xp.arange(4.0, device="cuda")[::-1]
    try:
        other = cupy.from_dlpack(t)
    except (BufferError, ValueError):
        return
    assert other.tolist() == [3.0, 2.0, 1.0, 0.0]
