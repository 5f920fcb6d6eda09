"""Drawing from a collection: permutations, choices and multinomial draws."""

from typing import Any

from tensorxp._backend.dtypes import Defaults, as_dtype
from tensorxp._backend.families import see
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor
from tensorxp._core.writes import write
from tensorxp._ops.axes import dimensions, integer, normalize_axis, truth
from tensorxp._ops.ranges import arange
from tensorxp._ops.searching import take
from tensorxp.random._draws import one_of, size_of, stream_of
from tensorxp.random._generator import Generator


def _order(stream: Generator, n: int) -> Any:
    """Return a raw random order of `n` things."""
    if stream.device.type != "cuda":
        return stream.draw(lambda bits: bits.permutation(n))
    # CuPy's generator has no permutation: sort random keys, 64 bits so that ties are rare
    keys = stream.draw(lambda bits: bits.integers(0, 2**63 - 1, n, dtype="int64"))
    return stream.device.raw.argsort(keys)


def _size(function: str, argument: str, n: Any) -> int:
    found = integer(function, argument, n)
    if found < 0:
        raise ValueError(f"{function}: {argument} is {n}; it must not be negative")
    return found


@see("tensorxp.random.permutation")
def randperm(
    n: int, *, dtype: Any = None, device: Any = None, generator: Generator | None = None
) -> Tensor:
    """Return the integers 0 to n - 1 in random order.

    >>> xp.sort(xp.randperm(4))
    tensor([0, 1, 2, 3])

    Parameters
    ----------
    n : int
        Not negative.
    dtype : dtype or None
        None is int64.
    device : Device, str or None
        None is that of `generator`, else the default device.
    generator : Generator or None
        None is the default one of the device.

    Returns
    -------
    Tensor
        Shape (n,), that dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        Arguments of other types or dtypes; parameters out of range or that don't broadcast to
        `shape`, negative sizes, unknown names, a `generator` elsewhere; devices that differ or are
        not there.
    """
    stream = stream_of("randperm", device, generator)
    chosen = as_dtype(Defaults.integer if dtype is None else dtype, "randperm").dtype
    raw = _order(stream, _size("randperm", "n", n))
    return wrap(stream.device.raw.asarray(raw, dtype=chosen), stream.device)


@see("shuffle, choice")
def permutation(
    x: Any, /, *, axis: int = 0, device: Any = None, generator: Generator | None = None
) -> Tensor:
    """Return the slices of a Tensor along an axis in random order; the gradient is kept.

    >>> xp.sort(xp.random.permutation(xp.asarray([3, 1, 2])))
    tensor([1, 2, 3])

    Parameters
    ----------
    x : Tensor or int
        Of any dtype, one axis or more; an int stands for `arange(x)`.
    axis : int
    device : Device, str or None
        For an int.
    generator : Generator or None
        None is the default one of the device.

    Returns
    -------
    Tensor
        A copy, shape and dtype of `x`.

    Raises
    ------
    TypeError, AxisError, ValueError, DeviceError
        `x` is neither; no such axis; a negative int, 0-d `x`; another device.
    """
    if not isinstance(x, Tensor):
        n = _size("permutation", "x", x)
        return randperm(n, device=device, generator=generator)
    if not x._data.ndim:
        raise ValueError("permutation: x is 0-d; it must have an axis to permute")
    stream = stream_of("permutation", device, generator, x)
    n = x._data.shape[normalize_axis("permutation", axis, x._data.ndim)]
    return take(x, wrap(_order(stream, n), stream.device), axis=axis)


@see("tensorxp.random.permutation")
def shuffle(x: Tensor, /, *, axis: int = 0, generator: Generator | None = None) -> None:
    """Put the slices of `x` along an axis in random order, in place.

    >>> x = xp.arange(4)
    >>> xp.random.shuffle(x)
    >>> xp.sort(x)
    tensor([0, 1, 2, 3])

    Parameters
    ----------
    x : Tensor, any dtype
        Of a shape with one axis or more.
    axis : int
    generator : Generator or None
        None is the default one of the device.

    Raises
    ------
    TypeError, AxisError, ValueError
        `x` is no Tensor; no such axis; 0-d `x`, a `generator` elsewhere.
    RuntimeError
        `x` is a leaf that requires grad.
    """
    dimensions("shuffle", x)
    write(x, ..., permutation(x, axis=axis, generator=generator), "shuffle")


def _weights(function: str, p: Any, sizes: tuple[int, ...]) -> Any:
    """Return raw float64 weights; ValueError for negative, infinite or all-zero ones."""
    if not isinstance(p, Tensor) or p._data.dtype.kind not in "biuf" or p._data.ndim not in sizes:
        allowed = " or ".join(f"{n}-d" for n in sizes)
        raise ValueError(f"{function}: the probabilities must be a real {allowed} Tensor")
    raw = p._device.raw.asarray(p._data, dtype="float64")
    if raw.shape[-1] == 0 or not bool(((raw >= 0) & (raw < float("inf"))).all()):
        raise ValueError(f"{function}: probabilities must be finite, non-negative and not empty")
    if not bool((raw.sum(axis=-1) > 0).all()):
        raise ValueError(f"{function}: the probabilities of a row are all zero")
    return raw


