"""Derivatives of functions: `vjp`, `value_and_grad`, `jacobian`, `hessian`, `hvp`.

Each takes a function of Tensors and Tensors to differentiate at; nothing is left in `.grad`. At
arrays of NumPy or numbers the function gets Tensors all the same, and the results are arrays and
numbers again, as SciPy's optimisers want them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorxp._backend.families import see
from tensorxp._core.allocation import next_seq
from tensorxp._core.door import node_of, wrap
from tensorxp._core.engine import find_needed, namespace, run
from tensorxp._core.modes import enable_grad, modes
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import cell_of
from tensorxp._core.watchers import stack, watching
from tensorxp.autograd.batching import jacobians
from tensorxp.autograd.forward import jvp
from tensorxp.autograd.functions import grad, gradients
from tensorxp.autograd.plain import is_plain, to_plain, to_tensors

_GIVEN = "Tensors, or arrays of NumPy and numbers alone"


def _tuple(
    function: str, values: Any, what: str = "argument", allowed: str = _GIVEN
) -> tuple[Any, ...]:
    xs = tuple(values) if isinstance(values, list | tuple) else (values,)
    for i, x in enumerate(xs):
        if not isinstance(x, TensorBase):
            raise TypeError(
                f"{function}: {what} {i} is a {type(x).__name__}; allowed are {allowed}"
            )
    return xs


def _tracked(xs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return stand-ins of `xs` that require grad, on the graph of `xs` where they have one."""
    out: list[Any] = []
    for x in xs:
        if node_of(x) is not None or (watching and stack()):
            alias: Any = namespace().copy(x)
            out.append(alias if node_of(alias) is not None else alias.requires_grad_(True))
        else:
            fresh: Any = wrap(x._data, x._device, None, cell_of(x))  # writes to `x` are noticed
            out.append(fresh.requires_grad_(True))
    return tuple(out)


def _nested(xs: tuple[Any, ...]) -> bool:
    """Return whether somebody outside differentiates too, so that gradients must be recorded."""
    return any([not w.keeps_rules for w in stack()]) or (
        modes.grad and any(node_of(x) is not None for x in xs)
    )


def _reaches_out(outs: tuple[Any, ...], start: int) -> bool:
    """Return whether the graph of `outs` has nodes from before `start`: closed-over tensors."""
    if not modes.grad:
        return False
    waiting = [y._node for y in outs if isinstance(y, TensorBase) and node_of(y) is not None]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node.seq < start:
            return True
        if node.seq not in seen:
            seen.add(node.seq)
            waiting.extend([edge for edge in node.edges if edge is not None])
    return False


@see("jvp, jacobian")
def vjp(fn: Callable[..., Any], *primals: Any, create_graph: bool = False) -> tuple[Any, Any]:
    """Return `fn(*primals)` and a function from cotangents to the primals' cotangents.

    >>> out, pullback = xp.autograd.vjp(xp.sin, xp.asarray([0.0]))
    >>> pullback(xp.asarray([2.0]))
    (tensor([2.]),)

    Parameters
    ----------
    fn : callable
        Of Tensors, to a Tensor or a tuple of them.
    *primals : Tensor, or arrays and numbers
    create_graph : bool
        Whether what the pullback gives can be differentiated by the primals (it can anyway inside
        other derivatives); by its cotangent it always can.

    Returns
    -------
    tuple
        The outputs, and a pullback: it takes a Tensor of the shape of the output (a tuple for
        several), can be called many times, and returns a tuple with a Tensor of the shape and dtype
        of each primal. Arrays and numbers for primals that are such.

    Raises
    ------
    TypeError
        `fn` is not callable, a primal no Tensor.
    ValueError
        By the pullback: another number of cotangents.
    """
    if is_plain(primals):
        own = [x.clone() for x in to_tensors(primals)]  # writes to arrays cannot be noticed
        out, plain_pullback = vjp(fn, *own, create_graph=create_graph)
        return to_plain(out), lambda ct, /: to_plain(plain_pullback(to_tensors(ct)))
    xs = _tuple("vjp", primals)
    start = next_seq()
    with enable_grad():
        tracked = _tracked(xs)
        out = fn(*tracked)
    outs = tuple(out) if isinstance(out, tuple | list) else (out,)
    keep = create_graph or _nested(xs) or _reaches_out(outs, start)

    def pullback(ct: Any, /) -> tuple[Any, ...]:
        cts = tuple(ct) if isinstance(ct, tuple | list) else (ct,)
        if len(cts) != len(outs):
            raise ValueError(f"vjp: {len(cts)} cotangents, but {len(outs)} outputs; give one each")
        pairs = [(y, c) for y, c in zip(outs, cts, strict=True) if node_of(y) is not None]
        recorded = modes.grad and any(
            isinstance(c, TensorBase) and node_of(c) is not None for c in cts
        )
        if not pairs:
            return tuple(namespace().zeros_like(x) for x in xs)
        return gradients(
            [y for y, _ in pairs],
            tracked,
            [c for _, c in pairs],
            retain_graph=True,
            create_graph=keep or recorded,
            allow_unused=None,
            materialize_grads=True,
            linear=not keep,
        )

    detached = out if keep else _detach(out)
    return detached, pullback


