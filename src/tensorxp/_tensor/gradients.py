# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""The autograd face of a Tensor: what requires a gradient, where it is, and `backward`."""

import weakref
from collections.abc import Callable
from typing import Any

from tensorxp._core.door import new_leaf, node_of, wrap
from tensorxp._core.leaves import change_leaf, kept
from tensorxp._core.node import Extra, Leaf, RemovableHandle, extra_of, hooked, show_graph
from tensorxp._core.tensor import Tensor, TensorBase
from tensorxp._core.views import View, cell_of
from tensorxp._tensor.operators import Operators
from tensorxp.autograd.functions import backward


def _extra(x: Any, function: str) -> Extra:
    node = node_of(x)
    if node is None:
        raise RuntimeError(f"{function}: the tensor does not require grad")
    return extra_of(node)


class AutogradMethods(Operators):
    """Attributes and methods of a Tensor that concern gradients; as in PyTorch."""

    __slots__ = ()

    @property
    def requires_grad(self) -> bool:
        """Whether operations on the tensor are recorded; settable on leaves."""
        return node_of(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self: Any, requires_grad: bool = True) -> Tensor:
        """Set whether a leaf requires a gradient, and return it.

        Parameters
        ----------
        requires_grad : bool

        Returns
        -------
        Tensor
            The tensor itself.

        Raises
        ------
        RuntimeError
            It is no leaf and would stop, or its dtype is not floating.
        """
        node = node_of(self)
        if node is not None and node.__class__ is not Leaf:
            if requires_grad:
                return self  # type: ignore[no-any-return]
            raise RuntimeError(
                "requires_grad_: only leaf tensors can stop requiring a gradient; this one was "
                f"made by {node.name!r}; use t.detach()"
            )
        if requires_grad and node is None:
            if self._data.dtype.kind not in "fc":
                raise RuntimeError(
                    "requires_grad_: only floating-point and complex tensors can require a "
                    f"gradient; this one has dtype {self._data.dtype}"
                )
            self._node = node = kept.pop(id(self))[1] if id(self) in kept else new_leaf(self)
            if node.extra is not None:
                node.extra.frozen = False
        elif not requires_grad and node is not None:
            self._node = None
            change_leaf(self, node)
        return self  # type: ignore[no-any-return]

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user, not by a recorded operation."""
        node = node_of(self)
        return node is None or node.__class__ is Leaf

    @property
    def grad_fn(self) -> Any:
        """The node of the operation that made the tensor; None for a leaf."""
        node = node_of(self)
        return None if node.__class__ is Leaf else node

    @property
    def grad(self) -> Tensor:
        """The gradient that backward accumulated, a Tensor, or None (typed as always there)."""
        node = node_of(self)
        if node is None:
            return kept[id(self)][1].grad if id(self) in kept else None  # type: ignore[return-value]
        if node.__class__ is Leaf:
            return node.grad  # type: ignore[no-any-return]
        return None if node.extra is None else node.extra.grad  # type: ignore[return-value]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        node = node_of(self)
        if value is not None:
            if not isinstance(value, TensorBase):
                raise TypeError(
                    f"grad: a {type(value).__name__} was given; allowed are Tensor, None"
                )
            if value is self:
                raise RuntimeError("grad: a tensor cannot be its own gradient; give a copy")
            if (
                value._data.shape != self._data.shape
                or value._data.dtype != self._data.dtype
                or value._device is not self._device
            ):
                raise RuntimeError(
                    f"grad: a Tensor of shape {value._data.shape} and dtype {value._data.dtype} on "
                    f"{value._device} was given; the tensor has shape {self._data.shape} and dtype "
                    f"{self._data.dtype} and is on {self._device}"
                )
            show_graph(value._node)
        if node is None:
            if id(self) not in kept and value is not None:
                change_leaf(self, new_leaf(self))
            if id(self) in kept:
                kept[id(self)][1].grad = value
        elif node.__class__ is Leaf:
            node.grad = value
        else:
            _extra(self, "grad").grad = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor to `.grad` of the leaves it came from.

        Parameters
        ----------
        gradient : Tensor or None
            The cotangent, of this tensor's shape; None for one real element.
        retain_graph : bool or None
            Whether the graph stays; None is `create_graph`.
        create_graph : bool
            Whether the gradients can be differentiated again.
        inputs : Tensor, sequence or None
            Only these get `.grad`.

        Raises
        ------
        RuntimeError, TypeError
            As by :func:`tensorxp.autograd.backward`.
        """
        backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """Return a tensor over the same memory, of its shape and dtype, without history."""
        return wrap(self._data, self._device, None, cell_of(self))

    def detach_(self: Any) -> Tensor:
        """Cut the tensor off its history and return it; RuntimeError for a view."""
        if self._version.__class__ is View:
            raise RuntimeError("detach_: the tensor is a view and cannot be detached; use detach()")
        if self._node.__class__ is Leaf:
            return self.requires_grad_(False)  # type: ignore[no-any-return]
        self._node = None
        return self  # type: ignore[no-any-return]

    def clone(self: Any) -> Tensor:
        """Return a copy; the gradient passes."""
        return self.copy()  # type: ignore[no-any-return]

    def retain_grad(self) -> None:
        """Have backward keep `.grad` of this tensor though it is not a leaf.

        Raises
        ------
        RuntimeError
            It does not require grad.
        """
        extra = _extra(self, "retain_grad")
        if not self.is_leaf:
            extra.retain = True

    @property
    def retains_grad(self) -> bool:
        """Whether `.grad` of this non-leaf is kept."""
        node = node_of(self)
        return node is not None and node.extra is not None and node.extra.retain

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Have backward call a function with the gradient of this tensor.

        Parameters
        ----------
        hook : callable
            A Tensor that it returns replaces the gradient.

        Returns
        -------
        RemovableHandle
            Its `remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            The tensor does not require grad.
        """
        extra = _extra(self, "register_hook")
        extra.hooks = {} if extra.hooks is None else extra.hooks
        return hooked(extra.hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Have backward call a function with this leaf after adding to its `.grad`.

        Parameters
        ----------
        hook : callable

        Returns
        -------
        RemovableHandle
            Its `remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            The tensor does not require grad, or is no leaf.
        """
        extra = _extra(self, "register_post_accumulate_grad_hook")
        if not self.is_leaf:
            raise RuntimeError("register_post_accumulate_grad_hook: the tensor is not a leaf")
        if extra.accumulated_hooks is None:
            extra.accumulated_hooks = {}
        extra.owner = weakref.ref(self)
        return hooked(extra.accumulated_hooks, hook)

    @property
    def _base(self) -> Any:
        """The tensor that this one is a view of, or None."""
        version = self._version
        return version.base if version.__class__ is View else None

    @property
    def version(self) -> int:
        """How often the memory was written in place since somebody shared or saved it."""
        return cell_of(self)[0]
