"""Pytest plugin: run a library's own array API tests on a namespace that it does not know.

SciPy, scikit-learn and array-api-extra each keep a list of the array libraries they test with.
This plugin puts the namespace in the place of that list, and leaves out every test that does not
take a namespace. What the library itself marks as for NumPy only stays skipped.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--downstream", choices=sorted(LIBRARIES), help="library whose tests run")
    parser.addoption("--downstream-namespace", metavar="MODULE", default="tensorxp")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options = early_config.known_args_namespace
    if options.downstream:
        plugin = LIBRARIES[options.downstream](options.downstream_namespace)
        early_config.pluginmanager.register(plugin, "conformance-downstream-library")


class Library:
    """What the three have in common: the namespace, and the choice of the tests."""

    def __init__(self, name: str) -> None:
        self.name = name

    def takes(self, item: pytest.Function) -> bool:
        """Whether this test runs on the namespace."""
        raise NotImplementedError

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        kept, dropped = [], []
        for item in items:
            chosen = isinstance(item, pytest.Function) and self.takes(item)
            (kept if chosen else dropped).append(item)
        items[:] = kept
        config.hook.pytest_deselected(items=dropped)


class Fixture(Library):
    """A library whose tests take the namespace from one fixture with parameters."""

    fixture: str

    def parameter(self) -> Any:
        """What the fixture gets as its parameter for the namespace."""
        raise NotImplementedError

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if self.fixture in metafunc.fixturenames:
            parameter = pytest.param(self.parameter(), id=self.name)
            mark = pytest.mark.parametrize(self.fixture, [parameter], indirect=True)
            metafunc.definition.add_marker(mark)

    def takes(self, item: pytest.Function) -> bool:
        return self.fixture in item.fixturenames


class SciPy(Fixture):
    """SciPy: the fixture `xp` of its conftest, whose parameter is the module.

    A few tests are for lazy libraries only. SciPy has no mark for that, and skips them by name for
    every eager library that it knows; so they are skipped here for an eager namespace.
    """

    fixture = "xp"
    eager = frozenset(("numpy", "array_api_strict", "torch", "cupy"))

    def parameter(self) -> Any:
        # The marks for NumPy only are looked up in this set, by name.
        sys.modules["scipy.conftest"].xp_known_backends.add(self.name)
        return importlib.import_module(self.name)

    def takes(self, item: pytest.Function) -> bool:
        if not super().takes(item):
            return False
        marks = item.iter_markers("skip_xp_backends")
        if self.eager <= {mark.args[0] for mark in marks if mark.args} and not self.lazy:
            item.add_marker(pytest.mark.skip(reason="for lazy libraries only"))
        return True

    @functools.cached_property
    def lazy(self) -> bool:
        """Whether SciPy's own look at an array of the namespace finds it lazy."""
        from scipy._lib._array_api import is_lazy_array

        return bool(is_lazy_array(importlib.import_module(self.name).zeros(1)))


class ArrayApiExtra(Fixture):
    """array-api-extra: the fixture `library` of its conftest, whose parameter is a Backend.

    A test that a function is handed to the namespace's own is skipped for the namespaces that get
    the function written in terms of the standard, which an unknown one always does.
    """

    fixture = "library"

    def parameter(self) -> Any:
        from array_api_extra._lib._backends import Backend

        try:
            return Backend(self.name)
        except ValueError:
            return UnknownBackend(self.name)

    def takes(self, item: pytest.Function) -> bool:
        if not super().takes(item):
            return False
        reasons = {mark.kwargs.get("reason") for mark in item.iter_markers("skip_xp_backend")}
        if "array-agnostic fallback" in reasons and isinstance(self.parameter(), UnknownBackend):
            item.add_marker(pytest.mark.skip(reason="array-agnostic fallback"))
        return True


class UnknownBackend:
    """Stands for a member of array-api-extra's enumeration of array libraries."""

    def __init__(self, name: str) -> None:
        self.value = self.modname = name
        self.name = name.upper()

    def like(self, *others: Any) -> bool:
        return any(self.modname == other.modname for other in others)


class ScikitLearn(Library):
    """scikit-learn: functions that yield names of namespaces, used in `parametrize`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        from sklearn.utils import _array_api as source

        self.pair = source.NamespaceAndDevice
        self.known = [case for case in source.yield_namespace_device_dtype_combinations()]
        # Test modules import these names later, and so get the functions below.
        source.yield_namespaces = self.namespaces
        source.yield_namespace_device_dtype_combinations = self.combinations
        source.yield_mixed_namespace_input_permutations = self.mixtures

    def namespaces(self, include_numpy_namespaces: bool = True) -> Iterator[str]:
        yield self.name

    def combinations(
        self, include_numpy_namespaces: bool = True
    ) -> Iterator[tuple[str, str | None, str | None]]:
        unknown = [(self.name, None, "float64"), (self.name, None, "float32")]
        yield from [case for case in self.known if case[0] == self.name] or unknown

    def mixtures(self) -> Iterator[tuple[Any, Any, str]]:
        """Pairs of (namespace, device) for tests with inputs of two kinds."""
        devices = {name: device for name, device, _ in reversed(self.known) if name == self.name}
        ours = self.pair(self.name, devices.get(self.name))
        # As in scikit-learn's own list, the strict namespace is on its second device, and nothing
        # is moved to it: its refusal of mixed dtypes fails that for every library.
        for other in (
            self.pair("numpy", None),
            self.pair("torch", "cpu"),
            self.pair("array_api_strict", "device1"),
        ):
            if other.xp != self.name:
                yield other, ours, f"{other.xp} to {self.name}"
                if other.xp != "array_api_strict":
                    yield ours, other, f"{self.name} to {other.xp}"

    def takes(self, item: pytest.Function) -> bool:
        params = item.callspec.params.values() if hasattr(item, "callspec") else ()
        return any(self._mentions(value) for value in params)

    def _mentions(self, value: Any) -> bool:
        if isinstance(value, functools.partial):
            return any(self._mentions(part) for part in [*value.args, *value.keywords.values()])
        if isinstance(value, self.pair):
            return bool(value.xp == self.name)
        return isinstance(value, str) and value == self.name


LIBRARIES: dict[str, type[Library]] = {
    "scipy": SciPy,
    "sklearn": ScikitLearn,
    "extra": ArrayApiExtra,
}
