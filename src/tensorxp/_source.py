"""TENSORXP_PURE_PYTHON=1: run from the Python sources where compiled modules lie beside them."""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location


class _Sources:
    """A finder that sees only the `.py` files of this package."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: object = None
    ) -> ModuleSpec | None:
        package, _, module = name.rpartition(".")
        if path and package.split(".")[0] == __name__.split(".")[0]:
            for folder in path:
                file = os.path.join(folder, module + ".py")
                if os.path.isfile(file):
                    return spec_from_file_location(name, file)
        return None


if os.environ.get("TENSORXP_PURE_PYTHON", "0") not in ("", "0"):
    sys.meta_path.insert(0, _Sources)
