"""Run the workloads: one process per library, results compared first, then rounds in turn."""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from . import workloads
from .libraries import LIBRARIES

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 300.0
"""Seconds that one library may take to set up a workload or to answer."""
BUDGET = 8.0
"""Seconds of timing after which a library gets no further rounds of a case."""


class Worker:
    """A process that serves one workload in one library."""

    def __init__(self, workload: str, case: str, library: str, folder: str, threads: int) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", workload, case, library, folder]
        self.errors = Path(folder) / f"{library}.stderr"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(threads) | dict(LIBRARIES[library].environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.samples: list[float] = []
        self.spent = 0.0

    def read(self) -> dict[str, Any]:
        """Return the next message; a worker that hangs is ended."""
        assert self.process.stdout is not None
        timer = threading.Timer(TIMEOUT, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if line:
            return json.loads(line)
        lines = self.errors.read_text(errors="replace").strip().splitlines()
        return {"error": f"ended with code {self.process.wait()}: {' '.join(lines[-1:])}"}

    def ask(self, command: str) -> dict[str, Any]:
        """Send a command and return the answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `read` says how the process ended
        return self.read()

    def measure(self) -> None:
        """Take one sample, unless the budget is spent."""
        if self.samples and self.spent > BUDGET:
            return
        self.hold(False)
        answer = self.ask("time")
        self.hold(True)
        if "seconds" in answer:
            self.samples.append(answer["seconds"])
            self.spent += answer["seconds"] * answer["calls"]

    def hold(self, still: bool) -> None:
        """Stop the process, or let it go on: threads that spin while idle would disturb others."""
        if hasattr(signal, "SIGSTOP") and self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def environment(threads: int) -> dict[str, str]:
    """Return the environment of a worker, with the thread count where one is asked for."""
    result = dict(os.environ)
    if threads:
        for pool in ("OMP", "OPENBLAS", "MKL"):
            result[f"{pool}_NUM_THREADS"] = str(threads)
    return result


def double(value: Any) -> Any:
    """Return inputs with every floating-point array in float64."""
    if isinstance(value, Mapping):
        return {key: double(item) for key, item in value.items()}
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def reference(module: ModuleType, case: str) -> list[np.ndarray]:
    """Return the results of the hand-written form in float64."""
    run = module.numpy_(**double(module.inputs()), **module.CASES[case])
    calls = range(getattr(module, "CHECKS", 1))
    return [np.array(result, copy=True) for _ in calls for result in run()]


def difference(path: str, expected: Sequence[np.ndarray]) -> float:
    """Return the largest relative error, in norm, of the results in a file."""
    with np.load(path) as file:
        results = [file[name] for name in file.files]
    if [r.shape for r in results] != [e.shape for e in expected]:
        return float("inf")
    tiny = np.finfo(np.float64).tiny
    errors = [
        np.linalg.norm((r - e).ravel()) / max(float(np.linalg.norm(e.ravel())), tiny)
        for r, e in zip(results, expected, strict=True)
    ]
    return float(np.max(errors))  # NaN stays NaN


def run_case(
    workload: str, case: str, names: Sequence[str], rounds: int, threads: int
) -> dict[str, Any]:
    """Measure one case in every library and return its row."""
    module = workloads.load(workload)
    expected = reference(module, case)
    tolerance = getattr(module, "TOLERANCE", 1e-4)
    count = getattr(module, "COUNT", {}).get(case, 1)
    row: dict[str, Any] = {"workload": workload, "case": case, "count": count}
    row["title"] = f"{module.TITLE}: {case}"
    cells: dict[str, dict[str, Any]] = {}
    workers: dict[str, Worker] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in names:
                worker = Worker(workload, case, name, folder, threads)
                cells[name] = worker.read()
                if "results" not in cells[name]:
                    worker.close()
                    continue
                workers[name] = worker
                if cells[name]["first"] > BUDGET:
                    worker.spent, worker.samples = cells[name]["first"], [cells[name]["first"]]
                cells[name]["difference"] = difference(cells[name].pop("results"), expected)
                if not cells[name]["difference"] <= tolerance:
                    cells[name]["error"] = f"wrong result ({cells[name]['difference']:.1e})"
                    workers.pop(name).close()
                else:
                    worker.hold(True)
            for turn in range(rounds):
                order = list(workers.values())
                for k in range(len(order)):
                    order[(k + turn) % len(order)].measure()
            for name, worker in workers.items():
                samples = [sample / count for sample in worker.samples]
                if samples:
                    cells[name].update(seconds=statistics.median(samples), samples=samples)
                worker.hold(False)
                cells[name].update(worker.ask("stop"))
        finally:
            for worker in workers.values():
                worker.close()
    row["libraries"] = cells
    row["ratios"] = {peer: ratio(cells, peer) for peer in names if peer != "tensorxp"}
    row["pure"] = ratio(cells, "torch", "tensorxp-pure")
    row["compile"] = ratio(cells, "jax-jit", "tensorxp-compile")
    return row


def ratio(cells: Mapping[str, Any], peer: str, form: str = "tensorxp") -> float | None:
    """Return the median over the rounds of the time of a form of tensorxp by the peer's."""
    ours, theirs = (cells.get(name, {}).get("samples") for name in (form, peer))
    if not ours or not theirs:
        return None
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=False))
