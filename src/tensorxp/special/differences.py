"""Differences of gamma functions and logarithms of neighbouring arguments, where they are small.

log Γ(x) = (x - ½) log x - x + ½ log 2π + Δ(x), Δ by Stirling's series for x ≥ 10. The large terms
of a difference are taken together by log1p, the small ones by expm1; for smaller arguments the
recurrence leads up there in terms of one sign.
"""

from math import factorial, gamma, log, pi
from typing import Any

from tensorxp._backend.special import in_double, library

#: Bernoulli's numbers B_2, B_4, …
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_HALF_LOG_2PI = 0.5 * log(2 * pi)
_LARGE = 10.0

_psi, _zeta, _gammaln = library("psi"), library("zeta"), library("gammaln")


def stirling(xp: Any, x: Any) -> Any:
    """Return Δ(x) of x > 0 in double precision."""
    big = xp.maximum(x, _LARGE)
    square = 1 / (big * big)
    total: Any = 0.0
    for k in range(len(_BERNOULLI), 0, -1):
        total = total * square + _BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    small = xp.minimum(x, _LARGE)
    direct = _gammaln(xp, small) - ((small - 0.5) * xp.log(small) - small + _HALF_LOG_2PI)
    return xp.where(x < _LARGE, direct, total / big)


def _polygamma_rise(xp: Any, n: int, a: Any, b: Any) -> Any:
    """Return Σ_k (a + k)^-(n+1) - (a + b + k)^-(n+1) of a, b > 0."""
    total = xp.zeros_like(a)
    small = a < _LARGE + n
    for k in range(int(_LARGE) + n):
        here = a + k
        term = here ** -(n + 1.0) * -xp.expm1(-(n + 1) * xp.log1p(b / here))
        total = total + xp.where(small, term, 0.0)
    a = xp.where(small, a + (_LARGE + n), a)
    rise = xp.log1p(b / a)

    def fall(power: int) -> Any:
        return a ** -float(power) * -xp.expm1(-power * rise)

    # Euler and Maclaurin's sum
    total = total + (rise if n == 0 else fall(n) / n) + fall(n + 1) / 2
    for j, bernoulli in enumerate(_BERNOULLI, 1):
        factor = bernoulli * gamma(n + 2 * j) / (factorial(2 * j) * factorial(n))
        total = total + factor * fall(n + 2 * j)
    return total


@in_double
def polygamma_difference(xp: Any, a: Any, b: Any, *, n: int) -> Any:
    """Return ψ_n(a + b) - ψ_n(a)."""
    end = a + b
    low, step = xp.where(b < 0, end, a), xp.abs(b)
    good = (low > 0) & (step < xp.inf) & (low < xp.inf)
    rise = _polygamma_rise(xp, n, xp.where(good, low, 1.0), xp.where(good, step, 1.0))
    out = xp.sign(b) * rise * (factorial(n) * (-1) ** n)
    if good.all():
        return out
    low, high = xp.where(good, 1.0, a), xp.where(good, 1.0, end)
    if n == 0:
        return xp.where(good, out, _psi(xp, high) - _psi(xp, low))
    plain = _zeta(xp, n + 1.0, high) - _zeta(xp, n + 1.0, low)
    return xp.where(good, out, plain * (factorial(n) * (-1) ** (n + 1)))


def log_gamma_fall(xp: Any, a: Any, b: Any) -> Any:
    """Return log(Γ(a) / Γ(a + b)) of a ≥ 10, b ≥ 0 in double precision."""
    end = a + b
    lead = b * (1 - xp.log(end)) - (a - 0.5) * xp.log1p(b / a)
    return lead + (stirling(xp, a) - stirling(xp, end))


def gamma_quotient(xp: Any, a: Any, b: Any) -> Any:
    """Return Γ(a) / Γ(a + b) of a ≥ 10, b ≥ 0 in double precision."""
    end = a + b
    rest = b - (a - 0.5) * xp.log1p(b / a) + (stirling(xp, a) - stirling(xp, end))
    power = xp.pow(end, -xp.minimum(b, _SHORT))  # a small exponent is better off as a power
    return xp.where(b <= _SHORT, power * xp.exp(rest), xp.exp(rest - b * xp.log(end)))


_SHORT = 20.0


def log_beta(xp: Any, a: Any, b: Any) -> Any:
    """Return log B(a, b) of a, b > 0 in double precision."""
    large, small = xp.maximum(a, b), xp.minimum(a, b)
    far = xp.maximum(large, _LARGE)
    one = _gammaln(xp, small) + log_gamma_fall(xp, far, xp.minimum(small, _LARGE))
    if (small >= _LARGE).any():
        low = xp.maximum(small, _LARGE)
        terms = -(far - 0.5) * xp.log1p(low / far) - low * xp.log1p(far / low)
        rest = stirling(xp, low) + (stirling(xp, far) - stirling(xp, far + low))
        both = (terms - 0.5 * xp.log(low)) + (_HALF_LOG_2PI + rest)
        one = xp.where(small >= _LARGE, both, one)
    near = xp.where(large < _LARGE, large, 1.0)
    little = xp.where(large < _LARGE, small, 1.0)
    direct = (_gammaln(xp, near) - _gammaln(xp, near + little)) + _gammaln(xp, little)
    return xp.where(large < _LARGE, direct, one)


def deviance(xp: Any, a: Any, x: Any) -> Any:
    """Return a log(a/x) - a + x of a, x > 0 in double precision."""
    ratio = a / x
    wild = (ratio < 1e-300) | (ratio > 1e300)
    logs = xp.where(wild, xp.log(a) - xp.log(x), xp.log(xp.where(wild, 1.0, ratio)))
    # with v = (a - x)/(a + x): (a - x) v + 2a (v³/3 + v⁵/5 + …)
    v = (a / 2 - x / 2) / (a / 2 + x / 2)
    near = xp.abs(v) < 0.1
    square = xp.where(near, v * v, 0.0)
    total: Any = 0.0
    for k in range(19, 1, -2):
        total = (total + 1 / k) * square
    return xp.where(near, (a - x) * v + 2 * a * (v * total), a * logs + (x - a))
