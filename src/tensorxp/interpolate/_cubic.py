"""Piecewise cubic interpolation: from slopes, smooth splines, and shape-preserving ones."""

import math
from typing import Any

import tensorxp as tx
from tensorxp.interpolate._places import floating, increasing, intervals


class CubicHermiteSpline:
    """The piecewise cubic through values `y` with slopes `dydx` at `x`, along `axis`.

    The gradient passes to `x`, `y`, `dydx` and the queries.

    Parameters
    ----------
    x : Tensor or array
        Real, 1-D, n ≥ 2 places, strictly increasing.
    y, dydx : Tensor or array
        Floating, of one shape with size n along `axis`.
    axis : int
    extrapolate : bool
        Whether the first and last pieces go on outside, or the result is NaN.

    Raises
    ------
    TypeError, ValueError
        No numbers; shapes that don't fit, `x` not increasing, no such axis.

    >>> import tensorxp as xp
    >>> s = xp.interpolate.CubicHermiteSpline([0.0, 1.0], [0.0, 1.0], [0.0, 3.0])
    >>> float(s(0.5))
    0.125
    """

    def __init__(self, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: bool = True) -> None:
        name = self._name
        values = self._values(x, y, axis, 2)
        slopes = tx.moveaxis(floating(name, "dydx", dydx, values), axis, 0)
        if slopes.shape != values.shape:
            raise ValueError(f"{name}: dydx has shape {slopes.shape}, but y has {values.shape}")
        self._slopes = slopes
        self.extrapolate = extrapolate

    @property
    def _name(self) -> str:
        return f"interpolate.{type(self).__name__}"

    def _values(self, x: Any, y: Any, axis: int, least: int) -> Any:
        """Check and keep the data; return the values with `axis` first."""
        self.x = increasing(self._name, "x", x, least)
        values = floating(self._name, "y", y, self.x)
        if not values.ndim or not -values.ndim <= axis < values.ndim:
            raise ValueError(f"{self._name}: axis {axis} is out of range for y of {values.shape}")
        if values.shape[axis] != self.x.shape[0]:
            raise ValueError(
                f"{self._name}: y has {values.shape[axis]} values along axis {axis} for "
                f"{self.x.shape[0]} places"
            )
        self.axis = axis % values.ndim
        self._y = tx.moveaxis(values, axis, 0)
        return self._y

    def __call__(self, x: Any, nu: int = 0, extrapolate: bool | None = None) -> tx.Tensor:
        """Return the `nu`-th derivative of the interpolant at places.

        Parameters
        ----------
        x : Tensor or array
            Real, of any shape.
        nu : int
            At least 0.
        extrapolate : bool or None
            None is that of the spline.

        Returns
        -------
        Tensor
            Shape of `y` with `axis` replaced by the shape of `x`; the promoted dtype.

        Raises
        ------
        TypeError, ValueError
            `x` is no number; another `nu`.
        """
        if not isinstance(nu, int) or nu < 0:
            raise ValueError(f"{self._name}: nu is {nu!r}; it must be an integer of 0 or more")
        queries = floating(self._name, "x", x, self.x)
        flat = tx.reshape(queries, (-1,))
        i = intervals(self.x, flat)
        column = (-1,) + (1,) * (self._y.ndim - 1)
        h = tx.reshape(self.x[i + 1] - self.x[i], column)
        t = tx.reshape(flat - self.x[i], column)
        y0, s0, s1 = self._y[i], self._slopes[i], self._slopes[i + 1]
        mean = (self._y[i + 1] - y0) / h
        # y0 + s0 t + c t² + d t³ with c = (3 mean - 2 s0 - s1)/h and d = (s0 + s1 - 2 mean)/h²
        coefficients = [y0, s0, (3 * mean - 2 * s0 - s1) / h, (s0 + s1 - 2 * mean) / (h * h)]
        out = tx.zeros_like(y0) + 0 * t
        for k in range(3, nu - 1, -1):
            out = out * t + math.perm(k, nu) * coefficients[k]
        if not (self.extrapolate if extrapolate is None else extrapolate):
            inside = (flat >= self.x[0]) & (flat <= self.x[-1])
            out = tx.where(tx.reshape(inside, column), out, math.nan)
        out = tx.reshape(out, (*queries.shape, *self._y.shape[1:]))
        n = queries.ndim
        order = (*range(n, n + self.axis), *range(n), *range(n + self.axis, out.ndim))
        return tx.permute_dims(out, order)


