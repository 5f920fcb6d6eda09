"""Triangular systems, solved by the OpenBLAS that NumPy itself has loaded.

NumPy has no function for them. SciPy has, but its wheel brings an OpenBLAS of its own, and the
threads of the two spin after a call and take the cores from each other. NumPy's wheels call their
functions `scipy_cblas_…64_`; no other build is called here (MKL, Accelerate and a distribution's
BLAS are one library for both anyway).
"""

import ctypes
from functools import cache
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

_INT, _SIZE, _POINTER = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
_ARRAY = (_POINTER, _SIZE)
#: BLAS's letters of the dtypes, and how the factor 1 is given to it.
_KINDS: dict[str, tuple[str, Any, Any]] = {
    "f": ("s", ctypes.c_float, 1.0),
    "d": ("d", ctypes.c_double, 1.0),
    "F": ("c", _POINTER, np.ones(1, "F")),
    "D": ("z", _POINTER, np.ones(1, "D")),
}
_ROWS, _COLUMNS, _LEFT = 101, 102, 141  # arrays whose rows, or columns, are contiguous
_SMALL = 24  # stacks of smaller matrices are faster in one call of NumPy


def _function(name: str) -> Any:
    """Return `name` of NumPy's OpenBLAS, or None."""
    module = find_spec("numpy.linalg._umath_linalg")
    # a module finds what it is linked to, but not on Windows
    wheel = Path(np.__file__).parent.with_name("numpy.libs").glob("*openblas64_*.dll")
    for path in (*([module.origin] if module else []), *wheel):
        try:
            return getattr(ctypes.CDLL(str(path)), f"scipy_cblas_{name}64_")
        except (OSError, AttributeError):
            pass
    return None


@cache
def _solvers(char: str) -> Any:
    """Return the solvers for many right sides and for one, and the factor 1; None without them."""
    if char not in _KINDS:
        return None
    letter, scalar, one = _KINDS[char]
    many, single = _function(letter + "trsm"), _function(letter + "trsv")
    if many is None or single is None:
        return None
    many.argtypes = [*[_INT] * 5, _SIZE, _SIZE, scalar, *_ARRAY, *_ARRAY]
    single.argtypes = [*[_INT] * 4, _SIZE, *_ARRAY, *_ARRAY]
    many.restype = single.restype = None
    return many, single, one if isinstance(one, float) else one.ctypes.data


def _readable(a: Any, dtype: Any) -> tuple[Any, int, int]:
    """Return square matrices or a copy that BLAS can read, their order, and the lines' distance."""
    n, size = a.shape[-1], dtype.itemsize
    if a.dtype == dtype and a.flags.aligned:
        row, column = a.strides[-2:]
        for order, line, place in ((_ROWS, row, column), (_COLUMNS, column, row)):
            if place == size and line >= n * size and line % size == 0:
                return a, order, line // size
    return np.array(a, dtype, order="C"), _ROWS, n


def solve_triangular(a: Any, b: Any, *, upper: bool, unit: bool) -> Any:
    """Return y with a y = b, reading one triangle of `a`; None where NumPy's BLAS is not at hand.

    `b` holds matrices. Stacks broadcast, but those of small matrices are left to the caller.
    """
    if a.__class__ is not np.ndarray or b.__class__ is not np.ndarray:
        return None
    dtype = np.result_type(a, b)
    if dtype.kind in "biu":
        dtype = np.dtype(np.float64)
    solvers = _solvers(dtype.char)
    n, k = b.shape[-2:]
    if solvers is None or (a.ndim > 2 and n < _SMALL):
        return None
    if a.ndim == 2 and b.ndim > 2:
        # the stack's are further right sides
        sides = np.moveaxis(b, -2, 0)
        folded = sides.reshape(n, prod(sides.shape[1:]))
        out = solve_triangular(a, folded, upper=upper, unit=unit)
        return np.moveaxis(out.reshape(sides.shape), 0, -2)
    if not unit and not a.diagonal(0, -2, -1).all():
        raise LinAlgError("Singular matrix")
    many, single, one = solvers
    a, order, step = _readable(a, dtype)
    stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    by_columns = not stack and k > 1 and b.flags.f_contiguous
    out = np.array(np.broadcast_to(b, (*stack, n, k)), dtype, order="F" if by_columns else "C")
    if not out.size:
        return out
    a = np.broadcast_to(a, (*stack, n, n))
    turned = k > 1 and (order == _COLUMNS) != by_columns  # then `a` is read as its transpose
    flags = (121 if upper != turned else 122, 112 if turned else 111, 131 + unit)
    for at in np.ndindex(stack):
        x, y = a[at].ctypes.data, out[at].ctypes.data
        if k == 1:
            single(order, *flags, n, x, step, y, 1)
        elif by_columns:
            many(_COLUMNS, _LEFT, *flags, n, k, one, x, step, y, n)
        else:
            many(_ROWS, _LEFT, *flags, n, k, one, x, step, y, k)
    return out
