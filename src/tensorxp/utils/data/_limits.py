"""What of the system has run out, told with the limit that was met."""

import errno
import os
from typing import Any

#: What has run out, its limit in `resource`, and how the shell names it.
_LIMITS = {
    errno.EMFILE: ("file descriptors", "RLIMIT_NOFILE", "ulimit -n"),
    errno.ENOMEM: ("memory", "RLIMIT_AS", "ulimit -v"),
    errno.EAGAIN: ("processes", "RLIMIT_NPROC", "ulimit -u"),
}
_ADVICE = "use fewer workers, smaller batches or a smaller prefetch_factor, or raise the limit"
#: Descriptors that one more worker takes in this process, some of them for a moment.
_PER_WORKER = 8


def explained(error: BaseException, doing: str) -> BaseException:
    """Return an error of the same type that tells which limit was met while `doing` what."""
    number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    if number not in _LIMITS:
        return error
    what, name, command = _LIMITS[number]
    text = f"DataLoader: this process has no {what} left for {doing} ({command}: {_limit(name)})"
    text += f"; {_ADVICE}"
    return MemoryError(text) if isinstance(error, MemoryError) else OSError(number, text)


def _limit(name: str) -> Any:
    try:
        import resource

        soft = resource.getrlimit(getattr(resource, name))[0]
    except (ImportError, AttributeError, OSError, ValueError):
        return "unknown"
    return "unlimited" if soft == resource.RLIM_INFINITY else soft


def reserve_descriptors() -> None:
    """Raise OSError where there are too few descriptors to start a worker.

    What multiprocessing opens stays open where it fails half-way.
    """
    taken: list[int] = []
    try:
        for _ in range(_PER_WORKER if os.name == "posix" else 0):
            taken.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for handle in taken:
            os.close(handle)
