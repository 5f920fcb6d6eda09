"""Inputs of the calls: NumPy arrays away from kinks, the same in every run."""

import numpy as np

rng = np.random.default_rng(20)

P = np.array([0.7, 1.3, 2.1, 3.2])  # positive
P2 = np.array([1.9, 0.8, 2.7, 1.4])
P3 = np.array([1.2, 2.6, 0.9, 1.7])
U = np.array([0.15, 0.35, 0.6, 0.85])  # in (0, 1)
R = np.array([-1.3, -0.4, 0.6, 1.7])  # real
K = np.array([2, 3, 4, 5])  # integers
X = rng.normal(size=20)
Y = rng.normal(size=20) + 0.3
Z = rng.normal(size=20) * 1.4
S = rng.normal(size=64)  # a signal
A = rng.normal(size=(5, 6))
B = rng.normal(size=(4, 4))
SPD = B @ B.T + 4 * np.eye(4)
IMAGE = rng.normal(size=(7, 8))
POSITIVE = rng.uniform(0.5, 3.0, size=20)
POINTS = rng.normal(size=(8, 3))
MASK = IMAGE > 0.2
LABELS = np.array([[1, 1, 2, 2, 3, 3, 0, 0]] * 7)
C = rng.normal(size=16) + 1j * rng.normal(size=16)
