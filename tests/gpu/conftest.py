"""Tests that need a CUDA device; elsewhere each is skipped with what is missing.

The modules of `WITHOUT` need none: they check what can be checked without one.
"""

import pytest

from tensorxp._backend.device import cuda_problem

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
