"""`compile`: the user's door to tracing, with its cache and its place in autograd."""

from collections.abc import Callable
from functools import wraps
from operator import is_
from typing import Any

from tensorxp._backend.dtypes import Defaults
from tensorxp._core.door import apply, node_of, wrap
from tensorxp._core.modes import enable_grad, modes
from tensorxp._core.node import Leaf
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import TensorBase
from tensorxp._core.views import cell_of
from tensorxp._core.watchers import stack, watch, watching
from tensorxp._tracing.program import Program
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
    return "static", (type(value), value)  # 1, 1.0 and True are equal, but not the same


def _unflatten(structure: Any, leaves: Any) -> Any:
    if structure is None:
        return next(leaves)
    kind, content = structure
    if kind == "static":
        return content[1]
    if kind is float or kind is complex:
        return kind(content)
    if kind is dict:
        return {key: _unflatten(item, leaves) for key, item in content}
    items = [_unflatten(item, leaves) for item in content]
    if kind is list or kind is tuple:
        return kind(items)
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def _same(xs: tuple[Any, ...], ys: tuple[Any, ...]) -> bool:
    return len(xs) == len(ys) and all(map(is_, xs, ys))


class _Entry:
    """One compiled version of a function: for one structure, shapes, dtypes and devices."""

    def __init__(self, fn: Callable[..., Any], structure: Any, tensors: list[Any]) -> None:
        self.fn = fn
        self.structure = structure
        self.needs = [modes.grad and node_of(x) is not None for x in tensors]
        arguments: list[Any] = []
        for x, needed in zip(tensors, self.needs, strict=True):
            fresh: Any = wrap(x._data[...], x._device)  # told from others over the same array
            arguments.append(fresh.requires_grad_(True) if needed else fresh)
        tracer = Tracer(tuple(arguments))
        try:
            self._trace(tracer, arguments)
        except Untraceable:
            tracer.undo()
            raise

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
            self.recorded = [node_of(y) is not None for y in outputs]
            forward_steps = len(tracer.steps)
            cts = [wrap(y._device.raw.base.ones_like(y._data), y._device) for y in recorded]
            ct_numbers = [tracer.number(ct, "argument") for ct in cts]
            grads: tuple[Any, ...] = ()
            if recorded:
                grads = grad(recorded, sources, cts, allow_unused=True)
            grad_numbers = [None if g is None else tracer.number(g) for g in grads]
        alive = (arguments, outputs, cts, grads)  # until here, so that no number is reused
        del alive, outputs, recorded
        tracer.close()
        self._settle_outputs(registers, numbers, len(arguments))
        self.states = tracer.states
        self.outside = [
            (r.tensor, r.shape, r.dtype, r.tensor._node is not None)
            for r in registers
            if r.source == "outside" and r.tensor is not None
        ]
        inputs = list(range(len(arguments)))
        self.grads = grad_numbers
        wanted = [n for n in grad_numbers if n is not None]
        backward_steps = tracer.steps[forward_steps:]
        made = {n for step in tracer.steps[:forward_steps] for n in step.outs} | set(inputs)
        probe = Program(registers, backward_steps, [*ct_numbers, *made], wanted)
        self.residuals = sorted(probe.reads(made))
        self.forward = Program(
            registers, tracer.steps[:forward_steps], inputs, [*numbers, *self.residuals]
        )
        self.backward = Program(registers, backward_steps, [*ct_numbers, *self.residuals], wanted)
        self.count = len(numbers)
        self._settle_checks(registers, numbers, inputs)
        self.primitive = self._primitive() if any(self.recorded) else None

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

    def _settle_checks(
        self, registers: list[Register], numbers: list[int], inputs: list[int]
    ) -> None:
        """Find the tensors whose values backward needs, which must not be written until then."""
        kept = [registers[i] for i in self.residuals]
        self.kept_inputs = [i for i in inputs if any(registers[i].shares(r) for r in kept)]
        self.kept_outputs = [
            i for i, n in enumerate(numbers) if any(registers[n].shares(r) for r in kept)
        ]
        self.kept_outside = [x for _, x in self.backward.outside]

    def fits(self) -> bool:
        """Return whether what the trace took from outside is as it was."""
        for x, shape, dtype, recorded in self.outside:
            data = x._data
            if data.shape != shape or data.dtype != dtype or (x._node is not None) is not recorded:
                return False
        return all(_same(module.traced_state(), state) for module, state in self.states)

    def _run(self, raws: list[Any]) -> list[Any]:
        found = self.forward.run(raws)
        for i in self.copied:
            found[i] = self.devices[i].raw.copy(found[i])
        return found

    def call(self, tensors: list[Any]) -> Any:
        """Return what the function would, for tensors that fit this entry."""
        if self.primitive is not None:
            box: dict[str, Any] = {"tensors": tensors}
            kept = [*[tensors[i] for i in self.kept_inputs], *self.kept_outside]
            box["cells"] = [(cell := cell_of(x), cell[0]) for x in kept]
            made = apply(self.primitive, (*tensors, *self.parameters), {"box": box})
            outs = list(made)
            for i, recorded in enumerate(self.recorded):
                if not recorded:
                    outs[i] = outs[i].detach()
            for i in self.kept_outputs:
                box["cells"].append((cell_of(outs[i]), 0))
        else:
            raws = self._run([x._data for x in tensors])
            outs = [wrap(raw, d) for raw, d in zip(raws, self.devices, strict=True)]
        for i, j in self.joined:
            outs[i]._version = cell_of(outs[j])
        return _unflatten(self.result, iter(outs))

    def _primitive(self) -> Primitive:
        """Return the whole function as one primitive; its vjp replays the traced backward."""
        entry = self

        def forward(xp: Any, *raws: Any, box: dict[str, Any]) -> tuple[Any, ...]:
            found = entry._run(list(raws[: len(entry.needs)]))
            box["residuals"] = found[entry.count :]
            return tuple(found[: entry.count])

        op = Primitive("compiled", "general", ("xs",), forward=forward, variadic=True)

        @op.vjp
        def _(ct: Any, *, box: dict[str, Any]) -> tuple[Any, ...]:
            if any(cell[0] != version for cell, version in box["cells"]):
                raise RuntimeError(
                    "backward: a tensor that a compiled function read or returned, and whose "
                    "value its gradient needs, has been modified by an in-place operation"
                )
            if isinstance(ct[0], TensorBase):
                return entry.eager_vjp(ct, box["tensors"])
            cts = [c for c, recorded in zip(ct, entry.recorded, strict=True) if recorded]
            found = iter(entry.backward.run([*cts, *box["residuals"]]))
            return entry.spread([None if n is None else next(found) for n in entry.grads])

        return op

    def spread(self, grads: list[Any]) -> tuple[Any, ...]:
        """Return one gradient, or None, for each tensor argument and parameter."""
        found = iter(grads)
        return tuple(next(found) if needed else None for needed in self.needs) + tuple(found)

    def eager_vjp(self, cts: tuple[Any, ...], tensors: list[Any]) -> tuple[Any, ...]:
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
            found = grad(
                [y for y, _ in pairs],
                [*sources, *self.parameters],
                [c for _, c in pairs],
                create_graph=True,
                allow_unused=True,
            )
        return self.spread(list(found))


