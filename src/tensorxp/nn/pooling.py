"""Pooling layers; the functions are in `functional`."""

from typing import Any

from tensorxp.nn import functional as F
from tensorxp.nn.functional._family import told
from tensorxp.nn.module import Module


class _MaxPool(Module):
    """What max-pooling layers share."""

    ndim: int

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )

    def forward(self, input: Any) -> Any:
        """Return the maxima, and with `return_indices` where they are."""
        function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.ndim - 1]
        return function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


_MAX = """The maxima of windows; of equal ones the first has the gradient.

Shape: {x} to {y}, or without N, of the same dtype, with L′ = ⌊(L + 2 padding - dilation
(kernel_size - 1) - 1) / stride⌋ + 1.

>>> xp.nn.MaxPool{n}d(2)(xp.ones((1, 1, {four}))).shape
(1, 1, {two})

Parameters
----------
kernel_size, dilation : {i}
stride : {i}, or None
    None: `kernel_size`.
padding : {i}
    Of -∞ at both ends; at most half of the window.
return_indices : bool
    Return also where they are, for `MaxUnpool{n}d`.
ceil_mode : bool
    Round sizes up: windows may reach beyond the end.

Raises
------
TypeError
    In the call: sizes are no ints.
RuntimeError
    In the call: shape or sizes are not allowed.

See Also
--------
tensorxp.nn.functional.max_pool{n}d
"""


@told(_MAX, 1)
class MaxPool1d(_MaxPool):
    ndim = 1


@told(_MAX, 2)
class MaxPool2d(_MaxPool):
    ndim = 2


@told(_MAX, 3)
class MaxPool3d(_MaxPool):
    ndim = 3


class _MaxUnpool(Module):
    """What max-unpooling layers share."""

    ndim: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        """Return the larger images."""
        function = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self.ndim - 1]
        return function(input, indices, self.kernel_size, self.stride, self.padding, output_size)


_UNPOOL = """Puts values back where `MaxPool{n}d` found them, zeros elsewhere.

Shape: {x} and indices of that shape to {y}, or without N, with L′ = (L - 1) stride + kernel_size -
2 padding, or the call's `output_size`.

>>> pool = xp.nn.MaxPool{n}d(2, return_indices=True)
>>> xp.nn.MaxUnpool{n}d(2)(*pool(xp.ones((1, 1, {four})))).shape
(1, 1, {four})

Parameters
----------
kernel_size : {i}
stride : {i}, or None
    None: `kernel_size`.
padding : {i}

Raises
------
TypeError
    In the call: sizes are no ints.
ValueError
    In the call: the shapes of input and indices do not fit.
IndexError
    In the call: an index is outside the output.

See Also
--------
tensorxp.nn.functional.max_unpool{n}d
"""


@told(_UNPOOL, 1)
class MaxUnpool1d(_MaxUnpool):
    ndim = 1


@told(_UNPOOL, 2)
class MaxUnpool2d(_MaxUnpool):
    ndim = 2


@told(_UNPOOL, 3)
class MaxUnpool3d(_MaxUnpool):
    ndim = 3


_AVG = """The means of windows.

Shape: {x} to {y}, or without N, of the same dtype, with L′ = ⌊(L + 2 padding - kernel_size) /
stride⌋ + 1.

>>> xp.nn.AvgPool{n}d(2)(xp.ones((1, 1, {four}))).shape
(1, 1, {two})

Parameters
----------
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

Raises
------
TypeError
    In the call: sizes are no ints.
RuntimeError
    In the call: shape or sizes are not allowed.

See Also
--------
tensorxp.nn.functional.avg_pool{n}d
"""


