"""Cumulative sums and products, and differences, along one axis."""

from typing import Any

from tensorxp._backend.blocks import WIDER
from tensorxp._backend.families import Family, see
from tensorxp._core.door import apply, single
from tensorxp._core.primitive import Primitive, linear, primitive
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions, integer, normalize_axis, renamed, shifted
from tensorxp._ops.beside import tensors
from tensorxp._ops.casting import accumulator
from tensorxp._ops.families import running
from tensorxp._ops.shaping import ravel

_flat = Family(
    """
x : Tensor, any dtype
axis : int or None
dtype : dtype or None
    None as for `sum`.
dim : None
    PyTorch's word for `axis`: an error that says so.
""",
    "Tensor\n    1-D of the flattened `x`, or of the shape of `x`; that dtype.",
    "TypeError, AxisError\n"
    "    `x` is no Tensor, the dtype unknown, or real for complex `x`; no such axis.",
)


def part(axis: int, start: int | None, stop: int | None) -> tuple[Any, ...]:
    """Return the key of a slice along `axis`."""
    return (slice(None),) * axis + (slice(start, stop),)


def _accumulate(
    xp: Any, name: str, x: Any, axis: int, dtype: Any, include_initial: bool, initial: int
) -> Any:
    """Accumulate by the ufunc `name`, single precision in double precision, `initial` first."""
    target = x.dtype if dtype is None else dtype
    wide = WIDER.get(target.char)
    found = getattr(xp.base, name).accumulate(x, axis, dtype if wide is None else wide)
    if not include_initial:
        return found if wide is None else found.astype(target)
    shape = (*x.shape[:axis], x.shape[axis] + 1, *x.shape[axis + 1 :])
    out = xp.empty(shape, dtype=found.dtype if wide is None else target)
    out[part(axis, 0, 1)] = initial
    out[part(axis, 1, None)] = found
    return out


def _cumulative_sum(xp: Any, x: Any, *, axis: int, dtype: Any, include_initial: bool) -> Any:
    return _accumulate(xp, "add", x, axis, dtype, include_initial, 0)


def _cumulative_sum_back(xp: Any, ct: Any, *, axis: int, include_initial: bool) -> Any:
    # y_j = Σ_{i≤j} x_i: the cotangents are summed from the end
    if include_initial:
        ct = ct[part(axis, 1, None)]
    return xp.flip(xp.cumulative_sum(xp.flip(ct, axis=axis), axis=axis), axis=axis)


cumulative_sum_p = linear(
    "cumulative_sum", forward=_cumulative_sum, batched=shifted, x=_cumulative_sum_back
)


@primitive
def cumulative_prod_p(xp: Any, x: Any, *, axis: int, dtype: Any, include_initial: bool) -> Any:
    """Multiply up the elements along `axis`."""
    return _accumulate(xp, "multiply", x, axis, dtype, include_initial, 1)


def _recurrence(xp: Any, a: Any, b: Any) -> Any:
    """Return s with s_k = b_k + a_k s_{k+1} along the last axis; the last s is the last b.

    By doubling: each step joins s_k to s_{k+d} for twice the distance d, log2(n) steps in all.
    """
    d, n = 1, b.shape[-1]
    while d < n:
        b = xp.concat([b[..., :-d] + a * b[..., d:], b[..., -d:]], axis=-1)
        a = a[..., :-d] * a[..., d:]
        d *= 2
    return b


def _products_before(xp: Any, out: Any, include_initial: bool) -> Any:
    """Return the products of the elements before each, from the cumulative products."""
    if include_initial:
        return out[..., :-1]
    return xp.concat([xp.ones_like(out[..., :1]), out[..., :-1]], axis=-1)


@cumulative_prod_p.vjp
def _(xp: Any, ct: Any, x: Any, out: Any, *, axis: int, include_initial: bool) -> Any:
    # y_j = ∏_{i≤j} x_i: Σ_{j≥k} ct_j ∂y_j/∂x_k = (∏_{i<k} x_i) s_k, s_k = ct_k + x_{k+1} s_{k+1}
    ct, x, out = [xp.moveaxis(item, axis, -1) for item in (ct, x, out)]
    if include_initial:
        ct = ct[..., 1:]
    x = xp.astype(x, ct.dtype, copy=False)
    behind = _recurrence(xp, x[..., 1:].conjugate(), ct)
    before = _products_before(xp, out, include_initial).conjugate()
    return xp.moveaxis(before * behind, -1, axis)


