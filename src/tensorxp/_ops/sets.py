"""Sets: the unique elements of a tensor, with their indices and counts.

Elements come in ascending order and are compared by value: NaNs are distinct, 0.0 and -0.0
are one. `x` is flattened, the inverse indices have its shape.
"""

from typing import Any, NamedTuple

from tensorxp._core.door import apply, node_of
from tensorxp._core.modes import modes
from tensorxp._core.primitive import nondifferentiable
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import watching
from tensorxp._ops.families import unary_any
from tensorxp._ops.searching import take
from tensorxp._ops.shaping import ravel


class unique_all_result(NamedTuple):
    """What `unique_all` returns.

    Attributes
    ----------
    values : Tensor
        Shape (count,), dtype of `x`.
    indices : Tensor
        Where each occurs first in the flattened `x`, int64.
    inverse_indices : Tensor
        Shape of `x`, int64.
    counts : Tensor
        Shape (count,), int64.
    """

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class unique_counts_result(NamedTuple):
    """What `unique_counts` returns.

    Attributes
    ----------
    values : Tensor
        Shape (count,), dtype of `x`.
    counts : Tensor
        Shape (count,), int64.
    """

    values: Tensor
    counts: Tensor


class unique_inverse_result(NamedTuple):
    """What `unique_inverse` returns.

    Attributes
    ----------
    values : Tensor
        Shape (count,), dtype of `x`.
    inverse_indices : Tensor
        Shape of `x`, int64.
    """

    values: Tensor
    inverse_indices: Tensor


def _unique(xp: Any, x: Any, *, index: bool, inverse: bool, counts: bool) -> Any:
    found = xp.base.unique(
        x.reshape(-1),
        return_index=index,
        return_inverse=inverse,
        return_counts=counts,
        equal_nan=False,
    )
    if not inverse:
        return found
    place = 2 if index else 1
    shaped = found[place].reshape(x.shape)
    return (*found[:place], shaped, *found[place + 1 :])


unique_p = nondifferentiable("unique", forward=_unique)


def _apply(x: Tensor, *, index: bool = False, inverse: bool = False, counts: bool = False) -> Any:
    """Run `unique`; the values of a recorded tensor are picked from it, with their gradient."""
    recorded = isinstance(x, Tensor) and (watching or (modes.grad and node_of(x) is not None))
    params = {"index": index or recorded, "inverse": inverse, "counts": counts}
    found: Any = apply(unique_p, (x,), params)
    if recorded:
        values = take(ravel(x), found[1], axis=0)
        found = (values, *found[1 if index else 2 :])
    return found


@unary_any.see("unique_values, unique_counts, unique_inverse")
def unique_all(x: Tensor, /) -> unique_all_result:
    """Return the unique elements of `x`, where each occurs first, and how often.

    The values have a gradient, which goes to the first occurrences.

    >>> xp.unique_all(xp.asarray([3, 1, 3])).indices
    tensor([1, 0])

    Parameters
    ----------
    x : Tensor, any dtype
        Of any shape.

    Returns
    -------
    unique_all_result
        (values, indices, inverse_indices, counts), ascending: `values[inverse_indices]` is `x`. The
        dtype of values is that of `x`, of the others int64.
    """
    return unique_all_result(*_apply(x, index=True, inverse=True, counts=True))


@unary_any.see("unique_all, bincount")
def unique_counts(x: Tensor, /) -> unique_counts_result:
    """Return the unique elements of `x` and how often each occurs.

    >>> values, counts = xp.unique_counts(xp.asarray([3, 1, 3]))
    >>> values, counts
    (tensor([1, 3]), tensor([1, 2]))

    Parameters
    ----------
    x : Tensor, any dtype
        Of any shape.

    Returns
    -------
    unique_counts_result
        (values, counts), ascending; NaNs differ from each other. Their dtypes are that of `x` and
        int64.
    """
    return unique_counts_result(*_apply(x, counts=True))


@unary_any.see("unique_all")
def unique_inverse(x: Tensor, /) -> unique_inverse_result:
    """Return the unique elements of `x` and where in them each element of `x` is.

    >>> values, inverse = xp.unique_inverse(xp.asarray([3, 1, 3]))
    >>> inverse
    tensor([1, 0, 1])

    Parameters
    ----------
    x : Tensor, any dtype
        Of any shape.

    Returns
    -------
    unique_inverse_result
        (values, inverse_indices), ascending; NaNs differ from each other. Their dtypes are that of
        `x` and int64.
    """
    return unique_inverse_result(*_apply(x, inverse=True))


@unary_any.see("unique_all, isin")
def unique_values(x: Tensor, /) -> Tensor:
    """Return the unique elements of `x`, in ascending order; NaNs differ from each other.

    >>> xp.unique_values(xp.asarray([3, 1, 3]))
    tensor([1, 3])

    Returns
    -------
    Tensor
        Shape (count,), dtype of `x`.
    """
    found = _apply(x)
    return found[0] if found.__class__ is tuple else found  # type: ignore[no-any-return]
