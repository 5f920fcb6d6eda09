"""The kinds of objects that the answers in `front` tell apart."""

from collections import deque
from types import BuiltinFunctionType, FunctionType, MethodType, SimpleNamespace
from typing import Any

from tensorxp._backend.dtypes import DType
from tensorxp._compile.front import known
from tensorxp._compile.front.trace import Untraceable

MISSING: Any = object()
MUTABLE = (list, dict, set, deque)
VIEWS: Any = (type({}.keys()), type({}.values()), type({}.items()))
LOOKUPS: Any = (
    object.__getattribute__, tuple.__getattribute__, FunctionType.__getattribute__,
    MethodType.__getattribute__, SimpleNamespace.__getattribute__,
)  # fmt: skip
COMPILED = "cython_function_or_method"
#: Errors that follow from what is guarded, never from the elements of a tensor.
STATIC_ERRORS = (AttributeError, KeyError, TypeError, NotImplementedError, StopIteration)


def stop(reason: str) -> Any:
    raise Untraceable(reason)


def named(f: Any) -> str:
    return str(getattr(f, "__qualname__", None) or type(f).__qualname__)


def is_function(x: Any) -> bool:
    kind = type(x)
    return isinstance(x, type) or kind in (FunctionType, BuiltinFunctionType, MethodType) or (
        kind.__name__ == COMPILED
    )  # fmt: skip


def static(kind: type, name: str) -> Any:
    """Return what stands under `name` in a class or its bases."""
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return MISSING


def hashable(key: Any) -> bool:
    """Return whether a key's hash and equality have no code of its own."""
    if type(key) is tuple:
        return all(map(hashable, key))
    kind: Any = type(key)
    return kind in known.SCALARS or kind in (DType, FunctionType, type, BuiltinFunctionType) or (
        kind.__hash__ is object.__hash__ and kind.__eq__ is object.__eq__
    )  # fmt: skip
