"""`backward` and `grad`: the user's doors to the engine, with their checks."""

from typing import Any

from tensorxp._backend.families import see
from tensorxp._core import engine
from tensorxp._core.door import apply, node_of, wrap
from tensorxp._core.node import Leaf
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import TensorBase


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _root(function: str, x: Any, ct: Any, argument: str) -> tuple[Any, Any]:
    """Return the node of an output and its checked cotangent."""
    if not isinstance(x, TensorBase):
        raise TypeError(f"{function}: an output is a {type(x).__name__}; allowed are Tensors")
    node = engine.root_of(function, x)
    data = x._data
    if ct is None:
        if data.size != 1:
            raise RuntimeError(
                f"{function}: {argument} can be left out only for a tensor of one element; this "
                f"one has shape {data.shape}; give {argument} of that shape, or sum first"
            )
        if data.dtype.kind == "c":
            raise RuntimeError(
                f"{function}: the output is complex; give {argument}, or take a real value first"
            )
        raw = x._device.raw
        # an array from a number is made several times faster than ones of a shape
        one = raw.asarray(1, dtype=data.dtype) if data.ndim == 0 else raw.ones_like(data)
        return node, wrap(one, x._device)
    if not isinstance(ct, TensorBase):
        raise TypeError(f"{function}: {argument} is a {type(ct).__name__}; allowed is a Tensor")
    if ct._data.shape != data.shape:
        raise RuntimeError(
            f"{function}: {argument} has shape {ct._data.shape}, but the output has {data.shape}"
        )
    if ct._device is not x._device:
        raise RuntimeError(
            f"{function}: {argument} is on {ct._device}, but the output is on {x._device}"
        )
    if ct._data.dtype != data.dtype:
        if ct._data.dtype.kind == "c" and data.dtype.kind != "c":
            raise RuntimeError(
                f"{function}: {argument} has dtype {ct._data.dtype}, but the output is real"
            )
        ct = engine.namespace().astype(ct, data.dtype)
    return node, ct


def _roots(tensors: Any, grad_tensors: Any) -> list[tuple[Any, Any]]:
    """Return the nodes of the outputs of `backward` and their checked cotangents."""
    outputs = _as_tuple(tensors)
    if not outputs:
        raise ValueError("backward: no tensors were given; name at least one")
    cts = _as_tuple(grad_tensors) if grad_tensors is not None else (None,) * len(outputs)
    if len(cts) != len(outputs):
        raise RuntimeError(
            f"backward: {len(outputs)} tensors, but {len(cts)} gradients; give one for each"
        )
    return [_root("backward", x, ct, "gradient") for x, ct in zip(outputs, cts, strict=True)]


def _check_inputs(function: str, xs: tuple[Any, ...]) -> None:
    for i, x in enumerate(xs):
        if not isinstance(x, TensorBase):
            raise TypeError(f"{function}: inputs[{i}] is a {type(x).__name__}; allowed are Tensors")


@see("grad")
def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of `tensors` to `.grad` of the leaves they came from.

    >>> x = xp.tensor([1.0, 2.0], requires_grad=True)
    >>> xp.autograd.backward(xp.sum(x * x))
    >>> x.grad
    tensor([2., 4.])

    Parameters
    ----------
    tensors : Tensor or sequence of Tensors
    grad_tensors : Tensor, sequence or None
        A cotangent of the shape of each; None for tensors of one real element.
    retain_graph : bool or None
        Whether the graph stays; None is `create_graph`.
    create_graph : bool
        Whether the gradients can be differentiated again.
    inputs : Tensor, sequence or None
        Only these get `.grad`.

    Raises
    ------
    TypeError, ValueError
        No Tensors; none.
    RuntimeError
        A tensor requires no grad, a cotangent is missing or has another shape, the graph was freed,
        or a saved value was changed in place.
    """
    if grad_tensors is None and isinstance(tensors, TensorBase):  # by far the commonest call
        roots = [_root("backward", tensors, None, "gradient")]
    else:
        roots = _roots(tensors, grad_tensors)
    create_graph = bool(create_graph)
    keep = create_graph if retain_graph is None else bool(retain_graph)
    if inputs is None:
        engine.run(roots, retain_graph=keep, create_graph=create_graph)
        return
    chosen = _as_tuple(inputs)
    if not chosen:
        raise RuntimeError("backward: inputs is empty; leave it out, or name at least one tensor")
    _check_inputs("backward", chosen)
    targets: dict[Any, Any] = {engine.root_of("backward", x): None for x in chosen}
    engine.run(roots, retain_graph=keep, create_graph=create_graph, targets=targets)
    for x in chosen:
        node = node_of(x)
        if node.__class__ is not Leaf and targets[node] is not None:
            x.grad = targets[node] if x.grad is None else x.grad + targets[node]


@see("backward, value_and_grad")
def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of the sum of `outputs` with respect to each of `inputs`.

    Nothing is added to `.grad`.

    >>> x = xp.tensor(3.0, requires_grad=True)
    >>> xp.autograd.grad(x**2, x)
    (tensor(6.),)

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensors
    grad_outputs : Tensor, sequence or None
        A cotangent of the shape of each output; None for outputs of one real element.
    retain_graph : bool or None
        Whether the graph stays; None is `create_graph`.
    create_graph : bool
        Whether the gradients can be differentiated again.
    allow_unused : bool or None
        Whether inputs that the outputs don't depend on give None.
    is_grads_batched : bool
        Only False.
    materialize_grads : bool
        Whether these give zeros.

    Returns
    -------
    tuple
        A Tensor (or None) of the shape and dtype of each input.

    Raises
    ------
    TypeError, ValueError
        No Tensors; none, or options that contradict each other.
    RuntimeError
        As by `backward`; an input that the outputs don't depend on.
    """
    if is_grads_batched:
        raise ValueError("grad: is_grads_batched=True is not supported; loop, or use jacobian")
    create_graph = bool(create_graph)
    keep = create_graph if retain_graph is None else bool(retain_graph)
    return gradients(
        outputs, inputs, grad_outputs, keep, create_graph, allow_unused, materialize_grads
    )


