"""Linear systems, general and triangular ones, and inverses."""

from typing import Any

from numpy.linalg import LinAlgError

from tensorxp._backend import kernels
from tensorxp._backend.families import see
from tensorxp._core.door import apply
from tensorxp._core.primitive import primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions, truth
from tensorxp._ops.beside import tensors
from tensorxp._ops.shaping import matrix_transpose
from tensorxp.linalg.common import adjoint, matrix, of_square, square, times_adjoint


@primitive
def inv_p(xp: Any, x: Any) -> Any:
    """Return the inverses of square matrices."""
    return xp.linalg.inv(x)


@inv_p.vjp
def _(xp: Any, ct: Any, out: Any) -> Any:
    # dy = −y dx y: gx = −yᴴ ct yᴴ (Giles 2008, 2.2.3)
    yh = adjoint(xp, out)
    return -(yh @ ct @ yh)


@inv_p.jvp
def _(t: Any, out: Any) -> Any:
    return -(out @ t @ out)


inv_p.batched = True


@of_square.see("pinv, solve")
def inv(x: Tensor, /) -> Tensor:
    """Return the inverses of square matrices.

    >>> xp.linalg.inv(xp.asarray([[1.0, 2.0], [3.0, 5.0]]))
    tensor([[-5.,  2.],
            [ 3., -1.]])

    Raises
    ------
    TypeError, LinAlgError
        `x` is no Tensor, or float16; not square, or singular.
    """
    square("inv", x)
    return apply(inv_p, (x,), {})


@primitive
def solve_p(xp: Any, x1: Any, x2: Any) -> Any:
    """Return y with x1 y = x2; x2 is one vector, or matrices."""
    return xp.linalg.solve(x1, x2)


@solve_p.vjp
def _(xp: Any, ct: Any, x1: Any, x2_shape: Any, out: Any, needs: Any) -> Any:
    # x1 y = x2: gx2 = x1⁻ᴴ ct, gx1 = −gx2 yᴴ (Giles 2008, 2.3.1)
    vector = len(x2_shape) == 1
    if vector:
        ct, out = xp.expand_dims(ct, axis=-1), xp.expand_dims(out, axis=-1)
    g = xp.linalg.solve(adjoint(xp, x1), ct)
    g1 = times_adjoint(xp, -g, out) if needs[0] else None
    return g1, g[..., 0] if vector else g


def _solve_rows(xp: Any, ct: Any, x1: Any, x2_shape: Any, out: Any, needs: Any) -> Any:
    vector = len(x2_shape) == 1
    if vector:
        ct, out = xp.expand_dims(ct, axis=-1), xp.expand_dims(out, axis=-1)
    if x1.ndim == 2 and ct.ndim == 3:
        # one factorization: the rows are further right sides
        n, shape = len(x1), (ct.shape[1], len(ct), ct.shape[2])
        sides = xp.reshape(xp.permute_dims(ct, (1, 0, 2)), (n, shape[1] * shape[2]))
        g = xp.linalg.solve(adjoint(xp, x1), sides)
        g = xp.permute_dims(xp.reshape(g, shape), (1, 0, 2))
    else:
        g = xp.linalg.solve(adjoint(xp, x1), ct)
    g1 = times_adjoint(xp, -g, out) if needs[0] else None
    return g1, g[..., 0] if vector else g


solve_p.batched = {"vjp": _solve_rows}


@solve_p.jvp
def _(xp: Any, t: Any, x1: Any, x2_shape: Any, out: Any) -> Any:
    # x1 dy = dx2 − dx1 y
    vector = len(x2_shape) == 1
    right = t[1]
    if t[0] is not None:
        moved = (t[0] @ xp.expand_dims(out, axis=-1))[..., 0] if vector else t[0] @ out
        right = -moved if right is None else right - moved
    if vector:
        return xp.linalg.solve(x1, xp.expand_dims(right, axis=-1))[..., 0]
    return xp.linalg.solve(x1, right)


