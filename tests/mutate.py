"""Change lines of the source at random, one at a time, and see whether the tests notice.

    python -m tests.mutate --number 60 --seed 1
    python -m tests.mutate --part special --number 10

A change replaces an operator by another, a comparison by its neighbour, a constant by the next one,
a condition by its contrary, or leaves a statement out. Each is made in a copy of the source, on
which the tests of that part run in pure Python, until the first one fails. Exit status 0 when at
least 19 of 20 changes were noticed. Those that were not are printed: some make no difference (a
threshold of speed, say), the others want a test.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: The folders that are changed, and the tests of each.
PARTS = {
    "_core": ["tests/autograd", "tests/ops", "tests/sweeps/test_inplace_after.py"],
    "_ops": ["tests/ops", "tests/sweeps", "tests/nn/test_cases.py", "tests/test_namespace.py"],
    "autograd": ["tests/autograd"],
    "linalg": ["tests/linalg", "tests/sweeps"],
    "special": ["tests/special", "tests/sweeps"],
    "nn": ["tests/nn", "tests/sweeps"],
}
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


def _parts(function: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function that run: no docstring, annotation or text of an error."""
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Raise | ast.AnnAssign | ast.arg | ast.JoinedStr):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


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
    functions = [
        n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.Lambda)
    ]
    seen = set()
    for function in functions:
        for node in _parts(function):
            new = _changed(node)
            if new is None or not isinstance(node, ast.expr | ast.stmt):
                continue
            place = node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
            if node.lineno != node.end_lineno or place in seen:
                continue
            seen.add(place)
            line = lines[node.lineno - 1].encode()
            after = line[: node.col_offset] + new.encode() + line[node.end_col_offset :]
            found.append(Change(path, node.lineno, line.decode(), after.decode()))
    return found


def noticed(change: Change, tests: list[str], workers: int, limit: float) -> bool:
    """Return whether a test fails, or runs for longer than `limit` seconds, after the change."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        left = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "*.egg-info")
        shutil.copytree(ROOT / "src", copy, ignore=left)
        for name in ("tests", "docs", "pyproject.toml"):
            (Path(folder) / name).symlink_to(ROOT / name)
        path = copy / change.path.relative_to(ROOT / "src")
        lines = path.read_text(encoding="utf-8").splitlines()
        lines[change.line - 1] = change.after
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": str(copy), "TENSORXP_PURE_PYTHON": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        there = [test for test in tests if (ROOT / test).exists()]
        try:
            done = subprocess.run(
                [*command, "-n", str(workers), *there],
                cwd=folder, env=environment, capture_output=True, timeout=limit, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return True
        return done.returncode != 0


def main() -> int:
    """Run as the command line says and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--number", type=int, default=60, help="how many changes (60)")
    parser.add_argument("--seed", type=int, default=0, help="which ones are drawn (0)")
    parser.add_argument("--part", choices=PARTS, action="append", help="only of this folder")
    parser.add_argument("-n", dest="workers", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--limit", type=float, default=600, help="seconds for each change (600)")
    args = parser.parse_args()
    drawn = random.Random(args.seed)
    parts = args.part or list(PARTS)
    missed = []
    for i in range(args.number):
        part = parts[i % len(parts)]
        paths = sorted((ROOT / "src" / "tensorxp" / part).rglob("*.py"))
        found: list[Change] = []
        while not found:
            found = changes(drawn.choice(paths))
        change = drawn.choice(found)
        caught = noticed(change, PARTS[part], args.workers, args.limit)
        place = f"{change.path.relative_to(ROOT)}:{change.line}"
        print(f"{'noticed' if caught else 'MISSED '} {place}: {change.before.strip()}", flush=True)
        print(f"        -> {change.after.strip()}", flush=True)
        if not caught:
            missed.append(change)
    print(f"{args.number - len(missed)} of {args.number} changes were noticed")
    return 0 if 20 * len(missed) <= args.number else 1


if __name__ == "__main__":
    sys.exit(main())
