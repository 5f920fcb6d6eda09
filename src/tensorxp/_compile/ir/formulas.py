"""The formulas of elementwise operations and reductions in C: of the machine and of CUDA's kernels.

A formula is an expression of `x`, or of `x` and `y`, or statements that return one. `T` is C's type
of the operands, and `M(exp)` the function of <math.h> for it; types are told by letters (`graph`).
What both back ends compile is written from this table by `functions`.
"""

from functools import cache
from typing import NamedTuple


class Formula(NamedTuple):
    """How C computes an operation of operands of one type."""

    inputs: str
    code: str
    cost: int = 1  # of one element, in simple operations
    letters: str = "fd"  # the types of operands for which the formula holds
    result: str = ""  # the letter of the result, where it is another than the operands'
    whole: str = ""  # the formula for int64, where it is another

    def of(self, letter: str) -> str:
        """Return the statements for operands of a type."""
        code = self.whole if letter == "l" and self.whole else self.code
        return code if "return" in code else f"return {code};"


def _one(
    code: str, cost: int = 1, letters: str = "fd", result: str = "", whole: str = ""
) -> Formula:
    return Formula("x", code, cost, letters, result, whole)


def _two(code: str, cost: int = 1, letters: str = "fd", result: str = "") -> Formula:
    return Formula("xy", code, cost, letters, result)


def _library(cost: int, names: str, form: str = "x") -> dict[str, Formula]:
    """Return the formulas of functions of <math.h>."""
    arguments = ", ".join(form)
    return {name: Formula(form, f"M({name})({arguments})", cost) for name in names.split()}


# The logistic function's exponential does not overflow. The normal distribution is ½ erfc(-x √½),
# times what the rounding of the argument costs in the tail, where erfc'/erfc is near
# -(a + √(a² + 1.5)). Floor division and remainder are NumPy's, which have the divisor's sign.
_SIGMOID = "T e = M(exp)(-M(fabs)(x)); return (x < 0 ? e : 1) / (1 + e);"
_NORMAL = """const T high = sizeof(T) == 4 ? 0.70710677f : 0.70710678118654752;
    const T low = sizeof(T) == 4 ? 1.21016171e-8f : -4.83364665672645672e-17;
    T a = -x * high, rest = M(fma)(-x, high, -a) - x * low, half = M(erfc)(a) * (T)0.5;
    T share = 1 - rest * (a + M(sqrt)(a * a + (T)1.5));
    return a > 1 && a < 40 ? half * share : half;"""
_REMAINDER = """T r = M(fmod)(x, y);
    if (y == 0 || r != r) return r;
    if (r != 0) return (y < 0) != (r < 0) ? r + y : r;
    return M(copysign)((T)0, y);"""
_FLOOR_DIVIDE = """if (y == 0 || x != x || y != y) return x / y;
    if (M(fabs)(x) == INFINITY || M(fabs)(y) == INFINITY) return M(floor)(x / y);
    T r = M(fmod)(x, y), q = (x - r) / y;
    if (r != 0 && (y < 0) != (r < 0)) q -= 1;
    if (q == 0) return M(copysign)((T)0, x / y);
    T floored = M(floor)(q);
    return q - floored > (T)0.5 ? floored + 1 : floored;"""

