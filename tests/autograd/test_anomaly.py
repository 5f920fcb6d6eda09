"""Anomaly mode names the forward call of a node whose backward fails."""

import traceback

import pytest

import tensorxp as xp
from tensorxp.autograd import detect_anomaly


def test_nan_is_found_and_placed():
    x = xp.asarray([0.0, 1.0], requires_grad=True)
    with detect_anomaly():
        y = xp.sqrt(x)  # the place
        z = xp.sum(y * 0.0)
    with pytest.raises(RuntimeError, match="'sqrt' gave NaN as the gradient of input 0") as caught:
        z.backward()
    assert "y = xp.sqrt(x)  # the place" in str(caught.value)
    assert "_ops" not in str(caught.value)


def test_nan_passes_without_the_mode_or_the_check():
    x = xp.asarray([0.0], requires_grad=True)
    xp.sum(xp.sqrt(x) * 0.0).backward()
    assert bool(xp.isnan(x.grad[0]))
    with detect_anomaly(check_nan=False):
        y = xp.sum(xp.sqrt(x) * 0.0)
    y.backward()


def test_errors_of_rules_get_a_note():
    class Fails(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, ct):
            raise KeyError("mine")

    x = xp.asarray([1.0], requires_grad=True)
    mode = detect_anomaly()
    for _ in range(2):
        with mode:
            y = Fails.apply(x)  # the place
        with pytest.raises(KeyError) as caught:
            y.backward()
        text = "".join(traceback.format_exception(caught.value))
        assert "the forward call of 'Fails'" in text and "Fails.apply(x)  # the place" in text


def test_several_outputs_and_higher_orders():
    a = xp.asarray([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
    with detect_anomaly():
        vectors = xp.linalg.eigh(a).eigenvectors  # degenerate: no gradient
        out = xp.sum(vectors[0] * xp.asarray([1.0, 2.0]))
    try:
        out.backward()
    except RuntimeError as error:
        assert "'eigh' gave NaN" in str(error)
    x = xp.asarray([2.0], requires_grad=True)
    with detect_anomaly():
        (g,) = xp.autograd.grad(xp.sum(x**3), x, create_graph=True)
        (h,) = xp.autograd.grad(g, x)
    assert float(h[0]) == 12.0
