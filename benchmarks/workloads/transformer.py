"""A transformer encoder layer on (8, 128, 128), 4 heads, 512 hidden units, with its gradient."""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "transformer encoder (8, 128, 128), 4 heads"
CASES: dict[str, dict[str, Any]] = {"both": {}}
TOLERANCE = 1e-2  # rounding moves a few of 524,288 units across the kink of ReLU
BATCH, LENGTH, WIDTH, HEADS, HIDDEN = 8, 128, 128, 4, 512
DEPTH = WIDTH // HEADS
EPSILON = 1e-5


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)

    def normal(*shape: int, around: float = 0.0) -> np.ndarray:
        return (around + 0.08 * rng.standard_normal(shape)).astype(np.float32)

    return {
        "x": rng.standard_normal((BATCH, LENGTH, WIDTH), dtype=np.float32),
        "w": rng.standard_normal((BATCH, LENGTH, WIDTH), dtype=np.float32),
        "state": {
            "self_attn.in_proj_weight": normal(3 * WIDTH, WIDTH),
            "self_attn.in_proj_bias": normal(3 * WIDTH),
            "self_attn.out_proj.weight": normal(WIDTH, WIDTH),
            "self_attn.out_proj.bias": normal(WIDTH),
            "linear1.weight": normal(HIDDEN, WIDTH),
            "linear1.bias": normal(HIDDEN),
            "linear2.weight": normal(WIDTH, HIDDEN),
            "linear2.bias": normal(WIDTH),
            "norm1.weight": normal(WIDTH, around=1.0),
            "norm1.bias": normal(WIDTH),
            "norm2.weight": normal(WIDTH, around=1.0),
            "norm2.bias": normal(WIDTH),
        },
    }


