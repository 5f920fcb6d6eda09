"""The engine of the operation tests: a table row per operation, and the checks run on it.

A test module lists its rows and has one test:

    ROWS = [Row("exp", xp.exp, (normal(3, 2),), np.exp, torch="exp", complex=True)]

    @table(ROWS)
    def test_row(row, check, kind, device):
        check(row, kind, device)

Derivatives are checked in random directions: with a direction v, a cotangent ct and the
derivative J, Re<ct, J v> must be what central differences in float64 give. For complex
numbers <a, b> = sum(conj(a) b), which is PyTorch's convention for gradients.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import tensorxp as xp
from tests.differences import (
    assert_close,
    by_floats,
    differences,
    floats,
    gradients,
    inner,
    is_float,
    outputs_of,
    random_like,
    recorded_of,
    tensors_of,
    to_numpy,
)
from tests.samplers import Sampler


@dataclass(frozen=True)
class Row:
    """One operation: how to call it, what it means in NumPy and PyTorch, what holds for it."""

    name: str
    #: Takes Tensors, gives a Tensor or a tuple of them.
    fn: Callable[..., Any]
    #: One for each input, away from kinks. Integer and boolean inputs are not differentiated.
    inputs: tuple[Sampler, ...]
    #: The same function of NumPy arrays; None where there is none.
    reference: Callable[..., Any] | None = None
    #: A function of torch tensors, or its name in `torch` ("linalg.qr").
    torch: str | Callable[..., Any] | None = None
    #: Also test complex inputs: from these samplers, or (True) with parts from `inputs`.
    complex: bool | tuple[Sampler, ...] = False
    gradients: bool = True
    order2: bool = True
    forward: bool = True
    float32: bool = True
    torch_order2: bool = True
    #: Of values; derivatives are compared to differences to 1e-6.
    rtol: float = 1e-12


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


def sample(row: Row, kind: str = "real") -> list[Any]:
    """Return the row's inputs as NumPy arrays, the same at each call."""
    rng = np.random.default_rng(crc32(row.name.encode()))
    if kind == "real":
        return [np.asarray(sampler(rng)) for sampler in row.inputs]
    if isinstance(row.complex, tuple):
        return [np.asarray(sampler(rng)) for sampler in row.complex]
    arrays = [np.asarray(sampler(rng)) for sampler in row.inputs]
    pairs = zip(arrays, row.inputs, strict=True)
    return [np.asarray(a + 1j * s(rng)) if is_float(a) else a for a, s in pairs]


def check_value(row: Row, kind: str, device: str) -> None:
    """Values, dtypes, shapes and the device are those of the NumPy function."""
    arrays = sample(row, kind)
    outs = outputs_of(row.fn(*tensors_of(arrays, device)))
    assert all(str(out.device) == device for out in outs)
    if row.reference is not None:
        expected = outputs_of(row.reference(*arrays))
        assert len(outs) == len(expected)
        for out, value in zip(outs, map(np.asarray, expected), strict=True):
            assert out.dtype == value.dtype
            assert out.shape == value.shape
            np.testing.assert_allclose(to_numpy(out), value, rtol=row.rtol, atol=row.rtol)


def check_float32(row: Row, kind: str, device: str) -> None:
    """Single precision stays: results have the dtypes of NumPy's, gradients their inputs'."""
    arrays = [
        a.astype(np.complex64 if a.dtype.kind == "c" else np.float32) if a.dtype.kind in "fc" else a
        for a in sample(row, kind)
    ]
    tensors = tensors_of(arrays, device, recorded=row.gradients)
    outs = outputs_of(row.fn(*tensors))
    if row.reference is not None:
        expected = [np.asarray(value).dtype for value in outputs_of(row.reference(*arrays))]
        assert [out.dtype for out in outs] == expected
    cts = tensors_of(random_like(floats(outs)), device)
    for x, g in zip(recorded_of(tensors), gradients(outs, tensors, cts), strict=True):
        assert g is None or (g.dtype == x.dtype and g.shape == x.shape)


def check_gradients(row: Row, kind: str, device: str) -> None:
    """The vjp agrees with central differences in a random direction."""
    arrays = sample(row, kind)
    tensors = tensors_of(arrays, device, recorded=True)
    outs = outputs_of(row.fn(*tensors))
    cts = random_like(floats(outs))
    directions = random_like(floats(arrays), seed=2)
    slopes = differences(row.fn, arrays, directions, device)
    grads = gradients(outs, tensors, tensors_of(cts, device))
    assert_close(inner(grads, directions), inner(cts, slopes))


def check_forward(row: Row, kind: str, device: str) -> None:
    """The jvp agrees with central differences."""
    arrays = sample(row, kind)
    directions = random_like(floats(arrays), seed=2)
    fixed = tensors_of(arrays, device)
    of_floats = by_floats(lambda *xs: tuple(floats(outputs_of(row.fn(*xs)))), fixed)
    outs, slopes = xp.autograd.jvp(
        of_floats, tuple(floats(fixed)), tuple(tensors_of(directions, device))
    )
    expected = differences(row.fn, arrays, directions, device)
    for out, slope, value in zip(outs, slopes, expected, strict=True):
        assert slope.shape == out.shape
        assert slope.dtype == out.dtype
        np.testing.assert_allclose(to_numpy(slope), value, rtol=1e-6, atol=1e-6)


def check_second(row: Row, kind: str, device: str) -> None:
    """The derivative of the vjp, by inputs and cotangents, agrees with central differences."""
    arrays = sample(row, kind)
    cts = random_like(floats(outputs_of(row.fn(*tensors_of(arrays, device)))))
    weights = random_like(floats(arrays), seed=3)

    def projected_vjp(*xs: Any) -> Any:
        inputs = xs[: len(arrays)]
        grads = gradients(outputs_of(row.fn(*inputs)), inputs, xs[len(arrays) :], create_graph=True)
        out = xp.zeros((), device=device)
        for g, w in zip(grads, tensors_of(weights, device), strict=True):
            if g is not None:
                out = out + xp.sum(xp.real(xp.conj(w) * g))
        return out

    everything = [*arrays, *cts]
    tensors = tensors_of(everything, device, recorded=True)
    directions = random_like(floats(everything), seed=5)
    out = projected_vjp(*tensors)
    (slope,) = differences(projected_vjp, everything, directions, device)
    grads = gradients([out], tensors, [xp.ones((), device=device)])
    assert_close(inner(grads, directions), float(slope))
    if row.forward:  # forward over reverse
        free = tuple(floats(tensors))
        tangents = tuple(tensors_of(directions, device))
        of_floats = by_floats(projected_vjp, tensors)
        assert_close(float(xp.autograd.jvp(of_floats, free, tangents)[1]), float(slope))


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
