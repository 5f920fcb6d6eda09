"""Change lines of the source at random, one at a time, and see whether the tests notice.

    python -m tests.mutate --number 60 --seed 1
    python -m tests.mutate --seed 1 --from 25       # go on with a run that was interrupted
    python -m tests.mutate --part special --number 10

A change replaces an operator by another, a comparison by its neighbour, a constant by the next one,
a condition by its contrary, or leaves a statement out. Each is made in a copy of the source, on
which the tests of that part that run the statement run in pure Python, until the first one fails.
Which tests those are is recorded first, which takes minutes, and kept: `--record` records anew,
`--record tests/ops` only these. Exit status 0 when at least 19 of 20 changes were noticed. Those
that were not are printed: some make no difference (a threshold of speed, say), the others want a
test.
"""

import argparse
import ast
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from tests import mutate_record as record

ROOT = record.ROOT
#: The folders that are changed, and the tests of each.
PARTS = {
    "_core": ["tests/autograd", "tests/ops", "tests/sweeps", "tests/test_devices.py"],
    "_ops": [
        "tests/ops", "tests/sweeps", "tests/nn", "tests/test_namespace.py",
        "tests/autograd/test_batching.py",
    ],
    "autograd": ["tests/autograd", "tests/sweeps"],
    "linalg": ["tests/linalg", "tests/sweeps", "tests/autograd/test_batching.py"],
    "special": ["tests/special", "tests/sweeps", "tests/autograd/test_batching.py"],
    "nn": ["tests/nn", "tests/sweeps"],
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A change of one line: where it is, what stood there and what stands there now."""

    path: Path
    line: int
    before: str
    after: str
    statement: int  # the line where the statement or lambda begins that the change is in


def _parts(function: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """Yield the nodes of a function that run, each with the line of its statement or lambda.

    Annotations, texts and what is raised are left out.
    """
    result = getattr(function, "returns", None)
    stack = [(node, 0) for node in ast.iter_child_nodes(function) if node is not result]
    while stack:
        node, line = stack.pop()
        if isinstance(node, ast.Raise | ast.AnnAssign | ast.arg | ast.JoinedStr):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.stmt | ast.Lambda):
            line = node.lineno
        yield node, line
        left = node.returns if isinstance(node, ast.FunctionDef) else None
        stack.extend((child, line) for child in ast.iter_child_nodes(node) if child is not left)


def _changed(node: ast.AST) -> str | None:
    """Return other source text for a node, None where there is no change for its kind."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            other: ast.expr = ast.BinOp(left, OPERATORS[type(op)](), right)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            other = ast.Compare(left, [COMPARISONS[type(op)]()], [right])
        case ast.Constant(value=bool() as value):
            other = ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            other = ast.Constant(value + 1)
        case (
            ast.UnaryOp(op=ast.Not(), operand=operand) | ast.UnaryOp(op=ast.USub(), operand=operand)
        ):
            other = operand
        case ast.BoolOp(op=ast.And(), values=values):
            other = ast.BoolOp(ast.Or(), values)
        case ast.BoolOp(op=ast.Or(), values=values):
            other = ast.BoolOp(ast.And(), values)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            other = ast.IfExp(test, orelse, body)
        case ast.Expr(value=ast.Call()):
            return "pass"
        case _:
            return None
    return f"({ast.unparse(ast.fix_missing_locations(other))})"


def changes(path: Path) -> list[Change]:
    """Return every change of a file that stays within one line."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = []
    seen = set()
    for node, statement in _functions(ast.parse(text)):
        new = _changed(node)
        if new is None or not isinstance(node, ast.expr | ast.stmt):
            continue
        place = node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
        if node.lineno != node.end_lineno or place in seen:
            continue
        seen.add(place)
        line = lines[node.lineno - 1].encode()
        after = line[: node.col_offset] + new.encode() + line[node.end_col_offset :]
        found.append(Change(path, node.lineno, line.decode(), after.decode(), statement))
    return found


def _functions(tree: ast.Module) -> Iterator[tuple[ast.AST, int]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            yield from _parts(function)
        elif isinstance(function, ast.Lambda):
            yield from ((node, line or function.lineno) for node, line in _parts(function))


class Chosen:
    """A plugin of pytest: runs the chosen tests, in their order, and tells which one failed."""

    def __init__(self, tests: list[str]) -> None:
        self.order = {test: i for i, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order),
            key=lambda item: self.order[item.nodeid],
        )

    def pytest_runtest_logstart(self) -> None:
        Path("alive").touch()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            Path("failed").write_text(report.nodeid)


def child(folder: Path, work: Callable[[], object], limit: float) -> int | None:
    """Do work in a copy of the project, in a process of its own that has the libraries loaded.

    Return its exit status, None where it has not touched the file `alive` for `limit` seconds.
    """
    alive = folder / "alive"
    alive.touch()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        while time.time() < alive.stat().st_mtime + limit:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return None
    status = 1
    try:
        os.setsid()
        os.chdir(folder)
        with open("output", "wb") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        sys.path[:] = [str(folder), str(folder / "src"), *sys.path]
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        os.environ["PYTHONPATH"] = str(folder / "src")
        status = int(work() or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def run(folder: Path, tests: list[str]) -> tuple[str | None, float]:
    """Return the test that fails first, None where all pass, and the seconds."""
    files = sorted({test.partition("::")[0] for test in tests})
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly"]
    start = time.monotonic()
    limit = 120 + 20 * max([TESTS[test] for test in tests], default=0)  # the machine may be busy
    failed = folder / "failed"
    failed.unlink(missing_ok=True)
    code = child(folder, lambda: pytest.main([*options, *files], [Chosen(tests)]), limit)
    seconds = time.monotonic() - start
    if code in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
        return None, seconds
    if code is None:
        return "no end", seconds
    return failed.read_text() if failed.exists() else "no start", seconds


#: The seconds of each test, and the tests that run each statement.
TESTS: dict[str, float] = {}
RUN: dict[int, list[str]] = {}


def order(change: Change, part: str) -> list[list[str]]:
    """Return the tests that may notice a change: first three of each function, then the rest."""
    tests = RUN.get(record.number(change.path, change.statement), [])
    if not any(record.within(test, PARTS[part]) for test in tests):
        # it runs at import, or once for all: whoever runs something of the file may see
        first = record.number(change.path, 0)
        numbers = [number for number in RUN if first <= number < first + record.LINES]
        tests = list({test for number in numbers for test in RUN[number]})
    tests = [test for test in tests if test in TESTS and record.within(test, PARTS[part])]
    tests.sort(key=TESTS.__getitem__)
    if sum(TESTS[test] for test in tests) < 4:
        return [tests]
    seen: Counter[str] = Counter()
    early, late = [], []
    for test in tests:
        function = test.partition("[")[0]
        seen[function] += 1
        (early if seen[function] <= 3 and TESTS[test] < 0.5 else late).append(test)
    return [early, late]


def noticed(change: Change, part: str, folder: Path, right: set[str]) -> tuple[str | None, float]:
    """Return the test that fails after a change, None where there is none, and the seconds."""
    path = folder / change.path.relative_to(ROOT)
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    lines[change.line - 1] = change.after
    total = 0.0
    for tests in order(change, part):
        while tests:
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            test, seconds = run(folder, tests)
            path.write_text(text, encoding="utf-8")
            total += seconds
            if test is None:
                break
            if test not in TESTS or test in right:
                return test, total
            if run(folder, [test])[0] is None:
                right.add(test)
                return test, total
            print(f"left out, since it fails without a change: {test}", flush=True)
            tests.remove(test)
            del TESTS[test]
    return None, total


def main() -> int:
    """Run as the command line says and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--number", type=int, default=60, help="how many changes (60)")
    parser.add_argument("--seed", type=int, default=0, help="which ones are drawn (0)")
    parser.add_argument("--from", dest="start", type=int, default=0, help="leave out the first")
    parser.add_argument("--part", choices=PARTS, action="append", help="only of this folder")
    parser.add_argument("--record", nargs="*", metavar="PATH", help="record what these tests run")
    args = parser.parse_args()
    parts = args.part or list(PARTS)
    os.environ |= {"TENSORXP_PURE_PYTHON": "1", "SCIPY_ARRAY_API": "1", "OMP_NUM_THREADS": "1"}
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    for name in ("numpy", "scipy.special", "scipy.linalg", "mpmath", "torch"):
        try:  # loaded once for all runs
            import_module(name)
        except ImportError:
            print(f"without {name}, some tests do not run")
    wanted = sorted({test for part in parts for test in PARTS[part]})
    again = args.record
    if again is None:
        there = record.load()
        again = [test for test in wanted if not any(record.within(t, [test]) for t in there)]
    elif not again:
        again = wanted
    if again:
        record_anew(again)
    for test, (seconds, ran) in record.load().items():
        TESTS[test] = seconds
        for statement in ran:
            RUN.setdefault(statement, []).append(test)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record.copied(folder)
        return mutate(folder, parts, args.number, args.seed, args.start)


def record_anew(tests: list[str]) -> None:
    """Record files or folders of tests, each file in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record.copied(folder)
        record.number_all(folder, list(PARTS))
        for test in tests:
            path = ROOT / test
            for file in sorted(path.rglob("test_*.py")) if path.is_dir() else [path]:
                one = str(file.relative_to(ROOT))
                child(folder, lambda one=one: record.main(one), 3600)  # type: ignore[misc]
                output = (folder / "output").read_text().splitlines()
                for line in output:
                    if line.startswith("FAILED") or line == output[-1]:
                        print(f"{one}: {line}", flush=True)


def mutate(folder: Path, parts: list[str], number: int, seed: int, start: int) -> int:
    """Make the changes, print what becomes of each, and return the exit status."""
    drawn = random.Random(seed)
    found = {
        part: [change for path in record.sources(part) for change in changes(path)]
        for part in parts
    }
    missed, right = 0, set[str]()
    for i in range(number):
        part = parts[i % len(parts)]
        change = drawn.choice(found[part])
        if i < start:
            continue
        test, seconds = noticed(change, part, folder, right)
        place = f"{change.path.relative_to(ROOT)}:{change.line}"
        print(f"{i:3} {'noticed' if test else 'MISSED '} {place}: {change.before.strip()}")
        print(f"    -> {change.after.strip()}")
        print(f"    {seconds:.0f} s, {test or sum(map(len, order(change, part)))}", flush=True)
        missed += test is None
    number -= start
    print(f"{number - missed} of {number} changes were noticed")
    return 0 if 20 * missed <= number else 1


if __name__ == "__main__":
    sys.exit(main())
