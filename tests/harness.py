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
from tests.samplers import Sampler

STEP = 1e-6


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
    return [a + 1j * s(rng) if _is_float(a) else a for a, s in zip(arrays, row.inputs, strict=True)]


def check_value(row: Row, kind: str, device: str) -> None:
    """Values, dtypes, shapes and the device are those of the NumPy function."""
    arrays = sample(row, kind)
    outs = _outputs(row.fn(*_tensors(arrays, device)))
    assert all(str(out.device) == device for out in outs)
    if row.reference is not None:
        expected = _outputs(row.reference(*arrays))
        assert len(outs) == len(expected)
        for out, value in zip(outs, map(np.asarray, expected), strict=True):
            assert out.dtype == value.dtype
            assert out.shape == value.shape
            np.testing.assert_allclose(_numpy(out), value, rtol=row.rtol, atol=row.rtol)


def check_float32(row: Row, kind: str, device: str) -> None:
    """Single precision stays: results have the dtypes of NumPy's, gradients their inputs'."""
    arrays = [
        a.astype(np.complex64 if a.dtype.kind == "c" else np.float32) if a.dtype.kind in "fc" else a
        for a in sample(row, kind)
    ]
    tensors = _tensors(arrays, device, recorded=row.gradients)
    outs = _outputs(row.fn(*tensors))
    if row.reference is not None:
        expected = [np.asarray(value).dtype for value in _outputs(row.reference(*arrays))]
        assert [out.dtype for out in outs] == expected
    cts = _tensors(_random_like(_floats(outs)), device)
    for x, g in zip(_recorded(tensors), _grads(outs, tensors, cts), strict=True):
        assert g is None or (g.dtype == x.dtype and g.shape == x.shape)


def check_gradients(row: Row, kind: str, device: str) -> None:
    """The vjp agrees with central differences in a random direction."""
    arrays = sample(row, kind)
    tensors = _tensors(arrays, device, recorded=True)
    outs = _outputs(row.fn(*tensors))
    cts = _random_like(_floats(outs))
    directions = _random_like(_floats(arrays))
    slopes = _differences(row.fn, arrays, directions, device)
    grads = _grads(outs, tensors, _tensors(cts, device))
    _close(_inner(grads, directions), _inner(cts, slopes))


def check_forward(row: Row, kind: str, device: str) -> None:
    """The jvp agrees with central differences."""
    arrays = sample(row, kind)
    directions = _random_like(_floats(arrays))
    fixed = _tensors(arrays, device)

    def of_floats(*primals: Any) -> Any:
        given = iter(primals)
        return tuple(
            _floats(_outputs(row.fn(*[next(given) if _is_float(x) else x for x in fixed])))
        )

    outs, slopes = xp.autograd.jvp(
        of_floats, tuple(_floats(fixed)), tuple(_tensors(directions, device))
    )
    expected = _differences(row.fn, arrays, directions, device)
    for out, slope, value in zip(outs, slopes, expected, strict=True):
        assert slope.shape == out.shape
        assert slope.dtype == out.dtype
        np.testing.assert_allclose(_numpy(slope), value, rtol=1e-6, atol=1e-6)


def check_second(row: Row, kind: str, device: str) -> None:
    """The derivative of the vjp, by inputs and cotangents, agrees with central differences."""
    arrays = sample(row, kind)
    cts = _random_like(_floats(_outputs(row.fn(*_tensors(arrays, device)))))
    weights = _random_like(_floats(arrays), seed=3)

    def projected_vjp(*xs: Any) -> Any:
        inputs = xs[: len(arrays)]
        grads = _grads(_outputs(row.fn(*inputs)), inputs, xs[len(arrays) :], create_graph=True)
        out = xp.zeros((), device=device)
        for g, w in zip(grads, _tensors(weights, device), strict=True):
            if g is not None:
                out = out + xp.sum(xp.real(xp.conj(w) * g))
        return out

    everything = [*arrays, *cts]
    tensors = _tensors(everything, device, recorded=True)
    directions = _random_like(_floats(everything), seed=5)
    out = projected_vjp(*tensors)
    (slope,) = _differences(projected_vjp, everything, directions, device)
    grads = _grads([out], tensors, [xp.ones((), device=device)])
    _close(_inner(grads, directions), float(slope))
    if row.forward:  # forward over reverse
        free = tuple(_floats(tensors))
        tangents = tuple(_tensors(directions, device))

        def of_floats(*primals: Any) -> Any:
            given = iter(primals)
            return projected_vjp(*[next(given) if _is_float(x) else x for x in tensors])

        _close(float(xp.autograd.jvp(of_floats, free, tangents)[1]), float(slope))


