"""Rows of the primitives behind `nn`: activations, convolution, pooling, losses, recurrences.

The layers themselves are held against PyTorch in tests/nn.
"""

import numpy as np

import tensorxp as xp
import tensorxp.nn.functional as F
from tensorxp._ops.attention import attention
from tensorxp._ops.dense import split_last
from tensorxp._ops.recurrence import lstm_p
from tensorxp.autograd.testing import integers, nonzero, normal, spaced, uniform
from tests.harness import Row, table


def torch_attention(q, k, v, **options):
    import torch

    # the plain formula: PyTorch's own kernel on the CPU lacks forward mode and second derivatives
    scores = options["scale"] * q @ k.transpose(-1, -2)
    if options["is_causal"]:
        above = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(above, -torch.inf)
    return torch.softmax(scores, -1) @ v


def torch_interpolate(x):
    import torch

    return torch.nn.functional.interpolate(x, (5, 4), mode="bilinear")


def _tracked(x):
    return x if x.requires_grad else x.detach().requires_grad_()


def _input_gradient(weight, ct):
    x = xp.zeros((2, 2, 5, 5), device=weight.device, requires_grad=True)
    out = F.conv2d(x, weight, stride=2, padding=1)
    return xp.autograd.grad(out, x, ct, create_graph=True)[0]


def _weight_gradient(x, ct):
    weight = xp.zeros((3, 2, 3, 3), device=x.device, requires_grad=True)
    out = F.conv2d(x, weight, stride=2, padding=1)
    return xp.autograd.grad(out, weight, ct, create_graph=True)[0]


def _pool_gradient(x, ct):
    x = _tracked(x)
    return xp.autograd.grad(F.max_pool2d(x, 2), x, ct, create_graph=True)[0]


def _average_gradient(x, ct):
    x = _tracked(x)
    return xp.autograd.grad(F.avg_pool2d(x, 2), x, ct, create_graph=True)[0]


def _embedding_gradient(weight, index, ct):
    weight = _tracked(weight)
    out = F.embedding(index, weight)
    return xp.autograd.grad(out, weight, ct, create_graph=True)[0]


def _lstm(gates, h, c, weight):
    params = {"sizes": (2, 2, 1), "reverse": False}
    return xp.autograd.apply_primitive(lstm_p, (gates, h, c, weight), params)[:3]


UNARY = [
    "elu", "gelu", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish", "relu", "sigmoid",
    "silu", "softplus", "softsign", "tanhshrink",
]  # fmt: skip

ROWS = [
    *(
        Row(name, getattr(F, name), (nonzero(3, 2),), torch=f"nn.functional.{name}")
        for name in UNARY
    ),
    Row(
        "binary_cross_entropy_with_logits",
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
        (normal(3, 2), uniform(0.1, 0.9, 3, 2)),
        lambda x, y: np.log1p(np.exp(x)) - x * y,
    ),
    Row("gelu tanh", lambda x: F.gelu(x, approximate="tanh"), (normal(3, 2),)),
    *(
        Row(
            f"attention{', causal' if causal else ''}",
            lambda q, k, v, causal=causal: attention(q, k, v, causal=causal, scale=0.7),
            (normal(2, 3, 4), normal(2, 3, 4), normal(2, 3, 2)),
            torch=lambda q, k, v, causal=causal: torch_attention(
                q, k, v, is_causal=causal, scale=0.7
            ),
        )
        for causal in (False, True)
    ),
    Row("threshold", lambda x: F.threshold(x, 0.1, 0.5), (nonzero(3, 2),)),
    Row("linear", F.linear, (normal(2, 3), normal(4, 3), normal(4)), torch="nn.functional.linear"),
    Row(
        "binary cross-entropy",
        F.binary_cross_entropy,
        (uniform(0.1, 0.9, 3, 2), uniform(0.1, 0.9, 3, 2)),
        torch="nn.functional.binary_cross_entropy",
    ),
    Row(
        "cross-entropy",
        F.cross_entropy,
        (normal(4, 3), integers(0, 3, 4)),
        torch="nn.functional.cross_entropy",
    ),
    Row("conv2d", F.conv2d, (normal(2, 2, 5, 5), normal(3, 2, 3, 3), normal(3)),
        torch="nn.functional.conv2d"),
    Row("conv2d input gradient", _input_gradient, (normal(3, 2, 3, 3), normal(2, 3, 3, 3))),
    Row("conv2d weight gradient", _weight_gradient, (normal(2, 2, 5, 5), normal(2, 3, 3, 3))),
    Row("max_pool2d", lambda x: F.max_pool2d(x, 2), (spaced(1, 2, 4, 4),)),
    Row("max_pool2d gradient", _pool_gradient, (spaced(1, 2, 4, 4), normal(1, 2, 2, 2))),
    Row(
        "max_pool2d tangent",
        lambda x, t: xp.autograd.jvp(lambda x: F.max_pool2d(x, 2), (x,), (t,))[1],
        (spaced(1, 2, 4, 4), normal(1, 2, 4, 4)),
    ),
    Row("avg_pool2d", lambda x: F.avg_pool2d(x, 2), (normal(1, 2, 4, 4),)),
    Row("avg_pool2d gradient", _average_gradient, (normal(1, 2, 4, 4), normal(1, 2, 2, 2))),
    Row("unfold", lambda x: F.unfold(x, 2), (normal(1, 2, 4, 4),)),
    Row("fold", lambda x: F.fold(x, (3, 3), 2), (normal(1, 8, 4),)),
    Row("embedding", lambda w, i: F.embedding(i, w), (normal(5, 3), integers(0, 5, 2, 3))),
    Row(
        "embedding gradient",
        _embedding_gradient,
        (normal(5, 3), integers(0, 5, 2, 3), normal(2, 3, 3)),
    ),
    Row(
        "embedding tangent",
        lambda w, i, t: xp.autograd.jvp(lambda w: F.embedding(i, w), (w,), (t,))[1],
        (normal(5, 3), integers(0, 5, 2, 3), normal(5, 3)),
    ),
    Row("split_last", lambda x: split_last(x, 2), (normal(3, 4),), lambda x: np.split(x, 2, -1)),
    Row(
        "batch_norm",
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
        (normal(5, 3), normal(3), normal(3)),
    ),
    Row(
        "layer_norm",
        lambda x, w, b: F.layer_norm(x, (3,), w, b),
        (normal(5, 3), normal(3), normal(3)),
    ),
    Row(
        "along",
        lambda x: F.interpolate(x, (5, 4), mode="bilinear"),
        (normal(1, 2, 3, 3),),
        torch=torch_interpolate,
    ),
    Row("diag", xp.diag, (normal(3),), np.diag),
    # forward mode takes the recurrence step by step, so the primitive has no jvp
    Row("lstm", _lstm, (normal(5, 8), normal(2, 2), normal(2, 2), normal(8, 2)), forward=False,
        order2=False),
]  # fmt: skip


@table(ROWS)
def test_row(row, check, kind, device):
    check(row, kind, device)
