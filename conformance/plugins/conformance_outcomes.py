"""Pytest plugin for the suite: write every outcome to a file, and run what it skips outright.

The suite marks `test_remainder` as flaky and skips it for everyone; this plugin takes that mark
off. It also stands in for pytest-json-report, which the suite imports but does not need here.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

UNSKIP = {"test_remainder": "flaky"}  # name of the test function -> reason of its skip mark

try:
    import pytest_jsonreport  # noqa: F401
except ImportError:
    sys.modules["pytest_jsonreport"] = types.ModuleType("pytest_jsonreport")


@pytest.fixture
def json_metadata() -> dict[str, Any]:
    """What pytest-json-report offers to the suite's own fixtures; the content is not used."""
    return {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcomes", metavar="FILE", help="write the outcome of every test as JSON")


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--outcomes")
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(Path(target)), "conformance-outcomes")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        reason = UNSKIP.get(getattr(item, "originalname", None) or item.name)
        if reason is not None:
            item.own_markers[:] = [
                mark
                for mark in item.own_markers
                if not (mark.name == "skip" and mark.kwargs.get("reason") == reason)
            ]


class Outcomes:
    """Collects one outcome for each test: the worst of its setup, call and teardown."""

    RANK = ("passed", "xpassed", "xfailed", "skipped", "failed")

    def __init__(self, target: Path) -> None:
        self.target = target
        self.tests: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed"
        entry: dict[str, Any] = {"outcome": outcome, "seconds": round(report.duration, 3)}
        if outcome != "passed":
            entry["message"] = _message(report)
        entry.update((k, v) for k, v in report.user_properties if k == "special_case")
        known = self.tests.get(report.nodeid)
        if known is None or self.RANK.index(outcome) >= self.RANK.index(known["outcome"]):
            self.tests[report.nodeid] = entry

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            message = str(report.longrepr).strip()[-2000:]
            self.tests[report.nodeid] = {"outcome": "failed", "seconds": 0.0, "message": message}

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        content = {"exit_status": int(exitstatus), "tests": self.tests}
        self.target.write_text(json.dumps(content), encoding="utf-8")


def _message(report: pytest.TestReport) -> str:
    """The reason of a skip, or the first lines of what a failing test said."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr or "")
    return text.strip()[:600]
