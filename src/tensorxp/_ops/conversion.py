"""Conversion: tensors of arrays, lists, scalars, and of other libraries' arrays.

Nothing here records except `asarray` of Tensors, which keeps their gradient path.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tensorxp._backend import dtypes, interchange
from tensorxp._backend.device import Device, as_device, cpu
from tensorxp._backend.dtypes import of_raw, raw_or_none
from tensorxp._backend.families import see
from tensorxp._core.door import node_of, wrap
from tensorxp._core.tensor import Tensor
from tensorxp._ops.casting import astype
from tensorxp._ops.creation import with_grad
from tensorxp._ops.shaping import copy, stack
from tensorxp._ops.transfer import to_device_op

_SCALARS = (bool, int, float, complex)
_SEQUENCES = (list, tuple)


def _holds_tensor(obj: Sequence[Any]) -> bool:
    for item in obj:
        if isinstance(item, Tensor):
            return True
        if isinstance(item, _SEQUENCES) and _holds_tensor(item):
            return True
    return False


@see("tensor, from_dlpack")
def asarray(
    obj: Any,
    /,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return `obj` as a Tensor; the gradient path of Tensors is kept, copied or not.

    >>> xp.asarray([[1, 2], [3, 4]], dtype=xp.float32)
    tensor([[1., 2.],
            [3., 4.]], dtype=float32)

    Parameters
    ----------
    obj : Tensor, array, scalar or nested sequence
        An array is NumPy's or has DLPack; sequences hold scalars and Tensors.
    dtype : dtype or None
        None keeps that of arrays; Python scalars give bool, int64 (uint64 from 2**63 up), or the
        default real or complex dtype.
    device : Device, str or None
        None keeps the device of arrays; else it is the default device.
    copy : bool or None
        True copies, False never does, None where needed.
    requires_grad : bool
        Whether a result without history becomes a leaf that records.

    Returns
    -------
    Tensor
        Shape of `obj`; `obj` itself, or over its memory, where nothing has to change.

    Raises
    ------
    TypeError
        Strings, objects, dtypes that are no numbers, complex to real.
    ValueError
        Ragged sequences; a Python NaN to an integer; `copy=False` where a copy is needed.
    OverflowError, DeviceError, RuntimeError
        An int beyond the dtype, or, without one, ints that no integer dtype holds together; a
        device that is not there; `requires_grad` with a dtype that is not floating.
    """
    out = _asarray(obj, dtype, device, copy)
    if requires_grad and node_of(out) is not None and out is obj:
        return out  # type: ignore[no-any-return]
    return with_grad(out, requires_grad, "asarray")


def _asarray(obj: Any, dtype: Any, device: Any, copy_: bool | None) -> Any:
    place = None if device is None else as_device(device, "asarray")
    target = raw_or_none(dtype, "asarray")
    if isinstance(obj, Tensor):
        return _from_tensor(obj, target, place, copy_)
    if isinstance(obj, _SEQUENCES) and _holds_tensor(obj):
        if copy_ is False:
            raise ValueError("asarray: copy=False, but a list of Tensors has to be copied")
        return _from_tensor(_stack_nested(obj, target), target, place, None)
    if interchange.is_foreign_array(obj) and not isinstance(obj, np.ndarray | np.generic):
        try:
            raw, home = interchange.import_dlpack(obj, None, copy_)
        except BufferError as error:
            if copy_ is False:
                raise ValueError(f"asarray: copy=False, but {error}") from None
            raise
        return _from_tensor(wrap(raw, home), target, place, None if copy_ else copy_)
    place = as_device(None) if place is None else place
    if copy_ is False and (isinstance(obj, (*_SEQUENCES, *_SCALARS))):
        raise ValueError(f"asarray: copy=False, but a {type(obj).__name__} has to be copied")
    if copy_ is False and place is not cpu:
        raise ValueError(f"asarray: copy=False, but {type(obj).__name__} has to go to {place}")
    raw = _numpy_array(obj, target, copy_)
    if copy_ is False and target is not None and raw.dtype != target:
        raise ValueError(f"asarray: copy=False, but dtype {raw.dtype} has to become {target}")
    if target is not None and raw.dtype != target:
        raw = _checked_cast(raw, target)
    elif copy_:
        raw = np.array(raw)
    return wrap(interchange.move_raw(raw, cpu, place) if place is not cpu else raw, place)


