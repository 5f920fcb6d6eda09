"""Programs of CUDA kernels, with CuPy's calls for what there is no kernel for.

A program's kernels are one module, which NVRTC compiles when the program is made and which is kept
for the next program of the same text. They are launched on the current stream.
"""

from collections.abc import Iterable
from typing import Any

from tensorxp._backend.device import cpu
from tensorxp._compile.cuda import lines, source
from tensorxp._compile.cuda.emit import Kernel, Loop
from tensorxp._compile.cuda.graphs import GraphRunner
from tensorxp._compile.ir import regions
from tensorxp._compile.ir.compound import COMPOUND
from tensorxp._compile.ir.graph import LETTERS, Graph, Layout, Value
from tensorxp._compile.ir.lowering import Facts, Lowered, lower, rule_of
from tensorxp._compile.ir.pairs import Trace
from tensorxp._compile.ir.steps import Literal, Register, resolved
from tensorxp._compile.native.pair import NativePair
from tensorxp._compile.native.program import Translator, constants, last_uses, used_by_call

#: A source of more characters would take NVRTC minutes.
LONGEST = 2_000_000
_POINTERS = 480  # of one kernel: its parameters are 4 KB at most
_modules: dict[tuple[int, str], Any] = {}
_HALF, _SINGLE = source.dtype_of("e"), source.dtype_of("f")


class Unfused(Exception):
    """There are no kernels for a trace; the message says why."""


class Backend:
    """The device, which operations there are kernels for, and whether graphs are wanted."""

    def __init__(self, device: Any, graphs: bool) -> None:
        self.device, self.graphs = device, graphs
        self.kernels = source.names()


class CudaTranslator(Translator):
    """Steps as values, for CUDA: views are tried out by NumPy, constants are looked at there."""

    def _constant(self, r: Register) -> Layout | None:
        if r.source not in ("written", "outside"):
            return None
        raw = r.raw
        if LETTERS.get(r.dtype) is None or not raw.size:
            return None
        host = r.device.raw.to_numpy(raw)
        if (host != host.flat[0]).any():
            return None
        return self.graph.number(host.flat[0], r.dtype).broadcast(r.shape)

    def function(self, op: Any, device: Any) -> Any:
        return cpu._forwards.get(op) or op.bind(cpu)

    def lower(self, operands: list[Any], facts: Facts) -> Lowered:
        if _HALF not in facts.dtypes or rule_of(facts.op) not in COMPOUND:
            return lower(self.graph, operands, facts)
        g: Graph = self.graph
        wide = [
            g.cast(x, _SINGLE) if isinstance(x, Layout) and x.dtype == _HALF else x
            for x in operands
        ]
        dtypes = tuple([_SINGLE if dtype == _HALF else dtype for dtype in facts.dtypes])
        found = lower(g, wide, facts._replace(dtypes=dtypes))
        if found is None:
            return None
        outs = found if isinstance(found, tuple) else (found,)
        cast: Any = [g.cast(x, dtype) for x, dtype in zip(outs, facts.dtypes, strict=True)]
        return tuple(cast) if isinstance(found, tuple) else cast[0]


class _Launch:
    """A kernel with the slots of its arrays, and those of them that it makes."""

    def __init__(self, kernel: Kernel, name: str, slots: list[int], made: list[Any]) -> None:
        self.name, self.slots, self.made = name, slots, made
        self.grid, self.block = kernel.grid, (kernel.block,)
        self.run: Any = None


