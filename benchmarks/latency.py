"""Time of small operations on 4 float64 elements: `python benchmarks/latency.py [--json FILE]`.

All libraries run in one process, in short blocks taken in turn, so that a ratio compares what
happened under the same conditions. "Recorded" means that the inputs require a gradient; NumPy
has no such thing, so its plain time stands there. Chains are forward and backward, per operation.
"""

import argparse
import json
import statistics
import sys
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import libraries, table
from benchmarks.workloads import chain

STATEMENTS = {
    "a + b": "a + b",
    "a * b": "a * b",
    "a + 2.0": "a + 2.0",
    "sin(a)": "sin(a)",
    "a[1:3]": "a[1:3]",
    "a @ b (4×4)": "m @ n",
    "sum(a)": "sum(a)",
    "a + b, recorded": "ra + rb",
    "a * b, recorded": "ra * rb",
    "sin(a), recorded": "sin(ra)",
}
MORE = {
    "a > b": "a > b",
    "2.0 * a": "2.0 * a",
    "a ** 2": "a ** 2",
    "abs(a)": "abs(a)",
    "exp(a)": "xp.exp(a)",
    "tanh(a)": "xp.tanh(a)",
    "maximum(a, b)": "xp.maximum(a, b)",
    "clip(a, 0, 1)": "xp.clip(a, 0.0, 1.0)",
    "where(a > b, a, b)": "xp.where(a > b, a, b)",
    "a.mean()": "a.mean()",
    "a.max()": "a.max()",
    "m.sum(1)": "m.sum(1)",
    "m.argmax(1)": "m.argmax(1)",
    "(a > b).all()": "(a > b).all()",
    "norm(a)": "xp.linalg.norm(a)",
    "sort(m)": "xp.sort(m)",
    "m @ a": "m @ a",
    "einsum('ij,j->i', m, a)": "xp.einsum('ij,j->i', m, a)",
    "a[0]": "a[0]",
    "m[:, 1]": "m[:, 1]",
    "a[i]": "a[i]",
    "m.T": "m.T",
    "reshape(a, (2, 2))": "xp.reshape(a, (2, 2))",
    "broadcast_to(a, (3, 4))": "xp.broadcast_to(a, (3, 4))",
    "stack([a, b])": "xp.stack([a, b])",
    "concatenate([a, b])": "xp.concatenate([a, b])",
    "zeros(4)": "xp.zeros(4)",
    "arange(4)": "xp.arange(4)",
}
"""Calls that are written alike in most libraries; a row is left out where they are not."""
LENGTHS = (10, 100)
BLOCK = 0.004
"""Seconds that a block of one operation takes."""
PEERS = ("numpy", "tensorxp", "torch", "jax", "autograd", "mygrad")

A, B = np.array([0.1, 0.4, 0.7, 0.9]), np.array([1.1, 1.2, 1.3, 1.4])
M, N = np.arange(16.0).reshape(4, 4), np.eye(4) + 0.1
I = np.array([0, 2])


def names(library: str) -> dict[str, Any]:
    """Return what the statements refer to in a library."""
    lib = libraries.load(library)
    if library == "numpy":
        plain = {"a": A, "b": B, "m": M, "n": N, "i": I, "xp": np}
        return plain | {"ra": A, "rb": B, "sin": np.sin, "sum": np.sum}
    if library == "autograd":
        return _autograd_names()
    space = lib.numpy if library == "jax" else lib
    plain = dict(zip("abmn", [_plain(library, space, x) for x in (A, B, M, N)], strict=True))
    recorded = {}
    if library in ("tensorxp", "torch"):
        recorded = {f"r{k}": lib.asarray(x).requires_grad_() for k, x in (("a", A), ("b", B))}
    elif library == "mygrad":
        recorded = {"ra": lib.tensor(A), "rb": lib.tensor(B)}
    index = _plain(library, space, I)
    return plain | recorded | {"sin": space.sin, "sum": space.sum, "xp": space, "i": index}


