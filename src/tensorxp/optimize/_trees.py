"""Parameters in nested dicts, lists and tuples, as one flat vector and back.

SciPy's solvers work on a vector of float64; the functions of users on their own structure.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tensorxp as tx
from tensorxp._ops.axes import constant

_LEAVES = (bool, int, float, np.ndarray, np.generic)


def is_branch(tree: Any) -> bool:
    """Return whether a value has parts: a dict, list or tuple."""
    return isinstance(tree, dict | list | tuple)


def map_tree(fn: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Return the structure of `tree` with `fn(leaf, *leaves of others)` for each leaf."""
    if isinstance(tree, dict):
        parts = {k: map_tree(fn, v, *(o[k] for o in others)) for k, v in tree.items()}
        return parts if type(tree) is dict else type(tree)(parts)
    if isinstance(tree, list | tuple):
        items = [map_tree(fn, *parts) for parts in zip(tree, *others, strict=True)]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return fn(tree, *others)


def leaves_of(tree: Any) -> Iterator[Any]:
    """Yield the leaves of a structure, in its order."""
    if is_branch(tree):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves_of(part)
    else:
        yield tree


class Packing:
    """How a structure of real Tensors becomes a vector: its shapes, dtypes and devices."""

    def __init__(self, name: str, tree: Any, real: bool = True) -> None:
        def as_tensor(leaf: Any) -> Any:
            if not isinstance(leaf, tx.Tensor):
                if not isinstance(leaf, _LEAVES):
                    raise TypeError(
                        f"{name}: x0 holds a {type(leaf).__name__}; allowed are Tensors, "
                        "NumPy arrays and numbers, in nested dicts, lists and tuples"
                    )
                leaf = tx.asarray(leaf)
            if real and tx.isdtype(leaf.dtype, "complex floating"):
                raise TypeError(
                    f"{name}: x0 holds complex numbers; give their real and imaginary parts"
                )
            floating = tx.isdtype(leaf.dtype, ("real floating", "complex floating"))
            return leaf.detach() if floating else tx.astype(leaf, tx.get_default_dtype())

        self.tree = map_tree(as_tensor, tree)
        self.leaves = list(leaves_of(self.tree))
        if not self.leaves:
            raise ValueError(f"{name}: x0 holds no tensor; give at least one")
        self.device = self.leaves[0].device
        self.dtype = tx.result_type(*self.leaves)
        self.size = sum(leaf.size for leaf in self.leaves)

    @property
    def start(self) -> "np.ndarray[Any, Any]":
        """The starting values as a vector of NumPy."""
        return self.host(self.tree)

    def host(self, tree: Any) -> "np.ndarray[Any, Any]":
        """Return a structure like x0 as a NumPy vector of float64."""
        return np.concatenate([to_host(leaf).reshape(-1) for leaf in leaves_of(tree)])

    def vector(self, values: Any) -> Any:
        """Return a NumPy vector as a Tensor of x0's dtype and device."""
        return tx.asarray(np.array(values), dtype=self.dtype, device=self.device)

    def unpack(self, vector: Any) -> Any:
        """Return the structure of x0 that `vector` (a Tensor) holds; the gradient passes."""
        parts, start = [], 0
        for leaf in self.leaves:
            part = vector if leaf.size == self.size else vector[start : start + leaf.size]
            part = tx.reshape(part, leaf.shape)
            if part.dtype != leaf.dtype:
                part = tx.astype(part, leaf.dtype)
            parts.append(part if part.device == leaf.device else part.to(leaf.device))
            start += leaf.size
        following = iter(parts)
        return map_tree(lambda _: next(following), self.tree)

    def structured(self, values: Any) -> Any:
        """Return the structure of x0 that a NumPy vector holds."""
        return self.unpack(self.vector(values))


def pack(name: str, tree: Any, packing: Packing) -> Any:
    """Return a structure of Tensors as one 1-D Tensor; the gradient passes."""
    parts = []
    for leaf in leaves_of(tree):
        if not isinstance(leaf, tx.Tensor):
            leaf = tx.asarray(leaf, dtype=packing.dtype, device=packing.device)
        part = tx.reshape(leaf, (-1,))
        if part.dtype != packing.dtype:
            if tx.isdtype(part.dtype, "complex floating") and tx.isdtype(
                packing.dtype, "real floating"
            ):
                raise TypeError(f"{name}: fun returned complex numbers; it must return real ones")
            part = tx.astype(part, packing.dtype)
        parts.append(part if part.device == packing.device else part.to(packing.device))
    if not parts:
        raise ValueError(f"{name}: fun returned no tensor")
    return parts[0] if len(parts) == 1 else tx.concat(parts)


def check_constants(name: str, argument: str, given: Any) -> None:
    """Raise where ends of an interval (an object with `lb` and `ub`, or nested) require grad."""
    for end in leaves_of((given.lb, given.ub) if hasattr(given, "lb") else given):
        constant(name, argument, end)


def to_host(x: Any) -> "np.ndarray[Any, Any]":
    """Return a Tensor or number as a NumPy array of float64."""
    values = x.detach().cpu().numpy() if isinstance(x, tx.Tensor) else x
    return np.asarray(values, dtype=np.float64)
