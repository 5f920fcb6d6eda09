"""The reverse pass: from output nodes to leaves, without recursion, each node once.

Nodes wait in a heap by sequence number, the newest first: everything that used a node's
outputs is newer, so its cotangent is complete when its turn comes. Rules run on raw arrays;
with `create_graph`, under a watcher, or where a rule asks for it, on Tensors instead.
"""

from heapq import heappop, heappush
from typing import Any

import numpy as np

from tensorxp._core.door import node_of, wrap
from tensorxp._core.modes import modes
from tensorxp._core.node import FREED, Leaf, Node, Slot
from tensorxp._core.rules import OUT, SHAPE, fit
from tensorxp._core.tensor import TensorBase
from tensorxp._core.watchers import stack, watching


def namespace() -> Any:
    """Return the namespace in which rules run on Tensors: tensorxp itself."""
    return TensorBase.concrete.__array_namespace__(None)  # type: ignore[attr-defined]


def run(
    roots: list[tuple[Any, Any]],
    *,
    retain_graph: bool,
    create_graph: bool,
    targets: dict[Any, Any] | None = None,
    accumulate: bool = True,
) -> None:
    """Propagate the cotangents of `roots` (pairs of node and Tensor) to the leaves.

    With `targets` (a dict keyed by node) only paths to these are walked, and each target's
    cotangent is stored there as a Tensor; leaves get `.grad` only with `accumulate`.
    """
    tensors = create_graph or bool(watching and stack())
    needed = None if targets is None else _needed([node for node, _ in roots], targets)
    pass_ = _Pass(tensors, needed)
    for node, ct in roots:
        pass_.add(node, ct if tensors else ct._data)
    before, modes.grad = modes.grad, create_graph
    try:
        with np.errstate(all="ignore"):
            while pass_.heap:
                node, ct = pass_.pop()
                if node.extra is not None:
                    ct = _hooks(pass_, node, ct, create_graph)
                kind = node.__class__
                if targets is not None and node in targets:
                    targets[node] = pass_.as_tensor(node, ct)
                if kind is Leaf:
                    if accumulate and (targets is None or node in targets):
                        _accumulate(pass_, node, ct)
                elif kind is Slot:
                    pass_.add_slot(node, ct)
                else:
                    _pull_back(pass_, node, ct, retain_graph)
    finally:
        modes.grad = before


class _Pass:
    """The state of one reverse pass: pending cotangents, and which of them we may write to."""

    def __init__(self, tensors: bool, needed: set[Any] | None) -> None:
        self.tensors = tensors
        self.needed = needed
        self.heap: list[int] = []
        self.nodes: dict[int, Any] = {}
        self.pending: dict[int, Any] = {}
        self.owned: set[int] = set()

    def add(self, node: Any, ct: Any, owned: bool = False) -> None:
        """Add `ct` to what waits for `node`; `owned` says that nobody else holds `ct`."""
        if self.needed is not None and node not in self.needed:
            return
        seq = node.seq
        if seq not in self.nodes:
            self.nodes[seq] = node
            self.pending[seq] = ct
            heappush(self.heap, -seq)
            if owned:
                self.owned.add(seq)
        elif seq in self.owned:
            self.pending[seq] += ct
        else:
            self.pending[seq] = self.pending[seq] + ct
            if not self.tensors:
                self.owned.add(seq)

    def add_slot(self, slot: Slot, ct: Any) -> None:
        """Put the cotangent of one output into the list that waits for the whole call."""
        main = slot.main
        if self.needed is not None and main not in self.needed:
            return
        seq = main.seq
        if seq not in self.nodes:
            self.nodes[seq] = main
            self.pending[seq] = [None] * len(main.shape)
            heappush(self.heap, -seq)
        waiting = self.pending[seq]
        known = waiting[slot.index]
        waiting[slot.index] = ct if known is None else known + ct

    def pop(self) -> tuple[Any, Any]:
        """Take the newest node and its cotangent."""
        seq = -heappop(self.heap)
        return self.nodes.pop(seq), self.pending.pop(seq)

    def as_tensor(self, node: Any, ct: Any) -> Any:
        """Return `ct` as a Tensor that is not changed afterwards."""
        if self.tensors:
            return ct
        self.owned.discard(node.seq)
        return wrap(ct, node.device)