class CubicSpline(CubicHermiteSpline):
    """The twice continuously differentiable cubic spline through `y` at `x`, along `axis`.

    The slopes come from one linear system of the size of `x`, recorded, so that gradients pass to
    `x`, `y` and the queries. Calls are those of `CubicHermiteSpline`.

    Parameters
    ----------
    x : Tensor or array
        Real, 1-D, n ≥ 2 places, strictly increasing.
    y : Tensor or array
        Floating, of a shape with size n along `axis`.
    axis : int
    bc_type : str or pair
        What holds at the ends: "not-a-knot" (the first two and last two pieces are one cubic),
        "natural" (no second derivative), "clamped" (no first derivative), "periodic" (y ends as it
        begins, and so do its derivatives), or a pair with one of the first three, or (order, value)
        with a derivative of order 1 or 2, for each end.
    extrapolate : bool
        As for `CubicHermiteSpline`.

    Raises
    ------
    TypeError, ValueError
        No numbers; shapes that don't fit, `x` not increasing, no such axis, another `bc_type`, a
        `y` that is not periodic.

    >>> import tensorxp as xp
    >>> s = xp.interpolate.CubicSpline([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 8.0, 27.0])
    >>> round(float(s(1.5)), 6)
    3.375
    """

    def __init__(
        self, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: bool = True
    ) -> None:
        values = self._values(x, y, axis, 2)
        self._slopes = self._spline_slopes(values, bc_type)
        self.extrapolate = extrapolate

    def _spline_slopes(self, values: Any, bc_type: Any) -> Any:
        n = self.x.shape[0]
        h = tx.diff(self.x)
        rows = tx.reshape(values, (n, -1))
        mean = tx.diff(rows, axis=0) / h[:, None]
        matrix = tx.zeros((n, n), dtype=self.x.dtype, device=self.x.device)
        right = tx.zeros(rows.shape, dtype=rows.dtype, device=rows.device)
        if n > 2:
            # h₁ s₀ + 2 (h₀ + h₁) s₁ + h₀ s₂ = 3 (h₁ mean₀ + h₀ mean₁)
            inner = tx.arange(1, n - 1, device=self.x.device)
            matrix[inner, inner - 1] = h[1:]
            matrix[inner, inner] = 2 * (h[:-1] + h[1:])
            matrix[inner, inner + 1] = h[:-1]
            right[1:-1] = 3 * (h[1:, None] * mean[:-1] + h[:-1, None] * mean[1:])
        if bc_type == "periodic":
            if not bool(tx.allclose(rows[0].detach(), rows[-1].detach(), rtol=1e-15, atol=1e-15)):
                raise ValueError(f"{self._name}: for a periodic spline y must end as it begins")
            if n == 2:
                return tx.zeros_like(values)
            matrix[0, 0], matrix[0, n - 1] = 1, -1
            # the second derivatives of the last and the first piece agree
            matrix[n - 1, n - 2] = 1 / h[-1]
            matrix[n - 1, n - 1] = 2 / h[-1]
            matrix[n - 1, 0] = 2 / h[0]
            matrix[n - 1, 1] = 1 / h[0]
            right[n - 1] = 3 * (mean[0] / h[0] + mean[-1] / h[-1])
        else:
            pair = (bc_type, bc_type) if isinstance(bc_type, str) else tuple(bc_type)
            if len(pair) != 2:
                raise ValueError(f"{self._name}: bc_type is {bc_type!r}; give one for each end")
            if n == 3 and pair == ("not-a-knot", "not-a-knot"):
                return self._parabola(mean, h, values)
            for end, condition in zip((0, n - 1), pair, strict=True):
                self._end(matrix, right, end, condition, h, mean)
        return tx.reshape(tx.linalg.solve(matrix, right), values.shape)

    def _parabola(self, mean: Any, h: Any, values: Any) -> Any:
        """Return the slopes of the parabola through three points."""
        bend = (mean[1] - mean[0]) / (h[0] + h[1])
        slopes = [mean[0] - bend * h[0], mean[0] + bend * h[0], mean[1] + bend * h[1]]
        return tx.reshape(tx.stack(slopes), values.shape)

    def _end(self, matrix: Any, right: Any, end: int, condition: Any, h: Any, mean: Any) -> None:
        """Write the row of the condition at one end."""
        n = matrix.shape[0]
        inward = 1 if end == 0 else -1
        a, b = (0, 1) if end == 0 else (-1, -2)  # the outermost piece and its neighbour
        if condition == "not-a-knot" and n == 2:
            condition = (1, mean[0])
        if condition == "not-a-knot":
            # the third derivative does not jump at the second point
            total = h[a] + h[b]
            matrix[end, end], matrix[end, end + inward] = h[b], total
            right[end] = ((h[a] + 2 * total) * h[b] * mean[a] + h[a] ** 2 * mean[b]) / total
            return
        named = {"natural": (2, 0.0), "clamped": (1, 0.0)}
        order, value = named.get(condition, (0, 0.0)) if isinstance(condition, str) else condition
        if order not in (1, 2):
            raise ValueError(
                f'{self._name}: bc_type has {condition!r}; allowed are "not-a-knot", "natural", '
                '"clamped", "periodic", (1, value) and (2, value)'
            )
        value = tx.reshape(floating(self._name, "bc_type", value, self.x), (-1,))
        if order == 1:
            matrix[end, end] = 1
            right[end] = value + 0 * right[end]
            return
        # y'' at the end is 2 (3 mean - 2 s₀ - s₁) / h inward
        matrix[end, end], matrix[end, end + inward] = 2, 1
        right[end] = 3 * mean[a] - inward * value * h[a] / 2


