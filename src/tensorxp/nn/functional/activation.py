"""Activation functions; arguments and defaults are PyTorch's. Gradients at kinks as there."""

from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._ops.axes import constant, dimensions, normalize_axis
from tensorxp._ops.network import activation as act
from tensorxp._ops.network import gelu as exact_gelu
from tensorxp._ops.network import gelu_tanh, in_single, singly
from tensorxp.nn.functional._family import activation, along, in_place, smooth
from tensorxp.nn.functional._inplace import settle
from tensorxp.nn.functional._sizes import expect

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@activation.see("leaky_relu, gelu, relu_")
def relu(input: Any, inplace: bool = False) -> Any:
    """Return max(x, 0); the gradient at 0 is 0.

    >>> xp.nn.functional.relu(xp.asarray([-1.0, 2.0]))
    tensor([0., 2.])

    Returns
    -------
    Tensor
        Shape and dtype of `input`, integers too.
    """
    return settle(act.relu, input, inplace)


@in_place.see("relu")
def relu_(input: Any) -> Any:
    """Write max(x, 0) over x.

    >>> x = xp.asarray([-1.0, 2.0])
    >>> xp.nn.functional.relu_(x)
    tensor([0., 2.])
    >>> x
    tensor([0., 2.])
    """
    return settle(act.relu, input, True)


@activation.see("relu, hardtanh")
def relu6(input: Any, inplace: bool = False) -> Any:
    """Return x limited to [0, 6]; the gradient at the limits is 0.

    >>> xp.nn.functional.relu6(xp.asarray([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """
    return settle(lambda x: act.hardtanh(x, 0.0, 6.0), input, inplace)


@activation.see("tanh, relu6, hardtanh_")
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """Return x limited to [min_val, max_val]; the gradient at the limits is 0.

    >>> xp.nn.functional.hardtanh(xp.asarray([-4.0, 0.5, 4.0]))
    tensor([-1. ,  0.5,  1. ])

    Parameters
    ----------
    min_val, max_val : float

    Raises
    ------
    ValueError
        `min_val` is above `max_val`.
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return settle(lambda x: act.hardtanh(x, min_val, max_val), input, inplace)


@activation.see("relu, prelu, leaky_relu_")
def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """Return x where x > 0, else negative_slope · x.

    >>> xp.nn.functional.leaky_relu(xp.asarray([-1.0, 2.0]))
    tensor([-0.01,  2.  ])

    Parameters
    ----------
    negative_slope : float
    """
    return settle(lambda x: act.leaky_relu(x, negative_slope), input, inplace)


@see("leaky_relu, rrelu_")
def rrelu(
    input: Any,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Any:
    """Return x where x ≥ 0, else x times a slope from U(lower, upper) for each element.

    Without `training` the slope is (lower + upper) / 2. Xu and others, 2015.

    >>> xp.nn.functional.rrelu(xp.asarray([-1.0, 2.0]), 0.5, 0.5)
    tensor([-0.5,  2. ])

    Parameters
    ----------
    input : Tensor, any dtype
        Of any shape.
    lower, upper : float
    training : bool
    inplace : bool
        Write over `input`, and return it.

    Returns
    -------
    Tensor
        Shape and dtype of `input`; integers become floating.

    Raises
    ------
    TypeError
        `input` is no Tensor, or in training not floating-point.
    ValueError
        `lower` is above `upper`, in training.
    RuntimeError
        In place, where `input` is a leaf that requires grad.
    """
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    expect("rrelu", input)
    slope = xp.random.uniform(lower, upper, input.shape, dtype=input.dtype, device=input.device)
    return settle(lambda x: xp.where(x >= 0, x, x * slope), input, inplace)


@see("leaky_relu, rrelu")
def prelu(input: Any, weight: Any) -> Any:
    """Return x where x > 0, else weight · x (He and others, 2015).

    >>> xp.nn.functional.prelu(xp.asarray([-1.0, 2.0]), xp.asarray([0.25]))
    tensor([-0.25,  2.  ])

    Parameters
    ----------
    input : Tensor
        Shape (N, C, …), or any with one weight.
    weight : Tensor
        Shape (1,), or (C,): one for each channel, axis 1.

    Returns
    -------
    Tensor
        Shape of `input`; dtypes promote.

    Raises
    ------
    TypeError
        `input` or `weight` is no Tensor.
    RuntimeError
        `weight` has another shape.
    """
    expect("prelu", input)
    expect("prelu", weight, "weight")
    if weight.size != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.shape != (channels,):
            raise RuntimeError(
                f"prelu: weight has shape {weight.shape}; expected one element, or one for each "
                f"of the {channels} channels"
            )
        weight = xp.reshape(weight, (1, -1, *(1,) * (input.ndim - 2)))
    else:
        weight = xp.reshape(weight, (1,) * input.ndim)
    # what the weight is to scale alone: 0 · ∞ would come to its gradient
    low = xp.where(input > 0, xp.zeros((), dtype=input.dtype, device=input.device), input)
    return xp.where(input > 0, input, low * weight)


@activation.see("celu, selu, elu_")
def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Return x where x > 0, else alpha (exp(x) - 1) (Clevert and others, 2015).

    >>> xp.nn.functional.elu(xp.asarray([-1.0, 2.0]))
    tensor([-0.6321,  2.    ])

    Parameters
    ----------
    alpha : float
    """
    return settle(lambda x: singly(lambda x: act.elu(x, alpha), x), input, inplace)


