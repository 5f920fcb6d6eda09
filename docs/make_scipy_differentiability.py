"""Call SciPy's array API functions with recorded tensors, and write `scipy_differentiability.md`.

Run `python docs/make_scipy_differentiability.py` (`--check` compares instead of writing; names of
chapters, as `stats`, print these only). A value is right if it is what SciPy gives for NumPy
arrays, a gradient if it agrees with central differences of SciPy on NumPy arrays: for each input
in a random direction, for each output with a random weight.
"""

import argparse
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy is imported

import numpy as np

import tensorxp

sys.path.insert(0, str(Path(__file__).parent))

from scipy_calls import fft, ndimage, numeric, signal, special, stats, transform

TARGET = Path(__file__).parent / "scipy_differentiability.md"
STEP = 1e-5

CHAPTERS: dict[str, dict[str, Any]] = {
    "special": special.CALLS,
    "stats": stats.CALLS,
    "stats.mstats": stats.MSTATS,
    "signal": signal.CALLS,
    "signal.windows": signal.WINDOWS,
    "fft": fft.CALLS,
    "cluster.vq": numeric.VQ,
    "cluster.hierarchy": numeric.HIERARCHY,
    "spatial.transform.Rotation": transform.ROTATION,
    "spatial.transform.RigidTransform": transform.RIGIDS,
    "spatial.transform.Slerp": transform.SLERP,
    "integrate": numeric.INTEGRATE,
    "interpolate": numeric.INTERPOLATE,
    "ndimage": ndimage.CALLS,
    "optimize": numeric.OPTIMIZE,
    "optimize.elementwise": numeric.ELEMENTWISE,
    "linalg": numeric.LINALG,
    "differentiate": numeric.DIFFERENTIATE,
    "constants": numeric.CONSTANTS,
}
#: what the cells of gradients are counted as
KINDS = {
    "right": "right", "partly": "right by some inputs", "constant": "constant",
    "raises": "raises", "number": "a number", "bad": "wrong or missing",
}  # fmt: skip
ADVICE = ("requires grad", "detach", "no_grad", "requires_grad")


@dataclass
class Library:
    """How to make recorded tensors, look at them, and differentiate."""

    name: str
    make: Callable[[Any, bool], Any]
    is_tensor: Callable[[Any], bool]
    grad: Callable[..., Any]
    tensor: type

    def recorded(self, x: Any) -> bool:
        return self.is_tensor(x) and bool(x.requires_grad)


def libraries() -> list[Library]:
    """Return tensorxp, and PyTorch where it is installed."""
    found = [
        Library(
            "tensorxp",
            lambda a, grad: tensorxp.tensor(a, requires_grad=grad),
            lambda x: isinstance(x, tensorxp.Tensor),
            tensorxp.autograd.grad,
            tensorxp.Tensor,
        )
    ]
    if find_spec("torch"):
        torch = import_module("torch")
        torch.set_default_dtype(torch.float64)
        found.append(
            Library(
                "torch",
                lambda a, grad: torch.tensor(a, requires_grad=grad),
                lambda x: isinstance(x, torch.Tensor),
                torch.autograd.grad,
                torch.Tensor,
            )
        )
    return found


