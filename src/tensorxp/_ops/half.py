"""Half precision: formulas of several steps compute in single precision, and round once.

Squares of 300 are beyond float16, and a difference of rounded terms has few right digits; the
result is often neither. So the arguments are cast first and the result last. Both are recorded,
and a gradient is rounded once too.
"""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

from tensorxp._backend.dtypes import float16, float32
from tensorxp._core.tensor import TensorBase
from tensorxp._ops.casting import astype

#: NumPy and CuPy have one object for it.
HALF = float16.dtype
_T = TypeVar("_T", bound=Callable[..., Any])


def is_half(x: Any) -> bool:
    """Return whether `x` is a Tensor of float16."""
    return isinstance(x, TensorBase) and x._data.dtype is HALF


def in_single(*aside: str, on_host: bool = False) -> Callable[[_T], _T]:
    """Return a decorator for functions whose arguments of float16 are to be cast.

    Results are float16 again unless a floating argument is wider. The arguments named `aside` have
    no part in that choice, and are not cast where the function writes to them (`running_…`). With
    `on_host` accelerators, which add in single precision themselves, get the arguments as they are.
    """

    def decorate(function: _T) -> _T:
        parameters = signature(function)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for x in args:  # written out, since it is before every call
                if isinstance(x, TensorBase) and x._data.dtype is HALF:
                    break
            else:
                if not (kwargs and any([is_half(x) for x in kwargs.values()])):
                    return function(*args, **kwargs)
            bound = parameters.bind(*args, **kwargs)
            given = bound.arguments
            if on_host and any([x._device.type == "cuda" for x in _tensors(given.values())]):
                return function(*args, **kwargs)
            deciding = _tensors([x for name, x in given.items() if name not in aside])
            narrow = all([is_half(x) or x._data.dtype.kind not in "fc" for x in deciding])
            for name, x in given.items():
                if not name.startswith("running_"):
                    given[name] = _widened(x)
            out = function(*bound.args, **bound.kwargs)
            return _narrowed(out) if narrow else out

        return call  # type: ignore[return-value]

    return decorate


def _tensors(values: Any) -> list[Any]:
    """Return the Tensors among `values`, and in tuples (`*operands`) among these."""
    found = []
    for x in values:
        if type(x) is tuple:
            found += _tensors(x)
        elif isinstance(x, TensorBase):
            found.append(x)
    return found


def _widened(x: Any) -> Any:
    if type(x) is tuple:
        return tuple([_widened(item) for item in x])
    return astype(x, float32) if is_half(x) else x


def _narrowed(out: Any) -> Any:
    if isinstance(out, tuple):
        return tuple([_narrowed(x) for x in out])
    single = isinstance(out, TensorBase) and out._data.dtype.char == "f"
    return astype(out, float16) if single else out


def singly(function: Callable[[Any], Any], x: Any) -> Any:
    """Return `function(x)` of one Tensor, computed in single precision where `x` is half."""
    return astype(function(astype(x, float32)), x.dtype) if is_half(x) else function(x)
