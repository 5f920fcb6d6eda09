"""Import time and installed size of each library, with its dependencies."""

import importlib.metadata
import importlib.util
import marshal
import os
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .runner import ROOT

CODE = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def import_seconds(module: str) -> float | None:
    """Return how long a fresh interpreter takes to import the module."""
    command = [sys.executable, "-c", CODE.format(module)]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=env)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def import_times(modules: Sequence[str], rounds: int) -> dict[str, float | None]:
    """Return the median import time of each module, measured in turn; None where missing."""
    samples: dict[str, list[float]] = {module: [] for module in modules}
    for module in modules:
        import_seconds(module)  # fills the file cache and the bytecode cache
    for _ in range(rounds):
        for module in modules:
            seconds = import_seconds(module)
            if seconds is not None:
                samples[module].append(seconds)
    return {module: statistics.median(s) if s else None for module, s in samples.items()}


def requirements(distribution: str) -> list[str]:
    """Return the names of what a distribution requires without extras."""
    try:
        lines = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        if distribution != "tensorxp":
            return []
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        lines = project["dependencies"]
    names = []
    for line in lines:
        requirement, _, marker = line.partition(";")
        match = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
        if match and "extra" not in marker:
            names.append(re.sub(r"[-_.]+", "-", match.group()).lower())
    return names


def own_bytes(distribution: str) -> int:
    """Return the bytes of the files of one installed distribution (0 if it is not there)."""
    if distribution == "tensorxp":  # a checkout or an editable install lists no files
        spec = importlib.util.find_spec("tensorxp")
        folders = list(spec.submodule_search_locations or []) if spec else []
        return sum(_as_installed(Path(folder)) for folder in folders)
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return 0
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _as_installed(package: Path) -> int:
    """Return the bytes that a package takes once pip has installed it and made its bytecode."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    data = project["tool"]["setuptools"]["package-data"]
    kept = {file for files in data.values() for file in files}
    total = 0
    for path in package.rglob("*"):
        if path.suffix in (".py", ".so", ".pyd") or path.name in kept:
            total += path.stat().st_size
        if path.suffix == ".py":
            code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
            total += 16 + len(marshal.dumps(code))
    return total


def installed_megabytes(distribution: str) -> float | None:
    """Return the size of a distribution and all it requires, in MB; None if it is missing."""
    total, seen, waiting = 0, set[str](), [distribution]
    if not own_bytes(distribution):
        return None
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            total += own_bytes(name)
            waiting += requirements(name)
    return total / 1e6


def measure(modules: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    """Return a row per library."""
    times = import_times(modules, rounds)
    return [
        {"library": name, "import_s": times[name], "installed_mb": installed_megabytes(name)}
        for name in modules
    ]
