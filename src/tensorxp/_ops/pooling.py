"""Pooling over windows: the maximum and the sum, tap by tap on strided slices.

`max_pool_p` and its parts `pick_p` (a tangent at the places of the maxima) and `route_p` (a
cotangent put back there); `sum_pool_p` and its adjoint `sum_spread_p`.
"""

from typing import Any

from tensorxp._backend.blocks import on_host
from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive, linear, nondifferentiable, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.convolution import call
from tensorxp._ops.windows import Window


def _lowest(xp: Any, dtype: Any) -> Any:
    return -xp.inf if dtype.kind == "f" else xp.iinfo(dtype).min


@primitive
def max_pool_p(xp: Any, x: Any, *, window: Window) -> Any:
    return _maxima(xp, *_image(xp, x, window))


@max_pool_p.vjp
def _(xp: Any, ct: Any, x: Any, kept_out: Any, *, window: Window) -> Any:
    return call(xp, route_p, (ct, x, kept_out), {"window": window})


@max_pool_p.jvp
def _(xp: Any, t: Any, x: Any, kept_out: Any, *, window: Window) -> Any:
    return call(xp, pick_p, (t, x, kept_out), {"window": window})


def _image(xp: Any, x: Any, window: Window) -> tuple[Any, Any]:
    """Return the padded image, and for each tap the key of what it sees of it."""
    taps = window.taps(window.counts(x.shape[x.ndim - window.ndim :]))
    return window.pad(xp, x, _lowest(xp, x.dtype)), taps


def _maxima(xp: Any, image: Any, taps: Any) -> Any:
    out = xp.copy(image[taps[0]])
    for places in taps[1:]:
        xp.base.maximum(out, image[places], out=out)
    return out


def _first_maxima(xp: Any, x: Any, best: Any, *, window: Window) -> Any:
    """Yield, for each tap, its places and where its element is the first maximum of its window.

    NaN counts as the largest, and padding not at all. The maxima `best` may be None.
    """
    image, taps = _image(xp, x, window)
    if best is None:
        best = _maxima(xp, image, taps)
    # an accelerator is not waited for: there the rare cases are always provided for
    host, inside = on_host(xp), None
    has_nan = image.dtype.kind == "f" and not (host and not xp.isnan(best).any())
    if window.is_padded and not (host and not (best == _lowest(xp, x.dtype)).any()):
        inside = window.pad(xp, xp.ones(x.shape, dtype=bool), False)
    free = None
    for i, places in enumerate(taps):
        seen = image[places]
        hit = seen == best
        if has_nan:
            hit |= xp.isnan(seen)
        if inside is not None:
            hit &= inside[places]
        if free is None:
            free = ~hit
        else:
            hit &= free
            if i + 1 < len(taps):
                free &= ~hit
        yield places, hit


@primitive
def route_p(xp: Any, y: Any, x: Any, best: Any, *, window: Window) -> Any:
    """Put the cotangents to the first maximum of each window; overlapping windows add up.

    `best` are the maxima of x, or None where users wrote over them.
    """
    size = x.shape[x.ndim - window.ndim :]
    lead = x.shape[: x.ndim - window.ndim]
    back = xp.zeros((*lead, *window.padded(size)), dtype=y.dtype)
    for places, hit in _first_maxima(xp, x, best, window=window):
        if window.is_disjoint:
            _masked(xp, y, hit, back[places])
        else:
            back[places] += _masked(xp, y, hit, None)
    return window.crop(back, size)


def _masked(xp: Any, y: Any, hit: Any, out: Any) -> Any:
    """Return y where `hit`, else 0: times 1 or 0 as integers, so that 0 · inf is 0."""
    kind = f"i{y.dtype.itemsize}"
    target = None if out is None else out.view(kind)
    return xp.base.multiply(y.view(kind), hit, out=target).view(y.dtype)


@route_p.vjp
def _(xp: Any, ct: Any, x: Any, best: Any, *, window: Window) -> Any:
    return call(xp, pick_p, (ct, x, best), {"window": window}), None, None


