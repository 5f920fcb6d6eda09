"""Memory shared with NumPy, PyTorch and JAX: proved by writing, or refused with a clear error."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorxp as xp

SHAPED: dict[str, Callable[[], np.ndarray[Any, Any]]] = {
    "plain": lambda: np.arange(6.0).reshape(2, 3),
    "transposed": lambda: np.arange(6.0).reshape(2, 3).T,
    "strided": lambda: np.arange(6.0)[::2],
    "bool": lambda: np.asarray([True, False]),
    "uint8": lambda: np.asarray([1, 2], dtype=np.uint8),
    "int64": lambda: np.asarray([1, 2]),
    "float16": lambda: np.asarray([1.0, 2.0], dtype=np.float16),
    "complex64": lambda: np.asarray([1 + 2j], dtype=np.complex64),
    "complex128": lambda: np.asarray([1 + 2j]),
    "0-d": lambda: np.asarray(3.0),
}
TRAPS: dict[str, Callable[[], np.ndarray[Any, Any]]] = {
    "negative": lambda: np.arange(6.0)[::-1],
    "broadcast": lambda: np.broadcast_to(np.ones(1), (3,)),
    "read-only": lambda: _read_only(),
    "misaligned": lambda: np.frombuffer(bytearray(25), dtype=np.float64, count=3, offset=1),
}


def _read_only() -> np.ndarray[Any, Any]:
    array = np.arange(3.0)
    array.flags.writeable = False
    return array


class _Writable:
    """The memory of an array that NumPy 2.1 took for read-only, as it does with its own."""

    def __init__(self, array: Any) -> None:
        place = (array.__array_interface__["data"][0], False)
        self.__array_interface__ = {**array.__array_interface__, "data": place}
        self._array = array


def writable(array: Any) -> Any:
    """Return an array that `np.from_dlpack` made as one that can be written."""
    own = np.from_dlpack(np.ones(1)).flags.writeable
    return array if own else np.asarray(_Writable(array))


def consumer(name: str) -> tuple[Callable[..., Any], Callable[[Any], Any]]:
    """Return a library's `from_dlpack`, and what makes a NumPy view of its arrays."""
    if name == "numpy":
        return np.from_dlpack, writable
    torch = pytest.importorskip("torch")
    return torch.from_dlpack, lambda tensor: tensor.numpy()


def put(x: Any, value: int) -> None:
    x[(0,) * x.ndim] = value


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("name", SHAPED)
def test_export_shares_memory(name: str, library: str) -> None:
    take, view = consumer(library)
    t = xp.from_numpy(SHAPED[name]())
    for kwargs in ({}, {"copy": False}):
        other = take(t, **kwargs)
        assert np.shares_memory(view(other), t.numpy())
        put(view(other), 1)
        assert t[(0,) * t.ndim].item() == 1
        put(t, 0)
        assert view(other)[(0,) * t.ndim] == 0
    copied = take(t, copy=True)
    assert not np.shares_memory(view(copied), t.numpy())
    np.testing.assert_array_equal(view(copied), t.numpy())


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("name", TRAPS)
def test_export_of_traps_is_a_copy_or_an_error(name: str, library: str) -> None:
    take, view = consumer(library)
    t = xp.asarray(TRAPS[name]())
    expected = t.numpy().copy()
    other = take(t)
    np.testing.assert_array_equal(view(other), expected)
    assert not np.shares_memory(view(other), t.numpy())
    put(view(other), 7)
    np.testing.assert_array_equal(t.numpy(), expected)
    with pytest.raises(BufferError, match=r"copy=False.*t.copy\(\)"):
        take(t, copy=False)
    np.testing.assert_array_equal(t.numpy(), expected)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_export_of_nothing(shape: tuple[int, ...], library: str) -> None:
    take, view = consumer(library)
    assert view(take(xp.zeros(shape))).shape == shape
    assert view(take(xp.zeros(shape)[::-1], copy=False)).shape == shape


def test_export_arguments() -> None:
    t = xp.ones(2)
    assert "versioned" in repr(t.__dlpack__(max_version=(1, 0)))
    assert "versioned" not in repr(t.__dlpack__()) and "versioned" not in repr(
        t.__dlpack__(max_version=(0, 8))
    )
    assert t.__dlpack_device__() == (1, 0) and t.__dlpack__(dl_device=(1, 0)) is not None
    with pytest.raises(BufferError, match=r"on cpu and dl_device is \(2, 0\)"):
        t.__dlpack__(dl_device=(2, 0))
    with pytest.raises(ValueError, match="stream is 3"):
        t.__dlpack__(stream=3)
    with pytest.raises(AttributeError, match="not on a CUDA device"):
        _ = t.__cuda_array_interface__


