"""Standardise each column or row of (4096, 1024) float32, weighted sum, with its gradient."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "standardise (4096, 1024)"
COMPILES = True
CASES = {"axis 0, both": {"axis": 0}, "axis 1, both": {"axis": 1}}
EPSILON = 1e-5


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shape = (4096, 1024)
    return {
        "x": rng.standard_normal(shape, dtype=np.float32),
        "w": rng.standard_normal(shape, dtype=np.float32),
    }


def standardised(xp: Any, x: Any, w: Any, axis: int) -> Any:
    """Return the sum of w (x - mean) / √(variance + ε)."""
    centred = x - xp.mean(x, axis=axis, keepdims=True)
    variance = xp.mean(centred * centred, axis=axis, keepdims=True)
    return xp.sum(centred / xp.sqrt(variance + EPSILON) * w)


def numpy_(x: np.ndarray, w: np.ndarray, *, axis: int) -> Run:
    y, work = np.empty_like(x), np.empty_like(x)

    def mean(values: np.ndarray) -> np.ndarray:
        return values.mean(axis=axis, keepdims=True)

    def run() -> tuple[Any, ...]:
        np.subtract(x, mean(x), out=y)
        np.multiply(y, y, out=work)
        scale = 1 / np.sqrt(mean(work) + EPSILON)
        np.multiply(y, scale, out=y)
        # dx = (w - mean(w) - y mean(w y)) scale
        np.multiply(y, w, out=work)
        total, slope = work.sum(), mean(work)
        np.multiply(y, slope, out=y)
        np.subtract(w, y, out=y)
        np.subtract(y, mean(w), out=y)
        np.multiply(y, scale, out=y)
        return total, y

    return run


def tensorxp_(x: np.ndarray, w: np.ndarray, *, axis: int) -> Run:
    import tensorxp as xp

    fixed = xp.asarray(w)
    return peers.torch_like(xp, lambda x: standardised(xp, x, fixed, axis), [x])


def torch_(x: np.ndarray, w: np.ndarray, *, axis: int) -> Run:
    import torch

    fixed = torch.asarray(w)
    return peers.torch_like(torch, lambda x: standardised(torch, x, fixed, axis), [x])


def jax_(x: np.ndarray, w: np.ndarray, *, axis: int, jit: bool) -> Run:
    import jax.numpy as jnp

    fixed = jnp.asarray(w)
    return peers.jax_like(lambda x: standardised(jnp, x, fixed, axis), [x], jit)


def autograd_(x: np.ndarray, w: np.ndarray, *, axis: int) -> Run:
    import autograd.numpy as anp

    return peers.autograd_like(lambda x: standardised(anp, x, w, axis), [x])


def mygrad_(x: np.ndarray, w: np.ndarray, *, axis: int) -> Run:
    import mygrad as mg

    return peers.mygrad_like(lambda x: standardised(mg, x, w, axis), [x])
