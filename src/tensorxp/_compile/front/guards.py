"""Guards: what a trace read from outside, and the one function that looks whether it is as it was.

A guard compares by identity; numbers, strings and tuples of them by type and value. The objects
that were read are held, so that what is identical is the same.
"""

from collections.abc import Callable
from math import copysign
from operator import is_
from typing import Any

import numpy as np

#: The types whose objects never change, and are compared by value.
VALUES = frozenset((int, float, complex, bool, str, bytes, type(None), type(...), range, slice))


def same(x: Any, y: Any) -> bool:
    """Return whether two values are the same in type and to the last bit, or one object."""
    if x is y:
        return True
    kind = type(x)
    if kind is not type(y):
        return False
    if kind is float:
        return bool(x == y and copysign(1.0, x) == copysign(1.0, y)) or (x != x and y != y)
    if kind is complex:
        return same(x.real, y.real) and same(x.imag, y.imag)
    if kind is tuple or hasattr(kind, "_fields"):
        return len(x) == len(y) and all(map(same, x, y))
    if kind is frozenset:
        return x == y and sorted(map(repr, x)) == sorted(map(repr, y)) and _plain(x)
    if kind is slice:
        return same((x.start, x.stop, x.step), (y.start, y.stop, y.step))
    if isinstance(x, np.generic):
        return bool(x.dtype == y.dtype and x.tobytes() == y.tobytes())
    return kind in VALUES and bool(x == y)


def _plain(values: Any) -> bool:
    return all(type(x) in VALUES for x in values)


def alike(x: Any, items: tuple[Any, ...]) -> bool:
    """Return whether a list or set has these very items, in their order."""
    return len(x) == len(items) and (all(map(is_, x, items)) or all(map(same, x, items)))


def alike_dict(x: Any, keys: tuple[Any, ...], values: tuple[Any, ...]) -> bool:
    """Return whether a dict has these very keys and values, in their order."""
    return alike(x, keys) and alike(x.values(), values)


class Guards:
    """The guards of one trace, as lines of a function to be."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.objects: list[str] = []  # those of the lines that hold an object
        self.names: dict[str, Any] = {"same": same, "alike": alike, "alike_dict": alike_dict}
        self._known: dict[int, str] = {}
        self._seen: set[Any] = set()

    def name(self, value: Any) -> str:
        """Return the name by which the lines know an object."""
        found = self._known.get(id(value))
        if found is None:
            found = self._known[id(value)] = f"c{len(self.names)}"
            self.names[found] = value
        return found

    def new(self, *key: Any) -> bool:
        """Return whether nothing was asked by this key before."""
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def add(self, expression: str, value: Any) -> None:
        """Demand that `expression` gives the very `value`, or an equal number, string or tuple."""
        if value is None or value is True or value is False or value is ...:
            self.lines.append(f"if {expression} is not {value}: return None")
            return
        name = self.name(value)
        kind = type(value)
        if kind in VALUES or isinstance(value, tuple | np.generic | frozenset):
            test = f"(x := {expression}) is not {name} and not same(x, {name})"
        else:
            test = f"{expression} is not {name}"
            self.objects.append(f"if {test}: return None")
        self.lines.append(f"if {test}: return None")

    def demand(self, expression: str) -> None:
        """Demand that `expression` is true."""
        self.lines.append(f"if not ({expression}): return None")

    def content(self, x: Any) -> None:
        """Demand that a list, dict or set has the items that it has now."""
        if not self.new("content", id(x)):
            return
        name = self.name(x)
        if not len(x):
            self.lines.append(f"if {name}: return None")
        elif isinstance(x, dict):
            keys, values = self.name(tuple(x)), self.name(tuple(x.values()))
            self.demand(f"alike_dict({name}, {keys}, {values})")
        else:
            self.demand(f"alike({name}, {self.name(tuple(x))})")


def function(arguments: str, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """Return the function of these lines over global `names`; None where one of them raises."""
    inside = "".join([f"        {line}\n" for line in lines])
    text = (
        f"def check({arguments}):\n    try:\n{inside}    except Exception:\n        return None\n"
    )
    scope = dict(names)
    exec(compile(text, "<guards>", "exec"), scope)
    return scope["check"]  # type: ignore[no-any-return]
