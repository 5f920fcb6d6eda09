"""L-BFGS: a quasi-Newton method over all parameters as one flat vector, with line search.

The algorithm is Nocedal & Wright's (Numerical Optimization, algorithms 7.4, 3.5 and 3.6), with
the tolerances, limits and interpolation of PyTorch's, so that trajectories agree.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorxp as tx
from tensorxp._backend.families import see
from tensorxp._core.face import adopt, raw, written
from tensorxp.optim._pieces import as_real
from tensorxp.optim.optimizer import Optimizer, check, is_number, number

Evaluate = Callable[[float], tuple[float, Any]]


def cubic_minimum(
    x1: float,
    f1: float,
    g1: float,
    x2: float,
    f2: float,
    g2: float,
    bounds: tuple[float, float] | None = None,
) -> float:
    """Return where the cubic through two values and slopes is least, kept within bounds."""
    low, high = (min(x1, x2), max(x1, x2)) if bounds is None else bounds
    # d1 = g1 + g2 - 3 (f1 - f2) / (x1 - x2), d2 = √(d1² - g1 g2), the minimum seen from x2 ≥ x1
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    if x1 <= x2:
        place = x2 - (x2 - x1) * _ratio(g2 + d2 - d1, g2 - g1 + 2 * d2)
    else:
        place = x1 - (x1 - x2) * _ratio(g1 + d2 - d1, g1 - g2 + 2 * d2)
    return min(max(place, low), high)


def _ratio(a: float, b: float) -> float:
    return a / b if b else math.copysign(math.inf, a) if a else math.nan


class _End:
    """One end of a bracket: the step, and value, gradient and slope there."""

    __slots__ = ("f", "g", "slope", "t")

    def __init__(self, t: float, f: float, g: Any, slope: float) -> None:
        self.t, self.f, self.g, self.slope = t, f, g, slope


def strong_wolfe(
    evaluate: Evaluate,
    t: float,
    d: Any,
    start: _End,
    limit: int,
    tolerance_change: float,
    c1: float = 1e-4,
    c2: float = 0.9,
) -> tuple[float, Any, float, int]:
    """Return value, gradient and step where the strong Wolfe conditions hold, and evaluations.

    `evaluate(t)` gives value and gradient at x + t d; `start` is the end with t = 0.
    """
    size = float(abs(d).max())

    def look(t: float) -> _End:
        f, g = evaluate(t)
        return _End(t, f, g, float(g @ d))

    new = look(t)
    evaluations, turns, done = 1, 0, False
    before = start
    bracket: list[_End] = []
    while turns < limit:
        too_high = new.f > start.f + c1 * new.t * start.slope
        if too_high or (turns > 1 and new.f >= before.f):
            bracket = [before, new]
            break
        if abs(new.slope) <= -c2 * start.slope:
            bracket, done = [new], True
            break
        if new.slope >= 0:
            bracket = [before, new]
            break
        bounds = (new.t + 0.01 * (new.t - before.t), new.t * 10)
        t = cubic_minimum(before.t, before.f, before.slope, new.t, new.f, new.slope, bounds)
        before, new = new, look(t)
        evaluations, turns = evaluations + 1, turns + 1
    if turns == limit:
        bracket = [start, new]

    low, high = (0, 1) if bracket[0].f <= bracket[-1].f else (1, 0)
    stuck = False
    while not done and turns < limit:
        one, two = bracket
        if abs(two.t - one.t) * size < tolerance_change:
            break
        t = cubic_minimum(one.t, one.f, one.slope, two.t, two.f, two.slope)
        least, most = min(one.t, two.t), max(one.t, two.t)
        margin = 0.1 * (most - least)
        if min(most - t, t - least) < margin:
            # too near to an end, for the second time: move away from it
            if stuck or t >= most or t <= least:
                t = most - margin if abs(t - most) < abs(t - least) else least + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        new = look(t)
        evaluations, turns = evaluations + 1, turns + 1
        if new.f > start.f + c1 * t * start.slope or new.f >= bracket[low].f:
            bracket[high] = new
            low, high = (0, 1) if bracket[0].f <= bracket[1].f else (1, 0)
        else:
            if abs(new.slope) <= -c2 * start.slope:
                done = True
            elif new.slope * (bracket[high].t - bracket[low].t) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = new
    best = bracket[low]
    return best.f, best.g, best.t, evaluations


@see("tensorxp.optimize.minimize")
class LBFGS(Optimizer):
    """L-BFGS, a quasi-Newton method; `step` needs the closure, and calls it many times.

    Nocedal and Wright, Numerical Optimization, algorithms 7.4, 3.5 and 3.6.

    >>> p = xp.nn.Parameter(xp.asarray([3.0]))
    >>> optimizer = xp.optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = xp.sum((p - 1) ** 2)
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(closure)
    >>> p.detach()
    tensor([1.])

    Parameters
    ----------
    params : iterable
        Tensors, or one group.
    lr : float or Tensor
        The step where there is no line search.
    max_iter : int
        Iterations of one `step`.
    max_eval : int or None
        Calls of the closure; None: 1.25 max_iter.
    tolerance_grad : float
        End where no element of the gradient is larger.
    tolerance_change : float
        End where the loss or no element changes more.
    history_size : int
        Pairs of vectors kept, each as long as all parameters together.
    line_search_fn : str or None
        "strong_wolfe".

    Raises
    ------
    TypeError
        `params` holds anything but Tensors; in `step`: no closure.
    ValueError
        `params` is empty or not of leaves, has several groups, or `lr` is negative.
    RuntimeError
        Another `line_search_fn`.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check("LBFGS", lr=lr)
        if line_search_fn not in (None, "strong_wolfe"):
            raise RuntimeError(
                f"LBFGS: line_search_fn is {line_search_fn!r}; only 'strong_wolfe' is supported"
            )
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Any]:
        return self.param_groups[0]["params"]  # type: ignore[no-any-return]

    def _state_dtype(self, p: Any) -> Any:
        return tx.real(p.detach()).dtype if p.dtype.is_complex else p.dtype

    def _check_loaded(self, place: str, p: Any, name: str, value: Any) -> None:
        vectors = {"d": [value], "prev_flat_grad": [value], "old_dirs": value, "old_stps": value}
        size = sum(as_real(raw(p)).size for p in self._params)
        found = vectors.get(name, [])
        if not isinstance(found, list | tuple):
            raise TypeError(f"load_state_dict: {place} is a {type(value).__name__}, not a list")
        for x in found:
            if x is not None and getattr(x, "shape", None) != (size,):
                raise ValueError(
                    f"load_state_dict: {place} has shape {getattr(x, 'shape', None)}; the "
                    f"parameters have {size} elements"
                )
        if name in ("ro", "al") and not (
            isinstance(value, list | tuple) and all([x is None or is_number(x) for x in value])
        ):
            raise TypeError(f"load_state_dict: {place} is {value!r}; it must be a list of numbers")
        if name in ("t", "H_diag", "prev_loss", "n_iter", "func_evals") and not is_number(value):
            raise TypeError(f"load_state_dict: {place} is {value!r}, not a number")

    def _gradient(self) -> Any:
        """Return the gradients of all parameters as one raw vector."""
        parts = []
        for p in self._params:
            grad = tx.zeros_like(p.detach()) if p.grad is None else p.grad
            parts.append(as_real(raw(grad)).reshape(-1))
        return self._params[0].device.raw.base.concatenate(parts)

    def _move(self, t: float, d: Any) -> None:
        """Add t · d to the parameters."""
        offset = 0
        for p in self._params:
            target = as_real(raw(p))
            target += t * d[offset : offset + target.size].reshape(target.shape)
            offset += target.size
            written(p)

    def _step(self, closure: Any = None) -> Any:
        if closure is None:
            raise TypeError("LBFGS.step: closure is missing; it must compute the loss anew")
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        def evaluate() -> tuple[Any, Any]:
            with tx.enable_grad():
                loss = closure()
            return loss, self._gradient()

        first_loss, grad = evaluate()
        loss = float(first_loss)
        state["func_evals"] += 1
        if float(abs(grad).max()) > group["tolerance_grad"]:
            self._iterate(group, state, evaluate, loss, grad)
        return first_loss

    def _iterate(
        self,
        group: dict[str, Any],
        state: dict[str, Any],
        evaluate: Callable[[], tuple[Any, Any]],
        loss: float,
        grad: Any,
    ) -> None:
        lr, max_iter, max_eval = number(group["lr"]), group["max_iter"], group["max_eval"]
        tolerance = group["tolerance_change"]
        evaluations, iteration = 1, 0
        t = number(state.get("t", 0.0))
        while iteration < max_iter:
            iteration += 1
            state["n_iter"] += 1
            d = self._direction(group, state, grad, t)
            loss_before = loss
            if state["n_iter"] == 1:
                t = min(1.0, 1.0 / float(abs(grad).sum())) * lr
            else:
                t = lr
            self._remember(state, d=d, prev_flat_grad=grad.copy())
            state["t"], state["prev_loss"] = t, loss_before
            slope = float(grad @ d)
            if slope > -tolerance:  # the direction does not lead down
                break
            new_evaluations = 0
            if group["line_search_fn"] is not None:
                loss, grad, t, new_evaluations = self._search(
                    evaluate, t, d, _End(0.0, loss, grad, slope), max_eval - evaluations, tolerance
                )
                self._move(t, d)
            else:
                self._move(t, d)
                if iteration != max_iter:
                    found, grad = evaluate()
                    loss, new_evaluations = float(found), 1
            state["t"] = t
            evaluations += new_evaluations
            state["func_evals"] += new_evaluations
            if (
                iteration == max_iter
                or evaluations >= max_eval
                or float(abs(grad).max()) <= group["tolerance_grad"]
                or float(abs(d * t).max()) <= tolerance
                or abs(loss - loss_before) < tolerance
            ):
                break

    def _search(
        self,
        evaluate: Callable[[], tuple[Any, Any]],
        t: float,
        d: Any,
        start: _End,
        limit: int,
        tolerance: float,
    ) -> tuple[float, Any, float, int]:
        """Search along `d`; the parameters are where they were afterwards."""
        kept = [p.device.raw.copy(raw(p)) for p in self._params]

        def at(t: float) -> tuple[float, Any]:
            self._move(t, d)
            loss, grad = evaluate()
            for p, values in zip(self._params, kept, strict=True):
                raw(p)[...] = values
                written(p)
            return float(loss), grad

        return strong_wolfe(at, t, d, start, limit, tolerance)

    def _remember(self, state: dict[str, Any], **vectors: Any) -> None:
        device = self._params[0].device
        for name, vector in vectors.items():
            state[name] = adopt(vector, device)

    def _direction(self, group: dict[str, Any], state: dict[str, Any], grad: Any, t: float) -> Any:
        """Return the direction -H g, H the inverse Hessian that the history stands for."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -grad
        device = self._params[0].device
        ys, ss, ro = state["old_dirs"], state["old_stps"], state["ro"]
        y = grad - raw(state["prev_flat_grad"])
        s = raw(state["d"]) * t
        curvature = float(y @ s)
        if curvature > 1e-10:
            if len(ys) == group["history_size"]:
                for history in (ys, ss, ro):
                    history.pop(0)
            ys.append(adopt(y, device))
            ss.append(adopt(s, device))
            ro.append(1.0 / curvature)
            state["H_diag"] = curvature / float(y @ y)
        alpha = [0.0] * len(ys)
        q = -grad
        for i in reversed(range(len(ys))):
            alpha[i] = float(raw(ss[i]) @ q) * number(ro[i])
            q -= alpha[i] * raw(ys[i])
        q *= number(state["H_diag"])
        for i in range(len(ys)):
            beta = float(raw(ys[i]) @ q) * number(ro[i])
            q += (alpha[i] - beta) * raw(ss[i])
        # PyTorch, which may load the state, writes into a list of this length
        state["al"] = [*alpha, *[None] * (group["history_size"] - len(alpha))]
        return q
