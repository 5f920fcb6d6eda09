"""Products and what reads or combines whole matrices: cross, diagonal, trace, powers, chains."""

from collections.abc import Sequence
from typing import Any

from tensorxp._backend.families import see
from tensorxp._core.door import apply
from tensorxp._core.primitive import linear, multilinear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions, integer, normalize_axis, shifted
from tensorxp._ops.beside import tensor_list, tensors
from tensorxp._ops.creation import eye
from tensorxp._ops.half import in_single
from tensorxp._ops.products import matmul
from tensorxp._ops.reduction import sum
from tensorxp._ops.searching import where
from tensorxp._ops.shaping import broadcast_to, copy, reshape
from tensorxp.linalg.common import matrix, square
from tensorxp.linalg.solvers import inv

cross_p = multilinear(
    "cross",
    batched=True,
    forward=lambda xp, x1, x2, *, axis: xp.linalg.cross(x1, x2, axis=axis),
    # y = a × b: ga = conj(b) × ct, gb = ct × conj(a)
    x1=lambda xp, ct, x2, *, axis: xp.linalg.cross(x2.conjugate(), ct, axis=axis),
    x2=lambda xp, ct, x1, *, axis: xp.linalg.cross(ct, x1.conjugate(), axis=axis),
)


@in_single()
@see("vecdot")
def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the cross products of 3-element vectors.

    >>> xp.linalg.cross(xp.asarray([1, 0, 0]), xp.asarray([0, 1, 0]))
    tensor([0, 0, 1])

    Parameters
    ----------
    x1, x2 : Tensor, numeric
        Of size 3 along `axis`; the other axes broadcast.
    axis : int
        A non-negative one needs operands of equally many dimensions.

    Returns
    -------
    Tensor
        The broadcast shape, the promoted dtype.

    Raises
    ------
    TypeError, AxisError
        No Tensors, or bool; no such axis.
    ValueError, DeviceError
        Other sizes, shapes that don't broadcast; two devices.
    """
    x1, x2 = tensors("cross", x1=x1, x2=x2)
    n1, n2 = dimensions("cross", x1, "x1"), dimensions("cross", x2, "x2")
    at1, at2 = normalize_axis("cross", axis, n1) - n1, normalize_axis("cross", axis, n2) - n2
    if at1 != at2:
        raise ValueError(
            f"cross: axis is {axis} for {n1} and {n2} dimensions; allowed is a negative axis"
        )
    shape1, shape2 = x1._data.shape, x2._data.shape
    if shape1[at1] != 3 or shape2[at1] != 3:
        raise ValueError(
            f"cross: x1 has shape {shape1} and x2 {shape2}; their sizes along axis {axis} must be 3"
        )
    return apply(cross_p, (x1, x2), {"axis": at1})


def _length(shape: tuple[int, ...], offset: int) -> int:
    return max(0, min(shape[-2] + min(offset, 0), shape[-1] - max(offset, 0)))


def _diagonal(xp: Any, x: Any, *, offset: int) -> Any:
    # NumPy's diagonal is read-only; einsum's is a view that can be written to
    n = _length(x.shape, offset)
    row, column = max(-offset, 0), max(offset, 0)
    part = x[..., row : row + n, column : column + n] if n else x[..., :0, :0]
    return xp.base.einsum("...ii->...i", part)


def _diagonal_vjp(xp: Any, ct: Any, x_shape: Any, *, offset: int) -> Any:
    out = xp.zeros(x_shape, dtype=ct.dtype, device=ct.device)
    index = xp.arange(ct.shape[-1], device=ct.device)
    out[..., index + max(-offset, 0), index + max(offset, 0)] = ct
    return out


diagonal_p = linear("diagonal", forward=_diagonal, view=True, batched=shifted, x=_diagonal_vjp)


@see("trace, tensorxp.diag")
def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """Return a view of the diagonals of matrices, which can be written to.

    >>> xp.linalg.diagonal(xp.asarray([[1, 2], [3, 4]]))
    tensor([1, 4])

    Parameters
    ----------
    x : Tensor, any dtype
        Shape (..., M, N).
    offset : int
        Positive above the main diagonal.

    Returns
    -------
    Tensor
        A view of shape (..., size), dtype of `x`.

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, `offset` no int; fewer than two axes.
    """
    matrix("diagonal", x)
    return apply(diagonal_p, (x,), {"offset": integer("diagonal", "offset", offset)})


diag_p = linear(
    "diag",
    forward=lambda xp, x, *, k: xp.base.diag(x, k),
    x=lambda xp, ct, *, k: xp.linalg.diagonal(ct, offset=k),
)


@see("eye, tensorxp.linalg.diagonal")
def diag(x: Tensor, /, k: int = 0) -> Tensor:
    """Return the square matrix with a vector on a diagonal, or that diagonal of a matrix.

    >>> xp.diag(xp.asarray([1, 2]))
    tensor([[1, 0],
            [0, 2]])

    Parameters
    ----------
    x : Tensor, any dtype
        1-D or 2-D.
    k : int
        Positive above the main diagonal.

    Returns
    -------
    Tensor
        Shape (n + |k|, n + |k|), or 1-D; dtype of `x`; a copy, unlike that of `linalg.diagonal`.

    Raises
    ------
    TypeError, ValueError
        `x` is no Tensor, `k` no int; other numbers of axes.
    """
    n = dimensions("diag", x, "x")
    k = integer("diag", "k", k)
    if n not in (1, 2):
        raise ValueError(f"diag: x has shape {x.shape}; it must have one axis or two")
    if n == 2:
        return copy(diagonal(x, offset=k))
    return apply(diag_p, (x,), {"k": k})


@see("diagonal")
def trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """Return the sums of the diagonals of matrices.

    >>> xp.linalg.trace(xp.asarray([[1, 2], [3, 4]]))
    tensor(5)

    Parameters
    ----------
    x : Tensor, any dtype
        Shape (..., M, N).
    offset : int
        As for `diagonal`.
    dtype : dtype or None
        As for `sum`.

    Returns
    -------
    Tensor
        Shape (...), dtype as of `sum`.

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, `offset` no int, the dtype unknown; fewer than two axes.
    """
    matrix("trace", x)
    return sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


@in_single(on_host=True)
@see("inv, expm")
def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """Return square matrices to an integer power, by repeated squaring.

    A negative power is that of the inverse, power 0 the identity.

    >>> xp.linalg.matrix_power(xp.asarray([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])

    Parameters
    ----------
    x : Tensor, any dtype
        Shape (..., M, M); float16 not to negative powers.
    n : int

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers to negative powers float64.

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, `n` no int; not square, or singular for negative `n`.
    """
    square("matrix_power", x)
    n = integer("matrix_power", "n", n)
    if n == 0:
        shape = x._data.shape
        one = eye(shape[-1], dtype=x._data.dtype, device=x._device)
        return where(False, x, broadcast_to(one, shape))  # whose gradient by x is zero
    if n < 0:
        x, n = inv(x), -n
    out: Tensor | None = None
    while True:
        if n & 1:
            out = x if out is None else matmul(out, x)
        n >>= 1
        if not n:
            assert out is not None
            return copy(out) if out is x else out
        x = matmul(x, x)


@see("tensorxp.matmul")
def multi_dot(arrays: Sequence[Tensor], /) -> Tensor:
    """Return the product of matrices in the order that needs the fewest operations.

    >>> xp.linalg.multi_dot([xp.ones((2, 3)), xp.ones((3, 4)), xp.ones((4, 1))])
    tensor([[12.],
            [12.]])

    Parameters
    ----------
    arrays : sequence of Tensors
        Two or more of shapes (M, N), (N, K), ...; the first and the last may be vectors, whose axis
        the result lacks.

    Returns
    -------
    Tensor
        Shape: the outer sizes; the promoted dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        No Tensors; fewer than two, other numbers of axes, sizes that don't match; two devices.
    """
    items: list[Tensor] = tensor_list("multi_dot", "arrays", arrays)
    axes = [x._data.ndim for x in items]
    if len(items) < 2 or any(n != 2 for n in axes[1:-1]) or not {axes[0], axes[-1]} <= {1, 2}:
        raise ValueError(
            f"multi_dot: the shapes are {[x._data.shape for x in items]}; allowed are two or more "
            "matrices, of which the first and the last may be vectors"
        )
    first, last = axes[0] == 1, axes[-1] == 1
    if first:
        items[0] = reshape(items[0], (1, -1))
    if last:
        items[-1] = reshape(items[-1], (-1, 1))
    splits = _splits([x._data.shape[0] for x in items] + [items[-1]._data.shape[1]])

    out = _product(splits, *items)
    shape = out._data.shape
    return reshape(out, shape[int(first) : 2 - int(last)]) if first or last else out


@in_single(on_host=True)
def _product(splits: dict[tuple[int, int], int], *items: Tensor) -> Tensor:
    def product(i: int, j: int) -> Tensor:
        if i == j:
            return items[i]
        at = splits[i, j]
        return matmul(product(i, at), product(at + 1, j))

    return product(0, len(items) - 1)


def _splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Return where to split each part of a chain of matrices (Cormen et al., 15.2)."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            found = [
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            ]
            cost[i, j], split[i, j] = min(found)
    return split
