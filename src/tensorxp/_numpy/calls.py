"""How the tables of NumPy's functions are made and searched.

An adapter has the signature of NumPy's function behind the namespace: `sum(xp, a, axis=None)`.
It raises `NoEquivalent` where the arguments ask for what we lack.
"""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np

from tensorxp._core.tensor import Tensor

_functions: dict[str, Callable[..., Any]] = {}
_no_value = getattr(np, "_NoValue", None)
#: modules that enter adapters, imported when a function of NumPy first meets a Tensor
_TABLES = ("reductions", "functions", "shapes", "linalg", "formulas")


#: What adapters call a first argument that is one array, and NumPy an array-like.
_ARRAYS = frozenset(("a", "x", "m", "v", "z", "val", "f", "y", "A", "p", "arr", "ary", "array"))

_ARRAY_LIKES = (int, float, complex, list, tuple, np.ndarray, np.generic)


class NoEquivalent(Exception):
    """There is no equivalent of this NumPy call; it runs on NumPy or raises a TypeError."""


def implements(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter an adapter under its own name and `names` ("linalg.norm" for submodules)."""

    def enter(adapter: Callable[..., Any]) -> Callable[..., Any]:
        for name in names or (adapter.__name__,):
            _functions[name] = adapter
        return adapter

    return enter


def is_given(name: str, value: Any) -> bool:
    """Return whether an argument says anything: NumPy passes some defaults on."""
    if value is None and name in ("out", "dtype", "like", "signature", "sig", "casting"):
        return False
    if name == "out" and value.__class__ is tuple and all(v is None for v in value):
        return False
    return value is not _no_value


@lru_cache(maxsize=512)
def find_function(name: str) -> Callable[..., Any] | None:
    """Return the adapter of NumPy's `name`, which raises NoEquivalent for unknown arguments."""
    for table in _TABLES:
        import_module(f"{__package__}.{table}")
    adapter = _functions.get(name)
    if adapter is None:
        return None
    found = signature(adapter)
    bind, is_array = found.bind, list(found.parameters)[1] in _ARRAYS
    most = adapter.__code__.co_argcount - 1
    least = most - len(adapter.__defaults__ or ())

    def checked(xp: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs or not least <= len(args) <= most:
            try:
                bind(xp, *args, **kwargs)
            except TypeError:
                raise NoEquivalent from None
        if is_array and args and isinstance(args[0], _ARRAY_LIKES):
            beside = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
            args = (tensors(xp, args[0], *beside)[0], *args[1:])
        return adapter(xp, *args, **kwargs)

    return checked


def need(xp: Any, name: str) -> Any:
    """Return a function of the namespace; NoEquivalent where it has none of that name."""
    found = getattr(xp, name, None)
    if found is None:
        raise NoEquivalent
    return found


def laid_out(function: str, x: Any, order: Any) -> Any:
    """Return a result with its elements in memory as NumPy's `order` says: "F" by columns."""
    order = _letter(function, order)
    raw = x._data
    if order not in ("C", "F") or (
        raw.flags.c_contiguous if order == "C" else raw.flags.f_contiguous
    ):
        return x
    xp = x.__array_namespace__()
    axes = tuple(range(raw.ndim))[:: -1 if order == "F" else 1]
    return xp.permute_dims(xp.copy(xp.permute_dims(x, axes)), axes)


def is_by_rows(function: str, x: Any, order: Any) -> bool:
    """Return whether NumPy's `order` takes `x` by rows: "A" and "K" go by its memory."""
    order, flags = _letter(function, order), x._data.flags
    if order == "A":
        return bool(flags.c_contiguous or not flags.f_contiguous)
    return order in ("C", None) or (order == "K" and bool(flags.c_contiguous))


def _letter(function: str, order: Any) -> Any:
    if not (order is None or isinstance(order, str)):
        raise TypeError(f"{function}: order is {order!r}; allowed are 'C', 'F', 'A', 'K'")
    found = order and order.upper()
    if found is not None and found not in ("C", "F", "A", "K"):
        raise ValueError(f"{function}: order is {order!r}; allowed are 'C', 'F', 'A', 'K'")
    return found


def floating(xp: Any, x: Any) -> Any:
    """Return `x`, integers and bool as float64, in which NumPy computes with them."""
    return xp.astype(x, "float64") if xp.isdtype(x.dtype, ("bool", "integral")) else x


def tensors(xp: Any, *values: Any) -> list[Any]:
    """Return lists and scalars as Tensors on the device of the Tensors among them.

    NoEquivalent where one is of a kind that tensors cannot hold (strings, objects).
    """
    found = [x._device for x in values if isinstance(x, Tensor)]
    if len(found) == len(values):
        return list(values)
    device = found[0] if found else None
    try:
        return [x if isinstance(x, Tensor) else xp.asarray(x, device=device) for x in values]
    except TypeError:
        raise NoEquivalent from None
