"""What the namespace can do, as the standard asks: `__array_namespace_info__`."""

from typing import Any

from tensorxp._backend import device as _device
from tensorxp._backend import dtypes
from tensorxp._backend.device import Device
from tensorxp._backend.dtypes import DType


class _DeviceList(tuple[Any, ...]):
    """A tuple of devices to which a list can be added, for callers that expect either."""

    def __add__(self, other: Any) -> Any:
        return list(self) + other if isinstance(other, list) else tuple(self) + tuple(other)

    def __radd__(self, other: Any) -> Any:
        return other + list(self) if isinstance(other, list) else tuple(other) + tuple(self)


class Info:
    """Inspection of the namespace: capabilities, devices and dtypes."""

    def capabilities(self) -> dict[str, Any]:
        """Return what the namespace supports beyond the required."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Device:
        """Return the device on which creation functions put their result."""
        return _device.default_device()

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """Return the default dtypes; they are the same on every device."""
        _device.as_device(device, "default_dtypes")
        defaults = dtypes.Defaults
        return {
            "real floating": defaults.real,
            "complex floating": defaults.complex,
            "integral": defaults.integer,
            "indexing": dtypes.int64,
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, DType]:
        """Return the standard's dtypes by name, of one `kind` or of several (a tuple)."""
        _device.as_device(device, "dtypes")
        if kind is None:
            return {d.name: d for d in dtypes.STANDARD}
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = ""
        for one in kinds:
            if one not in dtypes.KINDS:
                raise ValueError(
                    f"dtypes: kind is {one!r}; allowed are {', '.join(dtypes.KINDS)}, a tuple of "
                    "these, or None"
                )
            wanted += dtypes.KINDS[one]
        return {d.name: d for d in dtypes.STANDARD if d.kind in wanted}

    def devices(self) -> tuple[Device, ...]:
        """Return every device that can be used now, the CPU first."""
        return _DeviceList(_device.devices())


def __array_namespace_info__() -> Info:
    """Return an object that tells about the namespace.

    >>> xp.__array_namespace_info__().default_dtypes()["real floating"]
    tensorxp.float64

    Returns
    -------
    Info
        With the standard's methods `capabilities`, `default_device`, `default_dtypes`, `dtypes`,
        `devices`.
    """
    return Info()
