"""A version of a compiled function: its trace, the check that it still holds, its programs."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorxp._backend import device as devices
from tensorxp._backend.dtypes import Defaults
from tensorxp._compile.cuda.program import CudaPair, Unfused
from tensorxp._compile.front import structure
from tensorxp._compile.front.effects import hooked
from tensorxp._compile.front.guards import Guards, function
from tensorxp._compile.front.seen import Seen
from tensorxp._compile.front.trace import Tracer, Untraceable
from tensorxp._compile.ir.pairs import ReplayPair, Trace, improved
from tensorxp._compile.ir.program import Program, strictly
from tensorxp._compile.ir.steps import Literal, Register, references, resolved
from tensorxp._compile.native import build
from tensorxp._compile.native.program import NativePair
from tensorxp._core.allocation import allocate
from tensorxp._core.door import apply, arrays_like, node_of, record, wrap
from tensorxp._core.modes import modes
from tensorxp._core.node import Leaf, Node, slot_of
from tensorxp._core.primitive import Primitive
from tensorxp._core.rules import fit
from tensorxp._core.tensor import CONCRETE, TensorBase
from tensorxp._core.views import View, cell_of
from tensorxp._core.watchers import watch
from tensorxp.autograd.functions import grad


def default_device() -> Any:
    """Return the device of creation functions."""
    return devices._local.default or devices._process_default[0]


_paused: list[None] = []  # not empty while a trace of any thread has turned the collector off


@contextmanager
def _no_collection() -> Iterator[None]:
    """Turn the collector off: a trace makes objects that stay, and looking at them takes time."""
    if not gc.isenabled():
        yield
        return
    _paused.append(None)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        _paused.pop()


def _in_child() -> None:
    if _paused:  # by a thread that a forked child does not have
        _paused.clear()
        gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


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


class Entry:
    """One compiled version of a function: for one structure, shapes, dtypes and devices."""

    def __init__(
        self, fn: Callable[..., Any], shape: Any, tensors: tuple[Any, ...], backend: str
    ) -> None:
        self.fn = fn
        self.backend = backend
        self.fallback: str | None = None  # why the program does not run as it might
        self.structure = shape
        self.needs = [node_of(x) is not None for x in tensors]
        arguments: list[Any] = []
        for x, needed in zip(tensors, self.needs, strict=True):
            fresh = _standing_in(x)
            arguments.append(fresh.requires_grad_(True) if needed else fresh)
        tracer = Tracer(tuple(arguments))
        seen = Seen(tracer)
        try:
            with _no_collection(), self._unwarned():
                self._trace(tracer, seen, arguments)
        except BaseException:
            tracer.undo()
            raise
        finally:
            seen.close()
        self.take = self._check(tensors, seen.guards)

    def _unwarned(self) -> Any:
        """Return a scope in which floating-point errors are noted: a plain call tells of them."""
        self.erred = False

        def note(kind: str, flag: int) -> None:
            self.erred = True

        states: Any = {k: "call" if how == "warn" else how for k, how in np.geterr().items()}
        return np.errstate(call=note, **states)

    def _trace(self, tracer: Tracer, seen: Seen, arguments: list[Any]) -> None:
        """Run the function and its vjp under the tracer, and make their programs."""
        with watch(tracer):
            args, kwargs = structure.unflatten(self.structure, iter(arguments))
            seen.arguments((args, kwargs))
            outputs: list[Any] = []
            returned = seen.main.call(self.fn, *args, **kwargs)
            self.result = structure.result(returned, outputs, set(seen.own))
            del returned, args, kwargs
            shown = len(outputs)  # losses that are not returned come after
            self._effects(seen, outputs)
            self.devices = [y._device for y in outputs]
            numbers = [tracer.number(y) for y in outputs]
            if any(
                (node_of(x) is not None) is not n
                for x, n in zip(arguments, self.needs, strict=True)
            ):
                raise Untraceable("it sets requires_grad of an argument")
            registers = tracer.registers
            self.parameters = self._parameters(registers)
            sources = [x for x, needed in zip(arguments, self.needs, strict=True) if needed]
            sources += self.parameters
            recorded = [y for y in outputs if node_of(y) is not None]
            self.recorded = [node_of(y) is not None for y in outputs]
            _check_history(outputs, sources)
            tracer.closed = None
            forward_steps = len(tracer.steps)
            self._forward = list(tracer.recorded)
            cts = [wrap(y._device.raw.ones_like(y._data), y._device) for y in recorded]
            ct_numbers = [tracer.number(ct, "argument") for ct in cts]
            self.cts = [(y._data.shape, y._data.dtype) for y in recorded]
            self.led_to = _led_to(recorded, sources)
            grads: tuple[Any, ...] = ()
            if recorded:
                try:
                    with _without_hooks(sources):
                        grads = grad(recorded, sources, cts, allow_unused=True)
                except (RuntimeError, NotImplementedError) as error:  # as backward would raise
                    raise Untraceable(f"its gradient cannot be computed: {error}") from None
            grad_numbers = [None if g is None else tracer.number(g) for g in grads]
        results = [y._data for y in outputs]
        self.strides = [x.strides for x in results]
        arguments.clear()  # tensors live until here, so that no number is reused
        seen.close()
        del outputs, recorded, cts, grads
        tracer.close()
        count = len(self.needs)
        self.outside = [
            r.tensor for r in registers if r.source == "outside" and r.tensor is not None
        ]
        # what the trace saw, however another thread changes the tensors meanwhile
        self._seen = [r.raw for r in registers[:count]]
        self._seen += [r.raw for r in registers if r.source == "outside" and r.tensor is not None]
        inputs = list(range(count))
        for i, r in enumerate(registers):
            if r.source == "outside" and r.tensor is not None:
                r.source = "argument"
                inputs.append(i)
        self._settle_outputs(registers, numbers, inputs, shown)
        del results
        self.grads = grad_numbers
        self.steps = forward_steps, len(tracer.steps)
        self._numbers, self._inputs = numbers, inputs
        self._constants = {
            i: wrap(r.raw, r.device)
            for i, r in enumerate(registers)
            if r.source in ("written", "outside")
        }
        wanted = [n for n in grad_numbers if n is not None]
        backward = Program(registers, tracer.steps[forward_steps:], ct_numbers, wanted)
        saved = [registers[n] for n in backward.reads(set(range(len(registers))))]
        traced = Trace(
            registers, tracer.steps, forward_steps, inputs, numbers, ct_numbers, wanted,
            [i for i, n in enumerate(inputs) if any(registers[n].shares(r) for r in saved)],
            [i for i, n in enumerate(numbers) if any(registers[n].shares(r) for r in saved)],
        )  # fmt: skip
        # whose later writes are an error, whether or not the program reads them
        self.saved = traced.read, traced.returned
        self._rest = [i for i in range(len(inputs)) if i not in traced.read]
        traced = improved(traced)
        self.pair: Any = self._fused(traced) or ReplayPair(traced)
        self.calls = self.pair.calls and all(r.device.type != "cuda" for r in registers)
        self.streak = 0  # of calls with floating-point errors
        self.primitive = self._primitive() if any(self.recorded) else None
        alone = self.result == structure.ONE and not self.copied and not self.acts
        self._single = self.strides[0] if alone else None

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
        found = [r.tensor() for r in registers if r.source == "outside"]
        parameters = [x for x in found if x is not None and node_of(x) is not None]
        if any(x._node.__class__ is not Leaf for x in parameters):
            raise Untraceable("it reads a tensor from outside that is the result of an operation")
        return parameters

    def _effects(self, seen: Seen, outputs: list[Any]) -> None:
        """Take over the effects; losses that are not returned become outputs."""
        acts: list[tuple[Any, tuple[Any, ...], int | None]] = []
        loss, shown = None, len(outputs)
        for call, args, root, node in seen.effects:
            place = None
            if root is not None:
                if node_of(root) is not node:
                    raise Untraceable("it writes to the loss in place after backward")
                loss = root
                place = next((i for i, y in enumerate(outputs) if y is root), len(outputs))
                outputs += [root] if place == len(outputs) else []
            acts.append((call, args, place))
        self.before, self.after = acts[: seen.first], acts[seen.first :]
        self.acts = bool(acts)
        if acts:
            _check_freed(outputs[:shown], loss)

    def _settle_outputs(
        self, registers: list[Register], numbers: list[int], inputs: list[int], shown: int
    ) -> None:
        """Find the outputs to copy, as they lie in constants."""
        theirs = [registers[n] for n in inputs]
        constants = [r for r in registers if r.source in ("written", "outside")]
        outs = [registers[i] for i in numbers]
        self.copied = [i for i, y in enumerate(outs) if any(y.shares(r) for r in constants)]
        del outs[shown:]  # nobody sees them
        if any(out.shares(r) for out in outs for r in theirs):
            raise Untraceable("it returns an argument, a tensor from outside, or a view of one")
        if any(x.shares(y) for i, x in enumerate(outs) for y in outs[:i]):
            raise Untraceable("it returns two tensors over the same memory")

    def _check(self, tensors: tuple[Any, ...], guards: Guards) -> Any:
        """Return a function of tensors: their arrays and those from outside, or None.

        None is for a world that is not as it was. Each array is taken once, before it is looked
        at, so that another thread cannot change what runs afterwards.
        """
        count, name = len(tensors), guards.name
        several = [f"args[{i}] is args[{j}]" for i in range(count) for j in range(i)]
        if count > 4:
            several = [f"len({{*map(id, args)}}) != {count}"]
        if count * len(self.outside) < 6:
            several += [f"args[{i}] is {name(x)}" for i in range(count) for x in self.outside]
        else:
            ids = name(frozenset(map(id, self.outside)))
            several += [f"id(args[{i}]) in {ids}" for i in range(count)]
        lines = [f"if len(args) != {count}: return None"]
        if several:
            lines.append(f"if {' or '.join(several)}: return None")
        guards.names.update(
            modes=modes, Defaults=Defaults, arrays_like=arrays_like, OUTSIDE=tuple(self.outside)
        )
        place = f"({name(devices._local)}.default or {name(devices._process_default)}[0])"
        lines += [
            f"if modes._grad is not {modes.grad}: return None",
            f"if Defaults.real is not {name(Defaults.real)}: return None",  # others follow it
            f"if {place} is not {name(default_device())}: return None",
        ]
        every = [*tensors, *self.outside]
        guards.names["KINDS"] = tuple([
            (type(x), raw.shape, raw.dtype, raw.strides, x._device, node_of(x) is not None)
            for x, raw in zip(every, self._seen, strict=True)
        ])  # fmt: skip
        lines += ["raws = arrays_like(args, OUTSIDE, KINDS)", "if raws is None: return None"]
        if self.acts:  # what runs in between is known
            guards.names.update(Leaf=Leaf, hooked=hooked)
            places = [f"args[{i}]" for i in range(count)] + [name(x) for x in self.outside]
            for at, x in zip(places, every, strict=True):
                if node_of(x) is not None:
                    lines += [
                        f"if {at}._node.__class__ is not Leaf: return None",
                        f"if {at}._node.extra is not None and hooked({at}._node.extra): "
                        "return None",
                    ]
        del self._seen  # arrays are not kept
        lines += guards.lines
        lines.append("return raws")
        self.guards = len(guards.lines)
        self._objects = guards.objects, guards.names
        return function("args", lines, guards.names)

    def outdated(self) -> bool:
        """Return whether an object that was read is another one now, which seldom comes back."""
        lines, names = self._objects
        return not function("", [*lines, "return True"], names)()

    def call(self, tensors: Sequence[Any], raws: list[Any]) -> Any:
        """Return what the function would, for the arrays that `take` gave for `tensors`.

        Of a program with effects, return its tensors for `finish`.
        """
        devices = self.devices
        for act, args, _ in self.before:
            act(*args)
        pair = self.pair
        raws, kept = strictly(pair.forward, raws) if self.calls else pair.forward(raws)
        if self._single is not None:  # one tensor, which lies in no constant
            (raw,) = raws
            if raw.strides != self._single:
                raw = _laid_out(devices[0].raw, raw, self._single)
            out = wrap(raw, devices[0])
            if self.primitive is not None:
                self._record(tensors, [out], kept)
            return out
        for i in self.copied:
            raws[i] = devices[i].raw.copy(raws[i])
        for i, strides in enumerate(self.strides):
            if raws[i].strides != strides:
                raws[i] = _laid_out(devices[i].raw, raws[i], strides)
        outs = [wrap(raw, device) for raw, device in zip(raws, devices, strict=True)]
        if self.primitive is not None:
            self._record(tensors, outs, kept)
        return outs if self.acts else structure.rebuilt(self.result, outs)

    def finish(self, outs: list[Any]) -> Any:
        """Do what the function does beside computing, and return what it does."""
        for act, args, place in self.after:
            if place is None:
                act(*args)
            else:
                act(outs[place])
        return structure.rebuilt(self.result, outs)

    def _record(self, tensors: Any, outs: list[Any], kept: list[Any]) -> None:
        """Record the call as one node, with what backward needs."""
        inputs = (*tensors, *self.parameters) if self.parameters else tuple(tensors)
        cells, count = [], len(tensors)
        for i in self.saved[0]:
            cell = cell_of(tensors[i] if i < count else self.outside[i - count])
            cells.append((cell, cell[0]))
        for i in self.saved[1]:
            cells.append((cell := cell_of(outs[i]), cell[0]))
        rest = []  # what backward does not read, but its own derivative may
        for i in self._rest:
            cell = cell_of(tensors[i] if i < count else self.outside[i - count])
            rest.append((cell, cell[0]))
        edges = tuple([node_of(x) for x in inputs])
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
        node.saved = ((kept, cells, tuple(tensors), rest), None, 0)

    def _primitive(self) -> Primitive:
        """Return the whole function as one primitive; its vjp replays the traced backward."""
        entry = self
        several = len(self.recorded) > 1
        # outputs of which some lead to some inputs only are told apart, as those of a Function
        apart = several and len({led for led in self.led_to if led}) > 1
        op = Primitive("compiled", "function" if apart else "general", ("x",))
        # whether each gradient of the program is one of the node, in turn
        direct = all(self.needs) and None not in self.grads and not apart

        @op.vjp
        def _(ct: Any, out: Any) -> tuple[Any, ...]:
            kept, cells, tensors, rest = out
            for cell, version in cells:
                if cell[0] != version:
                    raise RuntimeError(
                        "backward: a tensor that a compiled function read or returned, and whose "
                        "value backward needs, has been modified by an in-place operation since; "
                        "clone it before the write"
                    )
            if any(
                [isinstance(c, TensorBase) for c in ct] if several else [isinstance(ct, TensorBase)]
            ):
                return entry.eager_vjp(ct if several else (ct,), tensors, rest)
            cts, used = [ct], -1
            if several:
                cts = [c for c, recorded in zip(ct, entry.recorded, strict=True) if recorded]
            if apart:
                used = sum([1 << i for i, c in enumerate(cts) if c is not None])
                places = [
                    d for d, known in zip(entry.devices, entry.recorded, strict=True) if known
                ]
                cts = [
                    place.raw.zeros(shape, dtype=dtype) if c is None else c
                    for c, place, (shape, dtype) in zip(cts, places, entry.cts, strict=True)
                ]
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
            every = [None if n is None else next(found) for n in entry.grads]
            return entry.spread(
                [g if led & used else None for g, led in zip(every, entry.led_to, strict=True)]
            )

        # its nodes lead to the function, and so to all that this can reach: the collector sees them
        op.plan((*self.needs, *[True] * len(self.parameters))).hidden = False
        return op

    def spread(self, grads: list[Any]) -> tuple[Any, ...]:
        """Return one gradient, or None, for each tensor argument and parameter."""
        found = iter(grads)
        return tuple(next(found) if needed else None for needed in self.needs) + tuple(found)

    def eager_vjp(self, cts: Any, tensors: tuple[Any, ...], cells: Any) -> tuple[Any, ...]:
        """Return the gradients by the operations of the trace: they can be differentiated."""
        for cell, version in cells:
            if cell[0] != version:
                raise RuntimeError(
                    "backward: a tensor that a compiled function read has been modified by an "
                    "in-place operation since, so that its gradient cannot be differentiated "
                    "again; clone it before the write"
                )
        before = modes.grad
        try:
            outputs = self._repeated(tensors)
            sources = [x for x, needed in zip(tensors, self.needs, strict=True) if needed]
            pairs = [
                (y, c)
                for y, c, recorded in zip(outputs, cts, self.recorded, strict=True)
                if recorded and c is not None
            ]
            sources += self.parameters
            known = [x for x in sources if node_of(x) is not None]  # others were frozen since
            modes.grad = True
            ys, given = [y for y, _ in pairs], [c for _, c in pairs]
            with _without_hooks(known):
                found = iter(grad(ys, known, given, create_graph=True, allow_unused=True))
        finally:
            modes.grad = before
        return self.spread([None if node_of(x) is None else next(found) for x in sources])

    def _repeated(self, tensors: tuple[Any, ...]) -> list[Any]:
        """Return the outputs by the operations of the trace, with their histories."""
        values = dict(self._constants)
        values.update(zip(self._inputs, (*tensors, *self.outside), strict=True))
        for step, mode, history in self._forward:
            inputs: list[Any] = []
            for x, recorded in zip(step.operands, history, strict=True):
                if isinstance(x, Literal):
                    inputs.append(x.value)
                else:
                    known = values[x]
                    inputs.append(known if recorded else wrap(known._data, known._device))
            refers: list[int] = []
            references(step.params, refers)
            raws = {n: values[n]._data for n in refers}
            modes.grad = mode
            out: Any = apply(step.op, tuple(inputs), resolved(step.params, raws))
            for n, y in zip(step.outs, out if step.several else (out,), strict=True):
                values[n] = y
        return [values[n] for n in self._numbers]


def _standing_in(x: Any) -> Any:
    """Return a tensor in the place of an argument: told from others over the same array."""
    fresh: Any = wrap(x._data[...], x._device)
    if type(x) is not CONCRETE[0]:
        other = allocate(type(x))
        for part in ("_data", "_device", "_node", "_version"):
            setattr(other, part, getattr(fresh, part))
        fresh = other
    return fresh


def _check_history(outputs: list[Any], sources: list[Any]) -> None:
    """Raise `Untraceable` where an output's history is more than a program's node can be."""
    known = {id(x._node) for x in sources}
    waiting, seen = [], set()
    for y in outputs:
        version = y._version
        if version.__class__ is View and version.frozen:
            raise Untraceable("it returns a view that was made without recording")
        node = node_of(y)
        if node is not None:
            if node.__class__ is Leaf:
                raise Untraceable("it returns a leaf that requires grad")
            if node.extra is not None:
                raise Untraceable("it returns a tensor with hooks or a retained gradient")
            waiting.append(node)
    while waiting:
        node = waiting.pop()
        if node is None or node.seq in seen:
            continue
        seen.add(node.seq)
        if node.__class__ is Leaf and id(node) not in known:
            raise Untraceable("its result has the history of a leaf that was made in it")
        if node.extra is not None and node.__class__ is not Leaf:
            raise Untraceable("it sets hooks, or retains gradients, of tensors in it")
        waiting.extend(node.edges)


def _check_freed(outputs: list[Any], loss: Any) -> None:
    """Raise `Untraceable` for an output whose graph backward of `loss` does not free as a whole."""
    below: dict[int, Any] = {}
    waiting = [] if loss is None else [node_of(loss)]
    while waiting:
        node = waiting.pop()
        if node is not None and node.seq not in below:
            below[node.seq] = node
            waiting.extend(node.edges)
    for y in outputs:
        node = node_of(y)
        if node is None or (y is loss and any(x.saved for x in below.values() if _made(x))):
            continue
        if node.seq not in below or not _made(node) or not node.saved:
            raise Untraceable("it returns a tensor whose history is not freed by backward")


def _made(node: Any) -> bool:
    return type(node) is Node


def _led_to(outputs: list[Any], sources: list[Any]) -> list[int]:
    """Return for each of `sources` which outputs have it in their history, a bit for each."""
    bits: dict[Any, int] = {}
    for i, y in enumerate(outputs):
        bits[y._node] = bits.get(y._node, 0) | 1 << i
    waiting, nodes = list(bits), {}
    while waiting:
        node = waiting.pop()
        if node is not None and node.seq not in nodes:
            nodes[node.seq] = node
            waiting.extend(node.edges)
    for seq in sorted(nodes, reverse=True):
        for edge in nodes[seq].edges:
            if edge is not None:
                bits[edge] = bits.get(edge, 0) | bits[nodes[seq]]
    return [bits.get(x._node, 0) for x in sources]


def _laid_out(raw: Any, x: Any, strides: tuple[int, ...]) -> Any:
    """Return a copy of `x` with these strides, which are dense in some order of the axes."""
    order = sorted(range(x.ndim), key=lambda i: (-strides[i], x.shape[i] == 1))
    back = [order.index(i) for i in range(x.ndim)]
    out = raw.permute_dims(raw.empty(tuple([x.shape[i] for i in order]), dtype=x.dtype), back)
    if out.strides != strides:
        raise Untraceable("the layout of a result in memory cannot be made")
    out[...] = x
    return out
