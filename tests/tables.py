"""What the sweeps over everything share: all rows of the tests' tables, all primitives."""

from importlib import import_module
from pkgutil import walk_packages

import tensorxp
import tests
from tensorxp._core.primitive import Primitive
from tests.harness import Row

CHAPTERS = ("_ops", "linalg", "fft", "special")
TESTS = ("ops", "linalg", "fft", "special")


def rows() -> list[Row]:
    """Return the rows of all test modules."""
    return [row for found in rows_by_module().values() for row in found]


def rows_by_module() -> dict[str, list[Row]]:
    """Return the rows of each test module, by names such as "ops.test_sorting"."""
    found = {}
    for info in walk_packages(tests.__path__, "tests."):
        _, _, path = info.name.partition(".")
        chapter, _, name = path.partition(".")
        if chapter in TESTS and name.startswith("test_"):
            found[path] = getattr(import_module(info.name), "ROWS", [])
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
