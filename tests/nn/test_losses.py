"""Losses against PyTorch over their options."""

import inspect
import warnings

import numpy as np
import pytest

import tensorxp as xp

from .oracle import compare, torch

R = np.random.default_rng(1)
X, Y = R.normal(size=(5, 4)), R.normal(size=(5, 4))
P = R.uniform(0.05, 0.95, size=(5, 4))
SOFT = R.dirichlet(np.ones(4), size=5)
SIGN = R.choice([-1.0, 1.0], size=(5, 4))
LABELS = R.integers(0, 4, 5)
IGNORED = np.array([1, -100, 3, 0, -100])
W = R.uniform(0.5, 2, size=4)
IMAGE, IMAGE_LABELS = R.normal(size=(2, 4, 3, 5)), R.integers(0, 4, (2, 3, 5))
IMAGE_SOFT = np.moveaxis(R.dirichlet(np.ones(4), size=(2, 3, 5)), -1, 1)

CASES = [
    ("cross_entropy", (X, LABELS), {}),
    ("cross_entropy", (X, IGNORED), {}),
    ("cross_entropy", (X, LABELS), {"weight": W}),
    ("cross_entropy", (X, IGNORED), {"weight": W}),
    ("cross_entropy", (X, LABELS), {"label_smoothing": 0.1}),
    ("cross_entropy", (X, IGNORED), {"label_smoothing": 0.3, "weight": W}),
    ("cross_entropy", (X, LABELS), {"ignore_index": 2}),
    ("cross_entropy", (X, SOFT), {}),
    ("cross_entropy", (X, SOFT), {"weight": W, "label_smoothing": 0.1}),
    ("cross_entropy", (IMAGE, IMAGE_LABELS), {}),
    ("cross_entropy", (IMAGE, IMAGE_LABELS), {"weight": W, "label_smoothing": 0.2}),
    ("cross_entropy", (IMAGE, IMAGE_SOFT), {"weight": W}),
    ("cross_entropy", (X[0], np.array(2)), {}),
    ("nll_loss", (np.log(SOFT), LABELS), {}),
    ("nll_loss", (np.log(SOFT), IGNORED), {"weight": W}),
    ("nll_loss", (IMAGE, IMAGE_LABELS), {}),
    ("mse_loss", (X, Y), {}),
    ("mse_loss", (X, Y), {"weight": P}),
    ("l1_loss", (X, Y), {}),
    ("l1_loss", (X, X), {}),
    ("smooth_l1_loss", (X, Y), {}),
    ("smooth_l1_loss", (X, Y), {"beta": 0.3}),
    ("smooth_l1_loss", (X, Y), {"beta": 0.0}),
    ("huber_loss", (X, Y), {}),
    ("huber_loss", (X, Y), {"delta": 0.4}),
    ("binary_cross_entropy", (P, SOFT), {}),
    ("binary_cross_entropy", (P, SOFT), {"weight": W}),
    ("binary_cross_entropy_with_logits", (X, SOFT), {}),
    ("binary_cross_entropy_with_logits", (X * 50, SOFT), {}),
    ("binary_cross_entropy_with_logits", (X, SOFT), {"weight": P, "pos_weight": W}),
    ("kl_div", (np.log(P), SOFT), {}),
    ("kl_div", (np.log(P), np.log(SOFT)), {"log_target": True}),
    ("poisson_nll_loss", (X, P * 5), {}),
    ("poisson_nll_loss", (P, P * 5), {"log_input": False}),
    ("poisson_nll_loss", (X, P * 5), {"full": True}),
    ("gaussian_nll_loss", (X, Y, P), {}),
    ("gaussian_nll_loss", (X, Y, P[:, :1]), {"full": True}),
    ("hinge_embedding_loss", (X, SIGN), {}),
    ("hinge_embedding_loss", (X, SIGN), {"margin": 0.5}),
    ("soft_margin_loss", (X, SIGN), {}),
    ("multilabel_soft_margin_loss", (X, (SIGN + 1) / 2), {"weight": W}),
    ("multi_margin_loss", (X, LABELS), {}),
    ("multi_margin_loss", (X, LABELS), {"p": 2, "margin": 0.7, "weight": W}),
    ("multilabel_margin_loss", (X, np.array([[1, 2, -1, 0], [0, -1, 2, 3], [3, 2, 1, 0],
                                             [-1, 0, 1, 2], [2, 3, 0, -1]])), {}),
    ("cosine_embedding_loss", (X, Y, SIGN[:, 0]), {"margin": 0.1}),
    ("margin_ranking_loss", (X, Y, SIGN), {"margin": 0.2}),
    ("triplet_margin_loss", (X, Y, P), {}),
    ("triplet_margin_loss", (X, Y, P), {"swap": True, "p": 1.5, "margin": 2.0}),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("name", "args", "kwargs"), CASES)
