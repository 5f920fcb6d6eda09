"""Padding layers for one, two and three spatial axes."""

from typing import Any

from tensorxp.nn import functional as F
from tensorxp.nn.functional._sizes import ntuple
from tensorxp.nn.module import Module


class _Pad(Module):
    """What padding layers share: an int, or pairs from the last axis forwards."""

    ndim: int
    mode = "constant"
    value: float | None = None

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = ntuple(padding, 2 * self.ndim, type(self).__name__, "padding")

    def forward(self, input: Any) -> Any:
        """Return the input, padded."""
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """What padding layers with a value share."""

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        """Return the sizes and the value."""
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(_Pad):
    """Pads (N, C, L) with zeros."""

    ndim = 1
    value = 0.0


class ZeroPad2d(_Pad):
    """Pads (N, C, H, W) with zeros."""

    ndim = 2
    value = 0.0


class ZeroPad3d(_Pad):
    """Pads (N, C, D, H, W) with zeros."""

    ndim = 3
    value = 0.0


class ConstantPad1d(_ConstantPad):
    """Pads (N, C, L) with a value."""

    ndim = 1


class ConstantPad2d(_ConstantPad):
    """Pads (N, C, H, W) with a value."""

    ndim = 2


class ConstantPad3d(_ConstantPad):
    """Pads (N, C, D, H, W) with a value."""

    ndim = 3


class ReflectionPad1d(_Pad):
    """Pads (N, C, L) with the input mirrored at its edge."""

    ndim = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """Pads (N, C, H, W) with the input mirrored at its edge."""

    ndim = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """Pads (N, C, D, H, W) with the input mirrored at its edge."""

    ndim = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Pads (N, C, L) with the edge of the input."""

    ndim = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """Pads (N, C, H, W) with the edge of the input."""

    ndim = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """Pads (N, C, D, H, W) with the edge of the input."""

    ndim = 3
    mode = "replicate"


class CircularPad1d(_Pad):
    """Pads (N, C, L) with the other end of the input."""

    ndim = 1
    mode = "circular"


class CircularPad2d(_Pad):
    """Pads (N, C, H, W) with the other end of the input."""

    ndim = 2
    mode = "circular"


class CircularPad3d(_Pad):
    """Pads (N, C, D, H, W) with the other end of the input."""

    ndim = 3
    mode = "circular"
