"""Random numbers of the common distributions, as Tensors.

Sizes of `rand`, `randn` are given as in PyTorch; the others take a `shape`, None for that of
their parameters. `uniform`, `normal` and `exponential` are made of standard numbers by recorded
operations, so gradients reach Tensor parameters.
"""

import math
from typing import Any

from tensorxp._backend.dtypes import Defaults, as_dtype, of_raw
from tensorxp._backend.families import Family, see
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor
from tensorxp._ops.arithmetic import add, multiply, subtract
from tensorxp._ops.axes import dimensions, integer
from tensorxp._ops.casting import astype
from tensorxp.random._draws import (
    checked,
    drawn_shape,
    finish,
    one_of,
    raw_param,
    real_dtype,
    refuse_gradient,
    size_of,
    standard,
    stream_of,
    tensor_of,
    unpacked,
)
from tensorxp.random._generator import Generator

_drawn = Family(
    """
shape : int, tuple of ints or None
    None is that of the parameters broadcast.
size : int, tuple of ints or None
    NumPy's word for `shape`.
dtype : dtype or None
    Real floating; None is that of Tensor parameters, else the default real dtype.
device : Device, str or None
    None is that of Tensor parameters or `generator`, else the default device.
generator : Generator or None
    None is the default one of the device.
requires_grad : bool
    Whether a result without history becomes a leaf that records.
""",
    "Tensor\n    That shape, dtype and device.",
    """
TypeError, ValueError, DeviceError
    Arguments of other types or dtypes; parameters out of range or that don't broadcast to
    `shape`, negative sizes, unknown names, a `generator` elsewhere; devices that differ or are
    not there.
""",
)


