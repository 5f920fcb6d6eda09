"""The discrete Fourier transforms: of complex, real and Hermitian signals, over one or more axes.

All are linear, so the jvp is the transform of the tangent and the vjp the adjoint transform:
the inverse one with "backward" and "forward" swapped. Real transforms keep one half of the
spectrum; the other half's share makes the factors 2 and 1/2 of `_halves`.
"""

from collections.abc import Sequence
from operator import index
from typing import Any

from tensorxp._backend.families import Family
from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive, linear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions, normalize_axes, normalize_axis, shifted

_one_axis = Family(
    """
x : Tensor, any dtype
n : int or None
    The length to which `x` is cut or filled with zeros; None is its size.
axis : int
norm : str
    What is divided by n: "backward" the inverse, "forward" this, "ortho" both by its root.
""",
    """
Tensor
    Shape of `x` with the length along `axis`; complex64 of single and half precision, else
    complex128.
""",
    """
TypeError, AxisError, ValueError
    `x` is no Tensor or of another dtype, a length no int; no such axis; a length below 1,
    another `norm`.
""",
)
_half = _one_axis.but(
    "x : Tensor, real or bool",
    """
Tensor
    Shape of `x` with n // 2 + 1 along `axis`; dtype complex64 of single and half precision,
    else complex128.
""",
)
_several_axes = Family(
    """
x : Tensor, any dtype
s : sequence of ints or None
    The lengths along `axes`, as `n` of `fft`.
axes : sequence of ints or None
    None is all, or the last len(s).
norm : str
    As for `fft`.
""",
    """
Tensor
    Shape of `x` with the lengths along `axes`; complex64 of single and half precision, else
    complex128.
""",
    """
TypeError, AxisError, ValueError
    `x` is no Tensor or of another dtype, a length no int; no such axis; a length below 1,
    another number of them, no axes, another `norm`.
""",
)
_two_axes = _several_axes.but("axes : sequence of ints")

_SWAPPED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _fitted(xp: Any, ct: Any, shape: tuple[int, ...]) -> Any:
    """Return `ct` cut or filled with zeros at the ends to `shape`."""
    if ct.shape == shape:
        return ct
    ct = ct[tuple([slice(min(a, b)) for a, b in zip(ct.shape, shape, strict=True)])]
    if ct.shape == shape:
        return ct
    out = xp.zeros(shape, dtype=ct.dtype, device=ct.device)
    out[tuple([slice(n) for n in ct.shape])] = ct
    return out


