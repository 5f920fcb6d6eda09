"""What the checks of operations compute with: gradients, central differences, inner products."""

from typing import Any

import numpy as np

import tensorxp as xp

STEP = 1e-6


def outputs_of(out: Any) -> list[Any]:
    return list(out) if isinstance(out, (tuple, list)) else [out]


def to_numpy(x: Any) -> Any:
    x = x.detach().cpu()
    return x.resolve_conj().numpy(force=True) if hasattr(x, "resolve_conj") else x.numpy()


def is_float(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "fc"
    return bool(x.dtype.is_floating_point or x.dtype.is_complex)


def floats(xs: Any) -> list[Any]:
    return [x for x in xs if is_float(x)]


def by_floats(fn: Any, tensors: Any) -> Any:
    """Return `fn` as a function of its floating inputs alone; the others are in `tensors`."""

    def of_floats(*primals: Any) -> Any:
        given = iter(primals)
        return fn(*[next(given) if is_float(x) else x for x in tensors])

    return of_floats


def recorded_of(xs: Any) -> list[Any]:
    return [x for x in xs if x.requires_grad]


def tensors_of(arrays: Any, device: str, recorded: bool = False) -> list[Any]:
    tensors = [xp.asarray(a, device=device, copy=True) for a in arrays]
    return [x.requires_grad_() if recorded and is_float(x) else x for x in tensors]


def random_like(xs: Any, seed: int = 1) -> list[Any]:
    rng = np.random.default_rng(seed)
    arrays = []
    for x in xs:
        a = rng.standard_normal(x.shape)
        if np.dtype(str(x.dtype)).kind == "c":
            a = a + 1j * rng.standard_normal(x.shape)
        arrays.append(np.asarray(a, dtype=str(x.dtype)))
    return arrays


def gradients(
    outs: Any, xs: Any, cts: Any, create_graph: bool = False, grad: Any = None
) -> list[Any]:
    """Return a gradient for each recorded input; None where no output depends on it."""
    grad = grad or xp.autograd.grad
    pairs = [(y, ct) for y, ct in zip(floats(outs), cts, strict=True) if y.requires_grad]
    inputs = recorded_of(xs)
    if not pairs:
        return [None] * len(inputs)
    ys, cts = [y for y, _ in pairs], [ct for _, ct in pairs]
    return list(grad(ys, inputs, cts, create_graph=create_graph, allow_unused=True))


def differences(fn: Any, arrays: Any, directions: Any, device: str) -> list[Any]:
    """Return (f(x + h v) - f(x - h v)) / 2h for each floating output."""
    ends = []
    for step in (STEP, -STEP):
        given = iter(directions)
        moved = [a + step * next(given) if is_float(a) else a for a in arrays]
        ends.append(floats(outputs_of(fn(*tensors_of(moved, device, recorded=True)))))
    return [(to_numpy(high) - to_numpy(low)) / (2 * STEP) for high, low in zip(*ends, strict=True)]


def inner(xs: Any, ys: Any) -> float:
    """Return the sum of Re<x, y>; None counts as zero."""
    pairs = [
        (x if isinstance(x, np.ndarray) else to_numpy(x), y)
        for x, y in zip(xs, ys, strict=True)
        if x is not None
    ]
    return float(sum(np.sum(np.conj(x) * y).real for x, y in pairs))


def assert_close(found: float, expected: float) -> None:
    assert abs(found - expected) <= 1e-6 * max(1.0, abs(expected)), (found, expected)
