"""Hot functions of dense networks, each one node: `linear` and softmax cross-entropy."""

from math import prod
from typing import Any

from tensorxp._backend import kernels
from tensorxp._core.door import apply
from tensorxp._core.primitive import nondifferentiable, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.half import HALF, in_single


def _rows(xp: Any, x: Any) -> Any:
    return x if x.ndim == 2 else xp.reshape(x, (prod(x.shape[:-1]), x.shape[-1]))


@primitive
def linear_p(xp: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Return x weightᵀ + bias over the last axis of x, by one matrix product."""
    out = xp.base.matmul(_rows(xp, x), weight.T)
    if bias is not None:
        if xp.result_type(out, bias) == out.dtype:
            out += bias
        else:
            out = out + bias
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], weight.shape[0])


@linear_p.vjp
def _(xp: Any, ct: Any, x: Any, weight: Any, needs: Any) -> Any:
    # Y = X Wᵀ + b: dX = dY W̄, dW = dYᵀ X̄, db = Σ dY
    rows = _rows(xp, ct)
    x_ct = w_ct = b_ct = None
    if needs[0]:
        x_ct = xp.reshape(xp.matmul(rows, weight.conjugate()), x.shape)
    if needs[1]:
        w_ct = xp.matmul(rows.T, _rows(xp, x).conjugate())
    if needs[2]:
        # a product with ones: BLAS adds rows faster than a sum does
        b_ct = xp.matmul(xp.ones(rows.shape[0], dtype=ct.dtype, device=ct.device), rows)
    return x_ct, w_ct, b_ct


def _linear_rows(xp: Any, ct: Any, x: Any, weight: Any, needs: Any) -> Any:
    outs, ins = weight.shape
    each = xp.reshape(ct, (len(ct), prod(ct.shape[1:-1]), outs))
    x_ct = w_ct = b_ct = None
    if needs[0]:
        x_ct = _rows(xp, ct) @ weight.conjugate()
        x_ct = xp.reshape(x_ct, (len(ct), *x.shape))
    if needs[1]:
        w_ct = xp.matrix_transpose(each) @ xp.reshape(x, (each.shape[1], ins)).conjugate()
    if needs[2]:
        b_ct = xp.sum(each, axis=1)
    return x_ct, w_ct, b_ct


linear_p.batched = {"vjp": _linear_rows}


@linear_p.jvp
def _(xp: Any, t: Any, x: Any, weight: Any, out: Any) -> Any:
    total = None
    for part in (
        None if t[0] is None else xp.matmul(t[0], weight.T),
        None if t[1] is None else xp.matmul(x, t[1].T),
        None if t[2] is None else xp.broadcast_to(t[2], out.shape),
    ):
        if part is not None:
            total = part if total is None else total + part
    return total


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, /) -> Tensor:
    """Return x weightᵀ + bias over the last axis of `x`; `weight` is (out, in)."""
    if x._data.dtype is HALF:
        return _linear_of_half(x, weight, bias)  # type: ignore[no-any-return]
    return apply(linear_p, (x, weight, bias), {})


@in_single(on_host=True)
def _linear_of_half(x: Any, weight: Any, bias: Any) -> Any:
    return apply(linear_p, (x, weight, bias), {})


@primitive
def softmax_cross_entropy_p(xp: Any, x: Any, target: Any, scale: Any, *, total: bool) -> Any:
    """Return scale · -log softmax(x)[target] for each row, the peaks, and Σ exp(x - peak)."""
    losses, peaks, sums = kernels.cross_entropy(xp, x, target, scale)
    return (losses.sum() if total else losses), peaks, sums


def _softmax(xp: Any, x: Any) -> Any:
    e = xp.exp(x - xp.max(x, axis=1, keepdims=True))
    return e / xp.sum(e, axis=1, dtype=e.dtype, keepdims=True)


@softmax_cross_entropy_p.vjp
def _(xp: Any, ct: Any, x: Any, target: Any, scale: Any, out1: Any, out2: Any) -> Any:
    # l = s (log Σ exp x - x_t): dl/dx = s (softmax(x) - onehot_t)
    share = ct[0] * scale
    if isinstance(x, Tensor):
        rows = xp.arange(x.shape[0], device=x.device)
        back = _softmax(xp, x) * xp.expand_dims(share, axis=1)
        back[rows, target] = back[rows, target] - share
    else:
        back = kernels.cross_entropy_back(xp, x, out1, out2, target, share)
    return back, None, None


@softmax_cross_entropy_p.jvp
def _(xp: Any, t: Any, x: Any, target: Any, scale: Any, *, total: bool) -> Any:
    if t[0] is None:
        return None, None, None
    rows = xp.arange(x.shape[0], device=x.device)
    mean = xp.sum(_softmax(xp, x) * t[0], axis=1)
    change = (mean - t[0][rows, target]) * scale
    return (xp.sum(change) if total else change), None, None


def softmax_cross_entropy(x: Tensor, target: Tensor, scale: Tensor, /, *, total: bool) -> Tensor:
    """Return scale · -log softmax(x)[target] for each row of `x` (N, C), or their sum."""
    out: Tensor = apply(softmax_cross_entropy_p, (x, target, scale), {"total": total})[0]
    return out


def _checked_targets(xp: Any, x: Any, *, function: str, classes: int, ignore_index: int) -> Any:
    counted = x != ignore_index
    safe = xp.where(counted, x, 0)
    if safe.size and (int(safe.min()) < 0 or int(safe.max()) >= classes):
        wrong = safe[(safe < 0) | (safe >= classes)]
        raise IndexError(
            f"{function}: Target {int(wrong[0])} is out of bounds; allowed are 0 to {classes - 1}"
        )
    return safe, counted


#: One operation, so that a compiled function too checks its targets at each call.
checked_targets_p = nondifferentiable("checked_targets", forward=_checked_targets)


def checked_targets(
    x: Tensor, /, *, function: str, classes: int, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """Return class indices with 0 for those to ignore, and which count; IndexError for others."""
    params = {"function": function, "classes": classes, "ignore_index": ignore_index}
    return apply(checked_targets_p, (x,), params)  # type: ignore[return-value]


@primitive
def split_last_p(xp: Any, x: Any, *, parts: int) -> Any:
    n = x.shape[-1] // parts
    return tuple([x[..., i * n : (i + 1) * n] for i in range(parts)])


@split_last_p.vjp
def _(xp: Any, ct: Any) -> Any:
    return xp.concat(ct, axis=-1)


@split_last_p.jvp
def _(t: Any, *, parts: int) -> Any:
    n = t.shape[-1] // parts
    return tuple([t[..., i * n : (i + 1) * n] for i in range(parts)])


split_last_p.batched = True


def split_last(x: Tensor, /, parts: int) -> tuple[Tensor, ...]:
    """Return equal parts of `x` along its last axis, over its memory.

    For values that nobody writes to: one node, whose backward is one concatenation.
    """
    out: Any = apply(split_last_p, (x,), {"parts": parts})
    return out  # type: ignore[no-any-return]
