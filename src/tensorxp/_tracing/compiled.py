"""`compile`: the user's door to tracing, with its cache and its place in autograd."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from operator import is_
from typing import Any

import numpy as np

from tensorxp._backend.dtypes import Defaults
from tensorxp._core.door import node_of, record, wrap
from tensorxp._core.modes import enable_grad, modes
from tensorxp._core.node import Leaf, slot_of
from tensorxp._core.primitive import Primitive
from tensorxp._core.rules import fit
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import cell_of
from tensorxp._core.watchers import stack, watch, watching
from tensorxp._tracing.cuda.program import CudaPair, Unfused
from tensorxp._tracing.native import build
from tensorxp._tracing.native.pair import NativePair
from tensorxp._tracing.pair import ReplayPair, Trace, improved
from tensorxp._tracing.trace import Register, Tracer, Untraceable
from tensorxp.autograd.functions import grad


def _flatten(value: Any, found: list[Any]) -> Any:
    """Return the structure of `value` as something hashable; its tensors go to `found`."""
    if isinstance(value, TensorBase):
        found.append(value)
        return None
    if isinstance(value, list | tuple):
        return type(value), tuple([_flatten(item, found) for item in value])
    if isinstance(value, dict):
        return dict, tuple([(key, _flatten(item, found)) for key, item in value.items()])
    if value.__class__ in (float, complex):
        return type(value), repr(value)  # tells -0.0 from 0.0, and NaN equals itself
    if isinstance(value, np.inexact):
        return np.inexact, (value.dtype, value.tobytes())
    return "static", (type(value), value)  # 1, 1.0 and True are equal, but not the same


def _structure(args: tuple[Any, ...], kwargs: dict[str, Any], found: list[Any]) -> Any:
    """Return what `_flatten` does of arguments; of tensors only, by a table."""
    if not kwargs:
        for x in args:
            if not isinstance(x, TensorBase):
                break
        else:
            found.extend(args)
            known = _TENSORS.get(len(args))
            if known is None:
                known = _TENSORS[len(args)] = _flatten((args, kwargs), [])
            return known
    return _flatten((args, kwargs), found)


_TENSORS: dict[int, Any] = {}  # the structures of arguments that are tensors, by their number


def _unflatten(structure: Any, leaves: Any) -> Any:
    if structure is None:
        return next(leaves)
    kind, content = structure
    if kind == "static":
        return content[1]
    if kind is float or kind is complex:
        return kind(content)
    if kind is np.inexact:
        dtype, raw = content
        return np.frombuffer(raw, dtype)[0]
    if kind is dict:
        return {key: _unflatten(item, leaves) for key, item in content}
    items = [_unflatten(item, leaves) for item in content]
    if kind is list or kind is tuple:
        return kind(items)
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def _signature(tensors: Sequence[Any]) -> tuple[Any, ...]:
    return tuple([(x._data.shape, x._data.dtype, x._device, x._node is None) for x in tensors])


def _same(xs: tuple[Any, ...], ys: tuple[Any, ...]) -> bool:
    return len(xs) == len(ys) and all(map(is_, xs, ys))


@contextmanager
def _without_hooks(tensors: list[Any]) -> Iterator[None]:
    """Leave out the hooks of tensors' nodes: they run where the gradients arrive in earnest."""
    nodes = {id(node): node for x in tensors if (node := node_of(x)).extra is not None}
    held = [(node, node.extra) for node in nodes.values()]
    for node, _ in held:
        node.extra = None
    try:
        yield
    finally:
        for node, extra in held:
            node.extra = extra