#: The operations that both back ends know, by the names of their kernels.
FORMULAS: dict[str, Formula] = {
    "move": _one("x", letters="fdlb"),
    "negative": _one("-x", letters="fdl", whole="(T)(0 - (uint64_t)x)"),
    "abs": _one("M(fabs)(x)", letters="fdl", whole="(T)(x < 0 ? 0 - (uint64_t)x : (uint64_t)x)"),
    "sign": _one("(T)((x > 0) - (x < 0)) + (x != x ? x : 0)", letters="fdl"),
    "square": _one("x * x", letters="fdl"),
    "reciprocal": _one("1 / x", 3),
    "relu": _one("x > 0 || x != x ? x : 0"),
    "sigmoid": _one(_SIGMOID, 7),
    "normal": _one(_NORMAL, 20),
    "round": _one("M(rint)(x)"),
    **_library(1, "floor ceil trunc"),
    **_library(3, "sqrt"),
    **_library(5, "exp"),
    **_library(6, "log"),
    **_library(8, "sin cos log1p expm1"),
    **_library(10, "tanh"),
    **_library(12, "erf"),
    **_library(16, "erfc"),
    **_library(20, "tan sinh cosh exp2 log2 log10 asin acos atan asinh acosh atanh cbrt"),
    "add": _two("x + y", letters="fdl"),
    "subtract": _two("x - y", letters="fdl"),
    "multiply": _two("x * y", letters="fdl"),
    "divide": _two("x / y", 3),
    "maximum": _two("x > y || x != x ? x : y", letters="fdl"),
    "minimum": _two("x < y || x != x ? x : y", letters="fdl"),
    "shifted": _two("x == y ? 0 : x - y"),  # inf - inf is 0 here
    "remainder": _two(_REMAINDER, 40),
    "floor_divide": _two(_FLOOR_DIVIDE, 40),
    "logaddexp": _two(
        "(x > y || x != x ? x : y) + M(log1p)(M(exp)(x == y ? 0 : -M(fabs)(x - y)))", 16
    ),
    **_library(1, "copysign", "xy"),
    **_library(20, "atan2 hypot", "xy"),
    **_library(24, "pow", "xy"),
    "isnan": _one("x != x", result="b"),
    "isinf": _one("M(fabs)(x) == INFINITY", result="b"),
    "isfinite": _one("M(fabs)(x) < INFINITY", result="b"),
    "less": _two("x < y", 1, "fdlb", "b"),
    "less_equal": _two("x <= y", 1, "fdlb", "b"),
    "greater": _two("x > y", 1, "fdlb", "b"),
    "greater_equal": _two("x >= y", 1, "fdlb", "b"),
    "equal": _two("x == y", 1, "fdlb", "b"),
    "not_equal": _two("x != y", 1, "fdlb", "b"),
    "logical_not": _one("!x", letters="b"),
    "logical_and": _two("x & y", letters="b"),
    "logical_or": _two("x | y", letters="b"),
    "logical_xor": _two("x ^ y", letters="b"),
    "to_f": _one("(tf)x", 1, "dlb", "f"),
    "to_d": _one("(td)x", 1, "flb", "d"),
    "to_l": _one("(tl)x", 1, "fdb", "l"),
    "to_b": _one("x != 0", 1, "fdl", "b"),
}

#: Reductions: what they start with, for int64 too, and how `m` takes in one more value `v`.
REDUCTIONS = {
    "sum": ("0", "0", "m + v"),
    "prod": ("1", "1", "m * v"),
    "max": ("-INFINITY", "INT64_MIN", "m > v || m != m ? m : v"),
    "min": ("INFINITY", "INT64_MAX", "m < v || m != m ? m : v"),
}


def accumulator(name: str, letter: str) -> str:
    """Return the letter of the type in which a reduction of a type accumulates."""
    return "d" if letter == "f" and name in ("sum", "prod") else letter


@cache
def functions() -> str:
    """Return the formulas as functions in C; each begins with `FUNCTION`, a macro.

    They are do_exp_f(x), do_add_f(x, y), start_sum_d() and take_sum_d(m, v).
    """
    lines = []
    for letter in "fdlb":
        lines += [f"#define T t{letter}", f"#define M(name) name{'##f' if letter == 'f' else ''}"]
        for name, f in FORMULAS.items():
            if letter in f.letters:
                inputs = ", ".join([f"T {x}" for x in f.inputs])
                head = f"FUNCTION t{f.result or letter} do_{name}_{letter}({inputs})"
                lines.append(f"{head} {{ {f.of(letter)} }}")
        if letter != "b":
            for name, (start, whole, code) in REDUCTIONS.items():
                start = whole if letter == "l" else start
                lines.append(f"FUNCTION T start_{name}_{letter}(void) {{ return {start}; }}")
                lines.append(f"FUNCTION T take_{name}_{letter}(T m, T v) {{ return {code}; }}")
        lines += ["#undef T", "#undef M"]
    return "\n".join(lines) + "\n"


@cache
def header() -> str:
    """Return what the machine includes: the functions, and lists of them for macros.

    What costs most calls functions of <math.h>: `CALL1`, `CALL2`.
    """
    macros = (("ONE", "TWO"), ("CALL1", "CALL2"))
    found = [
        f"{macros[f.cost >= 5][len(f.inputs) - 1]}({s}, {f.result or s}, {name})"
        for name, f in FORMULAS.items() for s in f.letters
    ]  # fmt: skip
    folds = [f"FOLD({s}, {accumulator(name, s)}, {name})" for name in REDUCTIONS for s in "fdl"]
    return (
        functions() + f"#define FORMULAS(ONE, TWO, CALL1, CALL2) {' '.join(found)}\n"
        f"#define REDUCTIONS(FOLD) {' '.join(folds)}\n"
    )
