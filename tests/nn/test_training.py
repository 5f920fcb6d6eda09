"""Initial values, dropout, utilities, and that small networks learn. No PyTorch."""

import math
import warnings

import numpy as np
import pytest

import tensorxp as xp

nn, F = xp.nn, xp.nn.functional


def test_initial_distributions():
    xp.random.manual_seed(0)
    layer = nn.Linear(400, 300)
    bound = 1 / math.sqrt(400)
    w = layer.weight.detach().numpy()
    assert w.dtype == np.float32 and abs(w).max() <= bound and abs(w).max() > 0.99 * bound
    assert abs(w.std() - bound / math.sqrt(3)) < 0.01 * bound
    assert abs(layer.bias.detach().numpy()).max() <= bound
    conv = nn.Conv2d(16, 32, 3)
    assert abs(conv.weight.detach().numpy()).max() <= 1 / math.sqrt(144)
    table = nn.Embedding(500, 40, padding_idx=3).weight.detach().numpy()
    assert abs(table.std() - 1) < 0.02 and not table[3].any()
    attention = nn.MultiheadAttention(64, 4)
    assert abs(attention.in_proj_weight.detach().numpy()).max() <= math.sqrt(6 / (64 * 4))


def test_init_functions():
    xp.random.manual_seed(1)
    w = xp.zeros((200, 300), requires_grad=True)
    init = nn.init
    assert init.normal_(w, 1.0, 2.0) is w and w.requires_grad
    data = w.detach().numpy()
    assert abs(data.mean() - 1) < 0.05 and abs(data.std() - 2) < 0.05
    init.trunc_normal_(w, std=1.0, a=-0.5, b=0.5)
    assert abs(data).max() <= 0.5
    init.xavier_normal_(w, gain=2.0)
    assert abs(data.std() - 2 * math.sqrt(2 / 500)) < 0.005
    init.kaiming_normal_(w, nonlinearity="relu", mode="fan_out")
    assert abs(data.std() - math.sqrt(2 / 200)) < 0.005
    init.kaiming_uniform_(w, nonlinearity="relu")
    assert abs(data).max() <= math.sqrt(2) * math.sqrt(3 / 300)
    init.orthogonal_(w, gain=3.0)
    np.testing.assert_allclose(data @ data.T, 9 * np.eye(200), atol=1e-10)
    init.eye_(w)
    assert data.sum() == 200
    init.constant_(w, 0.3)
    assert (data == 0.3).all()
    init.sparse_(w, 0.1)
    assert ((data == 0).sum(axis=0) == 20).all()
    k = xp.zeros((4, 4, 3, 3))
    init.dirac_(k)
    x = xp.random.randn(1, 4, 5, 5)
    np.testing.assert_allclose(F.conv2d(x, k, padding=1).numpy(), x.numpy())
    assert init.calculate_gain("leaky_relu", 0.2) == math.sqrt(2 / 1.04)
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        init.calculate_gain("x")
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        init.xavier_uniform_(xp.zeros(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        init.kaiming_uniform_(xp.zeros((0, 3)))


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_dropout(name):
    xp.random.manual_seed(2)
    x = xp.random.randn(200, 300, requires_grad=True)
    f = getattr(F, name)
    assert f(x, 0.3, training=False) is x
    out = f(x, 0.3, training=True)
    kept = np.isclose(out.detach().numpy(), x.detach().numpy() / 0.7)
    if name == "dropout":
        assert abs(kept.mean() - 0.7) < 0.01
        xp.sum(out).backward()
        np.testing.assert_allclose(x.grad.numpy(), kept / 0.7)
    else:
        assert abs(out.detach().numpy().std() - 1) < 0.02
        assert abs(out.detach().numpy().mean()) < 0.02
    with pytest.raises(ValueError, match="between 0 and 1"):
        f(x, 1.5)
    xp.random.manual_seed(3)
    a = f(x, 0.5, training=True)
    xp.random.manual_seed(3)
    assert bool(xp.all(a.detach() == f(x, 0.5, training=True).detach()))


def test_channel_dropout():
    x = xp.ones((4, 50, 3, 3))
    out = nn.Dropout2d(0.5)(x).numpy()
    per_channel = out.reshape(4, 50, 9)
    assert (per_channel == per_channel[:, :, :1]).all() and set(np.unique(out)) == {0.0, 2.0}
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"
    assert float(xp.sum(nn.Dropout(1.0)(x))) == 0


def test_clipping():
    p = nn.Parameter(xp.zeros(4))
    q = nn.Parameter(xp.zeros((2, 2)))
    for norm_type, expected in ((2.0, math.sqrt(16 * 4 + 9 * 4)), (1.0, 28.0), (math.inf, 4.0)):
        p.grad, q.grad = xp.full((4,), 4.0), xp.full((2, 2), -3.0)
        total = nn.utils.clip_grad_norm_([p, q], 1.0, norm_type)
        assert abs(float(total) - expected) < 1e-12
        after = nn.utils.get_total_norm([p.grad, q.grad], norm_type)
        assert abs(float(after) - 1.0) < 1e-5
    nn.utils.clip_grad_value_([p, q], 0.1)
    assert float(xp.max(xp.abs(p.grad))) <= 0.1
    p.grad = xp.full((4,), math.nan)
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)


def test_vectors():
    model = nn.Linear(2, 3)
    v = nn.utils.parameters_to_vector(model.parameters())
    assert v.shape == (9,) and v.requires_grad
    nn.utils.vector_to_parameters(xp.arange(9, dtype=xp.float32), model.parameters())
    np.testing.assert_array_equal(model.bias.detach().numpy(), [6, 7, 8])
    assert model.bias.requires_grad


def test_weight_norm():
    layer = nn.utils.weight_norm(nn.Linear(3, 4))
    assert list(dict(layer.named_parameters())) == ["bias", "weight_g", "weight_v"]
    assert layer.weight_g.shape == (4, 1)
    x = xp.ones((2, 3), dtype=xp.float32)
    before = layer(x).detach().numpy()
    xp.sum(layer(x)).backward()
    assert layer.weight_g.grad is not None and layer.weight_v.grad is not None
    nn.utils.remove_weight_norm(layer)
    np.testing.assert_allclose(layer(x).detach().numpy(), before, rtol=1e-6)
    assert isinstance(layer.weight, nn.Parameter)
    with pytest.raises(ValueError, match="not found"):
        nn.utils.remove_weight_norm(layer)


def test_spectral_norm():
    layer = nn.utils.spectral_norm(nn.Linear(5, 4), n_power_iterations=20)
    x = xp.ones((2, 5), dtype=xp.float32)
    xp.sum(layer(x)).backward()
    assert abs(float(np.linalg.svd(layer.weight.detach().numpy())[1][0]) - 1) < 1e-3
    assert layer.weight_orig.grad is not None
    assert list(layer.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
    nn.utils.remove_spectral_norm(layer)
    assert list(layer.state_dict()) == ["bias", "weight"]


def descend(model, loss, steps, rate):
    for _ in range(steps):
        model.zero_grad()
        value = loss()
        value.backward()
        with xp.no_grad():
            for p in model.parameters():
                p -= rate * p.grad
    return float(value)


def test_a_small_network_learns():
    xp.random.manual_seed(4)
    x = xp.random.randn(64, 1, 8, 8, dtype=xp.float32)
    y = xp.astype(xp.sum(x[:, 0, :4], axis=(1, 2)) > 0, xp.int64)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 2),
    )  # fmt: skip
    assert descend(model, lambda: F.cross_entropy(model(x), y), 60, 0.2) < 0.1