class _Entry:
    """One compiled version of a function: for one structure, shapes, dtypes and devices."""

    def __init__(
        self, fn: Callable[..., Any], structure: Any, tensors: list[Any], backend: str
    ) -> None:
        self.fn = fn
        self.modes = modes.grad, Defaults.real
        self.signature = _signature(tensors)
        self.backend = backend
        self.fallback: str | None = None  # why the program does not run as it might
        self.structure = structure
        self.needs = [modes.grad and node_of(x) is not None for x in tensors]
        arguments: list[Any] = []
        for x, needed in zip(tensors, self.needs, strict=True):
            fresh: Any = wrap(x._data[...], x._device)  # told from others over the same array
            arguments.append(fresh.requires_grad_(True) if needed else fresh)
        tracer = Tracer(tuple(arguments))
        collecting = gc.isenabled()
        gc.disable()  # a trace makes objects that all stay: looking through them takes its time
        try:
            self._trace(tracer, arguments)
        except Untraceable:
            tracer.undo()
            raise
        finally:
            if collecting:
                gc.enable()

    def _trace(self, tracer: Tracer, arguments: list[Any]) -> None:
        """Run the function and its vjp under the tracer, and make their programs."""
        fn, structure = self.fn, self.structure
        with watch(tracer):
            args, kwargs = _unflatten(structure, iter(arguments))
            outputs: list[Any] = []
            self.result = _flatten(fn(*args, **kwargs), outputs)
            self.devices = [y._device for y in outputs]
            numbers = [tracer.number(y) for y in outputs]
            if any(
                (node_of(x) is not None) > n for x, n in zip(arguments, self.needs, strict=True)
            ):
                raise Untraceable("it sets requires_grad of an argument")
            registers = tracer.registers
            self.parameters = self._parameters(registers)
            sources = [x for x, needed in zip(arguments, self.needs, strict=True) if needed]
            sources += self.parameters
            recorded = [y for y in outputs if sources and node_of(y) is not None]
            self.recorded = [bool(sources) and node_of(y) is not None for y in outputs]
            forward_steps = len(tracer.steps)
            cts = [wrap(y._device.raw.ones_like(y._data), y._device) for y in recorded]
            ct_numbers = [tracer.number(ct, "argument") for ct in cts]
            self.cts = [(y._data.shape, y._data.dtype) for y in recorded]
            grads: tuple[Any, ...] = ()
            if recorded:
                with _without_hooks(sources):
                    grads = grad(recorded, sources, cts, allow_unused=True)
            grad_numbers = [None if g is None else tracer.number(g) for g in grads]
        results = [y._data for y in outputs]
        arguments.clear()  # tensors live until here, so that no number is reused
        del outputs, recorded, cts, grads
        tracer.close()
        self._settle_outputs(registers, numbers, len(self.needs))
        del results
        self.states = tracer.states
        self.outside = [
            (r.tensor, r.shape, r.dtype, r.tensor._node is not None)
            for r in registers
            if r.source == "outside" and r.tensor is not None
        ]
        self.grads = grad_numbers
        traced = Trace(
            registers, tracer.steps, forward_steps, list(range(len(self.needs))), numbers,
            ct_numbers, [n for n in grad_numbers if n is not None], self.joined,
        )  # fmt: skip
        traced = improved(traced)
        self.pair: Any = self._fused(traced) or ReplayPair(traced)
        self.primitive = self._primitive() if any(self.recorded) else None

    def _fused(self, traced: Trace) -> Any:
        """Return the programs of passes or kernels, None where the trace is to be replayed."""
        devices = list({r.device: None for r in traced.registers})
        if self.backend == "replay" or len(devices) != 1:
            if len(devices) > 1:
                self.fallback = "it has tensors of several devices"
            return None
        if devices[0].type == "cuda":
            try:
                pair = CudaPair(traced, devices[0], self.backend == "graph")
            except Unfused as error:
                self.fallback = str(error)
                return None
            self.fallback = pair.note
            return pair
        library = build.library() if devices[0].type == "cpu" else None
        if library is not None:
            try:
                return NativePair(traced, library)
            except OverflowError:
                self.fallback = "an array is read beyond its first 2 GiB"
        return None

    @staticmethod
    def _parameters(registers: list[Register]) -> list[Any]:
        """Return the leaves from outside that require grad."""
        if not modes.grad:
            return []
        found = [r.tensor() for r in registers if r.source == "outside"]
        parameters = [x for x in found if x is not None and node_of(x) is not None]
        if any(x._node.__class__ is not Leaf for x in parameters):
            raise Untraceable("it reads a tensor from outside that is the result of an operation")
        return parameters

    def _settle_outputs(self, registers: list[Register], numbers: list[int], n: int) -> None:
        """Find the outputs to copy, as they lie in constants, and those over the same memory."""
        theirs = [r for r in registers[:n] if r.source == "argument"]
        theirs += [r for r in registers if r.source == "outside" and r.tensor is not None]
        constants = [
            r
            for r in registers
            if r.source == "written" or (r.source == "outside" and r.tensor is None)
        ]
        outs = [registers[i] for i in numbers]
        if any(out.shares(r) for out in outs for r in theirs):
            raise Untraceable("it returns an argument, a tensor from outside, or a view of one")
        self.copied = [i for i, y in enumerate(outs) if any(y.shares(r) for r in constants)]
        self.joined = [
            (i, next(j for j, other in enumerate(outs) if y.shares(other)))
            for i, y in enumerate(outs)
            if i not in self.copied and any(y.shares(other) for other in outs[:i])
        ]

    def takes(self, args: tuple[Any, ...]) -> bool:
        """Return whether `args` are tensors alike to those that were traced, and nothing else."""
        signature = self.signature
        if len(args) != len(signature) or self.modes != (modes.grad, Defaults.real):
            return False
        for x, (shape, dtype, device, plain) in zip(args, signature):  # noqa: B905
            if not isinstance(x, TensorBase):
                return False
            data = x._data
            if (
                data.shape != shape or data.dtype is not dtype or x._device is not device
                or (x._node is None) is not plain
            ):  # fmt: skip
                return False
        return True

    def fits(self) -> bool:
        """Return whether what the trace took from outside is as it was."""
        for x, shape, dtype, recorded in self.outside:
            data = x._data
            if data.shape != shape or data.dtype != dtype or (x._node is not None) is not recorded:
                return False
        for module, state in self.states:
            if not _same(module.traced_state(), state):
                return False
        return True

    def call(self, tensors: Sequence[Any]) -> Any:
        """Return what the function would, for tensors that fit this entry."""
        pair, devices = self.pair, self.devices
        given = []
        for x in tensors:
            given.append(x._data)
        raws, kept = pair.forward(given)
        if self.result is None and not self.copied:  # one tensor
            out = wrap(raws[0], devices[0])
            if self.primitive is not None:
                self._record(tensors, [out], kept)
            return out
        for i in self.copied:
            raws[i] = devices[i].raw.copy(raws[i])
        outs = [wrap(raw, device) for raw, device in zip(raws, devices, strict=True)]
        for i, j in self.joined:
            outs[i]._version = cell_of(outs[j])
        if self.primitive is not None:
            self._record(tensors, outs, kept)
        return _unflatten(self.result, iter(outs))

    def _record(self, tensors: Sequence[Any], outs: list[Any], kept: list[Any]) -> None:
        """Record the call as one node, with what backward needs."""
        pair, inputs = self.pair, (*tensors, *self.parameters)
        cells = []
        for i in pair.kept_inputs:
            cells.append((None, cell := cell_of(tensors[i]), cell[0]))
        for i in pair.kept_outputs:
            cells.append((None, cell := cell_of(outs[i]), cell[0]))
        for x in pair.kept_outside:
            cells.append((x, cell := cell_of(x), cell[0]))
        edges = tuple(map(node_of, inputs))
        op: Any = self.primitive
        if len(outs) == 1:
            (out,) = outs
            node = out._node = record(op, inputs, edges, {}, out._data, self.devices[0], out)
        else:
            arrays = tuple([x._data for x in outs])
            node = record(op, inputs, edges, {}, arrays, self.devices[0], tuple(outs))
            for i, (x, recorded) in enumerate(zip(outs, self.recorded, strict=True)):
                if recorded:
                    x._node = slot_of(node, i, x._data.shape, x._data.dtype)
        # in the place of the outputs, so that it is freed when they would be
        node.saved = ((kept, cells, tensors), None, 0)

    def _primitive(self) -> Primitive:
        """Return the whole function as one primitive; its vjp replays the traced backward."""
        entry = self
        op = Primitive("compiled", "general", ("x",))
        several = len(self.recorded) > 1
        # whether each gradient of the program is one of the node, in turn
        direct = all(self.needs) and None not in self.grads

        @op.vjp
        def _(ct: Any, out: Any) -> tuple[Any, ...]:
            kept, cells, tensors = out
            for x, cell, version in cells:
                # other memory in a tensor from outside is as bad as a write to it
                if cell[0] != version or (x is not None and cell_of(x) is not cell):
                    raise RuntimeError(
                        "backward: a tensor that a compiled function read or returned, and whose "
                        "value its gradient needs, has been modified by an in-place operation"
                    )
            if not several:
                ct = (ct,)
            if isinstance(ct[0], TensorBase):
                return entry.eager_vjp(ct, tensors)
            cts = ct
            if several:
                cts = [c for c, recorded in zip(ct, entry.recorded, strict=True) if recorded]
            for c, (shape, dtype) in zip(cts, entry.cts, strict=True):
                if c.dtype is not dtype or c.shape != shape:  # a hook's: programs read memory
                    raw = entry.devices[0].raw
                    kinds = zip(cts, entry.cts, strict=True)
                    cts = [fit(raw, c, *kind) for c, kind in kinds]
                    break
            grads = entry.pair.backward(cts, kept)
            if direct:
                return tuple(grads)
            found = iter(grads)
            return entry.spread([None if n is None else next(found) for n in entry.grads])

        return op

    def spread(self, grads: list[Any]) -> tuple[Any, ...]:
        """Return one gradient, or None, for each tensor argument and parameter."""
        found = iter(grads)
        return tuple(next(found) if needed else None for needed in self.needs) + tuple(found)

    def eager_vjp(self, cts: tuple[Any, ...], tensors: Sequence[Any]) -> tuple[Any, ...]:
        """Return the gradients by running the function itself: they can be differentiated."""
        with enable_grad():
            args, kwargs = _unflatten(self.structure, iter(tensors))
            outputs: list[Any] = []
            _flatten(self.fn(*args, **kwargs), outputs)
            sources = [x for x, needed in zip(tensors, self.needs, strict=True) if needed]
            pairs = [
                (y, c)
                for y, c, recorded in zip(outputs, cts, self.recorded, strict=True)
                if recorded
            ]
            sources += self.parameters
            with _without_hooks(sources):
                found = grad(
                    [y for y, _ in pairs],
                    sources,
                    [c for _, c in pairs],
                    create_graph=True,
                    allow_unused=True,
                )
        return self.spread(list(found))


