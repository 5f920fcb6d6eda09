"""Programs of CUDA kernels, with CuPy's calls for what there is no kernel for.

A program's kernels are one module, which NVRTC compiles when the program is made and which is kept
for the next program of the same text. They are launched on the current stream.
"""

from typing import Any

from tensorxp._backend.device import cpu
from tensorxp._compile.cuda import lines, source
from tensorxp._compile.cuda.emit import Kernel, Loop
from tensorxp._compile.cuda.graphs import GraphRunner
from tensorxp._compile.ir import fused, regions
from tensorxp._compile.ir.compound import COMPOUND
from tensorxp._compile.ir.graph import LETTERS, Graph, Layout, Value
from tensorxp._compile.ir.lowering import Facts, Lowered, lower, rule_of
from tensorxp._compile.ir.pairs import FusedPair, Trace
from tensorxp._compile.ir.steps import Register

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


class CudaTranslator(fused.Translator):
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


class CudaProgram(fused.Program):
    """A program from the arrays of `inputs` to those of layouts `wanted`."""

    def __init__(
        self, backend: Backend, arrays: list[Value], inputs: list[Value], wanted: list[Layout],
        registers: list[Register], tape: dict[Value, int], given: set[Value], told: bool,
    ) -> None:  # fmt: skip
        super().__init__({})
        self.device = backend.device
        self.cupy = self.device.raw.base
        available = {*arrays, *inputs, *given}
        schedule = regions.Schedule(list(dict.fromkeys(x.base for x in wanted)), available)
        self._dense: set[int] = set()  # slots whose arrays kernels or strided views read
        self._text = [source.preamble()]
        for x in inputs:
            self.slot(x)
        self.calls: dict[str, None] = {}  # the operations that stay calls of CuPy
        for i, (stage, live) in enumerate(zip(schedule.stages, schedule.live, strict=True)):
            if isinstance(stage, regions.Call):
                self.calls[stage.step.op.name] = None
                self.add_call(stage)
            elif live:
                at_home = {x for x in live if schedule.home[x] == i}
                self._region(stage, live, at_home & schedule.stored)
        self._wanted = [self.reader(x) for x in wanted]
        self._constants = self.constants(arrays, inputs, registers)
        self.inputs = [self.slots[x] for x in inputs]
        self._dying = self.dying(self._wanted)
        self.size = len(self.slots)
        self.slots.clear()  # the values are no longer needed
        self._compile()
        # a graph can hold kernels whose arrays we make, not CuPy's calls, which ask for memory
        whole = backend.graphs and bool(self.lines) and not self.calls
        self.graph = GraphRunner(self) if whole else None

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
            made = [(self.slot(x), x.shape, x.dtype) for x in kernel.values
                    if x in kernel.written and x not in self.slots]  # fmt: skip
            slots = [self.slot(x) for x in kernel.values]
            self._dense.update(slots)
            self.lines.append(_Launch(kernel, name, slots, made))

    def constant(self, x: Layout, operand: bool) -> Any:
        raw = self.device.raw
        return self.device.run(lambda: raw.broadcast_to(raw.from_host(x.base.number), x.shape))

    def reader(self, x: Layout) -> fused.Reader:
        how = super().reader(x)
        if how[0] is not None and how[1] is not None:
            self._dense.add(how[0])
        return how

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
                self.run_call(line, values)
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

    def run_call(self, line: tuple[Any, ...], values: list[Any]) -> None:
        super().run_call(line, values)
        for at in line[4]:
            values[at] = self.packed(at, values[at])

    def read(self, how: fused.Reader, values: list[Any]) -> Any:
        slot, offset, shape, strides, dtype = how
        if slot is None:
            return offset
        x = values[slot]
        if offset is None:
            return x if strides else x.reshape(shape)
        start = offset // dtype.itemsize
        return self.cupy.lib.stride_tricks.as_strided(x.reshape(-1)[start:], shape, strides)

    def _output(self, how: tuple[Any, ...], values: list[Any]) -> Any:
        out = self.read(how, values)
        return self.cupy.array(out, copy=True, order="C") if how[0] is None else out

    def outputs(self, values: list[Any]) -> list[Any]:
        """Return copies of the outputs."""
        return [self.cupy.array(self.read(how, values), copy=True) for how in self._wanted]


class CudaPair(FusedPair):
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
