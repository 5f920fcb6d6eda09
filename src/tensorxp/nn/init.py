"""Initial values: each function fills a Tensor in place, without recording, and returns it.

Names, defaults and distributions are PyTorch's; random numbers come from `tensorxp.random`.
"""

import math
import warnings
from typing import Any

import tensorxp as xp
from tensorxp import no_grad
from tensorxp._backend.families import Family, see
from tensorxp._backend.names import listing
from tensorxp.nn.functional._sizes import expect

_initial = Family(
    """
tensor : Tensor, any dtype
    Of any shape.
generator : Generator or None
    None: the default one.
""",
    "Tensor\n    `tensor` itself, its shape and dtype kept.",
    "TypeError\n    `tensor` is no Tensor.",
)
_random = _initial.but("tensor : Tensor\n    Of any shape, a real floating dtype.")
_by_fans = _initial.but("tensor : Tensor\n    Shape (out, in, …), a real floating dtype.")
_kaiming = _initial.but(
    """
tensor : Tensor
    Shape (out, in, …), a real floating dtype; an empty one warns.
a : float
    The slope of "leaky_relu".
mode : str
    "fan_in" or "fan_out": what fan is.
nonlinearity : str
    For `calculate_gain`.
""",
    raises="""
TypeError
    `tensor` is no Tensor.
ValueError
    It has fewer than 2 axes; another `mode` or `nonlinearity`.
""",
)

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]
__dir__ = listing(globals())

_LINEAR = ("linear", "conv1d", "conv2d", "conv3d",
           "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")  # fmt: skip


def _draw_uniform(shape: Any, low: float, high: float, like: Any, generator: Any) -> Any:
    if not low <= high:
        raise ValueError(f"nn.init: a is {low} and b {high}; a must not be above b")
    return xp.random.uniform(
        low, high, shape, dtype=like.dtype, device=like.device, generator=generator
    )


def _draw_normal(shape: Any, mean: float, std: float, like: Any, generator: Any) -> Any:
    return xp.random.normal(
        mean, std, shape, dtype=like.dtype, device=like.device, generator=generator
    )


def _fill(tensor: Any, values: Any) -> Any:
    expect("nn.init", tensor, "tensor")
    with no_grad():
        tensor[...] = values
    return tensor


@see("kaiming_normal_")
def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by which factor a nonlinearity asks for a larger standard deviation.

    1 for linear maps, convolutions and sigmoid, 5/3 for tanh, √2 for relu, √(2 / (1 + param²)) for
    leaky_relu, 3/4 for selu.

    >>> round(xp.nn.init.calculate_gain("relu"), 4)
    1.4142

    Parameters
    ----------
    nonlinearity : str
        "linear", "conv1d" … "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu".
    param : float or None
        The slope of "leaky_relu"; None: 0.01.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Another name or no number.
    """
    if nonlinearity in _LINEAR or nonlinearity == "sigmoid":
        return 1.0
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, int | float) and not isinstance(param, bool):
            slope = param
        else:
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


@_random.see("normal_")
def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Fill from the uniform distribution on [a, b).

    >>> xp.max(xp.nn.init.uniform_(xp.empty(20), 0.0, 0.5)) <= 0.5
    tensor(True)

    Parameters
    ----------
    a, b : float

    Raises
    ------
    ValueError
        `a` is above `b`.
    """
    expect("nn.init.uniform_", tensor, "tensor")
    return _fill(tensor, _draw_uniform(tensor.shape, a, b, tensor, generator))


@_random.see("trunc_normal_, uniform_")
def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    """Fill from the normal distribution.

    >>> xp.nn.init.normal_(xp.empty((3, 4)), std=0.02).shape
    (3, 4)

    Parameters
    ----------
    mean, std : float

    Raises
    ------
    ValueError
        `std` is negative.
    """
    expect("nn.init.normal_", tensor, "tensor")
    return _fill(tensor, _draw_normal(tensor.shape, mean, std, tensor, generator))


