"""How tensors look: cheap for any size, and never failing."""

from html import escape
from typing import Any

import numpy as np

from tensorxp._backend import dtypes
from tensorxp._backend.dtypes import of_raw
from tensorxp._backend.text import MONO, shape_text
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
        edgeitems=_edge(data),
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


def _edge(data: Any) -> int:
    """Return how many elements to show at each end of an axis, so that few are shown in all."""
    return 3 if data.ndim <= 3 or data.size <= 1000 else 1


def _corner(data: Any) -> Any:
    """Return the edges of a large array, joined, so that few elements travel to the host."""
    if data.size <= 1000:
        return data
    edge = _edge(data)
    corner = data
    for axis, n in enumerate(data.shape):
        if n > 2 * edge + 1:
            before = (slice(None),) * axis
            keep = [*range(edge + 1), *range(n - edge, n)]
            corner = corner[(*before, keep)]
    return corner


def html(x: Any) -> str:
    """Return a tensor as HTML for notebooks: what it is, and a table of its corner."""
    data = x._data
    facts = [f"{of_raw(data.dtype).name} {shape_text(tuple(data.shape))}", str(x._device)]
    node = node_of(x)
    if node is not None:
        facts.append("requires_grad" if node.__class__ is Leaf else f"grad_fn {node.name}")
    head = f'<div style="opacity:.75;font-size:90%">Tensor · {escape(" · ".join(facts))}</div>'
    if data.ndim > 2 or not data.size:
        return f"<div>{head}<pre>{escape(text(x))}</pre></div>"
    rows, columns = (1, 1, *data.shape)[-2:]
    corner = data.reshape(rows, columns)
    down, across = _edges(rows, _ROWS), _edges(columns, _COLUMNS)
    if len(down) < rows:
        corner = corner[[i for i in down if i >= 0]]
    if len(across) < columns:
        corner = corner[:, [j for j in across if j >= 0]]
    host = iter(x._device.raw.to_numpy(corner))
    lines = []
    if columns > 1:
        heads = "".join(f"<th>{'…' if j < 0 else j}</th>" for j in across)
        lines.append(f"<tr>{'<th></th>' if data.ndim == 2 else ''}{heads}</tr>")
    for i in down:
        values = iter(()) if i < 0 else iter(next(host))
        cells = ["…" if i < 0 or j < 0 else escape(_element(next(values))) for j in across]
        row = "".join(f'<td style="text-align:right">{cell}</td>' for cell in cells)
        head_cell = f"<th>{'…' if i < 0 else i}</th>" if data.ndim == 2 else ""
        lines.append(f"<tr>{head_cell}{row}</tr>")
    return f'<div>{head}<table style="{MONO}">{"".join(lines)}</table></div>'


_ROWS, _COLUMNS = 12, 12


def _edges(n: int, room: int) -> list[int]:
    """Return the indices to show of an axis, -1 for those between."""
    if n <= room:
        return list(range(n))
    half = room // 2
    return [*range(half), -1, *range(n - half, n)]


def _element(value: Any) -> str:
    if value.dtype.kind in "fc":
        return format(value.item(), ".4g")
    return str(value)
