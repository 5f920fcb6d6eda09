"""Builds the compiled parts where a C compiler is there; pyproject.toml says everything else.

The compiled core is the same Python source: each `.py` listed here has a `.pxd` beside it that
gives its classes C fields and its functions C signatures. Without a compiler or with
TENSORXP_PURE_PYTHON=1, the package is installed as pure Python; all or nothing is compiled.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CORE = """
    _backend/device _core/tensor _core/allocation _core/node _core/views _core/rules
    _core/primitive _core/operands _core/record _core/door _core/writes autograd/engine
    _ops/indexing _operators _autograd_methods _torch_methods _methods _tensor
""".split()

# small code where speed does not count: a third of the size
FLAGS = [] if sys.platform == "win32" else ["-O2", "-g0", "-Wno-array-bounds"]
LINK = [] if sys.platform in ("win32", "darwin") else ["-s"]


def extensions() -> list[Extension]:
    """Return what is to be compiled; nothing where that is not wanted or Cython is missing."""
    if os.environ.get("TENSORXP_PURE_PYTHON", "0") not in ("", "0"):
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        return []
    found = []
    for name in CORE:
        source = Path("src/tensorxp", name).with_suffix(".pyx")
        source = source if source.exists() else source.with_suffix(".py")
        module = "tensorxp." + name.replace("/", ".")
        found.append(
            Extension(module, [str(source)], extra_compile_args=FLAGS, extra_link_args=LINK)
        )
    compiled: list[Extension] = cythonize(
        found,
        build_dir="build/cython",
        nthreads=0 if sys.platform == "win32" else os.cpu_count() or 1,
        quiet=True,
        compiler_directives={
            "language_level": 3,
            "nonecheck": True,  # what is None is an AttributeError, as in Python
            "auto_pickle": False,
        },
    )
    return compiled


class BuildOrLeave(build_ext):
    """Compile everything, or leave the package pure: half a compiled core does not work."""

    def run(self) -> None:
        self.parallel = self.parallel or os.cpu_count()
        try:
            super().run()
        except Exception as error:
            print(f"tensorxp: installed as pure Python, the compiled core was not built: {error}")
            for extension in self.extensions:
                for folder in (Path(self.build_lib), Path("src")):
                    path = folder / self.get_ext_filename(extension.name)
                    path.unlink(missing_ok=True)
            self.extensions = []


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildOrLeave})
