"""The host allocator: keep freed buffers instead of giving them back after each operation.

glibc maps blocks above a threshold afresh from the kernel, and gives the end of its heap back when
much of it is free, so large results would pay a page fault per page each time. Both limits are
raised (mallopt(3)). `TENSORXP_KEEP_MALLOC=1` leaves the allocator alone.
"""

import ctypes
import os
import sys
from typing import Any

#: Bytes of freed memory that the end of the heap may keep: a step's temporaries are made in them.
KEPT = 2**28
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_BLOCK = 2**25  # the largest threshold that each glibc takes; larger blocks would pin much memory


def glibc(name: str) -> Any:
    """Return a function of glibc by name, or None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except OSError:  # a static Python has no handle of itself
        return None


def raise_malloc_threshold() -> bool:
    """Raise the limits; return whether it was done (glibc, not opted out)."""
    if kept_bound() is None:
        return False
    mallopt = glibc("mallopt")
    return bool(mallopt(_M_MMAP_THRESHOLD, _BLOCK) and mallopt(_M_TRIM_THRESHOLD, KEPT))


def kept_bound() -> int | None:
    """Return the bytes that the allocator is told to keep; None where it is left alone."""
    left = os.environ.get("TENSORXP_KEEP_MALLOC", "0") not in ("", "0")
    return None if left or glibc("mallopt") is None else KEPT
