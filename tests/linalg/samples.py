"""Samplers of matrices that are well away from singular ones and from ties."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import Sampler
from tests.harness import Row


def regular(*shape: int, dtype: str = "float64") -> Sampler:
    """Return a sampler of matrices with singular values spread between 1 and 2.5."""

    def sample(rng: np.random.Generator) -> Any:
        a = rng.standard_normal(shape)
        if dtype == "complex128":
            a = a + 1j * rng.standard_normal(shape)
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        return (u * np.linspace(2.5, 1, s.shape[-1])) @ vh

    return sample


def both(name: str, fn: Callable[..., Any], *shapes: tuple[int, ...], **more: Any) -> Row:
    """Return the row of `fn(library, *matrices)`, compared with NumPy and PyTorch."""

    def in_torch(*xs: Any) -> Any:
        return fn(pytest.importorskip("torch"), *xs)

    more.setdefault("torch", in_torch)
    more.setdefault("reference", partial(fn, np))
    more.setdefault("rtol", 1e-10)
    complex_ = more.pop("complex", True)
    if complex_:
        complex_ = tuple(regular(*shape, dtype="complex128") for shape in shapes)
    inputs = tuple(regular(*shape) for shape in shapes)
    return Row(name, partial(fn, xp), inputs, complex=complex_, **more)


def hermitian(x: Any) -> Any:
    """Return x + xᴴ, of any library."""
    return x + x.mT.conj()


def definite(x: Any) -> Any:
    """Return x xᴴ, of any library."""
    return x @ x.mT.conj()
