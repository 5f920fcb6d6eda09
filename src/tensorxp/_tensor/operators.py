# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""The operators of a Tensor: one line each, straight to the latch of the door.

Where the other operand's class has operators of its own, they get their turn.
"""

from typing import Any

from tensorxp._core.door import binary
from tensorxp._core.operands import carries_more
from tensorxp._core.tensor import Tensor, TensorBase
from tensorxp._core.writes import inplace
from tensorxp._ops import arithmetic as ar
from tensorxp._ops import bitwise as bw
from tensorxp._ops.arithmetic import (
    add_p,
    divide_p,
    floor_divide_p,
    multiply_p,
    pow_p,
    remainder_p,
    subtract_p,
)
from tensorxp._ops.bitwise import (
    bitwise_and_p,
    bitwise_left_shift_p,
    bitwise_or_p,
    bitwise_right_shift_p,
    bitwise_xor_p,
)
from tensorxp._ops.comparison import (
    equal_p,
    greater_equal_p,
    greater_p,
    less_equal_p,
    less_p,
    not_equal_p,
)
from tensorxp._ops.indexing import getitem, setitem
from tensorxp._ops.products import matmul_p


class Operators(TensorBase):
    """Arithmetic, comparison, bitwise and indexing operators, as the standard defines them."""

    __slots__ = ()

    def __add__(self, other: Any, /) -> Tensor:
        try:
            return binary(add_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __radd__(self, other: Any, /) -> Tensor:
        try:
            return binary(add_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __sub__(self, other: Any, /) -> Tensor:
        try:
            return binary(subtract_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rsub__(self, other: Any, /) -> Tensor:
        try:
            return binary(subtract_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __mul__(self, other: Any, /) -> Tensor:
        try:
            return binary(multiply_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rmul__(self, other: Any, /) -> Tensor:
        try:
            return binary(multiply_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __truediv__(self, other: Any, /) -> Tensor:
        try:
            return binary(divide_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rtruediv__(self, other: Any, /) -> Tensor:
        try:
            return binary(divide_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __floordiv__(self, other: Any, /) -> Tensor:
        try:
            return binary(floor_divide_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rfloordiv__(self, other: Any, /) -> Tensor:
        try:
            return binary(floor_divide_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __mod__(self, other: Any, /) -> Tensor:
        try:
            return binary(remainder_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rmod__(self, other: Any, /) -> Tensor:
        try:
            return binary(remainder_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __divmod__(self, other: Any, /) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any, /) -> Any:
        return other // self, other % self

    def __pow__(self, other: Any, /) -> Tensor:
        try:
            return binary(pow_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rpow__(self, other: Any, /) -> Tensor:
        try:
            return binary(pow_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __matmul__(self, other: Any, /) -> Tensor:
        try:
            return binary(matmul_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rmatmul__(self, other: Any, /) -> Tensor:
        try:
            return binary(matmul_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __and__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_and_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rand__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_and_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __or__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_or_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __ror__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_or_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __xor__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_xor_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rxor__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_xor_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __lshift__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_left_shift_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rlshift__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_left_shift_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __rshift__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_right_shift_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __rrshift__(self, other: Any, /) -> Tensor:
        try:
            return binary(bitwise_right_shift_p, other, self)
        except TypeError as error:
            return _leave(error, other)

    def __lt__(self, other: Any, /) -> Tensor:
        try:
            return binary(less_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __le__(self, other: Any, /) -> Tensor:
        try:
            return binary(less_equal_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __gt__(self, other: Any, /) -> Tensor:
        try:
            return binary(greater_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    def __ge__(self, other: Any, /) -> Tensor:
        try:
            return binary(greater_equal_p, self, other)
        except TypeError as error:
            return _leave(error, other)

    # elementwise, hence the hash by identity; never equal to what is no value, as in PyTorch
    def __eq__(self, other: Any, /) -> Tensor:  # type: ignore[override]
        try:
            return binary(equal_p, self, other)
        except TypeError as error:
            if other is None or isinstance(other, str):
                return NotImplemented
            return _leave(error, other)

    def __ne__(self, other: Any, /) -> Tensor:  # type: ignore[override]
        try:
            return binary(not_equal_p, self, other)
        except TypeError as error:
            if other is None or isinstance(other, str):
                return NotImplemented
            return _leave(error, other)

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __neg__(self, /) -> Tensor:
        return ar.negative(self)  # type: ignore[arg-type]

    def __pos__(self, /) -> Tensor:
        return ar.positive(self)  # type: ignore[arg-type]

    def __abs__(self, /) -> Tensor:
        return ar.abs(self)  # type: ignore[arg-type]

    def __invert__(self, /) -> Tensor:
        return bw.bitwise_invert(self)  # type: ignore[arg-type]

    def __iadd__(self, other: Any, /) -> Tensor:
        return inplace(add_p, self, other)

    def __isub__(self, other: Any, /) -> Tensor:
        return inplace(subtract_p, self, other)

    def __imul__(self, other: Any, /) -> Tensor:
        return inplace(multiply_p, self, other)

    def __itruediv__(self, other: Any, /) -> Tensor:
        return inplace(divide_p, self, other)

    def __ifloordiv__(self, other: Any, /) -> Tensor:
        return inplace(floor_divide_p, self, other)

    def __imod__(self, other: Any, /) -> Tensor:
        return inplace(remainder_p, self, other)

    def __ipow__(self, other: Any, /) -> Tensor:
        return inplace(pow_p, self, other)

    def __imatmul__(self, other: Any, /) -> Tensor:
        return inplace(matmul_p, self, other)

    def __iand__(self, other: Any, /) -> Tensor:
        return inplace(bitwise_and_p, self, other)

    def __ior__(self, other: Any, /) -> Tensor:
        return inplace(bitwise_or_p, self, other)

    def __ixor__(self, other: Any, /) -> Tensor:
        return inplace(bitwise_xor_p, self, other)

    def __ilshift__(self, other: Any, /) -> Tensor:
        return inplace(bitwise_left_shift_p, self, other)

    def __irshift__(self, other: Any, /) -> Tensor:
        return inplace(bitwise_right_shift_p, self, other)

    def __getitem__(self, key: Any, /) -> Tensor:
        return getitem(self, key)

    def __setitem__(self, key: Any, value: Any, /) -> None:
        setitem(self, key, value)


def _leave(error: TypeError, other: Any) -> Tensor:
    """Return NotImplemented where the class of `other` has operators of its own, else raise."""
    cls = type(other)
    if carries_more(cls):
        return NotImplemented  # type: ignore[no-any-return]
    own = cls.__module__.partition(".")[0] not in ("builtins", "numpy", "tensorxp")
    if own and not hasattr(cls, "__dlpack__") and any([hasattr(cls, name) for name in _REFLECTED]):
        return NotImplemented  # type: ignore[no-any-return]
    raise error


_REFLECTED = ("__radd__", "__rsub__", "__rmul__", "__rtruediv__", "__rmatmul__", "__rpow__")
