"""Locks that a forked child finds free.

A child of `os.fork` has one thread. A lock that another thread of the parent held at that moment
stays locked in the child for ever, so every lock of the package is made here. The child starts
with all of them free, and whoever owns a lock that was held puts right what it guards, as the
other thread was in the middle of its work. What is guarded in C has `pthread_atfork` beside it.
"""

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

#: All locks, and how to mend what each guards.
_locks: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()


def lock(mend: Callable[[], None] | None = None) -> Any:
    """Return a reentrant lock that is free in a forked child.

    Parameters
    ----------
    mend : callable or None
        Called in the child where another thread held the lock. A bound method does not keep its
        object alive.
    """
    made = threading.RLock()
    bound = hasattr(mend, "__self__") and mend is not None
    _locks[made] = weakref.WeakMethod(mend) if bound else (lambda: mend)
    return made


def _renew() -> None:
    for held, mend in list(_locks.items()):
        # what the forking thread itself holds goes on being its own
        if held.acquire(blocking=False):
            held.release()
            continue
        held._at_fork_reinit()
        mending = mend()
        if mending is not None:
            mending()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew)
