"""Primitives: an operation's forward and its derivative rules, side by side.

    exp_p = elementwise("exp", x=lambda ct, out: ct * out.conjugate())
    sum_p = linear("sum", x=lambda xp, ct, axis: ...)

    @primitive                      # general: forward on raw arrays, its vjp and jvp below it
    def cumulative_prod_p(xp, x, *, axis): ...
    @cumulative_prod_p.vjp
    def _(xp, ct, x, out, *, axis): ...
    @cumulative_prod_p.jvp
    def _(xp, t, x, out, *, axis): ...

A forward gets the raw namespace, raw arrays (or Python scalars) and parameters; a primitive
without a forward of its own runs the function of its name in the raw namespace.
"""

import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from tensorxp._backend.families import see
from tensorxp._core.formulas import check_formula
from tensorxp._core.rules import BoundRule, Rule, parameters_of

_INPUTS = {1: ("x",), 2: ("x1", "x2")}
#: What a rule asks for besides inputs, which cannot be an input's name.
_RESERVED = ("ct", "t", "xp", "needs", "out", "kept_out")
#: The keywords of declarations that are no inputs.
_OPTIONS = ("batched", "forward", "inputs", "scalars", "view")

#: For each import under way, the spec of its module, and the primitives by their names.
_declared: "list[tuple[Any, WeakValueDictionary[str, Primitive]]]" = []


def _declare(op: "Primitive") -> None:
    """Note a primitive that a module declares; ValueError where it has two of one name."""
    frame: Any = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    if frame is None or frame.f_code.co_name != "<module>":  # made in a function, perhaps often
        return
    spec = frame.f_globals.get("__spec__")
    if not getattr(spec, "_initializing", False) or op.name == "<lambda>":  # a cell run again
        return
    # one that failed or is over says nothing of the next import of a module of that name
    _declared[:] = [pair for pair in _declared if getattr(pair[0], "_initializing", False)]
    known = next((names for one, names in _declared if one is spec), None)
    if known is None:
        known = WeakValueDictionary()
        _declared.append((spec, known))
    if op.name in known:
        raise ValueError(
            f"primitive {op.name}: {frame.f_globals.get('__name__')} declares two primitives of "
            f"this name, the second in line {frame.f_lineno}; give one of them another name"
        )
    known[op.name] = op


def _check_inputs(op: "Primitive") -> None:
    """Raise TypeError where a keyword of a declaration, taken for an input, cannot be one."""
    for name in op.inputs:
        if name in _RESERVED:
            raise TypeError(
                f"primitive {op.name}: an input is called {name!r}, which means something else in "
                f"rules; reserved are {', '.join(_RESERVED)}"
            )
    if op.forward is None or op.variadic:
        return
    if not hasattr(op.forward, "__code__"):  # of C, which may not tell its parameters
        return
    places, _, stars = parameters_of(op.forward)
    if any([star[:2] != "**" for star in stars]):
        return
    places = places[1:]  # after the namespace
    fewest = len(places) - len(op.forward.__defaults__ or ())
    if not fewest <= len(op.inputs) <= len(places):
        unknown = [name for name in op.inputs if name not in places]
        meant = [match for name in unknown for match in get_close_matches(name, _OPTIONS)]
        raise TypeError(
            f"primitive {op.name}: its inputs are {op.inputs}, but its forward takes "
            f"{places}"
            + (f"; {unknown[0]!r} is an unknown keyword" if unknown else "")
            + (f", did you mean {meant[0]!r}?" if meant else "")
        )


