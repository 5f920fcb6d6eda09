"""Eigenvalues and eigenvectors: values and derivatives of what is unique in them."""

from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tests.harness import Row, table
from tests.linalg.samples import both, hermitian, regular


def square_of(x: Any) -> Any:
    return (x * x.conj()).real


def eigh(lib: Any, x: Any) -> Any:
    values, vectors = lib.linalg.eigh(hermitian(x))
    return values, square_of(vectors)


def spectral(lib: Any, x: Any) -> Any:
    values, v = lib.linalg.eigh(hermitian(x))
    return (v * lib.exp(values / 4)[..., None, :]) @ v.mT.conj()


def eigvalsh(lib: Any, x: Any) -> Any:
    return lib.linalg.eigvalsh(hermitian(x))


def complexes(lib: Any, x: Any) -> Any:
    """Return x as complex numbers, which NumPy does not always make of eigenvalues."""
    kind = {"float32": lib.complex64, "float64": lib.complex128}
    name = str(x.dtype).removeprefix("torch.")
    if name not in kind:
        return x
    return x.astype(kind[name]) if lib is np else x.to(kind[name])


def in_order(lib: Any, values: Any) -> Any:
    """Return the order of eigenvalues by size, in which every library agrees."""
    keys = values.real + 0.37 * values.imag
    return lib.argsort(keys if lib is np else keys.detach())


def eig(lib: Any, x: Any) -> Any:
    values, vectors = lib.linalg.eig(x)
    order = in_order(lib, values)
    return complexes(lib, values)[order], square_of(vectors)[:, order]


def eigvals(lib: Any, x: Any) -> Any:
    values = lib.linalg.eigvals(x)
    return complexes(lib, values)[in_order(lib, values)]


def rebuilt(lib: Any, x: Any) -> Any:
    values, v = lib.linalg.eig(x)
    return (v * lib.exp(values / 4)[..., None, :]) @ lib.linalg.inv(v)


ROWS: list[Row] = [
    both("eigh", eigh, (2, 3, 3)),
    both("eigh_spectral", spectral, (2, 4, 4)),
    both("eigvalsh", eigvalsh, (2, 3, 3)),
    both("eig", eig, (4, 4), rtol=1e-9),
    both("eigvals", eigvals, (4, 4), rtol=1e-9),
    both("eig_rebuilt", rebuilt, (2, 3, 3), reference=None),
]


@table(ROWS)
def test_row(row: Row, check: Any, kind: str, device: str) -> None:
    check(row, kind, device)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_eigh_gradient_is_hermitian_as_in_pytorch(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    a = hermitian(regular(4, 4, dtype=dtype)(np.random.default_rng(3)))
    x, t = xp.asarray(a, copy=True).requires_grad_(), torch.tensor(a, requires_grad=True)
    weights = np.random.default_rng(4).standard_normal((4, 4))
    for lib, y in ((xp, x), (torch, t)):
        values, vectors = lib.linalg.eigh(y)
        (values.sum() + (square_of(vectors) * lib.asarray(weights)).sum()).backward()
    found = x.grad.numpy()
    np.testing.assert_allclose(found, found.conj().T, atol=1e-13)
    np.testing.assert_allclose(found, t.grad.numpy(), atol=1e-12)


def test_eigenvalues_are_complex_and_vectors_have_norm_1() -> None:
    for dtype, expected in [(xp.float32, xp.complex64), (xp.float64, xp.complex128)]:
        x = xp.asarray([[2.0, 1.0], [0.0, 3.0]], dtype=dtype)
        values, vectors = xp.linalg.eig(x)
        assert values.dtype == vectors.dtype == xp.linalg.eigvals(x).dtype == expected
        assert xp.allclose(xp.linalg.vector_norm(vectors, axis=-2), xp.asarray(1, dtype=dtype))


def test_eigenvalues_have_a_gradient_at_ties() -> None:
    x = xp.eye(3, requires_grad=True)
    for values in (xp.linalg.eigvalsh(x), xp.linalg.eigh(x).eigenvalues):
        (g,) = xp.autograd.grad(xp.sum(values), x)
        assert xp.allclose(g, xp.eye(3))
    for values in (xp.linalg.eigvals(x), xp.linalg.eig(x).eigenvalues):
        (g,) = xp.autograd.grad(xp.sum(xp.real(values)), x)
        assert xp.allclose(g, xp.eye(3))


def test_eigenvectors_have_no_gradient_at_ties() -> None:
    x = xp.eye(3, requires_grad=True)
    (g,) = xp.autograd.grad(xp.linalg.eigh(x).eigenvectors[0, 1], x)
    assert not xp.all(xp.isfinite(g))


def test_results_have_the_standards_field_names() -> None:
    x = xp.eye(2)
    assert xp.linalg.eigh(x)._fields == xp.linalg.eig(x)._fields == ("eigenvalues", "eigenvectors")
    assert xp.linalg.qr(x)._fields == ("Q", "R")
    assert xp.linalg.svd(x)._fields == ("U", "S", "Vh")
    assert xp.linalg.slogdet(x)._fields == ("sign", "logabsdet")
