"""Links between pages lead somewhere, and the source files that pages name exist."""

import re
from pathlib import Path

import pytest

import tensorxp as xp

SOURCE = Path(xp.__file__).parent
ROOT = SOURCE.parents[1]
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("benchmarks", "conformance")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
]

if not (ROOT / "docs").is_dir():
    pytest.skip("the docs are not here: no checkout", allow_module_level=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if "://" in target or not path or path.startswith("mailto:"):
            continue
        if path.startswith(("api/", "examples/")):  # made when the site is built
            continue
        if not (page.parent / path).exists():
            wrong.append(target)
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_source_files_exist(page):
    text = page.read_text(encoding="utf-8")
    wrong = [
        name
        for name in re.findall(r"`((?:_\w+|autograd|nn|linalg)/[\w/]+\.py)`", text)
        if not (SOURCE / name).exists()
    ]
    assert not wrong
