"""NumPy's functions of products and its `linalg` and `fft`, with NumPy's arguments."""

from typing import Any

from tensorxp._numpy.calls import NoEquivalent, implements, laid_out, need, tensors

# products


@implements()
def dot(xp: Any, a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise NoEquivalent
    a, b = tensors(xp, a, b)
    if not a.ndim or not b.ndim:
        return a * b
    if b.ndim == 1:
        return xp.tensordot(a, b, axes=((a.ndim - 1,), (0,)))
    return xp.tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 2,)))


@implements()
def inner(xp: Any, a: Any, b: Any, /) -> Any:
    a, b = tensors(xp, a, b)
    if not a.ndim or not b.ndim:
        return a * b
    return xp.tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 1,)))


@implements()
def vdot(xp: Any, a: Any, b: Any, /) -> Any:
    a, b = tensors(xp, a, b)
    return xp.vecdot(xp.reshape(a, (-1,)), xp.reshape(b, (-1,)))


@implements()
def outer(xp: Any, a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise NoEquivalent
    a, b = tensors(xp, a, b)
    return xp.reshape(a, (-1, 1)) * xp.reshape(b, (1, -1))


@implements("tensordot", "linalg.tensordot")
def tensordot(xp: Any, a: Any, b: Any, /, axes: Any = 2) -> Any:
    a, b = tensors(xp, a, b)
    if axes.__class__ in (list, tuple):
        axes = tuple((n,) if isinstance(n, int) else tuple(n) for n in axes)
    return xp.tensordot(a, b, axes=axes)


@implements()
def einsum(
    xp: Any, subscripts: Any, *operands: Any, optimize: Any = False, order: Any = "K"
) -> Any:
    if not isinstance(subscripts, str):
        raise NoEquivalent
    return laid_out("einsum", need(xp, "einsum")(subscripts, *tensors(xp, *operands)), order)


@implements()
def kron(xp: Any, a: Any, b: Any) -> Any:
    return xp.kron(*tensors(xp, a, b))


# linalg


@implements("linalg.outer")
def linalg_outer(xp: Any, x1: Any, x2: Any, /) -> Any:
    x1, x2 = tensors(xp, x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"outer: x1 has shape {x1.shape} and x2 {x2.shape}; they must be 1-d")
    return xp.linalg.outer(x1, x2)


@implements("linalg.matmul")
def linalg_matmul(xp: Any, x1: Any, x2: Any, /) -> Any:
    return xp.matmul(*tensors(xp, x1, x2))


@implements("linalg.vecdot")
def linalg_vecdot(xp: Any, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return xp.vecdot(*tensors(xp, x1, x2), axis=axis)


def _of_matrix(name: str) -> Any:
    def adapter(xp: Any, a: Any) -> Any:
        return need(xp.linalg, name)(a)

    return adapter


for _name in ("inv", "det", "slogdet", "eig", "eigvals", "svdvals", "matrix_transpose"):
    implements(f"linalg.{_name}")(_of_matrix(_name))
implements("matrix_transpose")(_of_matrix("matrix_transpose"))


@implements("linalg.eigh")
def eigh(xp: Any, a: Any, UPLO: str = "L") -> Any:
    return xp.linalg.eigh(_lower(xp, a, UPLO))


@implements("linalg.eigvalsh")
def eigvalsh(xp: Any, a: Any, UPLO: str = "L") -> Any:
    return xp.linalg.eigvalsh(_lower(xp, a, UPLO))


def _lower(xp: Any, a: Any, uplo: str) -> Any:
    if uplo not in ("L", "U"):
        raise ValueError(f'numpy.linalg: UPLO is {uplo!r}; allowed are "L" and "U"')
    if uplo == "L":
        return a
    upper = xp.matrix_transpose(a)
    return xp.conj(upper) if xp.isdtype(a.dtype, "complex floating") else upper


@implements("linalg.svd")
def svd(
    xp: Any, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    if hermitian:
        raise NoEquivalent
    if not compute_uv:
        return xp.linalg.svdvals(a)
    return xp.linalg.svd(a, full_matrices=full_matrices)


@implements("linalg.qr")
def qr(xp: Any, a: Any, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete"):
        raise NoEquivalent
    return xp.linalg.qr(a, mode=mode)


@implements("linalg.cholesky")
def cholesky(xp: Any, a: Any, /, *, upper: bool = False) -> Any:
    return xp.linalg.cholesky(a, upper=upper)


@implements("linalg.solve")
def solve(xp: Any, a: Any, b: Any) -> Any:
    return xp.linalg.solve(*tensors(xp, a, b))


@implements("linalg.pinv")
def pinv(xp: Any, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if hermitian:
        raise NoEquivalent
    if rcond is not None:
        rtol = rcond
    return xp.linalg.pinv(a, rtol=rtol)


@implements("linalg.matrix_rank")
def matrix_rank(
    xp: Any, A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None
) -> Any:
    if tol is not None or hermitian:
        raise NoEquivalent
    return xp.linalg.matrix_rank(A, rtol=rtol)


@implements("linalg.matrix_power")
def matrix_power(xp: Any, a: Any, n: int) -> Any:
    return xp.linalg.matrix_power(a, n)


@implements("linalg.multi_dot")
def multi_dot(xp: Any, arrays: Any) -> Any:
    return need(xp.linalg, "multi_dot")(tensors(xp, *arrays))


@implements("linalg.cond")
def cond(xp: Any, x: Any, p: Any = None) -> Any:
    return need(xp.linalg, "cond")(x, p)


@implements("linalg.norm")
def norm(xp: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    return need(xp.linalg, "norm")(x, ord=ord, axis=axis, keepdims=keepdims)


@implements("linalg.vector_norm")
def vector_norm(
    xp: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2
) -> Any:
    return xp.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


@implements("linalg.matrix_norm")
def matrix_norm(xp: Any, x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return xp.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)


@implements("linalg.cross")
def linalg_cross(xp: Any, x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return xp.linalg.cross(*tensors(xp, x1, x2), axis=axis)


@implements()
def cross(
    xp: Any, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    if axis is None and {axisa, axisb, axisc} != {-1}:
        raise NoEquivalent
    return xp.linalg.cross(*tensors(xp, a, b), axis=-1 if axis is None else axis)


@implements("linalg.diagonal")
def linalg_diagonal(xp: Any, x: Any, /, *, offset: int = 0) -> Any:
    return xp.linalg.diagonal(x, offset=offset)


@implements("linalg.trace")
def linalg_trace(xp: Any, x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return xp.linalg.trace(x, offset=offset, dtype=dtype)


def _matrices(xp: Any, a: Any, axis1: int, axis2: int) -> Any:
    return (
        a
        if (axis1, axis2) == (a.ndim - 2, a.ndim - 1)
        else xp.moveaxis(a, (axis1, axis2), (-2, -1))
    )


@implements()
def diagonal(xp: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return xp.linalg.diagonal(_matrices(xp, a, axis1, axis2), offset=offset)


@implements()
def trace(
    xp: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None,
    out: Any = None,
) -> Any:  # fmt: skip
    if out is not None:
        raise NoEquivalent
    return xp.linalg.trace(_matrices(xp, a, axis1, axis2), offset=offset, dtype=dtype)


# fft


def _transform(name: str) -> Any:
    def transform(
        xp: Any, a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None
    ) -> Any:
        if out is not None:
            raise NoEquivalent
        return getattr(xp.fft, name)(a, n=n, axis=axis, norm="backward" if norm is None else norm)

    return transform


def _transform_n(name: str, default: Any) -> Any:
    def transform(
        xp: Any, a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None
    ) -> Any:
        if out is not None:
            raise NoEquivalent
        if s is not None and axes is None:
            axes = tuple(range(-len(s), 0))
        return getattr(xp.fft, name)(a, s=s, axes=axes, norm="backward" if norm is None else norm)

    return transform


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    implements(f"fft.{_name}")(_transform(_name))
for _name in ("fftn", "ifftn", "rfftn", "irfftn"):
    implements(f"fft.{_name}")(_transform_n(_name, None))
    implements(f"fft.{_name[:-1]}2")(_transform_n(_name, (-2, -1)))


def _shift(name: str) -> Any:
    def shift(xp: Any, x: Any, axes: Any = None) -> Any:
        return getattr(xp.fft, name)(x, axes=axes)

    return shift


implements("fft.fftshift")(_shift("fftshift"))
implements("fft.ifftshift")(_shift("ifftshift"))
