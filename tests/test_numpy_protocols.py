"""NumPy's functions and ufuncs on Tensors: values of NumPy, gradients of ours, loud refusals."""

import gc
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorxp as xp

A = np.asarray([[0.5, 0.25, 0.75], [0.3, 0.6, 0.1]])
B = np.asarray([[1.5, 2.25, 1.75], [2.3, 1.6, 1.1]])

UNARY = [
    "absolute", "arccos", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "conjugate",
    "cos", "cosh", "deg2rad", "degrees", "exp", "exp2", "expm1", "fabs", "floor", "isfinite",
    "isinf", "isnan", "log", "log10", "log1p", "log2", "logical_not", "negative", "positive",
    "rad2deg", "radians", "reciprocal", "rint", "sign", "signbit", "sin", "sinh", "sqrt",
    "square", "tan", "tanh", "trunc", "modf",
]  # fmt: skip
BINARY = [
    "add", "arctan2", "copysign", "divide", "divmod", "equal", "float_power", "floor_divide",
    "fmax", "fmin", "fmod", "greater", "greater_equal", "heaviside", "hypot", "less",
    "less_equal", "logaddexp", "logaddexp2", "logical_and", "logical_or", "logical_xor",
    "maximum", "minimum", "multiply", "nextafter", "not_equal", "power", "remainder", "subtract",
]  # fmt: skip


def same(found: Any, expected: Any) -> None:
    """Check that a Tensor, or a tuple or list of them, has NumPy's values, shapes and dtypes."""
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    elif isinstance(expected, np.ndarray | np.generic):
        assert isinstance(found, xp.Tensor)
        assert found.shape == expected.shape and found.dtype == expected.dtype
        np.testing.assert_allclose(found.detach().cpu().numpy(), expected, rtol=1e-12, atol=1e-14)
    else:
        assert found == expected


@pytest.mark.parametrize("name", UNARY)
def test_unary_ufunc(name: str, device: str) -> None:
    ufunc = getattr(np, name)
    same(ufunc(xp.asarray(A, device=device)), ufunc(A))


@pytest.mark.parametrize("name", BINARY)
def test_binary_ufunc(name: str, device: str) -> None:
    ufunc = getattr(np, name)
    a, b = xp.asarray(A, device=device), xp.asarray(B, device=device)
    same(ufunc(a, b), ufunc(A, B))
    same(ufunc(a, 1.5), ufunc(A, 1.5))
    same(ufunc(1.5, a), ufunc(1.5, A))
    same(ufunc(np.float64(1.5), a), ufunc(1.5, A))
    if device == "cpu":
        same(ufunc(A, b), ufunc(A, B))
        same(ufunc(a, B), ufunc(A, B))


@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "left_shift", "gcd", "lcm"])
def test_integer_ufunc(name: str) -> None:
    ufunc = getattr(np, name)
    a, b = np.asarray([12, 18, 7]), np.asarray([4, 3, 2])
    same(ufunc(xp.asarray(a), b), ufunc(a, b))


def test_gradient_through_ufuncs() -> None:
    x = xp.asarray(A, requires_grad=True)
    y = np.add.reduce(np.exp(B * np.sin(x)) / np.float64(2), axis=None)
    y.backward()
    np.testing.assert_allclose(x.grad, np.exp(B * np.sin(A)) / 2 * B * np.cos(A), rtol=1e-12)


@pytest.mark.parametrize("name", ["fmod", "heaviside", "logaddexp2", "float_power", "ldexp"])
def test_composites_are_differentiable(name: str) -> None:
    second = np.asarray([1, 2, 3]) if name == "ldexp" else B
    ufunc = getattr(np, name)
    assert xp.autograd.gradcheck(lambda x: ufunc(x, second), (xp.asarray(A, requires_grad=True),))


def test_matrix_ufuncs() -> None:
    m, v = xp.asarray(A), xp.asarray(A[0])
    same(np.matmul(m, B.T), A @ B.T)
    same(np.vecdot(m, xp.asarray(B)), np.vecdot(A, B))
    if hasattr(np, "matvec"):
        same(np.matvec(m, v), np.matvec(A, A[0]))
        same(np.vecmat(v, xp.asarray(B.T)), np.vecmat(A[0], B.T))


