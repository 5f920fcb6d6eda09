"""Fixtures of all tests: devices. Two simulated devices stand in for accelerators."""

import os
from collections.abc import Generator
from typing import Any

os.environ.setdefault("TENSORXP_SIM_DEVICES", "2")
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # SciPy reads it once, at its import

import pytest

if os.environ.get("TENSORXP_TEST_STAND_IN"):  # NumPy in CuPy's place: names, arguments, devices
    from tests.gpu import stand_in

    stand_in.install()

import tensorxp as xp

DEVICES = [name for name in map(str, xp.devices()) if name in ("cpu", "sim:0", "cuda:0")]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """Return the name of each kind of device that this machine has."""
    return str(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Skip a test of what CuPy's library of special functions does not have."""
    try:
        return (yield)
    except NotImplementedError as error:
        if "cupyx.scipy.special has" in str(error):
            pytest.skip(str(error))
        raise