def check_torch(row: Row, kind: str, device: str) -> None:
    """Values, gradients and second gradients are PyTorch's."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    function = attrgetter(row.torch)(torch) if isinstance(row.torch, str) else row.torch
    arrays = sample(row, kind)
    weights = _random_like(_floats(arrays), seed=3)
    ours = _tensors(arrays, device, recorded=True)
    theirs = [torch.tensor(a, requires_grad=_is_float(a)) for a in arrays]
    our_outs, their_outs = _outputs(row.fn(*ours)), _outputs(function(*theirs))
    cts = _random_like(_floats(our_outs))
    found = _two_grads(xp, our_outs, ours, _tensors(cts, device), _tensors(weights, device), row)
    cts, weights = [torch.tensor(a) for a in cts], [torch.tensor(a) for a in weights]
    expected = _two_grads(torch, their_outs, theirs, cts, weights, row)
    for a, b in zip([*our_outs, *found], [*their_outs, *expected], strict=True):
        a, b = (np.zeros(()) if x is None else _numpy(x) for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def _two_grads(library: Any, outs: Any, xs: Any, cts: Any, weights: Any, row: Row) -> list[Any]:
    grad = library.autograd.grad
    first = _grads(outs, xs, cts, create_graph=row.torch_order2, grad=grad)
    if not row.torch_order2:
        return list(first)
    pairs = [(g, w) for g, w in zip(first, weights, strict=True) if g is not None]
    return [*first, *_grads([g for g, _ in pairs], xs, [w for _, w in pairs], grad=grad)]


def _outputs(out: Any) -> list[Any]:
    return list(out) if isinstance(out, (tuple, list)) else [out]


def _numpy(x: Any) -> Any:
    x = x.detach().cpu()
    return x.resolve_conj().numpy(force=True) if hasattr(x, "resolve_conj") else x.numpy()


def _is_float(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "fc"
    return bool(x.dtype.is_floating_point or x.dtype.is_complex)


def _floats(xs: Any) -> list[Any]:
    return [x for x in xs if _is_float(x)]


def _recorded(xs: Any) -> list[Any]:
    return [x for x in xs if x.requires_grad]


def _tensors(arrays: Any, device: str, recorded: bool = False) -> list[Any]:
    tensors = [xp.asarray(a, device=device, copy=True) for a in arrays]
    return [x.requires_grad_() if recorded and _is_float(x) else x for x in tensors]


def _random_like(xs: Any, seed: int = 1) -> list[Any]:
    rng = np.random.default_rng(seed)
    arrays = []
    for x in xs:
        a = rng.standard_normal(x.shape)
        if np.dtype(str(x.dtype)).kind == "c":
            a = a + 1j * rng.standard_normal(x.shape)
        arrays.append(np.asarray(a, dtype=str(x.dtype)))
    return arrays


def _grads(outs: Any, xs: Any, cts: Any, create_graph: bool = False, grad: Any = None) -> list[Any]:
    """Return a gradient for each recorded input; None where no output depends on it."""
    grad = grad or xp.autograd.grad
    pairs = [(y, ct) for y, ct in zip(_floats(outs), cts, strict=True) if y.requires_grad]
    inputs = _recorded(xs)
    if not pairs:
        return [None] * len(inputs)
    ys, cts = [y for y, _ in pairs], [ct for _, ct in pairs]
    return list(grad(ys, inputs, cts, create_graph=create_graph, allow_unused=True))


def _differences(fn: Any, arrays: Any, directions: Any, device: str) -> list[Any]:
    """Return (f(x + h v) - f(x - h v)) / 2h for each floating output."""
    ends = []
    for step in (STEP, -STEP):
        given = iter(directions)
        moved = [a + step * next(given) if _is_float(a) else a for a in arrays]
        ends.append(_floats(_outputs(fn(*_tensors(moved, device, recorded=True)))))
    return [(_numpy(high) - _numpy(low)) / (2 * STEP) for high, low in zip(*ends, strict=True)]


def _inner(xs: Any, ys: Any) -> float:
    """Return the sum of Re<x, y>; None counts as zero."""
    pairs = [
        (x if isinstance(x, np.ndarray) else _numpy(x), y)
        for x, y in zip(xs, ys, strict=True)
        if x is not None
    ]
    return float(sum(np.sum(np.conj(x) * y).real for x, y in pairs))


def _close(found: float, expected: float) -> None:
    assert abs(found - expected) <= 1e-6 * max(1.0, abs(expected)), (found, expected)
