"""NumPy's protocols: what `np.sin(t)`, `np.add.reduce(t)` and `np.concatenate([t, t])` do.

A ufunc or function of NumPy (or ufunc of SciPy) with an equivalent here runs as that, on any
device and with gradients. One without runs on NumPy arrays, its results made Tensors again, if
no gradient is recorded and the tensors are on the CPU; otherwise it raises a TypeError.
"""

import sys
from importlib import import_module
from typing import Any

import numpy as np

from tensorxp._backend.device import DeviceError, cpu
from tensorxp._backend.dtypes import as_dtype
from tensorxp._core.door import is_numpy_value, node_of, wrap
from tensorxp._core.modes import modes
from tensorxp._core.operands import carries_more, excess
from tensorxp._core.tensor import Tensor
from tensorxp._core.views import cell_of
from tensorxp._core.watchers import note_read, stack, watching
from tensorxp._core.writes import bump, write
from tensorxp._numpy.calls import NoEquivalent, find_function, is_given, laid_out
from tensorxp._numpy.ufuncs import ACCUMULATIONS, COMPOSITES, PREDICATES, REDUCTIONS, UFUNC_NAMES
from tensorxp._tensor.dlpack import (
    array_interface,
    arrow_array,
    cuda_array_interface,
    dlpack_device,
    export_dlpack,
)
from tensorxp.autograd.forward import ForwardLevel

__all__ = [
    "array_interface", "arrow_array", "cuda_array_interface", "dlpack_device", "export_dlpack",
    "function", "ufunc",
]  # fmt: skip

_PYTHON_SCALARS = (bool, int, float, complex)
_PLAIN = (*_PYTHON_SCALARS, str, type(None))
#: functions that write to their first argument
_WRITERS = {"at", "copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"}


def _namespace() -> Any:
    return sys.modules[__name__.partition(".")[0]]


# what happens where there is no equivalent


def _tensors(value: Any) -> list[Any]:
    """Return the Tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return []
    return [t for item in value for t in _tensors(item)]


def _to_raw(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value._data
    if value.__class__ in (list, tuple):
        return value.__class__(_to_raw(item) for item in value)
    return {k: _to_raw(v) for k, v in value.items()} if value.__class__ is dict else value


def _to_tensors(value: Any, given: list[Any]) -> Any:
    """Make arrays Tensors; one that is the memory of a given Tensor is that Tensor or a view."""
    if isinstance(value, np.ndarray | np.generic) and is_numpy_value(cpu, value):
        for t in given:
            if value is t._data:
                return t
            if isinstance(value, np.ndarray) and np.may_share_memory(value, t._data):
                return wrap(value, cpu, None, cell_of(t))
        return wrap(value, cpu)
    if isinstance(value, list | tuple):
        items = [_to_tensors(item, given) for item in value]
        if hasattr(value, "_fields"):
            return value.__class__(*items)
        return value.__class__(items) if value.__class__ in (list, tuple) else value
    return value


def _on_numpy(name: str, call: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run `call` on NumPy arrays; TypeError where that would lose a gradient or copy a device."""
    given = _tensors((args, kwargs))
    outs = kwargs.get("out")
    into_array = _has_array(outs)
    lack = "the result goes into a NumPy array" if into_array else "tensorxp has no equivalent"
    bearer = _bearer((args, kwargs))
    if bearer is not None:
        lack = f"an argument is a {type(bearer).__module__}.{type(bearer).__name__}"
    for t in given:
        if t._device.type != "cpu":
            raise TypeError(
                f"{name}: {lack}, and the tensor is on {t._device}; copy it to the host with "
                "t.cpu().numpy()"
            )
        if is_tracked(t):
            raise TypeError(
                f"{name}: {lack}, which would lose the gradient of a tensor that requires grad; "
                "use t.detach().numpy(), or call it inside `with tensorxp.no_grad():`"
            )
        if watching:
            note_read(t)
    result = call(*_to_raw(args), **_to_raw(kwargs))
    written = _tensors(kwargs.get("out"))
    if name.rpartition(".")[2] in _WRITERS:
        written += _tensors(args[:1])
    for t in written:
        bump(t)
    return result if into_array else _to_tensors(result, given)  # `array += t` stays an array


def _bearer(value: Any) -> Any:
    """Return the first array that carries more than a tensor can hold, or None."""
    if isinstance(value, np.ndarray):
        return value if carries_more(type(value)) else None
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return None
    return next((x for x in map(_bearer, value) if x is not None), None)


def _has_array(outs: Any) -> bool:
    return any(
        isinstance(out, np.ndarray) for out in (outs if outs.__class__ is tuple else (outs,))
    )


