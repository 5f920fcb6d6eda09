"""Step sizes from the size of past gradients: Adagrad, Adadelta, RMSprop."""

from typing import Any

from tensorxp.optim._families import optimiser
from tensorxp.optim._pieces import (
    add_scaled,
    decay_and_add_square,
    move_average,
    total_gradient,
)
from tensorxp.optim.optimizer import (
    Optimizer,
    check,
    counted,
    counter,
    filled_like,
    number,
    options,
    params_of,
)


@optimiser.see("Adadelta, Adam")
class Adagrad(Optimizer):
    """p -= lr / (1 + (t - 1) lr_decay) · g / (√(Σ g²) + eps) (Duchi and others, 2011).

    State: `step`, `sum`.

    >>> p = xp.nn.Parameter(xp.ones(1))
    >>> p.grad = xp.ones(1)
    >>> xp.optim.Adagrad([p], lr=0.5).step()
    >>> p.detach()
    tensor([0.5])

    Parameters
    ----------
    lr_decay : float
    initial_accumulator_value : float
        Of `sum`.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check(
            "Adagrad",
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )
        extra = options(foreach, False, differentiable, fused=fused)
        del extra["capturable"]
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
            **extra,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in params_of([group]):
                self._begin(p, group, self.state[p])

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        first = float(group["initial_accumulator_value"])
        value = complex(first, first) if p.dtype.is_complex else first
        state["step"] = counter()
        state["sum"] = filled_like(p, value)

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        step = counted(state)
        lr = number(group["lr"]) / (1 + (step - 1) * number(group["lr_decay"]))
        decay, eps = number(group["weight_decay"]), number(group["eps"])
        return [state["sum"]], (lr, decay, eps, group["maximize"])

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        lr, decay, eps, maximize = c
        out, more = scratch
        (total,) = states
        g = total_gradient(xp, p, g, out, decay, maximize)
        xp.multiply(g, g, out=more)
        xp.add(total, more, out=total)
        xp.sqrt(total, out=more)
        xp.add(more, eps, out=more)
        xp.divide(g, more, out=out)
        add_scaled(xp, p, out, -lr, out)


@optimiser.see("Adagrad, RMSprop")
class Adadelta(Optimizer):
    """p -= lr · √(E Δ² + eps) / √(E g² + eps) · g, E averages with `rho` (Zeiler, 2012).

    State: `step`, `square_avg` (E g²), `acc_delta` (E Δ²).

    >>> p = xp.nn.Parameter(xp.ones(1))
    >>> p.grad = xp.ones(1)
    >>> xp.optim.Adadelta([p], lr=1.0).step()
    >>> p.detach()
    tensor([0.9968])

    Parameters
    ----------
    rho : float
        In [0, 1].
    """

    _buffers = 3

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check("Adadelta", lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)
        if rho > 1:
            raise ValueError(f"Adadelta: Invalid rho value: {rho}; it must be in [0, 1]")
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            **options(foreach, capturable, differentiable),
        }
        super().__init__(params, defaults)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        state["step"] = counter()
        state["square_avg"] = filled_like(p)
        state["acc_delta"] = filled_like(p)

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        counted(state)
        names = ("lr", "rho", "eps", "weight_decay")
        c = (*(number(group[name]) for name in names), group["maximize"])
        return [state["square_avg"], state["acc_delta"]], c

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        lr, rho, eps, decay, maximize = c
        out, delta, more = scratch
        square, accumulated = states
        g = total_gradient(xp, p, g, out, decay, maximize)
        decay_and_add_square(xp, square, g, rho, more)
        xp.add(square, eps, out=more)
        xp.sqrt(more, out=more)
        xp.add(accumulated, eps, out=delta)
        xp.sqrt(delta, out=delta)
        xp.divide(delta, more, out=delta)
        xp.multiply(delta, g, out=delta)
        decay_and_add_square(xp, accumulated, delta, rho, more)
        add_scaled(xp, p, delta, -lr, delta)


@optimiser.see("Adagrad, Adam")
class RMSprop(Optimizer):
    """p -= lr · g / (√v + eps), v = alpha v + (1 - alpha) g² (Hinton, 2012).

    State: `step`, `square_avg` (v), and `momentum_buffer`, `grad_avg` where asked for.

    >>> p = xp.nn.Parameter(xp.ones(1))
    >>> p.grad = xp.ones(1)
    >>> xp.optim.RMSprop([p], lr=0.05).step()
    >>> p.detach()
    tensor([0.5])

    Parameters
    ----------
    alpha : float
    momentum : float
        b = momentum · b + the quotient, p -= lr · b.
    centered : bool
        Subtract from v the square of the average of g (Graves, 2013).
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check("RMSprop", lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            **options(foreach, capturable, differentiable),
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        state["step"] = counter()
        state["square_avg"] = filled_like(p)
        if group["momentum"] > 0:
            state["momentum_buffer"] = filled_like(p)
        if group["centered"]:
            state["grad_avg"] = filled_like(p)

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        counted(state)
        slots = [state["square_avg"]]
        if group["centered"]:
            slots.append(state["grad_avg"])
        if group["momentum"] > 0:
            slots.append(state["momentum_buffer"])
        names = ("lr", "alpha", "eps", "weight_decay", "momentum")
        c = (*(number(group[name]) for name in names), group["centered"], group["maximize"])
        return slots, c

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        lr, alpha, eps, decay, momentum, centered, maximize = c
        out, more = scratch
        g = total_gradient(xp, p, g, out, decay, maximize)
        square = states[0]
        decay_and_add_square(xp, square, g, alpha, more)
        if centered:
            mean = states[1]
            move_average(xp, mean, g, 1 - alpha, more)
            xp.multiply(mean, mean, out=more)
            xp.subtract(square, more, out=more)
            xp.sqrt(more, out=more)
        else:
            xp.sqrt(square, out=more)
        xp.add(more, eps, out=more)
        xp.divide(g, more, out=out)
        if momentum > 0:
            buffer = states[-1]
            xp.multiply(buffer, momentum, out=buffer)
            xp.add(buffer, out, out=buffer)
            add_scaled(xp, p, buffer, -lr, out)
        else:
            add_scaled(xp, p, out, -lr, out)
