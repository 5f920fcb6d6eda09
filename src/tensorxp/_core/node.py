# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""Nodes of the graph that backward walks: `Node` per recorded call, `Leaf` per leaf tensor.

Edges point from a call to what made its inputs. The sequence number is an order in which
backward may run (highest first), since a node's inputs exist before it. A node refers to raw
arrays and nodes only, never to the tensors it made, so a graph has no reference cycles.
"""

import gc
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakValueDictionary

from tensorxp._core.allocation import COMPILED, next_seq, reveal, settle
from tensorxp._core.tensor import TensorBase

#: The slots that exist, by sequence number of the node and index.
_slots: "WeakValueDictionary[tuple[int, int], Slot]" = WeakValueDictionary()


class Recipe:
    """What `saved` is where values are made again when backward needs them (`checkpoint`)."""

    def restore(self, node: "Node") -> None:
        """Fill in the saved values of `node`."""


class _Freed(Recipe):
    def restore(self, node: "Node") -> None:
        raise RuntimeError(
            f"backward: the graph was already walked and the saved values of {node.name!r} are "
            "freed; call the first backward with retain_graph=True to walk it again"
        )


#: What `saved` becomes once backward has used it.
FREED = _Freed()


class Extra:
    """What few nodes have: hooks, a retained gradient, the place of the forward call."""

    __slots__ = (
        "accumulated_hooks", "check_nan", "frozen", "grad", "hooks", "owner", "posthooks",
        "prehooks", "retain", "where",
    )  # fmt: skip

    def __init__(self) -> None:
        self.hooks: dict[int, Any] | None = None
        self.prehooks: dict[int, Any] | None = None
        self.posthooks: dict[int, Any] | None = None
        self.accumulated_hooks: dict[int, Any] | None = None
        self.retain = False
        self.frozen = False  # a leaf that requires no gradient (any more)
        self.grad: Any = None
        self.where: str | None = None
        self.check_nan = False
        self.owner: Any = None  # a weak reference to the leaf tensor, for its hooks


class RemovableHandle:
    """Removes a hook: `handle.remove()`, or leave the `with handle:` scope.

    `marks` hold more about some of the hooks, by the `id` of their handle.
    """

    def __init__(
        self, hooks: dict[int, Any], hook: Any, *marks: dict[int, Any], first: bool = False
    ) -> None:
        if not callable(hook):
            raise TypeError(f"hook: a {type(hook).__name__} was given; allowed is a function")
        self._dicts = (hooks, *marks)
        self.id = next_seq()
        others = list(hooks) if first else ()
        hooks[self.id] = hook
        for key in others:
            hooks[key] = hooks.pop(key)

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        for each in self._dicts:
            each.pop(self.id, None)

    def __enter__(self) -> "RemovableHandle":
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def hooked(hooks: dict[int, Any], hook: Any) -> RemovableHandle:
    """Put a hook among those of a node, and return its handle."""
    handle = RemovableHandle(hooks, hook)
    if COMPILED:
        show_held(hook)
    return handle


def extra_of(node: Any) -> Extra:
    """Return the extras of a node, making them if there are none yet."""
    if node.extra is None:
        node.extra = Extra()
        show(node)
    return node.extra  # type: ignore[no-any-return]


def show(node: Any) -> None:
    """Let the garbage collector see a node that may be in a reference cycle by now."""
    if COMPILED and type(node) is Node:
        reveal(node)
        reveal(node.edges)
        if type(node.saved) is tuple:
            reveal(node.saved)


def show_held(hook: Any) -> None:
    """Let the garbage collector see the graphs of tensors that a hook holds, as far as it is near.

    They may lead to the node of the hook; graphs of what it gets to hold later follow that node.
    """
    waiting = [hook]
    seen = {id(hook)}
    while waiting and len(seen) < 1000:
        x = waiting.pop()
        if isinstance(x, TensorBase):
            show_graph(x._node)
        elif not isinstance(x, ModuleType | type):
            skipped = id(x.__globals__) if type(x) is FunctionType else 0
            for found in gc.get_referents(x):
                if id(found) != skipped and id(found) not in seen and gc.is_tracked(found):
                    seen.add(id(found))
                    waiting.append(found)


def show_graph(node: Any) -> None:
    """Let the garbage collector see a graph that may lead back to what holds it."""
    waiting = [node]
    seen = set()
    while COMPILED and waiting:
        node = waiting.pop()
        if node is not None and node.seq not in seen:
            seen.add(node.seq)
            show(node)
            waiting.extend(node.edges)


class Vertex:
    """What an edge points to: a `Node`, a `Slot` or a `Leaf`."""

    __slots__ = (
        "__weakref__", "device", "dtype", "edges", "extra", "op", "params", "plan", "saved", "seq",
        "shape",
    )  # fmt: skip

    device: Any
    shape: Any
    dtype: Any
    seq: int
    extra: Extra | None
    edges: tuple[Any, ...]


class Node(Vertex):
    """One recorded call of a primitive; users see it as `tensor.grad_fn`.

    `saved` holds three items for each code of `plan.saves`: value, version cell, version.
    """

    __slots__ = ()  # the fields stand in its base: compiled, that makes it a type of one size

    op: Any
    plan: Any
    saved: Any
    params: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the operation."""
        return str(self.op.name)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that made the inputs, each with the index of its output."""
        return tuple([(getattr(e, "main", e), getattr(e, "index", 0)) for e in self.edges])

    def register_prehook(self, hook: Any) -> RemovableHandle:
        """Have backward call `hook(grad_outputs)` before the node runs.

        A tuple that it returns replaces the cotangents of the node's outputs.
        """
        extra = extra_of(self)
        extra.prehooks = {} if extra.prehooks is None else extra.prehooks
        return hooked(extra.prehooks, hook)

    def register_hook(self, hook: Any) -> RemovableHandle:
        """Have backward call `hook(grad_inputs, grad_outputs)` after the node ran.

        A tuple that it returns replaces the cotangents of the node's inputs.
        """
        extra = extra_of(self)
        extra.posthooks = {} if extra.posthooks is None else extra.posthooks
        return hooked(extra.posthooks, hook)

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Slot(Vertex):
    """One output of a node that has several; `main` is that node. Made by `slot_of`."""

    __slots__ = ("index", "main")

    def __init__(self, main: Node, index: int, shape: Any, dtype: Any) -> None:
        self.main = main
        self.edges = (main,)
        self.index = index
        self.shape = shape
        self.dtype = dtype
        self.device = main.device
        self.seq = next_seq()
        self.extra = None

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.main.name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that made the inputs, each with the index of its output."""
        return self.main.next_functions

    def register_prehook(self, hook: Any) -> RemovableHandle:
        """Register the hook with the node of the call."""
        return self.main.register_prehook(hook)

    def register_hook(self, hook: Any) -> RemovableHandle:
        """Register the hook with the node of the call."""
        return self.main.register_hook(hook)

    def __repr__(self) -> str:
        return f"<{self.name}[{self.index}]>"


settle(Node, Vertex)


def slot_of(main: Node, index: int, shape: Any, dtype: Any) -> Slot:
    """Return the one slot of output `index` of `main`."""
    key = (main.seq, index)
    found = _slots.get(key)
    if found is None:
        found = _slots[key] = Slot(main, index, shape, dtype)
    return found


class Leaf(Vertex):
    """The end of a path: where the gradient of a leaf tensor accumulates."""

    __slots__ = ("grad",)

    name = "accumulate_grad"
    next_functions: tuple[Any, ...] = ()

    def __init__(self, shape: Any, dtype: Any, device: Any) -> None:
        self.shape = shape
        self.dtype = dtype
        self.device = device
        self.edges = ()
        self.seq = next_seq()
        self.extra = None
        self.grad: Any = None

    def __repr__(self) -> str:
        return f"<{self.name}>"
