"""How tensors are allocated and nodes are numbered; the compiled core has a C twin of this module."""

from itertools import count

from tensorxp._core.tensor import TensorBase

allocate = TensorBase.__new__

#: Gives the sequence numbers of nodes.
next_seq = count(1).__next__


def settle(cls: type) -> None:
    """Prepare the concrete class for fast deletion; in pure Python there is nothing to do."""
