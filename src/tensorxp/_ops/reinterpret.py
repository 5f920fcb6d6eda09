"""`view`: the same memory in another shape or, bit for bit, as another dtype."""

from typing import Any

from tensorxp._backend.dtypes import DType, as_dtype
from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.shaping import reshape

bits_p = Primitive(
    "view", "nondifferentiable", ("x",), forward=lambda xp, x, *, dtype: x.view(dtype), view=True
)


def view(x: Tensor, target: tuple[Any, ...], /) -> Tensor:
    """Return a view in another shape (ints) or of the same bits as another dtype.

    ValueError where the strides need a copy. A dtype view stops the gradient unless it is
    the tensor's own.
    """
    if len(target) == 1 and isinstance(target[0], tuple | list):
        target = tuple(target[0])
    if len(target) == 1 and (isinstance(target[0], DType | str | type) or hasattr(target[0], "kind")):
        dtype = as_dtype(target[0], "view").dtype
        return apply(bits_p, (x,), {"dtype": dtype})
    try:
        return reshape(x, target, copy=False)
    except ValueError as error:
        text = str(error).replace("reshape:", "view:", 1)
        fix = "; reshape copies where it has to" if "strides" in text else ""
        raise ValueError(text.replace("copy=False, but ", "") + fix) from None
