"""Pooling over windows of one, two or three spatial axes."""

from typing import Any

import tensorxp as xp
from tensorxp._ops.pooling import max_places, sum_pool
from tensorxp._ops.pooling import max_pool as pool_maxima
from tensorxp._ops.windows import Window
from tensorxp.nn.functional._sizes import batched, ntuple


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
    if min(steps) < 1 or min(kernel) < 1 or min(spread) < 1:
        raise RuntimeError(f"{name}: kernel size, stride and dilation must be greater than zero")
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
                f"{name}: Given input size {tuple(size)}. Calculated output size is too small"
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


def max_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maxima of windows (N, C, L); with `return_indices` also where they are."""
    return pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maxima of windows (N, C, H, W); with `return_indices` also where they are."""
    return pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maxima of windows (N, C, D, H, W); with `return_indices` also where they are."""
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


def avg_pool1d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Return the means of windows (N, C, L)."""
    return mean_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Return the means of windows (N, C, H, W)."""
    return mean_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Return the means of windows (N, C, D, H, W)."""
    return mean_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _lp_pool(
    ndim: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Any:
    kernel = ntuple(kernel_size, ndim, f"lp_pool{ndim}d", "kernel_size")
    taps = 1
    for k in kernel:
        taps *= k
    mean = mean_pool(ndim, input**norm_type, kernel_size, stride, 0, ceil_mode, True, None)
    # as PyTorch: the sign is kept, negative sums give 0
    safe = xp.where(mean > 0, mean * taps, 1.0)
    return xp.where(mean > 0, safe ** (1.0 / norm_type), 0.0)


def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """Return (Σ x^p)^(1/p) of windows (N, C, L)."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """Return (Σ x^p)^(1/p) of windows (N, C, H, W)."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """Return (Σ x^p)^(1/p) of windows (N, C, D, H, W)."""
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
    kernel = ntuple(kernel_size, ndim, name, "kernel_size")
    steps = kernel if stride is None else ntuple(stride, ndim, name, "stride")
    pads = ntuple(padding, ndim, name, "padding")
    size = tuple(
        (n - 1) * s + k - 2 * p
        for n, s, k, p in zip(input.shape[-ndim:], steps, kernel, pads, strict=True)
    )
    if output_size is not None:
        size = tuple(output_size)[-ndim:]
    if indices.shape != input.shape:
        raise ValueError("The shape of indices should be same as the input tensor")
    lead = input.shape[: input.ndim - ndim]
    planes = 1
    for n in lead:
        planes *= n
    length = 1
    for n in size:
        length *= n
    values = xp.reshape(input, (planes, -1))
    places = xp.reshape(indices, (planes, -1))
    rows = xp.arange(planes, device=input.device)[:, None]
    out = xp.zeros((planes, length), dtype=input.dtype, device=input.device)
    out[rows, places] = values
    return xp.reshape(out, (*lead, *size))


def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    """Return zeros with the values of `input` at `indices` of `max_pool1d`."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    """Return zeros with the values of `input` at `indices` of `max_pool2d`."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Any:
    """Return zeros with the values of `input` at `indices` of `max_pool3d`."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
