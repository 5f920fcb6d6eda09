"""Product of two (2048, 2048) float32 matrices."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "matrix product 2048"
CASES: dict[str, dict[str, Any]] = {"forward": {}}


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    shape = (2048, 2048)
    return {
        "a": rng.standard_normal(shape, dtype=np.float32),
        "b": rng.standard_normal(shape, dtype=np.float32),
    }


def product(a: Any, b: Any) -> Any:
    return a @ b


def numpy_(a: np.ndarray, b: np.ndarray) -> Run:
    return lambda: (a @ b,)


def tensorxp_(a: np.ndarray, b: np.ndarray) -> Run:
    import tensorxp as xp

    return peers.torch_like(xp, product, [a, b], gradient=False)


def torch_(a: np.ndarray, b: np.ndarray) -> Run:
    import torch

    return peers.torch_like(torch, product, [a, b], gradient=False)


def jax_(a: np.ndarray, b: np.ndarray, *, jit: bool) -> Run:
    return peers.jax_like(product, [a, b], jit, gradient=False)


def autograd_(a: np.ndarray, b: np.ndarray) -> Run:
    import autograd.numpy as anp

    return peers.autograd_like(anp.matmul, [a, b], gradient=False)


def mygrad_(a: np.ndarray, b: np.ndarray) -> Run:
    import mygrad as mg

    return peers.mygrad_like(mg.matmul, [a, b], gradient=False)