class Plan:
    """What to save and which rules to run when the inputs of one mask need gradients."""

    __slots__ = ("hidden", "needs", "rules", "saves", "thin")

    def __init__(self, op: "Primitive", needs: tuple[bool, ...]) -> None:
        if op.whole is not None:
            used = [(-1, op.whole)]
        else:
            used = [
                (i, op.rules[i])
                for i, needed in enumerate(needs)
                if needed and op.rules.get(i) is not None
            ]
        self.needs = needs
        self.saves = tuple(dict.fromkeys([code for _, rule in used for code in rule.saves]))
        self.rules = tuple([BoundRule(rule, self.saves, i) for i, rule in used])
        # whether the collector need not see its nodes: no closure of a call is in their rules
        self.hidden = op.kind != "function" and not op.tensor_level and op.lasts()
        # whether backward may take the short way: a rule for each input, on arrays of one device,
        # and at most two saved values
        self.thin = (
            op.whole is None
            and not (op.tensor_level or op.variadic)
            and len(self.saves) <= 2
            and not any(["to_device" in rule.named for rule in self.rules])
        )


class Primitive:
    """An operation that passes the door. Make one by `elementwise`, `linear`, `primitive`, …

    Parameters
    ----------
    name : str
        Also of the raw namespace's function that runs without a `forward`.
    kind : str
        "elementwise", "linear", "multilinear", "general" or "nondifferentiable".
    inputs : tuple of str
        The names by which rules ask for them.
    forward : callable or None
        Of the raw namespace, raw arrays or scalars, and keyword parameters.
    view : bool
        Whether the output shares memory with the first input.
    scalars : bool
        Whether the rules take Python scalars.
    variadic : bool
        Whether the only name stands for any number of inputs.
    tensor_level : bool
        Whether the rules need Tensors.
    batched : True, callable, dict or None
        How the vjp takes many cotangents at once, along a leading axis of `ct`. None: one by one.
        True: as it is, by broadcasting. A function of the parameters and the number of axes of the
        input: it returns the parameters of the call with a leading axis on everything (None: one
        by one). A dict: rules of its own by input (or "vjp"), that ask for what the vjp's do.

    Raises
    ------
    TypeError
        When a rule asks for what there is not.
    """

    __slots__ = (
        "__weakref__", "_bound", "_few", "_formula", "_plans", "batched", "differentiable",
        "forward", "inputs", "jvp_rule", "kind", "name", "rules", "scalars", "tensor_level",
        "variadic", "view", "whole",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: str,
        inputs: tuple[str, ...],
        *,
        forward: Callable[..., Any] | None = None,
        view: bool = False,
        scalars: bool = False,
        variadic: bool = False,
        tensor_level: bool = False,
        batched: Any = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.inputs = inputs
        self.forward = forward
        self.view = view
        self.scalars = scalars
        self.variadic = variadic
        self.tensor_level = tensor_level
        self.batched = batched
        self.rules: dict[int, Rule] = {}
        self.whole: Rule | None = None
        self.jvp_rule: Rule | None = None
        self.differentiable = False  # until it gets a rule
        self._plans: dict[tuple[bool, ...], Plan] = {}
        self._few: list[Plan | None] = [None] * 4  # those of one or two inputs, for `record`
        self._formula: Callable[..., Any] | None = None  # what `compile` traces in its place
        self._bound: Any = None  # device and forward, where devices do not remember it
        _declare(self)

    def bind(self, device: Any) -> Callable[..., Any]:
        """Return the forward on `device`, and remember it."""
        if self._bound is not None and self._bound[0] is device:
            return self._bound[1]  # type: ignore[no-any-return]
        raw = device.raw
        found = getattr(raw, self.name) if self.forward is None else partial(self.forward, raw)
        found = device.guarded(found)
        if self.lasts():
            device._forwards[self] = found
        else:  # a device would keep it, and all that its closures hold, for ever
            self._bound = (device, found)
        return found  # type: ignore[no-any-return]

    def lasts(self) -> bool:
        """Return whether the primitive is one of the package's own, made when it is imported."""
        rules = [self.whole, self.jvp_rule, *self.rules.values()]
        made = [self.forward, *[rule.fn for rule in rules if rule is not None]]
        return all([
            (getattr(fn, "__module__", None) or "").startswith("tensorxp.")
            and "<locals>" not in getattr(fn, "__qualname__", "<locals>")
            for fn in made if fn is not None
        ])  # fmt: skip

    def plan(self, needs: tuple[bool, ...]) -> Plan:
        """Return the plan for the inputs that `needs` marks."""
        found = self._plans.get(needs)
        if found is None:
            found = self._plans[needs] = Plan(self, needs)
        return found

    def vjp(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Declare by `fn` the vjp of all inputs: one cotangent, or a tuple of them (None: zero)."""
        self.whole = self._rule(fn)
        self.differentiable = True
        self._plans.clear()  # they have the rule before this one
        self._few = [None] * 4
        return fn

    def jvp(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Declare by `fn` the jvp: `t` is the tangent, of several inputs a tuple (None: zero)."""
        self.jvp_rule = self._rule(fn)
        return fn

    def formula(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Declare by `fn` what `compile` traces in the place of the forward, which it must equal.

        It takes what a forward takes: the namespace, of Tensors here, then the inputs, and after
        `*` the parameters. A forward that is written so can be given itself. Derivatives are the
        primitive's own. TypeError where it takes other arguments, or names what there is not.
        """
        check_formula(self, fn)
        self._formula = fn
        return fn

    def _rule(self, fn: Callable[..., Any]) -> Rule:
        """Return the rule; TypeError where it asks for what there is not."""
        rule = Rule(fn, self.inputs, self.name)
        if rule.named and self.forward is not None:
            _, named, stars = parameters_of(self.forward)
            for name in rule.named:
                if name not in named and not any([star[:2] == "**" for star in stars]):
                    raise TypeError(
                        f"primitive {self.name}: a rule asks for the parameter {name!r}; its "
                        f"forward has {named}"
                    )
        return rule

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"primitive {self.name}: primitives and graphs cannot be pickled")


def _kind(fn: Any) -> str:
    return "a function" if callable(fn) else f"a {type(fn).__name__} and no function"


def _with_rules(op: Primitive, rules: dict[str, Callable[..., Any]]) -> Primitive:
    for name, fn in rules.items():
        if name not in op.inputs or not callable(fn):
            meant = get_close_matches(name, _OPTIONS)
            raise TypeError(
                f"primitive {op.name}: a rule is given for {name!r}, {_kind(fn)}; its inputs are "
                f"{op.inputs}, and other keywords {', '.join(_OPTIONS)}"
                + (f"; did you mean {meant[0]!r}?" if meant and not callable(fn) else "")
            )
    _check_inputs(op)
    for name, fn in rules.items():
        op.rules[op.inputs.index(name)] = op._rule(fn)
        op.differentiable = True
    return op


@see("linear, primitive, apply_primitive")
def elementwise(
    name: str,
    *,
    forward: Callable[..., Any] | None = None,
    scalars: bool = False,
    inputs: tuple[str, ...] | None = None,
    **rules: Callable[..., Any],
) -> Primitive:
    """Declare an elementwise primitive by one vjp per input: `ct * conj(derivative)`.

    The jvp follows: `conj(vjp(conj(t)))`.

    >>> cube = xp.autograd.elementwise(
    ...     "cube", forward=lambda xp, x: x**3, x=lambda ct, x: 3 * ct * x**2
    ... )
    >>> xp.autograd.apply_primitive(cube, (xp.asarray([1.0, 2.0]),))
    tensor([1., 8.])

    Parameters
    ----------
    name : str
    forward : callable or None
        As of `Primitive`.
    scalars : bool
        Whether the rules take Python scalars.
    inputs : tuple of str or None
        None is ("x1", "x2") where a rule is for one of these, else ("x",).
    **rules : callable
        One by the name of an input; one left out has no derivative.

    Returns
    -------
    Primitive

    Raises
    ------
    TypeError
        A rule for no input, or that asks for what there is not.
    """
    names = inputs or (_INPUTS[2] if set(rules) & {"x1", "x2"} else _INPUTS[1])
    op = Primitive(name, "elementwise", names, forward=forward, scalars=scalars, batched=True)
    return _with_rules(op, rules)


@see("elementwise, multilinear")
def linear(
    name: str,
    *,
    forward: Callable[..., Any] | None = None,
    view: bool = False,
    batched: Any = None,
    **rules: Callable[..., Any],
) -> Primitive:
    """Declare a primitive that is linear in all its inputs together; its jvp is itself.

    >>> half = xp.autograd.linear("half", forward=lambda xp, x: x / 2, x=lambda ct: ct / 2)
    >>> xp.autograd.apply_primitive(half, (xp.asarray([1.0, 2.0]),))
    tensor([0.5, 1. ])

    Parameters
    ----------
    name : str
    forward : callable or None
        As of `Primitive`.
    view : bool
        Whether the output shares memory with the first input.
    batched : True, callable, dict or None
        As of `Primitive`.
    **rules : callable
        The vjp of each input, by name.

    Returns
    -------
    Primitive

    Raises
    ------
    TypeError
        A rule asks for what there is not.
    """
    op = Primitive(name, "linear", tuple(rules), forward=forward, view=view, batched=batched)
    return _with_rules(op, rules)


@see("linear, elementwise")
def multilinear(
    name: str,
    *,
    forward: Callable[..., Any] | None = None,
    batched: Any = None,
    **rules: Callable[..., Any],
) -> Primitive:
    """Declare a primitive that is linear in each input; its jvp is the product rule.

    >>> dot = xp.autograd.multilinear(
    ...     "dot",
    ...     forward=lambda xp, a, b: xp.sum(a * b),
    ...     a=lambda ct, b: ct * b,
    ...     b=lambda ct, a: ct * a,
    ... )
    >>> xp.autograd.apply_primitive(dot, (xp.asarray([1.0, 2.0]), xp.asarray([3.0, 4.0])))
    tensor(11.)

    Parameters
    ----------
    name : str
    forward : callable or None
        As of `Primitive`.
    batched : True, callable, dict or None
        As of `Primitive`.
    **rules : callable
        The vjp of each input, by name.

    Returns
    -------
    Primitive

    Raises
    ------
    TypeError
        A rule asks for what there is not.
    """
    op = Primitive(name, "multilinear", tuple(rules), forward=forward, batched=batched)
    return _with_rules(op, rules)


@see("elementwise")
def nondifferentiable(
    name: str, *, forward: Callable[..., Any] | None = None, inputs: tuple[str, ...] = ("x",)
) -> Primitive:
    """Declare a primitive without derivative: its results never require a gradient.

    >>> steps = xp.autograd.nondifferentiable("steps", forward=lambda xp, x: xp.floor(x))
    >>> xp.autograd.apply_primitive(steps, (xp.asarray([1.5]),))
    tensor([1.])

    Parameters
    ----------
    name : str
    forward : callable or None
        As of `Primitive`.
    inputs : tuple of str

    Returns
    -------
    Primitive
    """
    return Primitive(name, "nondifferentiable", inputs, forward=forward)


@see("elementwise, linear")
def primitive(fn: Callable[..., Any]) -> Primitive:
    """Declare a general primitive by its forward.

    >>> @xp.autograd.primitive
    ... def double_p(xp, x):
    ...     return x * 2
    >>> xp.autograd.apply_primitive(double_p, (xp.asarray([1.0]),))
    tensor([2.])

    Parameters
    ----------
    fn : callable
        `fn(xp, *inputs, **parameters)`; its name, without `_p`, is the primitive's. `*xs` takes any
        number of inputs: the vjp and jvp then name `xs`, and get and give tuples.

    Returns
    -------
    Primitive

    Raises
    ------
    TypeError
        `fn` is not callable.
    """
    places, _, stars = parameters_of(fn)
    inputs = (places + tuple([star.lstrip("*") for star in stars]))[1:]
    variadic = any([star[:2] != "**" for star in stars])
    name = fn.__name__.removesuffix("_p")
    op = Primitive(name, "general", inputs, forward=fn, variadic=variadic)
    _check_inputs(op)
    return op
