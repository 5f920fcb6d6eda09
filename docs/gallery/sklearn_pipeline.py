"""A scikit-learn pipeline on Tensors, and the gradient of its score by what went in.

With `array_api_dispatch` scikit-learn computes with the arrays that it is given. Given Tensors,
a whole pipeline is differentiable: scaling, principal components, ridge regression and the
metric. That answers two questions about a model of the progression of diabetes. By which
measurements of the patients would the error of the prediction change most? And, since the fit is
differentiable too: which patients of the training set help or harm the prediction for others?

Run `python docs/gallery/sklearn_pipeline.py [folder for the picture]`. It runs on the GPU where
there is one.
"""

import os
import sys
from pathlib import Path

os.environ["SCIPY_ARRAY_API"] = "1"  # before SciPy is imported

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.datasets import load_diabetes
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tensorxp as xp


def model():
    """Return the pipeline; its solvers are those that run on any array library."""
    return make_pipeline(StandardScaler(), PCA(6, svd_solver="full"), Ridge(1.0, solver="svd"))


def error_of(pipeline, inputs, truth):
    """Return the mean squared error as a Tensor.

    A metric is a Python number, which has no gradient; its raw values are a Tensor.
    """
    return mean_squared_error(truth, pipeline.predict(inputs), multioutput="raw_values")[0]


def main(folder):
    device = "cuda" if xp.cuda.is_available() else "cpu"
    data = load_diabetes(scaled=False)
    parts = train_test_split(data.data, data.target, random_state=0)
    train, test, train_truth, test_truth = (xp.asarray(part, device=device) for part in parts)

    # the scaler divides 0 by 0 on its first batch and replaces the result, of which NumPy tells
    with sklearn.config_context(array_api_dispatch=True), np.errstate(invalid="ignore"):
        # the gradient of the test error by the test inputs
        test.requires_grad_(True)
        error = error_of(model().fit(train, train_truth), test, test_truth)
        (by_input,) = xp.autograd.grad(error, test)

        # the gradient of the test error by the training targets, through the fit
        train_truth.requires_grad_(True)
        fitted = error_of(model().fit(train, train_truth), test.detach(), test_truth)
        (by_target,) = xp.autograd.grad(fitted, train_truth)

        # both are what the difference of two runs is
        i, step = 7, 1e-3
        sides = []
        for sign in (1, -1):
            moved = train_truth.detach() + 0
            moved[i] += sign * step
            sides.append(float(error_of(model().fit(train, moved), test.detach(), test_truth)))
        difference = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(float(by_target[i]), difference, rtol=1e-4)

    print(f"test error {float(error):.1f} on {device}")
    spread = xp.std(train, axis=0)
    effect = (xp.sqrt(xp.mean(by_input**2, axis=0)) * spread * test.shape[0]).cpu().numpy()
    for name, value in zip(data.feature_names, effect, strict=True):
        print(f"{name:>4}: {value:8.1f} per standard deviation, for one patient")

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    order = np.argsort(effect)
    left.barh(np.array(data.feature_names)[order], effect[order])
    left.set_xlabel("change of a patient's squared error per standard deviation")
    right.scatter(train_truth.detach().cpu().numpy(), by_target.cpu().numpy(), s=8)
    right.axhline(0, color="grey", linewidth=0.8)
    right.set_xlabel("progression of a patient of the training set")
    right.set_ylabel("change of the test error per unit of it")
    figure.savefig(folder / "sklearn_pipeline.png", dpi=120)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    target.mkdir(parents=True, exist_ok=True)
    main(target)
