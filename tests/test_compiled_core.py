"""The compiled core: the `.pxd` files say what the sources say, and both forms can be run."""

import ast
import os
import re
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import tensorxp as xp
from tensorxp._backend.sources import MODULES

SRC = Path(xp.__file__).parent
SETUP = SRC.parents[1] / "setup.py"
PURE = os.environ.get("TENSORXP_PURE_PYTHON", "0") not in ("", "0")


def slots(path):
    """Return the slots of each class of a source file that says them."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.Assign) and part.targets[0].id == "__slots__":
                    found[node.name] = set(ast.literal_eval(part.value))
    return found


def fields(path):
    """Return the fields of each extension type that a `.pxd` file declares."""
    found, name = {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"cdef class (\w+)", line):
            name = match[1]
            found[name] = set()
        elif match := re.match(r"    cdef (?:public )?(?:long long|\w+) ([\w, ]+)$", line):
            found[name].update(match[1].replace(" ", "").split(","))
    return found


@pytest.mark.skipif(not SETUP.exists(), reason="needs a source checkout")
@pytest.mark.parametrize("module", [m for m in MODULES if (SRC / f"{m}.pxd").exists()])
def test_declarations_hold_the_slots_of_the_source(module):
    source, declared = SRC / f"{module}.py", SRC / f"{module}.pxd"
    written = slots(source)
    for name, names in fields(declared).items():
        assert names == written.get(name, set()), name


@pytest.mark.skipif(not SETUP.exists(), reason="needs a source checkout")
def test_every_declaration_is_compiled():
    declared = {str(p.relative_to(SRC).with_suffix("")) for p in SRC.rglob("*.pxd")}
    assert {d for d in declared if not d.endswith("__init__")} <= set(MODULES)
    assert all((SRC / f"{name}.py").exists() for name in MODULES)


@pytest.mark.parametrize("module", ["_core/allocation", "_backend/arrays"])
def test_the_twins_have_the_same_names(module):
    source = (SRC / f"{module}.py").read_text(encoding="utf-8")
    names = {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    names |= set(re.findall(r"^(\w+)(?:: Any)? = ", source, re.MULTILINE))
    names |= set(re.findall(r"^from operator import .* as (\w+)$", source, re.MULTILINE))
    twin = (SRC / f"{module}.pyx").read_text(encoding="utf-8")
    found = set(re.findall(r"^(?:def|cpdef [\w ]+?) (\w+)\(", twin, re.MULTILINE))
    found |= set(re.findall(r"^([A-Z]+) = ", twin, re.MULTILINE))
    assert names - {"__all__"} == found


def test_pure_python_can_be_asked_for():
    code = (
        "import sys, tensorxp\n"
        "own = {n: m for n, m in sys.modules.items() if n.startswith('tensorxp.')}\n"
        "files = [m.__file__ for n, m in own.items() if not n.endswith('._loops')]\n"
        "assert all(f.endswith('.py') for f in files if f), files\n"
        "from tensorxp._core.allocation import COMPILED\n"
        "assert not COMPILED\n"
    )
    environment = {**os.environ, "TENSORXP_PURE_PYTHON": "1", "PYTHONPATH": str(SRC.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_tests_run_what_they_say():
    from tensorxp._core.allocation import COMPILED

    there = any(SRC.glob("_compiled.*.so")) or any(SRC.glob("_compiled.*.pyd"))
    assert COMPILED == (there and not PURE)
    for name in MODULES:
        file = Path(sys.modules["tensorxp." + name.replace("/", ".")].__file__)
        assert file.parent == SRC if COMPILED else file == SRC / f"{name}.py"


@pytest.mark.skipif(not SETUP.exists(), reason="needs a source checkout")
def test_a_compiled_file_older_than_a_source_is_told(tmp_path):
    package = tmp_path / "src" / "tensorxp"
    for name in MODULES:
        for end in (".py", ".pyx", ".pxd"):
            if (SRC / (name + end)).exists():
                (package / name).parent.mkdir(parents=True, exist_ok=True)
                (package / (name + end)).write_text("")
    code = (SRC / "_backend/sources.py").read_text(encoding="utf-8")
    (package / "_backend/sources.py").write_text(code)
    (package / "_backend/__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    compiled = package / ("_compiled" + EXTENSION_SUFFIXES[0])
    compiled.write_text("")
    (tmp_path / "setup.py").write_text("")

    def told():
        command = [sys.executable, "-W", "always", "-c", "import tensorxp._backend.sources"]
        environment = {k: v for k, v in os.environ.items() if k != "TENSORXP_PURE_PYTHON"}
        environment["PYTHONPATH"] = str(package.parent)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stderr

    os.utime(compiled, (2e9, 2e9))
    assert told() == ""
    for source in ("_core/door.py", "_backend/arrays.pyx", "_tensor/type.pxd"):
        os.utime(package / source, (3e9, 3e9))
    assert "older than 3 of its sources" in told() and "_core/door" in told()
    (tmp_path / "setup.py").unlink()  # installed: sources do not change
    assert told() == ""


#: In a process of its own, which a method that takes the fields of a float would end.
WRONG_SELF = """
import importlib, inspect, sys
import numpy as np
import tensorxp as xp
from tensorxp._backend.sources import MODULES
from tensorxp._core.tensor import TensorBase

other = TensorBase.__new__(TensorBase)
APART = {"__class__", "__new__", "__init_subclass__", "__subclasshook__"}
classes = {xp.Tensor}
for name in MODULES:
    found = vars(importlib.import_module("tensorxp." + name.replace("/", ".")))
    own = [c for c in found.values() if type(c) is type and c.__module__ in found["__name__"]]
    classes.update(own)
tried = 0
for cls in classes:
    if cls.__flags__ & 1 << 9:  # a class made by Python: its methods are functions
        continue
    selves = [1.5, None, "a", np.ones(2)] + [other] * (not issubclass(TensorBase, cls))
    for name, method in vars(cls).items():
        if name in APART or not hasattr(method, "__get__") or not hasattr(cls, name):
            continue
        for self in selves:
            print(cls.__name__, name, self, file=sys.stderr)
            try:
                if not callable(method):
                    method.__get__(self, type(self))
                else:
                    for more in range(4):
                        try:
                            getattr(cls, name)(self, *[self] * more)
                        except TypeError:
                            if more == 3:
                                raise
            except TypeError as error:
                assert "descriptor" in str(error) or "requires" in str(error), error
                tried += 1
            else:
                assert self is None and not callable(method), (cls, name, self)
print(tried)
"""


@pytest.mark.skipif(PURE, reason="in pure Python the attributes are missing")
def test_methods_refuse_a_self_of_another_class():
    done = subprocess.run([sys.executable, "-c", WRONG_SELF], capture_output=True, text=True)
    assert int(done.stdout or 0) > 1500, done.stderr[-500:]
