"""The libraries that are compared: their names, set-up, versions and thread counts.

Nothing is imported before `load` asks for it, so a library that is not installed is reported
as missing and the others run.
"""

import importlib
import importlib.metadata
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import peers
from .peers import Run


@dataclass(frozen=True)
class Library:
    """One column of the tables."""

    title: str
    module: str
    builder: str
    """Name of the function of a workload that builds this library's closure."""
    options: tuple[tuple[str, Any], ...] = ()
    """Extra keyword arguments of that function."""
    environment: tuple[tuple[str, str], ...] = ()
    """Environment variables of its process."""


LIBRARIES = {
    "numpy": Library("NumPy by hand", "numpy", "numpy_"),
    "tensorxp": Library("tensorxp", "tensorxp", "tensorxp_"),
    "tensorxp-pure": Library(
        "tensorxp, pure Python",
        "tensorxp",
        "tensorxp_",
        environment=(("TENSORXP_PURE_PYTHON", "1"), ("TENSORXP_LOOPS", "0")),
    ),
    "tensorxp-compile": Library("tensorxp compile", "tensorxp", "tensorxp_"),
    "torch": Library("PyTorch", "torch", "torch_"),
    "jax": Library("JAX eager", "jax", "jax_", (("jit", False),)),
    "jax-jit": Library("JAX jit", "jax", "jax_", (("jit", True),)),
    "autograd": Library("HIPS autograd", "autograd", "autograd_"),
    "mygrad": Library("MyGrad", "mygrad", "mygrad_"),
}
DISTRIBUTIONS = ("numpy", "tensorxp", "torch", "jax", "autograd", "mygrad")


def load(name: str) -> Any:
    """Import the library and put it in the state in which it is measured."""
    module = importlib.import_module(LIBRARIES[name].module)
    if name == "tensorxp-compile":
        peers.COMPILED = True
    elif name == "torch":
        importlib.import_module("torch.nn.functional")
    elif module.__name__ == "jax":
        module.config.update("jax_enable_x64", True)
        importlib.import_module("jax.numpy")
    elif name == "autograd":
        importlib.import_module("autograd.numpy")
    elif name == "mygrad":
        module.turn_memory_guarding_off()  # its documentation's advice for speed
    return module


def version(name: str) -> str:
    """Return the installed version, or "missing"."""
    module = LIBRARIES[name].module
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:
        pass
    try:
        return str(getattr(importlib.import_module(module), "__version__", "unknown"))
    except ImportError:
        return "missing"


def compiled_core() -> bool:
    """Return whether tensorxp runs with its compiled core."""
    try:
        return bool(importlib.import_module("tensorxp._core.allocation").COMPILED)
    except ImportError:
        return False


def to_numpy(value: Any) -> np.ndarray:
    """Return a result of any of the libraries as a NumPy array."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "numpy"):
        value = value.numpy()
    return np.asarray(value)


def finished(name: str, run: Run) -> Run:
    """Return `run`, waiting for its results where the library computes asynchronously."""
    if LIBRARIES[name].module != "jax":
        return run
    import jax

    return lambda: jax.block_until_ready(run())


def threads(name: str) -> dict[str, int]:
    """Return the sizes of the thread pools that the loaded library computes with."""
    pools: dict[str, int] = {}
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        pass
    else:
        for pool in threadpool_info():
            # NumPy's and SciPy's copies of one BLAS are one line: the larger of the two.
            key = pool["internal_api"]
            pools[key] = max(pools.get(key, 0), pool["num_threads"])
    if name == "torch":
        import torch

        pools["torch"] = torch.get_num_threads()
    elif LIBRARIES[name].module == "jax":
        pools["xla"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    return pools