def compile(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that runs `fn` once for each new signature and replays it afterwards.

    A signature is the arguments' structure, the shapes, dtypes, devices and `requires_grad` of
    the Tensors among them, the other arguments' values, the grad mode and the default dtype.
    Replaying skips the door and autograd's records, frees values early and writes over dead ones;
    gradients are replayed too. Tensors from outside (parameters, say) are read at each call, and
    the training flags of modules that are called are heeded; other Python values from outside
    are those of the trace.

    What a trace cannot repeat runs as it is written, always: reading values into Python
    (`if t > 0`, `.item()`), random numbers, data-dependent shapes, writing to arguments or to
    tensors from outside, returning views of these, an `autograd.Function`, a `checkpoint`,
    `.backward()` inside. `compiled.reason` then says which it was. Python
    side effects happen at tracing only.

    >>> import tensorxp as xp
    >>> step = xp.compile(lambda x: xp.sum(xp.sin(x) ** 2))
    >>> x = xp.asarray([0.0, 1.0], requires_grad=True)
    >>> step(x).backward()
    >>> bool(xp.allclose(x.grad, xp.sin(2 * x)))
    True
    """
    if not callable(fn):
        raise TypeError(f"compile: fn is a {type(fn).__name__}; allowed are functions")
    entries: dict[Any, _Entry | None] = {}

    @wraps(fn)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        if watching and stack():
            return fn(*args, **kwargs)
        tensors: list[Any] = []
        structure = _flatten((args, kwargs), tensors)
        key = (
            structure,
            modes.grad,
            Defaults.real,
            tuple([(x._data.shape, x._data.dtype, x._device, x._node is None) for x in tensors]),
        )
        try:
            entry = entries.get(key, _MISSING)
        except TypeError:  # an argument that cannot be hashed
            compiled.reason = "an argument is neither a Tensor nor hashable"  # type: ignore[attr-defined]
            return fn(*args, **kwargs)
        if entry is _MISSING or (entry is not None and not entry.fits()):
            try:
                entry = _Entry(fn, structure, tensors)
            except Untraceable as error:
                entry = None
                compiled.reason = str(error)  # type: ignore[attr-defined]
            entries[key] = entry
        return fn(*args, **kwargs) if entry is None else entry.call(tensors)

    compiled.reason = None  # type: ignore[attr-defined]
    return compiled


_MISSING: Any = object()
