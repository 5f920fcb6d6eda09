"""Every row and case as a call of arrays, and its values by one path or another.

Run as a module with a file's name it writes the values of all calls there, for a test that
compares builds: `python -m tests.sweeps.paths values.pickle`.
"""

import pickle
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

import tensorxp as xp
from tensorxp.autograd.testing import floats, gradients, is_float, random_like
from tests.harness import sample
from tests.nn.cases import CASES
from tests.tables import rows_by_module

#: Where something may go wrong: signs of zero, infinities, NaN, subnormals, ends of both dtypes.
SPECIAL = (0.0, -0.0, 1.5, -2.5, np.inf, np.nan, -np.inf, 3.4e38, -3.3e38, 1e-40, -1e-45, 1e-320,
           1e300, -1.7e308, 0.5, 1.0, -1.0, 1e16, 88.0, -745.0)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A function of arrays: Tensors go in and come out."""

    name: str
    module: str
    fn: Callable[..., Any]
    arrays: tuple[Any, ...]
    differentiable: bool


@cache
def calls(dtype: str) -> dict[str, Call]:
    """Return the calls of all rows (and their complex forms) and cases, by their names."""
    found: dict[str, Call] = {}

    def add(name: str, *rest: Any) -> None:
        while name in found:  # rows of two modules
            name += "'"
        found[name] = Call(name, *rest)

    for module, rows in rows_by_module().items():
        for row in rows:
            for kind in ("real", "complex") if row.complex else ("real",):
                if dtype == "float64" or row.float32:
                    arrays = tuple(cast(a, dtype) for a in sample(row, kind))
                    add(f"{row.name} {kind}", module, row.fn, arrays, row.gradients)
    for case in CASES:
        if not case.writes and not case.draws:
            arrays = tuple(cast(a, dtype) for a in case.free)
            add(f"nn {case.id}", "nn", case.call(xp, dtype), arrays, case.differentiable)
    return found


def cast(a: Any, dtype: str) -> Any:
    """Return a floating array in the dtype, a complex one in the complex dtype that belongs."""
    if a.dtype.kind == "f":
        return a.astype(dtype)
    return a.astype(np.result_type(dtype, np.complex64)) if a.dtype.kind == "c" else a


def special(call: Call) -> Call:
    """Return an elementwise call of special values, one vector each, behind its own elements."""
    shape = np.broadcast_shapes(*[a.shape for a in call.arrays])
    arrays = []
    for i, a in enumerate(call.arrays):
        a = np.broadcast_to(a, shape).reshape(-1)
        more = np.resize(a, len(SPECIAL))
        if is_float(a):
            with np.errstate(all="ignore"):
                more = np.roll(SPECIAL, 3 * i).astype(a.real.dtype)
                if a.dtype.kind == "c":
                    more = (more + 1j * np.roll(more, 2)).astype(a.dtype)
        arrays.append(np.concatenate([a, more]))
    return replace(call, arrays=tuple(arrays))


def values(
    call: Call, given: Callable[[Any], Any] = np.array, cts: list[Any] | None = None
) -> list[Any]:
    """Return outputs and gradients as arrays (None: no gradient), or the type of the error.

    `given` makes what goes in of each array; cotangents are random numbers, or as they are given.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensors = [xp.asarray(given(a), copy=False) for a in call.arrays]
        if call.differentiable:
            tensors = [x.requires_grad_() if is_float(x) else x for x in tensors]
        try:
            outs = _flat(call.fn(*tensors))
            found = [out.detach().numpy().copy() for out in outs]
            if call.differentiable:
                back = random_like(floats(outs)) if cts is None else cts
                grads = gradients(outs, tensors, [xp.asarray(ct) for ct in back])
                found += [None if g is None else g.detach().numpy() for g in grads]
            return found
        except (ArithmeticError, IndexError, RuntimeError, TypeError, ValueError) as error:
            return [type(error)]


def _flat(out: Any) -> list[Any]:
    if isinstance(out, list | tuple):
        return [x for item in out for x in _flat(item)]
    return [out] if isinstance(out, xp.Tensor) else []


def repeated(call: Call, base: list[Any], times: int, axis: bool) -> list[tuple[Any, Any]] | None:
    """Return the values of a call whose arrays are repeated along their first axis or a new one.

    In pairs with what they ought to be if the repetitions were separate; None where a result has
    another shape. What is not repeated (gradients of numbers) is left out.
    """

    def spread(a: Any) -> Any:
        if axis:
            return np.stack([a] * times)
        return np.concatenate([a] * times) if a.ndim else a

    outs = len(base) - sum(is_float(a) for a in call.arrays) * call.differentiable
    drawn = random_like(floats(base[:outs]))
    with np.errstate(all="ignore"):
        found = values(call, spread, [spread(ct) for ct in drawn])
    pairs = []
    if len(found) != len(base):
        return None
    for i, (x, y) in enumerate(zip(base, found, strict=True)):
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            if not axis and not x.ndim:
                if i < outs:
                    return None
                continue
            if spread(x).shape != y.shape:
                return None
            pairs.append((y, spread(x)))
        elif x is not y:
            return None
    return pairs


@cache
def separate(name: str, dtype: str) -> bool | None:
    """Return along which axis arrays of a call can be repeated (True: a new one), None for none."""
    call = calls(dtype)[name]
    if not call.arrays or not all(a.size and a.ndim for a in call.arrays):
        return None
    base = values(call)
    for axis in (True, False):
        pairs = [repeated(call, base, times, axis) for times in (2, 3)]
        if all(found and all(_near(x, y) for x, y in found) for found in pairs):
            return axis
    return None


@cache
def elementwise(name: str, dtype: str) -> bool:
    """Return whether a call of flattened arrays gives its outputs flattened.

    SciPy's hypergeometric functions, which add terms for minutes at special values, are left out.
    """
    call = calls(dtype)[name]
    if "hyp" in name or not call.arrays or not any(a.size for a in call.arrays):
        return False
    try:
        shape = np.broadcast_shapes(*[a.shape for a in call.arrays])
    except ValueError:
        return False
    if len(shape) < 2 or shape[0] == 1:
        return False
    full = replace(call, arrays=tuple(np.broadcast_to(a, shape) for a in call.arrays))
    flat = replace(call, arrays=tuple(a.reshape(-1) for a in full.arrays))
    turned = replace(call, arrays=tuple(a[::-1] for a in flat.arrays), differentiable=False)
    one, two = (values(replace(x, differentiable=False)) for x in (full, flat))
    three = values(turned)
    return (
        len(one) == len(two) == len(three)
        and all(isinstance(x, np.ndarray) and x.shape == shape for x in one)
        and all(_near(x.reshape(-1), y) for x, y in zip(one, two, strict=True))
        and all(_near(x[::-1], y) for x, y in zip(two, three, strict=True))
    )


def _near(x: Any, y: Any) -> bool:
    return isinstance(y, np.ndarray) and x.shape == y.shape and np.allclose(x, y, equal_nan=True)


def main(path: str) -> None:
    """Write the values of all calls, and of the elementwise ones of special values."""
    found = {}
    for dtype in ("float64", "float32"):
        for name, call in calls(dtype).items():
            found[name, dtype] = values(call)
            if elementwise(name, dtype):
                found[name, dtype, "special"] = values(special(call))
    with open(path, "wb") as file:
        pickle.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1])
