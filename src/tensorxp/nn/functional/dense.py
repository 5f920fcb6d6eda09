"""Linear and bilinear maps, embeddings, and one-hot vectors."""

from typing import Any

import tensorxp as xp
from tensorxp import Tensor, no_grad
from tensorxp._backend.families import see
from tensorxp._ops.axes import constant
from tensorxp._ops.network import dense, gathering, in_single
from tensorxp.nn.functional._sizes import expect
from tensorxp.nn.functional.regression import vector_norm


@see("bilinear")
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """Return x weightᵀ + bias over the last axis.

    >>> weight = xp.asarray([[1.0, 1.0], [0.0, 3.0]])
    >>> xp.nn.functional.linear(xp.asarray([[1.0, 2.0]]), weight, xp.asarray([0.5, 0.0]))
    tensor([[3.5, 6. ]])

    Parameters
    ----------
    input : Tensor, any dtype
        Shape (…, in).
    weight : Tensor, any dtype
        Shape (out, in), or (in,), which gives a result without the last axis.
    bias : Tensor or None
        Shape (out,), or what broadcasts to the result.

    Returns
    -------
    Tensor
        Shape (…, out); dtypes promote.

    Raises
    ------
    TypeError
        An argument is no Tensor.
    RuntimeError
        `weight` has another shape, or the last axis of `input` is not as long as it expects.
    ValueError
        `bias` does not broadcast to the result.
    """
    if not (isinstance(input, Tensor) and isinstance(weight, Tensor)):
        expect("linear", input)
        expect("linear", weight, "weight")
    if bias is not None:
        expect("linear", bias, "bias")
    if weight.ndim == 1:
        out = xp.matmul(input, weight)
        return out if bias is None else out + bias
    if weight.ndim != 2:
        raise RuntimeError(f"linear: weight has shape {weight.shape}; expected (out, in), or (in,)")
    if input.ndim == 0 or input.shape[-1] != weight.shape[1]:
        raise RuntimeError(
            f"linear: input has shape {input.shape}, but weight {weight.shape} expects a last "
            f"axis of {weight.shape[1]} elements"
        )
    if bias is not None and bias.ndim > 1:
        return dense.linear(input, weight) + bias
    return dense.linear(input, weight, bias)


@in_single()
@see("linear")
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """Return x1ᵀ W_k x2 + bias_k for each output k, over the last axes.

    >>> F = xp.nn.functional
    >>> F.bilinear(xp.asarray([[1.0, 2.0]]), xp.asarray([[3.0]]), xp.asarray([[[1.0], [1.0]]]))
    tensor([[9.]])

    Parameters
    ----------
    input1 : Tensor
        Shape (…, in1).
    input2 : Tensor
        Shape (…, in2), the leading axes broadcast.
    weight : Tensor
        Shape (out, in1, in2).
    bias : Tensor or None
        Shape (out,).

    Returns
    -------
    Tensor
        Shape (…, out); dtypes promote.

    Raises
    ------
    TypeError
        An argument is no Tensor.
    ValueError
        Shapes do not fit.
    """
    left = xp.tensordot(input1, weight, axes=((-1,), (1,)))  # (…, out, in2)
    out = xp.sum(left * xp.expand_dims(input2, axis=-2), axis=-1)
    return out if bias is None else out + bias


@see("embedding")
def one_hot(input: Any, num_classes: int = -1) -> Any:
    """Return vectors with a one at each class index, along a new last axis.

    >>> xp.nn.functional.one_hot(xp.asarray([2, 0]))
    tensor([[0, 0, 1],
            [1, 0, 0]])

    Parameters
    ----------
    input : Tensor, integer
        Class indices of any shape.
    num_classes : int
        -1: the largest index plus 1.

    Returns
    -------
    Tensor
        Shape (…, num_classes), dtype int64; no gradient.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    RuntimeError
        It is not of integers, is empty with `num_classes` -1, or an index is outside.
    """
    expect("one_hot", input)
    if not xp.isdtype(input.dtype, "integral"):
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor, got "
                           f"{input.dtype}")  # fmt: skip
    top = int(xp.max(input)) + 1 if input.size else 0
    if num_classes == -1:
        if not input.size:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = top
    elif top > num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    if input.size and int(xp.min(input)) < 0:
        raise RuntimeError("Class values must be non-negative.")
    places = xp.arange(num_classes, device=input.device)
    return xp.astype(xp.expand_dims(input, axis=-1) == places, xp.int64)


