"""One module per workload.

A module holds `TITLE`, `CASES` (keyword arguments of each case), `inputs()` and one builder per
library (`numpy_`, `tensorxp_`, `torch_`, `jax_`, `autograd_`, `mygrad_`), which takes the inputs
and the case and returns the closure that is timed. The closure returns the results to compare.
Optional: `COUNT` (operations per call of a case; times are given per operation), `TOLERANCE`
(of the relative error in norm) and `CHECKS` (calls whose results are compared).
"""

from importlib import import_module
from types import ModuleType

NAMES = (
    "chain",
    "cross_entropy",
    "logsumexp",
    "gelu",
    "elementwise",
    "standardise",
    "mlp",
    "cnn",
    "convolution",
    "logistic",
    "gaussian_process",
    "lotka_volterra",
    "jacobian",
    "gemm",
    "lstm",
    "transformer",
)


def load(name: str) -> ModuleType:
    """Import the module of a workload."""
    return import_module(f"{__name__}.{name}")
