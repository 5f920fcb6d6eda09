"""Maximum likelihood with standard errors from the exact Hessian.

How does the progression of diabetes depend on age, sex, body mass index and blood pressure? We
fit a gamma regression by maximum likelihood. The logarithm of the mean is linear in the
covariates, and the shape of the distribution is estimated with it. Two things are usually
approximated here and are exact with automatic differentiation: the gradient and Hessian that the
minimiser works with, and the observed information, whose inverse gives the standard errors.

Run `python docs/gallery/maximum_likelihood.py [folder for the picture]`.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from sklearn.datasets import load_diabetes

import tensorxp as xp

NAMES = ("age", "sex", "body mass index", "blood pressure")


def negative_log_likelihood(parameters, covariates, progression):
    """Return -log L of a gamma distribution with mean exp(intercept + covariates @ slopes)."""
    shape = xp.exp(parameters["log_shape"])
    log_mean = parameters["intercept"] + covariates @ parameters["slopes"]
    log_density = (
        shape * (xp.log(shape) - log_mean)
        + (shape - 1) * xp.log(progression)
        - shape * progression * xp.exp(-log_mean)
        - xp.special.gammaln(shape)
    )
    return -xp.sum(log_density)


def fit(covariates, progression):
    """Return the estimates, in a dict of Tensors, and the result of the minimiser.

    The parameters stay a dict: `minimize` packs them into the vector that SciPy works on. The
    method "trust-exact" uses the full Hessian, which comes from autograd.
    """
    start = {
        "log_shape": xp.tensor(0.0),
        "intercept": xp.log(xp.mean(progression)),
        "slopes": xp.zeros(covariates.shape[1]),
    }
    found = xp.optimize.minimize(
        negative_log_likelihood, start, args=(covariates, progression), method="trust-exact",
        options={"gtol": 1e-8},
    )  # fmt: skip
    return found.x, found


def standard_errors(estimates, covariates, progression):
    """Return the square roots of the diagonal of the inverse Hessian at the estimates."""

    def of_vector(v):
        parameters = {"log_shape": v[0], "intercept": v[1], "slopes": v[2:]}
        return negative_log_likelihood(parameters, covariates, progression)

    v = xp.concat(
        [
            xp.stack([estimates["log_shape"], estimates["intercept"]]),
            estimates["slopes"],
        ]
    )
    information = xp.autograd.hessian(of_vector, v)
    return v, xp.sqrt(xp.linalg.diagonal(xp.linalg.inv(information)))


def main(folder):
    data = load_diabetes(scaled=False)
    progression = xp.asarray(data.target)
    covariates = xp.asarray(data.data[:, :4])
    covariates = (covariates - xp.mean(covariates, axis=0)) / xp.std(covariates, axis=0)

    # A check first: without covariates this is the fit that SciPy makes of a gamma distribution.
    alone, _ = fit(covariates[:, :0], progression)
    shape, _, scale = stats.gamma.fit(data.target, floc=0)
    np.testing.assert_allclose(float(xp.exp(alone["log_shape"])), shape, rtol=1e-4)
    np.testing.assert_allclose(float(xp.exp(alone["intercept"])), shape * scale, rtol=1e-4)

    estimates, found = fit(covariates, progression)
    vector, errors = standard_errors(estimates, covariates, progression)
    print(f"{found.nit} iterations, -log L = {float(found.fun):.3f}")
    for name, value, error in zip(("log shape", "intercept", *NAMES), vector, errors, strict=True):
        print(f"{name:>16}: {float(value):8.4f} ± {float(error):.4f}")

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    places = np.arange(len(NAMES))
    left.errorbar(vector[2:].numpy(), places, xerr=1.96 * errors[2:].numpy(), fmt="o", capsize=4)
    left.axvline(0, color="grey", linewidth=0.8)
    left.set_yticks(places, NAMES)
    left.set_xlabel("change of log mean per standard deviation, 95 % interval")
    mean = xp.exp(estimates["intercept"] + covariates @ estimates["slopes"]).numpy()
    order = np.argsort(mean)
    k = float(xp.exp(estimates["log_shape"]))
    low, high = stats.gamma.ppf([[0.05], [0.95]], k, scale=mean[order] / k)
    right.plot(mean, data.target, ".", markersize=3, color="grey")
    right.plot(mean[order], mean[order], color="C3")
    right.fill_between(mean[order], low, high, alpha=0.2, color="C3")
    right.set_xlabel("fitted mean")
    right.set_ylabel("progression after a year, 90 % of the fit")
    figure.savefig(folder / "maximum_likelihood.png", dpi=120)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    target.mkdir(parents=True, exist_ok=True)
    main(target)