def _numpy_array(obj: Any, target: Any, copy_: bool | None) -> Any:
    """Return `obj` as a NumPy array of a dtype that tensors can hold, and of integers in range."""
    if isinstance(obj, str | bytes):
        # "Unsupported" is the word of other namespaces too, which callers' checks look for
        name = type(obj).__name__
        raise TypeError(f"asarray: Unsupported type {name} of obj; allowed are arrays and numbers")
    scalars = isinstance(obj, (*_SEQUENCES, range, *_SCALARS))
    try:
        raw = np.asarray(obj) if copy_ is not False else np.asarray(obj, copy=False)
    except ValueError as error:
        if copy_ is False:
            raise ValueError(f"asarray: copy=False, but a {type(obj).__name__} is copied") from None
        raise ValueError(f"asarray: obj is no array: {error}") from None
    if raw.dtype.kind == "O" and scalars and _holds_numbers(obj):
        return _long_integers(obj, target)
    if raw.dtype.kind not in "biufc" or raw.dtype.itemsize > (16 if raw.dtype.kind == "c" else 8):
        raise TypeError(
            f"asarray: obj gives dtype {raw.dtype}; allowed are booleans, integers up to 64 bits, "
            "and real and complex floats"
        )
    if raw.dtype.byteorder not in "=|":
        if copy_ is False:
            raise ValueError("asarray: copy=False, but the byte order has to be changed")
        raw = raw.astype(raw.dtype.newbyteorder("="))
    if raw.__class__ is not np.ndarray:
        raw = raw.view(np.ndarray) if isinstance(raw, np.ndarray) else np.asarray(raw)
    if isinstance(obj, np.generic) or not scalars:
        return raw
    if target is None:
        if raw.dtype.kind == "f" and raw.size and raw.max() >= 2**63 and _holds_integers(obj):
            return _unsigned(obj, raw)
        return _with_default_dtype(obj, raw)
    if target.kind in "iu" and raw.dtype.kind in "iuf" and raw.dtype != target:
        return _from_numbers(obj, target)  # exact and checked, one by one
    return raw


def _from_numbers(obj: Any, target: Any) -> Any:
    """Return numbers as an array: Python's are held against the range of the dtype."""
    try:
        return np.asarray(obj, dtype=target)
    except (OverflowError, ValueError) as error:
        raise type(error)(f"asarray: {error} (dtype is {target})") from None


def _unsigned(obj: Any, raw: Any) -> Any:
    """Return integers from 2**63 up beside smaller ones, of which NumPy makes floats, as uint64."""
    if raw.min() < 0:
        raise OverflowError(
            "asarray: obj holds integers below 0 and others from 2**63 up, which no integer dtype "
            "holds together; dtype=float64 rounds them"
        )
    return np.asarray(obj, dtype=np.uint64)


def _long_integers(obj: Any, target: Any) -> Any:
    """Return numbers with integers beyond 64 bits as an array."""
    if target is None:
        raise OverflowError(
            f"asarray: obj {'is' if isinstance(obj, int) else 'holds'} {_beyond(obj)}; allowed "
            "without a floating dtype are integers up to 64 bits"
        )
    return _from_numbers(obj, target)


def _beyond(obj: Any) -> str:
    """Return the largest integer as text; Python writes only some thousand digits."""
    found = max((n for n in _leaves(obj) if isinstance(n, int)), key=abs)
    return str(found) if found.bit_length() < 1000 else f"an int of {found.bit_length()} bits"


def _leaves(obj: Any) -> Iterator[Any]:
    if isinstance(obj, (*_SEQUENCES, range)):
        for item in obj:
            yield from _leaves(item)
    else:
        yield obj


def _holds_numbers(obj: Any) -> bool:
    return all(
        n.dtype.kind in "biufc" if hasattr(n, "dtype") else isinstance(n, _SCALARS)
        for n in _leaves(obj)
    )


def _holds_integers(obj: Any) -> bool:
    return all(isinstance(n, int | np.integer) for n in _leaves(obj))


def _with_default_dtype(obj: Any, raw: Any) -> Any:
    """Give what came from Python floats the default dtype; NumPy scalars inside keep theirs."""
    defaults = dtypes.Defaults
    if defaults.real is dtypes.float64 or raw.dtype.kind not in "fc" or _holds_numpy(obj):
        return raw
    if raw.dtype.kind == "f":
        return raw.astype(defaults.real.dtype)
    return raw.astype(defaults.complex.dtype)


def _holds_numpy(obj: Any) -> bool:
    if isinstance(obj, _SEQUENCES):
        return any(_holds_numpy(item) for item in obj)
    return isinstance(obj, np.ndarray | np.generic) and obj.dtype.kind in "fc"


def _checked_cast(raw: Any, target: Any) -> Any:
    if raw.dtype.kind == "c" and target.kind not in "cb":
        raise TypeError(f"asarray: obj is complex and cannot become {target}")
    return raw.astype(target)


