"""Watchers: everything optional that sees operations pass through the door.

Forward mode, the profiler, tracing and anomaly mode are watchers on a stack of the thread.
`watching` is non-empty while any thread has one, so the door pays one truth test without.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

watching: list["Watcher"] = []


class Watcher:
    """Sees each operation after it ran. Subclasses override what they need."""

    def after(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        """See that `op` made `out` (a tensor or a tuple of them) of `inputs`."""

    def rebind(self, target: Any, source: Any) -> None:
        """See that an in-place write made `target` have the value and history of `source`."""


class _Stack(threading.local):
    items: tuple[Watcher, ...] = ()


_stack = _Stack()


def stack() -> tuple[Watcher, ...]:
    """Return the watchers of this thread, the outermost first."""
    return _stack.items


@contextmanager
def watch(watcher: Watcher) -> Iterator[Watcher]:
    """Have `watcher` see the operations of this thread within the scope."""
    before = _stack.items
    _stack.items = (*before, watcher)
    watching.append(watcher)
    try:
        yield watcher
    finally:
        _stack.items = before
        watching.remove(watcher)


@contextmanager
def only(watchers: tuple[Watcher, ...]) -> Iterator[None]:
    """Let only `watchers` see the operations of this thread within the scope."""
    before = _stack.items
    _stack.items = watchers
    try:
        yield
    finally:
        _stack.items = before


def notify(op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
    """Tell this thread's watchers, outermost first; what one does, only those outside it see.

    An inner one computes with `out`, which those outside must know by then.
    """
    items = _stack.items
    for level in range(len(items)):
        with only(items[:level]):
            items[level].after(op, inputs, params, out)


def notify_rebind(target: Any, source: Any) -> None:
    """Tell this thread's watchers of an in-place write."""
    items = _stack.items
    for level in range(len(items) - 1, -1, -1):
        with only(items[:level]):
            items[level].rebind(target, source)
