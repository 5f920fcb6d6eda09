"""Where the modules of the core come from: the compiled file where there is one, or the sources.

Compiled they are all in one file, which has an initialisation function for each (PEP 489).
TENSORXP_PURE_PYTHON=1 runs the sources though it is there.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location

#: The modules that setup.py compiles.
MODULES = """
    _core/tensor _core/allocation _backend/arrays _core/node _core/views _core/rules _core/record
    _core/door _core/engine _ops/indexing _tensor/operators
    _ops/arithmetic _ops/exponential _ops/trigonometric _backend/device
    _core/primitive _core/operands
    _tensor/gradients _tensor/torch_methods _tensor/methods _tensor/type
""".split()
_NAMES = frozenset(["tensorxp." + name.replace("/", ".") for name in MODULES])
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_FILES = [os.path.join(_HERE, "_compiled" + end) for end in EXTENSION_SUFFIXES]
_FOUND = [file for file in _FILES if os.path.isfile(file)]


class _Compiled:
    """A finder of the modules in the compiled file."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        if name not in _NAMES:
            return None
        return spec_from_file_location(name, _FOUND[0], loader=ExtensionFileLoader(name, _FOUND[0]))


def changed_since(compiled: str, folder: str) -> list[str]:
    """Return the modules whose source or declaration is newer than the compiled file."""
    made = os.stat(compiled).st_mtime
    ends = (".py", ".pyx", ".pxd")
    found = []
    for name in MODULES:
        paths = [path for end in ends if os.path.isfile(path := os.path.join(folder, name + end))]
        if max(os.stat(path).st_mtime for path in paths) > made:
            found.append(name)
    return found


if _FOUND and os.environ.get("TENSORXP_PURE_PYTHON", "0") in ("", "0"):
    sys.meta_path.insert(0, _Compiled)
    _checkout = os.path.isfile(os.path.join(_HERE, "..", "..", "setup.py"))
    if _checkout and __package__:  # sources can change; setup.py runs this file by itself
        if _changed := changed_since(_FOUND[0], _HERE):
            warnings.warn(
                f"the compiled core of tensorxp is older than {len(_changed)} of its sources "
                f"({', '.join(_changed[:3])}{', ...' if len(_changed) > 3 else ''}) and does not "
                "have their changes; run `pip install -e .` in the checkout, or set "
                "TENSORXP_PURE_PYTHON=1",
                RuntimeWarning,
                stacklevel=2,
            )
