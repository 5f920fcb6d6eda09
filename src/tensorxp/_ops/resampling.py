"""Linear maps along one axis by a matrix of few entries: resampling, and means over windows."""

from typing import Any

import numpy as np

from tensorxp._backend.blocks import on_host
from tensorxp._backend.quiet import quiet
from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive, linear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.convolution import call


def _along(xp: Any, x: Any, *, matrix: Any, axis: int) -> Any:
    moved = xp.moveaxis(x, axis, -1)
    rows = xp.asarray(matrix, dtype=x.dtype)
    with quiet():
        out = xp.base.matmul(moved, rows.T)
        if on_host(xp) and not np.isfinite(out).all():
            # 0 · ∞ and 0 · NaN of a product: each output sees only what its row has entries for
            for i, weights in enumerate(rows):
                places = np.flatnonzero(weights)
                out[..., i] = moved[..., places] @ weights[places]
    return xp.moveaxis(out, -1, axis)


along_p: Primitive = linear(
    "along",
    forward=_along,
    x=lambda xp, ct, *, matrix, axis: call(xp, along_p, (ct,), {"matrix": matrix.T, "axis": axis}),
)


def along(x: Tensor, matrix: Any, axis: int) -> Tensor:
    """Return `x` with `matrix`, rows of numbers, applied along an axis."""
    return apply(along_p, (x,), {"matrix": np.asarray(matrix, dtype=float), "axis": axis})