def test_methods(device: str) -> None:
    a = xp.asarray(A, device=device)
    for name in ("add", "multiply", "maximum", "minimum", "logical_and", "logical_or"):
        ufunc = getattr(np, name)
        same(ufunc.reduce(a), ufunc.reduce(A))
        same(ufunc.reduce(a, axis=1, keepdims=True), ufunc.reduce(A, axis=1, keepdims=True))
    same(np.add.reduce(a, 1, initial=2.0), np.add.reduce(A, 1, initial=2.0))
    same(np.maximum.reduce(a, 1, initial=0.6), np.maximum.reduce(A, 1, initial=0.6))
    mask = np.asarray([[True, False, True], [False, True, True]])
    where = xp.asarray(mask, device=device)
    same(np.add.reduce(a, 1, where=where), np.add.reduce(A, 1, where=mask))
    same(np.multiply.reduce(a, 1, where=where), np.multiply.reduce(A, 1, where=mask))
    same(np.add.accumulate(a, 1), np.add.accumulate(A, 1))
    same(np.multiply.accumulate(a), np.multiply.accumulate(A))
    same(np.subtract.outer(a, a), np.subtract.outer(A, A))


def test_at() -> None:
    x = xp.zeros(3)
    y = x * 1
    leaf = xp.ones(4, requires_grad=True)
    np.add.at(y, np.asarray([0, 0, 2, 1]), leaf * 2)
    same(y, np.asarray([4.0, 2.0, 2.0]))
    (y * xp.asarray([1.0, 2.0, 3.0])).sum().backward()
    same(leaf.grad, np.asarray([2.0, 2.0, 6.0, 4.0]))
    z = xp.ones(3)
    np.multiply.at(z, [0, 0], 3.0)
    same(z, np.asarray([9.0, 1.0, 1.0]))
    assert np.subtract.at(z, [1], 1.0) is None


def test_out_tensor_is_written_in_place() -> None:
    a, out = xp.asarray(A, requires_grad=True), xp.zeros((2, 3))
    result = np.exp(a, out=out)
    assert result is out
    out.sum().backward()
    np.testing.assert_allclose(a.grad, np.exp(A))
    with pytest.raises(TypeError, match="cannot be cast to dtype int64"):
        np.exp(xp.asarray(A), out=xp.zeros((2, 3), dtype=xp.int64))
    with pytest.raises(ValueError, match="broadcast"):
        np.exp(xp.asarray(A), out=xp.zeros((3, 3)))


def test_out_array() -> None:
    t = xp.asarray(A)
    array = same_array = np.ones((2, 3))
    array += t
    assert type(array) is np.ndarray and array is same_array
    np.testing.assert_array_equal(array, 1 + A)
    leaf = xp.asarray(A, requires_grad=True)
    with pytest.raises(TypeError, match=r"numpy.add: the result goes into a NumPy array.*detach"):
        array += leaf
    np.testing.assert_array_equal(array, 1 + A)
    with xp.no_grad():
        array += leaf
    np.testing.assert_allclose(array, 1 + 2 * A)


def test_where_and_dtype() -> None:
    mask = A > 0.4
    x = xp.asarray(A - 0.4, requires_grad=True)
    y = np.log(x, where=mask, out=xp.zeros((2, 3)))
    same(y, np.log(A - 0.4, where=mask, out=np.zeros((2, 3))))
    y.sum().backward()
    assert np.isfinite(x.grad.numpy()).all() and not x.grad[~xp.asarray(mask)].any()
    same(np.add(xp.asarray(A), 1, dtype=np.float32), np.add(A, 1, dtype=np.float32))
    with pytest.raises(TypeError, match="cannot be cast"):
        np.add(xp.asarray(A), 1, dtype=np.int64)


def test_reflected_operators() -> None:
    t = xp.asarray(A)
    for result in (B + t, B * t, B - t, B / t, B**t, B @ t.T, np.float64(2) * t, np.float32(2) + t):
        assert isinstance(result, xp.Tensor)
    assert isinstance(B < t, xp.Tensor) and isinstance(B == t, xp.Tensor)
    assert (np.float64(2) * xp.ones(2, dtype=xp.float32)).dtype == xp.float64