def _plain(library: str, space: Any, x: np.ndarray) -> Any:
    return space.tensor(x, constant=True) if library == "mygrad" else space.asarray(x)


def _autograd_names() -> dict[str, Any]:
    import autograd.numpy as anp
    from autograd.core import VJPNode
    from autograd.tracer import new_box

    boxes = {f"r{k}": new_box(x, 0, VJPNode.new_root()) for k, x in (("a", A), ("b", B))}
    plain = {"a": A, "b": B, "m": M, "n": N, "i": I, "xp": anp}
    return plain | {"sin": anp.sin, "sum": anp.sum} | boxes


def check(library: str, label: str, space: dict[str, Any]) -> None:
    """Compare the result of a statement with NumPy's."""
    statement = (STATEMENTS | MORE)[label]
    found = eval(statement, space)
    found = getattr(found, "_value", found)  # a box of HIPS autograd
    if type(found).__name__ == "sort":  # PyTorch's pair of values and indices
        found = found.values
    expected = eval(statement, names("numpy"))
    np.testing.assert_allclose(libraries.to_numpy(found), expected, rtol=1e-12, err_msg=library)


def prepare(library: str) -> dict[str, Callable[[int], float]]:
    """Return a timer per row that the library can run: seconds of so many operations."""
    space = names(library)
    timers: dict[str, Callable[[int], float]] = {}
    for label, statement in STATEMENTS.items():
        if "recorded" not in label or "ra" in space:
            check(library, label, space)
            timers[label] = timeit.Timer(statement, globals=dict(space)).timeit
    for label, statement in MORE.items():
        try:
            check(library, label, space)
        except (AttributeError, NotImplementedError, TypeError):
            continue
        timers[label] = timeit.Timer(statement, globals=dict(space)).timeit
    entry = libraries.LIBRARIES[library]
    builder = getattr(chain, entry.builder)
    for length in LENGTHS:
        run = builder(**chain.inputs(), length=length, **dict(entry.options))
        timers[chain_label(length)] = timeit.Timer(libraries.finished(library, run)).timeit
    return timers


def chain_label(length: int) -> str:
    return f"chain of {length}, per operation"


def measure(peers: Sequence[str], rounds: int) -> dict[str, Any]:
    """Return rows of medians in ns and of ratios, and why a library is missing."""
    timers: dict[str, dict[str, Callable[[int], float]]] = {}
    missing: dict[str, str] = {}
    for library in peers:
        try:
            timers[library] = prepare(library)
        except (ImportError, AttributeError, NotImplementedError) as error:
            missing[library] = str(error)
    labels = {label: 1 for label in STATEMENTS} | {chain_label(n): n for n in LENGTHS}
    labels |= {label: 1 for label in MORE}
    rows = [_row(label, count, timers, rounds) for label, count in labels.items()]
    return {"rows": rows, "missing": missing}


def _row(label: str, count: int, timers: dict[str, Any], rounds: int) -> dict[str, Any]:
    samples: dict[str, list[float]] = {k: [] for k, rows in timers.items() if label in rows}
    calls = {k: max(1, int(BLOCK / (timers[k][label](20) / 20))) for k in samples}
    for _ in range(rounds):
        for library, taken in samples.items():
            seconds = timers[library][label](calls[library])
            taken.append(seconds / calls[library] / count * 1e9)
    row: dict[str, Any] = {"operation": label}
    row["ns"] = {library: statistics.median(taken) for library, taken in samples.items()}
    row["ratios"] = {
        peer: statistics.median(a / b for a, b in zip(samples["tensorxp"], taken, strict=True))
        for peer, taken in samples.items()
        if peer != "tensorxp" and "tensorxp" in samples
    }
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Time of small operations, in ns.")
    parser.add_argument("--peers", default="numpy,tensorxp,torch", help="comma-separated, or 'all'")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    peers = PEERS if options.peers == "all" else tuple(options.peers.split(","))
    result = measure(peers, options.rounds)
    print(table.latency(result, peers))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
