"""Gradients through SciPy: chapters of the table, freshly tried, have none wrong or missing."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import tensorxp

SCRIPT = Path(__file__).parents[1] / "docs" / "make_scipy_differentiability.py"
CHAPTERS = [
    "special", "stats", "fft", "spatial.transform.Rotation", "integrate", "optimize", "linalg",
    "optimize.elementwise", "differentiate", "constants",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(find_spec("scipy") is None, reason="SciPy is not installed")
def test_no_gradient_is_wrong_or_missing():
    if tuple(map(int, __import__("scipy").__version__.split(".")[:2])) < (1, 17):
        pytest.skip("the table is of SciPy 1.17")
    path = os.pathsep.join(
        [str(Path(tensorxp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *CHAPTERS],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
