"""`memory_stats` and `empty_cache`: what is counted moves with what is made, freed, given back."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import memory

glibc = pytest.mark.skipif(memory.glibc("mallinfo2") is None, reason="not glibc from 2.33 on")
KEYS = ["allocated", "kept", "bound", "resident", "peak"]


def run(code: str, **environment: str) -> str:
    """Return what the code prints in a process of its own."""
    env = {**os.environ, "TENSORXP_KEEP_MALLOC": "", **environment}
    code = "import tensorxp as xp\n" + code
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@glibc
def test_the_host_is_counted() -> None:
    code = """
before = xp.memory_stats()
x = [xp.ones(100_000) for _ in range(500)]  # 400 MB, more than the bound
made = xp.memory_stats("cpu")
pin = xp.ones(100_000)  # lies above them, so that the end of the heap is not free
x = None
freed = xp.memory_stats(xp.device("cpu"))
assert xp.empty_cache() is None
print([before, made, freed, xp.memory_stats()])
"""
    size = 4 * 10**8
    found = run(code)
    before, made, freed, emptied = eval(found)
    assert list(before) == KEYS and before["bound"] == memory.KEPT
    for key in ("allocated", "resident"):
        assert 0.99 * size < made[key] - before[key] < 1.1 * size, found
    assert freed["allocated"] < before["allocated"] + 0.1 * size
    assert freed["kept"] > 0.9 * size and freed["resident"] > 0.9 * size, found
    assert emptied["resident"] < before["resident"] + 0.1 * size, found
    assert emptied["peak"] > 0.9 * size and made["peak"] >= 0.99 * made["resident"]


@glibc
def test_freed_results_are_kept_unless_opted_out() -> None:
    code = """
x = [xp.ones(3 * 10**6) for _ in range(8)]  # of 24 MB each, below the threshold of mapping
x = None
print(xp.memory_stats()["bound"], xp.memory_stats()["resident"] > 150_000_000)
"""
    assert run(code) == f"{memory.KEPT} True"
    assert run(code, TENSORXP_KEEP_MALLOC="1") == "None False"


def test_a_simulated_device_is_counted() -> None:
    before: Any = xp.memory_stats("sim:0")
    x = xp.zeros(1000, device="sim:0")
    found = xp.memory_stats(device="sim:0")
    assert list(found) == KEYS
    assert found["allocated"] == found["resident"] == before["allocated"] + x.nbytes
    assert (found["kept"], found["bound"]) == (0, 0) and found["peak"] >= found["allocated"]
    xp.empty_cache("sim:0")
    with xp.device("sim:0"):  # the default device
        assert xp.memory_stats() == found


def test_what_is_not_known_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    found = xp.memory_stats("cpu")
    assert list(found) == KEYS
    assert found["allocated"] is found["kept"] is found["bound"] is None
    assert not memory.raise_malloc_threshold()
    xp.empty_cache("cpu")


@pytest.mark.parametrize("function", [xp.memory_stats, xp.empty_cache])
def test_other_devices_are_refused(function: Any) -> None:
    for device, error in (("gpu", ValueError), (0, TypeError), ("sim:9", xp.DeviceError)):
        with pytest.raises(error, match=rf"{function.__name__}|sim:9"):
            function(device)


def test_buffers_outlive_what_made_them() -> None:
    x = xp.ones(10**6)
    raw, shared = x.numpy(), np.from_dlpack(x)
    del x
    xp.empty_cache()
    xp.zeros(10**6)
    assert raw[-1] == shared[-1] == 1.0
