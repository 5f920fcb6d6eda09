"""The libraries whose own array API tests are run: where their tests are and how to call them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from suite import SuiteError, cache_base, git

EXTRA_URL = "https://github.com/data-apis/array-api-extra"
EXTRA_ENV = "ARRAY_API_EXTRA_DIR"


@dataclass(frozen=True)
class Library:
    """A library with array API tests, and the modules that have some."""

    name: str  # as on the command line
    package: str
    distribution: str
    modules: tuple[str, ...]  # empty: one for each test file of its repository

    @property
    def version(self) -> str:
        """The version that is installed."""
        return version(self.distribution)

    def targets(self, chosen: list[str], tests: Path | None) -> dict[str, list[str]]:
        """The arguments for pytest for each module, all modules if none is chosen."""
        if not self.modules:
            return _files(chosen, find_tests(tests))
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise SuiteError(f"{self.package} is not installed")
        root = f"--rootdir={Path(spec.origin).parent.parent}"
        names = [name.removeprefix(f"{self.package}.") for name in chosen or self.modules]
        return {name: [root, "--pyargs", f"{self.package}.{name}"] for name in names}


SCIPY = Library(
    name="scipy",
    package="scipy",
    distribution="scipy",
    modules=(
        *("_lib", "cluster", "constants", "differentiate", "fft", "integrate", "interpolate"),
        *("linalg", "ndimage", "optimize", "signal", "spatial", "special", "stats"),
    ),
)
SKLEARN = Library(
    name="sklearn",
    package="sklearn",
    distribution="scikit-learn",
    modules=(
        *("_loss", "decomposition", "linear_model", "metrics", "mixture", "model_selection"),
        *("preprocessing", "tests", "utils"),
    ),
)
EXTRA = Library(
    name="extra",
    package="array_api_extra",
    distribution="array-api-extra",
    modules=(),
)
LIBRARIES = {library.name: library for library in (SCIPY, SKLEARN, EXTRA)}


def find_tests(given: Path | None) -> Path:
    """The copy of array-api-extra's repository: given, in the environment, cached or cloned."""
    named = given or os.environ.get(EXTRA_ENV)
    if named:
        path = Path(named).expanduser().resolve()
    else:
        path = cache_base() / f"array-api-extra-{EXTRA.version}"
        if not path.exists():
            _clone(path)
    if not (path / "tests" / "main" / "conftest.py").is_file():
        raise SuiteError(f"{path} is not a copy of array-api-extra's repository")
    return path


def _files(chosen: list[str], repository: Path) -> dict[str, list[str]]:
    folder = repository / "tests" / "main"
    names = chosen or sorted(path.stem.removeprefix("test_") for path in folder.glob("test_*.py"))
    root = f"--rootdir={repository}"
    return {name: [root, str(folder / f"test_{name}.py")] for name in names}


def _clone(target: Path) -> None:
    """Clone the tag of the installed version beside `target`, and rename it into place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".array-api-extra-", dir=target.parent) as scratch:
        copy = Path(scratch) / "repository"
        tag = f"v{EXTRA.version}"
        print(f"Fetching {EXTRA_URL} at {tag} into {target} ...", flush=True)
        try:
            git("clone", "--quiet", "--depth=1", "--branch", tag, EXTRA_URL, str(copy))
            if not target.exists():  # another run may have finished first
                copy.rename(target)
        except (OSError, subprocess.CalledProcessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip()
            raise SuiteError(
                f"No copy of array-api-extra was found, and none could be fetched:\n{said}\n"
                f"Give the folder of a checkout of {tag} (the sdist will do) with --tests PATH."
            ) from None
