"""Sample frequencies, and their order: zero first, or zero in the middle."""

from collections.abc import Sequence
from operator import index
from typing import Any

from tensorxp._backend import dtypes
from tensorxp._backend.device import as_device, cpu
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import constant, dimensions, normalize_axes
from tensorxp._ops.conversion import asarray
from tensorxp._ops.shaping import roll


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


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the frequencies of `fft` of `n` samples: first 0 and up, then below.

    Parameters
    ----------
    n : int
        At least 1.
    d : float
        The distance of the samples, not 0.
    dtype : dtype or None
        Real floating; None is the default real dtype.
    device : Device, str or None
        None is the default device.

    Returns
    -------
    Tensor
        Shape (n,), that dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Arguments of other types, another dtype; `n` or `d` out of range; a device that is not
        there.
    """
    return _frequencies("fftfreq", n, d, dtype, device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """Return the frequencies of `rfft` of `n` samples, ascending.

    Parameters
    ----------
    n : int
        At least 1.
    d : float
        The distance of the samples, not 0.
    dtype : dtype or None
        Real floating; None is the default real dtype.
    device : Device, str or None
        None is the default device.

    Returns
    -------
    Tensor
        Shape (n // 2 + 1,), that dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Arguments of other types, another dtype; `n` or `d` out of range; a device that is not
        there.
    """
    return _frequencies("rfftfreq", n, d, dtype, device)


def fftshift(x: Tensor, /, *, axes: int | Sequence[int] | None = None) -> Tensor:
    """Return `x` with frequency 0 moved from the start to the middle.

    Parameters
    ----------
    x : Tensor, any dtype
    axes : int, sequence of ints or None
        None is all.

    Returns
    -------
    Tensor
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor; `axis` is no int, out of range, or given twice.
    """
    places = normalize_axes("fftshift", axes, dimensions("fftshift", x))
    return roll(x, tuple(x._data.shape[i] // 2 for i in places), axis=places)


def ifftshift(x: Tensor, /, *, axes: int | Sequence[int] | None = None) -> Tensor:
    """Return the inverse of `fftshift`: frequency 0 moved from the middle to the start.

    Parameters
    ----------
    x : Tensor, any dtype
    axes : int, sequence of ints or None
        None is all.

    Returns
    -------
    Tensor
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor; `axis` is no int, out of range, or given twice.
    """
    places = normalize_axes("ifftshift", axes, dimensions("ifftshift", x))
    return roll(x, tuple(-(x._data.shape[i] // 2) for i in places), axis=places)
