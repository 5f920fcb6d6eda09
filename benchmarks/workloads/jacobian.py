"""The Jacobian of tanh(W x) from 50 to 50 float64."""

from typing import Any

import numpy as np

from ..peers import Run

TITLE = "Jacobian 50 → 50"
CASES: dict[str, dict[str, Any]] = {"reverse": {}}


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"w": rng.standard_normal((50, 50)) / 7, "x": rng.standard_normal(50)}


def numpy_(w: np.ndarray, x: np.ndarray) -> Run:
    def run() -> tuple[Any, ...]:
        y = np.tanh(w @ x)
        return ((1 - y * y)[:, None] * w,)

    return run


def tensorxp_(w: np.ndarray, x: np.ndarray) -> Run:
    import tensorxp as xp

    matrix, point = xp.asarray(w), xp.asarray(x)
    return lambda: (xp.autograd.jacobian(lambda x: xp.tanh(matrix @ x), point),)


def torch_(w: np.ndarray, x: np.ndarray) -> Run:
    import torch

    matrix, point = torch.asarray(w), torch.asarray(x)
    call = torch.func.jacrev(lambda x: torch.tanh(matrix @ x))
    return lambda: (call(point),)


def jax_(w: np.ndarray, x: np.ndarray, *, jit: bool) -> Run:
    import jax
    import jax.numpy as jnp

    matrix, point = jnp.asarray(w), jnp.asarray(x)
    call = jax.jacrev(lambda x: jnp.tanh(matrix @ x))
    call = jax.jit(call) if jit else call
    return lambda: (call(point),)


def autograd_(w: np.ndarray, x: np.ndarray) -> Run:
    import autograd.numpy as anp
    from autograd import jacobian

    call = jacobian(lambda x: anp.tanh(anp.dot(w, x)))
    return lambda: (call(x),)


def mygrad_(w: np.ndarray, x: np.ndarray) -> Run:
    import mygrad as mg

    point = mg.tensor(x)

    def run() -> tuple[Any, ...]:
        rows = []
        for i in range(len(w)):  # a graph serves one backward pass
            mg.tanh(mg.matmul(w, point))[i].backward()
            rows.append(point.grad)
        return (np.stack(rows),)

    return run
