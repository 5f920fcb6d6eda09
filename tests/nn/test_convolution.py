"""Convolutions, transposed convolutions, pooling, padding and resampling against PyTorch."""

import itertools

import numpy as np
import pytest

import tensorxp as xp

from .oracle import compare, compare_modules, torch

R = np.random.default_rng(3)
SIZES = {1: (11,), 2: (9, 8), 3: (5, 6, 5)}
F = xp.nn.functional


def image(ndim, batch=2, channels=4):
    return R.normal(size=(batch, channels, *SIZES[ndim]))


GRID = [
    (ndim, {"stride": s, "padding": p, "dilation": d, "groups": g})
    for ndim, s, p, d, g in itertools.product((1, 2, 3), (1, 2), (0, 1, 2), (1, 2), (1, 2))
    if ndim < 3 or (d == 1 and p < 2)
]


@pytest.mark.parametrize(("ndim", "kwargs"), GRID)
def test_convolution(ndim, kwargs):
    args = (image(ndim), R.normal(size=(6, 4 // kwargs["groups"], *(3,) * ndim)), R.normal(size=6))
    compare(
        getattr(F, f"conv{ndim}d"),
        getattr(torch.nn.functional, f"conv{ndim}d"),
        args,
        kwargs,
        "float64",
    )


@pytest.mark.parametrize(("ndim", "kwargs"), GRID)
def test_transposed_convolution(ndim, kwargs):
    args = (image(ndim), R.normal(size=(4, 6 // kwargs["groups"], *(3,) * ndim)), R.normal(size=6))
    if kwargs["stride"] == 2:
        kwargs = {**kwargs, "output_padding": 1}
    name = f"conv_transpose{ndim}d"
    compare(getattr(F, name), getattr(torch.nn.functional, name), args, kwargs, "float64")


MODULES = [
    ("Conv1d", {"kernel_size": 3}, 1),
    ("Conv1d", {"kernel_size": 4, "padding": "same", "dilation": 2}, 1),
    ("Conv2d", {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}, 2),
    ("Conv2d", {"kernel_size": 3, "padding": "same"}, 2),
    ("Conv2d", {"kernel_size": 3, "padding": "valid", "bias": False}, 2),
    ("Conv2d", {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"}, 2),
    ("Conv2d", {"kernel_size": 3, "padding": 2, "padding_mode": "replicate"}, 2),
    ("Conv2d", {"kernel_size": 3, "padding": (1, 2), "padding_mode": "circular", "groups": 2}, 2),
    ("Conv2d", {"kernel_size": 1}, 2),
    ("Conv2d", {"kernel_size": 1, "stride": 2}, 2),
    ("Conv2d", {"kernel_size": 3, "groups": 4, "padding": 1}, 2),
    ("Conv3d", {"kernel_size": 2, "padding": 1, "stride": 2}, 3),
    ("ConvTranspose1d", {"kernel_size": 3, "stride": 2}, 1),
    ("ConvTranspose2d", {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}, 2),
    ("ConvTranspose2d", {"kernel_size": 3, "groups": 2, "dilation": 2}, 2),
    ("ConvTranspose3d", {"kernel_size": 2, "stride": 2, "bias": False}, 3),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "kwargs", "ndim"), MODULES)
def test_module(name, kwargs, ndim, dtype):
    ours, theirs = (getattr(lib.nn, name)(4, 8, **kwargs) for lib in (xp, torch))
    compare_modules(ours, theirs, (image(ndim),), dtype)


def test_without_batch_and_large():
    w = R.normal(size=(6, 4, 3, 3))
    compare(F.conv2d, torch.nn.functional.conv2d, (image(2)[0], w), {"padding": 1}, "float64")
    x = R.normal(size=(40, 4, 30, 28))
    compare(
        F.conv2d, torch.nn.functional.conv2d, (x, w, R.normal(size=6)), {"padding": 1}, "float64"
    )
    compare(
        F.conv2d, torch.nn.functional.conv2d, (x, w, R.normal(size=6)), {"stride": 2}, "float64"
    )


def test_output_size():
    ours, theirs = (lib.nn.ConvTranspose2d(4, 3, 3, stride=2) for lib in (xp, torch))
    ours.load_state_dict(theirs.state_dict())
    x = R.normal(size=(1, 4, 5, 5)).astype("float32")
    a = ours(xp.asarray(x), output_size=(12, 11)).detach().numpy()
    b = theirs(torch.asarray(x), output_size=(12, 11)).detach().numpy()
    np.testing.assert_allclose(a, b, atol=1e-5)


POOLS = [
    ("max_pool", {"kernel_size": 2}), ("max_pool", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool", {"kernel_size": 2, "stride": 1, "dilation": 2}),
    ("max_pool", {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ("max_pool", {"kernel_size": 2, "return_indices": True}),
    ("max_pool", {"kernel_size": 3, "stride": 1, "padding": 1, "return_indices": True}),
    ("avg_pool", {"kernel_size": 2}), ("avg_pool", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("avg_pool", {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    ("avg_pool", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("lp_pool", {"norm_type": 2.0, "kernel_size": 2}),
    ("adaptive_avg_pool", {"output_size": 1}), ("adaptive_avg_pool", {"output_size": 3}),
    ("adaptive_max_pool", {"output_size": 1}), ("adaptive_max_pool", {"output_size": 3}),
    ("adaptive_max_pool", {"output_size": 2, "return_indices": True}),
]  # fmt: skip


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(("name", "kwargs"), POOLS)
def test_pooling(name, kwargs, ndim):
    ours, theirs = getattr(F, f"{name}{ndim}d"), getattr(torch.nn.functional, f"{name}{ndim}d")
    compare(ours, theirs, (image(ndim),), kwargs, "float64")
    compare(ours, theirs, (np.round(image(ndim)),), kwargs, "float64") if "lp" not in name \
        else None  # fmt: skip


def test_pooling_more():
    kwargs = {"kernel_size": 2, "divisor_override": 3}
    compare(F.avg_pool2d, torch.nn.functional.avg_pool2d, (image(2),), kwargs, "float64")
    kwargs = {"output_size": (None, 3)}
    compare(
        F.adaptive_avg_pool2d,
        torch.nn.functional.adaptive_avg_pool2d,
        (image(2),),
        kwargs,
        "float64",
    )
    compare(
        F.max_pool2d, torch.nn.functional.max_pool2d, (image(2)[0],), {"kernel_size": 2}, "float32"
    )

    def unpool(lib):
        f = lib.nn.functional
        return lambda x: f.max_unpool2d(*f.max_pool2d(x, 2, return_indices=True), 2)

    compare(unpool(xp), unpool(torch), (R.normal(size=(2, 3, 6, 4)),), {}, "float64")


POOL_MODULES = [
    *[(f"{kind}Pool{n}d", {"kernel_size": 2}, n) for kind in ("Max", "Avg") for n in (1, 2, 3)],
    *[(f"LPPool{n}d", {"norm_type": 2, "kernel_size": 2}, n) for n in (1, 2, 3)],
    *[(f"Adaptive{kind}Pool{n}d", {"output_size": 3}, n) for kind in ("Max", "Avg")
      for n in (1, 2, 3)],
    *[(f"{kind}Pad{n}d", {"padding": 1}, n) for kind in ("Zero", "Reflection", "Replication",
                                                         "Circular") for n in (1, 2, 3)],
    *[(f"ConstantPad{n}d", {"padding": 1, "value": 2.5}, n) for n in (1, 2, 3)],
]  # fmt: skip


@pytest.mark.parametrize(("name", "kwargs", "ndim"), POOL_MODULES)
def test_pool_and_pad_modules(name, kwargs, ndim):
    ours, theirs = (getattr(lib.nn, name)(**kwargs) for lib in (xp, torch))
    compare_modules(ours, theirs, (image(ndim),), "float32")


PADS = [
    ((1, 2), {}), ((1, 2, 0, 3), {"value": 1.5}), ((-1, 2, 1, -2), {}),
    ((1, 2, 3, 1), {"mode": "reflect"}), ((1, 2, 3, 1), {"mode": "replicate"}),
    ((1, 2, 3, 1), {"mode": "circular"}),
]  # fmt: skip


@pytest.mark.parametrize(("pad", "kwargs"), PADS)
def test_pad(pad, kwargs):
    compare(F.pad, torch.nn.functional.pad, (image(2),), {"pad": pad, **kwargs}, "float64")


RESAMPLINGS = [
    (1, {"scale_factor": 2.0}), (2, {"size": (5, 13)}), (2, {"size": 6, "mode": "nearest-exact"}),
    (1, {"size": 7, "mode": "linear"}), (2, {"scale_factor": 1.7, "mode": "bilinear"}),
    (2, {"scale_factor": (0.6, 2.0), "mode": "bilinear", "align_corners": True}),
    (2, {"size": (13, 5), "mode": "bicubic"}), (2, {"size": (4, 12), "mode": "bicubic",
                                                    "align_corners": True}),
    (3, {"size": (3, 7, 9), "mode": "trilinear"}), (2, {"size": (4, 3), "mode": "area"}),
    (2, {"scale_factor": 1.7, "mode": "bilinear", "recompute_scale_factor": True}),
]  # fmt: skip


@pytest.mark.parametrize(("ndim", "kwargs"), RESAMPLINGS)
def test_interpolate(ndim, kwargs):
    compare(F.interpolate, torch.nn.functional.interpolate, (image(ndim),), kwargs, "float64")


@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_grid_sample(mode, padding, align):
    grid = R.uniform(-1.3, 1.3, size=(2, 4, 5, 2))
    kwargs = {"mode": mode, "padding_mode": padding, "align_corners": align}
    compare(F.grid_sample, torch.nn.functional.grid_sample, (image(2), grid), kwargs, "float64",
            (0, 1) if mode == "bilinear" else (0,))  # fmt: skip


def test_affine_grid_takes_its_size_from_an_array():
    theta = xp.ones((1, 2, 3))
    assert F.affine_grid(theta, np.array([1, 1, 3, 4])).shape == (1, 3, 4, 2)
    with pytest.raises(TypeError, match="affine_grid: size is"):
        F.affine_grid(theta, np.array([1.0, 1.0, 3.0, 4.0]))


def test_affine_grid():
    theta = R.normal(size=(2, 2, 3))
    for align in (True, False):
        kwargs = {"size": (2, 3, 4, 5), "align_corners": align}
        compare(F.affine_grid, torch.nn.functional.affine_grid, (theta,), kwargs, "float64")
