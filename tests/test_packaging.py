"""Wheel and sdist: they build, hold what they should, and work in an empty environment."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import tensorxp as xp

ROOT = Path(xp.__file__).parents[2]
SEED = (
    "import tensorxp as xp, sys\n"
    "x = xp.tensor(2.0, requires_grad=True)\n"
    "y = x**2 + 3 * x\n"
    "y.backward()\n"
    "assert repr(x.grad) == 'tensor(7.)', x.grad\n"
    "print(xp.__version__, xp.__file__)\n"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="needs a source checkout"),
]


def run(*command, cwd, **more):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= more
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the sdist, and the wheel from it."""
    try:
        version("build")  # by its metadata: `import build` would find the folder of builds
    except PackageNotFoundError:
        pytest.skip("the package build is not installed (pip install -e '.[dev]')")
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(out), str(ROOT), cwd=out)
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as file:
        names = file.namelist()
        sizes = {info.filename: info.file_size for info in file.infolist()}
    tops = {name.split("/")[0] for name in names}
    assert tops == {"tensorxp", f"tensorxp-{xp.__version__}.dist-info"}
    native = {f"tensorxp/_compile/native/{name}" for name in ("machine.c", "kernels.h")}
    native.add("tensorxp/_backend/_panels.h")
    kinds = (".py", "py.typed", ".so", ".pyd")
    odd = {n for n in names if n.startswith("tensorxp/") and not n.endswith(kinds)}
    assert odd == native  # what `compile` needs at run time
    assert not [n for n in names if re.search(r"(^|/)(tests?|conftest|__pycache__)(/|\.|$)", n)]
    assert "tensorxp/py.typed" in names
    compiled = sum(size for name, size in sizes.items() if name.endswith((".so", ".pyd")))
    assert compiled < 1_900_000 and sum(sizes.values()) - compiled < 3_000_000
    here = {str(p.relative_to(ROOT / "src")) for p in (ROOT / "src/tensorxp").rglob("*.py")}
    assert {n for n in names if n.endswith(".py")} == here


def test_the_sdist_holds_sources_tests_and_docs_but_nothing_made(built):
    with tarfile.open(built[1]) as file:
        names = [name.partition("/")[2] for name in file.getnames()]
    for name in ("pyproject.toml", "README.md", "LICENSE", "CITATION.cff", "tests/conftest.py",
                 "docs/conf.py", "conformance/run.py", "src/tensorxp/__init__.py"):  # fmt: skip
        assert name in names, name
    built = ("docs/_build", "docs/api/")
    assert not [n for n in names if "__pycache__" in n or n.startswith(built)]


def test_versions_have_one_source(built):
    assert f"-{xp.__version__}-" in built[0].name and f"-{xp.__version__}.tar" in built[1].name
    literal = re.compile(rf"""["']{re.escape(xp.__version__)}["']""")
    holders = [p.name for p in (ROOT / "src").rglob("*.py") if literal.search(p.read_text("utf-8"))]
    assert holders == ["_version.py"]
    assert "version:" not in re.sub("cff-version:", "", (ROOT / "CITATION.cff").read_text("utf-8"))


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_wheel_is_compiled(built):
    with zipfile.ZipFile(built[0]) as file:
        compiled = {n.split(".")[0] for n in file.namelist() if n.endswith((".so", ".pyd"))}
    assert compiled == {"tensorxp/_compiled", "tensorxp/_backend/_loops"}


def test_without_a_compiler_the_wheel_is_pure_and_says_so(built, tmp_path):
    wheel = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    run(*wheel, cwd=tmp_path, CC=str(tmp_path / "no compiler"))
    (made,) = tmp_path.glob("*.whl")
    assert made.name == f"tensorxp-{xp.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(made) as file:
        assert not [n for n in file.namelist() if n.endswith((".so", ".pyd"))]
        (told,) = [n for n in file.namelist() if n.endswith(".dist-info/WHEEL")]
        text = file.read(told).decode()
    assert "Root-Is-Purelib: true" in text and "Tag: py3-none-any" in text
    assert "-none-any" not in built[0].name or shutil.which("cc") is None


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_installs_into_an_empty_environment(built, kind, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(python, "-m", "pip", "install", "-q", str(built[kind == "sdist"]), cwd=tmp_path)
    told = run(python, "-W", "error", "-c", SEED, cwd=tmp_path)
    assert told.split()[0] == xp.__version__ and "site-packages" in told
    packages = run(python, "-m", "pip", "list", "--format=freeze", cwd=tmp_path).split()
    names = {p.partition("==")[0] for p in packages} - {"pip", "setuptools", "wheel"}
    assert names == {"tensorxp", "numpy"}
    assert "tensorxp" in run(python, "-m", "tensorxp", "info", cwd=tmp_path)
