"""Softmax cross-entropy of (1000, 1000) float32 scores."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "softmax cross-entropy, 10⁶"
COMPILES = True
CASES = {"forward": {"gradient": False}, "both": {"gradient": True}}


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 1000), dtype=np.float32)
    return {"x": x, "labels": rng.integers(0, 1000, 1000)}


def numpy_(x: np.ndarray, labels: np.ndarray, *, gradient: bool) -> Run:
    rows, work = np.arange(len(x)), np.empty_like(x)

    def run() -> tuple[Any, ...]:
        np.subtract(x, x.max(axis=1, keepdims=True), out=work)
        picked = work[rows, labels]
        np.exp(work, out=work)
        total = work.sum(axis=1)
        loss = (np.log(total) - picked).mean()
        if not gradient:
            return (loss,)
        np.multiply(work, (1 / (len(x) * total))[:, None], out=work)
        work[rows, labels] -= 1 / len(x)
        return loss, work

    return run


def tensorxp_(x: np.ndarray, labels: np.ndarray, *, gradient: bool) -> Run:
    import tensorxp as xp

    target, cross_entropy = xp.asarray(labels), xp.nn.functional.cross_entropy
    return peers.torch_like(xp, lambda x: cross_entropy(x, target), [x], gradient)


def torch_(x: np.ndarray, labels: np.ndarray, *, gradient: bool) -> Run:
    import torch

    target, cross_entropy = torch.asarray(labels), torch.nn.functional.cross_entropy
    return peers.torch_like(torch, lambda x: cross_entropy(x, target), [x], gradient)


def jax_(x: np.ndarray, labels: np.ndarray, *, gradient: bool, jit: bool) -> Run:
    import jax

    def loss(x: Any) -> Any:
        return -jax.nn.log_softmax(x)[np.arange(len(labels)), labels].mean()

    return peers.jax_like(loss, [x], jit, gradient)


def autograd_(x: np.ndarray, labels: np.ndarray, *, gradient: bool) -> Run:
    from autograd.scipy.special import logsumexp

    rows = np.arange(len(x))
    return peers.autograd_like(
        lambda x: (logsumexp(x, axis=1) - x[rows, labels]).mean(), [x], gradient
    )


def mygrad_(x: np.ndarray, labels: np.ndarray, *, gradient: bool) -> Run:
    from mygrad.nnet.losses import softmax_crossentropy

    return peers.mygrad_like(lambda x: softmax_crossentropy(x, labels), [x], gradient)
