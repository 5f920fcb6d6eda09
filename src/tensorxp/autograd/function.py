"""`Function`: operations with a gradient of the user's own, as in PyTorch.

Each class is one primitive. What a call saved is in its ctx, which stands among the node's
saved values, so that backward frees it; the node is known to ctx by a weak reference only.
"""

import weakref
from collections.abc import Callable
from functools import partial, wraps
from sys import getrefcount
from typing import Any

from tensorxp._backend.families import see
from tensorxp._core.door import alias_p, apply, node_of, wrap
from tensorxp._core.engine import namespace
from tensorxp._core.modes import modes, no_grad
from tensorxp._core.node import Leaf, Recipe, slot_of
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import View, cell_of, view_of
from tensorxp._core.watchers import stack
from tensorxp._core.writes import bump, write
from tensorxp._ops.indexing import getitem_p


class FunctionCtx:
    """What `forward` hands to `backward`: saved tensors, flags, and attributes of any name."""

    def __init__(self, needs_input_grad: tuple[bool, ...], args: tuple[Any, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._args: tuple[Any, ...] = args  # and `_outputs`: only while forward runs
        self._outputs: tuple[Any, ...] = ()
        self._shapes = tuple(x._data.shape if isinstance(x, TensorBase) else None for x in args)
        self._saved: tuple[Any, ...] = ()
        self._versions: tuple[Any, ...] = ()
        self._from_outputs: tuple[int | None, ...] = ()
        self._for_forward: tuple[Any, ...] = ()
        self._nondifferentiable: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._materialize = True
        self._node: Any = lambda: None
        self._like: tuple[Any, ...] = ()  # shape, dtype and device of each output

    def save_for_backward(self, *tensors: Any) -> None:
        """Save inputs or outputs for `backward`, checked there against in-place writes."""
        for x in tensors:
            if x is not None and not isinstance(x, TensorBase):
                raise TypeError(
                    f"save_for_backward: a {type(x).__name__} was given; allowed are Tensors and "
                    "None; keep other values as attributes of ctx"
                )
        self._saved = tensors
        self._versions = tuple(None if x is None else cell_of(x)[0] for x in tensors)

    def save_for_forward(self, *tensors: Any) -> None:
        """Save tensors for `jvp`."""
        self._for_forward = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved; RuntimeError where it was changed in place since."""
        found = []
        for i, (x, version) in enumerate(zip(self._saved, self._versions, strict=True)):
            if x is not None and cell_of(x)[0] != version:
                raise RuntimeError(
                    f"saved_tensors: tensor {i} of shape {x._data.shape} was modified in place: it "
                    f"is at version {cell_of(x)[0]}, expected version {version}"
                )
            place = self._from_outputs[i] if self._from_outputs else None
            node = self._node()
            if place is not None and node is not None:
                shape, dtype, _ = self._like[place]
                if node.shape and node.shape[0].__class__ is tuple:
                    node = slot_of(node, place, shape, dtype)
                x = wrap(x._data, x._device, node, cell_of(x))
            found.append(x)
        return tuple(found) or self._for_forward

    def mark_dirty(self, *tensors: Any) -> None:
        """Say that `forward` changed these inputs in place; it must return them."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say that these outputs have no gradient."""
        self._nondifferentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether missing cotangents come as zeros (default) or None."""
        self._materialize = bool(value)


class Function:
    """Base class of operations with their own gradient; call them by `MyFunction.apply(...)`.

    `forward` may take ctx first, or leave it to `setup_context(ctx, inputs, output)`. `jvp` is
    for forward mode. `backward` is differentiated as it stands, so higher orders follow.

    >>> import tensorxp as xp
    >>> class Cube(xp.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, ct):
    ...         (x,) = ctx.saved_tensors
    ...         return ct * 3 * x**2
    >>> x = xp.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> float(x.grad)
    12.0
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs, of (ctx and) the arguments; runs without recording."""
        raise NotImplementedError("Function: forward is not defined; write it as a staticmethod")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save in `ctx` what backward needs of `inputs` and `output`; `forward` has no ctx then."""

    @staticmethod
    def backward(ctx: Any, *cts: Any) -> Any:
        """Return one gradient (or None) for each argument of `forward`, from `ctx` and `cts`."""
        raise NotImplementedError("Function: backward is not defined; write it as a staticmethod")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """Return one tangent for each output, from `ctx` and `tangents`, for forward mode."""
        raise NotImplementedError(
            "Function: jvp is not defined, which forward mode needs; write it as a staticmethod"
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` on `args` and record `backward`."""
        needs = tuple([isinstance(x, TensorBase) and node_of(x) is not None for x in args])
        ctx = FunctionCtx(needs, args)
        tensors = tuple([x for x in args if isinstance(x, TensorBase)])
        if not tensors:
            with no_grad():
                return _forward(cls, ctx, args)
        op = cls.__dict__.get("_primitive")
        if op is None:
            op = _FunctionPrimitive(cls)
            cls._primitive = op  # type: ignore[attr-defined]
        made = apply(op, tensors, {"ctx": ctx})
        outs = made if isinstance(made, tuple) else (made,)
        _check_dirty(cls.__name__, ctx)
        results, views = _link(ctx, outs)
        _tie(cls.__name__, ctx, outs, results, views)
        return tuple(results) if isinstance(made, tuple) else results[0]


def _forward(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...]) -> Any:
    if cls.setup_context is Function.setup_context:
        return cls.forward(ctx, *args)
    out = cls.forward(*args)
    cls.setup_context(ctx, args, out)
    return out


def _check_dirty(name: str, ctx: FunctionCtx) -> None:
    for x in ctx._dirty:
        if not any(x is y for y in ctx._outputs):
            raise RuntimeError(
                f"{name}: an input that was marked as dirty was not returned by forward; return it"
            )
        root = x._version.base if x._version.__class__ is View else x
        if modes.grad and root._node.__class__ is Leaf:
            raise RuntimeError(
                f"{name}: a leaf Tensor that requires grad was marked as dirty; a leaf cannot be "
                "changed in place while recording; pass a copy"
            )


def _link(ctx: FunctionCtx, outs: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
    """Link what was saved with the graph.

    Returns the outputs as the caller gets them, and of each: whether `forward` gave a view (True)
    or a whole tensor (False), None where nothing more is to be done.
    """
    inners, args = ctx._outputs, ctx._args
    ctx._outputs = ctx._args = ()
    node = next((out._node for out in outs if out._node is not None), None)
    node = getattr(node, "main", node)
    if node is not None:
        ctx._node = weakref.ref(node)
        if not isinstance(node.saved, Recipe):  # else made again when needed
            node.saved = (ctx, None, 0)
        node.params = {}
    results: list[Any] = []
    views: list[Any] = []
    for inner, out in zip(inners, outs, strict=True):
        views.append(inner._version.__class__ is View)
        out._version = cell_of(inner)  # the memory may be shared, or saved
        given = any(inner is x for x in args)
        constant = any(inner is x for x in ctx._nondifferentiable)
        if given and not constant and any(inner is x for x in ctx._dirty):
            views[-1] = None
            results.append(_continued(inner, out))
            continue
        if node is None and not stack() and (given or views[-1]):  # an ordinary view
            views[-1] = None
            out._version = view_of(inner, getitem_p, {"key": ...}, node_of(inner) is not None)
        results.append(out.detach() if constant else out)
    places = [next((i for i, y in enumerate(inners) if y is x), None) for x in ctx._saved]
    ctx._from_outputs = tuple(places)
    ctx._saved = tuple(
        x if place is None else wrap(x._data, x._device, None, cell_of(x))
        for x, place in zip(ctx._saved, places, strict=True)
    )
    ctx._versions = tuple(None if x is None else cell_of(x)[0] for x in ctx._saved)
    ctx._dirty = ctx._nondifferentiable = ()
    return results, views


def _tie(
    name: str, ctx: FunctionCtx, outs: tuple[Any, ...], results: list[Any], views: list[Any]
) -> None:
    """Tie results to the tensors that they share memory with.

    Those may be inputs, other outputs, or what `forward` keeps outside. Where a gradient is
    recorded such a result is neither written in place, nor used after a write to the others.
    """
    saved = [x for x in ctx._saved if x is not None]
    tied = []
    known = {id(x): x for x in (*outs, *results, *saved)}
    for i, (out, result, view) in enumerate(zip(outs, results, views, strict=True)):
        if view is None:
            continue
        cell = out._version
        same = [k for k, y in enumerate(outs) if k != i and y._version is cell]
        others = any(view or k < i or views[k] is None for k in same)
        holders = sum(x._version is cell for x in known.values())
        if others or _holders(cell) > holders + _ALONE:
            root = wrap(result._data, result._device, result._node, cell)
            told = {"name": name, "version": cell[0]}
            tied.append((result, view_of(root, alias_p, told, False)))
    for result, version in tied:
        result._version = version


def _holders(cell: Any) -> int:
    """Return how many references to `cell` there are, as counted from here."""
    return getrefcount(cell)


def _alone() -> int:
    """Return what `_holders` says, called as in `_tie`, of a cell that nobody else holds."""
    cell = [0]
    return _holders(cell)


_ALONE = _alone()


def _continued(inner: Any, out: Any) -> Any:
    """Let an input that forward changed in place go on as the output."""
    if inner._version.__class__ is View and out._node is not None:
        write(inner, ..., wrap(out._data, out._device, out._node), "mark_dirty")
    else:
        bump(inner)
        inner._node = out._node
    return inner


class _FunctionPrimitive(Primitive):
    """The primitive of a `Function`; devices don't remember it, so that it goes with its class."""

    __slots__ = ()

    def __init__(self, cls: type[Function]) -> None:
        super().__init__(
            cls.__name__, "function", ("xs",),
            forward=partial(_run, cls), variadic=True, tensor_level=True,
        )  # fmt: skip
        # what a call saved is its ctx, put where the shapes of the inputs were
        self.vjp(lambda ct, xs_shape: _pull_back(cls, xs_shape, ct))
        self.jvp(lambda t, *, ctx: _push_forward(cls, ctx, t))

    def bind(self, device: Any) -> Callable[..., Any]:
        return partial(self.forward, device.raw)  # type: ignore[arg-type,misc]


def _run(cls: type[Function], xp: Any, *raws: Any, ctx: FunctionCtx) -> Any:
    with no_grad():
        out = _forward(cls, ctx, ctx._args)
    outs = out if isinstance(out, tuple) else (out,)
    for y in outs:
        if not isinstance(y, TensorBase):
            raise TypeError(
                f"{cls.__name__}: forward returned a {type(y).__name__}; allowed are a Tensor or a "
                "tuple of Tensors"
            )
    ctx._outputs = outs
    ctx._like = tuple((y._data.shape, y._data.dtype, y._device) for y in outs)
    return tuple(y._data for y in outs) if isinstance(out, tuple) else out._data


def _pull_back(cls: type[Function], ctx: FunctionCtx, ct: Any) -> tuple[Any, ...]:
    cts = ct if isinstance(ct, tuple) else (ct,)
    if ctx._materialize:
        cts = tuple(_materialized(c, like) for c, like in zip(cts, ctx._like, strict=True))
    given = cls.backward(ctx, *cts)
    grads = tuple(given) if isinstance(given, tuple | list) else (given,)
    n = len(ctx._shapes)
    if len(grads) > n and all(g is None for g in grads[n:]):
        grads = grads[:n]
    if len(grads) != n:
        raise RuntimeError(
            f"{cls.__name__}: backward returned {len(grads)} gradients, but forward has {n} "
            "arguments; return one (or None) for each"
        )
    for i, (g, shape) in enumerate(zip(grads, ctx._shapes, strict=True)):
        if g is None:
            continue
        if not isinstance(g, TensorBase):
            raise TypeError(
                f"{cls.__name__}: backward returned a {type(g).__name__} as gradient {i}; allowed "
                "are Tensors and None"
            )
        if shape is None:
            raise RuntimeError(
                f"{cls.__name__}: backward returned a gradient for argument {i}, which is no "
                "Tensor; return None for it"
            )
        if not _reducible(g._data.shape, shape):
            raise RuntimeError(
                f"{cls.__name__}: backward returned gradient {i} of shape {g._data.shape}, but the "
                f"argument has shape {shape}; return a gradient of that shape"
            )
    return tuple(g for g, shape in zip(grads, ctx._shapes, strict=True) if shape is not None)


def _materialized(ct: Any, like: tuple[Any, Any, Any]) -> Any:
    shape, dtype, device = like
    return wrap(device.raw.zeros(shape, dtype=dtype), device) if ct is None else ct


def _reducible(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Return whether `target` broadcasts to `shape`, so that a sum undoes it."""
    extra = len(shape) - len(target)
    return extra >= 0 and all(n in (1, m) for n, m in zip(target, shape[extra:], strict=True))


def _push_forward(cls: type[Function], ctx: FunctionCtx, t: tuple[Any, ...]) -> Any:
    tangents = iter(t)
    full = []
    for x in ctx._args:
        tangent = next(tangents) if isinstance(x, TensorBase) else None
        if tangent is None and ctx._materialize and isinstance(x, TensorBase):
            tangent = namespace().zeros_like(x) if x._data.dtype.kind in "fc" else None
        full.append(tangent)
    return cls.jvp(ctx, *full)


@see("Function")
def once_differentiable(fn: Any) -> Any:
    """Mark a `backward` whose own operations must not be differentiated again.

    >>> class Square(xp.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...
    ...     @staticmethod
    ...     @xp.autograd.once_differentiable
    ...     def backward(ctx, ct):
    ...         return 2 * ct * ctx.saved_tensors[0]

    Parameters
    ----------
    fn : callable
        A `backward` of a `Function`.

    Returns
    -------
    callable
        Of its arguments; differentiating what it gives raises a RuntimeError.
    """

    @wraps(fn)
    def backward(ctx: Any, *cts: Any) -> Any:
        with no_grad():
            grads = fn(ctx, *cts)
        tensors = [c for c in cts if isinstance(c, TensorBase)]
        saved = [x for x in ctx.saved_tensors if isinstance(x, TensorBase)]
        if not (modes.grad and any(node_of(x) is not None for x in (*tensors, *saved))):
            return grads
        found = grads if isinstance(grads, tuple) else (grads,)
        blocked = tuple(
            _Once.apply(g, *tensors, *saved) if isinstance(g, TensorBase) else g for g in found
        )
        return blocked if isinstance(grads, tuple) else blocked[0]

    return backward


class _Once(Function):
    """Passes a gradient on and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Any, g: Any, *others: Any) -> Any:
        return g.copy()

    @staticmethod
    def backward(ctx: Any, *cts: Any) -> Any:
        raise RuntimeError(
            "once_differentiable: this gradient was marked as differentiable once only; write the "
            "backward without the mark to differentiate it again"
        )
