"""`Parameter` and `Buffer`: the tensors that a `Module` registers when they are set on it."""

from typing import Any

import tensorxp as xp
from tensorxp import Tensor
from tensorxp._backend.families import see
from tensorxp._core.face import alias, replace_data, replica


def default_dtype() -> Any:
    """Return the dtype of new parameters: float32, as PyTorch's, so that weights agree.

    It does not follow `set_default_dtype`; pass `dtype=` to a layer, or use `module.double()`.
    """
    found = xp.get_default_dtype()
    return xp.float32 if found is xp.float64 else found


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
            data = xp.empty(0, dtype=default_dtype())
        self: Parameter = alias(cls, data)
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
            data = xp.empty(0, dtype=default_dtype())
        self: Buffer = alias(cls, data)
        self.persistent = persistent
        return self

    def __deepcopy__(self, memo: dict[int, Any], /) -> Any:
        """Return a leaf of its own."""
        return replica(self)
