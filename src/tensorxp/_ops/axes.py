"""Axes brought to one form: non-negative ints that are known to exist.

Every function that takes an `axis` comes through here once, so the primitives and their rules
see only a non-negative int or a tuple of them (or None where the function allows it).
"""

from operator import index
from typing import Any

from tensorxp._backend.device import cpu
from tensorxp._core.door import node_of
from tensorxp._core.modes import modes
from tensorxp._core.tensor import Tensor

#: NumPy's AxisError, which is both a ValueError and an IndexError.
AxisError: Any = cpu.raw.exceptions.AxisError


def dimensions(function: str, x: Any, argument: str = "x") -> int:
    """Return the number of dimensions of `x`; TypeError where it is no Tensor."""
    if isinstance(x, Tensor):
        return x._data.ndim  # type: ignore[no-any-return]
    raise not_a_tensor(function, x, argument)


def not_a_tensor(function: str, x: Any, argument: str = "x") -> TypeError:
    """Return the error for an argument that must be a Tensor."""
    return TypeError(
        f"{function}: {argument} is a {type(x).__module__}.{type(x).__name__}; allowed is a "
        "Tensor; tensorxp.asarray makes a Tensor of other arrays and lists"
    )


def truth(function: str, argument: str, value: Any) -> bool:
    """Return an argument as a bool; TypeError where it is neither true nor false."""
    try:
        return bool(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"{function}: {argument} is {value!r}; allowed are True and False"
        ) from None


def renamed(function: str, theirs: str, ours: str, value: Any) -> TypeError:
    """Return the error for an argument by the word of another library."""
    return TypeError(
        f"{function}: {theirs}= is PyTorch's word; here it is {ours}: "
        f"{function}(x, {ours}={value!r})"
    )


#: More elements than an address space has room for.
LARGEST = 2**58


def integer(function: str, argument: str, value: Any) -> int:
    """Return an argument as an int; TypeError where it is no integer."""
    try:
        return _index(value)
    except TypeError:
        raise TypeError(f"{function}: {argument} is {value!r}; allowed is an integer") from None


def constant(function: str, argument: str, value: Any) -> Any:
    """Return a parameter that is taken as a constant.

    RuntimeError where it requires grad: its gradient would be lost in silence.
    """
    if isinstance(value, Tensor) and modes.grad and node_of(value) is not None:
        raise RuntimeError(
            f"{function}: {argument} is a Tensor that requires grad, but the derivative with "
            f"respect to it is not implemented; pass {argument}.detach()"
        )
    return value


def normalize_axis(function: str, axis: Any, ndim: int) -> int:
    """Return `axis` as an int in [0, ndim).

    TypeError where it is no integer, `AxisError` (a ValueError and an IndexError) where there is
    no such axis.
    """
    try:
        found = axis if axis.__class__ is int else _index(axis)
    except TypeError:
        raise TypeError(
            f"{function}: axis is {axis!r} of type {type(axis).__name__}; allowed is an integer"
        ) from None
    if not -ndim <= found < ndim:
        allowed = f"{-ndim} to {ndim - 1}" if ndim else "none, for a tensor with 0 dimensions"
        raise AxisError(
            f"{function}: axis {found} is out of bounds for array of dimension {ndim}; "
            f"allowed: {allowed}"
        )
    return found + ndim if found < 0 else found


def _index(value: Any) -> int:
    """Return an integer as an int; TypeError for others and for a bool, meant for another word."""
    if isinstance(value, bool):
        raise TypeError
    return index(value)


def normalize_axes(function: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """Return `axis` (None for all, an int, or a sequence of ints) as a tuple of ints in [0, ndim).

    Beyond the errors of `normalize_axis`, ValueError where an axis is given twice.
    """
    if axis is None:
        return tuple(range(ndim))
    if axis.__class__ is not tuple and not isinstance(axis, (tuple, list)):
        return (normalize_axis(function, axis, ndim),)
    axes = tuple([normalize_axis(function, item, ndim) for item in axis])
    if len(set(axes)) != len(axes):
        raise ValueError(
            f"{function}: axis {tuple(axis)} names an axis of the {ndim} dimensions twice"
        )
    return axes


def restore(xp: Any, reduced: Any, axis: tuple[int, ...] | None, keepdims: bool) -> Any:
    """Return the result (or cotangent) of a reduction so that it broadcasts against the input."""
    return reduced if keepdims or axis is None else xp.expand_dims(reduced, axis=axis)


def shifted(params: dict[str, Any], ndim: int) -> dict[str, Any]:
    """Return the parameters of a call on arrays with one more axis in front, for `batched`."""
    return params | {
        name: tuple(range(1, ndim + 1)) if axis is None else _next(axis)
        for name, axis in params.items()
        if name in ("axis", "axes")
    }


def _next(axis: Any) -> Any:
    if isinstance(axis, int):
        return axis + 1 if axis >= 0 else axis
    return tuple([_next(i) for i in axis])