@cumulative_prod_p.jvp
def _(xp: Any, t: Any, x: Any, out: Any, *, axis: int, include_initial: bool) -> Any:
    # dy_j = x_j dy_{j-1} + t_j y_{j-1}
    t, x, out = [xp.moveaxis(item, axis, -1) for item in (t, x, out)]
    change = t * _products_before(xp, out, include_initial)
    x = xp.astype(x, change.dtype, copy=False)
    found = _recurrence(xp, xp.flip(x[..., 1:], axis=-1), xp.flip(change, axis=-1))
    found = xp.flip(found, axis=-1)
    if include_initial:
        found = xp.concat([xp.zeros_like(out[..., :1]), found], axis=-1)
    return xp.moveaxis(found, -1, axis)


cumulative_prod_p.batched = shifted


def _cumulate(op: Primitive, x: Any, axis: int | None, dtype: Any, include_initial: bool) -> Tensor:
    ndim = dimensions(op.name, x)
    if axis is None and ndim != 1:
        raise ValueError(
            f"{op.name}: axis is None, which is allowed for 1 dimension only; x has {ndim}"
        )
    params = {
        "axis": 0 if axis is None else normalize_axis(op.name, axis, ndim),
        "dtype": None if dtype is None else accumulator(op.name, x, dtype),
        "include_initial": include_initial,
    }
    return single(op, x, params)


@running.see("cumulative_prod, diff, sum")
def cumulative_sum(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: Any | None = None,
    include_initial: bool = False,
) -> Tensor:
    """Return the sums of the elements of `x` up to each along `axis`.

    >>> xp.cumulative_sum(xp.asarray([1, 2, 3]), include_initial=True)
    tensor([0, 1, 3, 6])

    Parameters
    ----------
    include_initial : bool
        Whether a 0 comes first.
    """
    return _cumulate(cumulative_sum_p, x, axis, dtype, include_initial)


@running.see("cumulative_sum, prod")
def cumulative_prod(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: Any | None = None,
    include_initial: bool = False,
) -> Tensor:
    """Return the products of the elements of `x` up to each along `axis`.

    Derivatives of every order are exact where elements are zero.

    >>> xp.cumulative_prod(xp.asarray([1, 2, 3, 4]))
    tensor([ 1,  2,  6, 24])

    Parameters
    ----------
    include_initial : bool
        Whether a 1 comes first.
    """
    return _cumulate(cumulative_prod_p, x, axis, dtype, include_initial)


@_flat.see("cumulative_sum, cumprod")
def cumsum(
    x: Tensor, /, axis: int | None = None, dtype: Any | None = None, *, dim: None = None
) -> Tensor:
    """Return `cumulative_sum`, of the flattened `x` without an axis, as NumPy.

    >>> xp.cumsum(xp.asarray([[1, 2], [3, 4]]))
    tensor([ 1,  3,  6, 10])
    """
    if dim is not None:
        raise renamed("cumsum", "dim", "axis", dim)
    return cumulative_sum(ravel(x) if axis is None else x, axis=axis, dtype=dtype)


@_flat.see("cumulative_prod, cumsum")
def cumprod(
    x: Tensor, /, axis: int | None = None, dtype: Any | None = None, *, dim: None = None
) -> Tensor:
    """Return `cumulative_prod`, of the flattened `x` without an axis, as NumPy.

    >>> xp.cumprod(xp.asarray([1, 2, 3, 4]))
    tensor([ 1,  2,  6, 24])
    """
    if dim is not None:
        raise renamed("cumprod", "dim", "axis", dim)
    return cumulative_prod(ravel(x) if axis is None else x, axis=axis, dtype=dtype)


