"""Fixtures of all tests: devices. Two simulated devices stand in for accelerators."""

import gc
import os
import re
from collections import Counter
from collections.abc import Generator
from typing import Any
from zlib import crc32

os.environ.setdefault("TENSORXP_SIM_DEVICES", "2")
os.environ.setdefault("TENSORXP_COMPILE_STRICT", "1")  # a fault of the compiler is an error
# every so many-th backward looks for hidden nodes that lead to themselves (`_core/checks.py`)
os.environ.setdefault("TENSORXP_CHECK_GRAPHS", "1" if "TENSORXP_THOROUGH" in os.environ else "16")
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # SciPy reads it once, at its import

import pytest

if os.environ.get("TENSORXP_TEST_STAND_IN"):  # NumPy in CuPy's place: names, arguments, devices
    from tests.gpu import stand_in

    stand_in.install()

import tensorxp as xp

#: Also run what costs minutes: every check of every row on the simulated device, and more draws.
THOROUGH = os.environ.get("TENSORXP_THOROUGH", "0") not in ("", "0")
DEVICES = [name for name in map(str, xp.devices()) if name in ("cpu", "sim:0", "cuda:0")]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """Return the name of each kind of device that this machine has."""
    return str(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Skip a test of what CuPy's library of special functions does not have."""
    try:
        return (yield)
    except NotImplementedError as error:
        if "cupyx.scipy.special has" in str(error):
            pytest.skip(str(error))
        raise


def twin(item: pytest.Item) -> bool:
    """Return whether a row of a table is tried on the simulated device a second time or more.

    There it is NumPy that computes, too, so that one check a row, values and gradients together,
    shows that all stays on the device.
    """
    given = getattr(item, "callspec", None)
    if given is None or given.params.get("device") != "sim:0" or "row" not in given.params:
        return False
    params = given.params
    if "check" not in params:
        return crc32(item.nodeid.encode()) % 10 > 0
    wanted = "check_gradients" if params["row"].gradients else "check_value"
    return params["kind"] != "real" or params["check"].__name__ != wanted


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the twins, unless all is asked for."""
    if not THOROUGH:
        left = [item for item in items if twin(item)]
        if left:
            config.hook.pytest_deselected(items=left)
            items[:] = [item for item in items if not twin(item)]


def pytest_collection_finish() -> None:
    """Take all that was collected out of the garbage collector's sight: it would walk it often."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Sum up in a few lines what was skipped; `-rs` tells each place."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if missing := re.search(
            r"could not import '(\w+)|(PyTorch|CuPy)\b.* not installed", reason
        ):
            name = missing[1] or missing[2]
            reason = f"{'PyTorch' if name == 'torch' else name} is not installed"
        reasons[reason.removeprefix("Skipped: ")] += 1
    shown = reasons.most_common(6)
    rest = reasons.total() - sum(number for _, number in shown)
    for reason, number in [
        *shown,
        *([("for other reasons (-rs lists them)", rest)] if rest else []),
    ]:
        terminalreporter.write_line(f"skipped {number:5}: {reason}")
