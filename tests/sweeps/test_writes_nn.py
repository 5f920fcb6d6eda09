"""`y = f(x); y += 1; y.sum().backward()` for all of `nn`: the right gradient, or an error.

What PyTorch allows must work: a rule saves what users do not write to.
"""

from collections.abc import Callable
from operator import iadd, imul
from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import floats, to_numpy
from tests.nn.cases import CASES, Case
from tests.nn.test_cases import outputs

WRITES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = {
    "y += 1": (lambda lib, y: iadd(y, 1), lambda lib, y: y + 1),
    "y *= 2": (lambda lib, y: imul(y, 2), lambda lib, y: y * 2),
    "relu_(y)": (
        lambda lib, y: lib.nn.functional.relu_(y),
        lambda lib, y: lib.nn.functional.relu(y),
    ),
}
#: Those whose rule needs the output, or whose output is a view of a leaf, as in PyTorch.
REFUSED = {
    "relu", "sigmoid", "tanh", "softmax 1", "softmin 1", "log_softmax 1", "gumbel_softmax",
    "alpha_dropout", "feature_alpha_dropout", "ReLU", "Sigmoid", "Tanh", "Identity", "LogSoftmax",
    "Softmax", "Softmin", "Softmax2d", "Flatten", "Unflatten", "RNNCell",
    "pairwise_distance", "pdist", "PairwiseDistance",
}  # fmt: skip
DIFFERENTIABLE = [case for case in CASES if case.differentiable]


def results(lib: Any, case: Case, change: Any, place: int) -> list[np.ndarray | None]:
    """Return the gradients of the inputs where output `place` is changed before backward."""
    xs = [lib.asarray(a).requires_grad_() for a in case.free]
    outs = outputs(case.call(lib)(*xs))
    outs = [y for y in floats(outs) if y.requires_grad]
    weights = [lib.asarray(weights_like(to_numpy(y))) for y in outs]
    outs[place] = change(lib, outs[place])
    total = sum((y * w).sum() for y, w in zip(outs, weights, strict=True))
    total.backward()
    return [None if x.grad is None else to_numpy(x.grad) for x in xs]


def weights_like(a: np.ndarray) -> np.ndarray:
    return np.cos(np.arange(a.size, dtype=a.dtype)).reshape(a.shape)


def outputs_with_gradient(lib: Any, case: Case) -> int:
    xs = [lib.asarray(a).requires_grad_() for a in case.free]
    return len([y for y in floats(outputs(case.call(lib)(*xs))) if y.requires_grad])


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.id)
def test_a_write_to_the_output(case: Case) -> None:
    refused = 0
    for write, plain in WRITES.values():
        for place in range(outputs_with_gradient(xp, case)):
            expected = results(xp, case, plain, place)
            try:
                found = results(xp, case, write, place)
            except RuntimeError as error:
                assert "in-place" in str(error) or "in place" in str(error)
                refused += 1
                continue
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    assert bool(refused) == (case.id in REFUSED)


@pytest.mark.parametrize("id", sorted(REFUSED))
def test_pytorch_refuses_it_too(id: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    (case,) = [case for case in CASES if case.id == id]
    for write, _ in WRITES.values():
        with pytest.raises(RuntimeError, match=r"in-place|inplace"):
            results(torch, case, write, 0)


@pytest.mark.parametrize("training", [True, False])
def test_a_residual_block(training: bool) -> None:
    """`out += shortcut` and an activation in place after a norm: ResNet, VGG, DCGAN."""
    nn, rng = xp.nn, np.random.default_rng(0)
    layers = [
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.GroupNorm(2, 4),
        nn.InstanceNorm2d(4, affine=True), nn.LayerNorm(4),
    ]  # fmt: skip
    for layer in layers:
        layer.double().train(training)
    data = rng.normal(size=(2, 3, 8, 8))

    def loss(inplace: bool) -> tuple[Any, list[Any]]:
        x = xp.asarray(data, requires_grad=True)
        for layer in layers:
            layer.zero_grad()
        out = shortcut = layers[0](x)
        for layer in layers[1:]:
            out = layer(out)
            if isinstance(layer, nn.MaxPool2d):
                shortcut = nn.functional.avg_pool2d(shortcut, 2)
            if inplace:
                out += shortcut
                out = nn.functional.relu(out, inplace=True)
            else:
                out = nn.functional.relu(out + shortcut)
        total = nn.functional.cross_entropy(out[:, :, 0], xp.asarray([[1, 0, 2, 3]] * 2))
        if inplace:
            total /= 2
        else:
            total = total / 2
        total.backward()
        return x.grad, [p.grad for layer in layers for p in layer.parameters()]

    (x_grad, grads), (x_plain, plain) = loss(True), loss(False)
    for a, b in zip([x_grad, *grads], [x_plain, *plain], strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), rtol=1e-12, atol=1e-14)
