"""What the functions and rules of this chapter share: checks of arguments, adjoints, gaps.

The functions that take `xp` serve rules at both levels, on raw arrays and on Tensors.
"""

from typing import Any

from numpy.linalg import LinAlgError

from tensorxp._backend.families import Family
from tensorxp._core.door import node_of
from tensorxp._core.modes import modes
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import watching

_OF_X = "Tensor\n    Shape and dtype of `x`; of integers and bool float64."
of_square = Family("x : Tensor, any dtype but float16\n    Shape (..., M, M).", _OF_X)
of_matrices = Family("x : Tensor, any dtype but float16\n    Shape (..., M, N).", _OF_X)
of_square_only = of_square.but(
    raises="TypeError, LinAlgError\n    `x` is no Tensor, or float16; not square."
)
of_finite = of_square.but(
    raises="TypeError, LinAlgError\n    `x` is no Tensor, or float16; not square, or not finite."
)


def matrix(function: str, x: Any, argument: str = "x") -> None:
    """Check that `x` is a Tensor of matrices: TypeError or LinAlgError (a ValueError) if not."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{function}: {argument} is a {type(x).__module__}.{type(x).__name__}; "
            "allowed are Tensors"
        )
    if x._data.ndim < 2:
        raise LinAlgError(
            f"{function}: {argument} has shape {x._data.shape}; it must have two axes or more"
        )


def square(function: str, x: Any, argument: str = "x") -> None:
    """Check that `x` is a Tensor of square matrices."""
    matrix(function, x, argument)
    if x._data.shape[-1] != x._data.shape[-2]:
        raise LinAlgError(
            f"{function}: {argument} has shape {x._data.shape}; its last two sizes must be equal"
        )


def finite(function: str, xp: Any, x: Any) -> Any:
    """Return raw matrices; LinAlgError where they are not finite, which LAPACK may search for ever.

    It names the first such matrix of a stack.
    """
    if x.dtype.kind in "fc" and not bool(xp.all(xp.isfinite(x))):
        bad = ~xp.all(xp.isfinite(x), axis=(-2, -1))
        which = ""
        if x.ndim > 2:
            place = [int(index[0]) for index in xp.nonzero(bad)]
            which = f" in the matrix at {place} of the stack"
        raise LinAlgError(
            f"{function}: x has infinite or NaN elements{which}; allowed are finite ones"
        )
    return x


def tracked(x: Tensor) -> bool:
    """Return whether what is done to `x` is recorded or seen by a watcher."""
    return bool(watching) or (modes.grad and node_of(x) is not None)


def adjoint(xp: Any, a: Any) -> Any:
    """Return the conjugate transpose of matrices."""
    return xp.matrix_transpose(a).conjugate()


def times_adjoint(xp: Any, a: Any, b: Any) -> Any:
    """Return a bᴴ; of columns element by element, which is quicker than a matrix product."""
    bh = adjoint(xp, b)
    return a * bh if b.shape[-1] == 1 else a @ bh


def is_complex(xp: Any, a: Any) -> bool:
    """Return whether `a` has a complex dtype."""
    return bool(xp.isdtype(a.dtype, "complex floating"))


def real_part(xp: Any, a: Any) -> Any:
    """Return the real part; real arrays come back as they are."""
    return xp.real(a) if is_complex(xp, a) else a


def eye_mask(xp: Any, n: int, device: Any) -> Any:
    """Return a boolean matrix that is true on its diagonal."""
    return xp.eye(n, dtype=xp.bool, device=device)


def diagonal_matrix(xp: Any, v: Any) -> Any:
    """Return matrices with the vectors `v` on their diagonals."""
    mask = eye_mask(xp, v.shape[-1], v.device)
    return xp.where(mask, xp.expand_dims(v, axis=-1), 0)


def half_tril(xp: Any, a: Any) -> Any:
    """Return the lower triangle of square matrices, their diagonal halved."""
    out = xp.tril(a)
    index = xp.arange(a.shape[-1], device=a.device)
    out[..., index, index] = xp.linalg.diagonal(a) / 2  # in place: large temporaries cost more
    return out


def all_zero(xp: Any, *arrays: Any) -> Any:
    """Return for each matrix of the stack, shape (..., 1, 1), whether all of `arrays` are zero."""
    zero = None
    for a in arrays:
        found = xp.all(a == 0, axis=(-2, -1), keepdims=True)
        zero = found if zero is None else zero & found
    return zero


def inverse(xp: Any, x: Any, skip: Any) -> Any:
    """Return 1 / x, and zero with zero derivatives where `skip` is true."""
    return xp.where(skip, 0, 1 / xp.where(skip, 1, x))


def inverse_gaps(xp: Any, values: Any, unused: Any = None, *, squared: bool = False) -> Any:
    """Return the matrices 1 / (λj − λi) (of squares: 1 / (λj² − λi²)), zero on the diagonal.

    Ties make them infinite; where `unused` (shape (..., 1, 1)) says that no cotangent came to
    the vectors, they are zero instead. (To divide by an infinite gap would not do: on CUDA a
    complex number divided by infinity is NaN.)
    """
    row, column = xp.expand_dims(values, axis=-2), xp.expand_dims(values, axis=-1)
    gap = row - column
    if squared:
        gap = gap * (row + column)
    skip = eye_mask(xp, values.shape[-1], values.device)
    if unused is not None:
        skip = skip | (unused & (gap == 0))
    return inverse(xp, gap, skip)
