"""Views and version cells: who shares memory with whom, and how often it was written.

A version cell is a one-element list, the cheapest mutable object there is; all tensors over
one buffer share it. A view knows its root and the chain of (primitive, parameters) that leads
from it; after an in-place write to the root its node is made anew by replaying the chain.
"""

from typing import Any

from tensorxp._core.tensor import TensorBase

Chain = tuple[tuple[Any, dict[str, Any]], ...]


class View:
    """What makes a tensor a view: its root, the chain, the shared cell, the version seen."""

    __slots__ = ("base", "cell", "chain", "frozen", "seen")

    def __init__(self, base: TensorBase, chain: Chain, cell: list[int], frozen: bool) -> None:
        self.base = base
        self.chain = chain
        self.cell = cell
        self.seen = cell[0]
        self.frozen = frozen  # made inside no_grad of a base that required grad


def cell_of(x: TensorBase) -> list[int]:
    """Return the version cell of `x`, making it if there is none yet."""
    version = x._version
    if version is None:
        version = x._version = [0]
    elif version.__class__ is View:
        version = version.cell
    return version  # type: ignore[no-any-return]


def view_of(x: TensorBase, op: Any, params: dict[str, Any], frozen: bool) -> View:
    """Return the `_version` of a view of `x` made by `op`."""
    version = x._version
    if version.__class__ is View:
        return View(version.base, (*version.chain, (op, params)), version.cell, frozen)
    if version is None:
        version = x._version = [0]
    return View(x, ((op, params),), version, frozen)


