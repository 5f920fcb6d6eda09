"""What a trace is: steps from registers to registers.

A register is a number for a value: an argument, a constant from outside, or a result.
"""

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple


class Literal(NamedTuple):
    """An operand that is no tensor: a Python scalar, or None."""

    value: Any


class Reference(NamedTuple):
    """A place in parameters that holds the raw array of a register."""

    register: int


class Step(NamedTuple):
    """One operation: operands are registers or literals."""

    op: Any
    operands: tuple[Any, ...]
    params: dict[str, Any]
    outs: tuple[int, ...]
    several: bool
    device: Any


class Register:
    """What a trace knows of a value."""

    __slots__ = ("_raw", "aliases", "device", "dtype", "memory", "shape", "source", "tensor")

    def __init__(self, source: str, x: Any, memory: int) -> None:
        self.source = source  # "argument", "outside", "written" or "step"
        # a step's result is not kept alive: a trace of a large computation would hold all of it
        raw = x._data
        self._raw: Callable[[], Any] = weakref.ref(raw) if source == "step" else lambda: raw
        self.memory = memory  # the same number for arrays over one buffer
        self.device = x._device
        self.shape = x._data.shape
        self.dtype = x._data.dtype
        self.aliases = False  # whether it may share memory with another register
        self.tensor: Any = weakref.ref(x) if source == "outside" else None

    @classmethod
    def made(cls, like: "Register", shape: tuple[int, ...], number: int) -> "Register":
        """Return the register of a step that is put in later, of the dtype and device of `like`."""
        x = cls.__new__(cls)
        x.source, x.shape, x.dtype, x.device = "step", shape, like.dtype, like.device
        x._raw, x.memory, x.aliases, x.tensor = (lambda: None), -1 - number, False, None
        return x

    @property
    def raw(self) -> Any:
        """The array, or None where it was a step's result and is gone."""
        return self._raw()

    @raw.setter
    def raw(self, raw: Any) -> None:
        self._raw = lambda: raw

    def shares(self, other: "Register") -> bool:
        """Return whether the values may lie in the same memory."""
        if self.device is not other.device:
            return False
        mine, theirs = self.raw, other.raw
        if mine is None or theirs is None:
            return self.memory == other.memory
        return bool(self.device.raw.may_share_memory(mine, theirs))


def uses(step: Step) -> list[int]:
    """Return the registers that a step reads, those inside its parameters too."""
    found = [x for x in step.operands if not isinstance(x, Literal)]
    references(step.params, found)
    return found


def references(value: Any, found: list[int]) -> None:
    """Append the registers that parameters refer to."""
    if isinstance(value, Reference):
        found.append(value.register)
    elif isinstance(value, dict):
        for item in value.values():
            references(item, found)
    elif value.__class__ is tuple:
        for item in value:
            references(item, found)


def resolved(value: Any, values: Any) -> Any:
    """Return parameters with the arrays of `values` (by register) in the place of references."""
    if isinstance(value, Reference):
        return values[value.register]
    if isinstance(value, dict):
        return {name: resolved(item, values) for name, item in value.items()}
    if value.__class__ is tuple:
        return tuple(resolved(item, values) for item in value)
    return value
