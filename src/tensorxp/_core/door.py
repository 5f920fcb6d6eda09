"""The door: the only place that makes tensors from operations.

`apply` unwraps, checks devices, runs the forward, wraps, records, and tells the watchers.
`unary`, `binary` and `single` are latches: the same steps without a loop for the common cases.
"""

from typing import Any

from tensorxp._backend.arrays import call1, call2, dtype_of, laid_out
from tensorxp._core.allocation import COMPILED, allocate
from tensorxp._core.modes import modes, suspended
from tensorxp._core.node import Leaf, slot_of
from tensorxp._core.operands import (
    device_mismatch,
    explained,
    is_numpy_value,
    not_a_tensor,
    promote,
    wrap,
)
from tensorxp._core.primitive import Primitive, linear
from tensorxp._core.record import record
from tensorxp._core.tensor import CONCRETE, Tensor, TensorBase
from tensorxp._core.views import View, view_of
from tensorxp._core.watchers import notify, notify_before, stack, watching

__all__ = [
    "alias_p", "alias_written", "apply", "arrays_like", "binary", "device_mismatch",
    "is_numpy_value", "new_leaf", "node_of", "promote", "record", "single", "unary", "wrap",
]  # fmt: skip

_NONE: dict[str, Any] = {}

#: The first link of the chain of what shares memory with other tensors, by a way of which their
#: histories do not know: an output of a `Function` called `name`, at this version of the memory.
alias_p = linear("alias", view=True, forward=lambda xp, x, *, name, version: x, x=lambda ct: ct)


def node_of(x: Any) -> Any:
    """Return what made `x`, brought up to date after writes to what it is a view of."""
    version = x._version
    if version is not None and type(version) is View and version.seen != version.cell[0]:
        base = version.base
        if base._node is not None and not version.frozen:
            before = modes.grad
            try:
                try:
                    modes.grad = True
                    out = base
                    for op, params in version.chain:
                        if op is alias_p:
                            raise alias_written(params)
                        out = _run(op, (out,), params)
                finally:
                    modes.grad = before
            except BaseException:  # an interrupt may have come while the mode was restored
                modes.grad = before
                raise
            x._node = out._node
        version.seen = version.cell[0]  # not before: an interrupt must not leave the old node
    return x._node


def arrays_like(tensors: Any, more: Any, kinds: Any) -> Any:
    """Return the arrays of Tensors, each taken once, or None where one is of another kind.

    A kind is a class, shape, dtype, strides, device, and whether the Tensor requires grad.
    """
    found = []
    count = len(tensors)
    for i in range(len(kinds)):
        x = tensors[i] if i < count else more[i - count]
        kind = kinds[i]
        if type(x) is not kind[0]:
            return None
        known: TensorBase = x
        raw = known._data
        if known._device is not kind[4] or not laid_out(raw, kind[1], kind[2], kind[3]):
            return None
        if (node_of(known) is not None) is not kind[5]:
            return None
        found.append(raw)
    return found


def alias_written(params: dict[str, Any]) -> RuntimeError:
    """Return the error for an output of a `Function` whose memory was written through another."""
    return RuntimeError(
        f"{params['name']}: an output shares memory with an input, another output or a tensor from "
        "outside, and that memory has been written in place since; the gradient of a Function "
        "does not know of the write: have forward return a copy"
    )


def unary(op: Primitive, x: Any) -> Tensor:
    """Apply an elementwise primitive of one tensor."""
    return single(op, x, _NONE)


def single(op: Primitive, x: Any, params: dict[str, Any], raw: Any = None) -> Tensor:
    """Apply a primitive of one tensor and one output; `raw` is its result where known."""
    try:
        tensor: TensorBase = x  # compiled, this checks the type
        node, version, device = tensor._node, tensor._version, tensor._device
    except (AttributeError, TypeError):
        raise not_a_tensor(op, x, op.inputs[0]) from None
    if watching or (
        version is not None and type(version) is View and version.seen != version.cell[0]
    ):
        return apply(op, (x,), params)
    if raw is None:
        try:
            forward = device._forwards.get(op) or op.bind(device)
            if params:
                raw = forward(tensor._data, **params)
            else:
                raw = call1(forward, tensor._data) if COMPILED else forward(tensor._data)
        except (TypeError, ValueError, OverflowError, MemoryError) as error:
            raise explained(op, (x,), error, params) from None
    if type(raw) is not device._array_type:
        raw = device.raw.asarray(raw)
    out: TensorBase = allocate(CONCRETE[0])
    out._data = raw
    out._device = device
    out._node = None
    if node is None:
        out._version = view_of(tensor, op, params, False) if op.view else None
        return out  # type: ignore[return-value]
    recording = op.differentiable and (not suspended or modes.grad) and _derives(raw, node)
    out._version = view_of(tensor, op, params, not recording) if op.view else None
    if recording:
        out._node = record(op, x, (node,), params, raw, device, out)
    return out  # type: ignore[return-value]


