"""Whether operations are recorded, per thread: `no_grad`, `enable_grad`, `set_grad_enabled`."""

import threading
from collections.abc import Callable
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from threading import get_ident
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


#: Not empty while any thread does not record: the door asks for the mode only then.
suspended: list[None] = []


class _Modes(threading.local):
    _grad = True

    @property
    def grad(self) -> bool:
        """Whether this thread records; what sets it keeps `suspended`."""
        return self._grad

    @grad.setter
    def grad(self, mode: bool) -> None:
        if bool(mode) is self._grad:
            return
        if mode:  # an interrupt in between leaves an entry too many, which costs time only
            self._grad = True
            suspended.pop()
        else:
            suspended.append(None)
            self._grad = False


modes = _Modes()


def is_grad_enabled() -> bool:
    """Return whether this thread records operations for backward.

    Returns
    -------
    bool
    """
    return modes.grad


#: Functions whose body runs after the call has returned.
_LATER: dict[str, Callable[[Any], bool]] = {
    "a generator": isgeneratorfunction,
    "an asynchronous": iscoroutinefunction,
    "an asynchronous generator": isasyncgenfunction,
}


class _Scope:
    """A context manager and decorator that sets the grad mode and restores it."""

    def __init__(self, mode: bool) -> None:
        self._mode = mode
        # by thread, as several may share the object: the mode before, and what was kept before it
        self._before: dict[int, tuple[bool, Any]] = {}

    def __enter__(self) -> None:
        thread, before = get_ident(), self._before
        before[thread] = (modes._grad, before.get(thread))
        try:
            modes.grad = self._mode
        except BaseException:  # an interrupt: the scope is not entered, so nothing would leave it
            self.__exit__()
            raise

    def __exit__(self, *exc: object) -> None:
        thread, before = get_ident(), self._before
        if thread not in before:  # the scope of a generator that goes on in another thread
            thread = next(iter(before))
        modes.grad, rest = before.pop(thread)
        if rest is not None:
            before[thread] = rest

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        for kind, found in _LATER.items():
            if found(function):
                raise TypeError(
                    f"{type(self).__name__}: {function.__name__} is {kind} function, whose body "
                    "runs outside the scope; use the scope inside it"
                )
        mode = self._mode

        @wraps(function)
        def scoped(*args: P.args, **kwargs: P.kwargs) -> R:
            with _Scope(mode):
                return function(*args, **kwargs)

        return scoped


class _BareScope(_Scope):
    """A scope that may stand above a function without parentheses too."""

    def __new__(cls, function: Any = None) -> Any:
        scope = super().__new__(cls)
        if function is None:
            return scope
        if not callable(function):
            raise TypeError(f"{cls.__name__}: allowed is a function, not {function!r}")
        scope.__init__()  # type: ignore[misc]
        return scope(function)


class no_grad(_BareScope):
    """Do not record operations in this scope. Use as `with no_grad():` or `@no_grad()`.

    As a decorator it raises a TypeError for generators and asynchronous functions.
    """

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_BareScope):
    """Record operations in this scope, also inside `no_grad`."""

    def __init__(self) -> None:
        super().__init__(True)


class inference_mode(_Scope):
    """PyTorch's name for `no_grad`.

    Parameters
    ----------
    mode : bool
        False leaves the mode as it is.

    Raises
    ------
    TypeError
        As a decorator: of a generator or an asynchronous function.
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__(modes.grad and not mode)


class set_grad_enabled(_Scope):
    """Set the grad mode at once; as a context manager, restore the former one at its end.

    Parameters
    ----------
    mode : bool

    Raises
    ------
    TypeError
        As a decorator: of a generator or an asynchronous function.
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._former = modes.grad
        self._maker = get_ident()
        modes.grad = self._mode

    def __enter__(self) -> None:
        super().__enter__()
        if get_ident() == self._maker:
            self._before[self._maker] = (self._former, self._before[self._maker][1])

    def __call__(self, function: Any) -> Any:
        modes.grad = self._former
        return super().__call__(function)
