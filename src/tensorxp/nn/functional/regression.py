"""Losses of regression, of densities, and of distances between embeddings."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._core.face import quiet
from tensorxp._ops.axes import constant, normalize_axes, normalize_axis
from tensorxp._ops.network import activation as act
from tensorxp._ops.network import in_single
from tensorxp.nn.functional._family import along, loss, other_loss
from tensorxp.nn.functional._reduce import check_sizes, legacy, reduce_loss, weighted
from tensorxp.nn.functional._sizes import expect


@in_single()
@loss.see("l1_loss, huber_loss")
def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Return (x - y)², averaged or summed.

    A UserWarning tells where shapes differ.

    >>> xp.nn.functional.mse_loss(xp.asarray([1.0, 2.0]), xp.asarray([2.0, 5.0]))
    tensor(5.)
    """
    reduction = legacy(reduction, size_average, reduce)
    check_sizes("mse_loss", input, target)
    return weighted(xp.square(input - target), weight, reduction)


@in_single()
@loss.see("mse_loss, smooth_l1_loss")
def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Return |x - y|, averaged or summed; the gradient at 0 is 0.

    A UserWarning tells where shapes differ.

    >>> xp.nn.functional.l1_loss(xp.asarray([1.0, 2.0]), xp.asarray([2.0, 5.0]))
    tensor(2.)
    """
    reduction = legacy(reduction, size_average, reduce)
    check_sizes("l1_loss", input, target)
    return weighted(xp.abs(input - target), weight, reduction)


@in_single()
@loss.see("huber_loss, l1_loss")
def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """Return d² / (2 beta) where |d| < beta, else |d| - beta / 2, with d = x - y.

    Girshick, 2015. A UserWarning tells where shapes differ.

    >>> xp.nn.functional.smooth_l1_loss(xp.asarray([0.0, 0.0]), xp.asarray([1.0, 3.0]))
    tensor(1.5)

    Parameters
    ----------
    beta : float
        At least 0.

    Returns
    -------
    Tensor
        Shape (), or the broadcast one with "none"; dtypes promote, integers become floating.

    Raises
    ------
    RuntimeError
        `beta` is negative.
    """
    reduction = legacy(reduction, size_average, reduce)
    check_sizes("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    d = input - target
    if beta == 0:
        return reduce_loss(xp.abs(d), reduction)
    return reduce_loss(_huber(d, beta) / beta, reduction)


def _huber(d: Any, delta: float) -> Any:
    """Return d² / 2 where |d| < delta, else delta (|d| - delta / 2); the slope is d or ±delta.

    That is c² / 2 + c (d - c) with c = d limited to ±delta. By the last c it has no derivative:
    d - c may be infinite, and the slope of c there is 0.
    """
    c = act.hardtanh(d, -delta, delta)
    return 0.5 * xp.square(c) + c.detach() * (d - c)


@in_single()
@loss.see("smooth_l1_loss, mse_loss")
def huber_loss(
    input: Any,
    target: Any,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Any = None,
) -> Any:
    """Return d² / 2 where |d| ≤ delta, else delta (|d| - delta / 2), with d = x - y.

    Huber, 1964. A UserWarning tells where shapes differ.

    >>> F = xp.nn.functional
    >>> F.huber_loss(xp.asarray([0.0, 0.0]), xp.asarray([1.0, 3.0]), reduction="none")
    tensor([0.5, 2.5])

    Parameters
    ----------
    delta : float
        Above 0.

    Returns
    -------
    Tensor
        Shape (), or the broadcast one with "none"; dtypes promote, integers become floating.

    Raises
    ------
    RuntimeError
        `delta` is not positive.
    """
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    check_sizes("huber_loss", input, target)
    d = input - target
    return weighted(_huber(d, delta), weight, reduction)


@in_single()
@loss.see("cross_entropy")
def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """Return y (log y - x), x log-probabilities, y probabilities: the Kullback-Leibler divergence.

    >>> F = xp.nn.functional
    >>> F.kl_div(xp.log(xp.asarray([0.5, 0.5])), xp.asarray([0.25, 0.75]), reduction="sum")
    tensor(0.1308)

    Parameters
    ----------
    input, target : Tensor, any dtype
        Of one shape, or shapes that broadcast.
    reduction : str
        "mean" over all elements, "batchmean" (the sum by the batch's size), "sum" or "none".
    log_target : bool
        `target` is the logarithm.

    Returns
    -------
    Tensor
        Shape (), or the broadcast one with "none"; dtypes promote, integers become floating.
    """
    reduction = legacy(reduction, size_average, reduce)
    if log_target:
        losses = xp.exp(target) * (target - input)
    else:
        losses = xp.special.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return xp.sum(losses) / (input.shape[0] if input.ndim else 1)
    return reduce_loss(losses, reduction)


@in_single()
@loss.see("gaussian_nll_loss")
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
    """Return exp(x) - y x, the negative log-likelihood of counts y but for constants.

    >>> xp.nn.functional.poisson_nll_loss(xp.asarray([0.0]), xp.asarray([2.0]))
    tensor(1.)

    Parameters
    ----------
    input, target : Tensor, any dtype
        Of one shape, or shapes that broadcast.
    log_input : bool
        False: x is the rate, the loss x - y log(x + eps).
    full : bool
        Add Stirling's y log y - y + log(2 π y) / 2 where y > 1.
    eps : float

    Returns
    -------
    Tensor
        Shape (), or the broadcast one with "none"; dtypes promote, integers become floating.
    """
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


@in_single()
@other_loss.see("mse_loss, poisson_nll_loss")
def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    """Return (log v + (x - y)² / v) / 2, v = max(var, eps): a negative log-likelihood.

    Where `var` is below eps its gradient is that at eps.

    >>> F = xp.nn.functional
    >>> F.gaussian_nll_loss(xp.asarray([1.0]), xp.asarray([2.0]), xp.asarray([1.0]))
    tensor(0.5)

    Parameters
    ----------
    input, target : Tensor
        Of one shape, or shapes that broadcast.
    var : Tensor or float
        Variances: shape of `input`, with its last axis 1, or without it.
    full : bool
        Add log(2 π) / 2.
    eps : float

    Returns
    -------
    Tensor
        Shape (), or the broadcast one with "none"; dtypes promote, integers become floating.

    Raises
    ------
    ValueError
        `var` is negative or has another shape; another `reduction`.
    """
    expect("gaussian_nll_loss", input)
    expect("gaussian_nll_loss", target, "target")
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
    constant("gaussian_nll_loss", "eps", eps)
    # PyTorch limits var outside the graph: the gradient of the limited value passes on
    safe = var + xp.where(var < eps, eps - var, 0.0).detach()
    losses = 0.5 * (xp.log(safe) + xp.square(input - target) / safe)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduce_loss(losses, reduction)


@in_single()
@loss.see("margin_ranking_loss")
def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return x where y is 1, max(0, margin - x) where y is -1.

    >>> xp.nn.functional.hinge_embedding_loss(xp.asarray([0.5, 0.25]), xp.asarray([1.0, -1.0]))
    tensor(0.625)

    Parameters
    ----------
    input, target : Tensor, any dtype
        Of one shape, or shapes that broadcast.
    margin : float

    Returns
    -------
    Tensor
        Shape (), or the broadcast one with "none"; dtypes promote, integers become floating.
    """
    reduction = legacy(reduction, size_average, reduce)
    losses = xp.where(target == 1, input, 0.0)
    losses = losses + xp.where(target == -1, act.relu(margin - input), 0.0)
    return reduce_loss(losses, reduction)


@in_single()
@loss.see("hinge_embedding_loss")
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return max(0, -y (x1 - x2) + margin); y is 1 where x1 should be larger, else -1.

    >>> F = xp.nn.functional
    >>> F.margin_ranking_loss(xp.asarray([1.0]), xp.asarray([3.0]), xp.asarray([1.0]))
    tensor(2.)

    Parameters
    ----------
    input1, input2, target : Tensor, real
        Of one shape, or shapes that broadcast.
    margin : float
    """
    reduction = legacy(reduction, size_average, reduce)
    for name, x in (("input1", input1), ("input2", input2), ("target", target)):
        expect("margin_ranking_loss", x, name)
    return reduce_loss(xp.clip(-target * (input1 - input2) + margin, 0.0), reduction)


@in_single()
@see("pairwise_distance, cosine_embedding_loss")
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Return x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim`.

    >>> xp.nn.functional.cosine_similarity(xp.asarray([[1.0, 0.0]]), xp.asarray([[1.0, 1.0]]))
    tensor([0.7071])

    Parameters
    ----------
    x1, x2 : Tensor, real or bool
        Shapes broadcast.
    dim : int
    eps : float

    Returns
    -------
    Tensor
        Shape without `dim`; dtypes promote, integers become floating.

    Raises
    ------
    TypeError
        An argument is no Tensor of reals.
    ValueError
        Shapes do not broadcast.
    IndexError
        `dim` is out of range (an AxisError).
    """
    expect("cosine_similarity", x1, "x1")
    expect("cosine_similarity", x2, "x2")
    x1, x2 = xp.broadcast_arrays(x1, x2)
    if x1.ndim == 0:
        x1, x2 = xp.reshape(x1, (1,)), xp.reshape(x2, (1,))
    dim = normalize_axis("cosine_similarity", dim, x1.ndim)
    n1 = xp.sqrt(_at_least(xp.sum(x1 * x1, axis=dim, keepdims=True), eps * eps))
    n2 = xp.sqrt(_at_least(xp.sum(x2 * x2, axis=dim, keepdims=True), eps * eps))
    return xp.sum((x1 / n1) * (x2 / n2), axis=dim)


def _at_least(x: Any, low: float) -> Any:
    return xp.clip(x, low)


@in_single()
@loss.see("cosine_similarity")
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return 1 - cos where y is 1, max(0, cos - margin) where y is -1, for each pair of vectors.

    >>> x1, x2 = xp.asarray([[1.0, 0.0]]), xp.asarray([[1.0, 1.0]])
    >>> xp.nn.functional.cosine_embedding_loss(x1, x2, xp.asarray([1.0]))
    tensor(0.2929)

    Parameters
    ----------
    input1, input2 : Tensor
        Shape (N, D), or (D,).
    target : Tensor
        Shape (N,), or (): 1 or -1.
    margin : float
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Returns
    -------
    Tensor
        Shape (), or (N,) with "none"; dtypes promote.
    """
    reduction = legacy(reduction, size_average, reduce)
    expect("cosine_embedding_loss", input1, "input1", 1)
    axis = input1.ndim - 1
    dot = xp.sum(input1 * input2, axis=axis)
    norm1 = xp.sum(input1 * input1, axis=axis) + 1e-12
    norm2 = xp.sum(input2 * input2, axis=axis) + 1e-12
    cos = dot / xp.sqrt(norm1 * norm2)
    losses = xp.where(target == 1, 1 - cos, 0.0)
    losses = losses + xp.where(target == -1, xp.clip(cos - margin, 0.0), 0.0)
    return reduce_loss(losses, reduction)


def vector_norm(x: Any, p: float, axis: Any, keepdims: bool = False) -> Any:
    """Return (Σ |x|^p)^(1/p) along `axis`, for p = 0 how many are not 0; the slope at 0 is 0."""
    constant("norm", "p", p)
    if x.ndim == 0:
        normalize_axes("norm", axis, 1)
        return xp.astype(x != 0, x.dtype) if p == 0 else xp.abs(x)
    with quiet() if p < 0 else nullcontext():  # a negative power of 0 is infinite, and the norm 0
        return xp.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=p)


@in_single()
@see("pdist, cosine_similarity")
def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """Return ‖x1 - x2 + eps‖_p along the last axis; the gradient at 0 is 0.

    >>> xp.nn.functional.pairwise_distance(xp.asarray([[0.0, 0.0]]), xp.asarray([[3.0, 4.0]]))
    tensor([5.])

    Parameters
    ----------
    x1, x2 : Tensor, numeric
        Shapes broadcast.
    p : float
    eps : float
        Added to each difference.
    keepdim : bool
        Keep the last axis, of size 1.

    Returns
    -------
    Tensor
        Shape without the last axis; dtypes promote, integers become floating.

    Raises
    ------
    TypeError
        An argument is no Tensor.
    ValueError
        Shapes do not broadcast.
    """
    expect("pairwise_distance", x1, "x1")
    expect("pairwise_distance", x2, "x2")
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


@in_single()
@see("pairwise_distance")
def pdist(input: Any, p: float = 2.0) -> Any:
    """Return the distances ‖x_i - x_j‖_p of all pairs of rows i < j, the gradient at 0 is 0.

    >>> xp.nn.functional.pdist(xp.asarray([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.    , 1.    , 4.2426])

    Parameters
    ----------
    input : Tensor, numeric
        Shape (N, M).
    p : float
        At least 0; 0 counts differences, without a gradient.

    Returns
    -------
    Tensor
        Shape (N (N - 1) / 2,), the upper triangle row by row; integers become floating.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        It has not 2 axes, or `p` is negative.
    """
    expect("pdist", input)
    if input.ndim != 2:
        raise ValueError(f"pdist: input has shape {input.shape}; expected (N, M)")
    if not p >= 0:
        raise ValueError(f"pdist: p is {p}; it must be at least 0")
    n = input.shape[0]
    rows = [i for i in range(n) for _ in range(i + 1, n)]
    columns = [j for i in range(n) for j in range(i + 1, n)]
    a = xp.asarray(rows, dtype=xp.int64, device=input.device)
    b = xp.asarray(columns, dtype=xp.int64, device=input.device)
    return vector_norm(xp.take(input, a, axis=0) - xp.take(input, b, axis=0), p, -1)


@in_single()
@along.see("layer_norm")
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """Return x / max(‖x‖_p, eps) along `dim`.

    >>> xp.nn.functional.normalize(xp.asarray([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])

    Parameters
    ----------
    p : float
    dim : int or tuple of ints
    eps : float
    """
    expect("normalize", input)
    return input / xp.clip(vector_norm(input, p, dim, True), eps)


@in_single()
@other_loss.see("triplet_margin_with_distance_loss, pairwise_distance")
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
    """Return max(0, ‖a - p‖ - ‖a - n‖ + margin), distances by `pairwise_distance`.

    Balntas and others, 2016.

    >>> F = xp.nn.functional
    >>> F.triplet_margin_loss(xp.asarray([[0.0]]), xp.asarray([[1.0]]), xp.asarray([[1.5]]))
    tensor(0.5)

    Parameters
    ----------
    anchor, positive, negative : Tensor, numeric
        Shape (N, D), or (D,).
    margin : float
        Above 0.
    p, eps : float
        Of the distance.
    swap : bool
        Take the nearer of anchor and positive to the negative.
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Returns
    -------
    Tensor
        Shape (), or (N,) with "none"; dtypes promote.

    Raises
    ------
    ValueError
        `margin` is not above 0; another `reduction`; shapes do not fit.
    """
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


@in_single()
@see("triplet_margin_loss")
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
    """Return max(0, d(a, p) - d(a, n) + margin) of a distance function d.

    >>> a, p, n = xp.asarray([[0.0]]), xp.asarray([[1.0]]), xp.asarray([[1.5]])
    >>> xp.nn.functional.triplet_margin_with_distance_loss(a, p, n)
    tensor(0.5)

    Parameters
    ----------
    anchor, positive, negative : Tensor
        Of a shape that d takes.
    distance_function : callable or None
        d(x1, x2); None: `pairwise_distance`.
    margin : float
        Above 0.
    swap : bool
        Take the nearer of anchor and positive to the negative.
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Returns
    -------
    Tensor
        Shape (), or that of the distances with "none"; dtypes promote.

    Raises
    ------
    TypeError
        An argument is no Tensor.
    ValueError
        `margin` is not above 0; another `reduction`; shapes do not fit.
    """
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    if not callable(distance):
        raise TypeError(
            f"triplet_margin_with_distance_loss: distance_function is {distance!r}; it must be "
            "callable"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = xp.minimum(far, distance(positive, negative))
    return reduce_loss(xp.clip(margin + near - far, 0.0), reduction)
