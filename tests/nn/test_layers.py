"""Layers with weights against PyTorch: repr, state dict, outputs, gradients, buffers."""

import numpy as np
import pytest

import tensorxp as xp

from .oracle import compare_modules, torch

R = np.random.default_rng(2)


def normal(*shape):
    return R.normal(size=shape)


LAYERS = [
    ("Identity", {}, (normal(2, 3),)),
    ("Linear", {"in_features": 5, "out_features": 3}, (normal(4, 5),)),
    ("Linear", {"in_features": 5, "out_features": 3}, (normal(5),)),
    ("Linear", {"in_features": 5, "out_features": 3}, (normal(2, 3, 4, 5),)),
    ("Linear", {"in_features": 5, "out_features": 3, "bias": False}, (normal(4, 5),)),
    ("Bilinear", {"in1_features": 3, "in2_features": 4, "out_features": 2},
     (normal(5, 3), normal(5, 4))),
    ("Flatten", {}, (normal(2, 3, 4),)),
    ("Unflatten", {"dim": 1, "unflattened_size": (2, 3)}, (normal(2, 6, 4),)),
    ("PixelShuffle", {"upscale_factor": 2}, (normal(2, 8, 3, 4),)),
    ("PixelUnshuffle", {"downscale_factor": 2}, (normal(2, 2, 4, 6),)),
    ("ChannelShuffle", {"groups": 2}, (normal(2, 6, 3, 3),)),
    ("CosineSimilarity", {}, (normal(3, 4), normal(3, 4))),
    ("PairwiseDistance", {}, (normal(3, 4), normal(3, 4))),
    ("BatchNorm1d", {"num_features": 4}, (normal(6, 4) * 3 + 1,)),
    ("BatchNorm1d", {"num_features": 4}, (normal(6, 4, 5),)),
    ("BatchNorm2d", {"num_features": 4, "momentum": None}, (normal(3, 4, 5, 6),)),
    ("BatchNorm2d", {"num_features": 4, "affine": False}, (normal(3, 4, 5, 6),)),
    ("BatchNorm2d", {"num_features": 4, "track_running_stats": False}, (normal(3, 4, 5, 6),)),
    ("BatchNorm3d", {"num_features": 2, "eps": 0.1}, (normal(3, 2, 3, 2, 4),)),
    ("InstanceNorm1d", {"num_features": 4, "affine": True}, (normal(3, 4, 5),)),
    ("InstanceNorm2d", {"num_features": 4, "track_running_stats": True}, (normal(3, 4, 5, 2),)),
    ("InstanceNorm3d", {"num_features": 2}, (normal(3, 2, 3, 2, 4),)),
    ("LayerNorm", {"normalized_shape": 6}, (normal(3, 4, 6) * 2 + 3,)),
    ("LayerNorm", {"normalized_shape": (4, 6), "bias": False}, (normal(3, 4, 6),)),
    ("LayerNorm", {"normalized_shape": 6, "elementwise_affine": False}, (normal(3, 4, 6),)),
    ("RMSNorm", {"normalized_shape": 6}, (normal(3, 4, 6),)),
    ("RMSNorm", {"normalized_shape": (4, 6), "eps": 0.1}, (normal(3, 4, 6),)),
    ("GroupNorm", {"num_groups": 2, "num_channels": 6}, (normal(3, 6, 4),)),
    ("GroupNorm", {"num_groups": 3, "num_channels": 6, "affine": False}, (normal(3, 6, 4, 2),)),
    ("LocalResponseNorm", {"size": 3}, (normal(2, 5, 4, 3),)),
    ("Embedding", {"num_embeddings": 7, "embedding_dim": 3}, (R.integers(0, 7, (4, 5)),)),
    ("Embedding", {"num_embeddings": 7, "embedding_dim": 3, "padding_idx": 2},
     (R.integers(0, 7, (4, 5)),)),
    ("Embedding", {"num_embeddings": 7, "embedding_dim": 3, "scale_grad_by_freq": True},
     (R.integers(0, 7, (4, 5)),)),
    ("EmbeddingBag", {"num_embeddings": 7, "embedding_dim": 3}, (R.integers(0, 7, (4, 5)),)),
    ("EmbeddingBag", {"num_embeddings": 7, "embedding_dim": 3, "mode": "sum", "padding_idx": 1},
     (R.integers(0, 7, (4, 5)),)),
    ("EmbeddingBag", {"num_embeddings": 7, "embedding_dim": 3, "mode": "max"},
     (R.integers(0, 7, 9), np.array([0, 2, 2, 6]))),
    ("Upsample", {"scale_factor": 2}, (normal(2, 3, 4, 5),)),
    ("Upsample", {"size": (7, 3), "mode": "bilinear"}, (normal(2, 3, 4, 5),)),
    ("UpsamplingBilinear2d", {"scale_factor": 2}, (normal(2, 3, 4, 5),)),
    ("Unfold", {"kernel_size": (2, 3), "padding": 1, "stride": 2}, (normal(2, 3, 6, 7),)),
    ("Fold", {"output_size": (4, 5), "kernel_size": 2, "stride": 1}, (normal(2, 12, 12),)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "kwargs", "args"), LAYERS)
def test_layer(name, kwargs, args, dtype):
    ours, theirs = getattr(xp.nn, name)(**kwargs), getattr(torch.nn, name)(**kwargs)
    compare_modules(ours, theirs, args, dtype)
    ours.eval(), theirs.eval()
    compare_modules(ours, theirs, args, dtype) if "Norm" in name and "momentum" not in kwargs \
        and not list(ours.parameters()) else None  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_norm_evaluation(dtype):
    ours, theirs = xp.nn.BatchNorm2d(4), torch.nn.BatchNorm2d(4)
    with torch.no_grad():
        theirs.running_mean.normal_()
        theirs.running_var.uniform_(0.5, 2)
        theirs.weight.normal_()
    ours.eval(), theirs.eval()
    compare_modules(ours, theirs, (normal(2, 4, 3, 3),), dtype)


def test_embedding_max_norm():
    ours, theirs = (lib.nn.Embedding(5, 3, max_norm=1.0) for lib in (xp, torch))
    index = np.array([0, 2, 2, 4])
    compare_modules(ours, theirs, (index,), "float32")
    np.testing.assert_allclose(
        ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-5
    )


def test_weights_go_back_to_pytorch():
    for name, args, x in (
        ("LSTM", (3, 4), normal(5, 2, 3)),
        ("TransformerEncoderLayer", (8, 2, 16, 0.0), normal(5, 2, 8)),
        ("Conv2d", (3, 4, 3), normal(2, 3, 6, 6)),
    ):
        ours, theirs = getattr(xp.nn, name)(*args), getattr(torch.nn, name)(*args)
        state = {k: torch.from_numpy(np.asarray(v)) for k, v in ours.state_dict().items()}
        theirs.load_state_dict(state)
        x = x.astype("float32")
        a, b = ours(xp.asarray(x)), theirs(torch.asarray(x))
        a, b = (a[0], b[0]) if name == "LSTM" else (a, b)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-5)
