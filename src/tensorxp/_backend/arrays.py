"""What the core asks of raw arrays. The compiled core has a C twin of this module.

There small NumPy arrays go to the loops of NumPy's ufuncs without a ufunc's call. Derivative
rules may use `times`, `over`, `plus`, `minus`, `product`, `negated` and `conj` for arrays and
Tensors alike.
"""

from operator import add as plus
from operator import attrgetter, iadd, methodcaller
from operator import matmul as product
from operator import mul as times
from operator import neg as negated
from operator import sub as minus
from operator import truediv as over
from typing import Any

__all__ = [
    "add_into", "call1", "call2", "conj", "dtype_of", "expand", "fits", "has_shape", "laid_out",
    "minus", "negated", "over", "plus", "product", "shape_of", "times",
]  # fmt: skip

add_into: Any = iadd
conj = methodcaller("conjugate")
shape_of = attrgetter("shape")
dtype_of = attrgetter("dtype")


def call1(fn: Any, x: Any) -> Any:
    """Return `fn(x)`."""
    return fn(x)


def call2(fn: Any, x: Any, y: Any) -> Any:
    """Return `fn(x, y)`."""
    return fn(x, y)


def expand(xp: Any, x: Any, shape: Any) -> Any:
    """Return `xp.broadcast_to(x, shape)`, of small arrays perhaps a copy."""
    return xp.broadcast_to(x, shape)


def has_shape(x: Any, shape: Any) -> bool:
    """Return whether `x` has this shape."""
    return bool(x.shape == shape)


def fits(x: Any, shape: Any, dtype: Any) -> bool:
    """Return whether `x` has this shape and this very dtype."""
    return x.dtype is dtype and x.shape == shape


def laid_out(x: Any, shape: Any, dtype: Any, strides: Any) -> bool:
    """Return whether `x` has this shape, this very dtype, and these strides."""
    return x.dtype is dtype and x.shape == shape and x.strides == strides
