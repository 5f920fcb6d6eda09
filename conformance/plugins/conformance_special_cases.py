"""Pytest plugin for the suite: draw each special case many times instead of once.

The suite turns every machine-readable special case of the standard into a test that draws one
example. With `--special-case-draws N` only those tests run, and each draws its case N times with
the suite's own strategy and check. Every failing draw is counted; none ends the test early.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

CASE_TESTS = ("test_unary", "test_binary", "test_iop")
SAMPLES = 5  # failing draws kept in full for each case
KNOWN_IMPOSSIBLE = {
    case
    for group in json.loads((Path(__file__).parent.parent / "known_impossible.json").read_text())
    for case in group["cases"]
}


@dataclass
class CaseResult:
    """What the draws of one special case gave."""

    draws: int = 0
    failing: int = 0
    impossible: int = 0
    samples: list[str] = field(default_factory=list)

    def fail(self, sample: str) -> None:
        """Count one draw that differs from what the case asks for."""
        self.failing += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(sample[:300])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--special-case-draws",
        metavar="N",
        type=int,
        default=0,
        help="run only the special cases, with N draws of each",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--special-case-draws"):
        return
    kept = [item for item in items if _is_case(item)]
    dropped = [item for item in items if not _is_case(item)]
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    draws = pyfuncitem.config.getoption("--special-case-draws")
    if not draws or not _is_case(pyfuncitem):
        return None
    params = pyfuncitem.callspec.params
    func: Callable[..., Any] = params["iop"] if "iop" in params else params["func"]  # type: ignore[assignment]
    case_id = pyfuncitem.callspec.id
    result = draw_case(params["case"], func, draws, case_id in KNOWN_IMPOSSIBLE)
    record = {"name": case_id, **asdict(result)}
    pyfuncitem.user_properties.append(("special_case", record))
    if result.failing:
        lines = "\n".join(result.samples)
        pytest.fail(f"{result.failing} of {result.draws} draws fail:\n{lines}", pytrace=False)
    if result.draws < draws:
        pytest.fail(f"only {result.draws} of {draws} draws were made", pytrace=False)
    return True


def draw_case(case: Any, func: Callable[..., Any], draws: int, listed: bool) -> CaseResult:
    """Draw `case` `draws` times.

    A draw of a listed case counts as impossible, not as failing, where it breaks the case's own
    condition: the standard then says nothing about it in this case.
    """
    from array_api_tests import dtype_helpers as dh
    from array_api_tests import xp

    is_complex = getattr(case, "is_complex", False)
    dtype = dh.widest_complex_dtype if is_complex else dh.widest_real_dtype
    if hasattr(case, "cond_from_dtype"):
        strategies = [case.cond_from_dtype(dtype)]
    else:
        strategies = [case.x1_cond_from_dtype(dtype), case.x2_cond_from_dtype(dtype)]
    result = CaseResult()

    # Without the number, Hypothesis would stop early where a case has only a few distinct inputs.
    @settings(
        max_examples=draws,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), number=st.integers(0, 2**64))
    def draw(data: st.DataObject, number: int) -> None:
        values = [data.draw(strategy) for strategy in strategies]
        result.draws += 1
        shown = ", ".join(map(repr, values))
        try:
            out = func(*(xp.asarray(value, dtype=dtype) for value in values))
            got = complex(out) if is_complex else float(out)
        except Exception as error:
            result.fail(f"({shown}) raises {type(error).__name__}: {error}")
            return
        if case.check_result(*values, got):
            return
        if listed and not case.cond(*values):
            result.impossible += 1
        else:
            result.fail(f"({shown}) gives {got!r}, not {case.result_expr}")

    draw()
    return result


def _is_case(item: pytest.Item) -> bool:
    module = getattr(item, "module", None)
    return (
        getattr(item, "originalname", None) in CASE_TESTS
        and getattr(module, "__name__", "") == "array_api_tests.test_special_cases"
    )
