"""Run the suite on one namespace in a separate process and read back what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from suite import Suite

HERE = Path(__file__).resolve().parent
OUTCOMES = ("passed", "failed", "skipped", "xfailed", "xpassed")
PROBE = """
import importlib, importlib.metadata as md, json, sys
name, device = sys.argv[1], sys.argv[2] or None
xp = importlib.import_module(name)
if not hasattr(xp, "asarray"):
    raise ImportError("it has no asarray, so it is not an array namespace")
def version(module):
    try:
        return md.version(module)
    except md.PackageNotFoundError:
        return None
top, last = name.split(".")[0], name.split(".")[-1]
versions = {top: getattr(xp, "__version__", None) if top == name else version(top)}
if top == "array_api_compat":
    versions[last] = version(last)
if device is not None:
    xp.set_default_device(device)
print(json.dumps({
    "versions": {k: v for k, v in versions.items() if v},
    "api_version": getattr(xp, "__array_api_version__", None),
}))
"""


class SessionError(Exception):
    """The suite could not be run on a namespace."""


@dataclass(frozen=True)
class Options:
    """What is the same for every namespace of one run."""

    suite: Suite
    api_version: str
    max_examples: int = 100
    workers: int = 0
    keyword: str | None = None
    pytest_args: tuple[str, ...] = ()


@dataclass
class Session:
    """What one namespace is, and the outcome of every test run on it."""

    namespace: str
    device: str | None
    versions: dict[str, str]
    declared: str | None  # the version of the standard that the namespace says it follows
    max_examples: int = 0  # 0: the suite itself was not run
    tests: dict[str, dict[str, Any]] = field(default_factory=dict)
    special_draws: int = 0
    special_tests: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[str]:
        """How many tests had each outcome."""
        return Counter(test["outcome"] for test in self.tests.values())

    @property
    def special_counts(self) -> Counter[str]:
        """How many special cases had each outcome."""
        return Counter(test["outcome"] for test in self.special_tests.values())

    @property
    def label(self) -> str:
        """The name to show: namespace and device."""
        return f"{self.namespace} on {self.device}" if self.device else self.namespace

    @property
    def clean(self) -> bool:
        """Whether tests ran and every one passed, in each part that was asked for."""
        parts = []
        if self.max_examples:
            parts.append(self.counts)
        if self.special_draws:
            parts.append(self.special_counts)
        return bool(parts) and all(0 < part["passed"] == part.total() for part in parts)

    def special_results(self) -> list[dict[str, Any]]:
        """The record of each special case that was drawn."""
        return [t["special_case"] for t in self.special_tests.values() if "special_case" in t]

    def as_dict(self) -> dict[str, Any]:
        """The session as plain data for JSON."""
        data: dict[str, Any] = {
            "namespace": self.namespace,
            "device": self.device,
            "versions": self.versions,
            "declared_api_version": self.declared,
            "clean": self.clean,
        }
        if self.max_examples:
            data["max_examples"] = self.max_examples
            data["counts"] = {name: self.counts[name] for name in OUTCOMES}
            data["tests"] = self.tests
        if self.special_draws:
            data["special_cases"] = {
                "draws_each": self.special_draws,
                "counts": {name: self.special_counts[name] for name in OUTCOMES},
                "tests": self.special_tests,
            }
        return data


def read_sessions(path: Path) -> list[Session]:
    """Return the sessions of a file that `as_dict` filled; ValueError or KeyError for others."""
    sessions = []
    for found in json.loads(path.read_text(encoding="utf-8"))["sessions"]:
        special = found.get("special_cases") or {}
        sessions.append(
            Session(
                namespace=found["namespace"],
                device=found["device"],
                versions=found["versions"],
                declared=found["declared_api_version"],
                max_examples=found.get("max_examples", 0),
                tests=found.get("tests", {}),
                special_draws=special.get("draws_each", 0),
                special_tests=special.get("tests", {}),
            )
        )
    return sessions


def probe(namespace: str, device: str | None) -> Session:
    """Import the namespace in a separate process, so that a wrong name fails early and clearly."""
    command = [sys.executable, "-c", PROBE, namespace, device or ""]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(namespace))
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        place = f" on device {device}" if device else ""
        raise SessionError(f"{namespace} cannot be used{place}: {last}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Session(namespace, device, found["versions"], found["api_version"])


def run_suite(session: Session, options: Options) -> None:
    """Run the suite on the session's namespace."""
    extra = [f"--max-examples={options.max_examples}", *options.pytest_args]
    if not any(_is_path(arg) for arg in options.pytest_args):
        extra.append("array_api_tests")
    session.max_examples = options.max_examples
    session.tests = _pytest(session, options, extra)


