"""Fixtures of all tests: devices. Two simulated devices stand in for accelerators."""

import os

os.environ.setdefault("TENSORXP_SIM_DEVICES", "2")
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # SciPy reads it once, at its import

import pytest

import tensorxp as xp

DEVICES = [name for name in map(str, xp.devices()) if name in ("cpu", "sim:0", "cuda:0")]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """Return the name of each kind of device that this machine has."""
    return str(request.param)