def _norm(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standardise the rows of `x` in place; return them and their scale."""
    x -= x.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt(np.einsum("ij,ij->i", x, x)[:, None] / x.shape[1] + EPSILON)
    x *= scale
    return x, scale


def _norm_backward(y: np.ndarray, scale: np.ndarray, ct: np.ndarray) -> np.ndarray:
    slope = np.einsum("ij,ij->i", y, ct)[:, None] / y.shape[1]
    out = y * slope
    np.subtract(ct, out, out=out)
    out -= ct.mean(axis=1, keepdims=True)
    out *= scale
    return out


def _split(x: np.ndarray) -> np.ndarray:
    """Return (3, batch, heads, length, depth) of the projected tokens, without a copy."""
    return x.reshape(BATCH, LENGTH, 3, HEADS, DEPTH).transpose(2, 0, 3, 1, 4)


def numpy_(x: np.ndarray, w: np.ndarray, state: Any) -> Run:
    w_in, b_in, w_out, b_out, w1, b1, w2, b2, g1, c1, g2, c2 = state.values()
    tokens, weights = x.reshape(-1, WIDTH), w.reshape(-1, WIDTH)

    def attention() -> tuple[Any, ...]:
        projected = tokens @ w_in.T
        projected += b_in
        q, k, v = _split(projected)
        p = q @ k.swapaxes(2, 3)
        p *= DEPTH**-0.5
        p -= p.max(axis=3, keepdims=True)
        np.exp(p, out=p)
        p /= p.sum(axis=3, keepdims=True)
        mixed = (p @ v).transpose(0, 2, 1, 3).reshape(-1, WIDTH)
        return q, k, v, p, mixed

    def attention_backward(q: Any, k: Any, v: Any, p: Any, ct: np.ndarray) -> np.ndarray:
        ct = ct.reshape(BATCH, LENGTH, HEADS, DEPTH).transpose(0, 2, 1, 3)
        out = np.empty((len(tokens), 3 * WIDTH), ct.dtype)
        dq, dk, dv = _split(out)
        dv[...] = p.swapaxes(2, 3) @ ct
        ds = ct @ v.swapaxes(2, 3)
        ds -= np.einsum("bhij,bhij->bhi", ds, p)[..., None]
        ds *= p
        ds *= DEPTH**-0.5
        dq[...] = ds @ k
        dk[...] = ds.swapaxes(2, 3) @ q
        return out

    def run() -> tuple[Any, ...]:
        q, k, v, p, mixed = attention()
        residual = mixed @ w_out.T
        residual += b_out
        residual += tokens
        y1, s1 = _norm(residual)
        n1 = y1 * g1 + c1
        f = n1 @ w1.T
        f += b1
        np.maximum(f, 0, out=f)
        residual = f @ w2.T
        residual += b2
        residual += n1
        y2, s2 = _norm(residual)
        value = np.vdot(y2 * g2 + c2, weights) / weights.size
        ct = weights / weights.size
        d_norm2 = [np.einsum("ij,ij->j", ct, y2), ct.sum(0)]
        ct = _norm_backward(y2, s2, ct * g2)
        cf = ct @ w2
        cf *= f > 0
        d_linear = [cf.T @ n1, cf.sum(0), ct.T @ f, ct.sum(0)]
        ct += cf @ w1
        d_norm1 = [np.einsum("ij,ij->j", ct, y1), ct.sum(0)]
        ct = _norm_backward(y1, s1, ct * g1)
        d_out = [ct.T @ mixed, ct.sum(0)]
        c_in = attention_backward(q, k, v, p, ct @ w_out)
        return (value, c_in.T @ tokens, c_in.sum(0), *d_out, *d_linear, *d_norm1, *d_norm2)

    return run


def module_run(lib: Any, x: np.ndarray, w: np.ndarray, state: Any) -> Run:
    """Run `nn.TransformerEncoderLayer`, the same text for PyTorch and tensorxp."""
    model = lib.nn.TransformerEncoderLayer(
        WIDTH, HEADS, dim_feedforward=HIDDEN, dropout=0.0, batch_first=True
    )
    data, weights = lib.asarray(x), lib.asarray(w)
    return peers.module_like(lib, model, state, lambda model: (model(data) * weights).mean())


def tensorxp_(x: np.ndarray, w: np.ndarray, state: Any) -> Run:
    import tensorxp as xp

    return module_run(xp, x, w, state)


def torch_(x: np.ndarray, w: np.ndarray, state: Any) -> Run:
    import torch

    return module_run(torch, x, w, state)


def layer(xp: Any, relu: Any, softmax: Any, x: Any, w: Any) -> Any:
    """Return the loss as a function of the weights, for the libraries without the layer."""

    def norm(x: Any, gain: Any, bias: Any) -> Any:
        centred = x - xp.mean(x, axis=-1, keepdims=True)
        variance = xp.mean(centred * centred, axis=-1, keepdims=True)
        return centred / xp.sqrt(variance + EPSILON) * gain + bias

    def loss(*weights: Any) -> Any:
        w_in, b_in, w_out, b_out, w1, b1, w2, b2, g1, c1, g2, c2 = weights
        projected = xp.matmul(x, w_in.T) + b_in
        heads = projected.reshape((BATCH, LENGTH, 3, HEADS, DEPTH))
        q, k, v = (xp.transpose(heads[:, :, i], (0, 2, 1, 3)) for i in range(3))
        p = softmax(xp.matmul(q, xp.swapaxes(k, 2, 3)) * DEPTH**-0.5)
        mixed = xp.transpose(xp.matmul(p, v), (0, 2, 1, 3)).reshape((BATCH, LENGTH, WIDTH))
        h = norm(x + xp.matmul(mixed, w_out.T) + b_out, g1, c1)
        f = xp.matmul(relu(xp.matmul(h, w1.T) + b1), w2.T) + b2
        return xp.mean(norm(h + f, g2, c2) * w)

    return loss


def jax_(x: np.ndarray, w: np.ndarray, state: Any, *, jit: bool) -> Run:
    import jax
    import jax.numpy as jnp

    function = layer(jnp, jax.nn.relu, jax.nn.softmax, jnp.asarray(x), jnp.asarray(w))
    return peers.jax_like(function, list(state.values()), jit)


def autograd_(x: np.ndarray, w: np.ndarray, state: Any) -> Run:
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    def softmax(s: Any) -> Any:
        return anp.exp(s - logsumexp(s, axis=3, keepdims=True))

    function = layer(anp, lambda h: anp.maximum(h, 0), softmax, x, w)
    return peers.autograd_like(function, list(state.values()))


def mygrad_(x: np.ndarray, w: np.ndarray, state: Any) -> Run:
    import mygrad as mg
    from mygrad.nnet.activations import relu, softmax

    return peers.mygrad_like(layer(mg, relu, softmax, x, w), list(state.values()))
