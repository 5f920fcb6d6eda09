"""Bounds and constraints: handed to SciPy, with the exact Jacobians of constraint functions."""

from typing import Any

import numpy as np

import tensorxp as tx
from tensorxp.optimize._problems import Problem
from tensorxp.optimize._trees import (
    Packing,
    check_constants,
    is_branch,
    leaves_of,
    map_tree,
    to_host,
)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _is_element_pair(value: Any) -> bool:
    return _is_pair(value) or (isinstance(value, np.ndarray) and value.shape == (2,))


def _end(value: Any, leaf: Any, default: float) -> "np.ndarray[Any, Any]":
    if value is None:
        return np.full(leaf.size, default)
    return np.broadcast_to(to_host(value), leaf.shape).reshape(-1)


def bounds_of(name: str, bounds: Any, packing: Packing) -> Any:
    """Return (low, high) as NumPy vectors, or None without bounds.

    `bounds` is what SciPy takes (a `Bounds`, or a pair for each element), or has a pair for each
    leaf of x0 in x0's structure; ends are numbers, Tensors of the leaf's shape, or None.
    """
    if bounds is None:
        return None
    check_constants(name, "bounds", bounds)
    n = packing.size
    if hasattr(bounds, "lb"):
        return tuple(np.broadcast_to(to_host(end), (n,)) for end in (bounds.lb, bounds.ub))
    if not is_branch(packing.tree) or not is_branch(bounds):
        pairs = list(bounds) if hasattr(bounds, "__iter__") else []
        if len(pairs) == n and all(_is_element_pair(p) for p in pairs):
            low = [-np.inf if p[0] is None else float(p[0]) for p in pairs]
            high = [np.inf if p[1] is None else float(p[1]) for p in pairs]
            return np.asarray(low), np.asarray(high)
    lows, highs = [], []

    def collect(leaf: Any, pair: Any) -> None:
        if not _is_pair(pair):
            raise ValueError(
                f"{name}: bounds hold {pair!r} for an x0 of shape {leaf.shape}; give a pair "
                "(low, high) for each tensor of x0, or one for each of its elements"
            )
        lows.append(_end(pair[0], leaf, -np.inf))
        highs.append(_end(pair[1], leaf, np.inf))

    try:
        map_tree(collect, packing.tree, bounds)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{name}: bounds do not have the structure of x0 ({error})") from error
    return np.concatenate(lows), np.concatenate(highs)


class Constraint(Problem):
    """A constraint `low <= fun(x) <= high` with functions of Tensors."""

    def __init__(self, name: str, fun: Any, packing: Packing, args: Any, low: Any, high: Any):
        super().__init__(name, fun, packing, args)
        self.low, self.high = low, high

    def second(self, x: Any, v: Any) -> Any:
        """Return the Hessian of `v` times the constraint."""
        weights = self.packing.vector(v)
        weighted = Problem(
            self.name, lambda tree: tx.sum(weights * self.several(self.vector_of(tree))),
            self.packing, (),
        )  # fmt: skip
        return weighted.hessian(x)

    def vector_of(self, tree: Any) -> Any:
        """Return the vector that holds a structure like x0."""
        return tx.concat([tx.reshape(leaf, (-1,)) for leaf in leaves_of(tree)])

    def scipy(self, optimize: Any, curved: bool) -> Any:
        """Return the constraint as SciPy takes it, with its Hessian for methods that use one."""
        more = {"hess": self.second} if curved else {}
        return optimize.NonlinearConstraint(
            self.values, self.low, self.high, jac=self.jacobian, **more
        )


class LinearConstraint(Constraint):
    """SciPy's linear constraint, passed through."""

    def __init__(self, name: str, given: Any, packing: Packing) -> None:
        matrix = given.A.toarray() if hasattr(given.A, "toarray") else given.A
        rows = packing.vector(np.atleast_2d(to_host(matrix)))

        def product(tree: Any) -> Any:
            return rows @ self.vector_of(tree)

        super().__init__(name, product, packing, (), given.lb, given.ub)
        self._given = given

    def scipy(self, optimize: Any, curved: bool) -> Any:
        return self._given


def constraints_of(name: str, constraints: Any, packing: Packing) -> list[Constraint]:
    """Return the constraints, given as SciPy's dicts or objects, or a list of such."""
    given = constraints if isinstance(constraints, list | tuple) else [constraints]
    return [_constraint(name, one, packing) for one in given]


def _constraint(name: str, one: Any, packing: Packing) -> Constraint:
    if isinstance(one, dict):
        kind = str(one.get("type", "")).lower()
        if kind not in ("eq", "ineq") or "fun" not in one:
            raise ValueError(
                f'{name}: a constraint is {one!r}; a dict needs "type" ("eq" or "ineq") and "fun"'
            )
        high = 0.0 if kind == "eq" else np.inf
        return Constraint(name, one["fun"], packing, one.get("args", ()), 0.0, high)
    if hasattr(one, "lb"):
        check_constants(name, "constraints", one)
    if hasattr(one, "A"):
        return LinearConstraint(name, one, packing)
    if hasattr(one, "fun"):
        return Constraint(name, one.fun, packing, (), to_host(one.lb), to_host(one.ub))
    raise TypeError(
        f"{name}: a constraint is a {type(one).__name__}; allowed are dicts, and SciPy's "
        "NonlinearConstraint and LinearConstraint"
    )
