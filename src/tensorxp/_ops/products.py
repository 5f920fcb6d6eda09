"""Products: `matmul`, `tensordot`, `vecdot`, and NumPy's `dot`, `inner`, `outer` and `kron`.

All are linear in each operand, so a rule is the same kind of product of the cotangent and the
other operand's conjugate.
"""

from math import prod
from typing import Any

from tensorxp._backend.arrays import conj, product
from tensorxp._backend.families import see
from tensorxp._core.door import apply, binary
from tensorxp._core.primitive import multilinear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.arithmetic import multiply
from tensorxp._ops.axes import dimensions, integer, normalize_axes, normalize_axis, shifted
from tensorxp._ops.beside import tensors

Axes = int | tuple[Any, Any]


def _matmul(xp: Any, x1: Any, x2: Any) -> Any:
    for x in (x1, x2):
        if not getattr(x, "ndim", 0):
            kind = ValueError if hasattr(x, "ndim") else TypeError
            raise kind("scalars and 0-d operands have no axis to contract; use multiply")
    if x1.ndim > 2 and x2.ndim == 2 and x1.flags.c_contiguous and x1.size:
        # one large product in place of one for each leading index
        rows = xp.base.matmul(x1.reshape(-1, x1.shape[-1]), x2)
        return rows.reshape(*x1.shape[:-1], x2.shape[-1])
    return product(x1, x2)


def _transposed(xp: Any, x: Any) -> Any:
    return x.T if x.ndim == 2 else xp.matrix_transpose(x)


def _matmul_x1(xp: Any, ct: Any, x1_shape: Any, x2: Any) -> Any:
    # Y = A B: dA = dY Bᴴ
    x2 = conj(x2)
    if len(x1_shape) == 1:
        if x2.ndim == 1:
            return ct * x2
        if x2.ndim == 2:
            return product(x2, ct)
        return xp.matmul(x2, xp.expand_dims(ct, axis=-1))[..., 0]
    if x2.ndim == 1:
        return xp.expand_dims(ct, axis=-1) * x2
    if len(x1_shape) == 2 and x2.ndim > 2:
        # one product over the leading axes too, where each would give a matrix to be summed
        inner = (*range(x2.ndim - 2), x2.ndim - 1)
        return xp.tensordot(ct, x2, axes=(inner, inner))
    return product(ct, _transposed(xp, x2))


def _matmul_x2(xp: Any, ct: Any, x1: Any, x2_shape: Any) -> Any:
    # Y = A B: dB = Aᴴ dY
    x1 = conj(x1)
    if len(x2_shape) == 1:
        if x1.ndim == 1:
            return x1 * ct
        if x1.ndim == 2:
            return product(ct, x1)
        return xp.matmul(xp.reshape(ct, (-1,)), xp.reshape(x1, (prod(ct.shape), x2_shape[0])))
    if x1.ndim == 1:
        return xp.expand_dims(x1, axis=-1) * xp.expand_dims(ct, axis=-2)
    if x1.ndim > 2 and len(x2_shape) == 2:
        rows = prod(x1.shape[:-1])
        x1 = xp.reshape(x1, (rows, x2_shape[0]))
        ct = xp.reshape(ct, (rows, x2_shape[1]))
    return product(_transposed(xp, x1), ct)


def _matmul_x1_rows(xp: Any, ct: Any, x1_shape: Any, x2: Any) -> Any:
    x2 = x2.conjugate()
    if x2.ndim == 1:
        return xp.expand_dims(ct, axis=-1) * x2
    if x2.ndim == 2:
        # one product for all rows, and all leading axes
        found = xp.reshape(ct, (prod(ct.shape[:-1]), ct.shape[-1])) @ x2.T
        return xp.reshape(found, (*ct.shape[:-1], x2.shape[0]))
    x2 = xp.matrix_transpose(x2)
    if len(x1_shape) == 1:
        return (xp.expand_dims(ct, axis=-2) @ x2)[..., 0, :]
    return ct @ x2


