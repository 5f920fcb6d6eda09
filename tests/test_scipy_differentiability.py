"""Gradients through SciPy: chapters of the table, freshly tried, have none wrong or missing."""

import os
import re
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


def table_of():
    """Return the version of SciPy that the table was made with."""
    text = SCRIPT.with_name("scipy_differentiability.md").read_text(encoding="utf-8")
    return re.search(r"with scipy (\d+\.\d+)", text)[1]


@pytest.mark.slow
@pytest.mark.skipif(not SCRIPT.exists(), reason="needs a source checkout")
@pytest.mark.skipif(find_spec("scipy") is None, reason="SciPy is not installed")
def test_no_gradient_is_wrong_or_missing():
    # another release has functions that the table does not know
    if not __import__("scipy").__version__.startswith(table_of() + "."):
        pytest.skip(f"the table is of SciPy {table_of()}")
    path = os.pathsep.join(
        [str(Path(tensorxp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *CHAPTERS],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
