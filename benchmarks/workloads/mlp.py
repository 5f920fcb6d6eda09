"""A training step of a 784-512-256-10 network with ReLU on batches of 128, by SGD and Adam."""

from typing import Any

import numpy as np

from .. import peers, updates
from ..peers import Run

TITLE = "MLP step, batch 128"
CASES = {"SGD": {"optimizer": "sgd"}, "Adam": {"optimizer": "adam"}}
CHECKS = 3
TOLERANCE = 2e-3
SIZES = (784, 512, 256, 10)


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    state = {}
    for i, (rows, columns) in enumerate(zip(SIZES[1:], SIZES[:-1], strict=True)):
        limit = columns**-0.5
        state[f"{2 * i}.weight"] = rng.uniform(-limit, limit, (rows, columns)).astype(np.float32)
        state[f"{2 * i}.bias"] = rng.uniform(-limit, limit, rows).astype(np.float32)
    x = rng.random((128, 784), dtype=np.float32)
    return {"x": x, "labels": rng.integers(0, 10, 128), "state": state}


def numpy_(x: np.ndarray, labels: np.ndarray, state: Any, *, optimizer: str) -> Run:
    params = [value.copy() for value in state.values()]
    w1, b1, w2, b2, w3, b3 = params
    update, rows = updates.in_place(optimizer), np.arange(len(x))

    def run() -> tuple[Any, ...]:
        h1 = x @ w1.T
        h1 += b1
        np.maximum(h1, 0, out=h1)
        h2 = h1 @ w2.T
        h2 += b2
        np.maximum(h2, 0, out=h2)
        p = h2 @ w3.T
        p += b3
        loss, ct = cross_entropy(p, rows, labels)
        ct2 = ct @ w3
        ct2 *= h2 > 0
        ct1 = ct2 @ w2
        ct1 *= h1 > 0
        grads = [ct1.T @ x, ct1.sum(0), ct2.T @ h1, ct2.sum(0), ct.T @ h2, ct.sum(0)]
        update(params, grads)
        return (loss, *grads)

    return run


def cross_entropy(p: np.ndarray, rows: np.ndarray, labels: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the mean loss of scores `p` and, in place, its cotangent."""
    p -= p.max(axis=1, keepdims=True)
    picked = p[rows, labels]
    np.exp(p, out=p)
    total = p.sum(axis=1)
    loss = (np.log(total) - picked).mean()
    p /= (total * len(rows))[:, None]
    p[rows, labels] -= 1 / len(rows)
    return loss, p


def network(nn: Any) -> Any:
    """Return the network, the same text for PyTorch and tensorxp."""
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    )


def module_step(
    lib: Any, model: Any, x: np.ndarray, labels: np.ndarray, state: Any, optimizer: str
) -> Run:
    """Train a classifier of `torch` or `tensorxp`."""
    kind = {"sgd": lib.optim.SGD, "adam": lib.optim.Adam}[optimizer]
    data, target, criterion = lib.asarray(x), lib.asarray(labels), lib.nn.functional.cross_entropy
    return peers.module_like(
        lib,
        model,
        state,
        lambda model: criterion(model(data), target),
        lambda parameters: kind(parameters, lr=updates.RATES[optimizer]),
    )


def tensorxp_(x: np.ndarray, labels: np.ndarray, state: Any, *, optimizer: str) -> Run:
    import tensorxp as xp

    return module_step(xp, network(xp.nn), x, labels, state, optimizer)


def torch_(x: np.ndarray, labels: np.ndarray, state: Any, *, optimizer: str) -> Run:
    import torch

    return module_step(torch, network(torch.nn), x, labels, state, optimizer)


def forward(relu: Any, x: Any, params: Any) -> Any:
    """Return the scores, for the libraries without modules."""
    w1, b1, w2, b2, w3, b3 = params
    return relu(relu(x @ w1.T + b1) @ w2.T + b2) @ w3.T + b3


def jax_(x: np.ndarray, labels: np.ndarray, state: Any, *, optimizer: str, jit: bool) -> Run:
    import jax

    def loss(params: Any, x: Any) -> Any:
        scores = jax.nn.log_softmax(forward(jax.nn.relu, x, params))
        return -scores[np.arange(len(labels)), labels].mean()

    return peers.jax_step(loss, x, list(state.values()), optimizer, jit)


def autograd_(x: np.ndarray, labels: np.ndarray, state: Any, *, optimizer: str) -> Run:
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    def loss(params: Any) -> Any:
        scores = forward(lambda h: anp.maximum(h, 0), x, params)
        return anp.mean(logsumexp(scores, axis=1) - scores[np.arange(len(labels)), labels])

    return peers.autograd_step(loss, list(state.values()), optimizer)


def mygrad_(x: np.ndarray, labels: np.ndarray, state: Any, *, optimizer: str) -> Run:
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    return peers.mygrad_step(
        lambda params: softmax_crossentropy(forward(relu, x, params), labels),
        list(state.values()),
        optimizer,
    )