class PchipInterpolator(CubicHermiteSpline):
    """The monotone piecewise cubic through `y` at `x`: no overshoot, once differentiable.

    Slopes as F. N. Fritsch and J. Butland (1984, SIAM J. Sci. Stat. Comput. 5, 300): a weighted
    harmonic mean of the neighbouring slopes, zero at local extrema; so the gradient to `y` jumps
    where two neighbours become equal, and is zero through a slope that is zero there. Calls are
    those of `CubicHermiteSpline`.

    Parameters
    ----------
    x : Tensor or array
        Real, 1-D, n ≥ 2 places, strictly increasing.
    y : Tensor or array
        Real floating, of a shape with size n along `axis`.
    axis : int
    extrapolate : bool
        As for `CubicHermiteSpline`.

    Raises
    ------
    TypeError, ValueError
        No numbers; shapes that don't fit, `x` not increasing, no such axis.

    >>> import tensorxp as xp
    >>> s = xp.interpolate.PchipInterpolator([0.0, 1.0, 2.0], [0.0, 1.0, 1.0])
    >>> float(s(1.5))
    1.0
    """

    def __init__(self, x: Any, y: Any, axis: int = 0, extrapolate: bool = True) -> None:
        values = self._values(x, y, axis, 2)
        column = (-1,) + (1,) * (values.ndim - 1)
        h = tx.reshape(tx.diff(self.x), column)
        mean = tx.diff(values, axis=0) / h
        self.extrapolate = extrapolate
        if self.x.shape[0] == 2:
            self._slopes = tx.concat([mean, mean])
            return
        low, high = mean[:-1], mean[1:]
        same = tx.sign(low) * tx.sign(high) > 0
        w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        # 1/s = (w1/low + w2/high) / (w1 + w2); ones where a slope is zero keep the gradient finite
        safe_low, safe_high = tx.where(same, low, 1.0), tx.where(same, high, 1.0)
        inner = tx.where(same, (w1 + w2) / (w1 / safe_low + w2 / safe_high), 0.0)
        first = self._edge(h[0], h[1], mean[0], mean[1])
        last = self._edge(h[-1], h[-2], mean[-1], mean[-2])
        self._slopes = tx.concat([first[None, ...], inner, last[None, ...]])

    @staticmethod
    def _edge(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
        """Return the one-sided three-point slope at an end, bent to keep the shape."""
        slope = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
        turned = tx.sign(slope) != tx.sign(m0)
        steep = (tx.sign(m0) != tx.sign(m1)) & (tx.abs(slope) > 3 * tx.abs(m0))
        return tx.where(turned, 0.0, tx.where(steep, 3 * m0, slope))
