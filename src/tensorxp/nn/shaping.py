"""Layers that rearrange: flattening, unfolding, pixel shuffles, resampling, distances."""

from typing import Any

from tensorxp._backend.families import see
from tensorxp._ops.axes import normalize_axis
from tensorxp.nn import functional as F
from tensorxp.nn.functional._sizes import expect
from tensorxp.nn.module import Module


@see("Unflatten")
class Flatten(Module):
    """Makes the axes `start_dim` to `end_dim` one.

    Shape: (N, *S) to (N, prod(S)) by default; the dtype stays.

    >>> xp.nn.Flatten()(xp.ones((2, 3, 4))).shape
    (2, 12)

    Parameters
    ----------
    start_dim, end_dim : int
        Both included.

    Raises
    ------
    IndexError
        In the call: an axis is out of range.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Any:
        """Return the input, flattened."""
        expect("Flatten", input)
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


@see("Flatten")
class Unflatten(Module):
    """Splits the axis `dim` into several.

    Shape: (…, n, …) to (…, *unflattened_size, …); the dtype stays.

    >>> xp.nn.Unflatten(1, (3, 4))(xp.ones((2, 12))).shape
    (2, 3, 4)

    Parameters
    ----------
    dim : int
    unflattened_size : tuple of ints
        One may be -1.

    Raises
    ------
    TypeError
        They are of other types.
    ValueError
        In the call: sizes do not fit.
    IndexError
        In the call: `dim` is out of range.
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(dim, int) or not isinstance(unflattened_size, tuple | list):
            raise TypeError("unflattened_size must be a tuple of ints, dim an int")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Any) -> Any:
        """Return the input, unflattened."""
        expect("Unflatten", input)
        axis = normalize_axis("Unflatten", self.dim, input.ndim)
        shape = (*input.shape[:axis], *self.unflattened_size, *input.shape[axis + 1 :])
        return input.reshape(shape)

    def extra_repr(self) -> str:
        """Return the axis and the sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


@see("tensorxp.nn.functional.unfold")
class Unfold(Module):
    """Gives the windows of images as columns.

    Shape: (N, C, H, W) to (N, C · taps, windows), or without N; the dtype stays.

    >>> xp.nn.Unfold(2)(xp.ones((1, 1, 3, 3))).shape
    (1, 4, 4)

    Parameters
    ----------
    kernel_size, dilation, stride : int or 2 ints
        At least 1.
    padding : int or 2 ints
        Zeros at both ends.

    Raises
    ------
    TypeError
        In the call: sizes are no ints.
    RuntimeError
        In the call: shape or sizes are not allowed.
    """

    def __init__(
        self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Any) -> Any:
        """Return the columns."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


@see("tensorxp.nn.functional.fold")
class Fold(Module):
    """Adds columns up at their windows' places in images: the adjoint of `Unfold`.

    Shape: (N, C · taps, windows) to (N, C, *output_size), or without N; the dtype stays.

    >>> xp.nn.Fold((3, 3), 2)(xp.ones((1, 4, 4))).shape
    (1, 1, 3, 3)

    Parameters
    ----------
    output_size : int or 2 ints
    kernel_size, dilation, stride : int or 2 ints
        At least 1.
    padding : int or 2 ints

    Raises
    ------
    TypeError
        In the call: sizes are no ints.
    RuntimeError
        In the call: shape or sizes are not allowed.
    """

    def __init__(
        self,
        output_size: Any,
        kernel_size: Any,
        dilation: Any = 1,
        padding: Any = 0,
        stride: Any = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Any) -> Any:
        """Return the images."""
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )


@see("tensorxp.nn.functional.pixel_shuffle")
class PixelShuffle(Module):
    """Turns blocks of r² channels into images r times as high and wide (Shi and others, 2016).

    Shape: (…, C r², H, W) to (…, C, H r, W r); the dtype stays.

    >>> xp.nn.PixelShuffle(2)(xp.ones((1, 4, 2, 2))).shape
    (1, 1, 4, 4)

    Parameters
    ----------
    upscale_factor : int
        r, at least 1.

    Raises
    ------
    ValueError
        In the call: r is below 1, or there are fewer than 3 axes.
    RuntimeError
        In the call: r² does not divide the channels.
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Any:
        """Return the larger images."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"upscale_factor={self.upscale_factor}"


@see("tensorxp.nn.functional.pixel_unshuffle")
class PixelUnshuffle(Module):
    """Turns each block of r × r pixels into channels: `PixelShuffle` undone.

    Shape: (…, C, H r, W r) to (…, C r², H, W); the dtype stays.

    >>> xp.nn.PixelUnshuffle(2)(xp.ones((1, 1, 4, 4))).shape
    (1, 4, 2, 2)

    Parameters
    ----------
    downscale_factor : int
        r, at least 1.

    Raises
    ------
    ValueError
        In the call: r is below 1, or there are fewer than 3 axes.
    RuntimeError
        In the call: r does not divide height and width.
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Any:
        """Return the smaller images."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"downscale_factor={self.downscale_factor}"