def is_tracked(t: Any) -> bool:
    """Return whether a gradient of `t` is recorded, or a tangent carried along with it."""
    if modes.grad and node_of(t) is not None:
        return True
    levels = [level for level in stack() if isinstance(level, ForwardLevel)]
    return any(level.get(t) is not None for level in levels)


# ufuncs


def equivalent(ufunc: Any) -> Any:
    """Return the function of tensorxp for a ufunc of NumPy or SciPy, or None."""
    name = ufunc.__name__
    xp = _namespace()
    if _is_numpy(ufunc):
        if name in COMPOSITES:
            return COMPOSITES[name]
        return getattr(xp, UFUNC_NAMES.get(name, name), None)
    for module in ("scipy.special._ufuncs", "scipy.special"):
        if getattr(sys.modules.get(module), name, None) is ufunc:
            try:
                special = import_module(f"{xp.__name__}.special")
            except ImportError:
                return None
            return getattr(special, {"psi": "digamma"}.get(name, name), None)
    return None


#: ufunc → the function that is called where nothing is to be prepared
_direct: dict[Any, Any] = {}


def _are_plain(values: Any) -> bool:
    """Return whether all are Tensors and Python scalars, which functions take as they are."""
    for x in values:
        if not (isinstance(x, Tensor) or x.__class__ in _PYTHON_SCALARS):
            return False
    return True


def ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a ufunc's call or method with Tensors among its inputs or outputs.

    NotImplemented where another class with the protocol is among them. `out=` may be Tensors,
    written in place, or NumPy arrays if no gradient is recorded.
    """
    if method == "__call__" and not kwargs and _are_plain(inputs):
        direct = _direct.get(ufunc)
        if direct is None:
            direct = equivalent(ufunc)
            if direct is not None:  # one that a user made is not kept, or it would live for ever
                _direct[ufunc] = direct
        if direct is not None:
            return direct(*inputs)
    kwargs = {name: value for name, value in kwargs.items() if is_given(name, value)}
    outs = kwargs.get("out", ())
    if any(_overrides(x) for x in (*inputs, *outs)):
        return NotImplemented
    name = f"{_module_of(ufunc)}{ufunc.__name__}" + (f".{method}" * (method != "__call__"))
    if not any(isinstance(out, np.ndarray) for out in outs) and _bearer(inputs) is None:
        try:
            rest = {k: v for k, v in kwargs.items() if k != "out"}
            casting = rest.pop("casting", "same_kind")
            result = _METHODS[method](name, ufunc, inputs, outs, rest)
            return _store(name, result, outs, casting)
        except NoEquivalent:
            pass
    call = ufunc if method == "__call__" else getattr(ufunc, method)
    return _on_numpy(name, call, inputs, kwargs)


def _is_numpy(ufunc: Any) -> bool:
    return getattr(np, ufunc.__name__, None) is ufunc


def _module_of(ufunc: Any) -> str:
    if _is_numpy(ufunc):
        return "numpy."
    return "scipy.special." if equivalent(ufunc) is not None else ""


def _overrides(x: Any) -> bool:
    """Return whether `x` is of another class that takes ufuncs into its own hands."""
    if isinstance(x, Tensor | np.ndarray | np.generic | list | tuple | int | float | complex):
        return False
    return getattr(type(x), "__array_ufunc__", None) is not None


def _operands(name: str, inputs: tuple[Any, ...], outs: Any) -> list[Any]:
    """Return the inputs as Tensors on one device, and Python scalars beside at least one."""
    device = next((x._device for x in (*inputs, *outs) if isinstance(x, Tensor)), cpu)
    found = [_operand(name, x, device) for x in inputs]
    if not any(isinstance(x, Tensor) for x in found):
        found[0] = _namespace().asarray(found[0], device=device)
    return found


def _operand(name: str, x: Any, device: Any) -> Any:
    if isinstance(x, Tensor) or x.__class__ in _PYTHON_SCALARS:
        return x
    xp = _namespace()
    if isinstance(x, np.generic | list | tuple):
        return xp.asarray(x, device=device)  # a value, not an array that lives on the CPU
    if isinstance(x, np.ndarray):
        if device is not cpu:
            raise DeviceError(
                f"{name}: a NumPy array (cpu) and a tensor on {device} are on different devices; "
                f'make it a tensor there with tensorxp.asarray(array, device="{device}")'
            )
        if carries_more(type(x)):
            raise TypeError(f"{name}: an argument is a {excess(x)}")
        if not is_numpy_value(cpu, x):
            raise TypeError(f"{name}: an array has dtype {x.dtype}, which tensors cannot hold")
        return wrap(x, cpu)
    raise TypeError(
        f"{name}: an argument is a {type(x).__module__}.{type(x).__name__}; allowed beside a "
        "Tensor are NumPy arrays, Python scalars and lists of these"
    )


def _function_of(ufunc: Any) -> Any:
    found = equivalent(ufunc)
    if found is None:
        raise NoEquivalent
    return found


def _only(options: dict[str, Any], *allowed: str) -> None:
    if set(options) - set(allowed):
        raise NoEquivalent


def _call(
    name: str, ufunc: Any, inputs: tuple[Any, ...], outs: Any, options: dict[str, Any]
) -> Any:
    _only(options, "where", "dtype", "order", "subok", "axis")
    function = _function_of(ufunc)
    operands = _operands(name, inputs, outs)
    dtype = options.get("dtype")
    if dtype is not None and ufunc.__name__ not in PREDICATES:
        operands = [_cast(name, x, dtype) for x in operands]
    if "axis" in options:
        return function(*operands, axis=options["axis"])
    if options.get("where", True) is not True:
        return _where(name, function, operands, options["where"], outs)
    result = function(*operands)
    if dtype is not None and ufunc.__name__ not in PREDICATES:
        result = _cast(name, result, dtype)
    if "order" in options:
        if result.__class__ is tuple:
            return tuple([laid_out(name, x, options["order"]) for x in result])
        return laid_out(name, result, options["order"])
    return result


def _cast(name: str, x: Any, dtype: Any) -> Any:
    if x.__class__ is tuple:
        return tuple(_cast(name, item, dtype) for item in x)
    target = as_dtype(dtype, name)
    if not isinstance(x, Tensor):
        return x
    if not np.can_cast(x._data.dtype, target.dtype, "same_kind"):
        raise TypeError(f"{name}: dtype {x._data.dtype} cannot be cast to {target}")
    return _namespace().astype(x, target, copy=False)


def _where(name: str, function: Any, operands: list[Any], where: Any, outs: Any) -> Any:
    """Evaluate only where the mask is true; elsewhere is what `out` held, or 0."""
    xp = _namespace()
    tensor = next(x for x in operands if isinstance(x, Tensor))
    mask = xp.asarray(where, device=tensor._device, dtype="bool")
    out = outs[0] if outs else None
    shapes = [x._data.shape for x in (*operands, mask, out) if isinstance(x, Tensor)]
    shape = np.broadcast_shapes(*shapes)
    mask = xp.broadcast_to(mask, shape)
    picked = function(
        *(xp.broadcast_to(x, shape)[mask] if isinstance(x, Tensor) else x for x in operands)
    )
    if picked.__class__ is tuple:
        raise NoEquivalent
    if out is not None:
        base = xp.astype(out, picked.dtype)
    else:
        base = xp.zeros(shape, dtype=picked.dtype, device=tensor._device)
    base[mask] = picked
    return base


def _reduce(
    name: str, ufunc: Any, inputs: tuple[Any, ...], outs: Any, options: dict[str, Any]
) -> Any:
    names = ("axis", "dtype", "out", "keepdims", "initial", "where")
    options = dict(zip(names, inputs[1:], strict=False)) | options
    _only(options, "axis", "dtype", "keepdims", "initial", "where")
    if ufunc.__name__ not in REDUCTIONS or not _is_numpy(ufunc):
        raise NoEquivalent
    (x,) = _operands(name, inputs[:1], outs)
    options.setdefault("axis", 0)
    return REDUCTIONS[ufunc.__name__](_namespace(), x, **options)


def _accumulate(
    name: str, ufunc: Any, inputs: tuple[Any, ...], outs: Any, options: dict[str, Any]
) -> Any:
    options = dict(zip(("axis", "dtype"), inputs[1:], strict=False)) | options
    _only(options, "axis", "dtype")
    found: Any = ACCUMULATIONS.get(ufunc.__name__)
    xp = _namespace()
    if found is None or not _is_numpy(ufunc) or not hasattr(xp, found):
        raise NoEquivalent
    (x,) = _operands(name, inputs[:1], outs)
    if options.get("dtype") is not None:
        x = _cast(name, x, options["dtype"])
    return getattr(xp, found)(x, axis=options.get("axis", 0))


def _outer(
    name: str, ufunc: Any, inputs: tuple[Any, ...], outs: Any, options: dict[str, Any]
) -> Any:
    xp = _namespace()
    device = next(x._device for x in (*inputs, *outs) if isinstance(x, Tensor))
    a, b = (xp.asarray(_operand(name, x, device), device=device) for x in inputs)
    a = xp.reshape(a, a.shape + (1,) * b.ndim)
    return _call(name, ufunc, (a, b), outs, options)


def _at(name: str, ufunc: Any, inputs: tuple[Any, ...], outs: Any, options: dict[str, Any]) -> Any:
    target, key, *values = inputs
    found = ufunc.__name__ if _is_numpy(ufunc) else ""
    if not isinstance(target, Tensor) or found not in ("add", "subtract"):
        raise NoEquivalent
    xp = _namespace()
    value = xp.asarray(_operand(name, values[0], target._device), device=target._device)
    value = _cast(name, value, target.dtype)
    value = xp.broadcast_to(-value if found == "subtract" else value, target[key].shape)
    write(target, ..., xp.index_add(target, key, value), name)
    return None


def _reduceat(*args: Any) -> Any:
    raise NoEquivalent


_METHODS = {
    "__call__": _call,
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "at": _at,
    "reduceat": _reduceat,
}


#: Functions that are ufuncs in NumPy, which broadcast to `out`.
_SPREAD = {"numpy.clip", "numpy.fix", "numpy.round", "numpy.around"}


def _store(name: str, result: Any, outs: Any, casting: str, exact: bool = False) -> Any:
    """Write results into the Tensors of `out=` and return these, or the results without it."""
    if not outs or all(out is None for out in outs):
        return result
    results = result if result.__class__ is tuple else (result,)
    stored = []
    for value, out in zip(results, outs, strict=True):
        if out is None:
            stored.append(value)
            continue
        if not isinstance(out, Tensor):
            raise TypeError(
                f"{name}: out is a {type(out).__name__}; allowed are Tensors and arrays"
            )
        if exact and value._data.shape != out._data.shape:
            raise ValueError(
                f"{name}: out has shape {out._data.shape}; the result has {value._data.shape}"
            )
        if not np.can_cast(value._data.dtype, out._data.dtype, casting):  # type: ignore[arg-type]
            raise TypeError(
                f"{name}: the result has dtype {value._data.dtype}, which cannot be cast to dtype "
                f"{out._data.dtype} of out with casting rule {casting!r}"
            )
        write(out, ..., value, name)
        stored.append(out)
    return tuple(stored) if result.__class__ is tuple else stored[0]


# functions


def function(func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a function of NumPy with Tensors among its arguments.

    NotImplemented where another class with the protocol is among them.
    """
    for cls in types:
        if not issubclass(cls, (Tensor, np.ndarray)):
            return NotImplemented
    kwargs = {k: v for k, v in kwargs.items() if is_given(k, v)} if kwargs else kwargs
    name = f"{getattr(func, '__module__', 'numpy')}.{func.__name__}"
    adapter = find_function(name.partition(".")[2])
    simple = not kwargs or not ("out" in kwargs or "casting" in kwargs)
    if adapter is not None and simple and _need_nothing(args) and _need_nothing(kwargs.values()):
        try:
            return adapter(_namespace(), *args, **kwargs)
        except NoEquivalent:
            return _on_numpy(name, func, args, kwargs)
    out = kwargs.get("out")
    bearer = _bearer((args, kwargs))
    if adapter is not None and not isinstance(out, np.ndarray) and bearer is None:
        device = next((t._device for t in _tensors((args, kwargs))), cpu)
        try:
            rest = {k: _prepared(name, v, device) for k, v in kwargs.items() if k != "out"}
            casting = rest.pop("casting", "same_kind")
            result = adapter(_namespace(), *_prepared(name, args, device), **rest)
            outs = () if out is None else (out,)
            return _store(name, result, outs, casting, name not in _SPREAD)
        except NoEquivalent:
            pass
    return _on_numpy(name, func, args, kwargs)


def _need_nothing(values: Any) -> bool:
    """Return whether adapters take all as they are: Tensors, also in sequences, and scalars."""
    for x in values:
        cls = x.__class__
        if cls is tuple or cls is list:
            if not _need_nothing(x):
                return False
        elif not (isinstance(x, Tensor) or cls in _PLAIN):
            return False
    return True


def _prepared(name: str, value: Any, device: Any) -> Any:
    """Return arguments with NumPy arrays made Tensors, also in lists and tuples."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return _operand(name, value, device)
    if value.__class__ in (list, tuple) and any(isinstance(v, np.ndarray) for v in value):
        return value.__class__(_prepared(name, v, device) for v in value)
    if value.__class__ is tuple and any(v.__class__ in (list, tuple) for v in value):
        return tuple(_prepared(name, v, device) for v in value)
    return value
