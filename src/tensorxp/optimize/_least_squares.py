"""`least_squares`: SciPy's nonlinear least squares with exact Jacobians."""

from collections.abc import Callable
from typing import Any

import numpy as np

import tensorxp as tx
from tensorxp._backend.families import see
from tensorxp.optimize._problems import Problem
from tensorxp.optimize._results import OptimizeResult, scipy_optimize
from tensorxp.optimize._stationary import differentiable_minimum
from tensorxp.optimize._trees import Packing, check_constants, is_branch, map_tree, to_host

# of z = (residual / f_scale)²; the cost is f_scale²/2 Σ rho(z)
LOSSES: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * ((1 + z) ** 0.5 - 1),
    "huber": lambda z: tx.where(z <= 1, z, 2 * tx.where(z <= 1, tx.ones_like(z), z) ** 0.5 - 1),
    "cauchy": tx.log1p,
    "arctan": tx.atan,
}


@see("minimize")
def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    *,
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    ftol: float | None = 1e-8,
    xtol: float | None = 1e-8,
    gtol: float | None = 1e-8,
    x_scale: Any = 1.0,
    loss: str = "linear",
    f_scale: float = 1.0,
    max_nfev: int | None = None,
    verbose: int = 0,
    implicit: bool = True,
) -> OptimizeResult:
    """Minimise half the sum of (losses of) squared residuals `fun(x, *args)`.

    >>> xp.optimize.least_squares(lambda p: p - 3.0, xp.asarray([0.0])).x
    tensor([3.])

    Parameters
    ----------
    fun : callable
        Gets x in the structure of `x0`, and returns residuals: Tensors in such a structure. Their
        Jacobian is exact, by forward or reverse mode, whichever takes fewer passes.
    x0 : Tensor, or nested dicts, lists and tuples of Tensors
        Real, of any shape; integers and numbers become the default real dtype. It gets no gradient.
    args : tuple or object
        Further arguments of `fun`.
    bounds : pair (low, high)
        Each a number or in the structure of `x0`.
    method, ftol, xtol, gtol, x_scale, f_scale, max_nfev, verbose
        SciPy's.
    loss : str
        "linear", "soft_l1", "huber", "cauchy" or "arctan".
    implicit : bool
        Whether x carries gradients to the tensors that `fun` uses beside x, as in `minimize`: the
        exact derivative of the minimum, second derivatives of `fun` included. `fun` and `cost`
        follow it.

    Returns
    -------
    OptimizeResult
        SciPy's entries; `x` in the structure, shapes and dtypes of `x0`, `fun` the residuals,
        `cost` a 0-d Tensor, `jac` a NumPy array.

    Raises
    ------
    TypeError, ValueError
        `fun` is not callable, `x0` holds no real numbers; another loss or bounds; what SciPy
        refuses.
    ImportError
        SciPy is missing.
    """
    name = "optimize.least_squares"
    optimize = scipy_optimize("least_squares")
    if loss not in LOSSES:
        raise ValueError(f"{name}: loss is {loss!r}; allowed are {', '.join(LOSSES)}")
    packing = Packing(name, x0)
    problem = Problem(name, fun, packing, args)
    check_constants(name, "bounds", bounds)
    limits = (_side(name, bounds, 0, packing), _side(name, bounds, 1, packing))
    found = optimize.least_squares(
        problem.values, packing.start, jac=problem.jacobian, bounds=limits, method=method,
        ftol=ftol, xtol=xtol, gtol=gtol, x_scale=x_scale, loss=loss, f_scale=f_scale,
        max_nfev=max_nfev, verbose=verbose,
    )  # fmt: skip

    def cost(x: Any) -> Any:
        residuals = problem.several(x)
        return f_scale**2 / 2 * tx.sum(LOSSES[loss]((residuals / f_scale) ** 2))

    def gradient(x: Any) -> Any:
        with tx.enable_grad():
            (slope,) = tx.autograd.grad(cost(x), x, create_graph=True, materialize_grads=True)
        return slope

    x = packing.vector(found.x)
    if implicit:
        x = differentiable_minimum(name, gradient, found.x, packing, limits)
    result = OptimizeResult(found)
    result["x"] = packing.unpack(x)
    with tx.set_grad_enabled(tx.is_grad_enabled() and implicit):
        result["fun"] = problem.call(x)
        result["cost"] = cost(x)
    return result


def _side(name: str, bounds: Any, side: int, packing: Packing) -> Any:
    if hasattr(bounds, "lb"):
        bounds = (bounds.lb, bounds.ub)
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:
        raise ValueError(f"{name}: bounds is {bounds!r}; it must be a pair (low, high)")
    end = bounds[side]
    if is_branch(packing.tree) and is_branch(end):
        ends = []
        map_tree(lambda leaf, e: ends.append(np.broadcast_to(to_host(e), leaf.shape)),
                 packing.tree, end)  # fmt: skip
        return np.concatenate([e.reshape(-1) for e in ends])
    return np.broadcast_to(to_host(end).reshape(-1), (packing.size,))
