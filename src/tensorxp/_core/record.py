"""Recording: the node of a call, with what its rules need saved."""

from typing import Any

from tensorxp._core.node import Node, next_seq
from tensorxp._core.primitive import Plan, Primitive
from tensorxp._core.rules import OUT, SHAPE
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import View, cell_of
from tensorxp._core.watchers import watching

_ONE, _BOTH, _FIRST, _SECOND = (True,), (True, True), (True, False), (False, True)


def record(
    op: Primitive,
    inputs: tuple[Any, ...],
    edges: tuple[Any, ...],
    params: dict[str, Any],
    raw: Any,
    device: Any,
    out: Any,
) -> Node:
    """Return the node of a call that made `raw` (and the tensor, or tensors, `out`)."""
    if len(edges) == 1:
        needs: tuple[bool, ...] = _ONE
    elif len(edges) == 2:
        needs = _SECOND if edges[0] is None else _FIRST if edges[1] is None else _BOTH
    else:
        needs = tuple([edge is not None for edge in edges])
    plan = op._plans.get(needs) or op.plan(needs)
    node: Node = Node.__new__(Node)
    node.op = op
    node.plan = plan
    node.edges = edges
    node.params = params
    node.device = device
    if raw.__class__ is tuple:
        node.shape = tuple([array.shape for array in raw])
        node.dtype = tuple([array.dtype for array in raw])
    else:
        node.shape = raw.shape
        node.dtype = raw.dtype
    node.seq = next_seq()
    node.extra = None
    saves = plan.saves
    if not saves:
        node.saved = ()
    elif plan.grouped or raw.__class__ is tuple:
        node.saved = _save_groups(op, plan, inputs, out)
    else:
        saved: list[Any] = []
        for code in saves:
            x = out if code == OUT else inputs[code]
            try:
                cell = x._version
            except AttributeError:  # a Python scalar
                saved.append((x, None, 0))
                continue
            if cell is None:
                cell = x._version = [0]
            elif cell.__class__ is View:
                cell = cell.cell
            # forward mode knows an input's tangent by the tensor itself
            saved.append((x if watching and code != OUT else x._data, cell, cell[0]))
        node.saved = saved
    return node


def _save_groups(op: Primitive, plan: Plan, inputs: tuple[Any, ...], out: Any) -> tuple[Any, ...]:
    """Return what to save where shapes are asked for, or several tensors are one value.

    An entry is (value, version cell, version): the cell is None for what cannot be written,
    and several tensors are a tuple of such triples.
    """
    saved: list[Any] = []
    for code in plan.saves:
        if code == OUT:
            saved.append(_saved_value(out))
        elif code >= SHAPE:
            shapes = tuple([getattr(x, "shape", ()) for x in inputs])
            saved.append((shapes if op.variadic else shapes[code - SHAPE], None, 0))
        else:
            # forward mode knows an input's tangent by the tensor itself
            saved.append(_saved_value(inputs if op.variadic else inputs[code], bool(watching)))
    return tuple(saved)


def _saved_value(x: Any, whole: bool = False) -> tuple[Any, Any, int]:
    if isinstance(x, TensorBase):
        cell = cell_of(x)
        return x if whole else x._data, cell, cell[0]
    if x.__class__ is tuple:
        return tuple([_saved_value(item, whole) for item in x]), None, -1
    return x, None, 0
