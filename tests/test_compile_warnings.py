"""Calls of compiled functions warn as plain ones do; faults of the compiler itself are told."""

import warnings

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._compile.front import compiled as compiled_module
from tensorxp._compile.front import entry


def _logs(x):
    return xp.log(x) * 2 + 1


def _divided(x):
    return xp.sort(x / (x - 1))


def _at_two_lines(x):
    y = xp.log(x)
    return y + 1 / (x - 1)


def _warned(fn, action, state):
    """Return the results of some calls, and the warnings or errors."""
    found = []
    for data in ([2.0, 3.0], [0.0, 1.0], [0.0, 2.0], [-1.0, 2.0], [1.0, 2.0], [0.0, 1.0]):
        with warnings.catch_warnings(record=True) as told, np.errstate(**state):
            warnings.simplefilter(action)
            for _ in range(2):
                try:
                    out = np.round(fn(xp.asarray(data)).numpy(), 12).tolist()
                except (FloatingPointError, RuntimeWarning) as error:
                    out = repr(error)
                found.append(str(out))
        found += [(str(w.message), w.category, w.filename, w.lineno) for w in told]
    return found


@pytest.mark.parametrize("state", [{}, {"all": "ignore"}, {"divide": "raise"}, {"all": "warn"}])
@pytest.mark.parametrize("backend", ["auto", "replay"])
def test_each_call_warns_as_the_plain_one(backend, state):
    for fn in (_logs, _divided, _at_two_lines):
        compiled = xp.compile(fn, backend=backend)
        for action in ("default", "always", "error", "ignore", "once", "default"):
            assert _warned(compiled, action, state) == _warned(fn, action, state)


def _half_of_it(x):
    return xp.sqrt(x) + xp.sum(xp.log(x - x)), x * 2


@pytest.mark.parametrize("fn", [_logs, _half_of_it])
def test_the_first_call_warns_as_the_plain_one(fn):
    for action in ("always", "error"):
        seen = []
        for f in (fn, xp.compile(fn)):
            x = xp.zeros(2, requires_grad=True)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter(action)
                try:
                    f(x)
                except RuntimeWarning as error:
                    seen.append(str(error))
            seen.append([(str(w.message), w.lineno) for w in told])
        assert seen[: len(seen) // 2] == seen[len(seen) // 2 :]
    compiled = xp.compile(_logs, fullgraph=True)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        compiled(xp.zeros(2))
    assert compiled(xp.ones(2)).tolist() == [1.0, 1.0] and compiled.reason is None


def test_where_each_call_warns_calls_are_plain_ones_in_the_end():
    compiled = xp.compile(_logs)
    compiled(xp.asarray([1.0]))
    for _ in range(20):
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            compiled(xp.asarray([0.0]))
    assert "floating-point errors" in compiled.reason and "errstate" in compiled.explain()


@pytest.mark.parametrize("part", ["_trace", "call"])
def test_a_fault_of_the_compiler_is_told_once(monkeypatch, part):
    def broken(*args):
        raise LookupError("a broken part")

    monkeypatch.setattr(entry.Entry, part, broken)
    monkeypatch.setattr(compiled_module, "_STRICT", False)
    compiled = xp.compile(_logs)
    with pytest.warns(RuntimeWarning, match="a fault of xp.compile in .*: LookupError: a broken"):
        assert compiled(xp.ones(2)).tolist() == [1.0, 1.0]
    assert compiled(xp.ones(2)).tolist() == [1.0, 1.0]
    assert "LookupError: a broken part" in compiled.explain()
    monkeypatch.setattr(compiled_module, "_STRICT", True)
    with pytest.raises(AssertionError, match="a broken part"):
        xp.compile(_divided)(xp.zeros(2))


def test_an_error_of_the_function_is_no_fault():
    def fails(x):
        raise LookupError("of its own")

    compiled = xp.compile(fails)
    for _ in range(2):
        with pytest.raises(LookupError, match="of its own"):
            compiled(xp.ones(2))
