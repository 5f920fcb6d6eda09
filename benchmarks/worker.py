"""One workload in one library, in a process of its own: `python -m benchmarks.worker W CASE LIB`.

The parent reads one JSON object a line. The first says how the set-up went and where the results
lie; then each line `time` on standard input is answered by the seconds per call of one block, and
`stop` by the peak memory.
"""

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import libraries, workloads

BLOCK = 0.03
"""Seconds that a block of calls takes at least."""


def memory(field: str) -> float:
    """Return `VmRSS` or `VmHWM` (its peak) of this process in MiB."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def reset_peak() -> None:
    """Forget the peak so far (Linux), so that an import is not taken for the workload's."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def seconds_per_call(call: Callable[[], Any], calls: int) -> float:
    """Time `calls` calls with the garbage collector on, as in use."""
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls


def set_up(workload: str, case: str, library: str, folder: str) -> tuple[Callable[[], Any], Any]:
    """Build the closure, run it for the comparison, and return it with the first message."""
    module, entry = workloads.load(workload), libraries.LIBRARIES[library]
    libraries.load(library)
    gc.collect()
    base = memory("VmRSS")
    reset_peak()
    builder = getattr(module, entry.builder, None)
    if library == "tensorxp-compile" and not getattr(module, "COMPILES", False):
        builder = None
    if builder is None:
        raise NotImplementedError("no such form of this workload")
    run = builder(**module.inputs(), **module.CASES[case], **dict(entry.options))
    checks = getattr(module, "CHECKS", 1)
    results: list[np.ndarray] = []
    for _ in range(checks):
        found = [libraries.to_numpy(x) for x in libraries.finished(library, run)()]
        # A later step may overwrite them; where there is none, a copy would count as memory.
        results += [x.copy() for x in found] if checks > 1 else found
    path = Path(folder) / f"{library}.npz"
    np.savez(path, *results)
    del found
    results.clear()

    timed = libraries.finished(library, run)
    first = seconds_per_call(timed, 1)
    message = {
        "results": str(path),
        "first": first,
        "base_mib": base,
        "threads": libraries.threads(library),
    }
    return timed, message


def main() -> None:
    """Serve the parent until it says `stop` or goes away."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not reach the channel

    def answer(**message: Any) -> None:
        channel.write(json.dumps(message) + "\n")

    try:
        call, message = set_up(*sys.argv[1:5])
    except (ImportError, AttributeError, NotImplementedError) as error:
        return answer(missing=str(error) or type(error).__name__)
    except Exception as error:
        return answer(error=f"{type(error).__name__}: {error}")
    answer(**message)
    calls = max(1, int(BLOCK / message["first"]))
    # The first call may have been a cold one: settle the length of a block on a warm one.
    if calls > 1:
        calls = max(1, int(BLOCK / seconds_per_call(call, calls)))
    for line in sys.stdin:
        if line.strip() != "time":
            break
        gc.collect()
        answer(seconds=seconds_per_call(call, calls), calls=calls)
    answer(peak_mib=memory("VmHWM"))


if __name__ == "__main__":
    main()
