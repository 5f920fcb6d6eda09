"""NumPy's names of the standard's functions, for libraries that ask a namespace for them."""

from typing import Any

from tensorxp._backend.families import see
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions
from tensorxp._ops.shaping import concat, permute_dims


@see("permute_dims, matrix_transpose")
def transpose(x: Tensor, /, axes: tuple[int, ...] | None = None) -> Tensor:
    """Return a view of `x` with its axes in another order.

    >>> xp.transpose(xp.asarray([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])

    Parameters
    ----------
    x : Tensor, any dtype
    axes : tuple of ints or None
        A permutation; None reverses them.

    Returns
    -------
    Tensor
        A view; size i of its shape is that of axis `axes[i]`; dtype of `x`.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor; no such axis; no permutation.
    """
    ndim = dimensions("transpose", x)
    return permute_dims(x, tuple(range(ndim))[::-1] if axes is None else axes)


@see("concat")
def concatenate(arrays: Any, /, axis: int | None = 0) -> Tensor:
    """Return arrays joined along an axis: the standard's `concat`.

    >>> xp.concatenate([xp.asarray([1, 2]), xp.asarray([3])])
    tensor([1, 2, 3])

    Parameters
    ----------
    arrays : sequence of Tensors
    axis : int or None
        None flattens them first.

    Returns
    -------
    Tensor
        Shape and dtype as of `concat`.

    Raises
    ------
    TypeError, AxisError, ValueError, DeviceError
        As for `concat`.
    """
    return concat(arrays, axis=axis)