def compile(fn: Callable[..., Any], *, backend: str = "auto") -> Callable[..., Any]:
    """Return a function that runs `fn` once for each new signature and its program afterwards.

    A signature is the arguments' structure, the shapes, dtypes, devices and `requires_grad` of
    the Tensors among them, the other arguments' values, the grad mode and the default dtype.
    Beyond 256 of them (a step's number as an argument, say) calls run as they are written.
    Programs skip the door and autograd's records; gradients are part of them. Tensors from
    outside (parameters, say) are read at each call, and the training flags, parameters, submodules
    and hooks of modules that are called are heeded; other Python values from outside, and which
    tensor a name stands for, are those of the trace.

    Results agree to rounding. Backward may read the arguments again: a write to one in between
    raises.

    What a trace cannot repeat runs as it is written, always: reading values into Python
    (`.item()`, `bool(t)`), random numbers, data-dependent shapes, writing to arguments or to
    tensors from outside, returning views of these, an `autograd.Function`, a `checkpoint`,
    `.backward()` inside. `compiled.reason` then says which it was. Python side effects happen at
    tracing only.

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
        "native", and the library cannot be built.

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
    entries: dict[Any, _Entry | None] = {}
    recent: Any = None  # the entry of the last call, where all arguments were tensors

    @wraps(fn)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        nonlocal recent
        if watching and stack():
            return fn(*args, **kwargs)
        if recent is not None and not kwargs:
            entry = recent
            if entry.takes(args) and entry.fits():
                return entry.call(args)
        tensors: list[Any] = []
        structure = _structure(args, kwargs, tensors)
        key = (structure, modes.grad, Defaults.real, _signature(tensors))
        try:
            entry = entries.get(key, _MISSING)
        except TypeError:  # an argument that cannot be hashed
            compiled.reason = "an argument is neither a Tensor nor hashable"  # type: ignore[attr-defined]
            return fn(*args, **kwargs)
        if entry is _MISSING and len(entries) >= _MOST:
            compiled.reason = f"it was called with more than {_MOST} signatures"  # type: ignore[attr-defined]
            return fn(*args, **kwargs)
        if entry is _MISSING or (entry is not None and not entry.fits()):
            try:
                entry = _Entry(fn, structure, tensors, backend)
                if entry.fallback is not None:
                    compiled.fallback = entry.fallback  # type: ignore[attr-defined]
            except Untraceable as error:
                entry = None
                compiled.reason = str(error)  # type: ignore[attr-defined]
            entries[key] = entry
        recent = entry if structure is _TENSORS.get(len(args)) else None
        return fn(*args, **kwargs) if entry is None else entry.call(tensors)

    compiled.reason = None  # type: ignore[attr-defined]
    compiled.fallback = None  # type: ignore[attr-defined]
    return compiled


_MISSING: Any = object()
_MOST = 256  # signatures of one function, as each takes time and memory
