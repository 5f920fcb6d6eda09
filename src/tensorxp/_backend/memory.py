"""The host allocator: keep freed buffers instead of giving them back after each operation.

glibc maps blocks above a threshold afresh from the kernel, so every large result pays a page
fault per page. Freeing one mapped block just below 32 MiB raises that threshold for the whole
process (malloc(3), M_MMAP_THRESHOLD); the compiled loops can also set how much freed memory is
kept (M_TRIM_THRESHOLD). `TENSORXP_KEEP_MALLOC=1` leaves the allocator alone.
"""

import os
import sys
from collections.abc import Callable

import numpy as np

#: Bytes of freed memory that a process may keep: the temporaries of a step are made anew in them.
KEPT = 2**28
_BLOCK = 32 * 2**20 - 2**16  # just below glibc's upper limit of the threshold


def raise_malloc_threshold() -> bool:
    """Raise the threshold once; return whether it was done (Linux, not opted out)."""
    if not _allowed():
        return False
    np.empty(_BLOCK, dtype=np.uint8)  # made and freed at once, its pages never touched
    return True


def keep_freed(limit: Callable[[int], object]) -> None:
    """Have the allocator keep freed memory, by a function that sets its limit in bytes."""
    if _allowed():
        limit(KEPT)


def _allowed() -> bool:
    return sys.platform.startswith("linux") and not os.environ.get("TENSORXP_KEEP_MALLOC")