@_random.see("normal_")
def trunc_normal_(
    tensor: Any,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Any:
    """Fill from the normal distribution limited to [a, b]; values outside are drawn anew.

    >>> xp.max(xp.nn.init.trunc_normal_(xp.empty(20), a=-1.0, b=1.0)) <= 1
    tensor(True)

    Parameters
    ----------
    mean, std : float
    a, b : float
        Bounds of the values, not in units of `std`.

    Raises
    ------
    ValueError
        `std` is negative, or `a` above `b`.
    """
    expect("nn.init.trunc_normal_", tensor, "tensor")
    if not a <= b:
        raise ValueError(f"nn.init.trunc_normal_: a is {a} and b {b}; a must not be above b")
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            stacklevel=2,
        )
    values = _draw_normal(tensor.shape, mean, std, tensor, generator)
    for _ in range(100):
        outside = (values < a) | (values > b)
        if not bool(xp.any(outside)):
            break
        fresh = _draw_normal(tensor.shape, mean, std, tensor, generator)
        values = xp.where(outside, fresh, values)
    return _fill(tensor, xp.clip(values, a, b))


@see("zeros_, ones_")
def constant_(tensor: Any, val: float) -> Any:
    """Fill with one value.

    >>> xp.nn.init.constant_(xp.empty(2), 0.5)
    tensor([0.5, 0.5])

    Parameters
    ----------
    tensor : Tensor, any dtype
        Of any shape.
    val : scalar or Tensor
        Broadcasts.

    Returns
    -------
    Tensor
        `tensor` itself, its shape and dtype kept.

    Raises
    ------
    TypeError
        `tensor` is no Tensor, or its dtype cannot hold `val`.
    """
    return _fill(tensor, val)


@_initial.see("zeros_, constant_")
def ones_(tensor: Any) -> Any:
    """Fill with ones.

    >>> xp.nn.init.ones_(xp.empty(2))
    tensor([1., 1.])
    """
    return _fill(tensor, 1.0)


@_initial.see("ones_, constant_")
def zeros_(tensor: Any) -> Any:
    """Fill with zeros.

    >>> xp.nn.init.zeros_(xp.empty(2))
    tensor([0., 0.])
    """
    return _fill(tensor, 0.0)


@_initial.see("dirac_")
def eye_(tensor: Any) -> Any:
    """Fill a matrix with the identity.

    >>> xp.nn.init.eye_(xp.empty((2, 2)))
    tensor([[1., 0.],
            [0., 1.]])

    Parameters
    ----------
    tensor : Tensor, any dtype
        Shape (n, m).

    Raises
    ------
    ValueError
        It has not 2 axes.
    """
    expect("nn.init.eye_", tensor, "tensor")
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return _fill(tensor, xp.eye(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


@_initial.see("eye_")
def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Fill a convolution's weight so that it passes as many channels through as it can.

    >>> xp.sum(xp.nn.init.dirac_(xp.empty((2, 2, 3))))
    tensor(2.)

    Parameters
    ----------
    tensor : Tensor
        Shape (O, C, *K), 3 to 5 axes, any dtype.
    groups : int
        Divides O.

    Raises
    ------
    ValueError
        It has another number of axes, or `groups` does not divide O.
    """
    expect("nn.init.dirac_", tensor, "tensor")
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    out_channels = tensor.shape[0]
    if groups < 1 or out_channels % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = out_channels // groups
    centre = tuple(n // 2 for n in tensor.shape[2:])
    with no_grad():
        tensor[...] = 0.0
        for group in range(groups):
            for channel in range(min(per_group, tensor.shape[1])):
                tensor[(group * per_group + channel, channel, *centre)] = 1.0
    return tensor


def _calculate_fan_in_and_fan_out(tensor: Any) -> tuple[int, int]:
    """Return how many inputs and outputs an element of a weight has."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _calculate_correct_fan(tensor: Any, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode.lower() == "fan_out"]


@_by_fans.see("xavier_normal_, kaiming_uniform_")
def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Fill from U(-a, a), a = gain √(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).

    fan_in is the size of axis 1, fan_out that of axis 0, both times those of the further axes.

    >>> xp.nn.init.xavier_uniform_(xp.empty((3, 4))).shape
    (3, 4)

    Parameters
    ----------
    gain : float

    Raises
    ------
    ValueError
        It has fewer than 2 axes.
    """
    expect("nn.init.xavier_uniform_", tensor, "tensor")
    a = gain * math.sqrt(6.0 / max(1, sum(_calculate_fan_in_and_fan_out(tensor))))
    return uniform_(tensor, -a, a, generator)


@_by_fans.see("xavier_uniform_, kaiming_normal_")
def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Fill from N(0, σ²), σ = gain √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010).

    >>> xp.nn.init.xavier_normal_(xp.empty((3, 4))).shape
    (3, 4)

    Parameters
    ----------
    gain : float

    Raises
    ------
    ValueError
        It has fewer than 2 axes.
    """
    expect("nn.init.xavier_normal_", tensor, "tensor")
    std = gain * math.sqrt(2.0 / max(1, sum(_calculate_fan_in_and_fan_out(tensor))))
    return normal_(tensor, 0.0, std, generator)


@_kaiming.see("kaiming_normal_, xavier_uniform_")
def kaiming_uniform_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    """Fill from U(-b, b), b = gain √(3 / fan) (He and others, 2015).

    >>> xp.nn.init.kaiming_uniform_(xp.empty((3, 4)), nonlinearity="relu").shape
    (3, 4)
    """
    expect("nn.init.kaiming_uniform_", tensor, "tensor")
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3.0 / fan)
    return uniform_(tensor, -bound, bound, generator)


@_kaiming.see("kaiming_uniform_, xavier_normal_")
def kaiming_normal_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    """Fill from N(0, σ²), σ = gain / √fan (He and others, 2015).

    >>> xp.nn.init.kaiming_normal_(xp.empty((3, 4))).shape
    (3, 4)
    """
    expect("nn.init.kaiming_normal_", tensor, "tensor")
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=2)
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(fan), generator)


