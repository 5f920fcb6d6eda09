"""`compile` gives what the plain call gives, whatever changes in the world between the calls."""

import pytest

import tensorxp as xp
import tests.traps.arguments
import tests.traps.exits
import tests.traps.worlds  # noqa: F401
from tests.traps import TRAPS, differences, observe

BACKENDS = ("auto", "replay")


@pytest.mark.parametrize("name", TRAPS)
def test_trap(name):
    expected = observe(TRAPS[name])
    for backend in BACKENDS if name.endswith("_recorded") else BACKENDS[:1]:
        seen = observe(TRAPS[name], lambda fn, backend=backend: xp.compile(fn, backend=backend))
        assert not differences(expected, seen)
