"""Half precision against the same in double precision, from the same numbers of float16.

A value or gradient may be off by 4 units in the last place of float16. Numbers of 1000 and of
0.001 show that squares on the way do not leave the range where the result is within it.
"""

import os
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.autograd.testing import floats, is_float, outputs_of, recorded_of, to_numpy
from tests.harness import Row, sample
from tests.nn.cases import CASES, Case
from tests.nn.test_cases import outputs
from tests.tables import rows

#: Cases in which several functions follow each other, each of which rounds its result to half
#: precision, as PyTorch's do: there the unit is that of the largest element, times a number.
STEPS = {
    "GRU": 1, "GRUCell": 1, "LSTM": 1, "LSTM one direction": 2, "LSTMCell": 1, "RNN": 1,
    "RNN one direction": 1, "RNNBase": 1, "RNNCell": 1, "Transformer": 5, "TransformerDecoder": 2,
    "TransformerDecoderLayer": 1, "TransformerEncoder": 1, "TransformerEncoderLayer": 1,
    # the gradient by the bias of the keys is 0: what is left of it is the rounding
    "multi_head_attention_forward": 1,
}  # fmt: skip
#: Cases whose arguments must be probabilities.
BOUNDED = {"binary_cross_entropy", "binary_cross_entropy none", "BCELoss"}
#: Saturated gates of recurrent layers have gradients that are differences of rounded gates.
SATURATED = {"GRU", "GRUCell", "RNNBase"}
LARGEST = 60000.0
COMPARED = [case for case in CASES if case.differentiable and not case.draws]


def run(case: Case, dtype: str, factor: float) -> list[np.ndarray]:
    """Return the outputs and gradients of a case, computed in `dtype`."""
    arrays = [(a * factor).astype("float16").astype(dtype) for a in case.free]
    xs = [xp.asarray(a).requires_grad_() for a in arrays]
    rng = np.random.default_rng(1)
    with np.errstate(all="ignore"):
        outs = floats(outputs(case.call(xp, dtype, "float16")(*xs)))
    outs = [y for y in outs if y.requires_grad]
    cts = [xp.asarray(rng.normal(size=y.shape).astype("float16").astype(dtype)) for y in outs]
    grads = xp.autograd.grad(outs, xs, cts, allow_unused=True)
    return [to_numpy(x) for x in [*outs, *grads] if x is not None]


def worst(found: np.ndarray, expected: np.ndarray, by_largest: bool) -> float:
    """Return the largest error in units in the last place, where float16 can hold the result."""
    assert found.dtype == np.float16
    held = np.isfinite(expected) & (np.abs(expected) < LARGEST)
    found, expected = (np.where(held, x.astype(float), 0) for x in (found, expected))
    sizes = np.abs(expected).astype("float16")
    if by_largest:
        sizes = np.full_like(sizes, sizes.max(initial=0))
    unit = np.spacing(sizes).astype(float)
    assert np.isfinite(found).all(), "overflow on the way to a result within the range"
    return float((np.abs(found - expected) / unit).max(initial=0))


@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.id)
def test_nn(case: Case) -> None:
    for factor in (1.0, 1000.0, 0.001):
        if (factor != 1 and case.id in BOUNDED) or (factor > 1 and case.id in SATURATED):
            continue
        pairs = zip(run(case, "float16", factor), run(case, "float64", factor), strict=True)
        for found, expected in pairs:
            steps = case.id in STEPS
            assert worst(found, expected, steps) <= 4 * STEPS.get(case.id, 1), factor


#: Rows whose derivative is a difference of terms of the result, which is rounded to half precision
#: (PyTorch saves the result, too), or that end in a difference of rounded terms: there the unit is
#: that of the largest element.
ROUNDED = {
    "attention", "attention, causal", "erfcx", "hypot", "i0e", "i1e", "k0e", "k1e", "ive", "kve",
    "kl_div", "log_softmax", "logsumexp", "lstm", "multigammaln", "sinc", "softmax", "tanh",
    "cumsum", "cumulative_sum", "sum", "inv_boxcox",
}  # fmt: skip
#: Rows not tried with numbers of 300: their argument or gradient is made from products beyond
#: float16, or from a saturated result, or they take probabilities.
SMALL = {"cumulative_prod", "cumprod", "pinv_of_low_rank", "tanh", "binary"}
ROWS = {row.name: row for row in rows() if row.float32}