def test_export_of_a_gradient_is_refused() -> None:
    leaf = xp.ones(2, requires_grad=True)
    for t in (leaf, leaf * 2, (leaf * 2)[0]):
        for library in ("numpy", "torch"):
            take, view = consumer(library)
            with pytest.raises(BufferError, match=r"requires grad.*t.detach\(\)"):
                take(t)
            assert view(take(t.detach())).shape == t.shape
        with pytest.raises(RuntimeError, match="detach"):
            t.numpy()
        with pytest.raises(RuntimeError, match="detach"):
            np.asarray(t)
        with xp.no_grad():
            assert np.asarray(t).shape == t.shape


def test_numpy_both_ways() -> None:
    array = np.zeros(3)
    for t in (xp.from_numpy(array), xp.asarray(array), xp.asarray(array, copy=False)):
        t[0] = 5
        assert array[0] == 5
        array[0] = 6
        assert t.numpy()[0] == 6 and t.numpy() is not None
        assert np.shares_memory(t.numpy(), array) and np.shares_memory(np.asarray(t), array)
    assert not np.shares_memory(xp.asarray(array, copy=True).numpy(), array)
    assert not np.shares_memory(np.array(t), array)
    assert np.asarray(t, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="copy=False"):
        np.asarray(t, dtype=np.float32, copy=False)
    with pytest.raises(ValueError, match="copy=False"):
        xp.asarray([1.0], copy=False)
    with pytest.raises(TypeError, match="from_numpy: x is a list"):
        xp.from_numpy([1.0])


def test_read_only_numpy_stays_read_only() -> None:
    t = xp.asarray(_read_only())
    with pytest.raises(ValueError, match="read-only"):
        t[0] = 1
    assert t.copy().numpy().flags.writeable


def test_torch_in() -> None:
    torch = pytest.importorskip("torch")
    for make in (
        lambda: torch.zeros(2, 3),
        lambda: torch.zeros(2, 3).T,
        lambda: torch.zeros(6)[::2],
        lambda: torch.zeros(2, dtype=torch.bool),
        lambda: torch.zeros(2, dtype=torch.complex128),
        lambda: torch.zeros(2, dtype=torch.float16),
        lambda: torch.tensor(0.0),
    ):
        source = make()
        for t in (xp.asarray(source), xp.from_dlpack(source), xp.asarray(source, copy=False)):
            assert t.shape == tuple(source.shape) and str(t.dtype) in str(source.dtype)
            put(t, 1)
            assert source[(0,) * source.ndim].item() == 1
            put(source, 0)
            assert t[(0,) * t.ndim].item() == 0
        copied = xp.asarray(source, copy=True)
        put(copied, 1)
        assert source[(0,) * source.ndim].item() == 0
    assert xp.asarray(torch.zeros(0, 2)).shape == (0, 2)
    expanded = xp.asarray(torch.zeros(1).expand(3))
    with pytest.raises(ValueError, match="read-only"):
        expanded[0] = 1


def test_torch_refused() -> None:
    torch = pytest.importorskip("torch")
    for take in (xp.asarray, xp.from_dlpack):
        with pytest.raises(BufferError, match=r"torch.Tensor.*require gradient.*detach"):
            take(torch.ones(2, requires_grad=True))
        with pytest.raises(BufferError, match=r"bfloat16.*convert it to float32"):
            take(torch.ones(2, dtype=torch.bfloat16))
        with pytest.raises(BufferError, match="conjugate bit"):
            take(torch.ones(2, dtype=torch.complex64).conj())


def test_jax_in() -> None:
    jnp = pytest.importorskip("jax.numpy")
    source = jnp.arange(6, dtype="float32").reshape(2, 3)
    for t in (xp.asarray(source), xp.from_dlpack(source), xp.asarray(source, copy=False)):
        assert t.numpy().ctypes.data == source.unsafe_buffer_pointer()
        with pytest.raises(ValueError, match="read-only"):
            t[0, 0] = 1
    assert xp.asarray(source, copy=True).numpy().flags.writeable
    with pytest.raises(BufferError, match=r"bfloat16.*convert it to float32"):
        xp.asarray(jnp.ones(2, dtype="bfloat16"))