@see("inv, lstsq, solve_triangular")
def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Return y with `x1` y = `x2`.

    >>> xp.linalg.solve(xp.asarray([[2.0, 0.0], [0.0, 4.0]]), xp.asarray([2.0, 2.0]))
    tensor([1. , 0.5])

    Parameters
    ----------
    x1 : Tensor, any dtype but float16
        Shape (..., M, M).
    x2 : Tensor, any dtype but float16
        Shape (M,) is one vector, otherwise matrices (..., M, K); the axes before them broadcast.

    Returns
    -------
    Tensor
        Shape (..., M) or (..., M, K), the promoted dtype; of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError
        No Tensors, or float16; shapes that don't fit, a singular `x1`.
    ValueError, DeviceError
        Stacks that don't broadcast; two devices.
    """
    x1, x2 = tensors("solve", x1=x1, x2=x2)
    square("solve", x1, "x1")
    _right_side("solve", x1, x2)
    return apply(solve_p, (x1, x2), {})


def _right_side(function: str, x1: Tensor, x2: Any) -> None:
    dimensions(function, x2, "x2")
    shape, n = x2._data.shape, x1._data.shape[-1]
    if not shape or shape[-1 if len(shape) == 1 else -2] != n:
        raise LinAlgError(
            f"{function}: x1 has shape {x1._data.shape} and x2 {shape}; x2 must have shape ({n},) "
            f"or (..., {n}, K)"
        )


solve_triangular_p = primitive(kernels.solve_triangular)


def solve_triangle(xp: Any, a: Any, b: Any, *, upper: bool, unit: bool = False) -> Any:
    """Return y with a y = b for triangular matrices, on raw arrays or Tensors."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return apply(solve_triangular_p, (a, b), {"upper": upper, "unit": unit})
    return kernels.solve_triangular(xp, a, b, upper=upper, unit=unit)


@solve_triangular_p.vjp
def _(xp: Any, ct: Any, x1: Any, out: Any, needs: Any, *, upper: bool, unit: bool) -> Any:
    # as for solve, and x1 counts by its triangle only
    g = solve_triangle(xp, adjoint(xp, x1), ct, upper=not upper, unit=unit)
    g1 = kernels.triangle(xp, times_adjoint(xp, -g, out), upper, unit) if needs[0] else None
    return g1, g


@solve_triangular_p.jvp
def _(xp: Any, t: Any, x1: Any, out: Any, *, upper: bool, unit: bool) -> Any:
    right = t[1]
    if t[0] is not None:
        moved = kernels.triangle(xp, t[0], upper, unit) @ out
        right = -moved if right is None else right - moved
    return solve_triangle(xp, x1, right, upper=upper, unit=unit)


solve_triangular_p.batched = True


@see("solve, cholesky")
def solve_triangular(
    x1: Tensor, x2: Tensor, /, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """Return y with `x1` y = `x2`, or y `x1` = `x2`, for triangular `x1`.

    >>> lower = xp.asarray([[2.0, 0.0], [1.0, 1.0]])
    >>> xp.linalg.solve_triangular(lower, xp.asarray([2.0, 3.0]), upper=False)
    tensor([1., 2.])

    Parameters
    ----------
    x1 : Tensor, any dtype
        Shape (..., M, M); only the triangle is read.
    x2 : Tensor, any dtype
        As for `solve`, or matrices (..., K, M) with `left=False`.
    upper : bool
        Which triangle.
    left : bool
        False: y stands left of `x1`.
    unitriangular : bool
        Take the diagonal as 1.

    Returns
    -------
    Tensor
        Shape as of `solve`, the promoted dtype; of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError
        No Tensors; shapes that don't fit, a zero on the diagonal.
    ValueError, DeviceError
        Stacks that don't broadcast; two devices.
    """
    x1, x2 = tensors("solve_triangular", x1=x1, x2=x2)
    square("solve_triangular", x1, "x1")
    upper, left = truth("solve_triangular", "upper", upper), truth("solve_triangular", "left", left)
    unitriangular = truth("solve_triangular", "unitriangular", unitriangular)
    if not left:
        matrix("solve_triangular", x2, "x2")
        turned = solve_triangular(
            matrix_transpose(x1), matrix_transpose(x2), upper=not upper, unitriangular=unitriangular
        )
        return matrix_transpose(turned)
    _right_side("solve_triangular", x1, x2)
    params = {"upper": bool(upper), "unit": bool(unitriangular)}
    if x2._data.ndim == 1:
        column: Any = x2[:, None]
        return apply(solve_triangular_p, (x1, column), params)[..., 0]
    return apply(solve_triangular_p, (x1, x2), params)
