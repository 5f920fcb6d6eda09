"""The tracer: a watcher that writes down each operation with numbers in place of tensors.

A register is a number for a value: an argument, a constant from outside, or a result. What a
trace cannot repeat (a value read into Python, random numbers, data-dependent shapes, writes to
tensors from outside) raises `Untraceable`.
"""

import sys
import weakref
from math import prod
from typing import Any

from tensorxp._compile.front.whole import LOOPS, NAMES, whole
from tensorxp._compile.ir.compound import LARGE
from tensorxp._compile.ir.steps import Literal, Reference, Register, Step
from tensorxp._core.door import apply, node_of, record, wrap
from tensorxp._core.modes import enable_grad, modes, no_grad
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import CONCRETE, TensorBase
from tensorxp._core.views import View, cell_of
from tensorxp._core.watchers import Watcher, only, stack
from tensorxp._core.writes import write_p

#: Operations whose result's shape depends on values.
_DYNAMIC = frozenset(
    ("nonzero", "mask", "argwhere", "flatnonzero", "unique_all", "unique_counts", "unique_inverse",
     "unique_values", "bincount")
)  # fmt: skip


_ours: set[Any] = set()  # primitives of this package


def is_builtin(op: Any) -> bool:
    """Return whether a primitive is this package's own: known as an object, not by its name."""
    if op in _ours:
        return True
    if op.forward is not None:
        scope = getattr(op.forward, "__globals__", {})
        return str(scope.get("__name__", "")).startswith("tensorxp.")
    for name, module in list(sys.modules.items()):
        if name.startswith("tensorxp."):
            _ours.update([x for x in list(vars(module).values()) if isinstance(x, Primitive)])
    return op in _ours


class Untraceable(BaseException):
    """The function does something that a trace cannot repeat; no handler of its own sees it."""


def _writes(x: Any) -> int:
    """Return how often the memory that a view looks at was written; 0 for what is no view."""
    version = x._version
    return version.cell[0] if version.__class__ is View else 0


