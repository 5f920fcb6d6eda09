"""The data types: objects of our own over NumPy's, and what can be asked of them.

A `DType` answers as the NumPy dtype it stands for: it has its attributes, is equal to it and to
what is equal to it, is hashed like it, passes `isinstance(…, np.dtype)`, and NumPy accepts it
wherever it wants a dtype. But it is never equal to None, as `np.dtype("float64")` is.
"""

import builtins
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import numpy as np

from tensorxp._backend.families import see

_NoneType = type(None)


def _numpys(name: str, doc: str) -> Any:
    """Return a property that gives an attribute of the NumPy dtype."""
    return property(lambda self: getattr(self.dtype, name), doc=doc)


class DType:
    """A data type of the standard, or float16. Compare with `==`; use as a dict key.

    It has the attributes of NumPy's dtypes: `kind` is a letter, such as "f". What the standard
    calls kinds is asked by :func:`tensorxp.isdtype`.

    Parameters
    ----------
    name : str
        Such as "float32"; NumPy's name.

    Raises
    ------
    TypeError
        NumPy has no such dtype.
    """

    __slots__ = ("__weakref__", "dtype", "name")

    name: builtins.str
    dtype: "np.dtype[Any]"

    def __init__(self, name: builtins.str) -> None:
        self.name = name
        self.dtype = np.dtype(name)

    # libraries ask by isinstance whether they may take `.kind` for a letter
    __class__ = property(lambda self: type(self.dtype))

    def __dir__(self) -> list[builtins.str]:
        return dir(DType)

    @property
    def __numpy_dtype__(self) -> "np.dtype[Any]":
        return self.dtype

    kind = _numpys("kind", """The letter of its kind: "b", "i", "u", "f" or "c".""")
    char = _numpys("char", """NumPy's letter of the dtype, such as "d".""")
    str = _numpys("str", """Byte order, kind and size, such as "<f8".""")
    num = _numpys("num", """NumPy's number of the dtype.""")
    type = _numpys("type", """NumPy's scalar type.""")
    itemsize = _numpys("itemsize", """Size of one element in bytes.""")
    alignment = _numpys("alignment", """Alignment of an element in bytes.""")
    byteorder = _numpys("byteorder", """"=" for the byte order of the machine, "|" for one byte.""")
    isnative = _numpys("isnative", """Whether the byte order is that of the machine: it is.""")
    isbuiltin = _numpys("isbuiltin", """1, as for every dtype that NumPy brings.""")
    hasobject = _numpys("hasobject", """Whether elements are Python objects: they are not.""")
    names = _numpys("names", """Names of the fields of structures: None.""")
    fields = _numpys("fields", """The fields of structures: None.""")
    subdtype = _numpys("subdtype", """What elements that are arrays hold: None.""")
    shape = _numpys("shape", """The shape of elements that are arrays: ().""")
    ndim = _numpys("ndim", """Number of axes of elements that are arrays: 0.""")
    flags = _numpys("flags", """NumPy's bit flags of the dtype.""")
    metadata = _numpys("metadata", """What else NumPy's dtype carries: None.""")

    @property
    def base(self) -> "DType":
        """The dtype itself, as elements are no arrays."""
        return self

    @property
    def bits(self) -> int:
        """Size of one element in bits."""
        return self.dtype.itemsize * 8

    @property
    def is_floating_point(self) -> bool:
        """Whether this is a real floating-point type."""
        return self.dtype.kind == "f"

    @property
    def is_complex(self) -> bool:
        """Whether this is a complex type."""
        return self.dtype.kind == "c"

    def newbyteorder(self, new_order: Any = "S", /) -> "np.dtype[Any]":
        """Return NumPy's dtype of another byte order, which tensors cannot have.

        Parameters
        ----------
        new_order : str
            As of NumPy's dtypes.

        Returns
        -------
        numpy.dtype

        Raises
        ------
        ValueError
            Another one.
        """
        return self.dtype.newbyteorder(new_order)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if builtins.type(other) is DType or not isinstance(other, np.dtype | str | type):
            return False
        try:
            return other is not _NoneType and bool(self.dtype == other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"{self.name}: a dtype makes no tensors; use "
            f"tensorxp.asarray(value, dtype=tensorxp.{self.name}) or x.astype(tensorxp.{self.name})"
        )

    def __repr__(self) -> builtins.str:
        return f"tensorxp.{self.name}"

    def __str__(self) -> builtins.str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)


bool_ = DType("bool")
int8 = DType("int8")
int16 = DType("int16")
int32 = DType("int32")
int64 = DType("int64")
uint8 = DType("uint8")
uint16 = DType("uint16")
uint32 = DType("uint32")
uint64 = DType("uint64")
float16 = DType("float16")
float32 = DType("float32")
float64 = DType("float64")
complex64 = DType("complex64")
complex128 = DType("complex128")

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


_BY_PYTHON: dict[Any, Callable[[], DType]] = {
    bool: lambda: bool_,
    int: lambda: Defaults.integer,
    float: lambda: Defaults.real,
    complex: lambda: Defaults.complex,
}
_BY_PYTHON.update({cls.__name__: make for cls, make in _BY_PYTHON.items()})


def of_raw(raw_dtype: Any) -> DType:
    """Return our dtype of a NumPy or CuPy dtype; TypeError where there is none."""
    try:
        return _BY_RAW[raw_dtype]
    except KeyError:
        raise TypeError(
            f"dtype: {raw_dtype} is not supported; allowed are {', '.join(_BY_NAME)}"
        ) from None


def as_dtype(spec: Any, function: str = "dtype", argument: str = "dtype") -> DType:
    """Return the dtype that `spec` means: ours, NumPy's, a name or code of it, a Python type."""
    if type(spec) is DType:
        return spec
    try:
        if spec in _BY_PYTHON:
            return _BY_PYTHON[spec]()
        if spec in _BY_NAME:
            return _BY_NAME[spec]
        if spec in _BY_TYPE:
            return _BY_TYPE[spec]
        raw = np.dtype(spec) if isinstance(spec, str) else spec
        if isinstance(raw, np.dtype) and raw.newbyteorder("=") in _BY_RAW:
            return _BY_RAW[raw.newbyteorder("=")]
    except TypeError:
        pass
    near = get_close_matches(str(spec).rpartition(".")[2], _BY_NAME, 1)
    raise TypeError(
        f"{function}: {argument} is {spec!r}; allowed are the dtypes {', '.join(_BY_NAME)}, as "
        "tensorxp or NumPy dtypes or by NumPy's names and codes"
        + (f"; did you mean {near[0]!r}?" if near else "")
    )


def raw_or_none(spec: Any, function: str) -> Any:
    """Return the NumPy dtype that `spec` means, or None for None."""
    return None if spec is None else as_dtype(spec, function).dtype


@see("get_default_dtype")
def set_default_dtype(dtype: Any, /) -> None:
    """Make `dtype` the default of real creation functions; the complex default follows.

    >>> xp.set_default_dtype(xp.float64)
    >>> xp.zeros(2).dtype
    tensorxp.float64

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


@see("set_default_dtype")
def get_default_dtype() -> DType:
    """Return the default real floating-point dtype.

    >>> xp.get_default_dtype()
    tensorxp.float64

    Returns
    -------
    DType
    """
    return Defaults.real


#: What the standard calls kinds, as NumPy's letters.
KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}
