"""Convolutions of any number of spatial axes, as matrix products on columns of windows.

`convolve_p` correlates x (N, C, *S) with a weight (O, C / groups, *K); `spread_p`, its adjoint
in x, is the transposed convolution; `weigh_p`, its adjoint in the weight, correlates inputs
with cotangents. Each is linear in each operand and the others' derivative, so the three are
closed under differentiation. Geometry: stride, dilation (a tuple each), padding (pairs), groups.
"""

from math import prod
from typing import Any

from tensorxp._backend import cudnn
from tensorxp._backend.blocks import on_host
from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive, multilinear, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops import columns as col
from tensorxp._ops.windows import Steps


def call(xp: Any, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Run `op` at the level of its inputs: through the door for Tensors, else its forward."""
    if any(isinstance(x, Tensor) for x in inputs):
        return apply(op, inputs, params)
    return op.forward(xp, *inputs, **params)  # type: ignore[misc]


def _by_library(name: str, xp: Any, *args: Any) -> Any:
    """Return what cuDNN or, where it does not do it, our own kernel of that name gives."""
    found = None if on_host(xp) else getattr(cudnn, name)(xp, *args)
    return getattr(col, name)(xp, *args) if found is None else found


@primitive
def convolve_p(xp: Any, x: Any, weight: Any, bias: Any, *, steps: Steps) -> Any:
    geometry = col.Geometry(x.shape, weight.shape, *steps)
    return _by_library("convolve", xp, x, weight, bias, geometry)


def _pull_back(xp: Any, ct: Any, x: Any, weight: Any, g: Any, needs: Any) -> tuple[Any, Any]:
    if on_host(xp) or not cudnn.enabled():
        return col.pull_back(xp, ct, x, weight, g, needs)
    back = _by_library("spread", xp, ct, weight, g) if needs[0] else None
    return back, _by_library("weigh", xp, x, ct, g) if needs[1] else None


@convolve_p.vjp
def _(xp: Any, ct: Any, x: Any, weight: Any, needs: Any, *, steps: Steps) -> Any:
    bias = None
    if needs[2]:
        flat = xp.reshape(ct, (ct.shape[0], ct.shape[1], prod(ct.shape[2:])))
        bias = xp.sum(xp.sum(flat, axis=2, dtype=ct.dtype), axis=0, dtype=ct.dtype)
    if not isinstance(ct, Tensor):
        geometry = col.Geometry(x.shape, weight.shape, *steps)
        found = _pull_back(xp, ct, x.conjugate(), weight.conjugate(), geometry, needs)
        return (*found, bias)
    back, weigh = None, None
    if needs[0]:
        back = apply(spread_p, (ct, weight.conjugate()), {"steps": steps, "size": x.shape[2:]})
    if needs[1]:
        weigh = apply(weigh_p, (x.conjugate(), ct), {"steps": steps, "kernel": weight.shape[2:]})
    return back, weigh, bias


@convolve_p.jvp
def _(xp: Any, t: Any, x: Any, weight: Any, *, steps: Steps) -> Any:
    total = None
    if t[0] is not None:
        total = call(xp, convolve_p, (t[0], weight, None), {"steps": steps})
    if t[1] is not None:
        part = call(xp, convolve_p, (x, t[1], None), {"steps": steps})
        total = part if total is None else total + part
    if t[2] is not None:
        part = xp.reshape(t[2], (-1, *(1,) * len(steps.stride)))
        total = part if total is None else total + part
    return total


def _spread(xp: Any, y: Any, weight: Any, *, steps: Steps, size: Any) -> Any:
    shape = (y.shape[0], weight.shape[1] * steps.groups, *size)
    geometry = col.Geometry(shape, weight.shape, *steps)
    return _by_library("spread", xp, y, weight, geometry)


def _weigh(xp: Any, x: Any, y: Any, *, steps: Steps, kernel: Any) -> Any:
    shape = (y.shape[1], x.shape[1] // steps.groups, *kernel)
    geometry = col.Geometry(x.shape, shape, *steps)
    return _by_library("weigh", xp, x, y, geometry)


def _spread_y(xp: Any, ct: Any, weight: Any, *, steps: Steps) -> Any:
    return call(xp, convolve_p, (ct, weight.conjugate(), None), {"steps": steps})


def _spread_weight(xp: Any, ct: Any, y: Any, weight_shape: Any, *, steps: Steps) -> Any:
    return call(xp, weigh_p, (ct, y.conjugate()), {"steps": steps, "kernel": weight_shape[2:]})


def _weigh_x(xp: Any, ct: Any, x_shape: Any, y: Any, *, steps: Steps) -> Any:
    return call(xp, spread_p, (y.conjugate(), ct), {"steps": steps, "size": x_shape[2:]})


def _weigh_y(xp: Any, ct: Any, x: Any, *, steps: Steps) -> Any:
    return call(xp, convolve_p, (x.conjugate(), ct, None), {"steps": steps})


spread_p = multilinear("spread", forward=_spread, y=_spread_y, weight=_spread_weight)
weigh_p = multilinear("weigh", forward=_weigh, x=_weigh_x, y=_weigh_y)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, /, *, steps: Steps) -> Tensor:
    """Return the correlation of `x` (N, C, *S) with `weight` (O, C / groups, *K), plus `bias`."""
    return apply(convolve_p, (x, weight, bias), {"steps": steps})


def spread(y: Tensor, weight: Tensor, /, *, steps: Steps, size: Any) -> Tensor:
    """Return the transposed convolution of `y` (N, O, *L) with `weight`, of spatial `size`."""
    return apply(spread_p, (y, weight), {"steps": steps, "size": size})
