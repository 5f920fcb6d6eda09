"""Right values and gradients of single calls at the edges of what is allowed; no PyTorch.

The numbers were computed by hand, or taken from PyTorch 2.13.
"""

import math
from typing import Any

import numpy as np
import pytest

import tensorxp as xp

F, nn = xp.nn.functional, xp.nn


def leaf(values: Any) -> Any:
    return xp.asarray(np.asarray(values, dtype=float), requires_grad=True)


def close(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=rtol, atol=1e-15)


@pytest.mark.parametrize("align", [True, False])
def test_grid_sample_at_the_border(align: bool) -> None:
    """No slope on the border itself and beyond it, the difference of neighbours inside."""
    image = leaf([[[[1.0, 2.0, 4.0]]]])
    edge = 1.0 if align else 2 / 3
    grid = leaf([[[[-edge, 0.0], [edge, 0.0], [1.5, 0.0], [edge / 2, 0.0]]]])
    out = F.grid_sample(image, grid, padding_mode="border", align_corners=align)
    close(out, [[[[1.0, 4.0, 4.0, 3.0]]]])
    out.sum().backward()
    scale = 1.0 if align else 1.5
    np.testing.assert_allclose(grid.grad.numpy()[0, 0, :, 0], [0.0, 0.0, 0.0, 2 * scale])
    close(image.grad, [[[[1.0, 0.5, 2.5]]]])


def test_grid_sample_at_nan() -> None:
    image, grid = leaf([[[[1.0, 2.0, 4.0]]]]), leaf([[[[math.nan, 0.0], [0.0, 0.0]]]])
    out = F.grid_sample(image, grid, padding_mode="border", align_corners=True)
    close(out, [[[[1.0, 2.0]]]])
    out.sum().backward()
    assert np.isfinite(image.grad.numpy()).all() and float(grid.grad[0, 0, 0, 0]) == 0.0


def test_label_smoothing_of_a_target_without_weight() -> None:
    x, target, weight = leaf([[1.0, 2.0]]), xp.asarray([1]), xp.asarray([0.5, 0.0])
    loss = F.cross_entropy(x, target, weight, label_smoothing=0.1, reduction="sum")
    # 0.1 / 2 · 0.5 · -log softmax(x)[0]
    close(loss, 0.025 * (1 + math.log1p(math.exp(-1))))
    loss.backward()
    p = 1 / (1 + math.exp(1))
    close(x.grad, [[-0.025 * (1 - p), 0.025 * (1 - p)]])
    ignored = F.cross_entropy(x, xp.asarray([-100]), weight, label_smoothing=0.1, reduction="sum")
    assert float(ignored) == 0.0


def test_cosine_similarity_broadcasts_first() -> None:
    close(F.cosine_similarity(xp.ones((2, 1)), xp.ones((1, 1)), dim=0), [1.0])
    close(F.cosine_similarity(xp.ones((3, 4)), xp.ones(4), dim=0), [1.0] * 4)


def test_norms_of_any_order() -> None:
    for p, expected in ((0, [[0.5, 0.0, 1.5]]), (1, [[0.25, 0.0, 0.75]]),
                        (math.inf, [[1 / 3, 0.0, 1.0]]), (-math.inf, [[1e12, 0.0, 3e12]]),
                        (-1, [[1e12, 0.0, 3e12]])):  # fmt: skip
        x = leaf([[1.0, 0.0, 3.0]])
        out = F.normalize(x, p=p)
        close(out, expected)
        out.sum().backward()
        assert np.isfinite(x.grad.numpy()).all()
    x = leaf([[1.0, 0.0, 3.0]])
    F.normalize(x, p=0)[0, 0].backward()
    close(x.grad, [[0.5, 0.0, 0.0]])
    for p, expected in ((0, 2.0), (0.5, 4 + 2 * math.sqrt(3)), (-1, 0.0), (math.inf, 3.0)):
        y = F.pairwise_distance(xp.asarray([[1.0, 0.0, 3.0]]), xp.zeros((1, 3)), p=p, eps=0)
        close(y, [expected])


