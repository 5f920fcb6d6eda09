"""Run a library's own array API tests on tensorxp, or on any other array namespace.

    python conformance/downstream.py scipy
    python conformance/downstream.py scipy --module special stats -n 2
    python conformance/downstream.py sklearn --json outcomes.json --report report.md
    python conformance/downstream.py extra --tests PATH --namespace tensorxp --namespace torch
    python conformance/downstream.py --json outcomes.json --report report.md

The libraries are not edited: a plugin puts the namespace in the place of the ones they know. With
--json, modules that are in the file already and are not run again are kept, so that a long run can
be made in parts; without a library, only the report on that file is written.

Exit status: 0 when no test of the first namespace failed, 1 when one did, 2 for a wrong command
line, 3 when the library or its tests are missing, 4 when a module could not be run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from downstream_report import counts, markdown
from libraries import EXTRA_ENV, LIBRARIES, Library
from session import OUTCOMES, Session, SessionError, environment, probe
from suite import SuiteError

Record = dict[str, Any]


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    text, _, statuses = (__doc__ or "").partition("\n\nExit status")
    parser = argparse.ArgumentParser(
        prog="conformance/downstream.py",
        description=text,
        epilog="Exit status" + statuses,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("library", nargs="?", choices=sorted(LIBRARIES), help="whose tests to run")
    add(
        "--namespace",
        action="append",
        metavar="MODULE",
        help="namespace to test (default: tensorxp); repeat it to compare several",
    )
    add("--module", nargs="+", default=[], metavar="NAME", help="only these modules, such as stats")
    add(
        "--tests",
        type=Path,
        metavar="PATH",
        help=f"checkout of array-api-extra (default: ${EXTRA_ENV}, the user cache, git clone)",
    )
    add("-n", dest="workers", type=int, metavar="N", help="number of worker processes")
    add("--json", type=Path, metavar="FILE", help="keep every outcome in FILE")
    add("--report", type=Path, metavar="FILE.md", help="write the counts to FILE.md")
    return parser


def run_module(
    library: Library, session: Session, target: list[str], workers: int | None, extra: list[str]
) -> dict[str, Record]:
    """Run the tests of one module and return the outcome of each."""
    with tempfile.TemporaryDirectory(prefix="tensorxp-downstream-") as scratch:
        outcomes = Path(scratch) / "outcomes.json"
        command = [sys.executable, "-m", "pytest", "-q", "--disable-warnings", "--tb=short"]
        command += ["-p", "conformance_outcomes", "-p", "conformance_downstream", "-rfE"]
        command += ["-p", "no:cacheprovider", "-p", "no:pytest_jsonreport"]
        command += [f"--outcomes={outcomes}", f"--downstream={library.name}"]
        command += [f"--downstream-namespace={session.namespace}"]
        if workers:
            command += ["-n", str(workers)]
        env = environment(session.namespace)
        env["SCIPY_ARRAY_API"] = "1"
        # The tests of some functions must not depend on where the command was given.
        done = subprocess.run([*command, *target, *extra], cwd=scratch, env=env)
        if not outcomes.is_file():
            raise SessionError(f"pytest ended with status {done.returncode} before any test")
        content = json.loads(outcomes.read_text(encoding="utf-8"))
    if content["exit_status"] not in (0, 1, 5):  # passed, some failed, none selected
        raise SessionError(f"pytest stopped early with status {content['exit_status']}")
    found: dict[str, Record] = content["tests"]
    return found


def run_library(
    library: Library, session: Session, args: argparse.Namespace, extra: list[str], data: Record
) -> bool:
    """Run the chosen modules, put the outcomes into `data`, and say whether all could be run."""
    complete = True
    for name, target in library.targets(args.module, args.tests).items():
        print(f"\n== {library.name} {name}: {session.label} ==", flush=True)
        start = time.monotonic()
        try:
            tests = run_module(library, session, target, args.workers, extra)
        except SessionError as error:
            print(error, file=sys.stderr)
            complete = False
            continue
        data.update(load(args.json))  # another run may have added to the file meanwhile
        entry = data.setdefault(library.name, {}).setdefault(session.namespace, {"modules": {}})
        entry["versions"] = {**session.versions, library.distribution: library.version}
        entry["modules"][name] = {"tests": tests, "seconds": round(time.monotonic() - start, 1)}
        if args.json is not None:
            args.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return complete


def load(path: Path | None) -> Record:
    """The outcomes kept in a file, none if there is no such file."""
    if path is None or not path.is_file():
        return {}
    found: Record = json.loads(path.read_text(encoding="utf-8"))
    return found


def main(argv: list[str] | None = None) -> int:
    """Run as the command line says and return the exit status."""
    given = sys.argv[1:] if argv is None else argv
    # `--module` takes several names, so what follows -- is split off by hand.
    split = given.index("--") if "--" in given else len(given)
    parser = build_parser()
    args = parser.parse_args(given[:split])
    for target in (args.json, args.report):
        if target is not None and not target.resolve().parent.is_dir():
            parser.error(f"the folder of {target} does not exist")
    if args.library is None and (args.json is None or args.report is None):
        parser.error("without a library, both --json and --report are needed")
    data = load(args.json)
    status = 0
    if args.library is not None:
        status = _run(LIBRARIES[args.library], args, given[split + 1 :], data)
    if args.report is not None:
        args.report.write_text(markdown(data), encoding="utf-8")
    return status


def _run(library: Library, args: argparse.Namespace, extra: list[str], data: Record) -> int:
    namespaces = args.namespace or ["tensorxp"]
    complete = True
    try:
        for session in [probe(name, None) for name in namespaces]:
            complete &= run_library(library, session, args, extra, data)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 3
    except SessionError as error:
        print(error, file=sys.stderr)
        return 4
    print()
    entries = data.get(library.name, {})
    for name in namespaces:
        modules = entries.get(name, {"modules": {}})["modules"]
        for module, record in modules.items():
            found = counts(record)
            print(f"{name}: {module}: " + ", ".join(f"{found[o]} {o}" for o in OUTCOMES))
    if not complete:
        return 4
    first = entries[namespaces[0]]["modules"].values()
    return 1 if any(counts(record)["failed"] for record in first) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
