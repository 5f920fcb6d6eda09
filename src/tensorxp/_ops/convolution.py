"""Convolutions of any number of spatial axes, as matrix products on columns of windows.

`convolve_p` correlates x (N, C, *S) with a weight (O, C / groups, *K); `spread_p`, its adjoint
in x, is the transposed convolution; `weigh_p`, its adjoint in the weight, correlates inputs
with cotangents. Each is linear in each operand and the others' derivative, so the three are
closed under differentiation. Geometry: stride, dilation (a tuple each), padding (pairs), groups.
"""

from typing import Any

from tensorxp._core.door import apply
from tensorxp._core.primitive import Primitive, multilinear, primitive
from tensorxp._core.tensor import TensorBase as Tensor
from tensorxp._ops import columns as col


def call(xp: Any, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Run `op` at the level of its inputs: through the door for Tensors, else its forward."""
    if any(isinstance(x, Tensor) for x in inputs):
        return apply(op, inputs, params)
    return op.forward(xp, *inputs, **params)  # type: ignore[misc]


@primitive
def convolve_p(
    xp: Any, x: Any, weight: Any, bias: Any, *, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Any:  # fmt: skip
    geometry = col.Geometry(x.shape, weight.shape, stride, padding, dilation, groups)
    return col.convolve(xp, x, weight, bias, geometry)


@convolve_p.vjp
def _(
    xp: Any, ct: Any, x: Any, weight: Any, needs: Any, *, stride: Any, padding: Any,
    dilation: Any, groups: int,
) -> Any:  # fmt: skip
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    bias = None
    if needs[2]:
        flat = xp.reshape(ct, (ct.shape[0], ct.shape[1], -1))
        bias = xp.sum(xp.sum(flat, axis=2, dtype=ct.dtype), axis=0, dtype=ct.dtype)
    if not isinstance(ct, Tensor):
        geometry = col.Geometry(x.shape, weight.shape, stride, padding, dilation, groups)
        found = col.pull_back(xp, ct, x.conjugate(), weight.conjugate(), geometry, needs)
        return (*found, bias)
    back, weigh = None, None
    if needs[0]:
        back = apply(spread_p, (ct, weight.conjugate()), params | {"size": x.shape[2:]})
    if needs[1]:
        weigh = apply(weigh_p, (x.conjugate(), ct), params | {"kernel": weight.shape[2:]})
    return back, weigh, bias


@convolve_p.jvp
def _(
    xp: Any, t: Any, x: Any, weight: Any, *, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    total = None
    if t[0] is not None:
        total = call(xp, convolve_p, (t[0], weight, None), params)
    if t[1] is not None:
        part = call(xp, convolve_p, (x, t[1], None), params)
        total = part if total is None else total + part
    if t[2] is not None:
        part = xp.reshape(t[2], (-1, *(1,) * len(stride)))
        total = part if total is None else total + part
    return total


def _spread(
    xp: Any, y: Any, weight: Any, *, stride: Any, padding: Any, dilation: Any, groups: int,
    size: Any,
) -> Any:  # fmt: skip
    shape = (y.shape[0], weight.shape[1] * groups, *size)
    geometry = col.Geometry(shape, weight.shape, stride, padding, dilation, groups)
    return col.spread(xp, y, weight, geometry)


def _weigh(
    xp: Any, x: Any, y: Any, *, stride: Any, padding: Any, dilation: Any, groups: int, kernel: Any
) -> Any:
    shape = (y.shape[1], x.shape[1] // groups, *kernel)
    geometry = col.Geometry(x.shape, shape, stride, padding, dilation, groups)
    return col.weigh(xp, x, y, geometry)


def _spread_y(
    xp: Any, ct: Any, weight: Any, *, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return call(xp, convolve_p, (ct, weight.conjugate(), None), params)


def _spread_weight(
    xp: Any, ct: Any, y: Any, weight_shape: Any, *, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Any:  # fmt: skip
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return call(xp, weigh_p, (ct, y.conjugate()), params | {"kernel": weight_shape[2:]})


def _weigh_x(
    xp: Any, ct: Any, x_shape: Any, y: Any, *, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Any:  # fmt: skip
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return call(xp, spread_p, (y.conjugate(), ct), params | {"size": x_shape[2:]})


def _weigh_y(
    xp: Any, ct: Any, x: Any, *, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return call(xp, convolve_p, (x.conjugate(), ct, None), params)


spread_p = multilinear("spread", forward=_spread, y=_spread_y, weight=_spread_weight)
weigh_p = multilinear("weigh", forward=_weigh, x=_weigh_x, y=_weigh_y)


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, /, *, stride: Any, padding: Any,
    dilation: Any, groups: int,
) -> Tensor:  # fmt: skip
    """Return the correlation of `x` (N, C, *S) with `weight` (O, C / groups, *K), plus `bias`."""
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return apply(convolve_p, (x, weight, bias), params)  # type: ignore[no-any-return]


def spread(
    y: Tensor, weight: Tensor, /, *, stride: Any, padding: Any, dilation: Any, groups: int,
    size: Any,
) -> Tensor:  # fmt: skip
    """Return the transposed convolution of `y` (N, O, *L) with `weight`, of spatial `size`."""
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return apply(spread_p, (y, weight), params | {"size": size})  # type: ignore[no-any-return]
