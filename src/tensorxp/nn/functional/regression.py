"""Losses of regression, of densities, and of distances between embeddings."""

import math
from collections.abc import Callable
from typing import Any

import tensorxp as xp
from tensorxp._ops import activation as act
from tensorxp.nn.functional._reduce import check_sizes, legacy, reduce_loss, weighted


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Return (x - y)²."""
    reduction = legacy(reduction, size_average, reduce)
    check_sizes("mse_loss", input, target)
    return weighted(xp.square(input - target), weight, reduction)


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Return |x - y|; the gradient at 0 is 0."""
    reduction = legacy(reduction, size_average, reduce)
    check_sizes("l1_loss", input, target)
    return weighted(xp.abs(input - target), weight, reduction)


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """Return d² / (2 beta) where |d| < beta, else |d| - beta / 2."""
    reduction = legacy(reduction, size_average, reduce)
    check_sizes("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    d = input - target
    if beta == 0:
        return reduce_loss(xp.abs(d), reduction)
    # with c = d limited to ±beta: c (d - c / 2) / beta
    c = act.hardtanh(d, -beta, beta)
    return reduce_loss(c * (d - 0.5 * c) / beta, reduction)


def huber_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Any = None,
) -> Any:
    """Return d² / 2 where |d| ≤ delta, else delta (|d| - delta / 2)."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    check_sizes("huber_loss", input, target)
    d = input - target
    c = act.hardtanh(d, -delta, delta)
    return weighted(c * (d - 0.5 * c), weight, reduction)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """Return y (log y - x), x being log-probabilities; "batchmean" divides the sum by the batch."""
    reduction = legacy(reduction, size_average, reduce)
    if log_target:
        losses = xp.exp(target) * (target - input)
    else:
        losses = xp.special.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return xp.sum(losses) / (input.shape[0] if input.ndim else 1)
    return reduce_loss(losses, reduction)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return exp(x) - y x (or x - y log(x + eps)), with `full` Stirling's term for y > 1."""
    reduction = legacy(reduction, size_average, reduce)
    if log_input:
        losses = xp.exp(input) - target * input
    else:
        losses = input - target * xp.log(input + eps)
    if full:
        y = xp.where(target > 1, target, 1.0)
        stirling = y * xp.log(y) - y + 0.5 * xp.log(2 * math.pi * y)
        losses = losses + xp.where(target > 1, stirling, 0.0)
    return reduce_loss(losses, reduction)


def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """Return (log v + (x - y)² / v) / 2 with v = max(var, eps), which has no gradient below eps."""
    if isinstance(var, int | float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = xp.full(input.shape, float(var), dtype=input.dtype, device=input.device)
    elif bool(xp.any(var < 0)):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if var.shape == input.shape[:-1]:
            var = xp.expand_dims(var, axis=-1)
        elif not (var.shape[:-1] == input.shape[:-1] and var.shape[-1] == 1):
            raise ValueError("var is of incorrect size")
    # PyTorch limits var outside the graph: the gradient of the limited value passes on
    safe = var + xp.where(var < eps, eps - var, 0.0).detach()
    losses = 0.5 * (xp.log(safe) + xp.square(input - target) / safe)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduce_loss(losses, reduction)


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return x where y is 1, max(0, margin - x) where it is -1."""
    reduction = legacy(reduction, size_average, reduce)
    losses = xp.where(target == 1, input, 0.0)
    losses = losses + xp.where(target == -1, act.relu(margin - input), 0.0)
    return reduce_loss(losses, reduction)


def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return max(0, -y (x1 - x2) + margin)."""
    reduction = legacy(reduction, size_average, reduce)
    return reduce_loss(xp.clip(-target * (input1 - input2) + margin, 0.0), reduction)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Return x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim`."""
    n1 = xp.sqrt(_at_least(xp.sum(x1 * x1, axis=dim, keepdims=True), eps * eps))
    n2 = xp.sqrt(_at_least(xp.sum(x2 * x2, axis=dim, keepdims=True), eps * eps))
    return xp.sum((x1 / n1) * (x2 / n2), axis=dim)


def _at_least(x: Any, low: float) -> Any:
    return xp.clip(x, low)


def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return 1 - cos where y is 1, max(0, cos - margin) where it is -1."""
    reduction = legacy(reduction, size_average, reduce)
    axis = input1.ndim - 1
    dot = xp.sum(input1 * input2, axis=axis)
    norm1 = xp.sum(input1 * input1, axis=axis) + 1e-12
    norm2 = xp.sum(input2 * input2, axis=axis) + 1e-12
    cos = dot / xp.sqrt(norm1 * norm2)
    losses = xp.where(target == 1, 1 - cos, 0.0)
    losses = losses + xp.where(target == -1, xp.clip(cos - margin, 0.0), 0.0)
    return reduce_loss(losses, reduction)


def vector_norm(x: Any, p: float, axis: Any, keepdims: bool = False) -> Any:
    """Return (Σ |x|^p)^(1/p) along `axis`; the gradient at 0 is 0."""
    if p == 1:
        return xp.sum(xp.abs(x), axis=axis, keepdims=keepdims)
    if p == math.inf:
        return xp.max(xp.abs(x), axis=axis, keepdims=keepdims)
    total = xp.sum(x * x if p == 2 else xp.abs(x) ** p, axis=axis, keepdims=keepdims)
    zero = total == 0
    root = xp.where(zero, 1.0, total)
    return xp.where(zero, 0.0, xp.sqrt(root) if p == 2 else root ** (1.0 / p))


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """Return ‖x1 - x2 + eps‖_p along the last axis."""
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


def pdist(input: Any, p: float = 2.0) -> Any:
    """Return the distances between all pairs of rows (N, M), as a flat upper triangle."""
    n = input.shape[0]
    rows = [i for i in range(n) for _ in range(i + 1, n)]
    columns = [j for i in range(n) for j in range(i + 1, n)]
    a = xp.asarray(rows, dtype=xp.int64, device=input.device)
    b = xp.asarray(columns, dtype=xp.int64, device=input.device)
    return vector_norm(xp.take(input, a, axis=0) - xp.take(input, b, axis=0), p, -1)


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """Return x / max(‖x‖_p, eps) along `dim`."""
    return input / xp.clip(vector_norm(input, p, dim, True), eps)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return max(0, ‖a - p‖ - ‖a - n‖ + margin); `swap` takes the nearer of a and p to n."""
    reduction = legacy(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """Return max(0, d(a, p) - d(a, n) + margin) of a distance function."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = xp.minimum(far, distance(positive, negative))
    return reduce_loss(xp.clip(margin + near - far, 0.0), reduction)
