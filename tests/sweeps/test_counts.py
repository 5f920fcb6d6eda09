"""Counts beyond every array: an answer at once, or an error that names the argument.

A loop over the count, or a list of as many items, would not come back.
"""

import inspect
import signal
from pathlib import Path

import numpy as np
import pytest

import tensorxp as xp
from tests.sweeps.test_bad_input import FUNCTIONS

resource = pytest.importorskip("resource")  # not on Windows

#: Arrays of counts, that SciPy loops over.
ARRAYS = {("special.lpmv", "m")}
#: Arguments that count, or measure in elements.
COUNTS = (
    "n num d k m degree decimals correction ddof repeats sections size shape output_size "
    "kernel_size stride padding dilation output_padding groups num_classes scale_factor "
    "upscale_factor bins downscale_factor minlength n_rows n_cols offset order length step steps "
    "divisor_override"
).split()  # fmt: skip
X = [np.array(2.0), np.ones(3), np.ones((3, 3)), np.ones((1, 4, 4)), np.ones((1, 4, 4, 4)),
     np.ones((1, 2, 4, 4, 4)), np.array([0, 1, 2])]  # fmt: skip
ERRORS = (TypeError, ValueError, OverflowError, RuntimeError, MemoryError, IndexError)


class Late(BaseException):
    """The call takes too long."""


@pytest.fixture
def limits():
    """Stop a call after a second of work, and what asks for more than this machine lends."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + (256 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))

    def late(*args):
        raise Late

    handler = signal.signal(signal.SIGPROF, late)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, handler)
    resource.setrlimit(resource.RLIMIT_AS, before)


def base(function, parameters, name):
    """Return arguments with which the function works where the count is 1; None: none found."""
    needed = [p for p in parameters if p.default is p.empty and p.kind < p.VAR_POSITIONAL]
    for x in X:
        args = [
            1 if p.name == name else (2, 2) if p.name in COUNTS and x.ndim > 3 else 2
            if p.name in COUNTS else xp.asarray(x)
            for p in needed
        ]  # fmt: skip
        kwargs = {} if name in [p.name for p in needed] else {name: 1}
        try:
            function(*args, **kwargs)
        except Exception:
            continue
        place = [p.name for p in needed].index(name) if not kwargs else None
        return args, kwargs, place
    return None


def tries():
    for dotted, function in FUNCTIONS.items():
        parameters = list(inspect.signature(function).parameters.values())
        for p in parameters:
            if p.name in COUNTS and (dotted, p.name) not in ARRAYS:
                yield dotted, function, parameters, p.name


@pytest.mark.filterwarnings("ignore")
def test_functions(limits):
    slow, nameless, tried = [], [], 0
    for dotted, function, parameters, name in tries():
        found = base(function, parameters, name)
        if found is None:
            continue
        args, kwargs, place = found
        for count in (10**9, 2**63):
            if place is None:
                kwargs[name] = count
            else:
                args[place] = count
            tried += 1
            signal.setitimer(signal.ITIMER_PROF, 1.0)
            try:
                with np.errstate(all="ignore"):
                    function(*args, **kwargs)
            except Late:
                slow.append((dotted, name, count))
            except MemoryError:
                pass
            except ERRORS as error:
                if name not in str(error) and str(count) not in str(error):
                    nameless.append((dotted, name, count, str(error)[:100]))
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
    assert not slow and not nameless, "\n".join(map(str, [*slow, *nameless]))
    assert tried > 150
