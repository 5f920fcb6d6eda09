"""Turn the outcomes of the libraries' own tests into a Markdown report."""

from __future__ import annotations

from collections import Counter
from typing import Any

from report import code, first_line, table
from session import OUTCOMES

Record = dict[str, Any]
TITLES = {"scipy": "SciPy", "sklearn": "scikit-learn", "extra": "array-api-extra"}
INTRODUCTION = """\
# The tests of other libraries

The array API tests of SciPy, scikit-learn and array-api-extra, as the libraries ship them, run on
tensorxp, of which they have never heard. No library is edited. Only tests that take a namespace
are counted. What is skipped or expected to fail is so by the library's own marks, most of which
exclude a test for every namespace but NumPy; a few tests are marked as very slow or need a package
that is not installed. Two kinds of marks name libraries one by one and cannot
name an unknown one; the runner reads them for their stated reason: SciPy's "lazy backends only"
(skipped for an eager namespace) and array-api-extra's "array-agnostic fallback" (a test that a
function is handed to the namespace's own, which is done for known namespaces only).

Written by `python conformance/downstream.py --json FILE --report docs/downstream.md`."""


def counts(module: Record) -> Counter[str]:
    """How many tests of one module had each outcome."""
    return Counter(test["outcome"] for test in module["tests"].values())


def markdown(data: Record) -> str:
    """The report on all libraries and namespaces of `data`."""
    parts = [INTRODUCTION]
    for library, namespaces in data.items():
        parts += ["", f"## {TITLES[library]}"]
        if len(namespaces) > 1:
            parts += ["", *_comparison(namespaces)]
        for name, entry in namespaces.items():
            parts += ["", *_namespace(name, entry)]
    return "\n".join(parts) + "\n"


def _total(entry: Record) -> Counter[str]:
    return sum((counts(module) for module in entry["modules"].values()), Counter())


def _comparison(namespaces: Record) -> list[str]:
    rows = []
    for name, entry in namespaces.items():
        total = _total(entry)
        rows.append([name, *(total[outcome] for outcome in OUTCOMES)])
    return table(["Namespace", *(outcome.capitalize() for outcome in OUTCOMES)], rows)


def _namespace(name: str, entry: Record) -> list[str]:
    versions = ", ".join(f"{package} {number}" for package, number in entry["versions"].items())
    rows: list[list[Any]] = []
    for module, record in sorted(entry["modules"].items()):
        found = counts(record)
        if not found:  # no test of the module takes a namespace
            continue
        rows.append([module, *(found[outcome] for outcome in OUTCOMES)])
    total = _total(entry)
    rows.append(["**all**", *(f"**{total[outcome]}**" for outcome in OUTCOMES)])
    lines = [f"### {name}", "", f"{versions}.", ""]
    lines += table(["Module", *(outcome.capitalize() for outcome in OUTCOMES)], rows)
    for outcome in ("failed", "skipped", "xfailed"):
        lines += _reasons(entry, outcome)
    return lines


#: Up to so many failed tests of a namespace are named.
NAMED = 100


def _reasons(entry: Record, outcome: str) -> list[str]:
    """A collapsed list: a few failed tests by name, else how many give each reason."""
    found = {
        name: test
        for module in entry["modules"].values()
        for name, test in module["tests"].items()
        if test["outcome"] == outcome
    }
    if not found:
        return []
    lines = ["", "<details>", f"<summary>{len(found)} {outcome}</summary>", ""]
    if outcome == "failed" and len(found) <= NAMED:
        lines += [f"- `{code(n)}`: `{code(first_line(t))}`" for n, t in sorted(found.items())]
    else:
        reasons = Counter(_reason(test) for test in found.values())
        lines += [f"- {n} × {code(text) or 'no reason'}" for text, n in reasons.most_common()]
    return [*lines, "", "</details>"]


def _reason(test: Record) -> str:
    return first_line(test).removeprefix("Skipped: ").removeprefix("_pytest.outcomes.XFailed: ")
