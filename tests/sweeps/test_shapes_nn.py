"""All of `nn` on empty, single, strided and wild input: as on plain input, or as PyTorch does."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import floats, to_numpy
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


#: Cases that take inputs without axes: what works on each element, and losses of it.
WITHOUT_AXES = {
    *(case.id for case in CASES if case.name.lower().rstrip("_") in {
        "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
        "leakyrelu", "logsigmoid", "mish", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu",
        "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "identity",
    } and not case.draws),
    "PReLU", "binary_cross_entropy none", "binary_cross_entropy_with_logits", "gaussian_nll_loss",
    "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss",
    "mse_loss none", "pairwise_distance", "poisson_nll_loss", "smooth_l1_loss",
    "soft_margin_loss", "triplet_margin_loss", "PairwiseDistance",
}  # fmt: skip


@pytest.mark.parametrize("id", sorted(WITHOUT_AXES))
def test_input_without_axes(id: str) -> None:
    """It gives what one element does, without the axis."""
    (case,) = [case for case in CASES if case.id == id]
    outs, grads = run(with_samples(case, lambda a: np.asarray(a.reshape(-1)[0])))
    plain, expected = run(with_samples(case, lambda a: a.reshape(-1)[:1]))
    assert outs[0].shape == ()
    np.testing.assert_allclose(outs[0], plain[0].reshape(()), rtol=1e-14, atol=1e-15)
    for i, g, other in zip(case.places, grads, expected, strict=True):
        if i in case.samples:
            assert g.shape == ()
            np.testing.assert_allclose(g, other.reshape(()), rtol=1e-14, atol=1e-15)


def variants(case: Case) -> Iterator[tuple[str, Case]]:
    """Yield the case without axes, with one element, and with each axis empty in turn."""
    yield "0-d", with_samples(case, lambda a: np.asarray(a.reshape(-1)[0]))
    yield "(1,)", with_samples(case, lambda a: a.reshape(-1)[:1])
    ndim = case.args[case.samples[0]].ndim
    for axis in range(ndim):
        empty = with_samples(case, lambda a, k=axis: a.take([], k) if a.ndim == ndim else a)  # type: ignore[misc]
        yield f"axis {axis} empty", empty


#: Where PyTorch takes what we refuse (statistics or weights of 3 channels beside no channel, a mask
#: of 3 rows beside no row), or gives NaN for the gradient of a weight that nothing depends on.
OTHERWISE = {
    ("batch_norm evaluation", "axis 1 empty"), ("BatchNorm1d evaluation", "axis 1 empty"),
    ("instance_norm", "axis 1 empty"), ("scaled_dot_product_attention masked", "axis 1 empty"),
    ("group_norm", "axis 2 empty"),
}  # fmt: skip
COMPARED = [case for case in BATCHED if case.torch and not case.draws]


@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.id)
def test_shapes_as_in_pytorch(case: Case) -> None:
    """Where PyTorch takes an empty or single input, the value and gradients are its own."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for name, variant in variants(case):
        if (case.id, name) in OTHERWISE:
            continue
        try:
            expected = run(variant, torch)
        except (RuntimeError, ValueError, IndexError, AssertionError, AttributeError):
            continue  # PyTorch refuses it
        same(run(variant), expected, rtol=1e-8)
