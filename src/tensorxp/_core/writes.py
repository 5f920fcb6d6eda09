"""In-place writes: `x[key] = value` and `x op= y`, on tensors, views and roots.

The buffer is changed by the raw backend, which checks shapes before it writes. Where a
gradient is recorded, the root gets a new node of `write_p`, the same write as a function,
and its views refresh their nodes when they are next used (`door.node_of`).
"""

from typing import Any

from tensorxp._core.door import (
    alias_p,
    apply,
    device_mismatch,
    node_of,
    promote,
    record,
    wrap,
)
from tensorxp._core.modes import modes
from tensorxp._core.node import Leaf, extra_of
from tensorxp._core.operands import ranges
from tensorxp._core.primitive import Primitive, linear, primitive
from tensorxp._core.tensor import Tensor, TensorBase
from tensorxp._core.views import Chain, View, cell_of
from tensorxp._core.watchers import notify_rebind, stack, watching


def follow(xp: Any, x: Any, chain: Chain) -> Any:
    """Return the view at the end of `chain` from `x`, a raw array or a Tensor."""
    for op, params in chain:
        if isinstance(x, TensorBase):
            x = apply(op, (x,), params)
        elif op.forward is None:
            x = getattr(xp, op.name)(x, **params)
        else:
            x = op.forward(xp, x, **params)
    return x


copy_p = linear("copy", batched=True, forward=lambda xp, x: xp.copy(x), x=lambda ct: ct)


@primitive
def write_p(xp: Any, base: Any, value: Any, *, chain: Chain, key: Any) -> Any:
    """Return a copy of `base` in which the view at `chain` has `value` at `key`."""
    out = xp.copy(base)
    follow(xp, out, chain)[key] = value
    return out


@write_p.vjp
def _(xp: Any, ct: Any, needs: Any, *, chain: Chain, key: Any) -> Any:
    base = None
    if needs[0]:
        base = xp.copy(ct)
        follow(xp, base, chain)[key] = 0
    if not needs[1]:
        return base, None
    value = follow(xp, ct, chain)[key]
    if _may_repeat(key):  # a place that was written several times has the last value
        order = xp.reshape(xp.arange(value.size, device=ct.device), value.shape)
        place = xp.zeros(follow(xp, ct, chain).shape, dtype=xp.int64, device=ct.device)
        place[key] = order
        value = xp.where(place[key] == order, value, xp.zeros_like(value))
    return base, value


def own_key(key: Any) -> Any:
    """Return a raw key whose arrays are copies, so that nobody changes what backward needs."""
    if type(key) is tuple:
        return tuple([own_key(part) for part in key])
    return key.copy() if hasattr(key, "dtype") else key


def _may_repeat(key: Any) -> bool:
    parts = key if type(key) is tuple else (key,)
    return any(getattr(getattr(part, "dtype", None), "kind", "") in ("i", "u") for part in parts)


def _with_rows(params: dict[str, Any], ndim: int) -> dict[str, Any] | None:
    parts = params["key"] if type(params["key"]) is tuple else (params["key"],)
    if params["chain"] or any(hasattr(part, "dtype") or type(part) is bool for part in parts):
        return None
    return {"chain": (), "key": (slice(None), *parts)}


write_p.batched = _with_rows


@write_p.jvp
def _(xp: Any, t: Any, base: Any, *, chain: Chain, key: Any) -> Any:
    out = xp.zeros_like(base) if t[0] is None else xp.copy(t[0])
    follow(xp, out, chain)[key] = 0 if t[1] is None else t[1]
    return out


def _check(function: str, x: Any) -> tuple[Any, Chain]:
    """Return the root of `x` and the chain to it; RuntimeError where a write is forbidden."""
    version = x._version
    root, chain = (version.base, version.chain) if type(version) is View else (x, ())
    if modes.grad and root._node is not None:
        if type(root._node) is Leaf:
            what = "a leaf Tensor" if root is x else "a view of a leaf Tensor"
            raise RuntimeError(
                f"{function}: {what} that requires grad is being used in an in-place operation; "
                "write inside `with tensorxp.no_grad():`, or make a new tensor instead"
            )
        if chain and version.frozen:
            raise RuntimeError(
                f"{function}: this view was made inside no_grad() and is being written in place "
                "with grad enabled; make the view and write to it in the same mode"
            )
    return root, chain