@see("tensorxp.nn.functional.channel_shuffle")
class ChannelShuffle(Module):
    """Deals channels out from groups in turn (Zhang and others, 2018).

    Shape: (N, C, …), as the output, of the same dtype.

    >>> xp.nn.ChannelShuffle(2)(xp.reshape(xp.arange(4.0), (1, 4, 1))).flatten()
    tensor([0., 2., 1., 3.])

    Parameters
    ----------
    groups : int
        Divides C.

    Raises
    ------
    ValueError
        In the call: `groups` is below 1, or there are fewer than 2 axes.
    RuntimeError
        In the call: `groups` does not divide C.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Any:
        """Return the input with its channels in another order."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """Return the number of groups."""
        return f"groups={self.groups}"


@see("tensorxp.nn.functional.interpolate")
class Upsample(Module):
    """Resamples images to a size, or by a factor: `functional.interpolate`.

    Shape: (N, C, *S) to (N, C, *T), one to three spatial axes; the dtype stays.

    >>> xp.nn.Upsample(scale_factor=2)(xp.asarray([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])

    Parameters
    ----------
    size : int, tuple of ints or None
    scale_factor : float, tuple of floats or None
        Instead of `size`; sizes are rounded down.
    mode : str
        "nearest", "nearest-exact", "area", "linear" (1 axis), "bilinear", "bicubic" (2),
        "trilinear" (3).
    align_corners : bool or None
        The centres, not the edges, of the outer pixels stay in place.
    recompute_scale_factor : bool or None
        Take the factor from the rounded sizes.

    Raises
    ------
    ValueError
        In the call: not one of `size` and `scale_factor`, or wrong sizes.
    NotImplementedError
        In the call: another `mode`, or another number of axes.
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        if isinstance(scale_factor, tuple | list):
            self.scale_factor: Any = tuple(float(f) for f in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Any) -> Any:
        """Return the resampled images."""
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """Return the arguments."""
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


@see("tensorxp.nn.functional.upsample_nearest")
class UpsamplingNearest2d(Upsample):
    """Resamples images by the nearest element.

    Shape: (N, C, H, W) to (N, C, H′, W′); the dtype stays.

    >>> xp.nn.UpsamplingNearest2d(scale_factor=2)(xp.ones((1, 1, 2, 2))).shape
    (1, 1, 4, 4)

    Parameters
    ----------
    size : int, 2 ints or None
    scale_factor : float, 2 floats or None
        Instead of `size`.

    Raises
    ------
    ValueError
        In the call: not one of `size` and `scale_factor`, or wrong sizes.
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


@see("tensorxp.nn.functional.upsample_bilinear")
class UpsamplingBilinear2d(Upsample):
    """Resamples images bilinearly, the centres of the outer pixels staying in place.

    Shape: (N, C, H, W) to (N, C, H′, W′); the dtype stays.

    >>> xp.nn.UpsamplingBilinear2d(scale_factor=2)(xp.ones((1, 1, 2, 2))).shape
    (1, 1, 4, 4)

    Parameters
    ----------
    size : int, 2 ints or None
    scale_factor : float, 2 floats or None
        Instead of `size`.

    Raises
    ------
    ValueError
        In the call: not one of `size` and `scale_factor`, or wrong sizes.
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


@see("tensorxp.nn.functional.cosine_similarity")
class CosineSimilarity(Module):
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim`.

    Shape: two that broadcast, to that without `dim`; dtypes promote.

    >>> xp.nn.CosineSimilarity()(xp.asarray([[1.0, 0.0]]), xp.asarray([[1.0, 1.0]]))
    tensor([0.7071])

    Parameters
    ----------
    dim : int
    eps : float

    Raises
    ------
    ValueError
        In the call: shapes do not broadcast.
    IndexError
        In the call: `dim` is out of range.
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Any, x2: Any) -> Any:
        """Return the similarities."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


@see("tensorxp.nn.functional.pairwise_distance")
class PairwiseDistance(Module):
    """‖x1 - x2 + eps‖_p along the last axis.

    Shape: two that broadcast, to that without the last axis; dtypes promote.

    >>> xp.nn.PairwiseDistance()(xp.asarray([[0.0, 0.0]]), xp.asarray([[3.0, 4.0]]))
    tensor([5.])

    Parameters
    ----------
    p : float
    eps : float
        Added to each difference.
    keepdim : bool
        Keep the last axis, of size 1.

    Raises
    ------
    ValueError
        In the call: shapes do not broadcast.
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        """Return the distances."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
