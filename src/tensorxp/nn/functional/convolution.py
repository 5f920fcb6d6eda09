"""Convolutions and transposed convolutions; inputs (N, C, *S), or (C, *S) without a batch."""

from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._ops.network import Steps, Window, convolve, in_single, spread
from tensorxp._ops.network import fold as fold_windows
from tensorxp._ops.network import unfold as unfold_windows
from tensorxp.nn.functional._family import told
from tensorxp.nn.functional._sizes import batched, expect, ntuple
from tensorxp.nn.functional.padding import pad_spatial


@in_single(on_host=True)
def _convolution(
    ndim: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    name = f"conv{ndim}d"
    x, single = batched(name, input, ndim)
    expect(name, weight, "weight")
    if weight.ndim != ndim + 2:
        raise RuntimeError(
            f"{name}: weight has shape {weight.shape}; expected {ndim + 2} axes (out, in / groups, "
            "kernel)"
        )
    if groups <= 0 or weight.shape[0] % groups or x.shape[1] != weight.shape[1] * groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, weight of size {weight.shape}, expected input"
            f"{input.shape} to have {weight.shape[1] * groups} channels, but got {x.shape[1]} "
            "channels instead"
        )
    steps = ntuple(stride, ndim, name, "stride")
    spread_by = ntuple(dilation, ndim, name, "dilation")
    if min(steps) < 1 or min(spread_by) < 1:
        raise RuntimeError(f"{name}: stride is {steps} and dilation {spread_by}; at least 1 needed")
    kernel = weight.shape[2:]
    if min(kernel) < 1:
        raise RuntimeError(f"{name}: weight has shape {weight.shape}; the kernel is empty")
    pads = padding_pairs(name, padding, kernel, steps, spread_by)
    for n, k, d, (lo, hi) in zip(x.shape[2:], kernel, spread_by, pads, strict=True):
        if n + lo + hi < d * (k - 1) + 1:
            raise RuntimeError(
                f"{name}: the padded input of shape {input.shape} is smaller than the kernel "
                f"{tuple(kernel)} with dilation {spread_by}"
            )
    _check_bias(name, bias, weight.shape[0])
    out = convolve(x, weight, bias, steps=Steps(steps, pads, spread_by, groups))
    return out[0] if single else out


def _check_bias(name: str, bias: Any, channels: int) -> None:
    if bias is not None and bias.shape != (channels,):
        raise ValueError(f"{name}: bias has shape {bias.shape}; expected ({channels},)")


def padding_pairs(
    name: str, padding: Any, kernel: Any, stride: Any, dilation: Any
) -> tuple[tuple[int, int], ...]:
    """Return padding ("same", "valid", an int, or ints) as a pair for each axis."""
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(kernel)
        if padding != "same":
            raise RuntimeError(f"Invalid padding string: '{padding}'")
        if any(s != 1 for s in stride):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    sizes = ntuple(padding, len(kernel), name, "padding")
    if min(sizes) < 0:
        raise RuntimeError("negative padding is not supported")
    return tuple((n, n) for n in sizes)


_CONV = """Return the correlation of `input` with the kernels `weight`, plus `bias`.

The sizes are L′ = ⌊(L + 2 padding - dilation (K - 1) - 1) / stride⌋ + 1.

>>> xp.nn.functional.conv{n}d(xp.ones((1, 1, {four})), xp.ones((2, 1, {three}))).shape
(1, 2, {two})

Parameters
----------
input : Tensor
    Shape {x}, or {u} without a batch.
weight : Tensor
    Shape (O, C / groups, *K).
bias : Tensor or None
    Shape (O,).
stride, dilation : {i}
    At least 1.
padding : {i}, or str
    Zeros at both ends; "valid": none, "same": L′ = L, with stride 1.
groups : int
    Divides C and O: channels that are kept apart.

Returns
-------
Tensor
    Shape (N, O, {t}), or (O, {t}); dtypes promote.

Raises
------
TypeError
    `input` is no Tensor, or sizes are no ints.
RuntimeError
    Shapes, sizes or `groups` do not fit.
ValueError
    `bias` has another shape.

See Also
--------
conv_transpose{n}d, unfold
"""


@told(_CONV, 1)
def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    return _convolution(1, input, weight, bias, stride, padding, dilation, groups)


@told(_CONV, 2)
def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    return _convolution(2, input, weight, bias, stride, padding, dilation, groups)


@told(_CONV, 3)
def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    return _convolution(3, input, weight, bias, stride, padding, dilation, groups)


