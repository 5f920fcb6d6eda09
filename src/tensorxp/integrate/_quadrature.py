"""Integrals of functions at Gauss-Legendre points and of samples; gradients by composition."""

from collections.abc import Callable
from typing import Any

import numpy as np

import tensorxp as tx
from tensorxp import trapezoid
from tensorxp._backend.families import see
from tensorxp._ops.axes import normalize_axis

__all__ = ["cumulative_trapezoid", "fixed_quad", "simpson", "trapezoid"]


@see("simpson")
def fixed_quad(func: Callable[..., Any], a: Any, b: Any, args: Any = (), n: int = 5) -> tx.Tensor:
    """Return the integral of `func(x, *args)` from `a` to `b` by `n` Gauss-Legendre points.

    Exact for polynomials of degree 2n - 1. The gradient passes to `a`, `b`, `args` and what `func`
    closes over; that to an end is the derivative of the rule, func at the end in the limit. Unlike
    SciPy's, the result is the value alone.

    >>> xp.integrate.fixed_quad(lambda x: x**2, 0.0, 3.0)
    tensor(9.)

    Parameters
    ----------
    func : callable
        Gets a 1-D Tensor of points and returns values along the last axis.
    a, b : number or 0-d Tensor
    args : tuple
        Further arguments of `func`.
    n : int
        At least 1.

    Returns
    -------
    Tensor
        Shape of the values without the last axis, their dtype.

    Raises
    ------
    TypeError, ValueError
        `func` is not callable; another `n`.
    """
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"integrate.fixed_quad: n is {n!r}; it must be a positive integer")
    like = next((v for v in (a, b, *args) if isinstance(v, tx.Tensor)), None)
    dtype = tx.get_default_dtype()
    device = tx.default_device() if like is None else like.device
    if like is not None and tx.isdtype(like.dtype, "real floating"):
        dtype = like.dtype
    places, weights = (
        tx.asarray(v, dtype=dtype, device=device) for v in np.polynomial.legendre.leggauss(n)
    )
    low, high = (
        v if isinstance(v, tx.Tensor) else tx.asarray(float(v), dtype=dtype, device=device)
        for v in (a, b)
    )
    for end, word in ((low, "a"), (high, "b")):
        if end.ndim or not bool(tx.isfinite(end)):
            raise ValueError(f"integrate.fixed_quad: {word} is {end!r}; it must be a finite number")
    half = (high - low) / 2
    values = func(half * (places + 1) + low, *args)
    return half * tx.sum(weights * values, axis=-1)


@see("tensorxp.trapezoid, simpson")
def cumulative_trapezoid(
    y: Any, x: Any = None, dx: float = 1.0, axis: int = -1, initial: float | None = None
) -> tx.Tensor:
    """Return the integrals of samples up to each, by the trapezoidal rule.

    >>> xp.integrate.cumulative_trapezoid(xp.asarray([0.0, 1.0, 4.0]))
    tensor([0.5, 3. ])

    Parameters
    ----------
    y : Tensor or array, any dtype
    x : Tensor, array or None
        The places: 1-D, or of the shape of `y`; None: evenly `dx` apart.
    dx : float
    axis : int
    initial : float or None
        Put before the integrals; None leaves them one fewer than `y`.

    Returns
    -------
    Tensor
        Shape of `y`, or one fewer along `axis`; dtype of `y`, of integers float64.

    Raises
    ------
    TypeError, ValueError
        `y` is no array; 0-d or without samples, `x` with another number of places; no such axis.
    """
    samples, step = _samples("cumulative_trapezoid", y, x, dx, axis)
    pieces = (samples[..., 1:] + samples[..., :-1]) * step / 2
    if initial is not None and initial != 0:
        raise ValueError(
            f"integrate.cumulative_trapezoid: initial is {initial}; allowed are None and 0"
        )
    out = tx.cumulative_sum(pieces, axis=-1, include_initial=initial is not None)
    return tx.moveaxis(out, -1, axis)


@see("cumulative_trapezoid, tensorxp.trapezoid")
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> tx.Tensor:
    """Return the integral of samples by Simpson's rule, exact for parabolas.

    Places need not be even. For an even number of samples the last interval is integrated by the
    parabola through the last three points (Cartwright 2017, J. Math. Sci. Math. Educ. 12).

    >>> xp.integrate.simpson(xp.asarray([0.0, 1.0, 4.0]))
    tensor(2.6667)

    Parameters
    ----------
    y : Tensor or array, any dtype
    x : Tensor, array or None
        The places: 1-D, or of the shape of `y`; None: evenly `dx` apart.
    dx : float or Tensor
    axis : int

    Returns
    -------
    Tensor
        Shape of `y` without `axis`; dtype of `y`, of integers float64.

    Raises
    ------
    TypeError, ValueError
        `y` is no array; 0-d or without samples, `x` with another number of places; no such axis.
    """
    samples, step = _samples("simpson", y, x, dx, axis)
    n = samples.shape[-1]
    if n == 1:
        return samples[..., 0] * 0
    if n == 2:
        return (samples[..., 0] + samples[..., 1]) * step[..., 0] / 2
    odd = n - (n % 2 == 0)
    h0, h1 = step[..., 0 : odd - 1 : 2], step[..., 1 : odd - 1 : 2]
    y0, y1, y2 = (samples[..., i : odd - 2 + i : 2] for i in range(3))
    total = h0 + h1
    # ∫ of the parabola: (h0+h1)/6 [(2 - h1/h0) y0 + (h0+h1)²/(h0 h1) y1 + (2 - h0/h1) y2]
    pieces = total / 6 * (
        y0 * (2 - h1 / h0) + y1 * total * (total / (h0 * h1)) + y2 * (2 - h0 / h1)
    )  # fmt: skip
    out = tx.sum(pieces, axis=-1)
    if n % 2:
        return out
    a, b = step[..., -1], step[..., -2]
    ends = (samples[..., -1], samples[..., -2], samples[..., -3])
    last = (2 * a**2 + 3 * a * b) / (6 * (a + b)) * ends[0]
    middle = (a**2 + 3 * a * b) / (6 * b) * ends[1]
    return out + last + middle - a**3 / (6 * b * (a + b)) * ends[2]


def _samples(name: str, y: Any, x: Any, dx: Any, axis: int) -> tuple[tx.Tensor, tx.Tensor]:
    """Return the samples with `axis` last, and the steps between them."""
    if not isinstance(y, tx.Tensor):
        y = tx.asarray(y)
    if not y.ndim or not y.shape[normalize_axis(f"integrate.{name}", axis, y.ndim)]:
        raise ValueError(f"integrate.{name}: y has shape {y.shape}; it needs at least one sample")
    samples = tx.moveaxis(y, axis, -1)
    if x is None:
        step = tx.ones((samples.shape[-1] - 1,), dtype=samples.dtype, device=samples.device) * dx
        return samples, step
    x = x if isinstance(x, tx.Tensor) else tx.asarray(x, device=y.device)
    places = x if x.ndim == 1 else tx.moveaxis(x, axis, -1)
    if places.shape[-1] != samples.shape[-1]:
        raise ValueError(
            f"integrate.{name}: x has {places.shape[-1]} places for {samples.shape[-1]} samples"
        )
    return samples, tx.diff(places, axis=-1)
