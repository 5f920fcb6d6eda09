"""Rules that stay one operation of a trace: they run on raw arrays, as in plain backward.

The rule of a decomposition, or of a loss with loops of its own, is faster as it is than as the
operations that it is made of. A trace is not differentiated, so it need not see these.
"""

from functools import cache
from typing import Any

from tensorxp._core.door import apply
from tensorxp._core.primitive import Plan, Primitive
from tensorxp._core.rules import CT, NEEDS, Rule, fit, run_rules
from tensorxp._core.tensor import TensorBase

#: The operations whose rules stay whole.
NAMES = frozenset(
    ("softmax_cross_entropy", "cholesky", "inv", "solve", "solve_triangular", "eigh", "svd", "qr",
     "det", "slogdet", "lstm")
)  # fmt: skip

#: Those with loops of their own over large arrays.
LOOPS = frozenset(("gelu", "gelu_tanh"))


class _Place:
    """Stands for tensor number `index` in what a rule is given."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Place) and other.index == self.index

    def __hash__(self) -> int:
        return hash((_Place, self.index))


def _taken(value: Any, tensors: list[Any]) -> Any:
    """Return `value` with places for its tensors, which go to `tensors`."""
    if isinstance(value, TensorBase):
        tensors.append(value)
        return _Place(len(tensors) - 1)
    if value.__class__ is tuple:
        return tuple([_taken(item, tensors) for item in value])
    return value


def _given(value: Any, arrays: Any) -> Any:
    if value.__class__ is _Place:
        return arrays[value.index]
    if value.__class__ is tuple:
        return tuple([_given(item, arrays) for item in value])
    return value


@cache
def _operation(name: str, plan: Plan, needs: tuple[bool, ...], values: Any, edges: Any) -> Any:
    """Return the primitive that runs the rules of `plan` on arrays; its results are in `found`."""
    found: list[int] = []

    def forward(xp: Any, *arrays: Any, params: dict[str, Any]) -> tuple[Any, ...]:
        ct, *saved = _given(values, arrays)
        grads = run_rules(plan.rules, [ct, xp, needs, *saved], needs, params)
        found[:] = [i for i, g in enumerate(grads) if g is not None and needs[i]]
        return tuple([fit(xp, grads[i], *edges[i]) for i in found])

    op = Primitive(f"{name}_vjp", "nondifferentiable", ("xs",), forward=forward, variadic=True)
    return op, found


def whole(node: Any) -> Plan:
    """Return a plan for `node` by which its rules run as one operation on arrays."""
    plan = node.plan
    edges = tuple([None if edge is None else (edge.shape, edge.dtype) for edge in node.edges])

    def call(ct: Any, needs: Any, *saved: Any) -> tuple[Any, ...]:
        tensors: list[Any] = []
        values = _taken((ct, *saved), tensors)
        op, found = _operation(node.op.name, plan, tuple(needs), values, edges)
        outs: Any = apply(op, tuple(tensors), {"params": node.params})
        grads: list[Any] = [None] * len(edges)
        for i, out in zip(found, outs, strict=True):
            grads[i] = out
        return tuple(grads)

    rule: Rule = Rule.__new__(Rule)
    rule.fn, rule.codes, rule.named = call, (CT, NEEDS, *plan.saves), ()
    op = Primitive(node.op.name, "general", node.op.inputs, variadic=node.op.variadic)
    op.whole = rule
    return op.plan(plan.needs)