@told(_AVG.replace("divisor_override : int or None\n    Divide by this instead; not 0.\n", ""), 1)
class AvgPool1d(Module):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = self.kernel_size if stride is None else _single(stride)
        self.padding = _single(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Any:
        """Return the means."""
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


def _single(value: Any) -> Any:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


class _AvgPool(Module):
    """What average-pooling layers of two and three axes share."""

    ndim: int

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Any:
        """Return the means."""
        function = (F.avg_pool2d, F.avg_pool3d)[self.ndim - 2]
        return function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


@told(_AVG, 2)
class AvgPool2d(_AvgPool):
    ndim = 2


@told(_AVG, 3)
class AvgPool3d(_AvgPool):
    ndim = 3


class _LPPool(Module):
    """What power-average pooling layers share."""

    ndim: int

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )

    def forward(self, input: Any) -> Any:
        """Return the power averages."""
        function = (F.lp_pool1d, F.lp_pool2d, F.lp_pool3d)[self.ndim - 1]
        return function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


_LP = """(Σ x^p)^(1/p) of windows; sums that are not positive give 0.

Shape: {x} to {y}, or without N, of the same dtype, with L′ = ⌊(L - kernel_size) / stride⌋ + 1.

>>> xp.nn.LPPool{n}d(2, 2)(xp.ones((1, 1, {four}))).shape
(1, 1, {two})

Parameters
----------
norm_type : float
    p, not 0.
kernel_size : {i}
stride : {i}, or None
    None: `kernel_size`.
ceil_mode : bool
    Round sizes up: windows may reach beyond the end.

Raises
------
TypeError
    In the call: sizes are no ints.
ValueError
    In the call: `norm_type` is 0.
RuntimeError
    In the call: shape or sizes are not allowed.

See Also
--------
tensorxp.nn.functional.lp_pool{n}d
"""


@told(_LP, 1)
class LPPool1d(_LPPool):
    ndim = 1


@told(_LP, 2)
class LPPool2d(_LPPool):
    ndim = 2


@told(_LP, 3)
class LPPool3d(_LPPool):
    ndim = 3


class _AdaptiveAvgPool(Module):
    """What adaptive average-pooling layers share."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """Return the size."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(Module):
    """What adaptive max-pooling layers share."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        """Return the size."""
        return f"output_size={self.output_size}"


_ADAPTIVE_AVG = """Means over windows that cover the input so that the output has a given size.

Shape: {x} to {y}, or without N, of the same dtype.

>>> xp.nn.AdaptiveAvgPool{n}d(2)(xp.ones((1, 1, {four}))).shape
(1, 1, {two})

Parameters
----------
output_size : {i}
    {t}; None in a tuple keeps an axis as it is.

Raises
------
RuntimeError
    In the call: shape or size are not allowed.

See Also
--------
tensorxp.nn.functional.adaptive_avg_pool{n}d
"""


@told(_ADAPTIVE_AVG, 1)
class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    def forward(self, input: Any) -> Any:
        """Return the means."""
        return F.adaptive_avg_pool1d(input, self.output_size)


@told(_ADAPTIVE_AVG, 2)
class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    def forward(self, input: Any) -> Any:
        """Return the means."""
        return F.adaptive_avg_pool2d(input, self.output_size)


@told(_ADAPTIVE_AVG, 3)
class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    def forward(self, input: Any) -> Any:
        """Return the means."""
        return F.adaptive_avg_pool3d(input, self.output_size)


_ADAPTIVE_MAX = """Maxima over windows that cover the input so that the output has a given size.

Shape: {x} to {y}, or without N, of the same dtype.

>>> xp.nn.AdaptiveMaxPool{n}d(2)(xp.ones((1, 1, {four}))).shape
(1, 1, {two})

Parameters
----------
output_size : {i}
    {t}, at least 1; None in a tuple keeps an axis as it is.
return_indices : bool
    Return also where they are.

Raises
------
RuntimeError
    In the call: shape or size are not allowed.

See Also
--------
tensorxp.nn.functional.adaptive_max_pool{n}d
"""


@told(_ADAPTIVE_MAX, 1)
class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    def forward(self, input: Any) -> Any:
        """Return the maxima, and with `return_indices` where they are."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


@told(_ADAPTIVE_MAX, 2)
class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    def forward(self, input: Any) -> Any:
        """Return the maxima, and with `return_indices` where they are."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


@told(_ADAPTIVE_MAX, 3)
class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    def forward(self, input: Any) -> Any:
        """Return the maxima, and with `return_indices` where they are."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
