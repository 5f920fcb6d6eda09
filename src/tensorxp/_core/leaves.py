"""Leaves: whose node is set aside, what shares or replaces their memory, and copies of them."""

import weakref
from typing import Any

from tensorxp._core.allocation import allocate
from tensorxp._core.door import new_leaf, wrap
from tensorxp._core.node import Leaf, extra_of
from tensorxp._core.tensor import CONCRETE, Tensor, TensorBase
from tensorxp._core.views import cell_of

#: The nodes of leaves that do not require a gradient (any more), with the gradient and hooks they
#: had: a graph may still lead there. Weak reference and node, by id.
kept: dict[int, tuple[Any, Leaf]] = {}


def _keep(x: Any, leaf: Leaf) -> None:
    key = id(x)
    kept[key] = (weakref.ref(x, lambda _: kept.pop(key, None)), leaf)


def leaf_of(x: Any) -> Any:
    """Return the node of a leaf, or the one that it had while it required a gradient; or None."""
    return kept[id(x)][1] if x._node is None and id(x) in kept else x._node


def change_leaf(x: Any, leaf: Leaf) -> None:
    """Give a leaf another node, in the place of the one that `leaf_of` gives."""
    if x._node is None:
        extra_of(leaf).frozen = True
        _keep(x, leaf)
    else:
        x._node = leaf


def alias(cls: type, data: Any) -> Any:
    """Return a tensor of a class, without history, over the memory of a Tensor."""
    if not isinstance(data, TensorBase):
        raise TypeError(
            f"{cls.__name__}: data is a {type(data).__name__}; allowed is a Tensor (make one with "
            "tensorxp.asarray)"
        )
    out: Any = allocate(cls)
    _share(out, data)
    return out


def _share(target: Any, data: Any) -> None:
    target._data = data._data
    target._device = data._device
    target._node = None
    target._version = cell_of(data)


def of_class_of(x: Any, out: Any) -> Tensor:
    """Return `out` as a tensor of the class of `x`, with the attributes that this was given."""
    if type(x) is CONCRETE[0]:
        return out  # type: ignore[no-any-return]
    made: Any = allocate(type(x))
    for name in ("_data", "_device", "_node", "_version"):
        setattr(made, name, getattr(out, name))
    made.__dict__.update(getattr(x, "__dict__", {}))
    return made  # type: ignore[no-any-return]


def duplicate(x: Any, data: Any) -> Tensor:
    """Return a leaf like `x` over `data`; a tensor of a graph gives one without history."""
    out: Any = of_class_of(x, wrap(data, x._device, None, cell_of(x) if data is x._data else None))
    if x.requires_grad:
        out.requires_grad_(True)
        if x.is_leaf and x.grad is not None:
            out.grad = duplicate(x.grad, x._device.raw.copy(x.grad._data))
    return out  # type: ignore[no-any-return]


def replica(x: Any) -> Tensor:
    """Return a leaf of its own memory like `x`: what `deepcopy` makes of things that train."""
    return duplicate(x, x._device.raw.copy(x._data))


def replace_data(leaf: Any, value: Any) -> None:
    """Have a leaf take the memory, dtype and device of `value`; its identity and hooks stay.

    A graph that was recorded before gives its gradient in the new dtype. Where the new shape or
    device does not fit it, backward through that graph is an error.
    """
    if not isinstance(value, TensorBase):
        raise TypeError(f"data: a {type(value).__name__} was given; allowed is a Tensor")
    required, node = leaf._node, leaf_of(leaf)
    if node is not None and node.__class__ is not Leaf:
        raise RuntimeError("data: only the memory of a leaf can be replaced")
    if required is not None and value._data.dtype.kind not in "fc":
        raise RuntimeError(
            f"data: a Tensor of dtype {value._data.dtype} was given, but the leaf requires grad; "
            "allowed are floating-point and complex dtypes"
        )
    before = f"shape {leaf._data.shape} on {leaf._device}"
    _share(leaf, value)
    leaf._node = required
    if node is None:
        return
    raw, device = value._data, value._device
    grad, node.grad = node.grad, None
    if node.shape == raw.shape and node.device is device:
        node.dtype = raw.dtype
    else:
        fresh = new_leaf(leaf)
        fresh.extra, node.extra = node.extra, None
        _refuse(node, before, f"shape {raw.shape} on {device}")
        change_leaf(leaf, fresh)
        node = fresh
    if grad is not None and grad._data.shape == raw.shape:
        if grad._data.dtype != raw.dtype or grad._device is not device:
            grad = grad.to(device).astype(raw.dtype, copy=False)
        node.grad = grad


def _refuse(leaf: Leaf, before: str, now: str) -> None:
    """Have backward raise where it comes to a leaf whose tensor has become another's."""

    def refuse(ct: Any) -> None:
        raise RuntimeError(
            f"backward: a leaf that the graph leads to had {before} when it was used; its data has "
            f"been replaced since and has {now}; run backward before, or the forward again"
        )

    extra_of(leaf).hooks = {0: refuse}
