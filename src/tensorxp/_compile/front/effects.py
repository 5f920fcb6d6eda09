"""Effects: what a training step does beside computing, done in order when its program has run.

`backward`, an optimizer's step, `zero_grad` and the clipping of gradients are not traced: a trace
notes them, and a call does them in earnest. What they may have changed cannot be read by the trace
afterwards: gradients, the values of tensors from outside, options and states of optimizers.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from tensorxp._compile.front import known
from tensorxp._compile.front.kinds import stop
from tensorxp._core.door import node_of
from tensorxp._core.modes import modes
from tensorxp._core.node import Leaf
from tensorxp._core.tensor import CONCRETE, TensorBase
from tensorxp.autograd.functions import backward


class Effect(NamedTuple):
    """A call to be made after the program.

    `loss` is the Tensor that it starts from, if any, and `node` what made that.
    """

    call: Callable[..., Any]
    args: tuple[Any, ...]
    loss: Any = None
    node: Any = None


class Unseen:
    """Stands for the result of an effect, which is known only when it has been done."""


def hooked(extra: Any) -> bool:
    """Return whether backward runs code of the user's at a leaf with these extras, or leaves it."""
    return extra is not None and bool(
        extra.hooks or extra.prehooks or extra.posthooks or extra.accumulated_hooks
        or extra.retain or extra.frozen or extra.check_nan
    )  # fmt: skip


def _of(module: str, *names: str) -> Any:
    """Return what is found under `names` in a module of this package, None if it isn't loaded."""
    found: Any = sys.modules.get(f"tensorxp.{module}")
    for name in names:
        found = vars(found).get(name) if found is not None else None
    return found


