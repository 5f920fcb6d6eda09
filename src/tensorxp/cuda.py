"""CUDA devices: what there is, streams, memory. Importing it needs neither CuPy nor a driver.

Functions that need a device raise a `DeviceError` that says what is missing and how to get it.
Memory figures can also be asked of simulated devices.
"""

from importlib import import_module
from typing import Any

from tensorxp._backend.device import (
    Device,
    DeviceError,
    as_device,
    cuda_device_count,
    cuda_problem,
)
from tensorxp._backend.families import Family, see
from tensorxp._backend.names import listing
from tensorxp._backend.sim import SimNamespace
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor

_of_device = Family(
    "device : int, str, Device or None\n    None is the current CUDA device.",
    raises="DeviceError, TypeError, ValueError\n"
    "    CUDA cannot be used, or no such device; something else; the CPU.",
)

__all__ = [
    "Stream", "current_device", "current_stream", "device_count", "empty_cache",
    "get_device_capability", "get_device_name", "is_available", "max_memory_allocated",
    "memory_allocated", "memory_reserved", "pin_memory", "reset_peak_memory_stats", "set_device",
    "synchronize",
]  # fmt: skip
__dir__ = listing(globals())


@see("device_count")
def is_available() -> bool:
    """Return whether CuPy is installed and the driver reports a CUDA device.

    >>> device = "cuda" if xp.cuda.is_available() else "cpu"

    Returns
    -------
    bool
    """
    return cuda_problem() is None


@see("is_available")
def device_count() -> int:
    """Return the number of CUDA devices, 0 without CuPy or a driver.

    >>> xp.cuda.device_count() > 0 or not xp.cuda.is_available()
    True

    Returns
    -------
    int
    """
    return cuda_device_count()


def _cupy(function: str) -> Any:
    problem = cuda_problem()
    if problem is not None:
        raise DeviceError(f"cuda.{function}: CUDA cannot be used: {problem}")
    return import_module("cupy")


def _place(function: str, device: Any) -> Device:
    """Return the CUDA or simulated device that `device` means; None is the current CUDA device."""
    if isinstance(device, int):
        device = f"cuda:{device}"
    place = as_device("cuda" if device is None else device, f"cuda.{function}")
    if place.type == "cpu":
        raise ValueError(f'cuda.{function}: device is "cpu"; allowed are CUDA devices')
    return place


@see("set_device")
def current_device() -> int:
    """Return the index of the current CUDA device of this thread.

    >>> if xp.cuda.is_available():
    ...     index = xp.cuda.current_device()

    Returns
    -------
    int

    Raises
    ------
    DeviceError
        CUDA cannot be used; the message says what is missing.
    """
    return int(_cupy("current_device").cuda.Device().id)


@_of_device.see("current_device")
def set_device(device: Any, /) -> None:
    """Make a CUDA device the current one of this thread.

    >>> if xp.cuda.is_available():
    ...     xp.cuda.set_device(0)

    Parameters
    ----------
    device : int, str or Device
    """
    cupy = _cupy("set_device")
    place = _place("set_device", device)
    if place.type == "cuda":
        cupy.cuda.Device(place.index).use()


