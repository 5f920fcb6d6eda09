"""Everything that operations ask of CuPy: its names, its arguments, its dtypes, one device.

The tests of operations run again with the stand-in in CuPy's place, which checks each call
against the installed CuPy. No device is needed; values are NumPy's and prove nothing here.
"""

import inspect
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(find_spec("cupy") is None, reason="CuPy is not installed")


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["ops", "linalg", "fft", "special", "random", "gpu"])
def test_operations_call_cupy_rightly(folder: str) -> None:
    own = ["test_cuda.py"] if folder == "gpu" else [""]
    chosen = "cuda and not figures"  # the stand-in has no memory of its own
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen]
    environment = os.environ | {"TENSORXP_TEST_STAND_IN": "1", "TENSORXP_CUDNN": "0"}
    run = subprocess.run(
        [*command, *(str(ROOT / "tests" / folder / name) for name in own)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert " passed" in run.stdout


#: What is used of CuPy outside operations: streams, memory, devices, errors, copies.
NAMES = {
    "cupy": (
        "ElementwiseKernel RawModule array ascontiguousarray asnumpy copyto empty from_dlpack "
        "get_default_memory_pool get_default_pinned_memory_pool may_share_memory ndarray ufunc"
    ),
    "cupy.RawModule": "get_function",
    "cupy.lib.stride_tricks": "as_strided",
    "cupy.cuda": "Device Stream get_current_stream runtime",
    "cupy.cuda.compiler": "CompileException",
    "cupy.cuda.Graph": "launch",
    "cupy.cuda.runtime": (
        "CUDARuntimeError getDeviceCount getDeviceProperties pointerGetAttributes"
    ),
    "cupy.cuda.Device": "compute_capability id synchronize use",
    "cupy.cuda.Stream": (
        "begin_capture done end_capture is_capturing record synchronize wait_event"
    ),
    "cupy.cuda.MemoryPool": "free_all_blocks total_bytes used_bytes",
    "cupy.random": "Generator Philox4x3210",
    "cupyx": "empty_pinned errstate scatter_add",
}


@pytest.mark.parametrize("owner", NAMES)
def test_names(owner: str) -> None:
    import cupy
    import cupyx

    found: Any = cupyx if owner == "cupyx" else cupy
    for part in owner.split(".")[1:]:
        found = getattr(found, part)
    missing = [name for name in NAMES[owner].split() if not hasattr(found, name)]
    assert not missing


def test_arguments() -> None:
    import cupy
    import cupyx

    for function, args, kwargs in (
        (cupy.array, (0,), {"blocking": True}),
        (cupy.asnumpy, (0,), {"out": None, "blocking": False}),
        (cupyx.empty_pinned, ((2,),), {"dtype": "float32"}),
        (cupyx.scatter_add, (0, 0, 0), {}),
        (cupyx.errstate, (), {"linalg": "raise"}),
        (cupy.cuda.Stream, (), {"non_blocking": True}),
        (cupy.random.Philox4x3210, (), {"size": 4}),
    ):
        inspect.signature(function).bind(*args, **kwargs)
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)
    assert "max_version" in cupy.ndarray.__dlpack__.__doc__


def test_dtypes_of_results_are_those_of_numpy() -> None:
    """CuPy's loops give the dtypes that NumPy gives, for all dtypes that both take."""
    import cupy

    different = []
    for name, ufunc in vars(cupy).items():
        model = getattr(np, name, None)
        if not isinstance(ufunc, cupy.ufunc) or not isinstance(model, np.ufunc) or model.nin > 2:
            continue
        if name in ("gcd", "lcm"):
            continue
        for kinds in _kinds(model.nin):
            found, expected = _loop(ufunc, kinds), _given(model, kinds)
            if None not in (found, expected) and found != expected:
                different.append((name, kinds, found, expected))
    assert not different


def _kinds(count: int) -> list[tuple[str, ...]]:
    chars = "?bBhHiIlLefdFD"
    return [(a,) for a in chars] if count == 1 else [(a, b) for a in chars for b in chars]


def _loop(ufunc: Any, kinds: tuple[str, ...]) -> Any:
    for types in ufunc.types:
        ins, _, outs = types.partition("->")
        if all(np.can_cast(kind, to) for kind, to in zip(kinds, ins, strict=True)):
            return tuple(np.dtype(char) for char in outs)
    return None


def _given(ufunc: Any, kinds: tuple[str, ...]) -> Any:
    try:
        with np.errstate(all="ignore"):
            out = ufunc(*[np.ones(1, dtype=kind) for kind in kinds])
    except TypeError:
        return None
    return tuple(o.dtype for o in (out if isinstance(out, tuple) else (out,)))
