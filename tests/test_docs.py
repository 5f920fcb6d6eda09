"""The pages are true: their examples run, their links lead somewhere, the files they name exist."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tensorxp as xp

SOURCE = Path(xp.__file__).parent
ROOT = SOURCE.parents[1]
PAGES = [
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md") if (ROOT / name).exists()),
]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
OPTIONAL = {"scipy", "sklearn", "torch", "jax", "einops", "matplotlib", "safetensors", "pandas"}

pytestmark = pytest.mark.skipif(
    not (ROOT / "docs/tour.md").exists(), reason="needs a source checkout"
)


def examples(text):
    """Return the Python blocks of a page; `x  # tensor(…)` also checks what `x` shows."""
    lines = []
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            told = re.match(r"(\S.*\S)  # (tensor\(.*\))$", line)
            if told and isinstance(ast.parse(told[1]).body[0], ast.Expr):
                line = f"_found = repr({told[1]}); assert _found == {told[2]!r}, _found"
            lines.append(line)
        lines.append("")
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_examples_run(page, tmp_path):
    code = examples(page.read_text(encoding="utf-8"))
    if not code.strip():
        return
    paths = [str(SOURCE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    missing = re.search(r"ModuleNotFoundError: No module named '(\w+)", done.stderr)
    if missing and missing[1] in OPTIONAL:
        pytest.skip(f"{missing[1]} is not installed")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if "://" in target or not path or path.startswith("mailto:"):
            continue
        if path.startswith("api/"):  # made when the site is built
            continue
        if not (page.parent / path).exists():
            wrong.append(target)
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_named_source_files_exist(page):
    text = page.read_text(encoding="utf-8")
    wrong = [
        name
        for name in re.findall(r"`((?:_\w+|autograd|nn|linalg)/[\w/]+\.py)`", text)
        if not (SOURCE / name).exists()
    ]
    assert not wrong
