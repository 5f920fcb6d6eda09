"""Activations of neural networks, each one node: `relu`, `sigmoid`, `gelu` and their kin.

Forwards run on raw arrays and write into their own temporaries; rules are elementwise, so the
forward mode follows from them.
"""

from typing import Any

from tensorxp._backend import kernels
from tensorxp._backend.dtypes import Defaults
from tensorxp._core.door import apply, unary
from tensorxp._core.primitive import elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.levels import call
from tensorxp._ops.logistic import expit_p, logit_p


def _real(xp: Any, x: Any) -> Any:
    """Return `x` in a floating-point dtype."""
    return x if x.dtype.kind in "fc" else x.astype(Defaults.real.dtype)


def _relu_slope(ct: Any, out: Any) -> Any:
    # y = max(x, 0): the derivative at 0 is 0
    found = kernels.relu_slope(ct, out)
    # a product with the mask: selecting by it costs many times as much where it is irregular
    return ct * (out > 0) if found is None else found


relu_p = elementwise("relu", forward=kernels.relu, x=_relu_slope)


def relu(x: Tensor, /) -> Tensor:
    """Return max(x, 0); the gradient at 0 is 0."""
    return unary(relu_p, x)


def raw_sigmoid(xp: Any, x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) of a raw array, without overflow where it is real."""
    x = _real(xp, x)
    if x.dtype.kind == "f":
        return kernels.expit(xp, x)
    out = xp.asarray(xp.negative(x))
    xp.exp(out, out=out)
    out += 1
    return xp.reciprocal(out, out=out)


# by `out`, as PyTorch: `x` may be written to. Where it rounds to 1, the derivative is 0
sigmoid_p = elementwise(
    "sigmoid", forward=raw_sigmoid, x=lambda ct, out: ct * (out * (1 - out)).conjugate()
)


def sigmoid(x: Tensor, /) -> Tensor:
    """Return 1 / (1 + exp(-x))."""
    return unary(sigmoid_p, x)


def _logistic(xp: Any, x: Any) -> Any:
    """Return sigmoid(x) at both levels, accurate in its tails, with derivatives that are, too."""
    if xp.isdtype(x.dtype, "complex floating"):
        return 0.5 * xp.tanh(0.5 * x) + 0.5
    return call(xp, expit_p, x)


def _silu_slope(xp: Any, ct: Any, x: Any) -> Any:
    # y = x s, s = sigmoid(x): dy = s (1 + x (1 - s)) dx, and 1 - s = sigmoid(-x)
    return ct * (_logistic(xp, x) * (1 + x * _logistic(xp, -x))).conjugate()


silu_p = elementwise("silu", forward=lambda xp, x: x * raw_sigmoid(xp, x), x=_silu_slope)


def silu(x: Tensor, /) -> Tensor:
    """Return x · sigmoid(x)."""
    return unary(silu_p, x)


def _softplus_forward(xp: Any, x: Any, *, beta: float, threshold: float) -> Any:
    x = _real(xp, x)
    scaled = x * beta
    # log(1 + exp z) = max(z, 0) + log(1 + exp(-|z|))
    soft = (xp.maximum(scaled, 0) + xp.log1p(xp.exp(-xp.abs(scaled)))) / beta
    return xp.where(scaled > threshold, x, soft)


def _softplus_slope(xp: Any, ct: Any, x: Any, *, beta: float, threshold: float) -> Any:
    return ct * xp.where(x * beta > threshold, 1.0, _logistic(xp, x * beta))


softplus_p = elementwise("softplus", forward=_softplus_forward, x=_softplus_slope)


def softplus(x: Tensor, /, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + exp(beta x)) / beta, and x where beta x > threshold."""
    return apply(softplus_p, (x,), {"beta": beta, "threshold": threshold})


def _logsigmoid_forward(xp: Any, x: Any) -> Any:
    x = _real(xp, x)
    return xp.minimum(x, 0) - xp.log1p(xp.exp(-xp.abs(x)))


logsigmoid_p = elementwise(
    "logsigmoid",
    forward=_logsigmoid_forward,
    x=lambda xp, ct, x: ct * _logistic(xp, -x),
)


