"""Gradients limited before a step: by their common norm, or by value. All work in place."""

import math
from collections.abc import Iterable
from typing import Any

import tensorxp as xp
from tensorxp._core.modes import no_grad
from tensorxp._core.tensor import TensorBase


def _grads(parameters: Any) -> list[Any]:
    given: list[Any] = [parameters] if isinstance(parameters, TensorBase) else list(parameters)
    return [p.grad for p in given if p.grad is not None]


def get_total_norm(
    tensors: Any,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Return the norm of all tensors together, as one vector."""
    given: list[Any] = [tensors] if isinstance(tensors, TensorBase) else list(tensors)
    if not given:
        return xp.asarray(0.0, dtype=xp.float32)
    p = float(norm_type)
    with no_grad():
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


def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None
) -> None:
    """Scale the gradients so that their norm, given as `total_norm`, is at most `max_norm`."""
    factor = min(float(max_norm) / (float(total_norm) + 1e-6), 1.0)
    if factor < 1.0 or math.isnan(factor):
        with no_grad():
            for grad in _grads(parameters):
                grad *= factor


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Scale the gradients so that their common norm is at most `max_norm`; return the norm."""
    if not isinstance(parameters, TensorBase):
        parameters = list(parameters)
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Limit each element of the gradients to [-clip_value, clip_value]."""
    with no_grad():
        for grad in _grads(parameters):
            grad[...] = xp.clip(grad, -float(clip_value), float(clip_value))


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """Return all parameters as one vector; the gradient passes."""
    return xp.concat([xp.reshape(p, (-1,)) for p in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Write the pieces of a vector into the parameters, in place."""
    if not isinstance(vec, TensorBase):
        raise TypeError(f"expected a Tensor, but got: {type(vec).__name__}")
    start = 0
    values: Any = vec.detach()  # type: ignore[attr-defined]
    with no_grad():
        for parameter in parameters:
            stop = start + parameter.size
            parameter[...] = xp.reshape(values[start:stop], parameter.shape)
            start = stop
