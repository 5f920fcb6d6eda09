"""`conformance` and `bench`: run the scripts of a source checkout, and pass their results on.

Both need files that an installed wheel does not hold; without a checkout they say so.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import tensorxp as xp

_MARKS = {"conformance": "conformance/run.py", "bench": "benchmarks/__main__.py"}


class NoCheckout(Exception):
    """There is no source checkout here."""


def find(command: str) -> Path:
    """Return the checkout: the one that tensorxp is imported from, or the working directory's."""
    mark = _MARKS[command]
    here = Path.cwd()
    for root in (Path(xp.__file__).parents[2], here, *here.parents):
        if (root / mark).is_file() and (root / "src" / "tensorxp").is_dir():
            return root
    raise NoCheckout(
        f"{command} needs a source checkout ({mark} was not found): clone the repository and run "
        f"`python -m tensorxp {command}` in it"
    )


def run(command: str, arguments: list[str], as_json: bool) -> int:
    """Run the script of `command` and return its exit status; with `as_json` print its results.

    What the script tells on the way then goes to stderr.
    """
    root = find(command)
    script = [str(root / _MARKS[command])] if command == "conformance" else ["-m", "benchmarks"]
    path = os.pathsep.join(filter(None, (str(root / "src"), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    where = root if command == "bench" else None
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        extra = ["--json", str(results)] if as_json else []
        done = subprocess.run(
            [sys.executable, *script, *extra, *arguments],
            env=environment,
            cwd=where,
            stdout=sys.stderr if as_json else None,
            check=False,
        )
        if as_json and results.exists():
            found: Any = json.loads(results.read_text(encoding="utf-8"))
            print(json.dumps(found, indent=2))
        return done.returncode
