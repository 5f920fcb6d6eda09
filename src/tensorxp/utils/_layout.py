"""Layered layout of a graph: who stands in which row, in what order, and where.

Rows follow the longest path, edges over several rows get a place in each, crossings are
reduced by barycentres, and each row is then drawn to the means of its neighbours, at least
squares with the order and the gaps kept (isotonic regression, exact).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 8
_GAP = 22.0
_ROUTE = 14.0  # width of an edge's place in a row that it passes


@dataclass
class Layout:
    """Centres of the nodes, the points each edge passes, and the size of the whole."""

    centres: dict[int, tuple[float, float]]
    routes: dict[tuple[int, int], list[tuple[float, float]]]
    width: float
    height: float


def rows_of(
    order: Sequence[int], before: Mapping[int, Sequence[int]]
) -> tuple[dict[int, int], set[int]]:
    """Return the row of each node, and the light nodes; `order` lists predecessors first.

    Light are sources and what is made of one source alone: they stand right above what uses
    them first, and give way to the others.
    """
    row: dict[int, int] = {}
    light: set[int] = set()
    for node in order:
        row[node] = 1 + max((row[p] for p in before[node]), default=-1)
        if len(set(before[node])) <= 1 and light.issuperset(before[node]):
            light.add(node)
    first_use: dict[int, int] = {}
    for node in reversed(order):
        if node in light and node in first_use:
            row[node] = first_use[node] - 1
        for p in before[node]:
            first_use[p] = min(first_use.get(p, row[node]), row[node])
    return row, light


def lay_out(
    order: Sequence[int],
    before: Mapping[int, Sequence[int]],
    sizes: Mapping[int, tuple[float, float]],
    row_gap: float = 34.0,
) -> Layout:
    """Place the nodes of an acyclic graph, predecessors above; sizes are (width, height)."""
    row, light = rows_of(order, before)
    rows: list[list[int]] = [[] for _ in range(1 + max(row.values(), default=0))]
    up: dict[int, list[int]] = {}
    down: dict[int, list[int]] = {}
    width = {node: sizes[node][0] for node in order}
    chains: dict[tuple[int, int], list[int]] = {}
    new = min(order, default=0) - 1
    for node in order:
        rows[row[node]].append(node)
        for p in dict.fromkeys(before[node]):
            chain = [p]
            for level in range(row[p] + 1, row[node]):
                rows[level].append(new)
                width[new] = _ROUTE
                chain.append(new)
                new -= 1
            chain.append(node)
            chains[p, node] = chain
            for a, b in pairwise(chain):
                down.setdefault(a, []).append(b)
                up.setdefault(b, []).append(a)
    _untangle(rows, up, down)
    x = _settle(rows, up, down, width, light)
    y, top = {}, 0.0
    heights = [max((sizes[n][1] for n in nodes if n in sizes), default=20.0) for nodes in rows]
    for nodes, height in zip(rows, heights, strict=True):
        for node in nodes:
            y[node] = top + height / 2
        top += height + row_gap
    left = min((x[n] - width[n] / 2 for n in x), default=0.0)
    right = max((x[n] + width[n] / 2 for n in x), default=0.0)
    return Layout(
        {n: (x[n] - left, y[n]) for n in order},
        {edge: [(x[n] - left, y[n]) for n in chain[1:-1]] for edge, chain in chains.items()},
        right - left,
        max(top - row_gap, 0.0),
    )


def _untangle(
    rows: list[list[int]], up: Mapping[int, list[int]], down: Mapping[int, list[int]]
) -> None:
    """Order each row by the mean place of the neighbours in the row before it, to and fro."""
    for sweep in range(_SWEEPS):
        known, indices = (
            (up, range(1, len(rows))) if sweep % 2 == 0 else (down, range(len(rows) - 2, -1, -1))
        )
        for i in indices:
            other = rows[i - 1] if known is up else rows[i + 1]
            place = {node: j for j, node in enumerate(other)}
            scale = len(other) / max(len(rows[i]), 1)
            means = {}
            for j, node in enumerate(rows[i]):
                near = [place[n] for n in known.get(node, ()) if n in place]
                means[node] = sum(near) / len(near) if near else j * scale
            rows[i].sort(key=means.__getitem__)


def _settle(
    rows: list[list[int]],
    up: Mapping[int, list[int]],
    down: Mapping[int, list[int]],
    width: Mapping[int, float],
    light: set[int],
) -> dict[int, float]:
    """Return the horizontal centres."""
    x: dict[int, float] = {}
    for nodes in rows:
        total = sum(width[n] for n in nodes) + _GAP * (len(nodes) - 1)
        at = -total / 2
        for node in nodes:
            x[node] = at + width[node] / 2
            at += width[node] + _GAP
    for sweep in range(2 * _SWEEPS):
        forward = sweep % 2 == 0
        for nodes in rows if forward else reversed(rows):
            wanted = []
            for node in nodes:
                near = up.get(node, []) if forward else down.get(node, [])
                near = [n for n in near if n not in light] or near or [node]
                wanted.append(sum(x[n] for n in near) / len(near))
            weights = [0.02 if node in light else 1.0 for node in nodes]
            gaps = [(width[a] + width[b]) / 2 + _GAP for a, b in pairwise(nodes)]
            for node, place in zip(nodes, spread(wanted, gaps, weights), strict=True):
                x[node] = place
    return x


def spread(wanted: Sequence[float], gaps: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the places nearest to `wanted`, at least squares, that keep order and gaps."""
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length; pooled until they increase
    for want, offset, weight in zip(wanted, offsets, weights, strict=True):
        mean, n = want - offset, 1
        while blocks and blocks[-1][0] >= mean:
            other, w, m = blocks.pop()
            mean = (mean * weight + other * w) / (weight + w)
            weight, n = weight + w, n + m
        blocks.append((mean, weight, n))
    flat = [mean for mean, _, n in blocks for _ in range(n)]
    return [place + offset for place, offset in zip(flat, offsets, strict=True)]
