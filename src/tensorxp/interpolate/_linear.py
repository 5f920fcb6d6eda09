"""`interp`: piecewise linear interpolation in one dimension."""

from typing import Any

import tensorxp as tx
from tensorxp._backend.families import see
from tensorxp.interpolate._places import floating, increasing, intervals


@see("interpn")
def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None
) -> tx.Tensor:
    """Return the piecewise linear function through (`xp`, `fp`) at `x`, as `numpy.interp`.

    The gradient passes to `x`, `xp`, `fp`, `left` and `right`; by `x` it is the slope of the
    interval to the right of a point, at the last point that to its left, and zero outside.

    >>> points, values = xp.asarray([0.0, 1.0, 2.0]), xp.asarray([0.0, 10.0, 40.0])
    >>> xp.interpolate.interp(xp.asarray([0.5, 1.5]), points, values)
    tensor([ 5., 25.])

    Parameters
    ----------
    x : Tensor or array
        Real, of any shape.
    xp : Tensor or array
        1-D, strictly increasing; with `period` taken modulo it and sorted.
    fp : Tensor or array
        Of the shape of `xp`, real or complex.
    left, right : number, 0-d Tensor or None
        Values outside; None is that of the first or last point.
    period : float or None
        Positive; takes no `left` and `right`.

    Returns
    -------
    Tensor
        Shape of `x`, the promoted floating dtype.

    Raises
    ------
    TypeError, ValueError
        No numbers; shapes that don't fit, `xp` not increasing, `period` not positive.
    """
    name = "interpolate.interp"
    values = floating(name, "fp", fp)
    queries = floating(name, "x", x, values)
    if period is not None:
        if period <= 0:
            raise ValueError(f"{name}: period is {period}; it must be positive")
        raw = floating(name, "xp", xp, values) % period
        order = tx.argsort(raw.detach())
        raw, values = raw[order], values[order]
        places = tx.concat([raw[-1:] - period, raw, raw[:1] + period])
        values = tx.concat([values[-1:], values, values[:1]])
        queries, left, right = queries % period, None, None
        places = increasing(name, "xp modulo period", places, 2)
    else:
        places = increasing(name, "xp", xp, 1)
    if values.shape != places.shape:
        raise ValueError(f"{name}: fp has shape {values.shape}, but xp has {places.shape}")
    low, high = places[0], places[-1]
    if places.shape[0] == 1:
        inner = tx.broadcast_to(values[0], queries.shape)
    else:
        i = intervals(places, queries)
        start, end = places[i], places[i + 1]
        first, last = values[i], values[i + 1]
        slope = (last - first) / (end - start)
        inner = first + slope * (tx.clip(queries, low.detach(), high.detach()) - start)
        inner = tx.where(queries < low, values[0], tx.where(queries > high, values[-1], inner))
    if left is not None:
        inner = tx.where(queries < low, left, inner)
    if right is not None:
        inner = tx.where(queries > high, right, inner)
    return inner
