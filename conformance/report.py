"""Turn the outcomes of one or more namespaces into text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from session import OUTCOMES, Session

KNOWN_IMPOSSIBLE = Path(__file__).resolve().parent / "known_impossible.json"


def summary(session: Session) -> str:
    """One or two lines on a namespace for the terminal."""
    lines = []
    if session.max_examples:
        counts = ", ".join(f"{session.counts[name]} {name}" for name in OUTCOMES)
        lines.append(f"{session.label}: {len(session.tests)} tests, {counts}")
    if session.special_draws:
        results = session.special_results()
        lines.append(
            f"{session.label}: {len(session.special_tests)} special cases, "
            f"{sum(r['draws'] for r in results)} draws, "
            f"{session.special_counts['failed']} cases failed, "
            f"{session.special_counts['skipped']} skipped, "
            f"{sum(1 for r in results if r['impossible'])} with known impossible draws"
        )
    return "\n".join(lines)


def markdown(context: dict[str, Any], sessions: list[Session]) -> str:
    """The report on all namespaces."""
    parts = ["# Array API conformance", *_context(context, sessions)]
    if any(session.max_examples for session in sessions):
        parts += table(
            ["Namespace", "Declares", "Tests", *(name.capitalize() for name in OUTCOMES)],
            [
                [s.label, s.declared or "none", len(s.tests), *(s.counts[n] for n in OUTCOMES)]
                for s in sessions
            ],
        )
        for session in sessions:
            for outcome in OUTCOMES[1:]:
                parts += _details(session, session.tests, outcome)
    if any(session.special_draws for session in sessions):
        parts += _special_cases(sessions)
    return "\n".join(parts) + "\n"


def _context(context: dict[str, Any], sessions: list[Session]) -> list[str]:
    lines = ["", f"- Date: {context['date']}"]
    lines.append(f"- Suite: array-api-tests {context['suite_commit'] or 'at an unknown commit'}")
    lines.append(f"- Version of the standard: {context['api_version']}")
    lines += [f"- **Warning**: {line}" for line in context["warnings"]]
    if context["max_examples"] is not None:
        lines.append(f"- Examples for each property: {context['max_examples']}")
    if context["selection"]:
        lines.append(f"- Only a part of the suite: `{context['selection']}`")
    for session in sessions:
        versions = ", ".join(f"{name} {number}" for name, number in session.versions.items())
        lines.append(f"- {session.label}: {versions or 'version unknown'}")
    lines.append(
        f"- Python {context['python']}, Hypothesis {context['hypothesis']}, "
        f"pytest {context['pytest']}, {context['machine']}"
    )
    return [*lines, ""]


def _special_cases(sessions: list[Session]) -> list[str]:
    rows = []
    for session in sessions:
        results = session.special_results()
        rows.append(
            [
                session.label,
                len(session.special_tests),
                sum(r["draws"] for r in results),
                session.special_counts["passed"],
                session.special_counts["failed"],
                session.special_counts["skipped"],
                sum(r["failing"] for r in results),
                sum(r["impossible"] for r in results),
            ]
        )
    heads = ["Namespace", "Cases", "Draws", "Cases passed", "Cases failed", "Cases skipped"]
    draws = ", ".join(sorted({str(s.special_draws) for s in sessions if s.special_draws}))
    parts = ["", "## Special cases", ""]
    parts += [f"Every special case of the suite, drawn {draws} times.", ""]
    parts += table([*heads, "Failing draws", "Impossible draws"], rows)
    for session in sessions:
        parts += _details(session, session.special_tests, "failed")
        parts += _details(session, session.special_tests, "skipped")
    return [*parts, *_impossible(sessions)]


def _impossible(sessions: list[Session]) -> list[str]:
    """The list of draws that no implementation can satisfy, with what was met of it."""
    parts = ["", "### Draws that no implementation can satisfy"]
    for group in json.loads(KNOWN_IMPOSSIBLE.read_text()):
        parts += ["", group["reason"], ""]
        for case in group["cases"]:
            met = [
                f"{s.label}: {r['impossible']} of {r['draws']} draws"
                for s in sessions
                for r in s.special_results()
                if r["name"] == case
            ]
            parts.append(f"- `{case}`" + (f" ({'; '.join(met)})" if met else ""))
    return parts


def _details(session: Session, tests: dict[str, dict[str, Any]], outcome: str) -> list[str]:
    """A collapsed list of the tests with one outcome."""
    found = sorted(name for name, test in tests.items() if test["outcome"] == outcome)
    if not found:
        return []
    lines = ["", "<details>", f"<summary>{session.label}: {len(found)} {outcome}</summary>", ""]
    for name in found:
        text = first_line(tests[name])
        lines.append(f"- `{code(name)}`" + (f": `{code(text)}`" if text else ""))
    return [*lines, "", "</details>"]


def first_line(test: dict[str, Any]) -> str:
    """One line on why a test did not pass."""
    record = test.get("special_case")
    if record and record["samples"]:
        return f"{record['failing']} of {record['draws']} draws, such as {record['samples'][0]}"
    lines = test.get("message", "").strip().splitlines()
    return lines[0][:160] if lines else ""


def code(text: str) -> str:
    return text.replace("`", "'")


def table(heads: list[str], rows: list[list[Any]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]
