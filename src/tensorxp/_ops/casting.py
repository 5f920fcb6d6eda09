"""Data types of values: `astype`, promotion, and what a dtype can hold."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorxp._backend import dtypes
from tensorxp._backend.dtypes import DType, as_dtype, of_raw
from tensorxp._backend.families import see
from tensorxp._core.door import apply
from tensorxp._core.primitive import linear
from tensorxp._core.tensor import Tensor
from tensorxp._ops.axes import dimensions
from tensorxp._ops.transfer import to_device


def _cast(xp: Any, x: Any, *, dtype: Any) -> Any:
    return xp.base.asarray(x).astype(dtype)


# the cotangent is cast back, and its real part taken, by the engine
astype_p = linear("astype", forward=_cast, batched=True, x=lambda ct: ct)


@see("isdtype")
def astype(x: Tensor, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """Return `x` with another dtype.

    The gradient passes between floating-point and complex types and stops at integers.

    >>> xp.astype(xp.asarray([0.0, 1.7]), xp.int32)
    tensor([0, 1], dtype=int32)

    Parameters
    ----------
    x : Tensor, any dtype
    dtype : dtype
    copy : bool
        False returns `x` itself where nothing has to change.
    device : Device, str or None
        None keeps that of `x`.

    Returns
    -------
    Tensor
        Shape of `x`, that dtype.

    Raises
    ------
    TypeError
        `x` is no Tensor, the dtype unknown, or complex `x` would become real: take `real` first
        (bool is allowed).
    ValueError, DeviceError
        An unknown device; one that is not there.
    """
    dimensions("astype", x)
    target = as_dtype(dtype, "astype").dtype
    source = x._data.dtype
    if source.kind == "c" and target.kind not in "cb":
        raise TypeError(
            f"astype: x has dtype {source} and cannot be cast to {target}; use real(x) or abs(x)"
        )
    if device is not None:
        x = to_device(x, device)
    if source == target and not copy:
        return x
    return apply(astype_p, (x,), {"dtype": target})


def accumulator(function: str, x: Any, dtype: Any) -> Any:
    """Return the NumPy dtype to add up in, or None; TypeError where complex `x` becomes real."""
    if dtype is None:
        return None
    dimensions(function, x)
    target = as_dtype(dtype, function).dtype
    if x._data.dtype.kind == "c" and target.kind != "c":
        raise TypeError(
            f"{function}: x has dtype {x._data.dtype} and dtype is {target}; allowed for complex x "
            "are complex dtypes; use real(x) or abs(x)"
        )
    return target


@dataclass(frozen=True)
class finfo_object:
    """Limits of a floating-point type.

    Attributes
    ----------
    bits : int
    eps, max, min, smallest_normal : float
    dtype : DType
        Of complex types, that of the parts.
    tiny, resolution : float
        As NumPy names them.
    """

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType
    tiny: float = 0.0
    resolution: float = 0.0


@dataclass(frozen=True)
class iinfo_object:
    """Limits of an integer type.

    Attributes
    ----------
    bits, max, min : int
    dtype : DType
    """

    bits: int
    max: int
    min: int
    dtype: DType


def _dtype_of(value: Any, function: str, argument: str = "type") -> DType:
    if isinstance(value, Tensor):
        return of_raw(value._data.dtype)
    return as_dtype(value, function, argument)


@see("iinfo")
def finfo(type: Any, /) -> finfo_object:
    """Return the limits of a floating-point dtype, of a complex one those of its parts.

    >>> xp.finfo(xp.float32).bits
    32

    Parameters
    ----------
    type : dtype or Tensor, floating

    Returns
    -------
    finfo_object
        `bits`, `eps`, `max`, `min`, `smallest_normal`, `dtype`, as Python numbers.

    Raises
    ------
    TypeError
        Another dtype, or none.
    """
    dtype = _dtype_of(type, "finfo")
    if dtype.kind not in "fc":
        raise TypeError(f"finfo: type is {dtype}; allowed are floating-point types")
    info = np.finfo(dtype.dtype)
    return finfo_object(
        bits=int(info.bits),
        eps=float(info.eps),
        max=float(info.max),
        min=float(info.min),
        smallest_normal=float(info.smallest_normal),
        dtype=of_raw(info.dtype),
        tiny=float(info.smallest_normal),
        resolution=float(info.resolution),
    )


@see("finfo")
def iinfo(type: Any, /) -> iinfo_object:
    """Return the limits of an integer dtype.

    >>> xp.iinfo(xp.int8).max
    127

    Parameters
    ----------
    type : dtype or Tensor, integer

    Returns
    -------
    iinfo_object
        `bits`, `max`, `min`, `dtype`, as Python numbers.

    Raises
    ------
    TypeError
        Another dtype, or none.
    """
    dtype = _dtype_of(type, "iinfo")
    if dtype.kind not in "iu":
        raise TypeError(f"iinfo: type is {dtype}; allowed are integer types")
    info = np.iinfo(dtype.dtype)
    return iinfo_object(bits=int(info.bits), max=int(info.max), min=int(info.min), dtype=dtype)


@see("astype")
def isdtype(dtype: Any, kind: Any) -> bool:
    """Return whether `dtype` is of a kind.

    >>> xp.isdtype(xp.float32, "real floating")
    True

    Parameters
    ----------
    dtype : dtype
    kind : dtype, str or tuple of these
        "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex
        floating", "numeric".

    Returns
    -------
    bool

    Raises
    ------
    TypeError, ValueError
        No dtypes; another kind.
    """
    found = as_dtype(dtype, "isdtype")
    if isinstance(kind, tuple):
        return any(isdtype(found, one) for one in kind)
    if isinstance(kind, str):
        if kind not in dtypes.KINDS:
            raise ValueError(
                f"isdtype: kind is {kind!r}; allowed are a dtype, {', '.join(dtypes.KINDS)}, "
                "or a tuple of these"
            )
        return found.kind in dtypes.KINDS[kind]
    return found == as_dtype(kind, "isdtype", "kind")


@see("result_type")
def can_cast(from_: Any, to: Any, /) -> bool:
    """Return whether a dtype promotes to another by the rules of `result_type`.

    >>> xp.can_cast(xp.int32, xp.float64), xp.can_cast(xp.float64, xp.int32)
    (True, False)

    Parameters
    ----------
    from_ : dtype or Tensor
    to : dtype

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        No dtypes.
    """
    source, target = _dtype_of(from_, "can_cast", "from_"), as_dtype(to, "can_cast", "to")
    return bool(np.can_cast(source.dtype, target.dtype, casting="safe"))


@see("can_cast")
def result_type(*arrays_and_dtypes: Any) -> DType:
    """Return the dtype that the arguments promote to, as NumPy 2.

    >>> xp.result_type(xp.int32, xp.float32)
    tensorxp.float64

    Parameters
    ----------
    *arrays_and_dtypes : Tensor, dtype, array or scalar
        Python scalars are weak; not all may be such.

    Returns
    -------
    DType

    Raises
    ------
    TypeError, ValueError
        Something else; nothing, or Python scalars only.
    """
    if not arrays_and_dtypes:
        raise ValueError("result_type: no arguments; allowed are one or more Tensors or dtypes")
    raw: list[Any] = []
    strong = False
    for value in arrays_and_dtypes:
        if isinstance(value, Tensor):
            raw.append(value._data.dtype)
        elif value.__class__ in (bool, int, float, complex):
            raw.append(value)
            continue
        elif isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufc":
            raw.append(value.dtype)
        elif isinstance(value, np.ndarray | np.generic):
            raise TypeError(f"result_type: an array has dtype {value.dtype}; allowed are numbers")
        else:
            raw.append(as_dtype(value, "result_type", "an argument").dtype)
        strong = True
    if not strong:
        raise ValueError("result_type: all arguments are Python scalars; at least one must not be")
    return of_raw(np.result_type(*raw))
