"""Builds the compiled parts where a C compiler is there; pyproject.toml says everything else.

The compiled core is the same Python source: each `.py` listed here has a `.pxd` beside it that
gives its classes C fields and its functions C signatures. They share one file, and in it what
Cython adds to each module. Without a compiler or with TENSORXP_PURE_PYTHON=1, the package is
installed as pure Python; all or nothing is compiled.
"""

import os
import runpy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

MODULES = runpy.run_path("src/tensorxp/_backend/sources.py")["MODULES"]
#: Those compiled for size; annotations in them are for readers: a bool may be an int there.
COLD = """
    _ops/arithmetic _ops/exponential _ops/trigonometric _backend/device
    _core/primitive _core/operands
    _tensor/gradients _tensor/torch_methods _tensor/methods _tensor/type
""".split()
#: Others whose size counts for more than the last per cent of speed.
SMALL = [*COLD, "_compiled", "_ops/indexing", "_tensor/operators"]
NAME = "tensorxp._compiled"
try:  # what Cython makes depends on the NumPy that it sees, which may be another for each Python
    C = Path("build", "cython", "numpy-" + version("numpy"))
except PackageNotFoundError:
    C = Path("build", "cython")

# the size of the file counts
FLAGS = ["-g0", "-w", "-ffunction-sections", "-fvisibility=hidden"]
FLAGS, LINK = [] if sys.platform == "win32" else FLAGS, []
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
            depends=[str(path) for path in Path("src/tensorxp/_backend").glob("*.h")],
            extra_compile_args=flags,
            extra_link_args=LINK if sys.platform == "win32" else [*LINK, "-lm", "-lpthread"],
            optional=True,
        )
    ]


def leave(error: Exception | str) -> None:
    """Tell that the package stays pure, and remove what an earlier build left, which hides it."""
    print(f"{PURE}: {error}", file=sys.stderr)
    for folder in (Path("src"), *Path("build").glob("lib*")):
        for kind in ("so", "pyd"):
            for path in (folder / "tensorxp").glob(f"_compiled.*.{kind}"):
                path.unlink()


def core() -> list[Extension]:
    """Return the core, one extension for all its modules; nothing where Cython is missing."""
    try:
        import numpy
        from Cython.Build import cythonize
    except ImportError as error:
        leave(error)
        return []
    sources = []
    try:
        for names in ([name for name in MODULES if name not in COLD], COLD):
            found = cythonize(
                [extension(name) for name in names],
                build_dir=str(C),
                nthreads=0 if sys.platform == "win32" else os.cpu_count() or 1,
                quiet=True,
                compiler_directives={
                    "language_level": 3,
                    "nonecheck": True,  # what is None is an AttributeError, as in Python
                    "auto_pickle": False,
                    "annotation_typing": names is not COLD,
                    "optimize.unpack_method_calls": False,  # larger, and not faster
                },
                shared_utility_qualified_name=NAME,
            )
            sources += [source for each in found for source in each.sources]
        shared = C / "_compiled.c"
        command = [sys.executable, "-m", "cython", "generate-shared", "--exclude", "MemoryView"]
        subprocess.run([*command, "--module-name", NAME, str(shared)], check=True)
    except Exception as error:
        leave(error)
        return []
    return [
        Extension(
            NAME,
            [str(shared), *sources],
            include_dirs=[numpy.get_include(), "src/tensorxp/_backend"],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
            depends=["setup.py", "src/tensorxp/_backend/_arrays.h"],
            export_symbols=["PyInit_" + name.rpartition("/")[2] for name in MODULES],
            extra_compile_args=FLAGS,
            extra_link_args=LINK,
        )
    ]


def extension(name: str) -> Extension:
    """Return what Cython is to translate for a module."""
    source = Path("src/tensorxp", name).with_suffix(".pyx")
    source = source if source.exists() else source.with_suffix(".py")
    return Extension("tensorxp." + name.replace("/", "."), [str(source)])


def level(source: str) -> list[str]:
    """Return the flag of optimisation for a source of the core."""
    if sys.platform == "win32" or not source.startswith(str(C)):
        return []
    module = Path(source).relative_to(C).with_suffix("").as_posix()
    return ["-Os" if module.removeprefix("src/tensorxp/") in SMALL else "-O2"]


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
            self.extensions = self.distribution.ext_modules = []

    def build_extensions(self) -> None:
        """Compile each source with its own flags, several at a time, and not again unchanged."""
        compile_all, names = self.compiler.compile, self.compiler.object_filenames

        def compile(sources: list[str], **options: Any) -> list[str]:
            def one(source: str) -> str:
                (made,) = names([source], output_dir=options["output_dir"])
                if self.force or newer_group([source, *options["depends"]], made):
                    flags = [*options["extra_postargs"], *level(source)]
                    compile_all([source], **{**options, "extra_postargs": flags})
                return made

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return list(pool.map(one, sources))

        self.compiler.compile = compile
        super().build_extensions()


class HonestWheel(bdist_wheel):
    """Name a wheel by what is in it: where nothing could be compiled, it is one for any machine."""

    def run(self) -> None:
        self.run_command("build_ext")
        self.root_is_pure = not self.distribution.ext_modules
        super().run()


if not wanted():
    leave("TENSORXP_PURE_PYTHON is set")

setup(
    ext_modules=[*core(), *loops()] if wanted() else [],
    cmdclass={"build_ext": BuildOrLeave, "bdist_wheel": HonestWheel},
)
