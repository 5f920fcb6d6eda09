"""Watchers: everything optional that sees operations pass through the door.

Forward mode, the profiler, tracing and anomaly mode are watchers on a stack of the thread.
`watching` is non-empty while any thread has one, so the door pays one truth test without.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Those of all threads, by the scopes that watch.
watching: dict[int, "Watcher"] = {}


class Watcher:
    """Sees each operation after it ran. Subclasses override what they need.

    Where `sees_rules` holds, backward runs its rules on Tensors, so that their operations pass
    the door too; where not, on raw arrays as without a watcher. Where `keeps_rules` holds, an
    operation with a rule of its own for many steps (an LSTM's) stays one, and none is recorded.
    """

    sees_rules = True
    keeps_rules = False

    def before(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> None:
        """See that `op` is about to run; where it raises, no `after` follows."""

    def enter_node(self, node: Any) -> None:
        """See that backward is about to run the rules of `node`."""

    def leave_node(self, node: Any, grads: Any) -> None:
        """See the cotangents that they gave (raw arrays or Tensors); None where they raised."""

    def after(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        """See that `op` made `out` (a tensor or a tuple of them) of `inputs`."""

    def enter_span(self, name: str, kind: str, tensors: Any, mark: object) -> None:
        """See that something begins that is no operation, such as an optimizer's step."""

    def leave_span(self, tensors: Any, mark: object) -> None:
        """See that what began with `mark` has ended."""

    def rebind(self, target: Any, source: Any) -> None:
        """See that an in-place write made `target` have the value and history of `source`."""

    def read(self, x: Any) -> None:
        """See that the values of `x` were read into Python."""

    def opaque(self, reason: str) -> None:
        """See that something happens that no operation tells of: `reason`."""


class _Stack(threading.local):
    items: tuple[Watcher, ...] = ()


_stack = _Stack()


def stack() -> tuple[Watcher, ...]:
    """Return the watchers of this thread, the outermost first."""
    return _stack.items


class only:
    """A scope in which only `watchers` see the operations of this thread."""

    __slots__ = ("_before", "_watchers")

    def __init__(self, watchers: tuple[Watcher, ...]) -> None:
        self._watchers = watchers
        self._before = _stack.items

    def __enter__(self) -> None:
        try:
            self._before = _stack.items
            _stack.items = self._watchers
        except BaseException:  # an interrupt: the scope is not entered, so nothing would leave it
            _stack.items = self._before
            raise

    def __exit__(self, *exc: object) -> None:
        _stack.items = self._before


class watch:
    """A scope in which `watcher` sees the operations of this thread; `as` gives it."""

    __slots__ = ("_before", "_watcher")

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._before = _stack.items

    def __enter__(self) -> Watcher:
        self._before = _stack.items
        try:
            watching[id(self)] = self._watcher
            _stack.items = (*self._before, self._watcher)
        except BaseException:
            self._leave()
            raise
        return self._watcher

    def __exit__(self, *exc: object) -> None:
        try:
            self._leave()
        except BaseException:  # an interrupt: once more, from the start
            self._leave()
            raise

    def _leave(self) -> None:
        _stack.items = self._before
        watching.pop(id(self), None)


def notify(op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
    """Tell this thread's watchers, outermost first; what one does, only those outside it see.

    An inner one computes with `out`, which those outside must know by then.
    """
    items = _stack.items
    try:
        for level in range(len(items)):
            _stack.items = items[:level]
            items[level].after(op, inputs, params, out)
    finally:
        _stack.items = items


def notify_before(op: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> None:
    """Tell this thread's watchers that `op` is about to run."""
    items = _stack.items
    try:
        for level in range(len(items) - 1, -1, -1):
            _stack.items = items[:level]
            items[level].before(op, inputs, params)
    finally:
        _stack.items = items


def notify_rebind(target: Any, source: Any) -> None:
    """Tell this thread's watchers of an in-place write."""
    items = _stack.items
    for level in range(len(items) - 1, -1, -1):
        with only(items[:level]):
            items[level].rebind(target, source)


@contextmanager
def span(name: str, kind: str, tensors: Any) -> Iterator[None]:
    """Tell this thread's watchers of what happens in the scope, beside operations, to `tensors`."""
    mark, items = object(), _stack.items
    for watcher in items:
        watcher.enter_span(name, kind, tensors, mark)
    try:
        yield
    finally:
        for watcher in reversed(items):
            watcher.leave_span(tensors, mark)


def note_read(x: Any) -> None:
    """Tell this thread's watchers that the values of `x` are read into Python."""
    for watcher in _stack.items:
        watcher.read(x)


def note_opaque(reason: str) -> None:
    """Tell this thread's watchers of something that no operation tells of."""
    for watcher in _stack.items:
        watcher.opaque(reason)
