"""Pooling over windows of one, two or three spatial axes, and adaptive pooling."""

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


def _max_pool(
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
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


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
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


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
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


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


def _avg_pool(
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
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


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
    return _avg_pool(
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
    return _avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _lp_pool(
    ndim: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Any:
    kernel = ntuple(kernel_size, ndim, f"lp_pool{ndim}d", "kernel_size")
    taps = 1
    for k in kernel:
        taps *= k
    mean = _avg_pool(ndim, input**norm_type, kernel_size, stride, 0, ceil_mode, True, None)
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


def _adaptive_sizes(name: str, size: Any, output_size: Any) -> tuple[int, ...]:
    wanted = output_size if isinstance(output_size, tuple | list) else (output_size,) * len(size)
    if len(wanted) != len(size):
        raise RuntimeError(f"{name}: output_size is {output_size}; expected {len(size)} sizes")
    return tuple(n if m is None else int(m) for n, m in zip(size, wanted, strict=True))


def _bounds(n: int, m: int) -> list[tuple[int, int]]:
    """Return the window (start, stop) of each of `m` outputs over `n` elements."""
    return [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


def _even(size: Any, wanted: Any) -> bool:
    return all(m > 0 and n % m == 0 for n, m in zip(size, wanted, strict=True))


def _adaptive_avg(ndim: int, input: Any, output_size: Any) -> Any:
    name = f"adaptive_avg_pool{ndim}d"
    x, single = batched(name, input, ndim)
    size = x.shape[2:]
    wanted = _adaptive_sizes(name, size, output_size)
    if all(m == 1 for m in wanted):
        out = xp.mean(x, axis=tuple(range(2, x.ndim)), keepdims=True)
    elif _even(size, wanted):
        kernel = tuple(n // m for n, m in zip(size, wanted, strict=True))
        out = _avg_pool(ndim, x, kernel, None, 0, False, True, None)
    else:
        # windows are products of intervals: one matrix of means along each axis
        out = x
        for axis, (n, m) in enumerate(zip(size, wanted, strict=True)):
            rows = [
                [1 / (stop - start) if start <= j < stop else 0.0 for j in range(n)]
                for start, stop in _bounds(n, m)
            ]
            matrix = xp.asarray(rows, dtype=x.dtype, device=x.device)
            matrix = xp.reshape(matrix, (m, n))
            out = apply_along(out, matrix, axis + 2)
    return out[0] if single else out


def apply_along(x: Any, matrix: Any, axis: int) -> Any:
    """Return `x` with `matrix` applied along an axis."""
    return xp.moveaxis(xp.matmul(xp.moveaxis(x, axis, -1), matrix.T), -1, axis)


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Any:
    """Return means over windows that cover (N, C, L) so that the output has a given size."""
    return _adaptive_avg(1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """Return means over windows that cover (N, C, H, W) so that the output has a given size."""
    return _adaptive_avg(2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Any:
    """Return means over windows that cover (N, C, D, H, W) so that the output has a given size."""
    return _adaptive_avg(3, input, output_size)


def _adaptive_max(ndim: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    name = f"adaptive_max_pool{ndim}d"
    x, single = batched(name, input, ndim)
    size = x.shape[2:]
    wanted = _adaptive_sizes(name, size, output_size)
    if _even(size, wanted):
        kernel = tuple(n // m for n, m in zip(size, wanted, strict=True))
        found = _max_pool(ndim, x, kernel, None, 0, 1, False, return_indices)
        out, places = found if return_indices else (found, None)
    else:
        out, places = _gathered_max(x, size, wanted)
    if single:
        out, places = out[0], None if places is None else places[0]
    return (out, places) if return_indices else out


def _gathered_max(x: Any, size: Any, wanted: Any) -> tuple[Any, Any]:
    """Return maxima over windows of unequal size: gathered, the short ones by repeating an end."""
    index: Any = 0
    ndim = len(size)
    for axis, (n, m) in enumerate(zip(size, wanted, strict=True)):
        bounds = _bounds(n, m)
        longest = max(stop - start for start, stop in bounds)
        rows = [[min(start + i, stop - 1) for i in range(longest)] for start, stop in bounds]
        shape = [1] * (2 * ndim)
        shape[axis], shape[ndim + axis] = m, longest
        places = xp.reshape(xp.asarray(rows, dtype=xp.int64, device=x.device), tuple(shape))
        index = index * n + places
    flat_index = xp.reshape(index, (*wanted, -1))
    flat = xp.reshape(x, (*x.shape[:2], -1))
    windows = flat.detach()[:, :, flat_index]
    best = xp.argmax(windows, axis=-1, keepdims=True)
    index_of = xp.broadcast_to(flat_index, windows.shape)
    chosen = xp.take_along_axis(index_of, best, axis=-1)[..., 0]
    picked = xp.take_along_axis(flat, xp.reshape(chosen, (*x.shape[:2], -1)), axis=-1)
    return xp.reshape(picked, (*x.shape[:2], *wanted)), chosen


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima over windows that cover (N, C, L) so that the output has a given size."""
    return _adaptive_max(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima over windows that cover (N, C, H, W) so that the output has a given size."""
    return _adaptive_max(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return maxima over windows that cover (N, C, D, H, W) so that the output has a given size."""
    return _adaptive_max(3, input, output_size, return_indices)


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
