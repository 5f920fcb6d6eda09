"""Normalization by statistics of the batch, of channels, groups or layers."""

from math import prod
from typing import Any

import tensorxp as xp
from tensorxp._core.modes import no_grad
from tensorxp._ops import normalization as norm


def _per_channel(x: Any, values: Any) -> Any:
    return xp.reshape(values, (1, -1, *(1,) * (x.ndim - 2)))


def _update(running: Any, value: Any, momentum: float) -> None:
    if running is not None:
        with no_grad():
            running *= 1 - momentum
            running += value.detach() * momentum


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return (x - mean) / √(var + eps) · weight + bias for each channel (axis 1).

    In training the statistics are the batch's (var without Bessel's correction), and the
    running ones move towards them in place (var with it); otherwise the running ones are used.
    """
    if input.ndim < 2:
        raise RuntimeError(f"batch_norm: input has shape {input.shape}; expected (N, C, …)")
    if training:
        count = input.size // max(input.shape[1], 1)
        if count <= 1:
            raise ValueError(
                "Expected more than 1 value per channel when training, got input size "
                f"{input.shape}"
            )
        out, mean, var = norm.batch_norm(input, weight, bias, eps=eps)
        _update(running_mean, mean, momentum)
        _update(running_var, var * (count / (count - 1)), momentum)
        return out
    if running_mean is None or running_var is None:
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when training=False"
        )
    scale = 1 / xp.sqrt(running_var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -running_mean * scale
    if bias is not None:
        shift = shift + bias
    return input * _per_channel(input, scale) + _per_channel(input, shift)


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Return x standardised over its last axes, `normalized_shape`, times weight, plus bias."""
    shape = _last_axes("layer_norm", input, normalized_shape)
    return norm.layer_norm(input, weight, bias, ndim=len(shape), eps=eps)


def _last_axes(function: str, input: Any, normalized_shape: Any) -> tuple[int, ...]:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or input.shape[input.ndim - len(shape) :] != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size {input.shape}"
        )
    return shape


def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """Return x / √(mean(x²) + eps) · weight over the last axes; eps defaults to the dtype's."""
    shape = _last_axes("rms_norm", input, normalized_shape)
    small = xp.finfo(input.dtype).eps if eps is None else eps
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    out = input / xp.sqrt(xp.mean(xp.square(input), axis=axes, keepdims=True) + small)
    return out if weight is None else out * weight


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Return x (N, C, …) standardised over each group of channels, then scaled per channel."""
    n, channels = input.shape[:2]
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {input.shape} and num_groups={num_groups}"
        )
    rows = xp.reshape(input, (n * num_groups, (channels // num_groups) * prod(input.shape[2:])))
    out = xp.reshape(norm.layer_norm(rows, None, None, ndim=1, eps=eps), input.shape)
    if weight is not None:
        out = out * _per_channel(input, weight)
    return out if bias is None else out + _per_channel(input, bias)


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Return x (N, C, …) standardised over each channel of each sample."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    count = prod(input.shape[2:])
    if count <= 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    if running_mean is not None:
        with no_grad():
            values = xp.reshape(input.detach(), (*input.shape[:2], count))
            mean = xp.mean(xp.mean(values, axis=2), axis=0)
            var = xp.mean(xp.var(values, axis=2, correction=1), axis=0)
        _update(running_mean, mean, momentum)
        _update(running_var, var, momentum)
    return group_norm(input, input.shape[1], weight, bias, eps)


def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Return x / (k + alpha · mean of x² over `size` neighbouring channels)^beta."""
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)"
        )
    pairs = [(0, 0)] * input.ndim
    pairs[1] = (size // 2, (size - 1) // 2)
    squares = xp.pad(xp.square(input), tuple(pairs))
    channels = input.shape[1]
    total = squares[:, :channels]
    for i in range(1, size):
        total = total + squares[:, i : i + channels]
    return input / (total / size * alpha + k) ** beta