def gradients(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any,
    retain_graph: bool,
    create_graph: bool,
    allow_unused: bool | None,
    materialize_grads: bool,
    linear: bool = False,
) -> tuple[Any, ...]:
    """Return what `grad` does; with `linear` its graph leads to `grad_outputs` alone."""
    outs, wanted = _as_tuple(outputs), _as_tuple(inputs)
    if not outs or not wanted:
        raise ValueError("grad: outputs and inputs must name at least one tensor each")
    cts = _as_tuple(grad_outputs) if grad_outputs is not None else (None,) * len(outs)
    if len(cts) != len(outs):
        raise RuntimeError(f"grad: {len(outs)} outputs, but {len(cts)} grad_outputs")
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: materialize_grads=True needs allow_unused to be None or True")
    roots = [_root("grad", x, ct, "grad_outputs") for x, ct in zip(outs, cts, strict=True)]
    _check_inputs("grad", wanted)
    nodes = [engine.root_of("grad", x) for x in wanted]
    targets: dict[Any, Any] = dict.fromkeys(nodes)
    engine.run(
        roots,
        retain_graph=retain_graph,
        create_graph=create_graph,
        targets=targets,
        accumulate=False,
        linear=linear,
    )
    found = [targets[node] for node in nodes]
    if not (allow_unused or materialize_grads) and any(g is None for g in found):
        unused = [i for i, g in enumerate(found) if g is None]
        raise RuntimeError(
            f"grad: the outputs do not depend on inputs {unused}; set allow_unused=True to get "
            "None for them"
        )
    if materialize_grads:
        zeros_like = engine.namespace().zeros_like
        found = [zeros_like(x) if g is None else g for g, x in zip(found, wanted, strict=True)]
    return tuple(found)


@see("primitive")
def apply_primitive(
    op: Any, inputs: tuple[Any, ...], parameters: dict[str, Any] | None = None
) -> Any:
    """Apply a primitive of one's own to Tensors.

    It is recorded and differentiated like the namespace's own operations; see
    docs/adding-an-operation.md.

    >>> twice = xp.autograd.linear("twice", forward=lambda xp, x: x * 2, x=lambda ct: ct * 2)
    >>> xp.autograd.apply_primitive(twice, (xp.asarray([1.0, 2.0]),))
    tensor([2., 4.])

    Parameters
    ----------
    op : Primitive
    inputs : sequence of Tensors
        Python scalars may stand beside Tensors.
    parameters : dict or None
        The keyword parameters of its forward.

    Returns
    -------
    Tensor, or tuple of Tensors
        Shape and dtype as its forward gives.

    Raises
    ------
    TypeError, DeviceError
        `op` is no Primitive, no Tensor among the inputs; two devices.
    AttributeError
        Neither a forward nor a raw function of its name.
    """
    if not isinstance(op, Primitive):
        raise TypeError(f"apply_primitive: op is a {type(op).__name__}; allowed is a Primitive")
    return apply(op, tuple(inputs), dict(parameters or {}))
