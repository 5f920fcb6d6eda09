"""Resampling of images: `interpolate`, pixel shuffles, and `grid_sample`.

Every linear resampling is a product with one small matrix per axis.
"""

import math
import operator
from math import prod
from typing import Any

import numpy as np

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._core.face import is_floating
from tensorxp._ops.axes import LARGEST
from tensorxp._ops.network import activation as act
from tensorxp._ops.network import along, in_single
from tensorxp.nn.functional._sizes import check_weights, expect
from tensorxp.nn.functional.adaptive import adaptive_avg_pool1d

_MODES = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


@in_single()
@see("upsample, grid_sample")
def interpolate(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Return images resampled to a size, or by a factor.

    Without `align_corners` the edges of the outer pixels stay in place, with it their centres.

    >>> xp.nn.functional.interpolate(xp.asarray([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])

    Parameters
    ----------
    input : Tensor
        Shape (N, C, *S), one to three spatial axes.
    size : int, tuple of ints or None
        Spatial sizes of the output.
    scale_factor : float, tuple of floats or None
        Instead of `size`; sizes are rounded down.
    mode : str
        "nearest", "nearest-exact", "area" (`adaptive_avg_pool`), "linear" (1 axis), "bilinear",
        "bicubic" (2), "trilinear" (3).
    align_corners : bool or None
        For the last four modes.
    recompute_scale_factor : bool or None
        Take the factor from the rounded sizes.
    antialias : bool
        True is not supported.

    Returns
    -------
    Tensor
        Shape (N, C, *T); the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor, or not a floating-point one where values are mixed.
    ValueError
        Not one of `size` and `scale_factor`, of a wrong length or sizes; `align_corners` in
        another mode.
    NotImplementedError
        `antialias`, another `mode`, or another number of axes.
    """
    expect("interpolate", input)
    ndim = input.ndim - 2
    if ndim not in (1, 2, 3):
        raise NotImplementedError(
            f"interpolate: input has shape {input.shape}; expected 3 to 5 axes"
        )
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not supported")
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: "
                "linear | bilinear | bicubic | trilinear"
            )
    elif _MODES.get(mode) != ndim:
        raise NotImplementedError(f"interpolate: mode {mode!r} is not for {ndim} spatial axes")
    elif not is_floating(input):
        raise TypeError(
            f"interpolate: input has dtype {input.dtype}; mode {mode!r} needs a floating-point one"
        )
    shape, scales = _target(input, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        out = input
        for axis, m in enumerate(shape):
            rows = xp.moveaxis(out, axis + 2, -1)
            flat = xp.reshape(rows, (-1, 1, rows.shape[-1]))
            pooled = xp.reshape(adaptive_avg_pool1d(flat, m), (*rows.shape[:-1], m))
            out = xp.moveaxis(pooled, -1, axis + 2)
        return out
    out = input
    argument, given = ("size", size) if scale_factor is None else ("scale_factor", scale_factor)
    for axis, (n, m) in enumerate(zip(input.shape[2:], shape, strict=True)):
        if mode in ("nearest", "nearest-exact"):
            ratio = n / m if scales is None else 1.0 / scales[axis]
            shift = 0.5 if mode == "nearest-exact" else 0.0
            check_weights("interpolate", argument, given, 1, m)
            places = np.minimum(np.floor((np.arange(m) + shift) * ratio), n - 1)
            index = xp.asarray(places.astype(np.int64), device=input.device)
            out = xp.take(out, index, axis=axis + 2)
        else:
            scale = None if scales is None else scales[axis]
            check_weights("interpolate", argument, given, n, m)
            taps = _cubic if mode == "bicubic" else _linear
            weights = [taps(i, n, m, bool(align_corners), scale) for i in range(m)]
            out = along(out, weights, axis + 2)
    return out


def _target(
    input: Any, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    """Return the output's spatial size, and the scale factors where positions go by them."""
    spatial = input.shape[2:]
    if (size is None) == (scale_factor is None):
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        sizes = tuple(size) if isinstance(size, tuple | list) else (size,) * len(spatial)
        return _fitting("size", size, tuple(int(n) for n in sizes), spatial), None
    factors = (
        tuple(scale_factor)
        if isinstance(scale_factor, tuple | list)
        else (scale_factor,) * len(spatial)
    )
    _fitting("scale_factor", scale_factor, factors, spatial)
    shape = tuple(math.floor(n * float(f)) for n, f in zip(spatial, factors, strict=True))
    _fitting("scale_factor", scale_factor, shape, spatial)
    return shape, None if recompute else tuple(float(f) for f in factors)


def _fitting(argument: str, given: Any, sizes: tuple[Any, ...], spatial: Any) -> tuple[Any, ...]:
    """Return `sizes`; ValueError unless there is a positive one for each spatial axis."""
    if len(sizes) != len(spatial) or not min(sizes) > 0:
        raise ValueError(
            f"interpolate: {argument} is {given}; for spatial axes {tuple(spatial)} allowed are a "
            f"number or {len(spatial)} of them that give sizes of at least 1"
        )
    return sizes


def _position(i: int, n: int, m: int, align: bool, scale: float | None) -> float:
    """Return where output element `i` of `m` lies among `n` inputs."""
    if align:
        return i * (n - 1) / (m - 1) if m > 1 else 0.0
    ratio = n / m if scale is None else 1.0 / scale
    return (i + 0.5) * ratio - 0.5


def _linear(i: int, n: int, m: int, align: bool, scale: float | None) -> list[float]:
    place = max(_position(i, n, m, align, scale), 0.0)
    low = min(int(place), n - 1)
    high = min(low + 1, n - 1)
    part = place - low
    row = [0.0] * n
    row[low] += 1 - part
    row[high] += part
    return row


def _cubic(i: int, n: int, m: int, align: bool, scale: float | None) -> list[float]:
    place = _position(i, n, m, align, scale)
    low = math.floor(place)
    t = place - low
    a = -0.75
    near = [((a + 2) * s - (a + 3)) * s * s + 1 for s in (t, 1 - t)]
    far = [((a * s - 5 * a) * s + 8 * a) * s - 4 * a for s in (t + 1, 2 - t)]
    row = [0.0] * n
    for offset, weight in zip((-1, 0, 1, 2), (far[0], near[0], near[1], far[1]), strict=True):
        row[min(max(low + offset, 0), n - 1)] += weight
    return row


@see("interpolate")
def upsample(
    input: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:
    """Return `interpolate`, under its older name.

    >>> xp.nn.functional.upsample(xp.asarray([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])

    Parameters
    ----------
    input, size, scale_factor, mode, align_corners : Tensor, …
        As in `interpolate`.

    Returns
    -------
    Tensor
        Shape (N, C, *T); the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        As `interpolate`.
    NotImplementedError
        As `interpolate`.
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


@see("interpolate")
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """Return `interpolate` by the nearest element, under its older name.

    >>> xp.nn.functional.upsample_nearest(xp.asarray([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])

    Parameters
    ----------
    input, size, scale_factor : Tensor, …
        As in `interpolate`.

    Returns
    -------
    Tensor
        Shape (N, C, *T); the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        As `interpolate`.
    NotImplementedError
        `input` has not 3 to 5 axes.
    """
    return interpolate(input, size, scale_factor)


@see("interpolate")
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """Return `interpolate`, bilinear and with `align_corners`, under its older name.

    >>> xp.nn.functional.upsample_bilinear(xp.ones((1, 1, 2, 2)), scale_factor=2).shape
    (1, 1, 4, 4)

    Parameters
    ----------
    input, size, scale_factor : Tensor, …
        As in `interpolate`.

    Returns
    -------
    Tensor
        Shape (N, C, H′, W′); the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        As `interpolate`.
    NotImplementedError
        `input` has not 4 axes.
    """
    return interpolate(input, size, scale_factor, "bilinear", True)


def _check_factor(function: str, input: Any, argument: str, factor: int, least: int = 3) -> None:
    expect(function, input, least=least)
    if factor < 1:
        raise ValueError(f"{function}: {argument} is {factor}; it must be at least 1")


@see("pixel_unshuffle, channel_shuffle")
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """Return blocks of r² channels as images r times as high and wide (Shi and others, 2016).

    >>> xp.nn.functional.pixel_shuffle(xp.ones((1, 4, 2, 2)), 2).shape
    (1, 1, 4, 4)

    Parameters
    ----------
    input : Tensor
        Shape (…, C r², H, W), any dtype.
    upscale_factor : int
        r, at least 1.

    Returns
    -------
    Tensor
        Shape (…, C, H r, W r); the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        It has fewer than 3 axes, or r is below 1.
    RuntimeError
        r² does not divide the channels.
    """
    _check_factor("pixel_shuffle", input, "upscale_factor", upscale_factor)
    r = upscale_factor
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    x = xp.reshape(input, (prod(lead), c // (r * r), r, r, h, w))
    x = xp.permute_dims(x, (0, 1, 4, 2, 5, 3))
    return xp.reshape(x, (*lead, c // (r * r), h * r, w * r))


@see("pixel_shuffle")
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """Return images with each block of r × r pixels as channels: `pixel_shuffle` undone.

    >>> xp.nn.functional.pixel_unshuffle(xp.ones((1, 1, 4, 4)), 2).shape
    (1, 4, 2, 2)

    Parameters
    ----------
    input : Tensor
        Shape (…, C, H r, W r), any dtype.
    downscale_factor : int
        r, at least 1.

    Returns
    -------
    Tensor
        Shape (…, C r², H, W); the dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        It has fewer than 3 axes, or r is below 1.
    RuntimeError
        r does not divide height and width.
    """
    _check_factor("pixel_unshuffle", input, "downscale_factor", downscale_factor)
    r = downscale_factor
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise RuntimeError(
            "pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
            f"got {h} and {w} for {r}"
        )
    x = xp.reshape(input, (prod(lead), c, h // r, r, w // r, r))
    x = xp.permute_dims(x, (0, 1, 3, 5, 2, 4))
    return xp.reshape(x, (*lead, c * r * r, h // r, w // r))


@see("pixel_shuffle")
def channel_shuffle(input: Any, groups: int) -> Any:
    """Return channels dealt out from groups in turn (Zhang and others, 2018).

    >>> xp.nn.functional.channel_shuffle(xp.reshape(xp.arange(4.0), (1, 4, 1)), 2).flatten()
    tensor([0., 2., 1., 3.])

    Parameters
    ----------
    input : Tensor
        Shape (N, C, …), any dtype.
    groups : int
        Divides C.

    Returns
    -------
    Tensor
        Shape and dtype of `input`.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    ValueError
        It has fewer than 2 axes, or `groups` is below 1.
    RuntimeError
        `groups` does not divide C.
    """
    _check_factor("channel_shuffle", input, "groups", groups, 2)
    n, c = input.shape[:2]
    if c % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and "
                           f"{groups} groups.")  # fmt: skip
    x = xp.reshape(input, (n, groups, c // groups, *input.shape[2:]))
    return xp.reshape(xp.swapaxes(x, 1, 2), input.shape)


@in_single()
@see("grid_sample")
def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """Return the places that `grid_sample` takes for affine maps.

    >>> F = xp.nn.functional
    >>> F.affine_grid(xp.ones((1, 2, 3)), (1, 1, 2, 2), align_corners=False).shape
    (1, 2, 2, 2)

    Parameters
    ----------
    theta : Tensor
        Shape (N, 2, 3), or (N, 3, 4): the matrices, floating.
    size : tuple of ints
        Of the output: (N, C, H, W), or (N, C, D, H, W).
    align_corners : bool or None
        -1 and 1 are the centres, not the edges, of the outer pixels.

    Returns
    -------
    Tensor
        Shape (N, H, W, 2), coordinates (x, y); or (N, D, H, W, 3). The dtype of `theta`.

    Raises
    ------
    TypeError
        `theta` is no Tensor, or `size` no tuple of ints.
    ValueError
        Shapes do not fit.
    """
    expect("affine_grid", theta, "theta")
    try:
        size = tuple(map(operator.index, size))  # of an array too
    except TypeError:
        raise TypeError(
            f"affine_grid: size is {size!r}; allowed is a tuple of 4 or 5 ints"
        ) from None
    spatial = size[2:]
    if prod(spatial) >= LARGEST:
        raise ValueError(f"affine_grid: size is {size}; no array is so large")
    expected = (*size[:1], len(spatial), len(spatial) + 1)
    if len(spatial) not in (2, 3) or theta.shape != expected:
        raise ValueError(
            f"affine_grid: theta has shape {theta.shape} and size is {tuple(size)}; expected "
            "(N, 2, 3) and (N, C, H, W), or (N, 3, 4) and (N, C, D, H, W)"
        )
    axes = []
    for m in reversed(spatial):
        if align_corners:
            steps = -1 + 2 * np.arange(m) / (m - 1) if m > 1 else np.zeros(m)
        else:
            steps = -1 + (2 * np.arange(m) + 1) / m
        axes.append(xp.asarray(steps, dtype=theta.dtype, device=theta.device))
    grids = xp.meshgrid(*reversed(axes), indexing="ij")
    ones = xp.ones_like(grids[0])
    points = xp.reshape(xp.stack((*reversed(grids), ones), axis=-1), (-1, len(spatial) + 1))
    out = xp.matmul(points, xp.matrix_transpose(theta))
    return xp.reshape(out, (theta.shape[0], *spatial, len(spatial)))


@in_single()
@see("affine_grid, interpolate")
def grid_sample(
    input: Any,
    grid: Any,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:
    """Return images sampled at given places (Jaderberg and others, 2015).

    >>> F = xp.nn.functional
    >>> F.grid_sample(xp.ones((1, 1, 2, 2)), xp.zeros((1, 1, 1, 2)), align_corners=True)
    tensor([[[[1.]]]])

    Parameters
    ----------
    input : Tensor
        Shape (N, C, H, W), floating.
    grid : Tensor
        Shape (N, h, w, 2): coordinates (x, y) in [-1, 1]; NaN counts as -1.
    mode : str
        "bilinear", or "nearest", which has no gradient for `grid`.
    padding_mode : str
        Beyond the image are "zeros", or its "border", on which the gradient by `grid` is 0.
    align_corners : bool or None
        -1 and 1 are the centres, not the edges, of the outer pixels.

    Returns
    -------
    Tensor
        Shape (N, C, h, w); dtypes promote.

    Raises
    ------
    TypeError
        `input` or `grid` is no Tensor.
    ValueError
        Shapes do not fit.
    NotImplementedError
        Another mode.
    """
    expect("grid_sample", input)
    expect("grid_sample", grid, "grid")
    if mode not in ("bilinear", "nearest") or padding_mode not in ("zeros", "border"):
        raise NotImplementedError(
            f"grid_sample: mode {mode!r} with padding {padding_mode!r} is not supported; allowed "
            "are bilinear and nearest, zeros and border"
        )
    if (input.ndim, grid.ndim) != (4, 4) or (grid.shape[0], grid.shape[3]) != (input.shape[0], 2):
        raise ValueError(
            f"grid_sample: input has shape {input.shape} and grid {grid.shape}; expected "
            "(N, C, H, W) and (N, h, w, 2)"
        )
    n, _, h, w = input.shape
    places = []
    for i, size in ((0, w), (1, h)):
        g = grid[..., i]
        g = xp.where(xp.isnan(g), -1.0, g)
        place = (g + 1) / 2 * (size - 1) if align_corners else ((g + 1) * size - 1) / 2
        if padding_mode == "border":
            place = act.hardtanh(place, 0.0, float(size - 1))  # no slope at the border itself
        else:  # farther out all is 0, and infinite places would not be
            place = act.hardtanh(place, -2.0, float(size + 1))
        places.append(place)
    batch = xp.reshape(xp.arange(n, device=input.device), (-1, 1, 1))
    rows = xp.moveaxis(input, 1, -1)

    def at(iy: Any, ix: Any) -> Any:
        inside = (iy >= 0) & (iy < h) & (ix >= 0) & (ix < w)
        y = xp.astype(xp.clip(iy, 0, h - 1), xp.int64)
        x = xp.astype(xp.clip(ix, 0, w - 1), xp.int64)
        return rows[batch, y, x] * xp.astype(inside, input.dtype)[..., None]

    x, y = places
    if mode == "nearest":
        return xp.moveaxis(at(xp.round(y).detach(), xp.round(x).detach()), -1, 1)
    x0, y0 = xp.floor(x).detach(), xp.floor(y).detach()
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    out = at(y0, x0) * (1 - fy) * (1 - fx) + at(y0, x0 + 1) * (1 - fy) * fx
    out = out + at(y0 + 1, x0) * fy * (1 - fx) + at(y0 + 1, x0 + 1) * fy * fx
    return xp.moveaxis(out, -1, 1)
