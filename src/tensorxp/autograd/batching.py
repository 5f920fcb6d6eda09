"""Reverse passes for many cotangents at once: the rows of a Jacobian.

Cotangents are raw arrays with an axis in front, along which the rows lie: one for each element of
the output. What a primitive declares as `batched` says how its vjp takes them; where there is
nothing, the rule runs row by row, for that node alone.
"""

from functools import partial
from math import prod
from operator import attrgetter
from typing import Any

from tensorxp._core.engine import find_needed, pull_back, restore, run_quietly
from tensorxp._core.node import Leaf, Node, Recipe, Slot
from tensorxp._core.rules import PART, SHAPE, fit

#: How many elements a cotangent of many rows may have: two MiB of float64.
LIMIT = 1 << 18


def jacobians(root: Any, targets: list[Any]) -> list[Any] | None:
    """Return the raw Jacobians of the output of `root` by the nodes `targets`, rows first.

    None where each row must pass alone: where a hook or a `Function` is on the way.
    """
    needed = find_needed([root], dict.fromkeys(targets), False)
    order = sorted(needed, key=attrgetter("seq"), reverse=True)
    largest = 1
    for node in order:
        if node.extra is not None or (type(node) is Node and node.op.kind == "function"):
            return None
        shapes = node.shape if type(node.dtype) is tuple else (node.shape,)
        largest = max(largest, *map(prod, shapes))
    count, step = prod(root.shape), max(1, LIMIT // largest)
    found = [
        node.device._raw.base.zeros((count, *node.shape), dtype=node.dtype) for node in targets
    ]

    def walk() -> None:
        for start in range(0, count if order else 0, step):
            root.device.use()
            rows = min(step, count - start)
            ct = root.device._raw.eye(rows, count, k=start, dtype=root.dtype)
            cts = {root: ct.reshape(rows, *root.shape)}
            _walk(order, needed, set(targets), cts, rows)
            for target, out in zip(targets, found, strict=True):
                if target in cts:
                    out[start : start + rows] = cts[target]

    run_quietly(partial(root.device.run, walk), False)
    return found


def _walk(
    order: list[Any], needed: set[Any], targets: set[Any], cts: dict[Any, Any], rows: int
) -> None:
    """Pull `cts` (by node) back from node to node; those of the targets are left."""
    for node in order:
        if node not in cts or type(node) is Leaf:
            continue
        node.device.use()
        ct = cts[node] if node in targets else cts.pop(node)
        if type(node) is Slot:
            parts = cts.setdefault(node.main, [None] * len(node.main.shape))
            known = parts[node.index]
            parts[node.index] = ct if known is None else known + ct
            continue
        edges = node.edges
        needs = tuple([edge in needed for edge in edges])
        grads = _pull_back(node, ct, needs, rows)
        if grads is None:
            grads = _by_row(node, ct, needs, rows)
        for edge, g in zip(edges, grads, strict=True):
            if g is None or edge not in needed:
                continue
            if g.dtype is not edge.dtype or g.shape[1:] != edge.shape or len(g) != rows:
                g = _fit(edge.device._raw, g, (rows, *edge.shape), edge.dtype)
            cts[edge] = cts[edge] + g if edge in cts else g


def _fit(raw: Any, g: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return `g` in this shape and dtype: `fit` with the axes aligned behind the rows."""
    extra = g.ndim - len(shape)
    if extra > 0:
        g = raw.sum(g, axis=tuple(range(1, extra + 1)), dtype=g.dtype)
    elif extra < 0:
        g = raw.reshape(g, (len(g), *(1,) * -extra, *g.shape[1:]))
    return fit(raw, g, shape, dtype)


def _pull_back(node: Node, ct: Any, needs: tuple[bool, ...], rows: int) -> Any:
    """Run the rules of a node for all rows; return None where they take one at a time."""
    op, params = node.op, node.params
    how = op.batched
    if how is None or op.tensor_level:
        return None
    saved = node.saved
    while isinstance(saved, Recipe):
        saved.restore(node)
        saved = node.saved
    raw = node.device._raw
    if type(ct) is list:
        kinds = zip(ct, node.shape, node.dtype, strict=True)
        ct = tuple([raw.zeros((rows, *s), dtype=d) if c is None else c for c, s, d in kinds])
    values = [ct, raw, needs, *[restore(node, saved, i, False) for i in range(len(saved) // 3)]]
    own = type(how) is dict
    if how is not True and not own:
        params = how(params, len(node.edges[needs.index(True)].shape))
        if params is None:
            return None
        for i, code in enumerate(node.plan.saves):
            lead = _lead_shape if SHAPE <= code < PART else _lead
            values[3 + i] = lead(values[3 + i], rows)
    grads: Any = [None] * len(needs)
    for rule in node.plan.rules:
        index = rule.index
        if index >= 0 and not needs[index]:
            continue
        fn = how["vjp" if index < 0 else op.inputs[index]] if own else rule.fn
        named = {name: params[name] for name in rule.named}
        found = fn(*[values[i] for i in rule.places], **named)
        if op.kind == "elementwise" and found is not None and found.ndim <= len(node.shape):
            return None  # a rule that does not look at `ct`: zeros of the shape of an input
        if index >= 0:
            grads[index] = found
        else:
            grads = found if type(found) is tuple else (found,)
    return grads


def _lead(value: Any, rows: int) -> Any:
    """Return a saved value with an axis in front, of size 1."""
    if type(value) is tuple:
        return tuple([_lead(item, rows) for item in value])
    return value[None] if hasattr(value, "ndim") else value


def _lead_shape(shape: Any, rows: int) -> Any:
    """Return a shape, or a tuple of shapes, with the rows in front."""
    if shape and type(shape[0]) is tuple:
        return tuple([(rows, *item) for item in shape])
    return (rows, *shape)


def _by_row(node: Node, ct: Any, needs: tuple[bool, ...], rows: int) -> list[Any]:
    """Run the rules of a node for one row after the other."""
    out: list[Any] = [None] * len(needs)
    for row in range(rows):
        if type(ct) is list:
            part: Any = [None if item is None else item[row, ...] for item in ct]
        else:
            part = ct[row, ...]
        grads = pull_back(node, part, needs, False, True)
        for i, (edge, g) in enumerate(zip(node.edges, grads, strict=True)):
            if needs[i] and g is not None:
                raw = edge.device._raw
                if out[i] is None:
                    out[i] = raw.zeros((rows, *edge.shape), dtype=edge.dtype)
                out[i][row] = fit(raw, g, edge.shape, edge.dtype)
    return out
