"""Twelve elementwise operations on 10⁶ float32 in a row, then the mean."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "12 elementwise operations, 10⁶"
COMPILES = True
CASES = {"forward": {"gradient": False}, "both": {"gradient": True}}


def inputs() -> dict[str, Any]:
    return {"x": np.random.default_rng(0).standard_normal(10**6, dtype=np.float32)}


def chain(xp: Any, x: Any) -> Any:
    """Return the mean of 2 |x / (√(c² + 1) / 2) + x| with c = (1.5 x + 0.5) x - x."""
    y = x * 1.5
    y = y + 0.5
    y = y * x
    y = y - x
    y = y * y
    y = y + 1.0
    y = xp.sqrt(y)
    y = y * 0.5
    y = x / y
    y = y + x
    y = xp.abs(y)
    y = y * 2.0
    return y.mean()


def numpy_(x: np.ndarray, *, gradient: bool) -> Run:
    a, c, e, root, h, y = (np.empty_like(x) for _ in range(6))

    def run() -> tuple[Any, ...]:
        np.multiply(x, 1.5, out=a)
        np.add(a, 0.5, out=a)
        np.multiply(a, x, out=c)
        np.subtract(c, x, out=c)
        np.multiply(c, c, out=e)
        np.add(e, 1, out=e)
        np.sqrt(e, out=root)
        np.multiply(root, 0.5, out=root)
        np.divide(x, root, out=h)
        np.add(h, x, out=y)
        np.abs(y, out=y)
        np.multiply(y, 2, out=y)
        return (y.mean(), backward()) if gradient else (y.mean(),)

    def backward() -> np.ndarray:
        ct, dx = y, a  # y is no longer needed; a takes dx at the end
        np.copysign(2 / x.size, x, out=ct)  # y has the sign of x before the abs
        # d(x / root) and d(root) = c dc / (4 root): dc = -ct h c / (4 root²) = -ct h c / e
        np.divide(ct, root, out=root)
        np.multiply(h, c, out=h)
        np.divide(h, e, out=h)
        np.multiply(h, ct, out=h)
        np.add(ct, root, out=ct)
        # dc reaches x through (1.5 x + 0.5) x - x: a + 1.5 x - 1 = 3 x - 0.5
        np.multiply(x, 3, out=dx)
        np.subtract(dx, 0.5, out=dx)
        np.multiply(dx, h, out=dx)
        np.subtract(ct, dx, out=dx)
        return dx

    return run


def tensorxp_(x: np.ndarray, *, gradient: bool) -> Run:
    import tensorxp as xp

    return peers.torch_like(xp, lambda x: chain(xp, x), [x], gradient)


def torch_(x: np.ndarray, *, gradient: bool) -> Run:
    import torch

    return peers.torch_like(torch, lambda x: chain(torch, x), [x], gradient)


def jax_(x: np.ndarray, *, gradient: bool, jit: bool) -> Run:
    import jax.numpy as jnp

    return peers.jax_like(lambda x: chain(jnp, x), [x], jit, gradient)


def autograd_(x: np.ndarray, *, gradient: bool) -> Run:
    import autograd.numpy as anp

    return peers.autograd_like(lambda x: chain(anp, x), [x], gradient)


def mygrad_(x: np.ndarray, *, gradient: bool) -> Run:
    import mygrad as mg

    return peers.mygrad_like(lambda x: chain(mg, x), [x], gradient)
