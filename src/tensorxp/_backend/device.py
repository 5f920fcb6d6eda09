"""Devices: singletons that carry the raw array namespace of their backend.

`"cpu"` is NumPy, `"cuda:N"` CuPy (found lazily, imported on first use), `"sim:N"` a simulated
accelerator over NumPy for tests, there only when `TENSORXP_SIM_DEVICES` asks for it.
"""

import os
import threading
from importlib.util import find_spec
from typing import Any

from tensorxp._backend import forks
from tensorxp._backend import raw as _raw
from tensorxp._backend import sim as _sim
from tensorxp._backend.families import see


class Device:
    """A place where arrays live. `str(device)` round-trips; compare with `is` or `==`.

    A device equals its own name, with the index: "cuda:0", not "cuda". For the kind alone, look at
    `type`.

    `tensorxp.device` finds it. As a context manager (`with xp.device("cuda"):`) it is the default
    device of this thread.

    Parameters
    ----------
    kind : str
        "cpu", "cuda" or "sim"; the attribute `type`.
    index : int
    raw : namespace
        The raw arrays' functions.

    Raises
    ------
    AttributeError
        `raw` is no namespace of arrays.
    """

    __slots__ = ("_array_type", "_forwards", "_raw", "index", "several", "type")

    type: str
    index: int

    def __init__(self, kind: str, index: int, raw: Any) -> None:
        self.type = kind
        self.index = index
        self._raw = raw
        self.several = False  # whether its backend has other devices that may be the current one
        self._array_type = raw.ndarray
        self._forwards: dict[Any, Any] = {}  # primitive -> its forward here, filled by the door

    @property
    def raw(self) -> Any:
        """The raw array namespace behind this device."""
        return self._raw

    def run(self, make: Any) -> Any:
        """Return `make()` with this device as the current one of its backend.

        What goes out of memory on a GPU is told where it did, and what helps.
        """
        if self.type != "cuda":
            return make()
        try:
            with self.raw.base.cuda.Device(self.index):
                return make()
        except MemoryError as error:
            error.add_note(
                f"out of memory on {self}: drop tensors that are not needed (del), call "
                "tensorxp.cuda.empty_cache(), or use smaller batches"
            )
            raise

    def use(self) -> None:
        """Make this device the current one of its backend, where there are several."""
        if self.several:
            self.raw.base.cuda.Device(self.index).use()

    def guarded(self, fn: Any) -> Any:
        """Return `fn` with this device as the current one of its backend while it runs.

        `fn` itself where there is no other: on the CPU, or with a single GPU.
        """
        if not self.several:
            return fn

        def on_this_device(*args: Any, **kwargs: Any) -> Any:
            with self.raw.base.cuda.Device(self.index):
                return fn(*args, **kwargs)

        return on_this_device

    def __str__(self) -> str:
        return self.type if self.type == "cpu" else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device('{self}')"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return str(self) == other  # one string only, as their hashes have to be equal
        return self is other

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return as_device, (str(self),)

    def __enter__(self) -> "Device":
        # no call between the two, where an interrupt might come
        _local.default, _local.scopes = self, (_local.default, _local.scopes)
        return self

    def __exit__(self, *exc: object) -> None:
        _local.default, _local.scopes = _local.scopes


class DeviceError(RuntimeError):
    """A device is missing, unknown, or not the one that was needed."""


class _Local(threading.local):
    default: Device | None = None
    #: The default outside the innermost scope, and the same of the scopes around it.
    scopes: Any = None


_local = _Local()
_process_default: list["Device"] = []
_known: dict[str, Device] = {}
_lock = forks.lock()

cpu = Device("cpu", 0, _raw.numpy_namespace())
_known["cpu"] = cpu
_process_default.append(cpu)


def sim_device_count() -> int:
    """Return how many simulated devices were asked for (`TENSORXP_SIM_DEVICES`, default 0)."""
    if _sim.Count.asked is not None:
        return _sim.Count.asked
    try:
        return max(0, int(os.environ.get("TENSORXP_SIM_DEVICES", "0")))
    except ValueError:
        return 0