def test_pdist() -> None:
    x = leaf([[1.0, 2.0, 3.0], [1.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    distances = F.pdist(x, 0)
    close(distances, [2.0, 3.0, 2.0])
    distances.sum().backward()
    close(x.grad, np.zeros((3, 3)))
    x.grad = None
    F.pdist(x, 0.5).sum().backward()  # PyTorch's, at differences of 0 too
    expected = [[4.1463, 4.6390, -0.0204], [3.0, -1.7071, 3.9142], [-7.1463, -2.9319, -3.8938]]
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-4)
    for rows in (0, 1):
        assert F.pdist(xp.zeros((rows, 3))).shape == (0,)
    close(F.pdist(xp.zeros((3, 0))), [0.0] * 3)


PADS = [
    ("circular", (-1, 1), [2, 3, 4, 5, 2]), ("circular", (1, -1), [4, 1, 2, 3, 4]),
    ("circular", (2, -3), [1, 2, 1, 2]), ("circular", (-1, 4), [2, 3, 4, 5, 2, 3, 4, 5]),
    ("circular", (-1, -2), [2, 3]), ("circular", (-2, 0), [3, 4, 5]),
    ("circular", (5, 0), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]),
    ("reflect", (-1, 1), [2, 3, 4, 5, 4]), ("reflect", (2, -3), [3, 2, 1, 2]),
    ("replicate", (-1, 1), [2, 3, 4, 5, 5]), ("replicate", (2, -3), [1, 1, 1, 2]),
    ("constant", (-1, 1), [2, 3, 4, 5, 0]),
]  # fmt: skip


@pytest.mark.parametrize("mode, pad, expected", PADS)
def test_negative_padding(mode: str, pad: tuple[int, int], expected: list[int]) -> None:
    x = leaf([[[1.0, 2.0, 3.0, 4.0, 5.0]]])
    out = F.pad(x, pad, mode)
    close(out, [[expected]])
    out.sum().backward()
    close(x.grad, [[[float(expected.count(i)) for i in range(1, 6)]]])


def test_padding_that_wraps_more_than_once_is_refused() -> None:
    x = xp.zeros((1, 1, 5))
    for pad in ((-1, 5), (6, 0), (-3, 3)):
        with pytest.raises(RuntimeError, match="wrapping around more than once"):
            F.pad(x, pad, "circular")
    with pytest.raises(RuntimeError, match="crops more"):
        F.pad(x, (-3, -3), "replicate")


@pytest.mark.parametrize("kind", ["bool", "float"])
@pytest.mark.parametrize("dropout_p", [0.0, 0.5])
def test_a_row_masked_as_a_whole(kind: str, dropout_p: float) -> None:
    rng = np.random.default_rng(0)
    mask = np.ones((3, 3), dtype=bool)
    mask[1] = False
    given = xp.asarray(mask if kind == "bool" else np.where(mask, 0.0, -np.inf))
    q, k, v = (leaf(rng.normal(size=(2, 3, 4))) for _ in range(3))
    xp.random.manual_seed(0)
    out = F.scaled_dot_product_attention(q, k, v, given, dropout_p)
    (out * xp.asarray(rng.normal(size=out.shape))).sum().backward()
    assert not out.detach().numpy()[:, 1].any() and not q.grad.numpy()[:, 1].any()
    if not dropout_p:
        others = [0, 2]
        plain = F.scaled_dot_product_attention(q[:, others], k, v)
        close(out[:, others], plain.detach().numpy())
    for x in (q, k, v):
        assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_sample_of_padding_alone(need_weights: bool) -> None:
    """It is NaN (with weights) or 0, and the other samples of the batch know nothing of it."""
    layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype=xp.float64)
    x = leaf(np.random.default_rng(0).normal(size=(2, 3, 4)))
    pad = xp.asarray([[True] * 3, [False] * 3])
    out, _ = layer(x, x, x, key_padding_mask=pad, need_weights=need_weights)
    out.sum().backward()
    y = leaf(x.detach().numpy()[1:])
    alone, _ = layer(y, y, y)
    alone.sum().backward()
    np.testing.assert_allclose(out.detach().numpy()[1], alone.detach().numpy()[0], rtol=1e-12)
    np.testing.assert_allclose(x.grad.numpy()[1], y.grad.numpy()[0], rtol=1e-12)
    assert np.isnan(out.detach().numpy()[0]).all() == need_weights
    if not need_weights:
        assert not x.grad.numpy()[0].any()
        assert all(np.isfinite(p.grad.numpy()).all() for p in layer.parameters())


