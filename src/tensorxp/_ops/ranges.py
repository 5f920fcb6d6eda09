"""Creation of ranges: evenly spaced numbers, integers exactly."""

from typing import Any

import numpy as np

from tensorxp._backend import dtypes
from tensorxp._backend.device import as_device
from tensorxp._backend.dtypes import as_dtype
from tensorxp._backend.families import Family, see
from tensorxp._core.door import node_of, wrap
from tensorxp._core.modes import modes
from tensorxp._core.tensor import Tensor
from tensorxp._core.watchers import note_read, stack, watching
from tensorxp._ops.arithmetic import add, multiply
from tensorxp._ops.casting import astype
from tensorxp._ops.creation import count_of, raw_of, with_grad

_range = Family(
    """
num : int
    At least 0.
dtype : dtype or None
    None is the default real dtype.
device : Device, str or None
    None is the default device.
requires_grad : bool
""",
    "Tensor\n    Shape (num,), that dtype.",
)


def _number(function: str, argument: str, value: Any) -> Any:
    if isinstance(value, Tensor):
        if value._data.ndim:
            raise TypeError(f"{function}: {argument} has shape {value._data.shape}; it must be 0-d")
        if modes.grad and node_of(value) is not None:
            raise RuntimeError(
                f"{function}: {argument} requires grad, and its gradient would be lost; use "
                f"{argument}.detach()"
            )
        note_read(value)
        return value._device.raw.to_numpy(value._data)[()].item()
    if isinstance(value, np.generic | np.ndarray):
        if value.ndim:
            raise TypeError(f"{function}: {argument} has shape {value.shape}; it must be 0-d")
        return value.item()
    if not isinstance(value, int | float | complex):
        raise TypeError(f"{function}: {argument} is {value!r}; allowed are numbers")
    return value


def _is_seen(x: Tensor) -> bool:
    """Return whether derivatives with respect to `x` may be asked for."""
    return bool(watching and stack()) or (modes.grad and node_of(x) is not None)


