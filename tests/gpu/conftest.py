"""Tests that need a CUDA device; elsewhere each is skipped with what is missing."""

import pytest

from tensorxp._backend.device import cuda_problem

_problem = cuda_problem()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip this folder's tests where there is no CUDA device."""
    if _problem is None:
        return
    for item in items:
        if "gpu" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=f"no CUDA device: {_problem}"))
