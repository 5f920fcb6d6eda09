"""`minimize`: SciPy's minimisers on functions of Tensors."""

import inspect
from collections.abc import Callable
from typing import Any

import tensorxp as tx
from tensorxp._backend.families import see
from tensorxp.optimize._constraints import bounds_of, constraints_of
from tensorxp.optimize._problems import Problem
from tensorxp.optimize._results import OptimizeResult, scipy_optimize
from tensorxp.optimize._stationary import differentiable_minimum
from tensorxp.optimize._trees import Packing

WITHOUT_GRADIENT = ("nelder-mead", "powell", "cobyla", "cobyqa")
WITH_GRADIENT = ("cg", "bfgs", "l-bfgs-b", "tnc", "slsqp")
WITH_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
WITH_HESSIAN = ("dogleg", "trust-exact")
METHODS = WITHOUT_GRADIENT + WITH_GRADIENT + WITH_PRODUCTS + WITH_HESSIAN


@see("least_squares, root")
def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | None = None,
    *,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    implicit: bool = True,
) -> OptimizeResult:
    """Minimise `fun(x, *args)`, a Tensor of one element, by one of `scipy.optimize`'s methods.

    Gradients come by backward; Newton-CG, trust-ncg, trust-krylov and trust-constr get exact
    Hessian products, dogleg and trust-exact the exact Hessian.

    >>> xp.optimize.minimize(lambda x: xp.sum((x - 2.0) ** 2), xp.asarray([0.0, 1.0])).x
    tensor([2., 2.])

    Parameters
    ----------
    fun : callable
        Gets x in the structure of `x0`, and returns a real Tensor of one element.
    x0 : Tensor, or nested dicts, lists and tuples of Tensors
        Real, of any shape; integers and numbers become the default real dtype. It gets no gradient.
    args : tuple or object
        Further arguments of `fun`.
    method : str or None
        None is "SLSQP" with constraints, "L-BFGS-B" with bounds, else "BFGS".
    bounds : Bounds, sequence of pairs, or nested pairs
        As SciPy takes them for one vector, or a pair (low, high) for each tensor in the structure
        of `x0`.
    constraints : dict, object, or sequence of these
        SciPy's, with functions of Tensors, whose Jacobians and Hessians are exact.
    tol : float or None
    callback : callable or None
        As SciPy's, with x in the structure of `x0`.
    options : dict or None
        SciPy's.
    implicit : bool
        Whether `x` and `fun` carry gradients of any order to the tensors that `fun` and the
        constraints use beside x (`args`, or closed over). They are the derivatives of the exact
        minimum, with active bounds and constraints held active (constant bounds do not move); they
        are as exact as the minimum, so ask for a small `tol`. One backward costs a Hessian (n
        products) and one solve of its size.

    Returns
    -------
    OptimizeResult
        SciPy's entries; `x` and `jac` in the structure, shapes and dtypes of `x0`, `fun` a 0-d
        Tensor.

    Raises
    ------
    TypeError, ValueError
        `fun` is not callable or returns something else, `x0` holds no real numbers; another method,
        bounds or constraints.
    ImportError
        SciPy is missing.
    """
    name = "optimize.minimize"
    optimize = scipy_optimize("minimize")
    packing = Packing(name, x0)
    problem = Problem(name, fun, packing, args)
    limits = bounds_of(name, bounds, packing)
    conditions = constraints_of(name, constraints, packing)
    if method is None:
        method = "SLSQP" if conditions else "L-BFGS-B" if limits is not None else "BFGS"
    key = str(method).lower()
    if key not in METHODS:
        raise ValueError(f"{name}: method is {method!r}; allowed are {', '.join(METHODS)}")
    derivatives: dict[str, Any] = {}
    if key not in WITHOUT_GRADIENT:
        derivatives["jac"] = True
    if key in WITH_PRODUCTS:
        derivatives["hessp"] = problem.hessian_product
    if key in WITH_HESSIAN:
        derivatives["hess"] = problem.hessian
    found = optimize.minimize(
        problem.value if key in WITHOUT_GRADIENT else problem.value_and_gradient,
        packing.start,
        method=method,
        bounds=None if limits is None else optimize.Bounds(*limits),
        constraints=[condition.scipy(optimize, key == "trust-constr") for condition in conditions],
        tol=tol,
        callback=None if callback is None else _callback(callback, packing),
        options=options,
        **derivatives,
    )
    x = packing.vector(found.x)
    if implicit:
        x = differentiable_minimum(name, problem.gradient_of, found.x, packing, limits, conditions)
    result = OptimizeResult(found)
    result["x"] = packing.unpack(x)
    with tx.set_grad_enabled(tx.is_grad_enabled() and implicit):
        result["fun"] = problem.scalar(x)
    if "jac" in result and getattr(result["jac"], "shape", None) == (packing.size,):
        result["jac"] = packing.structured(result["jac"])
    return result


def _callback(callback: Callable[..., Any], packing: Packing) -> Callable[..., Any]:
    """Return the callback as SciPy calls it: by the name of its only parameter, or with x."""
    if set(inspect.signature(callback).parameters) == {"intermediate_result"}:

        def by_result(intermediate_result: Any) -> Any:
            result = OptimizeResult(intermediate_result)
            result["x"] = packing.structured(result["x"])
            return callback(intermediate_result=result)

        return by_result

    def by_place(x: Any, *rest: Any) -> Any:
        return callback(packing.structured(x), *rest)

    return by_place
