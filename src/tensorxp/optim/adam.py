"""The family of Adam: moving averages of the gradient and of its square."""

import math
from typing import Any

from tensorxp._backend import kernels
from tensorxp._core.face import raw
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
)


class _Moments(Optimizer):
    """What the family shares: the state, and the weight decay before the moments."""

    _names = ("exp_avg", "exp_avg_sq")

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        state["step"] = counter()
        for name in self._names:
            state[name] = filled_like(p)

    def _common(self, group: dict[str, Any]) -> tuple[float, float, float, float, float]:
        """Return lr, both betas, the weight decay of the gradient, and the factor of p."""
        lr, decay = number(group["lr"]), number(group["weight_decay"])
        beta1, beta2 = (number(beta) for beta in group["betas"])
        if group.get("decoupled_weight_decay"):
            return lr, beta1, beta2, 0.0, 1 - lr * decay
        return lr, beta1, beta2, decay, 1.0


@optimiser.see("AdamW, SGD")
class Adam(_Moments):
    """p -= lr · m̂ / (√v̂ + eps), m and v averages of g and g² (Kingma and Ba, 2015).

    m = β₁ m + (1 - β₁) g and m̂ = m / (1 - β₁^t); v the same with β₂ and g². State: `step`,
    `exp_avg` (m), `exp_avg_sq` (v) and, with `amsgrad`, `max_exp_avg_sq`.

    >>> p = xp.nn.Parameter(xp.ones(1))
    >>> p.grad = xp.ones(1)
    >>> xp.optim.Adam([p], lr=0.5).step()
    >>> p.detach()
    tensor([0.5])

    Parameters
    ----------
    amsgrad : bool
        Divide by the greatest v so far (Reddi and others, 2018).
    decoupled_weight_decay : bool
        Decay p itself, as `AdamW`.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check(type(self).__name__, lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            **options(foreach, capturable, differentiable, fused=fused),
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        super()._begin(p, group, state)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = filled_like(p)

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        step = counted(state)
        lr, beta1, beta2, decay, keep = self._common(group)
        slots = [state["exp_avg"], state["exp_avg_sq"]]
        if group["amsgrad"]:
            slots.append(state["max_exp_avg_sq"])
        size = lr / (1 - beta1**step)
        root = math.sqrt(1 - beta2**step)
        eps, maximize = number(group["eps"]), group["maximize"]
        return slots, kernels.AdamNumbers(size, root, beta1, beta2, decay, keep, eps, maximize)

    def _at_once(self, device: Any, arrays: list[Any], c: Any) -> bool:
        return kernels.adam_step(device, arrays, c)

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        size, root, beta1, beta2, decay, keep, eps, maximize = c
        out, more = scratch
        if keep != 1:
            xp.multiply(p, keep, out=p)
        g = total_gradient(xp, p, g, out, decay, maximize)
        average, square = states[:2]
        move_average(xp, average, g, 1 - beta1, more)
        decay_and_add_square(xp, square, g, beta2, more)
        if len(states) > 2:
            square = xp.maximum(states[2], square, out=states[2])
        # p -= size m / (√v / root + eps)
        xp.sqrt(square, out=out)
        xp.divide(out, root, out=out)
        xp.add(out, eps, out=out)
        xp.divide(average, out, out=out)
        add_scaled(xp, p, out, -size, out)


@optimiser.see("Adam")
class AdamW(Adam):
    """`Adam` with decoupled weight decay, p *= 1 - lr · weight_decay (Loshchilov and Hutter, 2019).

    >>> p = xp.nn.Parameter(xp.ones(1))
    >>> p.grad = xp.ones(1)
    >>> xp.optim.AdamW([p], lr=0.5, weight_decay=0.0).step()
    >>> p.detach()
    tensor([0.5])

    Parameters
    ----------
    amsgrad : bool
        Divide by the greatest v so far.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


