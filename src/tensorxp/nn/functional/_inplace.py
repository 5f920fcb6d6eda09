"""What `inplace=True` means: the result is written over the input, which is returned."""

from collections.abc import Callable
from typing import Any

from tensorxp._core.door import node_of
from tensorxp._core.modes import modes
from tensorxp._core.node import Leaf
from tensorxp._core.views import View
from tensorxp._core.watchers import watching
from tensorxp._core.writes import bump
from tensorxp._ops.shaping import copy
from tensorxp.nn.functional._sizes import expect


def settle(function: Callable[[Any], Any], input: Any, inplace: bool) -> Any:
    """Return `function(input)`, or with `inplace` the input after it took these values.

    Where a gradient is recorded the function gets a copy: what it saves must stay as it was.
    """
    if not inplace:
        return function(input)
    expect("inplace=True", input)
    if not modes.grad or node_of(input) is None:
        input[...] = function(input)
        return input
    out = function(copy(input))
    if watching or input._version.__class__ is View or input._node.__class__ is Leaf:
        input[...] = out  # raises for a leaf
        return input
    input._data[...] = out._data
    bump(input)
    input._node = out._node
    return input
