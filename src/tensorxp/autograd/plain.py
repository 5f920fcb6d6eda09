"""NumPy in, NumPy out: derivatives at arrays and numbers are arrays and numbers.

Functions that SciPy's optimisers call get ndarrays and must give ndarrays. What these depend on
beside their arguments, such as the parameters of a model, gets no gradient through them.
"""

from typing import Any

import numpy as np

from tensorxp._core.engine import namespace
from tensorxp._core.operands import carries_more
from tensorxp._core.tensor import TensorBase


def is_plain(values: Any) -> bool:
    """Return whether a value, or each of some, is an array of NumPy or a number."""
    values = values if isinstance(values, list | tuple) else (values,)
    return bool(values) and all([_is_plain(x) for x in values])


def _is_plain(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "biufc" and not carries_more(type(x))
    return isinstance(x, int | float | complex | np.number)


def to_tensors(values: Any) -> Any:
    """Return plain values as Tensors, over the memory of arrays; None and others stay."""
    if isinstance(values, list | tuple):
        return tuple([to_tensors(x) for x in values])
    return namespace().asarray(values) if _is_plain(values) else values


def to_plain(values: Any) -> Any:
    """Return Tensors, also in tuples and lists, as arrays of their own; 0-d ones as scalars."""
    if isinstance(values, TensorBase):
        tensor: Any = values
        return np.array(tensor.detach().cpu().numpy())[()]
    if isinstance(values, list | tuple):
        items = [to_plain(x) for x in values]
        return type(values)(*items) if hasattr(values, "_fields") else type(values)(items)
    return values
