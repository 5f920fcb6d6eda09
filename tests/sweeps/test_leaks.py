"""Nothing is left of a call: every operation and layer, many times, forward and backward.

Each twentieth of them; all, and more often, with TENSORXP_THOROUGH=1.
"""

import gc
import os
import sys

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import outputs_of
from tests.harness import sample
from tests.nn.cases import CASES
from tests.tables import rows

THOROUGH = os.environ.get("TENSORXP_THOROUGH", "0") not in ("", "0")
TIMES = 300 if THOROUGH else 30
STEP = 1 if THOROUGH else 20


@pytest.fixture
def frozen():
    """Let the collector look at what is made here only."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def call(fn, arrays):
    tensors = [xp.asarray(a) for a in arrays]
    for x in tensors:
        if x.dtype.kind in ("f", "c"):
            x.requires_grad_(True)
    for y in outputs_of(fn(*tensors)):
        if isinstance(y, xp.Tensor) and y.requires_grad:
            y.backward(xp.ones_like(y.detach()), retain_graph=True)


def growth(fn, arrays):
    """Return by how many blocks of memory each call grows."""
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(TIMES):
        call(fn, arrays)
    gc.collect()
    return (sys.getallocatedblocks() - before) / TIMES


def leaks(fn, arrays):
    for _ in range(3):
        call(fn, arrays)
    # caches that fill at first grow less and less, a leak always alike
    return all(growth(fn, arrays) > 0.8 for _ in range(6))


def test_operations(frozen):
    found = []
    for row in rows()[::STEP]:
        if row.gradients:
            arrays = sample(row)
            with np.errstate(all="ignore"):
                found += [row.name] if leaks(row.fn, arrays) else []
    assert found == []


def test_layers(frozen):
    found = [c.id for c in CASES[::STEP] if leaks(c.call(xp), c.free)]
    assert found == []


def test_a_leak_is_found(frozen):
    kept = []
    assert leaks(lambda x: kept.append(x * 2) or x * 2, [np.ones(3)])
