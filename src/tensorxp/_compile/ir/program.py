"""Programs: the steps of a trace that lead to given registers, ready to be replayed.

Steps run on raw arrays by a plain loop. A value is dropped after its last use, and where a ufunc
can write over an operand that dies there, it does: chains of elementwise operations then run in
one buffer.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorxp._backend.quiet import ERRORS
from tensorxp._compile.ir.steps import Literal, Register, Step, references, resolved, uses


def silenced() -> bool:
    """Return whether warnings of floating-point errors are shown nowhere."""
    for action, message, kind, module, line in warnings.filters:
        if issubclass(RuntimeWarning, kind):
            return action == "ignore" and not (message or module or line)
    return False


def strictly(run: Callable[[list[Any]], Any], raws: list[Any]) -> Any:
    """Return `run(raws)`; FloatingPointError where NumPy would warn, which it does in our lines."""
    before = ERRORS.get()
    if _strict[0] is not before:
        states = {kind: "raise" if x == "warn" else x for kind, x in np.geterr().items()}
        with np.errstate(**states):  # type: ignore[arg-type]
            _strict[:] = before, ERRORS.get()
    known, state = _strict
    if known is not before or silenced():
        return run(raws)
    try:
        ERRORS.set(state)
        return run(raws)
    finally:
        ERRORS.set(before)


_strict: list[Any] = [None, None]  # the last error state, and the one that raises in its place


class Program:
    """A straight line of raw calls from `inputs` to `outputs`, both lists of registers."""

    def __init__(
        self, registers: list[Register], steps: list[Step], inputs: list[int], outputs: list[int]
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        kept = self._slice(steps, set(inputs), outputs)
        self._values: list[Any] = [None] * len(registers)
        known = set(inputs) | {n for step in kept for n in step.outs}
        for n in {n for step in kept for n in uses(step)} | set(outputs):
            if n in known:
                continue
            self._values[n] = registers[n].raw
        self._lines = self._plan(registers, kept)

    @staticmethod
    def _slice(steps: list[Step], inputs: set[int], outputs: list[int]) -> list[Step]:
        """Return the steps that `outputs` need, in order."""
        wanted = set(outputs) - inputs
        kept = []
        for step in reversed(steps):
            if wanted.intersection(step.outs):
                kept.append(step)
                wanted.difference_update(step.outs)
                wanted.update(set(uses(step)) - inputs)
        return kept[::-1]

    def _plan(self, registers: list[Register], steps: list[Step]) -> list[tuple[Any, ...]]:
        """Return a line (function, a, b, c, params, out, several, dying) for each step."""
        last: dict[int, int] = {}
        shared = {n for step in steps for n in _alias_group(registers, step)}
        for i, step in enumerate(steps):
            for n in uses(step):
                last[n] = i
        own = {n for step in steps for n in step.outs} - set(self.outputs)
        lines: list[tuple[Any, ...]] = []
        for i, step in enumerate(steps):
            fn = step.device._forwards.get(step.op) or step.op.bind(step.device)
            dying = tuple(n for n in set(uses(step)) if last[n] == i and n in own)
            refers: list[int] = []
            references(step.params, refers)
            is_ufunc = fn.__class__ is step.device.raw.ufunc and not step.params
            over = -1
            if is_ufunc and not step.several:
                over = self._reusable(registers, step, dying, shared)
            plain = [x for x in step.operands if not isinstance(x, Literal)]
            simple = len(plain) == len(step.operands) and not step.params and not step.several
            if simple and len(plain) <= 2:
                a, b = plain[0], plain[1] if len(plain) == 2 else -1
                lines.append((fn, a, b, over, None, step.outs[0], False, dying))
            else:
                lines.append(
                    (fn, step.operands, -1, over, (step.params, bool(refers)), step.outs,
                     step.several, dying)
                )  # fmt: skip
        return lines

    @staticmethod
    def _reusable(
        registers: list[Register], step: Step, dying: tuple[int, ...], shared: set[int]
    ) -> int:
        """Return an operand that the step may write over, or -1."""
        out = registers[step.outs[0]]
        for n in dying:
            x = registers[n]
            fits = x.shape == out.shape and x.dtype == out.dtype and out.shape != ()
            if fits and n not in shared and not x.aliases:
                return n
        return -1

    def reads(self, among: set[int]) -> set[int]:
        """Return which registers of `among` the program reads or hands on."""
        found = {n for line in self._lines for n in self._line_uses(line)} | set(self.outputs)
        return found & among

    @staticmethod
    def _line_uses(line: tuple[Any, ...]) -> list[int]:
        _, a, b, _, general, _, _, _ = line
        if general is None:
            return [a] if b < 0 else [a, b]
        found = [x for x in a if not isinstance(x, Literal)]
        references(general[0], found)
        return found

    def run(self, arguments: list[Any]) -> list[Any]:
        """Return the raw outputs for raw `arguments`."""
        values = self._values.copy()
        for n, x in zip(self.inputs, arguments, strict=True):
            values[n] = x
        for fn, a, b, over, general, out, several, dying in self._lines:
            if general is None:
                if over >= 0:
                    if b >= 0:
                        values[out] = fn(values[a], values[b], values[over])
                    else:
                        values[out] = fn(values[a], values[over])
                elif b >= 0:
                    values[out] = fn(values[a], values[b])
                else:
                    values[out] = fn(values[a])
            else:
                operands = [x.value if x.__class__ is Literal else values[x] for x in a]
                params, refers = general
                if refers:
                    params = resolved(params, values)
                if over >= 0:
                    operands.append(values[over])
                found = fn(*operands, **params)
                if several:
                    for n, value in zip(out, found, strict=True):
                        values[n] = value
                else:
                    values[out[0]] = found
            for n in dying:
                values[n] = None
        return [values[n] for n in self.outputs]


def _alias_group(registers: list[Register], step: Step) -> list[int]:
    """Return the registers that share memory by this step: a view's, and what it looks at."""
    if step.op.view or any(registers[n].aliases for n in step.outs):
        return [*step.outs, *uses(step)]
    return []
