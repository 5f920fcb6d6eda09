"""Whether operations are recorded, per thread: `no_grad`, `enable_grad`, `set_grad_enabled`."""

import threading
from collections.abc import Callable
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from threading import get_ident
from typing import Any, ParamSpec, TypeVar

from tensorxp._backend.families import see

P = ParamSpec("P")
R = TypeVar("R")


#: The threads that do not record; while there are none the door does not ask for the mode.
suspended: dict[int, None] = {}


class _Modes(threading.local):
    _grad = True

    @property
    def grad(self) -> bool:
        """Whether this thread records; what sets it keeps `suspended`."""
        return self._grad

    @grad.setter
    def grad(self, mode: bool) -> None:
        if mode:  # an interrupt in between leaves an entry too many, which costs time only
            self._grad = True
            if suspended:
                suspended.pop(get_ident(), None)
        elif self._grad:
            suspended[get_ident()] = None
            self._grad = False


modes = _Modes()


@see("no_grad, set_grad_enabled")
def is_grad_enabled() -> bool:
    """Return whether this thread records operations for backward.

    >>> with xp.no_grad():
    ...     xp.is_grad_enabled()
    False

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


def _restore(scopes: dict[int, Any], thread: int, grad: bool, outer: Any) -> None:
    """Bring the mode and the open scopes of a thread back to what they were."""
    modes.grad = grad
    if outer is None:
        scopes.pop(thread, None)
    else:
        scopes[thread] = outer


class _Scope:
    """A context manager and decorator that sets the grad mode and restores it."""

    def __init__(self, mode: bool) -> None:
        self._mode = mode
        # by thread, as several may share the object: the mode before, and what was kept before it
        self._before: dict[int, tuple[bool, Any]] = {}

    def _outside(self, thread: int) -> bool:
        """Return the mode that the end of the scope restores."""
        return modes._grad

    def __enter__(self) -> None:
        thread, before = get_ident(), self._before
        outer, grad = before.get(thread), self._outside(thread)
        try:
            before[thread] = (grad, outer)
            modes.grad = self._mode
        except BaseException:  # an interrupt: the scope is not entered, so nothing would leave it
            _restore(before, thread, grad, outer)
            raise

    def __exit__(self, *exc: object) -> None:
        entry = None
        try:
            entry = self._entry()
            _restore(self._before, *entry)
        except BaseException:  # an interrupt: once more, from the start
            _restore(self._before, *(entry or self._entry()))
            raise

    def _entry(self) -> tuple[int, bool, Any]:
        """Return the thread of the innermost open scope, and what was before it there."""
        thread = get_ident()
        if thread not in self._before:  # the scope of a generator that goes on in another thread
            thread = next(iter(self._before))
        return (thread, *self._before[thread])

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
        try:
            modes.grad = self._mode
        except BaseException:
            modes.grad = self._former
            raise

    def _outside(self, thread: int) -> bool:
        return self._former if thread == self._maker else modes._grad

    def __call__(self, function: Any) -> Any:
        modes.grad = self._former
        return super().__call__(function)