def test_ufunc_without_equivalent() -> None:
    leaf = xp.asarray(A, requires_grad=True)
    with pytest.raises(TypeError, match=r"numpy.spacing: .*requires grad.*detach\(\)"):
        np.spacing(leaf)
    with pytest.raises(TypeError, match=r"numpy.spacing: .*sim:0.*cpu\(\)"):
        np.spacing(xp.asarray(A, device="sim:0"))
    same(np.spacing(xp.asarray(A)), np.spacing(A))
    with xp.no_grad():
        same(np.spacing(leaf), np.spacing(A))
    own = np.frompyfunc(lambda a: a + 1, 1, 1)
    assert own(xp.asarray(A)).dtype == object
    with pytest.raises(TypeError, match="requires grad"):
        own(leaf)
    with pytest.raises(TypeError, match="spacing"):
        xp.autograd.jvp(np.spacing, (xp.asarray(A),), (xp.asarray(B),))


def test_mixed_devices_and_classes() -> None:
    with pytest.raises(xp.DeviceError, match=r"cpu.*sim:0"):
        np.add(B, xp.asarray(A, device="sim:0"))
    with pytest.raises(TypeError, match="object"):
        np.add(np.asarray([None, 1], dtype=object), xp.ones(2))

    class Other:
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> str:
            return "theirs"

    assert np.add(xp.ones(2), Other()) == "theirs"


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda a, b: np.sum(a, axis=1, keepdims=True),
    "sum-dtype": lambda a, b: np.sum(a, dtype=np.float32),
    "prod": lambda a, b: np.prod(a, axis=(0, 1)),
    "mean": lambda a, b: np.mean(a, 0),
    "std": lambda a, b: np.std(a, axis=1, ddof=1),
    "var": lambda a, b: np.var(a, axis=0),
    "max": lambda a, b: np.max(a, axis=1),
    "amin": lambda a, b: np.amin(a),
    "ptp": lambda a, b: np.ptp(a, axis=1),
    "cumsum": lambda a, b: np.cumsum(a),
    "cumprod": lambda a, b: np.cumprod(a, axis=1),
    "average": lambda a, b: np.average(a, weights=b),
    "median": lambda a, b: np.median(a, axis=1),
    "quantile": lambda a, b: np.quantile(a, 0.3),
    "percentile": lambda a, b: np.percentile(a, [20, 80], axis=1),
    "nansum": lambda a, b: np.nansum(a),
    "nanmean": lambda a, b: np.nanmean(a, axis=0),
    "trapezoid": lambda a, b: np.trapezoid(a, dx=0.5),
    "cov": lambda a, b: np.cov(a),
    "corrcoef": lambda a, b: np.corrcoef(a),
    "concatenate": lambda a, b: np.concatenate([a, b], axis=1),
    "stack": lambda a, b: np.stack((a, b)),
    "vstack": lambda a, b: np.vstack([a, b]),
    "hstack": lambda a, b: np.hstack([a, b]),
    "dstack": lambda a, b: np.dstack([a, b]),
    "column_stack": lambda a, b: np.column_stack([a[0], b[0]]),
    "append": lambda a, b: np.append(a, b),
    "split": lambda a, b: np.split(a, 3, axis=1),
    "array_split": lambda a, b: np.array_split(a, [1], axis=1),
    "reshape": lambda a, b: np.reshape(a, (3, 2)),
    "reshape-int": lambda a, b: np.reshape(a, -1),
    "ravel": lambda a, b: np.ravel(a),
    "transpose": lambda a, b: np.transpose(a),
    "swapaxes": lambda a, b: np.swapaxes(a, 0, 1),
    "moveaxis": lambda a, b: np.moveaxis(a, 0, 1),
    "expand_dims": lambda a, b: np.expand_dims(a, 1),
    "squeeze": lambda a, b: np.squeeze(a[:1]),
    "broadcast_to": lambda a, b: np.broadcast_to(a, (2, 2, 3)),
    "flip": lambda a, b: np.flip(a, 1),
    "fliplr": lambda a, b: np.fliplr(a),
    "rot90": lambda a, b: np.rot90(a, 3),
    "roll": lambda a, b: np.roll(a, 1, axis=1),
    "tile": lambda a, b: np.tile(a, (2, 1)),
    "repeat": lambda a, b: np.repeat(a, 2, axis=1),
    "pad": lambda a, b: np.pad(a, ((1, 0), (0, 2)), constant_values=3.0),
    "diag": lambda a, b: np.diag(a[0], 1),
    "diag-2d": lambda a, b: np.diag(a),
    "diagonal": lambda a, b: np.diagonal(a, 1),
    "trace": lambda a, b: np.trace(a),
    "tril": lambda a, b: np.tril(a),
    "triu": lambda a, b: np.triu(a, 1),
    "diff": lambda a, b: np.diff(a, axis=1),
    "diff-prepend": lambda a, b: np.diff(a, prepend=0.0),
    "atleast_3d": lambda a, b: np.atleast_3d(a[0]),
    "clip": lambda a, b: np.clip(a, 0.2, 0.6),
    "clip-keywords": lambda a, b: np.clip(a, a_min=None, a_max=0.6),
    "round": lambda a, b: np.round(b, 1) + a,
    "real": lambda a, b: np.real(a * 1),
    "where": lambda a, b: np.where(a > 0.4, a, b),
    "where-scalar": lambda a, b: np.where(a > 0.4, a, 0),
    "nan_to_num": lambda a, b: np.nan_to_num(a),
    "sinc": lambda a, b: np.sinc(a),
    "interp": lambda a, b: np.interp(a[0], [0.0, 0.4, 1.0], b[0]),
    "sort": lambda a, b: np.sort(a, axis=None),
    "take": lambda a, b: np.take(a, [2, 0], axis=1),
    "compress": lambda a, b: np.compress([True, False, True], a, axis=1),
    "unique": lambda a, b: np.unique(a),
    "dot": lambda a, b: np.dot(a, b.T),
    "dot-1d": lambda a, b: np.dot(a, b[0]),
    "inner": lambda a, b: np.inner(a, b),
    "vdot": lambda a, b: np.vdot(a, b),
    "outer": lambda a, b: np.outer(a, b),
    "tensordot": lambda a, b: np.tensordot(a, b, axes=([0, 1], [0, 1])),
    "einsum": lambda a, b: np.einsum("ij,kj->ik", a, b),
    "kron": lambda a, b: np.kron(a, b),
    "cross": lambda a, b: np.cross(a, b),
    "linalg.norm": lambda a, b: np.linalg.norm(a),
    "linalg.norm-axis": lambda a, b: np.linalg.norm(a, ord=1, axis=1),
    "linalg.inv": lambda a, b: np.linalg.inv(a @ a.T),
    "linalg.det": lambda a, b: np.linalg.det(a @ b.T),
    "linalg.slogdet": lambda a, b: np.linalg.slogdet(a @ a.T)[1],
    "linalg.solve": lambda a, b: np.linalg.solve(a @ a.T, b),
    "linalg.cholesky": lambda a, b: np.linalg.cholesky(a @ a.T),
    "linalg.eigvalsh": lambda a, b: np.linalg.eigvalsh(a @ a.T),
    "linalg.svd": lambda a, b: np.linalg.svd(a, compute_uv=False),
    "linalg.pinv": lambda a, b: np.linalg.pinv(a),
    "linalg.matrix_power": lambda a, b: np.linalg.matrix_power(a @ b.T, 3),
    "linalg.multi_dot": lambda a, b: np.linalg.multi_dot([a, b.T, a]),
    "fft": lambda a, b: np.abs(np.fft.fft(a)),
    "rfft": lambda a, b: np.abs(np.fft.rfft(a, n=4, axis=1, norm="ortho")),
    "fft2": lambda a, b: np.abs(np.fft.fft2(a)),
    "irfft": lambda a, b: np.fft.irfft(np.fft.rfft(a[:, :2])),
    "fftshift": lambda a, b: np.fft.fftshift(a, axes=1),
    "pad-reflect": lambda a, b: np.pad(a, ((1, 0), (0, 4)), mode="reflect"),
    "rollaxis": lambda a, b: np.rollaxis(a[None], 2, 1),
    "insert": lambda a, b: np.insert(a, 1, b[:, 0], axis=1),
    "insert-flat": lambda a, b: np.insert(b, [5, 0, 0], a[0]),
    "insert-slice": lambda a, b: np.insert(a, slice(0, 3, 2), 7.0, axis=1),
    "insert-column": lambda a, b: np.insert(a, [1], b, axis=1),
    "delete": lambda a, b: np.delete(a, 1, axis=1),
    "delete-flat": lambda a, b: np.delete(a, [0, -1]),
    "delete-slice": lambda a, b: np.delete(a, slice(None, None, 2), axis=-1),
    "block": lambda a, b: np.block([[a, b], [b[0], 2 * a[1]], [1.0, a[0], b[1, :2]]]),
    "block-row": lambda a, b: np.block([a, b[:, :1]]),
    "gradient": lambda a, b: np.gradient(a),
    "gradient-axis": lambda a, b: np.gradient(a @ a.T @ a, 0.5, axis=1, edge_order=2),
    "gradient-places": lambda a, b: np.gradient(a**2, [0.0, 0.5, 2.0], axis=1, edge_order=2),
    "gradient-of-places": lambda a, b: np.gradient(b, 2.0, np.cumsum(a[0]))[1],
    "ediff1d": lambda a, b: np.ediff1d(a),
    "convolve": lambda a, b: np.convolve(a[0], b[1, :2]),
    "convolve-same": lambda a, b: np.convolve(b[0, :2], np.ravel(a), "same"),
    "convolve-valid": lambda a, b: np.convolve(np.ravel(a), b[0], mode="valid"),
    "correlate": lambda a, b: np.correlate(np.ravel(a), b[0]),
    "correlate-same": lambda a, b: np.correlate(b[0], np.ravel(a), "same"),
    "correlate-full": lambda a, b: np.correlate(b[0, :2], a[0], "full"),
    "polyval": lambda a, b: np.polyval([3.0, 0.0, 1.0], a),
    "polyval-coefficients": lambda a, b: np.polyval(a[0], b),
    "vander": lambda a, b: np.vander(a[0]),
    "vander-increasing": lambda a, b: np.vander(a[0], 5, increasing=True),
    "select": lambda a, b: np.select([a > 0.65, a > 0.2], [a * b, 0], b),
    "piecewise": lambda a, b: np.piecewise(
        a, [a < 0.2, a > 0.55], [lambda x: x**2, 3.0, lambda x: -x]
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str, device: str) -> None:
    call = FUNCTIONS[name]
    a, b = xp.asarray(A, device=device), xp.asarray(B, device=device)
    same(call(a, b), call(A, B))
    leaf = xp.asarray(A, device=device, requires_grad=True)
    found = call(leaf, b)
    for out in found if isinstance(found, tuple | list) else (found,):
        assert out.requires_grad


