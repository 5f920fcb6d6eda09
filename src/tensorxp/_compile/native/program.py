"""Programs that the machine runs: native calls, with NumPy's calls for what it does not know.

A forward and a backward program are made together. What backward needs of the forward values is
saved, small values side by side in one array (the tape), unless it is cheaper to compute it again.
"""

import ctypes
import struct
from operator import itemgetter
from typing import Any

import numpy as np

from tensorxp._backend import loops
from tensorxp._compile.ir import compound, regions  # noqa: F401 - compound adds rules
from tensorxp._compile.ir.graph import Graph, Layout, Value
from tensorxp._compile.ir.lowering import Facts, Lowered, known, lower
from tensorxp._compile.ir.program import silenced
from tensorxp._compile.ir.steps import Literal, Register, Step, references, resolved
from tensorxp._compile.native import emit
from tensorxp._compile.native.build import Library

_TAPE = "tape"
_ARRAY, _BYTE, _empty = np.ndarray, np.dtype(np.uint8), np.empty
_DIMS = 8


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


class _Native:
    """A call of the machine: the slots of the arrays that it gets, and which of them it makes."""

    def __init__(self, library: Library, emitter: emit.Emitter, made: dict[Any, Any]) -> None:
        self.program = emitter.finish()
        self.arrays = list(emitter.arrays)
        slots = [0 if key == _TAPE else key for key in self.arrays]
        self.pick: Any = (
            itemgetter(*slots) if len(slots) > 1 else lambda values: (values[slots[0]],)
        )
        self.made = [(key, *made[key]) for key in self.arrays if key in made]
        self.address = ctypes.addressof(self.program)
        free = emitter.time >= 20_000  # then other threads may go on
        self.call = library.call if free else library.quick
        self.plan: Any = None
        if library.places is not None and loops.launch is not None:
            data, flags = library.offsets
            plan = (library.entry, self.address, data, flags, library.threads, free, len(slots))
            self.plan = struct.pack(f"{len(plan) + len(slots)}q", *plan, *slots)


def constants(
    arrays: list[Value], inputs: list[Value], slots: dict[Any, int], registers: list[Register]
) -> list[tuple[int, Any]]:
    """Return the slots of arrays that a trace made by itself, and these arrays."""
    return [(slots[x], registers[x.number].raw) for x in arrays if x in slots and x not in inputs]


def used_by_call(line: tuple[Any, ...]) -> list[int | None]:
    """Return the slots that a call reads and writes; a constant has none."""
    _, operands, _, refers, outs, _ = line
    return [*[how[0] for how, _ in operands if how], *[how[0] for _, how in refers], *outs]


def last_uses(used: list[Any], kept: set[Any]) -> list[list[int]]:
    """Return the slots that each line is the last to use, by those that each uses."""
    last = {at: i for i, slots in enumerate(used) for at in slots}
    dying: list[list[int]] = [[] for _ in used]
    for at, i in last.items():
        if at is not None and at not in kept:
            dying[i].append(at)
    return dying


