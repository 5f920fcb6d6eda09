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

HOT = """
    _core/tensor _core/allocation _core/arrays _core/node _core/views _core/rules _core/record
    _core/door autograd/engine _ops/indexing _operators
""".split()
COLD = """
    _backend/device _core/primitive _core/operands
    _autograd_methods _torch_methods _methods _tensor
""".split()

OF_NUMPY = ("_core/arrays",)  # built against its C interface

# the size of the modules counts
FLAGS = [] if sys.platform == "win32" else ["-g0", "-w", "-ffunction-sections"]
LINK = []
PURE = "tensorxp: installed as pure Python, for the compiled core could not be built"
if sys.platform.startswith("linux"):
    FLAGS += ["-fno-asynchronous-unwind-tables"]
    LINK += ["-s", "-Wl,--gc-sections"]


def wanted() -> bool:
    """Return whether anything is to be compiled."""
    return os.environ.get("TENSORXP_PURE_PYTHON", "0") in ("", "0")


def loops() -> list[Extension]:
    """Return the loops over large arrays: plain C, without which NumPy does the work."""
    flags = ["/O2"]
    if sys.platform != "win32":
        flags = ["-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic", "-fopenmp-simd", "-g0"]
        flags += ["-fno-math-errno", "-fno-trapping-math"]
    return [
        Extension(
            "tensorxp._backend._loops",
            ["src/tensorxp/_backend/_loops.c"],
            depends=["src/tensorxp/_backend/_loops.h"],
            extra_compile_args=flags,
            extra_link_args=LINK if sys.platform == "win32" else [*LINK, "-lm", "-lpthread"],
            optional=True,
        )
    ]


def leave(error: Exception | str) -> None:
    """Tell that the package stays pure, and remove what an earlier build left, which hides it."""
    print(f"{PURE}: {error}", file=sys.stderr)
    for folder in (Path("src"), *Path("build").glob("lib*")):
        for name in HOT + COLD:
            for kind in ("so", "pyd"):
                for path in (folder / "tensorxp").glob(f"{name}.*.{kind}"):
                    path.unlink()


def core() -> list[Extension]:
    """Return the modules of the core; nothing where Cython is missing."""
    try:
        import numpy
        from Cython.Build import cythonize
    except ImportError as error:
        leave(error)
        return []
    compiled: list[Extension] = []
    try:
        for names in (HOT, COLD):
            compiled += cythonize(
                [extension(name, numpy.get_include()) for name in names],
                build_dir="build/cython",
                nthreads=0 if sys.platform == "win32" else os.cpu_count() or 1,
                quiet=True,
                compiler_directives={
                    "language_level": 3,
                    "nonecheck": True,  # what is None is an AttributeError, as in Python
                    "auto_pickle": False,
                    # those of the others are for readers: a bool may be an int there, as in Python
                    "annotation_typing": names is HOT,
                },
            )
    except Exception as error:
        leave(error)
        return []
    return compiled


def extension(name: str, numpy_headers: str) -> Extension:
    """Return the extension module of a source file of the core."""
    source = Path("src/tensorxp", name).with_suffix(".pyx")
    source = source if source.exists() else source.with_suffix(".py")
    flags = [*FLAGS, "-O2" if name in HOT else "-Os"] if FLAGS else []
    module = "tensorxp." + name.replace("/", ".")
    found = Extension(module, [str(source)], extra_compile_args=flags, extra_link_args=LINK)
    if name in OF_NUMPY:
        found.include_dirs = [numpy_headers, str(source.parent)]
        found.depends = [str(source.with_name(f"_{source.stem}.h"))]
        found.define_macros = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
    return found


class BuildOrLeave(build_ext):
    """Compile everything, or leave the package pure: half a compiled core does not work."""

    def run(self) -> None:
        self.parallel = self.parallel or os.cpu_count()
        try:
            super().run()
        except Exception as error:
            leave(error)
            for extension in self.extensions:
                (Path(self.build_lib) / self.get_ext_filename(extension.name)).unlink(True)
            self.extensions = []


if not wanted():
    leave("TENSORXP_PURE_PYTHON is set")

setup(ext_modules=[*core(), *loops()] if wanted() else [], cmdclass={"build_ext": BuildOrLeave})
