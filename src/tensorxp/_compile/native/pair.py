"""A function's forward and backward programs for the machine, made of one trace."""

from typing import Any

from tensorxp._compile.ir.graph import Layout, Value
from tensorxp._compile.ir.lowering import known
from tensorxp._compile.ir.pairs import Trace, viewed
from tensorxp._compile.ir.regions import SMALL, choose_saved, needed, sources
from tensorxp._compile.native.emit import nbytes
from tensorxp._compile.native.program import NativeProgram, Translator


class NativePair:
    """The programs, and what backward reads of the arguments, the results and from outside."""

    translator: Any = Translator
    program: Any = NativeProgram
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
                end += -(-nbytes(x) // 64) * 64
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
