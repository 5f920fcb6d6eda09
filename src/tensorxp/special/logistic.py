"""The logistic function and its relatives, sinc, and losses that bend: all without SciPy."""

from math import pi
from typing import Any

from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import real_floating
from tensorxp._core.door import binary, single, unary
from tensorxp._core.primitive import Primitive, elementwise
from tensorxp._core.tensor import Tensor
from tensorxp._ops.logistic import expit_p, logit_p
from tensorxp.special.families import special_real, special_several
from tensorxp.special.levels import call


def _softplus(xp: Any, x: Any) -> Any:
    x = real_floating(xp, x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.abs(x)))


# y = log σ(x): dy = σ(-x) dx, and y = -log σ(-x): dy = σ(x) dx; from x, so that y may be written
log_expit_p = elementwise(
    "log_expit",
    forward=lambda xp, x: -_softplus(xp, -real_floating(xp, x)),
    x=lambda xp, ct, x: ct * call(xp, expit_p, -x),
)
softplus_p = elementwise(
    "softplus", forward=_softplus, x=lambda xp, ct, x: ct * call(xp, expit_p, x)
)


@special_real.see("logit, log_expit")
def expit(x: Tensor, /) -> Tensor:
    """Return the logistic function 1 / (1 + exp(-x)), accurate in both tails.

    >>> xp.special.expit(xp.asarray([0.0, 2.0]))
    tensor([0.5   , 0.8808])
    """
    return unary(expit_p, x)


@special_real.see("expit")
def logit(x: Tensor, /) -> Tensor:
    """Return log(x / (1 - x)); ±inf with an infinite gradient at 0 and 1, NaN outside.

    >>> xp.special.logit(xp.asarray([0.5, 0.75]))
    tensor([0.    , 1.0986])
    """
    return unary(logit_p, x)


@special_real.see("expit")
def log_expit(x: Tensor, /) -> Tensor:
    """Return log(expit(x)); value and gradient are accurate in both tails.

    >>> xp.special.log_expit(xp.asarray([0.0, -50.0]))
    tensor([ -0.6931, -50.    ])
    """
    return unary(log_expit_p, x)


@special_real.see("expit")
def softplus(x: Tensor, /) -> Tensor:
    """Return log(1 + exp(x)) without overflow; its derivative is `expit`.

    >>> xp.special.softplus(xp.asarray([0.0, 50.0]))
    tensor([ 0.6931, 50.    ])
    """
    return unary(softplus_p, x)


def _sine_of_pi(xp: Any, x: Any) -> Any:
    """Return sin(πx); the turns are taken off before the product with π rounds."""
    r = x - 2 * xp.round(x / 2)
    r = xp.where(xp.abs(r) > 0.5, xp.copysign(1 - xp.abs(r), r), r)
    return xp.sin(r * pi)


def _cosine_of_pi(xp: Any, x: Any) -> Any:
    """Return cos(πx)."""
    return _sine_of_pi(xp, 0.5 - xp.abs(x - 2 * xp.round(x / 2)))


