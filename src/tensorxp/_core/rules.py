# cython: binding=False, embedsignature=True, embedsignature.format=clinic
"""Derivative rules: what a rule asks for by the names of its parameters, and `fit`.

A rule may name `ct` (cotangent), `t` (tangent), `out` (of several outputs `out0`, `out1`, …: one
of them; `kept_out`: it, or None where it was written to since), an input of its primitive (its
value), an input with `_shape` behind it (its shape only), `needs` (which inputs need a gradient), a
parameter of the primitive, and `xp`. What is named is what is saved for backward, and what a write
before backward makes an error.
"""

from collections.abc import Callable
from inspect import CO_VARARGS, CO_VARKEYWORDS, Parameter, signature
from types import MethodType
from typing import Any

import numpy as np

from tensorxp._backend.arrays import expand

#: Codes of saved values: the output (of several all), an input's value (its index), an input's
#: shape (SHAPE + i), one of several outputs (PART + i).
OUT = -1
SHAPE = 1000
PART = 2000
#: Codes of values that the caller has at hand.
CT, XP, NEEDS = -2, -3, -4
#: The output for a rule that can do without: None where a write changed it.
KEPT = -5

_AT_HAND = {"ct": CT, "t": CT, "xp": XP, "needs": NEEDS, "out": OUT, "kept_out": KEPT}


def same(ct: Any) -> Any:
    """The rule of an input whose cotangent is that of the output."""
    return ct


def parameters_of(fn: Any) -> Any:
    """Return the names of a function's parameters by place, by keyword only, and of its stars.

    As `inspect.signature`, which takes twenty times as long: hundreds are read at import. The third
    are ("*args", "**kwargs"), each where it has one.
    """
    if fn is same:  # compiled, it tells its signature as text, which takes longer still
        return ("ct",), (), ()
    code = getattr(fn, "__code__", None)
    if code is None or type(fn) is MethodType or hasattr(fn, "__wrapped__"):
        places, named, stars = [], [], []
        for name, parameter in signature(fn).parameters.items():
            if parameter.kind is Parameter.KEYWORD_ONLY:
                named.append(name)
            elif parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
                stars.append(str(parameter).partition(":")[0])
            else:
                places.append(name)
        return tuple(places), tuple(named), tuple(stars)
    names, at = code.co_varnames, code.co_argcount
    last = at + code.co_kwonlyargcount
    more = list(names[last:])
    args = ("*" + more.pop(0),) if code.co_flags & CO_VARARGS else ()
    kwargs = ("**" + more.pop(0),) if code.co_flags & CO_VARKEYWORDS else ()
    return names[:at], names[at:last], args + kwargs


class Rule:
    """A rule with what it asks for: codes of positional arguments, names of parameters."""

    __slots__ = ("codes", "fn", "named")

    def __init__(self, fn: Callable[..., Any], inputs: tuple[str, ...], op: str) -> None:
        if not callable(fn):
            raise TypeError(
                f"primitive {op}: a rule is a {type(fn).__name__}; allowed are functions"
            )
        self.fn = fn
        codes: list[int] = []
        places, named, stars = parameters_of(fn)
        for name in places + stars:
            if name in _AT_HAND:
                codes.append(_AT_HAND[name])
            elif name in inputs:
                codes.append(inputs.index(name))
            elif name.endswith("_shape") and name[:-6] in inputs:
                codes.append(SHAPE + inputs.index(name[:-6]))
            elif name.startswith("out") and name[3:].isdigit():
                codes.append(PART + int(name[3:]))
            else:
                raise TypeError(
                    f"primitive {op}: a rule asks for {name!r}; allowed are ct, t, out, out0, xp, "
                    f"needs, the inputs {inputs} (also with _shape), and parameters after `*`"
                )
        self.codes = tuple(codes)
        self.named = named

    @property
    def saves(self) -> tuple[int, ...]:
        """The codes of the values that must be saved for this rule."""
        return tuple([code for code in self.codes if code >= OUT or code == KEPT])


#: The commonest choices of arguments by place, numbered for the engine: `BoundRule.form`.
FORMS = {(0, 3): 1, (0, 4): 2, (0,): 3, (1, 0, 3): 4, (0, 3, 4): 5}
SAME, OTHER = 0, 6


class BoundRule:
    """A rule that picks its arguments from (ct, xp, needs, *saved) by position."""

    __slots__ = ("fn", "form", "index", "named", "places")

    def __init__(self, rule: Rule, saves: tuple[int, ...], index: int) -> None:
        places = {CT: 0, XP: 1, NEEDS: 2} | {code: 3 + i for i, code in enumerate(saves)}
        self.places = tuple([places[code] for code in rule.codes])
        self.index = index  # of the input whose cotangent this rule gives; -1 for all of them
        self.fn = rule.fn
        self.named = rule.named
        self.form = OTHER if self.named else FORMS.get(self.places, OTHER)
        if self.fn is same:
            self.form = SAME

    def call(self, values: list[Any], params: dict[str, Any]) -> Any:
        """Run the rule on what it asks for."""
        picked = [values[i] for i in self.places]
        if self.named:
            return self.fn(*picked, **{name: params[name] for name in self.named})
        return self.fn(*picked)


def run_rules(rules: tuple[Any, ...], values: list[Any], needs: Any, params: dict[str, Any]) -> Any:
    """Return the cotangents of the inputs, None for zero, by the rules of a plan."""
    grads: Any = [None] * len(needs)
    for item in rules:
        rule: BoundRule = item
        if rule.index < 0:
            found = rule.call(values, params)
            grads = found if type(found) is tuple else (found,)
        elif needs[rule.index]:
            grads[rule.index] = rule.call(values, params)
    return grads


def fit(xp: Any, ct: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return `ct` with `shape` and `dtype`: broadcasting undone, complex to real by real part.

    The vjp of broadcasting is a sum over the broadcast axes; a smaller `ct` is broadcast.
    """
    if ct.shape != shape:
        ct = _fit_shape(xp, ct, shape)
    if ct.dtype != dtype:
        if dtype.kind != "c" and getattr(ct.dtype, "dtype", ct.dtype).kind == "c":
            ct = xp.real(ct)
        ct = xp.astype(ct, dtype, copy=False)
    return ct


def _fit_shape(xp: Any, ct: Any, shape: tuple[int, ...]) -> Any:
    extra = ct.ndim - len(shape)
    if extra < 0:
        return expand(xp, ct, shape)
    axes = tuple(range(extra)) + tuple(
        [i + extra for i, n in enumerate(shape) if n == 1 and ct.shape[i + extra] != 1]
    )
    if axes:
        # NumPy adds rows of half precision as such, and a sum of ones ends at 2048: `fit` rounds it
        dtype = np.float32 if getattr(ct.dtype, "char", "") == "e" else ct.dtype
        ct = xp.sum(ct, axis=axes, dtype=dtype, keepdims=True)
        if extra:
            ct = xp.reshape(ct, ct.shape[extra:])
    return ct if ct.shape == shape else expand(xp, ct, shape)
