"""Differentiation: gradients over the recorded graph, and derivatives of functions."""

from importlib import import_module
from typing import Any

from tensorxp._backend.names import UnknownName, listing
from tensorxp._core.modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from tensorxp._core.primitive import (
    Primitive,
    elementwise,
    linear,
    multilinear,
    nondifferentiable,
    primitive,
)
from tensorxp.autograd.anomaly import detect_anomaly
from tensorxp.autograd.checkpoint import checkpoint
from tensorxp.autograd.forward import jvp
from tensorxp.autograd.function import Function, once_differentiable
from tensorxp.autograd.functional import hessian, hvp, jacobian, value_and_grad, vjp
from tensorxp.autograd.functions import apply_primitive, backward, grad
from tensorxp.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck

__all__ = [
    "Function",
    "GradcheckError",
    "Primitive",
    "apply_primitive",
    "backward",
    "checkpoint",
    "detect_anomaly",
    "elementwise",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "linear",
    "multilinear",
    "no_grad",
    "nondifferentiable",
    "once_differentiable",
    "primitive",
    "set_grad_enabled",
    "testing",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    """Import `tensorxp.autograd.testing` when it is first used."""
    if name == "testing":
        return import_module(f"{__name__}.testing")
    raise UnknownName(__name__, name)


__dir__ = listing(globals())
