"""The data types: objects of our own over NumPy's, and what can be asked of them.

A `DType` is equal to, and hashed like, the NumPy dtype it stands for, but never to None
(as `np.dtype("float64")` is), and NumPy accepts it wherever it wants a dtype.
"""

from difflib import get_close_matches
from typing import Any

import numpy as np


class DType:
    """A data type of the standard, or float16. Compare with `==`; use as a dict key.

    Parameters
    ----------
    name : str
        Such as "float32"; NumPy's name.
    kind : str
        "bool", "signed integer", "unsigned integer", "real floating" or "complex floating".

    Raises
    ------
    TypeError
        NumPy has no such dtype.
    """

    __slots__ = ("__weakref__", "bits", "dtype", "kind", "name")

    name: str
    kind: str
    bits: int
    dtype: "np.dtype[Any]"

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.dtype = np.dtype(name)
        self.bits = self.dtype.itemsize * 8

    @property
    def __numpy_dtype__(self) -> "np.dtype[Any]":
        return self.dtype

    @property
    def itemsize(self) -> int:
        """Size of one element in bytes."""
        return self.bits // 8

    @property
    def is_floating_point(self) -> bool:
        """Whether this is a real floating-point type."""
        return self.kind == "real floating"

    @property
    def is_complex(self) -> bool:
        """Whether this is a complex type."""
        return self.kind == "complex floating"

    @property
    def type(self) -> type:
        """The NumPy scalar type, for code that asks a dtype for it."""
        return self.dtype.type

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, (np.dtype, type)) and other is not type(None):
            try:
                return bool(self.dtype == other)
            except TypeError:
                return False
        return False

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{self.name}: a dtype makes no tensors; use "
            f"tensorxp.asarray(value, dtype=tensorxp.{self.name}) or x.astype(tensorxp.{self.name})"
        )

    def __repr__(self) -> str:
        return f"tensorxp.{self.name}"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


_SIGNED, _UNSIGNED = "signed integer", "unsigned integer"
_REAL, _COMPLEX = "real floating", "complex floating"

bool_ = DType("bool", "bool")
int8 = DType("int8", _SIGNED)
int16 = DType("int16", _SIGNED)
int32 = DType("int32", _SIGNED)
int64 = DType("int64", _SIGNED)
uint8 = DType("uint8", _UNSIGNED)
uint16 = DType("uint16", _UNSIGNED)
uint32 = DType("uint32", _UNSIGNED)
uint64 = DType("uint64", _UNSIGNED)
float16 = DType("float16", _REAL)
float32 = DType("float32", _REAL)
float64 = DType("float64", _REAL)
complex64 = DType("complex64", _COMPLEX)
complex128 = DType("complex128", _COMPLEX)

STANDARD: tuple[DType, ...] = (
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
    float32, float64, complex64, complex128,
)  # fmt: skip
ALL: tuple[DType, ...] = (*STANDARD, float16)

_BY_RAW: dict[Any, DType] = {d.dtype: d for d in ALL}
_BY_NAME: dict[Any, DType] = {d.name: d for d in ALL}
_BY_TYPE: dict[Any, DType] = {d.dtype.type: d for d in ALL}


class Defaults:
    """The default dtypes: float64, complex128 and int64 until changed."""

    real: DType = float64
    complex: DType = complex128
    integer: DType = int64


_BY_PYTHON = {
    bool: lambda: bool_,
    int: lambda: Defaults.integer,
    float: lambda: Defaults.real,
    complex: lambda: Defaults.complex,
}


def of_raw(raw_dtype: Any) -> DType:
    """Return our dtype of a NumPy or CuPy dtype; TypeError where there is none."""
    try:
        return _BY_RAW[raw_dtype]
    except KeyError:
        raise TypeError(
            f"dtype: {raw_dtype} is not supported; allowed are {', '.join(_BY_NAME)}"
        ) from None


def as_dtype(spec: Any, function: str = "dtype", argument: str = "dtype") -> DType:
    """Return the dtype that `spec` means: ours, NumPy's, a name or a Python type."""
    if spec.__class__ is DType:
        return spec
    try:
        if spec in _BY_PYTHON:
            return _BY_PYTHON[spec]()
        if spec in _BY_NAME:
            return _BY_NAME[spec]
        if spec in _BY_TYPE:
            return _BY_TYPE[spec]
        if isinstance(spec, np.dtype) and spec.newbyteorder("=") in _BY_RAW:
            return _BY_RAW[spec.newbyteorder("=")]
    except TypeError:
        pass
    near = get_close_matches(str(spec).rpartition(".")[2], _BY_NAME, 1)
    raise TypeError(
        f"{function}: {argument} is {spec!r}; allowed are the dtypes {', '.join(_BY_NAME)}, "
        "as tensorxp or NumPy dtypes or by name" + (f"; did you mean {near[0]!r}?" if near else "")
    )


def raw_or_none(spec: Any, function: str) -> Any:
    """Return the NumPy dtype that `spec` means, or None for None."""
    return None if spec is None else as_dtype(spec, function).dtype


def set_default_dtype(dtype: Any, /) -> None:
    """Make `dtype` the default of real creation functions; the complex default follows.

    Parameters
    ----------
    dtype : dtype
        float32 or float64.

    Raises
    ------
    TypeError
        Another one.
    """
    chosen = as_dtype(dtype, "set_default_dtype")
    if chosen not in (float32, float64):
        raise TypeError(f"set_default_dtype: dtype is {chosen}; allowed are float32 and float64")
    Defaults.real = chosen
    Defaults.complex = complex64 if chosen is float32 else complex128


def get_default_dtype() -> DType:
    """Return the default real floating-point dtype.

    Returns
    -------
    DType
    """
    return Defaults.real


KINDS: dict[str, tuple[str, ...]] = {
    "bool": ("bool",),
    "signed integer": (_SIGNED,),
    "unsigned integer": (_UNSIGNED,),
    "integral": (_SIGNED, _UNSIGNED),
    "real floating": (_REAL,),
    "complex floating": (_COMPLEX,),
    "numeric": (_SIGNED, _UNSIGNED, _REAL, _COMPLEX),
}
