"""Rows of a table by index, `embedding`, and the sums that go back to the rows."""

from math import prod
from typing import Any

import numpy as np

from tensorxp._backend.blocks import on_host
from tensorxp._core.door import apply, node_of
from tensorxp._core.modes import modes
from tensorxp._core.primitive import Primitive, linear, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import stack
from tensorxp._core.writes import own_key
from tensorxp._ops.convolution import call


def _row_sums(xp: Any, y: Any, *, index: Any, rows: int) -> Any:
    """Return, for each of `rows` rows, the sum of the rows of `y` that `index` sends there."""
    if y.dtype.char == "e":  # in half precision a sum of ones ends at 2048
        return _row_sums(xp, y.astype(np.float32), index=index, rows=rows).astype(y.dtype)
    flat, row = index.reshape(-1), y.shape[index.ndim :]
    values = y.reshape(flat.size, prod(row))
    out = xp.zeros((rows, values.shape[1]), dtype=y.dtype)
    if flat.size:
        # runs of equal indices, brought together by a sort, are summed at once
        order = xp.base.argsort(flat, kind="stable") if flat.size > 1 else xp.zeros(1, dtype=int)
        ordered = flat[order]
        starts = xp.flatnonzero(xp.concat((xp.ones(1, dtype=bool), ordered[1:] != ordered[:-1])))
        out[ordered[starts]] = _sum_runs(xp, values[order], starts)
    return out.reshape(rows, *row)


def _sum_runs(xp: Any, values: Any, starts: Any) -> Any:
    if on_host(xp):
        return xp.base.add.reduceat(values, starts, axis=0)
    run = xp.cumsum(xp.isin(xp.arange(len(values)), starts)) - 1
    return xp.index_add(xp.zeros((len(starts), values.shape[1]), dtype=values.dtype), run, values)


def _rows_at(xp: Any, x: Any, *, index: Any, rows: int) -> Any:
    return x[index]


rows_at_p = linear(
    "rows_at",
    forward=_rows_at,
    x=lambda xp, ct, *, index, rows: call(xp, row_sums_p, (ct,), {"index": index, "rows": rows}),
)
row_sums_p: Primitive = linear(
    "row_sums",
    forward=_row_sums,
    y=lambda xp, ct, *, index, rows: call(xp, rows_at_p, (ct,), {"index": index, "rows": rows}),
)


@primitive
def embedding_p(xp: Any, x: Any, *, index: Any, padding: int | None, by_count: bool) -> Any:
    return x[index]


@embedding_p.vjp
def _(xp: Any, ct: Any, x_shape: Any, *, index: Any, padding: int | None, by_count: bool) -> Any:
    rows = x_shape[0]
    back = call(xp, row_sums_p, (ct,), {"index": index, "rows": rows})
    if padding is None and not by_count:
        return xp.reshape(back, x_shape)
    keep = xp.ones(rows, dtype=ct.dtype, device=ct.device)
    if by_count:
        flat = index.reshape(-1)
        for row, count in zip(*_counts(flat), strict=True):
            keep[row] = 1 / count
    if padding is not None:
        keep[padding] = 0
    return back * xp.reshape(keep, (rows, *(1,) * (back.ndim - 1)))


def _counts(flat: Any) -> tuple[list[int], list[int]]:
    counts: dict[int, int] = {}
    for i in flat.tolist():
        counts[i] = counts.get(i, 0) + 1
    return list(counts), list(counts.values())


@embedding_p.jvp
def _(xp: Any, t: Any, *, index: Any) -> Any:
    return call(xp, rows_at_p, (t,), {"index": index, "rows": t.shape[0]})


def embedding(
    x: Tensor, index: Tensor, /, *, padding: int | None = None, by_count: bool = False
) -> Tensor:
    """Return the rows of `x` at `index`, integers of any shape; IndexError for a negative one."""
    raw = index._data
    if raw.size and (int(raw.min()) < 0 or int(raw.max()) >= x._data.shape[0]):
        raise IndexError(
            f"embedding: an index is outside [0, {x._data.shape[0]}); the table has that many rows"
        )
    if modes.grad and node_of(x) is not None and not stack():
        raw = own_key(raw)
    params = {"index": raw, "padding": padding, "by_count": by_count}
    return apply(embedding_p, (x,), params)