def _derives(raw: Any, node: Any) -> bool:
    """Return whether a result has a derivative by its dtype; `node` made one of its inputs."""
    dtype = dtype_of(raw)
    return dtype is node.dtype or dtype.kind in "fc"


def binary(op: Primitive, x1: Any, x2: Any) -> Tensor:
    """Apply a primitive of two tensors, or of a tensor and a Python scalar."""
    kind = type(x2)
    try:
        if kind is float or kind is int:
            left: TensorBase = x1  # compiled, this checks the type
            node1, version, device = left._node, left._version, left._device
            node2, data, other = None, left._data, x2
            if node1 is not None and not op.scalars:
                return apply(op, promote(op, x1, x2), _NONE)
        elif type(x1) is float or type(x1) is int:
            right: TensorBase = x2
            node2, version, device = right._node, right._version, right._device
            node1, data, other = None, x1, right._data
            if node2 is not None and not op.scalars:
                return apply(op, promote(op, x1, x2), _NONE)
        else:
            left, right = x1, x2
            node1, version, device = left._node, left._version, left._device
            node2, second = right._node, right._version
            data, other = left._data, right._data
            if device is not right._device or (
                second is not None and type(second) is View and second.seen != second.cell[0]
            ):
                return apply(op, (x1, x2), _NONE)
    except (AttributeError, TypeError):
        return apply(op, promote(op, x1, x2), _NONE)
    if watching or (
        version is not None and type(version) is View and version.seen != version.cell[0]
    ):
        return apply(op, promote(op, x1, x2), _NONE)
    try:
        forward = device._forwards.get(op) or op.bind(device)
        raw = call2(forward, data, other) if COMPILED else forward(data, other)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise explained(op, (x1, x2), error) from None
    if type(raw) is not device._array_type:
        raw = device.raw.asarray(raw)
    out: TensorBase = allocate(CONCRETE[0])
    out._data = raw
    out._device = device
    out._version = None
    out._node = None
    if node1 is None and node2 is None:
        return out  # type: ignore[return-value]
    if op.differentiable and (not suspended or modes.grad):
        out._node = record(op, (x1, x2), (node1, node2), _NONE, raw, device, out)
    return out  # type: ignore[return-value]


def apply(op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    """Apply `op` to tensors (or Python scalars, or None), record it, and tell the watchers.

    What has several outputs gives a tuple of Tensors, in spite of the annotation.
    """
    watched = watching and stack()
    if watched:
        notify_before(op, inputs, params)
    out: Tensor = _run(op, inputs, params)
    if watched:
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
            if (x._node is not None or type(x._version) is View) and node_of(
                x
            ) is not None:  # which also brings the node up to date
                recorded = True
        else:
            raws.append(x)
    if device is None:
        raise not_a_tensor(op, inputs[0] if inputs else None, op.inputs[0])
    try:
        raw = (device._forwards.get(op) or op.bind(device))(*raws, **params)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise explained(op, inputs, error, params) from None
    if "to_device" in params:
        device = params["to_device"]
    if type(raw) is tuple:
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
    outs = tuple([wrap(raw, device) for raw in raws])
    if recording and op.differentiable:
        edges = tuple([x._node if isinstance(x, TensorBase) else None for x in inputs])
        arrays = tuple([out._data for out in outs])
        node = record(op, inputs, edges, params, arrays, device, outs)
        for i, out in enumerate(outs):
            if out._data.dtype.kind in "fc":
                out._node = slot_of(node, i, out._data.shape, out._data.dtype)
    return outs


def new_leaf(x: Any) -> Leaf:
    """Return the leaf node of a tensor that begins to require a gradient."""
    return Leaf(x._data.shape, x._data.dtype, x._device)