def parse(entry: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return how to call, and the inputs."""
    if callable(entry[0]):
        return entry[0], entry[1:]
    return (lambda f, *xs: f(*xs)), entry


def find(chapter: str, name: str) -> Any:
    """Return SciPy's function, or the class whose method is called."""
    if chapter.startswith("spatial.transform."):
        return getattr(import_module("scipy.spatial.transform"), chapter.rpartition(".")[2])
    return getattr(import_module(f"scipy.{chapter}"), name)


def outputs(value: Any) -> Iterator[Any]:
    """Yield the arrays and numbers in a result, nested in tuples, dicts and the like."""
    if isinstance(value, dict):
        for part in value.values():
            yield from outputs(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from outputs(part)
    elif isinstance(value, bool | int | float | complex | np.generic) or hasattr(value, "shape"):
        yield value
    elif isinstance(value, str) or value is None:
        return
    elif hasattr(value, "__dict__"):
        for key, part in vars(value).items():
            if not key.startswith("_") and not callable(part):
                yield from outputs(part)


def is_float(a: Any) -> bool:
    return bool(np.asarray(a).dtype.kind in "fc")


def host(x: Any) -> Any:
    if hasattr(x, "detach"):
        x = x.detach()
        return x.resolve_conj().resolve_neg().numpy() if hasattr(x, "resolve_conj") else x.numpy()
    return np.asarray(x)


def direction(rng: Any, a: Any) -> Any:
    v = rng.normal(size=np.shape(a))
    return v + 1j * rng.normal(size=np.shape(a)) if np.asarray(a).dtype.kind == "c" else v


def inner(a: Any, b: Any) -> float:
    return float(np.sum(np.real(np.conj(a) * b)))


@contextmanager
def numbers_taken(cls: type) -> Iterator[list[Any]]:
    """Notice recorded tensors that are made Python floats within the scope."""
    taken: list[Any] = []
    convert = cls.__float__  # type: ignore[attr-defined]

    def noticed(self: Any) -> float:
        if self.requires_grad:
            taken.append(self)
        return float(convert(self))

    cls.__float__ = noticed  # type: ignore[attr-defined]
    try:
        yield taken
    finally:
        cls.__float__ = convert  # type: ignore[attr-defined]


@dataclass
class Reference:
    """What SciPy gives for NumPy arrays: values, and slopes per input and output."""

    values: list[Any]
    weights: list[Any]
    directions: list[Any]
    slopes: list[list[float]]
    sizes: list[list[float]]


def reference(call: Any, f: Any, inputs: tuple[Any, ...]) -> Reference:
    rng = np.random.default_rng(7)
    values = [np.asarray(v) for v in outputs(call(f, *inputs))]
    weights = [direction(rng, v) if is_float(v) else None for v in values]
    directions, slopes, sizes = [], [], []
    for i, x in enumerate(inputs):
        if not is_float(x):
            directions.append(None)
            slopes.append([0.0] * len(values))
            sizes.append([0.0] * len(values))
            continue
        d = direction(rng, x)
        sides = []
        for step in (STEP, -STEP):
            moved = [*inputs[:i], x + step * d, *inputs[i + 1 :]]
            sides.append([np.asarray(v) for v in outputs(call(f, *moved))])
        row, size = [], []
        for w, a, b in zip(weights, *sides, strict=True):
            change = 0.0 if w is None else (a - b) / (2 * STEP)
            change = np.where(np.isfinite(change), change, 0.0)
            row.append(0.0 if w is None else inner(w, change))
            size.append(0.0 if w is None else float(np.sum(np.abs(w * change))))
        directions.append(d)
        slopes.append(row)
        sizes.append(size)
    return Reference(values, weights, directions, slopes, sizes)


def describe(error: Exception) -> str:
    """Return how a call failed: with advice on gradients, or otherwise."""
    text = str(error)
    if any(word in text for word in ADVICE):
        return "raises, with advice"
    return f"raises {type(error).__name__}"


def judge(library: Library, call: Any, f: Any, inputs: tuple[Any, ...], known: Reference) -> Any:
    """Return the verdicts on value and gradient."""
    try:
        plain = [library.make(x, False) for x in inputs]
        found = [host(v) for v in outputs(call(f, *plain))]
        value = "right" if agree(found, known.values) else "**wrong**"
    except Exception as error:
        value = describe(error)
    verdicts: dict[str, list[int]] = {}
    for i, x in enumerate(inputs):
        if is_float(x):
            verdicts.setdefault(judge_input(library, call, f, inputs, i, known), []).append(i + 1)
    if len(verdicts) > 1:
        verdicts.pop("constant", None)
    if len(verdicts) < 2:
        return value, next(iter(verdicts), "constant")
    parts = [f"{text} by {', '.join(map(str, places))}" for text, places in verdicts.items()]
    return value, "; ".join(parts)


def judge_input(
    library: Library, call: Any, f: Any, inputs: tuple[Any, ...], i: int, known: Reference
) -> str:
    """Return the verdict on the gradient by one input, which alone is recorded."""
    xs = [library.make(x, k == i) for k, x in enumerate(inputs)]
    try:
        with numbers_taken(library.tensor) as taken:
            outs = list(outputs(call(f, *xs)))
    except Exception as error:
        return describe(error)
    if len(outs) != len(known.values):
        return "**wrong** (other outputs)"
    slopes, sizes = known.slopes[i], known.sizes[i]
    for k, out in enumerate(outs):
        if not library.recorded(out):
            if sizes[k] > 1e-7:
                return "taken as a number" if taken else "**missing**"
            continue
        if known.weights[k] is None:
            return "**wrong** (of an integer)"
        weight = np.where(np.isfinite(known.values[k]), known.weights[k], 0.0)
        weight = np.reshape(weight.astype(host(out).dtype), tuple(out.shape))
        try:
            (g,) = library.grad(
                [out], [xs[i]], [library.make(weight, False)], retain_graph=True, allow_unused=True
            )
        except NotImplementedError:
            return "backward raises: not implemented"
        except Exception as error:
            if "modified by an in" in str(error):
                return "backward raises: SciPy writes in place"
            return f"backward raises {type(error).__name__}"
        if g is None:
            if sizes[k] > 1e-7:
                return "**missing**"
            continue
        have = inner(host(g), known.directions[i])
        if np.isnan(have):
            return "**NaN**"
        if not abs(have - slopes[k]) <= 1e-4 * max(sizes[k], abs(slopes[k]), 1e-3):
            return f"**wrong** ({have:.5g}, not {slopes[k]:.5g})"
    return "right" if max(sizes, default=0.0) > 1e-7 else "constant"


def agree(found: list[Any], expected: list[Any]) -> bool:
    if len(found) != len(expected):
        return False
    return all(
        np.allclose(np.squeeze(a), np.squeeze(b), rtol=1e-6, atol=1e-8, equal_nan=True)
        if np.squeeze(a).shape == np.squeeze(b).shape
        else False
        for a, b in zip(found, expected, strict=True)
    )


def rows(chapter: str, tried: list[Library]) -> Iterator[tuple[str, list[str]]]:
    """Yield for each function of a chapter its name and the cells of its row."""
    for name, entry in CHAPTERS[chapter].items():
        call, inputs = parse(entry)
        f = find(chapter, name)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                known = reference(call, f, inputs)
            except Exception as error:
                yield name, [f"**the table's call fails**: {error!r}"] * 2 * len(tried)
                continue
            cells = [cell for one in tried for cell in judge(one, call, f, inputs, known)]
        yield name, cells


def uncalled(chapter: str) -> list[str]:
    """Return the functions with array API support that the table has no call of."""
    if chapter.startswith("spatial") or chapter == "constants":
        return []
    tables = import_module("scipy._lib._array_api_docs_tables")
    yes = tables.BackendSupportStatus.YES
    flat = tables.make_flat_capabilities_table(f"scipy.{chapter}", "cpu")
    return [
        r["function"] for r in flat if r["torch"] == yes and r["function"] not in CHAPTERS[chapter]
    ]


def page(chapters: list[str]) -> tuple[str, list[str]]:
    """Return the text of the page, and complaints about tensorxp."""
    tried = libraries()
    names = [one.name for one in tried]
    complaints = []
    tables, totals = [], []
    for chapter in chapters:
        header = " | ".join(f"{n} value | {n} gradient" for n in names)
        out = [
            f"## scipy.{chapter}",
            "",
            f"| function | {header} |",
            "|---" * (1 + 2 * len(names)) + "|",
        ]
        counts: list[Counter[str]] = [Counter() for _ in names]
        for name, cells in rows(chapter, tried):
            out.append(f"| `{name}` | {' | '.join(cells)} |")
            for count, cell in zip(counts, cells[1::2], strict=True):
                count[kind_of(cell)] += 1
            if "**" in cells[1] or "**" in cells[0]:
                complaints.append(f"scipy.{chapter}.{name}: {cells[0]}, {cells[1]}")
        missing = uncalled(chapter)
        complaints += [f"scipy.{chapter}.{name}: no call in the table" for name in missing]
        tables += [*out, ""]
        cells = [" | ".join(str(c[kind]) for kind in KINDS) for c in counts]
        totals.append(f"| {chapter} | {sum(counts[0].values())} | {' | '.join(cells)} |")
    columns = " | ".join(f"{n}: {' | '.join(KINDS.values())}" for n in names)
    packages = ", ".join(f"{name} {version(name)}" for name in ("scipy", "numpy", *names[1:]))
    head = [
        "# Gradients through SciPy",
        "",
        f"Generated by `python docs/make_scipy_differentiability.py` with {packages}.",
        "",
        "Every function of SciPy that takes array API arrays, called with recorded tensors "
        "(`SCIPY_ARRAY_API=1`). **Value**: as SciPy gives for NumPy arrays. **Gradient**: *right* "
        "agrees with central differences of SciPy on NumPy arrays, for each input and output; "
        "*constant* is a result that does not move with its inputs (counts, ranks, designs), so no "
        "gradient is due; *right by 3; raises by 1, 2* speaks of the inputs in order; *raises, with "
        "advice* is where SciPy itself converts to NumPy: the call "
        "with recorded tensors stops with an error that names `detach()` and `no_grad()`, and runs "
        "with these; *taken as a number* is where SciPy calls `float()` on a parameter of a design, "
        "and a Python number has no gradient. *missing* (a result without the gradient, and no error) and *wrong* must not "
        "occur for tensorxp; the command fails if they do.",
        "",
        "Where SciPy converts, `tensorxp.interpolate`, `tensorxp.integrate` and `tensorxp.optimize` "
        "do part of its work with gradients: splines, grids and `interp`; `solve_ivp`, `odeint` and "
        "rules of quadrature; `minimize`, `root` and `least_squares` with derivatives of the solution.",
        "",
        f"| module | functions | {columns} |",
        "|---" * (2 + len(KINDS) * len(names)) + "|",
        *totals,
        "",
    ]
    return "\n".join([*head, *tables]), complaints


def kind_of(cell: str) -> str:
    if "**" in cell:
        return "bad"
    if " by " in cell and "right" in cell:
        return "partly"
    if "number" in cell:
        return "number"
    return "raises" if "raises" in cell else cell


def main() -> int:
    """Write the page, compare it with the file, or print some chapters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("chapters", nargs="*", help="print these only", choices=[[], *CHAPTERS])
    parser.add_argument("--check", action="store_true", help="fail if the file differs")
    options = parser.parse_args()
    text, complaints = page(options.chapters or list(CHAPTERS))
    for line in complaints:
        print(line, file=sys.stderr)
    if options.chapters:
        print(text)
    elif options.check:
        if not TARGET.exists() or TARGET.read_text() != text:
            return 1
    else:
        TARGET.write_text(text)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
