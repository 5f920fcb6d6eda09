"""Check which derivatives each library has, and write `differentiability.md`.

Run `python docs/make_differentiability.py` from a checkout (`--check` compares instead of
writing; names, as `qr`, print these only). The functions and inputs are the rows of the test
tables, up to four for each function. A derivative is right if it agrees with central
differences of the library's own values in a random direction; `EXPLAIN=1` in the environment
tells what failed and how. It takes some ten minutes.
"""

import argparse
import inspect
import os
import re
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

os.environ.setdefault("TENSORXP_SIM_DEVICES", "2")

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from differentiability_peers import Library, Missing, Unsupported, libraries

import tensorxp
import tests
from tensorxp.autograd.testing import normal
from tests.harness import Row, sample

TARGET = HERE / "differentiability.md"
STEP = 1e-6
LIMIT = 4  # rows of each function
SECONDS = 60  # for each row and library
CHAPTERS = {
    "": "Namespace", "linalg": "`linalg`", "fft": "`fft`", "special": "`special`",
}  # fmt: skip
#: Of functions whose primitive has its rows under another name.
EXTRA = [
    *(
        ("fft", Row(name, getattr(tensorxp.fft, name), (normal(3, 4),), complex="r" not in name))
        for name in ("fft2", "ifft2", "rfft2", "irfft2")
    ),
    ("linalg", Row("cond", tensorxp.linalg.cond, (normal(3, 3),), complex=True)),
]
PACKAGES = {
    "tensorxp": "tensorxp", "PyTorch": "torch", "JAX": "jax", "HIPS autograd": "autograd",
    "MyGrad": "mygrad",
}  # fmt: skip


def public() -> dict[str, list[str]]:
    """Return the names of functions, by chapter."""
    found: dict[str, list[str]] = {}
    for chapter in CHAPTERS:
        module = getattr(tensorxp, chapter) if chapter else tensorxp
        names = getattr(module, "__all__", None) or dir(module)
        found[chapter] = sorted(
            name
            for name in names
            if inspect.isfunction(getattr(module, name))
            and not name.startswith("_")
            and not (chapter == "linalg" and name in found[""])  # the same once more
        )
    return found


def rows() -> dict[tuple[str, str], list[Row]]:
    """Return the rows of each function, by (chapter, name)."""
    names = public()
    found: dict[tuple[str, str], list[Row]] = {}
    for chapter, row in EXTRA:
        found.setdefault((chapter, row.name), []).append(row)
    for info in walk_packages(tests.__path__, "tests."):
        chapter = info.name.split(".")[1].replace("ops", "")
        if chapter in CHAPTERS and info.name.count(".") == 2:
            for row in getattr(import_module(info.name), "ROWS", []):
                key = _key(row, chapter, names)
                if key is not None:
                    found.setdefault(key, []).append(row)
    return found


def _key(row: Row, chapter: str, names: dict[str, list[str]]) -> tuple[str, str] | None:
    if row.name.startswith("x["):
        return "", "indexing and in-place writes"
    for place in (chapter, *CHAPTERS):
        fits = [n for n in names[place] if re.match(rf"{re.escape(n)}(?![a-z0-9])", row.name)]
        if fits:
            return place, max(fits, key=len)
    return None