def _halves(xp: Any, ct: Any, n: int, axis: int, inner: float) -> Any:
    """Return a half spectrum of length-n signals, its values that stand for two times `inner`."""
    dtype = xp.float32 if ct.dtype == xp.complex64 else xp.float64
    factors = xp.full((n // 2 + 1,), inner, dtype=dtype, device=ct.device)
    factors[0] = 1
    if n % 2 == 0:
        factors[-1] = 1
    return ct * xp.reshape(factors, (-1,) + (1,) * (ct.ndim - 1 - axis))


def _call(xp: Any, name: str, x: Any, s: Any, axes: Any, norm: str) -> Any:
    function = getattr(xp.fft, name)
    if name[-1] == "n":
        return function(x, s=s, axes=axes, norm=norm)
    return function(x, n=s[0], axis=axes[0], norm=norm)


def _transform(name: str, adjoint: str, *, halve: bool = False, double: bool = False) -> Primitive:
    """Return the primitive of a transform; its vjp is `adjoint` of what is halved, or doubled."""

    def forward(xp: Any, x: Any, *, s: Any, axes: Any, norm: str) -> Any:
        return _call(xp, name, x, s, axes, norm)

    def rule(xp: Any, ct: Any, x_shape: Any, *, s: Any, axes: Any, norm: str) -> Any:
        if halve:
            ct = _halves(xp, ct, s[-1], axes[-1], 0.5)
        back = _call(xp, adjoint, ct, s, axes, _SWAPPED[norm])
        if double:
            back = _halves(xp, back, s[-1], axes[-1], 2.0)
        return _fitted(xp, back, x_shape)

    return linear(name, forward=forward, batched=shifted, x=rule)


fft_p = _transform("fft", "ifft")
ifft_p = _transform("ifft", "fft")
fftn_p = _transform("fftn", "ifftn")
ifftn_p = _transform("ifftn", "fftn")
rfft_p = _transform("rfft", "irfft", halve=True)
irfft_p = _transform("irfft", "rfft", double=True)
rfftn_p = _transform("rfftn", "irfftn", halve=True)
irfftn_p = _transform("irfftn", "rfftn", double=True)
hfft_p = _transform("hfft", "ihfft", double=True)
ihfft_p = _transform("ihfft", "hfft", halve=True)


def _norm(function: str, norm: Any) -> str:
    norm = "backward" if norm is None else norm
    if norm not in _SWAPPED:
        raise ValueError(
            f'{function}: norm is {norm!r}; allowed are "backward", "ortho" and "forward"'
        )
    return norm  # type: ignore[no-any-return]


def _length(function: str, argument: str, n: Any) -> int:
    try:
        n = index(n)
    except TypeError:
        raise TypeError(f"{function}: {argument} is {n!r}; allowed are integers") from None
    if n < 1:
        raise ValueError(f"{function}: {argument} is {n}; a transform needs one point or more")
    return n  # type: ignore[no-any-return]


def _real(function: str, x: Tensor) -> None:
    if x._data.dtype.kind == "c":
        raise TypeError(f"{function}: x has dtype {x._data.dtype}; allowed are real dtypes")


def _one(op: Primitive, x: Tensor, n: Any, axis: Any, norm: Any, half: bool = False) -> Tensor:
    """Apply a transform along one axis; from a half spectrum the default length is 2 (M - 1)."""
    at = normalize_axis(op.name, axis, dimensions(op.name, x))
    if n is None:
        n = x._data.shape[at]
        n = 2 * (n - 1) if half else n
    params = {"s": (_length(op.name, "n", n),), "axes": (at,), "norm": _norm(op.name, norm)}
    return apply(op, (x,), params)


def _several(op: Primitive, x: Tensor, s: Any, axes: Any, norm: Any, half: bool = False) -> Tensor:
    """Apply a transform along several axes: `axes`, or the last ones that `s` has lengths for."""
    ndim = dimensions(op.name, x)
    if axes is None and s is not None:
        axes = tuple(range(-len(s), 0))
    places = normalize_axes(op.name, axes, ndim)
    shape = x._data.shape
    if s is None:
        sizes = [shape[i] for i in places]
        if half and sizes:
            sizes[-1] = 2 * (sizes[-1] - 1)
    else:
        sizes = list(s)
        if len(sizes) != len(places):
            raise ValueError(f"{op.name}: s is {s} and axes {axes}; their lengths must be equal")
    lengths = tuple([_length(op.name, "s", n) for n in sizes])
    norm = _norm(op.name, norm)
    if not places:
        raise ValueError(f"{op.name}: axes is empty; a transform needs one axis or more")
    return apply(op, (x,), {"s": lengths, "axes": places, "norm": norm})


@_one_axis.see("ifft, rfft, fftn")
def fft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Tensor:
    """Return the discrete Fourier transform along an axis.

    >>> xp.fft.fft(xp.asarray([1.0, 0.0, -1.0, 0.0]))
    tensor([0.+0.j, 2.+0.j, 0.+0.j, 2.+0.j])
    """
    return _one(fft_p, x, n, axis, norm)


@_one_axis.see("fft, irfft")
def ifft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Tensor:
    """Return the inverse of `fft`.

    >>> xp.fft.ifft(xp.asarray([4.0, 0.0, 0.0, 0.0]))
    tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j])
    """
    return _one(ifft_p, x, n, axis, norm)


@_several_axes.see("ifftn, fft2")
def fftn(
    x: Tensor,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str = "backward",
) -> Tensor:
    """Return the discrete Fourier transform over several axes.

    >>> xp.fft.fftn(xp.ones((2, 2)))
    tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _several(fftn_p, x, s, axes, norm)


@_several_axes.see("fftn")
def ifftn(
    x: Tensor,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str = "backward",
) -> Tensor:
    """Return the inverse of `fftn`.

    >>> xp.fft.ifftn(xp.ones((2, 2)))
    tensor([[1.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return _several(ifftn_p, x, s, axes, norm)


@_half.see("irfft, fft")
def rfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Tensor:
    """Return the first n // 2 + 1 values of `fft` of a real signal.

    >>> xp.fft.rfft(xp.asarray([1.0, 0.0, -1.0, 0.0]))
    tensor([0.+0.j, 2.+0.j, 0.+0.j])
    """
    dimensions("rfft", x)
    _real("rfft", x)
    return _one(rfft_p, x, n, axis, norm)


@_one_axis.see("rfft")
def irfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Tensor:
    """Return the inverse of `rfft`, the signal of a half spectrum.

    The imaginary parts of the first value, and for even `n` of the last, are not used and get
    gradient 0.

    >>> xp.fft.irfft(xp.asarray([4.0, 0.0, 0.0]))
    tensor([1., 1., 1., 1.])

    Parameters
    ----------
    n : int or None
        The length of the signal; None is 2 (M - 1) for size M, an odd length must be told.
    norm : str
        As for `fft`.

    Returns
    -------
    Tensor
        Shape of `x` with `n` along `axis`; real dtype of the same precision; of integers float64.
    """
    return _one(irfft_p, x, n, axis, norm, half=True)


@_several_axes.see("irfftn, rfft2")
def rfftn(
    x: Tensor,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str = "backward",
) -> Tensor:
    """Return `rfft` along the last of `axes` and `fft` along the others.

    >>> xp.fft.rfftn(xp.ones((2, 4))).shape
    (2, 3)

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape as of `fftn`, but n // 2 + 1 along the last of `axes`; dtype complex64 of single and
        half precision, else complex128.
    """
    dimensions("rfftn", x)
    _real("rfftn", x)
    return _several(rfftn_p, x, s, axes, norm)


@_several_axes.see("rfftn")
def irfftn(
    x: Tensor,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str = "backward",
) -> Tensor:
    """Return the inverse of `rfftn`; the last of `s` is by default 2 (M - 1).

    >>> xp.fft.irfftn(xp.ones((2, 3))).shape
    (2, 4)

    Returns
    -------
    Tensor
        Shape of `x` with the lengths along `axes`; float32 of single and half precision, else
        float64 dtype.
    """
    return _several(irfftn_p, x, s, axes, norm, half=True)


@_one_axis.see("ihfft, irfft")
def hfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Tensor:
    """Return the real spectrum of a Hermitian signal given by its first half.

    >>> xp.fft.hfft(xp.asarray([1.0, 2.0]))
    tensor([ 3., -1.])

    Parameters
    ----------
    n : int or None
        The length of the spectrum; None is 2 (M - 1) for size M.
    norm : str
        As for `fft`.

    Returns
    -------
    Tensor
        Shape of `x` with `n` along `axis`; real dtype of the same precision; of integers float64.
    """
    return _one(hfft_p, x, n, axis, norm, half=True)


@_half.see("hfft")
def ihfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Tensor:
    """Return the inverse of `hfft`: the first n // 2 + 1 values of the signal.

    >>> xp.fft.ihfft(xp.ones(4)).shape
    (3,)
    """
    dimensions("ihfft", x)
    _real("ihfft", x)
    return _one(ihfft_p, x, n, axis, norm)


@_two_axes.see("ifft2, fftn")
def fft2(
    x: Tensor,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str = "backward",
) -> Tensor:
    """Return `fftn` over two axes, by default the last.

    >>> xp.fft.fft2(xp.ones((2, 2)))
    tensor([[4.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return fftn(x, s=s, axes=axes, norm=norm)


@_two_axes.see("fft2")
def ifft2(
    x: Tensor,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str = "backward",
) -> Tensor:
    """Return `ifftn` over two axes, by default the last.

    >>> xp.fft.ifft2(xp.ones((2, 2)))
    tensor([[1.+0.j, 0.+0.j],
            [0.+0.j, 0.+0.j]])
    """
    return ifftn(x, s=s, axes=axes, norm=norm)


@_two_axes.see("irfft2, rfftn")
def rfft2(
    x: Tensor,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str = "backward",
) -> Tensor:
    """Return `rfftn` over two axes, by default the last.

    >>> xp.fft.rfft2(xp.ones((2, 4))).shape
    (2, 3)

    Parameters
    ----------
    x : Tensor, real or bool

    Returns
    -------
    Tensor
        Shape and dtype as of `rfftn`.
    """
    return rfftn(x, s=s, axes=axes, norm=norm)


@_two_axes.see("rfft2")
def irfft2(
    x: Tensor,
    /,
    *,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str = "backward",
) -> Tensor:
    """Return `irfftn` over two axes, by default the last.

    >>> xp.fft.irfft2(xp.ones((2, 3))).shape
    (2, 4)

    Returns
    -------
    Tensor
        Shape and dtype as of `irfftn`.
    """
    return irfftn(x, s=s, axes=axes, norm=norm)