def _check_alias(function: str, chain: Chain) -> None:
    """Raise where a recorded write would pass by the histories of those who share the memory."""
    if chain and chain[0][0] is alias_p:
        raise RuntimeError(
            f"{function}: an output of {chain[0][1]['name']}, or a view of it, is being written in "
            "place; it shares memory with an input, another output or a tensor from outside, and "
            "the gradient of a Function does not know of the write: have forward return a copy"
        )


def bump(x: Any) -> None:
    """Count a write to the memory of `x`."""
    version = x._version
    if version is not None:
        (version.cell if type(version) is View else version)[0] += 1


def write(x: Any, key: Any, value: Any, function: str = "__setitem__") -> None:
    """Set `x[key] = value`; `key` is a raw key, `value` a Tensor or what NumPy takes as one.

    Nothing is changed when it fails: DeviceError, ValueError (shapes), IndexError, TypeError,
    OverflowError.
    """
    root, chain = _check(function, x)
    if isinstance(value, TensorBase):
        if value._device is not x._device:
            raise device_mismatch(function, (x, value))
        raw = value._data
    else:
        raw = value if type(value) in (int, float, bool) else x._device.raw.asarray(value)
    kind = getattr(getattr(raw, "dtype", None), "kind", "f")
    if kind not in "biuf" and not (kind == "c" and x._data.dtype.kind == "c"):
        raise TypeError(
            f"{function}: value has dtype {raw.dtype} and cannot be written into {x._data.dtype}"
        )
    value_node = node_of(value) if isinstance(value, TensorBase) else None
    if x._data.dtype.kind not in "fc":
        value_node = None
    recording = modes.grad and (value_node is not None or node_of(root) is not None)
    functional = None
    if recording or (watching and stack()):
        _check_alias(function, chain)
    if watching and stack():
        given = value if isinstance(value, TensorBase) else wrap(raw, x._device)
        functional = apply(write_p, (root, given), {"chain": chain, "key": key})
    before = root._node
    try:
        if x._device.several:
            x._device.run(lambda: x._data.__setitem__(key, raw))
        else:
            x._data[key] = raw
    except OverflowError as error:
        raise OverflowError(f"{function}: {error}{ranges((x,))}") from None
    except (IndexError, ValueError) as error:
        raise _not_written(function, x._data, key, raw, error) from None
    if functional is not None:
        if modes.grad:  # else the history stays as it is
            root._node = functional._node
        notify_rebind(root, functional)
    elif recording:
        root._node = record(
            write_p,
            (root, value),
            (before, value_node),
            {"chain": chain, "key": own_key(key)},
            root._data,
            root._device,
            None,
        )
    _carry(before, root._node)
    bump(x)


def _carry(before: Any, after: Any) -> None:
    """Let a retained gradient go on with the node of the new value, as in PyTorch; hooks stay."""
    if before is not after and None not in (before, after) and before.extra is not None:
        extra_of(after).retain, before.extra.retain = before.extra.retain, False


def _not_written(function: str, data: Any, key: Any, value: Any, error: Exception) -> Exception:
    """Return the error of a backend's write with what was given in it."""
    if isinstance(error, IndexError):
        return IndexError(f"{function}: {error}; the tensor has shape {data.shape}")
    if not getattr(data.flags, "writeable", True):
        return _read_only(function)
    if not getattr(value, "ndim", 0):
        return ValueError(f"{function}: {error}; the tensor has dtype {data.dtype}")
    return ValueError(
        f"{function}: a value of shape {getattr(value, 'shape', ())} could not be broadcast to the "
        f"shape {data[key].shape} of what the key selects; the tensor has shape {data.shape}"
    )