@primitive
def diff_p(
    xp: Any, x: Any, prepend: Any, append: Any, *, axis: int, n: int, sizes: tuple[int, ...]
) -> Any:
    """Take differences along `axis`; `sizes` are the sizes of prepend, x and append there."""
    more = {"prepend": prepend, "append": append}
    given = {name: value for name, value in more.items() if value is not None}
    return xp.diff(x, n=n, axis=axis, **given) if n else xp.diff(x, n=0, axis=axis).copy()


@diff_p.vjp
def _(
    xp: Any, ct: Any, x_shape: Any, needs: Any, *, axis: int, n: int, sizes: tuple[int, ...]
) -> Any:
    # the adjoint of Δⁿ is (-1)ⁿ Δⁿ of the cotangent between n zeros on each side
    length = sizes[0] + sizes[1] + sizes[2]
    shape = (*x_shape[:axis], n if length > n else length, *x_shape[axis + 1 :])
    zeros = xp.zeros(shape, dtype=ct.dtype, device=ct.device)
    if length > n:
        joined = xp.diff(xp.concat([zeros, ct, zeros], axis=axis), axis=axis, n=n) * (-1) ** n
    else:
        joined = zeros
    ends = (sizes[0], sizes[0] + sizes[1], length)
    x = joined[part(axis, ends[0], ends[1])]
    prepend = joined[part(axis, 0, ends[0])] if needs[1] else None
    return x, prepend, joined[part(axis, ends[1], length)] if needs[2] else None


@diff_p.jvp
def _(
    xp: Any, t: Any, x: Any, prepend: Any, append: Any, *, axis: int, n: int, sizes: tuple[int, ...]
) -> Any:
    pieces = []
    order = ((t[1], prepend), (t[0], x), (t[2], append))
    for (tangent, primal), size in zip(order, sizes, strict=True):
        shape = (*x.shape[:axis], size, *x.shape[axis + 1 :])
        if tangent is None:
            like = x if primal is None else primal
            tangent = xp.zeros(shape, dtype=getattr(like, "dtype", x.dtype), device=x.device)
        pieces.append(xp.broadcast_to(tangent, shape))
    return xp.diff(xp.concat(pieces, axis=axis), axis=axis, n=n)


diff_p.batched = shifted


@see("cumulative_sum")
def diff(
    x: Tensor,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Tensor | float | None = None,
    append: Tensor | float | None = None,
) -> Tensor:
    """Return the `n`-th differences of `x` along `axis`; of bool they are "not equal".

    >>> xp.diff(xp.asarray([1, 4, 9, 16]))
    tensor([3, 5, 7])

    Parameters
    ----------
    x : Tensor, any dtype
    axis : int
    n : int
        At least 0.
    prepend, append : Tensor, scalar or None
        Joined to `x` before; 0-d: one value along the axis.

    Returns
    -------
    Tensor
        Shape of `x`, `n` fewer along `axis` (at least 0); its dtype, promoted with those joined.

    Raises
    ------
    TypeError, AxisError
        `x` is no Tensor; no such axis.
    ValueError
        `n` is negative; shapes that differ beside `axis`.
    """
    x, prepend, append = tensors("diff", x=x, prepend=prepend, append=append, scalars=True)
    ndim = dimensions("diff", x)
    axis = normalize_axis("diff", axis, ndim)
    n = integer("diff", "n", n)
    if n < 0:
        raise ValueError(f"diff: n is {n}; allowed are 0 and above")
    sizes = []
    given: tuple[tuple[str, Any], ...] = (("prepend", prepend), ("x", x), ("append", append))
    for name, value in given:
        if not hasattr(value, "shape") or value.shape == ():
            sizes.append(0 if value is None else 1)
            continue
        shape = value.shape
        if len(shape) != ndim or any(
            i != axis and m != x._data.shape[i] for i, m in enumerate(shape)
        ):
            raise ValueError(
                f"diff: {name} has shape {shape}; allowed is the shape {x._data.shape} of x but "
                f"for axis {axis}"
            )
        sizes.append(shape[axis])
    n = min(n, sum(sizes))  # with so many nothing is left, whatever comes after
    params = {"axis": axis, "n": n, "sizes": tuple(sizes)}
    out: Tensor = apply(diff_p, (x, prepend, append), params)
    return out