ATTENTION = nn.MultiheadAttention(4, 2, dtype=xp.float64)
SMOOTH = [
    (lambda x: F.gelu(x, approximate="tanh"), (3, 4)),
    (F.gelu, (3, 4)), (F.silu, (3, 4)), (F.mish, (3, 4)), (F.softplus, (3, 4)),
    (F.logsigmoid, (3, 4)), (F.sigmoid, (3, 4)), (F.elu, (3, 4)), (F.relu, (3, 4)),
    (lambda x: F.layer_norm(x, (4,), x[0], x[1]), (3, 4)),
    (lambda x: F.rms_norm(x, (4,), x[0]), (3, 4)),
    (lambda x: F.group_norm(x, 2, x[0, :, 0], x[1, :, 0]), (2, 4, 3)),
    (lambda x: F.batch_norm(x, None, None, x[0, :, 0], x[1, :, 0], True), (3, 2, 4)),
    (lambda x: F.cross_entropy(x, xp.asarray([0, 3, 1])), (3, 4)),
    (lambda x: F.cross_entropy(x, xp.asarray([0, 3, 1]), reduction="none"), (3, 4)),
    (lambda x: F.linear(x, x[:, :4], x[0, :3]), (3, 4)),
    (lambda x: F.conv2d(x, x[:, :, :2, :2], x[0, :, 0, 0], padding=1, stride=2), (2, 2, 4, 4)),
    (lambda x: F.conv_transpose2d(x, x[:, :, :2, :3], stride=2), (2, 2, 3, 3)),
    (lambda x: F.max_pool2d(x, 2), (1, 2, 4, 4)),
    (lambda x: F.max_pool2d(x, 3, 1, 1), (1, 1, 4, 4)),
    (lambda x: F.avg_pool2d(x, 3, 2, 1), (1, 2, 4, 4)),
    (lambda x: F.unfold(x, 2), (1, 2, 3, 4)),
    (lambda x: F.fold(F.unfold(x, 2), (3, 4), 2), (1, 2, 3, 4)),
    (lambda x: F.embedding(xp.asarray([0, 2, 2]), x), (3, 4)),
    (lambda x: F.scaled_dot_product_attention(x, x, x), (2, 3, 4)),
    (lambda x: ATTENTION(x, x, x)[0], (2, 3, 4)),
    (lambda x: F.binary_cross_entropy(F.sigmoid(x), F.sigmoid(x[::-1])), (3, 4)),
    (lambda x: nn.LSTM(4, 2, dtype=xp.float64)(x)[0] * 0 + F.softmax(x, 1)[:, :2], (3, 4)),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(SMOOTH)))
def test_both_modes_and_second_order(case):
    f, shape = SMOOTH[case]
    x = xp.asarray(np.random.default_rng(case).normal(size=shape)).requires_grad_()
    assert xp.autograd.gradcheck(f, (x,), check_forward_ad=True)
    assert xp.autograd.gradgradcheck(f, (x,))
