"""Dropout: elements or whole channels set to zero at random, the rest scaled up."""

import math
from typing import Any

import tensorxp as xp
from tensorxp.nn.functional._inplace import settle


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(input: Any, shape: Any, p: float) -> Any:
    """Return a random mask, true with probability 1 - p."""
    u = xp.random.uniform(0.0, 1.0, shape, dtype=xp.float32, device=input.device)
    return u >= p


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Return x with elements zero with probability p, the others divided by 1 - p."""
    _check(p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return settle(lambda x: x * 0.0, input, inplace)
    mask = xp.astype(_kept(input, input.shape, p), input.dtype) * (1 / (1 - p))
    return settle(lambda x: x * mask, input, inplace)


def _channels(input: Any, p: float, training: bool, inplace: bool, ndim: int) -> Any:
    """Drop whole channels of (N, C, *S), or of (C, *S) without a batch."""
    _check(p)
    if not training or p == 0.0:
        return input
    lead = input.ndim - ndim
    shape = (*input.shape[:lead], *(1,) * ndim)
    mask = xp.astype(_kept(input, shape, p), input.dtype)
    return settle(lambda x: x * (mask / (1 - p) if p < 1 else mask * 0.0), input, inplace)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Return (N, C, L) or (C, L) with whole channels zero with probability p."""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input"
        )
    return _channels(input, p, training, inplace, 1)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Return (N, C, H, W) or (C, H, W) with whole channels zero with probability p."""
    return _channels(input, p, training, inplace, 2)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Return (N, C, D, H, W) or (C, D, H, W) with whole channels zero with probability p."""
    return _channels(input, p, training, inplace, 3)


_ALPHA = -1.7580993408473766  # the value of SELU at minus infinity


def _alpha(input: Any, p: float, training: bool, inplace: bool, shape: Any) -> Any:
    _check(p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return settle(lambda x: x * 0.0, input, inplace)
    # dropped elements become alpha'; a and b keep the mean 0 and the variance 1
    a = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    b = -a * _ALPHA * p
    keep = _kept(input, shape, p)
    return settle(lambda x: xp.where(keep, x, _ALPHA) * a + b, input, inplace)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Return x after dropout that keeps the mean and variance of `selu` networks."""
    return _alpha(input, p, training, inplace, input.shape)


def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Any:
    """Return x after `alpha_dropout` of whole channels."""
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _alpha(input, p, training, inplace, shape)
