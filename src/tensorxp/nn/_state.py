"""State dicts: what a module has to be saved, under PyTorch's keys, and how it is loaded back."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tensorxp import Tensor, asarray, no_grad


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found amiss: missing and unexpected keys."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )

    def __str__(self) -> str:
        return repr(self)


_EXTRA = "_extra_state"


class StateMethods:
    """The part of a `Module` that concerns its state dict."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _modules: dict[str, Any]

    def get_extra_state(self) -> Any:
        """Return more to put into the state dict; override it together with `set_extra_state`."""
        raise RuntimeError("get_extra_state: override it to have extra state")

    def set_extra_state(self, state: Any) -> None:
        """Take back the `state` that `get_extra_state` returned."""
        raise RuntimeError("set_extra_state: override it to have extra state")

    def _own_state(self, keep_vars: bool) -> dict[str, Any]:
        """Return the entries of this module alone."""
        own = {name: value for name, value in self._parameters.items() if value is not None}
        for name, value in self._buffers.items():
            if value is not None and name not in self._non_persistent_buffers_set:
                own[name] = value
        if not keep_vars:
            own = {name: value.detach() for name, value in own.items()}
        if type(self).get_extra_state is not StateMethods.get_extra_state:
            own[_EXTRA] = self.get_extra_state()
        return own

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> "OrderedDict[str, Any]":
        """Return the parameters and persistent buffers by dotted name, after `prefix`.

        The Tensors share the module's memory and are detached unless `keep_vars`. With
        `destination`, they are put into that dict, which is returned.
        """
        found: OrderedDict[str, Any] = OrderedDict() if destination is None else destination
        for name, value in self._own_state(keep_vars).items():
            found[prefix + name] = value
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=found, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return found

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of `state_dict` (Tensors, NumPy arrays or PyTorch tensors) in.

        Returns the missing and unexpected keys; with `strict` these raise a RuntimeError, as wrong
        shapes do always. Nothing is changed when it raises. `assign` takes the Tensors themselves.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"Expected state_dict to be dict-like, got {type(state_dict).__name__}."
            )
        plan: list[tuple[Callable[[Any], Any], Any]] = []
        missing: list[str] = []
        errors: list[str] = []
        known: set[str] = set()
        self._collect(state_dict, "", assign, plan, missing, errors, known)
        unexpected = [key for key in state_dict if key not in known]
        if strict:
            if unexpected:
                listed = ", ".join(f'"{key}"' for key in unexpected)
                errors.insert(0, f"Unexpected key(s) in state_dict: {listed}. ")
            if missing:
                listed = ", ".join(f'"{key}"' for key in missing)
                errors.insert(0, f"Missing key(s) in state_dict: {listed}. ")
        if errors:
            raise RuntimeError(
                "Error(s) in loading state_dict for {}:\n\t{}".format(
                    type(self).__name__, "\n\t".join(errors)
                )
            )
        with no_grad():
            for put, value in plan:
                put(value)
        return IncompatibleKeys(missing, unexpected)

    def _collect(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        assign: bool,
        plan: list[tuple[Callable[[Any], Any], Any]],
        missing: list[str],
        errors: list[str],
        known: set[str],
    ) -> None:
        """Check the entries of this module and those below; put what to do into `plan`."""
        self._upgrade_state(state_dict, prefix, known)
        for name, own in self._own_state(keep_vars=True).items():
            key = prefix + name
            known.add(key)
            if key not in state_dict:
                if not self._may_miss(name):
                    missing.append(key)
            elif name == _EXTRA:
                plan.append((self.set_extra_state, state_dict[key]))
            else:
                value, error = _read(key, state_dict[key], own)
                if error:
                    errors.append(error)
                elif assign:
                    plan.append((self._assigner(name), value))
                else:
                    plan.append((own.copy_, value))
        for name, module in self._modules.items():
            if module is not None:
                module._collect(
                    state_dict, f"{prefix}{name}.", assign, plan, missing, errors, known
                )

    def _upgrade_state(self, state_dict: Mapping[str, Any], prefix: str, known: set[str]) -> None:
        """Adapt to older layouts of this module's entries; override where there are any."""

    def _may_miss(self, name: str) -> bool:
        """Return whether a state dict without `name` is complete all the same."""
        return False

    def _assigner(self, name: str) -> Callable[[Any], None]:
        def put(value: Any) -> None:
            own = self._parameters.get(name)
            if own is None:
                self._buffers[name] = value
            else:
                own.data = value

        return put


def _read(key: str, value: Any, own: Any) -> tuple[Any, str]:
    """Return the entry as a Tensor that fits `own`, and what is wrong with it."""
    if not isinstance(value, Tensor):
        if not hasattr(value, "__array__") and not isinstance(value, int | float | complex):
            return None, (
                f'While copying the parameter named "{key}", expected a tensor or array but '
                f"received {type(value).__name__}"
            )
        if callable(getattr(value, "detach", None)):
            value = value.detach().cpu().numpy()
        value = asarray(np.asarray(value), dtype=own.dtype)
    if value.shape != own.shape:
        if value.shape == (1,) and own.shape == ():
            return value[0], ""
        return None, (
            f"size mismatch for {key}: copying a param with shape {value.shape} from "
            f"checkpoint, the shape in current model is {own.shape}."
        )
    if value.dtype.kind == "c" and own.dtype.kind != "c":
        return None, f"dtype mismatch for {key}: the checkpoint is complex, the current model real."
    return value.to(own.device), ""