class CudaProgram:
    """A program from the arrays of `inputs` to those of layouts `wanted`."""

    def __init__(
        self, backend: Backend, arrays: list[Value], inputs: list[Value], wanted: list[Layout],
        registers: list[Register], tape: dict[Value, int], given: set[Value], told: bool,
    ) -> None:  # fmt: skip
        self.device = backend.device
        self.cupy = self.device.raw.base
        available = {*arrays, *inputs, *given}
        schedule = regions.Schedule(list(dict.fromkeys(x.base for x in wanted)), available)
        self._slots: dict[Value, int] = {}
        self._dense: set[int] = set()  # slots whose arrays kernels or strided views read
        self._text = [source.preamble()]
        for x in inputs:
            self._slot(x)
        self.lines: list[Any] = []
        self.calls: dict[str, None] = {}  # the operations that stay calls of CuPy
        for i, (stage, live) in enumerate(zip(schedule.stages, schedule.live, strict=True)):
            if isinstance(stage, regions.Call):
                self._call(stage)
            elif live:
                at_home = {x for x in live if schedule.home[x] == i}
                self._region(stage, live, at_home & schedule.stored)
        self._wanted = [self._reader(x) for x in wanted]
        self._constants = constants(arrays, inputs, self._slots, registers)
        self.inputs = [self._slots[x] for x in inputs]
        self._free_early()
        self.size = len(self._slots)
        self._slots.clear()  # the values are no longer needed
        self._compile()
        # a graph can hold kernels whose arrays we make, not CuPy's calls, which ask for memory
        whole = backend.graphs and bool(self.lines) and not self.calls
        self.graph = GraphRunner(self) if whole else None

    def _slot(self, x: Value) -> int:
        return self._slots.setdefault(x, len(self._slots))

    def _region(self, region: Any, live: list[Value], stored: set[Value]) -> None:
        loop = region.size > 0
        for kernel in Loop(region, live, stored).kernels() if loop else lines.kernels(live, stored):
            if len(kernel.values) > _POINTERS:
                raise Unfused(f"a kernel would read and write {len(kernel.values)} arrays")
            name = f"k{len(self.lines)}"
            self._text.append(
                f'extern "C" __global__ void __launch_bounds__({kernel.block}) '
                f"{name}({kernel.params}) {{\n{kernel.body}\n}}\n"
            )
            made = [(self._slot(x), x.shape, x.dtype) for x in kernel.values
                    if x in kernel.written and x not in self._slots]  # fmt: skip
            slots = [self._slot(x) for x in kernel.values]
            self._dense.update(slots)
            self.lines.append(_Launch(kernel, name, slots, made))

    def _call(self, call: regions.Call) -> None:
        step = call.step
        self.calls[step.op.name] = None
        fn = step.device._forwards.get(step.op) or step.op.bind(step.device)
        operands = [
            (None, x.value) if x.__class__ is Literal else (self._reader(x), None)
            for x in call.operands
        ]
        refers = [(n, self._reader(x)) for n, x in call.references.items()]
        outs = [self._slot(x) for x in call.outs]
        self.lines.append((fn, operands, step.params, refers, outs, step.several))

    def _reader(self, x: Layout) -> tuple[Any, ...]:
        """Return how to read a layout: slot, shape, offset and strides; a constant has no slot."""
        base = x.base
        if base.kind == "number":
            raw = self.device.raw
            number = self.device.run(lambda: raw.from_host(base.number))
            return None, self.device.run(lambda: raw.broadcast_to(number, x.shape)), None, None
        slot = self._slot(base)
        if x.whole:
            return slot, None if x.shape == base.shape else x.shape, None, None
        self._dense.add(slot)
        item = base.dtype.itemsize
        return slot, x.shape, x.offset, tuple([n * item for n in x.strides])

    def _free_early(self) -> None:
        """Find the arrays that each line is the last to use."""
        used = [
            line.slots if line.__class__ is _Launch else used_by_call(line) for line in self.lines
        ]
        self._dying = last_uses(used, {how[0] for how in self._wanted})

    def _compile(self) -> None:
        text = "".join(self._text)
        self.text = text
        self._text.clear()
        launches = [line for line in self.lines if line.__class__ is _Launch]
        if not launches:
            return
        if len(text) > LONGEST:
            raise Unfused(f"its kernels would have {len(text)} characters of source")
        failures = (
            self.cupy.cuda.compiler.CompileException, RuntimeError, OSError, ImportError
        )  # fmt: skip

        def functions() -> list[Any]:
            key = (self.device.index, text)
            module = _modules.get(key)
            if module is None:
                module = self.cupy.RawModule(code=text, options=source.OPTIONS)
            found = [module.get_function(line.name) for line in launches]
            _modules[key] = module
            return found

        try:
            for line, fn in zip(launches, self.device.run(functions), strict=True):
                line.run = fn
        except failures as error:
            raise Unfused(f"NVRTC did not compile its kernels: {str(error)[-500:]}") from error

    def run(self, arguments: list[Any]) -> list[Any]:
        """Return the raw outputs."""
        if self.graph is None:
            return self.device.guarded(self.plain)(arguments)  # type: ignore[no-any-return]
        return self.device.guarded(self.graph.run)(arguments)  # type: ignore[no-any-return]

    def plain(self, arguments: list[Any]) -> list[Any]:
        """Launch the kernels and do the calls one after another, on the current device."""
        values = self.blank()
        for at in reversed(self.inputs):
            values[at] = self.packed(at, arguments.pop())
        for line, dying in zip(self.lines, self._dying, strict=True):
            if line.__class__ is _Launch:
                self._launch(line, values)
            else:
                self._run_call(line, values)
            for at in dying:
                values[at] = None
        return [self._output(how, values) for how in self._wanted]

    def blank(self) -> list[Any]:
        """Return the table of values with the constants in it."""
        values: list[Any] = [None] * self.size
        for at, raw in self._constants:
            values[at] = self.packed(at, raw)
        return values

    def packed(self, at: int, raw: Any) -> Any:
        """Return an array in C order where kernels read it."""
        if at in self._dense and not raw.flags.c_contiguous:
            return self.cupy.ascontiguousarray(raw)
        return raw

    def _launch(self, line: _Launch, values: list[Any]) -> None:
        for at, shape, dtype in line.made:
            values[at] = self.cupy.empty(shape, dtype)
        line.run(line.grid, line.block, tuple([values[at] for at in line.slots]))

    def _run_call(self, line: tuple[Any, ...], values: list[Any]) -> None:
        fn, operands, params, refers, outs, several = line
        if refers:
            params = resolved(params, {n: self._read(how, values) for n, how in refers})
        found = fn(*[self._read(how, values) if how else x for how, x in operands], **params)
        results: Iterable[Any] = found if several else (found,)
        for at, x in zip(outs, results, strict=True):
            values[at] = self.packed(at, x)

    def _read(self, how: tuple[Any, ...], values: list[Any]) -> Any:
        slot, shape, offset, strides = how
        if slot is None:
            return shape
        x = values[slot]
        if shape is None:
            return x
        if strides is None:
            return x.reshape(shape)
        return self.cupy.lib.stride_tricks.as_strided(x.reshape(-1)[offset:], shape, strides)

    def _output(self, how: tuple[Any, ...], values: list[Any]) -> Any:
        out = self._read(how, values)
        return self.cupy.array(out, copy=True, order="C") if how[0] is None else out

    def outputs(self, values: list[Any]) -> list[Any]:
        """Return copies of the outputs."""
        return [self.cupy.array(self._read(how, values), copy=True) for how in self._wanted]


class CudaPair(NativePair):
    """A function's forward and backward programs of CUDA kernels."""

    translator = CudaTranslator
    program = CudaProgram
    tape_cells = -1

    def __init__(self, trace: Trace, device: Any, graphs: bool) -> None:
        super().__init__(trace, Backend(device, graphs))
        calls = list(self._forward.calls | self._backward.calls)
        self.note: str | None = None
        if graphs and calls:
            self.note = f"no CUDA graph holds CuPy's calls ({', '.join(calls)})"
