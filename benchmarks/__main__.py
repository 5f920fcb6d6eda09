"""Run everything side by side: `python -m benchmarks [--only NAMES] [--peers NAMES] …`."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import footprint, report, runner, table, workloads
from .latency import PEERS as LATENCY_PEERS
from .libraries import DISTRIBUTIONS, LIBRARIES

EXTRAS = ("latency", "footprint")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ", ".join([*EXTRAS, *workloads.NAMES])
    parser.add_argument("--only", help=f"comma-separated, of: {names}")
    parser.add_argument("--peers", help=f"comma-separated, of: {', '.join(LIBRARIES)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0, help="0 leaves it to each library")
    parser.add_argument("--json", type=Path, help="default, in a full run: benchmarks/results.json")
    parser.add_argument("--report", type=Path, help="default, in a full run: docs/performance.md")
    options = parser.parse_args(arguments)
    full = options.only is None and options.peers is None
    options.only = _choice(parser, options.only, (*EXTRAS, *workloads.NAMES))
    options.peers = _choice(parser, options.peers, tuple(LIBRARIES))
    if full:  # part of the figures must not replace all of them
        options.json = options.json or runner.ROOT / "benchmarks" / "results.json"
        options.report = options.report or runner.ROOT / "docs" / "performance.md"
    return options


def _choice(
    parser: argparse.ArgumentParser, given: str | None, known: tuple[str, ...]
) -> tuple[str, ...]:
    if given is None:
        return known
    asked = given.split(",")
    unknown = sorted(set(asked) - set(known))
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}; known are {', '.join(known)}")
    return tuple(name for name in known if name in asked)


def latency(peers: Sequence[str], threads: int) -> dict[str, Any]:
    """Run the small operations, once with the compiled core and once without."""
    chosen = [peer for peer in LATENCY_PEERS if peer in peers]
    found = _latency(chosen, runner.environment(threads))
    if "tensorxp-pure" in peers:
        pure = dict(LIBRARIES["tensorxp-pure"].environment)
        again = _latency(chosen, runner.environment(threads) | pure)
        for row, other in zip(found["rows"], again["rows"], strict=True):
            row["pure"] = {"ns": other["ns"]["tensorxp"], **other["ratios"]}
    return found


def _latency(chosen: Sequence[str], environment: dict[str, str]) -> dict[str, Any]:
    """Run the small operations in a process of their own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "latency.json"
        command = [sys.executable, "-m", "benchmarks.latency", "--peers", ",".join(chosen)]
        command += ["--json", str(path)]
        done = subprocess.run(
            command,
            cwd=runner.ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"benchmarks.latency failed:\n{done.stderr}")
        return json.loads(path.read_text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, write; return 1 if tensorxp failed or gave a wrong result."""
    options = parse(arguments)
    result = report.start(options.peers, options.rounds, options.threads)
    if "footprint" in options.only:
        chosen = [name for name in DISTRIBUTIONS if name in options.peers]
        result["footprint"] = footprint.measure(chosen, options.rounds)
    if "latency" in options.only:
        result["latency"] = latency(options.peers, options.threads)
    for name in workloads.NAMES:
        if name not in options.only:
            continue
        for case in workloads.load(name).CASES:
            print(f"{name}: {case} …", file=sys.stderr, flush=True)
            result["workloads"].append(
                runner.run_case(name, case, options.peers, options.rounds, options.threads)
            )
    print(table.everything(result), end="\n\n")
    if result["workloads"]:
        print(table.memory(result), end="\n\n")
    if "tensorxp-pure" in options.peers:
        print(table.pure(result), end="\n\n")
    if "tensorxp-compile" in options.peers:
        print(table.compiled(result), end="\n\n")
    print(report.summary(result))
    print("\n".join(table.problems(result)))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    if options.report:
        report.write(result, options.report)
    failed = any("error" in row["libraries"].get("tensorxp", {}) for row in result["workloads"])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
