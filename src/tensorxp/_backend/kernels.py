"""The kernels behind primitives: here alone is chosen between a compiled loop, BLAS and NumPy.

All take raw arrays of any backend. Those called `…_slope` are for derivative rules, and return
None where the rule's own formula is to do it: for Tensors, always. `numpy_kernels` holds what
takes NumPy several steps.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from math import prod as product
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from tensorxp._backend import blas, loops
from tensorxp._backend.blocks import WIDER, in_blocks, on_host
from tensorxp._backend.device import Device
from tensorxp._backend.dtypes import Defaults
from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import available, floating, library, on_gpu, real_floating

Axes = tuple[int, ...] | None


@cache
def _by_numpy() -> Any:
    return import_module("tensorxp._backend.numpy_kernels")  # most calls do without


# Reductions: of small arrays by a loop without NumPy's set-up, of large ones in double precision.


def sum(xp: Any, x: Any, *, axis: Axes, dtype: Any, keepdims: bool) -> Any:
    """Return the sum over `axis`."""
    if dtype is None:
        found = loops.small(loops.SUM, x, axis, keepdims)
        if found is not None:
            return found
    target = x.dtype if dtype is None else dtype
    if target.char not in WIDER:
        return xp.base.add.reduce(x, axis, dtype, None, keepdims)
    if x.size >= loops.LARGE and x.dtype == target:
        found = loops.total(x, axis, keepdims)
        if found is not None:
            return found.astype(target)
    return xp.base.add.reduce(x, axis, WIDER[target.char], None, keepdims).astype(target)


def prod(xp: Any, x: Any, *, axis: Axes, dtype: Any, keepdims: bool) -> Any:
    """Return the product over `axis`."""
    if dtype is None:
        found = loops.small(loops.PROD, x, axis, keepdims)
        if found is not None:
            return found
    target = x.dtype if dtype is None else dtype
    if target.char not in WIDER:
        return x.prod(axis, dtype, None, keepdims)
    return x.prod(axis, WIDER[target.char], None, keepdims).astype(target)


def count(shape: tuple[int, ...], axis: Axes) -> int:
    """Return how many elements each result was made of."""
    return product(shape) if axis is None else product([shape[i] for i in axis])


def mean(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Return the mean over `axis`."""
    found = loops.small(loops.MEAN, x, axis, keepdims)
    if found is not None:
        return found
    if x.dtype.kind not in "fc":
        return x.mean(axis, Defaults.real.dtype, None, keepdims)
    found = loops.total(x, axis, keepdims) if x.size >= loops.LARGE else None
    wide = WIDER.get(x.dtype.char)
    if found is None:
        if wide is None or not x.size:
            return x.mean(axis, None, None, keepdims)
        found = xp.base.add.reduce(x, axis, wide, None, keepdims)
    return _divided(xp, found, count(x.shape, axis), x.dtype)


def _divided(xp: Any, total: Any, count: int, dtype: Any) -> Any:
    """Return a mean from its sum: infinite where single precision does not hold the sum."""
    if dtype.kind == "c":
        parts = [
            _divided(xp, part, count, xp.finfo(dtype).dtype) for part in (total.real, total.imag)
        ]
        return xp.join(*parts, dtype)
    found = xp.asarray(total / count).astype(dtype)
    if dtype.char != "f":
        return found
    rounded = xp.asarray(total).astype(dtype)
    return xp.where(xp.isinf(rounded), rounded, found)


