"""How a module is called: `forward` between its hooks, forward and backward."""

from collections.abc import Callable
from typing import Any

from tensorxp import is_grad_enabled
from tensorxp._core.face import RemovableHandle, apply, is_floating
from tensorxp.autograd import primitive


@primitive
def backward_boundary_p(xp: Any, *xs: Any, watch: Any) -> Any:
    """Pass the values through; on the way back, `watch` sees (and may replace) the cotangents."""
    return tuple(xp.copy(x) for x in xs)


@backward_boundary_p.vjp
def _(ct: Any, *, watch: Any) -> Any:
    return watch(ct)


@backward_boundary_p.jvp
def _(xp: Any, t: Any, xs: Any, *, watch: Any) -> Any:
    ts = t if isinstance(t, tuple) else (t,)
    return tuple(xp.zeros_like(x) if s is None else s for s, x in zip(ts, xs, strict=True))


backward_boundary_p.tensor_level = True


class HookMethods:
    """The part of a `Module` that concerns calls and hooks."""

    training: bool
    _forward_hooks: dict[int, Any]
    _forward_pre_hooks: dict[int, Any]
    _backward_hooks: dict[int, Any]
    _backward_pre_hooks: dict[int, Any]
    _forward_hooks_with_kwargs: dict[int, bool]
    _forward_pre_hooks_with_kwargs: dict[int, bool]
    _forward_hooks_always_called: dict[int, bool]

    def _init_hooks(self) -> None:
        state = self.__dict__
        for name in HookMethods.__annotations__:
            if name != "training":
                state[name] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; override it. Call the module itself, so that hooks run."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
        ):
            return self.forward(*args, **kwargs)
        return self._call_with_hooks(args, kwargs)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        called: set[int] = set()
        result: Any = None
        try:
            for key, hook in list(self._forward_pre_hooks.items()):
                if key in self._forward_pre_hooks_with_kwargs:
                    changed = hook(self, args, kwargs)
                    if changed is not None:
                        if not (isinstance(changed, tuple) and len(changed) == 2):
                            raise RuntimeError(
                                "forward pre-hook must return None or a tuple of (new_args, "
                                f"new_kwargs), but got {changed}."
                            )
                        args, kwargs = changed
                else:
                    changed = hook(self, args)
                    if changed is not None:
                        args = changed if isinstance(changed, tuple) else (changed,)
            boundary = _Boundary(self) if self._backward_hooks or self._backward_pre_hooks else None
            if boundary is not None:
                args = boundary.enter(args)
            result = self.forward(*args, **kwargs)
            for key, hook in list(self._forward_hooks.items()):
                called.add(key)
                result = self._run_forward_hook(key, hook, args, kwargs, result)
            if boundary is not None:
                result = boundary.leave(result)
            return result
        except Exception:
            for key, hook in list(self._forward_hooks.items()):
                if key in self._forward_hooks_always_called and key not in called:
                    result = self._run_forward_hook(key, hook, args, kwargs, result)
            raise

    def _run_forward_hook(self, key: int, hook: Any, args: Any, kwargs: Any, result: Any) -> Any:
        if key in self._forward_hooks_with_kwargs:
            changed = hook(self, args, kwargs, result)
        else:
            changed = hook(self, args, result)
        return result if changed is None else changed

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Have `hook(module, args)` called before `forward`; it may return new arguments.

        `prepend`: before the other hooks. `with_kwargs`: `hook(module, args, kwargs)`, which may
        return both. Returns a handle with `remove()`; TypeError for what is not callable.
        """
        kwargs = self._forward_pre_hooks_with_kwargs
        handle = RemovableHandle(self._forward_pre_hooks, hook, kwargs, first=prepend)
        if with_kwargs:
            kwargs[handle.id] = True
        return handle

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Have `hook(module, args, output)` called after `forward`; it may return a new output.

        `prepend`: before the other hooks. `with_kwargs`: `hook(module, args, kwargs, output)`.
        `always_call`: also where `forward` raises. Returns a handle with `remove()`.
        """
        marks = self._forward_hooks_with_kwargs, self._forward_hooks_always_called
        handle = RemovableHandle(self._forward_hooks, hook, *marks, first=prepend)
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return handle

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Have `hook(module, grad_input, grad_output)` called in backward.

        `prepend`: before the others. A returned tuple replaces the gradients of the inputs.
        Returns a handle with `remove()`.
        """
        return RemovableHandle(self._backward_hooks, hook, first=prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Have `hook(module, grad_output)` called before backward passes the module.

        `prepend`: before the others. A returned tuple replaces the gradients of the outputs.
        Returns a handle with `remove()`.
        """
        return RemovableHandle(self._backward_pre_hooks, hook, first=prepend)

    register_backward_hook = register_full_backward_hook


class _Boundary:
    """The two edges of a module in the graph: outputs on its far side, inputs on its near side."""

    def __init__(self, module: HookMethods) -> None:
        self.module = module
        self.grad_output: tuple[Any, ...] | None = None
        self.inputs = 0
        self.recorded = False

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        places = [i for i, x in enumerate(args) if is_floating(x)]
        self.inputs = len(args)
        if not places or not is_grad_enabled() or not any(args[i].requires_grad for i in places):
            return args
        self.recorded = True

        def watch(cts: tuple[Any, ...]) -> tuple[Any, ...]:
            grads: list[Any] = [None] * len(args)
            for i, ct in zip(places, cts, strict=True):
                grads[i] = ct if args[i].requires_grad else None
            found = self._run(tuple(grads))
            return tuple(
                new if new is not None else ct
                for ct, new in zip(cts, (found[i] for i in places), strict=True)
            )

        outs = apply(backward_boundary_p, tuple(args[i] for i in places), {"watch": watch})
        changed = list(args)
        for i, x in zip(places, outs, strict=True):
            changed[i] = x
        return tuple(changed)

    def leave(self, result: Any) -> Any:
        several = isinstance(result, tuple | list)
        items = list(result) if several else [result]
        places = [i for i, x in enumerate(items) if is_floating(x)]
        if not places or not is_grad_enabled() or not any(items[i].requires_grad for i in places):
            return result

        def watch(cts: tuple[Any, ...]) -> tuple[Any, ...]:
            grads: list[Any] = [None] * len(items)
            for i, ct in zip(places, cts, strict=True):
                grads[i] = ct
            for hook in list(self.module._backward_pre_hooks.values()):
                changed = hook(self.module, tuple(grads))
                if changed is not None:
                    grads = list(changed) if isinstance(changed, tuple) else [changed]
            self.grad_output = tuple(grads)
            if not self.recorded:  # no input requires grad: the hooks run here
                self._run((None,) * self.inputs)
            return tuple(grads[i] for i in places)

        outs = apply(backward_boundary_p, tuple(items[i] for i in places), {"watch": watch})
        for i, x in zip(places, outs, strict=True):
            items[i] = x
        if not several:
            return items[0]
        if hasattr(result, "_fields"):
            return type(result)(*items)
        return type(result)(items)

    def _run(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in list(self.module._backward_hooks.values()):
            changed = hook(self.module, grads, self.grad_output)
            if changed is not None:
                changed = changed if isinstance(changed, tuple) else (changed,)
                if len(changed) != len(grads):
                    raise RuntimeError(
                        f"Backward hook returned an invalid number of grad_input, got "
                        f"{len(changed)}, but expected {len(grads)}"
                    )
                grads = changed
        return grads