def cuda_problem() -> str | None:
    """Return why CUDA cannot be used, with the remedy, or None where it can."""
    if find_spec("cupy") is None:
        return (
            "CuPy is not installed; `pip install 'tensorxp[cuda]'` (or the CuPy build for your "
            "CUDA version) brings it"
        )
    import cupy

    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"CuPy {cupy.__version__} finds no usable NVIDIA driver ({error}); install one"
    return None if count else "the driver reports no CUDA device"


def cuda_device_count() -> int:
    """Return the number of usable CUDA devices, 0 without CuPy or a driver."""
    if cuda_problem() is not None:
        return 0
    import cupy

    return int(cupy.cuda.runtime.getDeviceCount())


def _find(kind: str, index: int, spec: Any) -> Device:
    if kind == "sim":
        count = sim_device_count()
        if index >= count:
            raise DeviceError(
                f"device: {spec!r} does not exist; {count} simulated devices are on "
                "(environment variable TENSORXP_SIM_DEVICES)"
            )
        device = Device("sim", index, _sim.SimNamespace())
        device._array_type = _sim.SimArray
        return device
    problem = cuda_problem()
    if problem is not None:
        raise DeviceError(f"device: {spec!r} was asked for, but {problem}")
    count = cuda_device_count()
    if index >= count:
        raise DeviceError(f"device: {spec!r} does not exist; this machine has {count} CUDA devices")
    device = Device("cuda", index, _raw.cupy_namespace(index))
    device.several = count > 1
    return device


@see("devices, default_device")
def as_device(spec: Any, function: str = "device") -> Device:
    """Return the device that `spec` means.

    >>> xp.device("cpu")
    device('cpu')

    Parameters
    ----------
    spec : Device, str or None
        A string such as "cuda:0"; None is the default device.
    function : str
        What errors name.

    Returns
    -------
    Device

    Raises
    ------
    TypeError, ValueError, DeviceError
        Another type; an unknown name; a device that is not to be had here.
    """
    if spec.__class__ is Device:
        return spec
    if spec is None:
        return default_device()
    if not isinstance(spec, str):
        raise TypeError(
            f"{function}: device is {spec!r} of type {type(spec).__name__}; "
            'allowed are a device, a string such as "cpu" or "cuda:0", or None'
        )
    found = _known.get(spec)
    if found is not None and (found.type != "sim" or found.index < sim_device_count()):
        return found
    kind, colon, number = spec.partition(":")
    if kind not in ("cpu", "cuda", "sim") or (colon and not number.isdecimal()):
        raise ValueError(
            f'{function}: device is {spec!r}; allowed are "cpu", "cuda", "cuda:N" '
            '(and "sim:N" in tests)'
        )
    index = int(number) if colon else 0
    if kind == "cpu":
        if index:
            raise ValueError(f'{function}: device is {spec!r}; the only CPU device is "cpu"')
        return cpu
    if kind == "cuda" and not colon and cuda_problem() is None:
        import cupy

        index = cupy.cuda.Device().id
    with _lock:
        name = f"{kind}:{index}"
        if name not in _known or (kind == "sim" and index >= sim_device_count()):
            _known[name] = _find(kind, index, spec)
        return _known[name]


@see("set_default_device, device")
def default_device() -> Device:
    """Return the device on which creation functions put their result.

    >>> xp.default_device()
    device('cpu')

    Returns
    -------
    Device
    """
    return _local.default or _process_default[0]


@see("default_device")
def set_default_device(device: Any, /) -> None:
    """Make a device the default of creation functions in every thread.

    >>> xp.set_default_device("cpu")

    Parameters
    ----------
    device : Device, str or None
        None means the CPU.

    Raises
    ------
    TypeError, ValueError, DeviceError
        As by `device`.
    """
    _process_default[0] = cpu if device is None else as_device(device, "set_default_device")


@see("device, default_device")
def devices() -> tuple[Device, ...]:
    """Return every device that can be used now, the CPU first.

    >>> xp.devices()[0]
    device('cpu')

    Returns
    -------
    tuple of Devices
    """
    found = [cpu]
    found += [as_device(f"cuda:{i}") for i in range(cuda_device_count())]
    found += [as_device(f"sim:{i}") for i in range(sim_device_count())]
    return tuple(found)
