"""Explicit Runge-Kutta methods: their coefficients, one step, its error and dense output.

RK23: P. Bogacki, L. F. Shampine, Appl. Math. Lett. 2 (1989) 321. RK45: J. R. Dormand, P. J. Prince,
J. Comput. Appl. Math. 6 (1980) 19, dense output of L. F. Shampine, Math. Comp. 46 (1986) 135.
DOP853: see `_dop853`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorxp as tx
from tensorxp._core.face import apply
from tensorxp.autograd import primitive
from tensorxp.integrate import _dop853

Weights = dict[int, float]


@primitive
def combination_p(xp: Any, *xs: Any, weights: tuple[float, ...]) -> Any:
    out = weights[0] * xs[0]
    for weight, x in zip(weights[1:], xs[1:], strict=True):
        out = out + weight * x
    return out


@combination_p.vjp
def _(ct: Any, needs: Any, *, weights: tuple[float, ...]) -> Any:
    return tuple(w * ct if needed else None for w, needed in zip(weights, needs, strict=True))


@combination_p.jvp
def _(t: Any, *, weights: tuple[float, ...]) -> Any:
    pairs = [(w, x) for w, x in zip(weights, t, strict=True) if x is not None]
    return combination([x for _, x in pairs], [w for w, _ in pairs])


combination_p.batched = True


def combination(xs: list[Any], weights: list[float]) -> Any:
    """Return the sum of weighted Tensors, as one operation."""
    return apply(combination_p, tuple(xs), {"weights": tuple(weights)})


@dataclass(frozen=True)
class Method:
    """A method: places and weights of the stages, weights of the step and of its error."""

    name: str
    stages: int
    error_order: int
    places: tuple[float, ...]
    stage_weights: tuple[Weights, ...]
    step_weights: Weights
    errors: tuple[Weights, ...]
    #: coefficients of the powers 1, 2, ... of the place within a step, for each stage
    dense: tuple[dict[int, tuple[float, ...]], ...] = ()


RK23 = Method(
    "RK23", 3, 2,
    (0.0, 1 / 2, 3 / 4),
    ({}, {0: 1 / 2}, {1: 3 / 4}),
    {0: 2 / 9, 1: 1 / 3, 2: 4 / 9},
    ({0: 5 / 72, 1: -1 / 12, 2: -1 / 9, 3: 1 / 8},),
    ({0: (1, -4 / 3, 5 / 9), 1: (0, 1, -2 / 3), 2: (0, 4 / 3, -8 / 9), 3: (0, -1, 1)},),
)  # fmt: skip

RK45 = Method(
    "RK45", 6, 4,
    (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0),
    (
        {},
        {0: 1 / 5},
        {0: 3 / 40, 1: 9 / 40},
        {0: 44 / 45, 1: -56 / 15, 2: 32 / 9},
        {0: 19372 / 6561, 1: -25360 / 2187, 2: 64448 / 6561, 3: -212 / 729},
        {0: 9017 / 3168, 1: -355 / 33, 2: 46732 / 5247, 3: 49 / 176, 4: -5103 / 18656},
    ),
    {0: 35 / 384, 2: 500 / 1113, 3: 125 / 192, 4: -2187 / 6784, 5: 11 / 84},
    ({0: -71 / 57600, 2: 71 / 16695, 3: -71 / 1920, 4: 17253 / 339200, 5: -22 / 525, 6: 1 / 40},),
    (
        {
            0: (1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432),
            2: (0, 131558114200 / 32700410799, -68118460800 / 10900136933,
                87487479700 / 32700410799),
            3: (0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072),
            4: (0, 127303824393 / 49829197408, -318862633887 / 49829197408,
                701980252875 / 199316789632),
            5: (0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844),
            6: (0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423),
        },
    ),
)  # fmt: skip

DOP853 = Method("DOP853", 12, 7, _dop853.C, _dop853.A, _dop853.B, (_dop853.E5, _dop853.E3))

METHODS = {method.name: method for method in (RK23, RK45, DOP853)}

Slope = Callable[[Any, Any], Any]


class Step:
    """A step from (t, y) over h: its end, its stages, and values between.

    `t` is a 0-d Tensor, `h` a number, or a 0-d Tensor where a gradient passes to the times.
    """

    def __init__(self, method: Method, fun: Slope, t: Any, y: Any, h: Any, slope: Any) -> None:
        self.method, self.fun = method, fun
        self.t, self.y, self.h = t, y, h
        self.finish: Any = None  # the end's time as a Tensor, and as a number
        self.end_time = 0.0
        self.stages = [slope]
        for i in range(1, method.stages):
            self.stages.append(self._stage(i))
        self.end = self.moved(method.step_weights)
        self.stages.append(fun(t + h, self.end))

    def moved(self, weights: Weights) -> Any:
        """Return y + h Σ weights · stages."""
        ks, ws = [self.stages[i] for i in weights], list(weights.values())
        if isinstance(self.h, tx.Tensor):
            return self.y + self.h * combination(ks, ws)
        return combination([self.y, *ks], [1.0, *(self.h * w for w in ws)])

    def _stage(self, i: int) -> Any:
        weights = self.method.stage_weights[i]
        return self.fun(self.t + self.method.places[i] * self.h, self.moved(weights))

    def error(self, rtol: float, atol: Any) -> float:
        """Return the error estimate as a share of what the tolerances allow."""
        with tx.no_grad():
            y, end = self.y.detach(), self.end.detach()
            scale = atol + tx.maximum(tx.abs(y), tx.abs(end)) * rtol
            ks = [k.detach() for k in self.stages]
            squares = []
            for weights in self.method.errors:
                estimate = combination([ks[i] for i in weights], list(weights.values()))
                squares.append(float(tx.sum(tx.abs(estimate / scale) ** 2)))
            h, n = abs(float(self.h)), y.size
        if len(squares) == 1:
            return h * math.sqrt(squares[0] / n)
        denominator = squares[0] + 0.01 * squares[1]
        return 0.0 if denominator == 0 else h * squares[0] / math.sqrt(denominator * n)

    def between(self, place: Any) -> Any:
        """Return y at `place` from 0 to 1 within the step, a number or 0-d Tensor."""
        if self.method.dense:
            total = None
            for i, powers in self.method.dense[0].items():
                polynomial: Any = powers[-1]
                for coefficient in reversed(powers[:-1]):
                    polynomial = polynomial * place + coefficient
                part = self.stages[i] * (polynomial * place * self.h)
                total = part if total is None else total + part
            return self.y + total
        return self._between_853(place)

    def _between_853(self, place: Any) -> Any:
        while len(self.stages) < len(_dop853.C):
            self.stages.append(self._stage(len(self.stages)))
        change = self.end - self.y
        first, last = self.stages[0] * self.h, self.stages[12] * self.h
        rows = [change, first - change, 2 * change - (last + first)]
        rows += [
            combination([self.stages[i] for i in row], list(row.values())) * self.h
            for row in _dop853.D
        ]
        out = rows[-1] * place
        for i, row in enumerate(reversed(rows[:-1]), start=1):
            out = (out + row) * (1 - place if i % 2 else place)
        return self.y + out
