"""The ways into the core for what is written on the public namespace: nn, optim, optimize, …

What these need beyond it, they take from here, and `tests/test_layers.py` sees every other way in:
the raw array of a tensor, a tensor over a raw array, a node of their own, and who is to be told.
"""

from operator import attrgetter
from typing import Any

from tensorxp._backend.device import Device, as_device
from tensorxp._backend.dtypes import as_dtype, of_raw
from tensorxp._backend.quiet import quiet
from tensorxp._core.allocation import next_seq
from tensorxp._core.door import apply, node_of, wrap
from tensorxp._core.engine import root_of
from tensorxp._core.leaves import alias, replace_data, replica
from tensorxp._core.node import FREED, Leaf, Recipe, RemovableHandle, Slot, show
from tensorxp._core.primitive import Primitive
from tensorxp._core.record import record
from tensorxp._core.rules import SHAPE
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import View
from tensorxp._core.watchers import Watcher, only, span, stack, watch, watching
from tensorxp._core.writes import bump

__all__ = [
    "FREED", "SHAPE", "Device", "Leaf", "Recipe", "RemovableHandle", "Slot", "Watcher", "adopt",
    "alias", "apply", "as_device", "as_dtype", "attach", "is_floating", "next_seq", "node_of",
    "of_raw", "only", "overwrite", "quiet", "raw", "raw_of", "replace_data", "replica", "root_of",
    "span", "stack", "watch", "watching", "written",
]  # fmt: skip

#: adopt(raw, device): a Tensor over a raw array.
adopt = wrap
#: written(x): the raw array of `x` was written in place.
written = bump
#: The raw array of a Tensor: `raw(x)`. Quicker than a function.
raw: Any = attrgetter("_data")


def raw_of(x: Any) -> Any:
    """Return the raw array of a Tensor; what is none is returned as it is."""
    return getattr(x, "_data", x)


def is_floating(x: Any) -> bool:
    """Return whether `x` is a Tensor of floating-point or complex numbers."""
    return isinstance(x, TensorBase) and x._data.dtype.kind in "fc"


def attach(x: Any, op: Primitive, edges: tuple[Any, ...]) -> Any:
    """Return `x`, a Tensor that nobody else has, after it got a node of `op` that leads to `edges`.

    It is as if `op` had made it of what these nodes made. The garbage collector sees the node: the
    rules of an `op` that was made for this call may lead back to it.
    """
    x._node = record(op, (), edges, {}, x._data, x._device, x)
    show(x._node)
    return x


def overwrite(x: Any, out: Any) -> Any:
    """Return `x` with the values and the history of `out`, which was made of a copy of it.

    RuntimeError for a leaf that requires a gradient.
    """
    if watching or x._version.__class__ is View or x._node.__class__ is Leaf:
        x[...] = out
        return x
    x._data[...] = out._data
    written(x)
    x._node = out._node
    return x
