"""All of `nn` on empty, single, strided and wild input: as on plain input, or as PyTorch does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tests.differences import floats, to_numpy
from tests.nn.cases import CASES, Case
from tests.nn.test_cases import outputs

DIFFERENTIABLE = [case for case in CASES if case.differentiable]
BATCHED = [case for case in DIFFERENTIABLE if case.samples]
#: Cases whose arguments must be probabilities.
BOUNDED = {"binary_cross_entropy none"}


def run(
    case: Case, lib: Any = xp, view: Callable[[Any], Any] = lambda a: a
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the outputs and gradients of a case, its arrays looked at through `view`."""
    bases = [lib.asarray(view(a)) for a in case.free]
    xs = [a.requires_grad_() for a in bases]
    with np.errstate(all="ignore"):
        outs = [y for y in floats(outputs(case.call(lib)(*xs))) if y.requires_grad]
    outs = outs[:1] if case.samples else outs  # later ones have the batch on another axis
    shapes = [tuple(y.shape) for y in outs]
    cts = [lib.asarray(np.cos(np.arange(float(np.prod(s)))).reshape(s)) for s in shapes]
    grads = lib.autograd.grad(outs, xs, cts, allow_unused=True)
    return [to_numpy(y) for y in outs], [to_numpy(g) for g in grads if g is not None]


def same(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    for pair in zip(found, expected, strict=True):
        assert len(pair[0]) == len(pair[1])
        for a, b in zip(*pair, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


def with_samples(case: Case, change: Callable[[np.ndarray], np.ndarray]) -> Case:
    """Return the case with `change` applied to all arguments that have a batch axis."""
    args = [change(a) if i in case.samples else a for i, a in enumerate(case.args)]
    return replace(case, args=tuple(args))


@pytest.mark.parametrize("case", BATCHED, ids=lambda case: case.id)
def test_an_empty_batch(case: Case) -> None:
    empty = with_samples(case, lambda a: a[:0])
    outs, grads = run(empty)
    plain, _ = run(case)
    assert [y.shape for y in outs] == [(0, *y.shape[1:]) for y in plain]
    for a, g in zip(empty.free, grads, strict=True):
        assert g.shape == a.shape and not g.any()


@pytest.mark.parametrize("case", BATCHED, ids=lambda case: case.id)
def test_one_sample(case: Case) -> None:
    """The first sample alone is what it was among the others."""
    if case.draws:
        return
    outs, grads = run(with_samples(case, lambda a: a[:1]))
    plain, all_grads = run(case)
    np.testing.assert_allclose(outs[0], plain[0][:1], rtol=1e-10, atol=1e-12)
    for i, g, expected in zip(case.places, grads, all_grads, strict=True):
        if i in case.samples:
            np.testing.assert_allclose(g, expected[:1], rtol=1e-10, atol=1e-12)


VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "every other": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "backwards": lambda a: np.ascontiguousarray(a[(slice(None, None, -1),) * a.ndim])[
        (slice(None, None, -1),) * a.ndim
    ],
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
}


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.id)
def test_strides(case: Case) -> None:
    plain = run(case)
    for view in VIEWS.values():
        same(run(case, view=view), plain)


def spoilt(case: Case, place: int, value: float) -> Case:
    """Return the case with `value` in the first sample of one argument."""
    args = list(case.args)
    args[place] = args[place].copy()
    args[place][0].reshape(-1)[1 % max(args[place][0].size, 1)] = value
    if args[place].ndim == 1:
        args[place][0] = value
    return replace(case, args=tuple(args))


@pytest.mark.parametrize("case", BATCHED, ids=lambda case: case.id)
def test_no_spill_to_other_samples(case: Case) -> None:
    plain, grads = run(case)
    for place in set(case.places) & set(case.samples):
        for value in (np.nan, np.inf, -np.inf):
            if case.id in BOUNDED and np.isinf(value):
                continue
            if value < 0 and case.name == "gaussian_nll_loss":
                continue  # a variance must not be negative
            outs, found = run(spoilt(case, place, value))
            np.testing.assert_allclose(outs[0][1:], plain[0][1:], rtol=1e-12)
            for i, g, expected in zip(case.places, found, grads, strict=True):
                if i in case.samples:
                    np.testing.assert_allclose(g[1:], expected[1:], rtol=1e-12, atol=1e-14)
