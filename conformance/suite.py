"""Find, check or fetch a copy of the official array-api-tests suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SUITE_URL = "https://github.com/data-apis/array-api-tests"
SUITE_COMMIT = "55fcc60179efa2680ddd6cd926ddf17b83530e2b"
STUBS_COMMIT = "5f847a3858875c682ae901aa22b0413bf24be9da"
SUITE_ENV = "ARRAY_API_TESTS_DIR"


class SuiteError(Exception):
    """No usable copy of the suite; the text says what was tried."""


@dataclass(frozen=True)
class Suite:
    """A usable copy: where it is, and the commits it is at (None: unknown)."""

    path: Path
    commit: str | None
    stubs_commit: str | None

    @property
    def warnings(self) -> list[str]:
        """One line for each part that is not at its pinned commit."""
        parts = [
            ("array-api-tests", self.commit, SUITE_COMMIT),
            ("its submodule array-api", self.stubs_commit, STUBS_COMMIT),
        ]
        return [
            f"{name} is at {at[:12] if at else 'an unknown commit'}, not at the pinned {pin[:12]}"
            for name, at, pin in parts
            if at != pin
        ]


def cache_base() -> Path:
    """The folder for everything that is downloaded."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tensorxp"


def cache_folder() -> Path:
    """The folder a downloaded copy is kept in."""
    return cache_base() / f"array-api-tests-{SUITE_COMMIT[:7]}"


def find_suite(given: Path | None = None) -> Suite:
    """The copy to test with: the given one, the environment's, the cached one or a new clone."""
    if given is not None:
        return _check(given, "--suite")
    if named := os.environ.get(SUITE_ENV):
        return _check(Path(named), SUITE_ENV)
    cached = cache_folder()
    if not cached.exists():
        _clone(cached)
    return _check(cached, "the cache")


def _check(path: Path, origin: str) -> Suite:
    path = path.expanduser().resolve()
    if not (path / "array_api_tests" / "__init__.py").is_file():
        raise SuiteError(f"{path} (from {origin}) is not a copy of array-api-tests")
    if not (path / "array-api" / "src" / "array_api_stubs").is_dir():
        raise SuiteError(
            f"{path} (from {origin}) lacks its submodule array-api; "
            "run `git submodule update --init` in it"
        )
    return Suite(path, _commit(path), _commit(path / "array-api"))


def _commit(path: Path) -> str | None:
    """The commit checked out at `path`, or None if `path` is no repository of its own."""
    if not (path / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(path), "rev-parse", "HEAD"], capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _clone(target: Path) -> None:
    """Clone the pinned suite beside `target`, and rename it into place when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".array-api-tests-", dir=target.parent))
    copy = scratch / "suite"
    print(f"Fetching {SUITE_URL} at {SUITE_COMMIT[:12]} into {target} ...", flush=True)
    try:
        git("clone", "--quiet", "--no-checkout", SUITE_URL, str(copy))
        git("-C", str(copy), "checkout", "--quiet", SUITE_COMMIT)
        git("-C", str(copy), "submodule", "--quiet", "update", "--init")
        if not target.exists():  # another run may have finished first
            copy.rename(target)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise SuiteError(
            "No copy of array-api-tests was found, and none could be fetched.\n"
            "Tried:\n"
            "  --suite PATH: not given\n"
            f"  {SUITE_ENV}: not set\n"
            f"  {target}: does not exist\n"
            f"  git clone {SUITE_URL}: {said}\n"
            f"Clone it where there is a network, check out {SUITE_COMMIT[:12]}, run\n"
            "`git submodule update --init` in it, and give its folder with --suite PATH."
        ) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def git(*args: str) -> None:
    """Run git without questions; what it says on an error is kept in the exception."""
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    subprocess.run(["git", *args], check=True, capture_output=True, text=True, env=env)
