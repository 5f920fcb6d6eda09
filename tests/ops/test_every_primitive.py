"""Every differentiable primitive of the package is reached by a row that checks gradients."""

from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import tensorxp
import tests
from tensorxp._core.primitive import Primitive
from tensorxp._core.watchers import Watcher, watch
from tests.harness import Row, sample

CHAPTERS = ("_ops", "linalg", "fft", "special")
TESTS = ("ops", "linalg", "fft", "special", "nn")


class Recorder(Watcher):
    """Collects the primitives that are called."""

    def __init__(self) -> None:
        self.seen: set[Primitive] = set()

    def after(self, op: Primitive, inputs: Any, params: Any, out: Any) -> None:
        """Remember `op`."""
        self.seen.add(op)


def rows() -> list[Row]:
    """Return the rows of all test modules."""
    found = []
    for info in walk_packages(tests.__path__, "tests."):
        _, _, path = info.name.partition(".")
        chapter, _, name = path.partition(".")
        if chapter in TESTS and name.startswith("test_"):
            found += getattr(import_module(info.name), "ROWS", [])
    return found


def primitives() -> dict[Primitive, str]:
    """Return the differentiable primitives of the chapters, and where they are."""
    found = {}
    for info in walk_packages(tensorxp.__path__, "tensorxp."):
        if info.name.split(".")[1] in CHAPTERS:
            for name, value in vars(import_module(info.name)).items():
                if isinstance(value, Primitive) and value.differentiable:
                    found[value] = f"{info.name}.{name}"
    return found


def test_every_differentiable_primitive_has_a_row() -> None:
    recorder = Recorder()
    with watch(recorder):
        for row in rows():
            if row.gradients:
                row.fn(*[tensorxp.asarray(a) for a in sample(row)])
    missing = sorted(name for op, name in primitives().items() if op not in recorder.seen)
    assert not missing, f"no row has: {', '.join(missing)}"