def _needed(starts: list[Any], targets: dict[Any, Any]) -> set[Any]:
    """Return the nodes on a path from `starts` to `targets`."""
    seen: dict[int, Any] = {}
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node.seq not in seen:
            seen[node.seq] = node
            waiting.extend(edge for edge in node.edges if edge is not None)
    needed = set()
    for seq in sorted(seen):
        node = seen[seq]
        if node in targets or any(edge in needed for edge in node.edges):
            needed.add(node)
    return needed


def _pull_back(pass_: _Pass, node: Node, ct: Any, retain_graph: bool) -> None:
    """Run the rules of one node and hand its inputs their cotangents."""
    tensors = pass_.tensors
    if node.saved is FREED:
        raise RuntimeError(
            f"backward: the graph was already walked and the saved values of {node.name!r} are "
            "freed; call the first backward with retain_graph=True to walk it again"
        )
    level = tensors or node.op.tensor_level
    xp = namespace() if level else node.device.raw
    if ct.__class__ is list:
        ct = _fill(pass_, node, ct, level)
    elif level and not tensors:
        ct = wrap(ct, node.device)
    values = [ct, xp, node.plan.needs]
    values += [_restore(node, i, level) for i in range(len(node.saved))]
    grads: Any = [None] * len(node.edges)
    try:
        for rule in node.plan.rules:
            arguments = rule.pick(values)
            if rule.named:
                params = node.params
                found = rule.fn(*arguments, **{name: params[name] for name in rule.named})
            else:
                found = rule.fn(*arguments)
            if rule.index >= 0:
                grads[rule.index] = found
            else:
                grads = found if found.__class__ is tuple else (found,)
    except Exception as error:
        if node.extra is not None and node.extra.where:
            error.add_note(f"the forward call of {node.name!r} was made here:\n{node.extra.where}")
        raise
    if node.extra is not None and node.extra.check_nan:
        _check_nan(node, grads)
    if not retain_graph and node.saved:
        node.saved = FREED
    handed: list[Any] = [ct]
    for edge, g in zip(node.edges, grads, strict=True):
        if edge is None or g is None:
            continue
        if tensors:
            pass_.add(edge, fit(xp, g, edge.shape, edge.dtype))
        else:
            if level:
                g = g._data
            g = fit(edge.device.raw, g, edge.shape, edge.dtype)
            # a rule may hand on `ct`, a view, or one array twice: only fresh arrays are ours
            ours = getattr(g, "base", True) is None and not any(g is h for h in handed)
            handed.append(g)
            pass_.add(edge, g, ours)


def _check_nan(node: Node, grads: Any) -> None:
    for i, g in enumerate(grads):
        data = getattr(g, "_data", g)
        if data is not None and bool((data != data).any()):
            raise RuntimeError(
                f"backward: {node.name!r} gave NaN as the gradient of input {i}; "
                f"its forward call was made here:\n{node.extra.where}"  # type: ignore[union-attr]
            )


def _fill(pass_: _Pass, node: Node, cts: list[Any], level: bool) -> tuple[Any, ...]:
    """Return the cotangents of a call with several outputs, zeros for those that had none."""
    raw = node.device.raw
    filled = []
    for ct, shape, dtype in zip(cts, node.shape, node.dtype, strict=True):
        if ct is None:
            ct = raw.zeros(shape, dtype=dtype)
            filled.append(wrap(ct, node.device) if level else ct)
        else:
            filled.append(wrap(ct, node.device) if level and not pass_.tensors else ct)
    return tuple(filled)


