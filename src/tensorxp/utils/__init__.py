"""Tools around tensors: drawings of the graph, tables of modules, data loading, logging.

`data`, `progress` and `tensorboard` are imported when they are first used.
"""

from importlib import import_module
from typing import Any

from tensorxp._backend.names import UnknownName, listing
from tensorxp.utils.graph import GraphDrawing, draw_graph
from tensorxp.utils.summary import summary

__all__ = ["GraphDrawing", "data", "draw_graph", "progress", "summary", "tensorboard"]

_LAZY = ("data", "progress", "tensorboard")


def __getattr__(name: str) -> Any:
    """Import a module of this package when it is first used."""
    if name in _LAZY:
        return import_module(f"{__name__}.{name}")
    raise UnknownName(__name__, name)


__dir__ = listing(globals())
