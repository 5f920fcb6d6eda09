"""Random programs in a changing world: `compile` gives what the plain call gives."""

import os

import pytest

import tensorxp as xp
from tests.traps import differences, observe
from tests.traps.programs import program, text_of

THOROUGH = os.environ.get("TENSORXP_THOROUGH") == "1"
PARTS = 10
COUNT = (8400 if THOROUGH else 340) // PARTS


@pytest.mark.parametrize("part", range(PARTS))
def test_programs(part):
    for seed in range(part * 100_000, part * 100_000 + COUNT):
        trap = program(seed)
        twice = seed % 4 == 3
        found = differences(observe(trap, twice=twice), observe(trap, xp.compile, twice))
        assert not found, f"program {seed}:\n{text_of(seed)}\n" + "\n".join(found[:3])
