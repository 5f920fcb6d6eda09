"""`Parameter` and `Buffer`: the tensors that a `Module` registers when they are set on it."""

from typing import Any

from tensorxp._backend.dtypes import Defaults, float32, float64
from tensorxp._backend.families import see
from tensorxp._core.allocation import allocate
from tensorxp._core.door import new_leaf
from tensorxp._core.node import Leaf, extra_of
from tensorxp._core.views import cell_of
from tensorxp._ops.creation import empty
from tensorxp._tensor.gradients import change_leaf, leaf_of
from tensorxp._tensor.type import Tensor, replica


def default_dtype() -> Any:
    """Return the dtype of new parameters: float32, as PyTorch's, so that weights agree.

    It does not follow `set_default_dtype`; pass `dtype=` to a layer, or use `module.double()`.
    """
    return float32 if Defaults.real is float64 else Defaults.real


class Parameter(Tensor):
    """A Tensor that is trained: assigned to a `Module`, it is among its `parameters()`.

    It is a leaf over the memory of `data`, of its shape and dtype. Results of operations on it are
    plain Tensors.

    Parameters
    ----------
    data : Tensor or None
        None: empty, shape (0,).
    requires_grad : bool

    Raises
    ------
    TypeError
        `data` is no Tensor.
    RuntimeError
        `requires_grad` for integers.

    Examples
    --------
    >>> import tensorxp as xp
    >>> p = xp.nn.Parameter(xp.ones(3))
    >>> p.requires_grad, type(p * 2).__name__
    (True, 'Tensor')
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> "Parameter":
        if data is None:
            data = empty(0, dtype=default_dtype())
        self = allocate(cls)
        _alias(self, data, cls.__name__)
        if requires_grad:
            self.requires_grad_(True)
        return self

    @property
    def data(self) -> Any:
        """A Tensor over the same memory, without history; set it to put in other values."""
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        replace_data(self, value)

    def __deepcopy__(self, memo: dict[int, Any], /) -> Any:
        """Return a leaf of its own: a copied module trains parameters of its own."""
        return replica(self)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


@see("Parameter")
class Buffer(Tensor):
    """A Tensor that is state but not trained: assigned to a `Module`, it is among its buffers.

    >>> xp.nn.Buffer(xp.zeros(2))
    tensor([0., 0.])

    Parameters
    ----------
    data : Tensor or None
        None: empty, shape (0,), dtype float32.
    persistent : bool
        False: it stays out of the state dict.

    Raises
    ------
    TypeError
        `data` is no Tensor.
    """

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> "Buffer":
        if data is None:
            data = empty(0, dtype=default_dtype())
        self = allocate(cls)
        _alias(self, data, cls.__name__)
        self.persistent = persistent
        return self

    def __deepcopy__(self, memo: dict[int, Any], /) -> Any:
        """Return a leaf of its own."""
        return replica(self)


def _alias(target: Any, data: Any, function: str) -> None:
    if not isinstance(data, Tensor):
        raise TypeError(
            f"{function}: data is a {type(data).__name__}; allowed is a Tensor (make one with "
            "tensorxp.asarray)"
        )
    target._data = data._data
    target._device = data._device
    target._node = None
    target._version = cell_of(data)


def replace_data(parameter: Any, value: Any) -> None:
    """Have a leaf take the memory, dtype and device of `value`; its identity and hooks stay.

    A graph that was recorded before gives its gradient in the new dtype. Where the new shape or
    device does not fit it, backward through that graph is an error.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"data: a {type(value).__name__} was given; allowed is a Tensor")
    required, node = parameter._node, leaf_of(parameter)
    if node is not None and node.__class__ is not Leaf:
        raise RuntimeError("data: only the memory of a leaf can be replaced")
    if required is not None and value._data.dtype.kind not in "fc":
        raise RuntimeError(
            f"data: a Tensor of dtype {value.dtype} was given, but the leaf requires grad; allowed "
            "are floating-point and complex dtypes"
        )
    before = f"shape {parameter.shape} on {parameter._device}"
    _alias(parameter, value, "data")
    parameter._node = required
    if node is None:
        return
    grad, node.grad = node.grad, None
    if node.shape == value.shape and node.device is value._device:
        node.dtype = value._data.dtype
    else:
        fresh = new_leaf(parameter)
        fresh.extra, node.extra = node.extra, None
        _refuse(node, before, f"shape {value.shape} on {value._device}")
        change_leaf(parameter, fresh)
        node = fresh
    if grad is not None and grad.shape == value.shape:
        if grad.dtype != value.dtype or grad.device is not value.device:
            grad = grad.to(value.device).astype(value.dtype, copy=False)
        node.grad = grad


def _refuse(leaf: Leaf, before: str, now: str) -> None:
    """Have backward raise where it comes to a leaf whose tensor has become another's."""

    def refuse(ct: Any) -> None:
        raise RuntimeError(
            f"backward: a leaf that the graph leads to had {before} when it was used; its data has "
            f"been replaced since and has {now}; run backward before, or the forward again"
        )

    extra_of(leaf).hooks = {0: refuse}
