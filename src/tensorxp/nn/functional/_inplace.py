"""What `inplace=True` means: the result is written over the input, which is returned."""

from collections.abc import Callable
from typing import Any

import tensorxp as xp
from tensorxp._core.face import overwrite
from tensorxp.nn.functional._sizes import expect


def settle(function: Callable[[Any], Any], input: Any, inplace: bool) -> Any:
    """Return `function(input)`, or with `inplace` the input after it took these values.

    Where a gradient is recorded the function gets a copy: what it saves must stay as it was.
    """
    if not inplace:
        return function(input)
    expect("inplace=True", input)
    if not xp.is_grad_enabled() or not input.requires_grad:
        input[...] = function(input)
        return input
    return overwrite(input, function(xp.copy(input)))
