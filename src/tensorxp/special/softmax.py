"""log-sum-exp and softmax over axes: one node each, with as few passes over memory as by hand.

Everything is shifted by the largest element first, so nothing overflows.
"""

from typing import Any

from tensorxp._backend import kernels, numpy_kernels
from tensorxp._backend.families import see
from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import floating
from tensorxp._core.door import apply, single
from tensorxp._core.operands import not_a_tensor
from tensorxp._core.primitive import elementwise, nondifferentiable, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.arithmetic import abs as absolute
from tensorxp._ops.arithmetic import sign
from tensorxp._ops.axes import normalize_axes, restore, shifted
from tensorxp._ops.beside import tensors
from tensorxp._ops.conversion import asarray
from tensorxp._ops.exponential import log
from tensorxp._ops.families import reduction
from tensorxp._ops.reduction import sum as total_over
from tensorxp._ops.shaping import squeeze

Axis = int | tuple[int, ...] | None


softmax_p = primitive(kernels.softmax)


# y = softmax x: dy = y (dx - Σ y dx), which is its own adjoint
@softmax_p.vjp
def _(xp: Any, ct: Any, out: Any, *, axis: tuple[int, ...]) -> Any:
    found = kernels.softmax_slope(ct, out, axis)
    if found is not None:
        return found
    share = out.conjugate()
    moved = ct * share
    return moved - share * xp.sum(moved, axis=axis, keepdims=True)


@softmax_p.jvp
def _(xp: Any, t: Any, out: Any, *, axis: tuple[int, ...]) -> Any:
    moved = t * out
    return moved - out * xp.sum(moved, axis=axis, keepdims=True)


softmax_p.batched = shifted


log_softmax_p = primitive(kernels.log_softmax)


# y = x - log Σ exp x: dy = dx - Σ exp(y) dx, and the adjoint is ct - exp(y) Σ ct
@log_softmax_p.vjp
def _(xp: Any, ct: Any, out: Any, *, axis: tuple[int, ...]) -> Any:
    found = kernels.log_softmax_slope(ct, out, axis)
    if found is not None:
        return found
    return ct - xp.exp(out).conjugate() * xp.sum(ct, axis=axis, keepdims=True)


@log_softmax_p.jvp
def _(xp: Any, t: Any, out: Any, *, axis: tuple[int, ...]) -> Any:
    return t - xp.sum(xp.exp(out) * t, axis=axis, keepdims=True)


log_softmax_p.batched = shifted


logsumexp_p = primitive(kernels.logsumexp)


