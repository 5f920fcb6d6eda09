"""The worked examples run, without a warning, and save a picture each."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import tensorxp

GALLERY = Path(__file__).parents[1] / "docs" / "gallery"
EXAMPLES = sorted(GALLERY.glob("*.py"))
MISSING = [name for name in ("scipy", "sklearn", "matplotlib") if find_spec(name) is None]


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(example, tmp_path):
    path = os.pathsep.join(
        [str(Path(tensorxp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    picture = tmp_path / f"{example.stem}.png"
    assert picture.stat().st_size > 10_000


def test_there_are_examples():
    assert len(EXAMPLES) >= 3