def _renormalise(weight: Any, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scale down, in place, the rows in use whose norm is larger than `max_norm`."""
    with no_grad():
        used = xp.unique_values(xp.reshape(indices, (-1,)))
        rows = weight.detach()[used]
        norm = vector_norm(rows, norm_type, -1, True)
        weight[used] = xp.where(norm > max_norm, rows * (max_norm / (norm + 1e-7)), rows)


@see("embedding_bag, one_hot")
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Return the rows of a table at integer indices.

    >>> xp.nn.functional.embedding(xp.asarray([1, 0]), xp.asarray([[0.0, 1.0], [2.0, 3.0]]))
    tensor([[2., 3.],
            [0., 1.]])

    Parameters
    ----------
    input : Tensor, integer
        Shape (…).
    weight : Tensor
        Shape (rows, …).
    padding_idx : int or None
        A row that gets no gradient.
    max_norm : float or None
        Scale rows in use with a larger norm down to it, in place.
    norm_type : float
        p of that norm.
    scale_grad_by_freq : bool
        Divide each row's gradient by how often it is used.
    sparse : bool
        Ignored: gradients are dense.

    Returns
    -------
    Tensor
        Shape of `input`, then that of a row; the dtype of `weight`.

    Raises
    ------
    TypeError
        `input` is no Tensor of integers.
    IndexError
        An index is outside [0, rows).
    AssertionError
        `padding_idx` is outside [-rows, rows).
    """
    expect("embedding", input)
    expect("embedding", weight, "weight")
    if not xp.isdtype(input.dtype, "integral"):
        raise TypeError(f"embedding: input has dtype {input.dtype}; expected integer indices")
    rows = weight.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        constant("embedding", "max_norm", max_norm)
        constant("embedding", "norm_type", norm_type)
        _renormalise(weight, input, max_norm, norm_type)
    return gathering.embedding(weight, input, padding=padding_idx, by_count=scale_grad_by_freq)


@see("embedding")
def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """Return the sum, mean or maximum of the embeddings of each bag of indices.

    >>> F = xp.nn.functional
    >>> F.embedding_bag(xp.asarray([[0, 1]]), xp.asarray([[0.0, 1.0], [2.0, 3.0]]))
    tensor([[1., 2.]])

    Parameters
    ----------
    input : Tensor, integer
        Shape (B, n): each row a bag, or (n,), cut by `offsets`.
    weight : Tensor
        Shape (rows, width).
    offsets : Tensor or None
        Where the bags of 1-D `input` start: shape (B,), integers.
    max_norm, norm_type, scale_grad_by_freq, sparse : float, bool
        As in `embedding`.
    mode : str
        "sum", "mean" or "max"; empty bags give 0. Of equal maxima the first has the gradient.
    per_sample_weights : Tensor or None
        Shape of `input`: factors, with "sum" only.
    include_last_offset : bool
        The last of `offsets` is an end, not a start.
    padding_idx : int or None
        An index that does not count.

    Returns
    -------
    Tensor
        Shape (B, width); the dtype of `weight`.

    Raises
    ------
    TypeError
        `input` is no Tensor of integers.
    ValueError
        `mode`, or the shape of `input` or `offsets`, is not one of these.
    IndexError
        An index is outside [0, rows).
    NotImplementedError
        Weights with another mode than "sum".
    """
    expect("embedding_bag", input)
    expect("embedding_bag", weight, "weight")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum or mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None, but mode is not "
                                  "'sum'")  # fmt: skip
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                "of fixed length sequences."
            )
        bags = input.shape[0]
        bag = xp.repeat(xp.arange(bags, device=input.device), input.shape[1])
        input = xp.reshape(input, (-1,))
        if per_sample_weights is not None:
            per_sample_weights = xp.reshape(per_sample_weights, (-1,))
    elif input.ndim == 1:
        if offsets is not None:
            expect("embedding_bag", offsets, "offsets")
        if offsets is None or offsets.ndim != 1:
            raise ValueError("offsets has to be a 1D Tensor but got "
                             f"{None if offsets is None else offsets.shape}")  # fmt: skip
        bags = offsets.shape[0] - (1 if include_last_offset else 0)
        places = xp.arange(input.shape[0], device=input.device)
        bag = xp.searchsorted(offsets[:bags], places, side="right") - 1
    else:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    rows = embedding(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq)
    counted = xp.astype(xp.ones_like(input), weight.dtype)
    if padding_idx is not None:
        counted = xp.astype(input != padding_idx % weight.shape[0], weight.dtype)
    shape = (bags, weight.shape[1])
    if mode == "max":
        return _bag_maxima(rows, bag, counted, shape)
    factor = counted if per_sample_weights is None else counted * per_sample_weights
    rows = rows * factor[:, None]
    zeros = xp.zeros(shape, dtype=rows.dtype, device=rows.device)
    total = xp.index_add(zeros, bag, rows)
    if mode == "sum":
        return total
    count = xp.index_add(xp.zeros(bags, dtype=rows.dtype, device=rows.device), bag, counted)
    return total / xp.clip(count, 1.0)[:, None]


def _bag_maxima(rows: Any, bag: Any, counted: Any, shape: tuple[int, int]) -> Any:
    """Return the maxima of each bag, 0 for empty ones; the first of equal ones has the gradient."""
    out = []
    for i in range(shape[0]):
        places = xp.nonzero((bag == i) & (counted > 0))[0]
        if not places.size:
            out.append(xp.zeros(shape[1], dtype=rows.dtype, device=rows.device))
            continue
        part = xp.take(rows, places, axis=0)
        best = xp.argmax(part.detach(), axis=0, keepdims=True)
        out.append(xp.take_along_axis(part, best, axis=0)[0])
    return xp.stack(out) if out else rows[:0]
