"""The reverse pass: from output nodes to leaves, without recursion, each node once.

Nodes wait in a heap by sequence number, the newest first: everything that used a node's
outputs is newer, so its cotangent is complete when its turn comes. Rules run on raw arrays;
with `create_graph`, under a watcher, or where a rule asks for it, on Tensors instead.
"""

import os
import sys
from functools import partial
from heapq import heappop, heappush
from importlib import import_module
from sys import getrefcount
from typing import Any

import numpy as np

from tensorxp._backend import forks
from tensorxp._backend.arrays import add_into, fits, plus
from tensorxp._backend.quiet import ERRORS, QUIET
from tensorxp._core.allocation import COMPILED
from tensorxp._core.door import node_of, wrap
from tensorxp._core.hooks import run_after, run_before
from tensorxp._core.modes import modes
from tensorxp._core.node import FREED, Leaf, Node, Recipe, Slot, Vertex, show_graph, slot_of
from tensorxp._core.rules import KEPT, OUT, PART, SHAPE, BoundRule, fit, run_rules
from tensorxp._core.tensor import TensorBase
from tensorxp._core.watchers import note_opaque, stack, watching
from tensorxp._core.writes import bump

#: On what rules run: 0 raw arrays, 1 Tensors, CONSTANT Tensors of which those saved are constants.
Level = int
CONSTANT = 2


#: Whether graphs are checked (`checks`): for debugging, so it is loaded only then.
CHECKED = os.environ.get("TENSORXP_CHECK_GRAPHS", "0") not in ("", "0")
#: The dtype whose rules compute in single precision.
HALF = np.dtype(np.float16)


def namespace() -> Any:
    """Return the namespace in which rules run on Tensors: tensorxp itself."""
    return sys.modules[__name__.partition(".")[0]]


def run(
    roots: list[tuple[Any, Any]],
    *,
    retain_graph: bool,
    create_graph: bool,
    targets: dict[Any, Any] | None = None,
    accumulate: bool = True,
    stop: bool = False,
    needed: set[Any] | None = None,
    linear: bool = False,
) -> None:
    """Propagate the cotangents of `roots` (pairs of node and Tensor) to the leaves.

    With `targets` (a dict keyed by node) only paths to these are walked, and each target's
    cotangent is stored there as a Tensor; leaves get `.grad` only with `accumulate`. With
    `stop` no path leads through a target to another: the cotangents are partial ones. `needed`
    holds the nodes of those paths where the caller has found them already. With `linear`, too,
    `create_graph` makes a graph that leads to the cotangents alone: saved values are constants.
    """
    if CHECKED:
        import_module("tensorxp._core.checks").check_graph([node for node, _ in roots])
    watchers = stack() if watching else ()
    watched = bool(watchers)
    tensors = int(create_graph or (watched and any([watcher.sees_rules for watcher in watchers])))
    if linear and create_graph and not watched:
        tensors = CONSTANT
    if targets is not None and needed is None:
        needed = find_needed([node for node, _ in roots], targets, stop)
    queue = _Queue()
    for node, ct in roots:
        if needed is None or node in needed:
            queue.add(node, ct if tensors else ct._data)
    grad, errors = modes.grad, ERRORS.get()
    try:
        try:
            modes.grad = create_graph
            ERRORS.set(QUIET)
            if roots and roots[0][0].device.several:  # the walk changes the current GPU
                walk = (queue, targets, needed, tensors, watched, retain_graph, accumulate, stop)
                roots[0][0].device.run(partial(_walk, *walk))
            else:
                _walk(queue, targets, needed, tensors, watched, retain_graph, accumulate, stop)
        finally:
            ERRORS.set(errors)
            modes.grad = grad
    except BaseException:  # an interrupt may have come while these were restored
        ERRORS.set(errors)
        modes.grad = grad
        raise


def run_quietly(make: Any, grad: bool) -> Any:
    """Return `make()`, run in the grad mode `grad` and without NumPy's warnings."""
    before, errors = modes.grad, ERRORS.get()
    try:
        try:
            modes.grad = grad
            ERRORS.set(QUIET)
            return make()
        finally:
            ERRORS.set(errors)
            modes.grad = before
    except BaseException:
        ERRORS.set(errors)
        modes.grad = before
        raise


