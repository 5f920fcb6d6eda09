"""Mean of the log-sum-exp over the rows of (1000, 1000) float32, with its gradient."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "logsumexp, 10⁶"
COMPILES = True
CASES: dict[str, dict[str, Any]] = {"both": {}}


def inputs() -> dict[str, Any]:
    return {"x": np.random.default_rng(0).standard_normal((1000, 1000), dtype=np.float32)}


def numpy_(x: np.ndarray) -> Run:
    work = np.empty_like(x)

    def run() -> tuple[Any, ...]:
        top = x.max(axis=1, keepdims=True)
        np.subtract(x, top, out=work)
        np.exp(work, out=work)
        total = work.sum(axis=1, keepdims=True)
        np.multiply(work, 1 / (len(x) * total), out=work)
        return (np.log(total) + top).mean(), work

    return run


def tensorxp_(x: np.ndarray) -> Run:
    import tensorxp as xp

    return peers.torch_like(xp, lambda x: xp.mean(xp.special.logsumexp(x, axis=1)), [x])


def torch_(x: np.ndarray) -> Run:
    import torch

    return peers.torch_like(torch, lambda x: torch.logsumexp(x, dim=1).mean(), [x])


def jax_(x: np.ndarray, *, jit: bool) -> Run:
    import jax

    return peers.jax_like(lambda x: jax.nn.logsumexp(x, axis=1).mean(), [x], jit)


def autograd_(x: np.ndarray) -> Run:
    from autograd.scipy.special import logsumexp

    return peers.autograd_like(lambda x: logsumexp(x, axis=1).mean(), [x])


def mygrad_(x: np.ndarray) -> Run:
    import mygrad as mg

    def loss(x: Any) -> Any:
        top = x.data.max(axis=1, keepdims=True)
        return (mg.log(mg.exp(x - top).sum(axis=1)) + top[:, 0]).mean()

    return peers.mygrad_like(loss, [x])
