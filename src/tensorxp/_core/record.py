"""Recording: the node of a call, with what its rules need saved."""

from typing import Any

from tensorxp._backend.arrays import dtype_of, has_shape, shape_of
from tensorxp._core.allocation import COMPILED, hide, next_seq, visible
from tensorxp._core.node import Node, Slot, Vertex
from tensorxp._core.primitive import Plan, Primitive
from tensorxp._core.rules import KEPT, OUT, PART, SHAPE
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import View, cell_of
from tensorxp._core.watchers import watching


def record(
    op: Primitive,
    inputs: Any,
    edges: tuple[Any, ...],
    params: dict[str, Any],
    raw: Any,
    device: Any,
    out: Any,
) -> Node:
    """Return the node of a call that made `raw` (and the tensor, or tensors, `out`).

    `inputs` is a tuple, or the only input.
    """
    if len(edges) == 1:
        mask = 0
    elif len(edges) == 2:
        mask = 2 if edges[0] is None else 1 if edges[1] is None else 3
    else:
        mask = 4
    plan = op._few[mask] if mask < 4 else None
    if plan is None:
        plan = op.plan(tuple([edge is not None for edge in edges]))
        if mask < 4:
            op._few[mask] = plan
    node: Node = Node.__new__(Node)
    node.op = op
    node.plan = plan
    node.edges = edges
    node.params = params
    node.device = device
    if type(raw) is tuple:
        node.shape = tuple([array.shape for array in raw])
        node.dtype = tuple([array.dtype for array in raw])
    else:
        node.shape = _shape(raw, edges) if COMPILED else raw.shape
        node.dtype = dtype_of(raw) if COMPILED else raw.dtype
    node.seq = next_seq()
    node.extra = None
    saves = plan.saves
    if op.variadic or type(raw) is tuple:
        node.saved = _save_groups(op, plan, inputs, out)
    else:
        saved: tuple[Any, ...] = ()
        alone = type(inputs) is not tuple
        first: Any = None  # waits for the second, so that a tuple is made once
        cell0: Any = None
        count0: Any = None
        k = 0
        for code in saves:
            cell: Any = None
            count: Any = 0
            if code >= SHAPE:
                x = inputs if alone else inputs[code - SHAPE]
                value = x._data.shape if isinstance(x, TensorBase) else ()
            else:
                value = out if code < 0 else inputs if alone else inputs[code]
                try:
                    t: TensorBase = value  # compiled, this checks the type
                    cell = t._version
                    if cell is None:
                        cell = t._version = [0]
                    elif type(cell) is View:
                        cell = cell.cell
                    count = cell[0]
                    if not watching or code < 0:
                        value = t._data  # forward mode knows a tangent by the tensor itself
                except (AttributeError, TypeError):  # a Python scalar
                    cell = None
            if k == 0:
                first, cell0, count0 = value, cell, count
            elif k == 1:
                saved = (first, cell0, count0, value, cell, count)
            else:
                saved += (value, cell, count)
            k += 1
        node.saved = (first, cell0, count0) if k == 1 else saved
    if COMPILED and plan.hidden and not watching and not _leads_on(edges, params):
        hide(node)
        hide(edges)
        if saves:
            hide(node.saved)
    return node


def _shape(raw: Any, edges: tuple[Any, ...]) -> Any:
    """Return the shape of `raw`: the very tuple of an input, where it is the same."""
    for edge in edges:
        if edge is not None:
            vertex: Vertex = edge
            if has_shape(raw, vertex.shape):
                return vertex.shape
    return shape_of(raw)


def _leads_on(edges: tuple[Any, ...], params: dict[str, Any]) -> bool:
    """Return whether what a call holds may lead to what is made after it, and so to itself.

    That are hooks (of what it comes from, too) and parameters such as functions; elsewhere what a
    `Function` keeps, and the tensors that are saved under a watcher.
    """
    for edge in edges:
        if type(edge) is Node:
            if visible(edge):
                return True
        elif edge is not None:
            vertex: Vertex = edge
            if vertex.extra is not None or (type(edge) is Slot and visible(edge.main)):
                return True
    if params:
        for value in params.values():
            if type(value) is not tuple and type(value) is not slice and visible(value):
                return True
    return False


def _save_groups(op: Primitive, plan: Plan, inputs: tuple[Any, ...], out: Any) -> tuple[Any, ...]:
    """Return what to save where a call has several outputs, or any number of inputs.

    Each is three items, value, version cell, version: the cell is None for what cannot be written,
    and several tensors are a tuple of such triples with version -1.
    """
    saved: list[Any] = []
    for code in plan.saves:
        if code == OUT or code == KEPT:
            saved += _saved_value(out)
        elif code >= PART:
            saved += _saved_value(out[code - PART])
        elif code >= SHAPE:
            shapes = tuple([getattr(x, "shape", ()) for x in inputs])
            saved += (shapes if op.variadic else shapes[code - SHAPE], None, 0)
        else:
            # forward mode knows an input's tangent by the tensor itself
            saved += _saved_value(inputs if op.variadic else inputs[code], bool(watching))
    return tuple(saved)


def _saved_value(x: Any, whole: bool = False) -> tuple[Any, Any, int]:
    if isinstance(x, TensorBase):
        cell = cell_of(x)
        return x if whole else x._data, cell, cell[0]
    if type(x) is tuple:
        return tuple([_saved_value(item, whole) for item in x]), None, -1
    return x, None, 0
