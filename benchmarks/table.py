"""Tables of the figures, in Markdown aligned so that a terminal can show them too."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from . import targets
from .libraries import LIBRARIES

NONE = "–"


def render(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns, the first to the left."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(_width, column)) for column in columns]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, widths, strict=True)
        padded = [first[0] + " " * (first[1] - _width(first[0]))]
        padded += [" " * (width - _width(cell)) + cell for cell, width in rest]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    return "\n".join([line(header), "| " + " | ".join(rule) + " |", *map(line, rows)])


def _width(text: str) -> int:
    return sum(not unicodedata.combining(character) for character in text)


def seconds(value: float | None) -> str:
    """Return a time with its unit and three digits."""
    if value is None:
        return NONE
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= 0.9995 * scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value * 1e9:.0f} ns"


def number(value: float | None, digits: int = 2) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def _titles(peers: Sequence[str]) -> list[str]:
    return [LIBRARIES[peer].title for peer in peers]


def _ratios(ratios: Mapping[str, Any], limit: float | None) -> list[str]:
    """Return the cells ÷ NumPy, ÷ PyTorch, target, and by how much it is missed."""
    ratio = ratios.get("torch")
    missed = limit is not None and ratio is not None and ratio > limit
    state = (
        NONE if limit is None or ratio is None else f"× {ratio / limit:.2f}" if missed else "met"
    )
    return [number(ratios.get("numpy")), number(ratio), number(limit), state]


RATIOS = ["÷ NumPy", "÷ PyTorch", "target", "missed by"]


def latency_rows(result: Mapping[str, Any], peers: Sequence[str]) -> list[list[str]]:
    return [
        [
            row["operation"],
            *[seconds(row["ns"][peer] / 1e9) if peer in row["ns"] else NONE for peer in peers],
            *_ratios(row["ratios"], targets.LATENCY.get(row["operation"])),
        ]
        for row in result["rows"]
    ]


def latency(result: Mapping[str, Any], peers: Sequence[str]) -> str:
    """Return the table of small operations, and below it which libraries are missing."""
    text = render(["operation", *_titles(peers), *RATIOS], latency_rows(result, peers))
    notes = [f"{LIBRARIES[k].title}: not available ({why})" for k, why in result["missing"].items()]
    return "\n".join([text, *notes])


def workload_rows(rows: Sequence[Mapping[str, Any]], peers: Sequence[str]) -> list[list[str]]:
    return [
        [
            row["title"],
            *[_cell(row["libraries"].get(peer, {})) for peer in peers],
            *_ratios(row["ratios"], targets.WORKLOADS.get((row["workload"], row["case"]))),
        ]
        for row in rows
    ]


def _cell(entry: Mapping[str, Any]) -> str:
    if "seconds" in entry:
        return seconds(entry["seconds"])
    if "error" in entry:
        return "wrong" if entry["error"].startswith("wrong") else "failed"
    return "n/a" if "missing" in entry else NONE


def footprint_rows(rows: Sequence[Mapping[str, Any]], peers: Sequence[str]) -> list[list[str]]:
    """Return the rows of import time and installed size; the target is over NumPy's."""
    figures = {row["library"]: row for row in rows}
    out = []
    for title, key, extra, form in (
        ("import time", "import_s", targets.IMPORT_SECONDS, seconds),
        ("installed with dependencies", "installed_mb", targets.INSTALLED_MB, _megabytes),
    ):
        values = {peer: figures.get(peer, {}).get(key) for peer in peers}
        ours, floor, torch = (values.get(name) for name in ("tensorxp", "numpy", "torch"))
        ratios = [number(ours / x, 3) if ours and x else NONE for x in (floor, torch)]
        over = ours - floor - extra if ours and floor else None
        state = NONE if over is None else "met" if over <= 0 else form(over)
        cells = [form(values[peer]) for peer in peers]
        out.append([title, *cells, *ratios, f"NumPy + {form(extra)}", state])
    return out


def _megabytes(value: float | None) -> str:
    return NONE if value is None else f"{value:.4g} MB"


