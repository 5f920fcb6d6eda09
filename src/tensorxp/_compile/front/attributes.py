"""Answers about attributes: what Python's lookup found, and what it depends on."""

from enum import Enum, EnumMeta
from types import (
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np

from tensorxp._compile.front import known
from tensorxp._compile.front.kinds import COMPILED, LOOKUPS, MISSING, MUTABLE, VIEWS, static, stop
from tensorxp._core.tensor import TensorBase


class Attributes:
    """The part of a `Frame` that concerns attributes."""

    __slots__ = ()
    seen: Any
    attribute: Any
    call: Any
    has: Any
    item: Any
    _kind: Any
    _content: Any
    _new_array: Any
    _unknown: Any

    # attributes

    def attr(self, x: Any, name: str) -> Any:
        """Return `x.name`, guarded where it may change."""
        seen, kind = self.seen, type(x)
        if kind is ModuleType:
            return self._module(x, name)
        self.attribute(x, name)
        if kind in seen.tensors:
            return self._tensor(x, name)
        if kind in seen.safe or kind in MUTABLE or kind is tuple or isinstance(x, np.generic):
            return getattr(x, name)
        if isinstance(x, np.ndarray):
            self._content(x, "an attribute")
            return self._new_array(getattr(x, name))
        if kind in VIEWS or kind is GeneratorType:
            return getattr(x, name)
        if isinstance(x, ModuleType):
            return self._module(x, name)
        if isinstance(x, TensorBase):
            return self._unknown(x, "an attribute")
        if kind is super:
            return self._super(x, name)
        if isinstance(x, type):
            return self._of_class(x, name)
        return self._of_object(x, name)

    def _module(self, x: Any, name: str) -> Any:
        value = getattr(x, name)
        scope = vars(x)
        if name not in scope:
            if name in ("__dict__", "__class__") or not x.__name__.startswith("tensorxp"):
                return stop(f"the attribute {name!r} of a module is not in it")
            scope[name] = value  # loaded when first used: from now on it is there
        guards = self.seen.guards
        if guards.new(id(scope), name):
            guards.add(f"{guards.name(scope)}[{name!r}]", value)
        return value

    def _tensor(self, x: Any, name: str) -> Any:
        if name in known.ATTRIBUTES:
            self.seen.tracer.number(x)
            return getattr(x, name)
        kind = type(x)
        found = getattr(kind, name, None)
        if found is None or name.startswith("_"):
            return stop(f"it reads {name!r} of a Tensor")
        if not isinstance(found, FunctionType | MethodDescriptorType):
            if type(found).__name__ != COMPILED:
                return stop(f"it reads {name!r} of a Tensor")
        guards = self.seen.guards
        if guards.new(id(kind), name):
            guards.add(f"{guards.name(kind)}.{name}", found)
        return getattr(x, name)

    def _super(self, x: Any, name: str) -> Any:
        value = getattr(x, name)
        if not isinstance(value, MethodType):
            return stop(f"it reads super().{name}")
        guards, owner, obj = self.seen.guards, x.__thisclass__, x.__self_class__
        if guards.new(id(owner), id(obj), name):
            key = f"super({guards.name(owner)}, {guards.name(obj)}).{name}"
            own = value.__func__
            guards.demand(f"getattr({key}, '__func__', {key}) is {guards.name(own)}")
        return value

    def _of_class(self, x: Any, name: str) -> Any:
        if isinstance(x, EnumMeta) and name in x.__members__:
            pass
        elif _static_of(x) is not type.__getattribute__ or hasattr(type(x), "__getattr__"):
            return stop(f"{x.__name__} looks up attributes by code of its own")
        if name in ("__name__", "__qualname__", "__class__"):
            return getattr(x, name)
        if name.startswith("__") and name not in ("__init__", "__call__", "__len__", "__iter__"):
            return stop(f"it reads {name!r} of a class")
        value = getattr(x, name)
        if issubclass(x, TensorBase | Exception | np.generic) or x in known.TYPES:
            return value
        guards = self.seen.guards
        if guards.new(id(x), name):
            if isinstance(value, MethodType):
                guards.add(f"{guards.name(x)}.{name}.__func__", value.__func__)
            elif isinstance(static(x, name), property | MemberDescriptorType):
                return stop(f"it reads {name!r} of a class")
            else:
                guards.add(f"{guards.name(x)}.{name}", value)
        return value

    def _of_object(self, x: Any, name: str) -> Any:
        kind: Any = type(x)
        if isinstance(x, Enum) and name in ("value", "name", "_value_", "_name_"):
            if self.seen.guards.new(id(x), name):
                self.seen.guards.add(f"{self.seen.guards.name(x)}.{name}", getattr(x, name))
            return getattr(x, name)
        if kind.__getattribute__ not in LOOKUPS:
            return stop(f"{kind.__name__} looks up attributes by code of its own")
        own = id(x) in self.seen.own
        guards = self.seen.guards
        if name == "__dict__":
            value = x.__dict__
            if own:
                self.seen.own[id(value)] = value
            elif guards.new(id(x), name):
                guards.add(f"{guards.name(x)}.__dict__", value)
            return value
        if name == "__class__" and static(kind, name) is object.__dict__[name]:
            self._kind(x)
            return kind
        found = static(kind, name)
        inside = getattr(x, "__dict__", {})
        if isinstance(found, property):
            if guards.new(id(kind), name):
                guards.add(f"{guards.name(kind)}.{name}", found)
            self._kind(x)
            return self.call(found.fget, x)
        if name in inside and not hasattr(type(found), "__set__"):
            value = inside[name]
            if not own and guards.new(id(x), name):
                guards.add(f"{guards.name(x)}.{name}", value)
            return value
        if isinstance(found, MemberDescriptorType):
            value = getattr(x, name)
            if not own and guards.new(id(x), name):
                guards.add(f"{guards.name(x)}.{name}", value)
            return value
        if found is MISSING:
            return self._missing(x, kind, name, own)
        if isinstance(found, FunctionType) or type(found).__name__ == COMPILED:
            if own:
                if guards.new(id(kind), name):
                    guards.add(f"{guards.name(kind)}.{name}", found)
            elif guards.new(id(x), name):
                guards.add(f"{guards.name(x)}.{name}.__func__", found)
            return getattr(x, name)
        if isinstance(found, classmethod):
            value = getattr(x, name)
            if guards.new(id(kind), name):
                guards.add(f"{guards.name(kind)}.{name}.__func__", value.__func__)
            self._kind(x)
            return value
        if isinstance(found, staticmethod) or not hasattr(type(found), "__get__"):
            value = getattr(x, name)
            if own:
                if guards.new(id(kind), name):
                    guards.add(f"{guards.name(kind)}.{name}", value)
            elif guards.new(id(x), name):
                guards.add(f"{guards.name(x)}.{name}", value)
            return value
        if type(found).__name__ == "_tuplegetter" and isinstance(x, tuple):
            return getattr(x, name)
        if isinstance(found, MethodDescriptorType) and isinstance(x, tuple):
            return getattr(x, name)
        return stop(f"it reads {name!r} of a {kind.__name__}")

    def _missing(self, x: Any, kind: Any, name: str, own: bool) -> Any:
        """Return what a class without the attribute finds by its own code."""
        guards = self.seen.guards
        hook = static(kind, "__getattr__")
        if not own and guards.new(id(x), name, "missing"):
            self._kind(x)
            label = guards.name(kind)
            if guards.new(id(kind), name, "missing"):
                guards.demand(f"not hasattr({label}, {name!r})")
            if hasattr(x, "__dict__"):
                guards.demand(f"{name!r} not in {guards.name(x)}.__dict__")
        if hook is MISSING:
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
        if guards.new(id(kind), "__getattr__"):
            guards.add(f"{guards.name(kind)}.__getattr__", hook)
        if getattr(hook, "__globals__", {}).get("__name__") == "tensorxp.nn.module":
            for registered in ("_parameters", "_buffers", "_modules"):  # as it looks itself
                found = self.attr(x, registered)
                if self.has(name, found):
                    return self.item(found, name)
        return self.call(hook, x, name)


def _static_of(x: type) -> Any:
    """Return the lookup of a class's attributes."""
    return type(x).__getattribute__
