"""Export by DLPack, Arrow, NumPy's and CUDA's array interface: the same memory, or a refusal.

A consumer may write to what it is given, so read-only and broadcast memory, and memory with
strides that consumers cannot take, goes out as a copy, or not at all where `copy=False`.
"""

from importlib import import_module
from typing import Any

from tensorxp._backend.interchange import KDL_CPU, KDL_CUDA
from tensorxp._backend.sim import KDL_SIM, export_capsule
from tensorxp._core.door import node_of
from tensorxp._core.modes import modes
from tensorxp._core.watchers import note_read, watching


def dlpack_device(t: Any) -> tuple[int, int]:
    """Return (DLPack's device type, index): 1 CPU, 2 CUDA, 9 for simulated devices."""
    kinds = {"cpu": KDL_CPU, "cuda": KDL_CUDA}
    return kinds.get(t._device.type, KDL_SIM), t._device.index


def _refuse_grad(t: Any, function: str, error: type[Exception]) -> None:
    if node_of(t) is not None:
        raise error(
            f"{function}: the tensor requires grad, and its gradient would be lost in the other "
            "library; export t.detach()"
        )


def _trap(raw: Any) -> str | None:
    """Return what makes the memory unfit for consumers that write and assume strides, or None."""
    if not raw.flags.writeable:
        return "read-only"
    for size, stride in zip(raw.shape, raw.strides, strict=True):
        if size > 1 and stride <= 0 and raw.size:
            return "of negative strides" if stride else "broadcast"
        if stride % raw.itemsize:
            return "not aligned to its elements"
    return None if raw.flags.aligned else "not aligned to its elements"


def export_dlpack(
    t: Any,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """Return a DLPack capsule over the memory of `t`.

    BufferError for a tensor that requires grad, for another device than asked for (except the
    host), and where `copy=False` and only a copy is safe.
    """
    _refuse_grad(t, "__dlpack__", BufferError)
    if watching:
        note_read(t)
    device = t._device
    here = dlpack_device(t)
    wanted = here if dl_device is None else (int(dl_device[0]), int(dl_device[1]))
    if wanted not in (here, (KDL_CPU, 0)):
        raise BufferError(
            f"__dlpack__: the tensor is on {device} and dl_device is {wanted}; move it first, "
            'for example with t.to("cuda")'
        )
    if device.type == "cuda":
        with device.raw.base.cuda.Device(device.index):
            return t._data.__dlpack__(
                stream=stream, max_version=max_version, dl_device=dl_device, copy=copy
            )
    if stream is not None:
        raise ValueError(f"__dlpack__: stream is {stream!r}; memory of {device} has no streams")
    # simulated memory is managed memory: the host may look at it where it asks for no copy
    moved = device.type == "sim" and wanted != here and copy is not False
    raw = device.raw.to_numpy(t._data) if moved else t._data
    if not raw.size:
        raw = device.raw.copy(raw)  # nothing to share, and its strides may be negative or 0
    trap = _trap(raw)
    if trap is not None and copy is False:
        raise BufferError(
            f"__dlpack__: copy=False, but the memory is {trap}, which consumers write through or "
            "cannot take; export t.copy()"
        )
    if trap is not None or (copy and not moved):
        raw = device.raw.copy(raw)
    if device.type == "sim" and wanted == here:
        return export_capsule(raw, device.index, max_version)
    return raw.__dlpack__(max_version=max_version)


def array_interface(t: Any) -> dict[str, Any]:
    """Return NumPy's array interface; AttributeError where `__array__` refuses, or on a device."""
    if t._device.type != "cpu" or (modes.grad and node_of(t) is not None):
        what = f"is on {t._device}" if t._device.type != "cpu" else "requires grad"
        raise AttributeError(
            f"__array_interface__: the tensor {what}; use that of t.detach().cpu()"
        )
    return {**t.__array__().__array_interface__, "strides": t._data.strides}


def arrow_array(t: Any, type: Any = None) -> Any:
    """Return a pyarrow.Array over the memory of a 1-d tensor, where Arrow's layout allows it."""
    try:
        pyarrow = import_module("pyarrow")
    except ImportError:
        raise ImportError(
            "__arrow_array__: pyarrow makes Arrow arrays and is not installed (pip install "
            "pyarrow); t.numpy() needs nothing"
        ) from None
    return pyarrow.array(t.__array__(), type=type)


def cuda_array_interface(t: Any) -> dict[str, Any]:
    """Return CUDA's array interface; AttributeError for tensors of other devices."""
    if t._device.type != "cuda":
        raise AttributeError(
            f"__cuda_array_interface__: the tensor is on {t._device}, not on a CUDA device"
        )
    _refuse_grad(t, "__cuda_array_interface__", RuntimeError)
    if watching:
        note_read(t)
    return dict(t._data.__cuda_array_interface__)