def _read_only(function: str) -> ValueError:
    return ValueError(
        f"{function}: the tensor is read-only, as broadcast views, gradients of sums and what "
        "NumPy made read-only are; write to a copy (x.copy())"
    )


def inplace(op: Primitive, x: Any, other: Any) -> Tensor:
    """Return `x` after `x op= other`: dtype and shape of `x` stay; nothing changes on failure."""
    function = f"in-place {op.name}"
    _, chain = _check(function, x)
    recording = (watching and stack()) or (
        modes.grad
        and (
            node_of(x) is not None or (isinstance(other, TensorBase) and node_of(other) is not None)
        )
    )
    if not recording:
        _, other = promote(op, x, other)
        if isinstance(other, TensorBase):
            if other._device is not x._device:
                raise device_mismatch(function, (x, other))
            other = other._data
        _raw_inplace(op, function, x, other)
        bump(x)
        return x  # type: ignore[no-any-return]
    _check_alias(function, chain)
    x1, x2 = promote(op, x, other)
    new = apply(op, _before_write(op, x1, x2), {})
    _check_result(function, x, new._data)
    if chain or new._data.dtype != x._data.dtype or (watching and stack()):
        write(x, ..., new, function)
        return x  # type: ignore[no-any-return]
    x._device.run(lambda: x._data.__setitem__(..., new._data))
    bump(x)
    if modes.grad:
        _carry(x._node, new._node)
        x._node = new._node
    return x  # type: ignore[no-any-return]


def _before_write(op: Primitive, x: Any, other: Any) -> tuple[Any, Any]:
    """Return the operands, as copies where a rule needs a value that the write overwrites."""
    tensor = isinstance(other, TensorBase)
    saves = op.plan((node_of(x) is not None, tensor and node_of(other) is not None)).saves
    over = tensor and other._version is not None and cell_of(other) is cell_of(x)
    return (
        _kept(x) if 0 in saves else x,
        _kept(other) if 1 in saves and (over or other is x) else other,
    )


def _kept(x: Any) -> Any:
    if watching and stack():
        return apply(copy_p, (x,), {})
    return wrap(x._device.raw.copy(x._data), x._device, node_of(x))


def _check_result(function: str, x: Any, result: Any) -> None:
    if result.shape != x._data.shape:
        raise ValueError(
            f"{function}: the operands could not be broadcast together to the shape "
            f"{x._data.shape} of the target: the result has shape {result.shape}"
        )
    raw = x._device.raw
    if not raw.base.can_cast(result.dtype, x._data.dtype, "same_kind"):
        raise TypeError(
            f"{function}: the result has dtype {result.dtype}, which cannot be cast to the "
            f"target's dtype {x._data.dtype}; use `x = x op y` to get a new tensor"
        )


def _raw_inplace(op: Primitive, function: str, x: Any, other: Any) -> None:
    device = x._device
    data = x._data
    forward = device._forwards.get(op) or op.bind(device)
    if type(forward) is device.raw.ufunc and data.ndim:
        try:  # the ufunc checks shapes and casting before it writes
            forward(data, other, out=data)
        except (TypeError, ValueError, OverflowError) as error:
            raise _explained(function, data, other, error) from None
        return
    try:
        result = device.raw.asarray(forward(data, other))
    except (TypeError, ValueError, OverflowError) as error:
        raise _explained(function, data, other, error) from None
    _check_result(function, x, result)
    device.run(lambda: data.__setitem__(..., result))


def _explained(function: str, data: Any, other: Any, error: Exception) -> Exception:
    if not getattr(data.flags, "writeable", True):
        return _read_only(function)
    kind = next(k for k in (TypeError, OverflowError, ValueError) if isinstance(error, k))
    shape, dtype = getattr(other, "shape", ()), getattr(other, "dtype", type(other).__name__)
    return kind(
        f"{function}: {error}; `x = x op y` makes a new tensor "
        f"(the target has shape {data.shape} and dtype {data.dtype}, the other "
        f"operand {shape} and {dtype}); the target keeps its shape and dtype and is unchanged"
    )