@activation.see("elu, alpha_dropout, selu_")
def selu(input: Any, inplace: bool = False) -> Any:
    """Return 1.0507 · elu(x, 1.6733), which keeps mean 0 and variance 1.

    Klambauer and others, 2017.

    >>> xp.nn.functional.selu(xp.asarray([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return settle(
        lambda x: singly(lambda x: act.elu(x, _SELU_ALPHA, _SELU_SCALE), x), input, inplace
    )


@activation.see("elu, celu_")
def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Return max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (Barron, 2017).

    >>> xp.nn.functional.celu(xp.asarray([-1.0, 2.0]))
    tensor([-0.6321,  2.    ])

    Parameters
    ----------
    alpha : float
        Not 0.

    Raises
    ------
    ZeroDivisionError
        `alpha` is 0.
    """
    if alpha == 0:
        raise ZeroDivisionError("celu: alpha is 0; allowed are other numbers")
    return settle(
        lambda x: singly(lambda x: act.elu(x, alpha, 1.0, 1.0 / alpha), x), input, inplace
    )


@smooth.see("relu, silu")
def gelu(input: Any, approximate: str = "none") -> Any:
    """Return x Φ(x), Φ the normal distribution function (Hendrycks and Gimpel, 2016).

    >>> xp.nn.functional.gelu(xp.asarray([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])

    Parameters
    ----------
    approximate : str
        "none", or "tanh": x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, faster.

    Raises
    ------
    RuntimeError
        Another `approximate`.
    """
    if approximate == "none":
        return singly(exact_gelu, input)
    if approximate == "tanh":
        return singly(gelu_tanh, input)
    raise RuntimeError(
        f"approximate argument must be either none or tanh, but was given {approximate!r}"
    )


