"""Utilities around training: data loading, progress bars and TensorBoard logging."""

from importlib import import_module
from typing import Any

_LAZY = ("data", "progress", "tensorboard")

__all__ = ["data", "progress", "tensorboard"]


def __getattr__(name: str) -> Any:
    """Import a module of this package when it is first used."""
    if name in _LAZY:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
