"""`LRScheduler`: counts steps, asks a subclass for the next learning rates, and sets them.

Most schedules go from the present rate to the next one by a factor, so that several of them
can act on one optimizer; where there is a closed form, `step(epoch)` can jump.
"""

import types
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

import tensorxp as xp
from tensorxp.optim._families import schedule
from tensorxp.optim.optimizer import Optimizer, is_number, number


def set_option(group: dict[str, Any], name: str, value: float) -> None:
    """Set an option of a parameter group, in place where it is a Tensor."""
    if isinstance(group[name], xp.Tensor):
        with xp.no_grad():
            group[name].fill_(value)
    else:
        group[name] = value


def per_group(function: str, name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return one value for each parameter group; ValueError for a list of another length."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{function}: {name} has {len(value)} values, but there are {groups} parameter groups"
        )
    return list(value)


@schedule
class LRScheduler:
    """The base of the schedulers. Call `step()` after the optimizer's, usually once per epoch.

    A subclass gives `get_lr()`, the rates at `last_epoch`, from the present ones in the groups or
    from `base_lrs`, the first ones. Making a scheduler sets the rates of epoch 0.

    Raises
    ------
    KeyError
        It resumes, but the groups have no "initial_lr".
    """

    optimizer: Optimizer
    base_lrs: list[float]
    last_epoch: int
    _is_initial: bool = False
    _hidden: tuple[str, ...] = ("optimizer",)
    #: Numbers that may be None.
    _optional: tuple[str, ...] = ()

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(self, optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", number(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: 'initial_lr' is not in param_groups[{i}]; load the "
                    "optimizer's state dict before resuming with last_epoch >= 0"
                )
        self.base_lrs = [number(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def _lrs(self) -> list[float]:
        """Return the present rates of the groups."""
        return [number(group["lr"]) for group in self.optimizer.param_groups]

    def _scaled(self, factor: float) -> list[float]:
        return [lr * factor for lr in self._lrs()]

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`; `get_last_lr` is what users want."""
        raise NotImplementedError

    def _closed_form(self) -> list[float]:
        """Return the rates for `last_epoch` from `base_lrs` alone, where that is possible."""
        return self.get_lr()

    def get_last_lr(self) -> list[float]:
        """Return the rates that this scheduler set last."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on by one epoch, or to `epoch`, and set the rates.

        A UserWarning tells where the optimizer has made no step yet.
        """
        if (
            self._step_count == 1
            and not self.optimizer._opt_called
            and type(self.optimizer).step is Optimizer.step
        ):
            warnings.warn(
                f"{type(self).__name__}: `lr_scheduler.step()` was called before "
                "`optimizer.step()`, so that the first rate of the schedule is skipped; call them "
                "in the opposite order",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            values = self.get_lr()
        else:
            self.last_epoch = epoch
            values = self._closed_form()
        self._set(values)

    def _set(self, values: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_option(group, "lr", lr)
        self._last_lr = self._lrs()

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimizer; functions are left out."""
        return {name: value for name, value in vars(self).items() if name not in self._hidden}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take attributes from `state_dict`. Load the optimizer's after making the scheduler.

        TypeError, KeyError or ValueError, with nothing changed, where attributes are missing or of
        another type or length.
        """
        self._check_state(state_dict)
        self._take_state(dict(state_dict))

    def _check_state(self, state_dict: Any) -> None:
        name = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"{name}: state_dict is a {type(state_dict).__name__}; give a dict")
        own = vars(self)
        missing = [key for key in self.state_dict() if key not in state_dict and key[0] != "_"]
        if missing:
            raise KeyError(f"{name}: state_dict has no {', '.join(map(repr, missing))}")
        for key, value in state_dict.items():
            if not isinstance(key, str) or key == "optimizer":
                raise KeyError(f"{name}: state_dict has {key!r}, which is no attribute")
            if key in self._hidden or (value is None and key in self._optional):
                continue
            if not _alike(own.get(key), value):
                raise _unlike(own[key], value)(
                    f"{name}: {key} is {value!r}; the scheduler has {own[key]!r}"
                )

    def _take_state(self, state: dict[str, Any]) -> None:
        """Take attributes from a state dict that was checked; the caller gives its copy."""
        vars(self).update(state)


def check_optimizer(scheduler: Any, optimizer: Any) -> None:
    """Raise TypeError for anything but an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{type(scheduler).__name__}: optimizer is a {type(optimizer).__name__}; it must be "
            "an Optimizer"
        )


def _alike(own: Any, new: Any) -> bool:
    """Return whether an attribute may be replaced by `new`."""
    if isinstance(own, list | tuple):
        if not isinstance(new, list | tuple) or not own:
            return isinstance(new, list | tuple)
        if isinstance(own[0], Mapping):  # phases, of which there may be more
            return bool(new) and all(_alike(own[0], item) for item in new)
        return len(own) == len(new) and all(map(_alike, own, new))
    if isinstance(own, Counter):
        return isinstance(new, Mapping) and all(map(is_number, (*new, *new.values())))
    if isinstance(own, Mapping):
        if not isinstance(new, Mapping) or own.keys() != new.keys():
            return False
        return all([_alike(value, new[key]) for key, value in own.items()])
    if isinstance(own, str):
        return isinstance(new, str)
    return not is_number(own) or is_number(new)


def _unlike(own: Any, new: Any) -> type[Exception]:
    """Return the type of the error for an attribute that is not alike."""
    return ValueError if isinstance(own, list | tuple) and isinstance(new, list) else TypeError


def check_saved_function(name: str, function: Any, saved: Any) -> None:
    """Raise TypeError where `saved` holds no attributes for the object that a function is."""
    if saved is not None and (not isinstance(saved, Mapping) or not hasattr(function, "__dict__")):
        raise TypeError(f"{name} is {saved!r}, but the scheduler has {function!r}")


def saved_function(function: Any) -> Any:
    """Return what a state dict holds of a callable: the attributes of an object, else None."""
    return None if isinstance(function, types.FunctionType) else dict(vars(function))
