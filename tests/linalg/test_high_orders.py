"""Third and fourth derivatives along a line of matrices, in reverse and in nested forward mode."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorxp as xp

A, B = np.random.default_rng(0).standard_normal((2, 3, 3))

FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "cholesky": lambda lib, x: lib.sum(lib.linalg.cholesky(x @ x.mT)),
    "det": lambda lib, x: lib.linalg.det(x @ x),
    "eig": lambda lib, x: lib.sum(lib.abs(lib.linalg.eig(x)[1]) ** 4),
    "eigh": lambda lib, x: lib.sum(lib.linalg.eigh(x + x.mT)[1] ** 4),
    "eigvals": lambda lib, x: lib.sum(lib.real(lib.linalg.eigvals(x) ** 5)),
    "eigvalsh": lambda lib, x: lib.sum(lib.sin(lib.linalg.eigvalsh(x + x.mT))),
    "inv": lambda lib, x: lib.sum(lib.linalg.inv(x)),
    "irfftn": lambda lib, x: lib.sum(lib.fft.irfftn(lib.exp(1j * x)) ** 3),
    "matrix_norm": lambda lib, x: lib.linalg.matrix_norm(x, ord="nuc"),
    "matrix_power": lambda lib, x: lib.sum(lib.linalg.matrix_power(x, -2)),
    "pinv": lambda lib, x: lib.sum(lib.linalg.pinv(x[:, :2]) ** 2),
    "qr": lambda lib, x: lib.sum(lib.linalg.qr(x[:, :2])[0] ** 4),
    "slogdet": lambda lib, x: lib.linalg.slogdet(x)[1],
    "solve": lambda lib, x: lib.sum(lib.linalg.solve(x, lib.sin(x))),
    "svd": lambda lib, x: lib.sum(lib.linalg.svd(x[:, :2], full_matrices=False)[0] ** 4),
    "svdvals": lambda lib, x: lib.sum(lib.linalg.svdvals(x) ** 3),
    "vector_norm": lambda lib, x: lib.linalg.vector_norm(x, ord=3),
}


def reverse(lib: Any, fn: Callable[[Any, Any], Any], order: int) -> list[float]:
    """Return the derivatives of fn(A + t B) by t at 0, up to `order`, by repeated backward."""
    t = lib.asarray(0.0, dtype=lib.float64).requires_grad_()
    out = fn(lib, lib.asarray(A) + t * lib.asarray(B))
    found = []
    for _ in range(order):
        (out,) = lib.autograd.grad(out, t, create_graph=True)
        found.append(float(out.detach()))
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_four_derivatives_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    fn = FUNCTIONS[name]
    np.testing.assert_allclose(reverse(xp, fn, 4), reverse(torch, fn, 4), rtol=1e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nested_forward_mode_gives_the_same(name: str) -> None:
    fn = FUNCTIONS[name]
    found = []

    def path(t: Any) -> Any:
        return fn(xp, xp.asarray(A) + t * xp.asarray(B))

    for _ in range(3):
        path = along(path)
        found.append(float(path(xp.asarray(0.0))))
    np.testing.assert_allclose(found, reverse(xp, fn, 3), rtol=1e-8)


def along(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the derivative of a function of one number, by forward mode."""
    return lambda t: xp.autograd.jvp(fn, (t,), (xp.ones(()),))[1]
