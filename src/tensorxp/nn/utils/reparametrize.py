"""Weights computed anew before each call: weight normalization and spectral normalization."""

from typing import Any

import tensorxp as xp
from tensorxp import no_grad
from tensorxp._backend.families import see
from tensorxp._ops.axes import normalize_axis
from tensorxp.nn.functional.regression import normalize
from tensorxp.nn.module import Module
from tensorxp.nn.parameter import Parameter


def _norm_except(v: Any, dim: int) -> Any:
    """Return the norm over all axes but `dim` (-1: over all)."""
    axes = tuple(i for i in range(v.ndim) if dim == -1 or i != dim)
    return xp.sqrt(xp.sum(v * v, axis=axes, keepdims=dim != -1))


class _WeightNorm:
    """The hook that sets w = g v / ‖v‖."""

    def __init__(self, name: str, dim: int) -> None:
        self.name = name
        self.dim = dim

    def compute(self, module: Any) -> Any:
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return v * (g / _norm_except(v, self.dim))

    def __call__(self, module: Any, inputs: Any) -> None:
        object.__setattr__(module, self.name, self.compute(module))


def _check_module(function: str, module: Any) -> None:
    if not isinstance(module, Module):
        raise TypeError(f"{function}: module is a {type(module).__name__}; it must be a Module")


def _weight(function: str, module: Any, name: str) -> Any:
    """Return a parameter of a module; TypeError or AttributeError where there is none."""
    _check_module(function, module)
    if module._parameters.get(name) is None and f"{name}_g" not in module._parameters:
        raise AttributeError(
            f"{function}: {type(module).__name__} has no parameter {name!r}; it has "
            f"{', '.join(module._parameters) or 'none'}"
        )
    return getattr(module, name)


@see("remove_weight_norm, spectral_norm")
def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Replace a weight by its length and its direction: w = g v / ‖v‖ (Salimans and Kingma, 2016).

    The weight is computed before each call. The state dict has `name_g` and `name_v`.

    >>> layer = xp.nn.utils.weight_norm(xp.nn.Linear(2, 3))
    >>> layer.weight_g.shape
    (3, 1)

    Parameters
    ----------
    module : Module
        Changed in place.
    name : str
        Of the parameter.
    dim : int or None
        An axis whose slices have a length each; None: one length.

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    TypeError
        `module` is no Module.
    AttributeError
        It has no such parameter.
    IndexError
        `dim` is out of range (an AxisError).
    RuntimeError
        The weight is normalised already.
    """
    weight = _weight("weight_norm", module, name)
    axis = -1 if dim in (None, -1) else normalize_axis("weight_norm", dim, weight.ndim)
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, _WeightNorm) and hook.name == name:
            raise RuntimeError(
                f"Cannot register two weight_norm hooks on the same parameter {name}"
            )
    hook = _WeightNorm(name, axis)
    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(_norm_except(weight.detach(), axis)))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    object.__setattr__(module, name, hook.compute(module))
    module.register_forward_pre_hook(hook)
    return module


def _remove(module: Any, kind: type, name: str) -> Any:
    _check_module(kind.__name__.strip("_"), module)
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            del module._forward_pre_hooks[key]
            return hook
    raise ValueError(f"{kind.__name__.strip('_')} of '{name}' not found in {module}")


@see("weight_norm")
def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight an ordinary parameter again, of its present value.

    >>> layer = xp.nn.utils.weight_norm(xp.nn.Linear(2, 3))
    >>> xp.nn.utils.remove_weight_norm(layer)
    Linear(in_features=2, out_features=3, bias=True)

    Parameters
    ----------
    module : Module
        Changed in place.
    name : str
        Of the parameter.

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    TypeError
        `module` is no Module.
    ValueError
        The weight is not normalised.
    """
    hook = _remove(module, _WeightNorm, name)
    with no_grad():
        weight = hook.compute(module)
    module.__dict__.pop(name, None)
    del module._parameters[f"{name}_g"], module._parameters[f"{name}_v"]
    setattr(module, name, Parameter(weight))
    return module