@in_single(on_host=True)
def _transposed(
    ndim: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    name = f"conv_transpose{ndim}d"
    x, single = batched(name, input, ndim)
    expect(name, weight, "weight")
    if groups < 1:
        raise RuntimeError(f"{name}: groups is {groups}; it must be at least 1")
    if weight.ndim != ndim + 2 or x.shape[1] != weight.shape[0] or x.shape[1] % groups:
        raise RuntimeError(
            f"{name}: Given transposed=1, weight of size {weight.shape}, expected input"
            f"{input.shape} to have {weight.shape[0]} channels, but got {x.shape[1]} channels "
            "instead"
        )
    steps = ntuple(stride, ndim, name, "stride")
    spread_by = ntuple(dilation, ndim, name, "dilation")
    extra = ntuple(output_padding, ndim, name, "output_padding")
    if min(steps) < 1 or min(spread_by) < 1:
        raise RuntimeError(f"{name}: stride is {steps} and dilation {spread_by}; at least 1 needed")
    pads = padding_pairs(name, padding, weight.shape[2:], steps, spread_by)
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, spread_by, strict=True)):
        raise RuntimeError("output padding must be smaller than either stride or dilation")
    size = tuple(
        (n - 1) * s - lo - hi + d * (k - 1) + e + 1
        for n, s, (lo, hi), d, k, e in zip(
            x.shape[2:], steps, pads, spread_by, weight.shape[2:], extra, strict=True
        )
    )
    if min(size) < 1:
        raise RuntimeError(f"{name}: the output would have size {size}; it is too small")
    _check_bias(name, bias, weight.shape[1] * groups)
    # as many elements more as a stride has are beyond every window: less is cropped, or 0 is added
    beyond = [e if e >= s else 0 for e, s in zip(extra, steps, strict=True)]
    zeros = [max(e - hi, 0) for e, (_, hi) in zip(beyond, pads, strict=True)]
    pads = tuple([(lo, max(hi - e, 0)) for e, (lo, hi) in zip(beyond, pads, strict=True)])
    inner = tuple([n - z for n, z in zip(size, zeros, strict=True)])
    out = spread(x, weight, steps=Steps(steps, pads, spread_by, groups), size=inner)
    if any(zeros):
        out = xp.pad(out, ((0, 0), (0, 0), *[(0, z) for z in zeros]))
    if bias is not None:
        out = out + xp.reshape(bias, (-1, *(1,) * ndim))
    return out[0] if single else out


_TRANSPOSED = """Return the adjoint of `conv{n}d` applied to `input`, plus `bias`.

The sizes are L′ = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.

>>> x, weight = xp.ones((1, 1, {two})), xp.ones((1, 2, {three}))
>>> xp.nn.functional.conv_transpose{n}d(x, weight).shape
(1, 2, {four})

Parameters
----------
input : Tensor
    Shape {x}, or {u} without a batch.
weight : Tensor
    Shape (C, O / groups, *K).
bias : Tensor or None
    Shape (O,).
stride, dilation : {i}
    At least 1.
padding : {i}
output_padding : {i}
    Added at the far end; less than `stride` or `dilation`.
groups : int
    Divides C and O: channels that are kept apart.

Returns
-------
Tensor
    Shape (N, O, {t}), or (O, {t}); dtypes promote.

Raises
------
TypeError
    `input` is no Tensor, or sizes are no ints.
RuntimeError
    Shapes, sizes or `groups` do not fit.
ValueError
    `bias` has another shape.

See Also
--------
conv{n}d
"""


@told(_TRANSPOSED, 1)
def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    return _transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@told(_TRANSPOSED, 2)
def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    return _transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@told(_TRANSPOSED, 3)
def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    return _transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def padded_convolution(
    ndim: int, input: Any, weight: Any, bias: Any, mode: str, pads: Any, stride: Any, dilation: Any,
    groups: int,
) -> Any:  # fmt: skip
    """Return a convolution of the input padded by `mode` ("reflect", "replicate", "circular")."""
    x = pad_spatial(input, pads, mode)
    return _convolution(ndim, x, weight, bias, stride, 0, dilation, groups)


def _window(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Window:
    kernel = ntuple(kernel_size, 2, name, "kernel_size")
    steps = ntuple(stride, 2, name, "stride")
    pads = ntuple(padding, 2, name, "padding")
    spread_by = ntuple(dilation, 2, name, "dilation")
    if min(kernel + steps + spread_by) < 1 or min(pads) < 0:
        raise RuntimeError(
            f"{name}: kernel_size is {kernel}, dilation {spread_by}, padding {pads}, stride "
            f"{steps}; at least 1 (padding: 0) needed"
        )
    return Window(kernel, steps, tuple((n, n) for n in pads), spread_by)


@in_single()
@see("fold")
def unfold(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """Return the windows of images as columns.

    >>> xp.nn.functional.unfold(xp.ones((1, 1, 3, 3)), 2).shape
    (1, 4, 4)

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W), or (C, H, W) without a batch.
    kernel_size, dilation, stride : int or 2 ints
        At least 1.
    padding : int or 2 ints
        Zeros at both ends.

    Returns
    -------
    Tensor
        Shape (N, C · taps, windows), or without N; the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor, or sizes are no ints.
    RuntimeError
        Its shape or sizes are not allowed.
    """
    x, single = batched("unfold", input, 2)
    out = unfold_windows(x, window=_window("unfold", kernel_size, dilation, padding, stride))
    return out[0] if single else out


@in_single()
@see("unfold")
def fold(
    input: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """Return images with columns added up at their windows' places: the adjoint of `unfold`.

    >>> xp.nn.functional.fold(xp.ones((1, 4, 4)), (3, 3), 2)
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])

    Parameters
    ----------
    input : Tensor
        Shape (N, C · taps, windows), or without N.
    output_size : int or 2 ints
        (H, W).
    kernel_size, dilation, stride : int or 2 ints
        At least 1.
    padding : int or 2 ints

    Returns
    -------
    Tensor
        Shape (N, C, H, W), or (C, H, W); the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor, or sizes are no ints.
    RuntimeError
        Its shape or sizes are not allowed.
    """
    x, single = batched("fold", input, 1)
    size = ntuple(output_size, 2, "fold", "output_size")
    window = _window("fold", kernel_size, dilation, padding, stride)
    taps = window.kernel[0] * window.kernel[1]
    counts = window.counts(size)
    if x.shape[1] % taps or x.shape[2] != counts[0] * counts[1]:
        raise RuntimeError(
            f"fold: input has shape {input.shape}; expected (N, C · {taps}, "
            f"{counts[0] * counts[1]}) for output_size {size}"
        )
    out = fold_windows(x, window=window, size=size)
    return out[0] if single else out
