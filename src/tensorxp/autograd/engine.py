"""The reverse pass: from output nodes to leaves, without recursion, each node once.

Nodes wait in a heap by sequence number, the newest first: everything that used a node's
outputs is newer, so its cotangent is complete when its turn comes. Rules run on raw arrays;
with `create_graph`, under a watcher, or where a rule asks for it, on Tensors instead.
"""

from heapq import heappop, heappush
from sys import getrefcount
from typing import Any

import numpy as np

from tensorxp._core.door import node_of, wrap
from tensorxp._core.modes import modes
from tensorxp._core.node import FREED, Leaf, Node, Recipe, Slot, slot_of
from tensorxp._core.rules import OUT, SHAPE, fit
from tensorxp._core.tensor import CONCRETE, TensorBase
from tensorxp._core.watchers import note_opaque, stack, watching
from tensorxp._core.writes import bump
from tensorxp.autograd.hooks import run_after, run_before


def namespace() -> Any:
    """Return the namespace in which rules run on Tensors: tensorxp itself."""
    return CONCRETE[0].__array_namespace__(None)


def run(
    roots: list[tuple[Any, Any]],
    *,
    retain_graph: bool,
    create_graph: bool,
    targets: dict[Any, Any] | None = None,
    accumulate: bool = True,
    stop: bool = False,
    needed: set[Any] | None = None,
) -> None:
    """Propagate the cotangents of `roots` (pairs of node and Tensor) to the leaves.

    With `targets` (a dict keyed by node) only paths to these are walked, and each target's
    cotangent is stored there as a Tensor; leaves get `.grad` only with `accumulate`. With
    `stop` no path leads through a target to another: the cotangents are partial ones. `needed`
    holds the nodes of those paths where the caller has found them already.
    """
    watchers = stack() if watching else ()
    tensors = create_graph or any(watcher.sees_rules for watcher in watchers)
    pull_back = _watched if watchers else _pull_back
    if targets is not None and needed is None:
        needed = find_needed([node for node, _ in roots], targets, stop)
    heap: list[int] = []  # minus the sequence numbers of the nodes that wait
    waiting: dict[int, tuple[Any, Any]] = {}  # sequence number: node and cotangent so far
    for node, ct in roots:
        if needed is None or node in needed:
            _add(heap, waiting, node, ct if tensors else ct._data)
    before, modes.grad = modes.grad, create_graph
    try:
        with np.errstate(all="ignore"):
            while heap:
                node, ct = waiting.pop(-heappop(heap))
                if node.extra is not None:
                    ct = run_before(node, ct, tensors)
                if targets is not None and node in targets:
                    targets[node] = ct if tensors else wrap(ct, node.device)
                    if stop:
                        continue
                kind = node.__class__
                if kind is Node:
                    needs = node.plan.needs
                    if needed is not None:  # rules of inputs that lead to no target are left out
                        needs = tuple([edge in needed for edge in node.edges])
                    grads = pull_back(node, ct, needs, tensors, retain_graph)
                elif kind is Leaf:
                    if accumulate and (targets is None or node in targets):
                        _accumulate(node, ct, tensors)
                    continue
                else:
                    _add(heap, waiting, node.main, ct, node.index)
                    continue
                for edge, g in zip(node.edges, grads, strict=True):
                    if edge is None or g is None or (needed is not None and edge not in needed):
                        continue
                    if g.shape != edge.shape or g.dtype is not edge.dtype:
                        g = fit(
                            namespace() if tensors else edge.device.raw, g, edge.shape, edge.dtype
                        )
                    seq = edge.seq
                    if seq in waiting or edge.__class__ is Slot:
                        _add(heap, waiting, edge, g)
                    else:
                        waiting[seq] = (edge, g)
                        heappush(heap, -seq)
                ct = grads = g = None  # so that only the table holds what waits
    finally:
        modes.grad = before


def _add(heap: list[int], waiting: dict[int, Any], node: Any, ct: Any, index: int = -1) -> None:
    """Add `ct` to what waits for `node`, or for its output `index` where it has several."""
    seq = node.seq
    if seq not in waiting:
        heappush(heap, -seq)
        if index < 0:
            waiting[seq] = (node, ct)
            return
        waiting[seq] = (node, [None] * len(node.shape))
    if index < 0:
        known = waiting.pop(seq)[1]
        if _is_ours(known, ct, node) and _holders(known) <= _SOLE_WAITING:
            known += ct
        else:
            known = known + ct
        waiting[seq] = (node, known)
    else:
        known = waiting[seq][1]
        known[index] = ct if known[index] is None else known[index] + ct


def find_needed(starts: list[Any], targets: dict[Any, Any], stop: bool) -> set[Any]:
    """Return the nodes on a path from `starts` to `targets`."""
    seen: dict[int, Any] = {}
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node.seq not in seen:
            seen[node.seq] = node
            if not (stop and node in targets):
                waiting.extend(edge for edge in node.edges if edge is not None)
    needed = set()
    for seq in sorted(seen):
        node = seen[seq]
        if node in targets or any(edge in needed for edge in node.edges):
            needed.add(node)
    return needed


