"""Losses of classification: cross-entropies, their binary kin, and hinge losses."""

from typing import Any

import tensorxp as xp
from tensorxp._core.modes import no_grad
from tensorxp._ops import activation as act
from tensorxp._ops.dense import softmax_cross_entropy
from tensorxp.nn.functional._reduce import legacy, reduce_loss


def _class_last(input: Any) -> Any:
    """Return (N, C, …) as rows (N · …, C); (C,) as one row."""
    if input.ndim <= 2:
        return input if input.ndim == 2 else xp.reshape(input, (1, -1))
    return xp.reshape(xp.moveaxis(input, 1, -1), (-1, input.shape[1]))


def _scales(
    function: str, input: Any, target: Any, weight: Any, ignore_index: int, reduction: str
) -> tuple[Any, Any, Any]:
    """Return flat targets with none ignored, the factor of each element's loss, and their sum.

    The factor is the class weight, 0 where the target is ignored.
    """
    classes = input.shape[0] if input.ndim == 1 else input.shape[1]
    expected = () if input.ndim == 1 else (input.shape[0], *input.shape[2:])
    if target.shape != expected:
        raise ValueError(
            f"{function}: target has shape {target.shape}; expected {expected} for input of shape "
            f"{input.shape}"
        )
    if not xp.isdtype(target.dtype, "integral"):
        raise TypeError(
            f"{function}: target has dtype {target.dtype}; expected integers (class indices)"
        )
    flat = xp.reshape(target, (-1,))
    counted = flat != ignore_index
    all_counted = bool(xp.all(counted))
    safe = flat if all_counted else xp.where(counted, flat, 0)
    if safe.size and (int(xp.min(safe)) < 0 or int(xp.max(safe)) >= classes):
        wrong = safe[(safe < 0) | (safe >= classes)]
        raise IndexError(f"Target {int(wrong[0])} is out of bounds.")
    dtype = input.dtype
    if weight is None:
        scale = xp.astype(counted, dtype)
    else:
        if weight.shape != (classes,):
            raise ValueError(
                f"weight tensor should be defined either for all {classes} classes or no classes "
                f"but got weight tensor of shape: {weight.shape}"
            )
        scale = xp.take(xp.astype(weight, dtype, copy=False), safe, axis=0)
        if not all_counted:
            scale = xp.where(counted, scale, 0.0)
    return safe, scale, xp.sum(scale) if reduction == "mean" else None


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Return the cross-entropy of scores (N, C, …) and class indices (N, …) or probabilities.

    `weight` has one weight per class; targets equal to `ignore_index` do not count. With
    indices and without smoothing it is one node, of the cost of a softmax.
    """
    reduction = legacy(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if input.ndim == 0:
        raise ValueError("cross_entropy: input is 0-d; expected (C,) or (N, C, …)")
    if target.shape == input.shape and not xp.isdtype(target.dtype, "integral"):
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    with no_grad():
        safe, scale, total = _scales(
            "cross_entropy", input, target, weight, ignore_index, reduction
        )
        factor = scale if total is None else scale / total
    rows = _class_last(input)
    smoothed = label_smoothing > 0.0
    kept = (1 - label_smoothing) * factor if smoothed else factor
    losses = softmax_cross_entropy(rows, safe, kept, total=reduction != "none")
    if smoothed:
        logp = xp.special.log_softmax(rows, axis=-1)
        with no_grad():
            # the smoothed part weighs each class by its own weight
            mask = xp.astype(scale != 0, input.dtype)
            if total is not None:
                mask = mask / total
        each = logp if weight is None else logp * weight
        spread = -xp.sum(each, axis=-1) * mask * (label_smoothing / rows.shape[1])
        losses = losses + (spread if reduction == "none" else xp.sum(spread))
    return xp.reshape(losses, target.shape) if reduction == "none" else losses


def _soft_cross_entropy(
    input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float
) -> Any:
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    if label_smoothing > 0.0:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    logp = xp.special.log_softmax(input, axis=axis)
    if weight is not None:
        target = target * xp.reshape(weight, (-1, *(1,) * (input.ndim - axis - 1)))
    losses = -xp.sum(logp * target, axis=axis)
    if reduction == "mean":  # over the batch and the spatial axes
        return xp.sum(losses) / max(losses.size, 1)
    return reduce_loss(losses, reduction)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return the negative of the log-probabilities (N, C, …) at the target classes (N, …)."""
    reduction = legacy(reduction, size_average, reduce)
    with no_grad():
        safe, scale, total = _scales("nll_loss", input, target, weight, ignore_index, reduction)
    rows = _class_last(input)
    picked = xp.take_along_axis(rows, xp.reshape(safe, (-1, 1)), axis=1)[:, 0]
    losses = -picked * scale
    if reduction == "mean":
        return xp.sum(losses) / total
    if reduction == "none":
        return xp.reshape(losses, target.shape)
    return reduce_loss(losses, reduction)


