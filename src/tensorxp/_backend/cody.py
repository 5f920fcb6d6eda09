"""erf and erfc of real arrays by Cody's rational approximations, for use without SciPy.

W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969).
Three ranges of y = |x|: up to 0.46875, up to 4, and beyond.
"""

from math import pi, sqrt
from typing import Any

from tensorxp._backend.special import floating

_SMALL = 0.46875
_A = (1.85777706184603153e-1, 3.16112374387056560e00, 1.13864154151050156e02,
      3.77485237685302021e02, 3.20937758913846947e03)  # fmt: skip
_B = (1.0, 2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03,
      2.84423683343917062e03)  # fmt: skip
_C = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
      6.61191906371416295e01, 2.98635138197400131e02, 8.81952221241769090e02,
      1.71204761263407058e03, 2.05107837782607147e03, 1.23033935479799725e03)  # fmt: skip
_D = (1.0, 1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02,
      1.62138957456669019e03, 3.29079923573345963e03, 4.36261909014324716e03,
      3.43936767414372164e03, 1.23033935480374942e03)  # fmt: skip
_P = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
      1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4)  # fmt: skip
_Q = (1.0, 2.56852019228982242e00, 1.87295284992346725e00, 5.27905102951428412e-1,
      6.05183413124413191e-2, 2.33520497626869185e-3)  # fmt: skip


def _ratio(x: Any, top: tuple[float, ...], bottom: tuple[float, ...]) -> Any:
    """Return the quotient of two polynomials, by Horner's rule."""
    p, q = x * top[0], x * bottom[0]
    for a, b in zip(top[1:-1], bottom[1:-1], strict=True):
        p = (p + a) * x
        q = (q + b) * x
    return (p + top[-1]) / (q + bottom[-1])


def _small(x: Any) -> Any:
    """Return erf(x) for small |x|."""
    return x * _ratio(x * x, _A, _B)


def _tail(xp: Any, y: Any) -> Any:
    """Return erfc(y) for y > 0.46875."""
    z = 1 / (y * y)
    far = (1 / sqrt(pi) - z * _ratio(z, _P, _Q)) / y
    value = xp.where(y <= 4, _ratio(xp.minimum(y, 4), _C, _D), far)
    # exp(-y²) by a part of y whose square is exact
    head = xp.floor(y * 16) / 16
    return value * xp.exp(-head * head) * xp.exp(-(y - head) * (y + head))


def _parts(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return the double precision argument, where it is small, and erfc(|x|) elsewhere."""
    x = xp.asarray(x, dtype=xp.float64)
    y = xp.abs(x)
    return x, y <= _SMALL, _tail(xp, xp.clip(y, _SMALL, 30))


def erf(xp: Any, x: Any) -> Any:
    """Return erf of a real raw array, to the precision of its dtype."""
    wide, small, tail = _parts(xp, x)
    value = xp.where(small, _small(xp.clip(wide, -_SMALL, _SMALL)), xp.sign(wide) * (1 - tail))
    return value.astype(floating(xp, x).dtype)


def erfc(xp: Any, x: Any) -> Any:
    """Return erfc of a real raw array, to the precision of its dtype."""
    wide, small, tail = _parts(xp, x)
    value = xp.where(wide < 0, 2 - tail, tail)
    value = xp.where(small, 1 - _small(xp.clip(wide, -_SMALL, _SMALL)), value)
    return value.astype(floating(xp, x).dtype)


# a minimax quotient of polynomials in x² on |x| ≤ 3.75, for single precision
_LIMIT = 3.7439211627767994
_ODD = (2.123732201653183e-06, 2.861979592125863e-04, 3.658048342913389e-03,
        5.243302136659622e-02, 1.874160766601562e-01, 1.128379106521606)  # fmt: skip
_EVEN = (3.891854340931892e-05, 1.143296016380191e-03, 1.475208811461926e-02,
         1.129456758499146e-01, 4.994257986545563e-01, 1.0)  # fmt: skip
_BLOCK = 16384  # elements: the blocks of a quotient's numerator and denominator stay in cache


def erf32(xp: Any, x: Any) -> Any:
    """Return erf of a large real float32 array, to 3 units in the last place, block by block."""
    flat = x.reshape(-1)
    out = xp.empty_like(flat)
    for i in range(0, flat.size, _BLOCK):
        z, p = flat[i : i + _BLOCK], out[i : i + _BLOCK]
        z = xp.minimum(z, _LIMIT)
        xp.maximum(z, -_LIMIT, out=z)
        y = z * z
        q = y * _EVEN[0]
        xp.multiply(y, _ODD[0], out=p)
        for a, b in zip(_ODD[1:-1], _EVEN[1:-1], strict=True):
            p += a
            p *= y
            q += b
            q *= y
        p += _ODD[-1]
        q += _EVEN[-1]
        p *= z
        p /= q
        xp.minimum(p, 1, out=p)
        xp.maximum(p, -1, out=p)
    return out.reshape(x.shape)