def test_empty_input() -> None:
    weight = leaf(np.ones((3, 2)))
    F.embedding(xp.zeros((0,), dtype=xp.int64), weight).sum().backward()
    close(weight.grad, np.zeros((3, 2)))
    for function, shape, out in (
        (lambda x: F.unfold(x, 2), (0, 3, 4, 4), (0, 12, 9)),
        (lambda x: F.fold(x, (4, 4), 2), (0, 12, 9), (0, 3, 4, 4)),
        (lambda x: F.pixel_shuffle(x, 2), (2, 0, 3, 3), (2, 0, 6, 6)),
        (lambda x: F.pixel_unshuffle(x, 2), (2, 0, 4, 4), (2, 0, 2, 2)),
        (lambda x: F.channel_shuffle(x, 2), (2, 0, 3), (2, 0, 3)),
        (lambda x: F.batch_norm(x, None, None, training=True), (0,), (0,)),
        (lambda x: F.batch_norm(x, None, None, training=True), (0, 3), (0, 3)),
        (lambda x: F.instance_norm(x), (0, 3, 4), (0, 3, 4)),
    ):
        x = leaf(np.zeros(shape))
        found = function(x)
        assert found.shape == out
        found.sum().backward()
        assert x.grad.shape == shape


def test_an_empty_batch_leaves_running_statistics_as_they_are() -> None:
    layer = nn.BatchNorm1d(3)
    layer(xp.zeros((0, 3), dtype=xp.float32)).sum().backward()
    close(layer.running_mean, np.zeros(3))
    close(layer.running_var, np.ones(3))
    close(layer.weight.grad, np.zeros(3))


def test_input_without_axes() -> None:
    for function, value in ((F.softmax, 1.0), (F.log_softmax, 0.0), (F.softmin, 1.0)):
        for dim in (0, -1, None):
            x = leaf(1.5)
            out = function(x, dim)
            close(out, value)
            out.backward()
            close(x.grad, 0.0)
        with pytest.raises(IndexError):
            function(leaf(1.0), 1)
    close(F.cosine_similarity(leaf(2.0), leaf(3.0), dim=0), 1.0)
    close(F.cosine_similarity(leaf(2.0), xp.ones(3), dim=0), 1.0)
    with pytest.raises(IndexError):
        F.cosine_similarity(leaf(2.0), leaf(3.0))
    for target in (xp.asarray(0), xp.asarray([0])):
        x = leaf(2.0)
        loss = F.multi_margin_loss(x, target)
        close(loss, 0.0)
        loss.backward()
        close(x.grad, 0.0)
        close(F.multilabel_margin_loss(x, target), 0.0)
    close(F.multilabel_margin_loss(leaf(2.0), xp.asarray(-1)), 0.0)
    close(F.multi_margin_loss(xp.ones((1, 3)), xp.asarray(0)), 2 / 3)
    close(F.multi_margin_loss(xp.ones(3), xp.asarray([0]), reduction="none"), [2 / 3])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_output_padding_beyond_the_stride(n: int) -> None:
    x, w = leaf(np.ones((1, 1) + (3,) * n)), leaf(np.ones((1, 1) + (2,) * n))
    out = getattr(F, f"conv_transpose{n}d")(x, w, output_padding=1, dilation=2)
    line = np.asarray([1.0, 1.0, 2.0, 1.0, 1.0, 0.0])
    expected = line
    for _ in range(n - 1):
        expected = expected[..., None] * line
    close(out, expected[None, None])
    out.sum().backward()
    close(x.grad, np.full(x.shape, 2.0**n))
    close(w.grad, np.full(w.shape, 3.0**n))
    padded = getattr(F, f"conv_transpose{n}d")(x, w, padding=1, output_padding=1, dilation=2)
    inner = expected[(slice(1, 5),) * n] if n == 1 else None
    if inner is not None:  # what the padding crops at the far end comes back first
        close(padded, [[[1.0, 2.0, 1.0, 1.0]]])


