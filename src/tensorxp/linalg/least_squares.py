"""What rests on singular values: pseudo-inverse, rank, condition number, least squares."""

from typing import Any, NamedTuple

from numpy.linalg import LinAlgError

from tensorxp._backend.families import see
from tensorxp._core.door import apply
from tensorxp._core.primitive import nondifferentiable, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.arithmetic import divide, multiply, subtract
from tensorxp._ops.axes import dimensions
from tensorxp._ops.beside import tensors
from tensorxp._ops.creation import eye
from tensorxp._ops.products import matmul
from tensorxp._ops.searching import where
from tensorxp.linalg.common import adjoint, finite, matrix, square
from tensorxp.linalg.decompositions import svdvals
from tensorxp.linalg.norms import matrix_norm, vector_norm
from tensorxp.linalg.solvers import inv


@primitive
def pinv_p(xp: Any, x: Any, *, rtol: Any) -> Any:
    """Return the pseudo-inverses, of singular values above rtol times the largest."""
    finite("pinv", xp, x)
    if rtol is None:
        eps = xp.finfo(x.dtype).eps if x.dtype.kind in "fc" else xp.finfo(xp.float64).eps
        rtol = max(x.shape[-2:]) * float(eps)
    return xp.linalg.pinv(x, rtol=rtol)


@pinv_p.vjp
def _(xp: Any, ct: Any, x: Any, out: Any) -> Any:
    # dy = −y dx y + y yᴴ dxᴴ (1 − x y) + (1 − y x) dxᴴ yᴴ y at constant rank
    # (Golub & Pereyra 1973, 4.12)
    yh, gh = adjoint(xp, out), adjoint(xp, ct)
    left = gh @ out @ yh
    right = yh @ out @ gh
    return -(yh @ ct @ yh) + (left - x @ (out @ left)) + (right - (right @ out) @ x)


@pinv_p.jvp
def _(xp: Any, t: Any, x: Any, out: Any) -> Any:
    yh, th = adjoint(xp, out), adjoint(xp, t)
    left = out @ yh @ th
    right = th @ yh @ out
    return -(out @ t @ out) + (left - (left @ x) @ out) + (right - out @ (x @ right))


pinv_p.batched = True


