"""Pooling over windows of one, two or three spatial axes."""

from math import prod
from typing import Any

import tensorxp as xp
from tensorxp._ops.axes import LARGEST
from tensorxp._ops.network import Window, in_single, max_places, sum_pool
from tensorxp._ops.network import max_pool as pool_maxima
from tensorxp.nn.functional._family import told
from tensorxp.nn.functional._sizes import batched, expect, ntuple


def _window(
    name: str,
    size: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> Window:
    """Return the window; with `ceil_mode` it is padded behind so that the last ones fit."""
    ndim = len(size)
    kernel = ntuple(kernel_size, ndim, name, "kernel_size")
    given = stride is None or (isinstance(stride, tuple | list) and not stride)
    steps = kernel if given else ntuple(stride, ndim, name, "stride")
    pads = ntuple(padding, ndim, name, "padding")
    spread = ntuple(dilation, ndim, name, "dilation")
    if min(steps) < 1 or min(kernel) < 1 or min(spread) < 1 or min(pads) < 0:
        raise RuntimeError(
            f"{name}: kernel size, stride and dilation must be greater than zero, padding not "
            f"negative; got {kernel}, {steps}, {spread} and {pads}"
        )
    if any(p > k // 2 for p, k in zip(pads, [d * (k - 1) + 1 for d, k in zip(spread, kernel,
                                                                             strict=True)],
                                      strict=True)):  # fmt: skip
        raise RuntimeError(
            f"{name}: pad should be at most half of effective kernel size, but got pad={pads} and "
            f"kernel_size={kernel}"
        )
    pairs = []
    for n, k, s, p, d in zip(size, kernel, steps, pads, spread, strict=True):
        reach = d * (k - 1) + 1
        count = (n + 2 * p - reach) // s + 1
        if ceil_mode:
            count = -(-(n + 2 * p - reach) // s) + 1
            if (count - 1) * s >= n + p:  # the last window must start inside
                count -= 1
        if count < 1:
            raise RuntimeError(
                f"{name}: Given input size {tuple(size)}. Calculated output size is too small "
                f"(kernel_size={kernel}, stride={steps}, padding={pads}, dilation={spread})"
            )
        pairs.append((p, max(p, (count - 1) * s + reach - n - p)))
    return Window(kernel, steps, tuple(pairs), spread)


def pool(
    ndim: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    name = f"max_pool{ndim}d"
    x, single = batched(name, input, ndim)
    window = _window(name, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    out: Any = pool_maxima(x, window=window)
    out = out[0] if single else out
    if not return_indices:
        return out
    places: Any = max_places(x.detach(), window=window)
    return out, places[0] if single else places


_MAX = """Return the maxima of windows; of equal ones the first has the gradient.

The sizes are L′ = ⌊(L + 2 padding - dilation (kernel_size - 1) - 1) / stride⌋ + 1.

>>> xp.nn.functional.max_pool{n}d(xp.ones((1, 1, {four})), 2).shape
(1, 1, {two})

Parameters
----------
input : Tensor
    Shape {x}, or {u} without a batch.
kernel_size, dilation : {i}
stride : {i}, or None
    None: `kernel_size`.
padding : {i}
    Of -∞ at both ends; at most half of the window.
ceil_mode : bool
    Round sizes up: windows may reach beyond the end.
return_indices : bool
    Return also where they are, for `max_unpool{n}d`.

Returns
-------
Tensor, or two
    Shape {y}, or without N; the dtype of `input`. Indices: int64, into the flattened spatial axes.

Raises
------
TypeError
    `input` is no Tensor, or sizes are no ints.
RuntimeError
    Shape or sizes are not allowed.

See Also
--------
max_unpool{n}d, avg_pool{n}d
"""


@told(_MAX, 1)
def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    return pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@told(_MAX, 2)
def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    return pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@told(_MAX, 3)
def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    return pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _divisors(size: Any, window: Window, pads: Any, inside: bool) -> list[list[int]]:
    """Return, for each axis, how many elements each window counts."""
    found = []
    for n, k, s, (lo, _), p, count in zip(
        size, window.kernel, window.stride, window.padding, pads, window.counts(size), strict=True
    ):
        starts = [i * s - lo for i in range(count)]
        end = n if inside else n + p
        low = 0 if inside else -p
        found.append([min(start + k, end) - max(start, low) for start in starts])
    return found


@in_single()
def mean_pool(
    ndim: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    name = f"avg_pool{ndim}d"
    x, single = batched(name, input, ndim)
    size = x.shape[2:]
    window = _window(name, size, kernel_size, stride, padding, 1, ceil_mode)
    total: Any = sum_pool(x, window=window)
    pads = ntuple(padding, ndim, name, "padding")
    if divisor_override is not None:
        if divisor_override == 0:
            raise RuntimeError("divisor must be not zero")
        out = total / divisor_override
    else:
        counts = _divisors(size, window, pads, not count_include_pad)
        if all(len(set(row)) == 1 for row in counts):
            divisor = 1
            for row in counts:
                divisor *= row[0]
            out = total / divisor
        else:
            out = total
            for i, row in enumerate(counts):
                shape = (-1, *(1,) * (ndim - i - 1))
                divisors = xp.asarray(row, dtype=x.dtype, device=x.device)
                out = out / xp.reshape(divisors, shape)
    return out[0] if single else out


_AVG = """Return the means of windows.

The sizes are L′ = ⌊(L + 2 padding - kernel_size) / stride⌋ + 1.

>>> xp.nn.functional.avg_pool{n}d(xp.ones((1, 1, {four})), 2).shape
(1, 1, {two})

Parameters
----------
input : Tensor
    Shape {x}, or {u} without a batch.
kernel_size : {i}
stride : {i}, or None
    None: `kernel_size`.
padding : {i}
    Of zeros at both ends; at most half of the window.
ceil_mode : bool
    Round sizes up: windows may reach beyond the end.
count_include_pad : bool
    Padding counts in the divisor.
divisor_override : int or None
    Divide by this instead; not 0.

Returns
-------
Tensor
    Shape {y}, or without N; the dtype of `input`, integers become floating.

Raises
------
TypeError
    `input` is no Tensor, or sizes are no ints.
RuntimeError
    Shape or sizes are not allowed.

See Also
--------
max_pool{n}d, lp_pool{n}d
"""


@told(_AVG.replace("divisor_override : int or None\n    Divide by this instead; not 0.\n", ""), 1)
def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    return mean_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@told(_AVG, 2)
def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    return mean_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@told(_AVG, 3)
def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    return mean_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@in_single()
def _lp_pool(
    ndim: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Any:
    expect(f"lp_pool{ndim}d", input)
    kernel = ntuple(kernel_size, ndim, f"lp_pool{ndim}d", "kernel_size")
    if norm_type == 0:
        raise ValueError(f"lp_pool{ndim}d: norm_type is 0; allowed are other numbers")
    taps = prod(kernel)
    mean = mean_pool(ndim, input**norm_type, kernel_size, stride, 0, ceil_mode, True, None)
    # as PyTorch: the sign is kept, negative sums give 0
    zero = mean <= 0
    safe = xp.where(zero, 1.0, mean * taps)
    return xp.where(zero, 0.0, safe ** (1.0 / norm_type))


_LP = """Return (Σ x^p)^(1/p) of windows; sums that are not positive give 0, without gradient.

>>> xp.nn.functional.lp_pool{n}d(xp.ones((1, 1, {four})), 2, 2).shape
(1, 1, {two})

Parameters
----------
input : Tensor
    Shape {x}, or {u} without a batch.
norm_type : float
    p, not 0.
kernel_size : {i}
stride : {i}, or None
    None: `kernel_size`.
ceil_mode : bool
    Round sizes up: windows may reach beyond the end.

Returns
-------
Tensor
    Shape {y}, or without N; the dtype of `input`, integers become floating.

Raises
------
TypeError
    `input` is no Tensor, or sizes are no ints.
ValueError
    `norm_type` is 0.
RuntimeError
    Shape or sizes are not allowed.

See Also
--------
avg_pool{n}d
"""


@told(_LP, 1)
def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@told(_LP, 2)
def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@told(_LP, 3)
def lp_pool3d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def _max_unpool(
    ndim: int,
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
) -> Any:
    name = f"max_unpool{ndim}d"
    expect(name, input, least=ndim + 1)
    expect(name, indices, "indices")
    kernel = ntuple(kernel_size, ndim, name, "kernel_size")
    steps = kernel if stride is None else ntuple(stride, ndim, name, "stride")
    pads = ntuple(padding, ndim, name, "padding")
    size = tuple(
        (n - 1) * s + k - 2 * p
        for n, s, k, p in zip(input.shape[-ndim:], steps, kernel, pads, strict=True)
    )
    if output_size is not None:
        if not isinstance(output_size, tuple | list):
            raise TypeError(f"{name}: output_size is {output_size!r}; allowed is a tuple of ints")
        size = tuple(output_size)[-ndim:]
    if not 0 <= prod(size) < LARGEST or min(size) < 0:
        raise ValueError(
            f"{name}: the output would have spatial sizes {size} by kernel_size {kernel}, stride "
            f"{steps}, padding {pads} and output_size {output_size}; allowed are sizes from 0"
        )
    if indices.shape != input.shape:
        raise ValueError("The shape of indices should be same as the input tensor")
    lead = input.shape[: input.ndim - ndim]
    planes, length = prod(lead), prod(size)
    count = prod(input.shape[-ndim:])
    values = xp.reshape(input, (planes, count))
    places = xp.reshape(indices, (planes, count))
    rows = xp.arange(planes, device=input.device)[:, None]
    out = xp.zeros((planes, length), dtype=input.dtype, device=input.device)
    out[rows, places] = values
    return xp.reshape(out, (*lead, *size))


_UNPOOL = """Return zeros with the values of `input` at `indices`, undoing `max_pool{n}d`.

>>> x, indices = xp.nn.functional.max_pool{n}d(xp.ones((1, 1, {four})), 2, return_indices=True)
>>> xp.nn.functional.max_unpool{n}d(x, indices, 2).shape
(1, 1, {four})

Parameters
----------
input : Tensor
    Shape {x}, or {u} without a batch.
indices : Tensor, integer
    Shape of `input`: places in the flattened spatial axes.
kernel_size : {i}
stride : {i}, or None
    None: `kernel_size`.
padding : {i}
output_size : tuple of ints or None
    None: (L - 1) stride + kernel_size - 2 padding.

Returns
-------
Tensor
    Shape {y}, or without N; the dtype of `input`.

Raises
------
TypeError
    `input` is no Tensor, or sizes are no ints.
ValueError
    Shapes of `input` and `indices` do not fit.
IndexError
    An index is outside the output.

See Also
--------
max_pool{n}d
"""


@told(_UNPOOL, 1)
def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@told(_UNPOOL, 2)
def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@told(_UNPOOL, 3)
def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
