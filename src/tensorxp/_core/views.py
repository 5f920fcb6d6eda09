"""Views and version cells: who shares memory with whom, and how often it was written.

A version cell is a one-element list, the cheapest mutable object there is; all tensors over
one buffer share it. A view knows its root and the chain of (primitive, parameters) that leads
from it; after an in-place write to the root its node is made anew by replaying the chain.
Views of views share the beginnings of their chains.
"""

from typing import Any

from tensorxp._core.tensor import TensorBase

Chain = tuple[tuple[Any, dict[str, Any]], ...]


class View:
    """What makes a tensor a view: its root, the chain, the shared cell, the version seen.

    `frozen` says that it, or a view it is a view of, was made inside no_grad of a root that
    required grad.
    """

    __slots__ = ("base", "cell", "frozen", "links", "seen")

    base: TensorBase
    links: tuple[Any, ...]  # those of the view that it is a view of, the primitive, parameters
    cell: list[int]
    seen: int
    frozen: bool

    @property
    def chain(self) -> Chain:
        """The steps from the root."""
        steps = []
        links = self.links
        while links:
            steps.append((links[1], links[2]))
            links = links[0]
        steps.reverse()
        return tuple(steps)


def cell_of(x: TensorBase) -> list[int]:
    """Return the version cell of `x`, making it if there is none yet."""
    version = x._version
    if version is None:
        version = x._version = [0]
    elif type(version) is View:
        version = version.cell
    return version  # type: ignore[no-any-return]


def view_of(x: TensorBase, op: Any, params: dict[str, Any], frozen: bool) -> View:
    """Return the `_version` of a view of `x` made by `op`."""
    version = x._version
    view: View = View.__new__(View)
    if type(version) is View:
        parent: View = version
        view.base = parent.base
        view.links = (parent.links, op, params)
        view.cell = parent.cell
        frozen = frozen or parent.frozen
    else:
        if version is None:
            version = x._version = [0]
        view.base = x
        view.links = ((), op, params)
        view.cell = version
    view.seen = view.cell[0]
    view.frozen = frozen
    return view
