"""A Lotka-Volterra system by 1000 Runge-Kutta steps, with the gradient of the end state.

The system is written u' = u (r + A u), as vectors of two; the loss is Σ u(T)², by u(0), r and A.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "Lotka-Volterra, 1000 steps"
COMPILES = True
CASES: dict[str, dict[str, Any]] = {"both": {}}
STEPS, H = 1000, 0.01
TOLERANCE = 1e-7


def inputs() -> dict[str, Any]:
    return {
        "u": np.array([1.0, 1.5]),
        "r": np.array([1.1, -0.4]),
        "a": np.array([[0.0, -0.4], [0.1, 0.0]]),
    }


def numpy_(u: np.ndarray, r: np.ndarray, a: np.ndarray) -> Run:
    start, half, sixth = u, H / 2, H / 6

    def run() -> tuple[Any, ...]:
        u, tape = start, []
        for _ in range(STEPS):
            g1 = r + a @ u
            k1 = u * g1
            u2 = u + half * k1
            g2 = r + a @ u2
            k2 = u2 * g2
            u3 = u + half * k2
            g3 = r + a @ u3
            k3 = u3 * g3
            u4 = u + H * k3
            g4 = r + a @ u4
            tape.append((u, g1, u2, g2, u3, g3, u4, g4))
            u = u + sixth * (k1 + 2 * (k2 + k3) + u4 * g4)
        ct, dr, da, at = 2 * u, np.zeros_like(r), np.zeros_like(a), a.T
        for u1, g1, u2, g2, u3, g3, u4, g4 in reversed(tape):
            # Through k = u g and g = r + A u: ct_g = u ct_k, ct_u = g ct_k + Aᵀ ct_g
            edge = sixth * ct
            s4 = u4 * edge
            c4 = g4 * edge + at @ s4
            k = 2 * edge + H * c4
            s3 = u3 * k
            c3 = g3 * k + at @ s3
            k = 2 * edge + half * c3
            s2 = u2 * k
            c2 = g2 * k + at @ s2
            k = edge + half * c2
            s1 = u1 * k
            ct = ct + c4 + c3 + c2 + g1 * k + at @ s1
            dr += s1 + s2 + s3 + s4
            da += np.stack((s1, s2, s3, s4), 1) @ np.stack((u1, u2, u3, u4))
        return (u * u).sum(), ct, dr, da

    return run


def step(u: Any, r: Any, a: Any) -> Any:
    """Advance by one classical Runge-Kutta step."""

    def slope(u: Any) -> Any:
        return u * (r + a @ u)

    k1 = slope(u)
    k2 = slope(u + H / 2 * k1)
    k3 = slope(u + H / 2 * k2)
    k4 = slope(u + H * k3)
    return u + H / 6 * (k1 + 2 * (k2 + k3) + k4)


def loss(u: Any, r: Any, a: Any) -> Any:
    for _ in range(STEPS):
        u = step(u, r, a)
    return (u * u).sum()


def tensorxp_(**arrays: np.ndarray) -> Run:
    import tensorxp as xp

    return peers.torch_like(xp, loss, list(arrays.values()))


def torch_(**arrays: np.ndarray) -> Run:
    import torch

    return peers.torch_like(torch, loss, list(arrays.values()))


def jax_(u: np.ndarray, r: np.ndarray, a: np.ndarray, *, jit: bool) -> Run:
    import jax

    def scanned(u: Any, r: Any, a: Any) -> Any:
        end, _ = jax.lax.scan(lambda u, _: (step(u, r, a), None), u, length=STEPS)
        return (end * end).sum()

    function: Callable[..., Any] = scanned if jit else loss
    return peers.jax_like(function, [u, r, a], jit)


def autograd_(**arrays: np.ndarray) -> Run:
    import autograd.numpy as anp

    def loss(u: Any, r: Any, a: Any) -> Any:
        for _ in range(STEPS):
            u = step(u, r, a)
        return anp.sum(u * u)

    return peers.autograd_like(loss, list(arrays.values()))


def mygrad_(**arrays: np.ndarray) -> Run:
    return peers.mygrad_like(loss, list(arrays.values()))
