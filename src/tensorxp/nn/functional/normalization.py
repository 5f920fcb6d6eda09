"""Normalization by statistics of the batch, of channels, groups or layers."""

from math import prod
from typing import Any

import tensorxp as xp
from tensorxp import no_grad
from tensorxp._backend.families import see
from tensorxp._core.face import is_floating
from tensorxp._ops.axes import constant
from tensorxp._ops.network import in_single, is_half
from tensorxp._ops.network import normalization as norm
from tensorxp.nn.functional._sizes import expect


def _per_channel(x: Any, values: Any) -> Any:
    return xp.reshape(values, (1, -1, *(1,) * (x.ndim - 2)))


def _update(running: Any, value: Any, momentum: float) -> None:
    if running is not None:
        with no_grad():
            running *= 1 - momentum
            running += value.detach() * momentum


def _expect_floating(function: str, input: Any, least: int = 0) -> None:
    expect(function, input, least=least)
    if not is_floating(input):
        raise TypeError(
            f"{function}: input has dtype {input.dtype}; allowed are floating-point dtypes"
        )


def _check_channels(function: str, channels: int, **given: Any) -> None:
    """Raise ValueError for what has not one element for each channel."""
    for name, x in given.items():
        if x is not None:
            expect(function, x, name)
        if x is not None and x.shape != (channels,):
            raise ValueError(f"{function}: {name} has shape {x.shape}; expected ({channels},)")


@in_single("running_mean", "running_var")
@see("layer_norm, instance_norm, group_norm")
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
    """Return (x - mean) / √(var + eps) · weight + bias for each channel (Ioffe and Szegedy, 2015).

    In training the statistics are the batch's (var without Bessel's correction), and running ones
    move towards them (var with it) by `momentum`, in place; otherwise running ones are used.

    >>> xp.nn.functional.batch_norm(xp.asarray([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.],
            [ 1.]])

    Parameters
    ----------
    input : Tensor
        Shape (N, C, …), floating.
    running_mean, running_var : Tensor or None
        Shape (C,).
    weight, bias : Tensor or None
        Shape (C,).
    training : bool
    momentum, eps : float

    Returns
    -------
    Tensor
        Shape and dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no floating-point Tensor.
    RuntimeError
        It has fewer than 2 axes, or running statistics are missing.
    ValueError
        In training there is but 1 value per channel, or shapes do not fit.
    """
    _expect_floating("batch_norm", input)
    if input.shape == (0,):  # as PyTorch, which looks at nothing else then
        return xp.copy(input)
    if input.ndim < 2:
        raise RuntimeError(f"batch_norm: input has shape {input.shape}; expected (N, C, …)")
    _check_channels(
        "batch_norm", input.shape[1], running_mean=running_mean, running_var=running_var,
        weight=weight, bias=bias,
    )  # fmt: skip
    if training:
        count = input.size // max(input.shape[1], 1)
        if count == 1:
            raise ValueError(
                "Expected more than 1 value per channel when training, got input size "
                f"{input.shape}"
            )
        constant("batch_norm", "eps", eps)
        if count == 0:  # there are no statistics; the gradients are zeros
            return _scaled(xp.copy(input), weight, bias)
        out, mean, var = norm.batch_norm(input, weight, bias, eps=eps)
        _update(running_mean, mean, momentum)
        _update(running_var, var * (count / (count - 1)), momentum)
        return out
    if running_mean is None or running_var is None:
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when training=False"
        )
    # half precision has but the statistics left: `in_single` cast the others
    mean, var = (_at_least_single(x) for x in (running_mean, running_var))
    scale = 1 / xp.sqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    if bias is not None:
        shift = shift + bias
    return input * _per_channel(input, scale) + _per_channel(input, shift)


def _at_least_single(x: Any) -> Any:
    return xp.astype(x, xp.float32) if is_half(x) else x


