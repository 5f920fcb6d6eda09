"""Turn a function of tensors into a closure that evaluates it, once per library.

`function` takes one tensor per array of `arrays` and returns a 0-d tensor (any tensor if
`gradient` is false). The closure returns the value, then the gradient by each array. What is
captured by `function` itself (labels, weights that stay fixed) is constant.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import updates

#: Whether functions are to be traced by the library's own compiler.
COMPILED = False

Run = Callable[[], Sequence[Any]]
Function = Callable[..., Any]
Arrays = Sequence[np.ndarray]


def torch_like(lib: Any, function: Function, arrays: Arrays, gradient: bool = True) -> Run:
    """Evaluate with `torch` or `tensorxp`, given as `lib`: both record as they go."""
    if COMPILED:
        function = lib.compile(function)
    tensors = [lib.asarray(array) for array in arrays]
    if not gradient:
        return lambda: (function(*tensors),)
    for tensor in tensors:
        tensor.requires_grad_()

    def run() -> Sequence[Any]:
        for tensor in tensors:
            tensor.grad = None
        out = function(*tensors)
        out.backward()
        return (out, *[tensor.grad for tensor in tensors])

    return run


def jax_like(function: Function, arrays: Arrays, jit: bool, gradient: bool = True) -> Run:
    """Evaluate with JAX, operation by operation or compiled."""
    import jax

    tensors = [jax.numpy.asarray(array) for array in arrays]
    argnums = tuple(range(len(tensors)))
    call = jax.value_and_grad(function, argnums=argnums) if gradient else function
    call = jax.jit(call) if jit else call
    return lambda: jax.tree_util.tree_leaves(call(*tensors))


def autograd_like(function: Function, arrays: Arrays, gradient: bool = True) -> Run:
    """Evaluate with HIPS autograd."""
    from autograd import value_and_grad

    if not gradient:
        return lambda: (function(*arrays),)
    call = value_and_grad(function, argnum=tuple(range(len(arrays))))

    def run() -> Sequence[Any]:
        value, gradients = call(*arrays)
        return (value, *gradients)

    return run


def mygrad_like(function: Function, arrays: Arrays, gradient: bool = True) -> Run:
    """Evaluate with MyGrad."""
    import mygrad

    tensors = [mygrad.tensor(array) for array in arrays]

    def run() -> Sequence[Any]:
        if not gradient:
            with mygrad.no_autodiff:
                return (function(*tensors),)
        out = function(*tensors)
        out.backward()
        return (out, *[tensor.grad for tensor in tensors])

    return run


def module_like(
    lib: Any,
    model: Any,
    state: Mapping[str, np.ndarray],
    loss: Callable[[Any], Any],
    optimizer: Callable[[Any], Any] | None = None,
) -> Run:
    """Train a `torch` or `tensorxp` module by one step per call, from the weights in `state`.

    Without an optimiser the weights stay; the closure returns the loss, then the gradients in
    the order of `state`.
    """
    model.load_state_dict({name: lib.asarray(array) for name, array in state.items()})
    parameters = dict(model.named_parameters())
    ordered = [parameters[name] for name in state]
    stepper = None if optimizer is None else optimizer(model.parameters())
    evaluate: Callable[[], Any] = lambda: loss(model)  # noqa: E731
    if COMPILED:
        evaluate = lib.compile(evaluate)

    def run() -> Sequence[Any]:
        for parameter in ordered:
            parameter.grad = None
        out = evaluate()
        out.backward()
        if stepper is not None:
            stepper.step()
        return (out, *[parameter.grad for parameter in ordered])

    return run


def jax_step(loss: Function, x: np.ndarray, params: Arrays, optimizer: str, jit: bool) -> Run:
    """Train by `loss(params, x)` in JAX, one step per call."""
    import jax
    import jax.numpy as jnp

    values = [jnp.asarray(value) for value in params]
    zeros = [jnp.zeros_like(value) for value in values]
    state = (jnp.zeros((), dtype=jnp.float32), zeros, zeros)
    data = jnp.asarray(x)

    def step(values: Any, state: Any, x: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(values, x)
        return value, grads, *updates.functional(optimizer, jnp, values, grads, state)

    call = jax.jit(step) if jit else step

    def run() -> Sequence[Any]:
        nonlocal values, state
        value, grads, values, state = call(values, state, data)
        return (value, *grads)

    return run


def autograd_step(loss: Function, params: Arrays, optimizer: str) -> Run:
    """Train by `loss(params)` in HIPS autograd, one step per call."""
    from autograd import value_and_grad

    values, update = [value.copy() for value in params], updates.in_place(optimizer)
    call = value_and_grad(loss)

    def run() -> Sequence[Any]:
        value, grads = call(values)
        update(values, grads)
        return (value, *grads)

    return run


def mygrad_step(loss: Function, params: Arrays, optimizer: str) -> Run:
    """Train by `loss(params)` in MyGrad, one step per call."""
    import mygrad

    values, update = [mygrad.tensor(value) for value in params], updates.in_place(optimizer)

    def run() -> Sequence[Any]:
        out = loss(values)
        out.backward()
        grads = [value.grad for value in values]
        update([value.data for value in values], grads)
        return (out, *grads)

    return run