def _first(found: Any) -> Any:
    return found[0] if isinstance(found, tuple | list) else found


# float32 is too coarse for differences
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "sum-dtype"])
def test_function_gradient(name: str) -> None:
    call = FUNCTIONS[name]
    leaf = xp.asarray(A, requires_grad=True)
    assert xp.autograd.gradcheck(
        lambda a: _first(call(a, xp.asarray(B))), (leaf,), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 5), (5, 2), (4, 4), (6, 3), (3, 6)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_convolutions_of_all_sizes(sizes: tuple[int, int], mode: Any, dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, v = ((rng.normal(size=n) + 1j * rng.normal(size=n)) for n in sizes)
    if dtype == "float64":
        a, v = a.real, v.real
    for name in ("convolve", "correlate"):
        fn = getattr(np, name)
        same(fn(xp.asarray(a, requires_grad=True), v, mode), fn(a, v, mode))


def test_formulas_keep_dtypes() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        np.insert([1, 2], np.asarray([True, False]), 0)
    for dtype in ("float32", "int32", "bool", "complex64"):
        a = np.asarray([1, 0, 1, 1], dtype=dtype)
        t = xp.asarray(a)
        same(np.vander(t), np.vander(a))
        same(np.delete(t, t != 0), np.delete(a, a != 0))
        same(np.insert(t, [1, 2], 1), np.insert(a, [1, 2], 1))
        if not told:  # else this release takes a mask for indices, and says so
            same(np.insert(t, np.asarray([True, False, True, False]), 0),
                 np.insert(a, np.asarray([True, False, True, False]), 0))  # fmt: skip
        same(np.select([t == 1], [t], 0), np.select([a == 1], [a], 0))
        same(np.block([t, 2.0]), np.block([a, 2.0]))
        if dtype != "bool":
            np.testing.assert_allclose(np.gradient(t, 2), np.gradient(a, 2), rtol=1e-6)
            assert np.gradient(t, 2).dtype == np.gradient(a, 2).dtype
            same(np.polyval([1, 2], t), np.polyval([1, 2], a))
            same(np.convolve(t, t), np.convolve(a, a))


def test_formulas_refuse_what_they_lack() -> None:
    leaf = xp.asarray(A[0], requires_grad=True)
    for call in (
        lambda: np.polyval(np.poly1d([1, 2]), leaf),
        lambda: np.gradient(leaf, edge_order=3),
        lambda: np.pad(leaf, 1, mode="mean"),
        lambda: np.ediff1d(leaf, to_end=1.0),
        lambda: np.block([[leaf], leaf]),
    ):
        with pytest.raises(TypeError, match="no equivalent"):
            call()


def test_functions_of_no_gradient() -> None:
    t = xp.asarray(A)
    assert np.shape(t) == (2, 3) and np.ndim(t) == 2 and np.size(t, 1) == 3
    assert np.allclose(t, A) is True and np.array_equal(t, A) is True
    assert np.array_equal(t, B) is False
    assert np.result_type(t, np.float32) == np.float64 and not np.iscomplexobj(t)
    assert np.shares_memory(t, t.numpy())
    same(np.argsort(t, axis=1), np.argsort(A, axis=1))
    same(np.argmax(t), np.argmax(A))
    same(np.nonzero(t > 0.4), np.nonzero(A > 0.4))
    same(np.isclose(t, A), np.isclose(A, A))
    same(np.searchsorted(t[0][:1], 0.6), np.asarray(np.searchsorted(A[0][:1], 0.6)))
    same(
        np.unique(xp.asarray([3, 1, 1]), return_counts=True),
        np.unique([3, 1, 1], return_counts=True),
    )
    for name in ("zeros_like", "ones_like", "full_like"):
        args = (2.0,) if name == "full_like" else ()
        same(getattr(np, name)(t, *args), getattr(np, name)(A, *args))
        same(getattr(np, name)(t, *args, dtype=np.float32), getattr(np, name)(A, *args, np.float32))
    np.testing.assert_allclose(t, A)
    np.testing.assert_array_equal(t, A)
    np.testing.assert_almost_equal(t, A)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(t, B)


def test_function_without_equivalent() -> None:
    t, leaf = xp.asarray(A), xp.asarray(A, requires_grad=True)
    same(np.i0(t), np.i0(A))
    counts, edges = np.histogram(t, bins=3)
    same((counts, edges), np.histogram(A, bins=3))
    with pytest.raises(
        TypeError, match=r"numpy.i0: tensorxp has no equivalent.*detach\(\).numpy\(\)"
    ):
        np.i0(leaf)
    with pytest.raises(TypeError, match="sim:0"):
        np.i0(xp.asarray(A, device="sim:0"))


def test_function_out_and_copyto() -> None:
    t, out = xp.asarray(A, requires_grad=True), xp.zeros(2)
    assert np.sum(t, axis=1, out=out) is out
    out.sum().backward()
    same(t.grad, np.ones((2, 3)))
    target = xp.zeros((2, 3))
    np.copyto(target, xp.asarray(A), where=A > 0.4)
    same(target, np.where(A > 0.4, A, 0))
    array = np.zeros(2)
    assert np.sum(xp.asarray(A), axis=1, out=array) is array
    with pytest.raises(TypeError, match="requires grad"):
        np.sum(t, axis=1, out=array)


def test_a_write_through_numpy_is_counted() -> None:
    x = xp.asarray(A, requires_grad=True)
    y = xp.asarray(B)
    z = x * y
    np.spacing(xp.asarray(A), out=y)
    with pytest.raises(RuntimeError, match="modified"):
        z.sum().backward()


def test_scipy_ufuncs() -> None:
    special = pytest.importorskip("scipy.special")
    pytest.importorskip("tensorxp.special")
    x = xp.asarray(A, requires_grad=True)
    for name in ("erf", "expit", "gammaln", "digamma", "xlogy"):
        ufunc = getattr(special, name)
        args = (xp.asarray(B),) if name == "xlogy" else ()
        found = ufunc(x, *args)
        same(found, ufunc(A, *(arg.numpy() for arg in args)))
        assert found.requires_grad
    with pytest.raises(TypeError, match="requires grad"):
        special.wofz(x)


@pytest.mark.parametrize("order", ["C", "F", "c", "f"])
def test_order_is_the_layout_of_the_result(order):
    a = np.arange(6.0).reshape(2, 3)
    calls = [
        lambda x: np.copy(x, order=order), lambda x: np.zeros_like(x, order=order),
        lambda x: np.full_like(x, 2.0, order=order), lambda x: np.sin(x, order=order),
        lambda x: np.add(x, 1.0, order=order), lambda x: np.einsum("ij->ji", x, order=order),
        lambda x: np.ones_like(x, shape=(3, 2), order=order), lambda x: np.modf(x, order=order)[0],
    ]  # fmt: skip
    for call in calls:
        found, right = call(xp.asarray(a)).numpy(), call(a)
        np.testing.assert_array_equal(found, right)
        assert found.flags[f"{order.upper()}_CONTIGUOUS"]
    x = xp.asarray(a, requires_grad=True)
    np.copy(x, order=order).sum().backward()
    assert x.grad.tolist() == np.ones((2, 3)).tolist()
    for wrong in ("Z", 1):
        with pytest.raises((TypeError, ValueError), match="order"):
            np.copy(x, order=wrong)


def test_elements_are_read_in_the_order_that_was_asked_for():
    a = np.arange(12.0).reshape(3, 4)
    for array in (a, a.T, a[:, ::2], a[:, ::-1], a.T[::2], np.asarray(3.0)):
        x, leaf = xp.asarray(array), xp.asarray(array).detach().requires_grad_()
        for order in "CFAKcfak":
            rights = [np.ravel(array, order=order)]
            calls = [lambda z, order=order: np.ravel(z, order=order)]
            if order not in "Kk":  # which reshape does not know
                rights.append(np.reshape(array, (1, -1), order=order))
                calls.append(lambda z, order=order: np.reshape(z, (1, -1), order=order))
            for call, right in zip(calls, rights, strict=True):
                np.testing.assert_array_equal(call(x), right)
                try:
                    found = call(leaf)
                except TypeError as error:
                    assert "requires grad" in str(error) and order not in "Cc"
                else:
                    np.testing.assert_array_equal(found.detach(), right)


def test_fix_broadcasts_to_its_out():
    out = xp.zeros((2, 3))
    assert np.fix(xp.asarray([1.5, -1.5, 2.0]), out=out) is out
    assert out.tolist() == [[1, -1, 2]] * 2


def test_a_ufunc_of_a_user_does_not_outlive_him():
    def double(value):
        return 2 * value

    gone = weakref.ref(double)
    assert np.frompyfunc(double, 1, 1)(xp.asarray(1.5)) == 3
    del double
    gc.collect(0)
    assert gone() is None


@pytest.mark.parametrize("name", "sum mean std max argmax all median nansum ptp take trace".split())
def test_out_of_another_shape_is_refused(name):
    x, more = xp.asarray(np.ones((3, 4))), (([0, 1],) if name == "take" else ())
    kind = getattr(np, name)(np.ones((3, 4)), *more).dtype
    out = xp.asarray(np.full((5, 2), 7, kind))
    with pytest.raises(ValueError, match=f"numpy.{name}: out has shape"):
        getattr(np, name)(x, *more, out=out)
    assert set(out.numpy().flat) == {kind.type(7)}