def run_row(row: Row, dtype: str, factor: float) -> list[np.ndarray] | None:
    """Return the floating outputs and gradients of a row; None where it does not take `dtype`."""
    arrays = [
        (a * factor).astype("float16").astype(dtype) if is_float(a) else a for a in sample(row)
    ]
    xs = [xp.asarray(a) for a in arrays]
    xs = [x.requires_grad_() if row.gradients and is_float(x) else x for x in xs]
    rng = np.random.default_rng(1)
    with np.errstate(all="ignore"):
        try:
            outs = floats(outputs_of(row.fn(*xs)))
        except TypeError as error:
            assert dtype == "float16" and "float16" in str(error)
            return None
    ys = [y for y in outs if y.requires_grad]
    cts = [xp.asarray(rng.normal(size=y.shape).astype("float16").astype(str(y.dtype))) for y in ys]
    grads = xp.autograd.grad(ys, recorded_of(xs), cts, allow_unused=True) if ys else []
    return [to_numpy(x) for x in [*outs, *grads] if x is not None]


@pytest.mark.parametrize("name", sorted(ROWS))
def test_operations(name: str) -> None:
    row = ROWS[name]
    if len(row.inputs) and any(a.dtype.kind == "c" for a in sample(row)):
        return
    family = name.split("(")[0].split(" ")[0].split("-")[0]
    by_largest = family in ROUNDED or name in ROUNDED
    for factor in (1.0, 300.0):
        if factor > 1 and family in SMALL:
            continue
        found, expected = run_row(row, "float16", factor), run_row(row, "float64", factor)
        for a, b in zip(found or [], expected if found else [], strict=True):
            if a.dtype == np.float16:
                assert worst(a, b, by_largest) <= 4, factor


THOROUGH = os.environ.get("TENSORXP_THOROUGH") == "1"
#: Functions of several steps, each of which rounds its tangent.
COMPOSED = {"quantile", "cumprod", "cumulative_prod"}


def pushed(row: Row, dtype: str) -> list[np.ndarray]:
    """Return the tangents of a row's outputs in a random direction."""
    rng = np.random.default_rng(2)
    xs = [xp.asarray(a.astype("f2").astype(dtype) if is_float(a) else a) for a in sample(row)]
    ts = [
        xp.asarray(rng.normal(size=x.shape).astype("f2").astype(dtype)) if is_float(x) else None
        for x in xs
    ]
    with np.errstate(all="ignore"):
        _, tangents = xp.autograd.jvp(lambda *xs: tuple(outputs_of(row.fn(*xs))), xs, ts)
    return [to_numpy(t) for t in tangents]


def test_forward_mode() -> None:
    """Of a quarter of the rows, where not all are asked for."""
    compared = 0
    for name, row in ROWS.items():
        if not THOROUGH and crc32(name.encode()) % 4:
            continue
        kinds = [a.dtype.kind for a in sample(row)]
        family = name.split("(")[0].split(" ")[0].split("-")[0]
        if not (row.forward and row.gradients) or "c" in kinds or family == "to_device":
            continue
        try:
            found = pushed(row, "float16")
        except TypeError as error:
            assert "float16" in str(error)
            continue
        by_largest = bool({family, name} & (ROUNDED | COMPOSED))
        for a, b in zip(found, pushed(row, "float64"), strict=True):
            if a.dtype == np.float16:
                assert worst(a, b, by_largest) <= 4, name
                compared += 1
    assert compared > 80


def half(values: Any) -> Any:
    return xp.asarray(np.asarray(values, np.float16), requires_grad=True)


def test_squares_beyond_the_range() -> None:
    F = xp.nn.functional
    row = [0.0, 1000.0, 2000.0, 3000.0]
    expected = np.asarray([-3.0, -1.0, 1.0, 3.0]) / np.sqrt(5.0)
    for found in (
        F.layer_norm(half([row]), (4,)),
        F.group_norm(half([row]), 1),
        F.instance_norm(half([[row]])),
        F.batch_norm(half(row).reshape(4, 1), None, None, training=True),
    ):
        flat = found.detach().numpy().reshape(-1)
        np.testing.assert_allclose(flat, expected, rtol=1e-3)
    np.testing.assert_allclose(F.normalize(half([[3e3, 4e3]])).detach().numpy(), [[0.6, 0.8]],
                               rtol=1e-3)  # fmt: skip
    assert float(F.pairwise_distance(half([[3e3, 0.0]]), half([[0.0, 4e3]]))) == 5000.0
    p = xp.nn.Parameter(xp.zeros(2, dtype=xp.float16))
    p.grad = xp.asarray([3000.0, 4000.0], dtype=xp.float16)
    assert float(xp.nn.utils.clip_grad_norm_(p, 1.0)) == 5000.0
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], rtol=1e-3)