def max(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Return the largest element over `axis`."""
    found = loops.small(loops.MAX, x, axis, keepdims)
    return x.max(axis, None, keepdims) if found is None else found


def min(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Return the smallest element over `axis`."""
    found = loops.small(loops.MIN, x, axis, keepdims)
    return x.min(axis, None, keepdims) if found is None else found


def any(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Return whether an element over `axis` is true."""
    found = loops.small(loops.ANY, x, axis, keepdims)
    return x.any(axis=axis, keepdims=keepdims) if found is None else found


def all(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Return whether all elements over `axis` are true."""
    found = loops.small(loops.ALL, x, axis, keepdims)
    return x.all(axis=axis, keepdims=keepdims) if found is None else found


def freedom(shape: tuple[int, ...], axis: Axes, correction: float) -> float:
    """Return the divisor of a variance: the number of elements less `correction`, at least 0."""
    left = count(shape, axis) - correction
    return left if left > 0 else 0


def var(xp: Any, x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Any:
    """Return the variance over `axis`."""
    found = loops.small(loops.VAR, x, axis, keepdims, correction)
    if found is not None:
        return found
    return _rounded(xp, _squares(x, axis, correction, keepdims), x.dtype)


def std(xp: Any, x: Any, *, axis: Axes, correction: float, keepdims: bool) -> Any:
    """Return the standard deviation over `axis`."""
    found = loops.small(loops.STD, x, axis, keepdims, correction)
    if found is not None:
        return found
    return _rounded(xp, xp.sqrt(_squares(x, axis, correction, keepdims)), x.dtype)


def _squares(x: Any, axis: Axes, correction: float, keepdims: bool) -> Any:
    """Return the variance in double precision."""
    divisor = freedom(x.shape, axis, correction)
    found = loops.moments(x, axis, keepdims) if divisor and x.size >= loops.LARGE else None
    if found is not None:
        return found[1] / divisor
    if x.dtype.char == "F":  # of which NumPy takes no other dtype for the result
        x = x.astype(WIDER["F"])
    return x.var(axis, WIDER.get(x.dtype.char), None, correction, keepdims)


def _rounded(xp: Any, found: Any, dtype: Any) -> Any:
    """Return what was computed in double precision in the real dtype that belongs to `dtype`."""
    return xp.asarray(found).astype(xp.finfo(dtype).dtype) if dtype.char in WIDER else found


def deviation_slope(x: Any, share: Any, axis: Axes) -> Any:
    """Return (x - mean) · share, one `share` for each mean."""
    if x.__class__ is np.ndarray and x.size >= loops.LARGE:
        total = loops.total(x, axis, True)
        if total is not None and share.size == total.size:
            return loops.rescaled(x, axis, total / count(x.shape, axis), share, 0)
    return None


def vector_norm(xp: Any, x: Any, *, axes: tuple[int, ...], keepdims: bool, ord: float) -> Any:
    """Return the norms over axes."""
    wide, infinite = WIDER.get(x.dtype.char), abs(ord) == float("inf")
    if ord == 2 and x.dtype.kind == "f":
        found = loops.small(loops.NORM, x, axes, keepdims)
        if found is not None:
            return found
        squares = xp.base.multiply(x, x, dtype=wide)
        found = xp.sqrt(xp.base.add.reduce(squares, axes, None, None, keepdims))
    elif wide is None or infinite:
        return xp.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=ord)
    else:
        found = xp.linalg.vector_norm(x.astype(wide), axis=axes, keepdims=keepdims, ord=ord)
    return found if wide is None else xp.asarray(found).astype(xp.finfo(x.dtype).dtype)


def dot_slope(ct: Any, x: Any, shape: tuple[int, ...]) -> Any:
    """Return the sum of ct x over the axes that are 1 in `shape`."""
    return loops.dot(ct, x, shape) if ct.size >= loops.LARGE else None


# Elementwise functions


def relu(xp: Any, x: Any) -> Any:
    """Return max(x, 0)."""
    found = loops.mapped("relu", x) if x.size >= loops.LARGE else None
    return _by_numpy().relu(xp, x) if found is None else found


def relu_slope(ct: Any, out: Any) -> Any:
    """Return ct where `out` is positive, and 0 elsewhere."""
    return loops.mapped_with("relu_slope", out, ct) if ct.size >= loops.LARGE else None


def expit(xp: Any, x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) of real numbers; nothing overflows, and no tail is lost."""
    x = real_floating(xp, x)
    found = loops.mapped("sigmoid", x)
    return _by_numpy().expit(xp, x) if found is None else found


_erf, _erfc = library("erf"), library("erfc")
_ndtr, _erfcx = library("ndtr"), library("erfcx")


def erf(xp: Any, x: Any) -> Any:
    """Return the error function, without a library by rational approximations."""
    found = loops.mapped("erf", x)
    if found is not None:
        return found
    if x.dtype.char == "f" and x.size >= 4096 and not on_gpu(xp):
        return _cody().erf32(xp, x)  # a fifth of the library's time
    return _erf(xp, x) if available(xp) else _cody().erf(xp, x)


def erfc(xp: Any, x: Any) -> Any:
    """Return 1 - erf(x), likewise."""
    return _erfc(xp, x) if available(xp) else _cody().erfc(xp, x)


def ndtr(xp: Any, x: Any) -> Any:
    """Return Φ(x), the distribution function of the normal distribution; it needs a library."""
    x = floating(xp, x)
    out = _ndtr(xp, x)
    if out.dtype.char != "d":  # the library computes single precision in double
        return out
    # Φ(-t) = ½ exp(-t²/2) erfcx(t/√2): the library rounds t/√2 before it is squared
    with quiet():
        t = xp.maximum(-x, 1.0)
        tail = 0.5 * _by_numpy().bell(xp, t, factor=0.5) * _erfcx(xp, t / sqrt(2))
    return xp.where(x < -1, tail, out)


@cache
def _cody() -> Any:
    return import_module("tensorxp._backend.cody")


def gelu(xp: Any, x: Any) -> Any:
    """Return x Φ(x), Φ the distribution function of the normal distribution."""
    x = x if x.dtype.kind in "fc" else x.astype(Defaults.real.dtype)
    found = loops.mapped("gelu", x)
    if found is not None:
        return found
    if x.dtype == xp.float32 and on_host(xp):
        return in_blocks(xp, _by_numpy().gelu_block, (x,), 2)
    return x * (ndtr(xp, x) if available(xp) else 0.5 * erfc(xp, x * -sqrt(0.5)))


def gelu_slope(xp: Any, ct: Any, x: Any) -> Any:
    """Return ct (Φ(x) + x φ(x)) of raw arrays of one shape."""
    found = loops.mapped_with("gelu_slope", x, ct)
    if found is None and x.dtype == ct.dtype == xp.float32 and on_host(xp):
        found = in_blocks(xp, _by_numpy().gelu_slope_block, (x, ct), 2)
    return found


def gelu_tanh(xp: Any, x: Any) -> Any:
    """Return x Φ(x) with Φ approximated by tanh, of real numbers."""
    x = real_floating(xp, x)
    found = loops.mapped("gelu_tanh", x)
    return in_blocks(xp, _by_numpy().gelu_tanh_block, (x,), 1) if found is None else found


def gelu_tanh_slope(xp: Any, ct: Any, x: Any) -> Any:
    """Return ct times the derivative of `gelu_tanh`, of raw arrays of one shape; never None."""
    found = loops.mapped_with("gelu_tanh_slope", x, ct)
    if found is None:
        found = in_blocks(xp, _by_numpy().gelu_tanh_slope_block, (x, ct), 2)
    return found


# Rows: softmax, cross-entropy, layer normalization, recurrences


def softmax(xp: Any, x: Any, *, axis: tuple[int, ...], even: bool) -> Any:
    """Divide the exponentials by their sum; `even` gives shares where softmax has none.

    That is 0 where all elements are -inf, and equal shares of those that are inf.
    """
    x = floating(xp, x)
    found = None if even else loops.by_rows("softmax", x, axis)
    return _by_numpy().softmax(xp, x, axis, even) if found is None else found


def softmax_slope(ct: Any, out: Any, axis: tuple[int, ...]) -> Any:
    """Return out (ct - Σ out ct)."""
    return loops.by_rows("softmax_back", out, axis, ct)


def log_softmax(xp: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    """Take the logarithm of the sum of exponentials off the shifted elements."""
    x = floating(xp, x)
    found = loops.by_rows("log_softmax", x, axis)
    return _by_numpy().log_softmax(xp, x, axis) if found is None else found


def log_softmax_slope(ct: Any, out: Any, axis: tuple[int, ...]) -> Any:
    """Return ct - exp(out) Σ ct."""
    return loops.by_rows("log_softmax_back", out, axis, ct)


def logsumexp(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Return the logarithm, and for the first derivative the shift and Σ exp(x - shift)."""
    x = floating(xp, x)
    found = loops.logsumexp(x, axis)
    out, shift, total = _by_numpy().logsumexp(xp, x, axis) if found is None else found
    return (out if keepdims else xp.squeeze(out, axis=axis)), shift, total


def shares(xp: Any, x: Any, shift: Any, factor: Any, axis: tuple[int, ...]) -> Any:
    """Return factor · exp(x - shift), with 1 for exp where x and its shift are equal."""
    x = floating(xp, x)
    found = loops.shares(x, shift, factor, axis)
    return _by_numpy().shares(xp, x, shift, factor) if found is None else found


def cross_entropy(xp: Any, x: Any, target: Any, scale: Any) -> Any:
    """Return scale · -log softmax(x)[target] of each row, the peaks, and Σ exp(x - peak)."""
    found = loops.cross_entropy(x, target, scale)
    return _by_numpy().cross_entropy(xp, x, target, scale) if found is None else found


def cross_entropy_back(xp: Any, x: Any, peaks: Any, sums: Any, target: Any, share: Any) -> Any:
    """Return share · (softmax(x) - onehot(target)), of raw arrays always."""
    found = loops.cross_entropy_back(x, peaks, sums, target, share)
    if found is not None:
        return found
    back = x - peaks[:, None]
    xp.exp(back, out=back)
    back *= (share / sums)[:, None]
    back[xp.arange(len(x)), target] -= share
    return back


def layer_norm(xp: Any, x: Any, weight: Any, bias: Any, *, ndim: int, eps: float) -> Any:
    """Return (x - mean) / √(var + eps) · weight + bias over the last axes; mean, 1 / √(…)."""
    lead = x.ndim - ndim
    rows = xp.reshape(x, (product(x.shape[:lead]), product(x.shape[lead:])))
    gain = None if weight is None else weight.reshape(-1)
    shift = None if bias is None else bias.reshape(-1)
    found = loops.layer_norm(rows, gain, shift, eps)
    if found is None:
        found = _by_numpy().layer_norm(xp, rows, gain, shift, eps)
    return found[0].reshape(x.shape), found[1], found[2]


def layer_norm_back(
    xp: Any, rows: Any, cts: Any, gain: Any, means: Any, scales: Any, needs: Any
) -> Any:
    """Return the cotangents of the rows, the gain and the shift, of raw arrays always."""
    found = loops.layer_norm_back(rows, cts, means, scales, gain)
    if found is None:
        found = _by_numpy().layer_norm_back(xp, rows, cts, gain, means, scales, needs)
    return found


def lstm(
    xp: Any, gates: Any, h: Any, c: Any, weight: Any, *, sizes: tuple[int, ...], reverse: bool
) -> Any:
    """Return the outputs (total, H), the last h and c, the activated gates, and the cells."""
    found = loops.lstm(gates, h, c, weight, sizes, reverse) if xp.base is np else None
    if found is None:
        found = _by_numpy().lstm(xp, gates, h, c, weight, sizes, reverse)
    return found


def lstm_back(
    xp: Any, ct: Any, c: Any, weight: Any, found: tuple[Any, ...], sizes: tuple[int, ...],
    reverse: bool,
) -> Any:  # fmt: skip
    """Return the cotangents of gates, h and c from those of the outputs; `found` is the rest."""
    back = loops.lstm_back(ct, c, weight, found, sizes, reverse) if xp.base is np else None
    if back is None:
        back = _by_numpy().lstm_back(xp, ct, c, weight, found, sizes, reverse)
    return back


# Linear systems


def solve_triangular(xp: Any, x1: Any, x2: Any, *, upper: bool, unit: bool) -> Any:
    """Return y with x1 y = x2, reading one triangle of x1; x2 holds matrices."""
    found = blas.solve_triangular(x1, x2, upper=upper, unit=unit)
    if found is not None:
        return found
    solver = _triangular_solver(xp.base.__name__)
    if solver is not None and x1.ndim == 2 and x2.ndim == 2 and x1.size and x2.size:
        x1, x2 = [x.astype(xp.float32) if x.dtype == xp.float16 else x for x in (x1, x2)]
        return solver(x1, x2, lower=not upper, unit_diagonal=unit, check_finite=False)
    one = triangle(xp, x1, upper, unit)
    if unit:
        one = one + xp.eye(x1.shape[-1], dtype=x1.dtype)
    return xp.linalg.solve(one, x2)


def triangle(xp: Any, a: Any, upper: bool, unit: bool) -> Any:
    """Return a triangle of matrices, without the diagonal where that is 1."""
    return xp.triu(a, k=int(unit)) if upper else xp.tril(a, k=-int(unit))


@cache
def _triangular_solver(backend: str) -> Any:
    """Return SciPy's (CuPy's) solver of triangular systems, or None without SciPy."""
    if find_spec("scipy") is None:
        return None
    name = "scipy.linalg" if backend == "numpy" else "cupyx.scipy.linalg"
    return import_module(name).solve_triangular


# Steps of optimizers, in place; True where one kernel does the whole


class SGDNumbers(NamedTuple):
    """The constants of a step of SGD."""

    lr: float
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool
    maximize: bool
    first: bool  # whether the buffer of the momentum has no values yet


class AdamNumbers(NamedTuple):
    """The constants of a step of Adam: `size` and `root` are corrected for the bias."""

    size: float
    root: float
    beta1: float
    beta2: float
    weight_decay: float
    keep: float
    eps: float
    maximize: bool


@cache
def _cuda_updates() -> Any:
    return import_module("tensorxp._backend.cuda_updates")


def sgd_step(device: Device, arrays: list[Any], numbers: SGDNumbers) -> bool:
    """Do a step of SGD on a parameter, its gradient and perhaps the buffer of its momentum."""
    if device.type == "cuda":
        return _cuda_updates().step("sgd", arrays, numbers)  # type: ignore[no-any-return]
    lr, momentum, dampening, weight_decay, nesterov, maximize, first = numbers
    p, g, *states = arrays
    buffer = states[0] if states else None
    given = (lr, momentum, 1 - dampening, weight_decay, -1 if maximize else 1, nesterov, first)
    return loops.stepped("sgd", (p, buffer, g), given)


def adam_step(device: Device, arrays: list[Any], numbers: AdamNumbers) -> bool:
    """Do a step of Adam on a parameter, its gradient, its averages and perhaps their maximum."""
    if device.type == "cuda":
        return _cuda_updates().step("adam", arrays, numbers)  # type: ignore[no-any-return]
    *given, maximize = numbers
    p, g, average, square, *top = arrays
    states = (average, square, top[0] if top else None)
    return loops.stepped("adam", (p, *states, g), (*given, -1 if maximize else 1))


# What others may ask of the loops

loops_are_there = loops.available
set_threads = loops.set_threads
