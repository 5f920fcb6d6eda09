"""Generators: streams of random numbers, one by default for each device.

The bits come from NumPy's PCG64 on the host. On CUDA devices each draw has a Philox generator
of CuPy's to itself, seeded by the seed and the number of the draw, so that a state is these two
numbers, and equal on every model of GPU. A state is a uint8 Tensor on the CPU, so that it can
be saved beside weights.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorxp._backend import forks
from tensorxp._backend.device import Device, as_device, cpu
from tensorxp._backend.families import see
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import note_opaque

_HOST, _CUDA = 0, 2
_BYTES = {_HOST: 46, _CUDA: 17}  # of a state; its first byte tells its kind
#: Threads that share a draw on a GPU: which number is which depends on it.
_THREADS = 1 << 16


class _Draw(np.random.SeedSequence):
    """The seed of one draw on a GPU: of all draws of a stream, no two of 2³² have the same."""

    def __init__(self, seed: int, number: int) -> None:
        super().__init__(seed)
        self._number = number

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """Return the words of the seed, moved by the number of the draw."""
        words = super().generate_state(n_words, dtype)
        return words + np.asarray(self._number % 2**32).astype(words.dtype)  # modulo its range


class Generator:
    """A reproducible stream of random numbers on one device.

    A new one is seeded with 67280421310721, as PyTorch's. It may be shared by threads: each draw is
    made whole, in whatever order they come.

    Parameters
    ----------
    device : Device, str or None
        None is the default device.

    Raises
    ------
    TypeError, ValueError, DeviceError
        As by `tensorxp.device`.

    >>> import tensorxp as xp
    >>> g = xp.random.Generator().manual_seed(0)
    >>> a = xp.random.rand(3, generator=g)
    >>> b = xp.random.rand(3, generator=g.manual_seed(0))
    >>> bool(xp.all(a == b))
    True
    """

    def __init__(self, device: Any = None) -> None:
        self._device = as_device(device, "Generator")
        self._lock = forks.lock(self._after_fork)
        self._native: Any = None
        self._seed = 0
        self._drawn = 0  # draws on a GPU so far
        self.manual_seed(67280421310721)

    @property
    def device(self) -> Device:
        """Device on which the numbers are made."""
        return self._device

    def manual_seed(self, seed: int) -> "Generator":
        """Start the stream that belongs to `seed` (modulo 2**64), and return the generator."""
        with self._lock:
            self._seed = int(seed) & (2**64 - 1)
            self._native, self._drawn = None, 0
        return self

    def seed(self) -> int:
        """Start the stream of a seed from the operating system, and return that seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed with which the stream was started."""
        return self._seed

    def _bits(self) -> Any:
        """Return the backend's generator: on the host the stream's, on a GPU that of a draw."""
        native = self._device.raw.base.random
        if self._device.type == "cuda":
            seed = _Draw(self._seed, self._drawn)
            return native.Generator(native.Philox4x3210(seed, size=_THREADS))
        if self._native is None:
            self._native = native.Generator(native.PCG64(self._seed))
        return self._native

    def _after_fork(self) -> None:
        """Go on from where the stream was; the thread that drew does not free NumPy's own lock."""
        if self._native is not None:
            self._native.bit_generator.lock._at_fork_reinit()

    def draw(self, make: Callable[[Any], Any]) -> Any:
        """Return the raw array that `make(bits)` draws from the backend's generator."""
        note_opaque("it draws random numbers")
        with self._lock:
            out = self._device.run(lambda: make(self._bits()))
            self._drawn += 1
            return out

    def get_state(self) -> Tensor:
        """Return the state as a uint8 Tensor on the CPU, 1-D."""
        with self._lock:
            seed = self._seed.to_bytes(8, "little")
            if self._device.type == "cuda":
                data = bytes([_CUDA]) + seed + self._drawn.to_bytes(8, "little")
            else:
                state = self._bits().bit_generator.state
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
        """Go back to a state from `get_state`.

        Parameters
        ----------
        new_state : Tensor
            Of dtype uint8.

        Raises
        ------
        TypeError, ValueError
            Anything else; nothing is changed.
        """
        if not isinstance(new_state, Tensor) or new_state._data.dtype != "uint8":
            raise TypeError("Generator.set_state: new_state must be a uint8 Tensor of get_state")
        data = new_state._device.raw.to_numpy(new_state._data).tobytes()
        kind = _CUDA if self._device.type == "cuda" else _HOST
        right = len(data) == _BYTES[kind] and data[0] == kind and new_state._data.ndim == 1
        if right and kind == _HOST:  # an even increment is no stream, the flag 0 or 1
            right = data[25] % 2 == 1 and data[41] < 2
        if not right:
            raise ValueError(
                f"Generator.set_state: new_state (shape {new_state._data.shape}) is no state of a "
                f"generator on {self._device.type}"
            )
        with self._lock:
            if kind == _CUDA:
                self._drawn = int.from_bytes(data[9:17], "little")
            else:
                self._bits().bit_generator.state = {
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


class _Streams:
    """The default generators of this process, and the seed for those to come."""

    lock = forks.lock()
    seed: int | None = None
    by_device: dict[Device, Generator] = {}  # noqa: RUF012


@see("manual_seed")
def default_generator(device: Any = None) -> Generator:
    """Return the generator from which functions draw on a device when none is given.

    Each device has one. Until `manual_seed` is called, its seed comes from the operating system.

    >>> xp.random.default_generator().device
    device('cpu')

    Parameters
    ----------
    device : Device, str or None
        None is the default device.

    Returns
    -------
    Generator

    Raises
    ------
    TypeError, ValueError, DeviceError
        As by `tensorxp.device`.
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


@see("seed, initial_seed")
def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices.

    >>> _ = xp.manual_seed(0)
    >>> a = xp.rand(2)
    >>> _ = xp.manual_seed(0)
    >>> xp.equal(a, xp.rand(2))
    tensor([ True,  True])

    Parameters
    ----------
    seed : int
        Modulo 2**64.

    Returns
    -------
    Generator
        That of the CPU.

    Raises
    ------
    TypeError, ValueError
        `seed` is no number.
    """
    with _Streams.lock:
        _Streams.seed = int(seed)
        for generator in _Streams.by_device.values():
            generator.manual_seed(_Streams.seed)
    return default_generator(cpu)


@see("manual_seed")
def seed() -> int:
    """Seed all default generators from the operating system.

    >>> xp.seed() == xp.initial_seed()
    True

    Returns
    -------
    int
        The seed.
    """
    chosen = int.from_bytes(os.urandom(8), "little")
    manual_seed(chosen)
    return chosen


@see("manual_seed")
def initial_seed() -> int:
    """Return the seed with which the default generator of the CPU was started.

    >>> _ = xp.manual_seed(7)
    >>> xp.initial_seed()
    7

    Returns
    -------
    int
    """
    return default_generator(cpu).initial_seed()


@see("set_rng_state")
def get_rng_state(device: Any = "cpu") -> Tensor:
    """Return the state of the default generator of a device.

    >>> state = xp.get_rng_state()
    >>> a = xp.rand(3)
    >>> xp.set_rng_state(state)
    >>> xp.equal(a, xp.rand(3))
    tensor([ True,  True,  True])

    Parameters
    ----------
    device : Device, str or None
        None is the default device.

    Returns
    -------
    Tensor
        On the CPU, of shape (bytes,) and dtype uint8.

    Raises
    ------
    TypeError, ValueError, DeviceError
        As by `tensorxp.device`.
    """
    return default_generator(device).get_state()


@see("get_rng_state")
def set_rng_state(new_state: Tensor, device: Any = "cpu") -> None:
    """Set the state of the default generator of a device.

    >>> xp.set_rng_state(xp.get_rng_state())

    Parameters
    ----------
    new_state : Tensor
        Shape and dtype of one from `get_rng_state`.
    device : Device, str or None
        None is the default device.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Something else; an unknown device; one that is not there.
    """
    default_generator(device).set_state(new_state)


@contextmanager
@see("get_rng_state, manual_seed")
def fork_rng(devices: Iterable[Any] | None = None, enabled: bool = True) -> Iterator[None]:
    """Give the default generators back their states at the end of the scope.

    >>> with xp.random.fork_rng():
    ...     _ = xp.manual_seed(0)
    ...     a = xp.rand(3)

    Parameters
    ----------
    devices : sequence of Devices or None
        None means those used so far; the CPU is always among them.
    enabled : bool
        False does nothing.

    Yields
    ------
    None

    Raises
    ------
    TypeError, ValueError, DeviceError
        As by `tensorxp.device`.
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
