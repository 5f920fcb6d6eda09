"""Containers: modules (or parameters) in sequence, in a list, or in a dict."""

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Any

from tensorxp import Tensor
from tensorxp._backend.families import see
from tensorxp.nn.module import Module
from tensorxp.nn.parameter import Parameter


def _position(index: Any, length: int) -> int:
    """Return `index` in [0, length); IndexError where there is no such item."""
    found = operator.index(index)
    if not -length <= found < length:
        raise IndexError(f"index {found} is out of range")
    return found % length


class Sequential(Module):
    """Modules called one after the other.

    Shape: what the first takes to what the last gives.

    Parameters
    ----------
    *args : Module, or one dict of names to Modules

    Raises
    ------
    TypeError
        An item is no Module.

    Examples
    --------
    >>> import tensorxp as xp
    >>> model = xp.nn.Sequential(xp.nn.Linear(4, 8), xp.nn.ReLU(), xp.nn.Linear(8, 2))
    >>> model(xp.zeros((3, 4))).shape
    (3, 2)
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def forward(self, input: Any) -> Any:
        """Call each module on what the one before it gave."""
        for module in self._modules.values():
            input = module(input)
        return input

    def _renumber(self, modules: Iterable[Module]) -> None:
        self.__dict__["_modules"] = {str(i): module for i, module in enumerate(modules)}

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(dict(list(self._modules.items())[index]))
        return list(self._modules.values())[_position(index, len(self))]

    def __setitem__(self, index: int, module: Module) -> None:
        name = list(self._modules)[_position(index, len(self))]
        setattr(self, name, module)

    def __delitem__(self, index: Any) -> None:
        names = list(self._modules)
        chosen = names[index] if isinstance(index, slice) else [names[_position(index, len(self))]]
        for name in chosen:
            delattr(self, name)
        self._renumber(self._modules.values())

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __add__(self, other: "Sequential") -> "Sequential":
        return Sequential(*self, *other)

    def append(self, module: Module) -> "Sequential":
        """Add `module` at the end, and return self."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> "Sequential":
        """Insert `module` before `index`, and return self."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        modules = list(self._modules.values())
        if not -len(modules) <= index <= len(modules):
            raise IndexError(f"Index out of range: {index}")
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def extend(self, sequential: Iterable[Module]) -> "Sequential":
        """Add the modules of `sequential` at the end, and return self."""
        for module in sequential:
            self.append(module)
        return self

    def pop(self, index: Any) -> Module:
        """Remove the module at `index` and return it."""
        found: Module = self[index]
        del self[index]
        return found


@see("ModuleDict, Sequential")
class ModuleList(Module):
    """A list of modules, registered under their positions; it has no `forward`, hence no shape.

    >>> len(xp.nn.ModuleList([xp.nn.ReLU(), xp.nn.Tanh()]))
    2

    Parameters
    ----------
    modules : iterable of Modules, or None

    Raises
    ------
    TypeError
        An item is no Module.
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self._modules.values())[index])
        return self._modules[str(_position(index, len(self)))]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, str(_position(index, len(self))), module)

    def __delitem__(self, index: Any) -> None:
        modules = list(self._modules.values())
        del modules[index]
        self._renumber(modules)

    def _renumber(self, modules: Iterable[Module]) -> None:
        self.__dict__["_modules"] = {str(i): module for i, module in enumerate(modules)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __iadd__(self, modules: Iterable[Module]) -> "ModuleList":
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> "ModuleList":
        return ModuleList(chain(self, other))

    def insert(self, index: int, module: Module) -> None:
        """Insert `module` before `index`."""
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)

    def append(self, module: Module) -> "ModuleList":
        """Add `module` at the end, and return self."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> "ModuleList":
        """Add `modules` at the end, and return self."""
        for module in modules:
            self.append(module)
        return self

    def pop(self, index: Any) -> Module:
        """Remove the module at `index` and return it."""
        found: Module = self[index]
        del self[index]
        return found

    def __repr__(self) -> str:
        shown = [repr(module) for module in self]
        if not shown:
            return f"{self._get_name()}()"
        lines = []
        start = 0
        for text, group in groupby(shown):
            count = len(list(group))
            places = f"({start})" if count == 1 else f"({start}-{start + count - 1})"
            body = text if count == 1 else f"{count} x {text}"
            lines.append(f"{places}: " + body.replace("\n", "\n  "))
            start += count
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


@see("ModuleList, Sequential")
class ModuleDict(Module):
    """A dict of modules, registered under their keys; it has no `forward`, hence no shape.

    >>> list(xp.nn.ModuleDict({"a": xp.nn.ReLU(), "b": xp.nn.Tanh()}))
    ['a', 'b']

    Parameters
    ----------
    modules : mapping or pairs of str and Module, or None

    Raises
    ------
    TypeError
        A key is no str, or a value no Module.
    KeyError
        A key is empty, has a dot, or is an attribute.
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]  # type: ignore[no-any-return]

    def __setitem__(self, key: str, module: Module) -> None:
        self._modules.pop(key, None) if key in self._modules else None
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove the module of `key` and return it."""
        return self._modules.pop(key)  # type: ignore[no-any-return]

    def keys(self) -> Iterable[str]:
        """Return the keys."""
        return self._modules.keys()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Return pairs of key and module."""
        return self._modules.items()

    def values(self) -> Iterable[Module]:
        """Return the modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Add `modules`, a dict or pairs of key and module."""
        pairs = modules.items() if hasattr(modules, "items") else modules
        for key, module in pairs:
            self[key] = module


