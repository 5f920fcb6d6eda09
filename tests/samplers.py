"""Samplers of test inputs: functions from a NumPy generator to a float64 or other array."""

from collections.abc import Callable
from typing import Any

import numpy as np

Sampler = Callable[[np.random.Generator], Any]


def uniform(low: float, high: float, *shape: int) -> Sampler:
    """Return a sampler of numbers between `low` and `high`."""
    return lambda rng: rng.uniform(low, high, shape)


def normal(*shape: int) -> Sampler:
    """Return a sampler of standard normal numbers."""
    return lambda rng: rng.standard_normal(shape)


def nonzero(*shape: int) -> Sampler:
    """Return a sampler of numbers of both signs, from 0.5 to 2 in magnitude."""
    return lambda rng: rng.uniform(0.5, 2, shape) * rng.choice([-1.0, 1.0], shape)


def integers(low: int, high: int, *shape: int) -> Sampler:
    """Return a sampler of integers from `low` to below `high`."""
    return lambda rng: rng.integers(low, high, shape)


def booleans(*shape: int) -> Sampler:
    """Return a sampler of truth values."""
    return lambda rng: rng.integers(0, 2, shape) == 1


def spaced(*shape: int) -> Sampler:
    """Return a sampler of numbers in random order, no two closer than 0.1."""
    return lambda rng: rng.permutation(np.prod(shape, dtype=int)).reshape(shape) * 0.1 - 0.45
