"""Links between pages lead to files and headings, and the source files that pages name exist.

Links to other sites need a network: `python -m sphinx -b linkcheck docs docs/_build/links`.
"""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

import tensorxp as xp

SOURCE = Path(xp.__file__).parent
ROOT = SOURCE.parents[1]
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("benchmarks", "conformance")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
]

if not (ROOT / "docs").is_dir():
    pytest.skip("the docs are not here: no checkout", allow_module_level=True)


every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def anchors(page):
    """Return the anchors of a page: what GitHub and MyST make of its headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    found = set(re.findall(r"^\((\S+)\)=$", text, re.M))
    for heading in re.findall(r"^#+ +(.+?) *#*$", text, re.M):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        n = 0
        while (name := f"{slug}-{n}" if n else slug) in found:
            n += 1
        found.add(name)
    return found


def links(page):
    """Yield the targets of the links of a page: inline, by reference, and of HTML."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    yield from re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", text)
    yield from re.findall(r"^ *\[[^]]+\]: *(\S+)", text, re.M)
    yield from re.findall(r"(?:href|src)=\"([^\"]+)\"", text)


@every_page
def test_links_lead_somewhere(page):
    wrong = []
    for target in links(page):
        path, _, anchor = unquote(target).partition("#")
        if "://" in target or path.startswith(("mailto:", "api/", "examples/", "_static/made/")):
            continue  # other sites, and what is made when the site is built
        place = page.parent / path if path else page
        if not place.exists() or (
            anchor and place.suffix == ".md" and anchor not in anchors(place)
        ):
            wrong.append(target)
    assert not wrong


def test_what_links_and_anchors_are(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A `b`: *c*\n## Two\n## Two\n[x](a.md#b) `[no](no)`\n\n[y]: z.md\n")
    assert anchors(page) == {"a-b-c", "two", "two-1"}
    assert list(links(page)) == ["a.md#b", "z.md"]


@every_page
def test_named_source_files_exist(page):
    text = page.read_text(encoding="utf-8")
    wrong = [
        name
        for name in re.findall(r"`((?:_\w+|autograd|nn|linalg)/[\w/]+\.py)`", text)
        if not (SOURCE / name).exists()
    ]
    assert not wrong
