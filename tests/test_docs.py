"""The Python examples of the README and the pages of docs run, and show what they say.

The ```python blocks of a page are run in order in one namespace. Where a line is an expression
with a comment that looks like a value, the value's repr must be that.
"""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import tensorxp as xp

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
VALUE = re.compile(r"(tensor\(|True$|False$|None$|-?\d|\(|\[|')")

if not (ROOT / "docs").is_dir():
    pytest.skip("the docs are not here: no checkout", allow_module_level=True)


def blocks(page):
    """Return the line number and the text of each block."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, m.start(1)), m.group(1)) for m in found]


def run(code, names, where):
    """Run a block, and compare values with comments."""
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        ast.increment_lineno(statement, where[1])
        if not isinstance(statement, ast.Expr):
            exec(compile(ast.Module([statement], []), where[0], "exec"), names)
            continue
        value = eval(compile(ast.Expression(statement.value), where[0], "eval"), names)
        line = lines[statement.end_lineno - where[1] - 1]
        comment = line[statement.end_col_offset :].partition("#")[2].strip()
        if VALUE.match(comment):
            assert repr(value) == comment, f"{where[0]}:{statement.lineno}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = np.random.get_state(), xp.random.get_rng_state()
    names = {"__name__": "example"}
    try:
        for line, code in blocks(page):
            run(code, names, (str(page), line))
    except ImportError as error:
        pytest.skip(f"needs {error.name}")
    finally:
        np.random.set_state(before[0])
        xp.random.set_rng_state(before[1])
        xp.set_grad_enabled(True)
        xp.set_default_dtype(xp.float64)
        xp.set_default_device("cpu")