class NativeProgram:
    """A program from the arrays of registers `inputs` to those of layouts `wanted`."""

    def __init__(
        self, library: Library, arrays: list[Value], inputs: list[Value], wanted: list[Layout],
        registers: list[Register], tape: dict[Value, int], given: set[Value], told: bool,
    ) -> None:  # fmt: skip
        self.library = library
        self._told = told
        self.tape_bytes = max([at + emit.nbytes(x) for x, at in tape.items()], default=0)
        self._gives = bool(tape) and not any(x in given for x in tape)
        saved = set(tape) if self._gives else set()
        available = {*arrays, *inputs, *given}
        bases = [x.base for x in wanted]
        schedule = regions.Schedule([*dict.fromkeys(bases), *saved], available)
        self._slots: dict[Any, int] = {_TAPE: 0}
        for x in inputs:
            self._slot(x)
        self.lines: list[Any] = []
        self._build(schedule, tape, set(bases))
        self._constants = constants(arrays, inputs, self._slots, registers)
        self._inputs = [self._slots[x] for x in reversed(inputs)]
        self._wanted = [self._reader(x) for x in wanted]
        self._free_early()
        self._plan = list(zip(self.lines, self.dying, strict=True))
        self.calls = any(line.__class__ is not _Native for line in self.lines)  # of NumPy
        self._blank: list[Any] = [None] * len(self._slots)
        self._slots.clear()  # the values are no longer needed
        for at, raw in self._constants:
            self._blank[at] = raw
        # a single call of the machine, which gives its results as they are, has a short way
        self._single: Any = None
        self._found = [how[0] for how in self._wanted] + [0] * self._gives
        count = len(inputs)
        if (
            len(self.lines) == 1 and self.lines[0].__class__ is _Native
            and self._inputs == list(range(count, 0, -1))
            and all([how[0] is not None and how[1] is None and how[3] for how in self._wanted])
        ):  # fmt: skip
            self._single, self._tail = self.lines[0], self._blank[count + 1 :]

    def _slot(self, x: Any) -> int:
        return self._slots.setdefault(x, len(self._slots))

    def _build(
        self, schedule: regions.Schedule, tape: dict[Value, int], wanted: set[Value]
    ) -> None:
        stages = schedule.stages
        groups: list[int] = []  # the number of the call in which a region runs
        for i, stage in enumerate(stages):
            same = i and isinstance(stage, regions.Region) and isinstance(
                stages[i - 1], regions.Region
            )  # fmt: skip
            groups.append(groups[-1] if same else i)
        live = schedule.live
        uses: dict[Value, set[int]] = {}
        for i, stage in enumerate(stages):
            read = (
                [y.base for x in live[i] for y in x.args]
                if isinstance(stage, regions.Region)
                else [x.base for x in stage.layouts()]
            )
            for x in read:
                uses.setdefault(x, set()).add(i)
        outside: dict[Value, tuple[Any, int]] = {}
        for x in [*uses, *wanted, *tape]:
            home = schedule.home.get(x, -1)
            if x.kind == "number":
                continue
            if x in tape and (self._gives or x not in schedule.home):
                outside[x] = _TAPE, tape[x]
            elif home < 0 or x in wanted or x.kind == "foreign" or any(
                groups[i] != groups[home] for i in uses.get(x, ())
            ):  # fmt: skip
                outside[x] = self._slot(x), 0
        last = {x: max(at) for x, at in uses.items()}
        dying: list[list[Value]] = [[] for _ in stages]
        for x, at in last.items():
            dying[at].append(x)
        i = 0
        while i < len(stages):
            if isinstance(stages[i], regions.Call):
                self._numpy_call(stages[i], tape)  # type: ignore[arg-type]
                i += 1
                continue
            emitter = emit.Emitter(self.library.kernels, outside, self._told)
            first = i
            while i < len(stages) and groups[i] == groups[first]:
                region: Any = stages[i]
                stored = {x for x in live[i] if schedule.home[x] == i and x in schedule.stored}
                kept = {
                    x for x in {*live[i], *[y.base for z in live[i] for y in z.args]}
                    if x in outside or last.get(x, -1) > i
                }  # fmt: skip
                if live[i]:
                    emitter.add(region, live[i], stored, kept, dying[i])
                i += 1
            made: dict[Any, Any] = {
                self._slots[x]: (x.shape, x.dtype) for x, home in schedule.home.items()
                if home >= 0 and groups[home] == groups[first] and x.kind != "foreign"
                and x in outside and outside[x][0] != _TAPE
            }  # fmt: skip
            made = {key: made[key] for key in emitter.arrays if key in made}
            if emitter.arrays:
                self.lines.append(_Native(self.library, emitter, made))

    def _free_early(self) -> None:
        """Find the arrays that each line is the last to read."""
        used = [
            [at for at in line.arrays if at != _TAPE]
            if line.__class__ is _Native
            else used_by_call(line)
            for line in self.lines
        ]
        self.dying = last_uses(used, {0, *[how[0] for how in self._wanted]})

    def _numpy_call(self, call: regions.Call, tape: dict[Value, int]) -> None:
        step = call.step
        fn = step.device._forwards.get(step.op) or step.op.bind(step.device)
        operands = [
            (None, x.value) if x.__class__ is Literal
            else (None, np.full(x.shape, x.base.number)) if x.base.kind == "number"
            else (self._reader(x, tape), None)
            for x in call.operands
        ]  # fmt: skip
        refers = [(n, self._reader(x, tape)) for n, x in call.references.items()]
        outs = [self._slot(x) for x in call.outs]
        self.lines.append((fn, operands, step.params, refers, outs, step.several))

    def _reader(self, x: Layout, tape: dict[Value, int] | None = None) -> tuple[Any, ...]:
        """Return how to read a layout as an array: slot, offset, shape, strides, dtype."""
        base = x.base
        item = base.dtype.itemsize
        if base.kind == "number":
            return None, np.broadcast_to(base.number, x.shape), None, None, None
        if tape and base in tape:
            at = tape[base] + x.offset * item
            return 0, at, x.shape, tuple([n * item for n in x.strides]), base.dtype
        if x.whole:
            return self._slot(base), None, x.shape, x.shape == base.shape, None
        return (self._slot(base), x.offset * item, x.shape,
                tuple([n * item for n in x.strides]), base.dtype)  # fmt: skip

    def run(self, arguments: list[Any]) -> list[Any]:
        """Return the raw outputs; the tape, where there is one, is the last argument or output."""
        if self._single is not None:
            return self._run_single(arguments)
        values = self._blank.copy()
        if self.tape_bytes:
            values[0] = np.empty(self.tape_bytes, np.uint8) if self._gives else arguments.pop()
        for at in self._inputs:
            values[at] = arguments.pop()  # so that only the table holds what may be freed early
        for line, dying in self._plan:
            if line.__class__ is _Native:
                self._run_native(line, values)
            else:
                _run_numpy(line, values)
            for at in dying:
                values[at] = None
        found = [
            values[how[0]] if how[1] is None and how[3] else _read(how, values)
            for how in self._wanted
        ]
        if self._gives:
            found.append(values[0])
        return found

    def _run_single(self, arguments: list[Any]) -> list[Any]:
        """Do as `run` does, where all is one call of the machine."""
        if not self.tape_bytes:
            arguments.insert(0, None)
        elif self._gives:
            arguments.insert(0, _empty(self.tape_bytes, _BYTE))
        else:
            arguments.insert(0, arguments.pop())
        arguments += self._tail
        line = self._single
        for at, shape, dtype in line.made:
            arguments[at] = _empty(shape, dtype)
        if line.plan is None:
            self._call(line, arguments)
        elif (done := loops.launch(line.plan, arguments, _ARRAY)) is not True:
            self._after(done, line, arguments)
        found = []
        for at in self._found:
            found.append(arguments[at])
        return found

    def _run_native(self, line: _Native, values: list[Any]) -> None:
        for at, shape, dtype in line.made:
            values[at] = _empty(shape, dtype)
        if line.plan is None:
            self._call(line, values)
        elif (done := loops.launch(line.plan, values, _ARRAY)) is not True:
            self._after(done, line, values)

    def _after(self, done: Any, line: _Native, values: list[Any]) -> None:
        """Go on where a launch was not done, or where an error is to be told."""
        if done is False:
            self._call(line, values)
        else:
            self._tell()

    def _tell(self) -> None:
        """Raise FloatingPointError where the function itself might show a warning."""
        states = {np.geterr()[kind] for kind in ("divide", "over", "invalid")}
        if states != {"ignore"} and not silenced():
            raise FloatingPointError("compile: a compiled program met an error that NumPy tells of")

    def _call(self, line: _Native, values: list[Any]) -> None:
        """Run a line through ctypes."""
        library, given = self.library, line.pick(values)
        if library.places is not None:
            for x in given:
                if x.__class__ is not np.ndarray:
                    break
            else:
                failed = line.call(line.address, given, library.places, library.threads)
                if failed == 2:
                    self._tell()
                if failed in (0, 2):
                    return
                if failed > 0:
                    raise MemoryError("compile: no memory for a compiled program")
        # an array is a scalar, not contiguous or not aligned
        given = tuple([np.require(x, None, ["C", "A"]) for x in given])
        pointers = (ctypes.c_void_p * len(given))(*[x.ctypes.data for x in given])
        failed = library.run(line.address, pointers, library.threads)
        if failed == 2:
            self._tell()
        elif failed:
            raise MemoryError("compile: no memory for a compiled program")


def _run_numpy(line: tuple[Any, ...], values: list[Any]) -> None:
    """Run a call of NumPy."""
    fn, operands, params, refers, outs, several = line
    if refers:
        params = resolved(params, {n: _read(how, values) for n, how in refers})
    found = fn(*[_read(how, values) if how else x for how, x in operands], **params)
    if several:
        for at, x in zip(outs, found, strict=True):
            values[at] = x
    else:
        values[outs[0]] = found


def _read(how: tuple[Any, ...], values: list[Any]) -> Any:
    at, offset, shape, strides, dtype = how
    if at is None:
        return offset
    x = values[at]
    if offset is None:
        return x if strides else x.reshape(shape)
    x = np.ascontiguousarray(x)
    return np.ndarray(shape, dtype, x, offset, strides)