def _sinc(xp: Any, x: Any, *, order: int) -> Any:
    # with a = πx: sinc = I_0(a), I_n = ∫_0^1 t^n cos(at + nπ/2) dt, dI_n/da = I_{n+1};
    # by parts a I_n = sin(a + nπ/2) - n I_{n-1}, and near 0 the power series of the integral
    x = real_floating(xp, x)
    with quiet():
        a = xp.asarray(x * pi)
        sines = [_sine_of_pi(xp, x), *([_cosine_of_pi(xp, x)] if order else [])]
        out = xp.asarray(xp.where(xp.isinf(a) & ~xp.isinf(x), 0 * sines[0], sines[0] / a))
        for n in range(1, order + 1):
            out = xp.asarray(((-1) ** (n // 2) * sines[n % 2] - n * out) / a)
    near = a == 0 if order == 0 else xp.abs(a) <= order + 1
    if near.any():
        out[near] = _sinc_series(xp, a[near], order)
    return out * pi**order


def _sinc_series(xp: Any, a: Any, order: int) -> Any:
    total, power = xp.zeros_like(a), xp.ones_like(a)
    for k in range(1 if order == 0 else 24 + 4 * order):
        sign = (1, 0, -1, 0)[(order + k) % 4]
        if sign:
            total = total + power * (sign / (order + k + 1))
        power = power * (a / (k + 1))
    return total


sinc_p: Primitive = elementwise(
    "sinc", forward=_sinc, x=lambda xp, ct, x, *, order: ct * call(xp, sinc_p, x, order=order + 1)
)


@special_real.see("tensorxp.sin")
def sinc(x: Tensor, /) -> Tensor:
    """Return sin(πx) / (πx), and 1 at 0; derivatives of every order are right at 0 as well.

    >>> xp.special.sinc(xp.asarray([0.0, 0.5]))
    tensor([1.    , 0.6366])
    """
    return single(sinc_p, x, {"order": 0})


# y = cos x - 1 = -2 sin²(x/2)
cosm1_p = elementwise(
    "cosm1",
    forward=lambda xp, x: -2 * xp.square(xp.sin(real_floating(xp, x) / 2)),
    x=lambda xp, ct, x: -ct * xp.sin(x),
)


@special_real.see("tensorxp.cos, tensorxp.expm1")
def cosm1(x: Tensor, /) -> Tensor:
    """Return cos(x) - 1, accurate near 0.

    >>> xp.special.cosm1(xp.asarray([0.5, 1.0]))
    tensor([-0.1224, -0.4597])
    """
    return unary(cosm1_p, x)


def _huber(xp: Any, delta: Any, r: Any) -> Any:
    size = xp.abs(real_floating(xp, r))
    value = xp.where(size <= delta, size * (size / 2), delta * (size - delta / 2))
    return xp.where(delta < 0, xp.inf, value)


huber_p = elementwise(
    "huber",
    inputs=("delta", "r"),
    forward=_huber,
    delta=lambda xp, ct, delta, r: ct * xp.maximum(xp.abs(r) - delta, 0),
    r=lambda xp, ct, delta, r: ct * xp.sign(r) * xp.minimum(xp.abs(r), delta),
)


def _bend(xp: Any, delta: Any, r: Any) -> Any:
    # h = √(δ² + r²), and 1 where δ = 0, where nothing is left to bend
    flat = delta == 0
    return xp.hypot(xp.where(flat, 1.0, delta), xp.where(flat, 0.0, r))


def _shared(xp: Any, delta: Any, r: Any, whole: Any) -> Any:
    # δ r / whole, in the order in which nothing underflows early
    return xp.where(xp.abs(r) > delta, delta * (r / whole), r * (delta / whole))


def _pseudo_huber(xp: Any, delta: Any, r: Any) -> Any:
    # δ² (√(1 + (r/δ)²) - 1) = δ r / (h + δ) r
    r = real_floating(xp, r)
    with quiet():
        value = _shared(xp, delta, r, _bend(xp, delta, r) + delta) * r
    return xp.where(delta < 0, xp.inf, value)


def _pseudo_huber_delta(xp: Any, ct: Any, delta: Any, r: Any) -> Any:
    # y = δ (h - δ): ∂y/∂δ = h - 2δ + δ²/h = (h - δ)² / h
    h = _bend(xp, delta, r)
    root = r * (r / (h + delta))
    return ct * xp.where(delta == 0, 0.0, root * (root / h))


def _pseudo_huber_r(xp: Any, ct: Any, delta: Any, r: Any) -> Any:
    # ∂y/∂r = δ r / h, and 0 where δ = 0
    return ct * _shared(xp, delta, r, _bend(xp, delta, r))


pseudo_huber_p = elementwise(
    "pseudo_huber",
    inputs=("delta", "r"),
    forward=_pseudo_huber,
    delta=_pseudo_huber_delta,
    r=_pseudo_huber_r,
)


@special_several.see("pseudo_huber")
def huber(delta: Tensor | float, r: Tensor | float, /) -> Tensor:
    """Return r²/2 where |r| ≤ delta, delta (|r| - delta/2) beyond; inf for negative `delta`.

    >>> xp.special.huber(1.0, xp.asarray([0.5, 3.0]))
    tensor([0.125, 2.5  ])
    """
    return binary(huber_p, delta, r)


@special_several.see("huber")
def pseudo_huber(delta: Tensor | float, r: Tensor | float, /) -> Tensor:
    """Return delta² (√(1 + (r/delta)²) - 1), a smooth `huber`; inf for negative `delta`.

    >>> xp.special.pseudo_huber(1.0, xp.asarray([0.0, 3.0]))
    tensor([0.    , 2.1623])
    """
    return binary(pseudo_huber_p, delta, r)