def _pull_back(
    node: Node, ct: Any, needs: tuple[bool, ...], tensors: bool, retain_graph: bool
) -> Any:
    """Run the rules of one node and return the cotangents of its inputs, None for zero."""
    saved = node.saved
    while isinstance(saved, Recipe):
        saved.restore(node)
        saved = node.saved
    given = ct if node.extra is not None and node.extra.posthooks else None
    level = tensors or node.op.tensor_level
    if level or ct.__class__ is list:
        xp = namespace() if level else node.device.raw
        if ct.__class__ is list:
            ct = _fill(node, ct, level, tensors)
        elif not tensors:
            ct = wrap(ct, node.device)
        values = [ct, xp, needs]
        values += [_restore(node, i, level) for i in range(len(saved))]
    else:
        values = [ct, node.device.raw, needs]
        for i, (value, cell, count) in enumerate(saved):
            if cell is None and count != -1:
                values.append(value)
            elif cell is not None and cell[0] == count and value.__class__ is ct.__class__:
                values.append(value)
            else:
                values.append(_restore(node, i, False))
    grads: Any = [None] * len(node.edges)
    try:
        for rule in node.plan.rules:
            if rule.index >= 0 and not needs[rule.index]:
                continue
            if rule.named:
                params = node.params
                named = {name: params[name] for name in rule.named}
                found = rule.fn(*rule.pick(values), **named)
            else:
                found = rule.fn(*rule.pick(values))
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
    if saved and not retain_graph:
        node.saved = FREED
    if level and not tensors:
        grads = [None if g is None else g._data for g in grads]
    if given is not None:
        grads = run_after(namespace() if tensors else node.device.raw, node, given, grads, tensors)
    return grads


def _watched(
    node: Node, ct: Any, needs: tuple[bool, ...], tensors: bool, retain_graph: bool
) -> Any:
    """Run the rules of one node, and tell the watchers when they start and end."""
    grads = None
    for watcher in stack():
        watcher.enter_node(node)
    try:
        grads = _pull_back(node, ct, needs, tensors, retain_graph)
    finally:
        for watcher in reversed(stack()):
            watcher.leave_node(node, grads)
    return grads


def _check_nan(node: Node, grads: Any) -> None:
    for i, g in enumerate(grads):
        data = getattr(g, "_data", g)
        if data is not None and bool((data != data).any()):
            raise RuntimeError(
                f"backward: {node.name!r} gave NaN as the gradient of input {i}; "
                f"its forward call was made here:\n{node.extra.where}"  # type: ignore[union-attr]
            )


def _fill(node: Node, cts: list[Any], level: bool, tensors: bool) -> tuple[Any, ...]:
    """Return the cotangents of a call with several outputs, zeros for those that had none."""
    raw = node.device.raw
    filled: list[Any] = []
    for ct, shape, dtype in zip(cts, node.shape, node.dtype, strict=True):
        if ct is None and node.op.kind == "function":
            filled.append(None)  # a Function says itself whether it wants zeros
        elif ct is None:
            ct = raw.zeros(shape, dtype=dtype)
            filled.append(wrap(ct, node.device) if level else ct)
        else:
            filled.append(wrap(ct, node.device) if level and not tensors else ct)
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
            origin = (
                slot_of(node, i, node.shape[i], node.dtype[i]) if code == OUT else node.edges[i]
            )
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
    what = (
        "output" if code == OUT else f"input {node.op.inputs[min(code, len(node.op.inputs) - 1)]}"
    )
    raise RuntimeError(
        f"backward: the saved {what} of {node.name!r} (shape {node.shape}) has been modified by an "
        f"in-place operation: it is at version {now}, expected version {saved}; clone it before "
        "the write, or write out of place"
    )


def _accumulate(leaf: Leaf, ct: Any, tensors: bool) -> None:
    """Add `ct` to the gradient of a leaf; an array that somebody else holds is copied."""
    grad = leaf.grad
    if tensors:
        note_opaque("backward() writes to .grad; use autograd.grad or value_and_grad")
        leaf.grad = namespace().copy(ct) if grad is None else grad + ct
    elif grad is None:
        if (
            _holders(ct) > _SOLE
            or ct.__class__ is not leaf.device._array_type
            or ct.base is not None
        ):
            ct = leaf.device.raw.copy(ct)
        leaf.grad = wrap(ct, leaf.device)
    elif grad._node is not None:
        leaf.grad = wrap(grad._data + ct, leaf.device)
    else:
        grad._data[...] += ct
        bump(grad)
    if leaf.extra is not None and leaf.extra.accumulated_hooks:
        for hook in list(leaf.extra.accumulated_hooks.values()):
            hook(leaf.extra.owner())


def _is_ours(known: Any, ct: Any, node: Any) -> bool:
    """Return whether `known` is a raw array of its own to which `ct` can be added in place."""
    return (
        known.__class__ is node.device._array_type
        and known.base is None
        and known.shape == ct.shape
        and known.dtype == ct.dtype
        and known.ndim > 0
    )


def _holders(x: Any) -> int:
    """Return how many references to `x` there are, as counted from here."""
    return getrefcount(x)


def _calibrate(leaf: Any, ct: Any, tensors: bool) -> int:
    """Return what `_holders` says in `_accumulate`, called alike, of an array held by nobody."""
    return _holders(ct)


def _sole() -> int:
    waiting = {0: (None, np.empty(1))}
    node, ct = waiting.pop(0)
    return _calibrate(node, ct, False)


def _sole_waiting() -> int:
    """Return what `_holders` says in `_add` of an array that only the table held."""
    waiting = {0: (None, np.empty(1))}
    known = waiting.pop(0)[1]
    return _holders(known)


_SOLE = _sole()
_SOLE_WAITING = _sole_waiting()


def root_of(function: str, x: Any) -> Any:
    """Return the node of `x`; RuntimeError where it does not require grad."""
    node = node_of(x)
    if node is None:
        raise RuntimeError(
            f"{function}: the tensor does not require grad and has no grad_fn; set "
            "requires_grad=True on an input before the computation"
        )
    return node
