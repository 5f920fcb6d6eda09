"""NumPy's names of the standard's functions, for libraries that ask a namespace for them."""

from typing import Any

from tensorxp._core.tensor import Tensor
from tensorxp._ops.shaping import concat, permute_dims


def transpose(x: Tensor, /, axes: tuple[int, ...] | None = None) -> Tensor:
    """Return a view of `x` with its axes in the order `axes`, None for reversed."""
    return permute_dims(x, tuple(range(x._data.ndim))[::-1] if axes is None else tuple(axes))


def concatenate(arrays: Any, /, axis: int | None = 0) -> Tensor:
    """Return `arrays` joined along `axis`, None for flattened: the standard's `concat`."""
    return concat(arrays, axis=axis)
