"""`solve_ivp` and `odeint`: ordinary differential equations with differentiable solutions.

The steps are recorded as any operations are; step sizes are numbers, chosen outside the graph.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tensorxp as tx
import tensorxp.optimize  # before its module, which another thread may be importing
from tensorxp._backend.families import see
from tensorxp._core.face import stack
from tensorxp.integrate._adjoint import with_adjoint
from tensorxp.integrate._methods import METHODS, Method, Step
from tensorxp.optimize._results import OptimizeResult
from tensorxp.optimize._trees import Packing, leaves_of, map_tree, pack

# what the step size may change by, and the share of the best estimate that is taken (as SciPy's)
SHRINK, GROW, SAFETY = 0.2, 10.0, 0.9
FAILURE = "Required step size is less than spacing between numbers."


class OdeResult(OptimizeResult):
    """The solution of an ODE: `t`, `y`, `nfev`, `status`, `message`, `success`."""


class Controls:
    """The method, tolerances and limits of a solution, and a count of calls."""

    def __init__(
        self, method: Method, rtol: float, atol: Any, first_step: Any, max_step: float, limit: int
    ) -> None:
        self.method, self.rtol, self.atol = method, rtol, atol
        self.first_step, self.max_step, self.limit = first_step, max_step, limit
        self.calls = 0


class Failed(Exception):
    """The step size became too small."""


def _first_step(fun: Any, t: Any, y: Any, slope: Any, span: float, controls: Controls) -> float:
    """Return a first step size: Hairer, Norsett & Wanner, section II.4."""
    with tx.no_grad():
        atol = controls.atol if _fits(controls.atol, y) else float(tx.min(controls.atol))
        scale = atol + tx.abs(y) * controls.rtol

        def norm(v: Any) -> float:
            return math.sqrt(float(tx.sum(tx.abs(v / scale) ** 2)) / max(v.size, 1))

        d0, d1 = norm(y), norm(slope)
        h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
        h0 = min(h0, abs(span))
        step = math.copysign(h0, span)
        d2 = norm(fun(t + step, y + step * slope) - slope) / h0
    controls.calls += 1
    order = controls.method.error_order + 1
    h1 = max(1e-6, h0 * 1e-3) if max(d1, d2) <= 1e-15 else (0.01 / max(d1, d2)) ** (1 / order)
    return min(100 * h0, h1, abs(span), controls.max_step)


def _fits(atol: Any, y: Any) -> bool:
    return not isinstance(atol, tx.Tensor) or atol.ndim == 0 or atol.shape == y.shape


def steps(fun: Any, t0: Any, t1: Any, y: Any, controls: Controls) -> Any:
    """Yield the accepted steps from `t0` to `t1`, which are 0-d Tensors."""
    now, end = float(t0), float(t1)
    if now == end:
        return
    sign = math.copysign(1.0, end - now)
    moving = t0.requires_grad or t1.requires_grad or bool(stack())
    t, slope = t0, fun(t0, y)
    controls.calls += 1
    size = controls.first_step
    if size is None:
        size = _first_step(fun, t0.detach(), y.detach(), slope.detach(), end - now, controls)
    exponent = -1 / (controls.method.error_order + 1)
    for _ in range(controls.limit):
        least = 10 * abs(math.nextafter(now, sign * math.inf) - now)
        size = max(min(size, controls.max_step), least)
        rejected = False
        while True:
            if size < least:
                raise Failed
            last = (now + sign * size - end) * sign >= 0
            new = end if last else now + sign * size
            h = t1 - t if last and moving else new - now
            step = Step(controls.method, fun, t, y, h, slope)
            controls.calls += controls.method.stages
            size = abs(new - now)
            error = step.error(controls.rtol, controls.atol if _fits(controls.atol, y) else 0.0)
            if error < 1:
                break
            if not math.isfinite(error):
                error = math.inf
            size *= max(SHRINK, SAFETY * error**exponent)
            rejected = True
        factor = GROW if error == 0 else min(GROW, SAFETY * error**exponent)
        size *= min(1.0, factor) if rejected else factor
        t = t1 if last else t + h
        step.finish, step.end_time = t, new
        y, slope, now = step.end, step.stages[controls.method.stages], new
        yield step
        if last:
            return
    raise RuntimeError(
        f"integrate.solve_ivp: {controls.limit} steps did not reach {end}; the solution is at "
        f"{now}; "
        "raise max_steps or the tolerances"
    )


def _solve(
    fun: Any, times: list[Any], y0: Any, controls: Controls, dense: bool
) -> tuple[list[Any], list[Any], bool]:
    """Return times, values there, and whether the end was reached.

    `times` are 0-d Tensors: start and end, and with `dense` the places wanted between.
    """
    start, end, wanted = times[0], times[1], times[2:]
    sign = math.copysign(1.0, float(end) - float(start))
    if not dense:
        ts, ys = [start], [y0]
        try:
            for step in steps(fun, start, end, y0, controls):
                ts.append(step.finish)
                ys.append(step.end)
        except Failed:
            return ts, ys, False
        return ts, ys, True
    ts, ys = [], []
    places = [float(t) for t in wanted]
    k = 0
    while k < len(places) and places[k] == float(start):
        moved = wanted[k].requires_grad or start.requires_grad
        value = y0 + (wanted[k] - start) * fun(start, y0) if moved else y0
        ts, ys, k = [*ts, wanted[k]], [*ys, value], k + 1
    try:
        for step in steps(fun, start, end, y0, controls):
            while k < len(places) and (places[k] - step.end_time) * sign <= 0:
                moving = wanted[k].requires_grad or step.t.requires_grad or bool(stack())
                if places[k] == step.end_time and not moving:
                    value = step.end
                else:
                    between = (wanted[k] - step.t) / step.h
                    value = step.between(between if moving else float(between))
                ts, ys, k = [*ts, wanted[k]], [*ys, value], k + 1
            if k == len(places):
                break
    except Failed:
        return ts, ys, False
    return ts, ys, True


@see("odeint")
def solve_ivp(
    fun: Callable[..., Any],
    t_span: Any,
    y0: Any,
    method: str = "RK45",
    t_eval: Any = None,
    *,
    args: Any = (),
    rtol: float = 1e-3,
    atol: Any = 1e-6,
    first_step: float | None = None,
    max_step: float = math.inf,
    max_steps: int = 100_000,
    gradient: str = "record",
) -> OdeResult:
    """Solve dy/dt = fun(t, y, *args) from y(t_span[0]) = y0 to t_span[1], differentiably.

    >>> xp.integrate.solve_ivp(lambda t, y: -y, (0.0, 1.0), xp.asarray([1.0])).y[:, -1]
    tensor([0.3681])

    Parameters
    ----------
    fun : callable
        Gets `t` as a 0-d Tensor and `y` in the structure of `y0`, and returns that structure.
    t_span : pair of numbers or 0-d Tensors
        Start and end, of either order.
    y0 : Tensor, or nested dicts, lists and tuples of Tensors
        Of any shape, real or complex; integers and numbers become the default real dtype.
    method : str
        "RK45", "RK23" or "DOP853": explicit Runge-Kutta pairs with SciPy's step-size control, so
        the solutions agree with SciPy's. For stiff problems they need small steps.
    t_eval : sequence or None
        Where to give the solution, in the direction of integration, by dense output; None: at every
        step. Elements may be Tensors that require grad.
    args : tuple or object
        Further arguments of `fun`.
    rtol : float
    atol : float, or as `y0`
    first_step : float or None
    max_step : float
    max_steps : int
    gradient : str
        "record" differentiates the steps taken: exact for the computed solution, of any order and
        in both modes, with memory for every step. "adjoint" solves the adjoint ODE backwards in
        `backward`: little memory, errors of the order of the tolerances, once differentiable, and
        real `y` only. Either way the gradient reaches y0, args and what `fun` closes over.

    Returns
    -------
    OdeResult
        `t` (n times), `y` in the structure of `y0`, each tensor of shape y0.shape + (n,) and the
        dtype of `y0`; `nfev`, `status` (0, or -1 where the step size became too small), `message`
        and `success`.

    Raises
    ------
    TypeError, ValueError
        `fun` is not callable, `y0` holds no numbers, complex with "adjoint"; another method or
        gradient, `t_eval` not sorted or outside, other numbers of values.
    RuntimeError
        `max_steps` did not reach the end.
    """
    name = "integrate.solve_ivp"
    if method not in METHODS:
        raise ValueError(f"{name}: method is {method!r}; allowed are {', '.join(METHODS)}")
    if gradient not in ("record", "adjoint"):
        raise ValueError(f'{name}: gradient is {gradient!r}; allowed are "record", "adjoint"')
    packing = Packing(name, y0, real=False)
    start = pack(name, y0, packing)
    tolerance = pack(name, atol, packing) if not isinstance(atol, int | float) else atol
    controls = Controls(METHODS[method], rtol, tolerance, first_step, max_step, max_steps)
    times = _times(name, t_span, t_eval, packing)
    extra = args if isinstance(args, tuple) else (args,)

    def flat(t: Any, y: Any) -> Any:
        slope = pack(name, fun(t, packing.unpack(y), *extra), packing)
        if slope.shape != y.shape:
            raise ValueError(
                f"{name}: fun returned {slope.size} values for {y.size} components of y0; there "
                "must be as many"
            )
        return slope

    if gradient == "record" or stack():
        ts, ys, reached = _solve(flat, times, start, controls, t_eval is not None)
        values = _stacked(ys, packing)
    else:
        ts, values, reached = _with_adjoint(flat, times, start, controls, t_eval is not None)
    parts, at = [], 0
    for leaf in leaves_of(packing.tree):
        part = tx.astype(tx.moveaxis(values[:, at : at + leaf.size], 0, -1), leaf.dtype, copy=False)
        part = tx.reshape(part, (*leaf.shape, len(ts)))
        parts.append(part if part.device == leaf.device else part.to(leaf.device))
        at += leaf.size
    following = iter(parts)
    return OdeResult(
        t=tx.stack(ts) if ts else tx.zeros((0,), device=packing.device),
        y=map_tree(lambda _: next(following), packing.tree),
        nfev=controls.calls,
        status=0 if reached else -1,
        message="The solver successfully reached the end of the integration interval."
        if reached
        else FAILURE,
        success=reached,
    )


def _stacked(ys: list[Any], packing: Packing) -> Any:
    if not ys:
        return tx.zeros((0, packing.size), dtype=packing.dtype, device=packing.device)
    return tx.stack(ys)


def _with_adjoint(
    fun: Any, times: list[Any], y0: Any, controls: Controls, dense: bool
) -> tuple[list[Any], Any, bool]:
    name = "integrate.solve_ivp"
    if any(t.requires_grad for t in times):
        raise ValueError(f'{name}: gradients to times need gradient="record"')
    if tx.isdtype(y0.dtype, "complex floating"):
        raise TypeError(f'{name}: complex y0 needs gradient="record"')
    with tx.no_grad():
        ts, ys, reached = _solve(fun, times, y0.detach(), controls, dense)
    if not ts:
        return ts, tx.zeros((0, y0.size), dtype=y0.dtype, device=y0.device), reached
    places = [float(t) for t in ts]
    shifted = places[0] != float(times[0])
    if shifted:  # the backward solution must run to the start
        places, ys = [float(times[0]), *places], [y0.detach(), *ys]

    def solver(augmented: Any, span: list[float], z: Any) -> list[Any]:
        ends = [tx.asarray(t, dtype=times[0].dtype, device=z.device) for t in span]
        inner = Controls(
            controls.method, controls.rtol, controls.atol, None, controls.max_step, controls.limit
        )
        if not _fits(controls.atol, z):
            inner.atol = float(tx.min(controls.atol))
        with tx.no_grad():
            _, found, done = _solve(augmented, ends, z, inner, False)
        controls.calls += inner.calls
        if not done:
            raise RuntimeError(f"{name}: the adjoint equation could not be solved: {FAILURE}")
        return found

    values = with_adjoint(fun, places, y0, tx.stack(ys), solver)
    return ts, values[1:] if shifted else values, reached


def _times(name: str, t_span: Any, t_eval: Any, packing: Packing) -> list[Any]:
    """Return the start, the end and the places of `t_eval` as 0-d Tensors."""
    single = packing.dtype in (tx.float32, tx.complex64)
    dtype = tx.float32 if single else tx.float64

    def as_time(t: Any) -> Any:
        if isinstance(t, tx.Tensor):
            return tx.astype(tx.reshape(t, ()), dtype, copy=False).to(packing.device)
        return tx.asarray(float(t), dtype=dtype, device=packing.device)

    if len(t_span) != 2:
        raise ValueError(f"{name}: t_span is {t_span!r}; it must be (start, end)")
    times = [as_time(t) for t in t_span]
    if t_eval is None:
        return times
    places = [as_time(t) for t in t_eval]
    low, high = sorted((float(times[0]), float(times[1])))
    values = np.asarray([float(t) for t in places])
    if np.any(values < low) or np.any(values > high):
        raise ValueError(f"{name}: t_eval has places outside t_span = ({low}, {high})")
    rising = np.diff(values) if float(times[1]) >= float(times[0]) else -np.diff(values)
    if np.any(rising < 0):
        raise ValueError(f"{name}: t_eval is not sorted in the direction of integration")
    return times + places


@see("solve_ivp")
def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Sequence[float] | tx.Tensor,
    args: Any = (),
    *,
    tfirst: bool = False,
    rtol: float = 1e-8,
    atol: Any = 1e-8,
    method: str = "DOP853",
    gradient: str = "record",
) -> Any:
    """Return the solution of dy/dt = func(y, t, *args) at the times `t`, which begin with y0's.

    >>> xp.integrate.odeint(lambda y, t: -y, xp.asarray([1.0]), xp.asarray([0.0, 1.0]))
    tensor([[1.    ],
            [0.3679]])

    Parameters
    ----------
    func : callable
        Returns the structure of `y0`.
    y0 : Tensor, or nested dicts, lists and tuples of Tensors
        As for `solve_ivp`.
    t : sequence of numbers, or 1-D Tensor
        Two or more, sorted.
    args : tuple or object
        Further arguments of `func`.
    tfirst : bool
        Whether `func` takes `t` first.
    rtol : float
    atol : float, or as `y0`
    method, gradient : str
        As for `solve_ivp`.

    Returns
    -------
    Tensor, or nested Tensors
        Shape (len(t),) + y0.shape, dtype of `y0`.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As for `solve_ivp`; fewer than two times; the end is not reached.
    """
    call = func if tfirst else lambda time, y, *rest: func(y, time, *rest)
    places = list(t)
    if len(places) < 2:
        raise ValueError(f"integrate.odeint: t has {len(places)} times; it needs two or more")
    found = solve_ivp(
        call, (places[0], places[-1]), y0, method, places, args=args, rtol=rtol, atol=atol,
        gradient=gradient,
    )  # fmt: skip
    if not found.success:
        raise RuntimeError(f"integrate.odeint: {found.message}")
    return map_tree(lambda y: tx.moveaxis(y, -1, 0), found.y)