def _same_size(function: str, input: Any, target: Any) -> None:
    if input.shape != target.shape:
        raise ValueError(
            f"{function}: target has shape {target.shape}, but input has {input.shape}; "
            "they must have the same size"
        )


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return -(y log p + (1 - y) log(1 - p)); the logarithms are limited to at least -100."""
    reduction = legacy(reduction, size_average, reduce)
    _same_size("binary_cross_entropy", input, target)
    if bool(xp.any((input < 0) | (input > 1))):
        raise RuntimeError("all elements of input should be between 0 and 1")
    # the gradient is that of the quotient (p - y) / max(p (1 - p), 1e-12), as PyTorch's
    losses = act.binary_cross_entropy(input, target)
    if weight is not None:
        losses = losses * weight
    return reduce_loss(losses, reduction)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """Return the binary cross-entropy of sigmoid(input), without overflow."""
    reduction = legacy(reduction, size_average, reduce)
    _same_size("binary_cross_entropy_with_logits", input, target)
    log_p = act.logsigmoid(input)
    if pos_weight is None:
        losses = (1 - target) * input - log_p
    else:
        losses = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_p
    if weight is not None:
        losses = losses * weight
    return reduce_loss(losses, reduction)


def soft_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return log(1 + exp(-y x)), y being 1 or -1."""
    reduction = legacy(reduction, size_average, reduce)
    return reduce_loss(-act.logsigmoid(target * input), reduction)


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return the binary cross-entropies with logits (N, C), averaged over the classes."""
    reduction = legacy(reduction, size_average, reduce)
    losses = -(target * act.logsigmoid(input) + (1 - target) * act.logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    return reduce_loss(xp.mean(losses, axis=-1), reduction)


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return Σ_i max(0, margin - x[y] + x[i])^p / C over the other classes i."""
    reduction = legacy(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    rows = input if input.ndim == 2 else xp.reshape(input, (1, -1))
    labels = xp.reshape(target, (-1, 1))
    right = xp.take_along_axis(rows, labels, axis=1)
    z = act.relu(margin - right + rows)
    z = z if p == 1 else z * z
    if weight is not None:
        z = z * xp.take(weight, xp.reshape(target, (-1,)), axis=0)[:, None]
    others = xp.arange(rows.shape[1], device=rows.device)[None, :] != labels
    losses = xp.sum(xp.where(others, z, 0.0), axis=1) / rows.shape[1]
    if input.ndim == 1:
        losses = losses[0]
    return reduce_loss(losses, reduction)


def multilabel_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return Σ max(0, 1 - (x[y_j] - x[i])) / C over targets j (up to the first -1) and others i."""
    reduction = legacy(reduction, size_average, reduce)
    _same_size("multilabel_margin_loss", input, target)
    rows = input if input.ndim == 2 else xp.reshape(input, (1, -1))
    labels = xp.reshape(target, rows.shape)
    n = rows.shape[1]
    valid = xp.cumulative_sum(xp.astype(labels < 0, xp.int64), axis=1) == 0
    safe = xp.where(valid, labels, 0)
    classes = xp.arange(n, device=rows.device)
    is_target = xp.any((safe[:, :, None] == classes) & valid[:, :, None], axis=1)
    right = xp.take_along_axis(rows, safe, axis=1)
    z = act.relu(1 - (right[:, :, None] - rows[:, None, :]))
    losses = xp.sum(xp.where(valid[:, :, None] & ~is_target[:, None, :], z, 0.0), axis=(1, 2)) / n
    if input.ndim == 1:
        losses = losses[0]
    return reduce_loss(losses, reduction)