class _Queue:
    """The nodes that wait for their turn, each with its cotangent so far.

    `heap` holds minus their sequence numbers, `waiting` nodes and cotangents by number. The
    newest of all stands apart where it can: in a chain nothing else passes the heap.
    """

    __slots__ = ("ct", "heap", "newest", "newest_ct", "waiting")

    def __init__(self) -> None:
        self.heap: list[int] = []
        self.waiting: dict[int, tuple[Any, Any]] = {}
        self.newest: Any = None  # newer than all in the heap, and not in it
        self.newest_ct: Any = None
        self.ct: Any = None  # of what `pop` gave

    def pop(self) -> Any:
        """Remove the newest node and return it; its cotangent is then `self.ct`."""
        node = self.newest
        if node is not None:
            self.newest = None
            self.ct, self.newest_ct = self.newest_ct, None
            return node
        node, self.ct = self.waiting.pop(-heappop(self.heap))
        return node

    def add(self, node: Vertex, ct: Any) -> None:
        """Add `ct` to what waits for `node`."""
        newest: Vertex = self.newest
        if newest is None:
            if not self.heap:
                self.newest = node
                self.newest_ct = ct
                return
        elif node is newest:
            known, self.newest_ct = self.newest_ct, None
            self.newest_ct = _sum(known, ct, node)
            return
        seq = node.seq
        if seq in self.waiting:
            known = self.waiting.pop(seq)[1]
            self.waiting[seq] = (node, _sum(known, ct, node))
        elif newest is None:
            if seq < -self.heap[0]:
                self._put(node, ct)
            else:
                self.newest = node
                self.newest_ct = ct
        elif seq > newest.seq:
            self._put(newest, self.newest_ct)
            self.newest = node
            self.newest_ct = ct
        else:
            self._put(node, ct)

    def add_part(self, node: Node, index: Any, ct: Any) -> None:
        """Add `ct` to what waits for the output `index` of a node with several."""
        newest: Vertex = self.newest
        if newest is not None:
            self._put(newest, self.newest_ct)
            self.newest = self.newest_ct = None
        if node.seq not in self.waiting:
            self._put(node, [None] * len(node.shape))
        known = self.waiting[node.seq][1]
        known[index] = ct if known[index] is None else known[index] + ct

    def _put(self, node: Vertex, ct: Any) -> None:
        self.waiting[node.seq] = (node, ct)
        heappush(self.heap, -node.seq)


def _walk(
    queue: _Queue,
    targets: dict[Any, Any] | None,
    needed: set[Any] | None,
    tensors: Level,
    watched: bool,
    retain_graph: bool,
    accumulate: bool,
    stop: bool,
) -> None:
    """Take node after node from the queue until it is empty."""
    at: Any = None  # the device that is the current one of its backend
    while queue.newest is not None or queue.heap:
        vertex: Vertex = queue.pop()
        ct = queue.ct
        queue.ct = None
        if vertex.device is not at:
            at = vertex.device
            at.use()
        if vertex.extra is not None:
            ct = run_before(vertex, ct, tensors)
        if targets is not None and vertex in targets:
            targets[vertex] = ct if tensors else wrap(ct, vertex.device)
            if stop:
                continue
        if type(vertex) is Leaf:
            if accumulate and (targets is None or vertex in targets):
                _accumulate(vertex, ct, tensors)
            continue
        if type(vertex) is Slot:
            queue.add_part(vertex.main, vertex.index, ct)
            continue
        node: Node = vertex  # type: ignore[assignment]
        saved = node.saved  # read once: another thread may free it meanwhile
        if (
            node.plan.thin
            and node.dtype is not HALF
            and not (tensors or watched)
            and node.extra is None
            and type(saved) is tuple
            and type(ct) is not list  # of several outputs
        ):
            _pull_thin(queue, node, saved, ct, needed, retain_graph)
            saved = ct = None
            continue
        saved = None  # so that they end with their node
        needs = node.plan.needs
        if needed is not None:  # rules of inputs that lead to no target are left out
            needs = tuple([edge in needed for edge in node.edges])
        if watched:
            grads = _watched(node, ct, needs, tensors, retain_graph)
        else:
            grads = pull_back(node, ct, needs, tensors, retain_graph)
        edges = node.edges
        if len(grads) != len(edges):
            raise RuntimeError(
                f"backward: the rule of {node.name!r} gave {len(grads)} cotangents; the call had "
                f"{len(edges)} inputs"
            )
        for i in range(len(edges)):
            found, g = edges[i], grads[i]
            if found is None or g is None or (needed is not None and found not in needed):
                continue
            edge: Vertex = found
            if edge.device is not at:  # the input of a transfer
                at = edge.device
                at.use()
            if not fits(g, edge.shape, edge.dtype):
                g = fit(namespace() if tensors else edge.device._raw, g, edge.shape, edge.dtype)
            queue.add(edge, g)
        ct = grads = g = None  # so that only the queue holds what waits