@see("bernoulli, tensorxp.random.choice")
def multinomial(
    probs: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return indices drawn with given probabilities; no gradient.

    >>> xp.multinomial(xp.asarray([0.0, 1.0]), 3, replacement=True)
    tensor([1, 1, 1])

    Parameters
    ----------
    probs : Tensor, real or bool
        Shape (n,), or (rows, n); rows need not sum to one.
    num_samples : int
        Not negative; without replacement at most as many as probabilities above zero.
    replacement : bool
    generator : Generator or None
        None is the default one of the device.

    Returns
    -------
    Tensor
        Shape (num_samples,) or (rows, num_samples), dtype int64.

    Raises
    ------
    TypeError, ValueError
        `num_samples` is no int; other shapes or dtypes, negative, infinite or all-zero
        probabilities, too many samples, a `generator` elsewhere.
    """
    weights = _weights("multinomial", probs, (1, 2))
    n = _size("multinomial", "num_samples", num_samples)
    replacement = truth("multinomial", "replacement", replacement)
    stream = stream_of("multinomial", None, generator, probs)
    return wrap(_draw_indices("multinomial", stream, weights, n, replacement), stream.device)


def _draw_indices(function: str, stream: Generator, weights: Any, n: int, replacement: bool) -> Any:
    xp = stream.device.raw.base
    if replacement:
        cdf = xp.cumsum(weights, axis=-1)
        u = stream.draw(lambda bits: bits.random((*weights.shape[:-1], n)))
        u = u * cdf[..., -1:]
        if weights.ndim == 1:
            found = xp.searchsorted(cdf, u, side="right")
        else:
            rows = [xp.searchsorted(c, v, side="right") for c, v in zip(cdf, u, strict=True)]
            found = xp.stack(rows) if rows else xp.zeros((0, n), dtype="int64")
        # rounding can reach the total: the last index that is possible takes it
        possible = xp.where(weights > 0, xp.arange(weights.shape[-1]), 0)
        return xp.minimum(found, possible.max(axis=-1, keepdims=True))
    if not bool(((weights > 0).sum(axis=-1) >= n).all()):
        raise ValueError(
            f"{function}: num_samples is {n} without replacement, but a row has fewer "
            "probabilities above zero"
        )
    # the race of exponential clocks: the first n arrivals are a draw without replacement
    e = stream.draw(lambda bits: bits.standard_exponential(weights.shape))
    arrival = xp.where(weights > 0, e / xp.where(weights > 0, weights, 1), xp.inf)
    return xp.argsort(arrival, axis=-1)[..., :n]


@see("permutation, multinomial")
def choice(
    a: Any,
    shape: Any = None,
    replace: bool = True,
    p: Tensor | None = None,
    *,
    size: Any = None,
    axis: int = 0,
    device: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Return slices of `a` drawn at random along an axis; the gradient returns to them.

    >>> xp.random.choice(xp.asarray([7, 7, 7]), 2)
    tensor([7, 7])

    Parameters
    ----------
    a : Tensor or int
        Of any dtype; an int stands for `arange(a)`.
    shape : int, tuple of ints or None
        None is ().
    size : int, tuple of ints or None
        NumPy's word for `shape`.
    replace : bool
    p : Tensor, real or bool, or None
        Probabilities, 1-D; None: each is equally likely.
    axis : int
    device : Device, str or None
        For an int.
    generator : Generator or None
        None is the default one of the device.

    Returns
    -------
    Tensor
        Shape of `a` with `shape` in place of `axis`, dtype of `a`.

    Raises
    ------
    TypeError, AxisError, ValueError, DeviceError
        `a` is neither; no such axis; nothing to draw from, more than there are without replacement,
        probabilities as for `multinomial`; two devices.
    """
    shape = one_of("choice", shape, size)
    sizes = () if shape is None else size_of("choice", shape)
    whole = isinstance(a, Tensor)
    stream = stream_of("choice", device, generator, a, p)
    if whole and a._data.ndim:
        n = a._data.shape[normalize_axis("choice", axis, a._data.ndim)]
    else:
        n = _size("choice", "a", a)
    count = 1
    for size in sizes:
        count *= size
    if n == 0 and count:
        raise ValueError("choice: a is empty")
    if p is not None:
        weights = _weights("choice", p, (1,))
        if len(weights) != n:
            raise ValueError(f"choice: p has {len(weights)} probabilities for {n} things")
        raw = _draw_indices("choice", stream, weights, count, replace)
    elif replace:
        raw = stream.draw(lambda bits: bits.integers(0, max(n, 1), count, dtype="int64"))
    elif count > n:
        raise ValueError(f"choice: {count} of {n} things cannot be drawn without replacement")
    else:
        raw = _order(stream, n)[:count]
    picked = wrap(raw.reshape(sizes), stream.device)
    source = a if whole and a._data.ndim else arange(n, device=stream.device)
    return take(source, picked, axis=axis)