@route_p.jvp
def _(xp: Any, t: Any, x: Any, best: Any, *, window: Window) -> Any:
    return None if t[0] is None else call(xp, route_p, (t[0], x, best), {"window": window})


@primitive
def pick_p(xp: Any, v: Any, x: Any, best: Any, *, window: Window) -> Any:
    """Take from `v`, of the shape of x, the elements where the first maxima of the windows are."""
    source = window.pad(xp, v, 0)
    found: Any = 0
    for places, hit in _first_maxima(xp, x, best, window=window):
        found = found + _masked(xp, source[places], hit, None)
    return found


@pick_p.vjp
def _(xp: Any, ct: Any, x: Any, best: Any, *, window: Window) -> Any:
    return call(xp, route_p, (ct, x, best), {"window": window}), None, None


@pick_p.jvp
def _(xp: Any, t: Any, x: Any, best: Any, *, window: Window) -> Any:
    return None if t[0] is None else call(xp, pick_p, (t[0], x, best), {"window": window})


def _max_places(xp: Any, x: Any, *, window: Window) -> Any:
    """Return the index of each window's first maximum in the flattened spatial axes of x."""
    size = x.shape[x.ndim - window.ndim :]
    out_size = window.counts(size)
    found = xp.zeros((*x.shape[: x.ndim - window.ndim], *out_size), dtype=xp.int64)
    origin, step = 0, [1] * len(size)
    for i in reversed(range(len(size) - 1)):
        step[i] = step[i + 1] * size[i + 1]
    for i, (o, s, (lo, _)) in enumerate(zip(out_size, window.stride, window.padding, strict=True)):
        row = (xp.arange(o) * s - lo) * step[i]
        origin = origin + row.reshape(-1, *(1,) * (len(size) - i - 1))
    offsets = [0]
    for k, d, n in zip(window.kernel, window.dilation, step, strict=True):
        offsets = [before + i * d * n for before in offsets for i in range(k)]
    maxima = _first_maxima(xp, x, None, window=window)
    for (_, hit), offset in zip(maxima, offsets, strict=True):
        found += (origin + offset) * hit
    return found


max_places_p = nondifferentiable("max_places", forward=_max_places)


def max_pool(x: Tensor, /, *, window: Window) -> Tensor:
    """Return the maxima of windows over the last axes; the first of equal ones has the gradient."""
    return apply(max_pool_p, (x,), {"window": window})


def max_places(x: Tensor, /, *, window: Window) -> Tensor:
    """Return where the maxima of `max_pool` are, as int64 in the flattened spatial axes."""
    return apply(max_places_p, (x,), {"window": window})


def _sum_pool(xp: Any, x: Any, *, window: Window) -> Any:
    size = x.shape[x.ndim - window.ndim :]
    image = window.pad(xp, x, 0)
    taps = window.taps(window.counts(size))
    out = xp.copy(image[taps[0]])
    for places in taps[1:]:
        out += image[places]
    return out


def _sum_spread(xp: Any, y: Any, *, window: Window, size: Any) -> Any:
    lead = y.ndim - window.ndim
    back = xp.zeros((*y.shape[:lead], *window.padded(size)), dtype=y.dtype)
    for places in window.taps(y.shape[lead:]):
        back[places] += y
    return window.crop(back, size)


sum_pool_p = linear(
    "sum_pool",
    forward=_sum_pool,
    x=lambda xp, ct, x_shape, *, window: call(
        xp,
        sum_spread_p,
        (ct,),
        {"window": window, "size": x_shape[len(x_shape) - window.ndim :]},
    ),
)
sum_spread_p: Primitive = linear(
    "sum_spread",
    forward=_sum_spread,
    y=lambda xp, ct, *, window: call(
        xp,
        sum_pool_p,
        (ct,),
        {"window": window},
    ),
)


def sum_pool(x: Tensor, /, *, window: Window) -> Tensor:
    """Return the sums of windows over the last axes; padding counts as zeros."""
    return apply(sum_pool_p, (x,), {"window": window})
