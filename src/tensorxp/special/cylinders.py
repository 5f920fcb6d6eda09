"""Forwards of Bessel functions where the library's lose digits: at large and at tiny arguments.

Hankel's expansions give large arguments, with sines of x itself, so that no phase is rounded; the
scaled functions' derivatives, which are differences of nearly equal numbers there, come from them
term by term. Power series give tiny arguments.
"""

from math import comb, pi, sqrt
from typing import Any

from tensorxp._backend.quiet import quiet
from tensorxp._backend.special import floating, in_double, library

_TERMS = 24


def _coefficients(v: Any, x: Any, count: int) -> Any:
    """Yield a_k(v) / x^k, with a_k = Π_j≤k (4v² - (2j - 1)²) / (8j)."""
    term: Any = 1.0
    square = 4 * v * v
    for k in range(count):
        yield k, term
        term = term * ((square - (2 * k + 1) ** 2) / ((8 * k + 8) * x))


def _far_wave(xp: Any, order: int, second: bool, x: Any) -> Any:
    """Return J or Y of order 0 or 1 at large x > 0."""
    p, q = xp.zeros_like(x), xp.zeros_like(x)
    for k, term in _coefficients(float(order), x, 8):
        sign = (1, 1, -1, -1)[k % 4]
        if k % 2:
            q = q + sign * term
        else:
            p = p + sign * term
    sine, cosine = xp.sin(x), xp.cos(x)
    # of x - π/4, times √2, and of x - 3π/4
    c, s = cosine + sine, sine - cosine
    if order:
        c, s = s, -c
    wave = p * s + q * c if second else p * c - q * s
    return wave / xp.sqrt(pi * x)


def with_far_waves(name: str, order: int, second: bool) -> Any:
    """Return the forward of j0, j1, y0 or y1."""
    plain = library(name)

    def forward(xp: Any, x: Any) -> Any:
        out = plain(xp, x)
        size = xp.abs(floating(xp, x))
        far = (size > 1000) & (size < xp.inf) if not second else (x > 1000) & (x < xp.inf)
        if not far.any():
            return out
        with quiet():
            wide = xp.where(far, xp.asarray(size, dtype=xp.float64), 1e4)
            wave = _far_wave(xp, order, second, wide)
            if order and not second:
                wave = wave * xp.sign(x)
        return xp.where(far, wave, out).astype(out.dtype)

    return forward


def with_series(name: str, sign: int, scaled: bool = False) -> Any:
    """Return the forward of jv (sign -1), iv or ive (1), by their power series at small x."""
    plain, gamma = library(name), library("gamma")

    def forward(xp: Any, v: Any, x: Any) -> Any:
        out = plain(xp, v, x)
        if out.dtype.kind == "c":
            return out
        with quiet():
            v, wide = xp.asarray(v, dtype=xp.float64), xp.asarray(x, dtype=xp.float64)
            whole = v % 1 == 0
            near = (wide != 0) & (xp.abs(wide) < 0.5) & ((wide > 0) | whole)
            near = near & (v > -20) & (v < 160) & ((v >= 0) | ~whole)
            if not near.any():
                return out
            wide, v = xp.where(near, wide, 0.25), xp.where(near, v, 0.0)
            quarter = wide * wide * (0.25 * sign)
            total: Any = 1.0
            for k in range(9, 0, -1):
                total = 1 + total * (quarter / (k * (v + k)))
            value = xp.pow(wide / 2, v) / gamma(xp, v + 1) * total
            value = value * xp.exp(-xp.abs(wide)) if scaled else value
        return xp.where(near, value, out).astype(out.dtype)

    return forward


def scaled_slope(name: str, sign: int) -> Any:
    """Return the forward of the derivatives of ive (sign -1) or kve (1), of any `order`."""
    plain = library(name)
    lead = sqrt(pi / 2) if sign > 0 else 1 / sqrt(2 * pi)

    @in_double
    def forward(xp: Any, v: Any, x: Any, *, order: int) -> Any:
        size = xp.abs(x) if sign < 0 else x
        # ½ (f_(v-1) + f_(v+1)) - f_v = ½ δ² f_v, and so on; for kve with the other sign
        near = xp.zeros_like(size)
        for j in range(2 * order + 1):
            value = plain(xp, v + order - j, xp.minimum(size, 1e4))
            near = near + (-1) ** j * comb(2 * order, j) * value
        near = xp.where(xp.isnan(near) & (size > 0), xp.inf, near)
        near = near * 0.5**order * (float((-sign) ** order))
        big = xp.where(size > 30 + v * v, size, 1e4 + v * v)
        total: Any = 0.0
        for k, term in _coefficients(v, big, _TERMS):
            rising = 1.0
            for i in range(order):
                rising *= -(k + 0.5 + i)
            total = total + term * (rising * float(sign) ** k)
        far = total * lead / xp.sqrt(big)
        for _ in range(order):
            far = far / big
        out = xp.where(size > 30 + v * v, far, near)
        if sign < 0:
            parity = xp.where((v + order) % 2 == 0, 1.0, xp.where(v % 1 == 0, -1.0, xp.nan))
            out = xp.where(x < 0, out * parity, xp.where((x == 0) & (parity < 0), 0.0, out))
        return out

    return forward
