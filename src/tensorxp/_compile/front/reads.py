"""Answers about values: names, items, iteration, tests, and writes to what was made."""

import sys
from collections.abc import Iterator
from types import (
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any

import numpy as np

from tensorxp._backend.device import Device
from tensorxp._backend.dtypes import DType
from tensorxp._compile.front import known
from tensorxp._compile.front.kinds import (
    MUTABLE,
    STATIC_ERRORS,
    VIEWS,
    hashable,
    is_function,
    stop,
)
from tensorxp._compile.front.trace import Untraceable, is_builtin
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import TensorBase


class Reads:
    """The part of a `Frame` that concerns values; `seen` is what its trace has seen."""

    __slots__ = ()
    seen: Any
    _known: dict[str, Any]
    _globals: dict[str, Any]
    _builtins: dict[str, Any]
    _cells: dict[str, Any]
    call: Any
    attr: Any
    known: Any
    unchanged: Any

    # names

    def glob(self, name: str) -> Any:
        """Return a global or builtin name's value, which is guarded."""
        try:
            return self._known[name]
        except KeyError:
            pass
        guards, scope = self.seen.guards, self._globals
        if name in scope:
            value = scope[name]
            if guards.new(id(scope), name):
                guards.add(f"{guards.name(scope)}[{name!r}]", value)
        elif name in self._builtins:
            value = self._builtins[name]
            if guards.new(id(scope), name):
                guards.demand(f"{name!r} not in {guards.name(scope)}")
                guards.add(f"{guards.name(self._builtins)}[{name!r}]", value)
        else:
            raise Untraceable(f"the name {name!r} is not defined")
        self._known[name] = value
        return value

    def free(self, name: str, value: Any) -> Any:
        """Return a closure cell's value, which is guarded."""
        guards, cell = self.seen.guards, self._cells[name]
        if guards.new(id(cell), "cell"):
            guards.add(f"{guards.name(cell)}.cell_contents", value)
        return value

    # values

    def used(self, x: Any) -> Any:
        """Return `x`, an operand of an operator, if that operator has no effects."""
        if type(x) in self.seen.safe:
            return x
        return self._content(x, "an operator")

    def _content(self, x: Any, what: str) -> Any:
        """Guard the content of `x`, and of what is in it."""
        seen, kind = self.seen, type(x)
        if kind in seen.safe or known.is_constant(x):
            return x
        if isinstance(x, tuple) and (kind is tuple or hasattr(kind, "_fields")):
            for item in x:
                self._content(item, what)
            return x
        if kind in MUTABLE:
            self._items(x)
            for item in x.values() if kind is dict else x:
                self._content(item, what)
            return x
        if kind is frozenset:
            return x if all(type(y) in known.SCALARS for y in x) else self._unknown(x, what)
        if isinstance(x, np.ndarray) and id(x) in seen.own:
            return x
        if kind in VIEWS and id(x) in seen.own:
            return x
        if is_function(x):
            return x
        if isinstance(x, Primitive) and is_builtin(x):
            return x
        return self._unknown(x, what)

    def _unknown(self, x: Any, what: str) -> Any:
        if isinstance(x, np.ndarray):
            raise Untraceable("it uses a NumPy array from outside; make a Tensor of it once")
        if isinstance(x, TensorBase):
            raise Untraceable(f"it uses a {type(x).__name__}, a subclass of Tensor of your own")
        if isinstance(x, Primitive):
            raise Untraceable(f"it calls {x.name}, a primitive of your own")
        raise Untraceable(f"it gives a {type(x).__name__} to {what}")

    def tested(self, x: Any) -> Any:
        """Return `x`, whose truth is asked for next."""
        seen, kind = self.seen, type(x)
        if kind in seen.safe:
            return x
        if kind in MUTABLE:
            self._items(x)
            return x
        if isinstance(x, tuple) or is_function(x):
            return x
        self.known(x)
        if isinstance(x, np.ndarray | np.generic):
            return self._content(x, "a test")
        for name in ("__bool__", "__len__"):
            found = getattr(kind, name, None)
            guards = seen.guards
            if guards.new(id(kind), name):
                guards.add(f"getattr({guards.name(kind)}, {name!r}, None)", found)
            if found is not None:
                return self.call(found, x)
        self._kind(x)
        return x

    def _kind(self, x: Any) -> None:
        """Guard the class of an object from outside."""
        seen = self.seen
        if id(x) not in seen.own and not isinstance(x, TensorBase) and type(x) not in seen.safe:
            guards = seen.guards
            if guards.new(id(x), "class"):
                guards.add(f"{guards.name(x)}.__class__", type(x))

    def told(self, x: Any) -> Any:
        """Return what is told by `is` from something else."""
        self.known(x)
        if type(x) in self.seen.tensors:
            self.seen.tracer.number(x)  # arguments are told from what is outside at each call
        elif id(x) in self.seen.given:
            stop(f"it asks by `is` which {type(x).__name__} it was given")
        return x

    def text(self, x: Any) -> Any:
        """Return what is put into a text."""
        if type(x) in known.SCALARS or type(x) in (DType, Device):
            return x
        return stop(f"it writes a {type(x).__name__} into a text")

    def made(self, x: Any) -> Any:
        """Return what the code has just made; it is its own."""
        if type(x) in MUTABLE:
            self.seen.own[id(x)] = x
        return x

    def key(self, x: Any) -> Any:
        """Return a key of a dict or an index."""
        kind = type(x)
        if kind in self.seen.safe:
            return x
        if kind is tuple:
            for item in x:
                self.key(item)
            return x
        return self._content(x, "an index")

    def item(self, x: Any, key: Any) -> Any:
        """Return `x[key]`."""
        seen, kind = self.seen, type(x)
        self.key(key)
        if kind in seen.tensors:
            return x[key]
        if kind in MUTABLE and kind is not set:
            hashed = kind is dict and not hashable(key)
            if hashed:
                return stop("it has a key that compares by code of its own")
            outside = id(x) not in seen.own and id(x) not in seen.given
            guards = seen.guards
            self.unchanged(x)
            try:
                value = x[key]
            except (KeyError, IndexError):
                if outside:
                    guards.content(x)
                raise
            if outside:
                if type(key) is slice:
                    guards.content(x)
                elif guards.new(id(x), type(key), key):
                    guards.add(f"{guards.name(x)}[{guards.name(key)}]", value)
            return self.made(value) if type(key) is slice else value
        if kind in known.SCALARS or (
            isinstance(x, tuple) and kind.__getitem__ is tuple.__getitem__
        ):
            return x[key]
        if isinstance(x, np.ndarray):
            self._content(x, "an index")
            return self._new_array(x[key])
        if isinstance(x, ModuleType | type):
            return stop("it indexes a class")
        return self.call(self.attr(x, "__getitem__"), key)

    def has(self, key: Any, x: Any) -> bool:
        """Return `key in x`."""
        seen = self.seen
        if type(x) is dict or type(x) is set:
            if not hashable(key):
                return bool(stop("it has a key that compares by code of its own"))
            found = key in x
            guards = seen.guards
            self.unchanged(x)
            if id(x) not in seen.own and id(x) not in seen.given:
                if guards.new(id(x), "in", type(key), key):
                    guards.demand(f"({guards.name(key)} in {guards.name(x)}) is {found}")
            return found
        if type(x) in VIEWS:
            return key in self._content(x, "a comparison")
        for value in (x, key):
            self._content(value, "a comparison")
        return key in x

    def _new_array(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            self.seen.own[id(x)] = x
        elif type(x) is tuple:
            for item in x:
                self._new_array(item)
        return x

    def mapping(self, x: Any) -> Any:
        """Return a dict that a double star takes apart."""
        if type(x) is not dict:
            return stop("it has two stars before what is no dict")
        self._items(x)
        return x

    def _items(self, x: Any) -> None:
        seen = self.seen
        if id(x) not in seen.own and id(x) not in seen.given:
            seen.guards.content(self.unchanged(x))

    def iterable(self, x: Any, depth: int = 0) -> Any:
        """Return what may be iterated over; to `depth`, its items are taken apart as well."""
        seen, kind = self.seen, type(x)
        if kind in MUTABLE:
            self._items(x)
        elif isinstance(x, tuple) and kind.__iter__ is tuple.__iter__:
            pass
        elif kind in seen.tensors or kind in (range, str, bytes):
            pass
        elif kind is GeneratorType:
            if x.gi_code not in seen.codes:
                return stop("it goes on with a generator from outside")
        elif isinstance(x, np.ndarray):
            self._content(x, "a loop")
        elif id(x) in seen.own and hasattr(kind, "__iter__"):
            if isinstance(kind.__iter__, FunctionType):
                x = self.iterable(self.call(kind.__iter__, x))
        else:
            x = self._iterator(x)
        if depth:
            x = [self.iterable(item, depth - 1) for item in x]
        return x

    def _iterator(self, x: Any) -> Any:
        kind = type(x)
        if isinstance(x, MappingProxyType) or not isinstance(
            getattr(kind, "__iter__", 0), FunctionType
        ):
            return stop(f"it iterates over a {kind.__name__}")
        return self.iterable(self.call(self.attr(x, "__iter__")))

    def loop(self, x: Any, depth: int) -> Iterator[Any]:
        """Yield the items, which are taken apart to `depth`."""
        for item in self.iterable(x):
            yield self.iterable(item, depth - 1)

    # writes

    def owned(self, x: Any) -> None:
        """See that `x op= y` changes nothing from outside but what the tracer sees."""
        if type(x) in self.seen.safe or isinstance(x, tuple | np.generic):
            return
        if id(x) not in self.seen.own or type(x) not in (*MUTABLE, np.ndarray):
            stop(f"it changes a {type(x).__name__} that it has not made")

    def owner(self, x: Any) -> Any:
        """Return that in which an item is set."""
        if type(x) in self.seen.tensors:
            return x
        if id(x) not in self.seen.own or type(x) not in (*MUTABLE, np.ndarray):
            stop(f"it changes a {type(x).__name__} that it has not made")
        return x

    def aug(self, x: Any) -> Any:
        """Return that in which an item is changed in place."""
        if type(x) in self.seen.tensors:
            return x
        self.owner(x)
        values = x.values() if type(x) is dict else x
        if type(x) in MUTABLE and any(type(v) not in self.seen.safe for v in values):
            stop(f"it changes an item of a {type(x).__name__} in place")
        return x

    def store(self, x: Any, name: str, value: Any) -> None:
        """Set an attribute of an object that the code has made."""
        kind: Any = type(x)
        if isinstance(x, TensorBase) or id(x) not in self.seen.own:
            stop(f"it sets the attribute {name!r} of a {kind.__name__} that it has not made")
        if kind.__setattr__ is not object.__setattr__:
            stop(f"{kind.__name__} has a __setattr__ of its own")
        found = getattr(kind, name, None)
        if hasattr(type(found), "__set__") and not isinstance(found, MemberDescriptorType):
            stop(f"{kind.__name__}.{name} is set by code of its own")
        setattr(x, name, value)

    def scope(self, x: Any) -> Any:
        """Return what stands behind `with`."""
        if isinstance(x, known.SCOPES):
            return x
        return stop(f"it has a with of a {type(x).__name__}")

    def caught(self) -> None:
        """See an exception that is about to be handled."""
        error = sys.exc_info()[1]
        if isinstance(error, Untraceable):
            raise error
        if not isinstance(error, STATIC_ERRORS):
            stop(f"it handles a {type(error).__name__}")

    def stop(self, reason: str) -> Any:
        """End the trace."""
        raise Untraceable(reason)
