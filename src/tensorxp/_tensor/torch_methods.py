# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""Further methods that PyTorch's users expect: names and argument words of `torch.Tensor`.

The functions of the namespace do the work. Where NumPy and PyTorch disagree on a name (`sort`,
`repeat`, `max` along an axis), the method is NumPy's.
"""

import builtins
from typing import Any

from tensorxp._backend.names import Elsewhere
from tensorxp._core.door import wrap
from tensorxp._core.tensor import Tensor
from tensorxp._core.views import cell_of
from tensorxp._ops import activation, casting, creation, products
from tensorxp._ops import arithmetic as ar
from tensorxp._ops import comparison as cmp
from tensorxp._ops import reduction as red
from tensorxp._ops import searching as se
from tensorxp._ops import shaping as sh
from tensorxp._ops.axes import dimensions, normalize_axis
from tensorxp._tensor.gradients import AutogradMethods

Dim = int | tuple[int, ...] | None


class TorchMethods(AutogradMethods):
    """Methods of PyTorch's tensors beside NumPy's."""

    __slots__ = ()

    @property
    def data(self: Any) -> Tensor:
        """The tensor without history, over the same memory; writes to it are not recorded."""
        return wrap(self._data, self._device, None, cell_of(self))

    @data.setter
    def data(self: Any, value: Any) -> None:
        if getattr(value, "shape", None) != self._data.shape:
            raise ValueError(
                f"data: a value of shape {getattr(value, 'shape', None)} was given; the tensor has "
                f"shape {self._data.shape}"
            )
        self.data[...] = value

    def amax(self: Any, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """See :func:`tensorxp.max`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return red.max(self, axis=dim, keepdims=keepdim)

    def amin(self: Any, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """See :func:`tensorxp.min`; `dim`, `keepdim` are `axis`, `keepdims`."""
        return red.min(self, axis=dim, keepdims=keepdim)

    def norm(self: Any, p: Any = 2, dim: Dim = None, keepdim: builtins.bool = False) -> Tensor:
        """See :func:`tensorxp.linalg.vector_norm`; `p` is its `ord`, `dim` its `axis`."""
        linalg = self.__array_namespace__().linalg
        order = 2 if p == "fro" else p
        found: Tensor = linalg.vector_norm(self, axis=dim, keepdims=keepdim, ord=order)
        return found

    def t(self: Any) -> Tensor:
        """Return the transpose of a tensor of at most two axes, as a view."""
        if self._data.ndim > 2:
            raise ValueError(f"t: the tensor has shape {self._data.shape}; it may have two axes")
        return sh.permute_dims(self, tuple(range(self._data.ndim))[::-1])

    def unbind(self: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """See :func:`tensorxp.unstack`; `dim` is `axis`."""
        return sh.unstack(self, axis=dim)

    def split(self: Any, size: int | list[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Return views of parts along an axis.

        Parameters
        ----------
        size : int or list of ints
            Of each part (the last may be smaller), or of all.
        dim : int

        Returns
        -------
        tuple of Tensors
            Views of the shape with these sizes along `dim`.

        Raises
        ------
        ValueError, IndexError
            Sizes that are not positive or don't add up; no such axis.
        """
        axis = normalize_axis("split", dim, self._data.ndim)
        n = self._data.shape[axis]
        if isinstance(size, int):
            if size < 1:
                raise ValueError(f"split: size is {size}; it must be positive")
            sizes = [min(size, n - start) for start in range(0, n, size)] or [0]
        else:
            sizes = list(size)
            if sum(sizes) != n:
                raise ValueError(f"split: the sizes {sizes} do not add up to {n}")
        parts, start, before = [], 0, (slice(None),) * axis
        for length in sizes:
            parts.append(self[(*before, slice(start, start + length))])
            start += length
        return tuple(parts)

    def chunk(self: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """Return views of at most `chunks` parts of equal size along `dim`; ValueError below 1."""
        if chunks < 1:
            raise ValueError(f"chunk: chunks is {chunks}; it must be positive")
        n = self._data.shape[normalize_axis("chunk", dim, self._data.ndim)]
        parts: tuple[Tensor, ...] = self.split(max(1, -(-n // chunks)), dim)
        return parts

    def gather(self: Any, dim: int, index: Tensor) -> Tensor:
        """See :func:`tensorxp.take_along_axis`; `dim` is `axis`."""
        return se.take_along_axis(self, index, axis=dim)

    def index_select(self: Any, dim: int, index: Tensor) -> Tensor:
        """See :func:`tensorxp.take`; `dim` is `axis`."""
        return se.take(self, index, axis=dim)

    def masked_fill(self: Any, mask: Tensor, value: Any) -> Tensor:
        """See :func:`tensorxp.where`; `value` where `mask` is true."""
        return se.where(mask, value, self)

    def masked_fill_(self: Any, mask: Tensor, value: Any) -> Any:
        """Set the elements where `mask` is true to `value`, in place, and return the tensor."""
        self[sh.broadcast_to(mask, self._data.shape)] = value
        return self

    def masked_select(self: Any, mask: Tensor) -> Tensor:
        """Return the elements where `mask` is true, as one axis."""
        found: Tensor = self[sh.broadcast_to(mask, self._data.shape)]
        return found

    def diagonal(self: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
        """See :func:`tensorxp.linalg.diagonal`; over the axes `dim1` and `dim2`."""
        linalg = self.__array_namespace__().linalg
        found: Tensor = linalg.diagonal(sh.moveaxis(self, (dim1, dim2), (-2, -1)), offset=offset)
        return found

    def softmax(self: Any, dim: int) -> Tensor:
        """See :func:`tensorxp.special.softmax`; `dim` is `axis`."""
        found: Tensor = self.__array_namespace__().special.softmax(self, axis=dim)
        return found

    def log_softmax(self: Any, dim: int) -> Tensor:
        """See :func:`tensorxp.special.log_softmax`; `dim` is `axis`."""
        found: Tensor = self.__array_namespace__().special.log_softmax(self, axis=dim)
        return found

    def logsumexp(self: Any, dim: Dim, keepdim: builtins.bool = False) -> Tensor:
        """See :func:`tensorxp.special.logsumexp`; `dim`, `keepdim` are `axis`, `keepdims`."""
        special = self.__array_namespace__().special
        found: Tensor = special.logsumexp(self, axis=dim, keepdims=keepdim)
        return found

    def sigmoid(self: Any) -> Tensor:
        """See :func:`tensorxp.nn.functional.sigmoid`."""
        return activation.sigmoid(self)

    def relu(self: Any) -> Tensor:
        """See :func:`tensorxp.nn.functional.relu`."""
        return activation.relu(self)

    def mm(self: Any, other: Any) -> Tensor:
        """See :func:`tensorxp.matmul`."""
        return products.matmul(self, other)

    bmm = mm
    mv = mm

    def type_as(self: Any, other: Tensor) -> Tensor:
        """Return the tensor with the dtype of `other`."""
        dimensions("type_as", other, "other")
        return casting.astype(self, other.dtype, copy=False)

    def view_as(self: Any, other: Tensor) -> Tensor:
        """Return a view with the shape of `other`."""
        dimensions("view_as", other, "other")
        return sh.reshape(self, other.shape, copy=False)

    def reshape_as(self: Any, other: Tensor) -> Tensor:
        """Return the elements in the shape of `other`; a view where that needs no copy."""
        dimensions("reshape_as", other, "other")
        return sh.reshape(self, other.shape)

    def expand_as(self: Any, other: Tensor) -> Tensor:
        """Return a read-only view broadcast to the shape of `other`."""
        dimensions("expand_as", other, "other")
        return sh.broadcast_to(self, other.shape)

    def new_zeros(self: Any, *size: Any, dtype: Any = None) -> Tensor:
        """Return zeros of shape `size` on the tensor's device, of its dtype if `dtype` is None."""
        return creation.zeros(_size(size), dtype=dtype or self._data.dtype, device=self._device)

    def new_ones(self: Any, *size: Any, dtype: Any = None) -> Tensor:
        """Return ones of shape `size` on the tensor's device, of its dtype if `dtype` is None."""
        return creation.ones(_size(size), dtype=dtype or self._data.dtype, device=self._device)

    def is_floating_point(self: Any) -> builtins.bool:
        """Return whether the dtype is a real floating-point one."""
        return bool(self._data.dtype.kind == "f")

    def is_complex(self: Any) -> builtins.bool:
        """Return whether the dtype is a complex one."""
        return bool(self._data.dtype.kind == "c")

    def clamp_(self: Any, min: Any = None, max: Any = None) -> Any:
        """See :func:`tensorxp.clip`; in place."""
        self[...] = ar.clip(sh.copy(self), min, max)
        return self

    def eq(self: Any, other: Any) -> Tensor:
        """See :func:`tensorxp.equal`."""
        return cmp.equal(self, other)

    def ne(self: Any, other: Any) -> Tensor:
        """See :func:`tensorxp.not_equal`."""
        return cmp.not_equal(self, other)

    def lt(self: Any, other: Any) -> Tensor:
        """See :func:`tensorxp.less`."""
        return cmp.less(self, other)

    def le(self: Any, other: Any) -> Tensor:
        """See :func:`tensorxp.less_equal`."""
        return cmp.less_equal(self, other)

    def gt(self: Any, other: Any) -> Tensor:
        """See :func:`tensorxp.greater`."""
        return cmp.greater(self, other)

    def ge(self: Any, other: Any) -> Tensor:
        """See :func:`tensorxp.greater_equal`."""
        return cmp.greater_equal(self, other)

    # not there, but the errors say what does it
    addmm = Elsewhere("addmm")
    det = Elsewhere("det")
    erf = Elsewhere("erf")
    inverse = Elsewhere("inverse")
    kthvalue = Elsewhere("kthvalue")
    lgamma = Elsewhere("lgamma")
    movedim = Elsewhere("movedim")
    narrow = Elsewhere("narrow")
    scatter = Elsewhere("scatter")
    scatter_add = Elsewhere("scatter_add")
    slogdet = Elsewhere("slogdet")
    svd = Elsewhere("svd")
    topk = Elsewhere("topk")
    unique = Elsewhere("unique")


def _size(size: tuple[Any, ...]) -> Any:
    return size[0] if len(size) == 1 and isinstance(size[0], tuple | list) else size
