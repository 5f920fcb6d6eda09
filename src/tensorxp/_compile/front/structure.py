"""What goes in and out of a compiled function: containers taken apart and put together again."""

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorxp._backend.device import Device
from tensorxp._backend.dtypes import DType
from tensorxp._compile.front.trace import Untraceable
from tensorxp._core.tensor import CONCRETE, TensorBase

#: The structure of one tensor: as an argument, and as a result with its number.
ONE = ("tensor", 0)
_PLAIN = frozenset((int, bool, str, bytes, type(None), type(...), DType, Device))


class _Object:
    """Stands for an argument that is told by identity: a module, a function, any object."""

    __slots__ = ("_held", "_id")

    def __init__(self, x: Any) -> None:
        self._id = id(x)
        try:
            self._held: Any = weakref.ref(x)
        except TypeError:
            self._held = lambda: x

    def get(self) -> Any:
        return self._held()

    def __hash__(self) -> int:
        return self._id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Object):
            return NotImplemented
        mine = self._held()
        return mine is not None and mine is other._held()


def _scalar(value: Any) -> Any:
    """Return the structure of a value that is compared to the last bit; None for others."""
    kind = type(value)
    if kind in _PLAIN:
        return "static", (kind, value)  # 1, 1.0 and True are equal, but not the same
    if kind is float or kind is complex:
        return kind, (repr(value), value)  # tells -0.0 from 0.0, and NaN equals itself
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return np.generic, (value.dtype, value.tobytes())
    if kind is slice or kind is range:
        parts = tuple([_scalar(x) for x in (value.start, value.stop, value.step)])
        return None if None in parts else (kind, parts)
    return None


def flatten(value: Any, found: list[Any]) -> Any:
    """Return the structure of an argument as something hashable; its tensors go to `found`."""
    if isinstance(value, TensorBase):
        found.append(value)
        return None
    kind = type(value)
    if kind is tuple or kind is list:
        return kind, tuple([flatten(item, found) for item in value])
    if kind is dict:
        return dict, tuple([(flatten(k, found), flatten(item, found)) for k, item in value.items()])
    known = _scalar(value)
    if known is not None:
        return known
    if is_record(value):
        return kind, tuple([flatten(item, found) for item in value])
    if isinstance(value, tuple | list | dict | set | frozenset | np.ndarray):
        raise Untraceable(f"an argument is a {kind.__name__}")
    return _Object, _Object(value)


def is_record(value: Any) -> bool:
    """Return whether `value` is a named tuple and nothing more."""
    kind = type(value)
    return (
        isinstance(value, tuple) and hasattr(kind, "_fields") and kind.__bases__ == (tuple,)
        and not hasattr(value, "__dict__")
    )  # fmt: skip


def unflatten(structure: Any, leaves: Any) -> Any:
    """Return an argument of this structure with tensors from the iterator `leaves`."""
    if structure is None:
        return next(leaves)
    kind, content = structure
    if kind == "static":
        return content[1]
    if kind is float or kind is complex:
        return content[1]
    if kind is np.generic:
        dtype, raw = content
        return np.frombuffer(raw, dtype)[0]
    if kind is dict:
        return {unflatten(k, leaves): unflatten(item, leaves) for k, item in content}
    if kind is _Object:
        return content.get()
    items = [unflatten(item, leaves) for item in content]
    if kind is slice or kind is range:
        return slice(*items) if kind is slice else range(*items)
    return items if kind is list else tuple.__new__(kind, items)


def arguments(args: tuple[Any, ...], kwargs: dict[str, Any], found: list[Any]) -> Any:
    """Return what `flatten` does of arguments; of tensors only, by a table."""
    if not kwargs:
        for x in args:
            if not isinstance(x, TensorBase):
                break
        else:
            found.extend(args)
            known = _TENSORS.get(len(args))
            if known is None:
                known = _TENSORS[len(args)] = flatten((args, kwargs), [])
            return known
    return flatten((args, kwargs), found)


_TENSORS: dict[int, Any] = {}  # the structures of arguments that are tensors, by their number


def only_tensors(structure: Any, count: int) -> bool:
    """Return whether `structure` is that of `count` tensors and nothing else."""
    return structure is _TENSORS.get(count)


def result(value: Any, found: list[Any], made: set[int] | None = None) -> Any:
    """Return the structure of a result; its tensors go to `found`, each once.

    `made` are the containers that the function has made, so that a program may make them anew:
    once each, as a list that stands there twice is one. None is for a result seen before.
    """
    kind = type(value)
    if kind is CONCRETE[0]:
        for i, x in enumerate(found):
            if x is value:
                return "tensor", i
        found.append(value)
        return "tensor", len(found) - 1
    if kind is tuple or is_record(value):
        return kind, tuple([result(item, found, made) for item in value])
    if kind is list or kind is dict:
        if made is not None:
            if id(value) not in made:
                raise Untraceable(f"it returns a {kind.__name__} that is somewhere else too")
            made.remove(id(value))
        if kind is list:
            return list, [result(item, found, made) for item in value]
        items = []
        for k, item in value.items():
            if _scalar(k) is None:
                raise Untraceable(f"it returns a dict with a {type(k).__name__} as a key")
            items.append((k, result(item, found, made)))
        return dict, items
    if _scalar(value) is not None:
        return "value", value
    raise Untraceable(f"it returns a {kind.__name__}")


def rebuilt(structure: Any, outs: Sequence[Any]) -> Any:
    """Return a result of this structure with the tensors `outs`."""
    kind, content = structure
    if kind == "tensor":
        return outs[content]
    if kind == "value":
        return content
    if kind is dict:
        return {k: rebuilt(item, outs) for k, item in content}
    items = [rebuilt(item, outs) for item in content]
    return items if kind is list else tuple.__new__(kind, items)
