"""`python -m tensorxp info`: what is here and what it runs on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import tensorxp as xp
from tensorxp._backend import kernels
from tensorxp._backend.device import cuda_problem
from tensorxp._backend.raw import build_info
from tensorxp._core.allocation import COMPILED

_OPTIONAL = (
    "array-api-compat", "scipy", "scikit-learn", "safetensors", "matplotlib", "tqdm", "einops",
    "xarray", "pandas", "torch", "jax", "threadpoolctl",
)  # fmt: skip
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def collect() -> dict[str, Any]:
    """Return versions, devices, BLAS, threads and optional packages, as plain values."""
    return {
        "tensorxp": xp.__version__,
        "array_api_version": xp.__array_api_version__,
        "compiled": {
            "core": "yes" if COMPILED else "no, pure Python",
            "loops": "yes" if kernels.loops_are_there() else "no, NumPy",
        },
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        **build_info(),
        "threads": {name: os.environ[name] for name in _THREADS if name in os.environ},
        "devices": [str(d) for d in xp.devices()],
        "cuda": cuda_problem() or "available",
        "packages": {name: _version(name) for name in _OPTIONAL},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def show(found: dict[str, Any]) -> str:
    """Return the findings as lines of text."""
    lines = []
    for key, value in found.items():
        if isinstance(value, dict):
            shown = ", ".join(f"{k} {v or 'not installed'}" for k, v in value.items()) or "default"
        elif isinstance(value, list):
            shown = ", ".join(value)
        else:
            shown = str(value)
        lines.append(f"{key.replace('_', ' '):18} {shown}")
    return "\n".join(lines)