# y = log Σ exp x: dy = Σ softmax(x) dx. The shares are exp(x - shift) / Σ; where they must have a
# history, softmax gives them. No cotangent comes to the shift and Σ, which nobody else sees.
@logsumexp_p.vjp
def _(xp: Any, ct: Any, x: Any, out: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    ct = restore(xp, ct[0], axis, keepdims)
    if isinstance(ct, Tensor):
        return ct * _shares(x, axis).conjugate()
    _, shift, total = out
    factor = ct / xp.where(total == 0, 1, total).conjugate()
    return kernels.shares(xp, x, shift, factor, axis)


@logsumexp_p.jvp
def _(xp: Any, t: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return xp.sum(_shares(x, axis) * t, axis=axis, keepdims=keepdims), None, None


logsumexp_p.batched = shifted


def _shares(x: Any, axis: tuple[int, ...]) -> Any:
    return apply(softmax_p, (x,), {"axis": axis, "even": True})


def _exp(xp: Any, x: Any, shift: Any) -> Any:
    with quiet():
        return xp.exp(x - shift)


def _weighted_exp(xp: Any, x: Any, b: Any, shift: Any) -> Any:
    e = _exp(xp, x, shift)
    with quiet():
        return xp.where(b == 0, 0, b * e)


# b exp(x - c), and 0 where b is 0: ∂/∂x is the value itself, ∂/∂b is exp(x - c)
weighted_exp_p = elementwise(
    "weighted_exp",
    inputs=("x", "b", "shift"),
    forward=_weighted_exp,
    x=lambda ct, out: ct * out.conjugate(),
    b=lambda xp, ct, x, shift: ct * _exp(xp, x, shift).conjugate(),
)


def _weighted_peak(xp: Any, x: Any, b: Any, *, axis: tuple[int, ...]) -> Any:
    x, b = xp.broadcast_arrays(floating(xp, x), b)
    real = x.real if x.dtype.kind == "c" else x
    shift = numpy_kernels.peak(xp, xp.where(b == 0, -xp.inf, real), axis)
    return xp.where(xp.isfinite(shift), shift, 0)


weighted_peak_p = nondifferentiable("weighted_peak", forward=_weighted_peak, inputs=("x", "b"))


def _like(b: Any, x: Any) -> Any:
    """Return weights as a Tensor; Python numbers are weak."""
    dtype = None
    if b.__class__ in (bool, int, float, complex):
        dtype = x._device.raw.result_type(floating(x._device.raw, x._data), b)
    return asarray(b, dtype=dtype, device=x._device)


def _axes(function: str, x: Any, axis: Axis) -> tuple[int, ...]:
    if not isinstance(x, Tensor):
        raise not_a_tensor(logsumexp_p, x, "x")
    return normalize_axes(f"special.{function}", axis, x._data.ndim)


@see("softmax, tensorxp.logaddexp")
def logsumexp(
    x: Tensor,
    /,
    axis: Axis = None,
    b: Tensor | float | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Any:
    """Return log(sum(b exp(x))) over `axis`, over all elements by default, without overflow.

    Where all elements are -inf the value is -inf and the gradient 0; elements that are inf share
    the gradient evenly.

    >>> xp.special.logsumexp(xp.asarray([[0.0, 0.0], [1.0, 1.0]]), axis=1)
    tensor([0.6931, 1.6931])

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int, tuple of ints or None
    b : Tensor, scalar or None
        Weights that broadcast with `x`; 0 takes its element out.
    keepdims : bool
        Whether reduced axes stay, of size 1.
    return_sign : bool
        Return the logarithm of the sum's absolute value, and its sign; otherwise a negative sum
        gives NaN.

    Returns
    -------
    Tensor, or two
        Shape of `x` without `axis`; dtype of `x`, of integers and bool the default real one.

    Raises
    ------
    TypeError, AxisError, ValueError, DeviceError
        `x` is no Tensor, `b` no number; no such axis; one given twice, shapes that don't broadcast;
        two devices.
    """
    if isinstance(b, Tensor):
        x, b = tensors("logsumexp", x=x, b=b)
    axes = _axes("logsumexp", x, axis)
    if b is None and not return_sign:
        return apply(logsumexp_p, (x,), {"axis": axes, "keepdims": keepdims})[0]
    weights = b if isinstance(b, Tensor) else _like(1 if b is None else b, x)
    axes = normalize_axes("special.logsumexp", axis, max(x._data.ndim, weights._data.ndim))
    shift = apply(weighted_peak_p, (x, weights), {"axis": axes})
    total = total_over(apply(weighted_exp_p, (x, weights, shift), {}), axis=axes, keepdims=True)
    with quiet():
        out: Any = log(absolute(total) if return_sign else total)
    out = out + shift
    if not keepdims:
        out = squeeze(out, axes)
    if not return_sign:
        return out
    signs = sign(total)
    return out, signs if keepdims else squeeze(signs, axes)


@reduction.see("log_softmax, logsumexp")
def softmax(x: Tensor, /, axis: Axis = None) -> Tensor:
    """Return exp(x) / sum(exp(x)) over `axis`, over all elements by default.

    NaN where all elements are -inf or one is inf: there is no distribution.

    >>> xp.special.softmax(xp.asarray([0.0, 0.0]))
    tensor([0.5, 0.5])

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.
    """
    axes = _axes("softmax", x, axis)
    return single(softmax_p, x, {"axis": axes, "even": False})


@reduction.see("softmax, logsumexp")
def log_softmax(x: Tensor, /, axis: Axis = None) -> Tensor:
    """Return the logarithm of `softmax`, accurate where that underflows.

    >>> xp.special.log_softmax(xp.asarray([0.0, 0.0]))
    tensor([-0.6931, -0.6931])

    Returns
    -------
    Tensor
        Shape and dtype of `x`; of integers and bool the default real dtype.
    """
    axes = _axes("log_softmax", x, axis)
    return single(log_softmax_p, x, {"axis": axes})
