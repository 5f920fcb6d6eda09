"""Negative log marginal likelihood of a Gaussian process on 500 points, by Cholesky.

The three parameters are the logarithms of length scale, signal variance and noise variance;
each library uses the triangular solver that it has.
"""

from typing import Any

import numpy as np

from .. import peers
from ..peers import Run

TITLE = "Gaussian process, n = 500"
COMPILES = True
CASES: dict[str, dict[str, Any]] = {"both": {}}
TOLERANCE = 1e-6


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    points = np.sort(rng.uniform(0, 10, 500))
    return {
        "distances": (points[:, None] - points) ** 2,
        "y": np.sin(points) + 0.2 * rng.standard_normal(500),
        "theta": np.log([0.8, 1.2, 0.05]),
    }


def numpy_(distances: np.ndarray, y: np.ndarray, theta: np.ndarray) -> Run:
    def run() -> tuple[Any, ...]:
        length, signal, noise = np.exp(theta)
        kernel = signal * np.exp(distances * (-0.5 / length**2))
        covariance = kernel.copy()
        covariance.flat[:: len(y) + 1] += noise
        factor = np.linalg.cholesky(covariance)
        inverse = np.linalg.inv(covariance)
        alpha = inverse @ y
        value = 0.5 * (y @ alpha) + np.log(factor.diagonal()).sum()
        # d value = tr(B dK) / 2 with B = K⁻¹ - α αᵀ
        slope = inverse - np.outer(alpha, alpha)
        weighted = slope * kernel
        by_length = (weighted * distances).sum() / length**2
        return value, 0.5 * np.array([by_length, weighted.sum(), noise * np.trace(slope)])

    return run


def likelihood(xp: Any, solve_lower: Any, eye: Any, distances: Any, y: Any, theta: Any) -> Any:
    """Return ½ |L⁻¹ y|² + Σ log diag L, without the constant."""
    scales = xp.exp(theta)
    kernel = scales[1] * xp.exp(distances * (-0.5 / (scales[0] * scales[0])))
    factor = xp.linalg.cholesky(kernel + scales[2] * eye)
    z = solve_lower(factor, y)[:, 0]
    diagonal = xp.linalg.diagonal(factor)
    return 0.5 * xp.sum(z * z) + xp.sum(xp.log(diagonal))


def tensorxp_(distances: np.ndarray, y: np.ndarray, theta: np.ndarray) -> Run:
    import tensorxp as xp

    triangular = getattr(xp.linalg, "solve_triangular", None)

    def solve_lower(factor: Any, y: Any) -> Any:
        return triangular(factor, y, upper=False) if triangular else xp.linalg.solve(factor, y)

    eye, d, rhs = xp.eye(len(y)), xp.asarray(distances), xp.asarray(y[:, None])
    return peers.torch_like(xp, lambda t: likelihood(xp, solve_lower, eye, d, rhs, t), [theta])


def torch_(distances: np.ndarray, y: np.ndarray, theta: np.ndarray) -> Run:
    import torch

    def solve_lower(factor: Any, y: Any) -> Any:
        return torch.linalg.solve_triangular(factor, y, upper=False)

    eye = torch.eye(len(y), dtype=torch.float64)
    d, rhs = torch.asarray(distances), torch.asarray(y[:, None])
    return peers.torch_like(
        torch, lambda t: likelihood(torch, solve_lower, eye, d, rhs, t), [theta]
    )


def jax_(distances: np.ndarray, y: np.ndarray, theta: np.ndarray, *, jit: bool) -> Run:
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    def solve_lower(factor: Any, y: Any) -> Any:
        return solve_triangular(factor, y, lower=True)

    eye, d, rhs = jnp.eye(len(y)), jnp.asarray(distances), jnp.asarray(y[:, None])
    return peers.jax_like(lambda t: likelihood(jnp, solve_lower, eye, d, rhs, t), [theta], jit)


def autograd_(distances: np.ndarray, y: np.ndarray, theta: np.ndarray) -> Run:
    import autograd.numpy as anp
    from autograd.scipy.linalg import solve_triangular

    eye = np.eye(len(y))

    def loss(theta: Any) -> Any:
        scales = anp.exp(theta)
        kernel = scales[1] * anp.exp(distances * (-0.5 / (scales[0] * scales[0])))
        factor = anp.linalg.cholesky(kernel + scales[2] * eye)
        z = solve_triangular(factor, y, lower=True)
        return 0.5 * anp.sum(z * z) + anp.sum(anp.log(anp.diag(factor)))

    return peers.autograd_like(loss, [theta])
