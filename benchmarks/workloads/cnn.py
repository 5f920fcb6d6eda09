"""A training step (SGD) of a network of two convolution blocks on 32×1×28×28 images."""

from typing import Any

import numpy as np

from .. import peers, updates
from ..peers import Run
from .convolution import ByHand, shifted
from .mlp import cross_entropy, module_step

TITLE = "CNN step, 32×1×28×28"
CASES: dict[str, dict[str, Any]] = {"SGD": {}}
CHECKS = 3
TOLERANCE = 2e-3


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)

    def uniform(fan: int, *shape: int) -> np.ndarray:
        return rng.uniform(-(fan**-0.5), fan**-0.5, shape).astype(np.float32)

    state = {
        "0.weight": uniform(9, 16, 1, 3, 3),
        "0.bias": uniform(9, 16),
        "3.weight": uniform(144, 32, 16, 3, 3),
        "3.bias": uniform(144, 32),
        "7.weight": uniform(1568, 10, 1568),
        "7.bias": uniform(1568, 10),
    }
    x = rng.random((32, 1, 28, 28), dtype=np.float32)
    return {"x": x, "labels": rng.integers(0, 10, 32), "state": state}


def numpy_(x: np.ndarray, labels: np.ndarray, state: Any) -> Run:
    params = [value.copy() for value in state.values()]
    w1, b1, w2, b2, w3, b3 = params
    first, second = ByHand(x.shape, x.dtype), ByHand((len(x), 16, 14, 14), x.dtype)
    update, rows = updates.in_place("sgd"), np.arange(len(x))

    def run() -> tuple[Any, ...]:
        h1 = _rectify(first.forward(x, w1), b1)
        p1 = _pool(h1)
        h2 = _rectify(second.forward(p1, w2), b2)
        flat = _pool(h2).reshape(len(x), -1)
        loss, ct = cross_entropy(flat @ w3.T + b3, rows, labels)
        d3 = [ct.T @ flat, ct.sum(0)]
        pooled = flat.reshape(len(x), 32, 7, 7)
        ct = _pool_backward(h2, pooled, (ct @ w3).reshape(pooled.shape))
        db2 = ct.sum((0, 2, 3))
        dp1, dw2 = second.backward(p1, w2, ct)
        ct = _pool_backward(h1, p1, dp1)
        _, dw1 = first.backward(x, w1, ct, by_x=False)
        grads = [dw1, ct.sum((0, 2, 3)), dw2, db2, *d3]
        update(params, grads)
        return (loss, *grads)

    return run


def _rectify(x: np.ndarray, bias: np.ndarray) -> np.ndarray:
    x += bias[:, None, None]
    return np.maximum(x, 0, out=x)


def _corners(x: np.ndarray) -> list[np.ndarray]:
    return [x[:, :, i::2, j::2] for i in range(2) for j in range(2)]


def _pool(x: np.ndarray) -> np.ndarray:
    a, b, c, d = _corners(x)
    out = np.maximum(a, b)
    np.maximum(out, c, out=out)
    return np.maximum(out, d, out=out)


def _pool_backward(x: np.ndarray, pooled: np.ndarray, ct: Any) -> np.ndarray:
    """Return the cotangent before pooling and ReLU; ties are zeros, where ReLU is flat."""
    ct = ct * (pooled > 0)
    out = np.empty_like(x)
    for corner, result in zip(_corners(x), _corners(out), strict=True):
        np.multiply(ct, corner == pooled, out=result)
    return out


def network(nn: Any) -> Any:
    """Return the network, the same text for PyTorch and tensorxp."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1568, 10),
    )


def tensorxp_(x: np.ndarray, labels: np.ndarray, state: Any) -> Run:
    import tensorxp as xp

    return module_step(xp, network(xp.nn), x, labels, state, "sgd")


def torch_(x: np.ndarray, labels: np.ndarray, state: Any) -> Run:
    import torch

    return module_step(torch, network(torch.nn), x, labels, state, "sgd")


def forward(convolve: Any, relu: Any, pool: Any, x: Any, params: Any) -> Any:
    """Return the scores, for the libraries without modules."""
    w1, b1, w2, b2, w3, b3 = params
    h = pool(relu(convolve(x, w1) + b1.reshape((16, 1, 1))))
    h = pool(relu(convolve(h, w2) + b2.reshape((32, 1, 1))))
    return h.reshape((len(x), 1568)) @ w3.T + b3


def jax_(x: np.ndarray, labels: np.ndarray, state: Any, *, jit: bool) -> Run:
    import jax

    def convolve(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME")

    def pool(x: Any) -> Any:
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))

    def loss(params: Any, x: Any) -> Any:
        scores = jax.nn.log_softmax(forward(convolve, jax.nn.relu, pool, x, params))
        return -scores[np.arange(len(labels)), labels].mean()

    return peers.jax_step(loss, x, list(state.values()), "sgd", jit)


def autograd_(x: np.ndarray, labels: np.ndarray, state: Any) -> Run:
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    def pool(x: Any) -> Any:
        n, c, h, w = x.shape
        return anp.max(x.reshape((n, c, h // 2, 2, w // 2, 2)), axis=(3, 5))

    def loss(params: Any) -> Any:
        scores = forward(shifted, lambda h: anp.maximum(h, 0), pool, x, params)
        return anp.mean(logsumexp(scores, axis=1) - scores[np.arange(len(labels)), labels])

    return peers.autograd_step(loss, list(state.values()), "sgd")


def mygrad_(x: np.ndarray, labels: np.ndarray, state: Any) -> Run:
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import conv_nd, max_pool
    from mygrad.nnet.losses import softmax_crossentropy

    def loss(params: Any) -> Any:
        scores = forward(
            lambda x, w: conv_nd(x, w, stride=1, padding=1),
            relu,
            lambda x: max_pool(x, (2, 2), 2),
            x,
            params,
        )
        return softmax_crossentropy(scores, labels)

    return peers.mygrad_step(loss, list(state.values()), "sgd")
