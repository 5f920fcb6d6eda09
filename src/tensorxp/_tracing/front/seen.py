"""What a trace sees: each read from outside becomes a guard, what cannot be known ends it.

An object is *own* where the traced code made it: it may be read and written freely. Another one's
content is guarded where it is read, and a write to it ends the trace, which has then done nothing
that a plain call would do again.
"""

import builtins
import sys
from collections.abc import Callable, Iterator
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from tensorxp._backend.device import Device
from tensorxp._backend.dtypes import DType
from tensorxp._core.tensor import TensorBase
from tensorxp._tracing.front import known
from tensorxp._tracing.front.guards import Guards
from tensorxp._tracing.front.rewrite import SEEN, rewritten
from tensorxp._tracing.trace import Untraceable

_MISSING: Any = object()
_MUTABLE = (list, dict, set)
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
_LOOKUPS = (
    object.__getattribute__, tuple.__getattribute__, FunctionType.__getattribute__,
    MethodType.__getattribute__,
)  # fmt: skip
_FUNCTION = "cython_function_or_method"
#: Errors that follow from what is guarded, never from the elements of a tensor.
_STATIC_ERRORS = (AttributeError, KeyError, TypeError, NotImplementedError, StopIteration)


class Seen:
    """One trace's guards, and the functions that it follows."""

    def __init__(self, tracer: Any) -> None:
        self.tracer = tracer
        self.guards = Guards()
        self.own: dict[int, Any] = {}
        self.given: dict[int, Any] = {}  # containers of the arguments: read freely, never written
        self.codes: set[Any] = set()
        self.functions: dict[int, tuple[Any, Any]] = {}
        self.tensors = frozenset(known.tensor_types())
        self.safe = known.SCALARS | self.tensors | {DType, Device, slice, ModuleType}
        self.main = Frame(self, {}, {})

    def arguments(self, value: Any) -> None:
        """Take note of the containers that stand among the arguments."""
        if isinstance(value, list | tuple):
            self.given[id(value)] = value
            for item in value:
                self.arguments(item)
        elif isinstance(value, dict):
            self.given[id(value)] = value
            for item in value.values():
                self.arguments(item)

    def followed(self, f: FunctionType) -> Any:
        """Return a function with questions in the place of `f`."""
        code = f.__code__
        if code in self.codes:
            return f
        found = self.functions.get(id(f))
        if found is not None:
            return found[1]
        new = rewritten(code)
        if isinstance(new, str):
            raise Untraceable(new)
        guards = self.guards
        name = guards.name(f)
        guards.add(f"{name}.__code__", code)
        guards.add(f"{name}.__defaults__", f.__defaults__)
        if f.__kwdefaults__:
            guards.add(f"{name}.__kwdefaults__", f.__kwdefaults__)
            guards.content(f.__kwdefaults__)
        else:
            guards.demand(f"not {name}.__kwdefaults__")
        cells = dict(zip(code.co_freevars, f.__closure__ or (), strict=True))
        frame = Frame(self, f.__globals__, cells)
        closure = tuple([CellType(frame) if n == SEEN else cells[n] for n in new.co_freevars])
        out = FunctionType(new, f.__globals__, f.__name__, f.__defaults__, closure)
        out.__kwdefaults__ = f.__kwdefaults__
        self.codes.add(new)
        self._add_codes(new)
        self.functions[id(f)] = (f, out)
        return out

    def _add_codes(self, code: Any) -> None:
        for x in code.co_consts:
            if x.__class__ is code.__class__:
                self.codes.add(x)
                self._add_codes(x)

    def close(self) -> None:
        """Let go of what only the trace needed."""
        self.own.clear()
        self.given.clear()
        self.functions.clear()


def _stop(reason: str) -> Any:
    raise Untraceable(reason)


def _named(f: Any) -> str:
    return str(getattr(f, "__qualname__", None) or type(f).__qualname__)


