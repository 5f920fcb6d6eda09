"""The end of every loss: weights, and the reduction "none", "mean" or "sum"."""

import warnings
from typing import Any

import tensorxp as xp
from tensorxp.nn.functional._sizes import expect


def legacy(reduction: str, size_average: Any, reduce: Any) -> str:
    """Return the reduction that PyTorch's deprecated arguments mean, where they are given."""
    if size_average is None and reduce is None:
        return reduction
    warnings.warn(
        "size_average and reduce args are deprecated, please use reduction instead",
        DeprecationWarning,
        stacklevel=4,
    )
    if reduce is False:
        return "none"
    return "mean" if size_average in (None, True) else "sum"


def reduce_loss(losses: Any, reduction: str) -> Any:
    """Return `losses` (none), their mean or their sum; ValueError for another reduction."""
    if reduction == "mean":
        return xp.mean(losses)
    if reduction == "sum":
        return xp.sum(losses, dtype=losses.dtype)
    if reduction == "none":
        return losses
    raise ValueError(f"{reduction} is not a valid value for reduction")


def weighted(losses: Any, weight: Any, reduction: str) -> Any:
    """Return the reduction of `losses` times `weight`; the mean is over the weights' sum."""
    if weight is None:
        return reduce_loss(losses, reduction)
    expect("loss", weight, "weight")
    if weight.shape != losses.shape:
        raise ValueError("Weights and input must have the same size.")
    losses = losses * weight
    if reduction == "mean":
        return xp.sum(losses) / xp.sum(weight)
    return reduce_loss(losses, reduction)


def check_sizes(function: str, input: Any, target: Any) -> None:
    """Warn, as PyTorch does, where the sizes differ and broadcasting may not be meant."""
    expect(function, input)
    expect(function, target, "target")
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )
