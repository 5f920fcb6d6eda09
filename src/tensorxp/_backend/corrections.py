"""Elementwise functions whose raw versions deviate from the standard's special cases.

Each takes the raw namespace first and corrects values only; arrays or Python scalars go in.
The formulas stand above the code; the wording of the cases is the Array API standard's.
"""

from typing import Any

from tensorxp._backend.arrays import call1, call2


def floor_divide(xp: Any, x1: Any, x2: Any) -> Any:
    """Return floor(x1 / x2); infinite operands go by the division, not by the remainder."""
    out = xp.base.floor_divide(x1, x2)
    if out.dtype.kind == "f":
        infinite = xp.isinf(x1) | xp.isinf(x2)
        if infinite.any():
            out = xp.where(infinite, xp.floor(xp.divide(x1, x2)).astype(out.dtype), out)
    return out


def expm1(xp: Any, x: Any) -> Any:
    """Return exp(x) - 1, for complex x = a + bj by real functions that keep small values."""
    if xp.result_type(x).kind != "c":
        return xp.base.expm1(x)
    a, b = x.real, x.imag
    e = xp.exp(a)
    # re = expm1(a) cos b - 2 sin²(b/2), im = exp(a) sin b
    s = xp.sin(b / 2)
    re = xp.base.expm1(a) * xp.cos(b) - 2 * s * s
    im = e * xp.sin(b)
    flat = b == 0
    re = xp.where(flat, xp.base.expm1(a) + 0.0, re)
    im = xp.where(flat, b, im)
    wild = ~xp.isfinite(b)
    sunk, blown = wild & (a == -xp.inf), wild & (a == xp.inf)
    re = xp.where(sunk, -1.0, xp.where(blown, xp.inf, re))
    im = xp.where(sunk, 0.0, xp.where(blown, xp.nan, im))
    return join(xp, re, im, x.dtype)


def tanh(xp: Any, x: Any) -> Any:
    """Return tanh(x); for complex x with an infinite real part the limit is ±1 ± 0j."""
    out = call1(xp.base.tanh, x)
    if out.dtype.kind == "c":
        a, b = x.real, x.imag
        far = xp.isinf(a)
        if far.any():
            zero = xp.where(xp.isnan(b), 0.0, xp.copysign(xp.zeros_like(b), b))
            re = xp.where(far, xp.copysign(xp.ones_like(a), a), out.real)
            out = join(xp, re, xp.where(far, zero, out.imag), x.dtype)
    return out


def acosh(xp: Any, x: Any) -> Any:
    """Return acosh(x); acosh(±0 + NaN j) is NaN ± π/2 j (the sign is unspecified)."""
    out = call1(xp.base.arccosh, x)
    if out.dtype.kind == "c":
        lost = (x.real == 0) & xp.isnan(x.imag)
        if lost.any():
            re = xp.where(lost, xp.nan, out.real)
            out = join(xp, re, xp.where(lost, xp.pi / 2, out.imag), x.dtype)
    return out


def power(xp: Any, x1: Any, x2: Any) -> Any:
    """Return x1 ** x2; an exponent of exactly 0.5 is no square root at -inf and -0."""
    out = call2(xp.base.power, x1, x2)
    if (type(x2) is float or type(x2) is int) and x2 != 0.5:
        return out
    if out.dtype.kind == "f":
        half = xp.equal(x2, 0.5)
        if half.any():
            fixed = xp.where(xp.equal(x1, -xp.inf), xp.inf, out) + 0.0
            out = xp.where(half, fixed, out).astype(out.dtype)
    return out


def join(xp: Any, re: Any, im: Any, dtype: Any) -> Any:
    """Return re + im j without arithmetic, so that no NaN or sign is made on the way."""
    out = xp.empty(re.shape, dtype=dtype)
    out.real = re
    out.imag = im
    return out