class Frame:
    """The answers to the questions of one function's code (`front.rewrite`)."""

    __slots__ = ("_builtins", "_cells", "_globals", "_known", "seen")

    def __init__(self, seen: Seen, globals_: dict[str, Any], cells: dict[str, Any]) -> None:
        self.seen = seen
        self._globals = globals_
        found = globals_.get("__builtins__", builtins)
        self._builtins = found if isinstance(found, dict) else vars(found)
        self._cells = cells
        self._known: dict[str, Any] = {}

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
        if x.__class__ in self.seen.safe:
            return x
        return self._content(x, "an operator")

    def _content(self, x: Any, what: str) -> Any:
        """Guard the content of `x`, and of what is in it."""
        seen, kind = self.seen, x.__class__
        if kind in seen.safe or known.is_constant(x):
            return x
        if isinstance(x, tuple) and (kind is tuple or hasattr(kind, "_fields")):
            for item in x:
                self._content(item, what)
            return x
        if kind in _MUTABLE:
            if id(x) not in seen.own and id(x) not in seen.given:
                seen.guards.content(x)
            for item in x.values() if kind is dict else x:
                self._content(item, what)
            return x
        if kind is frozenset:
            return x if all(y.__class__ in known.SCALARS for y in x) else self._unknown(x, what)
        if isinstance(x, np.ndarray) and id(x) in seen.own:
            return x
        if kind in _VIEWS and id(x) in seen.own:
            return x
        if _is_function(x):
            return x
        return self._unknown(x, what)

    def _unknown(self, x: Any, what: str) -> Any:
        if isinstance(x, np.ndarray):
            raise Untraceable("it uses a NumPy array from outside; make a Tensor of it once")
        if isinstance(x, TensorBase):
            raise Untraceable(f"it uses a {type(x).__name__}, a subclass of Tensor of your own")
        raise Untraceable(f"it gives a {type(x).__name__} to {what}")

    def tested(self, x: Any) -> Any:
        """Return `x`, whose truth is asked for next."""
        seen, kind = self.seen, x.__class__
        if kind in seen.safe:
            return x
        if kind in _MUTABLE:
            if id(x) not in seen.own and id(x) not in seen.given:
                seen.guards.content(x)
            return x
        if isinstance(x, tuple) or _is_function(x):
            return x
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
        if id(x) not in seen.own and not isinstance(x, TensorBase) and x.__class__ not in seen.safe:
            guards = seen.guards
            if guards.new(id(x), "class"):
                guards.add(f"{guards.name(x)}.__class__", x.__class__)

    def text(self, x: Any) -> Any:
        """Return what is put into a text."""
        if x.__class__ in known.SCALARS or x.__class__ in (DType, Device):
            return x
        return _stop(f"it writes a {type(x).__name__} into a text")

    def made(self, x: Any) -> Any:
        """Return what the code has just made; it is its own."""
        if x.__class__ in _MUTABLE:
            self.seen.own[id(x)] = x
        return x

    def key(self, x: Any) -> Any:
        """Return a key of a dict or an index."""
        kind = x.__class__
        if kind in self.seen.safe:
            return x
        if kind is tuple:
            for item in x:
                self.key(item)
            return x
        return self._content(x, "an index")

    def item(self, x: Any, key: Any) -> Any:
        """Return `x[key]`."""
        seen, kind = self.seen, x.__class__
        self.key(key)
        if kind in seen.tensors:
            return x[key]
        if kind in _MUTABLE and kind is not set:
            hashed = kind is dict and not _hashable(key)
            if hashed:
                return _stop("it has a key that compares by code of its own")
            value = x[key]
            if id(x) not in seen.own and id(x) not in seen.given:
                guards = seen.guards
                if key.__class__ is slice:
                    guards.content(x)
                elif guards.new(id(x), key.__class__, key):
                    guards.add(f"{guards.name(x)}[{guards.name(key)}]", value)
            return self.made(value) if key.__class__ is slice else value
        if kind in known.SCALARS or (isinstance(x, tuple) and kind.__getitem__ is tuple.__getitem__):
            return x[key]
        if isinstance(x, np.ndarray):
            self._content(x, "an index")
            return self._new_array(x[key])
        if isinstance(x, ModuleType | type):
            return _stop("it indexes a class")
        return self.call(self.attr(x, "__getitem__"), key)

    def has(self, key: Any, x: Any) -> bool:
        """Return `key in x`."""
        seen = self.seen
        if x.__class__ is dict or x.__class__ is set:
            if not _hashable(key):
                return bool(_stop("it has a key that compares by code of its own"))
            found = key in x
            guards = seen.guards
            if id(x) not in seen.own and id(x) not in seen.given:
                if guards.new(id(x), "in", key.__class__, key):
                    guards.demand(f"({guards.name(key)} in {guards.name(x)}) is {found}")
            return found
        if x.__class__ in _VIEWS:
            return key in self._content(x, "a comparison")
        for value in (x, key):
            self._content(value, "a comparison")
        return key in x

    def _new_array(self, x: Any) -> Any:
        if isinstance(x, np.ndarray):
            self.seen.own[id(x)] = x
        elif x.__class__ is tuple:
            for item in x:
                self._new_array(item)
        return x

    def mapping(self, x: Any) -> Any:
        """Return a dict that a double star takes apart."""
        if x.__class__ is not dict:
            return _stop("it has two stars before what is no dict")
        self._items(x)
        return x

    def _items(self, x: Any) -> None:
        seen = self.seen
        if id(x) not in seen.own and id(x) not in seen.given:
            seen.guards.content(x)

    def iterable(self, x: Any, depth: int = 0) -> Any:
        """Return what may be iterated over; to `depth`, its items are taken apart as well."""
        seen, kind = self.seen, x.__class__
        if kind in _MUTABLE:
            self._items(x)
        elif isinstance(x, tuple) and kind.__iter__ is tuple.__iter__:
            pass
        elif kind in seen.tensors or kind in (range, str, bytes):
            pass
        elif kind is GeneratorType:
            if x.gi_code not in seen.codes:
                return _stop("it goes on with a generator from outside")
        elif isinstance(x, np.ndarray):
            self._content(x, "a loop")
        elif id(x) in seen.own and hasattr(kind, "__iter__"):
            if isinstance(getattr(kind, "__iter__"), FunctionType):
                x = self.iterable(self.call(kind.__iter__, x))
        else:
            x = self._iterator(x)
        if depth:
            x = [self.iterable(item, depth - 1) for item in x]
        return x

    def _iterator(self, x: Any) -> Any:
        kind = x.__class__
        if isinstance(x, MappingProxyType) or not isinstance(getattr(kind, "__iter__", 0), FunctionType):
            return _stop(f"it iterates over a {kind.__name__}")
        return self.iterable(self.call(self.attr(x, "__iter__")))

    def loop(self, x: Any, depth: int) -> Iterator[Any]:
        """Yield the items, which are taken apart to `depth`."""
        for item in self.iterable(x):
            yield self.iterable(item, depth - 1)

    # writes

    def owned(self, x: Any) -> None:
        """See that `x op= y` changes nothing from outside but what the tracer sees."""
        if x.__class__ in self.seen.safe or isinstance(x, tuple | np.generic):
            return
        if id(x) not in self.seen.own or x.__class__ not in (*_MUTABLE, np.ndarray):
            _stop(f"it changes a {type(x).__name__} that it has not made")

    def owner(self, x: Any) -> Any:
        """Return that in which an item is set."""
        if x.__class__ in self.seen.tensors:
            return x
        if id(x) not in self.seen.own or x.__class__ not in (*_MUTABLE, np.ndarray):
            _stop(f"it changes a {type(x).__name__} that it has not made")
        return x

    def aug(self, x: Any) -> Any:
        """Return that in which an item is changed in place."""
        if x.__class__ in self.seen.tensors:
            return x
        self.owner(x)
        values = x.values() if x.__class__ is dict else x
        if x.__class__ in _MUTABLE and any(v.__class__ not in self.seen.safe for v in values):
            _stop(f"it changes an item of a {type(x).__name__} in place")
        return x

    def store(self, x: Any, name: str, value: Any) -> None:
        """Set an attribute of an object that the code has made."""
        kind = type(x)
        if isinstance(x, TensorBase) or id(x) not in self.seen.own:
            _stop(f"it sets the attribute {name!r} of a {kind.__name__} that it has not made")
        if kind.__setattr__ is not object.__setattr__:
            _stop(f"{kind.__name__} has a __setattr__ of its own")
        found = getattr(kind, name, None)
        if hasattr(type(found), "__set__") and not isinstance(found, MemberDescriptorType):
            _stop(f"{kind.__name__}.{name} is set by code of its own")
        setattr(x, name, value)

    def scope(self, x: Any) -> Any:
        """Return what stands behind `with`."""
        if isinstance(x, known.SCOPES):
            return x
        return _stop(f"it has a with of a {type(x).__name__}")

    def caught(self) -> None:
        """See an exception that is about to be handled."""
        error = sys.exc_info()[1]
        if isinstance(error, Untraceable):
            raise error
        if not isinstance(error, _STATIC_ERRORS):
            _stop(f"it handles a {type(error).__name__}")

    def stop(self, reason: str) -> Any:
        """End the trace."""
        raise Untraceable(reason)

    # attributes

    def attr(self, x: Any, name: str) -> Any:
        """Return `x.name`, guarded where it may change."""
        seen, kind = self.seen, x.__class__
        if kind is ModuleType:
            return self._module(x, name)
        if kind in seen.tensors:
            return self._tensor(x, name)
        if kind in seen.safe or kind in _MUTABLE or kind is tuple or isinstance(x, np.generic):
            return getattr(x, name)
        if isinstance(x, np.ndarray):
            self._content(x, "an attribute")
            return self._new_array(getattr(x, name))
        if kind in _VIEWS or kind is GeneratorType:
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
                return _stop(f"the attribute {name!r} of a module is not in it")
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
            return _stop(f"it reads {name!r} of a Tensor")
        if not isinstance(found, FunctionType) and type(found).__name__ != _FUNCTION:
            return _stop(f"it reads {name!r} of a Tensor")
        guards = self.seen.guards
        if guards.new(id(kind), name):
            guards.add(f"{guards.name(kind)}.{name}", found)
        return getattr(x, name)

    def _super(self, x: Any, name: str) -> Any:
        value = getattr(x, name)
        if not isinstance(value, MethodType):
            return _stop(f"it reads super().{name}")
        guards, owner, obj = self.seen.guards, x.__thisclass__, x.__self_class__
        if guards.new(id(owner), id(obj), name):
            key = f"super({guards.name(owner)}, {guards.name(obj)}).{name}"
            own = value.__func__
            guards.demand(f"getattr({key}, '__func__', {key}) is {guards.name(own)}")
        return value

    def _of_class(self, x: Any, name: str) -> Any:
        if type(x).__getattribute__ is not type.__getattribute__ or hasattr(type(x), "__getattr__"):
            return _stop(f"{x.__name__} looks up attributes by code of its own")
        if name in ("__name__", "__qualname__", "__class__"):
            return getattr(x, name)
        if name.startswith("__") and name not in ("__init__", "__call__", "__len__", "__iter__"):
            return _stop(f"it reads {name!r} of a class")
        value = getattr(x, name)
        if issubclass(x, TensorBase | Exception | np.generic) or x in known.TYPES:
            return value
        guards = self.seen.guards
        if guards.new(id(x), name):
            if isinstance(value, MethodType):
                guards.add(f"{guards.name(x)}.{name}.__func__", value.__func__)
            elif isinstance(_static(x, name), property | MemberDescriptorType):
                return _stop(f"it reads {name!r} of a class")
            else:
                guards.add(f"{guards.name(x)}.{name}", value)
        return value

    def _of_object(self, x: Any, name: str) -> Any:
        kind = type(x)
        if kind.__getattribute__ not in _LOOKUPS:
            return _stop(f"{kind.__name__} looks up attributes by code of its own")
        own = id(x) in self.seen.own
        guards = self.seen.guards
        if name == "__dict__":
            value = x.__dict__
            if own:
                self.seen.own[id(value)] = value
            elif guards.new(id(x), name):
                guards.add(f"{guards.name(x)}.__dict__", value)
            return value
        if name == "__class__":
            self._kind(x)
            return kind
        found = _static(kind, name)
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
        if found is _MISSING:
            return self._missing(x, kind, name, own)
        if isinstance(found, FunctionType) or type(found).__name__ == _FUNCTION:
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
        return _stop(f"it reads {name!r} of a {kind.__name__}")

    def _missing(self, x: Any, kind: Any, name: str, own: bool) -> Any:
        """Return what a class without the attribute finds by its own code."""
        guards = self.seen.guards
        hook = _static(kind, "__getattr__")
        if not own and guards.new(id(x), name, "missing"):
            self._kind(x)
            label = guards.name(kind)
            if guards.new(id(kind), name, "missing"):
                guards.demand(f"not hasattr({label}, {name!r})")
            if hasattr(x, "__dict__"):
                guards.demand(f"{name!r} not in {guards.name(x)}.__dict__")
        if hook is _MISSING:
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
        if guards.new(id(kind), "__getattr__"):
            guards.add(f"{guards.name(kind)}.__getattr__", hook)
        if getattr(hook, "__globals__", {}).get("__name__") == "tensorxp.nn.module":
            for registered in ("_parameters", "_buffers", "_modules"):  # as it looks itself
                found = self.attr(x, registered)
                if self.has(name, found):
                    return self.item(found, name)
        return self.call(hook, x, name)

    # calls

    def call(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return `f(*args, **kwargs)`."""
        kind = f.__class__
        if kind is FunctionType:
            code = f.__code__
            if code in self.seen.codes:
                return f(*args, **kwargs)
            return self._function(f, args, kwargs)
        if kind is MethodType:
            return self.call(f.__func__, f.__self__, *args, **kwargs)
        if kind is BuiltinFunctionType:
            return self._builtin(f, args, kwargs)
        if isinstance(f, type):
            return self._instance(f, args, kwargs)
        if kind.__name__ == _FUNCTION:
            return self._leaf(f, str(f.__module__), f.__name__, args, kwargs)
        if known.of_numpy(f):
            return self._of_numpy(f, args, kwargs)
        if kind in (MethodDescriptorType, WrapperDescriptorType):
            if args and type(args[0]) in (*_MUTABLE, tuple, str, int, float):
                return self.call(getattr(args[0], f.__name__), *args[1:], **kwargs)
            return _stop(f"it calls {_named(f)}")
        if kind.__module__ == "functools" and kind.__name__ == "partial":
            if f.keywords:
                self.seen.guards.content(f.keywords)
            return self.call(f.func, *f.args, *args, **{**f.keywords, **kwargs})
        if isinstance(f, self.seen.guards.__class__) or kind in self.seen.safe:
            return f(*args, **kwargs)  # raises the TypeError of what is not callable
        found = _static(kind, "__call__")
        if isinstance(found, FunctionType):
            guards = self.seen.guards
            if guards.new(id(kind), "__call__"):
                guards.add(f"{guards.name(kind)}.__call__", found)
            self._kind(f)
            return self.call(found, f, *args, **kwargs)
        return _stop(f"it calls {_named(f)}, whose effects are not known")

    def _function(self, f: Any, args: Any, kwargs: Any) -> Any:
        scope = f.__globals__
        where = str(scope.get("__name__", ""))
        if where == "tensorxp" or where.startswith("tensorxp."):
            inner = getattr(f, "__compiled__", None)
            if inner is not None:
                return self.call(inner, *args, **kwargs)
            if where != "tensorxp" and known.ours(where, f.__name__) is False:
                return self.seen.followed(f)(*args, **kwargs)
            return self._leaf(f, where, f.__name__, args, kwargs)
        if where.split(".")[0] == "numpy":
            if known.of_numpy(f):
                return self._of_numpy(f, args, kwargs)
            return _stop(f"it calls numpy's {f.__name__}")
        return self.seen.followed(f)(*args, **kwargs)

    def _leaf(self, f: Any, where: str, name: str, args: Any, kwargs: Any) -> Any:
        """Call a function of this package whose result follows from its arguments."""
        verdict = known.ours(where, name)
        if verdict is not True:
            return _stop(verdict or f"it calls {name}")
        args = tuple([self._argument(x) for x in args])
        kwargs = {key: self._argument(x) for key, x in kwargs.items()}
        if f.__class__ is FunctionType and f.__closure__:
            f = self._enclosed(f)
        out = f(*args, **kwargs)
        if out.__class__ not in self.seen.tensors:
            self._result(out)
        return out

    def _result(self, out: Any) -> None:
        """Take a new list, dict or array of a function of this package for the code's own."""
        if out.__class__ in (list, dict):
            self.seen.own[id(out)] = out
        elif isinstance(out, np.ndarray):
            _stop("it takes the elements of a tensor as an array")
        elif out.__class__ is FunctionType:
            pass

    def _enclosed(self, f: Any) -> Any:
        """Return a function of this package with what it encloses followed."""
        contents = [cell.cell_contents for cell in f.__closure__]
        new = [self._argument(x) if callable(x) and not isinstance(x, type | TensorBase) else x
               for x in contents]  # fmt: skip
        guards = self.seen.guards
        for cell, x in zip(f.__closure__, contents, strict=True):
            if guards.new(id(cell), "cell"):
                guards.add(f"{guards.name(cell)}.cell_contents", x)
        if all(a is b for a, b in zip(contents, new, strict=True)):
            return f
        cells = tuple([CellType(x) for x in new])
        out = FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, cells)
        out.__kwdefaults__ = f.__kwdefaults__
        return out

    def _argument(self, x: Any) -> Any:
        """Return an argument of a function that is called as it is; functions are followed."""
        kind = x.__class__
        if kind in self.seen.safe:
            return x
        if kind is FunctionType:
            if x.__code__ in self.seen.codes:
                return x
            where = str(x.__globals__.get("__name__", ""))
            if where.split(".")[0] not in ("tensorxp", "numpy"):
                return self.seen.followed(x)
        if kind is tuple:
            new = tuple([self._argument(item) for item in x])
            return new if any(a is not b for a, b in zip(x, new, strict=True)) else x
        if kind is GeneratorType or (id(x) in self.seen.own and kind in known.TYPES):
            return self.iterable(x) if kind not in _MUTABLE else self._content(x, "a function")
        if isinstance(x, type):
            return x
        if callable(x):
            return lambda *args, **kwargs: self.call(x, *args, **kwargs)
        return self._content(x, "a function")

    def _of_numpy(self, f: Any, args: Any, kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            return _stop("it has NumPy write into an array")
        for x in (*args, *kwargs.values()):
            if callable(x) and not isinstance(x, type):
                return _stop("it gives a function to NumPy")
            self._content(x, "NumPy")
        return self._new_array(f(*args, **kwargs))

    def _builtin(self, f: Any, args: Any, kwargs: Any) -> Any:
        seen, owner = self.seen, f.__self__
        if owner is None or isinstance(owner, ModuleType):
            return self._plain(f, args, kwargs)
        name, kind = f.__name__, owner.__class__
        if kind is dict and name == "get" and args and id(owner) not in seen.own:
            there = self.has(args[0], owner)
            return self.item(owner, args[0]) if there else args[1] if args[1:] else None
        if kind in _MUTABLE:
            if name in known.WRITES:
                if id(owner) not in seen.own:
                    return _stop(f"it changes a {kind.__name__} that it has not made")
            elif name in known.READS:
                self._items(owner)
            else:
                return _stop(f"it calls {kind.__name__}.{name}")
            if kind in (dict, set) and args and not _hashable(args[0]) and name != "update":
                return _stop("it has a key that compares by code of its own")
            if name in ("index", "count", "remove", "__contains__"):
                self._content(owner, "a comparison")
            args = tuple([self._argument(x) if not callable(x) else x for x in args])
            if name in ("extend", "update"):
                args = tuple([self.iterable(x) for x in args])
            kwargs = {key: self._argument(x) for key, x in kwargs.items()}
            out = f(*args, **kwargs)
            if name in known.MAKES:
                seen.own[id(out)] = out
            return out
        if isinstance(owner, np.ndarray):
            self._content(owner, "a method")
            if name in ("tofile", "dump", "setflags", "setfield", "resize", "dumps"):
                return _stop(f"it calls ndarray.{name}")
            return self._of_numpy(f, args, kwargs)
        if kind in known.SCALARS or kind in (tuple, frozenset) or isinstance(owner, np.generic):
            for x in (*args, *kwargs.values()):
                self._content(x, "a method")
            out = f(*args, **kwargs)
            return self.made(out) if name in known.MAKES else out
        if kind is type or kind is object or isinstance(owner, type):
            if owner is dict and name == "fromkeys":
                return self.made(f(*[self.iterable(x) if i == 0 else x for i, x in enumerate(args)]))
            if owner in (float, int) and name in ("fromhex", "from_bytes"):
                return f(*args, **kwargs)
            return _stop(f"it calls {_named(f)}")
        if kind is GeneratorType and owner.gi_code in seen.codes:
            return f(*args, **kwargs)
        if _by_name(f) in ("__iter__", "__len__") and isinstance(owner, tuple):
            return f()
        return _stop(f"it calls {_named(f)}, whose effects are not known")

    def _plain(self, f: Any, args: Any, kwargs: Any) -> Any:
        """Call a function of Python itself."""
        special = _SPECIAL.get(f)
        if special is not None:
            return special(self, *args, **kwargs)
        if f in known.FOLDS:
            items = [[*self.iterable(args[0])], *args[1:]] if len(args) == 1 or f is sum else args
            for x in items:
                self._content(x, f.__name__)
            key = kwargs.get("key")
            if key is not None:
                kwargs = {**kwargs, "key": self._argument(key)}
            return self.made(f(*items, **kwargs))
        if f in known.PURE:
            args = tuple([self._argument(x) for x in args])
            return f(*args, **kwargs)
        if known.of_numpy(f):
            return self._of_numpy(f, args, kwargs)
        module = getattr(f, "__module__", None) or ""
        return _stop(f"it calls {module + '.' if module else ''}{f.__name__}")

    def _instance(self, f: Any, args: Any, kwargs: Any) -> Any:
        """Make an instance of a class."""
        seen = self.seen
        if f is type:
            if len(args) != 1:
                return _stop("it makes a class")
            self._kind(args[0])
            return type(args[0])
        if f is super:
            return super(*args)
        if f in known.TYPES:
            first = f in (list, tuple, set, frozenset, dict, enumerate, reversed, zip) or (
                f.__module__ == "itertools"
            )
            if first:
                args = tuple(
                    [self.iterable(x) if x.__class__ not in known.SCALARS or x.__class__ in (str, range)
                     else x for x in args]
                )  # fmt: skip
                if f in (set, frozenset, dict):
                    args = tuple([self._keys(x) for x in args])
            else:
                args = tuple([self._content(x, f.__name__) for x in args])
            kwargs = {key: self._argument(x) for key, x in kwargs.items()}
            out = f(*args, **kwargs)
            if out.__class__ not in known.SCALARS and f not in (tuple, frozenset, slice):
                seen.own[id(out)] = out
            return out
        if f is map or f is filter:
            return self._mapped(f, *args)
        if f in known.SCOPES:
            return f(*args, **kwargs)
        if f in known.ERRORS:
            return f(*args, **kwargs)
        if known.of_numpy(f):
            return self._of_numpy(f, args, kwargs)
        return self._user_instance(f, args, kwargs)

    def _keys(self, x: Any) -> Any:
        if x.__class__ in (dict, set):
            return x
        items = [*x]
        for item in items:
            if not _hashable(item) and item.__class__ is not tuple:
                _stop("it has a key that compares by code of its own")
        return items

    def _mapped(self, f: Any, function: Any, *sources: Any) -> Any:
        given = [self.iterable(x) for x in sources]
        if f is filter:
            test = (lambda x: x) if function is None else function
            out: Any = (x for x in given[0] if self.tested(self.call(test, x)
                        if function is not None else x))  # fmt: skip
        else:
            out = (self.call(function, *xs) for xs in zip(*given))  # noqa: B905
        self.seen.codes.add(out.gi_code)
        return out

    def _user_instance(self, f: Any, args: Any, kwargs: Any) -> Any:
        seen = self.seen
        if type(f) is not type and type(f).__name__ != "ABCMeta":
            return _stop(f"it makes a {f.__name__}, whose class has a class of its own")
        if issubclass(f, TensorBase):
            return _stop(f"it makes a {f.__name__}")
        guards = seen.guards
        new, init = _static(f, "__new__"), _static(f, "__init__")
        if guards.new(id(f), "__new__", "__init__"):
            guards.add(f"{guards.name(f)}.__init__", f.__init__)
            guards.add(f"{guards.name(f)}.__new__", f.__new__)
        if issubclass(f, tuple) and hasattr(f, "_fields"):
            function = new.__func__ if isinstance(new, staticmethod) else new
            text = getattr(getattr(function, "__code__", None), "co_filename", "")
            if init is not object.__dict__["__init__"] or not text.startswith("<"):
                return _stop(f"it makes a {f.__name__}, whose class has code of its own")
            return f(*args, **kwargs)
        if new is not object.__dict__["__new__"]:
            return _stop(f"it makes a {f.__name__}, whose class has code of its own")
        if init is object.__dict__["__init__"]:
            out = f(*args, **kwargs)
            seen.own[id(out)] = out
            return out
        if not isinstance(init, FunctionType):
            return _stop(f"it makes a {f.__name__}, whose class has code of its own")
        if init.__code__.co_filename.startswith("<") and "__dataclass_fields__" in vars(f):
            fields = vars(f)["__dataclass_fields__"].values()
            factories = [x.default_factory for x in fields]
            if hasattr(f, "__post_init__") or any(
                isinstance(x, FunctionType | MethodType) for x in factories
            ):
                return _stop(f"it makes a {f.__name__}, whose class has code of its own")
            out = f(*args, **kwargs)
            seen.own[id(out)] = out
            return out
        out = object.__new__(f)
        seen.own[id(out)] = out
        self.call(init, out, *args, **kwargs)
        return out

    # builtins that read attributes and classes

    def _getattr(self, x: Any, name: Any, *default: Any) -> Any:
        if name.__class__ is not str:
            return _stop("it reads an attribute that is no text")
        if not default:
            return self.attr(x, name)
        try:
            return self.attr(x, name)
        except AttributeError:
            return default[0]

    def _hasattr(self, x: Any, name: Any) -> bool:
        if x.__class__ in self.seen.tensors:
            return hasattr(type(x), name)
        return self._getattr(x, name, _MISSING) is not _MISSING

    def _setattr(self, x: Any, name: Any, value: Any) -> None:
        self.store(x, name, value)

    def _len(self, x: Any) -> int:
        kind = x.__class__
        if kind in self.seen.tensors:
            self.seen.tracer.number(x)
        elif isinstance(getattr(kind, "__len__", None), FunctionType):
            return self.call(self.attr(x, "__len__"))  # type: ignore[no-any-return]
        elif kind in _MUTABLE:
            self._items(x)
        else:
            self._content(x, "len")
        return len(x)

    def _isinstance(self, x: Any, kinds: Any) -> bool:
        self._kind(x)
        if x.__class__ in self.seen.tensors:
            self.seen.tracer.number(x)
        self._class(kinds)
        return isinstance(x, kinds)

    def _issubclass(self, x: Any, kinds: Any) -> bool:
        self._class(kinds)
        return issubclass(x, kinds)

    def _class(self, kinds: Any) -> None:
        for kind in kinds if isinstance(kinds, tuple) else (kinds,):
            check = getattr(type(kind), "__instancecheck__", None)
            if isinstance(kind, tuple):
                self._class(kind)
            elif isinstance(check, FunctionType) and not _of_python(check):
                _stop("it asks for a class that answers by code of its own")

    def _iter(self, x: Any, *rest: Any) -> Any:
        if rest:
            return _stop("it calls iter with a function")
        out = iter(self.iterable(x))
        self.seen.own[id(out)] = out
        return out

    def _next(self, x: Any, *default: Any) -> Any:
        if id(x) not in self.seen.own and not (
            x.__class__ is GeneratorType and x.gi_code in self.seen.codes
        ):
            return _stop("it goes on with an iterator from outside")
        return next(x, *default)


_SPECIAL: dict[Any, Callable[..., Any]] = {
    getattr: Frame._getattr, hasattr: Frame._hasattr, setattr: Frame._setattr,
    isinstance: Frame._isinstance, issubclass: Frame._issubclass, iter: Frame._iter,
    next: Frame._next, len: Frame._len,
}  # fmt: skip


def _is_function(x: Any) -> bool:
    kind = x.__class__
    return isinstance(x, type) or kind in (FunctionType, BuiltinFunctionType, MethodType) or (
        kind.__name__ == _FUNCTION
    )  # fmt: skip


def _static(kind: type, name: str) -> Any:
    """Return what stands under `name` in a class or its bases."""
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return _MISSING


def _hashable(key: Any) -> bool:
    """Return whether a key's hash and equality have no code of its own."""
    if key.__class__ is tuple:
        return all(map(_hashable, key))
    kind = key.__class__
    return kind in known.SCALARS or kind in (DType, FunctionType, type, BuiltinFunctionType) or (
        kind.__hash__ is object.__hash__ and kind.__eq__ is object.__eq__
    )  # fmt: skip


def _of_python(f: Any) -> bool:
    return str(f.__globals__.get("__name__", "")).split(".")[0] in sys.stdlib_module_names


def _by_name(f: Any) -> str:
    return str(getattr(f, "__name__", ""))