def _pull_thin(
    queue: _Queue,
    node: Node,
    saved: Any,
    ct: Any,
    needed: set[Any] | None,
    retain_graph: bool,
) -> None:
    """Run the rules of a node on arrays and put the cotangents in the queue, by the short way."""
    first: Any = None
    second: Any = None
    if saved:
        first, cell, count = saved[0], saved[1], saved[2]
        if cell is not None and (cell[0] != count or type(first) is not type(ct)):
            first = restore(node, saved, 0, 0)
        if len(saved) == 6:
            second, cell, count = saved[3], saved[4], saved[5]
            if cell is not None and (cell[0] != count or type(second) is not type(ct)):
                second = restore(node, saved, 1, 0)
    plan = node.plan
    for item in plan.rules:
        rule: BoundRule = item
        edge: Vertex = node.edges[rule.index]
        if needed is not None and edge not in needed:
            continue
        form = rule.form
        if form == 1:
            g = rule.fn(ct, first)
        elif form == 2:
            g = rule.fn(ct, second)
        elif form == 0:  # the cotangent as it is
            g = ct
        elif form == 3:
            g = rule.fn(ct)
        elif form == 4:
            g = rule.fn(node.device._raw, ct, first)
        elif form == 5:
            g = rule.fn(ct, first, second)
        else:
            g = rule.call([ct, node.device._raw, plan.needs, first, second], node.params)
        if g is None:
            continue
        if (
            not fits(g, edge.shape, edge.dtype)
            if COMPILED
            else g.dtype is not edge.dtype or g.shape != edge.shape
        ):
            g = fit(edge.device._raw, g, edge.shape, edge.dtype)
        queue.add(edge, g)
        g = None
    if saved and not retain_graph:
        node.saved = FREED


def _sum(known: Any, ct: Any, node: Vertex) -> Any:
    """Return `known + ct`, in place where nobody else holds `known`; both fit `node`."""
    if (
        type(known) is node.device._array_type
        and known.base is None
        and _holders(known) <= _SOLE_WAITING
    ):
        return add_into(known, ct)
    return plus(known, ct)


def find_needed(starts: list[Any], targets: dict[Any, Any], stop: bool) -> set[Any]:
    """Return the nodes on a path from `starts` to `targets`."""
    seen: dict[int, Any] = {}
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node.seq not in seen:
            seen[node.seq] = node
            if not (stop and node in targets):
                waiting.extend([edge for edge in node.edges if edge is not None])
    needed = set()
    for seq in sorted(seen):
        node = seen[seq]
        if node in targets or any([edge in needed for edge in node.edges]):
            needed.add(node)
    return needed