def test_max_pool_of_nan_and_of_minus_infinity() -> None:
    x = leaf([[[1.0, math.nan, 3.0, 2.0]]])
    out, places = F.max_pool1d(x, 2, return_indices=True)
    close(out, [[[math.nan, 3.0]]])
    assert places.numpy().tolist() == [[[1, 2]]]
    out.sum().backward()
    close(x.grad, [[[0.0, 1.0, 1.0, 0.0]]])
    x = leaf([[[-math.inf, -math.inf, 3.0, 2.0]]])
    out, places = F.max_pool1d(x, 3, 2, 1, return_indices=True)
    assert places.numpy().tolist() == [[[0, 2]]]
    out.sum().backward()
    close(x.grad, [[[1.0, 0.0, 1.0, 0.0]]])


def test_max_pool_does_not_multiply_by_zero() -> None:
    x = leaf([[[1.0, 2.0, 3.0, 2.0]]])
    F.max_pool1d(x, 2).backward(xp.asarray([[[math.inf, 1.0]]]))
    close(x.grad, [[[0.0, math.inf, 1.0, 0.0]]])


def test_infinite_input_has_finite_slopes() -> None:
    for function, slope in ((F.huber_loss, 1.0), (F.smooth_l1_loss, 1.0)):
        x = leaf([math.inf, -math.inf, 0.5])
        function(x, xp.zeros(3), reduction="sum").backward()
        close(x.grad, [slope, -slope, 0.5])
    x, weight = leaf([[math.inf, -2.0]]), leaf([0.25])
    F.prelu(x, weight).sum().backward()
    close(weight.grad, [-2.0])
    image, grid = leaf([[[[1.0, 2.0]]]]), leaf([[[[math.inf, 0.0], [-1e300, 0.0], [0.5, 0.0]]]])
    out = F.grid_sample(image, grid, align_corners=True)
    close(out, [[[[0.0, 0.0, 1.75]]]])
    out.sum().backward()
    close(image.grad, [[[[0.25, 0.75]]]])
    assert np.isfinite(grid.grad.numpy()).all()


def test_nan_stays_nan() -> None:
    for function in (
        F.hardshrink, F.softshrink, F.hardswish, F.relu, F.relu6, F.elu, F.gelu, F.silu, F.mish,
        F.softplus, F.logsigmoid, F.hardsigmoid, F.leaky_relu,
        lambda x: F.threshold(x, 0.1, 2.0),
        lambda x: F.lp_pool1d(x.reshape(1, 1, 1), 2.0, 1),
        lambda x: F.prelu(x, xp.asarray([0.2])),
    ):  # fmt: skip
        assert math.isnan(float(function(xp.asarray([math.nan])).reshape(-1)[0])), function


def test_a_bias_without_axes() -> None:
    x, bias = leaf(np.ones((2, 3))), leaf(1.0)
    F.linear(x, xp.ones((4, 3)), bias).sum().backward()
    close(bias.grad, 8.0)


@pytest.mark.parametrize("row", [(), (2,), (2, 3)])
@pytest.mark.parametrize("options", [{}, {"padding_idx": 1}, {"scale_grad_by_freq": True}])
def test_embedding_rows_of_any_shape(row: tuple[int, ...], options: Any) -> None:
    weight = leaf(np.random.default_rng(0).normal(size=(4, *row)))
    index = xp.asarray([[0, 2, 2], [1, 3, 2]])
    out = F.embedding(index, weight, **options)
    assert out.shape == (2, 3, *row)
    out.sum().backward()
    counts = np.asarray([1.0, 1.0, 3.0, 1.0])
    if "padding_idx" in options:
        counts[1] = 0
    elif options:
        counts[:] = 1
    close(weight.grad, np.broadcast_to(counts.reshape(4, *(1,) * len(row)), (4, *row)))


def test_a_wild_pixel_reaches_its_neighbours_alone() -> None:
    for value in (math.nan, math.inf):
        x = leaf([[[value, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]])
        out = F.interpolate(x, 16, mode="linear")
        assert np.isfinite(out.detach().numpy()[0, 0, 3:]).all()
        assert not np.isfinite(out.detach().numpy()[0, 0, :2]).any()
        pooled = F.adaptive_avg_pool1d(x, 3)
        close(pooled[:, :, 1:], [[[3.5, 6.0]]])
        assert not np.isfinite(float(pooled[0, 0, 0]))