def test_jax_out_shares_aligned_memory() -> None:
    jnp = pytest.importorskip("jax.numpy")
    aligned = np.zeros(200, dtype=np.uint8)
    start = -aligned.ctypes.data % 64
    t = xp.from_numpy(aligned[start : start + 64].view(np.float32))
    assert jnp.from_dlpack(t, copy=False).unsafe_buffer_pointer() == t.numpy().ctypes.data
    unaligned = xp.from_numpy(aligned[start + 4 : start + 68].view(np.float32))
    assert jnp.from_dlpack(unaligned).shape == (16,)
    with pytest.raises(ValueError, match="aligned to 64 bytes"):
        jnp.from_dlpack(unaligned, copy=False)
    with pytest.raises(BufferError, match="requires grad"):
        jnp.from_dlpack(xp.ones(2, requires_grad=True))


@pytest.mark.filterwarnings("ignore:Exporting an unversioned DLPack capsule")
def test_pyarrow_in() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    source = pyarrow.array([1.0, 2.0, 3.0])
    t = xp.asarray(source)
    assert t.numpy().ctypes.data == source.buffers()[1].address
    with pytest.raises(ValueError, match="read-only"):
        t[0] = 5
    with pytest.raises(BufferError, match="null"):
        xp.from_dlpack(pyarrow.array([1.0, None]))


def test_pandas_both_ways() -> None:
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([1.0, 2.0])
    assert np.shares_memory(xp.asarray(series).numpy(), series.to_numpy())
    t = xp.asarray([3.0, 4.0])
    assert pandas.Series(t).tolist() == [3.0, 4.0]
    with pytest.raises(RuntimeError, match="requires grad"):
        pandas.Series(xp.ones(2, requires_grad=True))


def test_from_dlpack_of_tensors() -> None:
    x = xp.ones(2, requires_grad=True)
    assert xp.from_dlpack(x).requires_grad
    moved = xp.from_dlpack(x, device="sim:0")
    moved.sum().backward()
    assert moved.device == "sim:0" and x.grad.tolist() == [1.0, 1.0]
    with pytest.raises(BufferError, match="copy=False"):
        xp.from_dlpack(x, device="sim:0", copy=False)
    array = np.ones(2)
    assert xp.from_dlpack(array, device="sim:0").device == "sim:0"
    with pytest.raises(BufferError, match="copy=False"):
        xp.from_dlpack(array, device="sim:0", copy=False)
    with pytest.raises(TypeError, match="from_dlpack: x is a list"):
        xp.from_dlpack([1.0])


def test_a_foreign_accelerator_is_refused() -> None:
    class Elsewhere:
        def __dlpack__(self, **kwargs: Any) -> Any:
            raise AssertionError("not asked")

        def __dlpack_device__(self) -> tuple[int, int]:
            return (10, 0)

    with pytest.raises(BufferError, match="device of type 10"):
        xp.from_dlpack(Elsewhere())


def test_simulated_memory_reaches_others_on_request_only() -> None:
    x = xp.ones(2, device="sim:0")
    host = writable(np.from_dlpack(x, device="cpu"))
    host[0] = 5
    assert x.tolist() == [1.0, 1.0]
    for version in (None, (1, 0)):
        assert "dltensor" in repr(x.__dlpack__(max_version=version))
    for library in ("numpy", "torch"):
        take, _ = consumer(library)
        with pytest.raises((BufferError, RuntimeError, ValueError)):
            take(x)


def test_jax_refuses_simulated_memory() -> None:
    jnp = pytest.importorskip("jax.numpy")
    with pytest.raises((BufferError, RuntimeError, TypeError, ValueError)):
        jnp.from_dlpack(xp.ones(16, dtype="float32", device="sim:0"))


def test_buffers_and_numbers() -> None:
    assert xp.asarray(memoryview(bytearray(b"ab"))).tolist() == [97, 98]
    assert xp.asarray(np.float32(1)).dtype == xp.float32
    for wrong in ("text", b"bytes", object(), [object()], np.asarray(["a"])):
        with pytest.raises(TypeError):
            xp.asarray(wrong)


def test_a_longer_life_than_the_source() -> None:
    t = xp.asarray(np.full(1000, 3.0))
    other = np.from_dlpack(t)
    del t
    assert other.sum() == 3000.0


def test_big_endian_becomes_native() -> None:
    t = xp.asarray(np.asarray([1.0, 2.0], dtype=">f8"))
    assert t.dtype == xp.float64 and t.tolist() == [1.0, 2.0]
