"""Kernels that take NumPy several steps, in blocks that stay in the cache; `kernels` calls them."""

import math
from math import prod
from typing import Any

from tensorxp._backend.blocks import SMALL, WIDER, on_host, row_blocks, spans, started_from
from tensorxp._backend.quiet import quiet


def relu(xp: Any, x: Any) -> Any:
    """Return max(x, 0)."""
    if x.size < SMALL or not on_host(xp) or not x.flags.c_contiguous:
        return xp.base.maximum(x, 0)
    # NumPy is four times as fast on two arrays as on an array and a scalar
    flat, out = x.reshape(-1), xp.empty(x.size, dtype=x.dtype)
    zeros = xp.zeros(SMALL, dtype=x.dtype)
    for start in range(0, x.size, SMALL):
        part = flat[start : start + SMALL]
        xp.base.maximum(part, zeros[: part.size], out=out[start : start + SMALL])
    return out.reshape(x.shape)


def expit(xp: Any, x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) of real numbers; nothing overflows, and no tail is lost."""
    e = xp.asarray(xp.negative(xp.abs(x)))
    xp.exp(e, out=e)
    top = xp.asarray(xp.where(x < 0, e, xp.ones((), dtype=e.dtype)))
    e += 1
    return xp.divide(top, e, out=top)


_FAR = 40.0  # exp(-½ 40²) is 0


def bell(xp: Any, x: Any, *, factor: float) -> Any:
    """Return exp(-factor x²) of a raw array, factor a power of 2."""
    if x.dtype.kind == "c":
        return xp.exp(x * x * -factor)
    x = xp.clip(x, -_FAR, _FAR)
    square = x * x
    head = xp.round(x * 8) / 8  # whose square is exact
    rest = (head * head - square) + (x - head) * (x + head)
    return xp.exp(square * -factor) * (1 - factor * rest)


_SQRT_2_PI = math.sqrt(2 / math.pi)


# ½ (1 + tanh v) = σ(2v), whose lower tail does not cancel: y = x σ(2v), 2v = b x (1 + 0.044715 x²)
GELU_SLOPE, GELU_CUBE = 2 * _SQRT_2_PI, 2 * _SQRT_2_PI * 0.044715
#: Beyond ±40 the sigmoid is 0 or 1 in every dtype, and x³ cannot overflow before.
GELU_LIMIT = 40.0


def _doubled(xp: Any, x: Any, out: Any) -> None:
    """Set `out` to b x (1 + 0.044715 x²)."""
    xp.multiply(x, x, out=out)
    out *= GELU_CUBE
    out += GELU_SLOPE
    out *= x


def gelu_tanh_block(xp: Any, x: Any, out: Any, z: Any) -> None:
    xp.clip(x, -GELU_LIMIT, GELU_LIMIT, out=out)
    _doubled(xp, out, z)
    xp.multiply(x, expit(xp, z), out=out)


def gelu_tanh_slope_block(xp: Any, x: Any, ct: Any, out: Any, z: Any, held: Any) -> None:
    # dy = σ (1 + x σ(-2v) (b + 3c x²)) dx
    xp.clip(x, -GELU_LIMIT, GELU_LIMIT, out=held)
    _doubled(xp, held, z)
    xp.multiply(held, held, out=out)
    out *= 3 * GELU_CUBE
    out += GELU_SLOPE
    out *= held
    below = z < 0
    xp.abs(z, out=z)
    xp.negative(z, out=z)
    xp.exp(z, out=z)
    xp.add(z, 1, out=held)
    z /= held  # the smaller of σ(±2v)
    xp.reciprocal(held, out=held)
    out *= xp.where(below, held, z)
    out += 1
    out *= xp.where(below, z, held)
    out *= ct


# Φ(-t) = exp(-t²/2) R(t) in float32: (1 + t) R is a polynomial in (t - 3.5) / (t + 3.5)
_TAIL = (
    1.500395816e-4, 9.950178331e-5, -1.389004396e-3, 2.903609649e-4, 1.037120364e-2,
    -3.026203076e-2, 3.804867314e-2, 7.872741566e-4, -9.771261033e-2, 4.785531864e-1,
)  # fmt: skip


def _normal_block(xp: Any, x: Any, out: Any, t: Any, z: Any) -> Any:
    """Set `out` to Φ(x) in float32, and return exp(-x²/2); t and z are scratch."""
    xp.abs(x, out=t)
    xp.minimum(t, 15, out=t)
    xp.add(t, 3.5, out=z)
    xp.subtract(t, 3.5, out=out)
    out /= z
    z[...] = _TAIL[0]
    for coefficient in _TAIL[1:]:
        z *= out
        z += coefficient
    density = bell(xp, t, factor=0.5)
    t += 1
    z /= t
    z *= density
    out[...] = xp.where(x > 0, 1 - z, z)
    return density


def gelu_block(xp: Any, x: Any, out: Any, t: Any, z: Any) -> None:
    _normal_block(xp, x, out, t, z)
    out *= x


def gelu_slope_block(xp: Any, x: Any, ct: Any, out: Any, t: Any, z: Any) -> None:
    density = _normal_block(xp, x, out, t, z)
    density *= 1 / math.sqrt(2 * math.pi)
    density *= x
    out += density
    out *= ct


def peak(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Return the largest (real part of) `x` over `axis`, which stays; 0 where nothing is there."""
    real = x.real if x.dtype.kind == "c" else x
    if prod([x.shape[i] for i in axis]) == 0:
        return real.sum(axis, keepdims=True)
    return xp.asarray(real.max(axis, keepdims=True))


