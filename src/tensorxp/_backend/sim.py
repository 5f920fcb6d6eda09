"""Simulated accelerators: NumPy behind a device that behaves as if its memory were elsewhere.

Tests use them to exercise transfers, mixing errors and memory figures without a GPU. They are
off unless `TENSORXP_SIM_DEVICES` or `simulated_devices` asks for them.
"""

import ctypes
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorxp._backend import forks
from tensorxp._backend.raw import RawNamespace

#: DLPack's device type of simulated devices: a real one (VPI) that no array library reads.
KDL_SIM = 9

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype = ctypes.c_void_p
_get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class SimArray:
    """The array type that a simulated device claims: no array is one, so all pass `asarray`."""


class Memory:
    """Figures of one simulated device: bytes of living arrays, their peak, and transfers."""

    def __init__(self) -> None:
        self.allocated = 0
        self.peak = 0
        self.limit: int | None = None
        self.copies_in = self.bytes_in = 0
        self.copies_out = self.bytes_out = 0
        self._alive: dict[int, int] = {}
        self._lock = forks.lock()  # a finalizer may run while it is held

    def track(self, array: Any) -> None:
        """Count the memory of `array` until it is freed; of views, the memory they look at."""
        while isinstance(array.base, np.ndarray):
            array = array.base
        with self._lock:
            key = id(array)
            if key in self._alive:
                return
            size = array.nbytes
            if self.limit is not None and self.allocated + size > self.limit:
                raise MemoryError(
                    f"the simulated device is out of memory: {size} bytes asked for, "
                    f"{self.allocated} of {self.limit} in use; free tensors or use smaller batches"
                )
            self._alive[key] = size
            self.allocated += size
            self.peak = max(self.peak, self.allocated)
            weakref.finalize(array, self._release, key).atexit = False

    def _release(self, key: int) -> None:
        with self._lock:
            self.allocated -= self._alive.pop(key)

    def reset_peak(self) -> None:
        """Start the peak anew from what is allocated now."""
        self.peak = self.allocated

    def reset_transfers(self) -> None:
        """Set the counts of copies from and to the host to zero."""
        self.copies_in = self.bytes_in = self.copies_out = self.bytes_out = 0


class SimNamespace(RawNamespace):
    """NumPy as the raw namespace of one simulated device, with its memory counted."""

    def __init__(self) -> None:
        super().__init__(np, np)
        self.memory = Memory()

    def asarray(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Return `x` as an array of this device, counted."""
        out = np.asarray(x, *args, **kwargs)
        self.memory.track(out)
        return out

    def from_host(self, x: Any, *, blocking: bool = True) -> Any:
        """Return a copy of a NumPy array on this device."""
        out = np.array(x)
        self.memory.track(out)
        self.memory.copies_in += 1
        self.memory.bytes_in += out.nbytes
        return out

    def to_numpy(self, x: Any, *, blocking: bool = True) -> "np.ndarray[Any, Any]":
        """Return a copy of `x` on the host."""
        out = np.array(x)
        self.memory.copies_out += 1
        self.memory.bytes_out += out.nbytes
        return out


def export_capsule(array: Any, index: int, max_version: tuple[int, int] | None) -> Any:
    """Return a DLPack capsule of `array` that says it is on the simulated device `index`.

    NumPy makes it for the CPU; the device, two int32 after the address, is then changed.
    """
    capsule = array.__dlpack__(max_version=max_version)
    versioned = '"dltensor_versioned"' in repr(capsule)
    # before the DLTensor a versioned capsule has its version, context, deleter and flags
    start = _get_pointer(capsule, b"dltensor_versioned" if versioned else b"dltensor")
    place = (ctypes.c_int32 * 2).from_address(start + (32 if versioned else 0) + 8)
    place[0], place[1] = KDL_SIM, index
    return capsule


class Count:
    """How many simulated devices `simulated_devices` asked for; None leaves it to the variable."""

    asked: int | None = None


@contextmanager
def simulated_devices(count: int) -> Iterator[None]:
    """Have `count` simulated devices ("sim:0", …) within the scope, in all threads."""
    before, Count.asked = Count.asked, count
    try:
        yield
    finally:
        Count.asked = before
