"""What the chapters share: primitives inside rules (`call`), operands, missing derivatives."""

from collections.abc import Callable
from typing import Any

from tensorxp._core.door import apply, promote
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.levels import call as call


def several(op: Primitive, *xs: Any) -> Any:
    """Apply an elementwise primitive of any number of inputs, Python scalars among them."""
    tensors = [x for x in xs if isinstance(x, Tensor)]
    if not tensors:
        promote(op, xs[0], xs[1])  # raises the TypeError
    like = next((x for x in tensors if x._node is not None), tensors[0])
    return apply(op, tuple([promote(op, x, like)[0] for x in xs]), {})


def no_derivative(function: str, argument: str, which: str = "") -> Callable[[Any], Any]:
    """Return the rule of an argument by which the function cannot be differentiated here."""

    def rule(ct: Any) -> Any:
        raise NotImplementedError(
            f"special.{function}: the {which}derivative with respect to {argument} is not "
            f"implemented; pass {argument}.detach() to differentiate by the other arguments only"
        )

    return rule
