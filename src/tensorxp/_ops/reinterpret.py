"""`view`: the same memory in another shape or, bit for bit, as another dtype."""

from typing import Any

from tensorxp._backend.dtypes import DType, as_dtype
from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive, linear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.shaping import reshape

bits_p = Primitive(
    "view", "nondifferentiable", ("x",), forward=lambda xp, x, *, dtype: x.view(dtype), view=True
)


def _back(xp: Any, ct: Any, x_shape: Any, *, back: Any) -> Any:
    return xp.reshape(xp.reshape(ct, (-1,)).view(back), x_shape)


# pairs of real numbers as complex ones, or these as pairs: ∂L/∂z is ∂L/∂re + i ∂L/∂im
pairs_p = linear(
    "view_pairs", forward=lambda xp, x, *, dtype, back: x.view(dtype), view=True, x=_back
)


def view(x: Tensor, target: tuple[Any, ...], /) -> Tensor:
    """Return a view in another shape (ints) or of the same bits as another dtype.

    ValueError where the strides need a copy. The gradient passes to another shape, to the
    tensor's own dtype, and between complex numbers and pairs of their real dtype; other views
    of bits stop it.
    """
    if len(target) == 1 and isinstance(target[0], tuple | list):
        target = tuple(target[0])
    if len(target) == 1 and (
        isinstance(target[0], DType | str | type) or hasattr(target[0], "kind")
    ):
        dtype = as_dtype(target[0], "view").dtype
        own = x._data.dtype
        if dtype == own:
            return reshape(x, x._data.shape)
        if {dtype.kind, own.kind} == {"f", "c"} and max(dtype.itemsize, own.itemsize) == 2 * min(
            dtype.itemsize, own.itemsize
        ):
            try:
                return apply(pairs_p, (x,), {"dtype": dtype, "back": own})
            except ValueError as error:
                raise ValueError(str(error).replace("view_pairs:", "view:", 1)) from None
        return apply(bits_p, (x,), {"dtype": dtype})
    try:
        return reshape(x, target, copy=False)
    except ValueError as error:
        text = str(error).replace("reshape:", "view:", 1)
        fix = "; reshape copies where it has to" if "strides" in text else ""
        raise ValueError(text.replace("copy=False, but ", "") + fix) from None
