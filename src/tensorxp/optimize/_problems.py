"""A user's function as SciPy's solvers call it: of NumPy vectors, with exact derivatives.

What was computed at the last point is kept, so that a value, its gradient and Hessian products
share one evaluation and its graph.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import tensorxp as tx
from tensorxp._core.face import only
from tensorxp.optimize._trees import Packing, pack, to_host


class Problem:
    """A function of x0's structure (and `args`) that SciPy calls with vectors."""

    def __init__(self, name: str, fun: Callable[..., Any], packing: Packing, args: Any) -> None:
        if not callable(fun):
            raise TypeError(f"{name}: fun is a {type(fun).__name__}; it must be callable")
        self.name = name
        self.packing = packing
        self._fun = fun
        self._args = args if isinstance(args, tuple) else (args,)
        self._at: Any = None
        self._kept: dict[str, Any] = {}

    def call(self, x: Any) -> Any:
        """Return `fun` of the structure that the Tensor `x` holds, as fun gives it."""
        return self._fun(self.packing.unpack(x), *self._args)

    def scalar(self, x: Any) -> Any:
        """Return the value of the 1-D Tensor `x`, which must be one real number."""
        value = self.call(x)
        if not isinstance(value, tx.Tensor) or value.size != 1:
            raise TypeError(
                f"{self.name}: fun returned {type(value).__name__} of shape "
                f"{getattr(value, 'shape', None)}; it must return a Tensor of one element"
            )
        if not tx.isdtype(value.dtype, "real floating"):
            raise TypeError(f"{self.name}: fun returned dtype {value.dtype}; it must be a real one")
        return tx.reshape(value, ())

    def several(self, x: Any) -> Any:
        """Return the values of the 1-D Tensor `x` as one 1-D Tensor."""
        return pack(self.name, self.call(x), self.packing)

    def gradient_of(self, x: Any) -> Any:
        """Return the gradient at the 1-D Tensor `x`, recorded."""
        with tx.enable_grad():
            value = self.scalar(x)
            if not value.requires_grad:
                return tx.zeros_like(x)
            (found,) = tx.autograd.grad(value, x, create_graph=True, materialize_grads=True)
        return found

    def _keep(self, x: "np.ndarray[Any, Any]", what: str, compute: Callable[[Any], Any]) -> Any:
        if self._at is None or not np.array_equal(self._at, x, equal_nan=True):
            self._at, self._kept = np.array(x), {}
        if what not in self._kept:
            with only(()):  # no watcher needs to see the way to the solution
                self._kept[what] = compute(self.packing.vector(x))
        return self._kept[what]

    def value(self, x: "np.ndarray[Any, Any]") -> float:
        """Return the scalar value."""

        def compute(place: Any) -> float:
            with tx.no_grad():
                return float(self.scalar(place))

        return float(self._keep(x, "value", compute))

    def value_and_gradient(self, x: "np.ndarray[Any, Any]") -> tuple[float, Any]:
        """Return the scalar value and its gradient."""

        def compute(place: Any) -> tuple[float, Any]:
            value, found = tx.autograd.value_and_grad(self.scalar)(place)
            return float(value), to_host(found)

        value, found = self._keep(x, "both", compute)
        return value, found.copy()

    def _recorded_gradient(self, x: "np.ndarray[Any, Any]") -> tuple[Any, Any]:
        def compute(place: Any) -> tuple[Any, Any]:
            place.requires_grad_(True)
            return place, self.gradient_of(place)

        place, found = self._keep(x, "gradient", compute)
        return place, found

    def hessian_product(self, x: "np.ndarray[Any, Any]", v: "np.ndarray[Any, Any]") -> Any:
        """Return the Hessian of the scalar value times a vector."""
        place, found = self._recorded_gradient(x)
        if not found.requires_grad:
            return np.zeros(self.packing.size)
        with only(()):
            (product,) = tx.autograd.grad(
                found, place, self.packing.vector(v), retain_graph=True, materialize_grads=True
            )
        return to_host(product)

    def hessian(self, x: "np.ndarray[Any, Any]") -> Any:
        """Return the Hessian of the scalar value."""
        rows = [self.hessian_product(x, row) for row in np.eye(self.packing.size)]
        return np.stack(rows)

    def values(self, x: "np.ndarray[Any, Any]") -> Any:
        """Return all values as a vector."""

        def compute(place: Any) -> Any:
            with tx.no_grad():
                return to_host(self.several(place))

        return self._keep(x, "values", compute).copy()

    def jacobian(self, x: "np.ndarray[Any, Any]") -> Any:
        """Return the Jacobian, by forward or reverse mode, whichever takes fewer passes."""

        def compute(place: Any) -> Any:
            return to_host(tx.autograd.jacobian(self.several, place))

        return self._keep(x, "jacobian", compute).copy()
