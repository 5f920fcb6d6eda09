"""The door: the only place that makes tensors from operations.

`apply` unwraps, checks devices, runs the forward, wraps, records, and tells the watchers.
`unary` and `binary` are latches: the same steps without a loop for plain tensors.
"""

from typing import Any

from tensorxp._backend.device import DeviceError
from tensorxp._core.modes import modes
from tensorxp._core.node import Leaf, Node, Slot, next_seq
from tensorxp._core.primitive import Plan, Primitive
from tensorxp._core.rules import OUT, SHAPE
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import View, cell_of, view_of
from tensorxp._core.watchers import notify, stack, watching

_new = object.__new__


def wrap(raw: Any, device: Any, node: Any = None, version: Any = None) -> Any:
    """Return a Tensor over a raw array; a scalar that NumPy made of a 0-d array is re-arrayed."""
    if raw.__class__ is not device._array_type:
        raw = device.raw.asarray(raw)
    out = _new(TensorBase.concrete)
    out._data = raw
    out._device = device
    out._node = node
    out._version = version
    return out


def node_of(x: Any) -> Any:
    """Return what made `x`, brought up to date after writes to what it is a view of."""
    version = x._version
    if version.__class__ is View and version.seen != version.cell[0]:
        version.seen = version.cell[0]
        base = version.base
        if base._node is not None and not version.frozen:
            before, modes.grad = modes.grad, True
            try:
                out = base
                for op, params in version.chain:
                    out = _run(op, (out,), params)
            finally:
                modes.grad = before
            x._node = out._node
    return x._node


def unary(op: Primitive, x: Any) -> TensorBase:
    """Apply an elementwise primitive of one tensor."""
    try:
        node = x._node
        plain = x._version.__class__ is not View and not watching
    except AttributeError:
        raise _not_a_tensor(op, x, "x") from None
    if not plain:
        return apply(op, (x,), {})  # type: ignore[no-any-return]
    device = x._device
    try:
        raw = (device._forwards.get(op) or op.bind(device))(x._data)
    except (TypeError, ValueError) as error:
        raise explained(op, (x,), error) from None
    if raw.__class__ is not device._array_type:
        raw = device.raw.asarray(raw)
    out = _new(TensorBase.concrete)
    out._data = raw
    out._device = device
    out._version = None
    if node is None or not modes.grad or op.kind == "nondifferentiable":
        out._node = None
    else:
        out._node = record(op, (x,), (node,), {}, raw, device, out)
    return out


def binary(op: Primitive, x1: Any, x2: Any) -> TensorBase:
    """Apply an elementwise primitive of two tensors, or of a tensor and a Python scalar."""
    kind = x2.__class__
    try:
        if kind is float or kind is int:
            device = x1._device
            node1, node2 = x1._node, None
            if watching or x1._version.__class__ is View or (node1 is not None and not op.scalars):
                return apply(op, promote(op, x1, x2), {})  # type: ignore[no-any-return]
            raw = (device._forwards.get(op) or op.bind(device))(x1._data, x2)
        else:
            node1, node2 = x1._node, x2._node
            device = x1._device
            if (
                watching
                or device is not x2._device
                or x1._version.__class__ is View
                or x2._version.__class__ is View
            ):
                return apply(op, (x1, x2), {})  # type: ignore[no-any-return]
            raw = (device._forwards.get(op) or op.bind(device))(x1._data, x2._data)
    except AttributeError:
        return apply(op, promote(op, x1, x2), {})  # type: ignore[no-any-return]
    except (TypeError, ValueError) as error:
        raise explained(op, (x1, x2), error) from None
    if raw.__class__ is not device._array_type:
        raw = device.raw.asarray(raw)
    out = _new(TensorBase.concrete)
    out._data = raw
    out._device = device
    out._version = None
    if (node1 is None and node2 is None) or not modes.grad or op.kind == "nondifferentiable":
        out._node = None
    else:
        out._node = record(op, (x1, x2), (node1, node2), {}, raw, device, out)
    return out


def promote(op: Primitive, x1: Any, x2: Any) -> tuple[Any, Any]:
    """Bring two operands to tensors: weak Python scalars, NumPy arrays and scalars on the CPU.

    TypeError for anything else. A Python scalar stays one where the rules of `op` take it.
    """
    t1, t2 = isinstance(x1, TensorBase), isinstance(x2, TensorBase)
    if not (t1 or t2):
        raise _not_a_tensor(op, x1, op.inputs[0])
    tensor = x1 if t1 else x2
    return (
        x1 if t1 else _operand(op, x1, tensor, op.inputs[0]),
        x2 if t2 else _operand(op, x2, tensor, op.inputs[1]),
    )