def _matmul_x2_rows(xp: Any, ct: Any, x1: Any, x2_shape: Any) -> Any:
    x1 = x1.conjugate()
    if len(x2_shape) == 1:
        rows, inner = len(ct), prod(ct.shape[1:])
        return xp.reshape(ct, (rows, inner)) @ xp.reshape(x1, (inner, x2_shape[0]))
    if x1.ndim == 1:
        return xp.expand_dims(x1, axis=-1) * xp.expand_dims(ct, axis=-2)
    if x1.ndim > 2 and len(x2_shape) == 2:
        inner = prod(x1.shape[:-1])
        x1 = xp.reshape(x1, (inner, x2_shape[0]))
        ct = xp.reshape(ct, (len(ct), inner, x2_shape[1]))
    if x1.ndim == 2:
        # one product for all rows: dBᵀ = dYᵀ conj(A)
        turned = xp.matrix_transpose(ct)
        found = xp.reshape(turned, (prod(turned.shape[:-1]), turned.shape[-1])) @ x1
        return xp.matrix_transpose(xp.reshape(found, (*turned.shape[:-1], x1.shape[1])))
    return xp.matrix_transpose(x1) @ ct


matmul_p = multilinear(
    "matmul",
    forward=_matmul,
    x1=_matmul_x1,
    x2=_matmul_x2,
    batched={"x1": _matmul_x1_rows, "x2": _matmul_x2_rows},
)