def _from_tensor(x: Any, target: Any, place: Device | None, copy_: bool | None) -> Any:
    moved = place is not None and place is not x._device
    cast = target is not None and target != x._data.dtype
    if copy_ is False and (moved or cast):
        what = f"{x._device} to {place}" if moved else f"{x._data.dtype} to {target}"
        raise ValueError(f"asarray: copy=False, but going from {what} has to copy")
    if cast:
        x = astype(x, target)
    if moved:
        return to_device_op(x, place)  # type: ignore[arg-type]
    return copy(x) if copy_ and not cast else x


def _stack_nested(obj: Sequence[Any], target: Any) -> Any:
    """Stack nested lists with Tensors among their items, level by level, cast to `target`."""
    place = _place_of(obj)
    items = [
        _stack_nested(item, target)
        if isinstance(item, _SEQUENCES) and _holds_tensor(item)
        else _asarray(item, target, None if isinstance(item, Tensor) else place, None)
        for item in obj
    ]
    shapes = {tuple(item._data.shape) for item in items}
    if len(shapes) > 1:
        raise ValueError(f"asarray: the items have different shapes {sorted(shapes)}")
    common = np.result_type(*(item._data.dtype for item in items))
    return stack([astype(item, common, copy=False) for item in items])


def _place_of(obj: Sequence[Any]) -> Any:
    for item in obj:
        if isinstance(item, Tensor):
            return item._device
        if isinstance(item, _SEQUENCES):
            place = _place_of(item)
            if place is not None:
                return place
    return None


@see("asarray")
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return a new leaf tensor with a copy of `data`, as `torch.tensor`.

    Unlike `asarray`, it never shares memory or history with `data`.

    >>> xp.tensor([1.0, 2.0], requires_grad=True)
    tensor([1., 2.], requires_grad=True)

    Parameters
    ----------
    data : Tensor, array, scalar or nested sequence
    dtype : dtype or None
        None as for `asarray`.
    device : Device, str or None
        None as for `asarray`.
    requires_grad : bool

    Returns
    -------
    Tensor
        Shape of `data`.

    Raises
    ------
    TypeError, ValueError, OverflowError, DeviceError
        As for `asarray`.
    RuntimeError
        `requires_grad` with a dtype that is not floating.
    """
    if isinstance(data, Tensor):
        data = wrap(data._data, data._device)
    out = _asarray(data, dtype, device, True)
    return with_grad(wrap(out._data, out._device), requires_grad, "tensor")


@see("asarray, from_dlpack")
def from_numpy(x: "np.ndarray[Any, Any]", /) -> Tensor:
    """Return a CPU tensor that shares memory with a NumPy array.

    >>> import numpy as np
    >>> a = np.zeros(2)
    >>> t = xp.from_numpy(a)
    >>> a[0] = 5
    >>> t
    tensor([5., 0.])

    Parameters
    ----------
    x : numpy.ndarray
        Of booleans, integers up to 64 bits, floats, in the byte order of the machine.

    Returns
    -------
    Tensor
        Shape, dtype and memory of `x`.

    Raises
    ------
    TypeError
        `x` is no such array.
    """
    if not isinstance(x, np.ndarray):
        raise TypeError(f"from_numpy: x is a {type(x).__name__}; allowed is a numpy.ndarray")
    if x.dtype.kind not in "biufc" or not x.dtype.isnative:
        raise TypeError(
            f"from_numpy: x has dtype {x.dtype}; allowed are booleans, integers and floats in the "
            "byte order of the machine; tensorxp.asarray changes the byte order"
        )
    return _asarray(x, None, cpu, False)  # type: ignore[no-any-return]


@see("from_numpy, asarray")
def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """Return a tensor over the memory of an array with `__dlpack__`.

    >>> import numpy as np
    >>> xp.from_dlpack(np.arange(3))
    tensor([0, 1, 2])

    Parameters
    ----------
    x : Tensor or array of another library
        A Tensor keeps its gradient path.
    device : Device, str or None
        Where it goes; None leaves it.
    copy : bool or None
        True copies, False never does, None where needed.

    Returns
    -------
    Tensor
        Shape and dtype of `x`.

    Raises
    ------
    TypeError
        `x` has no `__dlpack__`, or a dtype that there is not here.
    BufferError, ValueError, DeviceError
        `copy=False` where a copy is needed; an unknown device; one that is not there.
    """
    place = None if device is None else as_device(device, "from_dlpack")
    if isinstance(x, Tensor):
        try:
            return _from_tensor(x, None, place, copy)  # type: ignore[no-any-return]
        except ValueError as error:
            raise BufferError(str(error).replace("asarray", "from_dlpack")) from None
    if not interchange.is_foreign_array(x):
        raise TypeError(
            f"from_dlpack: x is a {type(x).__name__}; allowed are arrays with __dlpack__"
        )
    raw, home = interchange.import_dlpack(x, place, copy)
    of_raw(raw.dtype)
    return wrap(raw, home)
