"""Every public name has a docstring in the style of the project, and its examples are true."""

import doctest
import inspect
import pkgutil
import warnings
from importlib import import_module

import pytest

import tensorxp as xp

MODULES = (
    "", "linalg", "fft", "autograd", "special", "random", "nn", "nn.functional", "nn.init",
    "nn.utils", "optim", "optim.lr_scheduler", "utils", "utils.data", "cuda", "profiler",
    "optimize", "integrate", "interpolate",
)  # fmt: skip


def optional(name):
    """Import a public module of tensorxp; skip where it needs a package that is not here."""
    try:
        return import_module(f"tensorxp.{name}".rstrip("."))
    except ModuleNotFoundError as error:
        if str(error.name).startswith("tensorxp"):
            raise
        pytest.skip(f"{error.name} is not installed")


def public(name):
    """Return the public functions and classes of a module, by full name."""
    module = optional(name)
    names = getattr(module, "__all__", None) or [
        n for n, v in vars(module).items()
        if not n.startswith("_") and getattr(v, "__module__", "") == module.__name__
    ]  # fmt: skip
    found = {}
    for each in dict.fromkeys([*names, *getattr(module, "_LAZY_FUNCTIONS", {})]):
        value = getattr(module, each)
        if inspect.isclass(value) or inspect.isroutine(value):
            found[f"{module.__name__}.{each}"] = value
    return found


def members(cls):
    """Return the public methods and properties that a class of ours defines, by name."""
    found = {}
    for base in cls.__mro__:
        if base.__module__.startswith("tensorxp"):
            for name, value in vars(base).items():
                if name.startswith("_") or name in found:
                    continue
                if isinstance(value, (staticmethod, classmethod)):
                    value = value.__func__
                if inspect.isfunction(value) or isinstance(value, property):
                    found[name] = value
    return found


def documented(cls, name, value):
    """Return whether a member has a docstring, its own or that of what it overrides."""
    if inspect.getdoc(value):
        return True
    if name == "forward":  # what a layer computes stands in the docstring of its class
        return bool(inspect.getdoc(cls))
    return any(inspect.getdoc(vars(base)[name]) for base in cls.__mro__ if name in vars(base))


@pytest.mark.parametrize("name", MODULES)
def test_public_names_have_docstrings(name):
    missing = []
    for full, value in public(name).items():
        if not inspect.getdoc(value) or (inspect.isclass(value) and not vars(value).get("__doc__")):
            missing.append(full)
        if inspect.isclass(value):
            missing += [
                f"{full}.{key}"
                for key, member in members(value).items()
                if not documented(value, key, member)
            ]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("name", MODULES)
def test_first_lines_are_sentences(name):
    wrong = []
    for full, value in public(name).items():
        first = (inspect.getdoc(value) or "").partition("\n")[0]
        if isinstance(value, type) and issubclass(value, tuple):
            continue
        if not first.endswith((".", ":", ";", ",")) and len(first) < 60:
            wrong.append(f"{full}: {first!r}")
        if len(first) > 100:
            wrong.append(f"{full}: {len(first)} characters")
    assert not wrong, "\n".join(wrong)


def test_public_names_are_there():
    for name in MODULES:
        module = optional(name)
        for each in getattr(module, "__all__", ()):
            assert hasattr(module, each), f"{module.__name__}.{each}"


def modules():
    """Return the names of all modules of the package whose text holds an example."""
    found = []
    for info in pkgutil.walk_packages(xp.__path__, "tensorxp."):
        if info.name.endswith("__main__"):
            continue
        origin = info.module_finder.find_spec(info.name).origin
        with open(origin, encoding="utf-8") as file:
            if ">>> " in file.read():
                found.append(info.name)
    return ["tensorxp", *found]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = optional(name.removeprefix("tensorxp").removeprefix("."))
    state = xp.random.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = doctest.testmod(
            module, extraglobs={"xp": xp}, optionflags=doctest.NORMALIZE_WHITESPACE
        )
    xp.random.set_rng_state(state)
    assert result.failed == 0
