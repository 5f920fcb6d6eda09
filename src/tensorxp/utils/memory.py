"""Memory of any device: what is in use or kept, and giving back what is kept."""

import ctypes
import sys
from pathlib import Path
from typing import Any

from tensorxp import cuda
from tensorxp._backend.families import see
from tensorxp._backend.memory import glibc, kept_bound
from tensorxp._core.face import as_device

try:
    from resource import RUSAGE_SELF, getrusage
except ImportError:  # Windows
    getrusage = None  # type: ignore[assignment]


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


@see("empty_cache")
def memory_stats(device: Any = None) -> dict[str, int | None]:
    """Return what is known of the memory of a device, in bytes; None is what is not known.

    On the CPU the figures are the process's, not the arrays' alone: of glibc from 2.33
    (`mallinfo2`) and of the kernel. Without glibc only "resident" (Linux) and "peak" (not on
    Windows) are known. On CUDA they are CuPy's default memory pool's, on a simulated device those
    of its living arrays.

    >>> sorted(xp.memory_stats("cpu"))
    ['allocated', 'bound', 'kept', 'peak', 'resident']

    Parameters
    ----------
    device : Device, str or None
        None is the default device.

    Returns
    -------
    dict
        "allocated" is in use; "kept" is freed and kept for the next request (on the CPU addresses,
        which have no memory behind them after `empty_cache`); "bound" is how much may be kept at
        the end of the heap, None where no bound is known; "resident" is what is taken from the
        system; "peak" is the most that ever was (CUDA: since the pool was last emptied).

    Raises
    ------
    TypeError, ValueError, DeviceError
        As by `device`.
    """
    place = as_device(device, "memory_stats")
    if place.type != "cpu":
        used, held = cuda.memory_allocated(place), cuda.memory_reserved(place)
        return {
            "allocated": used,
            "kept": held - used,
            "bound": 0 if place.type == "sim" else None,
            "resident": held,
            "peak": cuda.max_memory_allocated(place),
        }
    found: dict[str, int | None] = dict.fromkeys(("allocated", "kept", "bound", "resident", "peak"))
    mallinfo = glibc("mallinfo2")
    if mallinfo is not None:
        mallinfo.restype = _Mallinfo2
        info = mallinfo()
        found["allocated"], found["kept"] = info.uordblks + info.hblkhd, info.fordblks
        found["bound"] = kept_bound()
    if getrusage is not None:
        found["peak"] = getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        name, _, value = line.partition(":")
        if name in ("VmRSS", "VmHWM"):
            found["resident" if name == "VmRSS" else "peak"] = 1024 * int(value.split()[0])
    return found


@see("memory_stats")
def empty_cache(device: Any = None) -> None:
    """Give memory that is kept without being used back to the system.

    That is glibc's free memory on the CPU (`malloc_trim`), whole pages of it wherever they lie,
    and CuPy's pools on CUDA. Elsewhere nothing is kept, and nothing is done.

    >>> xp.empty_cache()

    Parameters
    ----------
    device : Device, str or None
        None is the CPU and every CUDA device.

    Raises
    ------
    TypeError, ValueError, DeviceError
        As by `device`.
    """
    place = None if device is None else as_device(device, "empty_cache")
    if place is None or place.type == "cpu":
        trim = glibc("malloc_trim")
        if trim is not None:
            trim(ctypes.c_size_t(0))
    if place is None and "cupy" in sys.modules:
        cuda.empty_cache()
    elif place is not None and place.type == "cuda":
        cuda.empty_cache(place)
