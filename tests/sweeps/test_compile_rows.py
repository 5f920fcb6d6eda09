"""Every row of the operation tables through `compile`: other numbers and layouts than traced."""

import os
from zlib import crc32

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import is_float
from tests.tables import rows
from tests.traps import differences, observe

THOROUGH = os.environ.get("TENSORXP_THOROUGH") == "1"
PARTS = 16


def _arrays(row, seed, kind):
    rng = np.random.default_rng(crc32(row.name.encode()) + seed)
    arrays = [np.asarray(sampler(rng)) for sampler in row.inputs]
    if kind == "complex" and row.complex is True:
        pairs = zip(arrays, row.inputs, strict=True)
        arrays = [np.asarray(a + 1j * s(rng)) if is_float(a) else a for a, s in pairs]
    return arrays


def _laid_out(a, how):
    """Return an equal array that lies otherwise in memory."""
    if how == 1 and a.ndim > 1:
        return np.asfortranarray(a)
    if how == 2 and a.ndim:
        return np.repeat(a, 2, axis=-1)[..., ::2]
    return a.copy()


def _trap(row, kind, layouts):
    def make():
        def calls():
            for seed, how in enumerate(layouts):
                arrays = [_laid_out(a, how) for a in _arrays(row, seed, kind)]
                recorded = row.gradients and not (THOROUGH and seed == 1)
                yield tuple([
                    xp.asarray(a, copy=False, requires_grad=recorded and a.dtype.kind in "fc")
                    for a in arrays
                ])  # fmt: skip

        return row.fn, calls

    return make


@pytest.mark.parametrize("part", range(PARTS))
def test_rows(part):
    wrong = []
    for i, row in enumerate(rows()):
        if i % PARTS != part:
            continue
        kinds = ("real", "complex") if THOROUGH and row.complex is True else ("real",)
        for kind in kinds:
            trap = _trap(row, kind, (0, 0, 0, 1, 2) if THOROUGH else (0, 0))
            found = differences(observe(trap), observe(trap, xp.compile))
            wrong += [f"{row.name} ({kind}): {x}" for x in found[:1]]
    assert not wrong, "\n".join(wrong)
