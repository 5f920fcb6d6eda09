"""Convolution layers of one, two and three spatial axes, and their transposes."""

import math
from typing import Any

from tensorxp.nn import functional as F
from tensorxp.nn import init
from tensorxp.nn.functional._family import told
from tensorxp.nn.functional._sizes import ntuple
from tensorxp.nn.functional.convolution import padded_convolution, padding_pairs
from tensorxp.nn.linear import new_parameter
from tensorxp.nn.module import Module


class _Conv(Module):
    """What convolutions share: arguments, parameters, their initial values, and the repr."""

    ndim: int
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self.ndim
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(
                "padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but "
                f"got padding_mode='{padding_mode}'"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = ntuple(kernel_size, n, name, "kernel_size")
        self.stride = ntuple(stride, n, name, "stride")
        self.dilation = ntuple(dilation, n, name, "dilation")
        self.output_padding = ntuple(output_padding, n, name, "output_padding")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}"
                )
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
            self.padding: Any = padding
        else:
            self.padding = ntuple(padding, n, name, "padding")
        self.groups = groups
        self.padding_mode = padding_mode
        channels = (out_channels, in_channels // groups)
        if self.transposed:
            channels = (in_channels, out_channels // groups)
        self.weight = new_parameter(*channels, *self.kernel_size, device=device, dtype=dtype)
        if bias:
            self.bias = new_parameter(out_channels, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew: U(-√k, √k), k = 1 / (inputs of an output element)."""
        if not self.weight.size:
            return
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = self.weight.shape[1] * math.prod(self.kernel_size)
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Return the arguments that are not the defaults."""
        parts = [
            f"{self.in_channels}, {self.out_channels}",
            f"kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        if self.padding != (0,) * len(self.padding):
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * self.ndim:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0,) * self.ndim:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)

    def forward(self, input: Any) -> Any:
        """Return the convolution."""
        if self.padding_mode != "zeros":
            pads = padding_pairs(
                type(self).__name__, self.padding, self.kernel_size, self.stride, self.dilation
            )
            return padded_convolution(
                self.ndim,
                input,
                self.weight,
                self.bias,
                self.padding_mode,
                pads,
                self.stride,
                self.dilation,
                self.groups,
            )
        function = (F.conv1d, F.conv2d, F.conv3d)[self.ndim - 1]
        return function(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class _ConvForward(_Conv):
    """A convolution, as against its adjoint."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip


class _ConvTranspose(_Conv):
    """What transposed convolutions share."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding,
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def _extra(self, input: Any, output_size: Any) -> tuple[int, ...]:
        """Return the output padding that gives `output_size`; ValueError where none does."""
        if output_size is None:
            return self.output_padding
        size = tuple(output_size)[-self.ndim :]
        found = []
        for i, n in enumerate(input.shape[-self.ndim :]):
            least = (n - 1) * self.stride[i] - 2 * self.padding[i]
            least += self.dilation[i] * (self.kernel_size[i] - 1) + 1
            if not least <= size[i] < least + self.stride[i]:
                raise ValueError(
                    f"requested an output size of {size}, but valid sizes range from {least} to "
                    f"{least + self.stride[i] - 1} at axis {i} (for an input of {input.shape})"
                )
            found.append(size[i] - least)
        return tuple(found)

    def forward(self, input: Any, output_size: Any = None) -> Any:
        """Return the transposed convolution, of `output_size` where given."""
        if self.padding_mode != "zeros":
            raise ValueError(f"Only `zeros` padding mode is supported for {type(self).__name__}")
        function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.ndim - 1]
        return function(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self._extra(input, output_size),
            self.groups,
            self.dilation,
        )


_CONV = """A convolution (correlation) with learnt kernels.

Shape: {x} to (N, O, {t}), or without N, with L′ = ⌊(L + 2 padding - dilation (kernel_size - 1) -
1) / stride⌋ + 1; dtypes promote. Parameters: `weight` (O, C / groups, *kernel_size) and `bias`
(O,), both from U(-√k, √k), k = groups / (C · taps).

>>> xp.nn.Conv{n}d(1, 2, 3)(xp.ones((1, 1, {four}))).shape
(1, 2, {two})

Parameters
----------
in_channels, out_channels : int
    C and O.
kernel_size, stride, dilation : {i}
padding : {i}, or str
    At both ends; "valid": none, "same": L′ = L, with stride 1.
groups : int
    Divides C and O: channels that are kept apart.
bias : bool
padding_mode : str
    "zeros", "reflect", "replicate" or "circular".
device : Device, str or None
dtype : dtype or None
    None: float32.

Raises
------
TypeError
    Sizes are no ints.
ValueError
    `groups`, `padding` or `padding_mode` is not allowed.
RuntimeError
    Tuples have another length; in the call: shapes do not fit.

See Also
--------
tensorxp.nn.functional.conv{n}d
"""


@told(_CONV, 1)
class Conv1d(_ConvForward):
    ndim = 1


@told(_CONV, 2)
class Conv2d(_ConvForward):
    ndim = 2


@told(_CONV, 3)
class Conv3d(_ConvForward):
    ndim = 3


_TRANSPOSED = """The adjoint of a convolution, with learnt kernels.

Shape: {x} to (N, O, {t}), or without N, with L′ = (L - 1) stride - 2 padding + dilation
(kernel_size - 1) + output_padding + 1; the call's `output_size` chooses `output_padding`.
Parameters: `weight` (C, O / groups, *kernel_size) and `bias` (O,), both from U(-√k, √k), k =
groups / (O · taps).

>>> xp.nn.ConvTranspose{n}d(1, 2, 3)(xp.ones((1, 1, {two}))).shape
(1, 2, {four})

Parameters
----------
in_channels, out_channels : int
    C and O.
kernel_size, stride, dilation : {i}
padding : {i}
output_padding : {i}
    Added at the far end; less than `stride` or `dilation`.
groups : int
    Divides C and O: channels that are kept apart.
bias : bool
padding_mode : str
    "zeros".
device : Device, str or None
dtype : dtype or None
    None: float32.

Raises
------
TypeError
    Sizes are no ints.
ValueError
    `groups` or `padding_mode` is not allowed, or an `output_size` of the call.
RuntimeError
    Tuples have another length; in the call: shapes do not fit.

See Also
--------
tensorxp.nn.functional.conv_transpose{n}d
"""


@told(_TRANSPOSED, 1)
class ConvTranspose1d(_ConvTranspose):
    ndim = 1


@told(_TRANSPOSED, 2)
class ConvTranspose2d(_ConvTranspose):
    ndim = 2


@told(_TRANSPOSED, 3)
class ConvTranspose3d(_ConvTranspose):
    ndim = 3
