"""Operations that are several of the machine's: activations and the normal distribution."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorxp._compile.front.whole import LARGE
from tensorxp._compile.ir.graph import LETTERS, Graph, Layout
from tensorxp._compile.ir.lowering import RULES, Facts, Lowered, Rule, cast_to

Run = Callable[..., Layout]


def _formula(fn: Callable[..., Any]) -> Rule:
    """Return the rule of a function of one operand, written in operations by name."""

    def rule(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
        dtype = facts.dtypes[0]
        if dtype not in LETTERS or dtype.kind != "f":
            return None
        x = cast_to(g, xs[0], dtype)
        if x is None:
            return None

        def run(name: str, *operands: Any) -> Layout:
            return g.elementwise(
                name, tuple([y if isinstance(y, Layout) else g.number(y, dtype) for y in operands]),
                dtype,
            )  # fmt: skip

        return fn(run, x, **facts.params)  # type: ignore[no-any-return]

    return rule


def _gelu(run: Run, x: Layout) -> Layout:
    return run("multiply", x, run("normal", x))


def _gelu_tanh(run: Run, x: Layout) -> Layout:
    # ½ (1 + tanh v) = σ(2v), whose lower tail does not cancel
    c = 2 * math.sqrt(2 / math.pi)
    z = run("minimum", run("maximum", x, -40.0), 40.0)
    inner = run("add", run("multiply", run("multiply", z, z), 0.044715 * c), c)
    return run("multiply", x, run("sigmoid", run("multiply", inner, z)))


def _leaky_relu(run: Run, x: Layout, negative_slope: float) -> Layout:
    choose = "maximum" if negative_slope <= 1 else "minimum"
    return run(choose, x, run("multiply", x, negative_slope))


def _in_double(fn: Callable[..., Any]) -> Rule:
    """Return the rule of a formula that computes single precision in double, as it does outside."""

    def rule(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
        wide, dtype = np.dtype(np.float64), facts.dtypes[0]
        if dtype not in LETTERS or dtype.kind != "f":
            return None
        x = cast_to(g, xs[0], dtype)
        x = None if x is None else g.cast(x, wide)
        if x is None:
            return None

        def run(name: str, *operands: Any) -> Layout:
            whole = [y if isinstance(y, Layout) else g.number(y, wide) for y in operands]
            return g.elementwise(name, tuple(whole), wide)

        return g.cast(fn(run, x, **facts.params), dtype)

    return rule


def _ndtr(run: Run, x: Layout) -> Layout:
    return run("multiply", run("erfc", run("multiply", x, -math.sqrt(0.5))), 0.5)


def _bell(run: Run, x: Layout, factor: float) -> Layout:
    return run("exp", run("multiply", run("square", x), -factor))


RULES["ndtr"] = _in_double(_ndtr)
RULES["bell"] = _in_double(_bell)


def _small(rule: Rule) -> Rule:
    """Return a rule that leaves large arrays to loops of their own, which the CPU has."""

    def small(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
        here = f"product.{LETTERS.get(facts.dtypes[0])}.v" in facts.kernels
        return None if here and math.prod(facts.shapes[0]) > LARGE else rule(g, xs, facts)

    return small


RULES["gelu"] = _small(_in_double(_gelu))
RULES["gelu_tanh"] = _small(_formula(_gelu_tanh))
RULES["leaky_relu"] = _formula(_leaky_relu)
RULES["silu"] = _formula(lambda run, x: run("multiply", x, run("sigmoid", x)))