@_initial.see("xavier_normal_")
def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
    """Fill with a (semi-)orthogonal matrix, times `gain` (Saxe and others, 2013).

    >>> w = xp.nn.init.orthogonal_(xp.empty((2, 3)))
    >>> xp.allclose(w @ w.T, xp.eye(2), atol=1e-6)
    True

    Parameters
    ----------
    tensor : Tensor
        Shape (n, …), the further axes as one; a real floating dtype.
    gain : float

    Raises
    ------
    ValueError
        It has fewer than 2 axes.
    """
    expect("nn.init.orthogonal_", tensor, "tensor")
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.size == 0:
        return tensor
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    flat = _draw_normal((rows, columns), 0.0, 1.0, tensor, generator)
    q, r = xp.linalg.qr(flat.T if rows < columns else flat)
    q = q * xp.sign(xp.linalg.diagonal(r))  # makes Q unique, hence uniformly distributed
    q = q.T if rows < columns else q
    return _fill(tensor, xp.reshape(q, tensor.shape) * gain)


@_initial.see("normal_")
def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """Fill a matrix from N(0, std²), with a part of each column set to zero (Martens, 2010).

    >>> w = xp.nn.init.sparse_(xp.empty((4, 2)), sparsity=0.5)
    >>> xp.count_nonzero(w)
    tensor(4)

    Parameters
    ----------
    tensor : Tensor
        Shape (n, m), a real floating dtype.
    sparsity : float
        In [0, 1]: ⌈sparsity n⌉ zeros in each column.
    std : float

    Raises
    ------
    ValueError
        It has not 2 axes, `sparsity` is out of range, or `std` negative.
    """
    expect("nn.init.sparse_", tensor, "tensor")
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    if not 0 <= sparsity <= 1:
        raise ValueError(f"nn.init.sparse_: sparsity is {sparsity}; it must be in [0, 1]")
    zeros = math.ceil(sparsity * tensor.shape[0])
    order = xp.argsort(_draw_uniform(tensor.shape, 0.0, 1.0, tensor, generator), axis=0)
    rank = xp.argsort(order, axis=0)
    values = _draw_normal(tensor.shape, 0.0, std, tensor, generator)
    return _fill(tensor, xp.where(rank < zeros, 0.0, values))
