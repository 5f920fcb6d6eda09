"""Averages of a model's weights along the way: SWA (equal weights) and EMA (decaying ones)."""

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see
from tensorxp._backend.names import listing
from tensorxp._core.face import is_floating, raw, written
from tensorxp.nn import Module
from tensorxp.nn.normalization import _BatchNorm
from tensorxp.optim._families import schedule
from tensorxp.optim._pieces import LIMIT, LIMITS, Scratch, current, pieces
from tensorxp.optim.lr_scheduler._base import LRScheduler, check_optimizer, per_group
from tensorxp.optim.optimizer import Optimizer

__all__ = [
    "AveragedModel",
    "SWALR",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]
__dir__ = listing(globals())

_scratch = Scratch()


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided; it must be in [0, 1]")


def _approach(average: Any, current_value: Any, weight: float) -> None:
    """Do average += weight · (value - average) in place; integers are rounded towards zero."""
    device = average.device
    base = device.raw.base
    mean, value = raw(average), raw(current_value)
    if not is_floating(average):
        mean[...] = mean + weight * (value - mean)
        written(average)
        return
    with current(device):
        arrays = [mean, value]
        for target, value in pieces(arrays, LIMITS.get(device.type, LIMIT)):
            (out,) = _scratch.like(device, target, 1)
            base.subtract(value, target, out=out)
            base.multiply(out, weight, out=out)
            base.add(target, out, out=target)
    written(average)


@see("get_ema_avg_fn")
def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[list[Any], list[Any], Any], None]:
    """Return a `multi_avg_fn` of `AveragedModel`: average += (1 - decay) (parameter - average).

    >>> average = xp.asarray([1.0])
    >>> xp.optim.swa_utils.get_ema_multi_avg_fn(0.9)([average], [xp.asarray([2.0])], 1)
    >>> average
    tensor([1.1])

    Parameters
    ----------
    decay : float
        In [0, 1].

    Returns
    -------
    callable
        f(averages, parameters, num_averaged), in place.

    Raises
    ------
    ValueError
        `decay` is out of range.
    """
    _check_decay(decay)

    def ema_update(averages: list[Any], params: list[Any], num_averaged: Any) -> None:
        for average, p in zip(averages, params, strict=True):
            _approach(average, p, 1 - decay)

    return ema_update


@see("get_swa_avg_fn")
def get_swa_multi_avg_fn() -> Callable[[list[Any], list[Any], Any], None]:
    """Return a `multi_avg_fn` of `AveragedModel` that weighs all models equally.

    >>> average = xp.asarray([1.0])
    >>> xp.optim.swa_utils.get_swa_multi_avg_fn()([average], [xp.asarray([2.0])], xp.asarray(1))
    >>> average
    tensor([1.5])

    Returns
    -------
    callable
        f(averages, parameters, num_averaged), in place.
    """

    def swa_update(averages: list[Any], params: list[Any], num_averaged: Any) -> None:
        for average, p in zip(averages, params, strict=True):
            _approach(average, p, 1 / (int(num_averaged) + 1))

    return swa_update


@see("get_ema_multi_avg_fn, get_swa_avg_fn")
def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], Any]:
    """Return an `avg_fn` of `AveragedModel`: decay · average + (1 - decay) · parameter.

    >>> xp.optim.swa_utils.get_ema_avg_fn(0.9)(xp.asarray([1.0]), xp.asarray([2.0]), 1)
    tensor([1.1])

    Parameters
    ----------
    decay : float
        In [0, 1].

    Returns
    -------
    callable
        f(average, parameter, num_averaged), which returns the new average.

    Raises
    ------
    ValueError
        `decay` is out of range.
    """
    _check_decay(decay)

    def ema_update(average: Any, param: Any, num_averaged: Any) -> Any:
        return decay * average + (1 - decay) * param

    return ema_update


@see("get_swa_multi_avg_fn, get_ema_avg_fn")
def get_swa_avg_fn() -> Callable[[Any, Any, Any], Any]:
    """Return an `avg_fn` of `AveragedModel` that weighs all models equally.

    >>> xp.optim.swa_utils.get_swa_avg_fn()(xp.asarray([1.0]), xp.asarray([2.0]), 1)
    tensor([1.5])

    Returns
    -------
    callable
        f(average, parameter, num_averaged), which returns the new average.
    """

    def swa_update(average: Any, param: Any, num_averaged: Any) -> Any:
        return average + (param - average) / (int(num_averaged) + 1)

    return swa_update


