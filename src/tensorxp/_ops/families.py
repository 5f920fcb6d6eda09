"""The families of docstrings of operations: elementwise functions, reductions and the like."""

from tensorxp._backend.families import Family

_FLOAT = "of integers float16 (8 bits), float32 (16) or float64."


def _one(kind: str, result: str) -> Family:
    """Return the family of elementwise functions of a tensor."""
    allowed = "" if kind == "any dtype" else ", or of another dtype"
    return Family(f"x : Tensor, {kind}", result, f"TypeError\n    `x` is no Tensor{allowed}.")


unary_any = _one("any dtype", "Tensor\n    Shape and dtype of `x`; of bool int8.")
unary_numeric = _one("numeric", "Tensor\n    Shape and dtype of `x`.")
unary_real = _one("real or bool", "Tensor\n    Shape and dtype of `x`.")
unary_float = _one("any dtype", f"Tensor\n    Shape and dtype of `x`; {_FLOAT}")
unary_real_float = _one("real or bool", f"Tensor\n    Shape and dtype of `x`; {_FLOAT}")
predicate = _one("any dtype", "Tensor\n    Shape of `x`, dtype bool.")

_BINARY = """TypeError, ValueError, OverflowError, DeviceError
    Operands of other types or dtypes, that don't broadcast, Python ints beyond the dtype, or
    two devices."""


def _two(kind: str, dtype: str, raises: str = _BINARY) -> Family:
    """Return the family of elementwise functions of two tensors or numbers."""
    return Family(
        f"x1, x2 : Tensor or scalar, {kind}, broadcast",
        f"Tensor\n    The broadcast shape, {dtype}",
        raises,
    )


binary_any = _two("any dtype", "the promoted dtype.")
binary_numeric = _two("any dtype", "the promoted dtype; of bool int8.")
binary_real = _two("real or bool", "the promoted dtype; of bool int8.")
binary_integer = _two("integer or bool", "the promoted dtype.")
binary_shift = _two("integer or bool", "the promoted dtype; of bool int8.")
binary_float = _two(
    "real or bool",
    "the promoted dtype; of integers float16 (8 bits), float32 (16) or\n    float64.",
    "TypeError, ValueError, DeviceError\n"
    "    Operands of other types or dtypes, that don't broadcast, or on two devices.",
)
comparison = _two(
    "any dtype",
    "dtype bool.",
    "TypeError, ValueError, DeviceError\n"
    "    Operands of other types, that don't broadcast, or on two devices.",
)

reduction = Family(
    """
x : Tensor, any dtype
axis : int, tuple of ints or None
dtype : dtype or None
    None as for `sum`.
keepdims : bool
    Whether reduced axes stay, of size 1.
dim : None
    PyTorch's word for `axis`: an error that says so.
""",
    "Tensor\n    Shape of `x` without `axis`, its dtype.",
    "TypeError, AxisError, ValueError\n"
    "    `x` is no Tensor; `axis` is no int, out of range, or given twice.",
)
extremum = reduction.but(
    raises="TypeError, AxisError, ValueError\n"
    "    `x` is no Tensor; `axis` is no int, out of range, or given twice; there are no elements."
)
summation = reduction.but(
    raises="TypeError, AxisError, ValueError\n"
    "    `x` is no Tensor, or complex with a real `dtype`; `axis` is no int, out of range, or\n"
    "    given twice."
)
position = extremum.but(
    "axis : int or None\n    None is of the flattened `x`.",
    "Tensor\n    Shape of `x` without `axis`, dtype int64; no gradient.",
)
running = summation.but(
    "axis : int or None\n    None for 1-D `x` only.",
    "Tensor\n    Shape of `x` (one more along `axis` with `include_initial`), that dtype.",
)
