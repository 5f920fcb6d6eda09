"""The commands and their options; errors of the user end without a traceback."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorxp._version import __version__

_STATUS = "exit status: 0 done, 1 failed, 2 wrong use"
_HELP = {
    "info": "print versions, devices, BLAS, threads and optional packages",
    "demo": "train a classifier on handwritten digits, check its gradients, draw a picture",
    "conformance": "run the official Array API suite (needs a source checkout)",
    "bench": "run the benchmarks beside other libraries (needs a source checkout)",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m tensorxp",
        description="tensorxp: see what is here, try it, check it, measure it",
        epilog=f"{_STATUS}; COMMAND --help tells the options of a command",
    )
    top.add_argument("--version", action="version", version=f"tensorxp {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    found = {}
    for name, text in _HELP.items():
        found[name] = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog=_STATUS
        )
        found[name].add_argument("--json", action="store_true", help="print the results as JSON")
    demo = found["demo"].add_argument
    demo("--device", default="cpu", help='"cpu", "cuda", "cuda:N" (default: cpu)')
    demo("--epochs", type=_at_least(1), default=12, metavar="N", help="passes over the data (12)")
    demo("--seed", type=_at_least(0), default=0, metavar="N", help="seed of split and start (0)")
    demo(
        "--output", type=Path, default=Path("tensorxp-demo.png"), metavar="FILE",
        help="picture to write (tensorxp-demo.png)",
    )  # fmt: skip
    demo("--no-picture", action="store_true", help="write no picture")
    suite = found["conformance"].add_argument
    suite("-k", dest="keyword", metavar="EXPR", help="run only the tests that match, as in pytest")
    suite("-n", dest="workers", type=_at_least(1), metavar="N", help="worker processes")
    suite("--device", help='default device of the run, such as "cpu" or "cuda:0"')
    suite("--max-examples", type=_at_least(1), metavar="N", help="examples for each test (100)")
    suite("--special-cases", action="store_true", help="also draw each special case 150 times")
    suite("--suite", type=Path, metavar="PATH", help="folder of a clone of the suite")
    suite("--report", type=Path, metavar="FILE.md", help="write a report")
    bench = found["bench"].add_argument
    bench("--only", metavar="NAMES", help="comma-separated names of workloads")
    bench("--peers", metavar="NAMES", help="comma-separated names of libraries")
    bench("--rounds", type=_at_least(1), metavar="N", help="rounds for each workload (7)")
    bench("--threads", type=_at_least(0), metavar="N", help="BLAS threads; 0: each library's own")
    bench("--report", type=Path, metavar="FILE.md", help="write a report")
    return top


def _at_least(low: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} on")
        return value

    return number


def _unwritable(path: Path) -> str:
    """Return why a file cannot be written there, or nothing; hours of work may come before it."""
    if not path.parent.is_dir():
        return "whose folder does not exist"
    if path.is_dir():
        return "which is a folder"
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return "which cannot be written: permission denied"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 done, 1 failed, 2 wrong use."""
    top = parser()
    options = top.parse_args(arguments)
    for name in ("output", "report"):
        path = getattr(options, name, None)
        if path is not None and not getattr(options, "no_picture", False):
            problem = _unwritable(path.resolve())
            if problem:
                top.error(f"{options.command}: --{name} is {path}, {problem}")
    try:
        status = _run(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as in `… info | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ImportError, OSError, RuntimeError, ValueError, TypeError) as error:
        print(f"tensorxp {options.command}: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.command == "info":
        from tensorxp._cli.info import collect, show

        found = collect()
        print(json.dumps(found, indent=2) if options.json else show(found))
        return 0
    if options.command == "demo":
        return _demo(options)
    return _script(options)


def _demo(options: argparse.Namespace) -> int:
    from tensorxp._cli.demo import run

    result: dict[str, Any] = run(
        device=options.device,
        epochs=options.epochs,
        seed=options.seed,
        picture=None if options.no_picture else options.output,
        quiet=options.json,
    )
    if options.json:
        print(json.dumps(result, indent=2))
    return 0 if result["passed"] else 1


def _script(options: argparse.Namespace) -> int:
    from tensorxp._cli.checkout import NoCheckout, run

    arguments: list[str] = []
    names = {"keyword": "-k", "workers": "-n"}
    for name, value in vars(options).items():
        if name in ("command", "json") or value is None or value is False:
            continue
        arguments.append(names.get(name, f"--{name.replace('_', '-')}"))
        if value is not True:
            arguments.append(str(value.resolve() if isinstance(value, Path) else value))
    try:
        return run(options.command, arguments, options.json)
    except NoCheckout as error:
        print(f"tensorxp {options.command}: {error}", file=sys.stderr)
        return 2