def test_loss(name, args, kwargs, reduction, dtype):
    ours, theirs = getattr(xp.nn.functional, name), getattr(torch.nn.functional, name)
    grad = (0,) if name not in ("cosine_embedding_loss", "margin_ranking_loss",
                                "triplet_margin_loss", "gaussian_nll_loss") else (0, 1)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch advises against the mean of kl_div
        compare(ours, theirs, args, {**kwargs, "reduction": reduction}, dtype, grad=grad)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batchmean_and_distances(dtype):
    F, T = xp.nn.functional, torch.nn.functional
    compare(F.kl_div, T.kl_div, (np.log(P), SOFT), {"reduction": "batchmean"}, dtype, grad=(0,))
    compare(F.cosine_similarity, T.cosine_similarity, (X, Y), {}, dtype)
    compare(F.pairwise_distance, T.pairwise_distance, (X, Y), {}, dtype)
    compare(F.normalize, T.normalize, (X,), {"dim": 1}, dtype)
    compare(F.pdist, T.pdist, (X,), {}, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ctc(dtype):
    logits = R.normal(size=(12, 3, 5))
    targets = np.array([[1, 2, 2, 3], [4, 4, 1, 0], [2, 1, 0, 0]])
    lengths = np.array([12, 10, 11]), np.array([4, 3, 2])

    def loss(lib):
        return lambda x: lib.nn.functional.ctc_loss(
            lib.nn.functional.log_softmax(x, dim=-1),
            lib.asarray(targets), lib.asarray(lengths[0]), lib.asarray(lengths[1]),
        )  # fmt: skip

    compare(loss(xp), loss(torch), (logits,), {}, dtype)


MODULES = [
    ("CrossEntropyLoss", {"label_smoothing": 0.1}), ("NLLLoss", {}), ("MSELoss", {}),
    ("L1Loss", {}), ("SmoothL1Loss", {}), ("HuberLoss", {}), ("BCELoss", {}),
    ("BCEWithLogitsLoss", {}), ("KLDivLoss", {}), ("PoissonNLLLoss", {}), ("GaussianNLLLoss", {}),
    ("HingeEmbeddingLoss", {}), ("SoftMarginLoss", {}), ("MultiLabelSoftMarginLoss", {}),
    ("MultiMarginLoss", {}), ("MultiLabelMarginLoss", {}), ("CosineEmbeddingLoss", {}),
    ("MarginRankingLoss", {}), ("TripletMarginLoss", {}), ("CTCLoss", {}),
    ("TripletMarginWithDistanceLoss", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kwargs"), MODULES)
def test_module_signature(name, kwargs):
    ours, theirs = getattr(xp.nn, name), getattr(torch.nn, name)
    a, b = (list(inspect.signature(c.__init__).parameters.items()) for c in (ours, theirs))
    assert [n for n, _ in a] == [n for n, _ in b]
    assert [p.default for _, p in a] == [p.default for _, p in b]
    assert repr(ours(**kwargs)) == repr(theirs(**kwargs))
