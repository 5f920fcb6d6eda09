"""The commands and their options; errors of the user end without a traceback."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tensorxp._version import __version__


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m tensorxp", description="tensorxp: see, try")
    top.add_argument("--version", action="version", version=f"tensorxp {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    info = commands.add_parser("info", help="print versions, devices, BLAS, optional packages")
    info.add_argument("--json", action="store_true", help="print JSON")
    demo = commands.add_parser(
        "demo", help="train a classifier on handwritten digits, check its gradients, draw a picture"
    )
    demo.add_argument("--device", default="cpu", help='"cpu", "cuda", "cuda:N" (default: cpu)')
    demo.add_argument("--epochs", type=_positive, default=12, help="passes over the data (12)")
    demo.add_argument("--seed", type=int, default=0, help="seed of split and start (0)")
    demo.add_argument(
        "--output", type=Path, default=Path("tensorxp-demo.png"), help="picture to write"
    )
    demo.add_argument("--no-picture", action="store_true", help="write no picture")
    demo.add_argument("--json", action="store_true", help="print the results as JSON")
    return top


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 done, 1 failed, 2 wrong use."""
    options = parser().parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ImportError, OSError, RuntimeError, ValueError, TypeError) as error:
        print(f"tensorxp {options.command}: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.command == "info":
        from tensorxp._cli.info import collect, show

        found = collect()
        print(json.dumps(found, indent=2) if options.json else show(found))
        return 0
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
