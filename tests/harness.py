"""The tables of the operation tests: a row per operation, and the checks run on it.

A test module lists its rows and has one test:

    ROWS = [Row("exp", xp.exp, (normal(3, 2),), np.exp, torch="exp", complex=True)]

    @table(ROWS)
    def test_row(row, check, kind, device):
        check(row, kind, device)

The checks are those of `tensorxp.autograd.testing`, and PyTorch's values and gradients.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd import testing
from tensorxp.autograd.testing import (
    check_float32,
    check_forward,
    check_gradients,
    check_second,
    check_value,
    floats,
    gradients,
    is_float,
    outputs_of,
    random_like,
    sample,
    tensors_of,
    to_numpy,
)

__all__ = [
    "Row", "check_float32", "check_forward", "check_gradients", "check_second", "check_torch",
    "check_value", "sample", "table",
]  # fmt: skip


@dataclass(frozen=True)
class Row(testing.Row):
    """One operation, and what it is in PyTorch."""

    #: A function of torch tensors, or its name in `torch` ("linalg.qr").
    torch: str | Callable[..., Any] | None = None
    torch_order2: bool = True


def table(rows: Sequence[Row]) -> pytest.MarkDecorator:
    """Return the parametrization over all rows, kinds and checks that hold for them."""
    return pytest.mark.parametrize(
        "row, check, kind",
        [
            pytest.param(row, check, kind, id=f"{row.name}-{kind}-{check.__name__[6:]}")
            for row in rows
            for kind in (("real", "complex") if row.complex else ("real",))
            for check in _checks(row)
        ],
    )


def _checks(row: Row) -> Iterator[Callable[[Row, str, str], None]]:
    yield check_value
    if row.float32:
        yield check_float32
    if row.gradients:
        yield check_gradients
        if row.forward:
            yield check_forward
        if row.order2:
            yield check_second
        if row.torch is not None:
            yield check_torch


def check_torch(row: Row, kind: str, device: str) -> None:
    """Values, gradients and second gradients are PyTorch's."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    function = attrgetter(row.torch)(torch) if isinstance(row.torch, str) else row.torch
    arrays = sample(row, kind)
    weights = random_like(floats(arrays), seed=3)
    ours = tensors_of(arrays, device, recorded=True)
    theirs = [torch.tensor(a, requires_grad=is_float(a)) for a in arrays]
    our_outs, their_outs = outputs_of(row.fn(*ours)), outputs_of(function(*theirs))
    cts = random_like(floats(our_outs))
    found = _two_grads(
        xp, our_outs, ours, tensors_of(cts, device), tensors_of(weights, device), row
    )
    cts, weights = [torch.tensor(a) for a in cts], [torch.tensor(a) for a in weights]
    expected = _two_grads(torch, their_outs, theirs, cts, weights, row)
    for a, b in zip([*our_outs, *found], [*their_outs, *expected], strict=True):
        a, b = (np.zeros(()) if x is None else to_numpy(x) for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def _two_grads(library: Any, outs: Any, xs: Any, cts: Any, weights: Any, row: Row) -> list[Any]:
    grad = library.autograd.grad
    first = gradients(outs, xs, cts, create_graph=row.torch_order2, grad=grad)
    if not row.torch_order2:
        return list(first)
    pairs = [(g, w) for g, w in zip(first, weights, strict=True) if g is not None]
    return [*first, *gradients([g for g, _ in pairs], xs, [w for _, w in pairs], grad=grad)]
