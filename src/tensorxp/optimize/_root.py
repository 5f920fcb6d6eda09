"""`root` and `fixed_point`: solutions of equations, with implicit gradients to parameters."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from tensorxp._backend.families import see
from tensorxp.autograd.implicit import implicit_solution
from tensorxp.optimize._problems import Problem
from tensorxp.optimize._results import OptimizeResult, scipy_optimize
from tensorxp.optimize._trees import Packing

WITH_JACOBIAN = ("hybr", "lm")
WITHOUT_JACOBIAN = (
    "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden", "excitingmixing", "krylov",
    "df-sane",
)  # fmt: skip


@see("fixed_point, minimize")
def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    *,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    implicit: bool = True,
) -> OptimizeResult:
    """Solve `fun(x, *args) = 0` by one of `scipy.optimize.root`'s methods.

    >>> xp.optimize.root(lambda x: x**2 - 4.0, xp.asarray([1.0])).x
    tensor([2.])

    Parameters
    ----------
    fun : callable
        Gets x in the structure of `x0`, and returns Tensors with as many elements in all, in such a
        structure.
    x0 : Tensor, or nested dicts, lists and tuples of Tensors
        Real, of any shape; integers and numbers become the default real dtype. It gets no gradient.
    args : tuple or object
        Further arguments of `fun`.
    method : str
        "hybr" and "lm" get the exact Jacobian; "broyden1", "broyden2", "anderson", "linearmixing",
        "diagbroyden", "excitingmixing", "krylov" and "df-sane" need none.
    tol : float or None
    callback : callable or None
        As SciPy's, with x in the structure of `x0`; not for "hybr" and "lm".
    options : dict or None
        SciPy's.
    implicit : bool
        Whether x carries gradients of any order, in both modes, to the tensors that `fun` uses
        beside x (`args`, or closed over), by the implicit function theorem: a backward solves one
        linear system with the Jacobian and does not see the iterations.

    Returns
    -------
    OptimizeResult
        SciPy's entries; `x` in the structure, shapes and dtypes of `x0`, `fun` 1-D.

    Raises
    ------
    TypeError, ValueError
        `fun` is not callable, `x0` holds no real numbers; another method, other numbers of values
        than unknowns.
    ImportError
        SciPy is missing.
    """
    name = "optimize.root"
    if method not in WITH_JACOBIAN + WITHOUT_JACOBIAN:
        allowed = ", ".join(WITH_JACOBIAN + WITHOUT_JACOBIAN)
        raise ValueError(f"{name}: method is {method!r}; allowed are {allowed}")
    optimize = scipy_optimize("root")
    packing = Packing(name, x0)
    problem = Problem(name, fun, packing, args)
    first = problem.values(packing.start)
    if first.shape != (packing.size,):
        raise ValueError(
            f"{name}: fun returned {first.size} values for {packing.size} unknowns; there must be "
            "as many"
        )
    watch = None if callback is None else _callback(callback, packing)
    exact = {"jac": problem.jacobian} if method in WITH_JACOBIAN else {}
    if method in WITH_JACOBIAN and watch is not None:
        raise ValueError(f"{name}: method {method!r} calls no callback; leave it out")
    found = optimize.root(
        problem.values, packing.start, method=method, tol=tol, callback=watch, options=options,
        **exact,
    )  # fmt: skip
    x = packing.vector(found.x)
    if implicit:
        x = implicit_solution(problem.several, x, name)
    result = OptimizeResult(found)
    result["x"] = packing.unpack(x)
    result["fun"] = problem.packing.vector(found.fun)
    return result


def _callback(callback: Callable[..., Any], packing: Packing) -> Callable[..., Any]:
    def watch(x: Any, f: Any = None) -> Any:
        values = None if f is None else packing.vector(np.asarray(f).reshape(-1))
        return callback(packing.structured(np.asarray(x).reshape(-1)), values)

    return watch


@see("root")
def fixed_point(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    xtol: float = 1e-8,
    maxiter: int = 500,
    method: str = "anderson",
    *,
    memory: int = 5,
    implicit: bool = True,
) -> Any:
    """Return x with `fun(x, *args) = x`.

    >>> xp.optimize.fixed_point(xp.cos, xp.asarray([1.0]))
    tensor([0.7391])

    Parameters
    ----------
    fun : callable
        Returns the structure that it gets.
    x0 : Tensor, or nested dicts, lists and tuples of Tensors
        Real, of any shape; integers and numbers become the default real dtype. It gets no gradient.
    args : tuple or object
        Further arguments of `fun`.
    xtol : float
        Stop when no component moves by more than this times its size.
    maxiter : int
    method : str
        "iteration" repeats `fun`; "anderson" combines the last steps by least squares (Walker & Ni
        2011, SIAM J. Numer. Anal. 49) and also converges where `fun` does not contract much.
    memory : int
        How many steps "anderson" combines.
    implicit : bool
        Whether x carries gradients to the tensors that `fun` uses beside x, as in `root`.

    Returns
    -------
    Tensor, or nested Tensors
        Structure, shapes and dtypes of `x0`.

    Raises
    ------
    TypeError, ValueError
        `fun` is not callable, `x0` holds no real numbers; another method, another number of values.
    RuntimeError
        No convergence after `maxiter` steps.
    """
    name = "optimize.fixed_point"
    if method not in ("anderson", "iteration"):
        raise ValueError(f'{name}: method is {method!r}; allowed are "anderson", "iteration"')
    packing = Packing(name, x0)
    problem = Problem(name, fun, packing, args)
    x = packing.start
    places: list[Any] = []
    values: list[Any] = []
    for _ in range(maxiter):
        image = problem.values(x)
        if image.shape != x.shape:
            raise ValueError(
                f"{name}: fun returned {image.size} values for {x.size}; there must be as many"
            )
        change = image - x
        if np.all(np.abs(change) <= xtol * np.maximum(np.abs(image), 1e-300)) or not change.any():
            break
        places, values = [*places, x][-memory:], [*values, image][-memory:]
        x = _mixed(places, values) if method == "anderson" else image
    else:
        raise RuntimeError(
            f"{name}: no convergence after {maxiter} steps; the last one moved x by "
            f"{np.max(np.abs(change)):.3g}"
        )
    solution = packing.vector(image)
    if implicit:
        solution = implicit_solution(lambda y: problem.several(y) - y, solution, name)
    return packing.unpack(solution)


def _mixed(places: list[Any], values: list[Any]) -> Any:
    """Return the combination of the last images whose combined change is least."""
    last = values[-1]
    if len(places) == 1:
        return last
    changes = [v - p for p, v in zip(places, values, strict=True)]
    steps = np.stack([b - a for a, b in pairwise(changes)], axis=1)
    images = np.stack([b - a for a, b in pairwise(values)], axis=1)
    weights = np.linalg.lstsq(steps, changes[-1], rcond=None)[0]
    return last - images @ weights
