"""What each CUDA source begins with: the types, and the formulas as functions.

Values are computed in float, double, int64 and bool. Half precision is rounded after each
operation and smaller integers wrap, so that each operation gives what it gives alone.
"""

from functools import cache

import numpy as np

from tensorxp._compile.ir.formulas import FORMULAS, REDUCTIONS, functions
from tensorxp._compile.ir.graph import LETTERS, Value

#: No contraction to fused multiply-adds: x * y - x * y stays 0.
OPTIONS = ("--std=c++17", "--fmad=false", "--disable-warnings")
#: C's type of each letter in memory, and the letter in which it is computed.
TYPES = {"f": "float", "d": "double", "l": "int64_t", "b": "unsigned char", "e": "unsigned short",
         "c": "signed char", "h": "short", "i": "int", "B": "unsigned char",
         "H": "unsigned short", "I": "unsigned int"}  # fmt: skip
WIDE = {letter: letter if letter in "fdlb" else "f" if letter == "e" else "l" for letter in TYPES}
_DTYPES = {letter: dtype for dtype, letter in LETTERS.items()}
_TYPES = """\
#ifndef INT64_MAX
typedef long long int64_t;
typedef unsigned long long uint64_t;
#define INT64_MAX 9223372036854775807LL
#define INT64_MIN (-INT64_MAX - 1)
#endif
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef NAN
#define NAN __int_as_float(0x7fffffff)
#endif
typedef float tf;
typedef double td;
typedef int64_t tl;
typedef unsigned char tb;
#ifdef __CUDACC__
static inline __device__ tf from_half(unsigned short x) {
    tf y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x)); return y; }
static inline __device__ unsigned short to_half(tf x) {
    unsigned short y; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x)); return y; }
#endif
#define FUNCTION static inline __device__
"""


@cache
def preamble() -> str:
    """Return what precedes the kernels."""
    return _TYPES + functions()


@cache
def names() -> frozenset[str]:
    """Return the operations that there are, by the names of the machine's kernels."""
    found = [(name, "v" * len(f.inputs), f.letters) for name, f in FORMULAS.items()]
    found += [(f"rows_{name}", "v", "fdl") for name in REDUCTIONS]
    return frozenset([
        f"{name}.{letter}.{form}" for name, form, letters in found
        for letter, wide in WIDE.items() if wide in letters
    ])  # fmt: skip


def dtype_of(letter: str) -> "np.dtype[np.generic]":
    return _DTYPES[letter]


def literal(x: Value) -> str:
    """Return a number as C writes it, exactly."""
    wide = WIDE[x.letter]
    if wide == "l":
        whole = int(x.number)
        return f"(tl){whole}LL" if whole > -(2**63) else "(tl)INT64_MIN"
    if wide == "b":
        return f"(tb){int(x.number)}"
    number = float(x.number)
    if number != number:
        return f"(t{wide})NAN"
    if number in (np.inf, -np.inf):
        return f"(t{wide})({'-' if number < 0 else ''}INFINITY)"
    return f"(t{wide}){number.hex()}"


def narrowed(letter: str, value: str) -> str:
    """Return `value`, computed in the wide type, as a value of the letter's type."""
    if letter == "e":
        return f"from_half(to_half({value}))"
    return value if WIDE[letter] == letter else f"(tl)({TYPES[letter]})({value})"


def loaded(letter: str, place: str) -> str:
    """Return what is read from memory, in the wide type."""
    if letter == "e":
        return f"from_half({place})"
    return place if WIDE[letter] == letter else f"(tl){place}"


def kept(letter: str, value: str) -> str:
    """Return what is written to memory for a value that is narrowed already."""
    if letter == "e":
        return f"to_half({value})"
    return value if WIDE[letter] == letter else f"({TYPES[letter]})({value})"


def formula(x: Value, operands: list[str]) -> str:
    """Return an elementwise operation of operands, narrowed."""
    given, letter = x.args[0].base.letter, x.letter
    if x.name == "move":
        return operands[0]
    if x.name == "where":
        return f"({operands[2]} ? {operands[0]} : {operands[1]})"
    if x.name == f"to_{letter}":
        if letter == "b":
            return f"(tb)({operands[0]} != 0)"
        return narrowed(letter, f"(t{WIDE[letter]})({operands[0]})")
    return narrowed(letter, f"do_{x.name}_{WIDE[given]}({', '.join(operands)})")