class Effects:
    """The part of a `Frame` that concerns effects."""

    __slots__ = ()
    seen: Any
    iterable: Any
    _globals: dict[str, Any]
    _kind: Any

    def effect(self, f: Any) -> Any:
        """Return what answers a call of `f` if that is an effect, else None."""
        if f is backward:
            return self._backward
        if f is CONCRETE[0].backward:
            return self._backward
        if f is None:
            return None
        if f is _of("optim.optimizer", "Optimizer", "step"):
            return self._step
        if f is _of("optim.optimizer", "Optimizer", "zero_grad"):
            return self._zero_grad
        if f is _of("nn.module", "Module", "zero_grad"):
            return self._zero_grad
        if f is _of("nn.utils.clip", "clip_grad_norm_"):
            return self._clip_norm
        if f is _of("nn.utils.clip", "clip_grad_value_"):
            return self._clip_value
        return None

    def unchanged(self, x: Any) -> Any:
        """See that no effect can have changed a container from outside that is read now."""
        seen = self.seen
        if seen.closed and id(x) not in seen.own and id(x) not in seen.given:
            where = str(self._globals.get("__name__", ""))
            if not where.startswith("tensorxp.nn."):  # of modules, which stay as they are
                stop(f"it reads a {type(x).__name__} after {seen.closed}, which may change it")
        return x

    def known(self, x: Any) -> Any:
        """See that a value is not one that is known only later."""
        return stop("it uses the norm that clip_grad_norm_ returns") if type(x) is Unseen else x

    def attribute(self, x: Any, name: str) -> None:
        """See that no effect can have changed an attribute that is read now."""
        seen, kind = self.seen, type(x)
        self.known(x)
        if seen.closed and str(kind.__module__).startswith("tensorxp.optim"):
            if name not in ("step", "zero_grad"):
                stop(f"it reads {name!r} of a {kind.__name__} after {seen.closed}")

    def _noted(self, effect: Effect, closes: str | None) -> None:
        seen = self.seen
        if seen.trying:
            stop("it calls what changes something in a try statement")
        if modes.grad is not seen.mode and effect.loss is None:
            stop("it calls what changes something in another grad mode")
        seen.effects.append(effect)
        if closes is not None:
            seen.closed = closes
            seen.tracer.closed = closes

    def _backward(
        self,
        tensors: Any,
        gradient: Any = None,
        retain_graph: Any = None,
        create_graph: Any = False,
        inputs: Any = None,
        **more: Any,
    ) -> None:
        seen = self.seen
        if more or gradient is not None or inputs is not None:
            stop("it calls backward with a gradient or inputs")
        if retain_graph not in (None, False) or create_graph is not False:
            stop("it calls backward and keeps the graph")
        if any(effect.loss is not None for effect in seen.effects):
            stop("it calls backward twice")
        loss = tensors
        if type(loss) is not CONCRETE[0]:
            stop("it calls backward of what is no Tensor")
        seen.tracer.number(loss)
        node = node_of(loss)
        data = loss._data
        if node is None or node.__class__ is Leaf or data.size != 1 or data.dtype.kind == "c":
            stop("it calls backward of what is no loss: one real element, with a history")
        self._noted(Effect(backward, (), loss, node), "backward")

    def _optimizer(self, x: Any) -> None:
        """See that `x` is an optimizer of this package without hooks."""
        kind, guards = type(x), self.seen.guards
        if not str(kind.__module__).startswith("tensorxp.optim."):
            stop(f"it calls a method of {kind.__name__}, an optimizer of your own")
        self._kind(x)
        for name in ("_pre_hooks", "_post_hooks"):
            hooks = vars(x)[name]
            if hooks:
                stop("it calls step of an optimizer with hooks")
            if guards.new(id(x), name):
                guards.demand(f"not {guards.name(x)}.{name}")

    def _step(self, x: Any, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            stop("it calls step with a closure")
        self._optimizer(x)
        self._noted(Effect(x.step, ()), "a step")

    def _zero_grad(self, x: Any, set_to_none: Any = True) -> None:
        seen, module = self.seen, _of("nn.module", "Module")
        if type(set_to_none) is not bool:
            stop("it calls zero_grad with what is no bool")
        if module is not None and isinstance(x, module):
            if type(x).parameters is not module.parameters:
                stop(f"it calls zero_grad of a {type(x).__name__} with parameters of its own")
            effect = Effect(module.zero_grad, (x, set_to_none))
        else:
            self._optimizer(x)
            effect = Effect(x.zero_grad, (set_to_none,))
        # at the beginning it is done first, so that what reads a gradient reads zeros
        first = not seen.tracer.steps and len(seen.effects) == seen.first
        self._noted(effect, None if first or set_to_none else "zero_grad")
        seen.first += first

    def _parameters(self, x: Any) -> Any:
        if isinstance(x, TensorBase):
            stop("it clips the gradient of one tensor")
        params = [*self.iterable(x)]
        for p in params:
            if type(p) not in self.seen.tensors or node_of(p).__class__ is not Leaf:
                stop("it clips the gradient of what is no leaf")
            self.seen.tracer.number(p)
        return params

    def _constants(self, args: Any) -> None:
        if any(type(x) not in known.SCALARS for x in args):
            stop("it clips by what is no number")

    def _clip_norm(
        self,
        parameters: Any,
        max_norm: Any,
        norm_type: Any = 2.0,
        error_if_nonfinite: Any = False,
        foreach: Any = None,
    ) -> Any:
        args = (max_norm, norm_type, error_if_nonfinite, foreach)
        self._constants(args)
        call = _of("nn.utils.clip", "clip_grad_norm_")
        self._noted(Effect(call, (self._parameters(parameters), *args)), "clipping")
        return Unseen()

    def _clip_value(self, parameters: Any, clip_value: Any, foreach: Any = None) -> None:
        self._constants((clip_value, foreach))
        call = _of("nn.utils.clip", "clip_grad_value_")
        args = (self._parameters(parameters), clip_value, foreach)
        self._noted(Effect(call, args), "clipping")

    def enter(self) -> None:
        """See that a try statement begins: what is done in it might be handled by it."""
        self.seen.trying += 1

    def leave(self) -> None:
        """See that a try statement ends."""
        self.seen.trying -= 1
