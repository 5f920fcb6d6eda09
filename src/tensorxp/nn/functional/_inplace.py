"""What `inplace=True` means: the result is written over the input, which is returned."""

from typing import Any

from tensorxp._core.door import node_of
from tensorxp._core.modes import modes


def settle(input: Any, out: Any, inplace: bool) -> Any:
    """Return `out`, or with `inplace` the `input` after it took the values of `out`.

    Where a gradient is recorded `out` itself is returned: saved values must not be written over.
    """
    if not inplace or (modes.grad and node_of(out) is not None):
        return out
    input[...] = out
    return input
