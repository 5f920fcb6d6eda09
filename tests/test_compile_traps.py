"""`compile` gives what the plain call gives, whatever changes in the world between the calls."""

import pytest

import tensorxp as xp
import tests.traps.arguments
import tests.traps.exits
import tests.traps.worlds
from tests.traps import TRAPS, differences, observe

BACKENDS = ("auto", "replay")


@pytest.mark.parametrize("name", TRAPS)
def test_trap(name):
    expected = observe(TRAPS[name])
    for backend in BACKENDS if name.endswith("_recorded") else BACKENDS[:1]:
        seen = observe(TRAPS[name], lambda fn, backend=backend: xp.compile(fn, backend=backend))
        assert not differences(expected, seen)


@pytest.mark.parametrize("name", tests.traps.arguments.BETWEEN)
def test_a_write_between_forward_and_backward(name):
    trap = tests.traps.arguments.BETWEEN[name]
    expected = observe(trap)
    for backend in BACKENDS:
        seen = observe(trap, lambda fn, backend=backend: xp.compile(fn, backend=backend))
        assert not differences(expected, seen)