def test_sums_do_not_stop_growing() -> None:
    """5000 rows of ones: in steps of half precision the sum ends at 2048."""
    weight = half(np.zeros((2, 1)))
    xp.sum(xp.nn.functional.embedding(xp.zeros(5000, dtype=xp.int64), weight)).backward()
    np.testing.assert_array_equal(weight.grad.numpy(), [[5000.0], [0.0]])
    bias = half([0.0, 0.0])
    xp.sum(half(np.ones((5000, 2))) + bias).backward()
    np.testing.assert_array_equal(bias.grad.numpy(), [5000.0, 5000.0])
    x = half(np.ones(2))
    xp.sum(xp.take(x, xp.zeros(5000, dtype=xp.int64))).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [5000.0, 0.0])


def test_statistics_of_half_precision_are_kept() -> None:
    mean, var = (xp.zeros(2, dtype=xp.float16), xp.ones(2, dtype=xp.float16))
    x = half([[300.0, 2.0], [600.0, 4.0]])
    out = xp.nn.functional.batch_norm(x, mean, var, training=True, momentum=1.0)
    assert out.dtype == mean.dtype == var.dtype == xp.float16
    np.testing.assert_array_equal(mean.numpy(), [450.0, 3.0])
    np.testing.assert_array_equal(var.numpy(), np.asarray([45000.0, 2.0], np.float16))


def test_a_wider_argument_decides_the_dtype() -> None:
    F, weight = xp.nn.functional, xp.ones(2, dtype=xp.float32)
    assert F.layer_norm(half([[1.0, 2.0]]), 2, weight).dtype == xp.float32
    assert F.layer_norm(input=half([[1.0, 2.0]]), normalized_shape=2).dtype == xp.float16
    assert F.cross_entropy(half([[1.0, 2.0]]), xp.asarray([1]), weight).dtype == xp.float16


@pytest.mark.parametrize("function", [xp.mean, xp.var, xp.std], ids=lambda f: f.__name__)
def test_gradients_that_are_recorded_or_compiled_round_once_too(function):
    """As many elements as half precision cannot count."""
    data = np.random.default_rng(0).normal(300.0, 50.0, 100_000).astype(np.float16)
    ct = xp.asarray(1000.0)
    x, y = (xp.asarray(data.astype(d), requires_grad=True) for d in (np.float16, np.float64))
    (right,) = xp.autograd.grad(function(y), y, ct)
    compiled = xp.compile(lambda t: function(t))
    ct = xp.asarray(1000.0, dtype=xp.float16)
    for fn, again in ((function, False), (function, True), (compiled, False), (compiled, False)):
        (found,) = xp.autograd.grad(fn(x), x, ct, create_graph=again)
        assert found.dtype == xp.float16
        np.testing.assert_allclose(
            found.detach().numpy().astype(float), right.numpy(), rtol=2e-3, atol=1e-5
        )


def test_means_without_nan_of_many() -> None:
    data = np.full(100_000, 300.0, np.float16)
    data[7] = np.nan
    x = xp.asarray(data, requires_grad=True)
    out = xp.nanmean(x)
    assert float(out) == 300.0 and out.dtype == xp.float16
    assert float(xp.nanmean(x, dtype=xp.float32)) == 300.0
    (slope,) = xp.autograd.grad(out, x, xp.asarray(1000.0, dtype=xp.float16))
    assert float(slope[0]) == float(np.float16(1000 / 99_999)) and float(slope[7]) == 0.0
    assert float(np.nanvar(x.detach())) == 0.0
    spread = xp.asarray([0.0, 1000.0, np.nan, 0.0, 1000.0], dtype=xp.float16)
    assert float(np.nanstd(spread)) == 500.0 and np.nanstd(spread).dtype == xp.float16
