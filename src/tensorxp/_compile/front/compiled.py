"""`compile`: the user's door to tracing, with the versions of a function and their account."""

import os
import warnings
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Any

import numpy as np

from tensorxp._backend.dtypes import Defaults
from tensorxp._compile.front import structure
from tensorxp._compile.front.entry import Entry, default_device
from tensorxp._compile.front.rewrite import SEEN
from tensorxp._compile.front.trace import Untraceable
from tensorxp._compile.native import build
from tensorxp._core.door import node_of
from tensorxp._core.modes import modes
from tensorxp._core.watchers import stack, watching

_MOST = 256  # signatures of one function, as each takes time and memory
_VERSIONS = 4  # that are kept of one signature
_TRACES = 16  # of one signature: what changes more often runs as it is written

_ERRORS = 16  # calls in turn of which NumPy tells of floating-point errors
_RAISED = "it raised an exception when it was traced"
#: Whether a fault of ours is an error instead of a plain call, as tests want it.
_STRICT = os.environ.get("TENSORXP_COMPILE_STRICT", "0") not in ("", "0")

#: What would help, by a part of the reason.
_HELP = {
    "reads the values": "keep the value a Tensor: use where, clip and other functions",
    "NumPy array from outside": "make a Tensor of it before, or pass it as an argument",
    "random": "draw the numbers outside and pass them as an argument",
    "depends on values": "use where and a mask, so that shapes stay the same",
    "source": "put the function into a file",
    "signatures": "pass numbers that change as 0-d Tensors",
    "changes from call to call": "pass it as an argument, a number as a 0-d Tensor",
    "that it has not made": "return the new value instead",
    "in place": "return the new value instead",
    "calls backward": "use autograd.grad or value_and_grad",
    "reads 'grad'": "use autograd.grad or value_and_grad",
    "which may change it": "return what is needed first, and use it in a function of its own",
    "of your own": "write it with functions of the namespace, or give it a formula",
    "effects are not known": "call it outside",
    "floating-point errors": 'set np.errstate(all="ignore") around it',
    "fault of xp.compile": "please report it; calls run as they are written meanwhile",
}


class _Plain:
    """Says why calls of a signature run as they are written."""

    def __init__(
        self, reason: str, where: str | None = None, fault: Exception | None = None, key: Any = None
    ) -> None:
        self.reason, self.where = reason, where
        self.fault, self.key = fault, key  # an exception that may be ours, and the signature

    def __str__(self) -> str:
        return self.reason if self.where is None else f"{self.where}: {self.reason}"

    @property
    def help(self) -> str | None:
        """What would help."""
        return next((text for part, text in _HELP.items() if part in self.reason), None)


def _place(traceback: TracebackType | None) -> str | None:
    """Return the innermost line of the user's code that a trace went through."""
    found, inside = None, None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if SEEN in code.co_freevars:
            inside = f"{code.co_filename}:{traceback.tb_lineno}"
            if not str(traceback.tb_frame.f_globals.get("__name__")).startswith("tensorxp."):
                found = inside
        traceback = traceback.tb_next
    return found or inside


class _Errors:
    """Whether NumPy's treatment of floating-point errors is one that programs keep."""

    def __init__(self) -> None:
        umath: Any = getattr(getattr(np, "_core", None), "umath", None)
        variable = getattr(umath, "_extobj_contextvar", None)
        self.state: Callable[[], Any] = np.geterr if variable is None else variable.get
        self.known: tuple[Any, bool] = self.state(), False  # the last state, and the answer

    def refuse(self) -> bool:
        """Return whether an error would raise, print or call a function."""
        state, (known, answer) = self.state(), self.known
        if state is not known:
            answer = not set(np.geterr().values()) <= {"ignore", "warn"}
            self.known = state, answer
        return answer


_errors = _Errors()


