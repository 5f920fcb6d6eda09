"""Operations that are several of the machine's: moments, softmax, activations and the like.

In half precision CUDA computes each as a whole in single, those of `COMPOUND`.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorxp._compile.ir.graph import LETTERS, Graph, Layout
from tensorxp._compile.ir.lowering import Facts, Lowered, Rule, axes_of, cast_to, reducible, rule

#: Activations with loops of their own are left to these where arrays have more elements.
LARGE = 1 << 16
#: Rules whose steps are not to be rounded to half precision each.
COMPOUND: set[Rule] = set()


def _compound(module: str, name: str) -> Callable[[Callable[..., Any]], Rule]:
    """Declare a function of the graph, an operand in the dtype of the result, axes and facts."""

    def declare(fn: Callable[..., Any]) -> Rule:
        def found(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
            dtype = facts.dtypes[0]
            x = cast_to(g, xs[0], dtype) if dtype in LETTERS and dtype.kind == "f" else None
            if x is None or not reducible(x, axes := axes_of(x, facts.params["axis"])):
                return None
            return fn(g, x, axes, facts)  # type: ignore[no-any-return]

        COMPOUND.add(found)
        return rule(module, name)(found)

    return declare


def _mean_of(g: Graph, x: Layout, axes: tuple[int, ...], keepdims: bool) -> Layout:
    count = math.prod([x.shape[i] for i in axes])
    return g.do("divide", g.reduce("sum", x, axes, keepdims), count)


@_compound("_ops.reduction", "mean")
def _mean(g: Graph, x: Layout, axes: tuple[int, ...], facts: Facts) -> Lowered:
    return _mean_of(g, x, axes, facts.params["keepdims"])


@_compound("_ops.reduction", "var")
def _var(g: Graph, x: Layout, axes: tuple[int, ...], facts: Facts) -> Lowered:
    left = math.prod([x.shape[i] for i in axes]) - facts.params["correction"]
    if left <= 0:
        return None
    squares = g.do("square", g.do("subtract", x, _mean_of(g, x, axes, True)))
    return g.do("divide", g.reduce("sum", squares, axes, facts.params["keepdims"]), left)


def _exponentials(g: Graph, x: Layout, axes: tuple[int, ...], even: bool) -> tuple[Layout, ...]:
    """Return exp(x - c), its sum and c; with `even` as `special.softmax` has it for infinities."""
    shift = g.reduce("max", x, axes, True)
    if even:
        shift = g.do("where", 0, shift, g.do("equal", shift, -math.inf))
    # shifted: inf - inf would be NaN
    e = g.do("exp", g.do("shifted" if even else "subtract", x, shift))
    return e, g.reduce("sum", e, axes, True), shift


@_compound("special.softmax", "softmax")
def _softmax(g: Graph, x: Layout, axes: tuple[int, ...], facts: Facts) -> Lowered:
    e, total, _ = _exponentials(g, x, axes, facts.params["even"])
    if facts.params["even"]:
        total = g.do("where", 1, total, g.do("equal", total, 0))
    return g.do("divide", e, total)


@_compound("special.softmax", "log_softmax")
def _log_softmax(g: Graph, x: Layout, axes: tuple[int, ...], facts: Facts) -> Lowered:
    _, total, shift = _exponentials(g, x, axes, False)
    return g.do("subtract", g.do("subtract", x, shift), g.do("log", total))


@_compound("special.softmax", "logsumexp")
def _logsumexp(g: Graph, x: Layout, axes: tuple[int, ...], facts: Facts) -> Lowered:
    _, total, shift = _exponentials(g, x, axes, True)
    shaped = g.do("add", g.do("log", total), shift).reshaped(facts.shapes[0])
    if shaped is None or len(facts.shapes) not in (1, 3):
        return None
    return shaped if len(facts.shapes) == 1 else (shaped, shift, total)


@rule("_ops.arithmetic", "clip")
def _clip(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    dtype = facts.dtypes[0]
    if dtype not in LETTERS or dtype.kind != "f" or xs[0].dtype != dtype:
        return None
    out = xs[0]
    for name, bound in (("maximum", xs[1]), ("minimum", xs[2])):
        if bound is not None:
            limit = cast_to(g, bound, dtype)
            if limit is None or (isinstance(bound, Layout) and bound.dtype != dtype):
                return None
            out = g.do(name, out, limit)
    return out if out.shape == facts.shapes[0] and out is not xs[0] else None


def _activation(
    module: str, name: str, wide: bool = False, small: bool = False
) -> Callable[[Callable[..., Any]], Rule]:
    """Declare a function of the graph, one operand and parameters.

    `wide`: it computes single precision in double, as it does outside. `small`: large arrays are
    left to a loop of its own, which the CPU has.
    """

    def declare(fn: Callable[..., Any]) -> Rule:
        def found(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
            dtype = facts.dtypes[0]
            if small and facts.on_the_cpu and math.prod(facts.shapes[0]) > LARGE:
                return None
            x = cast_to(g, xs[0], dtype) if dtype in LETTERS and dtype.kind == "f" else None
            if x is not None and wide:
                x = g.cast(x, np.dtype(np.float64))
            return None if x is None else g.cast(fn(g, x, **facts.params), dtype)

        if not wide:
            COMPOUND.add(found)
        return rule(module, name)(found)

    return declare


@_activation("_ops.gelu", "gelu", wide=True, small=True)
def _gelu(g: Graph, x: Layout) -> Layout:
    return g.do("multiply", x, g.do("normal", x))


@_activation("_ops.gelu", "gelu_tanh", small=True)
def _gelu_tanh(g: Graph, x: Layout) -> Layout:
    # ½ (1 + tanh v) = σ(2v), whose lower tail does not cancel
    c = 2 * math.sqrt(2 / math.pi)
    z = g.do("minimum", g.do("maximum", x, -40.0), 40.0)
    inner = g.do("add", g.do("multiply", g.do("multiply", z, z), 0.044715 * c), c)
    return g.do("multiply", x, g.do("sigmoid", g.do("multiply", inner, z)))


@_activation("_ops.activation", "leaky_relu")
def _leaky_relu(g: Graph, x: Layout, negative_slope: float) -> Layout:
    choose = "maximum" if negative_slope <= 1 else "minimum"
    return g.do(choose, x, g.do("multiply", x, negative_slope))


@_activation("_ops.activation", "silu")
def _silu(g: Graph, x: Layout) -> Layout:
    return g.do("multiply", x, g.do("sigmoid", x))


@_activation("special.errors", "ndtr", wide=True)
def _ndtr(g: Graph, x: Layout) -> Layout:
    return g.do("multiply", g.do("erfc", g.do("multiply", x, -math.sqrt(0.5))), 0.5)


@_activation("special.gauss", "bell", wide=True)
def _bell(g: Graph, x: Layout, factor: float) -> Layout:
    return g.do("exp", g.do("multiply", g.do("square", x), -factor))
