"""Schedules that rise and fall: warm restarts, triangles, and one cycle."""

import math
from collections.abc import Callable
from typing import Any

from tensorxp.optim._families import schedule
from tensorxp.optim.lr_scheduler._base import (
    LRScheduler,
    check_optimizer,
    check_saved_function,
    per_group,
    saved_function,
    set_option,
)
from tensorxp.optim.optimizer import Optimizer


@schedule.see("CosineAnnealingLR")
class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine to `eta_min` in `T_0` epochs, then anew (Loshchilov and Hutter, 2017).

    `step` may be called with a fraction of an epoch after each batch.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.5]

    Parameters
    ----------
    T_0 : int
        At least 1.
    T_mult : int
        How many times as long each cycle is as the one before.
    eta_min : float

    Raises
    ------
    ValueError
        `T_0` or `T_mult` is no int from 1 on.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(
                f"CosineAnnealingWarmRestarts: Expected positive integer T_0, got {T_0}"
            )
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(
                f"CosineAnnealingWarmRestarts: Expected integer T_mult >= 1, got {T_mult}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `T_cur` epochs after the last restart."""
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by one epoch, or to `epoch`, which may be fractional, and set the rates."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise ValueError(
                f"CosineAnnealingWarmRestarts: Expected non-negative epoch, got {epoch}"
            )
        elif epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())


class _Momentum:
    """Sets the momentum, or the first beta, of the groups of an optimizer."""

    def __init__(self, function: str, optimizer: Optimizer) -> None:
        defaults = optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError(
                f"{function}: optimizer must support momentum or beta1 with `cycle_momentum` "
                "option enabled"
            )
        self.use_beta1 = "betas" in defaults

    def begin(self, optimizer: Optimizer, base: list[float], most: list[float]) -> None:
        """Start at the greatest momentum."""
        for group, low, high in zip(optimizer.param_groups, base, most, strict=True):
            set_momentum(group, high, self.use_beta1)
            group["max_momentum"] = high
            group["base_momentum"] = low


def set_momentum(group: dict[str, Any], value: float, use_beta1: bool) -> None:
    """Set the momentum of a group, or its first beta."""
    if use_beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


