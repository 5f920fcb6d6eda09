"""Triangles of matrices: what lies above or below a diagonal set to zero."""

from typing import Any

from tensorxp._core.door import apply
from tensorxp._core.primitive import linear
from tensorxp._core.tensor import Tensor

# a triangle of the cotangent comes back
tril_p = linear(
    "tril",
    forward=lambda xp, x, *, k: xp.base.tril(x, k),
    x=lambda xp, ct, *, k: xp.tril(ct, k=k),
)
triu_p = linear(
    "triu",
    forward=lambda xp, x, *, k: xp.base.triu(x, k),
    x=lambda xp, ct, *, k: xp.triu(ct, k=k),
)


def _checked(function: str, x: Any) -> Any:
    if not isinstance(x, Tensor):
        raise TypeError(f"{function}: x is a {type(x).__name__}; allowed are Tensors")
    if x._data.ndim < 2:
        raise ValueError(f"{function}: x has shape {x._data.shape}; it needs at least two axes")
    return x


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Return a copy of the matrices of `x` with zeros above the `k`-th diagonal."""
    return apply(tril_p, (_checked("tril", x),), {"k": k})


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Return a copy of the matrices of `x` with zeros below the `k`-th diagonal."""
    return apply(triu_p, (_checked("triu", x),), {"k": k})
