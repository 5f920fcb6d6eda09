"""The derivative of a minimum: its stationarity condition, with what is active held active."""

from collections.abc import Callable
from typing import Any

import numpy as np

import tensorxp as tx
from tensorxp.autograd.implicit import implicit_solution
from tensorxp.optimize._constraints import Constraint
from tensorxp.optimize._trees import Packing, to_host


def _near(values: Any, ends: Any, tolerance: float) -> Any:
    size = np.where(np.isfinite(ends), np.maximum(1, np.abs(ends)), 0)
    return np.isfinite(ends) & (np.abs(values - np.where(size > 0, ends, 0)) <= tolerance * size)


def differentiable_minimum(
    name: str,
    gradient: Callable[[Any], Any],
    values: Any,
    packing: Packing,
    bounds: Any = None,
    constraints: "list[Constraint] | tuple[()]" = (),
    tolerance: float = 1e-5,
) -> Any:
    """Return the minimum `values` (a NumPy vector) as a Tensor with the minimum's derivatives.

    They are those of ∇f − Σ λ ∇c = 0 and c = 0 over the free components of x and the multipliers
    λ of the active constraints c: variables at a bound stay there, inactive constraints stay so.
    """
    x = packing.vector(values)
    fixed = np.zeros(len(values), dtype=bool)
    if bounds is not None:
        low, high = bounds
        at_bound = _near(values, low, tolerance) | _near(values, high, tolerance)
        # where the gradient vanishes at a bound, the bound does not hold the variable
        slope = np.abs(to_host(gradient(_leaf(x))))
        fixed = (low == high) | (at_bound & (slope > tolerance))
    free = np.flatnonzero(~fixed)
    active = _active(values, constraints, tolerance)
    if not len(free):
        return x
    if len(free) == len(values) and not active:
        return implicit_solution(gradient, x, name)
    places = tx.asarray(free, device=packing.device)

    def whole(z: Any) -> Any:
        out = tx.copy(x)
        out[places] = z
        return out

    def conditions(z: Any) -> Any:
        point = whole(z[: len(free)])
        if not point.requires_grad:
            point.requires_grad_(True)
        slope = gradient(point)
        parts = []
        if active:
            binding = tx.concat([c.several(point)[rows] - goal for c, rows, goal in active])
            pulled = tx.autograd.grad(
                binding, point, z[len(free) :], create_graph=True, materialize_grads=True
            )
            slope = slope - pulled[0]
            parts.append(binding)
        return tx.concat([tx.take(slope, places, axis=0), *parts])

    multipliers = packing.vector([])
    if active:
        rows = [c.jacobian(values)[chosen.cpu().numpy()][:, free] for c, chosen, _ in active]
        slope = to_host(gradient(_leaf(x)))[free]
        found = np.linalg.lstsq(np.concatenate(rows).T, slope, rcond=None)[0]
        multipliers = packing.vector(found)
    start = tx.concat([tx.take(x, places, axis=0), multipliers])
    solution = implicit_solution(conditions, start, name)
    return whole(solution[: len(free)])


def _leaf(x: Any) -> Any:
    return x.detach().requires_grad_(True)


def _active(values: Any, constraints: Any, tolerance: float) -> list[tuple[Constraint, Any, Any]]:
    """Return the constraints that hold with equality, with their rows' indices and values."""
    found = []
    for constraint in constraints:
        now = constraint.values(values)
        low, high = (
            np.broadcast_to(to_host(end), now.shape) for end in (constraint.low, constraint.high)
        )
        chosen = np.flatnonzero(
            (low == high) | _near(now, low, tolerance) | _near(now, high, tolerance)
        )
        if len(chosen):
            rows = tx.asarray(chosen, device=constraint.packing.device)
            found.append((constraint, rows, constraint.packing.vector(now[chosen])))
    return found
