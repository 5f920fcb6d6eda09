"""Bitwise operations: values by table."""

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import booleans, integers
from tests.harness import Row, table

INTEGERS = (integers(0, 60, 4, 3), integers(0, 5, 3))
BOOLEANS = (booleans(4, 3), booleans(3))
LOGIC = ("bitwise_and", "bitwise_or", "bitwise_xor")


def _row(name, inputs, what=""):
    return Row(name + what, getattr(xp, name), inputs, getattr(np, name), gradients=False)


ROWS = [
    *(_row(name, INTEGERS) for name in LOGIC),
    *(_row(name, BOOLEANS, " of booleans") for name in LOGIC),
    _row("bitwise_left_shift", INTEGERS),
    _row("bitwise_right_shift", INTEGERS),
    _row("bitwise_invert", INTEGERS[:1]),
    _row("bitwise_invert", BOOLEANS[:1], " of booleans"),
]


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)


def test_floats_are_refused():
    with pytest.raises(TypeError):
        xp.bitwise_and(xp.asarray([1.0]), xp.asarray([1.0]))
