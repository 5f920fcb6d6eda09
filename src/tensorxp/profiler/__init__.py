"""Where time and memory go: operations, backward, steps, modules, as table, trace and flame view.

    >>> import tensorxp as xp
    >>> x = xp.ones((64, 64), requires_grad=True)
    >>> with xp.profiler.profile() as p:
    ...     xp.sum(x @ x).backward()
    >>> [row.name for row in p.rows() if row.calls]  # doctest: +SKIP
    ['matmul backward', 'matmul', 'sum', 'sum backward']

The profiler is a watcher: operations tell it when they start and end, backward tells it of each
node. Spans nest, so each has a time of its own (self) beside its whole time.
"""

import json
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from tensorxp import Tensor, cuda
from tensorxp._backend import forks
from tensorxp._backend.files import write_text
from tensorxp._backend.names import listing
from tensorxp._backend.text import MONO, Table, shape_text, size_text, time_text
from tensorxp._core.face import Watcher, node_of, raw, raw_of, watch
from tensorxp.profiler.flame import flame_page

__all__ = ["Event", "Row", "profile"]
__dir__ = listing(globals())

_BY = ("op", "module", "shape", "kind")
_SORT = ("self", "total", "calls", "memory")
_LIMIT = 30  # rows of a table


@dataclass(slots=True)
class Event:
    """One span: an operation, a backward node, a module's forward, an optimizer's step, a region.

    Attributes
    ----------
    name, kind, module, shapes : str
    start, end : int
        Nanoseconds since the profile began.
    depth : int
        How many spans it is within.
    inner : int
        Nanoseconds in the spans within it.
    nbytes : int
        Of results that own memory.
    """

    name: str
    kind: str
    start: int
    depth: int
    module: str
    shapes: str
    end: int = 0
    inner: int = 0
    nbytes: int = 0

    @property
    def duration(self) -> int:
        """The whole time in nanoseconds."""
        return self.end - self.start

    @property
    def own(self) -> int:
        """The time outside the spans within this one, in nanoseconds."""
        return self.duration - self.inner


