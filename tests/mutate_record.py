"""Which tests run which statements: what `tests.mutate` needs to run only those that can notice.

Each function of a copy of the source is rewritten so that every statement and lambda of it leaves
its number in a set, which a plugin of pytest reads after each test.
"""

import ast
import pickle
import shutil
import subprocess
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: What is found is kept here, a file for each file of tests, in a folder that Git ignores.
RECORDS = ROOT / "build" / "mutate"
LINES = 100_000  # more than any file has


def sources(part: str) -> list[Path]:
    """Return the files of a folder of the package."""
    return sorted((ROOT / "src" / "tensorxp" / part).rglob("*.py"))


def number(path: Path, line: int) -> int:
    """Return what stands for the statement of a file that begins at a line."""
    return crc32(path.relative_to(ROOT).as_posix().encode()) * LINES + line


class _Numbered(ast.NodeTransformer):
    """Puts `_ran(number)` before each statement within a function, and into each lambda."""

    def __init__(self, path: Path) -> None:
        self.path, self.depth = path, 0

    def _call(self, line: int) -> ast.Call:
        name = ast.Name("_ran", ast.Load())
        return ast.Call(name, [ast.Constant(number(self.path, line))], [])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.depth += 1
        node = self._block(node)
        self.depth -= 1
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.generic_visit(node)
        node.body = ast.BoolOp(ast.Or(), [self._call(node.lineno), node.body])
        return node

    def _block(self, node: Any) -> Any:
        self.generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if self.depth and isinstance(body, list) and not isinstance(node, ast.ClassDef):
                new = []
                for statement in body:
                    if not _is_text(statement):
                        new.append(ast.Expr(self._call(statement.lineno)))
                    new.append(statement)
                setattr(node, field, new)
        return node

    visit_If = visit_For = visit_While = visit_With = visit_Try = _block
    visit_ExceptHandler = visit_match_case = _block


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def numbered(path: Path) -> str:
    """Return the source of a file with its statements numbered."""
    tree = _Numbered(path).visit(ast.parse(path.read_text(encoding="utf-8")))
    start = 0
    while start < len(tree.body) and (
        _is_text(tree.body[start])
        or (
            isinstance(tree.body[start], ast.ImportFrom) and tree.body[start].module == "__future__"
        )
    ):
        start += 1
    tree.body.insert(start, ast.parse("from tensorxp._ran import add as _ran").body[0])
    return ast.unparse(ast.fix_missing_locations(tree))


def copied(folder: Path) -> Path:
    """Copy the source to a folder, with links to the tests and documents, and return its root."""
    copy = folder / "src"
    left = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", copy, ignore=left)
    for name in ("tests", "docs", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    subprocess.run([sys.executable, "-m", "compileall", "-q", copy], check=True)
    return copy


class Recorder:
    """A plugin of pytest: of each test that passes the seconds and the numbers it ran."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[float, array[int]]] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        from tensorxp._ran import ran

        ran.clear()
        self.seconds = 0.0
        result = yield
        if item.nodeid not in self.failed:
            self.found[item.nodeid] = self.seconds, array("Q", sorted(ran))
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.seconds = report.duration
        if not report.passed and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)  # or skipped


def load() -> dict[str, tuple[float, Any]]:
    """Return the seconds and the numbers of each test that was recorded."""
    found: dict[str, tuple[float, Any]] = {}
    for path in RECORDS.glob("*.pickle"):
        with path.open("rb") as file:
            found |= pickle.load(file)
    return found


def within(test: str, paths: list[str]) -> bool:
    """Return whether a test is in one of the files or folders."""
    path = test.partition("::")[0]
    return any(path == p or path.startswith(p.rstrip("/") + "/") for p in paths)


def number_all(folder: Path, parts: list[str]) -> None:
    """Number the statements of a copy."""
    for path in (path for part in parts for path in sources(part)):
        copy = folder / path.relative_to(ROOT)
        copy.write_text(numbered(path), encoding="utf-8")
    where = folder / "src" / "tensorxp" / "_ran.py"
    where.write_text("ran: set[int] = set()\nadd = ran.add\n")
    subprocess.run([sys.executable, "-m", "compileall", "-q", folder / "src"], check=True)


def main(test: str) -> None:
    """Record a file of tests, in a working directory with such a copy."""
    recorder = Recorder()
    pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:randomly", test], [recorder])
    RECORDS.mkdir(parents=True, exist_ok=True)
    with (RECORDS / f"{test.replace('/', '.')}.pickle").open("wb") as file:
        pickle.dump(recorder.found, file)