@see("SWALR")
class AveragedModel(Module):
    """A copy of a model with averages of the parameters given to `update_parameters`.

    Izmailov and others, 2018. Shape: the model's. Buffer: `n_averaged`.

    >>> model = xp.nn.Linear(1, 1)
    >>> averaged = xp.optim.swa_utils.AveragedModel(model)
    >>> averaged.update_parameters(model)
    >>> averaged.n_averaged
    tensor(1)

    Parameters
    ----------
    model : Module
    device : Device, str or None
        Of the copy.
    avg_fn : callable or None
        Averages one parameter at a time.
    multi_avg_fn : callable or None
        Averages all; None: equal weights.
    use_buffers : bool
        Average buffers too; otherwise they are copied.

    Raises
    ------
    TypeError
        `model` is no Module.
    ValueError
        Both functions are given.
    """

    def __init__(
        self,
        model: Any,
        device: Any = None,
        avg_fn: Callable[[Any, Any, Any], Any] | None = None,
        multi_avg_fn: Callable[[list[Any], list[Any], Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(model, Module):
            raise TypeError(
                f"AveragedModel: model is a {type(model).__name__}; it must be a Module"
            )
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", xp.asarray(0, dtype=xp.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Any) -> None:
        """Take the parameters of `model` into the averages; ValueError where shapes differ."""
        ours, theirs = list(self.module.parameters()), list(model.parameters())
        buffers = list(self.module.buffers()), list(model.buffers())
        if self.use_buffers:
            ours, theirs = ours + buffers[0], theirs + buffers[1]
        shapes = [[x.shape for x in side] for side in (ours, theirs)]
        if shapes[0] != shapes[1]:
            raise ValueError("update_parameters: model has parameters of other shapes")
        n = int(self.n_averaged)
        with xp.no_grad():
            pairs = [
                (average.detach(), p.detach().to(average.device))
                for average, p in zip(ours, theirs, strict=True)
            ]
            if n == 0:
                for average, p in pairs:
                    average.copy_(p)
            elif self.avg_fn is not None:
                for average, p in pairs:
                    average.copy_(self.avg_fn(average, p, self.n_averaged))
            elif pairs:
                update = self.multi_avg_fn or get_swa_multi_avg_fn()
                averages, params = zip(*pairs, strict=True)
                update(list(averages), list(params), self.n_averaged)
            if not self.use_buffers:
                for ours_b, theirs_b in zip(*buffers, strict=True):
                    ours_b.detach().copy_(theirs_b.detach().to(ours_b.device))
            self.n_averaged += 1


@see("AveragedModel")
def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Recompute the running statistics of all batch norms by one pass over `loader`.

    >>> model = xp.nn.Sequential(xp.nn.BatchNorm1d(1))
    >>> xp.optim.swa_utils.update_bn([xp.asarray([[1.0], [3.0]])], model)
    >>> model[0].running_mean
    tensor([2.], dtype=float32)

    Parameters
    ----------
    loader : iterable
        Of inputs, or of lists or tuples whose first item is one.
    model : Module
        Called in training mode, without recording.
    device : Device, str or None
        To which inputs are moved.

    Raises
    ------
    TypeError
        `model` is no Module.
    """
    if not isinstance(model, Module):
        raise TypeError(f"update_bn: model is a {type(model).__name__}; it must be a Module")
    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    try:
        for module in momenta:
            module.momentum = None  # a cumulative average
        with xp.no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, list | tuple) else batch
                model(x if device is None else x.to(device))
    finally:
        for module, momentum in momenta.items():
            module.momentum = momentum
        model.train(was_training)


@schedule.see("AveragedModel")
class SWALR(LRScheduler):
    """Goes from the present rate to `swa_lr` in `anneal_epochs`.

    >>> optimizer = xp.optim.SGD([xp.nn.Parameter(xp.ones(1))], lr=1.0)
    >>> scheduler = xp.optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=1)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]

    Parameters
    ----------
    swa_lr : float or list
        One for each group.
    anneal_epochs : int
    anneal_strategy : str
        "cos" or "linear".
    last_epoch : int
        To resume after this epoch; -1: start.

    Raises
    ------
    ValueError
        Other lengths, `anneal_epochs` or `anneal_strategy`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        lrs = per_group("SWALR", "swa_lr", optimizer, swa_lr)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"SWALR: anneal_strategy is {anneal_strategy!r}; it must be 'cos' or 'linear'"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: anneal_epochs is {anneal_epochs}; it must not be negative")
        for group, lr in zip(optimizer.param_groups, lrs, strict=True):
            group["swa_lr"] = lr
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _part(self, step: float) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list[float]:
        """Return the rates for this step."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._part(step - 1), self._part(step)
        found = []
        for group, lr in zip(self.optimizer.param_groups, self._lrs(), strict=True):
            goal = group["swa_lr"]
            start = goal if before == 1 else (lr - before * goal) / (1 - before)
            found.append(goal * now + start * (1 - now))
        return found
