"""How many elements a kernel treats at once: on the CPU what the cache holds, else all."""

from typing import Any

#: Elements of a block of one array, when a few arrays are in use at once.
CACHED = 1 << 17


def on_host(xp: Any) -> bool:
    """Return whether a raw namespace is NumPy, where blocks keep temporaries in the cache."""
    return bool(xp.base.__name__ == "numpy")


def row_blocks(xp: Any, rows: int, length: int) -> list[slice]:
    """Return slices of whole rows that cover `rows` rows of `length` elements."""
    step = max(1, CACHED // max(length, 1)) if on_host(xp) else max(rows, 1)
    return [slice(i, i + step) for i in range(0, rows, step)]
