"""Arguments that are one int or one for each axis, and inputs with or without a batch axis."""

import operator
from typing import Any

import tensorxp as xp


def ntuple(value: Any, n: int, function: str, argument: str) -> tuple[int, ...]:
    """Return `value` as `n` ints."""
    if isinstance(value, tuple | list):
        found = tuple(operator.index(item) for item in value)
        if len(found) == 1:
            return found * n
        if len(found) != n:
            raise RuntimeError(f"{function}: {argument} is {value}; expected an int or {n} of them")
        return found
    return (operator.index(value),) * n


def batched(function: str, input: Any, ndim: int) -> tuple[Any, bool]:
    """Return the input with a batch axis, and whether one was added."""
    if input.ndim == ndim + 2:
        return input, False
    if input.ndim == ndim + 1:
        return xp.expand_dims(input, axis=0), True
    raise RuntimeError(
        f"{function}: input has shape {input.shape}; expected {ndim + 2} axes (N, C, …), or "
        f"{ndim + 1} without a batch"
    )
