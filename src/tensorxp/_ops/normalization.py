"""Normalization, each one node: `layer_norm` over the last axes, `batch_norm` over all but one.

Raw kernels work on blocks that stay in the cache; on Tensors the rules use formulas of the
public namespace.
"""

from math import prod
from typing import Any

from tensorxp._backend import kernels
from tensorxp._backend.blocks import row_blocks
from tensorxp._core.door import apply
from tensorxp._core.primitive import primitive
from tensorxp._core.tensor import Tensor


def _rows(xp: Any, x: Any, ndim: int) -> Any:
    """Return `x` with its last `ndim` axes in one, and the others in one."""
    lead = x.ndim - ndim
    return xp.reshape(x, (prod(x.shape[:lead]), prod(x.shape[lead:])))


layer_norm_p = primitive(kernels.layer_norm)


def _standard(xp: Any, rows: Any, eps: float) -> tuple[Any, Any]:
    centred = rows - xp.mean(rows, axis=1, keepdims=True)
    scale = 1 / xp.sqrt(xp.mean(centred * centred, axis=1, keepdims=True) + eps)
    return centred * scale, scale


@layer_norm_p.vjp
def _(
    xp: Any, ct: Any, x: Any, weight: Any, out1: Any, out2: Any, needs: Any, *, ndim: int,
    eps: float,
) -> Any:  # fmt: skip
    # y = (x - m) s, ŷ = w y + b: dx = s (c - mean(c) - y mean(c y)), c = w dŷ
    rows, cts = _rows(xp, x, ndim), _rows(xp, ct[0], ndim)
    gain = None if weight is None else xp.reshape(weight, (-1,))
    if isinstance(x, Tensor):
        y, scale = _standard(xp, rows, eps)
        c = cts if gain is None else cts * gain
        back = scale * (
            c - xp.mean(c, axis=1, keepdims=True) - y * xp.mean(c * y, axis=1, keepdims=True)
        )
        by_gain, by_shift = xp.sum(cts * y, axis=0), xp.sum(cts, axis=0)
    else:
        back, by_gain, by_shift = kernels.layer_norm_back(xp, rows, cts, gain, out1, out2, needs)
    shape = x.shape[x.ndim - ndim :]
    return (
        xp.reshape(back, x.shape) if needs[0] else None,
        xp.reshape(by_gain, shape) if needs[1] else None,
        xp.reshape(by_shift, shape) if needs[2] else None,
    )


@layer_norm_p.jvp
def _(xp: Any, t: Any, x: Any, weight: Any, *, ndim: int, eps: float) -> Any:
    y, scale = _standard(xp, _rows(xp, x, ndim), eps)
    total: Any = None
    if t[0] is not None:
        v = _rows(xp, t[0], ndim)
        v = v - xp.mean(v, axis=1, keepdims=True)
        total = scale * (v - y * xp.mean(v * y, axis=1, keepdims=True))
        if weight is not None:
            total = total * xp.reshape(weight, (-1,))
    if t[1] is not None:
        part = y * xp.reshape(t[1], (-1,))
        total = part if total is None else total + part
    if t[2] is not None:
        part = xp.broadcast_to(xp.reshape(t[2], (-1,)), y.shape)
        total = part if total is None else total + part
    return xp.reshape(total, x.shape), None, None


def layer_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, /, *, ndim: int, eps: float
) -> Tensor:
    """Return `x` standardised over its last `ndim` axes, times `weight`, plus `bias`."""
    out: Tensor = apply(layer_norm_p, (x, weight, bias), {"ndim": ndim, "eps": eps})[0]
    return out


def _channel_sum(xp: Any, x: Any) -> Any:
    """Return the sums (C,) of an array (N, C, L)."""
    if x.shape[2] == 1:
        return xp.sum(x[:, :, 0], axis=0, dtype=x.dtype)
    return xp.sum(xp.sum(x, axis=2, dtype=x.dtype), axis=0, dtype=x.dtype)


def _channel_dot(xp: Any, a: Any, b: Any) -> Any:
    if a.shape[2] == 1:
        return xp.base.einsum("ij,ij->j", a[:, :, 0], b[:, :, 0])
    return xp.vecdot(a, b).sum(axis=0)


def _channels(xp: Any, x: Any) -> Any:
    return xp.reshape(x, (x.shape[0], x.shape[1], prod(x.shape[2:])))


