"""A check for debugging: no node that the garbage collector does not see leads to itself.

Such a node would never be freed. `TENSORXP_CHECK_GRAPHS=1` has every backward check its graph
first, another number every so many-th; the tests run with it.
"""

import gc
import os
from itertools import count
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from tensorxp._backend.device import Device
from tensorxp._core.allocation import visible
from tensorxp._core.node import Node
from tensorxp._core.primitive import Plan, Primitive

#: Check every so many-th backward; 0: none.
EVERY = int(os.environ.get("TENSORXP_CHECK_GRAPHS") or 0)
_calls = count()
#: Objects after which a check ends: what a closure holds may lead everywhere.
_LIMIT = 5000
_ENDS = (ModuleType, type, np.ndarray, np.generic, np.dtype, str, bytes, int, float, Device, Plan)


def _held(x: Any) -> list[Any]:
    """Return what `x` refers to and may lead back to a node."""
    if isinstance(x, Primitive) and x.lasts():
        return []
    globals_ = id(x.__globals__) if type(x) is FunctionType else 0
    return [y for y in gc.get_referents(x) if id(y) != globals_ and not isinstance(y, _ENDS)]


def hidden_in_cycles(*roots: Any) -> list[Node]:
    """Return the nodes that the collector does not see and that lead to themselves.

    They are among what the roots lead to: a depth-first search for strongly connected components
    (R. Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1, 1972).
    """
    order: dict[int, int] = {}  # by id: when an object was met
    lowest: dict[int, int] = {}  # and the earliest one on the path that it leads to
    path: list[Any] = []
    on_path: set[int] = set()
    found: list[Node] = []
    kept: list[Any] = []  # so that no id is used twice
    for root in roots:
        work = [] if root is None or id(root) in order else [(root, iter(_held(root)))]
        fresh = True
        while work and len(order) < _LIMIT:
            x, rest = work[-1]
            key = id(x)
            if fresh:
                order[key] = lowest[key] = len(order)
                path.append(x)
                kept.append(x)
                on_path.add(key)
            fresh = False
            for y in rest:
                if id(y) not in order:
                    work.append((y, iter(_held(y))))
                    fresh = True
                    break
                if id(y) in on_path:
                    lowest[key] = min(lowest[key], order[id(y)])
            if fresh:
                continue
            work.pop()
            if work:
                above = id(work[-1][0])
                lowest[above] = min(lowest[above], lowest[key])
            if lowest[key] == order[key]:
                place = next(i for i in range(len(path) - 1, -1, -1) if path[i] is x)
                part = path[place:]
                del path[place:]
                on_path.difference_update([id(y) for y in part])
                if len(part) > 1:
                    found += [y for y in part if type(y) is Node and not visible(y)]
    return found


def check_graph(roots: list[Any]) -> None:
    """RuntimeError that names the hidden nodes of the graph that lead to themselves; now and then.

    Called by backward where `EVERY` is not 0.
    """
    if next(_calls) % EVERY:
        return
    found = hidden_in_cycles(*roots)
    if found:
        told = ", ".join([f"{node.name!r} (call {node.seq})" for node in found[:5]])
        raise RuntimeError(
            f"backward: nodes hidden from the garbage collector lead to themselves: {told}; what "
            "made them reachable from there has to show them (`_core/node.py`: show, show_graph)"
        )