@schedule.see("OneCycleLR")
class CyclicLR(LRScheduler):
    """Triangles between `base_lr` and `max_lr`, stepped after each batch (Smith, 2017).

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.CyclicLR(optimizer, 0.1, 1.0, cycle_momentum=False)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.1005]

    Parameters
    ----------
    base_lr, max_lr : float or list
        One for each group.
    step_size_up : int
        Steps of the rise.
    step_size_down : int or None
        Steps of the fall; None: the same.
    mode : str
        "triangular", "triangular2" (half as high each time), or "exp_range" (times
        gamma^iteration).
    gamma : float
    scale_fn : callable or None
        The height, instead of `mode`.
    scale_mode : str
        What `scale_fn` takes: the number of the "cycle", or of "iterations".
    cycle_momentum : bool
        The momentum (or first beta) goes the opposite way.
    base_momentum, max_momentum : float or list
        Its bounds.

    Raises
    ------
    ValueError
        Another `mode` or length, `step_size_up` is not above 0, or there is no momentum.
    """

    _hidden = ("optimizer", "_scale_fn_custom")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if step_size_up <= 0:
            raise ValueError(f"CyclicLR: step_size_up is {step_size_up}; it must be above 0")
        base_lrs = per_group("CyclicLR", "base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                set_option(group, "lr", lr)
        self.max_lrs = per_group("CyclicLR", "max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"CyclicLR: mode {mode!r} is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            momentum = _Momentum("CyclicLR", optimizer)
            self.use_beta1 = momentum.use_beta1
            self.base_momentums = per_group("CyclicLR", "base_momentum", optimizer, base_momentum)
            self.max_momentums = per_group("CyclicLR", "max_momentum", optimizer, max_momentum)
            if last_epoch == -1:
                momentum.begin(optimizer, self.base_momentums, self.max_momentums)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return the height of a triangle, for its number or for an iteration, `x`."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return float(self.gamma**x)
        return 1.0 if self.mode == "triangular" else float(1 / 2.0 ** (x - 1))

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`; the momenta are set too."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
                set_momentum(group, high - (high - low) * height * scale, self.use_beta1)
        pairs = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height * scale for low, high in pairs]

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes; of a `scale_fn`, those of a callable object."""
        state = super().state_dict()
        custom = self._scale_fn_custom
        state["_scale_fn_custom"] = None if custom is None else saved_function(custom)
        return state

    def _check_state(self, state_dict: Any) -> None:
        super()._check_state(state_dict)
        check_saved_function(
            "CyclicLR.load_state_dict: _scale_fn_custom",
            self._scale_fn_custom,
            state_dict.get("_scale_fn_custom"),
        )

    def _take_state(self, state: dict[str, Any]) -> None:
        saved = state.pop("_scale_fn_custom", None)
        if saved is not None:
            vars(self._scale_fn_custom).update(saved)
        super()._take_state(state)


def cosine(start: float, end: float, part: float) -> float:
    """Return the value at `part` of the way along half a cosine."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def line(start: float, end: float, part: float) -> float:
    """Return the value at `part` of the way along a line."""
    return (end - start) * part + start


@schedule.see("CyclicLR")
class OneCycleLR(LRScheduler):
    """Up to `max_lr` and down far below the start, stepped after each batch (Smith, 2018).

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.52]

    Parameters
    ----------
    max_lr : float or list
        One for each group.
    total_steps : int or None
    epochs, steps_per_epoch : int or None
        Their product, instead.
    pct_start : float
        The part of the rise.
    anneal_strategy : str
        "cos" or "linear".
    cycle_momentum : bool
        The momentum (or first beta) goes the opposite way.
    base_momentum, max_momentum : float or list
        Its bounds.
    div_factor : float
        The start is max_lr / div_factor,
    final_div_factor : float
        the end start / final_div_factor.
    three_phase : bool
        Fall back to the start as fast as it rose, then to the end.

    Raises
    ------
    ValueError
        Options are out of range, or there is no momentum; in `step`: after `total_steps`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError(
                    "OneCycleLR: You must define either total_steps OR (epochs AND steps_per_epoch)"
                )
            total_steps = _positive("epochs", epochs) * _positive(
                "steps_per_epoch", steps_per_epoch
            )
        self.total_steps = _positive("total_steps", total_steps)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(
                f"OneCycleLR: Expected float between 0 and 1 pct_start, but got {pct_start}"
            )
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: anneal_strategy is {anneal_strategy!r}; it must be 'cos' or 'linear'"
            )
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        if last_epoch == -1:
            tops = per_group("OneCycleLR", "max_lr", optimizer, max_lr)
            for group, top in zip(optimizer.param_groups, tops, strict=True):
                group["initial_lr"] = top / div_factor
                group["max_lr"] = top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            momentum = _Momentum("OneCycleLR", optimizer)
            self.use_beta1 = momentum.use_beta1
            if last_epoch == -1:
                most = per_group("OneCycleLR", "max_momentum", optimizer, max_momentum)
                base = per_group("OneCycleLR", "base_momentum", optimizer, base_momentum)
                momentum.begin(optimizer, base, most)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`; the momenta are set too."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"OneCycleLR: Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        start = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            start = phase["end_step"]
        part = (step - start) / (phase["end_step"] - start)
        along = cosine if self._anneal_func_type == "cos" else line
        lrs = []
        for group in self.optimizer.param_groups:
            lrs.append(along(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                set_momentum(group, along(*ends, part), self.use_beta1)
        return lrs


def _positive(name: str, value: Any) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"OneCycleLR: Expected positive integer {name}, but got {value}")
    return value


def _phases(total: int, part: float, three_phase: bool) -> list[dict[str, Any]]:
    """Return the phases: where each ends, and between which options of a group it goes."""
    names = ("start_lr", "end_lr", "start_momentum", "end_momentum")
    ends = [part * total - 1, total - 1.0]
    rows = [
        ("initial_lr", "max_lr", "max_momentum", "base_momentum"),
        ("max_lr", "min_lr", "base_momentum", "max_momentum"),
    ]
    if three_phase:
        ends.insert(1, 2 * part * total - 2)
        rows[1:] = [
            ("max_lr", "initial_lr", "base_momentum", "max_momentum"),
            ("initial_lr", "min_lr", "max_momentum", "max_momentum"),
        ]
    return [
        {"end_step": end, **dict(zip(names, row, strict=True))}
        for end, row in zip(ends, rows, strict=True)
    ]
