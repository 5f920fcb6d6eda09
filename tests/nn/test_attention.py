"""Attention and transformers against PyTorch."""

import numpy as np
import pytest

import tensorxp as xp

from .oracle import close, compare, load, torch

R = np.random.default_rng(5)
F = xp.nn.functional


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": R.normal(size=(4, 4))},
        {"attn_mask": np.tril(np.ones((4, 4))) > 0},
    ],
)
def test_scaled_dot_product_attention(kwargs, dtype):
    args = tuple(R.normal(size=(2, 3, 4, 6)) for _ in range(3))
    ours, theirs = F.scaled_dot_product_attention, torch.nn.functional.scaled_dot_product_attention
    compare(ours, theirs, args, kwargs, dtype)


def pair(name, *args, **kwargs):
    ours, theirs = (getattr(lib.nn, name)(*args, **kwargs) for lib in (xp, torch))
    load(ours, theirs)
    return ours.double(), theirs.double()


OPTIONS = [
    {},
    {"batch_first": True},
    {"bias": False},
    {"add_bias_kv": True},
    {"add_zero_attn": True},
    {"kdim": 5, "vdim": 7},
]


@pytest.mark.parametrize("kwargs", OPTIONS)
def test_multihead_attention(kwargs):
    ours, theirs = pair("MultiheadAttention", 8, 2, **kwargs)
    q = R.normal(size=(3, 3, 8))
    k = R.normal(size=(3, 3, kwargs.get("kdim", 8)))
    v = R.normal(size=(3, 3, kwargs.get("vdim", 8)))
    compare(ours, theirs, (q, k, v), {}, "float64")
    named = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        close(p.grad, named[name].grad, "float64", name)


def test_multihead_attention_masks():
    ours, theirs = pair("MultiheadAttention", 8, 2)
    x = R.normal(size=(4, 3, 8))
    pad = np.array([[False, False, True, True], [False] * 4, [False, True, False, False]])
    causal = np.triu(np.ones((4, 4)), 1) > 0

    def call(module, lib):
        return lambda x: (
            *module(x, x, x, key_padding_mask=lib.asarray(pad), attn_mask=lib.asarray(causal)),
            *module(x, x, x, average_attn_weights=False),
            module(x, x, x, need_weights=False, attn_mask=lib.asarray(np.stack([causal] * 6)))[0],
        )

    compare(call(ours, xp), call(theirs, torch), (x,), {}, "float64")
    compare(lambda x: ours(x, x, x), lambda x: theirs(x, x, x), (x[:, 0],), {}, "float64")


LAYER = [
    {"dropout": 0.0},
    {"dropout": 0.0, "batch_first": True, "norm_first": True},
    {"dropout": 0.0, "activation": "gelu"},
    {"dropout": 0.0, "bias": False},
]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("kwargs", LAYER)
def test_transformer(kwargs):
    x, y = R.normal(size=(3, 3, 8)), R.normal(size=(3, 3, 8))
    ours, theirs = pair("TransformerEncoderLayer", 8, 2, 16, **kwargs)
    compare(ours, theirs, (x,), {}, "float64")
    ours, theirs = pair("TransformerDecoderLayer", 8, 2, 16, **kwargs)
    mask = np.triu(np.full((3, 3), -np.inf), 1)
    compare(ours, theirs, (x, y), {"tgt_mask": mask}, "float64")
    ours, theirs = pair(
        "Transformer", 8, 2, 2, 1, 16, **{k: v for k, v in kwargs.items() if k != "dropout"},
        dropout=0.0,
    )  # fmt: skip
    compare(ours, theirs, (x, y), {"tgt_mask": mask}, "float64")


def test_encoder_stack():
    def make(lib):
        layer = lib.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        return lib.nn.TransformerEncoder(
            layer, 2, lib.nn.LayerNorm(8), **({"enable_nested_tensor": False})
        )

    ours, theirs = make(xp), make(torch)
    load(ours, theirs)
    ours.double(), theirs.double()
    x = R.normal(size=(2, 5, 8))
    pad = np.array([[False] * 5, [False, False, False, True, True]])
    compare(ours, theirs, (x,), {"src_key_padding_mask": pad}, "float64")
    layers = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        close(p.grad, layers[name].grad, "float64", name)
