"""Dropout: elements or whole channels set to zero at random, the rest scaled up."""

import math
from typing import Any

import tensorxp as xp
from tensorxp.nn.functional._family import dropped, told
from tensorxp.nn.functional._inplace import settle
from tensorxp.nn.functional._sizes import expect


def _check(function: str, input: Any, p: float) -> None:
    expect(function, input)
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(input: Any, shape: Any, p: float) -> Any:
    """Return a random mask, true with probability 1 - p."""
    u = xp.random.uniform(0.0, 1.0, shape, dtype=xp.float32, device=input.device)
    return u >= p


@dropped.see("alpha_dropout, dropout2d")
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Return x with elements set to 0 with probability p, the others divided by 1 - p.

    >>> xp.nn.functional.dropout(xp.asarray([1.0, 2.0]), training=False)
    tensor([1., 2.])
    """
    _check("dropout", input, p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return settle(lambda x: x * 0.0, input, inplace)
    mask = xp.astype(_kept(input, input.shape, p), input.dtype) * (1 / (1 - p))
    return settle(lambda x: x * mask, input, inplace)


def _channels(input: Any, p: float, training: bool, inplace: bool, ndim: int) -> Any:
    """Drop whole channels of (N, C, *S), or of (C, *S) without a batch."""
    _check(f"dropout{ndim}d", input, p)
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"dropout{ndim}d: Expected {ndim + 1}D or {ndim + 2}D input, but received a "
            f"{input.ndim}D input"
        )
    if not training or p == 0.0:
        return input
    lead = input.ndim - ndim
    shape = (*input.shape[:lead], *(1,) * ndim)
    mask = xp.astype(_kept(input, shape, p), input.dtype)
    return settle(lambda x: x * (mask / (1 - p) if p < 1 else mask * 0.0), input, inplace)


_WHOLE = """Return x with whole channels set to 0 with probability p, the others divided by 1 - p.

>>> xp.nn.functional.dropout{n}d(xp.ones((1, 2, {two})), training=False).shape
(1, 2, {two})

Parameters
----------
input : Tensor, any dtype
    Shape {x}, or {u} without a batch.
p : float
    In [0, 1].
training : bool
    False: return `input` itself.
inplace : bool
    Write over `input`, and return it.

Returns
-------
Tensor
    Shape and dtype of `input`; integers become floating.

Raises
------
TypeError
    `input` is no Tensor.
ValueError
    `p` is outside [0, 1].
RuntimeError
    `input` has another number of axes, or is a leaf that requires grad, in place.

See Also
--------
dropout, feature_alpha_dropout
"""


@told(_WHOLE, 1)
def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return _channels(input, p, training, inplace, 1)


@told(_WHOLE, 2)
def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return _channels(input, p, training, inplace, 2)


@told(_WHOLE, 3)
def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return _channels(input, p, training, inplace, 3)


_ALPHA = -1.7580993408473766  # the value of SELU at minus infinity


def _alpha(input: Any, p: float, training: bool, inplace: bool, whole: bool) -> Any:
    _check("feature_alpha_dropout" if whole else "alpha_dropout", input, p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return settle(lambda x: x * 0.0, input, inplace)
    # dropped elements become alpha'; a and b keep the mean 0 and the variance 1
    a = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    b = -a * _ALPHA * p
    shape = input.shape
    if whole:
        shape = (*shape[:2], *(1,) * (input.ndim - 2))
    keep = _kept(input, shape, p)
    return settle(lambda x: xp.where(keep, x, _ALPHA) * a + b, input, inplace)


@dropped.see("dropout, selu")
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Return x after dropout that keeps mean 0 and variance 1, for networks of `selu`.

    Dropped elements become -1.7581, then all are scaled and shifted (Klambauer and others, 2017).

    >>> xp.nn.functional.alpha_dropout(xp.asarray([1.0, 2.0]), training=False)
    tensor([1., 2.])
    """
    return _alpha(input, p, training, inplace, False)


@dropped.see("alpha_dropout")
def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Any:
    """Return x after `alpha_dropout` of whole channels.

    >>> xp.nn.functional.feature_alpha_dropout(xp.ones((1, 2, 3)), training=False).shape
    (1, 2, 3)

    Parameters
    ----------
    input : Tensor, any dtype
        Shape (N, C, …).
    """
    return _alpha(input, p, training, inplace, True)
