"""Scaled dot product attention as one operation: by cuDNN where it can, else by products.

s = scale · q kᵀ (above the diagonal −∞ where causal), p = softmax(s), y = p v. The second
output, log Σ exp s, is what backward needs to make p anew instead of keeping it.
"""

from typing import Any

from tensorxp._backend import cudnn
from tensorxp._backend.blocks import on_host
from tensorxp._core.door import apply
from tensorxp._core.primitive import primitive
from tensorxp._core.tensor import Tensor


def _scores(xp: Any, q: Any, k: Any, causal: bool, scale: float) -> Any:
    """Return the scores in single precision at least."""
    wide = xp.result_type(q.dtype, xp.float32)
    q, k = xp.astype(q, wide, copy=False), xp.astype(k, wide, copy=False)
    s = xp.matmul(q * scale, xp.matrix_transpose(k))
    if causal:
        rows = xp.expand_dims(xp.arange(q.shape[-2], device=q.device), axis=1)
        s = xp.where(rows >= xp.arange(k.shape[-2], device=q.device), s, -xp.inf)
    return s


@primitive
def attention_p(xp: Any, q: Any, k: Any, v: Any, *, causal: bool, scale: float) -> Any:
    """Return y and the logarithms of the sums of exponentials, (…, L, 1)."""
    if not on_host(xp):
        found = cudnn.attention(xp, q, k, v, causal, scale)
        if found is not None:
            return tuple(found)
    s = _scores(xp, q, k, causal, scale)
    top = xp.max(s, axis=-1, keepdims=True)
    e = xp.exp(s - top)
    total = xp.sum(e, axis=-1, keepdims=True, dtype=e.dtype)
    y = xp.matmul(e / total, xp.astype(v, e.dtype, copy=False))
    return xp.astype(y, v.dtype, copy=False), top + xp.log(total)


@attention_p.vjp
def _(xp: Any, ct: Any, q: Any, k: Any, v: Any, out: Any, *, causal: bool, scale: float) -> Any:
    # dv = pᵀ dy, ds = p (dy vᵀ − Σ dy y + dlog Σ exp s), dq = scale ds k, dk = scale dsᵀ q
    (dy, dstats), (y, stats) = ct, out
    if not isinstance(dy, Tensor) and not on_host(xp) and not bool((dstats != 0).any()):
        found = cudnn.attention_backward(xp, dy, q, k, v, y, stats, causal, scale)
        if found is not None:
            return tuple(found)
    p = xp.exp(_scores(xp, q, k, causal, scale) - stats)
    wide = p.dtype
    dy, y = xp.astype(dy, wide, copy=False), xp.astype(y, wide, copy=False)
    along = xp.sum(dy * y, axis=-1, keepdims=True, dtype=wide)
    dp = xp.matmul(dy, xp.matrix_transpose(xp.astype(v, wide, copy=False)))
    ds = p * (dp - along + dstats) * scale
    return (
        xp.matmul(ds, xp.astype(k, wide, copy=False)),
        xp.matmul(xp.matrix_transpose(ds), xp.astype(q, wide, copy=False)),
        xp.matmul(xp.matrix_transpose(p), dy),
    )


@attention_p.jvp
def _(xp: Any, t: Any, q: Any, k: Any, v: Any, out: Any, *, causal: bool, scale: float) -> Any:
    # dp = p (ds − Σ p ds), dy = dp v + p dv, and d log Σ exp s = Σ p ds
    p = xp.exp(_scores(xp, q, k, causal, scale) - out[1])
    wide = p.dtype
    ds = xp.zeros_like(p)
    if t[0] is not None:
        turned = xp.matrix_transpose(xp.astype(k, wide, copy=False))
        ds = ds + xp.matmul(xp.astype(t[0], wide, copy=False) * scale, turned)
    if t[1] is not None:
        turned = xp.matrix_transpose(xp.astype(t[1], wide, copy=False))
        ds = ds + xp.matmul(xp.astype(q, wide, copy=False) * scale, turned)
    along = xp.sum(p * ds, axis=-1, keepdims=True, dtype=wide)
    dy = xp.matmul(p * (ds - along), xp.astype(v, wide, copy=False))
    if t[2] is not None:
        dy = dy + xp.matmul(p, xp.astype(t[2], wide, copy=False))
    return xp.astype(dy, v.dtype, copy=False), along


def attention(q: Any, k: Any, v: Any, *, causal: bool, scale: float) -> Any:
    """Return softmax(scale · q kᵀ) v of (…, L, E), (…, M, E) and (…, M, F) of equal stacks."""
    return apply(attention_p, (q, k, v), {"causal": causal, "scale": scale})[0]


def fusible(q: Any, k: Any, v: Any) -> bool:
    """Return whether cuDNN may do the attention of these tensors."""
    return (
        q._device.type == "cuda"
        and q._data.dtype.char == "e"
        and q._data.ndim == 4
        and q._data.shape[:-2] == k._data.shape[:-2] == v._data.shape[:-2]
        and cudnn.enabled()
    )
