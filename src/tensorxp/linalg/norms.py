"""Norms of vectors and matrices."""

from typing import Any

from tensorxp._backend import kernels
from tensorxp._backend.families import see
from tensorxp._core.door import single
from tensorxp._core.primitive import primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import normalize_axes, restore, shifted, truth
from tensorxp._ops.reduction import max, min, sum
from tensorxp._ops.shaping import expand_dims, moveaxis, reshape
from tensorxp.linalg.common import inverse, matrix, real_part
from tensorxp.linalg.decompositions import svdvals

vector_norm_p = primitive(kernels.vector_norm)


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _slope(xp: Any, x: Any, norm: Any, axes: tuple[int, ...], ord: float) -> Any:
    """Return the gradient of the norms (with their axes kept), zero where x or its norm is."""
    if ord == 0:
        return xp.zeros_like(x)
    if ord == 1:
        return xp.sign(x)
    size = xp.abs(x)
    if abs(ord) == float("inf"):
        # the entries that attain the norm share it evenly
        hit = xp.astype(size == norm, size.dtype)
        return xp.sign(x) * (hit / xp.sum(hit, axis=axes, keepdims=True))
    # n = (Σ|x|ᵖ)^(1/p): dn = re Σ conj(x/n) (|x|/n)^(p−2) dx
    empty = norm == 0
    unit = x * inverse(xp, norm, empty)
    if ord == 2:
        return unit
    zero = (size == 0) | empty
    ratio = xp.where(zero, 1, size) / xp.where(empty, 1, norm)
    return xp.where(zero, 0, unit * ratio ** (ord - 2))


@vector_norm_p.vjp
def _(
    xp: Any, ct: Any, x: Any, out: Any, *, axes: tuple[int, ...], keepdims: bool, ord: float
) -> Any:
    ct, out = restore(xp, ct, axes, keepdims), restore(xp, out, axes, keepdims)
    return ct * _slope(xp, x, out, axes, ord)


@vector_norm_p.jvp
def _(
    xp: Any, t: Any, x: Any, out: Any, *, axes: tuple[int, ...], keepdims: bool, ord: float
) -> Any:
    slope = _slope(xp, x, xp.reshape(out, _kept(x.shape, axes)), axes, ord)
    along = real_part(xp, slope.conjugate() * t)
    return xp.sum(along, axis=axes, keepdims=keepdims, dtype=along.dtype)


vector_norm_p.batched = shifted


@see("matrix_norm, norm")
def vector_norm(
    x: Tensor,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: float = 2,
) -> Tensor:
    """Return the p-norms, p = `ord`, of vectors over one or several axes.

    The gradient is 0 at zero vectors and (for p > 0) at zero entries; entries that tie for the
    largest or smallest value share it evenly; for p = 0 it is 0.

    >>> xp.linalg.vector_norm(xp.asarray([3.0, 4.0]))
    tensor(5.)

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int, tuple of ints or None
    keepdims : bool
        Whether reduced axes stay, of size 1.
    ord : float
        inf and -inf are the largest and smallest absolute value, 0 counts what is not zero.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`; dtype of its real part, of integers and bool float64.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor; no such axis; one given twice, `ord` no number.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"vector_norm: x is a {type(x).__name__}; allowed are Tensors")
    ndim = x._data.ndim
    axes = tuple(range(ndim)) if axis is None else normalize_axes("vector_norm", axis, ndim)
    return single(
        vector_norm_p,
        x,
        {"axes": axes, "keepdims": truth("norm", "keepdims", keepdims), "ord": ord},
    )


@see("vector_norm, norm")
def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """Return the norms of matrices.

    Ties share the gradient evenly, a zero matrix has gradient 0 for "fro".

    >>> xp.linalg.matrix_norm(xp.asarray([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)

    Parameters
    ----------
    x : Tensor, any dtype
        Shape (..., M, N); not float16 for "nuc", 2 and -2.
    keepdims : bool
        Whether reduced axes stay, of size 1.
    ord : str, number or None
        1 and inf are the largest sums of absolute values in a column and in a row, 2 the largest
        singular value, "nuc" the sum of these, "fro" or None the 2-norm of the entries; -1, -2,
        -inf take the smallest.

    Returns
    -------
    Tensor
        Shape (...); dtype of the real part of `x`, of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError, ValueError
        `x` is no Tensor, or float16 there; fewer than two axes; another `ord`, or no entries to
        choose from.
    """
    matrix("matrix_norm", x)
    if not (ord is None or isinstance(ord, str | int | float)):
        raise TypeError(f"matrix_norm: ord is {ord!r}; allowed are a str, a number and None")
    if ord is None or ord == "fro":
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        out = sum(svdvals(x), axis=-1)
    elif ord in (2, -2):
        values: Any = svdvals(x)
        if not values._data.shape[-1]:
            raise ValueError(f"matrix_norm: x has shape {x._data.shape}; ord {ord} needs entries")
        out = values[..., 0 if ord == 2 else -1]
    elif ord in (1, -1, float("inf"), -float("inf")):
        sums = vector_norm(x, axis=-2 if ord in (1, -1) else -1, ord=1)
        out = max(sums, axis=-1) if ord > 0 else min(sums, axis=-1)
    else:
        raise ValueError(
            f'matrix_norm: ord is {ord!r}; allowed are "fro", "nuc", 1, -1, 2, -2, inf, -inf, None'
        )
    return expand_dims(out, axis=(-2, -1)) if keepdims else out


@see("vector_norm, matrix_norm")
def norm(x: Tensor, /, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return vector or matrix norms as NumPy's `norm`.

    Gradients as for `vector_norm`, `matrix_norm`.

    >>> xp.linalg.norm(xp.asarray([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)

    Parameters
    ----------
    x : Tensor, any dtype
    ord : str, number or None
        None is the 2-norm of all entries.
    axis : int, tuple of ints or None
        One for vector norms, two for matrix norms; None is all.
    keepdims : bool
        Whether reduced axes stay, of size 1.

    Returns
    -------
    Tensor
        Shape of `x` without `axis`; dtype of its real part, of integers and bool float64.

    Raises
    ------
    TypeError, AxisError, ValueError
        As for these; more than two axes.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"norm: x is a {type(x).__name__}; allowed are Tensors")
    ndim = x._data.ndim
    if axis is None:
        if ord is None:
            return vector_norm(x, keepdims=keepdims)
        axes = tuple(range(ndim))
    else:
        axes = normalize_axes("norm", axis, ndim)
    if len(axes) == 1:
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError(
            f"norm: x has shape {x._data.shape} and axis is {axis}; allowed are one or two axes"
        )
    out = matrix_norm(moveaxis(x, axes, (-2, -1)), ord=ord)
    return reshape(out, _kept(x._data.shape, axes)) if keepdims else out
