"""Stochastic gradient descent, with momentum."""

from typing import Any

from tensorxp.optim._pieces import add_scaled, total_gradient
from tensorxp.optim.optimizer import Optimizer, check, filled_like, number, options


class SGD(Optimizer):
    """p -= lr · b, where b = momentum · b + (1 - dampening) · g, or g + momentum · b (Nesterov).

    The first step has b = g. `weight_decay` adds weight_decay · p to g.

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
        return slots, (
            number(group["lr"]),
            momentum,
            number(group["dampening"]),
            number(group["weight_decay"]),
            group["nesterov"],
            group["maximize"],
            first,
        )

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