def _operand(op: Primitive, value: Any, tensor: Any, argument: str) -> Any:
    device = tensor._device
    if value.__class__ in (float, int, bool, complex):
        if op.scalars or (not watching and tensor._node is None):
            return value
        raw = device.raw
        dtype = raw.result_type(tensor._data.dtype, value)
        return wrap(raw.asarray(value, dtype=dtype), device)
    if isinstance(value, (int, float, complex)) and not hasattr(value, "dtype"):
        return _operand(op, value.__pos__(), tensor, argument)
    if device.type == "cpu" and is_numpy_value(device, value):
        return wrap(device.raw.asarray(value), device)
    raise _not_a_tensor(op, value, argument)


def is_numpy_value(device: Any, value: Any) -> bool:
    """Return whether `value` is a NumPy array or scalar of a dtype that tensors can hold."""
    base = device.raw.base
    return isinstance(value, (base.ndarray, base.generic)) and value.dtype.kind in "biufc"


def _not_a_tensor(op: Primitive, value: Any, argument: str) -> TypeError:
    return TypeError(
        f"{op.name}: {argument} is a {type(value).__module__}.{type(value).__name__}; "
        "allowed are Tensors (and, beside a Tensor, Python scalars); "
        "tensorxp.asarray makes a Tensor of other arrays and lists"
    )


def apply(op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Apply `op` to tensors (or Python scalars, or None), record it, and tell the watchers."""
    out = _run(op, inputs, params)
    if watching and stack():
        notify(op, inputs, params, out)
    return out


def _run(op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    device: Any = None
    recorded = False
    raws = []
    for x in inputs:
        if isinstance(x, TensorBase):
            raws.append(x._data)
            if device is None:
                device = x._device
            elif x._device is not device:
                raise device_mismatch(op.name, inputs)
            if x._node is not None or x._version.__class__ is View:
                recorded = recorded or node_of(x) is not None
        else:
            raws.append(x)
    if device is None:
        raise _not_a_tensor(op, inputs[0] if inputs else None, op.inputs[0])
    try:
        raw = (device._forwards.get(op) or op.bind(device))(*raws, **params)
    except (TypeError, ValueError) as error:
        raise explained(op, inputs, error) from None
    if "to_device" in params:
        device = params["to_device"]
    if raw.__class__ is tuple:
        return _several(op, inputs, params, raw, device, recorded and modes.grad)
    out = wrap(raw, device)
    recording = recorded and modes.grad and op.differentiable and out._data.dtype.kind in "fc"
    if op.view:
        out._version = view_of(inputs[0], op, params, recorded and not recording)
    if recording:
        edges = tuple([x._node if isinstance(x, TensorBase) else None for x in inputs])
        out._node = record(op, inputs, edges, params, out._data, device, out)
    return out


def _several(
    op: Primitive,
    inputs: tuple[Any, ...],
    params: dict[str, Any],
    raws: tuple[Any, ...],
    device: Any,
    recording: bool,
) -> tuple[Any, ...]:
    """Wrap and record a call with several outputs: a node for the call, a slot for each."""
    outs = tuple(wrap(raw, device) for raw in raws)
    if recording and op.differentiable:
        edges = tuple([x._node if isinstance(x, TensorBase) else None for x in inputs])
        arrays = tuple(out._data for out in outs)
        node = record(op, inputs, edges, params, arrays, device, outs)
        for i, out in enumerate(outs):
            if out._data.dtype.kind in "fc":
                out._node = Slot(node, i, out._data.shape, out._data.dtype)
    return outs


def record(
    op: Primitive,
    inputs: tuple[Any, ...],
    edges: tuple[Any, ...],
    params: dict[str, Any],
    raw: Any,
    device: Any,
    out: Any,
) -> Node:
    plan = op.plan(tuple([edge is not None for edge in edges]))
    node: Node = _new(Node)
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
    node.saved = _save(op, plan, inputs, out) if saves else ()
    return node


def _save(op: Primitive, plan: Plan, inputs: tuple[Any, ...], out: Any) -> tuple[Any, ...]:
    """Return (value, version cell, version) for each value that the plan saves.

    The cell is None for what cannot be written; several tensors are a tuple of such triples.
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


def device_mismatch(function: str, inputs: tuple[Any, ...]) -> DeviceError:
    """Return the error for inputs on several devices."""
    found = ", ".join(dict.fromkeys(str(x._device) for x in inputs if isinstance(x, TensorBase)))
    return DeviceError(
        f"{function}: inputs are on different devices ({found}); all must be on one device; "
        "move them with x.to(device)"
    )


def new_leaf(x: Any) -> Leaf:
    """Return the leaf node of a tensor that begins to require a gradient."""
    return Leaf(x._data.shape, x._data.dtype, x._device)
