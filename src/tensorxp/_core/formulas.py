"""What is looked at when a primitive gets a formula, so that a wrong one is an error at once."""

import builtins
import dis
import sys
from inspect import Parameter, signature
from types import CodeType, FunctionType, ModuleType
from typing import Any

_LOADS = ("LOAD_ATTR", "LOAD_METHOD")


def check_formula(op: Any, fn: Any) -> None:
    """Raise TypeError where `fn` takes other arguments than a forward, or names what is nowhere."""
    where = f"primitive {op.name}: the formula"
    if not isinstance(fn, FunctionType):
        raise TypeError(f"{where} is a {type(fn).__name__}; allowed is a function")
    if op.view or op.variadic or op.tensor_level:
        raise TypeError(f"{where} is of a view, or of one with any number of inputs; it has none")
    parameters = list(signature(fn).parameters.values())
    by_place = [x.name for x in parameters if x.kind in _PLACES]
    named = {x.name for x in parameters if x.kind is Parameter.KEYWORD_ONLY}
    if any(x.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD) for x in parameters):
        raise TypeError(f"{where} takes any number of arguments; it must name them")
    if len(by_place) != len(op.inputs) + 1:
        raise TypeError(
            f"{where} takes {by_place}; it must take the namespace and the inputs {op.inputs}"
        )
    if op.forward is not None:
        known = signature(op.forward).parameters.values()
        theirs = {x.name for x in known if x.kind is Parameter.KEYWORD_ONLY}
        if theirs != named and all(x.kind is not Parameter.VAR_KEYWORD for x in known):
            raise TypeError(
                f"{where} has the parameters {sorted(named)}; its forward has {sorted(theirs)}"
            )
    _check_names(where, fn, fn.__code__, by_place[0])


_PLACES = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def _check_names(where: str, fn: FunctionType, code: CodeType, namespace: str) -> None:
    """Raise TypeError for a global name, or a name of a module, that there is not."""
    owner: Any = None  # the module of which the next instruction reads an attribute
    for item in dis.get_instructions(code):
        name = item.argval
        if item.opname in _LOADS and owner is not None:
            if not hasattr(owner, name):
                raise TypeError(f"{where} names {name!r}, which {owner.__name__} does not have")
            owner = getattr(owner, name)
            owner = owner if isinstance(owner, ModuleType) else None
            continue
        owner = None
        if item.opname.startswith("LOAD_FAST") and name == namespace:
            owner = sys.modules[__name__.partition(".")[0]]
        elif item.opname == "LOAD_GLOBAL":
            if name not in fn.__globals__ and not hasattr(builtins, name):
                raise TypeError(f"{where} names {name!r}, which is not defined")
            found = fn.__globals__.get(name)
            owner = found if isinstance(found, ModuleType) else None