@see("dot, tensordot, einsum")
def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return the matrix product over the last axis of `x1` and the last but one of `x2`.

    >>> xp.matmul(xp.asarray([[1, 2], [3, 4]]), xp.asarray([[0, 1], [1, 0]]))
    tensor([[2, 1],
            [4, 3]])

    Parameters
    ----------
    x1, x2 : Tensor, any dtype
        Shapes (..., M, K) and (..., K, N), leading axes broadcast; 1-D ones are a row or a column,
        whose axis the result lacks.

    Returns
    -------
    Tensor
        Shape (..., M, N), the promoted dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        No Tensors; 0-d operands, sizes that don't match; two devices.
    """
    return binary(matmul_p, x1, x2)


def _tensordot_axes(n1: int, n2: int, axes: Any) -> tuple[Any, Any, Any, Any]:
    """Return the contracted and the free axes of both operands."""
    free1 = tuple([i for i in range(n1) if i not in axes[0]])
    free2 = tuple([i for i in range(n2) if i not in axes[1]])
    return *axes, free1, free2


def _tensordot_x1(xp: Any, ct: Any, x1_shape: Any, x2: Any, *, axes: Any) -> Any:
    # contract what x2 alone brought; x2's other axes come out in its order, then go to x1's
    in1, in2, free1, free2 = _tensordot_axes(len(x1_shape), x2.ndim, axes)
    found = xp.tensordot(ct, x2.conjugate(), axes=(tuple(range(len(free1), ct.ndim)), free2))
    order = free1 + tuple([in1[in2.index(i)] for i in sorted(in2)])
    return xp.permute_dims(found, tuple([order.index(i) for i in range(len(order))]))


def _tensordot_x2(xp: Any, ct: Any, x1: Any, x2_shape: Any, *, axes: Any) -> Any:
    in1, in2, free1, free2 = _tensordot_axes(x1.ndim, len(x2_shape), axes)
    found = xp.tensordot(x1.conjugate(), ct, axes=(free1, tuple(range(len(free1)))))
    order = tuple([in2[in1.index(i)] for i in sorted(in1)]) + free2
    return xp.permute_dims(found, tuple([order.index(i) for i in range(len(order))]))


def _tensordot_x1_rows(xp: Any, ct: Any, x1_shape: Any, x2: Any, *, axes: Any) -> Any:
    axes = tuple([i + 1 for i in axes[0]]), axes[1]
    return _tensordot_x1(xp, ct, (len(ct), *x1_shape), x2, axes=axes)


def _tensordot_x2_rows(xp: Any, ct: Any, x1: Any, x2_shape: Any, *, axes: Any) -> Any:
    in1, in2, free1, free2 = _tensordot_axes(x1.ndim, len(x2_shape), axes)
    within = tuple(range(1, len(free1) + 1))
    found = xp.tensordot(x1.conjugate(), ct, axes=(free1, within))
    # the rows, -1 here, come between what was contracted and what was free
    order = (*[in2[in1.index(i)] for i in sorted(in1)], -1, *free2)
    return xp.permute_dims(found, tuple([order.index(i) for i in range(-1, len(order) - 1)]))


tensordot_p = multilinear(
    "tensordot",
    x1=_tensordot_x1,
    x2=_tensordot_x2,
    batched={"x1": _tensordot_x1_rows, "x2": _tensordot_x2_rows},
)


@see("matmul, einsum")
def tensordot(x1: Tensor, x2: Tensor, /, axes: Axes = 2) -> Tensor:
    """Return the sums of products over `axes`.

    >>> xp.tensordot(xp.ones((2, 3, 4)), xp.ones((4, 3)), axes=((2, 1), (0, 1)))
    tensor([12., 12.])

    Parameters
    ----------
    x1, x2 : Tensor, any dtype
    axes : int or pair of sequences
        The last N of `x1` with the first N of `x2`, or the axes of each.

    Returns
    -------
    Tensor
        Shape: the free axes of `x1`, then those of `x2`; the promoted dtype.

    Raises
    ------
    TypeError, AxisError
        No Tensors, `axes` no such thing; no such axis.
    ValueError, DeviceError
        Sizes or lengths that differ; two devices.
    """
    x1, x2 = tensors("tensordot", x1=x1, x2=x2)
    n1, n2 = dimensions("tensordot", x1, "x1"), dimensions("tensordot", x2, "x2")
    if hasattr(axes, "__index__"):
        axes = integer("tensordot", "axes", axes)
        if not 0 <= axes <= min(n1, n2):
            raise ValueError(
                f"tensordot: axes is {axes}; allowed are 0 to {min(n1, n2)} for {n1} and {n2} "
                "dimensions"
            )
        in1, in2 = tuple(range(n1 - axes, n1)), tuple(range(axes))
    else:
        try:
            first, second = axes
        except (TypeError, ValueError):
            raise TypeError(
                f"tensordot: axes is {axes!r}; allowed are an int and a pair of sequences of ints"
            ) from None
        in1 = normalize_axes("tensordot", first, n1)
        in2 = normalize_axes("tensordot", second, n2)
    sizes1 = [x1._data.shape[i] for i in in1]
    sizes2 = [x2._data.shape[i] for i in in2]
    if sizes1 != sizes2:
        raise ValueError(
            f"tensordot: axes {in1} of x1 have the sizes {sizes1}, axes {in2} of x2 the sizes "
            f"{sizes2}; they must be equal"
        )
    return apply(tensordot_p, (x1, x2), {"axes": (in1, in2)})


vecdot_p = multilinear(
    "vecdot",
    batched=True,
    # y = Σ conj(a_i) b_i: da = conj(dy) b, db = dy a
    x1=lambda xp, ct, x2, *, axis: xp.expand_dims(ct.conjugate(), axis=axis) * x2,
    x2=lambda xp, ct, x1, *, axis: xp.expand_dims(ct, axis=axis) * x1,
)


@see("dot, matmul")
def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Return the sums of conj(`x1`) `x2` over `axis`.

    >>> xp.vecdot(xp.asarray([[1, 2], [3, 4]]), xp.asarray([1, 1]))
    tensor([3, 7])

    Parameters
    ----------
    x1, x2 : Tensor, any dtype
        The other axes broadcast; the sizes along `axis` must be equal.
    axis : int
        A non-negative one needs operands of equally many dimensions.

    Returns
    -------
    Tensor
        The broadcast shape without `axis`, the promoted dtype.

    Raises
    ------
    TypeError, AxisError
        No Tensors; no such axis.
    ValueError, DeviceError
        Sizes that differ or don't broadcast; two devices.
    """
    x1, x2 = tensors("vecdot", x1=x1, x2=x2)
    n1, n2 = dimensions("vecdot", x1, "x1"), dimensions("vecdot", x2, "x2")
    at1, at2 = normalize_axis("vecdot", axis, n1), normalize_axis("vecdot", axis, n2)
    if at1 - n1 != at2 - n2:
        raise ValueError(
            f"vecdot: axis is {axis} for {n1} and {n2} dimensions; allowed is a negative axis"
        )
    if x1._data.shape[at1] != x2._data.shape[at2]:
        raise ValueError(
            f"vecdot: x1 has size {x1._data.shape[at1]} along axis {axis} and x2 "
            f"{x2._data.shape[at2]}; they must be equal"
        )
    return apply(vecdot_p, (x1, x2), {"axis": at1 - n1})


outer_p = multilinear(
    "outer",
    batched=shifted,
    # Y = a bᵀ: da = dY conj(b)
    x1=lambda xp, ct, x1_shape, x2: xp.reshape(
        xp.matmul(ct, xp.reshape(x2.conjugate(), (-1,))), x1_shape
    ),
    x2=lambda xp, ct, x1, x2_shape: xp.reshape(
        xp.matmul(xp.reshape(x1.conjugate(), (-1,)), ct), x2_shape
    ),
)


