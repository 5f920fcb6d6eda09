# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""Methods of a Tensor that NumPy's and PyTorch's users expect, each one line.

The functions of the namespace do the work; only names and argument words differ.
"""

import builtins
from functools import cache
from typing import Any

import numpy as np

from tensorxp._core.tensor import Tensor
from tensorxp._core.writes import inplace
from tensorxp._ops import (
    arithmetic as ar,
)
from tensorxp._ops import (
    casting,
    products,
    reinterpret,
    rounding,
    sorting,
)
from tensorxp._ops import (
    comparison as cmp,
)
from tensorxp._ops import (
    complex as cx,
)
from tensorxp._ops import (
    cumulative as cum,
)
from tensorxp._ops import (
    exponential as ex,
)
from tensorxp._ops import (
    reduction as red,
)
from tensorxp._ops import (
    searching as se,
)
from tensorxp._ops import (
    shaping as sh,
)
from tensorxp._ops import (
    trigonometric as tr,
)
from tensorxp._tensor.torch_methods import TorchMethods


class Methods(TorchMethods):
    """Named methods beside the standard's operators."""

    __slots__ = ()

    def astype(self: Any, dtype: Any, copy: builtins.bool = True) -> Tensor:
        """See :func:`tensorxp.astype`."""
        return casting.astype(self, dtype, copy=copy)

    def view(self: Any, *target: Any, dtype: Any = None) -> Tensor:
        """Return the elements in another shape without copying, or their bits as another dtype.

        Parameters
        ----------
        *target : ints, a tuple of ints, or a dtype
            One size may be -1; dtypes of another size change the last axis.
        dtype : dtype or None
            Another way to give a dtype, as NumPy's.

        Returns
        -------
        Tensor
            A view of that shape or dtype.

        Raises
        ------
        TypeError, ValueError
            Something else; a shape that does not fit or needs a copy.
        """
        return reinterpret.view(self, target if dtype is None else (*target, dtype))

    def reshape(self: Any, *shape: Any, copy: bool | None = None) -> Tensor:
        """See :func:`tensorxp.reshape`; `t.reshape(2, 3)` or `t.reshape((2, 3))`."""
        if not shape:
            raise TypeError("reshape: no shape is given; allowed are sizes, or a tuple of them")
        sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return sh.reshape(self, sizes, copy=copy)

    def transpose(self: Any, *axes: Any) -> Tensor:
        """Return a view with axes reversed, two swapped as PyTorch, or permuted as NumPy.

        Parameters
        ----------
        *axes : ints, or a tuple of ints
            None given reverses, two swap, a tuple or more permute.

        Returns
        -------
        Tensor
            A view of the shape so ordered.

        Raises
        ------
        TypeError, AxisError, ValueError
            No ints; no such axis; no permutation.
        """
        return sh.transpose(self, axes)

    def permute(self: Any, *axes: Any) -> Tensor:
        """See :func:`tensorxp.permute_dims`; `t.permute(1, 0)` or `t.permute((1, 0))`."""
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
        return sh.permute_dims(self, tuple(order))

    def copy(self: Any) -> Tensor:
        """See :func:`tensorxp.copy`."""
        return sh.copy(self)

    def sum(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.sum`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(red.sum, self, axis, args, kwargs)

    def prod(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.prod`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(red.prod, self, axis, args, kwargs)

    def mean(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.mean`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(red.mean, self, axis, args, kwargs)

    def max(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.max`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(red.max, self, axis, args, kwargs)

    def min(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.min`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(red.min, self, axis, args, kwargs)

    def any(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.any`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(red.any, self, axis, args, kwargs)

    def all(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.all`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(red.all, self, axis, args, kwargs)

    def std(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.std`; `dim` is `axis`, `ddof` is `correction`."""
        return _reduce(red.std, self, axis, args, kwargs)

    def var(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.var`; `dim` is `axis`, `ddof` is `correction`."""
        return _reduce(red.var, self, axis, args, kwargs)

    def argmax(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.argmax`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(se.argmax, self, axis, args, kwargs)

    def argmin(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.argmin`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return _reduce(se.argmin, self, axis, args, kwargs)

    def cumsum(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.cumsum`; `dim` is `axis`."""
        return _reduce(cum.cumsum, self, axis, args, kwargs)

    def cumprod(self: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """See :func:`tensorxp.cumprod`; `dim` is `axis`."""
        return _reduce(cum.cumprod, self, axis, args, kwargs)

    def abs(self: Any) -> Tensor:
        """See :func:`tensorxp.abs`."""
        return ar.abs(self)

    def neg(self: Any) -> Tensor:
        """See :func:`tensorxp.negative`."""
        return ar.negative(self)

    def sqrt(self: Any) -> Tensor:
        """See :func:`tensorxp.sqrt`."""
        return ex.sqrt(self)

    def exp(self: Any) -> Tensor:
        """See :func:`tensorxp.exp`."""
        return ex.exp(self)

    def expm1(self: Any) -> Tensor:
        """See :func:`tensorxp.expm1`."""
        return ex.expm1(self)

    def log(self: Any) -> Tensor:
        """See :func:`tensorxp.log`."""
        return ex.log(self)

    def log1p(self: Any) -> Tensor:
        """See :func:`tensorxp.log1p`."""
        return ex.log1p(self)

    def log2(self: Any) -> Tensor:
        """See :func:`tensorxp.log2`."""
        return ex.log2(self)

    def log10(self: Any) -> Tensor:
        """See :func:`tensorxp.log10`."""
        return ex.log10(self)

    def square(self: Any) -> Tensor:
        """See :func:`tensorxp.square`."""
        return ar.square(self)

    def reciprocal(self: Any) -> Tensor:
        """See :func:`tensorxp.reciprocal`."""
        return ar.reciprocal(self)

    def sign(self: Any) -> Tensor:
        """See :func:`tensorxp.sign`."""
        return ar.sign(self)

    def sin(self: Any) -> Tensor:
        """See :func:`tensorxp.sin`."""
        return tr.sin(self)

    def cos(self: Any) -> Tensor:
        """See :func:`tensorxp.cos`."""
        return tr.cos(self)

    def tan(self: Any) -> Tensor:
        """See :func:`tensorxp.tan`."""
        return tr.tan(self)

    def sinh(self: Any) -> Tensor:
        """See :func:`tensorxp.sinh`."""
        return tr.sinh(self)

    def cosh(self: Any) -> Tensor:
        """See :func:`tensorxp.cosh`."""
        return tr.cosh(self)

    def tanh(self: Any) -> Tensor:
        """See :func:`tensorxp.tanh`."""
        return tr.tanh(self)

    def floor(self: Any) -> Tensor:
        """See :func:`tensorxp.floor`."""
        return rounding.floor(self)

    def ceil(self: Any) -> Tensor:
        """See :func:`tensorxp.ceil`."""
        return rounding.ceil(self)

    def trunc(self: Any) -> Tensor:
        """See :func:`tensorxp.trunc`."""
        return rounding.trunc(self)

    def isnan(self: Any) -> Tensor:
        """See :func:`tensorxp.isnan`."""
        return cmp.isnan(self)

    def isfinite(self: Any) -> Tensor:
        """See :func:`tensorxp.isfinite`."""
        return cmp.isfinite(self)

    def isinf(self: Any) -> Tensor:
        """See :func:`tensorxp.isinf`."""
        return cmp.isinf(self)

    def conj(self: Any) -> Tensor:
        """See :func:`tensorxp.conj`; bools stay bools."""
        return self if self._data.dtype.kind == "b" else cx.conj(self)

    conjugate = conj

    def nonzero(self: Any) -> tuple[Tensor, ...]:
        """See :func:`tensorxp.nonzero`."""
        return se.nonzero(self)

    def ravel(self: Any) -> Tensor:
        """See :func:`tensorxp.ravel`."""
        return sh.ravel(self)

    def trace(
        self: Any,
        offset: builtins.int = 0,
        axis1: builtins.int = 0,
        axis2: builtins.int = 1,
        dtype: Any = None,
    ) -> Tensor:
        """See :func:`tensorxp.linalg.trace`; over the axes `axis1` and `axis2`."""
        diagonals: Any = self.diagonal(offset, axis1, axis2)
        return red.sum(diagonals, axis=-1, dtype=dtype)

    def add(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.add`."""
        return ar.add(self, other)

    def sub(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.subtract`."""
        return ar.subtract(self, other)

    def mul(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.multiply`."""
        return ar.multiply(self, other)

    def div(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.divide`."""
        return ar.divide(self, other)

    def pow(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.pow`."""
        return ar.pow(self, other)

    def dot(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.dot`."""
        return products.dot(self, other)

    def matmul(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.matmul`."""
        return products.matmul(self, other)

    def maximum(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.maximum`."""
        return ar.maximum(self, other)

    def minimum(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.minimum`."""
        return ar.minimum(self, other)

    def add_(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.add`; in place, in this tensor's shape and dtype."""
        return inplace(ar.add_p, self, other)

    def sub_(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.subtract`; in place, in this tensor's shape and dtype."""
        return inplace(ar.subtract_p, self, other)

    def mul_(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.multiply`; in place, in this tensor's shape and dtype."""
        return inplace(ar.multiply_p, self, other)

    def div_(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.divide`; in place, in this tensor's shape and dtype."""
        return inplace(ar.divide_p, self, other)

    def pow_(self: Any, other: Any, /) -> Tensor:
        """See :func:`tensorxp.pow`; in place, in this tensor's shape and dtype."""
        return inplace(ar.pow_p, self, other)

    def zero_(self: Any) -> Tensor:
        """Set all elements to zero, in place, and return the tensor."""
        self[...] = 0
        return self  # type: ignore[no-any-return]

    def fill_(self: Any, value: Any, /) -> Tensor:
        """Set all elements to `value`, in place, and return the tensor."""
        self[...] = value
        return self  # type: ignore[no-any-return]

    def copy_(self: Any, source: Any, /) -> Tensor:
        """Set the elements to those of `source`, cast and broadcast, and return the tensor."""
        self[...] = source
        return self  # type: ignore[no-any-return]

    def clip(self: Any, min: Any = None, max: Any = None) -> Tensor:
        """See :func:`tensorxp.clip`."""
        return ar.clip(self, min, max)

    clamp = clip

    def round(self: Any, decimals: builtins.int = 0) -> Tensor:
        """See :func:`tensorxp.round`."""
        return rounding.round(self, decimals)

    def squeeze(self: Any, axis: Any = None) -> Tensor:
        """See :func:`tensorxp.squeeze`."""
        return sh.squeeze(self, axis)

    def unsqueeze(self: Any, axis: builtins.int) -> Tensor:
        """See :func:`tensorxp.expand_dims`."""
        return sh.expand_dims(self, axis=axis)

    def expand(self: Any, *shape: Any) -> Tensor:
        """See :func:`tensorxp.broadcast_to`; a size of -1 stays."""
        sizes = tuple(shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape)
        lead = len(sizes) - self.ndim
        full = tuple([self.shape[i - lead] if n == -1 else n for i, n in enumerate(sizes)])
        return sh.broadcast_to(self, full)

    def flatten(self: Any, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Tensor:
        """See :func:`tensorxp.flatten`."""
        return sh.flatten(self, start_dim, end_dim)

    def swapaxes(self: Any, axis1: builtins.int, axis2: builtins.int) -> Tensor:
        """See :func:`tensorxp.swapaxes`."""
        return sh.swapaxes(self, axis1, axis2)

    def repeat(self: Any, repeats: Any, axis: builtins.int | None = None) -> Tensor:
        """See :func:`tensorxp.repeat`; NumPy's, not PyTorch's."""
        return sh.repeat(self, repeats, axis=axis)

    def take(self: Any, indices: Any, axis: builtins.int | None = None) -> Tensor:
        """See :func:`tensorxp.take`."""
        return se.take(self, indices, axis=axis)

    def argsort(
        self: Any, axis: builtins.int | None = -1, descending: builtins.bool = False
    ) -> Tensor:
        """See :func:`tensorxp.argsort`; of the flattened tensor with an axis of None."""
        flat = axis is None or not self._data.ndim
        x, axis = (sh.ravel(self) if flat else self), (-1 if axis is None else axis)
        return sorting.argsort(x, axis=axis, descending=descending)

    def dim(self: Any) -> builtins.int:
        """Return the number of axes."""
        return self.ndim  # type: ignore[no-any-return]

    def numel(self: Any) -> builtins.int:
        """Return the number of elements."""
        return int(self.size)

    def element_size(self: Any) -> builtins.int:
        """Return the bytes of one element."""
        return self.itemsize  # type: ignore[no-any-return]

    def is_contiguous(self: Any) -> builtins.bool:
        """Return whether the elements lie in C order without gaps."""
        return bool(self._data.flags.c_contiguous)

    def contiguous(self: Any) -> Tensor:
        """Return the tensor in C order, itself where it is."""
        return self if self.is_contiguous() else self.copy()  # type: ignore[no-any-return]

    def float(self: Any) -> Tensor:
        """Return the tensor as float32."""
        return casting.astype(self, "float32", copy=False)

    def double(self: Any) -> Tensor:
        """Return the tensor as float64."""
        return casting.astype(self, "float64", copy=False)

    def half(self: Any) -> Tensor:
        """Return the tensor as float16."""
        return casting.astype(self, "float16", copy=False)

    def long(self: Any) -> Tensor:
        """Return the tensor as int64."""
        return casting.astype(self, "int64", copy=False)

    def int(self: Any) -> Tensor:
        """Return the tensor as int32."""
        return casting.astype(self, "int32", copy=False)

    def bool(self: Any) -> Tensor:
        """Return the tensor as bool."""
        return casting.astype(self, "bool", copy=False)


def _reduce(
    function: Any, x: Any, axis: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor:
    """Call a reduction with its own words, or with those of NumPy's method or PyTorch's."""
    if args or kwargs:
        if not args and kwargs.keys() <= _words(function):
            return function(x, axis=axis, **kwargs)  # type: ignore[no-any-return]
        return _reduce_otherwise(function, x, axis, args, kwargs)
    return function(x) if axis is None else function(x, axis=axis)  # type: ignore[no-any-return]


@cache
def _words(function: Any) -> Any:
    """Return the words that a function takes besides its operand."""
    return function.__annotations__.keys() - {"x", "axis", "dim", "return"}


def _reduce_otherwise(
    function: Any, x: Any, axis: Any, args: tuple[Any, ...], words: dict[str, Any]
) -> Tensor:
    name = function.__name__
    if "dim" in words:
        if axis is not None:
            raise TypeError(f"{name}: both axis and dim are given, which mean the same")
        if name in ("max", "min"):
            raise TypeError(
                f"{name}: dim= is PyTorch's word, for values and indices; here "
                f"{name}(axis=...) and a{name}(dim=...) give the values, arg{name}(axis=...) "
                "the indices"
            )
        if name in ("std", "var") and not words.keys() & {"correction", "ddof"}:
            raise TypeError(
                f"{name}: dim= is PyTorch's word, and PyTorch divides by n - 1; say "
                "correction=1 for that, correction=0 or axis= for NumPy's division by n"
            )
        axis = words.pop("dim")
    if "keepdim" in words:
        words["keepdims"] = words.pop("keepdim")
    if "unbiased" in words:
        raise TypeError(f"{name}: unbiased= is PyTorch's word; here it is correction=1, or 0")
    if args and isinstance(args[0], builtins.bool):
        raise TypeError(f"{name}: {args[0]} follows axis; keepdims={args[0]} needs its word")
    if "ddof" in words and "correction" not in words:
        words["correction"] = words.pop("ddof")
    if args or words.keys() - _words(function):  # NumPy's out, where, initial and the like
        if "correction" in words:
            words["ddof"] = words.pop("correction")
        return getattr(np, name)(x, axis, *args, **words)  # type: ignore[no-any-return]
    return function(x, axis=axis, **words)  # type: ignore[no-any-return]