def spread(items: list[Row]) -> list[Row]:
    """Return up to LIMIT rows, evenly out of all that have gradients."""
    items = [row for row in items if row.gradients and _recorded(row)]
    step = max(1, -(-len(items) // LIMIT))
    return items[::step]


def _recorded(row: Row) -> bool:
    """Return whether an output depends differentiably on an input."""
    xs = [tensorxp.asarray(a) for a in sample(row)]
    xs = [x.requires_grad_() if x._data.dtype.kind in "fc" else x for x in xs]
    out = row.fn(*xs)
    return any(y.requires_grad for y in (out if isinstance(out, tuple | list) else (out,)))


class _TooLong(Exception):
    pass


def _alarm(*_: Any) -> None:
    raise _TooLong


def check(library: Library, row: Row, mode: str) -> str:
    """Return "right", "wrong", "missing" (function or mode) or "error" for one row and mode."""
    signal.alarm(SECONDS)
    try:
        return "right" if _right(library, row, mode) else "wrong"
    except (Missing, Unsupported, NotImplementedError):
        return "missing"
    except Exception as error:
        if os.environ.get("EXPLAIN"):
            print(library.name, row.name, mode, type(error).__name__, error, file=sys.stderr)
        return "error"
    finally:
        signal.alarm(0)


def _right(library: Library, row: Row, mode: str) -> bool:
    arrays = sample(row, "complex" if mode == "c" else "real")
    moving = [i for i, a in enumerate(arrays) if a.dtype.kind in "fc"]
    xs = [arrays[i] for i in moving]
    rng = np.random.default_rng(7)
    function = library.function(row)

    def outputs(*given: Any) -> list[Any]:
        full = [library.array(a) for a in arrays]
        for i, x in zip(moving, given, strict=True):
            full[i] = x
        out = function(*full)
        return list(out) if isinstance(out, tuple | list) else [out]

    plain = [library.numpy(y) for y in outputs(*map(library.array, xs))]
    cts = [
        _random(rng, y) if y.dtype.kind in "fc" else None for y in plain
    ]  # fmt: skip

    def scalar(*given: Any) -> Any:
        pairs = zip(cts, outputs(*given), strict=True)
        return sum(library.real_pair(ct, y) for ct, y in pairs if ct is not None)

    def value(*given: Any) -> float:
        found = [library.numpy(y) for y in outputs(*map(library.array, given))]
        return sum(
            float(np.sum((np.conj(ct) * y).real)) for ct, y in zip(cts, found, strict=True)
            if ct is not None
        )  # fmt: skip

    direction = [_random(rng, x) for x in xs]
    high, low = (
        [x + s * d for x, d in zip(xs, direction, strict=True)] for s in (STEP, -STEP)
    )  # fmt: skip
    if mode == "2":
        ws = [_random(rng, x) for x in xs]
        ends = [
            sum(float(np.sum(g * w)) for g, w in zip(library.gradient(scalar, p), ws, strict=True))
            for p in (high, low)
        ]
        expected = (ends[0] - ends[1]) / (2 * STEP)
        found = _along(library, library.second(scalar, xs, ws), direction)
    else:
        expected = (value(*high) - value(*low)) / (2 * STEP)
        if mode == "f":
            found = library.forward(scalar, xs, direction)
        else:
            found = _along(library, library.gradient(scalar, xs), direction)
    if os.environ.get("EXPLAIN") and not abs(found - expected) <= 1e-5 * max(1.0, abs(expected)):
        print(library.name, row.name, mode, "found", found, "not", expected, file=sys.stderr)
    return abs(found - expected) <= 1e-5 * max(1.0, abs(expected))


def _random(rng: Any, x: Any) -> Any:
    a = rng.standard_normal(np.shape(x))
    return a + 1j * rng.standard_normal(np.shape(x)) if np.iscomplexobj(x) else np.asarray(a)


def _along(library: Library, grads: list[Any], direction: list[Any]) -> float:
    total = 0.0
    for g, d in zip(grads, direction, strict=True):
        if np.shape(g) != np.shape(d):
            return float("nan")
        total += float(np.sum(((np.conj(g) if library.conjugate else g) * d).real))
    return total


def cell(library: Library, chosen: list[Row]) -> str:
    """Return what a library does with the rows of one function, in the signs of the legend."""
    signs, seen = [], set()
    for mode in "12fc":
        fitting = [
            row for row in chosen
            if (mode != "2" or row.order2) and (mode != "f" or row.forward)
            and (mode != "c" or row.complex)
        ]  # fmt: skip
        results = Counter(check(library, row, mode) for row in fitting)
        seen.update(results)
        if results["wrong"]:
            signs.append(f"**{mode}!**")
        elif fitting and results["right"] == len(fitting):
            signs.append(mode)
        elif results["right"]:
            signs.append(f"({mode})")
    if signs:
        return " ".join(signs)
    return "error" if "error" in seen else "–"


REMARKS = {
    ("linalg", "svd"): "PyTorch ignores the columns that `full_matrices` adds, and says so.",
}  # fmt: skip
NOTE = re.compile(r"gradient|derivative|tie|kink|tangent|differentiable|subgradient", re.I)


def note(chapter: str, name: str) -> str:
    """Return the sentences of the docstring that speak of derivatives."""
    module = getattr(tensorxp, chapter) if chapter else tensorxp
    text = " ".join((inspect.getdoc(getattr(module, name, None)) or "").split())
    sentences = [s for s in re.split(r"(?<=[.;])\s+(?=[A-Z`])", text) if NOTE.search(s)]
    found = " ".join(sentences).split(" Parameters")[0].replace("|", "\\|")
    found = found if len(found) <= 200 else found[:200].rsplit(" ", 1)[0] + " …"
    return " ".join(filter(None, (found, REMARKS.get((chapter, name)))))


def table(found: list[Library], only: list[str]) -> Iterator[str]:
    """Yield the lines of the tables."""
    chosen = rows()
    counts: dict[str, Counter[str]] = {library.name: Counter() for library in found}
    total = 0
    lines = []
    constant: dict[str, list[str]] = {chapter: [] for chapter in CHAPTERS}
    for chapter, title in CHAPTERS.items():
        names = public()[chapter]
        if not chapter:
            names = [*names, "indexing and in-place writes"]
        lines += ["", f"## {title}", "", "| function | " + " | ".join(x.name for x in found)
                  + " | ties, kinks, remarks |", "|---" * (len(found) + 2) + "|"]  # fmt: skip
        for name in names:
            if only and name not in only:
                continue
            fitting = spread(chosen.get((chapter, name), []))
            if not fitting:
                constant[chapter].append(f"`{name}`")
                continue
            cells = [cell(library, fitting) for library in found]
            total += 1
            for library, text in zip(found, cells, strict=True):
                for mode in "12fc":
                    counts[library.name][mode] += mode in text.split()
                counts[library.name]["wrong"] += "!" in text
                counts[library.name]["none"] += text in ("–", "error")
            line = f"| `{name}` | " + " | ".join(cells) + f" | {note(chapter, name)} |"
            lines.append(line)
            print(line[:120], file=sys.stderr, flush=True)
        if constant[chapter]:
            lines += ["", "Zero or no derivative (indices, truth values, steps, constants, "
                      "utilities): " + ", ".join(constant[chapter]) + "."]  # fmt: skip
    yield from summary(found, counts, total)
    yield from lines


def summary(found: list[Library], counts: dict[str, Counter[str]], total: int) -> Iterator[str]:
    """Yield the table of counts."""
    yield f"Of {total} functions with derivatives:"
    yield ""
    yield "| | " + " | ".join(f"{x.name} {version_of(x.name)}" for x in found) + " |"
    yield "|---" * (len(found) + 1) + "|"
    for key, text in (
        ("1", "first order, all inputs tried"), ("2", "second order"), ("f", "forward mode"),
        ("c", "complex"), ("wrong", "a wrong derivative"), ("none", "no derivative, or no function"),
    ):  # fmt: skip
        yield f"| {text} | " + " | ".join(str(counts[x.name][key]) for x in found) + " |"


def version_of(name: str) -> str:
    return tensorxp.__version__ if name == "tensorxp" else version(PACKAGES[name])


HEAD = """# Differentiability

Made by `python docs/make_differentiability.py`. For each function the rows of the test tables (up
to four) are run in each library under its own name for the function, and compared with central
differences of the library's own values.

`1` gradient · `2` gradient of the gradient · `f` forward mode · `c` gradient by complex inputs ·
in brackets: for a part of the rows · **bold with !**: a wrong result, or a gradient that is dropped
without an error · –: no such function, or no derivative · error: the call fails. Signs stand only
where a row asks for them: a function of real numbers has no `c` anywhere.
"""


def main() -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--library", action="append")
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _alarm)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    found = libraries(options.library)
    text = HEAD + "\n" + "\n".join(table(found, options.names)) + "\n"
    if options.names or options.library:
        print(text)
    elif options.check:
        return int(TARGET.read_text(encoding="utf-8") != text)
    else:
        TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
