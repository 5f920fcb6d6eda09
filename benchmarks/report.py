"""What was measured, on what, as JSON and as the generated part of `docs/performance.md`."""

import datetime
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import libraries, table

BEGIN, END = "<!-- figures: begin (generated) -->", "<!-- figures: end -->"
HEAD = f"""# Performance

The figures between the two marks are written by `python -m benchmarks`; do not edit them by hand.

{BEGIN}
{END}
"""


def hardware() -> dict[str, Any]:
    """Describe the machine."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), cpu)
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gib = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        gib = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    return {"cpu": cpu, "cores": cores, "memory_gib": gib, "system": platform.platform()}


def start(peers: Sequence[str], rounds: int, threads: int) -> dict[str, Any]:
    """Return a report without figures."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "python": sys.version.split()[0],
        "compiled": libraries.compiled_core(),
        "versions": {name: libraries.version(name) for name in peers},
        "peers": list(peers),
        "rounds": rounds,
        "threads_asked": threads,
        "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "workloads": [],
    }


def thread_counts(report: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return the thread pools of each library, the largest seen."""
    counts: dict[str, dict[str, int]] = {}
    for row in report["workloads"]:
        for peer, entry in row["libraries"].items():
            pools = counts.setdefault(peer, {})
            for pool, size in entry.get("threads", {}).items():
                pools[pool] = max(size, pools.get(pool, 0))
    return counts


def summary(report: Mapping[str, Any]) -> str:
    """Say when, on what and how the figures were taken."""
    machine, title = report["hardware"], libraries.LIBRARIES
    versions = ", ".join(f"{title[k].title} {v}" for k, v in report["versions"].items())
    counts = thread_counts(report)
    pools = "; ".join(
        f"{title[k].title}: " + ", ".join(f"{pool} {n}" for pool, n in sizes.items())
        for k, sizes in counts.items()
        if sizes
    )
    core = "with" if report["compiled"] else "WITHOUT"
    return (
        f"Measured {report['date']} {core} the compiled core on {machine['cpu']} "
        f"({machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}), "
        f"Python {report['python']}.\n"
        f"Versions: {versions}.\nThreads: {pools or 'not known'}.\n"
        f"Medians of {report['rounds']} rounds in turn; a ratio is the median over the rounds of "
        "tensorxp's time by the peer's." + _disturbance(report["load_before"])
    )


TIMES = """## Times and sizes

Results were compared with the NumPy form in float64 before anything was timed. "NumPy by hand" has
hand-written gradients and reused buffers: it is the floor. In a "recorded" row NumPy's plain time
stands."""
MEMORY = """## Peak memory

Peak resident memory of a process that runs one workload in one library, compilation included; in
brackets, what came on top of the import."""


def _disturbance(load: float | None) -> str:
    """Warn of figures taken beside other work."""
    if load is None or load < 0.5:
        return ""
    return (
        f"\n**The load average was {load:.1f} before the start: other work ran beside this, and "
        "what uses several threads suffers most from that.**"
    )


PURE = """## Without compiled parts

The same with `TENSORXP_PURE_PYTHON=1` and `TENSORXP_LOOPS=0`, as where no compiler was found."""
COMPILE = """## xp.compile

The column "÷ JAX jit" is the median over the rounds, as above."""


def markdown(report: Mapping[str, Any]) -> str:
    """Return the generated part of the page."""
    parts = [summary(report), TIMES, table.everything(report)]
    if "tensorxp-compile" in report["peers"]:
        parts += [COMPILE, table.compiled(report)]
    if "tensorxp-pure" in report["peers"]:
        parts += [PURE, table.pure(report)]
    parts += [MEMORY, table.memory(report)]
    lines = [f"- {line}" for line in table.problems(report)]
    if lines:
        parts += ["## What did not run", "\n".join(lines)]
    return "\n\n".join(parts)


def write(report: Mapping[str, Any], path: Path) -> None:
    """Replace the part between the marks, and keep what was written around it by hand."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    if BEGIN not in text or END not in text:
        raise ValueError(f"{path} lacks the marks {BEGIN!r} and {END!r}")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    page = f"{before}{BEGIN}\n\n{markdown(report)}\n\n{END}{after}"
    path.write_text(page, encoding="utf-8")