def _restore(node: Node, position: int, level: bool) -> Any:
    """Return a saved value, as a raw array or, at the Tensor level, with its history."""
    code = node.plan.saves[position]
    saved = node.saved[position]
    value, cell, count = saved
    if cell is not None and cell[0] != count:
        _raise_modified(node, code, cell[0], count)
    if code >= SHAPE:
        return value
    if count == -1:
        items = []
        for i, item in enumerate(value):
            origin = Slot(node, i, item[0].shape, item[0].dtype) if code == OUT else node.edges[i]
            items.append(_restore_one(node, code, item, origin, level))
        return tuple(items)
    return _restore_one(node, code, saved, node if code == OUT else node.edges[code], level)


def _restore_one(node: Node, code: int, saved: Any, origin: Any, level: bool) -> Any:
    value, cell, count = saved
    if cell is None:
        return value
    if cell[0] != count:
        _raise_modified(node, code, cell[0], count)
    if isinstance(value, TensorBase):  # an input that a watcher may know
        if level and value._node is origin:
            return value
        value = value._data
    return wrap(value, node.device, origin, cell) if level else value


def _raise_modified(node: Node, code: int, now: int, saved: int) -> None:
    what = "output" if code == OUT else f"input {node.op.inputs[min(code, len(node.op.inputs) - 1)]}"
    raise RuntimeError(
        f"backward: the saved {what} of {node.name!r} (shape {node.shape}) has been modified by an "
        f"in-place operation: it is at version {now}, expected version {saved}; clone it before "
        "the write, or write out of place"
    )


def _hooks(pass_: _Pass, node: Any, ct: Any, create_graph: bool) -> Any:
    """Run the hooks of a node (they may replace the cotangent) and retain it where asked."""
    extra = node.extra
    if extra.hooks:
        given = ct if pass_.tensors else wrap(ct, node.device)
        for hook in list(extra.hooks.values()):
            replaced = hook(given)
            if replaced is not None:
                if not isinstance(replaced, TensorBase) or replaced._data.shape != node.shape:
                    raise RuntimeError(
                        f"hook: returned {type(replaced).__name__} with shape "
                        f"{getattr(replaced, 'shape', None)}; a hook returns None or a Tensor of "
                        f"the gradient's shape {node.shape}"
                    )
                given = replaced
        ct = given if pass_.tensors else given._data
        pass_.owned.discard(node.seq)
    if extra.retain:
        found = ct if pass_.tensors else wrap(ct, node.device)
        extra.grad = found if extra.grad is None else extra.grad + found
        pass_.owned.discard(node.seq)
    return ct


def _accumulate(pass_: _Pass, leaf: Leaf, ct: Any) -> None:
    """Add `ct` to the gradient of a leaf; an array that others hold is copied."""
    if pass_.tensors:
        leaf.grad = ct if leaf.grad is None else leaf.grad + ct
        if not modes.grad:
            leaf.grad = wrap(leaf.device.raw.copy(leaf.grad._data), leaf.device)
    elif leaf.grad is None:
        ours = leaf.seq in pass_.owned and ct.__class__ is leaf.device._array_type
        leaf.grad = wrap(ct if ours else leaf.device.raw.copy(ct), leaf.device)
    elif leaf.grad._node is not None:
        leaf.grad = wrap(leaf.grad._data + ct, leaf.device)
    else:
        leaf.grad._data[...] += ct
    pass_.owned.discard(leaf.seq)
    if leaf.extra is not None and leaf.extra.accumulated_hooks:
        for hook in list(leaf.extra.accumulated_hooks.values()):
            hook(leaf.extra.owner())


def root_of(function: str, x: Any) -> Any:
    """Return the node of `x`; RuntimeError where it does not require grad."""
    node = node_of(x)
    if node is None:
        raise RuntimeError(
            f"{function}: the tensor does not require grad and has no grad_fn; set "
            "requires_grad=True on an input before the computation"
        )
    return node