@see("linspace")
def arange(
    start: Any,
    /,
    stop: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return evenly spaced values in [start, stop); with one argument, in [0, start).

    >>> xp.arange(3), xp.arange(1.0, 2.0, 0.5)
    (tensor([0, 1, 2]), tensor([1. , 1.5]))

    Parameters
    ----------
    start, stop, step : real number or 0-d Tensor
        `step` is not 0. Tensors must not require grad.
    dtype : dtype or None
        None is int64 if all three are ints, else the default real dtype.
    device : Device, str or None
        None is the default device.
    requires_grad : bool

    Returns
    -------
    Tensor
        Shape (max(0, ceil((stop - start) / step)),), that dtype.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        Ends that are no real numbers, dtype bool, step 0, values beyond an integer dtype, an
        unknown dtype or device.
    RuntimeError
        An end requires grad; `requires_grad` with a dtype that is not floating.
    """
    start, step = _number("arange", "start", start), _number("arange", "step", step)
    start, stop = (0, start) if stop is None else (start, _number("arange", "stop", stop))
    if any(isinstance(n, complex) for n in (start, stop, step)):
        raise TypeError(
            f"arange: start, stop, step are {start}, {stop}, {step}; allowed are real numbers"
        )
    if step == 0:
        raise ValueError("arange: step is 0; it must not be")
    place = as_device(device, "arange")
    if dtype is None:
        whole = all(isinstance(n, int) for n in (start, stop, step))
        dtype = dtypes.Defaults.integer if whole else dtypes.Defaults.real
    chosen = as_dtype(dtype, "arange").dtype
    if chosen.kind == "b":
        raise TypeError("arange: dtype is bool; allowed are numeric dtypes")
    if (stop - start > 0) != (step > 0):
        stop = start  # an empty range, whatever the dtype can hold
    told = f"(start, stop, step are {start}, {stop}, {step})"
    exact = chosen.kind in "iu" and all(isinstance(n, int) for n in (start, stop, step))
    count = len(range(start, stop, step)) if exact else None
    if count:
        _check_ends("arange", chosen, start, start + (count - 1) * step, told)
    try:
        raw = raw_of(place, lambda: place.raw.base.arange(start, stop, step, dtype=chosen))
    except (OverflowError, ValueError) as error:
        raise type(error)(f"arange: {error} {told}") from None
    if exact and len(raw) != count:  # NumPy counts in floats
        raw = raw_of(place, lambda: _progression(place.raw.base, start, step, count, chosen))
    return with_grad(wrap(raw, place), requires_grad, "arange")


def _check_ends(function: str, dtype: Any, first: int, last: int, told: str) -> None:
    """Raise OverflowError where an integer dtype does not hold both ends."""
    held = np.iinfo(dtype)
    for value in (first, last):
        if not held.min <= value <= held.max:
            raise OverflowError(
                f"{function}: {value} is out of bounds for {dtype}, which holds {held.min} to "
                f"{held.max} {told}"
            )


def _progression(base: Any, start: int, step: int, count: Any, dtype: Any) -> Any:
    """Return start + i step, exact where the dtype holds it: sums modulo 2**64 are."""
    wrapped = 2**64
    places = base.arange(count, dtype="uint64")
    return (places * (step % wrapped) + start % wrapped).astype(dtype)


def _whole_steps(base: Any, start: int, stop: int, count: int, parts: int, dtype: Any) -> Any:
    """Return ⌊start + i (stop - start) / parts⌋ without rounding."""
    span = stop - start
    if abs(span) * count < 2**62 and max(abs(start), abs(stop)) < 2**62:
        return (start + base.arange(count) * span // parts).astype(dtype)
    values = [start + i * span // parts for i in range(count)]
    return base.asarray(np.asarray(values, dtype=dtype))


@_range.see("arange, logspace")
def linspace(
    start: Any,
    stop: Any,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: Any = None,
    endpoint: bool = True,
    requires_grad: bool = False,
) -> Tensor:
    """Return `num` evenly spaced values from `start` to `stop`, both ends hit exactly.

    Of an integer dtype they are rounded down, from ints without an error.

    >>> xp.linspace(0.0, 1.0, 5)
    tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])

    Parameters
    ----------
    start, stop : number or 0-d Tensor
        Gradients pass to Tensors.
    dtype : dtype or None
        None is the default real dtype, the complex one for complex ends.
    endpoint : bool
        Whether `stop` is the last value, or would be the next.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        Ends that are no numbers or complex for a real dtype, a negative or fractional `num`, ends
        beyond an integer dtype, an unknown dtype or device.
    RuntimeError
        `requires_grad` with a dtype that is not floating.
    """
    count = count_of("linspace", "num", num)
    if any(isinstance(n, Tensor) and _is_seen(n) for n in (start, stop)):
        weights = linspace(0, 1, count, device=device, endpoint=endpoint)
        rest = linspace(1, 0, count, device=device) if endpoint else add(1, multiply(-1, weights))
        out = add(multiply(start, rest), multiply(stop, weights))
        return with_grad(
            out if dtype is None else astype(out, dtype, copy=False), requires_grad, "linspace"
        )
    start, stop = _number("linspace", "start", start), _number("linspace", "stop", stop)
    place = as_device(device, "linspace")
    if dtype is None:
        is_complex = isinstance(start, complex) or isinstance(stop, complex)
        dtype = dtypes.Defaults.complex if is_complex else dtypes.Defaults.real
    chosen = as_dtype(dtype, "linspace").dtype
    if chosen.kind != "c" and (isinstance(start, complex) or isinstance(stop, complex)):
        raise TypeError(
            f"linspace: start is {start} and stop {stop}, but dtype is {chosen}; allowed are real "
            "ends or a complex dtype"
        )
    base = place.raw.base
    told = f"(start and stop are {start} and {stop}, dtype {chosen})"
    if chosen.kind in "iu" and isinstance(start, int) and isinstance(stop, int) and count:
        parts = max(count - 1 if endpoint else count, 1)
        last = start + (count - 1) * (stop - start) // parts
        _check_ends("linspace", chosen, start, last, told)
        raw = raw_of(place, lambda: _whole_steps(base, start, stop, count, parts, chosen))
        return with_grad(wrap(raw, place), requires_grad, "linspace")

    def make() -> Any:
        raw = base.linspace(start, stop, count, dtype=chosen, endpoint=endpoint)
        if count:
            raw[0] = start
        if count > 1 and endpoint:
            raw[-1] = stop
        return raw

    try:
        raw = raw_of(place, make)
    except (OverflowError, ValueError) as error:
        raise type(error)(f"linspace: {error} {told}") from None
    return with_grad(wrap(raw, place), requires_grad, "linspace")


@_range.see("linspace")
def logspace(
    start: Any,
    stop: Any,
    /,
    num: int = 50,
    *,
    endpoint: bool = True,
    base: float = 10.0,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """Return `num` values from base**start to base**stop, evenly spaced in the exponent.

    >>> xp.logspace(0.0, 2.0, 3)
    tensor([  1.,  10., 100.])

    Parameters
    ----------
    start, stop : real number or 0-d Tensor
        Tensors must not require grad.
    endpoint : bool
        Whether base**stop is the last value.
    base : float

    Raises
    ------
    TypeError, ValueError, DeviceError
        Arguments that are no real numbers, a negative or fractional `num`, an unknown dtype or
        device.
    RuntimeError
        An end requires grad.
    """
    ends = _number("logspace", "start", start), _number("logspace", "stop", stop)
    base = _number("logspace", "base", base)
    if any(isinstance(n, complex) for n in (*ends, base)):
        raise TypeError(
            f"logspace: start, stop and base are {ends[0]}, {ends[1]} and {base}; allowed are real "
            "numbers"
        )
    count = count_of("logspace", "num", num)
    place = as_device(device, "logspace")
    chosen = as_dtype(dtypes.Defaults.real if dtype is None else dtype, "logspace").dtype
    raw = raw_of(
        place,
        lambda: place.raw.base.logspace(*ends, count, endpoint=endpoint, base=base, dtype=chosen),
    )
    return wrap(raw, place)
