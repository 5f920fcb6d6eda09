"""`TensorBase`: the four slots that every tensor has, and nothing else.

`_data` is the raw array, `_device` its device, `_node` what made it (None until autograd
needs it) and `_version` what in-place writes count (None until it is shared or saved).
The class that the door builds hands itself over here, by the decorator `concrete`.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from tensorxp._backend.device import Device

C = TypeVar("C")


class TensorBase:
    """The slots of a tensor. Users see its subclass `tensorxp.Tensor`."""

    __slots__ = ("__weakref__", "_data", "_device", "_node", "_version")

    _data: Any
    _device: Device
    _node: Any
    _version: Any


#: The class that the door builds, in a list of one so that it can be handed over.
CONCRETE: list[Any] = [TensorBase]


def concrete(cls: C) -> C:
    """Make `cls` the class that the door builds; a class decorator."""
    CONCRETE[0] = cls
    return cls


if TYPE_CHECKING:  # annotations mean the whole class, which stands three layers higher
    from tensorxp._tensor.type import Tensor as Tensor
else:
    Tensor = TensorBase
