"""Loss and gradient of a logistic regression on (100,000, 50) float64."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "logistic regression, 10⁵ × 50"
COMPILES = True
CASES: dict[str, dict[str, Any]] = {"both": {}}
PENALTY = 1e-3


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100_000, 50))
    # The last column's sign, with noise: labels are -1 and 1.
    signs = np.sign(x[:, -1] + rng.standard_normal(len(x)))
    return {"x": x, "signs": signs, "w": 0.1 * rng.standard_normal(50)}


def numpy_(x: np.ndarray, signs: np.ndarray, w: np.ndarray) -> Run:
    def run() -> tuple[Any, ...]:
        margin = x @ w
        margin *= signs
        # log(1 + e⁻ᵐ) = max(-m, 0) + log1p(e⁻|m|) stays finite
        small = np.exp(-np.abs(margin))
        loss = np.maximum(-margin, 0).mean() + np.log1p(small).mean()
        slope = np.where(margin > 0, small, 1) / (1 + small)
        slope *= signs
        gradient = -(slope @ x) / len(x) + 2 * PENALTY * w
        return loss + PENALTY * (w @ w), gradient

    return run


def loss(xp: Any, zero: Any, x: Any, signs: Any, w: Any) -> Any:
    """Return the mean of log(1 + exp(-margin)) and the ridge penalty."""
    margin = xp.matmul(x, w) * signs
    return xp.mean(xp.logaddexp(zero, -margin)) + PENALTY * xp.sum(w * w)


def tensorxp_(x: np.ndarray, signs: np.ndarray, w: np.ndarray) -> Run:
    import tensorxp as xp

    data, labels, zero = xp.asarray(x), xp.asarray(signs), xp.asarray(0.0)
    return peers.torch_like(xp, lambda w: loss(xp, zero, data, labels, w), [w])


def torch_(x: np.ndarray, signs: np.ndarray, w: np.ndarray) -> Run:
    import torch

    data, labels, softplus = torch.asarray(x), torch.asarray(signs), torch.nn.functional.softplus

    def loss(w: Any) -> Any:
        return softplus(-(data @ w) * labels).mean() + PENALTY * (w * w).sum()

    return peers.torch_like(torch, loss, [w])


def jax_(x: np.ndarray, signs: np.ndarray, w: np.ndarray, *, jit: bool) -> Run:
    import jax
    import jax.numpy as jnp

    data, labels = jnp.asarray(x), jnp.asarray(signs)

    def loss(w: Any, data: Any, labels: Any) -> Any:
        return jax.nn.softplus(-(data @ w) * labels).mean() + PENALTY * (w * w).sum()

    call = jax.value_and_grad(loss)
    call = jax.jit(call) if jit else call
    start = jnp.asarray(w)
    return lambda: call(start, data, labels)


def autograd_(x: np.ndarray, signs: np.ndarray, w: np.ndarray) -> Run:
    import autograd.numpy as anp

    return peers.autograd_like(lambda w: loss(anp, 0.0, x, signs, w), [w])


def mygrad_(x: np.ndarray, signs: np.ndarray, w: np.ndarray) -> Run:
    import mygrad as mg

    return peers.mygrad_like(lambda w: loss(mg, 0.0, x, signs, w), [w])