@activation.see("gelu, mish, hardswish")
def silu(input: Any, inplace: bool = False) -> Any:
    """Return x · sigmoid(x), also called swish.

    >>> xp.nn.functional.silu(xp.asarray([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    return settle(lambda x: singly(act.silu, x), input, inplace)


@activation.see("silu, softplus")
def mish(input: Any, inplace: bool = False) -> Any:
    """Return x · tanh(log(1 + exp(x))) (Misra, 2019).

    >>> xp.nn.functional.mish(xp.asarray([-1.0, 2.0]))
    tensor([-0.3034,  1.944 ])
    """
    return settle(lambda x: singly(act.mish, x), input, inplace)


@smooth.see("logsigmoid, tanh")
def sigmoid(input: Any) -> Any:
    """Return 1 / (1 + exp(-x)), without overflow.

    >>> xp.nn.functional.sigmoid(xp.asarray([0.0, 2.0]))
    tensor([0.5   , 0.8808])
    """
    return singly(act.sigmoid, input)


@smooth.see("sigmoid, hardtanh")
def tanh(input: Any) -> Any:
    """Return the hyperbolic tangent, `tensorxp.tanh`.

    >>> xp.nn.functional.tanh(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.7616])
    """
    return singly(xp.tanh, input)


@smooth.see("sigmoid, softplus")
def logsigmoid(input: Any) -> Any:
    """Return log(1 / (1 + exp(-x))), without overflow.

    >>> xp.nn.functional.logsigmoid(xp.asarray([0.0, -50.0]))
    tensor([ -0.6931, -50.    ])
    """
    return singly(act.logsigmoid, input)


@smooth.see("relu, logsigmoid")
def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """Return log(1 + exp(beta x)) / beta, and x where beta x > threshold.

    >>> xp.nn.functional.softplus(xp.asarray([0.0, 50.0]))
    tensor([ 0.6931, 50.    ])

    Parameters
    ----------
    beta, threshold : float
    """
    constant("softplus", "threshold", threshold)
    return singly(lambda x: act.softplus(x, beta, threshold), input)


@smooth.see("tanh")
def softsign(input: Any) -> Any:
    """Return x / (1 + |x|).

    >>> xp.nn.functional.softsign(xp.asarray([-1.0, 3.0]))
    tensor([-0.5 ,  0.75])
    """
    return singly(act.softsign, input)


@smooth.see("tanh")
def tanhshrink(input: Any) -> Any:
    """Return x - tanh(x).

    >>> xp.nn.functional.tanhshrink(xp.asarray([0.0, 1.0]))
    tensor([0.    , 0.2384])
    """
    return singly(act.tanhshrink, input)


@smooth.see("softshrink")
def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """Return x where |x| > lambd, else 0.

    >>> xp.nn.functional.hardshrink(xp.asarray([-1.0, 0.3, 2.0]))
    tensor([-1.,  0.,  2.])

    Parameters
    ----------
    lambd : float
    """
    constant("hardshrink", "lambd", lambd)
    return xp.where(xp.abs(input) <= lambd, 0.0, input)


@smooth.see("hardshrink")
def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """Return x moved towards 0 by lambd, and 0 where |x| ≤ lambd.

    >>> xp.nn.functional.softshrink(xp.asarray([-1.0, 0.3, 2.0]))
    tensor([-0.5,  0. ,  1.5])

    Parameters
    ----------
    input : Tensor, numeric
        Of any shape.
    lambd : float
        At least 0.

    Raises
    ------
    RuntimeError
        `lambd` is negative.
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}")
    return xp.where(xp.abs(input) <= lambd, 0.0, input - xp.sign(input) * lambd)


@activation.see("sigmoid, hardswish")
def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """Return x / 6 + 1/2 limited to [0, 1]; the gradient at the limits is 0.

    >>> xp.nn.functional.hardsigmoid(xp.asarray([-4.0, 0.0, 4.0]))
    tensor([0. , 0.5, 1. ])
    """
    expect("hardsigmoid", input)
    return settle(lambda x: singly(lambda x: act.hardtanh(x + 3, 0.0, 6.0) / 6, x), input, inplace)


@activation.see("silu, hardsigmoid")
def hardswish(input: Any, inplace: bool = False) -> Any:
    """Return x · min(max(x + 3, 0), 6) / 6 (Howard and others, 2019).

    >>> xp.nn.functional.hardswish(xp.asarray([1.0, 4.0]))
    tensor([0.6667, 4.    ])
    """
    return settle(lambda x: singly(act.hardswish, x), input, inplace)


@activation.see("relu, threshold_")
def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """Return x where x > threshold, else value.

    >>> xp.nn.functional.threshold(xp.asarray([-1.0, 2.0]), 0.0, 9.0)
    tensor([9., 2.])

    Parameters
    ----------
    threshold, value : float

    Returns
    -------
    Tensor
        Shape and dtype of `input`.
    """
    constant("threshold", "threshold", threshold)
    return settle(lambda x: act.threshold(x, threshold, value), input, inplace)


