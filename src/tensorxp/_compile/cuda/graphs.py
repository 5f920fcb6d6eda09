"""CUDA graphs: a program of nothing but kernels is captured once and launched as a whole.

A graph works on memory of its own: arguments and tensors from outside are copied in and results
out, on the caller's stream. Another stream than the first, one that is capturing itself, and what
fails to be captured run kernel by kernel.
"""

from typing import Any
from warnings import warn

from tensorxp._backend import forks


class GraphRunner:
    """Runs a program by its graph."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.problem: str | None = None
        self._lock = forks.lock()
        self._stream: int | None = None
        self._graph: Any = None
        self._values: list[Any] = []

    def run(self, arguments: list[Any]) -> list[Any]:
        """Return the raw outputs; work is queued on the current stream."""
        program = self.program
        stream = program.cupy.cuda.get_current_stream()
        if self.problem is not None or stream.is_capturing():
            return program.plain(arguments)  # type: ignore[no-any-return]
        with self._lock:
            if self._stream is None:
                self._stream = stream.ptr
                return program.plain(arguments)  # type: ignore[no-any-return]
            if self._stream == stream.ptr and self._ready(arguments):
                for at, x in zip(program.inputs, arguments, strict=True):
                    program.cupy.copyto(self._values[at], x)
                arguments.clear()
                self._graph.launch(stream)
                return program.outputs(self._values)  # type: ignore[no-any-return]
        return program.plain(arguments)  # type: ignore[no-any-return]

    def _ready(self, arguments: list[Any]) -> bool:
        """Return whether there is a graph; capture it at need."""
        if self._graph is not None:
            return True
        try:
            self._capture(arguments)
        except RuntimeError as error:
            self.problem = f"the capture failed: {error}"
            warn(
                f"compile: no CUDA graph is used, as {self.problem}; kernels are launched one by "
                "one instead",
                stacklevel=2,
            )
            return False
        return True

    def _capture(self, arguments: list[Any]) -> None:
        program = self.program
        cupy = program.cupy
        values = program.blank()
        for at, x in zip(program.inputs, arguments, strict=True):
            values[at] = cupy.empty(x.shape, x.dtype)
        for line in program.lines:  # no memory is asked for while it is captured
            for at, shape, dtype in line.made:
                values[at] = cupy.empty(shape, dtype)
        stream = cupy.cuda.Stream(non_blocking=True)
        with stream:
            stream.begin_capture()
            try:
                for line in program.lines:
                    line.run(line.grid, line.block, tuple([values[at] for at in line.slots]))
            finally:
                graph = stream.end_capture()
        self._graph, self._values = graph, values
