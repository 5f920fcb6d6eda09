"""Windows as columns, `unfold`, and their sums put back, `fold`: adjoints of each other."""

from math import prod
from typing import Any

from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive, linear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.convolution import call
from tensorxp._ops.windows import Window


def _unfold(xp: Any, x: Any, *, window: Window) -> Any:
    size = x.shape[2:]
    out = window.counts(size)
    image = window.pad(xp, x, 0)
    columns = xp.empty((x.shape[0], x.shape[1], prod(window.kernel), *out), dtype=x.dtype)
    for tap, places in enumerate(window.taps(out)):
        columns[:, :, tap] = image[places]
    return columns.reshape(x.shape[0], x.shape[1] * prod(window.kernel), prod(out))


def _fold(xp: Any, y: Any, *, window: Window, size: Any) -> Any:
    out = window.counts(size)
    taps = prod(window.kernel)
    columns = y.reshape(y.shape[0], y.shape[1] // taps, taps, *out)
    back = xp.zeros((y.shape[0], columns.shape[1], *window.padded(size)), dtype=y.dtype)
    for tap, places in enumerate(window.taps(out)):
        back[places] += columns[:, :, tap]
    return xp.copy(window.crop(back, size))


unfold_p = linear(
    "unfold",
    forward=_unfold,
    x=lambda xp, ct, x_shape, *, window: call(
        xp,
        fold_p,
        (ct,),
        {"window": window, "size": x_shape[2:]},
    ),
)
fold_p: Primitive = linear(
    "fold",
    forward=_fold,
    y=lambda xp, ct, *, window: call(
        xp,
        unfold_p,
        (ct,),
        {"window": window},
    ),
)


def unfold(x: Tensor, /, *, window: Window) -> Tensor:
    """Return the windows of `x` (N, C, *S) as columns (N, C · taps, windows)."""
    return apply(unfold_p, (x,), {"window": window})


def fold(y: Tensor, /, *, window: Window, size: Any) -> Tensor:
    """Return the sums (N, C, *size) of columns put back to their windows."""
    return apply(fold_p, (y,), {"window": window, "size": size})