class _Versions:
    """What is known of a function: its entries by signature, the last one first."""

    def __init__(self, fn: Callable[..., Any], backend: str, fullgraph: bool) -> None:
        self.fn, self.backend, self.fullgraph = fn, backend, fullgraph
        self.entries: dict[Any, tuple[list[Entry], list[int]] | _Plain] = {}
        self.recent: Entry | None = None  # of the last call, where all arguments were tensors
        self.owner: Any = None  # the compiled function

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what the function gives."""
        if (watching and stack()) or _errors.refuse():
            return self.fn(*args, **kwargs)
        found_in: list[Any] = []
        try:
            shape = structure.arguments(args, kwargs, found_in)
            tensors = tuple(found_in)
            key = (
                shape, modes.grad, Defaults.real, default_device(),
                tuple([(x._data.shape, x._data.dtype, x._data.strides, x._device, type(x),
                        node_of(x) is None) for x in tensors]),
            )  # fmt: skip
            found = self.entries.get(key)
        except Untraceable as error:
            return self._plainly(_Plain(str(error)), args, kwargs)
        except TypeError:
            return self._plainly(_Plain("an argument cannot be hashed"), args, kwargs)
        if isinstance(found, _Plain):
            return self._plainly(found, args, kwargs)
        if len({*map(id, tensors)}) != len(tensors):
            return self._plainly(_Plain("one tensor is given as two arguments"), args, kwargs)
        if found is None:
            if len(self.entries) >= _MOST:
                reason = f"it was called with more than {_MOST} signatures"
                return self._plainly(_Plain(reason), args, kwargs)
            found = self.entries[key] = ([], [0])
        entries, count = found
        for entry in list(entries):
            raws = entry.take(tensors)
            if raws is not None:
                break
        else:
            made = self._traced(key, shape, tensors, entries, count)
            if isinstance(made, _Plain):
                return self._plainly(made, args, kwargs)
            entry, raws = made, made.take(tensors)
            if raws is None:
                twice = any(x is y for x in tensors for y in entry.outside)
                plain = _Plain(
                    "an argument is a tensor from outside as well"
                    if twice
                    else "something that it reads is another object each time"
                )
                return self._plainly(plain, args, kwargs)
        if entries[:1] != [entry]:
            entries[:] = [entry, *[x for x in entries if x is not entry]][:_VERSIONS]
        self.recent = entry if structure.only_tensors(shape, len(tensors)) else None
        if entry.erred:  # when it was traced
            entry.erred = False
            return self.fn(*args, **kwargs)
        return self.replay(entry, tensors, raws, args, kwargs)

    def replay(self, entry: Entry, tensors: Any, raws: list[Any], args: Any, kwargs: Any) -> Any:
        """Run a program; where it fails, the function says what is wrong."""
        try:
            found = entry.call(tensors, raws)
        except FloatingPointError:  # of which the function itself tells
            self.recent = fault = None
            entry.streak += 1
            if entry.streak >= _ERRORS:
                self._retire(entry, "NumPy tells of floating-point errors in it at each call")
        except (MemoryError, Untraceable):
            self.recent = fault = None
        except Exception as error:
            self.recent, fault = None, error
        else:
            if entry.streak:
                entry.streak = 0
            return entry.finish(found) if entry.acts else found
        out = self.fn(*args, **kwargs)
        if fault is not None:  # the function does not raise it
            self._retire(entry, _told(self.fn, fault, "running a program"))
        return out

    def _retire(self, entry: Entry, reason: str) -> None:
        """Run calls of the signature of `entry` plainly from now on."""
        for key, found in list(self.entries.items()):
            if not isinstance(found, _Plain) and entry in found[0]:
                self.entries[key] = _Plain(reason)

    def _traced(
        self, key: Any, shape: Any, tensors: tuple[Any, ...], entries: list[Entry], count: list[int]
    ) -> Entry | _Plain:
        """Return a new entry, or what is kept in its place."""
        count[0] += 1
        made: Entry | _Plain
        if count[0] > _TRACES:
            made = _Plain("something that it reads changes from call to call")
        else:
            for kept, _ in [x for x in list(self.entries.values()) if not isinstance(x, _Plain)]:
                kept[:] = [x for x in kept if not x.outdated()]
            try:
                made = Entry(self.fn, shape, tensors, self.backend)
            except Untraceable as error:
                made = _Plain(str(error), _place(error.__traceback__))
            except (RecursionError, MemoryError):
                return _Plain(_RAISED)
            except Exception as error:  # the function's own, if the plain call raises, too
                return _Plain(_RAISED, fault=error, key=key)
        if isinstance(made, _Plain):
            self.entries[key] = made
        else:
            self.owner.fallback = made.fallback or self.owner.fallback
        return made

    def _plainly(self, plain: _Plain, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.owner.reason = plain.reason
        self.recent = None
        if self.fullgraph and plain.reason is not _RAISED:
            help = f"; {plain.help}" if plain.help else ""
            raise RuntimeError(f"compile: {_name(self.fn)} cannot be compiled: {plain}{help}")
        fault, plain.fault = plain.fault, None
        out = self.fn(*args, **kwargs)
        if fault is not None:  # the function does not raise it
            reason = _told(self.fn, fault, "tracing it")
            self.entries[plain.key] = _Plain(reason)
            self.owner.reason = reason
        return out

    def explain(self) -> str:
        """Return what is compiled of the function, and what is not and why."""
        lines = []
        for key, found in list(self.entries.items()):
            told = ", ".join([f"{dtype}{list(shape)}" for shape, dtype, *_ in key[-1]])
            if isinstance(found, _Plain):
                lines.append(f"  ({told}): runs as it is written\n    {found}")
                if found.help:
                    lines.append(f"    {found.help}")
                continue
            for entry in found[0]:
                forward, every = entry.steps
                lines.append(
                    f"  ({told}): compiled, {forward} operations and {every - forward} of the "
                    f"gradient, {entry.guards} guards"
                )
                if entry.fallback:
                    lines.append(f"    replayed call by call: {entry.fallback}")
        return "\n".join([f"{_name(self.fn)}:", *(lines or ["  not called yet"])])


def _told(fn: Any, fault: Exception, doing: str) -> str:
    """Tell of a fault of ours, and return the reason for plain calls."""
    reason = f"a fault of xp.compile in {doing}: {type(fault).__name__}: {fault}"
    if _STRICT:
        raise AssertionError(f"compile: {_name(fn)}: {reason}") from fault
    warnings.warn(
        f"compile: {_name(fn)} runs as it is written: {reason}", RuntimeWarning, stacklevel=5
    )
    return reason


def _name(fn: Any) -> str:
    return str(getattr(fn, "__qualname__", None) or type(fn).__qualname__)


def compile(
    fn: Callable[..., Any], *, backend: str = "auto", fullgraph: bool = False
) -> Callable[..., Any]:
    """Return a function that runs `fn` once for each new signature and its program afterwards.

    A call gives what `fn` would: the same values, gradients, errors and types of results.
    Programs skip Python, the door and autograd's records; gradients are part of them. What the
    trace read from outside is looked at before each call: global names, closures, attributes,
    modules with their parameters, flags and hooks, the content of lists and dicts, the modes and
    defaults. Where it has changed, `fn` is traced again. In training steps, `backward()`,
    `zero_grad()` and the `step()` of an optimizer of `xp.optim` follow the program in their order.

    What a trace cannot repeat runs as it is written: reading values into Python (`.item()`,
    `bool(t)`), random numbers, data-dependent shapes, writing to what `fn` has not made, functions
    whose effects are not known. `compiled.explain()` tells the line, the reason and what would
    help. Results agree to rounding. Backward may read the arguments again: a write to one in
    between raises.

    Parameters
    ----------
    fn : callable
        Takes and returns Tensors, in tuples, lists and dicts, and anything hashable.
    backend : str
        "native": elementwise operations and reductions in fused passes of a machine in C, which the
        system's compiler builds once; "replay": NumPy or CuPy call by call; "auto": native on the
        CPU where there is a compiler, kernels made of the trace on CUDA; "graph": as "auto", and on
        CUDA programs of nothing but such kernels run as CUDA graphs.
        Where a program is replayed instead, or no graph, `compiled.fallback` says why.
    fullgraph : bool
        Whether a call that cannot be compiled raises instead of running as it is written.

    Returns
    -------
    callable
        With the results of `fn`, their shapes and dtypes.

    Raises
    ------
    TypeError
        `fn` is not callable.
    ValueError
        Another `backend`.
    RuntimeError
        "native", and the library cannot be built. By a call with `fullgraph`: it cannot be
        compiled; the message names the line and the reason.

    Examples
    --------
    >>> import tensorxp as xp
    >>> step = xp.compile(lambda x: xp.sum(xp.sin(x) ** 2))
    >>> x = xp.asarray([0.0, 1.0], requires_grad=True)
    >>> step(x).backward()
    >>> bool(xp.allclose(x.grad, xp.sin(2 * x)))
    True
    """
    if not callable(fn):
        raise TypeError(f"compile: fn is a {type(fn).__name__}; allowed are functions")
    if backend not in ("auto", "graph", "native", "replay"):
        raise ValueError(
            f'compile: backend is {backend!r}; allowed are "auto", "graph", "native" and "replay"'
        )
    if backend == "native" and build.problem():
        raise RuntimeError(f'compile: backend="native" was asked for, but {build.problem()}')
    versions = _Versions(fn, backend, fullgraph)

    @wraps(fn)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        entry = versions.recent
        if entry is not None and not kwargs and not watching and not _errors.refuse():
            raws = entry.take(args)
            if raws is not None:
                return versions.replay(entry, args, raws, args, kwargs)
        return versions.run(args, kwargs)

    compiled.__compiled__ = fn  # type: ignore[attr-defined]
    versions.owner = compiled
    compiled.reason = compiled.fallback = None  # type: ignore[attr-defined]
    compiled.explain = versions.explain  # type: ignore[attr-defined]
    return compiled
