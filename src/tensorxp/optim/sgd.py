"""Stochastic gradient descent, with momentum."""

from typing import Any

from tensorxp._backend import kernels
from tensorxp.optim._pieces import add_scaled, total_gradient
from tensorxp.optim.optimizer import Optimizer, check, check_real, filled_like, number, options


class SGD(Optimizer):
    """Stochastic gradient descent: p -= lr · b, with b = momentum · b + (1 - dampening) · g.

    The first step has b = g; without momentum b = g always. State: `momentum_buffer`, of the shape
    and dtype of p.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs, or dicts with "params" and options of a group.
    lr : float or Tensor
        Not negative.
    momentum, dampening : float
    weight_decay : float
        Adds weight_decay · p to g.
    nesterov : bool
        g + momentum · b for b; with momentum and without dampening.
    maximize : bool
        Go up: -g for g.
    foreach, fused : bool or None
        Ignored.
    differentiable : bool
        True is not supported.

    Raises
    ------
    TypeError
        `params` holds anything but Tensors.
    ValueError
        `params` is empty or not of leaves, or an option is out of its range.
    NotImplementedError
        `differentiable` is True.

    Examples
    --------
    >>> import tensorxp as xp
    >>> p = xp.asarray([1.0], requires_grad=True)
    >>> optimizer = xp.optim.SGD([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> float(p[0])
    0.5
    """

    _buffers = 1

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check("SGD", lr=lr, momentum=momentum, weight_decay=weight_decay)
        check_real("SGD", {"dampening": dampening})
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: Nesterov momentum requires a momentum and zero dampening")
        extra = options(foreach, False, differentiable, fused=fused)
        del extra["capturable"]
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            **extra,
        }
        super().__init__(params, defaults)

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        momentum = number(group["momentum"])
        slots = []
        first = state.get("momentum_buffer") is None
        if momentum:
            if first:
                state["momentum_buffer"] = filled_like(p)
            slots.append(state["momentum_buffer"])
        return slots, kernels.SGDNumbers(
            number(group["lr"]),
            momentum,
            number(group["dampening"]),
            number(group["weight_decay"]),
            group["nesterov"],
            group["maximize"],
            first,
        )

    def _at_once(self, device: Any, arrays: list[Any], c: Any) -> bool:
        return kernels.sgd_step(device, arrays, c)

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        lr, momentum, dampening, weight_decay, nesterov, maximize, first = c
        (out,) = scratch
        g = total_gradient(xp, p, g, out, weight_decay, maximize)
        if momentum:
            (buffer,) = states
            if first:
                buffer[...] = g
            else:
                xp.multiply(buffer, momentum, out=buffer)
                if dampening == 0:
                    xp.add(buffer, g, out=buffer)
                else:
                    # g may be in the scratch; the update below needs it only with dampening 0
                    add_scaled(xp, buffer, g, 1 - dampening, out)
            if nesterov:
                # p -= lr (g + momentum b), in two parts: g may be in the only scratch
                add_scaled(xp, p, g, -lr, out)
                add_scaled(xp, p, buffer, -lr * momentum, out)
                return
            g = buffer
        add_scaled(xp, p, g, -lr, out)
