"""Schedules of schedules, and the one that listens to a metric."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from tensorxp._backend.families import see
from tensorxp.optim._families import schedule
from tensorxp.optim.lr_scheduler._base import (
    LRScheduler,
    check_optimizer,
    per_group,
    set_option,
)
from tensorxp.optim.optimizer import Optimizer, number


class _Composed(LRScheduler):
    """What schedules of schedules share: their checks and state dicts."""

    _hidden = ("optimizer", "_schedulers")
    _schedulers: list[LRScheduler]

    def _take(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(
                    f"{name}: schedulers[{i}] is a {type(scheduler).__name__}; not a scheduler"
                )
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau` (schedulers[{i}]), whose `step` "
                    "needs a metric"
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer; "
                    f"schedulers[{i}] has another one"
                )
        self.optimizer = optimizer
        self._schedulers = list(schedulers)

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes and the state dicts of the schedulers."""
        state = super().state_dict()
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def _check_state(self, state_dict: Any) -> None:
        super()._check_state(state_dict)
        name = f"{type(self).__name__}.load_state_dict"
        if "_schedulers" not in state_dict:
            raise KeyError(f"{name}: state_dict has no '_schedulers'")
        saved = state_dict["_schedulers"]
        if not isinstance(saved, list | tuple) or len(saved) != len(self._schedulers):
            raise ValueError(f"{name}: state_dict is not of {len(self._schedulers)} schedulers")
        for scheduler, values in zip(self._schedulers, saved, strict=True):
            scheduler._check_state(values)

    def _take_state(self, state: dict[str, Any]) -> None:
        for scheduler, values in zip(self._schedulers, state.pop("_schedulers"), strict=True):
            scheduler._take_state(dict(values))
        super()._take_state(state)


@see("ChainedScheduler")
class SequentialLR(_Composed):
    """One schedule after another, each from its milestone on: a warm-up and what follows it.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> warm = xp.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> later = xp.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = xp.optim.lr_scheduler.SequentialLR(optimizer, [warm, later], milestones=[2])
    >>> scheduler.get_last_lr()
    [0.5]

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of LRSchedulers
        Of this optimizer.
    milestones : list of ints
        One fewer.
    last_epoch : int

    Raises
    ------
    TypeError
        `optimizer` is no Optimizer, or an item no LRScheduler.
    ValueError
        There is none, numbers differ, or one is of another optimizer or `ReduceLROnPlateau`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if not schedulers:
            raise ValueError("SequentialLR expects at least one scheduler, but got no scheduler.")
        self._take(optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} "
                f"milestones, but got {len(milestones)}"
            )
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        # making the schedulers stepped each of them: take that back, and step the first
        for group in optimizer.param_groups:
            set_option(group, "lr", number(group["initial_lr"]))
        _undo(self)
        first = self._schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: Any = None) -> None:
        """Step the schedule of this epoch; `epoch` is ignored."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _undo(scheduler: LRScheduler) -> None:
    if isinstance(scheduler, _Composed):
        for inner in scheduler._schedulers:
            _undo(inner)
    else:
        scheduler.last_epoch -= 1


@see("SequentialLR")
class ChainedScheduler(_Composed):
    """Several schedules at once, stepped one after the other.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> first = xp.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> second = xp.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> xp.optim.lr_scheduler.ChainedScheduler([first, second]).get_last_lr()
    [0.5]

    Parameters
    ----------
    schedulers : list of LRSchedulers
        Of one optimizer.
    optimizer : Optimizer or None
        None: that of the first.

    Raises
    ------
    TypeError
        `schedulers` is no list of LRSchedulers.
    ValueError
        There is none, or one is of another optimizer or `ReduceLROnPlateau`.
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        if not isinstance(schedulers, list | tuple):
            raise TypeError(
                f"ChainedScheduler: schedulers is a {type(schedulers).__name__}; it must be a list"
            )
        if not schedulers:
            raise ValueError("ChainedScheduler expects at least one scheduler, but got none.")
        first: Any = getattr(schedulers[0], "optimizer", None)
        self._take(first if optimizer is None else optimizer, schedulers)
        self._last_lr = self._lrs()

    def step(self, epoch: Any = None) -> None:
        """Step all schedules; `epoch` is ignored."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._lrs()


@schedule.see("StepLR")
class ReduceLROnPlateau(LRScheduler):
    """Times `factor` when a metric has not improved for more than `patience` epochs.

    `step(metric)` is called after each validation.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    >>> for loss in (1.0, 1.0):
    ...     scheduler.step(loss)
    >>> optimizer.param_groups[0]["lr"]
    0.1

    Parameters
    ----------
    mode : str
        Better is less, "min", or more, "max".
    factor : float
        Below 1.
    patience : int
    threshold : float
        By which it must be better.
    threshold_mode : str
        Relative, "rel", or absolute, "abs".
    cooldown : int
        Epochs after a cut that do not count.
    min_lr : float or list
        One for each group.
    eps : float
        Smaller cuts are left out.

    Raises
    ------
    ValueError
        `factor` is not below 1, another mode, or another length.
    """

    _optional = ("default_min_lr",)

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: Any = 0,
        eps: float = 1e-8,
    ) -> None:
        check_optimizer(self, optimizer)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: Factor should be < 1.0, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode {mode!r} is unknown; allowed are min, max")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"ReduceLROnPlateau: threshold mode {threshold_mode!r} is unknown; allowed are "
                "rel, abs"
            )
        self.optimizer = optimizer
        self.factor = factor
        self.default_min_lr = None if isinstance(min_lr, list | tuple) else min_lr
        self.min_lrs = per_group("ReduceLROnPlateau", "min_lr", optimizer, min_lr)
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.last_epoch = 0
        self._last_lr = self._lrs()
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Note the `metrics` of an epoch (a number), and cut the rates where it is time.

        `epoch` replaces the count. TypeError or ValueError for what is no number.
        """
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(value):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._lrs()

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"ReduceLROnPlateau: the optimizer has {len(groups)} parameter groups now; "
                    f"`min_lrs` has {len(self.min_lrs)} values"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, old, least in zip(groups, self._lrs(), self.min_lrs, strict=True):
            new = max(old * self.factor, least)
            if old - new > self.eps:
                set_option(group, "lr", new)

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs do not count after a cut."""
        return self.cooldown_counter > 0

    def _is_better(self, value: float) -> bool:
        if self.mode == "min":
            relative = self.best * (1.0 - self.threshold)
            return value < (
                relative if self.threshold_mode == "rel" else self.best - self.threshold
            )
        relative = self.best * (1.0 + self.threshold)
        return value > (relative if self.threshold_mode == "rel" else self.best + self.threshold)
