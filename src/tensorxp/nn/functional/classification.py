"""Losses of classification: cross-entropies, their binary kin, and hinge losses."""

from math import prod
from typing import Any

import tensorxp as xp
from tensorxp import no_grad
from tensorxp._backend.families import see
from tensorxp._core.face import is_floating
from tensorxp._ops.axes import constant
from tensorxp._ops.network import activation as act
from tensorxp._ops.network import dense, in_single
from tensorxp.nn.functional._family import loss, of_one_shape
from tensorxp.nn.functional._reduce import legacy, reduce_loss
from tensorxp.nn.functional._sizes import expect


def _class_last(input: Any) -> Any:
    """Return (N, C, …) as rows (N · …, C); (C,) as one row."""
    if input.ndim <= 2:
        return input if input.ndim == 2 else xp.reshape(input, (1, -1))
    rows = xp.moveaxis(input, 1, -1)
    return xp.reshape(rows, (prod(rows.shape[:-1]), rows.shape[-1]))


def _scales(
    function: str, input: Any, target: Any, weight: Any, ignore_index: int, reduction: str
) -> tuple[Any, Any, Any, Any]:
    """Return flat targets with none ignored, what counts, each loss's factor, and their sum.

    The factor is the class weight, 0 where the target is ignored.
    """
    expect(function, input, least=1)
    expect(function, target, "target")
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
    safe, counted = dense.checked_targets(
        flat, function=function, classes=classes, ignore_index=ignore_index
    )
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
        scale = xp.where(counted, scale, 0.0)
    return safe, counted, scale, xp.sum(scale) if reduction == "mean" else None


@in_single("weight")
@see("nll_loss, log_softmax")
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
    """Return -log(softmax(x)[y]), or -Σ y log(softmax(x)) for probabilities y, over classes.

    >>> logits = xp.asarray([[0.0, 0.0], [5.0, 0.0]])
    >>> xp.nn.functional.cross_entropy(logits, xp.asarray([1, 0]))
    tensor(0.3499)

    Parameters
    ----------
    input : Tensor
        Scores of shape (N, C, …), or (C,), floating.
    target : Tensor
        Class indices, integers of shape (N, …), or (); or probabilities of the shape of `input`.
    weight : Tensor or None
        Shape (C,); the mean is over the weights of the targets.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    ignore_index : int
        Targets equal to it do not count.
    reduction : str
        "mean", "sum", or "none": a loss per target.
    label_smoothing : float
        In [0, 1]: this part of each target is spread over all classes.

    Returns
    -------
    Tensor
        Shape (), or (N, …) with "none"; the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no floating-point Tensor, or indices are no integers.
    ValueError
        Shapes do not fit; another `reduction` or `label_smoothing`.
    IndexError
        A class index is outside [0, C).
    """
    reduction = legacy(reduction, size_average, reduce)
    constant("cross_entropy", "label_smoothing", label_smoothing)
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    expect("cross_entropy", input)
    expect("cross_entropy", target, "target")
    if not is_floating(input):
        raise TypeError(
            f"cross_entropy: input has dtype {input.dtype}; allowed are floating-point dtypes"
        )
    if input.ndim == 0:
        raise ValueError("cross_entropy: input is 0-d; expected (C,) or (N, C, …)")
    if target.shape == input.shape and not xp.isdtype(target.dtype, "integral"):
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    with no_grad():
        safe, counted, scale, total = _scales(
            "cross_entropy", input, target, weight, ignore_index, reduction
        )
        factor = scale if total is None else scale / total
    rows = _class_last(input)
    smoothed = label_smoothing > 0.0
    kept = (1 - label_smoothing) * factor if smoothed else factor
    losses = dense.softmax_cross_entropy(rows, safe, kept, total=reduction != "none")
    if smoothed:
        logp = xp.special.log_softmax(rows, axis=-1)
        with no_grad():
            # the smoothed part weighs each class by its own weight, and not by the target's
            mask = xp.astype(counted, input.dtype)
            if total is not None:
                mask = mask / total
        each = logp if weight is None else logp * weight
        spread = -xp.sum(each, axis=-1) * mask * (label_smoothing / rows.shape[1])
        losses = losses + (spread if reduction == "none" else xp.sum(spread))
    if reduction == "none":
        return xp.reshape(losses, target.shape)
    return _mean_of_nothing(losses) if reduction == "mean" and not target.size else losses


def _mean_of_nothing(total: Any) -> Any:
    """Return NaN with the history of the sum of no losses, as PyTorch."""
    return total * xp.nan


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
        total = xp.sum(losses)
        return total / losses.size if losses.size else _mean_of_nothing(total)
    return reduce_loss(losses, reduction)


