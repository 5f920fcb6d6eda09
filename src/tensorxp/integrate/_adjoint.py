"""The adjoint method: gradients of an ODE's solution by a second ODE, solved backwards.

With a(t) = ∂L/∂y(t): da/dt = -aᵀ ∂f/∂y and dL/dθ = -∫ aᵀ ∂f/∂θ dt from the end to the start.
Memory does not grow with the number of steps, unlike the recorded solution's; the gradient is
as exact as the tolerances (L. S. Pontryagin et al. 1962; as in R. T. Q. Chen et al. 2018).
"""

from collections.abc import Callable
from typing import Any

import tensorxp as tx
from tensorxp._core.face import adopt, attach, next_seq, node_of, raw
from tensorxp.autograd import Primitive
from tensorxp.autograd.implicit import older_nodes, partials

#: integrates (fun, times, y0) and returns the values at the times but the first
Solver = Callable[[Any, list[float], Any], list[Any]]


def with_adjoint(fun: Any, times: list[float], y0: Any, values: Any, solver: Solver) -> Any:
    """Return `values` (n times × n components) with the gradient that the adjoint ODE gives.

    θ are the tensors with a history that `fun` uses, found by calling it once.
    """
    with tx.enable_grad():
        since = next_seq()
        probe = fun(tx.asarray(times[0], dtype=_real(y0), device=y0.device), y0.detach())
    parameters = older_nodes(node_of(probe), since)
    edges = (node_of(y0), *parameters)
    if not tx.is_grad_enabled() or not any(edge is not None for edge in edges):
        return values
    op = Primitive("solve_ivp", "general", ("xs",), variadic=True, tensor_level=True)

    @op.vjp
    def _(ct: Any, out: Any) -> Any:
        if tx.is_grad_enabled():
            raise RuntimeError(
                'integrate.solve_ivp: gradient="adjoint" can be differentiated once only; use '
                'gradient="record" for higher derivatives'
            )
        return _backwards(fun, times, out.detach(), ct, parameters, solver)

    return attach(adopt(raw(values), values.device), op, edges)


def _real(y: Any) -> Any:
    return tx.real(y).dtype


def _backwards(
    fun: Any, times: list[float], values: Any, ct: Any, parameters: tuple[Any, ...], solver: Solver
) -> tuple[Any, ...]:
    n = values.shape[1]
    sizes = [_size(node) for node in parameters]

    def augmented(t: Any, z: Any) -> Any:
        y, a = z[:n].detach().requires_grad_(True), z[n : 2 * n]
        with tx.enable_grad():
            slope = fun(t.detach(), y)
        root = node_of(slope)
        found: tuple[Any, ...] = (None,) * (1 + len(parameters))
        if root is not None:
            found = partials(root, a, (node_of(y), *parameters))
        parts = [slope.detach()]
        for g, size in zip(found, (n, *sizes), strict=True):
            parts.append(tx.zeros((size,), dtype=z.dtype, device=z.device) if g is None else
                         -tx.astype(tx.reshape(g, (-1,)).to(z.device), z.dtype))  # fmt: skip
        return tx.concat(parts)

    rest = tx.zeros((sum(sizes),), dtype=values.dtype, device=values.device)
    a = ct[-1]
    for i in range(len(times) - 1, 0, -1):
        start = tx.concat([values[i], a, rest])
        if times[i] != times[i - 1]:
            start = solver(augmented, [times[i], times[i - 1]], start)[-1]
        a, rest = start[n : 2 * n] + ct[i - 1], start[2 * n :]
    grads, place = [], 0
    for node, size in zip(parameters, sizes, strict=True):
        g = tx.reshape(rest[place : place + size], node.shape)
        grads.append(g if g.device == node.device else g.to(node.device))
        place += size
    return (a, *grads)


def _size(node: Any) -> int:
    size = 1
    for n in node.shape:
        size *= n
    return size