@_drawn.see("randn, rand_like, tensorxp.random.uniform")
def rand(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers uniform on [0, 1): `rand(2, 3)` or `rand((2, 3))`.

    >>> xp.rand(2, 3).shape
    (2, 3)

    Parameters
    ----------
    *size : ints or a tuple of ints
        The shape.
    requires_grad : bool
    """
    stream = stream_of("rand", device, generator)
    chosen = real_dtype("rand", dtype)
    raw = _uniform(stream, size_of("rand", unpacked(size)), chosen)
    return tensor_of(raw, stream.device, requires_grad, "rand")


def _uniform(stream: Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    raw = standard(stream, "random", shape, dtype)
    if dtype.bits < 32:  # rounding to half precision can give 1
        raw[raw >= 1] = 1 - 2.0**-11
    return raw


@_drawn.see("normal, rand, randn_like")
def randn(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return standard normal numbers: `randn(2, 3)` or `randn((2, 3))`.

    >>> xp.randn(2, 3).shape
    (2, 3)

    Parameters
    ----------
    *size : ints or a tuple of ints
        The shape.
    dtype : dtype or None
        Floating; complex ones have variance 1 in all, 1/2 in each part. None is the default real
        dtype.
    device : Device, str or None
        None is that of `generator`, else the default device.
    requires_grad : bool
    """
    stream = stream_of("randn", device, generator)
    raw = _normal("randn", stream, size_of("randn", unpacked(size)), dtype)
    return tensor_of(raw, stream.device, requires_grad, "randn")


def _normal(function: str, stream: Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    if dtype is None or as_dtype(dtype, function).kind != "c":
        return standard(stream, "standard_normal", shape, real_dtype(function, dtype))
    raw = stream.device.raw.zeros(shape, dtype=as_dtype(dtype, function).dtype)
    part = of_raw(raw.real.dtype)
    for view in (raw.real, raw.imag):
        view[...] = standard(stream, "standard_normal", shape, part) * math.sqrt(0.5)
    return raw


@see("rand")
def rand_like(x: Tensor, /, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return numbers uniform on [0, 1) with the shape of `x`.

    >>> xp.rand_like(xp.zeros((2, 3))).shape
    (2, 3)

    Parameters
    ----------
    x : Tensor, real floating
    dtype : dtype or None
        Real floating, then `x` may have any; None is that of `x`.
    **options
        Those of `rand`; `device` is by default that of `x`.

    Returns
    -------
    Tensor
        Shape of `x`, that dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        `x` is no Tensor, another dtype, and as for `rand`.
    """
    options = _like("rand_like", x, options)
    return rand(x._data.shape, dtype=of_raw(x._data.dtype) if dtype is None else dtype, **options)


@see("randn")
def randn_like(x: Tensor, /, *, dtype: Any = None, **options: Any) -> Tensor:
    """Return standard normal numbers with the shape of `x`.

    >>> xp.randn_like(xp.zeros((2, 3))).shape
    (2, 3)

    Parameters
    ----------
    x : Tensor, floating
    dtype : dtype or None
        Floating, then `x` may have any; None is that of `x`.
    **options
        Those of `randn`; `device` is by default that of `x`.

    Returns
    -------
    Tensor
        Shape of `x`, that dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        `x` is no Tensor, another dtype, and as for `randn`.
    """
    options = _like("randn_like", x, options)
    return randn(x._data.shape, dtype=of_raw(x._data.dtype) if dtype is None else dtype, **options)


@see("randint")
def randint_like(
    x: Tensor, /, low: Any, high: Any = None, *, dtype: Any = None, **options: Any
) -> Tensor:
    """Return integers in [low, high) with the shape of `x`.

    >>> xp.randint_like(xp.zeros(2), 3, 4)
    tensor([3., 3.])

    Parameters
    ----------
    x : Tensor, real or bool
    low, high : int
        As for `randint`.
    dtype : dtype or None
        None is that of `x`.
    **options
        Those of `randint`; `device` is by default that of `x`.

    Returns
    -------
    Tensor
        Shape of `x`, that dtype.

    Raises
    ------
    TypeError, ValueError, DeviceError
        `x` is no Tensor, and as for `randint`.
    """
    options = _like("randint_like", x, options)
    chosen = of_raw(x._data.dtype) if dtype is None else dtype
    return randint(low, high, x._data.shape, dtype=chosen, **options)


def _like(function: str, x: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    dimensions(function, x)
    if options.get("device") is None:
        options["device"] = x._device
    return options


@_drawn.see("randperm, randint_like")
def randint(
    low: int,
    high: Any = None,
    shape: Any = None,
    *,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return integers uniform in [low, high), or in [0, low) without `high`.

    `randint(high, shape)` is understood too.

    >>> xp.randint(5, 6, (3,))
    tensor([5, 5, 5])

    Parameters
    ----------
    low, high : int
        An empty range is not allowed, nor one that the dtype cannot hold.
    shape : int, tuple of ints or None
        None is ().
    dtype : dtype or None
        Integer, real or bool; None is int64.
    device : Device, str or None
        None is that of `generator`, else the default device.
    requires_grad : bool

    Raises
    ------
    RuntimeError
        `requires_grad` with a dtype that is not floating.
    """
    shape = one_of("randint", shape, size)
    if isinstance(high, tuple | list) and shape is None:
        low, high, shape = 0, low, high
    elif high is None:
        low, high = 0, low
    first, last = integer("randint", "low", low), integer("randint", "high", high)
    sizes = () if shape is None else size_of("randint", shape)
    stream = stream_of("randint", device, generator)
    chosen = as_dtype(Defaults.integer if dtype is None else dtype, "randint")
    if first >= last:
        raise ValueError(f"randint: low is {first} and high {last}; low must be below high")
    if chosen.kind == "c":
        raise TypeError(f"randint: dtype is {chosen}; allowed are integer and real dtypes, bool")
    kind = "int64" if chosen.is_floating_point else chosen.dtype
    bounds = (0, 1) if chosen.kind == "b" else _bounds(stream, kind)
    if first < bounds[0] or last - 1 > bounds[1]:
        raise ValueError(f"randint: [{first}, {last}) does not fit into {chosen}")
    if chosen.kind == "b":
        kind = "uint8"
    raw = stream.draw(lambda bits: bits.integers(first, last, sizes, dtype=kind))
    raw = stream.device.raw.asarray(raw, dtype=chosen.dtype)
    return tensor_of(raw, stream.device, requires_grad, "randint")


def _bounds(stream: Generator, kind: Any) -> tuple[int, int]:
    info = stream.device.raw.base.iinfo(kind)
    return int(info.min), int(info.max)


@_drawn.see("rand")
def uniform(
    low: Any = 0.0,
    high: Any = 1.0,
    shape: Any = None,
    *,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers uniform on [low, high), made as low + (high - low) u.

    >>> xp.random.uniform(1.0, 1.5, (3,)) < 2
    tensor([ True,  True,  True])

    Parameters
    ----------
    low, high : number or Tensor, real
        Gradients pass; `low` is not above `high`.
    """
    shape = one_of("uniform", shape, size)
    stream = stream_of("uniform", device, generator, low, high)
    chosen = real_dtype("uniform", dtype, low, high)
    sizes = drawn_shape("uniform", shape, low, high)
    checked("uniform", "low", low, lambda x: x == x, "a number")
    checked("uniform", "high", high, lambda x: x == x, "a number")
    raw = _uniform(stream, sizes, chosen)
    if not isinstance(low, Tensor) and not isinstance(high, Tensor):
        if low > high:
            raise ValueError(f"uniform: low is {low} and high {high}; low must not be above high")
        if low == 0 and high == 1:
            return tensor_of(raw, stream.device, requires_grad, "uniform")
        raw *= high - low
        raw += low
        if high > low:  # rounding can reach `high`
            below = stream.device.raw.base.nextafter(
                chosen.dtype.type(high), chosen.dtype.type(low)
            )
            raw[raw >= high] = below
        return tensor_of(raw, stream.device, requires_grad, "uniform")
    if bool(_number(low > high)):
        raise ValueError("uniform: low is above high somewhere")
    u = wrap(raw, stream.device)
    width = subtract(high, low)
    out = add(multiply(width, u), low)
    return finish(astype(out, chosen, copy=False), requires_grad, "uniform")


def _number(x: Any) -> Any:
    return x._data.any() if isinstance(x, Tensor) else x


@_drawn.see("randn")
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    shape: Any = None,
    *,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return normal numbers, made as mean + std z.

    >>> xp.normal(0.0, 2.0, (2, 3)).shape
    (2, 3)

    Parameters
    ----------
    mean, std : number or Tensor, real
        Gradients pass; `std` is not negative.
    dtype : dtype or None
        As for `uniform`; with numbers also complex (variance std², half in each part).
    """
    shape = one_of("normal", shape, size)
    stream = stream_of("normal", device, generator, mean, std)
    checked("normal", "std", std, lambda x: x >= 0, "non-negative")
    sizes = drawn_shape("normal", shape, mean, std)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        raw = stream.device.raw.asarray(_normal("normal", stream, sizes, dtype))
        if std != 1:
            raw *= std
        if mean != 0:
            raw += mean
        return tensor_of(raw, stream.device, requires_grad, "normal")
    chosen = real_dtype("normal", dtype, mean, std)
    z = wrap(standard(stream, "standard_normal", sizes, chosen), stream.device)
    out = add(multiply(z, std), mean)
    return finish(astype(out, chosen, copy=False), requires_grad, "normal")


@_drawn.see("poisson, gamma")
def exponential(
    scale: Any = 1.0,
    shape: Any = None,
    *,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return exponential numbers of mean `scale` (1 / rate).

    >>> xp.random.exponential(2.0, (3,)).shape
    (3,)

    Parameters
    ----------
    scale : number or Tensor, real
        Not negative; the gradient passes.
    """
    shape = one_of("exponential", shape, size)
    stream = stream_of("exponential", device, generator, scale)
    checked("exponential", "scale", scale, lambda x: x >= 0, "non-negative")
    chosen = real_dtype("exponential", dtype, scale)
    sizes = drawn_shape("exponential", shape, scale)
    e = wrap(standard(stream, "standard_exponential", sizes, chosen), stream.device)
    out = e if not isinstance(scale, Tensor) and scale == 1 else multiply(e, scale)
    return finish(astype(out, chosen, copy=False), requires_grad, "exponential")


@_drawn.see("beta, exponential")
def gamma(
    concentration: Any,
    scale: Any = 1.0,
    shape: Any = None,
    *,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return gamma numbers of mean concentration · scale.

    >>> xp.random.gamma(2.0, 1.0, (3,)).shape
    (3,)

    Parameters
    ----------
    concentration : number or Tensor, real
        Positive.
    scale : number or Tensor, real
        Not negative; the gradient passes.

    Raises
    ------
    NotImplementedError
        A `concentration` that requires grad.
    """
    shape = one_of("gamma", shape, size)
    stream = stream_of("gamma", device, generator, concentration, scale)
    checked("gamma", "concentration", concentration, lambda x: x > 0, "positive")
    checked("gamma", "scale", scale, lambda x: x >= 0, "non-negative")
    refuse_gradient("gamma", concentration=concentration)
    chosen = real_dtype("gamma", dtype, concentration, scale)
    sizes = drawn_shape("gamma", shape, concentration, scale)
    alpha = raw_param(concentration, stream.device, "float64")
    raw = stream.draw(lambda bits: bits.standard_gamma(alpha, sizes))
    out = wrap(stream.device.raw.asarray(raw, dtype=chosen.dtype), stream.device)
    if isinstance(scale, Tensor) or scale != 1:
        out = multiply(out, scale)
    return finish(astype(out, chosen, copy=False), requires_grad, "gamma")


@_drawn.see("gamma")
def beta(
    a: Any,
    b: Any,
    shape: Any = None,
    *,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return beta numbers of mean a / (a + b).

    >>> xp.random.beta(2.0, 3.0, (4,)).shape
    (4,)

    Parameters
    ----------
    a, b : number or Tensor, real
        Positive.

    Raises
    ------
    NotImplementedError
        Parameters that require grad.
    """
    shape = one_of("beta", shape, size)
    stream = stream_of("beta", device, generator, a, b)
    checked("beta", "a", a, lambda x: x > 0, "positive")
    checked("beta", "b", b, lambda x: x > 0, "positive")
    refuse_gradient("beta", a=a, b=b)
    chosen = real_dtype("beta", dtype, a, b)
    sizes = drawn_shape("beta", shape, a, b)
    raws = [raw_param(value, stream.device, "float64") for value in (a, b)]
    raw = stream.draw(lambda bits: bits.beta(*raws, sizes))
    raw = stream.device.raw.asarray(raw, dtype=chosen.dtype)
    return tensor_of(raw, stream.device, requires_grad, "beta")


@_drawn.see("tensorxp.random.exponential")
def poisson(
    rate: Any = 1.0,
    shape: Any = None,
    *,
    size: Any = None,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Return Poisson numbers of mean `rate`, which have no gradient.

    >>> xp.poisson(4.0, (3,)).dtype
    tensorxp.int64

    Parameters
    ----------
    rate : number or Tensor, real
        Not negative.
    dtype : dtype or None
        None is that of a real floating Tensor `rate`, else int64.
    device : Device, str or None
        None is that of a Tensor `rate` or `generator`, else the default device.
    """
    shape = one_of("poisson", shape, size)
    stream = stream_of("poisson", device, generator, rate)
    checked("poisson", "rate", rate, lambda x: x >= 0, "non-negative")
    if dtype is None and not (isinstance(rate, Tensor) and rate._data.dtype.kind == "f"):
        dtype = Defaults.integer
    kind = rate._data.dtype if dtype is None else as_dtype(dtype, "poisson").dtype
    sizes = drawn_shape("poisson", shape, rate)
    lam = raw_param(rate, stream.device, "float64")
    raw = stream.draw(lambda bits: bits.poisson(lam, sizes))
    raw = stream.device.raw.asarray(raw, dtype=kind)
    return wrap(raw, stream.device)


@_drawn.see("multinomial")
def bernoulli(
    p: Any = 0.5,
    shape: Any = None,
    *,
    dtype: Any = None,
    device: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Return ones with probability `p` and zeros, which have no gradient.

    >>> xp.random.bernoulli(xp.asarray([0.0, 1.0]))
    tensor([0., 1.])

    Parameters
    ----------
    p : number or Tensor, real
        In [0, 1].
    dtype : dtype or None
        None is that of a real floating Tensor `p`, else the default real dtype.
    device : Device, str or None
        None is that of a Tensor `p` or `generator`, else the default device.
    """
    stream = stream_of("bernoulli", device, generator, p)
    checked("bernoulli", "p", p, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    chosen = real_dtype("bernoulli", None, p) if dtype is None else as_dtype(dtype, "bernoulli")
    sizes = drawn_shape("bernoulli", shape, p)
    drawn = of_raw(p._data.dtype) if isinstance(p, Tensor) else chosen
    u = standard(stream, "random", sizes, as_dtype("float32" if drawn.bits < 64 else "float64"))
    raw = u < (p._data if isinstance(p, Tensor) else p)
    return wrap(stream.device.raw.asarray(raw, dtype=chosen.dtype), stream.device)
