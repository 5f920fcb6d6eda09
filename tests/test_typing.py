"""Types for users: a sample program is clean for strict checkers, and names are exported."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import tensorxp as xp

SAMPLE = Path(__file__).parent / "typing" / "sample.py"
SOURCE = Path(xp.__file__).parent


def test_the_sample_runs():
    env = os.environ | {"PYTHONPATH": str(SOURCE.parent)}
    subprocess.run([sys.executable, str(SAMPLE)], check=True, capture_output=True, env=env)


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_finds_nothing_in_the_sample(tmp_path):
    command = [
        sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=",
        f"--cache-dir={tmp_path}", str(SAMPLE),
    ]  # fmt: skip
    env = os.environ | {"MYPYPATH": str(SOURCE.parent)}
    found = subprocess.run(command, capture_output=True, text=True, env=env)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed")
def test_pyright_finds_nothing_in_the_sample(tmp_path):
    config = tmp_path / "pyrightconfig.json"
    config.write_text(
        f'{{"include": ["{os.path.relpath(SAMPLE, tmp_path)}"], "extraPaths": ["{SOURCE.parent}"], '
        '"typeCheckingMode": "strict"}'
    )
    found = subprocess.run(
        ["pyright", "-p", str(config), "--pythonpath", sys.executable],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Ignoring" not in found.stdout and "No source files" not in found.stdout


def test_the_package_is_typed():
    assert (SOURCE / "py.typed").exists()


def test_all_public_names_are_exported():
    public = {
        name
        for name, value in vars(xp).items()
        if not name.startswith("_")
        and not (isinstance(value, ModuleType) and name not in ("autograd", "fft", "linalg"))
    }
    exported = {name for name in xp.__all__ if not name.startswith("_")}
    lazy = exported & set(xp._LAZY_FUNCTIONS)  # among the names, but loaded when first used
    assert exported == public | lazy
    assert all(hasattr(xp, name) for name in lazy)
    assert len(xp.__all__) == len(set(xp.__all__))


@pytest.mark.parametrize("name", ["autograd", "fft", "linalg", "random", "special"])
def test_subpackages_export_their_names(name):
    module = getattr(xp, name)
    assert all(hasattr(module, one) for one in module.__all__)