@primitive
def batch_norm_p(xp: Any, x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    """Return x standardised over all axes but the second; the means and variances (C,)."""
    images = _channels(xp, x)
    n, channels, length = images.shape
    given = [a for a in (x, weight, bias) if a is not None]
    out = xp.empty(images.shape, dtype=xp.result_type(*given))
    mean = _channel_sum(xp, images) / (n * length)
    var = xp.zeros(channels, dtype=x.dtype)
    centre = mean[:, None]
    for part in row_blocks(xp, n, channels * length):
        y = xp.subtract(images[part], centre, out=out[part])
        var += _channel_dot(xp, y, y)
    var /= n * length
    scale = 1 / xp.sqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    scale = scale[:, None]
    for part in row_blocks(xp, n, channels * length):
        y = out[part]
        y *= scale
        if bias is not None:
            y += bias[:, None]
    return out.reshape(x.shape), mean, var


@batch_norm_p.vjp
def _(
    xp: Any, ct: Any, x: Any, weight: Any, out1: Any, out2: Any, needs: Any, *, eps: float
) -> Any:
    # as layer_norm, with the means over the batch and the spatial axes
    images, cts = _channels(xp, x), _channels(xp, ct[0])
    n, _, length = images.shape
    count = n * length
    if isinstance(x, Tensor):
        mean = xp.mean(images, axis=(0, 2), keepdims=True)
        centred = images - mean
        scale = 1 / xp.sqrt(xp.mean(centred * centred, axis=(0, 2), keepdims=True) + eps)
        y = centred * scale
        by_shift = xp.sum(cts, axis=(0, 2), keepdims=True)
        by_gain = xp.sum(cts * y, axis=(0, 2), keepdims=True)
        gain = scale if weight is None else scale * xp.reshape(weight, (1, -1, 1))
        back = gain * (cts - by_shift / count - y * (by_gain / count))
        back = xp.reshape(back, x.shape)
        by_gain, by_shift = xp.reshape(by_gain, (-1,)), xp.reshape(by_shift, (-1,))
    else:
        scale = 1 / xp.sqrt(out2 + eps)
        back, by_gain, by_shift = _batch_norm_back(xp, images, cts, weight, out1, scale, needs)
        back = back if back is None else back.reshape(x.shape)
    return back, by_gain if needs[1] else None, by_shift if needs[2] else None


def _batch_norm_back(
    xp: Any, images: Any, cts: Any, weight: Any, mean: Any, scale: Any, needs: Any
) -> Any:
    n, channels, length = images.shape
    count = n * length
    centre = mean[:, None]
    by_shift = _channel_sum(xp, cts)
    by_gain = xp.zeros(channels, dtype=cts.dtype)
    parts = row_blocks(xp, n, channels * length)
    for part in parts:
        by_gain += _channel_dot(xp, cts[part], images[part] - centre)
    by_gain *= scale
    if not needs[0]:
        return None, by_gain, by_shift
    gain = scale if weight is None else scale * weight
    back = xp.empty(images.shape, dtype=cts.dtype)
    slope = (gain * scale * by_gain / count)[:, None]
    offset = (gain * by_shift / count)[:, None]
    factor = gain[:, None]
    for part in parts:
        y = images[part] - centre
        y *= slope
        y += offset
        target = xp.multiply(cts[part], factor, out=back[part])
        target -= y
    return back, by_gain, by_shift


@batch_norm_p.jvp
def _(xp: Any, t: Any, x: Any, weight: Any, *, eps: float) -> Any:
    images = _channels(xp, x)
    over = (0, 2)
    centred = images - xp.mean(images, axis=over, keepdims=True)
    var = xp.mean(centred * centred, axis=over, keepdims=True)
    scale = 1 / xp.sqrt(var + eps)
    y = centred * scale
    total = by_mean = by_var = None
    if t[0] is not None:
        v = _channels(xp, t[0])
        m = xp.mean(v, axis=over, keepdims=True)
        dot = xp.mean(v * y, axis=over, keepdims=True)
        total = scale * (v - m - y * dot)
        by_mean, by_var = xp.reshape(m, (-1,)), xp.reshape(2 * dot / scale, (-1,))
        if weight is not None:
            total = total * xp.reshape(weight, (1, -1, 1))
    for part in (
        None if t[1] is None else y * xp.reshape(t[1], (1, -1, 1)),
        None if t[2] is None else xp.broadcast_to(xp.reshape(t[2], (1, -1, 1)), y.shape),
    ):
        if part is not None:
            total = part if total is None else total + part
    return xp.reshape(total, x.shape), by_mean, by_var


def batch_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, /, *, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return `x` (N, C, …) standardised over all axes but C; the mean and variance of each.

    The gradient passes through the first output only.
    """
    out, mean, var = apply(batch_norm_p, (x, weight, bias), {"eps": eps})
    return out, mean, var
