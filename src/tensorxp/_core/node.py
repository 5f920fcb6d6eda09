"""Nodes of the graph that backward walks: `Node` per recorded call, `Leaf` per leaf tensor.

Edges point from a call to what made its inputs. The sequence number is an order in which
backward may run (highest first), since a node's inputs exist before it. A node refers to raw
arrays and nodes only, never to the tensors it made, so a graph has no reference cycles.
"""

from itertools import count
from typing import Any

next_seq = count(1).__next__

#: What `saved` becomes once backward has used it.
FREED: tuple[Any, ...] = (None,)


class Extra:
    """What few nodes have: hooks, a retained gradient, the place of the forward call."""

    __slots__ = ("accumulated_hooks", "check_nan", "grad", "hooks", "owner", "retain", "where")

    def __init__(self) -> None:
        self.hooks: dict[int, Any] | None = None
        self.accumulated_hooks: dict[int, Any] | None = None
        self.retain = False
        self.grad: Any = None
        self.where: str | None = None
        self.check_nan = False
        self.owner: Any = None  # a weak reference to the leaf tensor, for its hooks


class Node:
    """One recorded call of a primitive; users see it as `tensor.grad_fn`."""

    __slots__ = (
        "__weakref__", "device", "dtype", "edges", "extra", "op", "params", "plan",
        "saved", "seq", "shape",
    )  # fmt: skip

    op: Any
    plan: Any
    edges: tuple[Any, ...]
    saved: Any
    params: dict[str, Any]
    device: Any
    shape: Any
    dtype: Any
    seq: int
    extra: Extra | None

    @property
    def name(self) -> str:
        """The name of the operation."""
        return str(self.op.name)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that made the inputs, each with the index of its output."""
        return tuple((edge, getattr(edge, "index", 0)) for edge in self.edges)

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Slot:
    """One output of a node that has several; `main` is that node."""

    __slots__ = ("__weakref__", "device", "dtype", "extra", "index", "main", "seq", "shape")

    def __init__(self, main: Node, index: int, shape: Any, dtype: Any) -> None:
        self.main = main
        self.index = index
        self.shape = shape
        self.dtype = dtype
        self.device = main.device
        self.seq = next_seq()
        self.extra: Extra | None = None

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.main.name

    @property
    def edges(self) -> tuple[Any, ...]:
        """The node of the call, as the only edge."""
        return (self.main,)

    next_functions = Node.next_functions

    def __repr__(self) -> str:
        return f"<{self.name}[{self.index}]>"


class Leaf:
    """The end of a path: where the gradient of a leaf tensor accumulates."""

    __slots__ = ("__weakref__", "device", "dtype", "extra", "grad", "seq", "shape")

    name = "accumulate_grad"
    edges: tuple[Any, ...] = ()
    next_functions: tuple[Any, ...] = ()

    def __init__(self, shape: Any, dtype: Any, device: Any) -> None:
        self.shape = shape
        self.dtype = dtype
        self.device = device
        self.seq = next_seq()
        self.extra: Extra | None = None
        self.grad: Any = None

    def __repr__(self) -> str:
        return f"<{self.name}>"