def logsigmoid(x: Tensor, /) -> Tensor:
    """Return log(sigmoid(x)) without overflow."""
    return unary(logsigmoid_p, x)


def _elu_forward(xp: Any, x: Any, *, alpha: float, scale: float, input_scale: float) -> Any:
    x = _real(xp, x)
    curved = xp.expm1(xp.minimum(x, 0) * input_scale) * alpha
    return xp.where(x > 0, x, curved) * scale


def _elu_slope(xp: Any, ct: Any, x: Any, *, alpha: float, scale: float, input_scale: float) -> Any:
    curved = xp.exp(xp.where(x > 0, 0, x) * input_scale) * (alpha * input_scale)
    return ct * (xp.where(x > 0, 1.0, curved) * scale)


elu_p = elementwise("elu", forward=_elu_forward, x=_elu_slope)


def elu(x: Tensor, /, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Tensor:
    """Return scale · x where x > 0, else scale · alpha (exp(input_scale x) - 1)."""
    params = {"alpha": alpha, "scale": scale, "input_scale": input_scale}
    return apply(elu_p, (x,), params)


def _leaky_relu_forward(xp: Any, x: Any, *, negative_slope: float) -> Any:
    choose = xp.base.maximum if negative_slope <= 1 else xp.base.minimum
    return choose(x, x * negative_slope)


def _leaky_relu_slope(xp: Any, ct: Any, x: Any, *, negative_slope: float) -> Any:
    return ct * (xp.astype(x > 0, ct.dtype) * (1 - negative_slope) + negative_slope)


leaky_relu_p = elementwise("leaky_relu", forward=_leaky_relu_forward, x=_leaky_relu_slope)


def leaky_relu(x: Tensor, /, negative_slope: float = 0.01) -> Tensor:
    """Return x where x > 0, else negative_slope · x, which is the slope at 0 too."""
    return apply(leaky_relu_p, (x,), {"negative_slope": negative_slope})


hardtanh_p = elementwise(
    "hardtanh",
    forward=lambda xp, x, *, low, high: xp.minimum(xp.maximum(x, low), high),
    x=lambda xp, ct, x, *, low, high: ct * ((x > low) & (x < high)),
)


def hardtanh(x: Tensor, /, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Return x limited to [low, high]; the gradient at the limits is 0."""
    return apply(hardtanh_p, (x,), {"low": low, "high": high})


hardswish_p = elementwise(
    "hardswish",
    forward=lambda xp, x: x * xp.minimum(xp.maximum(x + 3, 0), 6) / 6,
    x=lambda xp, ct, x: xp.where(x <= -3, 0, xp.where(x >= 3, ct, ct * (x / 3 + 0.5))),
)


def hardswish(x: Tensor, /) -> Tensor:
    """Return x · min(max(x + 3, 0), 6) / 6."""
    return unary(hardswish_p, x)


threshold_p = elementwise(
    "threshold",
    forward=lambda xp, x, *, threshold, value: xp.where(
        x <= threshold, xp.asarray(value, dtype=x.dtype), x
    ),
    x=lambda xp, ct, x, *, threshold: ct * ~(x <= threshold),
)


def threshold(x: Tensor, /, threshold: float, value: float) -> Tensor:
    """Return x where x > threshold, else value."""
    return apply(threshold_p, (x,), {"threshold": threshold, "value": value})


def _mish_forward(xp: Any, x: Any) -> Any:
    return x * xp.tanh(_softplus_forward(xp, x, beta=1.0, threshold=20.0))


def _mish_slope(xp: Any, ct: Any, x: Any) -> Any:
    # y = x t, t = tanh(log(1 + exp x)): dy = (t + x (1 - t²) sigmoid(x)) dx
    soft = xp.where(x > 0, x, 0) + xp.log1p(xp.exp(-xp.abs(x)))
    t = xp.tanh(soft)
    return ct * (t + x * (1 - t * t) * _logistic(xp, x))


mish_p = elementwise("mish", forward=_mish_forward, x=_mish_slope)


def mish(x: Tensor, /) -> Tensor:
    """Return x · tanh(softplus(x))."""
    return unary(mish_p, x)


softsign_p = elementwise(
    "softsign",
    forward=lambda xp, x: x / (xp.abs(x) + 1),
    # dy = dx / (1 + |x|)²
    x=lambda xp, ct, x: ct / (xp.abs(x) + 1) / (xp.abs(x) + 1),
)


def softsign(x: Tensor, /) -> Tensor:
    """Return x / (1 + |x|)."""
    return unary(softsign_p, x)


#: Coefficients of (x - tanh x) / x³ in x², to rounding for |x| < ½
_TANH_SERIES = (
    1 / 3, -2 / 15, 17 / 315, -62 / 2835, 1382 / 155925, -21844 / 6081075, 929569 / 638512875,
    -6404582 / 10854718875, 443861162 / 1856156927625, -18888466084 / 194896477400625,
    113927491862 / 2900518163668125,
)  # fmt: skip


def _tanhshrink_forward(xp: Any, x: Any) -> Any:
    x = _real(xp, x)
    far = xp.asarray(x - xp.tanh(x))
    near = xp.asarray(xp.abs(x) < 0.5)
    if near.any():
        close = x[near]
        square = close * close
        total = square * _TANH_SERIES[-1]
        for c in _TANH_SERIES[-2:0:-1]:
            total = (total + c) * square
        far[near] = (total + _TANH_SERIES[0]) * square * close
    return far


def _tanhshrink_slope(xp: Any, ct: Any, x: Any) -> Any:
    # y = x - tanh x: dy = tanh² x dx
    t = xp.tanh(x)
    return ct * (t * t).conjugate()


tanhshrink_p = elementwise("tanhshrink", forward=_tanhshrink_forward, x=_tanhshrink_slope)


def tanhshrink(x: Tensor, /) -> Tensor:
    """Return x - tanh(x), accurate near 0."""
    return unary(tanhshrink_p, x)


def _logits_forward(xp: Any, x: Any, y: Any) -> Any:
    x, y = _real(xp, x), _real(xp, y)
    # log(1 + exp x) - x y, and max(x, 0) - x y without cancellation
    return xp.where(x > 0, x * (1 - y), -x * y) + xp.log1p(xp.exp(-xp.abs(x)))


def _logits_slope(xp: Any, ct: Any, x: Any, y: Any) -> Any:
    # sigmoid(x) - y, whose tails survive where y is 0 or 1
    return ct * ((1 - y) * _logistic(xp, x) - y * _logistic(xp, -x))


cross_entropy_with_logits_p = elementwise(
    "cross_entropy_with_logits",
    forward=_logits_forward,
    inputs=("x", "y"),
    x=_logits_slope,
    y=lambda ct, x: -ct * x,
)


def cross_entropy_with_logits(x: Tensor, y: Tensor, /) -> Tensor:
    """Return -(y log σ(x) + (1 - y) log(1 - σ(x))), σ the sigmoid."""
    return apply(cross_entropy_with_logits_p, (x, y), {})


def _binary_cross_entropy(xp: Any, x: Any, y: Any) -> Any:
    zero, one = x == 0, x == 1
    log_p = xp.where(zero, -100, xp.maximum(xp.log(xp.where(zero, 1, x)), -100))
    log_q = xp.where(one, -100, xp.log1p(-xp.where(one, 0, x)))
    return (y - 1) * log_q - y * log_p


# l = -(y log p + (1 - y) log(1 - p)): dl/dp = (p - y) / (p (1 - p)), limited as PyTorch's
binary_cross_entropy_p = elementwise(
    "binary_cross_entropy",
    forward=_binary_cross_entropy,
    inputs=("x", "y"),
    x=lambda xp, ct, x, y: ct * (x - y) / xp.maximum(x * (1 - x), 1e-12),
    y=lambda xp, ct, x: -ct * call(xp, logit_p, x),
)


def binary_cross_entropy(x: Tensor, y: Tensor, /) -> Tensor:
    """Return -(y log x + (1 - y) log(1 - x)), the logarithms limited to at least -100."""
    return apply(binary_cross_entropy_p, (x, y), {})
