"""Sample frequencies, and their order: zero first, or zero in the middle."""

from collections.abc import Sequence
from operator import index
from typing import Any

from tensorxp._backend import dtypes
from tensorxp._backend.device import as_device, cpu
from tensorxp._backend.families import Family
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import constant, dimensions, normalize_axes
from tensorxp._ops.conversion import asarray
from tensorxp._ops.shaping import roll

_sampled = Family(
    """
n : int
    At least 1.
d : float
    The distance of the samples, not 0.
dtype : dtype or None
    Real floating; None is the default real dtype.
device : Device, str or None
    None is the default device.
""",
    "Tensor\n    Shape (n,), that dtype.",
    """
TypeError, ValueError, DeviceError
    Arguments of other types, another dtype; `n` or `d` out of range; a device that is not
    there.
""",
)
_shifted = Family(
    "x : Tensor, any dtype\naxes : int, sequence of ints or None\n    None is all.",
    "Tensor\n    Shape and dtype of `x`.",
    "TypeError, AxisError, ValueError\n"
    "    `x` is no Tensor; `axis` is no int, out of range, or given twice.",
)


def _frequencies(name: str, n: int, d: float, dtype: Any, device: Any) -> Tensor:
    chosen = dtypes.Defaults.real if dtype is None else dtypes.as_dtype(dtype, name)
    if not chosen.is_floating_point:
        raise TypeError(f"{name}: dtype is {chosen}; allowed are real floating-point dtypes")
    try:
        n = index(n)
    except TypeError:
        raise TypeError(f"{name}: n is {n!r}; allowed are integers") from None
    if n < 1 or d == 0:
        raise ValueError(f"{name}: n is {n} and d {d}; n must be positive and d not zero")
    constant(name, "d", d)
    place = as_device(device, name)
    raw = getattr(cpu.raw.fft, name)(n, d=float(d)).astype(chosen.dtype)
    return asarray(wrap(raw, cpu), device=place)


@_sampled.see("rfftfreq, fft")
def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the frequencies of `fft` of `n` samples: first 0 and up, then below.

    >>> xp.fft.fftfreq(4)
    tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    return _frequencies("fftfreq", n, d, dtype, device)


@_sampled.see("fftfreq, rfft")
def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the frequencies of `rfft` of `n` samples, ascending.

    >>> xp.fft.rfftfreq(4)
    tensor([0.  , 0.25, 0.5 ])

    Returns
    -------
    Tensor
        Shape (n // 2 + 1,), that dtype.
    """
    return _frequencies("rfftfreq", n, d, dtype, device)


@_shifted.see("ifftshift, fftfreq")
def fftshift(x: Tensor, /, *, axes: int | Sequence[int] | None = None) -> Tensor:
    """Return `x` with frequency 0 moved from the start to the middle.

    >>> xp.fft.fftshift(xp.asarray([0, 1, 2, -2, -1]))
    tensor([-2, -1,  0,  1,  2])
    """
    places = normalize_axes("fftshift", axes, dimensions("fftshift", x))
    return roll(x, tuple(x._data.shape[i] // 2 for i in places), axis=places)


@_shifted.see("fftshift")
def ifftshift(x: Tensor, /, *, axes: int | Sequence[int] | None = None) -> Tensor:
    """Return the inverse of `fftshift`: frequency 0 moved from the middle to the start.

    >>> xp.fft.ifftshift(xp.asarray([-2, -1, 0, 1, 2]))
    tensor([ 0,  1,  2, -2, -1])
    """
    places = normalize_axes("ifftshift", axes, dimensions("ifftshift", x))
    return roll(x, tuple(-(x._data.shape[i] // 2) for i in places), axis=places)
