"""Attention as one operation: values and derivatives of its parts, and of softmax and products."""

from typing import Any

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._ops.attention import attention


def plain(q: Any, k: Any, v: Any, causal: bool, scale: float) -> Any:
    scores = xp.matmul(q * scale, xp.matrix_transpose(k))
    if causal:
        mask = xp.tril(xp.ones(scores.shape[-2:], dtype=xp.bool, device=q.device))
        scores = xp.where(mask, scores, -xp.inf)
    return xp.matmul(xp.special.softmax(scores, axis=-1), v)


SHAPES = ((2, 2, 4, 8), (2, 2, 5, 8), (2, 2, 5, 3))
FEW = ((2, 1, 2, 3), (2, 1, 3, 3), (2, 1, 3, 2))  # for derivatives by each element


def inputs(device: str, dtype: str = "float64", shapes: Any = SHAPES) -> list[Any]:
    rng = np.random.default_rng(0)
    return [
        xp.asarray(rng.normal(size=s).astype(dtype), device=device, requires_grad=True)
        for s in shapes
    ]


@pytest.mark.parametrize("causal", [False, True])
def test_values_and_gradients_of_the_parts(causal: bool, device: str) -> None:
    xs = inputs(device)
    out, expected = attention(*xs, causal=causal, scale=0.5), plain(*xs, causal, 0.5)
    np.testing.assert_allclose(out.detach().cpu(), expected.detach().cpu(), rtol=1e-12, atol=1e-14)
    ct = xp.asarray(np.random.default_rng(1).normal(size=out.shape), device=device)
    for first, second in zip(
        xp.autograd.grad(out, xs, ct), xp.autograd.grad(expected, xs, ct), strict=True
    ):
        np.testing.assert_allclose(first.cpu(), second.cpu(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_higher_derivatives(causal: bool) -> None:
    xs = inputs("cpu", shapes=FEW)

    def fn(q: Any, k: Any, v: Any) -> Any:
        return attention(q, k, v, causal=causal, scale=0.5)

    assert xp.autograd.gradcheck(fn, xs, check_forward_ad=True)
    assert xp.autograd.gradgradcheck(fn, xs)


def test_half_precision_is_computed_in_single() -> None:
    q, k, v = inputs("cpu", "float16")
    out = attention(q, k, v, causal=False, scale=0.25)
    assert out.dtype == xp.float16
    out.sum().backward()
    assert q.grad.dtype == xp.float16
