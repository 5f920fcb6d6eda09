"""What may be given beside a Tensor to the functions of several arrays.

NumPy arrays on the CPU, and NumPy's scalars on any device, are values there, as they are beside a
Tensor in `add`. Without a Tensor among them nothing says where they belong.
"""

from typing import Any

from tensorxp._backend.device import cpu
from tensorxp._core.door import is_numpy_value, wrap
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import not_a_tensor

_SCALARS = (bool, int, float, complex)


def tensors(function: str, *, scalars: bool = False, **arguments: Any) -> list[Any]:
    """Return the arguments as Tensors; TypeError where one cannot be one.

    None stays, and Python scalars where `scalars` says that the function takes them.
    """
    values = list(arguments.values())
    first = None
    for x in values:
        if isinstance(x, Tensor):
            first = x
            break
    for i, (name, x) in enumerate(arguments.items()):
        if not (x is None or isinstance(x, Tensor) or (scalars and x.__class__ in _SCALARS)):
            values[i] = _tensor(function, name, x, first)
    return values


def tensor_list(function: str, argument: str, items: Any) -> list[Any]:
    """Return the items of a sequence as Tensors, likewise."""
    try:
        found = list(items)
    except TypeError:
        raise TypeError(
            f"{function}: {argument} is a {type(items).__name__}; allowed is a sequence of Tensors"
        ) from None
    first = next((x for x in found if isinstance(x, Tensor)), None)
    return [
        x if isinstance(x, Tensor) else _tensor(function, f"{argument}[{i}]", x, first)
        for i, x in enumerate(found)
    ]


def _tensor(function: str, name: str, x: Any, beside: Any) -> Tensor:
    if beside is not None and is_numpy_value(cpu, x):
        device = beside._device
        if device is cpu or x.ndim == 0:
            native = x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
            return wrap(device.raw.asarray(native), device)
    raise not_a_tensor(function, x, name)
