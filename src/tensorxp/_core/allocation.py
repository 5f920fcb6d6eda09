"""How tensors are made and nodes numbered. The compiled core has a C twin of this module."""

from itertools import count
from typing import Any

from tensorxp._core.tensor import TensorBase

COMPILED = False

allocate = TensorBase.__new__

#: Gives the sequence numbers of nodes.
next_seq = count(1).__next__


def settle(cls: type, root: type) -> None:
    """Prepare a subclass without fields for fast deletion; in pure Python nothing is to do."""


def publish(cls: type) -> None:
    """Have help and errors call a class what users call it, `tensorxp.Tensor`."""
    cls.__module__, cls.__qualname__ = __name__.partition(".")[0], "Tensor"
    cls.__name__ = "Tensor"


def strict(cls: type) -> None:
    """Have methods refuse another `self`; in pure Python they only miss its attributes."""


def lend(cls: type) -> None:
    """Have instances lend the buffer of their `__array__()`; from Python 3.12 `__buffer__` does."""


def hide(x: Any) -> None:
    """Keep a node or tuple, which is in no reference cycle, out of sight of the collector."""


def reveal(x: Any) -> None:
    """Let the garbage collector see a node or tuple again, since it may lead to itself now."""


def visible(x: Any) -> bool:
    """Return whether the garbage collector sees a node."""
    return True