@dataclass(slots=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    name : str
    calls : int
    total, own : float
        Seconds, with and without the spans within.
    nbytes : int
        Of results.
    """

    name: str
    calls: int = 0
    total: float = 0.0
    own: float = 0.0
    nbytes: int = 0


class profile(Watcher):
    """Record operations, backward nodes, optimizers' steps and modules of this thread in the scope.

    Parameters
    ----------
    model : nn.Module or None
        Its submodules become spans of their own; operations and their backward are then counted by
        module, too.
    sync : bool
        Wait for CUDA devices at the start and the end of each span. Without it only the time to
        launch is measured.

    Raises
    ------
    TypeError
        `model` is no module.

    Examples
    --------
    >>> import tensorxp as xp
    >>> model = xp.nn.Linear(4, 2)
    >>> with xp.profiler.profile(model) as p:
    ...     with p.region("step"):
    ...         xp.sum(model(xp.ones((8, 4), dtype=xp.float32))).backward()
    >>> table = p.table(by="module")
    """

    sees_rules = False

    def __init__(self, model: Any = None, *, sync: bool = True) -> None:
        if model is not None and not hasattr(model, "named_modules"):
            raise TypeError(
                f"profile: model is a {type(model).__name__}; allowed are nn.Module, None"
            )
        self.events: list[Event] = []
        self.memory: list[tuple[int, int]] = []
        self.peak = 0
        self._model = model
        self._sync = sync
        self._open: list[tuple[Event, Any]] = []
        self._modules: list[str] = []
        self._module_of: dict[int, str] = {}  # by the number of a node
        self._live = 0
        self._known: dict[int, Any] = {}
        self._lock = forks.lock()  # a finalizer may run while it is held
        self._origin = 0
        self._handles: list[Any] = []
        self._scope: AbstractContextManager[Any] | None = None

    def __enter__(self) -> "profile":
        if self._scope is not None:
            raise RuntimeError("profile: the profile is running; make another to nest")
        self._origin = self._origin or perf_counter_ns()
        if self._model is not None:
            for name, module in self._model.named_modules():
                self._hook(name or type(module).__name__, module)
        self._scope = watch(self)
        self._scope.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.__exit__(*exc)
        while self._open:
            self._end(None)
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    # what happens

    def before(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> None:
        """Begin the span of an operation."""
        shapes = ", ".join([shape_text(x.shape) for x in inputs if isinstance(x, Tensor)])
        module = self._modules[-1] if self._modules else ""
        self._synchronize(inputs)
        self._begin(op.name, "op", module, shapes, inputs)

    def after(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        """End the span of an operation."""
        outs = out if isinstance(out, tuple) else (out,)
        self._synchronize(outs)
        event = self._end(inputs)
        if event is None:
            return
        node = node_of(outs[0])
        if node is not None and event.module:
            self._module_of[getattr(node, "main", node).seq] = event.module
        if not op.view:
            event.nbytes = self._count(list(map(raw, outs)), inputs)

    def enter_node(self, node: Any) -> None:
        """Begin the span of a node in backward."""
        if node.dtype.__class__ is tuple:
            shapes = ", ".join(map(shape_text, node.shape))
        else:
            shapes = shape_text(node.shape)
        if self._sync and node.device.type == "cuda":
            cuda.synchronize(node.device)
        module = self._module_of.get(node.seq, "")
        self._begin(f"{node.name} backward", "backward", module, shapes, node)

    def leave_node(self, node: Any, grads: Any) -> None:
        """End the span of a node in backward."""
        if self._sync and node.device.type == "cuda":
            cuda.synchronize(node.device)
        event = self._end(node)
        if event is not None and grads is not None:
            event.nbytes = self._count([raw_of(g) for g in grads if g is not None])

    def enter_span(self, name: str, kind: str, tensors: Any, mark: object) -> None:
        """Begin the span of what is no operation, such as an optimizer's step, told by a watcher.

        It has `name` and `kind`, changes `tensors`, and ends with the same `mark`.
        """
        self._synchronize(tensors)
        self._begin(name, kind, self._modules[-1] if self._modules else "", "", mark)

    def leave_span(self, tensors: Any, mark: object) -> None:
        """End the span that began with `mark`; it changed `tensors`."""
        self._synchronize(tensors)
        self._end(mark)

    @contextmanager
    def region(self, name: str) -> Iterator[None]:
        """Make what happens in the scope a span named `name`."""
        mark = object()
        self._begin(name, "region", self._modules[-1] if self._modules else "", "", mark)
        try:
            yield
        finally:
            self._end(mark)

    def _hook(self, name: str, module: Any) -> None:
        kind = type(module).__name__
        label = kind if name == kind else f"{name} ({kind})"
        marks: list[object] = []

        def begin(_module: Any, _args: Any) -> None:
            marks.append(object())
            self._modules.append(name)
            self._begin(label, "module", name, "", marks[-1])

        def end(_module: Any, _args: Any, _out: Any) -> None:
            if marks:
                self._modules.pop()
                self._end(marks.pop())

        self._handles.append(module.register_forward_pre_hook(begin, prepend=True))
        self._handles.append(module.register_forward_hook(end, always_call=True))

    def _begin(self, name: str, kind: str, module: str, shapes: str, mark: Any) -> None:
        event = Event(name, kind, 0, len(self._open), module, shapes)
        self._open.append((event, mark))
        self.events.append(event)
        event.start = perf_counter_ns() - self._origin

    def _end(self, mark: Any) -> Event | None:
        """End the span that began with `mark` (None: the innermost) and what failed in it."""
        now = perf_counter_ns() - self._origin
        if mark is not None and all(known is not mark for _, known in self._open):
            return None
        while True:
            event, known = self._open.pop()
            event.end = now
            if self._open:
                self._open[-1][0].inner += event.duration
            if mark is None or known is mark:
                return event

    def _synchronize(self, tensors: Iterable[Any]) -> None:
        if self._sync:
            for device in {x.device for x in tensors if isinstance(x, Tensor)}:
                if device.type == "cuda":
                    cuda.synchronize(device)

    def _count(self, arrays: list[Any], inputs: Iterable[Any] = ()) -> int:
        """Return the bytes of the new memory of `arrays`, and follow it until it dies."""
        new = 0
        old = {id(_owner(raw(x))) for x in inputs if isinstance(x, Tensor)}
        for array in map(_owner, arrays):
            if id(array) in old or id(array) in self._known:
                continue
            key, size = id(array), int(getattr(array, "nbytes", 0))
            try:
                self._known[key] = weakref.ref(array, partial(self._release, key, size))
            except TypeError:  # scalars cannot be followed
                continue
            new += size
        self._change(new)
        return new

    def _release(self, key: int, size: int, _: Any) -> None:
        self._known.pop(key, None)
        if self._scope is not None:
            self._change(-size)

    def _change(self, size: int) -> None:
        if size:
            with self._lock:
                self._live += size
                self.peak = max(self.peak, self._live)
                self.memory.append((perf_counter_ns() - self._origin, self._live))

    # what came of it

    def rows(self, by: str = "op", sort: str = "self") -> list[Row]:
        """Return the sums of spans of a kind.

        Parameters
        ----------
        by : str
            "op", "module", "shape" (op with shapes) or "kind".
        sort : str
            "self", "total", "calls" or "memory".

        Returns
        -------
        list of Rows
            The total of what calls itself counts only the outermost span.

        Raises
        ------
        ValueError
            Another `by` or `sort`.
        """
        _check("by", by, _BY)
        _check("sort", sort, _SORT)
        found: dict[str, Row] = {}
        stack: list[str] = []
        for event in self.events:
            del stack[event.depth :]
            if by == "op":
                name = event.name
            elif by == "module":
                name = event.module or "(none)"
            elif by == "kind":
                name = event.kind
            else:
                name = f"{event.name} ({event.shapes})" if event.shapes else event.name
            row = found.setdefault(name, Row(name))
            row.calls += 1
            row.own += event.own * 1e-9
            row.nbytes += event.nbytes
            if name not in stack:
                row.total += event.duration * 1e-9
            stack.append(name)
        keys = {"self": "own", "total": "total", "calls": "calls", "memory": "nbytes"}
        return sorted(found.values(), key=lambda row: getattr(row, keys[sort]), reverse=True)

    def table(self, by: str = "op", sort: str = "self", limit: int | None = _LIMIT) -> str:
        """Return the rows as text, with their share of the time of all.

        Parameters
        ----------
        by, sort : str
            As for `rows`.
        limit : int or None
            How many; None is all.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            Another `by` or `sort`.
        """
        rows = self.rows(by, sort)
        lines = [
            (by, "calls", "self", "%", "total", "per call", "results"),
            *self._cells(rows, limit),
        ]
        w = [max(len(line[i]) for line in lines) for i in range(7)]
        text = [
            "  ".join(
                [line[0].ljust(w[0]), *(c.rjust(n) for c, n in zip(line[1:], w[1:], strict=True))]
            )
            for line in lines
        ]
        text.insert(1, "-" * len(text[0]))
        if limit is not None and len(rows) > limit:
            text.append(f"… {len(rows) - limit} more; table(limit=None) shows all")
        return Table("\n".join([*text, self.summary]))

    @property
    def summary(self) -> str:
        """Number of spans, their time, and the most memory that results held at once."""
        whole = sum(event.own for event in self.events) * 1e-9
        return (
            f"{len(self.events)} spans, {time_text(whole)} in them, "
            f"peak {size_text(self.peak)} of results"
        )

    def _cells(self, rows: list[Row], limit: int | None) -> list[tuple[str, ...]]:
        whole = sum(row.own for row in rows) or 1.0
        return [
            (
                row.name,
                f"{row.calls:,}",
                time_text(row.own),
                f"{100 * row.own / whole:.1f}",
                time_text(row.total),
                time_text(row.total / row.calls),
                size_text(row.nbytes),
            )
            for row in rows[:limit]
        ]

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{h}</th>" for h in ("", "calls", "self", "%", "total", "per call", "results")
        )
        rows = self.rows()
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>"
            for line in self._cells(rows, _LIMIT)
        )
        if len(rows) > _LIMIT:
            rest = f"… {len(rows) - _LIMIT} more; table(limit=None) shows all"
            body += f'<tr><td colspan="7" style="text-align:left">{rest}</td></tr>'
        table = f'<table style="{MONO}"><tr>{head}</tr>{body}</table>'
        return f"<div>{escape(self.summary)}{table}</div>"

    def __repr__(self) -> str:
        return f"<profile: {self.summary}>"

    def chrome_trace(self, path: str | Path) -> Path:
        """Write the spans to `path` as Chrome trace JSON (chrome://tracing, ui.perfetto.dev)."""
        thread = threading.get_ident() % 2**31
        found: list[dict[str, Any]] = [
            {
                "name": event.name, "cat": event.kind, "ph": "X", "pid": 1, "tid": thread,
                "ts": event.start / 1e3, "dur": event.duration / 1e3,
                "args": {"shapes": event.shapes, "module": event.module, "bytes": event.nbytes},
            }
            for event in self.events
        ]  # fmt: skip
        found += [
            {"name": "results", "ph": "C", "pid": 1, "ts": at / 1e3, "args": {"bytes": live}}
            for at, live in self.memory
        ]
        return write_text(path, json.dumps({"traceEvents": found, "displayTimeUnit": "ms"}))

    def flame_html(self, path: str | Path) -> Path:
        """Write a page to `path` that shows the spans in time, and merged by what called them."""
        return write_text(path, flame_page(self.events, self.memory, self.summary))


def _owner(array: Any) -> Any:
    """Return the array that owns the memory of `array`."""
    base = getattr(array, "base", None)
    while base is not None and hasattr(base, "nbytes"):
        array, base = base, getattr(base, "base", None)
    return array


def _check(name: str, given: str, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise ValueError(
            f"profile: {name} is {given!r}; allowed are {', '.join(map(repr, allowed))}"
        )
