"""A function's forward and backward programs: the one that NumPy replays, and what it is made of.

A pair has `forward(raws)`, which gives the outputs and what backward needs, `backward(cts, kept)`,
and the arguments, outputs and tensors from outside whose values backward reads.
"""

from typing import Any, NamedTuple

from tensorxp._compile.ir.fused import Translator
from tensorxp._compile.ir.graph import Layout, Value
from tensorxp._compile.ir.lowering import known
from tensorxp._compile.ir.products import batched
from tensorxp._compile.ir.program import Program
from tensorxp._compile.ir.regions import SMALL, choose_saved, needed, sources
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


class FusedPair:
    """The programs of a back end, and what backward reads of arguments, results and outside."""

    translator: Any = Translator
    program: Any  # the class of the back end's programs
    tape_cells = SMALL  # the largest values that are saved side by side

    def __init__(self, trace: Trace, library: Any) -> None:
        outputs = set(trace.outputs)
        translator = self.translator(
            trace.registers, outputs | viewed(trace, outputs), _viewed(trace), library.kernels
        )
        layouts = [translator.layout(n) for n in trace.inputs]
        inputs = [x.base for x in layouts]
        for step in trace.steps[: trace.forward_steps]:
            translator.add(step)
        outs = [translator.layout(n) for n in trace.outputs]
        border = translator.graph.count
        cts = [translator.layout(n).base for n in trace.cts]
        for step in trace.steps[trace.forward_steps :]:
            translator.add(step)
        grads = [self._own(translator, translator.layout(n)) for n in trace.grads]
        arrays = translator.arrays
        # of each result the values in whose memory it may lie
        places = [
            {translator.layout(m).base for m in {n} | viewed(trace, {n})} for n in trace.outputs
        ]
        returned = {x for place in places for x in place}
        free = {x for i, place in enumerate(places) if i not in trace.returned for x in place}
        # what may be written to without an error is read in forward only
        safe = {x for i, x in enumerate(inputs) if i in trace.read}
        safe.update([x for x in arrays if x not in inputs])
        saved = self._saved([x.base for x in grads], arrays, border, safe, free)
        tape: dict[Value, int] = {}
        end = 0
        for x in saved:
            if x.size <= self.tape_cells and x.kind != "foreign" and x not in returned:
                tape[x] = end
                end += -(-x.nbytes // 64) * 64
        large = [x for x in saved if x not in tape]
        wanted = outs + [_whole(x) for x in large]
        self._count = len(outs)
        self._forward = self.program(
            library, arrays, inputs, wanted, trace.registers, tape, set(), True
        )
        read = _arrays_read([x.base for x in grads], {*arrays, *saved})
        self.kept_inputs = [i for i, x in enumerate(inputs) if x in read]
        # what backward reads here though it does not as the function is written: copies of it
        self._own_inputs = {i for i in self.kept_inputs if i not in trace.read}
        self._own_outputs = [i + len(outs) for i, x in enumerate(large) if x in free]
        again = [inputs[i] for i in self.kept_inputs]
        self._backward = self.program(
            library, arrays, [*cts, *large, *again], grads, trace.registers, tape, set(saved), False
        )
        self.calls = self._forward.calls
        self._tape = bool(tape)
        self._alone = not (tape or large or again)

    @staticmethod
    def _own(translator: Translator, x: Layout) -> Layout:
        """Return a gradient as an array of its own, or one that is there already."""
        if x.whole or not known(x.dtype, translator.kernels):
            return x
        return translator.graph.fresh(x)

    @staticmethod
    def _saved(
        grads: list[Value], arrays: list[Value], border: int, again: set[Value], free: set[Value]
    ) -> list[Value]:
        """Return the forward values that backward is given.

        Others are computed again, from those of `again` and what is saved; `free` may be written.
        """
        inputs = set(arrays)
        reads: dict[Value, None] = {}
        seen: set[Value] = set()
        waiting = list(grads)
        while waiting:
            x = waiting.pop()
            if x in seen or x in inputs or x.kind == "number":
                continue
            seen.add(x)
            if x.index <= border:
                reads[x] = None
            else:
                waiting.extend(y.base for y in sources(x))
        return choose_saved(list(reads), again, SMALL, free)

    def forward(self, raws: list[Any]) -> tuple[list[Any], list[Any]]:
        """Return the outputs, and what backward needs."""
        if self._alone:
            return self._forward.run(raws), []
        again = []  # loops, which are quicker than comprehensions over one or two
        own = self._own_inputs
        for i in self.kept_inputs:
            again.append(raws[i].copy() if i in own else raws[i])
        found = self._forward.run(raws)
        count = self._count
        for i in self._own_outputs:
            found[i] = found[i].copy()
        if self._tape:
            again.append(found.pop())
        if len(found) == count:
            return found, again
        return found[:count], found[count:] + again

    def backward(self, cts: list[Any], kept: list[Any]) -> list[Any]:
        """Return the gradients."""
        return self._backward.run([*cts, *kept])  # type: ignore[no-any-return]


def _whole(x: Value) -> Layout:
    from_base = Layout(x, 0, (x.size,), (1,))
    found = from_base.reshaped(x.shape)
    assert found is not None
    return found


def _arrays_read(wanted: list[Value], available: set[Value]) -> set[Value]:
    """Return the arrays that lead to `wanted`."""
    found = {x for x in wanted if x in available}
    for x in needed(wanted, available):
        found.update(y.base for y in sources(x) if y.base in available)
    return found


def _viewed(trace: Trace) -> set[int]:
    """Return the outputs that are views of what a step made, and the views on the way to them."""
    made = {n: step for step in trace.steps[: trace.forward_steps] for n in step.outs}
    found: set[int] = set()
    waiting = list(trace.outputs)
    while waiting:
        n = waiting.pop()
        step = made.get(n)
        if step is not None and step.op.view:
            found.add(n)
            waiting.extend(x for x in step.operands[:1] if isinstance(x, int))
    return found
