"""Elementwise CUDA kernels where CuPy's own deviate from the standard or from NumPy.

CuPy takes `floor(a / b)` for the quotient and has no cases of its own for infinities and NaN in
complex functions. Each kernel is one pass without a look at the values from the host.
"""

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

#: Name: kinds of dtypes, inputs, and the C++ between them and `out`; T is the common dtype.
_BINARY, _UNARY, _COMPLEX = "T a, T b", "T a", "T z"
_PARTS = "typedef T::value_type R; R a = z.real(), b = z.imag();"
# an infinity hides a NaN beside it
_LOG = """
T l = isinf(a) || isinf(b) ? T(log(hypot(a, b)), atan2(b, a)) : T(log(T(a, b)));
"""
_TIMES = "out = T(l.real() * R({0}), l.imag() * R({0}));"
KERNELS: dict[str, tuple[str, str, str]] = {
    # as NumPy: from the exact remainder; an infinite operand goes by the division
    "floor_divide": ("f", _BINARY, """
if (b == 0 || isinf(a) || isinf(b)) {
    out = floor(a / b);
} else {
    T m = fmod(a, b), q = (a - m) / b;
    if (m != 0 && (b < 0) != (m < 0)) q -= 1;
    T whole = floor(q);
    out = q == 0 ? copysign(T(0), a / b) : q - whole > T(0.5) ? whole + 1 : whole;
}
"""),
    # exact, with the sign of the divisor
    "remainder": ("f", _BINARY, """
out = fmod(a, b);
if (out == 0) out = copysign(T(0), b);
else if ((b < 0) != (out < 0)) out += b;
"""),
    "sign": ("f", _UNARY, "out = a > 0 ? T(1) : a < 0 ? T(-1) : a + T(0);"),
    "log": ("c", _COMPLEX, _PARTS + _LOG + "out = l;"),
    "log1p": ("c", _COMPLEX, _PARTS + "a += 1;" + _LOG + "out = l;"),
    "log2": ("c", _COMPLEX, _PARTS + _LOG + _TIMES.format("1.4426950408889634")),
    "log10": ("c", _COMPLEX, _PARTS + _LOG + _TIMES.format("0.43429448190325182")),
    # re = expm1(a) cos b - 2 sin²(b/2), im = exp(a) sin b
    "expm1": ("c", _COMPLEX, _PARTS + """
R s = sin(b / 2), re, im;
if (b == 0) { re = expm1(a) + 0; im = b; }
else if (isinf(a) && !isfinite(b)) { re = a < 0 ? -1 : a; im = a < 0 ? 0 : b - b; }
else { re = expm1(a) * cos(b) - 2 * s * s; im = exp(a) * sin(b); }
out = T(re, im);
"""),
    "tanh": ("c", _COMPLEX, _PARTS + """
if (isinf(a)) out = T(copysign(R(1), a), isnan(b) ? R(0) : copysign(R(0), b));
else if (a == 0 && !isfinite(b)) out = T(a, b - b);
else out = tanh(z);
"""),
    # acosh(±0 + NaN j) is NaN ± π/2 j
    "acosh": ("c", _COMPLEX, _PARTS + """
if (a == 0 && isnan(b)) out = T(b, R(1.5707963267948966));
else out = acosh(z);
"""),
}  # fmt: skip


@cache
def kernel(name: str) -> Any:
    """Return a kernel of the table, compiled by CuPy when it is first used."""
    _, inputs, code = KERNELS[name]
    return import_module("cupy").ElementwiseKernel(inputs, "T out", code, f"tensorxp_{name}")


def _run(xp: Any, name: str, fallback: Callable[..., Any], *xs: Any) -> Any:
    """Return the kernel's result for dtypes of its kind, else CuPy's; half runs in single."""
    dtype = xs[0].dtype if len(xs) == 1 else xp.result_type(*xs)
    if dtype.kind != KERNELS[name][0]:
        return fallback(*xs)
    wide = xp.float32 if dtype.char == "e" else dtype
    arrays = [x.astype(wide, copy=False) if hasattr(x, "astype") else x for x in xs]
    return kernel(name)(*arrays).astype(dtype, copy=False)


def corrected(xp: Any, native: Any, fallback: Any) -> dict[str, Callable[..., Any]]:
    """Return what a namespace over CuPy lays over its functions, by name."""
    found: dict[str, Callable[..., Any]] = {
        name: partial(_run, xp, name, getattr(fallback, name)) for name in KERNELS
    }
    found["mod"] = found["remainder"]
    found["arccosh"] = found["acosh"]
    found["pow"] = found["power"] = native.power  # C's pow has the standard's cases
    for name in ("logical_and", "logical_or", "logical_xor", "logical_not"):
        found[name] = partial(_truth, getattr(native, name))
    return found


def _truth(logical: Callable[..., Any], *xs: Any) -> Any:
    """Call a logical function that has no loop for complex numbers."""
    return logical(*[x != 0 if getattr(x, "dtype", None) in ("F", "D") else x for x in xs])
