"""Hooks that backward runs before and after a node, at the level of the pass."""

from typing import Any

from tensorxp._core.door import wrap
from tensorxp._core.node import show_graph
from tensorxp._core.rules import fit
from tensorxp._core.tensor import TensorBase


def run_before(node: Any, ct: Any, tensors: int) -> Any:
    """Run the hooks of a node (they may replace the cotangent) and retain it where asked."""
    extra = node.extra
    if extra.hooks:
        given = ct if tensors else wrap(ct, node.device)
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
        ct = given if tensors else given._data
    if extra.retain:
        if extra.grad is not None:
            extra.grad = extra.grad + (ct if tensors else wrap(ct, node.device))
        elif tensors:
            extra.grad = ct.copy()
        else:  # a copy, for the user may write to it
            extra.grad = wrap(node.device.raw.copy(ct), node.device)
        show_graph(extra.grad._node)
    if extra.prehooks:
        several = ct.__class__ is list
        for hook in list(extra.prehooks.values()):
            cts = _to_tensors(node, ct if several else [ct], tensors)
            replaced = _replaced("prehook", hook(cts), len(cts), tensors)
            if replaced is not None:
                ct = replaced if several else replaced[0]
    return ct


def run_after(xp: Any, node: Any, cts: Any, grads: Any, tensors: int) -> Any:
    """Run the hooks that see what a node made, and may replace it."""
    found = [
        g if g is None or edge is None else fit(xp, g, edge.shape, edge.dtype)
        for edge, g in zip(node.edges, grads, strict=True)
    ]
    outer = _to_tensors(node, cts if cts.__class__ is list else [cts], tensors)
    for hook in list(node.extra.posthooks.values()):
        inner = _to_tensors(node, found, tensors)
        found = _replaced("hook", hook(inner, outer), len(found), tensors) or found
    return found


def _to_tensors(node: Any, cts: Any, tensors: int) -> tuple[Any, ...]:
    return tuple(ct if tensors or ct is None else wrap(ct, node.device) for ct in cts)


def _replaced(kind: str, given: Any, n: int, tensors: int) -> list[Any] | None:
    """Return what a hook of a node returned, checked and brought to the level of the pass."""
    if given is None:
        return None
    found = given if isinstance(given, tuple | list) else (given,)
    if len(found) != n or not all(ct is None or isinstance(ct, TensorBase) for ct in found):
        raise RuntimeError(
            f"{kind}: returned {len(found)} values; a hook of a node returns None or a tuple of "
            f"{n} Tensors (or None)"
        )
    return [ct if tensors or ct is None else ct._data for ct in found]
