"""How tensors look: cheap for any size, and never failing."""

from typing import Any

import numpy as np

from tensorxp._backend import dtypes
from tensorxp._backend.dtypes import of_raw
from tensorxp._core.door import node_of
from tensorxp._core.node import Leaf


def text(x: Any) -> str:
    """Return `tensor(...)` with the elements, abridged, and what is not the default."""
    data = x._data
    shown = _corner(data)
    host = x._device.raw.to_numpy(shown)
    body = np.array2string(
        host,
        separator=", ",
        prefix="tensor(",
        threshold=1000 if shown is data else 0,
        edgeitems=3,
        floatmode="maxprec",
        precision=4,
    )
    parts = [body]
    dtype = of_raw(data.dtype)
    defaults = dtypes.Defaults
    if data.size == 0:
        parts.append(f"shape={tuple(data.shape)}")
    if dtype.name != "bool" and dtype not in (defaults.real, defaults.integer, defaults.complex):
        parts.append(f"dtype={dtype.name}")
    if x._device.type != "cpu":
        parts.append(f"device='{x._device}'")
    node = node_of(x)
    if node.__class__ is Leaf:
        parts.append("requires_grad=True")
    elif node is not None:
        parts.append(f"grad_fn=<{node.name}>")
    return f"tensor({', '.join(parts)})"


def _corner(data: Any) -> Any:
    """Return the edges of a large array, joined, so that few elements travel to the host."""
    if data.size <= 1000:
        return data
    host_side = data
    for axis, n in enumerate(data.shape):
        if n > 8:
            before = (slice(None),) * axis
            keep = [0, 1, 2, 3, n - 3, n - 2, n - 1]
            host_side = host_side[(*before, keep)]
    return host_side
