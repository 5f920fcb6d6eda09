"""SGD and Adam written by hand, for the libraries that bring no optimisers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Update = Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], None]

RATES = {"sgd": 0.1, "adam": 1e-3}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def in_place(name: str) -> Update:
    """Return `update(parameters, gradients)`, which overwrites the parameters."""
    return _sgd if name == "sgd" else _adam()


def _sgd(parameters: Sequence[np.ndarray], gradients: Sequence[np.ndarray]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter -= RATES["sgd"] * gradient


def _adam() -> Update:
    moments: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    count = 0

    def update(parameters: Sequence[np.ndarray], gradients: Sequence[np.ndarray]) -> None:
        nonlocal count
        count += 1
        if not moments:
            moments.extend(
                (np.zeros_like(p), np.zeros_like(p), np.empty_like(p)) for p in parameters
            )
        rate = RATES["adam"] / (1 - BETA1**count)
        root = float(np.sqrt(1 - BETA2**count))
        for p, g, (first, second, work) in zip(parameters, gradients, moments, strict=True):
            first *= BETA1
            first += np.multiply(g, 1 - BETA1, out=work)
            second *= BETA2
            np.multiply(g, g, out=work)
            work *= 1 - BETA2
            second += work
            np.sqrt(second, out=work)
            work /= root
            work += EPSILON
            np.divide(first, work, out=work)
            work *= rate
            p -= work

    return update


def functional(name: str, np_like: Any, params: list[Any], grads: list[Any], state: Any) -> Any:
    """Return the new (parameters, state): the same update without writing, for JAX."""
    if name == "sgd":
        return [p - RATES["sgd"] * g for p, g in zip(params, grads, strict=True)], state
    count, firsts, seconds = state
    count = count + 1
    firsts = [BETA1 * m + (1 - BETA1) * g for m, g in zip(firsts, grads, strict=True)]
    seconds = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(seconds, grads, strict=True)]
    rate = RATES["adam"] / (1 - BETA1**count)
    root = np_like.sqrt(1 - BETA2**count)
    params = [
        p - rate * m / (np_like.sqrt(v) / root + EPSILON)
        for p, m, v in zip(params, firsts, seconds, strict=True)
    ]
    return params, (count, firsts, seconds)