class Tracer(Watcher):
    """Writes a trace; `arguments` are the tensors that get the first registers.

    A fused rule may stay one operation (`keeps_rules`): a trace is not differentiated.
    """

    keeps_rules = True

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self.registers: list[Register] = []
        self.steps: list[Step] = []
        # the calls with the grad mode and whether each operand had a history
        self.recorded: list[tuple[Step, bool, tuple[bool, ...]]] = []
        self.closed: str | None = None  # an effect that may have changed what is outside
        self._plans: list[tuple[Any, Any]] = []  # of nodes whose rules run as one operation
        self._numbers: dict[int, tuple[Any, int, int]] = {}
        self._by_raw: dict[int, tuple[Any, int, Any, int]] = {}
        self._buffers: dict[int, tuple[Any, int]] = {}
        for x in arguments:
            self.number(x, "argument")

    def number(self, x: Any, source: str = "outside") -> int:
        """Return the register of a tensor, a new one where it has none."""
        found = self._numbers.get(id(x))
        if found is not None and found[0]() is x:
            return found[1] if found[2] == _writes(x) else self._looked_at_anew(x)
        if source == "outside":  # the engine makes saved values into tensors anew
            known = self._of_raw(x._data)
            if known is not None:
                return known
        number = len(self.registers)
        self.registers.append(Register(source, x, self._memory(x._data)))
        self._bind(x, number)
        return number

    def knows(self, x: Any) -> bool:
        """Return whether a tensor is an argument, a result of a step, or was met before."""
        found = self._numbers.get(id(x))
        return (found is not None and found[0]() is x) or self._of_raw(x._data) is not None

    def _memory(self, raw: Any) -> int:
        """Return the number of the buffer in which an array lies."""
        owner = raw
        while isinstance(getattr(owner, "base", None), raw.__class__):
            owner = owner.base
        found = self._buffers.get(id(owner))
        if found is None or found[0]() is not owner:
            found = self._buffers[id(owner)] = (weakref.ref(owner), len(self.registers))
        return found[1]

    def _looked_at_anew(self, x: Any) -> int:
        """Return a register for a view after a write to the memory that it looks at."""
        here = x._version.base
        with enable_grad():  # as the door brings up to date what made a view
            for op, params in x._version.chain:
                with only(()):
                    there: Any = apply(op, (here,), params)
                self.after(op, (here,), params, there)
                here = there
        number = self.number(here)
        self._bind(x, number)
        return number

    def _bind(self, x: Any, number: int) -> None:
        key, table, writes = id(x), self._numbers, _writes(x)
        table[key] = (weakref.ref(x, lambda _: table.pop(key, None)), number, writes)
        cell = x._version.cell if x._version.__class__ is View else (0,)
        self._by_raw[id(x._data)] = (weakref.ref(x._data), number, cell, writes)

    def _of_raw(self, raw: Any) -> int | None:
        found = self._by_raw.get(id(raw))
        if found is None or found[0]() is not raw:
            return None
        if found[2][0] != found[3]:
            raise Untraceable("it uses a view as an index after a write to what it looks at")
        return found[1]

    def enter_node(self, node: Any) -> None:
        alone = all(w is self or not w.sees_rules for w in stack())
        whole_rule = node.op.name in NAMES or (
            node.op.name in LOOPS and node.device.type == "cpu" and prod(node.shape) > LARGE
        )
        if alone and whole_rule and not modes.grad and is_builtin(node.op):
            self._plans.append((node, node.plan))
            node.plan = whole(node)

    def leave_node(self, node: Any, grads: Any) -> None:
        if self._plans and self._plans[-1][0] is node:
            node.plan = self._plans.pop()[1]

    def before(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> None:
        for x in inputs:  # so that `after` sees whether the array was another one meanwhile
            if isinstance(x, TensorBase):
                number = self.number(x)
                if self.closed is not None:
                    self._check_own(self.registers[number])

    def after(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        if op.kind == "function":
            raise Untraceable(f"it calls {op.name}, an autograd.Function, which may do anything")
        if not is_builtin(op):
            raise Untraceable(f"it calls {op.name}, a primitive of your own")
        if op.name in _DYNAMIC:
            raise Untraceable(f"the shape of {op.name} depends on values")
        operands = tuple(
            self.number(x) if isinstance(x, TensorBase) else Literal(x) for x in inputs
        )
        for n, x in zip(operands, inputs, strict=True):
            if n.__class__ is int and self.registers[n].source == "outside":
                self._check_array(self.registers[n], x)
        if op is write_p:
            self._before_write(operands[0])
        outs = out if isinstance(out, tuple) else (out,)
        same = [self._of_raw(y._data) is not None for y in outs]
        numbers = tuple(self.number(y, "step") for y in outs)
        for y, n, alias in zip(outs, numbers, same, strict=True):
            base = getattr(y._data, "base", None)
            self.registers[n].aliases = op.view or alias or base is not None
        step = self._step(op, operands, params, out, numbers, inputs)
        self.steps.append(step)

    def _step(
        self, op: Any, operands: Any, params: Any, out: Any, numbers: Any, inputs: Any
    ) -> Step:
        device = next(x._device for x in inputs if isinstance(x, TensorBase))
        history = tuple([isinstance(x, TensorBase) and x._node is not None for x in inputs])
        several = isinstance(out, tuple)
        step = Step(op, operands, self._referring(params), numbers, several, device)
        self.recorded.append((step, modes.grad, history))
        return step

    def given(
        self, op: Any, rules: Any, inputs: tuple[Any, ...], params: dict[str, Any], formula: Any
    ) -> Any:
        """Return the result of a primitive of the user's by its formula, with its own rules."""
        for x in inputs:
            if isinstance(x, TensorBase):
                self.number(x)
        first = next((x for x in inputs if isinstance(x, TensorBase)), None)
        if first is None or any(
            isinstance(x, TensorBase) and x._device is not first._device for x in inputs
        ):
            raise Untraceable(f"it calls {op.name} with no Tensor, or with several devices")
        edges = tuple([node_of(x) if isinstance(x, TensorBase) else None for x in inputs])
        mark, made = len(self.recorded), len(self.steps)
        with no_grad():
            bare: list[Any] = [
                wrap(x._data, x._device, None, cell_of(x)) if isinstance(x, TensorBase) else x
                for x in inputs
            ]
            out = formula(*bare)
        new = type(out) is CONCRETE[0] and out._node is None
        if not new or all(self.number(out) not in step.outs for step in self.steps[made:]):
            raise Untraceable(f"the formula of {op.name} gives no new Tensor")
        if getattr(out._data, "base", None) is not None or out._device is not first._device:
            raise Untraceable(f"the formula of {op.name} gives a view")
        del self.recorded[mark:]  # it is repeated as one operation
        operands = tuple(
            self.number(x) if isinstance(x, TensorBase) else Literal(x) for x in inputs
        )
        self._step(op, operands, params, out, (self.number(out),), inputs)
        recording = modes.grad and op.differentiable and out._data.dtype.kind in "fc"
        if recording and any(edge is not None for edge in edges):
            out._node = record(rules, inputs, edges, params, out._data, out._device, out)
        return out

    def _check_own(self, register: Register) -> None:
        """See that a value cannot have been changed by an effect."""
        if register.source != "step" or any(
            r.source != "step" and register.shares(r) for r in self.registers
        ):
            raise Untraceable(
                f"it uses an argument, or a tensor from outside, after {self.closed}, "
                "which may change it"
            )

    @staticmethod
    def _check_array(register: Register, x: Any) -> None:
        if x._data is not register.raw:
            raise Untraceable("another thread gave a tensor from outside another array")

    def _referring(self, value: Any) -> Any:
        """Return parameters with references in place of the raw arrays of registers."""
        if isinstance(value, dict):
            return {name: self._referring(item) for name, item in value.items()}
        if value.__class__ is tuple:
            return tuple(self._referring(item) for item in value)
        number = self._of_raw(value)
        return value if number is None else Reference(number)

    def _before_write(self, number: Any) -> None:
        """Keep the value of a constant as it was before the function writes to it."""
        register = self.registers[number]
        if register.source == "argument":
            raise Untraceable("it writes to an argument in place")
        if register.source == "outside":
            owner = register.tensor()
            register.source = "written"
            if owner is not None:
                register.raw = owner._device.raw.copy(owner._data)

    def rebind(self, target: Any, source: Any) -> None:
        self._bind(target, self.number(source))

    def opaque(self, reason: str) -> None:
        raise Untraceable(reason)

    def read(self, x: Any) -> None:
        raise Untraceable(f"it reads the values of a tensor of shape {tuple(x.shape)}")

    def undo(self) -> None:
        """Take back what the function wrote to tensors from outside while it was traced."""
        for register in self.registers:
            owner = register.tensor() if register.source == "written" else None
            if owner is not None:
                owner._data[...] = register.raw

    def close(self) -> None:
        """Settle what the constants are: tensors that live on outside, or arrays of the trace."""
        for register in self.registers:
            if register.source == "written" and register.tensor() is not None:
                raise Untraceable("it writes to a tensor from outside in place")
            if register.source == "outside":
                register.tensor = register.tensor()
                if register.tensor is not None:
                    self._check_array(register, register.tensor)
