"""Schedules that go one way: by steps, lines, powers and half a cosine, or by a function."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tensorxp.optim._families import schedule
from tensorxp.optim.lr_scheduler._base import (
    LRScheduler,
    check_optimizer,
    check_saved_function,
    saved_function,
)
from tensorxp.optim.optimizer import Optimizer

Function = Callable[[int], float]


class _FunctionLR(LRScheduler):
    """What schedules by a function of the epoch share."""

    _hidden = ("optimizer", "lr_lambdas")

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Function | list[Function], last_epoch: int = -1
    ) -> None:
        check_optimizer(self, optimizer)
        groups = len(optimizer.param_groups)
        if isinstance(lr_lambda, list | tuple):
            if len(lr_lambda) != groups:
                raise ValueError(
                    f"{type(self).__name__}: Expected {groups} lr_lambdas, but got {len(lr_lambda)}"
                )
            self.lr_lambdas = list(lr_lambda)
        else:
            self.lr_lambdas = [lr_lambda] * groups
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(
                    f"{type(self).__name__}: lr_lambda should be a function, but got "
                    f"{type(function).__name__}"
                )
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes; of the functions, those of callable objects."""
        state = super().state_dict()
        state["lr_lambdas"] = [saved_function(function) for function in self.lr_lambdas]
        return state

    def _check_state(self, state_dict: Any) -> None:
        super()._check_state(state_dict)
        name = f"{type(self).__name__}.load_state_dict: lr_lambdas"
        saved = state_dict["lr_lambdas"]
        if not isinstance(saved, list | tuple) or len(saved) != len(self.lr_lambdas):
            raise ValueError(f"{name} is {saved!r}; it must have {len(self.lr_lambdas)} items")
        for function, values in zip(self.lr_lambdas, saved, strict=True):
            check_saved_function(name, function, values)

    def _take_state(self, state: dict[str, Any]) -> None:
        for function, values in zip(self.lr_lambdas, state.pop("lr_lambdas"), strict=True):
            if values is not None:
                vars(function).update(values)
        super()._take_state(state)


@schedule.see("MultiplicativeLR")
class LambdaLR(_FunctionLR):
    """The first rate times `lr_lambda(epoch)`.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.5]

    Parameters
    ----------
    lr_lambda : callable, or list
        One for each group.

    Raises
    ------
    TypeError
        `lr_lambda` is not callable.
    ValueError
        The list has another length.
    """

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]


@schedule.see("LambdaLR")
class MultiplicativeLR(_FunctionLR):
    """The present rate times `lr_lambda(epoch)`, from epoch 1 on.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.5]

    Parameters
    ----------
    lr_lambda : callable, or list
        One for each group.

    Raises
    ------
    TypeError
        `lr_lambda` is not callable.
    ValueError
        The list has another length.
    """

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        if self._is_initial:
            return self._lrs()
        pairs = zip(self._lrs(), self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]


@schedule.see("MultiStepLR, ExponentialLR")
class StepLR(LRScheduler):
    """Times `gamma` every `step_size` epochs.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.StepLR(optimizer, step_size=1)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.1]

    Parameters
    ----------
    step_size : int
        At least 1.
    gamma : float

    Raises
    ------
    ValueError
        `step_size` is below 1.
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        check_optimizer(self, optimizer)
        if step_size < 1:
            raise ValueError(f"StepLR: step_size is {step_size}; it must be at least 1")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return self._lrs()
        return self._scaled(self.gamma)

    def _closed_form(self) -> list[float]:
        factor = self.gamma ** (self.last_epoch // self.step_size)
        return [lr * factor for lr in self.base_lrs]


@schedule.see("StepLR")
class MultiStepLR(LRScheduler):
    """Times `gamma` at each of the `milestones`.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3])
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.1]

    Parameters
    ----------
    milestones : iterable of ints
    gamma : float

    Raises
    ------
    TypeError
        `milestones` is not iterable.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if not isinstance(milestones, Iterable):
            raise TypeError(f"MultiStepLR: milestones is {milestones!r}; it must be ints")
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        if self.last_epoch not in self.milestones:
            return self._lrs()
        return self._scaled(self.gamma ** self.milestones[self.last_epoch])

    def _closed_form(self) -> list[float]:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [lr * self.gamma**passed for lr in self.base_lrs]


@schedule.see("LinearLR")
class ConstantLR(LRScheduler):
    """Times `factor` until epoch `total_iters`.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.5]

    Parameters
    ----------
    factor : float
        In [0, 1].
    total_iters : int

    Raises
    ------
    ValueError
        `factor` is out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor is {factor}; it must be between 0 and 1")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        if self.last_epoch != self.total_iters:
            return self._lrs()
        if not self.factor:
            return list(self.base_lrs)
        return self._scaled(1.0 / self.factor)

    def _closed_form(self) -> list[float]:
        factor = 1.0 if self.last_epoch >= self.total_iters else self.factor
        return [lr * factor for lr in self.base_lrs]


@schedule.see("ConstantLR")
class LinearLR(LRScheduler):
    """From `start_factor` to `end_factor` of the rate in `total_iters` epochs: a warm-up.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.75]

    Parameters
    ----------
    start_factor : float
        In (0, 1].
    end_factor : float
        In [0, 1].
    total_iters : int

    Raises
    ------
    ValueError
        A factor is out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                f"LinearLR: start_factor is {start_factor}; it must be above 0 and at most 1"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor is {end_factor}; it must be between 0 and 1")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._lrs()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._scaled(1.0 + rise / before)

    def _closed_form(self) -> list[float]:
        rise = self.end_factor - self.start_factor
        factor = (
            self.start_factor + rise * min(self.total_iters, self.last_epoch) / self.total_iters
        )
        return [lr * factor for lr in self.base_lrs]


@schedule.see("StepLR")
class ExponentialLR(LRScheduler):
    """Times `gamma` every epoch.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.5]

    Parameters
    ----------
    gamma : float
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        return self._lrs() if self._is_initial else self._scaled(self.gamma)

    def _closed_form(self) -> list[float]:
        return [lr * self.gamma**self.last_epoch for lr in self.base_lrs]


@schedule.see("LinearLR")
class PolynomialLR(LRScheduler):
    """The first rate times (1 - epoch / total_iters)^power, until `total_iters`.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.5]

    Parameters
    ----------
    total_iters : int
    power : float
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._lrs()
        now = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._scaled((now / before) ** self.power)

    def _closed_form(self) -> list[float]:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [lr * left**self.power for lr in self.base_lrs]


@schedule.see("CosineAnnealingWarmRestarts")
class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the first rate to `eta_min` in `T_max` epochs, and back after it.

    Loshchilov and Hutter, 2017, without restarts.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> [round(rate, 4) for rate in scheduler.get_last_lr()]
    [0.5]

    Parameters
    ----------
    T_max : int
        At least 1.
    eta_min : float

    Raises
    ------
    ValueError
        `T_max` is below 1.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        check_optimizer(self, optimizer)
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max is {T_max}; it must be at least 1")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        if self._is_initial:
            return self._lrs()
        if self._step_count == 1 and self.last_epoch > 0:
            return self._closed_form()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # from the lowest point on: the factor below would be 0 / 0
            first = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(self._lrs(), self.base_lrs, strict=True)
            return [lr + (base - self.eta_min) * first for lr, base in pairs]
        now = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        before = 1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        return [now / before * (lr - self.eta_min) + self.eta_min for lr in self._lrs()]

    def _closed_form(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]