@in_single()
@see("rms_norm, batch_norm")
def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Return (x - mean) / √(var + eps) · weight + bias over the last axes (Ba and others, 2016).

    >>> xp.nn.functional.layer_norm(xp.asarray([[1.0, 3.0]]), 2)
    tensor([[-1.,  1.]])

    Parameters
    ----------
    input : Tensor
        Shape (…, *normalized_shape), floating.
    normalized_shape : int or tuple of ints
        The sizes of the last axes.
    weight, bias : Tensor or None
        Shape `normalized_shape`.
    eps : float

    Returns
    -------
    Tensor
        Shape and dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no floating-point Tensor.
    RuntimeError
        Its last axes are not `normalized_shape`.
    ValueError
        `weight` or `bias` does not fit.
    """
    shape = _last_axes("layer_norm", input, normalized_shape)
    constant("layer_norm", "eps", eps)
    if not input.size:  # nothing to take a mean of; the gradients are zeros
        out = xp.copy(input) if weight is None else input * weight
        return out if bias is None else out + bias
    return norm.layer_norm(input, weight, bias, ndim=len(shape), eps=eps)


def _last_axes(function: str, input: Any, normalized_shape: Any) -> tuple[int, ...]:
    _expect_floating(function, input)
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or input.shape[input.ndim - len(shape) :] != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size {input.shape}"
        )
    return shape


@see("layer_norm")
def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """Return x / √(mean(x²) + eps) · weight over the last axes (Zhang and Sennrich, 2019).

    >>> xp.nn.functional.rms_norm(xp.asarray([[3.0, 4.0]]), 2)
    tensor([[0.8485, 1.1314]])

    Parameters
    ----------
    input : Tensor
        Shape (…, *normalized_shape), floating.
    normalized_shape : int or tuple of ints
        The sizes of the last axes.
    weight : Tensor or None
        Shape `normalized_shape`.
    eps : float or None
        None: the dtype's machine epsilon.

    Returns
    -------
    Tensor
        Shape and dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no floating-point Tensor.
    RuntimeError
        Its last axes are not `normalized_shape`.
    ValueError
        `weight` does not fit.
    """
    shape = _last_axes("rms_norm", input, normalized_shape)
    small = xp.finfo(input.dtype).eps if eps is None else eps
    return _rms_norm(input, tuple(range(input.ndim - len(shape), input.ndim)), weight, small)


@in_single()
def _rms_norm(input: Any, axes: tuple[int, ...], weight: Any, eps: float) -> Any:
    out = input / xp.sqrt(xp.mean(xp.square(input), axis=axes, keepdims=True) + eps)
    return out if weight is None else out * weight


@in_single()
@see("batch_norm, layer_norm")
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Return (x - mean) / √(var + eps) over each group of channels, then scaled per channel.

    Wu and He, 2018.

    >>> xp.nn.functional.group_norm(xp.asarray([[[1.0], [3.0]]]), 1)
    tensor([[[-1.],
             [ 1.]]])

    Parameters
    ----------
    input : Tensor
        Shape (N, C, …), floating.
    num_groups : int
        Divides C.
    weight, bias : Tensor or None
        Shape (C,).
    eps : float

    Returns
    -------
    Tensor
        Shape and dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no floating-point Tensor.
    ValueError
        It has fewer than 2 axes, `num_groups` is below 1, or shapes do not fit.
    RuntimeError
        `num_groups` does not divide C.
    """
    _expect_floating("group_norm", input, 2)
    if num_groups < 1:
        raise ValueError(f"group_norm: num_groups is {num_groups}; it must be at least 1")
    n, channels = input.shape[:2]
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {input.shape} and num_groups={num_groups}"
        )
    _check_channels("group_norm", channels, weight=weight, bias=bias)
    constant("group_norm", "eps", eps)
    if not input.size:
        return _scaled(xp.copy(input), weight, bias)
    rows = xp.reshape(input, (n * num_groups, (channels // num_groups) * prod(input.shape[2:])))
    out = xp.reshape(norm.layer_norm(rows, None, None, ndim=1, eps=eps), input.shape)
    return _scaled(out, weight, bias)


def _scaled(out: Any, weight: Any, bias: Any) -> Any:
    if weight is not None:
        out = out * _per_channel(out, weight)
    return out if bias is None else out + _per_channel(out, bias)


@in_single("running_mean", "running_var")
@see("batch_norm, group_norm")
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
    """Return (x - mean) / √(var + eps) over each channel of each sample, then scaled per channel.

    Ulyanov and others, 2016.

    >>> xp.nn.functional.instance_norm(xp.asarray([[[1.0, 3.0]]]))
    tensor([[[-1.,  1.]]])

    Parameters
    ----------
    input : Tensor
        Shape (N, C, …), floating.
    running_mean, running_var : Tensor or None
        Shape (C,); they move towards the means of the samples' statistics, in place.
    weight, bias : Tensor or None
        Shape (C,).
    use_input_stats : bool
        False: use the running statistics.
    momentum, eps : float

    Returns
    -------
    Tensor
        Shape and dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no floating-point Tensor.
    ValueError
        There is but 1 element per channel, or shapes do not fit.
    RuntimeError
        Running statistics are needed and missing.
    """
    _expect_floating("instance_norm", input, 2)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check_channels(
        "instance_norm", input.shape[1], running_mean=running_mean, running_var=running_var,
        weight=weight, bias=bias,
    )  # fmt: skip
    count = prod(input.shape[2:])
    if count == 1:
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


@in_single()
@see("layer_norm")
def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Return x / (k + alpha · m)^beta, m the mean of x² over `size` neighbouring channels.

    Krizhevsky and others, 2012; channels beyond the ends count as 0.

    >>> xp.nn.functional.local_response_norm(xp.asarray([[[1.0], [2.0]]]), 2)
    tensor([[[1.    ],
             [1.9996]]])

    Parameters
    ----------
    input : Tensor
        Shape (N, C, *S), 3 or more axes.
    size : int
        At least 1.
    alpha, beta, k : float

    Returns
    -------
    Tensor
        Shape and dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        It has fewer than 3 axes, or `size` is below 1.
    """
    expect("local_response_norm", input)
    if not 1 <= size < 2**31:
        raise ValueError(f"local_response_norm: size is {size}; allowed are sizes from 1 to 2**31")
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
