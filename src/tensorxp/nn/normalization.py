"""Normalization layers: by the batch, by instance, by group, and by layer."""

import numbers
from typing import Any

from tensorxp import asarray, ones, zeros
from tensorxp._backend.families import see
from tensorxp.nn import functional as F
from tensorxp.nn import init
from tensorxp.nn._families import weighted_module
from tensorxp.nn.functional._family import told
from tensorxp.nn.functional._sizes import expect
from tensorxp.nn.linear import new_parameter
from tensorxp.nn.module import Module
from tensorxp.nn.parameter import default_dtype


class _Norm(Module):
    """What batch and instance normalization share: parameters and running statistics."""

    ndims: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: Any,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = new_parameter(num_features, device=device, dtype=dtype)
        else:
            self.register_parameter("weight", None)
        if affine and bias:
            self.bias = new_parameter(num_features, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        kind = default_dtype() if dtype is None else dtype
        if track_running_stats:
            self.register_buffer("running_mean", zeros(num_features, dtype=kind, device=device))
            self.register_buffer("running_var", ones(num_features, dtype=kind, device=device))
            count = asarray(0, dtype="int64", device=device)
            self.register_buffer("num_batches_tracked", count)
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Set the running mean to 0, the variance to 1."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            self.num_batches_tracked[...] = 0

    def reset_parameters(self) -> None:
        """Set the initial values: weight 1, bias 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input(self, input: Any) -> None:
        expect(type(self).__name__, input)
        if input.ndim not in self.ndims:
            allowed = " or ".join(f"{n}D" for n in self.ndims)
            raise ValueError(f"expected {allowed} input (got {input.ndim}D input)")

    def _may_miss(self, name: str) -> bool:
        return name == "num_batches_tracked"

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Norm):
    """What the batch normalizations share."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Any) -> Any:
        """Return the normalized input; in training, update the running statistics."""
        self._check_input(input)
        factor = 0.0 if self.momentum is None else self.momentum
        counted = self.training and self.track_running_stats
        counted = counted and self.num_batches_tracked is not None
        if counted and self.momentum is None:  # the plain mean over all batches
            factor = 1.0 / (float(self.num_batches_tracked) + 1.0)
        by_batch = self.training or self.running_mean is None
        keep = not self.training or self.track_running_stats
        out = F.batch_norm(
            input,
            self.running_mean if keep else None,
            self.running_var if keep else None,
            self.weight,
            self.bias,
            by_batch,
            factor,
            self.eps,
        )
        if counted:
            self.num_batches_tracked += 1
        return out


_BATCH = """(x - mean) / √(var + eps) · weight + bias for each channel (Ioffe and Szegedy, 2015).

In training mean and var are the batch's; the running ones, which serve in evaluation, move towards
them (var with Bessel's correction). Shape: {x}, as the output, of the same dtype. Parameters:
`weight`, `bias` (C,), 1 and 0. Buffers: `running_mean`, `running_var` (C,), 0 and 1, and
`num_batches_tracked`.

>>> xp.nn.BatchNorm{n}d(3)(xp.ones((2, 3, {four}))).shape
(2, 3, {four})

Parameters
----------
num_features : int
    C.
eps : float
momentum : float or None
    Weight of the new statistics; None: the mean over all batches.
affine : bool
    Have `weight` and `bias`.
track_running_stats : bool
    False: no buffers, the batch's statistics always.
device : Device, str or None
dtype : dtype or None
    None: float32.
bias : bool
    False: `weight` alone.

Raises
------
TypeError
    `num_features` is no int; in the call: the input is not floating-point.
ValueError
    In the call: another number of axes, or in training but 1 value per channel.

See Also
--------
tensorxp.nn.functional.batch_norm
"""


@told(_BATCH, 1)
class BatchNorm1d(_BatchNorm):
    ndims = (2, 3)


@told(_BATCH, 2)
class BatchNorm2d(_BatchNorm):
    ndims = (4,)


@told(_BATCH, 3)
class BatchNorm3d(_BatchNorm):
    ndims = (5,)


class _InstanceNorm(_Norm):
    """What the instance normalizations share."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias
        )

    def forward(self, input: Any) -> Any:
        """Return the normalized input."""
        self._check_input(input)
        single = input.ndim == self.ndims[0]
        x = input[None] if single else input
        out = F.instance_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return out[0] if single else out


_INSTANCE = """(x - mean) / √(var + eps) for each channel of each sample (Ulyanov and others, 2016).

Shape: {x} or {u}, as the output, of the same dtype. Parameters with `affine`: `weight`, `bias`
(C,), 1 and 0. Buffers with `track_running_stats`: `running_mean`, `running_var` (C,), 0 and 1,
which serve in evaluation, and `num_batches_tracked`.

>>> xp.nn.InstanceNorm{n}d(3)(xp.ones((2, 3, {four}))).shape
(2, 3, {four})

Parameters
----------
num_features : int
    C.
eps : float
momentum : float
    Weight of the new statistics.
affine : bool
track_running_stats : bool
device : Device, str or None
dtype : dtype or None
    None: float32.
bias : bool
    False: `weight` alone.

Raises
------
TypeError
    `num_features` is no int; in the call: the input is not floating-point.
ValueError
    In the call: another number of axes, or but 1 element per channel.

See Also
--------
tensorxp.nn.functional.instance_norm
"""


@told(_INSTANCE, 1)
class InstanceNorm1d(_InstanceNorm):
    ndims = (2, 3)


@told(_INSTANCE, 2)
class InstanceNorm2d(_InstanceNorm):
    ndims = (3, 4)


@told(_INSTANCE, 3)
class InstanceNorm3d(_InstanceNorm):
    ndims = (4, 5)


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    if isinstance(normalized_shape, numbers.Integral):
        return (int(normalized_shape),)
    return tuple(normalized_shape)


@weighted_module.see("tensorxp.nn.functional.layer_norm")
class LayerNorm(Module):
    """(x - mean) / √(var + eps) · weight + bias over the last axes (Ba and others, 2016).

    Shape: (…, *normalized_shape), as the output, of the same dtype. Parameters: `weight`, `bias`
    of shape `normalized_shape`, 1 and 0.

    >>> xp.nn.LayerNorm(2)(xp.asarray([[1.0, 3.0]])).detach()
    tensor([[-1.,  1.]])

    Parameters
    ----------
    normalized_shape : int or tuple of ints
    eps : float
    elementwise_affine : bool
        Have `weight` and `bias`.
    bias : bool
        False: `weight` alone.

    Raises
    ------
    TypeError
        `normalized_shape` holds no ints; in the call: the input is not floating-point.
    RuntimeError
        In the call: the last axes are not `normalized_shape`.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        if elementwise_affine:
            self.weight = new_parameter(*self.normalized_shape, device=device, dtype=dtype)
        else:
            self.register_parameter("weight", None)
        if elementwise_affine and bias:
            self.bias = new_parameter(*self.normalized_shape, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the initial values: weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """Return the normalized input."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


@weighted_module.see("tensorxp.nn.functional.rms_norm")
class RMSNorm(Module):
    """x / √(mean(x²) + eps) · weight over the last axes (Zhang and Sennrich, 2019).

    Shape: (…, *normalized_shape), as the output, of the same dtype. Parameter: `weight` of shape
    `normalized_shape`, 1.

    >>> xp.nn.RMSNorm(2)(xp.ones((1, 2))).detach()
    tensor([[1., 1.]])

    Parameters
    ----------
    normalized_shape : int or tuple of ints
    eps : float or None
        None: the dtype's machine epsilon.
    elementwise_affine : bool
        Have `weight`.

    Raises
    ------
    TypeError
        `normalized_shape` holds no ints; in the call: the input is not floating-point.
    RuntimeError
        In the call: the last axes are not `normalized_shape`.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        if elementwise_affine:
            self.weight = new_parameter(*self.normalized_shape, device=device, dtype=dtype)
        else:
            self.register_parameter("weight", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Any) -> Any:
        """Return the normalized input."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


@weighted_module.see("tensorxp.nn.functional.group_norm")
class GroupNorm(Module):
    """(x - mean) / √(var + eps) over each group of channels of each sample (Wu and He, 2018).

    Shape: (N, C, …), as the output, of the same dtype. Parameters: `weight`, `bias` (C,), 1 and 0.

    >>> xp.nn.GroupNorm(1, 2)(xp.asarray([[[1.0], [3.0]]])).detach().flatten()
    tensor([-1.,  1.])

    Parameters
    ----------
    num_groups : int
        Divides C.
    num_channels : int
        C.
    eps : float
    affine : bool
        Have `weight` and `bias`.
    bias : bool
        False: `weight` alone.

    Raises
    ------
    TypeError
        Sizes are no ints; in the call: the input is not floating-point.
    ValueError
        `num_groups` is below 1 or does not divide C; in the call: shapes do not fit.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1:
            raise ValueError(f"num_groups is {num_groups}; it must be at least 1")
        if num_channels % num_groups:
            raise ValueError("num_channels must be divisible by num_groups")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        if affine:
            self.weight = new_parameter(num_channels, device=device, dtype=dtype)
        else:
            self.register_parameter("weight", None)
        if affine and bias:
            self.bias = new_parameter(num_channels, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the initial values: weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """Return the normalized input."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


@see("tensorxp.nn.functional.local_response_norm")
class LocalResponseNorm(Module):
    """x / (k + alpha · m)^beta, m the mean of x² over `size` neighbouring channels.

    Krizhevsky and others, 2012. Shape: (N, C, *S), as the output, of the same dtype.

    >>> xp.nn.LocalResponseNorm(2)(xp.ones((1, 2, 3))).shape
    (1, 2, 3)

    Parameters
    ----------
    size : int
        At least 1.
    alpha, beta, k : float

    Raises
    ------
    ValueError
        In the call: fewer than 3 axes, or `size` is below 1.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Any:
        """Return the normalized input."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