def _detach(out: Any) -> Any:
    if isinstance(out, tuple | list):
        return tuple(y.detach() for y in out)
    return out.detach()


@see("grad, jacobian")
def value_and_grad(
    fn: Callable[..., Any], argnums: int | tuple[int, ...] = 0
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that gives the scalar value of `fn` and its gradient.

    Parameters
    ----------
    fn : callable
        To a Tensor of one element.
    argnums : int or tuple of ints
        By which arguments; a tuple gives a tuple of gradients.

    Returns
    -------
    callable
        Of the arguments of `fn`: the value and Tensors of their shapes and dtypes. Arguments that
        are arrays and numbers give such.

    Raises
    ------
    TypeError, IndexError
        `argnums` is neither; when called: these arguments are no Tensors, or not there.
    RuntimeError
        When called: `fn` returned something else.

    Examples
    --------
    >>> import numpy as np, tensorxp as xp
    >>> f = xp.autograd.value_and_grad(lambda x: (x**2).sum())
    >>> f(np.asarray([1.0, 2.0]))  # so scipy.optimize.minimize(f, x0, jac=True)
    (np.float64(5.0), array([2., 4.]))
    """
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def both(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        at = tuple(args[i] for i in chosen)
        if is_plain(at):
            given = list(args)
            for i, x in zip(chosen, to_tensors(at), strict=True):
                given[i] = x
            return to_plain(both(*given, **kwargs))  # type: ignore[no-any-return]
        xs = _tuple("value_and_grad", at)
        start = next_seq()
        with enable_grad():
            tracked = _tracked(xs)
            full = list(args)
            for i, x in zip(chosen, tracked, strict=True):
                full[i] = x
            value = fn(*full, **kwargs)
        if not isinstance(value, TensorBase) or value._data.size != 1:
            raise RuntimeError(
                f"value_and_grad: the function returned {type(value).__name__} of shape "
                f"{getattr(value, 'shape', None)}; it must return a Tensor of one element"
            )
        keep = _nested(xs) or _reaches_out((value,), start)
        if node_of(value) is None:
            grads: tuple[Any, ...] = tuple(namespace().zeros_like(x) for x in xs)
        else:
            grads = grad(value, tracked, create_graph=keep, materialize_grads=True)
        return value if keep else value.detach(), (  # type: ignore[attr-defined]
            grads[0] if isinstance(argnums, int) else grads
        )

    return both


@see("vjp, jvp, hessian")
def jacobian(
    fn: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strategy: str | None = None,
) -> Any:
    """Return the Jacobian of `fn` at `inputs`.

    By passes for many rows at once ("reverse"), or one per element of the input ("forward").
    Complex outputs: the conjugate Wirtinger rows, as PyTorch's.

    >>> xp.autograd.jacobian(lambda x: x**2, xp.asarray([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])

    Parameters
    ----------
    fn : callable
        To a Tensor or a tuple of them.
    inputs : Tensor or sequence of Tensors, or arrays and numbers
        The arguments of `fn`.
    create_graph : bool
        Whether it can be differentiated again.
    strategy : str or None
        "forward" (real only) or "reverse"; None takes "forward" for few inputs and many outputs.

    Returns
    -------
    Tensor, or tuples
        Shape output.shape + input.shape, dtype of the input ("forward": the output); several inputs
        give a tuple, several outputs a tuple of such. Arrays and numbers for inputs that are such.

    Raises
    ------
    TypeError, ValueError
        No Tensors, `fn` not callable; another strategy, "forward" for complex.
    """
    if strategy not in (None, "forward", "reverse"):
        raise ValueError(f'jacobian: strategy is {strategy!r}; allowed are "forward", "reverse"')
    if is_plain(inputs):
        return to_plain(jacobian(fn, to_tensors(inputs), create_graph, strategy))
    xs = _tuple("jacobian", inputs)
    start = next_seq()
    with enable_grad():
        tracked = _tracked(xs)
        out = fn(*tracked)
    outs = _tuple("jacobian", out, "output", "Tensors")
    keep = create_graph or _nested(xs) or _reaches_out(outs, start)
    n_in, n_out = sum(x._data.size for x in xs), sum(y._data.size for y in outs)
    real = all(v._data.dtype.kind == "f" for v in (*xs, *outs))
    if strategy is None:
        # in batches, rows cost little before they are many
        many = n_out > 4 * n_in and (keep or n_out**2 > 10_000 * n_in)
        strategy = "forward" if real and many else "reverse"
    if strategy == "forward" and not real:
        raise ValueError('jacobian: complex inputs or outputs need strategy="reverse"')
    if strategy == "forward":
        rows = _by_columns(fn, xs, outs)
    else:
        rows = [_by_rows(y, tracked, xs, keep) for y in outs]
    if not keep:
        rows = [tuple(j.detach() for j in row) for row in rows]
    result = tuple(row if isinstance(inputs, list | tuple) else row[0] for row in rows)
    return result if isinstance(out, tuple | list) else result[0]


def _basis(x: Any) -> Any:
    """Return one-hot Tensors of the shape of `x`, one for each element."""
    for index in np.ndindex(*x._data.shape):
        ct: Any = namespace().zeros_like(x)
        ct._data[index] = 1
        yield ct


def _by_rows(y: Any, tracked: tuple[Any, ...], xs: tuple[Any, ...], keep: bool) -> tuple[Any, ...]:
    xp = namespace()
    if node_of(y) is None or not y._data.size:
        return tuple(xp.zeros(y.shape + x.shape, dtype=x.dtype, device=x.device) for x in xs)
    if not keep and not any([w.sees_rules for w in stack()]):
        return _raw_rows(y, tracked)
    rows = [
        grad(y, tracked, ct, retain_graph=True, create_graph=keep, materialize_grads=True)
        for ct in _basis(y)
    ]
    return tuple(
        xp.reshape(xp.stack([row[i] for row in rows]), y.shape + x.shape) for i, x in enumerate(xs)
    )


def _raw_rows(y: Any, tracked: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the Jacobians of `y`: by batches of rows, or a pass for each where there are hooks."""
    device, root = y._device, node_of(y)
    nodes = [node_of(x) for x in tracked]
    batch = jacobians(root, nodes)
    if batch is not None:
        return tuple(
            wrap(rows.reshape(y._data.shape + x._data.shape), x._device)
            for rows, x in zip(batch, tracked, strict=True)
        )
    needed = find_needed([root], dict.fromkeys(nodes), False)
    base = device.raw.base
    shape = y._data.shape
    found = [base.zeros(shape + x._data.shape, dtype=x._data.dtype) for x in tracked]
    ct = wrap(base.zeros(shape, dtype=y._data.dtype), device)
    for index in np.ndindex(*shape):
        ct._data[index] = 1
        targets: dict[Any, Any] = dict.fromkeys(nodes)
        run([(root, ct)], retain_graph=True, create_graph=False, targets=targets,
            accumulate=False, needed=needed)  # fmt: skip
        for rows, node in zip(found, nodes, strict=True):
            if targets[node] is not None:
                rows[index] = targets[node]._data
        ct._data[index] = 0
    return tuple(wrap(rows, device) for rows in found)


def _by_columns(fn: Any, xs: tuple[Any, ...], outs: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    xp = namespace()
    table: list[list[list[Any]]] = [[[] for _ in xs] for _ in outs]
    for i, x in enumerate(xs):
        for t in _basis(x):
            tangents = [None] * i + [t] + [None] * (len(xs) - i - 1)
            _, made = jvp(fn, xs, tangents)
            for k, column in enumerate(made if isinstance(made, tuple) else (made,)):
                table[k][i].append(column)
    return [
        tuple(
            xp.reshape(xp.stack(columns, axis=-1), y.shape + x.shape)
            if columns
            else xp.zeros(y.shape + x.shape, dtype=y.dtype, device=y.device)
            for x, columns in zip(xs, table[k], strict=True)
        )
        for k, y in enumerate(outs)
    ]


@see("hvp, jacobian")
def hessian(fn: Callable[..., Any], inputs: Any, create_graph: bool = False) -> Any:
    """Return the Hessian of a scalar function.

    >>> xp.autograd.hessian(lambda x: xp.sum(x**3), xp.asarray([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])

    Parameters
    ----------
    fn : callable
        To a Tensor of one element.
    inputs : Tensor or sequence of Tensors, or arrays and numbers
        The arguments of `fn`.
    create_graph : bool
        Whether it can be differentiated again.

    Returns
    -------
    Tensor, or tuples
        Shape input.shape + input.shape, dtype of the input; several inputs give a tuple of tuples,
        as in PyTorch. Arrays and numbers for inputs that are such.

    Raises
    ------
    TypeError, RuntimeError
        No Tensors, `fn` not callable; it returned something else.
    """
    if is_plain(inputs):
        return to_plain(hessian(fn, to_tensors(inputs), create_graph))
    several = isinstance(inputs, list | tuple)
    xs = _tuple("hessian", inputs)

    def gradient(*args: Any) -> Any:
        _, grads = value_and_grad(fn, tuple(range(len(args))))(*args)
        return grads

    blocks = jacobian(gradient, xs, create_graph=create_graph, strategy="reverse")
    return blocks if several else blocks[0][0]


@see("hessian")
def hvp(fn: Callable[..., Any], inputs: Any, v: Any) -> tuple[Any, Any]:
    """Return the value of a scalar function and its Hessian times a vector (forward over reverse).

    >>> x, v = xp.asarray([1.0, 2.0]), xp.asarray([1.0, 0.0])
    >>> value, product = xp.autograd.hvp(lambda x: xp.sum(x**3), x, v)
    >>> product
    tensor([6., 0.])

    Parameters
    ----------
    fn : callable
        To a Tensor of one element.
    inputs : Tensor or sequence of Tensors, or arrays and numbers
        The arguments of `fn`.
    v : Tensor or sequence of Tensors, or arrays and numbers
        Of their shapes and dtypes.

    Returns
    -------
    tuple
        The value, and a Tensor of the shape and dtype of each input (a tuple for several). Arrays
        and numbers for inputs that are such.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        No Tensors, `fn` not callable; other numbers or shapes; `fn` returned something else.
    """
    if is_plain(inputs) and is_plain(v):
        return to_plain(hvp(fn, to_tensors(inputs), to_tensors(v)))  # type: ignore[no-any-return]
    several = isinstance(inputs, list | tuple)
    xs = _tuple("hvp", inputs)
    vs = _tuple("hvp", v)
    if len(xs) != len(vs):
        raise ValueError(f"hvp: {len(xs)} inputs, but {len(vs)} vectors; give one for each")

    def gradient(*args: Any) -> Any:
        value, grads = value_and_grad(fn, tuple(range(len(args))))(*args)
        return (value, *grads)

    outs, tangents = jvp(gradient, xs, vs)
    value, products = outs[0], tuple(tangents[1:])
    return value, products if several else products[0]
