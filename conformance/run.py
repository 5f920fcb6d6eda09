"""Run the official Array API test suite on tensorxp, or on any other array namespace.

    python conformance/run.py
    python conformance/run.py --special-cases
    python conformance/run.py --namespace tensorxp --namespace numpy --report report.md
    python conformance/run.py --device cuda:0 -n 4 -- -x

Exit status: 0 when every test of the first namespace passed (none failed, skipped or expected to
fail), 1 when not, 2 for a wrong command line, 3 when there is no copy of the suite, 4 when the
suite could not be run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from report import markdown, summary
from session import (
    Options,
    Session,
    SessionError,
    probe,
    read_sessions,
    run_special_cases,
    run_suite,
)
from suite import SUITE_ENV, Suite, SuiteError, find_suite


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    text, _, statuses = (__doc__ or "").partition("\n\nExit status")
    parser = argparse.ArgumentParser(
        prog="conformance/run.py",
        description=text,
        epilog="Exit status" + statuses,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--suite",
        type=Path,
        metavar="PATH",
        help=f"copy of array-api-tests to use (default: ${SUITE_ENV}, the user cache, git clone)",
    )
    add(
        "--namespace",
        action="append",
        metavar="MODULE",
        help="namespace to test (default: tensorxp); repeat it to compare several",
    )
    add(
        "--device",
        help="passed to set_default_device of the first namespace, such as cpu or cuda:0",
    )
    add("--max-examples", type=_positive, default=100, metavar="N", help="default: 100")
    add(
        "--special-cases",
        type=_positive,
        nargs="?",
        const=150,
        metavar="N",
        help="in addition, draw every special case N times (150 when N is left out)",
    )
    add(
        "--only-special-cases",
        action="store_true",
        help="leave out the suite itself and run only the draws of --special-cases",
    )
    add(
        "--api-version",
        default="2025.12",
        metavar="YYYY.MM",
        help="version of the standard to test, for every namespace (default: 2025.12)",
    )
    add("-k", dest="keyword", metavar="EXPR", help="run only the tests that match, as in pytest")
    add("-n", dest="workers", type=_positive, metavar="N", help="number of worker processes")
    add("--json", type=Path, metavar="FILE", help="write every outcome to FILE")
    add("--report", type=Path, metavar="FILE.md", help="write a comparison to FILE.md")
    add(
        "--add",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.json",
        help="show the namespaces of an earlier --json FILE in the report too; repeat for more",
    )
    add("pytest_args", nargs="*", metavar="-- ARGS", help="further arguments for pytest")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _context(suite: Suite, args: argparse.Namespace) -> dict[str, Any]:
    """What a reader of the results needs to know about the run."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "suite_commit": suite.commit,
        "stubs_commit": suite.stubs_commit,
        "warnings": suite.warnings,
        "api_version": args.api_version,
        "max_examples": None if args.only_special_cases else args.max_examples,
        "selection": " ".join([*(["-k", args.keyword] if args.keyword else []), *args.pytest_args]),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "hypothesis": version("hypothesis"),
        "pytest": version("pytest"),
    }


def _test(args: argparse.Namespace, suite: Suite) -> tuple[list[Session], bool]:
    """What each namespace gave, as far as it came, and whether the suite could be run on all."""
    options = Options(
        suite=suite,
        max_examples=args.max_examples,
        api_version=args.api_version,
        workers=args.workers or 0,
        keyword=args.keyword,
        pytest_args=tuple(args.pytest_args),
    )
    namespaces = args.namespace or ["tensorxp"]
    sessions = [
        # The device is for the first namespace; the others are there to compare with.
        probe(name, args.device if index == 0 else None)
        for index, name in enumerate(namespaces)
    ]
    complete = True
    for session in sessions:
        print(f"\n== {session.label} ==", flush=True)
        try:
            if not args.only_special_cases:
                run_suite(session, options)
            if args.special_cases:
                run_special_cases(session, options, args.special_cases)
        except SessionError as error:
            print(error, file=sys.stderr)
            complete = False
    return sessions, complete


def main(argv: list[str] | None = None) -> int:
    """Run as the command line says and return the exit status."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.only_special_cases and not args.special_cases:
        args.special_cases = 150
    try:
        earlier = [session for path in args.add for session in read_sessions(path)]
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"--add: {error!r} in {', '.join(map(str, args.add))}")
    for target in (args.json, args.report):
        if target is not None and not target.resolve().parent.is_dir():
            parser.error(f"the folder of {target} does not exist")
    try:
        suite = find_suite(args.suite)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 3
    print(f"array-api-tests {suite.commit or '(commit unknown)'} in {suite.path}")
    for line in suite.warnings:
        print(f"WARNING: {line}", file=sys.stderr)
    try:
        sessions, complete = _test(args, suite)
    except SessionError as error:
        print(error, file=sys.stderr)
        return 4
    context = _context(suite, args)
    if args.json is not None:
        content = {**context, "sessions": [session.as_dict() for session in sessions]}
        args.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if args.report is not None:
        args.report.write_text(markdown(context, sessions + earlier), encoding="utf-8")
    print()
    for session in sessions:
        print(summary(session))
    if not complete:
        return 4
    return 0 if sessions[0].clean else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
