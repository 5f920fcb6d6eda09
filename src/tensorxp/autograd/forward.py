"""Forward mode: a watcher that carries a tangent along with each tensor it has seen.

Each level of `jvp` is one watcher with a table of its own, so nested levels cannot confuse
their perturbations: what a level computes is seen by the levels outside it only.
"""

import weakref
from collections.abc import Callable
from typing import Any

from tensorxp._backend.families import see
from tensorxp._backend.quiet import quiet
from tensorxp._core.allocation import next_seq
from tensorxp._core.door import (
    alias_p,
    alias_written,
    apply,
    device_mismatch,
    node_of,
    wrap,
)
from tensorxp._core.engine import has_half, namespace, widened_tensor
from tensorxp._core.primitive import Primitive
from tensorxp._core.rules import CT, KEPT, NEEDS, OUT, PART, SHAPE, XP, Rule, fit
from tensorxp._core.tensor import Tensor, TensorBase
from tensorxp._core.views import View, cell_of
from tensorxp._core.watchers import Watcher, stack, watch
from tensorxp._core.writes import follow
from tensorxp.autograd.plain import is_plain, to_plain, to_tensors


class ForwardLevel(Watcher):
    """Tangents of the tensors of one level, by identity of the tensor or of its node."""

    def __init__(self) -> None:
        self._tangents: dict[Any, tuple[Any, Any]] = {}

    def set(self, x: Any, tangent: Any) -> None:
        """Give `x` a tangent; the entry goes when `x` does, or the graph that `x` is part of."""
        self._put(id(x), x, tangent)
        if x._node is not None:  # backward restores a saved output as another tensor of its node
            self._put(_place(x._node), getattr(x._node, "main", x._node), tangent)

    def clear(self) -> None:
        """Forget everything: the callbacks of the table refer to it."""
        self._tangents.clear()

    def _put(self, key: Any, owner: Any, tangent: Any) -> None:
        table = self._tangents
        table[key] = (weakref.ref(owner, lambda _: table.pop(key, None)), tangent)

    def get(self, x: Any) -> Any:
        """Return the tangent of `x`, or None for zero; of a view, the view of its root's."""
        if not isinstance(x, TensorBase):
            return None
        version = x._version
        if version.__class__ is View:
            op, params = version.chain[0]
            if op is alias_p and params["version"] != version.cell[0]:
                raise alias_written(params)
            root = self.get(version.base)
            if root is not None:
                return follow(namespace(), root, version.chain)
        found = self._tangents.get(id(x))
        if found is not None and found[0]() is x:
            return found[1]
        node = x._node
        found = None if node is None else self._tangents.get(_place(node))
        owner = getattr(node, "main", node)
        return found[1] if found is not None and found[0]() is owner else None

    def after(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        tangents = tuple([self.get(x) for x in inputs])
        if not any(t is not None for t in tangents):
            return
        with quiet():  # as the engine: what warns, the operation itself told
            made = push_forward(op, inputs, params, out, tangents)
        if made is None:
            return
        outs, news = (out, made) if isinstance(out, tuple) else ((out,), (made,))
        for x, t in zip(outs, news, strict=True):
            if t is not None and x._data.dtype.kind in "fc":
                self.set(x, fit(namespace(), t, x._data.shape, x._data.dtype))

    def rebind(self, target: Any, source: Any) -> None:
        tangent = self.get(source)
        if tangent is None:
            self._tangents.pop(id(target), None)
        else:
            xp = namespace()
            self.set(target, fit(xp, tangent, target._data.shape, target._data.dtype))


def _place(node: Any) -> Any:
    """Return a key for an output of a call: the node, or the node and the output's index."""
    main = getattr(node, "main", None)
    return (id(node),) if main is None else (id(main), node.index)


def push_forward(
    op: Primitive,
    inputs: tuple[Any, ...],
    params: dict[str, Any],
    out: Any,
    tangents: tuple[Any, ...],
) -> Any:
    """Return the tangent of `out` (a tuple for several outputs), or None for zero."""
    outs = out if isinstance(out, tuple) else (out,)
    dtypes = tuple([x._data.dtype for x in outs if isinstance(x, TensorBase)])
    if op.kind != "linear" and has_half(op, dtypes, outs[0]._device):  # as backward: round once
        inputs, tangents = (tuple(map(widened_tensor, xs)) for xs in (inputs, tangents))
        out = widened_tensor(out)
    if op.jvp_rule is not None:
        several = len(inputs) > 1 or op.variadic
        return _call(op.jvp_rule, op, inputs, params, out, tangents if several else tangents[0])
    if op.kind == "nondifferentiable" or not op.differentiable:
        return None
    xp = namespace()
    if op.kind == "linear":
        parts = tuple(
            xp.zeros_like(x) if t is None and isinstance(x, TensorBase) else x if t is None else t
            for x, t in zip(inputs, tangents, strict=True)
        )
        return apply(op, parts, params)
    total = None
    part: Any
    for i, t in enumerate(tangents):
        if t is None:
            continue
        if op.kind == "multilinear":
            part = apply(op, (*inputs[:i], t, *inputs[i + 1 :]), params)
        elif op.kind == "elementwise":
            if i not in op.rules:
                continue
            # the vjp is ct * conj(d), so conj(vjp(conj(t))) = t * d
            ct = t.conjugate()
            if ct.dtype != out.dtype:  # rules take a cotangent of the output's dtype for granted
                ct = xp.astype(ct, out.dtype)
            pulled = _call(op.rules[i], op, inputs, params, out, ct)
            part = pulled.conjugate() if pulled is not None else None
        else:
            raise NotImplementedError(f"jvp: primitive {op.name!r} has no forward-mode rule")
        if part is not None:
            total = part if total is None else total + part
    return total


def _call(
    rule: Rule,
    op: Primitive,
    inputs: tuple[Any, ...],
    params: dict[str, Any],
    out: Any,
    t: Any,
) -> Any:
    """Call a rule on Tensors with what it asks for."""
    arguments = []
    for code in rule.codes:
        if code == CT:
            arguments.append(t)
        elif code == XP:
            arguments.append(namespace())
        elif code == OUT or code == KEPT:
            arguments.append(out)
        elif code == NEEDS:
            arguments.append(tuple(isinstance(x, TensorBase) for x in inputs))
        elif code >= PART:
            arguments.append(out[code - PART])
        elif code >= SHAPE:
            shapes = tuple(getattr(x, "shape", ()) for x in inputs)
            arguments.append(shapes if op.variadic else shapes[code - SHAPE])
        else:
            arguments.append(inputs if op.variadic else inputs[code])
    return rule.fn(*arguments, **{name: params[name] for name in rule.named})


@see("vjp, jacobian")
def jvp(fn: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """Return `fn(*primals)` and its directional derivative along `tangents`.

    Nests with itself and with reverse mode in any order.

    >>> out, tangent = xp.autograd.jvp(xp.sin, (xp.asarray([0.0]),), (xp.asarray([2.0]),))
    >>> tangent
    tensor([2.])

    Parameters
    ----------
    fn : callable
        Of Tensors, to a Tensor or a tuple of them.
    primals : Tensor or sequence of Tensors, or arrays and numbers
    tangents : Tensor or sequence of Tensors, or arrays and numbers
        One of the shape and dtype of each primal; None is zero.

    Returns
    -------
    tuple
        The outputs, and tangents of their shapes and dtypes; those that don't depend have zero
        ones. Arrays and numbers for primals that are such.

    Raises
    ------
    TypeError, ValueError, DeviceError
        No Tensors, `fn` not callable; other numbers or shapes; two devices.
    NotImplementedError
        An operation has no forward-mode rule.
    """
    xs = tuple(primals) if isinstance(primals, list | tuple) else (primals,)
    ts = tuple(tangents) if isinstance(tangents, list | tuple) else (tangents,)
    if len(xs) != len(ts):
        raise ValueError(f"jvp: {len(xs)} primals, but {len(ts)} tangents; give one for each")
    if is_plain(xs) and is_plain([t for t in ts if t is not None]):
        several = isinstance(primals, list | tuple)
        given = (to_tensors(xs), to_tensors(ts)) if several else map(to_tensors, (*xs, *ts))
        return to_plain(jvp(fn, *given))  # type: ignore[no-any-return]
    level = ForwardLevel()
    xp = namespace()
    start = next_seq()
    fresh = []
    for i, (x, t) in enumerate(zip(xs, ts, strict=True)):
        if not isinstance(x, Tensor):
            raise TypeError(f"jvp: primals[{i}] is a {type(x).__name__}; allowed are Tensors")
        # a stand-in keeps the caller's tensors out of the table; a copy carries outer levels along
        outer = node_of(x) is not None or bool(stack())
        alias = xp.copy(x) if outer else wrap(x._data, x._device, None, cell_of(x))
        fresh.append(alias)
        if t is None:
            continue
        if not isinstance(t, Tensor) or t._data.shape != x._data.shape:
            raise ValueError(
                f"jvp: tangents[{i}] is {type(t).__name__} of shape {getattr(t, 'shape', None)}; "
                f"it must be a Tensor of the primal's shape {x._data.shape}"
            )
        if t._device is not x._device:
            raise device_mismatch(f"jvp: primals[{i}] and its tangent", (x, t))
        kind = x._data.dtype.kind
        if kind not in "fc" or (t._data.dtype.kind == "c" and kind != "c"):
            raise TypeError(
                f"jvp: primals[{i}] has dtype {x.dtype} and its tangent {t.dtype}; a tangent is of "
                "the primal's dtype, and None for integers"
            )
        level.set(alias, xp.astype(t, x.dtype, copy=False))
    try:
        with watch(level):
            out = fn(*fresh)
        return _results(level, out, start)
    finally:
        level.clear()


def _results(level: ForwardLevel, out: Any, start: int) -> tuple[Any, Any]:
    xp = namespace()
    outs = out if isinstance(out, tuple | list) else (out,)
    for y in outs:
        if not isinstance(y, TensorBase):
            raise TypeError(f"jvp: the function returned a {type(y).__name__}; allowed are Tensors")
    made = tuple(xp.zeros_like(y) if (t := level.get(y)) is None else t for y in outs)
    if not stack():  # nobody outside: what only leads to leaves from inside needs no history
        outs, made = (tuple(_released(y, start) for y in ys) for ys in (outs, made))
    return (outs, made) if isinstance(out, tuple | list) else (outs[0], made[0])


def _released(x: Any, start: int) -> Any:
    """Return `x`, without its history if that began after `start`."""
    waiting = [node_of(x)]
    if waiting[0] is None:
        return x
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is None or node.seq in seen:
            continue
        if node.seq < start:
            return x
        seen.add(node.seq)
        waiting.extend(node.edges)
    return wrap(x._data, x._device, None, cell_of(x))