def _as_parameter(value: Any) -> Any:
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        return Parameter(value)
    return value


def _line(value: Any) -> str:
    if isinstance(value, Tensor):
        kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
        return f"{kind} containing: [{value.dtype} of size {'x'.join(map(str, value.shape))}]"
    return f"Object of type: {type(value).__name__}"


@see("ParameterDict")
class ParameterList(Module):
    """A list of parameters of any shape, registered under their positions.

    >>> len(xp.nn.ParameterList([xp.zeros(2), xp.ones(3)]))
    2

    Parameters
    ----------
    values : iterable, or None
        Tensors become Parameters.

    Raises
    ------
    TypeError
        `values` is not iterable.
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)([getattr(self, str(i)) for i in range(*index.indices(self._size))])
        return getattr(self, str(_position(index, self._size)))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(_position(index, self._size)), _as_parameter(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(self._size)])

    def __iadd__(self, values: Iterable[Any]) -> "ParameterList":
        return self.extend(values)

    def append(self, value: Any) -> "ParameterList":
        """Add `value` at the end, and return self."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> "ParameterList":
        """Add `values` at the end, and return self."""
        for value in values:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        """Return a line for each item."""
        return "\n".join(f"  ({i}): {_line(value)}" for i, value in enumerate(self))


@see("ParameterList")
class ParameterDict(Module):
    """A dict of parameters of any shape, registered under their keys.

    >>> list(xp.nn.ParameterDict({"a": xp.zeros(2)}))
    ['a']

    Parameters
    ----------
    parameters : mapping or pairs, or None
        Tensors become Parameters.

    Raises
    ------
    TypeError
        A key is no str, or `parameters` no mapping or pairs.
    KeyError
        A key is empty, has a dot, or is an attribute.
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._keys[key] = None
        setattr(self, key, _as_parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def get(self, key: str, default: Any = None) -> Any:
        """Return the item of `key`, or `default`."""
        return self[key] if key in self._keys else default

    def pop(self, key: str) -> Any:
        """Remove the item of `key` and return it."""
        found = self[key]
        del self[key]
        return found

    def keys(self) -> Iterable[str]:
        """Return the keys."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return pairs of key and parameter."""
        return [(key, self[key]) for key in self._keys]

    def values(self) -> Iterable[Any]:
        """Return the parameters."""
        return [self[key] for key in self._keys]

    def update(self, parameters: Any) -> None:
        """Add `parameters`, a dict or pairs of key and value."""
        pairs = parameters.items() if hasattr(parameters, "items") else parameters
        for key, value in pairs:
            self[key] = value

    def extra_repr(self) -> str:
        """Return a line for each item."""
        return "\n".join(f"  ({key}): {_line(value)}" for key, value in self.items())
