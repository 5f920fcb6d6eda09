"""NumPy's functions that are formulas of others: differences, convolutions, polynomials, choices.

Each has NumPy's arguments behind the namespace (see `_numpy_calls`).
"""

from typing import Any

import numpy as np

from tensorxp._core.tensor import Tensor
from tensorxp._numpy.calls import NoEquivalent, floating, implements, tensors

# differences


@implements()
def gradient(xp: Any, f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f, *spacings = tensors(xp, f, *varargs)
    axes = range(f.ndim) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if not spacings:
        spacings = tensors(xp, f, 1.0)[1:]
    if len(spacings) == 1 and spacings[0].ndim == 0:
        spacings *= len(axes)
    if len(spacings) != len(axes) or edge_order not in (1, 2):
        raise NoEquivalent
    f, *spacings = (floating(xp, x) for x in (f, *spacings))
    found = tuple(
        _slope(xp, f, spacing, axis, edge_order)
        for spacing, axis in zip(spacings, axes, strict=True)
    )
    return found[0] if len(found) == 1 else found


def _slope(xp: Any, f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """Return the derivative along `axis` by differences of second order inside."""
    y = xp.moveaxis(f, axis, 0)
    n = y.shape[0]
    if n <= edge_order or spacing.ndim > 1 or (spacing.ndim and spacing.shape[0] != n):
        raise NoEquivalent
    step = xp.diff(spacing) if spacing.ndim else xp.broadcast_to(spacing, (n - 1,))
    step = xp.reshape(step, (n - 1,) + (1,) * (y.ndim - 1))
    slope = (y[1:] - y[:-1]) / step  # one order lower, between the points
    # the slope at a point is that of the parabola through it and its neighbours
    bend = (slope[1:] - slope[:-1]) / (step[1:] + step[:-1])
    ends = [slope[:1], slope[-1:]]
    if edge_order == 2:
        ends = [slope[:1] - bend[:1] * step[:1], slope[-1:] + bend[-1:] * step[-1:]]
    out = xp.concat([ends[0], slope[:-1] + bend * step[:-1], ends[1]], axis=0)
    return xp.moveaxis(xp.astype(out, f.dtype, copy=False), 0, axis)


@implements()
def ediff1d(xp: Any, ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    if to_end is not None or to_begin is not None or xp.isdtype(ary.dtype, "bool"):
        raise NoEquivalent
    return xp.diff(xp.reshape(ary, (-1,)))


# convolutions


@implements()
def convolve(xp: Any, a: Any, v: Any, mode: str = "full") -> Any:
    a, v = _signals(xp, a, v, mode)
    if a.shape[0] < v.shape[0]:
        a, v = v, a
    n, m = a.shape[0], v.shape[0]
    start, end = {"full": (0, n + m - 1), "same": ((m - 1) // 2, n + (m - 1) // 2),
                  "valid": (m - 1, n)}[mode]  # fmt: skip
    out = xp.nn.functional.conv1d(a[None, None], xp.flip(v)[None, None], padding=m - 1)[0, 0]
    return out[start:end]


@implements()
def correlate(xp: Any, a: Any, v: Any, mode: str = "valid") -> Any:
    if any(x.ndim != 1 for x in tensors(xp, a, v)):
        raise NoEquivalent
    a, v = _signals(xp, a, v, mode)
    if a.shape[0] < v.shape[0]:
        return xp.flip(convolve(xp, _conj(xp, v), xp.flip(a), mode))
    return convolve(xp, a, xp.flip(_conj(xp, v)), mode)


def _signals(xp: Any, a: Any, v: Any, mode: Any) -> list[Any]:
    a, v = (xp.reshape(x, (-1,)) if x.ndim == 0 else x for x in tensors(xp, a, v))
    if a.ndim != 1 or v.ndim != 1 or not a.size or not v.size:
        raise NoEquivalent
    dtype = xp.result_type(a, v)
    if mode not in ("full", "same", "valid") or xp.isdtype(dtype, ("bool", "integral")):
        raise NoEquivalent
    return [xp.astype(x, dtype, copy=False) for x in (a, v)]


def _conj(xp: Any, x: Any) -> Any:
    return xp.conj(x) if xp.isdtype(x.dtype, "complex floating") else x


# polynomials


@implements()
def polyval(xp: Any, p: Any, x: Any) -> Any:
    if isinstance(p, np.poly1d) or isinstance(x, np.poly1d):
        raise NoEquivalent
    p, x = tensors(xp, p, x)
    out = xp.zeros_like(x)
    for i in range(p.shape[0]):
        out = out * x + p[i]
    return out


@implements()
def vander(xp: Any, x: Any, N: Any = None, increasing: bool = False) -> Any:
    if x.ndim != 1:
        raise NoEquivalent
    count = x.shape[0] if N is None else N
    powers = [xp.astype(xp.ones_like(x), xp.result_type(x.dtype, "int64"))]
    while len(powers) < count:
        powers.append(powers[-1] * x)
    out = xp.stack(powers, axis=1)[:, :count]
    return out if increasing else xp.flip(out, axis=1)


# choices


@implements()
def select(xp: Any, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if not condlist or len(condlist) != len(choicelist):
        raise NoEquivalent
    device = next(x for x in (*condlist, *choicelist, default) if isinstance(x, Tensor))._device
    conditions = [xp.asarray(x, device=device) for x in condlist]
    if any(not xp.isdtype(x.dtype, "bool") for x in conditions):
        raise NoEquivalent
    scalar = (int, float, complex)
    values = [
        x if x.__class__ in scalar else xp.asarray(x, device=device) for x in (*choicelist, default)
    ]
    dtype = np.result_type(*(x._data.dtype if isinstance(x, Tensor) else x for x in values))
    *values, out = [
        xp.astype(x, dtype, copy=False)
        if isinstance(x, Tensor)
        else xp.asarray(x, dtype=dtype, device=device)
        for x in values
    ]
    for condition, value in zip(conditions[::-1], values[::-1], strict=True):
        out = xp.where(condition, value, out)
    return out


@implements()
def piecewise(xp: Any, x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    if not {condlist.__class__, funclist.__class__} <= {list, tuple}:
        raise NoEquivalent
    x, *conditions = tensors(xp, x, *condlist)
    if any(c.shape != x.shape or not xp.isdtype(c.dtype, "bool") for c in conditions):
        raise NoEquivalent
    if len(funclist) == len(conditions) + 1:
        conditions.append(~xp.any(xp.stack(conditions), axis=0))
    if len(funclist) != len(conditions):
        raise NoEquivalent
    out = xp.zeros_like(x)
    for condition, piece in zip(conditions, funclist, strict=True):
        if not callable(piece):
            out[condition] = piece
        elif bool(xp.any(condition)):
            out[condition] = piece(x[condition], *args, **kw)
    return out
