"""`Module`: the base of every layer; it registers parameters, buffers and submodules.

What is set as an attribute goes into the dict of its kind, as in PyTorch, so that traversal,
state dicts and moves see it. Loading is in `_state.py`, calls with hooks in `_hooks.py`, devices
and dtypes in `_moves.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import tensorxp.utils  # noqa: F401 - before its module, which another thread may be importing
from tensorxp import Tensor, no_grad
from tensorxp.nn._hooks import HookMethods
from tensorxp.nn._moves import MoveMethods
from tensorxp.nn._state import StateMethods
from tensorxp.nn.parameter import Buffer, Parameter
from tensorxp.utils.summary import module_html, summary


class Module(HookMethods, StateMethods, MoveMethods):
    """Base class of neural network layers: override `__init__` and `forward`.

    Shape: what `forward` takes and gives. Attributes that are Parameters, Modules or Buffers are
    registered.

    >>> import tensorxp as xp
    >>> class Model(xp.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.linear = xp.nn.Linear(4, 2)
    ...     def forward(self, x):
    ...         return xp.nn.functional.relu(self.linear(x))
    >>> [name for name, _ in Model().named_parameters()]
    ['linear.weight', 'linear.bias']
    """

    training: bool

    def __init__(self) -> None:
        state = self.__dict__
        state["training"] = True
        state["_parameters"] = {}
        state["_buffers"] = {}
        state["_non_persistent_buffers_set"] = set()
        state["_modules"] = {}
        self._init_hooks()

    # attributes

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        if isinstance(value, Parameter):
            self._ready(name)
            self._forget(name, state["_parameters"])
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._ready(name)
            self._forget(name, state["_modules"])
            state["_modules"][name] = value
        elif isinstance(value, Buffer):
            self._ready(name)
            self._forget(name, state["_buffers"])
            self.register_buffer(name, value, value.persistent)
        elif name in state.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as parameter '{name}' "
                    "(tensorxp.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
        elif name in state.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as child module '{name}' "
                    "(tensorxp.nn.Module or None expected)"
                )
            state["_modules"][name] = None
        elif name in state.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as buffer '{name}' "
                    "(tensorxp.Tensor or None expected)"
                )
            state["_buffers"][name] = value
        else:
            object.__setattr__(self, name, value)

    def _ready(self, name: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(
                f"cannot assign '{name}' before Module.__init__() call: call "
                "super().__init__() first"
            )

    def _forget(self, name: str, kept: dict[str, Any]) -> None:
        """Remove `name` from everywhere but the dict it is about to be set in."""
        state = self.__dict__
        state.pop(name, None)
        for registered in (state["_parameters"], state["_buffers"], state["_modules"]):
            if registered is not kept:
                registered.pop(name, None)
        if kept is not state["_buffers"]:
            state["_non_persistent_buffers_set"].discard(name)

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        for registered in ("_parameters", "_buffers", "_modules"):
            found = state.get(registered)
            if found is not None and name in found:
                return found[name]
        # with name and obj Python looks for what was meant
        text = f"'{type(self).__name__}' object has no attribute '{name}'"
        raise AttributeError(text, name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        for registered in (self._parameters, self._buffers, self._modules):
            if name in registered:
                del registered[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        registered = [*self._parameters, *self._buffers, *self._modules]
        return sorted({*super().__dir__(), *(n for n in registered if n.isidentifier())})

    # registration

    def _check_name(self, name: Any, kind: str, registered: dict[str, Any]) -> None:
        self._ready(str(name))
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in registered:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Any) -> None:
        """Add the Parameter `param` under `name` (None: there is none, but the name is taken).

        TypeError for other objects, KeyError for a name that is empty, has a dot or is taken.
        """
        self._check_name(name, "parameter", self.__dict__.get("_parameters", {}))
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}' "
                "(tensorxp.nn.Parameter or None required)"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Add a Tensor that is state but not trained, as `name`.

        `persistent` False keeps it out of the state dict. TypeError unless `tensor` is a Tensor or
        None, KeyError as in `register_parameter`.
        """
        self._check_name(name, "buffer", self.__dict__.get("_buffers", {}))
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' "
                "(tensorxp.Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: "Module | None") -> None:
        """Add a submodule `module` (or None) under `name`; errors as for parameters."""
        self._check_name(name, "module", self.__dict__.get("_modules", {}))
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._modules[name] = module

    register_module = add_module

    # traversal

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, "Module"]]:
        """Yield this module and all below it with their dotted names, each once.

        `memo` holds those to leave out, `prefix` starts the names; `remove_duplicate` False gives
        shared ones each time.
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, below, remove_duplicate)

    def modules(self) -> Iterator["Module"]:
        """Yield this module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Yield the direct submodules with their names, each once."""
        memo = set()
        for name, module in self._modules.items():
            if module is not None and module not in memo:
                memo.add(module)
                yield name, module

    def children(self) -> Iterator["Module"]:
        """Yield the direct submodules, each once."""
        for _, module in self.named_children():
            yield module

    def _named_members(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        memo = set()
        if recurse:
            holders = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        else:
            holders = iter([(prefix, self)])
        for path, module in holders:
            for name, value in module.__dict__[kind].items():
                if value is None or id(value) in memo:
                    continue
                if remove_duplicate:
                    memo.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters with their dotted names, each once.

        `prefix` starts the names; `recurse` False leaves out those of submodules,
        `remove_duplicate` False gives shared ones each time.
        """
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters, each once; with `recurse` False those of this module alone."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """Yield the buffers with their dotted names, each once.

        `prefix`, `recurse` and `remove_duplicate` as in `named_parameters`.
        """
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """Yield the buffers, each once; with `recurse` False those of this module alone."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> "Module":
        """Return the submodule of the dotted name `target`; AttributeError where there is none."""
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module  # type: ignore[no-any-return]

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of the dotted name `target`; AttributeError where there is none."""
        path, _, name = target.rpartition(".")
        found = getattr(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Any:
        """Return the buffer of the dotted name `target`; AttributeError where there is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return module._buffers[name]

    # changes to all of them

    def apply(self, fn: Callable[["Module"], Any]) -> "Module":
        """Call `fn` on each submodule, the deepest first, and on this one; return it."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> "Module":
        """Set training mode here and in all modules below, or evaluation; return self.

        Dropout and batch norms heed it. ValueError unless `mode` is a bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> "Module":
        """Set evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> "Module":
        """Set whether the parameters require gradients, by `requires_grad`; return self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters; unless `set_to_none`, set them to zero."""
        for parameter in self.parameters():
            grad = parameter.grad
            if grad is not None:
                if set_to_none:
                    parameter.grad = None
                else:
                    with no_grad():
                        parameter.grad = grad.detach() * 0

    # text

    def extra_repr(self) -> str:
        """Return what stands between the parentheses of the repr; override it."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [
            f"({name}): " + repr(module).replace("\n", "\n  ")
            for name, module in self._modules.items()
        ]
        lines = extra_lines + child_lines
        if not lines:
            return f"{self._get_name()}()"
        if len(extra_lines) == 1 and not child_lines:
            return f"{self._get_name()}({extra_lines[0]})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"

    def _repr_html_(self) -> str:
        return module_html(self)

    def summary(self, depth: int | None = None) -> str:
        """Return a table of the module and what is in it, down to `depth` (None: all)."""
        return summary(self, depth)
