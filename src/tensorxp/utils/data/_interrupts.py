"""Stretches of work that Ctrl-C does not cut in two."""

import signal
from typing import Any

HAS_MASKS = hasattr(signal, "pthread_sigmask")  # not on Windows


class Uninterrupted:
    """Put SIGINT off to the end of a `with` block.

    Python runs the handler in the main thread, whichever thread the signal reaches; so a mask
    does not help, and there the handler is replaced by one that takes a note. In other threads
    nothing has to be done. With `children`, processes that are started inside begin with SIGINT
    blocked, until they call `leave_to_parent`.
    """

    def __init__(self, children: bool = False) -> None:
        self._children = children and HAS_MASKS
        self._handler: Any = None
        self._came = False

    def _note(self, number: int, frame: Any) -> None:
        self._came = True

    def __enter__(self) -> None:
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):  # else it raises nothing: the default action, or ignored
            try:
                signal.signal(signal.SIGINT, self._note)
                self._handler = handler
            except ValueError:  # not in the main thread
                pass
        if self._children:
            self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def __exit__(self, *error: object) -> None:
        if self._children:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            if self._came:
                self._handler(signal.SIGINT, None)


def leave_to_parent() -> None:
    """Ignore SIGINT, in a process that was started with it blocked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if HAS_MASKS:  # blocked, it would stay so in the programs that a dataset starts
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
