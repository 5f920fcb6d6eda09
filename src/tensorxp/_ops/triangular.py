"""Triangles of matrices: what lies above or below a diagonal set to zero."""

from operator import index
from typing import Any

from tensorxp._backend.families import Family
from tensorxp._core.door import single
from tensorxp._core.primitive import linear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions

_triangle = Family(
    """
x : Tensor, any dtype
    Shape (..., M, N).
k : int
    Positive above the main diagonal.
""",
    "Tensor\n    Shape and dtype of `x`.",
    "TypeError, ValueError\n    `x` is no Tensor, `k` no int; fewer than two axes.",
)

# a triangle of the cotangent comes back
tril_p = linear(
    "tril",
    batched=True,
    forward=lambda xp, x, *, k: xp.base.tril(x, k),
    x=lambda xp, ct, *, k: xp.tril(ct, k=k),
)
triu_p = linear(
    "triu",
    batched=True,
    forward=lambda xp, x, *, k: xp.base.triu(x, k),
    x=lambda xp, ct, *, k: xp.triu(ct, k=k),
)


def _checked(function: str, x: Tensor, k: Any) -> dict[str, int]:
    """Return the parameters; TypeError or ValueError where the arguments do not fit."""
    if dimensions(function, x) < 2:
        raise ValueError(f"{function}: x has shape {x.shape}; it needs at least two axes")
    try:
        return {"k": index(k)}
    except TypeError:
        raise TypeError(f"{function}: k is {k!r}; allowed is an integer") from None


@_triangle.see("triu")
def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Return a copy of the matrices of `x` with zeros above the `k`-th diagonal.

    >>> xp.tril(xp.asarray([[1, 2], [3, 4]]))
    tensor([[1, 0],
            [3, 4]])
    """
    return single(tril_p, x, _checked("tril", x, k))


@_triangle.see("tril")
def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """Return a copy of the matrices of `x` with zeros below the `k`-th diagonal.

    >>> xp.triu(xp.asarray([[1, 2], [3, 4]]), k=1)
    tensor([[0, 2],
            [0, 0]])
    """
    return single(triu_p, x, _checked("triu", x, k))
