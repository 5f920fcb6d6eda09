"""A function's forward and backward programs: the one that NumPy replays, and what it is made of.

A pair has `forward(raws)`, which gives the outputs and what backward needs, `backward(cts, kept)`,
and the arguments, outputs and tensors from outside whose values backward reads.
"""

from typing import Any, NamedTuple

from tensorxp._compile.ir.products import batched
from tensorxp._compile.ir.program import Program
from tensorxp._compile.ir.steps import Reference, Register, Step


class Trace(NamedTuple):
    """A trace with what goes in and out, by registers."""

    registers: list[Register]
    steps: list[Step]
    forward_steps: int
    inputs: list[int]
    outputs: list[int]
    cts: list[int]
    grads: list[int]
    read: list[int]  # the places of the inputs that backward reads, as the function is written
    returned: list[int]  # and of the outputs


def improved(trace: Trace) -> Trace:
    """Return the trace without copies, and with small products joined."""
    steps, count = _without_copies(trace)
    kept = {*trace.outputs, *trace.grads}
    steps, count = batched(trace.registers, steps, kept, count)
    return trace._replace(steps=steps, forward_steps=count)


def _without_copies(trace: Trace) -> tuple[list[Step], int]:
    """Return the steps, and how many are forward's, without those that copy what nobody writes.

    A trace's values are never written (a write is a step that gives a new value), so a copy, and
    the conjugate of what is real, is the value itself, except where it, or a view of it, leaves
    the program.
    """
    kept = {*trace.outputs, *trace.grads, *viewed(trace, {*trace.outputs, *trace.grads})}
    same: dict[int, int] = {}
    steps: list[Step] = []
    count = 0
    for i, step in enumerate(trace.steps):
        operands = tuple([same.get(x, x) if isinstance(x, int) else x for x in step.operands])
        out = step.outs[0]
        if (
            step.op.name in _COPIES and out not in kept and isinstance(operands[0], int)
            and trace.registers[out].dtype == trace.registers[operands[0]].dtype
            and trace.registers[out].dtype.kind != "c"
        ):  # fmt: skip
            same[out] = operands[0]
        else:
            params = _renamed(step.params, same) if same else step.params
            steps.append(step._replace(operands=operands, params=params))
        if i < trace.forward_steps:
            count = len(steps)
    return steps, count


_COPIES = frozenset(("conj", "copy", "positive", "real"))


def viewed(trace: Trace, wanted: set[int]) -> set[int]:
    """Return the registers that those of `wanted` are views of, directly or not."""
    found = set(wanted)
    for step in reversed(trace.steps):
        if step.op.view and step.outs[0] in found:
            found.update([x for x in step.operands[:1] if isinstance(x, int)])
    return found - wanted


def _renamed(value: Any, same: dict[int, int]) -> Any:
    if isinstance(value, Reference):
        return Reference(same.get(value.register, value.register))
    if isinstance(value, dict):
        return {name: _renamed(item, same) for name, item in value.items()}
    if value.__class__ is tuple:
        return tuple(_renamed(item, same) for item in value)
    return value


class ReplayPair:
    """The programs as calls of NumPy."""

    calls = True

    def __init__(self, trace: Trace) -> None:
        registers, inputs, outputs = trace.registers, trace.inputs, trace.outputs
        steps, count = trace.steps, trace.forward_steps
        backward_steps = steps[count:]
        made = {n for step in steps[:count] for n in step.outs} | set(inputs)
        probe = Program(registers, backward_steps, [*trace.cts, *made], trace.grads)
        residuals = sorted(probe.reads(made))
        self._forward = Program(registers, steps[:count], inputs, [*outputs, *residuals])
        self._backward = Program(registers, backward_steps, [*trace.cts, *residuals], trace.grads)
        self._count = len(outputs)
        # what backward reads here though it does not as the function is written: copies of it
        theirs = [n for i, n in enumerate(inputs) if i not in trace.read]
        theirs += [n for i, n in enumerate(outputs) if i not in trace.returned]
        self._own = [
            i + len(outputs) for i, n in enumerate(residuals)
            if any(registers[n].shares(registers[m]) for m in theirs)
        ]  # fmt: skip

    def forward(self, raws: list[Any]) -> tuple[list[Any], list[Any]]:
        """Return the outputs, and what backward needs."""
        found = self._forward.run(raws)
        for i in self._own:
            found[i] = found[i].copy()
        return found[: self._count], found[self._count :]

    def backward(self, cts: list[Any], kept: list[Any]) -> list[Any]:
        """Return the gradients."""
        return self._backward.run([*cts, *kept])