@in_single("weight")
@see("cross_entropy, log_softmax")
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return -x[y], x log-probabilities, y classes: with `log_softmax` before it, `cross_entropy`.

    >>> xp.nn.functional.nll_loss(xp.asarray([[-0.5, -1.0]]), xp.asarray([1]))
    tensor(1.)

    Parameters
    ----------
    input : Tensor
        Shape (N, C, …), or (C,), floating.
    target : Tensor, integer
        Shape (N, …), or () (or (1,)) beside (C,).
    weight : Tensor or None
        Shape (C,); the mean is over the weights of the targets.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    ignore_index : int
        Targets equal to it do not count.
    reduction : str
        "mean", "sum", or "none": a loss per target.

    Returns
    -------
    Tensor
        Shape (), or (N, …) with "none"; the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor, or `target` not one of integers.
    ValueError
        Shapes do not fit; another `reduction`.
    IndexError
        A class index is outside [0, C).
    """
    reduction = legacy(reduction, size_average, reduce)
    expect("nll_loss", input, least=1)
    expect("nll_loss", target, "target")
    if input.ndim == 1 and target.shape == (1,):
        target = target[0]
    with no_grad():
        safe, _, scale, total = _scales("nll_loss", input, target, weight, ignore_index, reduction)
    rows = _class_last(input)
    picked = xp.take_along_axis(rows, xp.reshape(safe, (-1, 1)), axis=1)[:, 0]
    losses = -picked * scale
    if reduction == "mean":
        return xp.sum(losses) / total
    if reduction == "none":
        return xp.reshape(losses, target.shape)
    return reduce_loss(losses, reduction)


def _same_size(function: str, input: Any, target: Any) -> None:
    expect(function, input)
    expect(function, target, "target")
    if input.shape != target.shape:
        raise ValueError(
            f"{function}: target has shape {target.shape}, but input has {input.shape}; "
            "they must have the same size"
        )


@in_single()
@of_one_shape.see("binary_cross_entropy_with_logits")
def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return -(y log p + (1 - y) log(1 - p)); the logarithms are at least -100.

    >>> xp.nn.functional.binary_cross_entropy(xp.asarray([0.5, 0.5]), xp.asarray([0.0, 1.0]))
    tensor(0.6931)

    Parameters
    ----------
    input : Tensor, any dtype
        Probabilities in [0, 1], of any shape.
    target : Tensor, any dtype
        Shape of `input`.

    Raises
    ------
    ValueError
        Shapes differ; another `reduction`.
    RuntimeError
        A value of `input` is outside [0, 1].
    """
    reduction = legacy(reduction, size_average, reduce)
    _same_size("binary_cross_entropy", input, target)
    if bool(xp.any((input < 0) | (input > 1))):
        raise RuntimeError("all elements of input should be between 0 and 1")
    # the gradient is that of the quotient (p - y) / max(p (1 - p), 1e-12), as PyTorch's
    losses = act.binary_cross_entropy(input, target)
    if weight is not None:
        losses = losses * weight
    return reduce_loss(losses, reduction)


