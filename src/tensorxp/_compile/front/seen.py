"""What a trace sees: each read from outside becomes a guard, what cannot be known ends it.

An object is *own* where the traced code made it: it may be read and written freely. Another one's
content is guarded where it is read, and a write to it ends the trace, which has then done nothing
that a plain call would do again.
"""

import builtins
from types import CellType, FunctionType, ModuleType
from typing import Any

from tensorxp._backend.device import Device
from tensorxp._backend.dtypes import DType
from tensorxp._compile.front import known
from tensorxp._compile.front.attributes import Attributes
from tensorxp._compile.front.calls import Calls
from tensorxp._compile.front.effects import Effect, Effects
from tensorxp._compile.front.guards import Guards
from tensorxp._compile.front.reads import Reads
from tensorxp._compile.front.rewrite import SEEN, rewritten
from tensorxp._compile.front.trace import Untraceable
from tensorxp._core.modes import modes


class Seen:
    """One trace's guards, and the functions that it follows."""

    def __init__(self, tracer: Any) -> None:
        self.tracer: Any = tracer
        self.guards = Guards()
        self.own: dict[int, Any] = {}
        self.given: dict[int, Any] = {}  # containers of the arguments: read freely, never written
        self.codes: set[Any] = set()
        self.primitives: dict[int, Any] = {}  # of the user's, with their rules followed
        self.functions: dict[int, tuple[Any, Any]] = {}
        self.tensors = frozenset(known.tensor_types())
        self.safe = known.SCALARS | self.tensors | {DType, Device, slice, ModuleType}
        self.effects: list[Effect] = []
        self.first = 0  # how many of them are done before the program
        self.closed: str | None = None  # the effect after which gradients and more may be others
        self.trying = 0  # how many try statements are around
        self.mode = modes.grad
        self.main: Any = Frame(self, {}, {})

    def arguments(self, value: Any) -> None:
        """Take note of the containers that stand among the arguments."""
        if isinstance(value, list | tuple):
            self.given[id(value)] = value
            for item in value:
                self.arguments(item)
        elif isinstance(value, dict):
            self.given[id(value)] = value
            for item in value.values():
                self.arguments(item)

    def followed(self, f: FunctionType) -> Any:
        """Return a function with questions in the place of `f`."""
        code = f.__code__
        if code in self.codes:
            return f
        found = self.functions.get(id(f))
        if found is not None:
            return found[1]
        new = rewritten(code)
        if isinstance(new, str):
            raise Untraceable(new)
        guards = self.guards
        name = guards.name(f)
        guards.add(f"{name}.__code__", code)
        guards.add(f"{name}.__defaults__", f.__defaults__)
        if f.__kwdefaults__:
            guards.add(f"{name}.__kwdefaults__", f.__kwdefaults__)
            guards.content(f.__kwdefaults__)
        else:
            guards.demand(f"not {name}.__kwdefaults__")
        cells = dict(zip(code.co_freevars, f.__closure__ or (), strict=True))
        frame = Frame(self, f.__globals__, cells)
        closure = tuple([CellType(frame) if n == SEEN else cells[n] for n in new.co_freevars])
        out = FunctionType(new, f.__globals__, f.__name__, f.__defaults__, closure)
        out.__kwdefaults__ = f.__kwdefaults__
        self.codes.add(new)
        self._add_codes(new)
        self.functions[id(f)] = (f, out)
        return out

    def _add_codes(self, code: Any) -> None:
        for x in code.co_consts:
            if type(x) is type(code):
                self.codes.add(x)
                self._add_codes(x)

    def close(self) -> None:
        """Let go of what only the trace needed."""
        self.tracer = self.main = None  # else all of the trace would wait for the collector
        self.effects = []
        self.own.clear()
        self.given.clear()
        self.functions.clear()


class Frame(Reads, Attributes, Calls, Effects):
    """The answers to the questions of one function's code (`front.rewrite`)."""

    __slots__ = ("_builtins", "_cells", "_globals", "_known", "seen")

    def __init__(self, seen: Seen, globals_: dict[str, Any], cells: dict[str, Any]) -> None:
        self.seen = seen
        self._globals = globals_
        found = globals_.get("__builtins__", builtins)
        self._builtins = found if isinstance(found, dict) else vars(found)
        self._cells = cells
        self._known: dict[str, Any] = {}