@_of_device.see("get_device_capability")
def get_device_name(device: Any = None, /) -> str:
    """Return the name of a device, such as "NVIDIA H100 80GB HBM3".

    >>> if xp.cuda.is_available():
    ...     name = xp.cuda.get_device_name(0)

    Returns
    -------
    str
    """
    place = _place("get_device_name", device)
    if place.type == "sim":
        return f"simulated device {place.index}"
    name = _cupy("get_device_name").cuda.runtime.getDeviceProperties(place.index)["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


@_of_device.see("get_device_name")
def get_device_capability(device: Any = None, /) -> tuple[int, int]:
    """Return the compute capability of a CUDA device, such as (9, 0).

    >>> if xp.cuda.is_available():
    ...     major, minor = xp.cuda.get_device_capability()

    Parameters
    ----------
    device : int, str, Device or None
        None is the current one.

    Returns
    -------
    tuple of two ints
    """
    place = _place("get_device_capability", device)
    digits = str(_cupy("get_device_capability").cuda.Device(place.index).compute_capability)
    return int(digits[:-1]), int(digits[-1])


@_of_device.see("current_stream")
def synchronize(device: Any = None, /) -> None:
    """Wait until all work queued on a device is done; simulated devices never queue.

    >>> if xp.cuda.is_available():
    ...     xp.cuda.synchronize()
    """
    place = _place("synchronize", device)
    if place.type == "cuda":
        _cupy("synchronize").cuda.Device(place.index).synchronize()


def _pool_bytes(place: Device, name: str) -> int:
    cupy = place.raw.base
    with cupy.cuda.Device(place.index):
        return int(getattr(cupy.get_default_memory_pool(), name)())


@_of_device.see("memory_reserved, max_memory_allocated")
def memory_allocated(device: Any = None, /) -> int:
    """Return the bytes in use on a device, as CuPy's default memory pool counts them.

    >>> if xp.cuda.is_available():
    ...     used = xp.cuda.memory_allocated("cuda:0")

    Returns
    -------
    int
    """
    place = _place("memory_allocated", device)
    if isinstance(place.raw, SimNamespace):
        return place.raw.memory.allocated
    return _pool_bytes(place, "used_bytes")


@_of_device.see("memory_allocated")
def memory_reserved(device: Any = None, /) -> int:
    """Return the bytes that CuPy's memory pool holds, in use or kept for the next request.

    >>> if xp.cuda.is_available():
    ...     held = xp.cuda.memory_reserved()

    Returns
    -------
    int
    """
    place = _place("memory_reserved", device)
    if isinstance(place.raw, SimNamespace):
        return place.raw.memory.allocated
    return _pool_bytes(place, "total_bytes")


@_of_device.see("memory_allocated, reset_peak_memory_stats")
def max_memory_allocated(device: Any = None, /) -> int:
    """Return the most bytes in use at once.

    On a CUDA device this is an upper bound: the bytes that the memory pool holds, which it gives
    back in `empty_cache` only. On a simulated device it is exact.

    >>> if xp.cuda.is_available():
    ...     peak = xp.cuda.max_memory_allocated()

    Returns
    -------
    int
    """
    place = _place("max_memory_allocated", device)
    if isinstance(place.raw, SimNamespace):
        return place.raw.memory.peak
    return _pool_bytes(place, "total_bytes")


@_of_device.see("max_memory_allocated")
def reset_peak_memory_stats(device: Any = None, /) -> None:
    """Start `max_memory_allocated` anew; on a CUDA device this empties the pool's cache.

    >>> if xp.cuda.is_available():
    ...     xp.cuda.reset_peak_memory_stats()
    """
    place = _place("reset_peak_memory_stats", device)
    if isinstance(place.raw, SimNamespace):
        place.raw.memory.reset_peak()
    else:
        _empty(place)


def _empty(place: Device) -> None:
    cupy = place.raw.base
    with cupy.cuda.Device(place.index):
        cupy.get_default_memory_pool().free_all_blocks()
        cupy.get_default_pinned_memory_pool().free_all_blocks()


@see("memory_reserved")
def empty_cache(device: Any = None, /) -> None:
    """Give memory that CuPy's pools keep without using it back to the devices.

    Does nothing without CUDA, and on simulated devices, which keep nothing.

    >>> if xp.cuda.is_available():
    ...     xp.cuda.empty_cache()

    Parameters
    ----------
    device : int, str, Device or None
        None is every CUDA device.

    Raises
    ------
    DeviceError, TypeError, ValueError
        No such device; something else; the CPU.
    """
    if device is not None:
        places = [_place("empty_cache", device)]
    else:
        places = [as_device(f"cuda:{index}") for index in range(cuda_device_count())]
    for place in places:
        if place.type == "cuda":
            _empty(place)


@see("tensorxp.to_device")
def pin_memory(x: Any, /) -> Any:
    """Return a copy of a CPU tensor in page-locked memory, from which copies are asynchronous.

    >>> if xp.cuda.is_available():
    ...     x = xp.cuda.pin_memory(xp.asarray([1.0, 2.0]))

    Parameters
    ----------
    x : Tensor, any dtype
        On the CPU.

    Returns
    -------
    Tensor
        Shape and dtype of `x`, without history.

    Raises
    ------
    TypeError, DeviceError
        `x` is no such Tensor; CUDA cannot be used.
    """
    if not isinstance(x, Tensor) or x._device.type != "cpu":
        where = x._device if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"cuda.pin_memory: x is on {where}; allowed are tensors on the CPU")
    _cupy("pin_memory")
    pinned = import_module("cupyx").empty_pinned(x._data.shape, dtype=x._data.dtype)
    pinned[...] = x._data
    return wrap(pinned, x._device)


class Stream:
    """A queue of work on one CUDA device; `with stream:` queues what follows there.

    Inside the scope the stream's device is the current one too. DLPack and `to_device` take it.

    Parameters
    ----------
    device : int, str, Device or None
        None is the current one.
    non_blocking : bool
        Whether it does not wait for the default stream.

    Raises
    ------
    DeviceError, TypeError, ValueError
        CUDA cannot be used, or no such device; something else; the CPU.
    """

    def __init__(self, device: Any = None, *, non_blocking: bool = True) -> None:
        cupy = _cupy("Stream")
        place = _place("Stream", device)
        self.device = place
        self.device_id = place.index
        self._scope: list[Any] = []
        with cupy.cuda.Device(place.index):
            self._stream = cupy.cuda.Stream(non_blocking=non_blocking)

    @property
    def ptr(self) -> int:
        """The address of the `cudaStream_t`, for other libraries."""
        return int(self._stream.ptr)

    @property
    def raw(self) -> Any:
        """The `cupy.cuda.Stream` behind it."""
        return self._stream

    def synchronize(self) -> None:
        """Wait until all work in the stream is done."""
        self._stream.synchronize()

    def query(self) -> bool:
        """Return whether all work in the stream is done."""
        return bool(self._stream.done)

    def wait_stream(self, other: "Stream") -> None:
        """Have work queued here from now on wait for what `other` holds now."""
        self._stream.wait_event(other._stream.record())

    def __enter__(self) -> "Stream":
        device = self.device.raw.base.cuda.Device(self.device_id)
        device.__enter__()
        self._stream.__enter__()
        self._scope.append(device)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stream.__exit__(*exc)
        self._scope.pop().__exit__(*exc)

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.ptr

    def __repr__(self) -> str:
        return f"<Stream of {self.device} at {self.ptr:#x}>"


@_of_device.see("synchronize")
def current_stream(device: Any = None, /) -> Any:
    """Return CuPy's current stream of a CUDA device in this thread.

    >>> if xp.cuda.is_available():
    ...     stream = xp.cuda.current_stream()

    Parameters
    ----------
    device : int, str, Device or None
        None is the current one.

    Returns
    -------
    cupy.cuda.Stream
    """
    cupy = _cupy("current_stream")
    place = _place("current_stream", device)
    return cupy.cuda.get_current_stream(place.index)
