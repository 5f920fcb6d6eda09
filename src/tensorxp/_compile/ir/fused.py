"""From a trace's steps to values, and what programs made of them have in common.

`Translator` turns steps into values and layouts: operations that a back end knows, and calls of the
raw namespace for all others. `Program` has the slots of arrays, such calls, and what they read.
"""

from typing import Any

from tensorxp._compile.ir import compound, regions  # noqa: F401 - compound adds rules
from tensorxp._compile.ir.graph import Graph, Layout, Value
from tensorxp._compile.ir.lowering import Facts, Lowered, known, lower
from tensorxp._compile.ir.steps import Literal, Register, Step, references, resolved

_DIMS = 8
#: How an array is read: its slot, an offset in bytes (None: all of it), shape, strides in bytes (or
#: whether the shape is its own) and dtype. A constant has no slot and stands in the offset's place.
Reader = tuple[Any, Any, Any, Any, Any]


class Translator:
    """Steps as values: `layouts` has what the registers are."""

    def __init__(
        self, registers: list[Register], fresh: set[int], viewed: set[int], kernels: Any
    ) -> None:
        self.graph = Graph()
        self.registers = registers
        self.fresh = fresh  # registers that must be values of their own
        self.viewed = viewed  # registers that NumPy's view of a base must make
        self.kernels = kernels
        self.layouts: dict[int, Layout] = {}
        self.arrays: list[Value] = []

    def layout(self, n: int) -> Layout:
        """Return the value of a register, an array from outside where no step made it."""
        found = self.layouts.get(n)
        if found is None:
            r = self.registers[n]
            found = self._constant(r)
            if found is None:
                found = self.graph.array(r.shape, r.dtype, n)
                self.arrays.append(found.base)
            self.layouts[n] = found
        return found

    def _constant(self, r: Register) -> Layout | None:
        """Return a constant of equal elements as a number."""
        if r.source not in ("written", "outside"):
            return None
        raw = r.raw
        if not known(r.dtype, self.kernels) or not raw.size or (raw != raw.flat[0]).any():
            return None
        return self.graph.number(raw.flat[0], r.dtype).broadcast(r.shape)

    def add(self, step: Step) -> None:
        """Take in a step: by the machine's operations, or as a call of NumPy."""
        outs = [self.registers[n] for n in step.outs]
        found = None
        refers: list[int] = []
        references(step.params, refers)
        if not refers and not any(n in self.viewed for n in step.outs):
            operands = [
                x.value if x.__class__ is Literal else self.layout(x) for x in step.operands
            ]
            facts = Facts(
                step.op, tuple([r.shape for r in outs]), tuple([r.dtype for r in outs]),
                step.params, lambda op: self.function(op, step.device), self.kernels,
            )  # fmt: skip
            if all(len(r.shape) <= _DIMS for r in outs) and all(
                len(x.shape) <= _DIMS for x in operands if isinstance(x, Layout)
            ):
                found = self.lower(operands, facts)
        if found is None:
            call = regions.Call(
                step, [x if x.__class__ is Literal else self.layout(x) for x in step.operands],
                {n: self.layout(n) for n in refers},
            )  # fmt: skip
            for n, r in zip(step.outs, outs, strict=True):
                out = self.graph.array(r.shape, r.dtype, n)
                out.base.kind, out.base.params = "foreign", call
                call.outs.append(out.base)
                self.layouts[n] = out
            return
        for n, x in zip(step.outs, found if isinstance(found, tuple) else (found,), strict=True):
            if n in self.fresh and not self._own(x):
                x = self.graph.fresh(x)
            self.layouts[n] = x

    def function(self, op: Any, device: Any) -> Any:
        """Return the function of raw arrays that views are tried out with."""
        return device._forwards.get(op) or op.bind(device)

    def lower(self, operands: list[Any], facts: Facts) -> Lowered:
        """Return the results of an operation, None where it stays a call."""
        return lower(self.graph, operands, facts)

    def _own(self, x: Layout) -> bool:
        """Return whether `x` is a result that no other register that must be fresh is, yet."""
        known = {self.layouts[n].base for n in self.fresh if n in self.layouts}
        return x.whole and x.base.kind not in ("array", "number", "foreign") and x.base not in known


class Program:
    """Lines that fill a table of arrays: a back end's own, and calls of the raw namespace."""

    def __init__(self, tape: dict[Value, int]) -> None:
        self.tape = tape  # values that lie side by side in slot 0
        self.slots: dict[Any, int] = {}
        self.lines: list[Any] = []

    def slot(self, x: Any) -> int:
        return self.slots.setdefault(x, len(self.slots))

    def constant(self, x: Layout, operand: bool) -> Any:
        """Return a number as an array, that of a call or one that is handed out."""
        raise NotImplementedError

    def reader(self, x: Layout) -> Reader:
        """Return how to read a layout."""
        base, item = x.base, x.dtype.itemsize
        if base.kind == "number":
            return None, self.constant(x, False), None, None, None
        if base not in self.tape and x.whole:
            return self.slot(base), None, x.shape, x.shape == base.shape, None
        slot, start = (0, self.tape[base]) if base in self.tape else (self.slot(base), 0)
        strides = tuple([n * item for n in x.strides])
        return slot, start + x.offset * item, x.shape, strides, base.dtype

    def add_call(self, call: regions.Call) -> None:
        """Append a call: function, operands, parameters, arrays in these, and the results."""
        step = call.step
        fn = step.device._forwards.get(step.op) or step.op.bind(step.device)
        operands = [
            (None, x.value) if x.__class__ is Literal
            else (None, self.constant(x, True)) if x.base.kind == "number"
            else (self.reader(x), None)
            for x in call.operands
        ]  # fmt: skip
        refers = [(n, self.reader(x)) for n, x in call.references.items()]
        outs = [self.slot(x) for x in call.outs]
        self.lines.append((fn, operands, step.params, refers, outs, step.several))

    def constants(
        self, arrays: list[Value], inputs: list[Value], registers: list[Register]
    ) -> list[tuple[int, Any]]:
        """Return the slots of arrays that a trace made by itself, and these arrays."""
        own = [x for x in arrays if x in self.slots and x not in inputs]
        return [(self.slots[x], registers[x.number].raw) for x in own]

    def dying(self, wanted: list[Reader]) -> list[list[int]]:
        """Return the slots that each line is the last to use."""
        last: dict[Any, int] = {}
        for i, line in enumerate(self.lines):
            if line.__class__ is not tuple:
                used = line.slots
            else:
                _, operands, _, refers, outs, _ = line
                used = [*[how[0] for how, _ in operands if how],
                        *[how[0] for _, how in refers], *outs]  # fmt: skip
            last.update(dict.fromkeys(used, i))
        kept = {None, *[how[0] for how in wanted]} | ({0} if self.tape else set())
        found: list[list[int]] = [[] for _ in self.lines]
        for at, i in last.items():
            if at not in kept:
                found[i].append(at)
        return found

    def read(self, how: Reader, values: list[Any]) -> Any:
        """Return what a reader reads."""
        raise NotImplementedError

    def run_call(self, line: tuple[Any, ...], values: list[Any]) -> None:
        """Run a call of the raw namespace."""
        fn, operands, params, refers, outs, several = line
        read = self.read
        if refers:
            params = resolved(params, {n: read(how, values) for n, how in refers})
        found = fn(*[read(how, values) if how else x for how, x in operands], **params)
        if several:
            for at, x in zip(outs, found, strict=True):
                values[at] = x
        else:
            values[outs[0]] = found
