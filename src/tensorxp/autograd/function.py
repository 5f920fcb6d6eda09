"""`Function`: operations with a gradient of the user's own, as in PyTorch."""

from typing import Any

from tensorxp._core.door import apply, node_of, wrap
from tensorxp._core.modes import enable_grad, modes, no_grad
from tensorxp._core.node import Slot
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import cell_of
from tensorxp.autograd.engine import namespace


class FunctionCtx:
    """What `forward` hands to `backward`: saved tensors, flags, and attributes of any name."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._saved: tuple[Any, ...] = ()
        self._saved_versions: tuple[Any, ...] = ()
        self._saved_for_forward: tuple[Any, ...] = ()
        self._nondifferentiable: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._materialize = True
        self._outputs: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Save inputs or outputs for `backward`, checked there against in-place writes."""
        for x in tensors:
            if x is not None and not isinstance(x, TensorBase):
                raise TypeError(
                    f"save_for_backward: a {type(x).__name__} was given; allowed are Tensors and "
                    "None; keep other values as attributes of ctx"
                )
        self._saved = tensors
        self._saved_versions = tuple(None if x is None else cell_of(x)[0] for x in tensors)

    def save_for_forward(self, *tensors: Any) -> None:
        """Save tensors for `jvp`."""
        self._saved_for_forward = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved; RuntimeError where it was changed in place since."""
        for x, version in zip(self._saved, self._saved_versions, strict=True):
            if x is not None and cell_of(x)[0] != version:
                raise RuntimeError(
                    f"saved_tensors: a saved tensor of shape {x._data.shape} was modified in place: "
                    f"it is at version {cell_of(x)[0]}, expected version {version}"
                )
        return self._saved or self._saved_for_forward

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
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; runs without recording."""
        raise NotImplementedError("Function: forward is not defined")

    @staticmethod
    def backward(ctx: Any, *cts: Any) -> Any:
        """Return one gradient (or None) for each argument of `forward`."""
        raise NotImplementedError("Function: backward is not defined")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """Return one tangent for each output; only forward mode needs it."""
        raise NotImplementedError("Function: jvp is not defined")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` on `args` and record `backward`."""
        needs = tuple(isinstance(x, TensorBase) and node_of(x) is not None for x in args)
        ctx = FunctionCtx(needs)
        op = _primitive_of(cls, ctx, args)
        places = [i for i, x in enumerate(args) if isinstance(x, TensorBase)]
        if not places:
            with no_grad():
                return cls.forward(ctx, *args)
        made = apply(op, tuple(args[i] for i in places), {})
        outs = made if isinstance(made, tuple) else (made,)
        ctx._saved = tuple(_history(x, args, outs, ctx) for x in ctx._saved)
        results = tuple(_returned(x, out, args, ctx) for x, out in zip(ctx._outputs, outs, strict=True))
        ctx._outputs = ()
        return results if isinstance(made, tuple) else results[0]


def _history(x: Any, args: tuple[Any, ...], outs: tuple[Any, ...], ctx: FunctionCtx) -> Any:
    """Return a saved tensor with its place in the graph: an input itself, an output's alias."""
    if x is None or any(x is arg for arg in args):
        return x
    for inner, out in zip(ctx._outputs, outs, strict=True):
        if x is inner:
            return wrap(out._data, out._device, _weak_node(out), cell_of(out))
    return x


def _weak_node(out: Any) -> Any:
    node = out._node
    return Slot(node.main, node.index, node.shape, node.dtype) if isinstance(node, Slot) else None


def _returned(inner: Any, out: Any, args: tuple[Any, ...], ctx: FunctionCtx) -> Any:
    if any(inner is x for x in ctx._nondifferentiable):
        return out.detach()
    if any(inner is x for x in ctx._dirty) and any(inner is x for x in args):
        inner._node = out._node  # the changed input continues as the output
        return inner
    return out


def _primitive_of(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...]) -> Primitive:
    """Return a primitive for one call of the function."""
    places = [i for i, x in enumerate(args) if isinstance(x, TensorBase)]
    name = cls.__name__

    def forward(xp: Any, *raws: Any) -> Any:
        before, modes.grad = modes.grad, False
        try:
            out = cls.forward(ctx, *args)
        finally:
            modes.grad = before
        outs = out if isinstance(out, tuple) else (out,)
        for y in outs:
            if not isinstance(y, TensorBase):
                raise TypeError(
                    f"{name}: forward returned a {type(y).__name__}; allowed are Tensors"
                )
        ctx._outputs = outs
        return tuple(y._data for y in outs) if isinstance(out, tuple) else out._data

    op = Primitive(name, "general", ("xs",), forward=forward, variadic=True, tensor_level=True)

    @op.vjp
    def _(ct: Any) -> Any:
        given = cls.backward(ctx, *(ct if isinstance(ct, tuple) else (ct,)))
        grads = given if isinstance(given, tuple) else (given,)
        if len(grads) != len(args):
            raise RuntimeError(
                f"{name}: backward returned {len(grads)} gradients, but forward has "
                f"{len(args)} arguments; return one (or None) for each"
            )
        for i, g in enumerate(grads):
            if g is not None and not isinstance(g, TensorBase):
                raise TypeError(
                    f"{name}: backward returned a {type(g).__name__} as gradient {i}; allowed are "
                    "Tensors and None"
                )
        return tuple(grads[i] for i in places)

    @op.jvp
    def _(t: Any) -> Any:
        full = [None] * len(args)
        for i, tangent in zip(places, t, strict=True):
            full[i] = tangent
        return cls.jvp(ctx, *full)

    return op


def once_differentiable(fn: Any) -> Any:
    """Mark a `backward` whose own operations must not be differentiated again."""

    def backward(ctx: Any, *cts: Any) -> Any:
        with no_grad():
            grads = fn(ctx, *cts)
        if not (modes.grad and any(isinstance(c, TensorBase) and node_of(c) is not None for c in cts)):
            return grads
        found = grads if isinstance(grads, tuple) else (grads,)
        blocked = tuple(_Once.apply(g, *cts) if isinstance(g, TensorBase) else g for g in found)
        return blocked if isinstance(grads, tuple) else blocked[0]

    return backward


class _Once(Function):
    """Passes a gradient on and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Any, g: Any, *cts: Any) -> Any:
        return g

    @staticmethod
    def backward(ctx: Any, *cts: Any) -> Any:
        raise RuntimeError(
            "once_differentiable: this gradient was marked as differentiable once only"
        )


def checkpoint(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """Return `fn(*args, **kwargs)`, keeping only its inputs and running it again in backward.

    Saves memory for time. `fn` must give the same result both times. Gradients to tensors
    that `fn` closes over (parameters of a module, say) are accumulated too.
    """
    return _Checkpoint.apply(fn, kwargs, *args)


class _Checkpoint(Function):
    @staticmethod
    def forward(ctx: Any, fn: Any, kwargs: Any, *args: Any) -> Any:
        ctx.fn, ctx.kwargs = fn, kwargs
        ctx.places = [i for i, x in enumerate(args) if isinstance(x, TensorBase)]
        ctx.others = [None if isinstance(x, TensorBase) else x for x in args]
        ctx.save_for_backward(*(args[i] for i in ctx.places))
        return fn(*args, **kwargs)

    @staticmethod
    def backward(ctx: Any, *cts: Any) -> Any:
        from_graph = modes.grad
        args = list(ctx.others)
        inputs: list[Any] = []
        for i, x in zip(ctx.places, ctx.saved_tensors, strict=True):
            inner = x if from_graph else x.detach()
            if not from_graph and node_of(x) is not None:
                inner.requires_grad_(True)
            args[i] = inner
            inputs.append(inner)
        with enable_grad():
            out = ctx.fn(*args, **ctx.kwargs)
        outs = out if isinstance(out, tuple) else (out,)
        pairs = [(y, c) for y, c in zip(outs, cts, strict=True) if node_of(y) is not None]
        grads: list[Any] = [None] * len(args)
        wanted = [x for x in inputs if node_of(x) is not None]
        if pairs:
            found = _pull(pairs, wanted, from_graph)
            lookup = {id(x): g for x, g in zip(wanted, found, strict=True)}
            for i, x in zip(ctx.places, inputs, strict=True):
                grads[i] = lookup.get(id(x))
        return (None, None, *grads)


def _pull(pairs: list[Any], wanted: list[Any], create_graph: bool) -> list[Any]:
    """Run backward inside backward: gradients of `wanted` returned, of other leaves added."""
    from_leaves = [x.grad for x in wanted if not create_graph]
    outs, cts = [y for y, _ in pairs], [c for _, c in pairs]
    if create_graph:
        return list(namespace().autograd.grad(outs, wanted, cts, create_graph=True, allow_unused=True))
    namespace().autograd.backward(outs, cts)
    found = [x.grad for x in wanted]
    for x, before in zip(wanted, from_leaves, strict=True):
        x.grad = before
    return found