class _SpectralNorm:
    """The hook that divides a weight by its largest singular value."""

    def __init__(self, name: str, iterations: int, dim: int, eps: float) -> None:
        self.name = name
        self.iterations = iterations
        self.dim = dim
        self.eps = eps

    def matrix(self, weight: Any) -> Any:
        if self.dim != 0:
            weight = xp.moveaxis(weight, self.dim, 0)
        return xp.reshape(weight, (weight.shape[0], -1))

    def compute(self, module: Any, iterate: bool) -> Any:
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = self.matrix(weight)
        if iterate:
            with no_grad():
                fixed = matrix.detach()
                for _ in range(self.iterations):
                    v[...] = normalize(xp.matmul(fixed.T, u), dim=0, eps=self.eps)
                    u[...] = normalize(xp.matmul(fixed, v), dim=0, eps=self.eps)
        # copies: the next call changes u and v in place
        sigma = xp.sum(xp.copy(u) * xp.matmul(matrix, xp.copy(v)))
        return weight / sigma

    def __call__(self, module: Any, inputs: Any) -> None:
        object.__setattr__(module, self.name, self.compute(module, module.training))


@see("remove_spectral_norm, weight_norm")
def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a weight by its largest singular value before each call (Miyato and others, 2018).

    The value is found by power iteration on the buffers `name_u` and `name_v`, in training; the
    parameter is `name_orig`.

    >>> xp.nn.utils.spectral_norm(xp.nn.Linear(2, 3))(xp.ones((1, 2))).shape
    (1, 3)

    Parameters
    ----------
    module : Module
        Changed in place.
    name : str
        Of the parameter.
    n_power_iterations : int
        For each call, at least 1.
    eps : float
        Least norm that is divided by.
    dim : int or None
        The axis of the outputs; None: 1 for transposed convolutions, else 0.

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    TypeError
        `module` is no Module.
    AttributeError
        It has no such parameter.
    IndexError
        `dim` is out of range (an AxisError).
    ValueError
        `n_power_iterations` is below 1.
    """
    if n_power_iterations <= 0:
        raise ValueError(
            "Expected n_power_iterations to be positive, but got "
            f"n_power_iterations={n_power_iterations}"
        )
    weight = _weight("spectral_norm", module, name)
    if dim is None:
        dim = 1 if getattr(module, "transposed", False) else 0
    hook = _SpectralNorm(name, n_power_iterations, dim, eps)
    rows, columns = hook.matrix(weight.detach()).shape
    place = {"dtype": weight.dtype, "device": weight.device}
    u = normalize(xp.random.normal(0.0, 1.0, (rows,), **place), dim=0, eps=eps)
    v = normalize(xp.random.normal(0.0, 1.0, (columns,), **place), dim=0, eps=eps)
    del module._parameters[name]
    module.register_parameter(f"{name}_orig", weight)
    object.__setattr__(module, name, weight.detach())
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(hook)
    return module


@see("spectral_norm")
def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight an ordinary parameter again, of its present value.

    >>> layer = xp.nn.utils.spectral_norm(xp.nn.Linear(2, 3))
    >>> xp.nn.utils.remove_spectral_norm(layer)
    Linear(in_features=2, out_features=3, bias=True)

    Parameters
    ----------
    module : Module
        Changed in place.
    name : str
        Of the parameter.

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    TypeError
        `module` is no Module.
    ValueError
        The weight is not normalised.
    """
    hook = _remove(module, _SpectralNorm, name)
    with no_grad():
        weight = hook.compute(module, False)
    module.__dict__.pop(name, None)
    del module._parameters[f"{name}_orig"]
    del module._buffers[f"{name}_u"], module._buffers[f"{name}_v"]
    setattr(module, name, Parameter(weight))
    return module