def run_special_cases(session: Session, options: Options, draws: int) -> None:
    """Draw every special case `draws` times on the session's namespace."""
    session.special_draws = draws
    extra = [f"--special-case-draws={draws}", "array_api_tests/test_special_cases.py"]
    extra += [arg for arg in options.pytest_args if not _is_path(arg)]
    session.special_tests = _pytest(session, options, extra)


def _pytest(session: Session, options: Options, extra: list[str]) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="tensorxp-conformance-") as scratch:
        outcomes = Path(scratch) / "outcomes.json"
        command = [sys.executable, "-m", "pytest", "-q", "--disable-warnings", "--tb=short"]
        command += ["-p", "conformance_outcomes", "-p", "conformance_special_cases"]
        command += ["-p", "no:cacheprovider", "-p", "no:pytest_jsonreport"]
        command += [f"--outcomes={outcomes}", "--disable-deadline", "-rfE"]
        command += [f"--skips-file={HERE / 'skips.txt'}", f"--xfails-file={HERE / 'xfails.txt'}"]
        if options.workers:
            command += ["-n", str(options.workers)]
        if options.keyword is not None:
            command += ["-k", options.keyword]
        env = environment(session.namespace)
        env["ARRAY_API_TESTS_MODULE"] = _module_setting(session.namespace, session.device)
        env["HYPOTHESIS_STORAGE_DIRECTORY"] = str(Path(scratch) / "hypothesis")
        env["ARRAY_API_TESTS_VERSION"] = options.api_version
        done = subprocess.run([*command, *extra], cwd=options.suite.path, env=env)
        if not outcomes.is_file():
            raise SessionError(
                f"pytest ended with status {done.returncode} before any test of {session.label}"
            )
        content = json.loads(outcomes.read_text(encoding="utf-8"))
        found: dict[str, dict[str, Any]] = content["tests"]
        finished = content["exit_status"] in (0, 1, 5)  # passed, some failed, none selected
        if not finished and all(test["outcome"] != "failed" for test in found.values()):
            raise SessionError(
                f"pytest stopped early with status {content['exit_status']} on {session.label}"
            )
        return found


def _is_path(arg: str) -> bool:
    return arg.startswith("array_api_tests")


def _module_setting(namespace: str, device: str | None) -> str:
    """The suite's ARRAY_API_TESTS_MODULE: a module name, or code that sets the device first."""
    if device is None:
        return namespace
    code = f'import {namespace}; import sys; xp = sys.modules["{namespace}"]; '
    return f"exec('{code}xp.set_default_device({json.dumps(device)})')"


def environment(namespace: str) -> dict[str, str]:
    """The environment in which a process can import the namespace and the plugins."""
    env = dict(os.environ)
    paths = [str(HERE / "plugins")]
    if namespace == "tensorxp" and find_spec("tensorxp") is None:
        paths.append(str(HERE.parent / "src"))  # a checkout that is not installed
    paths += [os.path.abspath(p) for p in env.get("PYTHONPATH", "").split(os.pathsep) if p]
    paths.append(os.getcwd())  # a module in the folder where the command was given
    env["PYTHONPATH"] = os.pathsep.join(paths)
    env["PYTHONDONTWRITEBYTECODE"] = "1"  # leave the suite's folder as it was
    env["PYTHONHASHSEED"] = "0"  # xdist workers must collect in the same order
    if namespace.startswith("jax"):
        env.setdefault("JAX_ENABLE_X64", "1")
    return env
