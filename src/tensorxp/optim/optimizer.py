"""`Optimizer`: parameter groups, state dicts in PyTorch's layout, and the walk over parameters.

A subclass says how a parameter's state begins (`_begin`), what a step needs beside the arrays
(`_advance`), and the update itself (`_rule`), which runs on raw arrays, piece by piece, in place.
"""

import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any, ClassVar

import tensorxp as xp
from tensorxp._core.face import RemovableHandle, adopt, raw, replica, span, watching, written
from tensorxp.optim._pieces import LIMIT, LIMITS, Scratch, as_real, current, pieces

required: Any = object()


def number(value: Any) -> float:
    """Return a hyperparameter, which may be a Tensor of one element, as a float."""
    return value if value.__class__ is float else float(value)


def check_real(optimizer: str, given: dict[str, Any]) -> None:
    """Raise TypeError for a hyperparameter that is no real number, or Tensor of one."""
    for name, value in given.items():
        if getattr(value, "size", 1) != 1 or not hasattr(value, "__float__"):
            shape = getattr(value, "shape", None)
            told = repr(value) if shape is None else f"a {type(value).__name__} of shape {shape}"
            raise TypeError(f"{optimizer}: {name} is {told}; allowed is a real number")
        if getattr(value, "dtype", None) is not None and value.dtype.kind not in "fiub":
            raise TypeError(
                f"{optimizer}: {name} has dtype {value.dtype}; allowed is a real number"
            )


def check(
    optimizer: str,
    *,
    betas: Any = None,
    **at_least_zero: Any,
) -> None:
    """Raise TypeError for a hyperparameter that is no real number, ValueError out of range."""
    names = {"lr": "learning rate", "eps": "epsilon value"}
    given = {f"betas[{i}]": beta for i, beta in enumerate(() if betas is None else betas)}
    check_real(optimizer, at_least_zero | given)
    for name, value in at_least_zero.items():
        if not 0.0 <= number(value):
            what = names.get(name, f"{name} value")
            raise ValueError(f"{optimizer}: Invalid {what}: {value}; it must not be negative")
    for i, beta in enumerate(() if betas is None else betas):
        if not 0.0 <= number(beta) < 1.0:
            raise ValueError(
                f"{optimizer}: Invalid beta parameter at index {i}: {beta}; it must be in [0, 1)"
            )


def options(
    foreach: bool | None, capturable: bool, differentiable: bool, **more: Any
) -> dict[str, Any]:
    """Return PyTorch's options of the implementation, which change nothing here."""
    if differentiable:
        raise NotImplementedError(
            "differentiable=True: steps are made in place and are not recorded; write the update "
            "with recorded operations to differentiate through it"
        )
    return {
        "foreach": foreach,
        "capturable": capturable,
        "differentiable": differentiable,
        **more,
    }


def counter(value: Any = 0.0) -> Any:
    """Return a 0-d Tensor on the CPU that counts steps, as PyTorch's state dicts hold."""
    return xp.asarray(float(value), dtype=_scalar_dtype(), device="cpu", copy=True)


def filled_like(p: Any, value: complex = 0) -> Any:
    """Return a state tensor in the memory layout of a parameter, so that pieces line up."""
    device = p.device
    with current(device):
        return adopt(device.raw.base.full_like(raw(p), value), device)


def counted(state: dict[str, Any]) -> float:
    """Count a step in the state of a parameter, and return its number."""
    step = raw(state["step"])
    step += 1
    return float(step)


def _scalar_dtype() -> Any:
    return xp.float64 if xp.get_default_dtype() == xp.float64 else xp.float32


