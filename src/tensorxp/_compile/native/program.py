"""Programs that the machine runs: native calls, with NumPy's calls for what it does not know.

A forward and a backward program are made together. What backward needs of the forward values is
saved, small values side by side in one array (the tape), unless it is cheaper to compute it again.
"""

import ctypes
import struct
from typing import Any

import numpy as np

from tensorxp._backend import loops
from tensorxp._compile.ir import fused, regions
from tensorxp._compile.ir.graph import Layout, Value
from tensorxp._compile.ir.pairs import FusedPair
from tensorxp._compile.ir.program import silenced
from tensorxp._compile.ir.steps import Register
from tensorxp._compile.native import emit
from tensorxp._compile.native.build import Library

_TAPE = "tape"
_ARRAY, _BYTE, _empty = np.ndarray, np.dtype(np.uint8), np.empty


class _Native:
    """A call of the machine: the slots of the arrays that it gets, and which of them it makes."""

    def __init__(self, library: Library, emitter: emit.Emitter, made: dict[Any, Any]) -> None:
        self.program = emitter.finish()
        self.arrays = list(emitter.arrays)
        self.slots = slots = [0 if key == _TAPE else key for key in self.arrays]
        self.made = [(key, *made[key]) for key in self.arrays if key in made]
        self.address = ctypes.addressof(self.program)
        free = emitter.time >= 20_000  # then other threads may go on
        self.plan: Any = None
        if library.readable and loops.launch is not None:
            data, flags = library.offsets
            plan = (library.entry, self.address, data, flags, library.threads, free, len(slots))
            self.plan = struct.pack(f"{len(plan) + len(slots)}q", *plan, *slots)


class NativeProgram(fused.Program):
    """A program from the arrays of registers `inputs` to those of layouts `wanted`."""

    def __init__(
        self, library: Library, arrays: list[Value], inputs: list[Value], wanted: list[Layout],
        registers: list[Register], tape: dict[Value, int], given: set[Value], told: bool,
    ) -> None:  # fmt: skip
        super().__init__(tape)
        self.library = library
        self._told = told
        self.tape_bytes = max([at + x.nbytes for x, at in tape.items()], default=0)
        self._gives = bool(tape) and not any(x in given for x in tape)
        saved = set(tape) if self._gives else set()
        available = {*arrays, *inputs, *given}
        bases = [x.base for x in wanted]
        schedule = regions.Schedule([*dict.fromkeys(bases), *saved], available)
        for x in (_TAPE, *inputs):
            self.slot(x)
        self._build(schedule, tape, set(bases))
        self._constants = self.constants(arrays, inputs, registers)
        self._inputs = [self.slots[x] for x in reversed(inputs)]
        self._wanted = [self.reader(x) for x in wanted]
        self._plan = list(zip(self.lines, self.dying(self._wanted), strict=True))
        self.calls = any(line.__class__ is not _Native for line in self.lines)  # of NumPy
        self._blank: list[Any] = [None] * len(self.slots)
        self.slots.clear()  # the values are no longer needed
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
        uses = schedule.uses()
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
                outside[x] = self.slot(x), 0
        last = {x: max(at) for x, at in uses.items()}
        dying: list[list[Value]] = [[] for _ in stages]
        for x, at in last.items():
            dying[at].append(x)
        i = 0
        while i < len(stages):
            if isinstance(stages[i], regions.Call):
                self.add_call(stages[i])  # type: ignore[arg-type]
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
                self.slots[x]: (x.shape, x.dtype) for x, home in schedule.home.items()
                if home >= 0 and groups[home] == groups[first] and x.kind != "foreign"
                and x in outside and outside[x][0] != _TAPE
            }  # fmt: skip
            made = {key: made[key] for key in emitter.arrays if key in made}
            if emitter.arrays:
                self.lines.append(_Native(self.library, emitter, made))

    def constant(self, x: Layout, operand: bool) -> Any:
        # one that is handed out is seen by its strides, and copied
        number = x.base.number
        return np.full(x.shape, number) if operand else np.broadcast_to(number, x.shape)

    def read(self, how: fused.Reader, values: list[Any]) -> Any:
        at, offset, shape, strides, dtype = how
        if at is None:
            return offset
        x = values[at]
        if offset is None:
            return x if strides else x.reshape(shape)
        return np.ndarray(shape, dtype, np.ascontiguousarray(x), offset, strides)

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
                self.run_call(line, values)
            for at in dying:
                values[at] = None
        found = [
            values[how[0]] if how[1] is None and how[3] else self.read(how, values)
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
        """Run a line through ctypes, where nothing quicker is there or an array is not as it is."""
        library = self.library
        given = [np.require(values[at], None, ["C", "A"]) for at in line.slots]
        pointers = (ctypes.c_void_p * len(given))(*[x.ctypes.data for x in given])
        failed = library.run(line.address, pointers, library.threads)
        if failed == 2:
            self._tell()
        elif failed:
            raise MemoryError("compile: no memory for a compiled program")


class NativePair(FusedPair):
    """A function's forward and backward programs for the machine."""

    program = NativeProgram
