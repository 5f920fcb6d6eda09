"""Sorting: values in order along an axis, and the indices that put them there."""

from typing import Any

from tensorxp._backend.families import see
from tensorxp._core.door import apply, node_of
from tensorxp._core.modes import modes
from tensorxp._core.primitive import nondifferentiable
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import watching
from tensorxp._ops.axes import dimensions, normalize_axis
from tensorxp._ops.searching import take_along_axis


def _reverse(x: Any) -> Any:
    """Return keys that sort the other way round: NaN stays last and ties keep their order."""
    return -x if x.dtype.kind in "fc" else ~x


def _sort(xp: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    # equal values can be told apart only where they are floats: 0.0 and -0.0
    kind = "stable" if stable and x.dtype.kind in "fc" else None
    if descending:
        return _reverse(xp.base.sort(_reverse(x), axis=axis, kind=kind))
    return xp.base.sort(x, axis=axis, kind=kind)


def _argsort(xp: Any, x: Any, *, axis: int, descending: bool, stable: bool) -> Any:
    keys = _reverse(x) if descending else x
    return xp.base.argsort(keys, axis=axis, kind="stable" if stable else None)


sort_p = nondifferentiable("sort", forward=_sort)
argsort_p = nondifferentiable("argsort", forward=_argsort)


@see("sort, take_along_axis")
def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """Return the indices that sort `x` along `axis`.

    NaNs come last in either order. Complex numbers are ordered by their real, then by their
    imaginary parts.

    >>> xp.argsort(xp.asarray([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int
    descending : bool
    stable : bool
        Whether equal elements keep their order, in either order.

    Returns
    -------
    Tensor
        Shape of `x`, dtype int64.

    Raises
    ------
    TypeError, AxisError
        `x` is no Tensor; no such axis.
    """
    axis = normalize_axis("argsort", axis, dimensions("argsort", x))
    params = {"axis": axis, "descending": descending, "stable": stable}
    return apply(argsort_p, (x,), params)


@see("argsort")
def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """Return a copy of `x` sorted along `axis`, ordered as by `argsort`.

    The gradient goes back to where each element came from.

    >>> xp.sort(xp.asarray([3.0, 1.0, 2.0]), descending=True)
    tensor([3., 2., 1.])

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int
    descending, stable : bool
        As for `argsort`.

    Returns
    -------
    Tensor
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, AxisError
        `x` is no Tensor; no such axis.
    """
    axis = normalize_axis("sort", axis, dimensions("sort", x))
    if watching or (modes.grad and node_of(x) is not None):
        order = argsort(x, axis=axis, descending=descending, stable=stable)
        return take_along_axis(x, order, axis=axis)
    params = {"axis": axis, "descending": descending, "stable": stable}
    return apply(sort_p, (x,), params)
