"""How many elements a kernel treats at once: on the CPU what the cache holds, else all."""

from typing import Any

from tensorxp._backend.dtypes import complex128, float64

#: Half and single precision are accumulated in double precision, and rounded once at the end.
WIDER = {"e": float64.dtype, "f": float64.dtype, "F": complex128.dtype}
#: Elements of a block of one array, when a few arrays are in use at once.
CACHED = 1 << 17
#: Elements of a block of each of several temporaries.
SMALL = 1 << 15


def on_host(xp: Any) -> bool:
    """Return whether a raw namespace is NumPy, where blocks keep temporaries in the cache."""
    return bool(xp.base.__name__ == "numpy")


def row_blocks(xp: Any, rows: int, length: int) -> list[slice]:
    """Return slices of whole rows that cover `rows` rows of `length` elements."""
    step = max(1, CACHED // max(length, 1)) if on_host(xp) else max(rows, 1)
    return [slice(i, i + step) for i in range(0, rows, step)]


def in_blocks(xp: Any, block: Any, inputs: tuple[Any, ...], scratch: int) -> Any:
    """Run `block(xp, *inputs, out, *scratch)` on pieces of flat arrays that fit the cache."""
    flat = [xp.reshape(x, (-1,)) for x in inputs]
    n = flat[0].size
    out = xp.empty(n, dtype=xp.result_type(*flat))
    step = SMALL if on_host(xp) else max(n, 1)
    spare = [xp.empty(min(n, step), dtype=out.dtype) for _ in range(scratch)]
    for start in range(0, n, step):
        part = slice(start, start + step)
        size = min(step, n - start)
        block(xp, *[x[part] for x in flat], out[part], *[s[:size] for s in spare])
    return xp.reshape(out, inputs[0].shape)


def spans(sizes: tuple[int, ...], reverse: bool) -> list[tuple[int, int]]:
    """Return (start, stop) of each step's rows, in the order of the recurrence."""
    found, start = [], 0
    for n in sizes:
        found.append((start, start + n))
        start += n
    return found[::-1] if reverse else found


def started_from(xp: Any, values: Any, first: Any, steps: list[tuple[int, int]]) -> Any:
    """Return what each step started from, of the rows that it and the others made."""
    before = xp.empty_like(values)
    low = high = 0
    for i, (start, stop) in enumerate(steps):
        k = stop - start
        m = min(k, high - low)
        if i:
            before[start : start + m] = values[low : low + m]
        before[start + m : stop] = first[m:k]  # all; or reversed, sequences that begin here
        low, high = start, stop
    return before
