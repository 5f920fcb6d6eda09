"""The fuzz of the compiled parts: its calls run, and it knows how things are compiled.

`python -m tests.sanitize` builds and runs it under the sanitizers, which takes minutes.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests import sanitize


def test_the_calls_run(tmp_path):
    last = tmp_path / "last"
    command = [sys.executable, "-m", "tests.sanitize_calls", "--seconds", "3", "--last", str(last)]
    paths = [str(Path(sys.modules["tensorxp"].__file__).parents[1]), str(sanitize.ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stderr, last.read_text())
    assert "nothing found" in done.stdout and last.read_text().startswith("--seed ")


def test_the_flags_that_are_changed_are_there():
    setup = sanitize.ROOT / "setup.py"
    if setup.exists():  # not where the tests were copied alone
        text = setup.read_text(encoding="utf-8")
        assert all(flag in text for flag, _ in sanitize.FLAGS)
