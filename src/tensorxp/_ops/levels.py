"""Primitives inside derivative rules, which run on raw arrays and on Tensors."""

from typing import Any

from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import Tensor


def call(xp: Any, op: Primitive, *xs: Any, **params: Any) -> Any:
    """Run `op` inside a rule, at its level: recorded on Tensors, its forward on raw arrays."""
    for x in xs:
        if isinstance(x, Tensor):
            return apply(op, xs, params)
    return op.forward(xp, *xs, **params)  # type: ignore[misc]