def everything(report: Mapping[str, Any]) -> str:
    """Return one table of all times and sizes."""
    peers, rows = report["peers"], []
    if report.get("latency"):
        rows += latency_rows(report["latency"], peers)
    rows += workload_rows(report["workloads"], peers)
    if report.get("footprint"):
        rows += footprint_rows(report["footprint"], peers)
    return render(["workload", *_titles(peers), *RATIOS], rows)


def pure(report: Mapping[str, Any]) -> str:
    """Return the table of tensorxp without compiled parts."""
    rows = []
    for row in (report.get("latency") or {"rows": []})["rows"]:
        if "pure" in row:
            limit = targets.PURE_LATENCY.get(row["operation"])
            rows.append([row["operation"], seconds(row["pure"]["ns"] / 1e9), row["pure"], limit])
    for row in report["workloads"]:
        entry = row["libraries"].get("tensorxp-pure", {})
        if "seconds" in entry:
            limit = targets.PURE_WORKLOADS.get((row["workload"], row["case"]))
            ratios = {"torch": row["pure"], "numpy": None}
            rows.append([row["title"], seconds(entry["seconds"]), ratios, limit])
    cells = [[title, time, *_ratios(ratios, limit)[1:]] for title, time, ratios, limit in rows]
    return render(["pure Python", "tensorxp", *RATIOS[1:]], cells)


def compiled(report: Mapping[str, Any]) -> str:
    """Return the table of `xp.compile` beside eager and JAX jit."""
    rows = []
    for row in report["workloads"]:
        cells, key = row["libraries"], (row["workload"], row["case"])
        times = [
            cells.get(k, {}).get("seconds") for k in ("tensorxp", "tensorxp-compile", "jax-jit")
        ]
        if times[0] is None or times[1] is None:
            continue
        gain, wanted = times[0] / times[1], targets.SPEEDUP.get(key)
        jit = targets.JIT if row["workload"] in targets.ELEMENTWISE else None
        states = []
        if wanted is not None:
            states.append("met" if gain >= wanted else f"× {wanted / gain:.2f}")
        if jit is not None and row["compile"] is not None:
            states.append("met" if row["compile"] <= jit else f"× {row['compile'] / jit:.2f}")
        target = f"≥ {wanted} × eager" if wanted else f"≤ {jit} × jit" if jit else NONE
        rows.append(
            [row["title"], *map(seconds, times), number(gain), number(row["compile"]), target,
             *(states or [NONE])]
        )  # fmt: skip
    header = ["xp.compile", "eager", "compiled", "JAX jit", "eager ÷ compiled", "÷ JAX jit"]
    return render([*header, "target", "missed by"], rows)


def memory(report: Mapping[str, Any]) -> str:
    """Return peak memory of the process, and in brackets what the workload added to it."""
    peers, rows = report["peers"], []
    for row in report["workloads"]:
        cells = {k: c for k, c in row["libraries"].items() if "peak_mib" in c}
        added = {k: c["peak_mib"] - c["base_mib"] for k, c in cells.items()}
        texts = [
            f"{cells[k]['peak_mib']:.0f} ({added[k]:.0f})" if k in cells else NONE for k in peers
        ]
        if {"tensorxp", "torch"} <= set(cells) and added["torch"] > 0:
            whole = cells["tensorxp"]["peak_mib"] / cells["torch"]["peak_mib"]
            texts.append(f"{whole:.2f} ({added['tensorxp'] / added['torch']:.2f})")
        else:
            texts.append(NONE)
        rows.append([row["title"], *texts])
    return render(["peak memory, MiB", *_titles(peers), f"÷ PyTorch, ≤ {targets.PEAK}"], rows)


def problems(report: Mapping[str, Any]) -> list[str]:
    """Return a line for each thing that did not run or gave a wrong result."""
    lines = []
    for row in report["workloads"]:
        for peer, entry in row["libraries"].items():
            why = entry.get("error") or entry.get("missing")
            if why:
                kind = "failed" if "error" in entry else "not available"
                lines.append(f"{row['title']}, {LIBRARIES[peer].title}: {kind}: {why}")
    return lines