@see("inner, kron")
def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return the matrix of the products of each element of `x1` with each of `x2`, flattened.

    >>> xp.outer(xp.asarray([1, 2]), xp.asarray([3, 4]))
    tensor([[3, 4],
            [6, 8]])

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype

    Returns
    -------
    Tensor
        Shape (x1.size, x2.size), the promoted dtype.

    Raises
    ------
    TypeError, DeviceError
        No Tensors; two devices.
    """
    return binary(outer_p, x1, x2)


@see("inner, matmul, vecdot")
def dot(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return NumPy's `dot`: the sums over the last axis of `x1` and the last but one of `x2`.

    >>> xp.dot(xp.asarray([1, 2]), xp.asarray([3, 4]))
    tensor(11)

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype
        A 1-D `x2` is summed over its only axis; a 0-d operand multiplies.

    Returns
    -------
    Tensor
        Shape x1.shape[:-1] + x2.shape without its contracted axis; the promoted dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        No Tensors; sizes that differ; two devices.
    """
    n1, n2 = getattr(x1, "ndim", 0), getattr(x2, "ndim", 0)
    if n1 == 0 or n2 == 0:
        return multiply(x1, x2)
    if n1 <= 2 and n2 <= 2:
        return matmul(x1, x2)
    return tensordot(x1, x2, axes=((n1 - 1,), (0 if n2 == 1 else n2 - 2,)))


@see("dot, outer")
def inner(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return NumPy's `inner`: the sums over the last axes of both.

    >>> xp.inner(xp.asarray([[1, 2], [3, 4]]), xp.asarray([1, 1]))
    tensor([3, 7])

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype
        A 0-d operand multiplies.

    Returns
    -------
    Tensor
        Shape x1.shape[:-1] + x2.shape[:-1], the promoted dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        No Tensors; sizes that differ; two devices.
    """
    if not (getattr(x1, "ndim", 0) and getattr(x2, "ndim", 0)):
        return multiply(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-1,)))


def _kron_parts(xp: Any, ct: Any, shape1: Any, shape2: Any) -> tuple[Any, int]:
    """Return `ct` with the axes of both factors apart and in turn, and their number."""
    n = len(shape1) if len(shape1) > len(shape2) else len(shape2)
    full1 = (1,) * (n - len(shape1)) + tuple(shape1)
    full2 = (1,) * (n - len(shape2)) + tuple(shape2)
    pairs = [size for pair in zip(full1, full2, strict=True) for size in pair]
    return xp.reshape(ct, tuple(pairs)), n


def _kron_x1(xp: Any, ct: Any, x1_shape: Any, x2: Any) -> Any:
    apart, n = _kron_parts(xp, ct, x1_shape, x2.shape)
    other = xp.reshape(x2.conjugate(), (1,) * (n - x2.ndim) + tuple(x2.shape))
    axes = (tuple(range(1, 2 * n, 2)), tuple(range(n)))
    return xp.reshape(xp.tensordot(apart, other, axes=axes), x1_shape)


def _kron_x2(xp: Any, ct: Any, x1: Any, x2_shape: Any) -> Any:
    apart, n = _kron_parts(xp, ct, x1.shape, x2_shape)
    other = xp.reshape(x1.conjugate(), (1,) * (n - x1.ndim) + tuple(x1.shape))
    axes = (tuple(range(0, 2 * n, 2)), tuple(range(n)))
    return xp.reshape(xp.tensordot(apart, other, axes=axes), x2_shape)


kron_p = multilinear("kron", x1=_kron_x1, x2=_kron_x2)


@see("outer")
def kron(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return the Kronecker product: each element of `x1` replaced by it times `x2`.

    >>> xp.kron(xp.asarray([1, 10]), xp.asarray([1, 2]))
    tensor([ 1,  2, 10, 20])

    Parameters
    ----------
    x1, x2 : Tensor or scalar, any dtype
        The shape with fewer axes gets ones in front.

    Returns
    -------
    Tensor
        Shape: the sizes multiplied; the promoted dtype.

    Raises
    ------
    TypeError, DeviceError
        No Tensors; two devices.
    """
    return binary(kron_p, x1, x2)
