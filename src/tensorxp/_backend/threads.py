"""How many threads the loops and compiled programs may use: one rule for both."""

import os

#: The first of these that is a positive number says how many; of a list, its first number.
VARIABLES = ("TENSORXP_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def processors() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def count() -> int:
    """Return how many threads to use: what the environment says, or else the processors."""
    for name in VARIABLES:
        asked = os.environ.get(name, "").partition(",")[0].strip()
        if asked.isdecimal() and int(asked) > 0:
            return int(asked)
    return processors()
