"""Tests that need a CUDA device; elsewhere each is skipped with what is missing.

The modules of `WITHOUT` need none: they check what can be checked without one.
"""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tensorxp._backend import device as devices
from tensorxp._backend import raw, special
from tensorxp._backend.device import cuda_problem
from tests.gpu import stand_in

_problem = cuda_problem()
WITHOUT = {
    "test_api.py", "test_compile_cuda.py", "test_cudnn.py", "test_kernels.py", "test_logic.py"
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip this folder's tests where there is no CUDA device."""
    if _problem is None:
        return
    for item in items:
        if "gpu" in item.path.parts and item.path.name not in WITHOUT:
            item.add_marker(pytest.mark.skip(reason=f"no CUDA device: {_problem}"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Put the stand-in, with two devices, in CuPy's place; yield what is asked of it."""
    pytest.importorskip("array_api_compat", reason="array-api-compat is not installed")
    for name in [n for n in sys.modules if n.startswith("array_api_compat.cupy")]:
        monkeypatch.delitem(sys.modules, name)
    for name, module in stand_in.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(devices, "_known", {k: d for k, d in devices._known.items()
                                            if d.type != "cuda"})  # fmt: skip
    monkeypatch.setattr(raw, "_namespaces", {"numpy": raw._namespaces["numpy"]})
    special.available.cache_clear()
    stand_in.calls.clear()
    stand_in.current.device, stand_in.current.streams = 0, ()
    yield stand_in.calls
    special.available.cache_clear()
    for name in [n for n in sys.modules if n.startswith("array_api_compat.cupy")]:
        del sys.modules[name]
