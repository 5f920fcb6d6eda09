"""Gradients limited before a step: by their common norm, or by value. All work in place."""

import math
from collections.abc import Iterable
from typing import Any

import tensorxp as xp
from tensorxp import Tensor, no_grad
from tensorxp._backend.families import see
from tensorxp._ops.network import is_half
from tensorxp.nn.functional._sizes import expect


def _tensors(function: str, argument: str, given: Any) -> list[Any]:
    """Return `given` as a list; TypeError unless it is a Tensor or an iterable of Tensors."""
    found: list[Any] = [given] if isinstance(given, Tensor) else list(given)
    for x in found:
        expect(function, x, f"an item of {argument}")
    return found


def _grads(function: str, parameters: Any) -> list[Any]:
    return [p.grad for p in _tensors(function, "parameters", parameters) if p.grad is not None]


@see("clip_grads_with_norm_")
def get_total_norm(
    tensors: Any,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Return the p-norm of all tensors together, as of one vector.

    >>> xp.nn.utils.get_total_norm([xp.asarray([3.0]), xp.asarray([4.0])])
    tensor(5.)

    Parameters
    ----------
    tensors : Tensor or iterable of Tensors
        Of any shapes.
    norm_type : float
        p, not 0; ∞ for the largest element.
    error_if_nonfinite : bool
    foreach : bool or None
        Ignored.

    Returns
    -------
    Tensor
        Shape (), the dtype of the tensors (0, float32 without any).

    Raises
    ------
    TypeError
        An item is no Tensor.
    ValueError
        `norm_type` is 0.
    RuntimeError
        `error_if_nonfinite` and the norm is not finite.
    """
    given = _tensors("get_total_norm", "tensors", tensors)
    return _rounded(_total_norm(given, norm_type, error_if_nonfinite), given)


def _rounded(total: Any, tensors: list[Any]) -> Any:
    """Return a norm in half precision where all tensors are."""
    narrow = tensors and all([is_half(x) for x in tensors])
    return xp.astype(total, xp.float16) if narrow else total


def _total_norm(tensors: list[Any], norm_type: float, error_if_nonfinite: bool) -> Any:
    """Return the norm, of half precision in single: it may be larger than float16 can hold."""
    if norm_type == 0:
        raise ValueError("get_total_norm: norm_type is 0; allowed are other numbers")
    p = float(norm_type)
    if not tensors:
        return xp.asarray(0.0, dtype=xp.float32)
    with no_grad():
        given = [xp.astype(g, xp.float32) if is_half(g) else g for g in tensors]
        if p == math.inf:
            total = xp.max(xp.stack([xp.max(xp.abs(g.detach())) for g in given]))
        elif p == 2.0:
            flat = [xp.reshape(g.detach(), (-1,)) for g in given]
            total = xp.sqrt(xp.sum(xp.stack([xp.real(xp.vecdot(v, v)) for v in flat])))
        else:
            parts = [xp.sum(xp.abs(g.detach()) ** p) for g in given]
            total = xp.sum(xp.stack(parts)) ** (1.0 / p)
    if error_if_nonfinite and not bool(xp.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite "
            "norm anyway, set `error_if_nonfinite=False`"
        )
    return total


@see("clip_grad_norm_, get_total_norm")
def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None
) -> None:
    """Scale gradients, in place, by min(1, max_norm / (total_norm + 1e-6)).

    >>> p = xp.nn.Parameter(xp.zeros(2))
    >>> p.grad = xp.asarray([3.0, 4.0])
    >>> xp.nn.utils.clip_grads_with_norm_(p, 1.0, xp.asarray([5.0])[0])
    >>> p.grad
    tensor([0.6, 0.8])

    Parameters
    ----------
    parameters : Tensor or iterable of Tensors
        Of any shapes; without a gradient they are passed over.
    max_norm : float
    total_norm : Tensor or float
        Their norm, by `get_total_norm`.
    foreach : bool or None
        Ignored.

    Raises
    ------
    TypeError
        An item is no Tensor, or a norm no number.
    """
    factor = min(float(max_norm) / (float(total_norm) + 1e-6), 1.0)
    if factor < 1.0 or math.isnan(factor):
        with no_grad():
            for grad in _grads("clip_grads_with_norm_", parameters):
                grad *= factor


@see("clip_grad_value_, get_total_norm")
def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Scale gradients, in place, so that their common p-norm is at most `max_norm`.

    >>> p = xp.nn.Parameter(xp.zeros(2))
    >>> p.grad = xp.asarray([3.0, 4.0])
    >>> xp.nn.utils.clip_grad_norm_(p, 1.0)
    tensor(5.)
    >>> p.grad
    tensor([0.6, 0.8])

    Parameters
    ----------
    parameters : Tensor or iterable of Tensors
        Of any shapes; without a gradient they are passed over.
    max_norm : float
    norm_type : float
        p, not 0; ∞ for the largest element.
    error_if_nonfinite : bool
    foreach : bool or None
        Ignored.

    Returns
    -------
    Tensor
        The norm before: shape (), the dtype of the gradients.

    Raises
    ------
    TypeError
        An item is no Tensor.
    ValueError
        `norm_type` is 0.
    RuntimeError
        `error_if_nonfinite` and the norm is not finite.
    """
    if not isinstance(parameters, Tensor):
        parameters = list(parameters)
    grads = _grads("clip_grad_norm_", parameters)
    total = _total_norm(grads, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return _rounded(total, grads)


@see("clip_grad_norm_")
def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Limit each element of the gradients to [-clip_value, clip_value], in place.

    >>> p = xp.nn.Parameter(xp.zeros(2))
    >>> p.grad = xp.asarray([3.0, -4.0])
    >>> xp.nn.utils.clip_grad_value_(p, 1.0)
    >>> p.grad
    tensor([ 1., -1.])

    Parameters
    ----------
    parameters : Tensor or iterable of Tensors
        Of any shapes; without a gradient they are passed over.
    clip_value : float
        Not negative.
    foreach : bool or None
        Ignored.

    Raises
    ------
    TypeError
        An item is no Tensor, or `clip_value` no number.
    ValueError
        `clip_value` is negative.
    """
    if clip_value < 0:
        raise ValueError(f"clip_grad_value_: clip_value is {clip_value}; it must not be negative")
    with no_grad():
        for grad in _grads("clip_grad_value_", parameters):
            grad[...] = xp.clip(grad, -float(clip_value), float(clip_value))


@see("vector_to_parameters")
def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """Return all parameters as one vector; the gradient passes.

    >>> xp.nn.utils.parameters_to_vector(xp.nn.Linear(2, 3).parameters()).shape
    (9,)

    Parameters
    ----------
    parameters : iterable of Tensors
        Of any shapes.

    Returns
    -------
    Tensor
        Shape (Σ sizes,); dtypes promote.

    Raises
    ------
    TypeError
        An item is no Tensor.
    ValueError
        There is none.
    """
    return xp.concat([xp.reshape(p, (-1,)) for p in parameters])


@see("parameters_to_vector")
def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Write the pieces of a vector into the parameters, in place, without recording.

    >>> layer = xp.nn.Linear(1, 1)
    >>> xp.nn.utils.vector_to_parameters(xp.asarray([2.0, 3.0]), layer.parameters())
    >>> layer(xp.asarray([[1.0]])).detach()
    tensor([[5.]])

    Parameters
    ----------
    vec : Tensor
        Shape (Σ sizes,); further elements are ignored.
    parameters : iterable of Tensors
        Of any shapes and dtypes.

    Raises
    ------
    TypeError
        `vec` or an item is no Tensor.
    ValueError
        `vec` is too short; nothing is changed.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a Tensor, but got: {type(vec).__name__}")
    start = 0
    values: Any = vec.detach()
    parameters = _tensors("vector_to_parameters", "parameters", parameters)
    needed = sum(p.size for p in parameters)
    if values.size < needed:
        raise ValueError(
            f"vector_to_parameters: vec has {values.size} elements; the parameters have {needed}"
        )
    with no_grad():
        for parameter in parameters:
            stop = start + parameter.size
            parameter[...] = xp.reshape(values[start:stop], parameter.shape)
            start = stop
