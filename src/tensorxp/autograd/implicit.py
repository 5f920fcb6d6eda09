"""Implicit differentiation: a solution x of F(x, θ) = 0 joins the graph of the parameters θ.

By the implicit function theorem dx = −(∂F/∂x)⁻¹ (∂F/∂θ) dθ: a vjp solves one linear system
with the transposed Jacobian. θ is every recorded tensor that F uses, given or closed over: it
shows as the edges from the nodes of one evaluation of F to nodes that are older.
"""

from collections.abc import Callable
from typing import Any

from tensorxp._core import engine
from tensorxp._core.allocation import next_seq
from tensorxp._core.door import node_of, wrap
from tensorxp._core.face import attach
from tensorxp._core.modes import enable_grad, modes
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import TensorBase
from tensorxp._core.watchers import stack

Residual = Callable[[Any], Any]


def older_nodes(root: Any, since: int) -> tuple[Any, ...]:
    """Return the nodes older than `since` that nodes newer than it, reached from `root`, use."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    waiting = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        if node is None or node.seq in seen:
            continue
        seen.add(node.seq)
        if node.seq < since:
            found[node.seq] = node
        else:
            waiting.extend(node.edges)
    return tuple(found[seq] for seq in sorted(found))


def partials(
    root: Any, ct: Any, nodes: tuple[Any, ...], create_graph: bool = False
) -> tuple[Any, ...]:
    """Return the cotangents of `nodes`, None for zero, each holding all the others fixed."""
    targets: dict[Any, Any] = dict.fromkeys(nodes)
    engine.run(
        [(root, ct)],
        retain_graph=True,
        create_graph=create_graph,
        targets=targets,
        accumulate=False,
        stop=True,
    )
    return tuple(targets[node] for node in nodes)


def _jacobian(r: Any, x: Any, create_graph: bool) -> Any:
    """Return the Jacobian of the 1-D `r` by the 1-D `x`, row by row."""
    xp = engine.namespace()
    root, node, rows = node_of(r), node_of(x), []
    for i in range(r.shape[0]):
        ct: Any = xp.zeros_like(r)
        ct._data[i] = 1
        (row,) = partials(root, ct, (node,), create_graph)
        rows.append(xp.zeros_like(x) if row is None else row)
    return xp.stack(rows)


def _solve(name: str, matrix: Any, ct: Any) -> Any:
    try:
        return engine.namespace().linalg.solve(matrix, ct)
    except Exception as error:
        if type(error).__name__ != "LinAlgError":
            raise
        raise RuntimeError(
            f"{name}: the Jacobian is singular at the solution, which therefore has no derivative "
            "with respect to the parameters; detach it, or pass implicit=False"
        ) from error


def implicit_solution(residual: Residual, x: Any, name: str = "implicit_solution") -> Any:
    """Return `x`, where `residual(x)` is zero, with the derivatives of that solution.

    `x` is 1-D and real, and `residual` gives a Tensor of its shape. The result requires grad
    if `residual` uses a tensor that does. Derivatives of any order exist in reverse mode; in
    forward mode the result is `x` after as many Newton steps as these orders need.
    """
    if not isinstance(x, TensorBase) or x._data.ndim != 1 or x._data.dtype.kind != "f":
        raise TypeError(f"{name}: the solution must be a 1-D real Tensor, got {x!r}")
    if stack():
        return _newton(residual, x, name)
    with enable_grad():
        place: Any = wrap(x._data, x._device)
        place.requires_grad_(True)
        since = next_seq()
        r = residual(place)
    edges = tuple(n for n in older_nodes(node_of(r), since) if n is not node_of(place))
    if not edges or not modes.grad:
        return wrap(x._data, x._device)
    op = Primitive(name, "general", ("xs",), variadic=True, tensor_level=True)

    @op.vjp
    def _(ct: Any, out: Any) -> Any:
        again = modes.grad or bool(stack())
        at, values = place, r
        if again:  # evaluate at the solution itself, whose history the result's gradient needs
            with enable_grad():
                at = engine.namespace().copy(out)
                values = residual(at)
        with enable_grad() if again else _unchanged():
            matrix = _jacobian(values, at, again)
            # J^T multiplier = ct, and the cotangent of θ is -(∂F/∂θ)^T multiplier
            multiplier = _solve(name, matrix.mT, ct)
            # the solution is a target too, so that nothing passes through it to θ
            stops = (*edges, node_of(at))
            return partials(node_of(values), -multiplier, stops, again)[:-1]

    return attach(wrap(x._data, x._device), op, edges)


class _unchanged:
    def __enter__(self) -> None: ...

    def __exit__(self, *exc: object) -> None: ...


def _newton(residual: Residual, x: Any, name: str) -> Any:
    """Return `x` after recorded Newton steps: k of them have the derivatives to order 2^k - 1."""
    xp = engine.namespace()
    orders = len(stack()) + 1  # and one by reverse mode
    for _ in range(orders.bit_length()):
        with enable_grad():
            place = xp.copy(x)
            if node_of(place) is None:
                place.requires_grad_(True)
            r = residual(place)
            step = _solve(name, _jacobian(r, place, True), r) if node_of(r) is not None else None
        if step is None:
            return x
        x = x - step
    return x
