"""Interpolation on a rectilinear grid of any number of dimensions."""

from itertools import product
from math import nan
from typing import Any

import tensorxp as tx
from tensorxp._backend.families import see
from tensorxp.interpolate._places import floating, increasing, intervals


class RegularGridInterpolator:
    """The multilinear (or nearest) interpolant of `values` on the grid of `points`.

    The gradient passes to `values`, `points` and the coordinates (not to the last two with method
    "nearest"); on a face of the grid by a coordinate it is that of the next cell.

    Parameters
    ----------
    points : sequence of n Tensors or arrays
        Real, 1-D, strictly increasing: the axes of the grid.
    values : Tensor or array
        Floating; its first n axes are the grid's, further ones are carried along.
    method : str
        "linear" or "nearest".
    bounds_error : bool
        Whether coordinates outside raise a ValueError.
    fill_value : float or None
        The result outside; None: the outermost cell goes on.

    Raises
    ------
    TypeError, ValueError
        No numbers; shapes that don't fit, points that don't increase, another method.

    >>> import tensorxp as xp
    >>> axes, values = ([0.0, 1.0], [0.0, 2.0]), [[0.0, 2.0], [1.0, 3.0]]
    >>> f = xp.interpolate.RegularGridInterpolator(axes, values)
    >>> float(f([0.5, 1.0]))
    1.5
    """

    def __init__(
        self,
        points: Any,
        values: Any,
        method: str = "linear",
        bounds_error: bool = True,
        fill_value: float | None = nan,
    ) -> None:
        name = "interpolate.RegularGridInterpolator"
        self._check(name, method)
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value
        self.values = floating(name, "values", values)
        self.grid = tuple(
            increasing(name, f"points[{i}]", p, 1 if method == "nearest" else 2)
            for i, p in enumerate(points)
        )
        shape = tuple(p.shape[0] for p in self.grid)
        if self.values.shape[: len(shape)] != shape:
            raise ValueError(
                f"{name}: points make a grid of {shape}, but values have shape {self.values.shape}"
            )

    @staticmethod
    def _check(name: str, method: str) -> None:
        if method not in ("linear", "nearest"):
            raise ValueError(f'{name}: method is {method!r}; allowed are "linear", "nearest"')

    def __call__(self, xi: Any, method: str | None = None) -> tx.Tensor:
        """Return the values at coordinates.

        Parameters
        ----------
        xi : Tensor, array, or tuple of n of them
            Real, of shape (..., n), or parts that broadcast.
        method : str or None
            None is that of the interpolant.

        Returns
        -------
        Tensor
            Shape (...) and the further axes of `values`; the promoted dtype.

        Raises
        ------
        TypeError, ValueError
            No numbers; shapes that don't fit, coordinates outside, another method.
        """
        name = "interpolate.RegularGridInterpolator"
        method = self.method if method is None else method
        self._check(name, method)
        n = len(self.grid)
        if isinstance(xi, tuple):
            parts = tx.broadcast_arrays(*(floating(name, "xi", x, self.values) for x in xi))
            xi = tx.stack(parts, axis=-1)
        xi = floating(name, "xi", xi, self.values)
        if not xi.ndim or xi.shape[-1] != n:
            raise ValueError(
                f"{name}: xi has shape {xi.shape}; its last axis must have {n} coordinates"
            )
        shape = xi.shape[:-1]
        flat = tx.reshape(xi, (-1, n))
        outside = tx.zeros((flat.shape[0],), dtype=tx.bool, device=flat.device)
        for i, places in enumerate(self.grid):
            beyond = (flat[:, i] < places[0]) | (flat[:, i] > places[-1])
            if self.bounds_error and bool(tx.any(beyond)):
                raise ValueError(
                    f"{name}: a coordinate along axis {i} is out of bounds [{float(places[0])}, "
                    f"{float(places[-1])}]; bounds_error=False fills or extrapolates"
                )
            outside = outside | beyond
        find = self._linear if method == "linear" else self._nearest
        out = find(flat)
        column = (-1,) + (1,) * (out.ndim - 1)
        if self.fill_value is not None:
            out = tx.where(tx.reshape(outside, column), self.fill_value, out)
        unknown = tx.reshape(tx.any(tx.isnan(flat), axis=-1), column)
        out = tx.where(unknown, nan, out)
        return tx.reshape(out, (*shape, *self.values.shape[n:]))

    def _linear(self, flat: Any) -> Any:
        cells, shares = [], []
        column = (-1,) + (1,) * (self.values.ndim - len(self.grid))
        for i, places in enumerate(self.grid):
            k = intervals(places, flat[:, i])
            share = (flat[:, i] - places[k]) / (places[k + 1] - places[k])
            cells.append(k)
            shares.append(tx.reshape(share, column))
        out = None
        for corner in product((0, 1), repeat=len(self.grid)):
            part = self.values[tuple(k + c for k, c in zip(cells, corner, strict=True))]
            for share, c in zip(shares, corner, strict=True):
                part = part * (share if c else 1 - share)
            out = part if out is None else out + part
        return out

    def _nearest(self, flat: Any) -> Any:
        cells = []
        for i, places in enumerate(self.grid):
            if places.shape[0] == 1:
                cells.append(tx.zeros((flat.shape[0],), dtype=tx.int64, device=flat.device))
                continue
            k = intervals(places, flat[:, i])
            share = (flat[:, i] - places[k]) / (places[k + 1] - places[k])
            cells.append(k + tx.astype(share.detach() > 0.5, k.dtype))
        return self.values[tuple(cells)]


@see("interp")
def interpn(
    points: Any,
    values: Any,
    xi: Any,
    method: str = "linear",
    bounds_error: bool = True,
    fill_value: float | None = nan,
) -> tx.Tensor:
    """Return the interpolant of `values` on the grid of `points` at `xi`.

    As one call of `RegularGridInterpolator`.

    >>> grid, values = xp.asarray([0.0, 1.0]), xp.asarray([[0.0, 1.0], [2.0, 3.0]])
    >>> xp.interpolate.interpn((grid, grid), values, xp.asarray([0.5, 0.5]))
    tensor(1.5)

    Parameters
    ----------
    points, values, method, bounds_error, fill_value
        Its arguments.
    xi : Tensor, array, or tuple of n of them
        The coordinates, of shape (..., n).

    Returns
    -------
    Tensor
        Shape (...) and the further axes of `values`; the promoted dtype.

    Raises
    ------
    TypeError, ValueError
        As there.
    """
    found = RegularGridInterpolator(points, values, method, bounds_error, fill_value)
    return found(xi)
