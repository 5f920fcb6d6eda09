"""Generators: streams of random numbers, one by default for each device.

The bits come from NumPy's PCG64 on the host and from CuPy's Philox on CUDA devices. A state
is a uint8 Tensor on the CPU, so that it can be saved beside weights.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tensorxp._backend.device import Device, as_device, cpu
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import note_opaque

_HOST, _CUDA = 0, 1
_HOST_BYTES = 46


def on_device(device: Device, make: Callable[[], Any]) -> Any:
    """Return `make()` with `device` as the current one of its backend."""
    if device.type == "cuda":
        with device.raw.base.cuda.Device(device.index):
            return make()
    return make()


class Generator:
    """A reproducible stream of random numbers on one device.

    A new one is seeded with 67280421310721, as PyTorch's; `manual_seed` returns the generator.
    It may be shared by threads: each draw is made whole, in whatever order they come.

    >>> import tensorxp as xp
    >>> g = xp.random.Generator().manual_seed(0)
    >>> a = xp.random.rand(3, generator=g)
    >>> b = xp.random.rand(3, generator=g.manual_seed(0))
    >>> bool(xp.all(a == b))
    True
    """

    def __init__(self, device: Any = None) -> None:
        self._device = as_device(device, "Generator")
        self._lock = threading.RLock()
        self._native: Any = None
        self._seed = 0
        self.manual_seed(67280421310721)

    @property
    def device(self) -> Device:
        """Device on which the numbers are made."""
        return self._device

    def manual_seed(self, seed: int) -> "Generator":
        """Start the stream that belongs to `seed` (modulo 2**64), and return the generator."""
        self._seed = int(seed) & (2**64 - 1)
        with self._lock:
            self._native = None  # made by the first draw: seeding on a GPU takes a kernel
        return self

    def seed(self) -> int:
        """Start the stream of a seed from the operating system, and return that seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed with which the stream was started."""
        return self._seed

    def _bits(self) -> Any:
        """Return the backend's own generator, which is made when first needed."""
        if self._native is None:
            native = self._device.raw.base.random
            kind = native.Philox4x3210 if self._device.type == "cuda" else native.PCG64
            self._native = on_device(self._device, lambda: native.Generator(kind(self._seed)))
        return self._native

    def draw(self, make: Callable[[Any], Any]) -> Any:
        """Return the raw array that `make` draws from the backend's generator."""
        note_opaque("it draws random numbers")
        with self._lock:
            bits = self._bits()
            return on_device(self._device, lambda: make(bits))

    def get_state(self) -> Tensor:
        """Return the state as a uint8 Tensor on the CPU."""
        with self._lock:
            bit_generator = self._bits().bit_generator
            seed = self._seed.to_bytes(8, "little")
            if self._device.type == "cuda":
                content = bytes(self._device.raw.to_numpy(_cuda_state(bit_generator)))
                data = bytes([_CUDA]) + seed + content
            else:
                state = bit_generator.state
                data = (
                    bytes([_HOST])
                    + seed
                    + state["state"]["state"].to_bytes(16, "little")
                    + state["state"]["inc"].to_bytes(16, "little")
                    + state["has_uint32"].to_bytes(1, "little")
                    + state["uinteger"].to_bytes(4, "little")
                )
        raw = cpu.raw.base.frombuffer(bytearray(data), dtype="uint8")
        return wrap(raw, cpu)

    def set_state(self, new_state: Tensor) -> None:
        """Go back to a state from `get_state`; ValueError for anything else, changing nothing."""
        if not isinstance(new_state, Tensor) or new_state._data.dtype != "uint8":
            raise TypeError("Generator.set_state: new_state must be a uint8 Tensor of get_state")
        data = new_state._device.raw.to_numpy(new_state._data).tobytes()
        kind = _CUDA if self._device.type == "cuda" else _HOST
        if len(data) < 9 or data[0] != kind or (kind == _HOST and len(data) != _HOST_BYTES):
            raise ValueError(
                f"Generator.set_state: new_state ({len(data)} bytes) is no state of a generator "
                f"on {self._device.type}"
            )
        with self._lock:
            bit_generator = self._bits().bit_generator
            if kind == _CUDA:
                target = _cuda_state(bit_generator)
                if target.nbytes != len(data) - 9:
                    raise ValueError("Generator.set_state: new_state is of another CuPy version")
                source = cpu.raw.base.frombuffer(data[9:], dtype=target.dtype)
                on_device(self._device, lambda: target.set(source))
            else:
                bit_generator.state = {
                    "bit_generator": "PCG64",
                    "state": {
                        "state": int.from_bytes(data[9:25], "little"),
                        "inc": int.from_bytes(data[25:41], "little"),
                    },
                    "has_uint32": data[41],
                    "uinteger": int.from_bytes(data[42:46], "little"),
                }
            self._seed = int.from_bytes(data[1:9], "little")

    def clone_state(self) -> "Generator":
        """Return a generator of its own that goes on from the same state."""
        other = Generator(self._device)
        other.set_state(self.get_state())
        return other

    def __getstate__(self) -> dict[str, Any]:
        return {"device": str(self._device), "state": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Generator.__init__(self, state["device"])
        self.set_state(state["state"])

    def __repr__(self) -> str:
        return f"Generator(device='{self._device}', initial_seed={self._seed})"


def _cuda_state(bit_generator: Any) -> Any:
    """Return the array in which a CuPy bit generator keeps the states of its threads."""
    return bit_generator._state


class _Streams:
    """The default generators of this process, and the seed for those to come."""

    lock = threading.RLock()
    seed: int | None = None
    by_device: dict[Device, Generator] = {}  # noqa: RUF012


def default_generator(device: Any = None) -> Generator:
    """Return the generator from which functions draw on `device` when none is given.

    Each device has one. Until `manual_seed` is called, its seed comes from the operating system.
    """
    place = as_device(device, "default_generator")
    found = _Streams.by_device.get(place)
    if found is None:
        with _Streams.lock:
            if place not in _Streams.by_device:
                generator = Generator(place)
                if _Streams.seed is None:
                    generator.seed()
                else:
                    generator.manual_seed(_Streams.seed)
                _Streams.by_device[place] = generator
            found = _Streams.by_device[place]
    return found


def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices; returns that of the CPU."""
    with _Streams.lock:
        _Streams.seed = int(seed)
        for generator in _Streams.by_device.values():
            generator.manual_seed(_Streams.seed)
    return default_generator(cpu)


def seed() -> int:
    """Seed all default generators from the operating system, and return the seed."""
    chosen = int.from_bytes(os.urandom(8), "little")
    manual_seed(chosen)
    return chosen


def initial_seed() -> int:
    """Return the seed with which the default generator of the CPU was started."""
    return default_generator(cpu).initial_seed()


def get_rng_state(device: Any = "cpu") -> Tensor:
    """Return the state of the default generator of `device`, a uint8 Tensor on the CPU."""
    return default_generator(device).get_state()


def set_rng_state(new_state: Tensor, device: Any = "cpu") -> None:
    """Set the state of the default generator of `device` to one from `get_rng_state`."""
    default_generator(device).set_state(new_state)


@contextmanager
def fork_rng(devices: Iterable[Any] | None = None, enabled: bool = True) -> Iterator[None]:
    """Give the default generators back their states at the end of the scope.

    `devices` None means those used so far and the CPU; the CPU is always among them.
    """
    if not enabled:
        yield
        return
    chosen = list(_Streams.by_device) if devices is None else [as_device(d) for d in devices]
    places = dict.fromkeys([cpu, *chosen])
    seed_before = _Streams.seed
    states = {place: get_rng_state(place) for place in places}
    try:
        yield
    finally:
        _Streams.seed = seed_before
        for place, state in states.items():
            set_rng_state(state, place)