def _total(xp: Any, e: Any, axis: tuple[int, ...]) -> Any:
    """Return the sum over `axis`, which stays; in double precision where NumPy's would drift.

    Contiguous elements are summed in pairs, others one after the other.
    """
    paired = e.flags.c_contiguous and axis == tuple(range(e.ndim - len(axis), e.ndim))
    if paired or e.dtype.char not in WIDER:
        return xp.asarray(e.sum(axis, keepdims=True))
    return xp.asarray(e.sum(axis, WIDER[e.dtype.char], keepdims=True), dtype=e.dtype)


def _exponentials(xp: Any, x: Any, axis: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return exp(x - c), its sum over `axis`, and c: the peak, or 0 where all are -inf.

    Where the peak is inf, the exponentials are 1 at infinite elements and 0 elsewhere.
    """
    shift = peak(xp, x, axis)
    wild = not xp.isfinite(shift).all()
    if wild:
        shift = xp.where(shift == -xp.inf, 0, shift)
    e = xp.asarray(x - shift)
    if wild:
        e[xp.broadcast_to(shift == xp.inf, x.shape) & (x == xp.inf)] = 0
    xp.exp(e, out=e)
    return e, _total(xp, e, axis), shift


def softmax(xp: Any, x: Any, axis: tuple[int, ...], even: bool) -> Any:
    """Divide the exponentials by their sum."""
    with quiet():
        if even:
            e, total, _ = _exponentials(xp, x, axis)
            total = xp.where(total == 0, 1, total)
        else:
            e = xp.asarray(x - peak(xp, x, axis))
            xp.exp(e, out=e)
            total = _total(xp, e, axis)
        xp.divide(e, total, out=e)
    return e


def log_softmax(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Take the logarithm of the sum of exponentials off the shifted elements."""
    with quiet():
        z = xp.asarray(x - peak(xp, x, axis))
        z -= xp.log(_total(xp, xp.asarray(xp.exp(z)), axis))
    return z


def logsumexp(xp: Any, x: Any, axis: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return the logarithm, the shift and Σ exp(x - shift); all axes stay."""
    with quiet():
        _, total, shift = _exponentials(xp, x, axis)
        return xp.log(total) + shift, shift, total


def shares(xp: Any, x: Any, shift: Any, factor: Any) -> Any:
    """Return factor · exp(x - shift), with 1 for exp where x and its shift are equal."""
    with quiet():
        e = xp.asarray(x - shift)
        if not xp.isfinite(shift).all():
            e[xp.broadcast_to(shift == xp.inf, x.shape) & (x == xp.inf)] = 0
        xp.exp(e, out=e)
        return e.conjugate() * factor


def cross_entropy(xp: Any, x: Any, target: Any, scale: Any) -> tuple[Any, Any, Any]:
    """Return scale · -log softmax(x)[target] of each row, the peaks, and Σ exp(x - peak)."""
    n, classes = x.shape
    losses, peaks, sums = (xp.empty(n, dtype=x.dtype) for _ in range(3))
    for part in row_blocks(xp, n, classes):
        rows = x[part]
        rows.max(axis=1, out=peaks[part])
        z = rows - peaks[part, None]
        losses[part] = z[xp.arange(len(z)), target[part]]
        xp.exp(z, out=z)
        z.sum(axis=1, out=sums[part])
    return (xp.log(sums) - losses) * scale, peaks, sums


def layer_norm(xp: Any, rows: Any, gain: Any, shift: Any, eps: float) -> tuple[Any, Any, Any]:
    """Return rows standardised, times gain, plus shift; their means and 1 / √(var + eps)."""
    length = rows.shape[1]
    given = [a for a in (rows, gain, shift) if a is not None]
    out = xp.empty(rows.shape, dtype=xp.result_type(*given))
    means = xp.empty((len(rows), 1), dtype=rows.dtype)
    scales = xp.empty((len(rows), 1), dtype=rows.dtype)
    ones = xp.ones((length, 1), dtype=rows.dtype)
    for part in row_blocks(xp, len(rows), length):
        centred, y = rows[part], out[part]
        xp.base.matmul(centred, ones, out=means[part])
        means[part] /= length
        xp.subtract(centred, means[part], out=y)
        var = xp.vecdot(y, y)[:, None] / length
        scales[part] = 1 / xp.sqrt(var + eps)
        y *= scales[part]
        if gain is not None:
            y *= gain
        if shift is not None:
            y += shift
    return out, means, scales


def layer_norm_back(
    xp: Any, rows: Any, cts: Any, gain: Any, means: Any, scales: Any, needs: Any
) -> tuple[Any, Any, Any]:
    """Return the cotangents of the rows, the gain and the shift."""
    length = rows.shape[1]
    back = xp.empty(rows.shape, dtype=cts.dtype)
    by_gain = xp.zeros(length, dtype=cts.dtype)
    by_shift = xp.zeros(length, dtype=cts.dtype)
    weights = xp.ones(length, dtype=cts.dtype) if gain is None else gain
    for part in row_blocks(xp, len(rows), length):
        ct, scale = cts[part], scales[part]
        # sums over rows and columns are products with a vector, which BLAS does fastest
        centred = rows[part] - means[part]
        product = xp.multiply(ct, centred, out=back[part])
        if needs[1]:
            by_gain += scale[:, 0] @ product
        if needs[2]:
            by_shift += xp.ones(len(ct), dtype=ct.dtype) @ ct
        if not needs[0]:
            continue
        slope = (product @ weights)[:, None] * scale**3 / length
        offset = (ct @ weights)[:, None] * scale / length
        centred *= slope
        centred += offset
        c = xp.multiply(ct, scale, out=back[part])
        if gain is not None:
            c *= gain
        c -= centred
    return back, by_gain, by_shift


def lstm(
    xp: Any, gates: Any, h: Any, c: Any, weight: Any, sizes: tuple[int, ...], reverse: bool
) -> tuple[Any, ...]:
    """Return the outputs (total, H), the last h and c, the activated gates, and the cells."""
    n = h.shape[1]
    dtype = xp.result_type(gates, h, weight)
    # sigmoid(z) = tanh(z / 2) / 2 + 1 / 2: one tanh serves all gates of a step
    half = xp.full(4 * n, 0.5, dtype=dtype)
    half[2 * n : 3 * n] = 1
    shift = 1 - half
    gates = xp.multiply(gates, half)
    turned = xp.multiply(weight.T, half)
    out = xp.empty((gates.shape[0], n), dtype=dtype)
    cells, squashed = xp.empty_like(out), xp.empty_like(out)
    h, c = h.astype(dtype), c.astype(dtype)
    for start, stop in spans(sizes, reverse):
        k = stop - start
        z = gates[start:stop]
        z += h[:k] @ turned
        xp.base.tanh(z, out=z)
        z *= half
        z += shift
        cell = xp.multiply(z[:, n : 2 * n], c[:k], out=cells[start:stop])
        cell += z[:, :n] * z[:, 2 * n : 3 * n]
        y = xp.base.tanh(cell, out=squashed[start:stop])
        xp.multiply(z[:, 3 * n :], y, out=h[:k])
        out[start:stop] = h[:k]
        c[:k] = cell
    return out, h, c, gates, cells, squashed


def lstm_back(
    xp: Any, ct: Any, c: Any, weight: Any, found: tuple[Any, ...], sizes: tuple[int, ...],
    reverse: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """Return the cotangents of gates, h and c from those of the outputs; `found` is the rest."""
    active, cells, squashed = found
    steps = spans(sizes, reverse)
    before_c = started_from(xp, cells, c, steps)
    n = weight.shape[1]
    ct_h, ct_c = xp.copy(ct[1]), xp.copy(ct[2])
    i, f, g, o = (active[:, j * n : (j + 1) * n] for j in range(4))
    # the factors of all steps at once: slopes = (dc, dc, dc, dh) times these
    slopes = active - active * active
    slopes[:, :n] *= g
    slopes[:, n : 2 * n] *= before_c
    xp.multiply(1 - g * g, i, out=slopes[:, 2 * n : 3 * n])
    slopes[:, 3 * n :] *= squashed
    by_cell = o * (1 - squashed * squashed)
    for start, stop in reversed(steps):
        k = stop - start
        dh, dc = ct_h[:k], ct_c[:k]
        dh += ct[0][start:stop]
        dc += dh * by_cell[start:stop]
        s = slopes[start:stop]
        for j in range(3):
            s[:, j * n : (j + 1) * n] *= dc
        s[:, 3 * n :] *= dh
        dc *= f[start:stop]
        xp.base.matmul(s, weight, out=dh)
    return slopes, ct_h, ct_c
