# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""`Tensor`: the array object of the standard, with NumPy's and PyTorch's usual methods.

The functions of the namespace do the work. Autograd state lives in the slots of `TensorBase`;
`gradients.py` holds what reads and sets it, `methods.py` the named methods.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from tensorxp._backend.device import Device, as_device
from tensorxp._backend.dtypes import DType, as_dtype, of_raw
from tensorxp._backend.names import Size
from tensorxp._core.allocation import allocate, lend, publish, settle, strict
from tensorxp._core.door import node_of, wrap
from tensorxp._core.leaves import duplicate, of_class_of
from tensorxp._core.modes import modes
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import TensorBase, concrete
from tensorxp._core.watchers import note_read, watching
from tensorxp._numpy import protocol
from tensorxp._ops import casting, transfer
from tensorxp._ops import comparison as cmp
from tensorxp._ops import complex as cx
from tensorxp._ops import reduction as red
from tensorxp._ops import shaping as sh
from tensorxp._tensor import printing
from tensorxp._tensor.methods import Methods
from tensorxp._tensor.torch_methods import TorchMethods


class Tensor(Methods):
    """An n-dimensional array on a device that can record what happens to it.

    Make one with `asarray`, `tensor`, `zeros` and the like; `requires_grad=True` records.

    Parameters
    ----------
    *args, **kwargs
        Those of a subclass.

    Raises
    ------
    TypeError
        `Tensor` itself is called.

    >>> import tensorxp as xp
    >>> x = xp.tensor(2.0, requires_grad=True)
    >>> y = x**2 + 3 * x
    >>> y.backward()
    >>> float(x.grad)
    7.0
    """

    __slots__ = ()
    __array_priority__ = 1000

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if type(self) is Tensor:
            raise TypeError("Tensor: not made directly; use tensorxp.asarray, tensor, zeros, …")

    # attributes of the standard, and NumPy's and PyTorch's

    @property
    def dtype(self) -> DType:
        """Data type of the elements."""
        return of_raw(self._data.dtype)

    @property
    def device(self) -> Device:
        """Device on which the elements live."""
        return self._device

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self._data.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._data.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """Number of elements."""
        return Size(self._data.size)

    @property
    def T(self) -> "Tensor":
        """The tensor with its axes reversed, as a view."""
        if self._data.ndim == 2:
            return sh.matrix_transpose(self)
        return sh.transpose(self, ())

    @property
    def mT(self) -> "Tensor":
        """The tensor with its last two axes swapped, as a view; ValueError below two axes."""
        return sh.matrix_transpose(self)

    @property
    def real(self) -> "Tensor":
        """The real part: a view of complex elements, the tensor itself if real."""
        return cx.real(self)

    @property
    def imag(self) -> "Tensor":
        """The imaginary part, as a view; zeros if real."""
        return cx.imag(self)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._data.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._data.nbytes  # type: ignore[no-any-return]

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one element to the next along each axis."""
        return self._data.strides  # type: ignore[no-any-return]

    @property
    def is_cuda(self) -> bool:
        """Whether the elements live on a CUDA device."""
        return self._device.type == "cuda"

    def __dir__(self) -> list[str]:
        """Return the names of what is there; hints at other names and refusals are not."""
        cls = type(self)
        missing = {name for name in vars(TorchMethods) if not hasattr(cls, name)}
        interfaces = ("__array_interface__", "__cuda_array_interface__")
        missing.update([name for name in interfaces if not hasattr(self, name)])
        return sorted(set(object.__dir__(self)) - missing)

    def __array_namespace__(self: Any, /, *, api_version: str | None = None) -> Any:
        if api_version is not None and api_version not in _VERSIONS:
            raise ValueError(
                f"__array_namespace__: api_version is {api_version!r}; allowed are "
                f"{', '.join(_VERSIONS)} and None"
            )
        return sys.modules[__name__.partition(".")[0]]

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len: a 0-d tensor has no length; t.size counts its elements")
        return len(self._data)

    def __iter__(self) -> Iterator["Tensor"]:
        if not self._data.ndim:
            raise TypeError("iter: a 0-d tensor cannot be iterated over; t.item() is its value")
        return iter([self[i] for i in range(len(self._data))])

    def __contains__(self, value: Any, /) -> bool:
        return bool(red.any(cmp.equal(self, value)))

    # conversion to Python and NumPy

    def _host(self, function: str) -> Any:
        """Return the single element on the host; TypeError for more than one."""
        if self._data.size != 1:
            raise TypeError(
                f"{function}: only a tensor of one element can be converted to a Python scalar; "
                f"this one has shape {self.shape}; pick one by t[index] or use t.tolist()"
            )
        if watching:
            note_read(self)
        return self._device.raw.to_numpy(self._data).reshape(())[()]

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ValueError(
                f"bool: the truth value of a tensor of shape {self.shape} is ambiguous; use "
                "tensorxp.any or tensorxp.all"
            )
        return bool(self._host("bool"))

    def __int__(self) -> int:
        return int(self._host("int"))

    def __float__(self) -> float:
        return float(self._host("float"))

    def __complex__(self) -> complex:
        return complex(self._host("complex"))

    def __round__(self, ndigits: int | None = None, /) -> Any:
        """Return the elements rounded, halves to even; as a Tensor, unlike `round` of a float."""
        return self.round(ndigits or 0)

    def __index__(self) -> int:
        if self._data.ndim or self._data.dtype.kind not in "iu":
            raise TypeError(
                "index: only a 0-d integer tensor can be an index; this one has shape "
                f"{self.shape} and dtype {self.dtype}"
            )
        return int(self._host("index"))

    def __format__(self, spec: str, /) -> str:
        if not isinstance(spec, str):  # NumPy and Python would raise a SystemError
            raise TypeError(f"format: spec is a {type(spec).__name__}; allowed are strings")
        if spec and not self._data.ndim:
            return format(self.item(), spec)
        try:
            return format(str(self), spec)
        except ValueError:
            raise ValueError(
                f"format: {spec!r} is for numbers, but the tensor has shape {self.shape}; allowed "
                "are widths and alignments; numpy.array2string has precision and more"
            ) from None

    def __repr__(self) -> str:
        if watching:
            note_read(self)
        return printing.text(self)

    def _repr_html_(self) -> str:
        if watching:
            note_read(self)
        return printing.html(self)

    def item(self) -> Any:
        """Return the only element as a Python scalar; TypeError for another number of them."""
        return self._host("item").item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python scalars."""
        if watching:
            note_read(self)
        return self._device.raw.to_numpy(self._data).tolist()

    def tobytes(self, order: str | None = "C") -> bytes:
        """Return the elements' bytes, of a CPU tensor without recorded gradient.

        Parameters
        ----------
        order : str or None
            "C", "F", or "A" (None): "F" where they lie so.

        Returns
        -------
        bytes
            Of the elements in their dtype, whatever the shape.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            Another order; the tensor is on another device; it requires grad.
        """
        return self.__array__().tobytes(order)  # type: ignore[arg-type]

    def numpy(self) -> "np.ndarray[Any, Any]":
        """Return a NumPy array over the same memory (CPU tensors that do not require grad)."""
        if node_of(self) is not None:
            raise RuntimeError("numpy: the tensor requires grad; use t.detach().numpy()")
        if self._device.type != "cpu":
            raise TypeError(f"numpy: the tensor is on {self._device}; use t.cpu().numpy()")
        if watching:
            note_read(self)
        return self._data  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> "np.ndarray[Any, Any]":
        if modes.grad and node_of(self) is not None:
            raise RuntimeError(
                "numpy.asarray: the tensor requires grad, and its gradient would be lost; use "
                "t.detach() or convert inside `with tensorxp.no_grad():`"
            )
        if self._device.type != "cpu":
            raise TypeError(
                f"numpy.asarray: the tensor is on {self._device}; copy it to the host with t.cpu()"
            )
        if watching:
            note_read(self)
            if protocol.is_tracked(self):
                raise RuntimeError(
                    "numpy.asarray: the tensor has a forward-mode tangent, which would be lost; "
                    "use functions of the namespace, or t.detach()"
                )
        wanted = None if dtype is None else np.dtype(dtype)
        if copy is False and wanted not in (None, self._data.dtype):
            raise ValueError(
                f"numpy.asarray: copy=False, but dtype {self.dtype} must become {dtype}"
            )
        data = self._data if wanted is None else self._data.astype(wanted, copy=False)
        return np.array(data) if copy and data is self._data else data

    @property
    def _mask(self) -> Any:
        """No mask: what `numpy.ma` asks for beside `_data`, which it takes without `__array__`."""
        self.__array__()
        return np.False_

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return protocol.ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return protocol.function(func, types, args, kwargs)

    def __buffer__(self, flags: int, /) -> memoryview:
        return memoryview(self.__array__())  # type: ignore[arg-type]

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return protocol.array_interface(self)

    def __arrow_array__(self, type: Any = None) -> Any:
        return protocol.arrow_array(self, type)

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return protocol.arrow_array(self).__arrow_c_array__(requested_schema)

    def __sizeof__(self) -> int:
        """Return the bytes of the tensor and of the array that it keeps, unless it is a view."""
        return object.__sizeof__(self) + int(self._data.__sizeof__())

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        return protocol.export_dlpack(self, stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[Any, int]:
        return protocol.dlpack_device(self)

    @property
    def __cuda_array_interface__(self) -> Any:
        return protocol.cuda_array_interface(self)

    # devices and dtypes

    def to_device(self, device: Any, /, *, stream: Any = None) -> "Tensor":
        """See :func:`tensorxp.to_device`."""
        return transfer.to_device(self, device, stream=stream)

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        copy: bool = False,
        non_blocking: bool = False,
    ) -> "Tensor":
        """Return the tensor with another dtype, on another device, or like another tensor.

        Parameters
        ----------
        *args : dtype, Device, str or Tensor
            `t.to("cuda")`, `t.to(xp.float32)`, `t.to(other)`.
        dtype : dtype or None
        device : Device, str or None
        copy : bool
            Whether a copy is made where nothing has to change.
        non_blocking : bool
            As for :func:`tensorxp.to_device`.

        Returns
        -------
        Tensor
            Of its shape; itself where nothing has to change.

        Raises
        ------
        TypeError, ValueError, DeviceError
            As by :func:`tensorxp.astype`, :func:`tensorxp.to_device`.
        """
        for target in args:
            if isinstance(target, Tensor):
                device, dtype = target._device, target.dtype
            elif isinstance(target, Device) or (isinstance(target, str) and _is_device(target)):
                device = target
            else:
                dtype = target
        out = self
        if isinstance(dtype, str):
            try:
                dtype = as_dtype(dtype, "to")
            except TypeError as error:
                raise TypeError(f'{error}; devices are "cpu", "cuda" and "cuda:N"') from None
        if dtype is not None:
            out = casting.astype(out, as_dtype(dtype, "to"), copy=False)
        if device is not None:
            place = as_device(device, "to")
            out = transfer.to_device(out, place, non_blocking=non_blocking)
        return sh.copy(out) if copy and out is self else out

    def cpu(self) -> "Tensor":
        """Return the tensor on the CPU."""
        return self.to_device("cpu")

    def cuda(self, index: int | None = None) -> "Tensor":
        """Return the tensor on CUDA device `index` (None: the current); DeviceError if none."""
        return self.to_device("cuda" if index is None else f"cuda:{index}")

    def __copy__(self) -> "Tensor":
        """Return a view, on the graph of the tensor where that is recorded."""
        if self.requires_grad and (modes.grad or not self.is_leaf):
            return of_class_of(self, self[...])
        return duplicate(self, self._data)

    def __deepcopy__(self, memo: dict[int, Any], /) -> "Tensor":
        """Return a copy, recorded: the gradient passes. Under `no_grad` a leaf gives a leaf.

        PyTorch makes a new leaf of a leaf, as `nn.Parameter` and `Optimizer` do here, and raises a
        RuntimeError for what was computed.
        """
        if self.requires_grad and (modes.grad or not self.is_leaf):
            return of_class_of(self, sh.copy(self))
        return duplicate(self, self._device.raw.copy(self._data))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle values, dtype, device, and `requires_grad` of leaves; no history, no `grad`.

        What was computed comes back as a constant, in PyTorch as a leaf that requires grad.
        """
        data = self._device.raw.to_numpy(self._data)
        leaf = self.requires_grad and self.is_leaf
        return _rebuild, (type(self), data, str(self._device), leaf)


concrete(Tensor)
settle(Tensor, TensorBase)
lend(Tensor)
publish(Tensor)
publish(TensorBase)  # what annotations mean by Tensor when the modules below this are loaded
strict(Device)
strict(Primitive)
_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


def _is_device(name: str) -> bool:
    return name.partition(":")[0] in ("cpu", "cuda", "sim")


def _rebuild(cls: type, data: Any, device: str, requires_grad: bool) -> Any:
    out = transfer.to_device(wrap(data, as_device("cpu")), device)
    out = wrap(out._data, out._device)
    if cls is not Tensor:
        kept: Any = allocate(cls)
        for name in ("_data", "_device", "_node", "_version"):
            setattr(kept, name, getattr(out, name))
        out = kept
    return out.requires_grad_(True) if requires_grad else out
