"""An LSTM over 50 steps of (32, 128) float32, 128 units, with the gradient of its weights.

By each library's layer where it has one, and as users write it: a loop of small operations.
"""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "LSTM (32, 128, 50)"
COMPILES = True
CASES: dict[str, dict[str, Any]] = {"both": {}, "cell by cell": {"cells": True}}
TOLERANCE = 1e-3
LENGTH, BATCH, UNITS = 50, 32, 128


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    limit = UNITS**-0.5

    def uniform(*shape: int) -> np.ndarray:
        return rng.uniform(-limit, limit, shape).astype(np.float32)

    return {
        "x": rng.standard_normal((LENGTH, BATCH, UNITS), dtype=np.float32),
        "state": {
            "weight_ih_l0": uniform(4 * UNITS, UNITS),
            "weight_hh_l0": uniform(4 * UNITS, UNITS),
            "bias_ih_l0": uniform(4 * UNITS),
            "bias_hh_l0": uniform(4 * UNITS),
        },
    }


def numpy_(x: np.ndarray, state: Any, *, cells: bool = False) -> Run:
    w_in, w_hidden, b_in, b_hidden = state.values()
    n = UNITS
    gates = np.empty((LENGTH, BATCH, 4 * n), x.dtype)
    cells, outputs = (np.zeros((LENGTH + 1, BATCH, n), x.dtype) for _ in range(2))
    squashed = np.empty((LENGTH, BATCH, n), x.dtype)
    # σ(z) = (tanh(z / 2) + 1) / 2, so that one tanh serves the four gates
    scale = np.full(4 * n, 0.5, x.dtype)
    scale[2 * n : 3 * n] = 1
    shift = 1 - scale

    def forward() -> Any:
        np.matmul(x.reshape(-1, n), w_in.T, out=gates.reshape(-1, 4 * n))
        np.add(gates, b_in + b_hidden, out=gates)
        for t, z in enumerate(gates):
            z += outputs[t] @ w_hidden.T
            z *= scale
            np.tanh(z, out=z)
            z *= scale
            z += shift
            cell = cells[t + 1]
            np.multiply(z[:, n : 2 * n], cells[t], out=cell)
            cell += z[:, :n] * z[:, 2 * n : 3 * n]
            np.tanh(cell, out=squashed[t])
            np.multiply(z[:, 3 * n :], squashed[t], out=outputs[t + 1])
        return np.vdot(outputs[1:], outputs[1:]) / outputs[1:].size

    def run() -> tuple[Any, ...]:
        value = forward()
        ct_out = outputs[1:] * (2 / outputs[1:].size)
        ct_h, ct_c = np.zeros_like(cells[0]), np.zeros_like(cells[0])
        # σ' = s (1 - s) for three gates and tanh' = 1 - g² for one
        slopes = gates * (1 - gates)
        candidate = gates[:, :, 2 * n : 3 * n]
        slopes[:, :, 2 * n : 3 * n] = 1 - candidate * candidate
        for t in reversed(range(LENGTH)):
            z, ct = gates[t], slopes[t]
            ct_h += ct_out[t]
            y = squashed[t]
            ct_c += ct_h * z[:, 3 * n :] * (1 - y * y)
            ct[:, :n] *= ct_c * z[:, 2 * n : 3 * n]
            ct[:, n : 2 * n] *= ct_c * cells[t]
            ct[:, 2 * n : 3 * n] *= ct_c * z[:, :n]
            ct[:, 3 * n :] *= ct_h * y
            ct_c *= z[:, n : 2 * n]
            np.matmul(ct, w_hidden, out=ct_h)
        flat = slopes.reshape(-1, 4 * n)
        bias = flat.sum(axis=0)
        by_hidden = flat.T @ outputs[:-1].reshape(-1, n)
        return value, flat.T @ x.reshape(-1, n), by_hidden, bias, bias

    return run


def module_run(lib: Any, x: np.ndarray, state: Any) -> Run:
    """Run `nn.LSTM`, the same text for PyTorch and tensorxp."""
    data = lib.asarray(x)

    def loss(model: Any) -> Any:
        out, _ = model(data)
        return (out * out).mean()

    return peers.module_like(lib, lib.nn.LSTM(UNITS, UNITS), state, loss)


def tensorxp_(x: np.ndarray, state: Any, *, cells: bool = False) -> Run:
    import tensorxp as xp

    if cells:
        function = unrolled(xp, xp.nn.functional.sigmoid, xp.asarray(x))
        return peers.torch_like(xp, function, list(state.values()))
    return module_run(xp, x, state)


def torch_(x: np.ndarray, state: Any, *, cells: bool = False) -> Run:
    import torch

    if cells:
        function = unrolled(torch, torch.sigmoid, torch.asarray(x))
        return peers.torch_like(torch, function, list(state.values()))
    return module_run(torch, x, state)


def cell(xp: Any, sigmoid: Any, gates: Any, c: Any) -> Any:
    """Return the next (h, c) from the gates before they are activated."""
    n = UNITS
    c = sigmoid(gates[:, n : 2 * n]) * c + sigmoid(gates[:, :n]) * xp.tanh(gates[:, 2 * n : 3 * n])
    return sigmoid(gates[:, 3 * n :]) * xp.tanh(c), c


def unrolled(xp: Any, sigmoid: Any, x: Any, zeros: Any = None) -> Any:
    """Return the loss as a function of the four weights, with a Python loop over time."""

    def loss(w_in: Any, w_hidden: Any, b_in: Any, b_hidden: Any) -> Any:
        h = c = xp.zeros((BATCH, UNITS), dtype=xp.float32) if zeros is None else zeros
        outputs = []
        for t in range(LENGTH):
            gates = xp.matmul(x[t], w_in.T) + xp.matmul(h, w_hidden.T) + (b_in + b_hidden)
            h, c = cell(xp, sigmoid, gates, c)
            outputs.append(h)
        out = xp.stack(outputs)
        return (out * out).mean()

    return loss


def jax_(x: np.ndarray, state: Any, *, jit: bool, cells: bool = False) -> Run:
    import jax
    import jax.numpy as jnp

    data, zero = jnp.asarray(x), jnp.zeros((BATCH, UNITS), jnp.float32)

    def scanned(w_in: Any, w_hidden: Any, b_in: Any, b_hidden: Any) -> Any:
        def step(carry: Any, projected: Any) -> Any:
            h, c = cell(jnp, jax.nn.sigmoid, projected + carry[0] @ w_hidden.T, carry[1])
            return (h, c), h

        _, out = jax.lax.scan(step, (zero, zero), data @ w_in.T + (b_in + b_hidden))
        return (out * out).mean()

    loop = cells or not jit
    function = unrolled(jnp, jax.nn.sigmoid, data) if loop else scanned
    return peers.jax_like(function, list(state.values()), jit)


def autograd_(x: np.ndarray, state: Any, *, cells: bool = False) -> Run:
    import autograd.numpy as anp

    zeros = np.zeros((BATCH, UNITS), np.float32)
    function = unrolled(anp, lambda z: 0.5 * (anp.tanh(0.5 * z) + 1), x, zeros)
    return peers.autograd_like(function, list(state.values()))


def mygrad_(x: np.ndarray, state: Any, *, cells: bool = False) -> Run:
    import mygrad as mg
    from mygrad.nnet.activations import sigmoid

    zeros = np.zeros((BATCH, UNITS), np.float32)
    return peers.mygrad_like(unrolled(mg, sigmoid, x, zeros), list(state.values()))
