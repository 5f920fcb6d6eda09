"""How accurate elementwise functions are: cases, points over the range of exponents, errors in ulp.

The right values come from mpmath and lie in `data/range.json`, written by `data/make_range.py`.
A point is a tuple of float64 numbers. The first `SINGLE` of a case are float32 numbers too.
"""

import base64
import json
import math
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import tensorxp as xp

INF = math.inf
DATA = Path(__file__).parent / "data" / "range.json"
SINGLE, DOUBLE = 60, 40


@dataclass(frozen=True)
class Real:
    """Real numbers in (lo, hi), of all sizes between 2**least and the largest in the domain.

    `near` are points with something special, and `mid` is an interval that gets its share.
    """

    lo: float = -INF
    hi: float = INF
    near: tuple[float, ...] = ()
    mid: tuple[float, float] = (-10.0, 10.0)
    least: int = -1074

    def draw(self, rnd: random.Random, kind: int, single: bool) -> float:
        least, most = (max(-149, self.least), 127) if single else (self.least, 1023)
        while True:
            x = self._one(rnd, kind, single, least, most)
            if single:
                try:
                    x = struct.unpack("f", struct.pack("f", x))[0]
                except OverflowError:
                    continue
            if self.lo < x < self.hi and math.isfinite(x) and x != 0:
                return float(x)
            kind = rnd.randrange(4)

    def _one(self, rnd: random.Random, kind: int, single: bool, least: int, most: int) -> float:
        far = max(abs(self.lo), abs(self.hi))
        top = most if far == INF else min(most, math.frexp(far)[1])
        sign = rnd.choice([-1.0, 1.0])
        if kind == 2 and self.near:
            p = rnd.choice(self.near)
            away = math.ldexp(1 + rnd.random(), -rnd.randint(1, 22 if single else 51))
            return p + sign * away * (abs(p) or 1.0)
        if kind == 3:
            return rnd.uniform(max(self.mid[0], self.lo), min(self.mid[1], self.hi))
        low = least if kind == 0 else max(least, min(-12, top - 12))
        return sign * math.ldexp(1 + rnd.random(), rnd.randint(low, max(low, top - 1)))


@dataclass(frozen=True)
class Whole:
    """Whole numbers from lo to hi."""

    lo: int
    hi: int

    def draw(self, rnd: random.Random, kind: int, single: bool) -> float:
        return float(rnd.randint(self.lo, self.hi))


@dataclass(frozen=True)
class Bound:
    """The errors that are allowed, in ulp: of the value and the derivative, in each dtype."""

    value: float = 4
    slope: float = 6
    value32: float = 4
    slope32: float = 6
    why: str = ""


Scale = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """A function, and where it is tried.

    `scale` and `slope_scale` give, at the points, the size below which errors do not count
    relative to the value: that of the terms which cancel near a root. `why` says which.
    """

    name: str
    args: tuple[Real | Whole, ...]
    call: Callable[..., Any] | None = None
    wrt: tuple[int, ...] = ()
    scale: Scale | None = None
    slope_scale: Scale | None = None
    why: str = ""
    keep: Callable[..., bool] = lambda *x: True

    def function(self) -> Callable[..., Any]:
        """Return the function of Tensors."""
        if self.call is not None:
            return self.call
        found: Any = xp
        for part in self.name.split(" ")[0].split("."):
            found = getattr(found, part)
        return found

    @property
    def differentiated(self) -> tuple[int, ...]:
        return self.wrt or tuple(range(len(self.args)))

    def points(self) -> list[tuple[float, ...]]:
        """Return the points, always the same: those of float32 first."""
        rnd = random.Random(self.name)
        found: list[tuple[float, ...]] = []
        while len(found) < SINGLE + DOUBLE:
            single = len(found) < SINGLE
            i = len(found)
            kinds = [i % 4 if len(self.args) == 1 else rnd.randrange(4) for _ in self.args]
            point = tuple([a.draw(rnd, k, single) for a, k in zip(self.args, kinds, strict=True)])
            if self.keep(*point):
                found.append(point)
        return found


def packed(values: Any) -> str:
    """Return float64 numbers as text."""
    return base64.b64encode(np.asarray(values, "<f8").tobytes()).decode()


def unpacked(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), "<f8")


@cache
def references() -> dict[str, list[str]]:
    """Return for each case its points' values, then its derivatives, as text."""
    found: dict[str, list[str]] = json.loads(DATA.read_text())
    return found


def ulps(got: Any, right: Any, dtype: Any, scale: Any = 0.0) -> Any:
    """Return |got - right| in units in the last place of `right`, or of `scale` where greater."""
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        size = np.minimum(np.maximum(np.abs(right), scale), float(info.max))
        unit = np.spacing(size.astype(dtype)).astype(np.float64)
        got = np.clip(np.asarray(got, np.float64), -float(info.max), float(info.max))
        wide = np.clip(right, -float(info.max), float(info.max))
        error = np.abs(got - wide) / unit
    same = np.isnan(got) & np.isnan(right)
    return np.where(same, 0.0, np.where(np.isnan(error), INF, error))


@dataclass(frozen=True)
class Found:
    """The errors at each point: of the value, and of the derivative by each argument."""

    points: Any
    value: Any
    slopes: tuple[Any, ...]
    forward: tuple[Any, ...]  # |jvp - vjp| in ulp


def measure(case: Case, dtype: str, repeat: int = 1, forward: bool = True) -> Found:
    """Return the errors in `dtype`; `repeat` times the points, for the paths of large arrays."""
    with np.errstate(all="ignore"):
        return _measured(case, dtype, repeat, forward)


def _measured(case: Case, dtype: str, repeat: int, forward: bool) -> Found:
    count = SINGLE if dtype == "float32" else SINGLE + DOUBLE
    points = np.asarray(case.points()[:count])
    texts = references()[case.name]
    right = [unpacked(t)[:count] for t in texts]
    dt = getattr(xp, dtype)

    def tensors() -> list[Any]:
        return [xp.asarray(np.tile(points[:, i], repeat), dtype=dt) for i in range(points.shape[1])]

    fn = case.function()
    xs = tensors()
    for i in case.differentiated:
        xs[i].requires_grad_()
    out = fn(*xs)
    grads = xp.autograd.grad(out, [xs[i] for i in case.differentiated], xp.ones_like(out))
    columns = [points[:, i] for i in range(points.shape[1])]
    scale = 0.0 if case.scale is None else case.scale(*columns)
    slope_scale = 0.0 if case.slope_scale is None else case.slope_scale(*columns)

    def worst(got: Any, ref: Any, size: Any) -> Any:
        return ulps(got.reshape(repeat, count), ref, dtype, size).max(axis=0)

    value = worst(out.detach().numpy(), right[0], scale)
    slopes = tuple([
        worst(g.numpy(), ref, slope_scale) for g, ref in zip(grads, right[1:], strict=True)
    ])  # fmt: skip
    apart = []
    for k, i in enumerate(case.differentiated if forward else ()):
        fixed = tensors()

        def along(x: Any, i: int = i, fixed: list[Any] = fixed) -> Any:
            return fn(*fixed[:i], x, *fixed[i + 1 :])

        _, t = xp.autograd.jvp(along, fixed[i], xp.ones_like(fixed[i]))
        apart.append(
            worst(t.numpy(), np.asarray(grads[k].numpy(), np.float64)[:count], slope_scale)
        )
    return Found(points, value, slopes, tuple(apart))