@in_single()
@see("sigmoid")
def glu(input: Any, dim: int = -1) -> Any:
    """Return a · sigmoid(b), a and b the halves of x along `dim` (Dauphin and others, 2016).

    >>> xp.nn.functional.glu(xp.asarray([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5, 1. ])

    Parameters
    ----------
    input : Tensor
        Of any shape with an even size along `dim`.
    dim : int

    Returns
    -------
    Tensor
        Half as long along `dim`; the dtype of `input`, integers become floating.

    Raises
    ------
    TypeError
        `input` is no Tensor.
    IndexError
        `dim` is out of range.
    RuntimeError
        The size along `dim` is odd.
    """
    dim = normalize_axis("glu", dim, dimensions("glu", input, "input"))
    n = input.shape[dim]
    if n % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {n}")
    key = [slice(None)] * input.ndim
    key[dim] = slice(0, n // 2)
    a = input[tuple(key)]
    key[dim] = slice(n // 2, n)
    return a * act.sigmoid(input[tuple(key)])


def _along(function: Any, name: str, input: Any, dim: int | None, dtype: Any) -> Any:
    """Return `function(input, axis=…)`; an input of no axes is one of one element."""
    ndim = dimensions(name, input, "input")
    if dim is None:  # as PyTorch chooses it
        dim = 0 if ndim in (0, 1, 3) else 1
    if dtype is not None:
        input = xp.astype(input, dtype, copy=False)
    if ndim == 0:
        axis = normalize_axis(name, dim, 1)
        flat = xp.reshape(input, (1,))
        return xp.reshape(singly(lambda x: function(x, axis=axis), flat), ())
    return singly(lambda x: function(x, axis=dim), input)


def _softmin(x: Any, axis: int) -> Any:
    return xp.special.softmax(xp.negative(x), axis=axis)


@along.see("log_softmax, softmin")
def softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """Return exp(x) divided by its sum along `dim`, without overflow.

    >>> xp.nn.functional.softmax(xp.asarray([0.0, 0.0]), dim=0)
    tensor([0.5, 0.5])
    """
    return _along(xp.special.softmax, "softmax", input, dim, dtype)


@along.see("softmax")
def softmin(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """Return `softmax` of -x.

    >>> xp.nn.functional.softmin(xp.asarray([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])

    Parameters
    ----------
    input : Tensor, numeric
        Of any shape.
    """
    return _along(_softmin, "softmin", input, dim, dtype)


@along.see("softmax, nll_loss")
def log_softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """Return the logarithm of `softmax`, without its rounding.

    >>> xp.nn.functional.log_softmax(xp.asarray([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    return _along(xp.special.log_softmax, "log_softmax", input, dim, dtype)


@in_single()
@see("softmax")
def gumbel_softmax(
    logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Any:
    """Return a random softmax((x + G) / tau), G from Gumbel(0, 1) (Jang and others, 2017).

    >>> xp.sum(xp.nn.functional.gumbel_softmax(xp.asarray([[0.0, 1.0, 2.0]]), hard=True))
    tensor(1.)

    Parameters
    ----------
    logits : Tensor, real floating
        Of any shape.
    tau : float
        Temperature, above 0: near 0, nearly one-hot.
    hard : bool
        Return one-hot vectors, with the gradient of the soft ones.
    eps : float
        Ignored.
    dim : int

    Returns
    -------
    Tensor
        Shape and dtype of `logits`; sums to 1 along `dim`.

    Raises
    ------
    TypeError
        `logits` is no floating-point Tensor.
    ValueError
        `tau` is not above 0.
    IndexError
        `dim` is out of range (an AxisError).
    """
    expect("gumbel_softmax", logits, "logits")
    if not tau > 0:
        raise ValueError(f"gumbel_softmax: tau is {tau}; it must be above 0")
    u = xp.random.uniform(0.0, 1.0, logits.shape, dtype=logits.dtype, device=logits.device)
    gumbels = -xp.log(-xp.log(xp.clip(u, xp.finfo(logits.dtype).smallest_normal, 1 - 1e-7)))
    soft = softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    best = xp.argmax(soft, axis=dim, keepdims=True)
    places = xp.arange(logits.shape[dim], device=logits.device)
    shape = [1] * logits.ndim
    shape[dim] = -1
    one_hot = xp.astype(xp.reshape(places, tuple(shape)) == best, logits.dtype)
    return one_hot - soft.detach() + soft


@in_place.see("leaky_relu")
def leaky_relu_(input: Any, negative_slope: float = 0.01) -> Any:
    """Write `leaky_relu` over x.

    >>> x = xp.asarray([-1.0, 2.0])
    >>> xp.nn.functional.leaky_relu_(x, 0.5)
    tensor([-0.5,  2. ])
    >>> x
    tensor([-0.5,  2. ])

    Parameters
    ----------
    negative_slope : float
    """
    return leaky_relu(input, negative_slope, True)


@in_place.see("elu")
def elu_(input: Any, alpha: float = 1.0) -> Any:
    """Write `elu` over x.

    >>> x = xp.asarray([-1.0, 2.0])
    >>> xp.nn.functional.elu_(x)
    tensor([-0.6321,  2.    ])
    >>> x
    tensor([-0.6321,  2.    ])

    Parameters
    ----------
    alpha : float
    """
    return elu(input, alpha, True)


@in_place.see("selu")
def selu_(input: Any) -> Any:
    """Write `selu` over x.

    >>> x = xp.asarray([-1.0, 2.0])
    >>> xp.nn.functional.selu_(x)
    tensor([-1.1113,  2.1014])
    >>> x
    tensor([-1.1113,  2.1014])
    """
    return selu(input, True)


@in_place.see("celu")
def celu_(input: Any, alpha: float = 1.0) -> Any:
    """Write `celu` over x.

    >>> x = xp.asarray([-1.0, 2.0])
    >>> xp.nn.functional.celu_(x)
    tensor([-0.6321,  2.    ])
    >>> x
    tensor([-0.6321,  2.    ])

    Parameters
    ----------
    alpha : float
        Not 0.

    Raises
    ------
    ZeroDivisionError
        `alpha` is 0.
    """
    return celu(input, alpha, True)


@in_place.see("hardtanh")
def hardtanh_(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """Write `hardtanh` over x.

    >>> x = xp.asarray([-4.0, 0.5])
    >>> xp.nn.functional.hardtanh_(x)
    tensor([-1. ,  0.5])
    >>> x
    tensor([-1. ,  0.5])

    Parameters
    ----------
    min_val, max_val : float

    Raises
    ------
    ValueError
        `min_val` is above `max_val`.
    """
    return hardtanh(input, min_val, max_val, True)


@see("rrelu")
def rrelu_(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Any:
    """Write `rrelu` over x.

    >>> x = xp.asarray([-1.0, 2.0])
    >>> xp.nn.functional.rrelu_(x, 0.5, 0.5)
    tensor([-0.5,  2. ])
    >>> x
    tensor([-0.5,  2. ])

    Parameters
    ----------
    input : Tensor, any dtype
        Of any shape.
    lower, upper : float
    training : bool

    Returns
    -------
    Tensor
        `input` itself, in its shape and dtype.

    Raises
    ------
    TypeError
        `input` is no Tensor, or in training not floating-point.
    ValueError
        `lower` is above `upper`, in training.
    RuntimeError
        `input` is a leaf that requires grad.
    """
    return rrelu(input, lower, upper, training, True)


@in_place.see("threshold")
def threshold_(input: Any, threshold: float, value: float) -> Any:
    """Write `threshold` over x.

    >>> x = xp.asarray([-1.0, 2.0])
    >>> xp.nn.functional.threshold_(x, 0.0, 9.0)
    tensor([9., 2.])
    >>> x
    tensor([9., 2.])

    Parameters
    ----------
    threshold, value : float
    """
    constant("threshold_", "threshold", threshold)
    return settle(lambda x: act.threshold(x, threshold, value), input, True)
