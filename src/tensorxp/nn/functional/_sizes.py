"""Arguments that are one int or one for each axis, and inputs with or without a batch axis."""

import operator
from typing import Any

import tensorxp as xp
from tensorxp import Tensor
from tensorxp._ops.axes import not_a_tensor


def expect(function: str, x: Any, argument: str = "input", least: int = 0) -> None:
    """Raise TypeError unless `x` is a Tensor, ValueError where it has fewer than `least` axes."""
    found = isinstance(x, Tensor)
    if not found:
        raise not_a_tensor(function, x, argument)
    if least and x.ndim < least:
        raise ValueError(
            f"{function}: {argument} has shape {x.shape}; at least {least} axes are needed"
        )


def ntuple(value: Any, n: int, function: str, argument: str) -> tuple[int, ...]:
    """Return `value` as `n` ints."""
    if isinstance(value, tuple | list):
        found = tuple(operator.index(item) for item in value)
        if len(found) == 1:
            found *= n
        if len(found) != n:
            raise RuntimeError(f"{function}: {argument} is {value}; expected an int or {n} of them")
    else:
        try:
            found = (operator.index(value),) * n
        except TypeError:
            raise TypeError(
                f"{function}: {argument} is {value!r}; allowed are an int or {n} of them"
            ) from None
    if max(found, default=0) >= 2**31:
        raise ValueError(f"{function}: {argument} is {value}; allowed are numbers below 2**31")
    return found


def check_weights(function: str, argument: str, given: Any, n: int, m: int) -> None:
    """Raise ValueError where `m` outputs of `n` inputs along an axis need too many weights."""
    if n * m > 2**28:
        raise ValueError(
            f"{function}: {argument} is {given}; {m} outputs of {n} inputs along an axis need "
            f"{n * m} weights, allowed are 2**28"
        )


def batched(function: str, input: Any, ndim: int) -> tuple[Any, bool]:
    """Return the input with a batch axis, and whether one was added."""
    expect(function, input)
    if input.ndim == ndim + 2:
        return input, False
    if input.ndim == ndim + 1:
        return xp.expand_dims(input, axis=0), True
    raise RuntimeError(
        f"{function}: input has shape {input.shape}; expected {ndim + 2} axes (N, C, …), or "
        f"{ndim + 1} without a batch"
    )