@optimiser.see("Adam")
class NAdam(_Moments):
    """`Adam` with Nesterov momentum, μ(t) = β₁ (1 - 0.96^(t · momentum_decay) / 2) (Dozat, 2016).

    State: `step`, `mu_product`, `exp_avg`, `exp_avg_sq`.

    >>> p = xp.nn.Parameter(xp.ones(1))
    >>> p.grad = xp.ones(1)
    >>> xp.optim.NAdam([p], lr=0.5).step()
    >>> p.detach()
    tensor([0.4718])

    Parameters
    ----------
    momentum_decay : float
    decoupled_weight_decay : bool
        Decay p itself, as `AdamW`.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check(
            "NAdam",
            lr=lr,
            eps=eps,
            betas=betas,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
        )
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            **options(foreach, capturable, differentiable),
        }
        super().__init__(params, defaults)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        state["step"] = counter()
        state["mu_product"] = counter(1.0)
        for name in self._names:
            state[name] = filled_like(p)

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        step = counted(state)
        lr, beta1, beta2, decay, keep = self._common(group)
        rate = number(group["momentum_decay"])
        mu = beta1 * (1 - 0.5 * 0.96 ** (step * rate))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * rate))
        mu_product = raw(state["mu_product"])
        mu_product *= mu
        product = float(mu_product)
        of_g = -lr * (1 - mu) / (1 - product)
        of_average = -lr * mu_next / (1 - product * mu_next)
        c = (of_g, of_average, 1 - beta2**step, beta1, beta2, decay, keep)
        slots = [state["exp_avg"], state["exp_avg_sq"]]
        return slots, (*c, number(group["eps"]), group["maximize"])

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        of_g, of_average, correction, beta1, beta2, decay, keep, eps, maximize = c
        out, more = scratch
        if keep != 1:
            xp.multiply(p, keep, out=p)
        g = total_gradient(xp, p, g, out, decay, maximize)
        average, square = states
        move_average(xp, average, g, 1 - beta1, more)
        decay_and_add_square(xp, square, g, beta2, more)
        # p += (of_g g + of_average m) / (√(v / correction) + eps)
        xp.divide(square, correction, out=more)
        xp.sqrt(more, out=more)
        xp.add(more, eps, out=more)
        xp.divide(g, more, out=out)
        add_scaled(xp, p, out, of_g, out)
        xp.divide(average, more, out=out)
        add_scaled(xp, p, out, of_average, out)


@optimiser.see("Adam")
class RAdam(_Moments):
    """Rectified `Adam`: plain momentum until the variance of v is tractable (Liu and others, 2020).

    State: `step`, `exp_avg`, `exp_avg_sq`.

    >>> p = xp.nn.Parameter(xp.ones(1))
    >>> p.grad = xp.ones(1)
    >>> xp.optim.RAdam([p], lr=0.5).step()
    >>> p.detach()
    tensor([0.5])

    Parameters
    ----------
    decoupled_weight_decay : bool
        Decay p itself, as `AdamW`.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check("RAdam", lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        extra = options(foreach, capturable, differentiable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": extra.pop("foreach"),
            "capturable": extra.pop("capturable"),
            "decoupled_weight_decay": decoupled_weight_decay,
            **extra,
        }
        super().__init__(params, defaults)

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        step = counted(state)
        lr, beta1, beta2, decay, keep = self._common(group)
        # the length of the simple moving average that v is like, now and in the limit
        correction = 1 - beta2**step
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * step * beta2**step / correction
        size, adaptive = lr / (1 - beta1**step), length > 5
        if adaptive:
            rectified = (length - 4) * (length - 2) * limit
            rectified /= (limit - 4) * (limit - 2) * length
            size *= math.sqrt(rectified) * math.sqrt(correction)
        c = (size, adaptive, beta1, beta2, decay, keep, number(group["eps"]), group["maximize"])
        return [state["exp_avg"], state["exp_avg_sq"]], c

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        size, adaptive, beta1, beta2, decay, keep, eps, maximize = c
        out, more = scratch
        if keep != 1:
            xp.multiply(p, keep, out=p)
        g = total_gradient(xp, p, g, out, decay, maximize)
        average, square = states
        move_average(xp, average, g, 1 - beta1, more)
        decay_and_add_square(xp, square, g, beta2, more)
        if not adaptive:
            add_scaled(xp, p, average, -size, out)
            return
        xp.sqrt(square, out=out)
        xp.add(out, eps, out=out)
        xp.divide(average, out, out=out)
        add_scaled(xp, p, out, -size, out)


@optimiser.see("Adam")
class Adamax(_Moments):
    """`Adam` with the infinity norm: p -= lr · m̂ / u, u = max(β₂ u, |g| + eps).

    Kingma and Ba, 2015. State: `step`, `exp_avg`, `exp_inf`.

    >>> p = xp.nn.Parameter(xp.ones(1))
    >>> p.grad = xp.ones(1)
    >>> xp.optim.Adamax([p], lr=0.5).step()
    >>> p.detach()
    tensor([0.5])
    """

    _names = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check("Adamax", lr=lr, eps=eps, betas=betas, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            **options(foreach, capturable, differentiable),
        }
        super().__init__(params, defaults)

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        step = counted(state)
        lr, beta1, beta2, decay, _ = self._common(group)
        c = (lr / (1 - beta1**step), beta1, beta2, decay, number(group["eps"]), group["maximize"])
        return [state["exp_avg"], state["exp_inf"]], c

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        size, beta1, beta2, decay, eps, maximize = c
        out, more = scratch
        g = total_gradient(xp, p, g, out, decay, maximize)
        average, norm = states
        move_average(xp, average, g, 1 - beta1, more)
        xp.multiply(norm, beta2, out=norm)
        xp.abs(g, out=more)
        xp.add(more, eps, out=more)
        xp.maximum(norm, more, out=norm)
        xp.divide(average, norm, out=out)
        add_scaled(xp, p, out, -size, out)