def pull_back(node: Node, ct: Any, needs: Any, tensors: Level, retain_graph: bool) -> Any:
    """Run the rules of one node and return the cotangents of its inputs, None for zero."""
    saved = node.saved
    while isinstance(saved, Recipe):
        saved.restore(node)
        saved = node.saved
    extra = node.extra
    given = ct if extra is not None and extra.posthooks else None
    level = tensors or int(node.op.tensor_level)
    if level or type(ct) is list:
        xp = namespace() if level else node.device._raw
        if type(ct) is list:
            ct = _fill(node, ct, level, tensors)
        elif not tensors:
            ct = wrap(ct, node.device)
        values = [ct, xp, needs]
        values += [restore(node, saved, i, level) for i in range(len(saved) // 3)]
    else:
        values = [ct, node.device._raw, needs]
        for i in range(len(saved) // 3):
            value, cell, count = saved[3 * i], saved[3 * i + 1], saved[3 * i + 2]
            if cell is None:
                if count == -1:
                    value = restore(node, saved, i, 0)
            elif cell[0] != count or type(value) is not type(ct):
                value = restore(node, saved, i, 0)
            values.append(value)
    if (node.dtype is HALF or type(ct) is tuple) and has_half(node.op, node.dtype, node.device):
        values = [widened_tensor(x) if level else _widened(x) for x in values]
    try:
        grads = run_rules(node.plan.rules, values, needs, node.params)
    except Exception as error:
        if extra is not None and extra.where:
            error.add_note(f"the forward call of {node.name!r} was made here:\n{extra.where}")
        raise
    if extra is not None and extra.check_nan:
        _check_nan(node, grads)
    if saved and not retain_graph:
        node.saved = FREED
    if level and not tensors:
        grads = [None if g is None else g._data for g in grads]
    if given is not None:
        grads = run_after(namespace() if tensors else node.device._raw, node, given, grads, tensors)
    return grads


def has_half(op: Any, dtypes: Any, device: Any) -> bool:
    """Return whether the rules of `op`, of whose outputs the dtypes are, get halves as singles.

    A rule of several steps would round at each, and overflow in squares. What only looks at memory
    rounds nothing, and accelerators are left to their kernels of half precision.
    """
    dtypes = dtypes if type(dtypes) is tuple else (dtypes,)
    # a Function, which wants Tensors, is written for the dtypes that it gave
    return HALF in dtypes and not op.view and not op.tensor_level and device.type != "cuda"


def _widened(value: Any) -> Any:
    if type(value) is tuple:
        return tuple([_widened(item) for item in value])
    return value.astype(np.float32) if getattr(value, "dtype", None) is HALF else value


def widened_tensor(value: Any) -> Any:
    """Return a Tensor of half precision, or each of a tuple of Tensors, in single precision."""
    if type(value) is tuple and all([isinstance(item, TensorBase) for item in value]):
        return tuple([widened_tensor(item) for item in value])
    if isinstance(value, TensorBase) and value._data.dtype is HALF:
        return namespace().astype(value, namespace().float32)
    return value


def _watched(
    node: Node, ct: Any, needs: tuple[bool, ...], tensors: Level, retain_graph: bool
) -> Any:
    """Run the rules of one node, and tell the watchers when they start and end."""
    grads = None
    for watcher in stack():
        watcher.enter_node(node)
    try:
        grads = pull_back(node, ct, needs, tensors, retain_graph)
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


def _fill(node: Node, cts: list[Any], level: int, tensors: Level) -> tuple[Any, ...]:
    """Return the cotangents of a call with several outputs, zeros for those that had none."""
    raw = node.device._raw
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


def restore(node: Node, saved: Any, position: int, level: Level) -> Any:
    """Return one of the `saved` values, raw or, at the Tensor level, with its history."""
    code = node.plan.saves[position]
    saved = saved[3 * position : 3 * position + 3]
    value, cell, count = saved
    if cell is not None and cell[0] != count:
        if code == KEPT:
            return None
        _raise_modified(node, code, cell[0], count)
    if code >= PART:
        i = code - PART
        origin = slot_of(node, i, node.shape[i], node.dtype[i]) if level else None
        return _restore_one(node, code, saved, origin, level)
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
    return _restore_one(node, code, saved, node if code < 0 else node.edges[code], level)


def _restore_one(node: Node, code: int, saved: Any, origin: Any, level: Level) -> Any:
    value, cell, count = saved
    if cell is None:
        return value
    if cell[0] != count:
        _raise_modified(node, code, cell[0], count)
    if isinstance(value, TensorBase):  # an input that a watcher may know
        if level == 1 and value._node is origin:
            return value
        value = value._data
    return wrap(value, node.device, None if level == CONSTANT else origin, cell) if level else value


def _raise_modified(node: Node, code: int, now: int, saved: int) -> None:
    inputs = node.op.inputs
    is_output = code == OUT or code >= PART
    what = "output" if is_output else f"input {inputs[min(code, len(inputs) - 1)]}"
    raise RuntimeError(
        f"backward: the saved {what} of {node.name!r} (shape {node.shape}) has been modified by an "
        f"in-place operation: it is at version {now}, expected version {saved}; clone it before "
        "the write, or write out of place"
    )


#: Held while a gradient is added to a leaf, which two threads may reach from their graphs.
_lock = forks.lock()


def _accumulate(leaf: Leaf, ct: Any, tensors: Level) -> None:
    """Add `ct` to the gradient of a leaf; an array that somebody else holds is copied."""
    if leaf.extra is not None and leaf.extra.frozen:
        return
    with _lock:
        grad = leaf.grad
        if tensors:
            note_opaque("backward() writes to .grad; use autograd.grad or value_and_grad")
            leaf.grad = namespace().copy(ct) if grad is None else grad + ct
            show_graph(leaf.grad._node)
        elif grad is None:
            shared = _holders(ct) > _SOLE
            if shared or type(ct) is not leaf.device._array_type or ct.base is not None:
                ct = leaf.device._raw.copy(ct)
            leaf.grad = wrap(ct, leaf.device)
        elif grad._node is not None:
            leaf.grad = wrap(grad._data + ct, leaf.device)
        else:
            grad._data[...] += ct
            bump(grad)
    if leaf.extra is not None and leaf.extra.accumulated_hooks:
        for hook in list(leaf.extra.accumulated_hooks.values()):
            hook(leaf.extra.owner())


def _holders(x: Any) -> int:
    """Return how many references to `x` there are, as counted from here."""
    return getrefcount(x)


def _calibrate(leaf: Any, ct: Any, tensors: Level) -> int:
    """Return what `_holders` says in `_accumulate`, called alike, of an array held by nobody."""
    return _holders(ct)


def _sole() -> int:
    waiting = {0: (None, np.empty(1))}
    node, ct = waiting.pop(0)
    return _calibrate(node, ct, False)


def _calibrate_sum(known: Any, ct: Any, node: Any) -> int:
    """Return what `_holders` says in `_sum`, called alike."""
    return _holders(known)


def _sole_waiting() -> int:
    """Return what `_holders` says in `_sum` of an array that only the queue held."""
    waiting = {0: (None, np.empty(1))}
    known = waiting.pop(0)[1]
    return _calibrate_sum(known, None, None)


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
