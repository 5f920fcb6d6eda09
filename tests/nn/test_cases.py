"""Every function and module of `nn` has a case, whose derivatives hold; no PyTorch."""

from typing import Any

import pytest

import tensorxp as xp
from tests.harness import Row, check_forward, check_gradients, check_second, check_torch
from tests.nn.cases import CASES, CONTAINERS, FUNCTIONS, MODULES, Case

DIFFERENTIABLE = [case for case in CASES if case.differentiable]


def row_of(case: Case, torch: Any = None) -> Row:
    """Return a row of the operations' table for what a case does with its floating arrays."""
    samplers = tuple([lambda rng, a=a: a for a in case.free])
    function = _flat(case.call(xp))
    return Row(case.id, function, samplers, torch=torch and _flat(case.call(torch)),
               torch_order2=False)  # fmt: skip


def outputs(out: Any) -> list[Any]:
    """Return the tensors of nested tuples, without those that are None."""
    if isinstance(out, tuple | list):
        return [x for item in out for x in outputs(item)]
    return [] if out is None else [out]


def _flat(function: Any) -> Any:
    return lambda *xs: tuple(outputs(function(*xs)))


def test_every_function_has_a_case() -> None:
    assert sorted(xp.nn.functional.__all__) == sorted({case.name for case in FUNCTIONS})


def test_every_module_has_a_case() -> None:
    nn = xp.nn
    modules = {
        name for name in nn.__all__
        if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
    }  # fmt: skip
    assert modules == {case.name for case in MODULES} | set(CONTAINERS)
    assert len({case.id for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.id)
def test_derivatives(case: Case) -> None:
    row = row_of(case)
    check_gradients(row, "real", "cpu")
    check_forward(row, "real", "cpu")
    if case.order2:
        check_second(row, "real", "cpu")


@pytest.mark.parametrize("case", [c for c in DIFFERENTIABLE if c.torch], ids=lambda case: case.id)
def test_as_pytorch(case: Case) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    check_torch(row_of(case, torch), "real", "cpu")
