"""Arrays from and to elsewhere: device transfer of raw arrays, foreign arrays, DLPack."""

from typing import Any

import numpy as np

from tensorxp._backend.device import Device, as_device, cpu

#: DLPack's device types that we know (dlpack.h).
KDL_CPU, KDL_CUDA, KDL_CUDA_HOST = 1, 2, 3


def move_raw(x: Any, source: Device, target: Device, *, blocking: bool = True) -> Any:
    """Return raw array `x` of `source` as a raw array of `target`, always a copy.

    Without `blocking` a copy between host and CUDA device is queued in the current stream.
    """
    if source.type == target.type == "cuda":
        return _between_gpus(x, source, target)
    if target.type == "cuda":
        host = source.raw.to_numpy(x) if source.type == "sim" else x
        return target.run(lambda: target.raw.from_host(host, blocking=blocking))
    if source.type == "cuda":
        waits = blocking or target.type == "sim"
        x = source.run(lambda: source.raw.to_numpy(x, blocking=waits))
    elif source.type == "sim":
        x = source.raw.to_numpy(x)
    if target.type == "sim" or source is target:
        return target.raw.from_host(x)
    return x


def _between_gpus(x: Any, source: Device, target: Device) -> Any:
    """Return a copy on another GPU, made after what `x` waits for and before `x` is reused."""
    cuda = target.raw.base.cuda
    with cuda.Device(source.index):
        if not x.flags.c_contiguous:  # whole blocks of memory are copied
            x = x.copy()
        here = cuda.get_current_stream()
        ready = here.record()

    def copy() -> Any:
        there = cuda.get_current_stream()
        there.wait_event(ready)
        return x.copy(), there.record()

    out, done = target.run(copy)
    with cuda.Device(source.index):
        here.wait_event(done)
    return out


def is_foreign_array(obj: Any) -> bool:
    """Return whether `obj` is an array of another library, with DLPack or CUDA's interface."""
    if hasattr(obj, "__dlpack__") and hasattr(obj, "__dlpack_device__"):
        return True
    return hasattr(obj, "__cuda_array_interface__")


def import_dlpack(obj: Any, device: Device | None, copy: bool | None) -> tuple[Any, Device]:
    """Return the raw array of a DLPack exporter, on `device` (None: where it lives).

    BufferError where it cannot be shared and `copy` is False, or not be exported at all.
    """
    home = _home(obj)
    try:
        raw = _from_cpu(obj, copy) if home is cpu else _from_cuda(obj, home, copy)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        dtype = getattr(obj, "dtype", "unknown")
        remedy = "; convert it to float32 first" if "bfloat16" in str(dtype) else ""
        raise BufferError(
            f"from_dlpack: a {type(obj).__module__}.{type(obj).__name__} with dtype {dtype} "
            f"cannot be shared: {error}{remedy}"
        ) from error
    if device is None or device is home:
        return raw, home
    if copy is False:
        raise BufferError(
            f"from_dlpack: x is on {home} and copy=False, so it cannot go to {device}"
        )
    return move_raw(raw, home, device), device


def _home(obj: Any) -> Device:
    """Return the device on which a foreign array lives."""
    if not hasattr(obj, "__dlpack_device__"):
        pointer = obj.__cuda_array_interface__["data"][0]
        place = as_device("cuda", "asarray")
        attributes = place.raw.base.cuda.runtime.pointerGetAttributes(pointer)
        return as_device(f"cuda:{attributes.device}", "asarray")
    kind, index = obj.__dlpack_device__()
    if int(kind) in (KDL_CPU, KDL_CUDA_HOST):
        return cpu
    if int(kind) == KDL_CUDA:
        return as_device(f"cuda:{index}", "from_dlpack")
    raise BufferError(
        f"from_dlpack: x is on a DLPack device of type {int(kind)}; allowed are CPU and CUDA"
    )


def _from_cuda(obj: Any, home: Device, copy: bool | None) -> Any:
    cupy = home.raw.base
    with cupy.cuda.Device(home.index):
        if isinstance(obj, cupy.ndarray):
            raw = obj
        elif hasattr(obj, "__dlpack__"):
            raw = cupy.from_dlpack(obj)
        else:
            raw = cupy.asarray(obj)
        return home.raw.copy(raw) if copy else raw


def _from_cpu(obj: Any, copy: bool | None) -> Any:
    if isinstance(obj, np.ndarray):
        return np.array(obj) if copy else obj  # also read-only arrays, which DLPack refuses
    if copy:
        return np.array(np.from_dlpack(obj))
    try:
        raw = np.from_dlpack(obj) if copy is None else np.from_dlpack(obj, copy=False)
    except TypeError as error:  # an exporter older than DLPack 1.0 knows no copy=
        if "copy" not in str(error) and "max_version" not in str(error):
            raise
        raw = np.from_dlpack(obj)
    strides = zip(raw.shape, raw.strides, strict=True)
    if raw.size and any(n > 1 and not stride for n, stride in strides):
        raw.flags.writeable = False  # a broadcast array: a write would change several elements
    return raw