@see("inv, lstsq")
def pinv(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """Return the Moore-Penrose pseudo-inverses of matrices.

    The derivatives hold while the rank stays the same (Golub & Pereyra 1973).

    >>> xp.linalg.pinv(xp.asarray([[2.0], [0.0]]))
    tensor([[0.5, 0. ]])

    Parameters
    ----------
    x : Tensor, any dtype but float16
        Shape (..., M, N).
    rtol : float, Tensor or None
        Singular values up to this times the largest count as zero, one for all or for each matrix;
        None is max(M, N) times the dtype's epsilon.

    Returns
    -------
    Tensor
        Shape (..., N, M), dtype of `x`; of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError, ValueError
        `x` is no Tensor, or float16, `rtol` no number; fewer than two axes, not finite; an `rtol`
        that doesn't broadcast.
    """
    matrix("pinv", x)
    shape, stack = getattr(rtol, "shape", ()), x._data.shape[:-2]
    pairs = zip(reversed(shape), reversed(stack), strict=False)
    if len(shape) > len(stack) or any(n not in (1, m) for n, m in pairs):
        raise ValueError(
            f"pinv: rtol has shape {tuple(shape)} and x {x._data.shape}; allowed are a number, and "
            f"what broadcasts to {stack}, one for each matrix"
        )
    return apply(pinv_p, (x,), {"rtol": raw_rtol(rtol)})


def raw_rtol(rtol: Any) -> Any:
    """Return a tolerance in raw form: a Tensor's array; numbers and None stay."""
    return rtol._data if isinstance(rtol, Tensor) else rtol


class LstsqResult(NamedTuple):
    """Solution, sums of squared residuals, rank and singular values.

    Attributes
    ----------
    solution : Tensor
        Shape (..., N) or (..., N, K).
    residuals : Tensor
        Shape (...) or (..., K), real.
    rank : Tensor
        Shape (...), int64.
    singular_values : Tensor
        Shape (..., min(M, N)), real.
    """

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def _rank(xp: Any, x: Any, *, rtol: Any) -> Any:
    if not x.size:  # for which NumPy 2.1 finds no largest value
        return xp.zeros(x.shape[:-2], dtype=xp.int64)
    rank = xp.linalg.matrix_rank(finite("matrix_rank", xp, x), rtol=rtol)
    return xp.asarray(rank, dtype=xp.int64)


matrix_rank_p = nondifferentiable("matrix_rank", forward=_rank)


@see("svdvals")
def matrix_rank(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """Return the ranks of matrices, which have no derivative.

    >>> xp.linalg.matrix_rank(xp.asarray([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)

    Parameters
    ----------
    x : Tensor, any dtype but float16
        Shape (..., M, N).
    rtol : float, Tensor or None
        As for `pinv`.

    Returns
    -------
    Tensor
        Shape (...), dtype int64.

    Raises
    ------
    TypeError, LinAlgError, ValueError
        `x` is no Tensor, or float16, `rtol` no number; fewer than two axes, not finite; an `rtol`
        that doesn't broadcast.
    """
    matrix("matrix_rank", x)
    return apply(matrix_rank_p, (x,), {"rtol": raw_rtol(rtol)})


# by elimination, as inv, which raises LinAlgError for the same matrices
singular_p = nondifferentiable("singular", forward=lambda xp, x: xp.linalg.slogdet(x)[0] == 0)


@see("svdvals")
def cond(x: Tensor, /, p: Any = None) -> Tensor:
    """Return the condition numbers of matrices, as NumPy: infinite for singular ones.

    >>> xp.linalg.cond(xp.asarray([[2.0, 0.0], [0.0, 4.0]]))
    tensor(2.)

    Parameters
    ----------
    x : Tensor, any dtype but float16
        Shape (..., M, N).
    p : str, number or None
        None and 2 are the ratio of the largest to the smallest singular value, -2 its inverse;
        other values of `matrix_norm` give norm(x) norm(inv(x)).

    Returns
    -------
    Tensor
        Shape (...), dtype of the real part of `x`; of integers and bool float64.

    Raises
    ------
    TypeError, LinAlgError, ValueError
        `x` is no Tensor, or float16; fewer than two axes, no elements, for other `p` not square,
        for None, 2 and -2 not finite; another `p`.
    """
    matrix("cond", x)
    if 0 in x._data.shape[-2:]:
        raise LinAlgError(f"cond: x has shape {x._data.shape}; the matrices must not be empty")
    if p in (None, 2, -2):
        s: Any = svdvals(x)
        above, below = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        none = below == 0
        return where(none, float("inf"), divide(above, where(none, 1, below)))
    square("cond", x)
    none = apply(singular_p, (x,), {})
    one = eye(x._data.shape[-1], dtype=x._data.dtype, device=x._device)
    usual = where(none[..., None, None], one, x)
    return where(
        none, float("inf"), multiply(matrix_norm(x, ord=p), matrix_norm(inv(usual), ord=p))
    )


@see("solve, pinv")
def lstsq(x1: Tensor, x2: Tensor, /, rcond: Any = None, *, rtol: Any = None) -> LstsqResult:
    """Return the solution y of smallest norm that minimises the norm of `x1` y - `x2`.

    It rests on `pinv`: so do its derivatives, which hold while the rank stays the same.

    >>> a, b = xp.asarray([[1.0], [1.0]]), xp.asarray([1.0, 3.0])
    >>> x, residuals, rank, values = xp.linalg.lstsq(a, b)
    >>> x
    tensor([2.])

    Parameters
    ----------
    x1 : Tensor, any dtype but float16
        Shape (..., M, N).
    x2 : Tensor, any dtype but float16
        Shape (M,) is one vector, otherwise matrices (..., M, K).
    rcond : float, Tensor or None
        NumPy's name of `rtol`; only one may be given.
    rtol : float, Tensor or None
        As for `pinv`.

    Returns
    -------
    LstsqResult
        (solution, residuals, rank, singular_values), the promoted dtype; of integers and bool
        float64.

    Raises
    ------
    TypeError, LinAlgError
        No Tensors, or float16, both tolerances; shapes that don't fit, `x1` not finite.
    ValueError, DeviceError
        Stacks that don't broadcast; two devices.
    """
    if rcond is not None and rtol is not None:
        raise TypeError("lstsq: rcond and rtol are given; they are two names of one tolerance")
    rtol = rcond if rtol is None else rtol
    if not (rtol is None or isinstance(rtol, Tensor | int | float)):
        raise TypeError(f"lstsq: rtol is {rtol!r}; allowed are a number, a Tensor and None")
    x1, x2 = tensors("lstsq", x1=x1, x2=x2)
    matrix("lstsq", x1, "x1")
    dimensions("lstsq", x2, "x2")
    shape, m = x2._data.shape, x1._data.shape[-2]
    if not shape or shape[-1 if len(shape) == 1 else -2] != m:
        raise LinAlgError(
            f"lstsq: x1 has shape {x1._data.shape} and x2 {shape}; x2 must have shape ({m},) or "
            f"(..., {m}, K)"
        )
    solution = matmul(pinv(x1, rtol=rtol), x2)
    left = vector_norm(subtract(matmul(x1, solution), x2), axis=-1 if len(shape) == 1 else -2)
    return LstsqResult(solution, multiply(left, left), matrix_rank(x1, rtol=rtol), svdvals(x1))
