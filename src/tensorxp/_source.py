"""Where the modules of the core come from: the compiled file where there is one, or the sources.

Compiled they are all in one file, which has an initialisation function for each (PEP 489).
TENSORXP_PURE_PYTHON=1 runs the sources though it is there.
"""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location

#: The modules that setup.py compiles.
MODULES = """
    _core/tensor _core/allocation _backend/arrays _core/node _core/views _core/rules _core/record
    _core/door autograd/engine _ops/indexing _operators
    _ops/arithmetic _ops/exponential _ops/trigonometric _backend/device
    _core/primitive _core/operands
    _autograd_methods _torch_methods _methods _tensor
""".split()
_NAMES = frozenset(["tensorxp." + name.replace("/", ".") for name in MODULES])
_FILES = [os.path.join(os.path.dirname(__file__), "_compiled" + end) for end in EXTENSION_SUFFIXES]
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


if _FOUND and os.environ.get("TENSORXP_PURE_PYTHON", "0") in ("", "0"):
    sys.meta_path.insert(0, _Compiled)
