"""Answers about calls: what is followed, what is called as it is, and what ends the trace."""

import operator
import sys
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    GeneratorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from tensorxp._compile.front import known
from tensorxp._compile.front.kinds import COMPILED, MISSING, MUTABLE, hashable, named, static, stop
from tensorxp._compile.front.trace import is_builtin
from tensorxp._core.primitive import Primitive
from tensorxp._core.rules import Rule
from tensorxp._core.tensor import TensorBase
from tensorxp.autograd.functions import apply_primitive


class Calls:
    """The part of a `Frame` that concerns calls."""

    __slots__ = ()
    seen: Any
    _globals: dict[str, Any]
    attr: Any
    iterable: Any
    made: Any
    owned: Any
    told: Any
    has: Any
    item: Any
    store: Any
    tested: Any
    _kind: Any
    _content: Any
    _items: Any
    _new_array: Any
    effect: Any
    known: Any
    mapping: Any
    unchanged: Any

    # calls

    def call(self, f: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return `f(*args, **kwargs)`."""
        kind = type(f)
        if kind is FunctionType:
            code = f.__code__
            if code in self.seen.codes:
                return f(*args, **kwargs)
            answer = self._primitive if f is apply_primitive else self.effect(f)
            return self._function(f, args, kwargs) if answer is None else answer(*args, **kwargs)
        if kind is MethodType:
            return self.call(f.__func__, f.__self__, *args, **kwargs)
        if kind is BuiltinFunctionType:
            return self._builtin(f, args, kwargs)
        if isinstance(f, type):
            return self._instance(f, args, kwargs)
        if kind.__name__ == COMPILED:
            answer = self.effect(f)
            if answer is not None:
                return answer(*args, **kwargs)
            return self._leaf(f, str(f.__module__), f.__name__, args, kwargs)
        if known.of_numpy(f):
            return self._of_numpy(f, args, kwargs)
        if kind is MethodDescriptorType and args and type(args[0]) in self.seen.tensors:
            return self._method(f, args, kwargs)
        if kind in (MethodDescriptorType, WrapperDescriptorType):
            if args and type(args[0]) in (*MUTABLE, tuple, str, int, float):
                return self.call(getattr(args[0], f.__name__), *args[1:], **kwargs)
            return stop(f"it calls {named(f)}")
        if kind.__module__ == "functools" and kind.__name__ == "partial":
            if f.keywords:
                self.seen.guards.content(f.keywords)
            return self.call(f.func, *f.args, *args, **{**f.keywords, **kwargs})
        if kind in self.seen.safe:
            return f(*args, **kwargs)  # raises the TypeError of what is not callable
        found = static(kind, "__call__")
        if isinstance(found, FunctionType):
            guards = self.seen.guards
            if guards.new(id(kind), "__call__"):
                guards.add(f"{guards.name(kind)}.__call__", found)
            self._kind(f)
            return self.call(found, f, *args, **kwargs)
        return stop(f"it calls {named(f)}, whose effects are not known")

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
            return stop(f"it calls numpy's {f.__name__}")
        return self.seen.followed(f)(*args, **kwargs)

    def _method(self, f: Any, args: Any, kwargs: Any) -> Any:
        """Call a compiled method of a Tensor, which is the first argument."""
        answer = self.effect(f)
        if answer is not None:
            return answer(*args, **kwargs)
        return self._leaf(f, _METHODS, f.__name__, args, kwargs)

    def _primitive(self, op: Any, inputs: Any, parameters: Any = None) -> Any:
        """Apply a primitive; one of the user's by its formula, which is followed, and its rules."""
        seen = self.seen
        if type(op) is not Primitive or is_builtin(op) or op._formula is None:
            args = (op, inputs) if parameters is None else (op, inputs, parameters)
            return self._leaf(apply_primitive, _METHODS, "apply_primitive", args, {})
        inputs = tuple(self.iterable(inputs))
        params = {} if parameters is None else dict(self.mapping(parameters))
        for x in (*params.values(), *inputs):
            self._content(x, "a primitive")
        name = seen.guards.name(op)
        if id(op) not in seen.primitives:
            for part in ("_formula", "whole", "forward"):
                seen.guards.add(f"{name}.{part}", getattr(op, part))
            seen.guards.content(op.rules)
            seen.primitives[id(op)] = self._followed(op)
        namespace = sys.modules["tensorxp"]
        formula = seen.followed(op._formula)
        return seen.tracer.given(
            op, seen.primitives[id(op)], inputs, params,
            lambda *xs: formula(namespace, *xs, **params),
        )  # fmt: skip

    def _followed(self, op: Any) -> Any:
        """Return a primitive with the rules of `op` followed."""
        new = Primitive(
            op.name, op.kind, op.inputs, forward=op.forward, scalars=op.scalars, batched=op.batched
        )
        for i, rule in op.rules.items():
            new.rules[i] = self._rule(rule)
        new.whole = None if op.whole is None else self._rule(op.whole)
        new.differentiable = op.differentiable
        return new

    def _rule(self, rule: Any) -> Any:
        if type(rule.fn) is not FunctionType:
            return stop("it calls a primitive with a rule that is no function")
        new = Rule.__new__(Rule)
        new.fn, new.codes, new.named = self.seen.followed(rule.fn), rule.codes, rule.named
        return new

    def _leaf(self, f: Any, where: str, name: str, args: Any, kwargs: Any) -> Any:
        """Call a function of this package whose result follows from its arguments."""
        verdict = known.ours(where, name)
        if verdict is not True:
            return stop(verdict or f"it calls {name}")
        args = tuple([self._argument(x) for x in args])
        kwargs = {key: self._argument(x) for key, x in kwargs.items()}
        if type(f) is FunctionType and f.__closure__:
            f = self._enclosed(f)
        out = f(*args, **kwargs)
        self._check_result(name, out, (*args, *kwargs.values()))
        if type(out) not in self.seen.tensors:
            self._result(out)
        return out

    def _check_result(self, name: str, out: Any, args: tuple[Any, ...]) -> None:
        """End the trace where a Tensor was made of others, and no operation told of it."""
        outs = out if type(out) is tuple else (out,)
        unknown = [x for x in outs if isinstance(x, TensorBase) and not self.seen.tracer.knows(x)]
        if not unknown or name in known.OF_SHAPES:
            return
        given = [x for part in args for x in (part if type(part) in (list, tuple) else (part,))]
        tensors = [x for x in given if isinstance(x, TensorBase)]
        for x in unknown:
            if tensors and not any(x._data is y._data for y in tensors):
                stop(f"{name} makes its result by other means than operations")

    def _result(self, out: Any) -> None:
        """Take a new list, dict or array of a function of this package for the code's own."""
        if type(out) in (list, dict):
            self.seen.own[id(out)] = out
        elif isinstance(out, np.ndarray):
            stop("it takes the elements of a tensor as an array")
        elif type(out) is FunctionType:
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
        kind = type(x)
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
            return self.iterable(x) if kind not in MUTABLE else self._content(x, "a function")
        if isinstance(x, type):
            return x
        if isinstance(x, known.SCOPES):
            return stop(f"it uses a {kind.__name__} without a with statement")
        if callable(x):
            return lambda *args, **kwargs: self.call(x, *args, **kwargs)
        return self._content(x, "a function")

    def _of_numpy(self, f: Any, args: Any, kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            return stop("it has NumPy write into an array")
        for x in (*args, *kwargs.values()):
            if callable(x) and not isinstance(x, type):
                return stop("it gives a function to NumPy")
            self._content(x, "NumPy")
        return self._new_array(f(*args, **kwargs))

    def _builtin(self, f: Any, args: Any, kwargs: Any) -> Any:
        seen, owner = self.seen, f.__self__
        if owner is None or isinstance(owner, ModuleType):
            return self._plain(f, args, kwargs)
        name, kind = f.__name__, type(owner)
        if kind in seen.tensors:
            return self._method(getattr(kind, name), (owner, *args), kwargs)
        if kind is dict and name == "get" and args and id(owner) not in seen.own:
            there = self.has(args[0], owner)
            return self.item(owner, args[0]) if there else args[1] if args[1:] else None
        if kind in MUTABLE:
            if name in known.WRITES:
                if id(owner) not in seen.own:
                    return stop(f"it changes a {kind.__name__} that it has not made")
            elif name in known.READS:
                self._items(owner)
            else:
                return stop(f"it calls {kind.__name__}.{name}")
            if kind in (dict, set) and args and not hashable(args[0]) and name != "update":
                return stop("it has a key that compares by code of its own")
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
                return stop(f"it calls ndarray.{name}")
            return self._of_numpy(f, args, kwargs)
        if kind in known.SCALARS or kind in (tuple, frozenset) or isinstance(owner, np.generic):
            for x in (*args, *kwargs.values()):
                self._content(x, "a method")
            out = f(*args, **kwargs)
            return self.made(out) if name in known.MAKES else out
        if kind is type or kind is object or isinstance(owner, type):
            if owner is dict and name == "fromkeys":
                return self.made(
                    f(*[self.iterable(x) if i == 0 else x for i, x in enumerate(args)])
                )
            if owner in (float, int) and name in ("fromhex", "from_bytes"):
                return f(*args, **kwargs)
            return stop(f"it calls {named(f)}")
        if kind is GeneratorType and owner.gi_code in seen.codes:
            return f(*args, **kwargs)
        if f.__name__ in ("__iter__", "__len__") and isinstance(owner, tuple):
            return f()
        return stop(f"it calls {named(f)}, whose effects are not known")

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
            if f in known.IN_PLACE and args:
                self.owned(args[0])
            if f is operator.is_ or f is operator.is_not:
                args = tuple([self.told(x) for x in args])
            args = tuple([self._argument(x) for x in args])
            return f(*args, **kwargs)
        if known.of_numpy(f):
            return self._of_numpy(f, args, kwargs)
        where = str(self._globals.get("__name__", ""))
        if f is id and where.startswith("tensorxp.nn."):  # of parameters, which are guarded
            return id(*args)
        module = getattr(f, "__module__", None) or ""
        return stop(f"it calls {module + '.' if module else ''}{f.__name__}")

    def _instance(self, f: Any, args: Any, kwargs: Any) -> Any:
        """Make an instance of a class."""
        seen = self.seen
        if f is type:
            if len(args) != 1:
                return stop("it makes a class")
            self._kind(self.known(args[0]))
            return type(args[0])
        if f is super:
            return super(*args)
        if f in known.TYPES:
            first = f in (list, tuple, set, frozenset, dict, enumerate, reversed, zip) or (
                f.__module__ == "itertools"
            )
            if first:
                plain = known.SCALARS - {str, range, bytes}
                args = tuple([x if type(x) in plain else self.iterable(x) for x in args])
                if f in (set, frozenset, dict):
                    args = tuple([self._keys(x) for x in args])
            else:
                args = tuple([self._content(x, f.__name__) for x in args])
            kwargs = {key: self._argument(x) for key, x in kwargs.items()}
            out = f(*args, **kwargs)
            if type(out) not in known.SCALARS and f not in (tuple, frozenset, slice):
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
        if type(x) in (dict, set):
            return x
        items = [*x]
        for item in items:
            if not hashable(item) and type(item) is not tuple:
                stop("it has a key that compares by code of its own")
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
            return stop(f"it makes a {f.__name__}, whose class has a class of its own")
        if issubclass(f, TensorBase):
            return stop(f"it makes a {f.__name__}")
        guards = seen.guards
        new, init = static(f, "__new__"), static(f, "__init__")
        if guards.new(id(f), "__new__", "__init__"):
            guards.add(f"{guards.name(f)}.__init__", f.__init__)
            guards.add(f"{guards.name(f)}.__new__", f.__new__)
        if issubclass(f, tuple) and hasattr(f, "_fields"):
            function = new.__func__ if isinstance(new, staticmethod) else new
            text = getattr(getattr(function, "__code__", None), "co_filename", "")
            if init is not object.__dict__["__init__"] or not text.startswith("<"):
                return stop(f"it makes a {f.__name__}, whose class has code of its own")
            return f(*args, **kwargs)
        if new is not object.__dict__["__new__"]:
            return stop(f"it makes a {f.__name__}, whose class has code of its own")
        if init is object.__dict__["__init__"]:
            out = f(*args, **kwargs)
            seen.own[id(out)] = out
            return out
        if not isinstance(init, FunctionType):
            return stop(f"it makes a {f.__name__}, whose class has code of its own")
        if init.__code__.co_filename.startswith("<") and "__dataclass_fields__" in vars(f):
            fields = vars(f)["__dataclass_fields__"].values()
            factories = [x.default_factory for x in fields]
            if hasattr(f, "__post_init__") or any(
                isinstance(x, FunctionType | MethodType) for x in factories
            ):
                return stop(f"it makes a {f.__name__}, whose class has code of its own")
            out = f(*args, **kwargs)
            seen.own[id(out)] = out
            return out
        out = object.__new__(f)
        seen.own[id(out)] = out
        self.call(init, out, *args, **kwargs)
        return out

    # builtins that read attributes and classes

    def _getattr(self, x: Any, name: Any, *default: Any) -> Any:
        if type(name) is not str:
            return stop("it reads an attribute that is no text")
        if not default:
            return self.attr(x, name)
        try:
            return self.attr(x, name)
        except AttributeError:
            return default[0]

    def _hasattr(self, x: Any, name: Any) -> bool:
        if type(x) in self.seen.tensors:
            return hasattr(type(x), name)
        return self._getattr(x, name, MISSING) is not MISSING

    def _setattr(self, x: Any, name: Any, value: Any) -> None:
        self.store(x, name, value)

    def _len(self, x: Any) -> int:
        kind = type(x)
        if kind in self.seen.tensors:
            self.seen.tracer.number(x)
        elif isinstance(getattr(kind, "__len__", None), FunctionType):
            return self.call(self.attr(x, "__len__"))  # type: ignore[no-any-return]
        elif kind in MUTABLE:
            self._items(x)
        else:
            self._content(x, "len")
        return len(x)

    def _isinstance(self, x: Any, kinds: Any) -> bool:
        self.known(x)
        self._kind(x)
        if type(x) in self.seen.tensors:
            self.seen.tracer.number(x)
        self._class(kinds)
        found = isinstance(x, kinds)
        self._virtual(type(x), kinds, found)
        return found

    def _virtual(self, kind: Any, kinds: Any, found: bool) -> None:
        """Guard what abstract classes say, to which classes may be added."""
        if any(type(x) is not type for x in (kinds if type(kinds) is tuple else (kinds,))):
            guards = self.seen.guards
            if guards.new(id(kind), "abstract", id(kinds)):
                names = guards.name(kind), guards.name(kinds)
                guards.demand(f"issubclass({names[0]}, {names[1]}) is {found}")

    def _issubclass(self, x: Any, kinds: Any) -> bool:
        self._class(kinds)
        found = issubclass(x, kinds)
        self._virtual(x, kinds, found)
        return found

    def _class(self, kinds: Any) -> None:
        for kind in kinds if isinstance(kinds, tuple) else (kinds,):
            check = getattr(type(kind), "__instancecheck__", None)
            if isinstance(kind, tuple):
                self._class(kind)
            elif isinstance(check, FunctionType) and not _of_python(check):
                stop("it asks for a class that answers by code of its own")

    def _iter(self, x: Any, *rest: Any) -> Any:
        if rest:
            return stop("it calls iter with a function")
        out = iter(self.iterable(x))
        self.seen.own[id(out)] = out
        return out

    def _next(self, x: Any, *default: Any) -> Any:
        if id(x) not in self.seen.own and not (
            type(x) is GeneratorType and x.gi_code in self.seen.codes
        ):
            return stop("it goes on with an iterator from outside")
        return next(x, *default)


_METHODS = "tensorxp._tensor"  # the room of a Tensor's methods
_SPECIAL: dict[Any, Callable[..., Any]] = {
    getattr: Calls._getattr, hasattr: Calls._hasattr, setattr: Calls._setattr,
    isinstance: Calls._isinstance, issubclass: Calls._issubclass, iter: Calls._iter,
    next: Calls._next, len: Calls._len,
}  # fmt: skip


def _of_python(f: Any) -> bool:
    return str(f.__globals__.get("__name__", "")).split(".")[0] in sys.stdlib_module_names