@in_single()
@of_one_shape.see("binary_cross_entropy, cross_entropy")
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """Return the binary cross-entropy of sigmoid(x), without overflow.

    >>> F = xp.nn.functional
    >>> F.binary_cross_entropy_with_logits(xp.asarray([0.0, 0.0]), xp.asarray([0.0, 1.0]))
    tensor(0.6931)

    Parameters
    ----------
    input, target : Tensor, any dtype
        Of one shape; targets in [0, 1].
    pos_weight : Tensor or None
        Factors of the positive part y log sigmoid(x), that broadcast.

    Raises
    ------
    ValueError
        Shapes differ; another `reduction`.
    """
    reduction = legacy(reduction, size_average, reduce)
    _same_size("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = act.cross_entropy_with_logits(input, target)
    else:
        losses = -(1 - target) * act.logsigmoid(-input)
        losses = losses - pos_weight * target * act.logsigmoid(input)
    if weight is not None:
        losses = losses * weight
    return reduce_loss(losses, reduction)


@in_single()
@loss.see("binary_cross_entropy_with_logits")
def soft_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return log(1 + exp(-y x)), y being 1 or -1.

    >>> xp.nn.functional.soft_margin_loss(xp.asarray([0.0, 2.0]), xp.asarray([1.0, -1.0]))
    tensor(1.41)

    Parameters
    ----------
    input, target : Tensor, any dtype
        Of one shape, or shapes that broadcast.

    Returns
    -------
    Tensor
        Shape (), or the broadcast one with "none"; dtypes promote, integers become floating.
    """
    reduction = legacy(reduction, size_average, reduce)
    expect("soft_margin_loss", input)
    expect("soft_margin_loss", target, "target")
    return reduce_loss(-act.logsigmoid(target * input), reduction)


@in_single()
@loss.see("binary_cross_entropy_with_logits")
def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return the binary cross-entropies with logits, averaged over the classes.

    >>> F = xp.nn.functional
    >>> F.multilabel_soft_margin_loss(xp.asarray([[0.0, 0.0]]), xp.asarray([[1.0, 0.0]]))
    tensor(0.6931)

    Parameters
    ----------
    input, target : Tensor, numeric
        Shape (…, C); targets 0 or 1.
    weight : Tensor or None
        Shape (C,).
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Returns
    -------
    Tensor
        Shape (), or (…) with "none"; dtypes promote.
    """
    reduction = legacy(reduction, size_average, reduce)
    losses = -(target * act.logsigmoid(input) + (1 - target) * act.logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    return reduce_loss(xp.mean(losses, axis=-1), reduction)


def _check_margin(function: str, input: Any, target: Any, expected: tuple[int, ...]) -> None:
    """Raise unless `input` has at most 2 axes, and `target` integers and the expected shape.

    Beside one sample one target may have an axis or none.
    """
    expect(function, target, "target")
    if input.ndim > 2:
        raise ValueError(f"{function}: input has shape {input.shape}; expected (N, C), (C,) or ()")
    alone = target.ndim < 2 and target.size == 1
    if target.shape != expected and not (alone and expected in ((), (1,))):
        raise ValueError(f"{function}: target has shape {target.shape}; expected {expected}")
    if not xp.isdtype(target.dtype, "integral"):
        raise TypeError(f"{function}: target has dtype {target.dtype}; expected integers")


@in_single()
@see("cross_entropy, multilabel_margin_loss")
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
    """Return Σ_i max(0, margin - x[y] + x[i])^p / C over the other classes i.

    >>> xp.nn.functional.multi_margin_loss(xp.asarray([[0.0, 0.5]]), xp.asarray([1]))
    tensor(0.25)

    Parameters
    ----------
    input : Tensor
        Shape (N, C), (C,) or ().
    target : Tensor, integer
        Shape (N,), or ().
    p : int
        1 or 2.
    margin : float
    weight : Tensor or None
        Shape (C,), by target.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Returns
    -------
    Tensor
        Shape (), or (N,) with "none"; the dtype of the input.

    Raises
    ------
    TypeError
        `input` is no Tensor, or `target` not one of integers.
    ValueError
        Shapes do not fit; another `p` or `reduction`.
    IndexError
        A class index is outside [0, C).
    """
    reduction = legacy(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    expect("multi_margin_loss", input)
    _check_margin("multi_margin_loss", input, target, input.shape[:-1])
    rows = input if input.ndim == 2 else xp.reshape(input, (1, -1))
    if weight is not None and weight.shape != (rows.shape[1],):
        raise ValueError(
            f"multi_margin_loss: weight has shape {weight.shape}; expected ({rows.shape[1]},)"
        )
    labels = xp.reshape(target, (-1, 1))
    right = xp.take_along_axis(rows, labels, axis=1)
    z = act.relu(margin - right + rows)
    z = z if p == 1 else z * z
    if weight is not None:
        z = z * xp.take(weight, xp.reshape(target, (-1,)), axis=0)[:, None]
    others = xp.arange(rows.shape[1], device=rows.device)[None, :] != labels
    losses = xp.sum(xp.where(others, z, 0.0), axis=1) / rows.shape[1]
    if target.ndim == 0:
        losses = losses[0]
    return reduce_loss(losses, reduction)


@in_single()
@see("multi_margin_loss")
def multilabel_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Return Σ max(0, 1 - (x[y_j] - x[i])) / C over targets y_j and classes i that are none.

    >>> xp.nn.functional.multilabel_margin_loss(xp.asarray([[0.0, 0.5]]), xp.asarray([[1, -1]]))
    tensor(0.25)

    Parameters
    ----------
    input : Tensor
        Shape (N, C), (C,) or ().
    target : Tensor, integer
        Shape of `input`: class indices, up to the first -1.
    size_average, reduce : bool or None
        Old forms of `reduction`; giving one is a DeprecationWarning.
    reduction : str
        "mean" over the batch, "sum", or "none": a loss per sample.

    Returns
    -------
    Tensor
        Shape (), or (N,) with "none"; the dtype of the input.

    Raises
    ------
    TypeError
        `input` is no Tensor, or `target` not one of integers.
    ValueError
        Shapes differ; another `reduction`.
    IndexError
        A class index is outside [0, C).
    """
    reduction = legacy(reduction, size_average, reduce)
    expect("multilabel_margin_loss", input)
    _check_margin("multilabel_margin_loss", input, target, input.shape)
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
    if input.ndim < 2:
        losses = losses[0]
    return reduce_loss(losses, reduction)
