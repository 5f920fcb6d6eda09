"""Moving tensors between devices; the gradient moves back to the device of its input."""

from typing import Any

from tensorxp._backend.device import Device, DeviceError, as_device
from tensorxp._backend.families import see
from tensorxp._backend.interchange import move_raw
from tensorxp._core.door import apply
from tensorxp._core.primitive import linear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions


def _move(xp: Any, x: Any, *, from_device: Device, to_device: Device, blocking: bool = True) -> Any:
    return move_raw(x, from_device, to_device, blocking=blocking)


def _move_back(ct: Any, *, from_device: Device, to_device: Device) -> Any:
    if isinstance(ct, Tensor):
        return to_device_op(ct, from_device)
    return move_raw(ct, to_device, from_device)


to_device_p = linear("to_device", forward=_move, batched=True, x=_move_back)


def to_device_op(x: Any, device: Device, *, blocking: bool = True) -> Tensor:
    """Return `x` on `device`, recorded; `x` itself where it is there already."""
    if x._device is device:
        return x  # type: ignore[no-any-return]
    params = {"from_device": x._device, "to_device": device}
    return apply(to_device_p, (x,), params if blocking else params | {"blocking": False})


@see("device")
def to_device(
    x: Tensor, device: Any, /, *, stream: Any = None, non_blocking: bool = False
) -> Tensor:
    """Return `x` on `device`; the gradient follows.

    >>> xp.to_device(xp.asarray([1, 2]), "cpu").device
    device('cpu')

    Parameters
    ----------
    x : Tensor, any dtype
    device : Device or str
    stream : Stream or None
        Of the CUDA device concerned, in which the copy is queued.
    non_blocking : bool
        Only queue a copy between pinned host memory and a CUDA device: the reader on the host
        synchronizes first.

    Returns
    -------
    Tensor
        Shape and dtype of `x`; `x` itself where it is there.

    Raises
    ------
    TypeError, ValueError, DeviceError
        `x` is no Tensor, `device` no device; an unknown name, or a stream without CUDA device; a
        device that is not there, or another stream's.
    """
    dimensions("to_device", x)
    target = as_device(device, "to_device")
    if stream is None:
        return to_device_op(x, target, blocking=not non_blocking)
    places = [d for d in (target, x._device) if d.type == "cuda"]
    if not places:
        raise ValueError(f"to_device: stream is {stream!r}, but neither device is a CUDA device")
    index = getattr(stream, "device_id", -1)
    if index not in (-1, *(d.index for d in places)):
        raise DeviceError(
            f"to_device: the stream belongs to cuda:{index}, but the copy is from {x._device} to "
            f"{target}; use a stream of one of these"
        )
    with stream:
        return to_device_op(x, target, blocking=not non_blocking)
