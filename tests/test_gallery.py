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
NEEDS = {name: name for name in ("scipy", "sklearn", "statsmodels", "matplotlib")} | {
    "utils.progress": "tqdm",
    "xp.save": "safetensors",
}
"""The package that a script needs which names the word on the left."""


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example(example, tmp_path):
    code = example.read_text(encoding="utf-8")
    missing = [name for word, name in NEEDS.items() if word in code and find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    path = os.pathsep.join(
        [str(Path(tensorxp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    picture = tmp_path / f"{example.stem}.png"
    assert picture.stat().st_size > 10_000


def test_there_are_examples():
    assert len(EXAMPLES) >= 3
