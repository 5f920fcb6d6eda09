"""Chains of small operations on 4 elements, forward and backward; the time is per operation."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "chain of small operations"
COMPILES = True
CASES = {f"{n:,} operations": {"length": n} for n in (10, 100, 10_000)}
COUNT = {case: options["length"] for case, options in CASES.items()}


def inputs() -> dict[str, Any]:
    return {
        "x": np.array([0.1, 0.4, 0.7, 0.9]),
        "w": np.array([1.1, 1.2, 1.3, 1.4]),
        "b": np.array([0.1, 0.2, -0.1, 0.05]),
    }


def chain(xp: Any, x: Any, w: Any, b: Any, length: int) -> Any:
    """Apply sine, product and sum in turn."""
    sin = xp.sin
    for i in range(length):
        kind = i % 3
        x = sin(x) if kind == 0 else x * w if kind == 1 else x + b
    return x.sum()


def numpy_(x: np.ndarray, w: np.ndarray, b: np.ndarray, *, length: int) -> Run:
    def run() -> tuple[Any, ...]:
        y, values = x, []
        for i in range(length):
            values.append(y)
            kind = i % 3
            y = np.sin(y) if kind == 0 else y * w if kind == 1 else y + b
        ct, dw = np.ones_like(y), np.zeros_like(w)
        for i in reversed(range(length)):
            kind = i % 3
            if kind == 0:
                ct = ct * np.cos(values[i])
            elif kind == 1:
                dw += ct * values[i]
                ct = ct * w
        return y.sum(), ct, dw

    return run


def tensorxp_(x: np.ndarray, w: np.ndarray, b: np.ndarray, *, length: int) -> Run:
    import tensorxp as xp

    fixed = xp.asarray(b)
    return peers.torch_like(xp, lambda x, w: chain(xp, x, w, fixed, length), [x, w])


def torch_(x: np.ndarray, w: np.ndarray, b: np.ndarray, *, length: int) -> Run:
    import torch

    fixed = torch.asarray(b)
    return peers.torch_like(torch, lambda x, w: chain(torch, x, w, fixed, length), [x, w])


def jax_(x: np.ndarray, w: np.ndarray, b: np.ndarray, *, length: int, jit: bool) -> Run:
    import jax.numpy as jnp

    if jit and length > 1000:
        raise NotImplementedError("the unrolled program would take minutes to compile")
    fixed = jnp.asarray(b)
    return peers.jax_like(lambda x, w: chain(jnp, x, w, fixed, length), [x, w], jit)


def autograd_(x: np.ndarray, w: np.ndarray, b: np.ndarray, *, length: int) -> Run:
    import autograd.numpy as anp

    return peers.autograd_like(lambda x, w: chain(anp, x, w, b, length), [x, w])


def mygrad_(x: np.ndarray, w: np.ndarray, b: np.ndarray, *, length: int) -> Run:
    import mygrad as mg

    return peers.mygrad_like(lambda x, w: chain(mg, x, w, b, length), [x, w])
