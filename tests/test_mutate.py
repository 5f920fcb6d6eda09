"""The changes that `python -m tests.mutate` makes: of what runs, and of nothing else."""

from tests import mutate, mutate_record

SOURCE = '''"""Text."""
from typing import Any

LIMIT = 3


def f(x: int | None = 1, *, deep: bool = True) -> int | None:
    """Return 1 + 2."""
    y: int = 3
    if x is None or not deep:
        raise ValueError(f"x is {x + 1}")
    g = lambda z: z * x
    print(x)
    return g(y) if x <= 2 else -y
'''
CHANGED = [
    "def f(x: int | None = (2), *, deep: bool = True) -> int | None:",
    "def f(x: int | None = 1, *, deep: bool = (False)) -> int | None:",
    "if (x is not None) or not deep:",
    "if (x is None and (not deep)):",
    "if x is None or (deep):",
    "g = lambda z: (z / x)",
    "pass",
    "return (-y if x <= 2 else g(y))",
    "return g(y) if (x < 2) else -y",
    "return g(y) if x <= (3) else -y",
    "return g(y) if x <= 2 else (y)",
]


def test_changes(tmp_path):
    path = tmp_path / "f.py"
    path.write_text(SOURCE)
    found = mutate.changes(path)
    assert sorted(change.after.strip() for change in found) == sorted(CHANGED)
    for change in found:
        lines = SOURCE.splitlines()
        assert lines[change.line - 1] == change.before
        lines[change.line - 1] = change.after
        compile("\n".join(lines), "f", "exec")


def test_statements_are_numbered(monkeypatch, tmp_path):
    path = tmp_path / "f.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(mutate_record, "ROOT", tmp_path)
    text = mutate_record.numbered(path).replace("from tensorxp._ran import add as _ran", "")
    ran: set[int] = set()
    space = {"_ran": ran.add, "print": lambda x: None}
    exec(text, space)
    assert space["f"](2) == 6 and space["f"].__doc__ == "Return 1 + 2."
    first = mutate_record.number(path, 0)
    assert sorted(n - first for n in ran) == [9, 10, 12, 13, 14]