class Optimizer:
    """The base of all optimizers: groups of parameters, their states, and state dicts as PyTorch's.

    Parameters
    ----------
    params : iterable
        Tensors, (name, Tensor) pairs, or dicts with "params" and options of a group.
    defaults : dict
        Options that groups do not give.

    Raises
    ------
    TypeError
        `params` holds anything but Tensors.
    ValueError
        `params` is empty or not of leaves, or one is in two groups.
    """

    _buffers: ClassVar[int] = 2

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._prepare()
        if isinstance(params, xp.Tensor):
            raise TypeError(
                f"{type(self).__name__}: params is a Tensor; give an iterable of Tensors or dicts"
            )
        try:
            groups = list(params)
        except TypeError:
            raise TypeError(
                f"{type(self).__name__}: params is a {type(params).__name__}; give an iterable of "
                "Tensors or dicts" + (", as its parameters()" * hasattr(params, "parameters"))
            ) from None
        if not groups:
            raise ValueError(f"{type(self).__name__}: optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self) -> None:
        self._scratch = Scratch()
        self._pre_hooks: dict[int, Any] = {}
        self._post_hooks: dict[int, Any] = {}
        self._opt_called = False

    # groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add `param_group`, a dict of "params" and options; defaults fill what is not given.

        TypeError for other things than Tensors, KeyError without "params", ValueError for tensors
        that are no leaves or in another group; nothing is changed then.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"add_param_group: param_group is a {type(param_group).__name__}")
        group = dict(param_group)
        if "params" not in group:
            raise KeyError("add_param_group: param_group has no 'params'")
        params = group["params"]
        if isinstance(params, set):
            raise TypeError("add_param_group: params is a set, whose order changes; give a list")
        listed = [params] if isinstance(params, xp.Tensor) else list(params)
        names = [p[0] for p in listed if isinstance(p, tuple)]
        if names:
            if len(names) != len(listed):
                raise ValueError("add_param_group: name all parameters or none")
            listed = [p[1] for p in listed]
            group["param_names"] = names
        for p in listed:
            if not isinstance(p, xp.Tensor):
                raise TypeError(
                    f"add_param_group: optimizer can only optimize Tensors, but one of the params "
                    f"is a {type(p).__name__}"
                )
            if not p.is_leaf:
                raise ValueError("add_param_group: can't optimize a non-leaf Tensor")
        group["params"] = listed
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"add_param_group: the group didn't give a value for {name!r}")
            group.setdefault(name, default)
        if len(listed) != len({id(p) for p in listed}):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters", stacklevel=3
            )
        for other in self.param_groups:
            if ("param_names" in other) != ("param_names" in group):
                raise ValueError("add_param_group: all groups must have names, or none")
            if {id(p) for p in other["params"]} & {id(p) for p in listed}:
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; unless `set_to_none`, fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    zeroed = p.grad.detach()
                    zeroed.zero_()
                    p.grad = zeroed

    # steps

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters from their gradients, and return the loss of `closure`.

        `closure` computes the gradients anew and returns the loss; it is called with grad
        enabled. Parameters without a gradient are left alone.
        """
        args: tuple[Any, ...] = () if closure is None else (closure,)
        kwargs: dict[str, Any] = {}
        for hook in list(self._pre_hooks.values()):
            result = hook(self, args, kwargs)
            if result is not None:
                args, kwargs = result
        with xp.no_grad():
            if watching:
                with span(f"{type(self).__name__}.step", "step", params_of(self.param_groups)):
                    loss = self._step(*args, **kwargs)
            else:
                loss = self._step(*args, **kwargs)
        for hook in list(self._post_hooks.values()):
            hook(self, args, kwargs)
        self._opt_called = True
        return loss

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with xp.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                grad = p.grad
                if grad is not None:
                    self._update(p, grad, group)
        return loss

    def _update(self, p: Any, grad: Any, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            self._begin(p, group, state)
        slots, c = self._advance(p, group, state)
        device = p.device
        arrays = list(map(raw, (p, grad, *slots)))
        if arrays[0].dtype.kind == "c":
            arrays = [as_real(x) for x in arrays]
        with current(device):
            if not self._at_once(device, arrays, c):
                base = device.raw.base
                for target, g, *states in pieces(arrays, LIMITS.get(device.type, LIMIT)):
                    scratch = self._scratch.like(device, target, self._buffers)
                    self._rule(base, target, g, states, scratch, c)
        written(p)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        """Put the state of a parameter before its first step into `state`."""

    def _advance(
        self, p: Any, group: dict[str, Any], state: dict[str, Any]
    ) -> tuple[list[Any], Any]:
        """Return the Tensors of the state that the rule uses, and the numbers of this step."""
        raise NotImplementedError

    def _at_once(self, device: Any, arrays: list[Any], c: Any) -> bool:
        """Do the step on (p, g, *states) by one kernel; return whether there is one."""
        return False

    def _rule(self, xp: Any, p: Any, g: Any, states: list[Any], scratch: list[Any], c: Any) -> None:
        """Update `p` and `states` in place; `xp` is the raw namespace."""
        raise NotImplementedError

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new ones.

        Returns a handle with `remove()`.
        """
        return RemovableHandle(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step; return a handle with `remove()`."""
        return RemovableHandle(self._post_hooks, hook)

    # states

    def state_dict(self) -> dict[str, Any]:
        """Return states and options in PyTorch's layout, parameters named by their number."""
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        index = {id(p): i for i, p in enumerate(params)}
        groups = []
        for group in self.param_groups:
            packed = {name: value for name, value in group.items() if name != "params"}
            packed["params"] = [index[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {
            index[id(p)]: values for p, values in self.state.items() if values and id(p) in index
        }
        return {"state": dict(sorted(state.items())), "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take states and options from `state_dict`, one of PyTorch too.

        Values are copied, and brought to the device and dtype of their parameter. TypeError,
        KeyError or ValueError, with nothing changed, where entries are missing or of another type
        or shape, or groups or their sizes differ.
        """
        _check_type("the state dict", state_dict, Mapping)
        for entry, kind in (("state", Mapping), ("param_groups", list | tuple)):
            if entry not in state_dict:
                raise KeyError(f"load_state_dict: the state dict has no {entry!r}")
            _check_type(entry, state_dict[entry], kind)
        for i, group in enumerate(state_dict["param_groups"]):
            _check_type(f"param_groups[{i}]", group, Mapping)
            if "params" not in group:
                raise KeyError(f"load_state_dict: param_groups[{i}] has no 'params'")
            _check_type(f"param_groups[{i}]['params']", group["params"], list | tuple)
        saved = [dict(group) for group in state_dict["param_groups"]]
        if len(saved) != len(self.param_groups):
            raise ValueError(
                f"load_state_dict: loaded state dict has {len(saved)} parameter groups, the "
                f"optimizer {len(self.param_groups)}"
            )
        for i, (new, group) in enumerate(zip(saved, self.param_groups, strict=True)):
            if len(new["params"]) != len(group["params"]):
                raise ValueError(
                    f"load_state_dict: group {i} of the loaded state dict has "
                    f"{len(new['params'])} parameters, that of the optimizer {len(group['params'])}"
                )
        groups = []
        for i, (new, group) in enumerate(zip(saved, self.param_groups, strict=True)):
            kept = {n: _loaded_option(v) for n, v in new.items() if n != "params"}
            if "param_names" in group:
                kept.setdefault("param_names", group["param_names"])
            for name, default in self.defaults.items():
                if default is required and name not in kept:
                    raise KeyError(f"load_state_dict: param_groups[{i}] has no {name!r}")
                _check_option(f"param_groups[{i}][{name!r}]", kept.get(name, default), default)
            groups.append({**self.defaults, **kept, "params": group["params"]})
        by_id: dict[Any, tuple[Any, Any]] = {}
        for new, group in zip(saved, groups, strict=True):
            for key, p in zip(new["params"], group["params"], strict=True):
                if key in by_id and by_id[key][0] is not p:
                    raise ValueError(f"load_state_dict: parameter {key!r} is there twice")
                by_id[key] = p, group
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, values in state_dict["state"].items():
            key = int(key) if isinstance(key, str) and key.isdecimal() else key
            if key not in by_id:
                raise ValueError(f"load_state_dict: state[{key!r}] belongs to no parameter")
            p, group = by_id[key]
            _check_type(f"state[{key!r}]", values, Mapping)
            state[p] = self._loaded_state(key, p, group, values)
        self.state, self.param_groups = state, groups

    def _loaded_state(self, key: Any, p: Any, group: dict[str, Any], values: Any) -> dict[str, Any]:
        """Return the state of a parameter from `values`, which has the entries of a new one."""
        expected: dict[str, Any] = {}
        if values:
            self._begin(p, group, expected)
        for name in expected:
            if values.get(name) is None:
                raise KeyError(f"load_state_dict: state[{key!r}] has no {name!r}")
        loaded = {}
        for name, value in values.items():
            place = f"state[{key!r}][{name!r}]"
            try:
                loaded[name] = self._loaded(p, name, value)
            except (TypeError, ValueError) as error:
                raise type(error)(f"load_state_dict: {place}: {error}") from None
            self._check_loaded(place, p, name, loaded[name])
        return loaded

    def _check_loaded(self, place: str, p: Any, name: str, value: Any) -> None:
        """Raise ValueError for a value of another shape than the optimizer makes."""
        if isinstance(value, xp.Tensor) and name not in self._counters and value.shape != p.shape:
            raise ValueError(
                f"load_state_dict: {place} has shape {value.shape}, its parameter {p.shape}"
            )

    # entries of a state that count, and stay on the CPU in their own dtype
    _counters: ClassVar[tuple[str, ...]] = ("step", "mu_product")

    def _state_dtype(self, p: Any) -> Any:
        """Return the dtype of a parameter's state."""
        return p.dtype

    def _loaded(self, p: Any, name: str, value: Any) -> Any:
        if name in self._counters:
            if not is_number(value):
                raise TypeError(f"{value!r} is no number")
            return counter(value)
        if isinstance(value, list | tuple):
            return type(value)(self._loaded(p, name, item) for item in value)
        if hasattr(value, "shape"):
            found = as_tensor(value)
            if found.dtype.is_complex and not self._state_dtype(p).is_complex:
                raise TypeError("it is complex, what it belongs to is real")
            return found.to(device=p.device, dtype=self._state_dtype(p), copy=True)
        if isinstance(value, str):
            raise TypeError(f"{value!r} is a str")
        return deepcopy(value)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Optimizer":
        """Return an optimizer of new leaves; deepcopy model and optimizer as one tuple."""
        for p in params_of(self.param_groups):
            if id(p) not in memo:
                memo[id(p)] = replica(p)
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__setstate__(deepcopy(self.__getstate__(), memo))
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _check_type(what: str, value: Any, kind: Any) -> None:
    if not isinstance(value, kind):
        allowed = "a dict" if kind is Mapping else "a list"
        raise TypeError(
            f"load_state_dict: {what} is a {type(value).__name__}; it must be {allowed}"
        )


def is_number(value: Any) -> bool:
    """Return whether a value is a real number, or an array of one."""
    if hasattr(value, "shape"):
        # PyTorch's dtypes have no kind
        real = "complex" not in str(value.dtype) and getattr(value.dtype, "kind", "f") in "biuf"
        return math.prod(value.shape) == 1 and real
    return isinstance(value, int | float)


def _check_option(what: str, value: Any, default: Any) -> None:
    """Raise TypeError or ValueError for an option that is nothing like its default."""
    if isinstance(default, list | tuple):
        if not isinstance(value, list | tuple) or not all(map(is_number, value)):
            raise TypeError(f"load_state_dict: {what} is {value!r}; it must hold numbers")
        if len(value) != len(default):
            raise ValueError(
                f"load_state_dict: {what} is {value!r}; it must hold {len(default)} numbers"
            )
    elif is_number(default) and not is_number(value):
        raise TypeError(f"load_state_dict: {what} is {value!r}; it must be a number")


def as_tensor(value: Any) -> Any:
    """Return a Tensor, detached; arrays and tensors of other libraries are taken over."""
    if isinstance(value, xp.Tensor):
        return value.detach()
    if callable(getattr(value, "detach", None)):
        value = value.detach().cpu().numpy()
    return xp.asarray(value)


def _loaded_option(value: Any) -> Any:
    if hasattr(value, "shape") and not isinstance(value, xp.Tensor):
        return as_tensor(value)
    return deepcopy(value)


def params_of(groups: Iterable[dict[str, Any]]) -> list[Any]:
    """Return the parameters of all groups."""
    return [p for group in groups for p in group["params"]]
