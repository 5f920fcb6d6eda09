"""What each operation is for the machine: a table from primitives, as objects, to functions.

A function gets the graph, the operands (layouts, or Python scalars) and the step's facts, and
returns layouts; None where the machine cannot do this case, which then stays a call of NumPy.
"""

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tensorxp._compile.ir.formulas import FORMULAS
from tensorxp._compile.ir.graph import BOOL, LETTERS, Graph, Layout, contiguous
from tensorxp._ops.complex import imag_p
from tensorxp._ops.indexing import getitem_p
from tensorxp._ops.reinterpret import bits_p, pairs_p
from tensorxp._ops.shaping import reshape_p

#: A product of matrices with more multiplications is left to BLAS, or to the packed one,
SMALL_PRODUCT = 4096
#: which is for at least so many rows, and so many multiplications at most.
_ROWS, _PACKED = 4, 1 << 22
#: What is written to more elements, or joined to more, is left to NumPy, or to CuPy.
SMALL, _JOINED, _JOINED_THERE = 2048, 1 << 20, 1 << 16
#: The largest result of a reduction over leading axes.
_LARGEST_TOTAL = 1 << 20


class Facts(NamedTuple):
    """What a trace knows of a step: its primitive, its results and its parameters."""

    op: Any
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]
    params: dict[str, Any]
    function: Callable[[Any], Any]  # from a primitive to its function of raw arrays
    kernels: Any  # the names that the machine has

    @property
    def on_the_cpu(self) -> bool:
        """Whether this is for the machine, which has products and loops that CUDA has not."""
        return f"product.{LETTERS.get(self.dtypes[0])}.v" in self.kernels


Lowered = Layout | tuple[Layout, ...] | None
Rule = Callable[[Graph, list[Any], Facts], Lowered]
_rules: dict[Any, Rule] = {}
#: Rules by the places of their primitives: modules that are not imported yet are not asked for.
_waiting: dict[tuple[str, str], Rule] = {}


def rule(module: str, *names: str) -> Callable[[Rule], Rule]:
    """Have a function be the rule of primitives of a module, given without `_p`."""

    def declare(fn: Rule) -> Rule:
        _waiting.update({(f"tensorxp.{module}", f"{name}_p"): fn for name in names})
        return fn

    return declare


def rule_of(op: Any) -> Rule | None:
    """Return the rule of a primitive, which is known by what it is, not by its name."""
    if op not in _rules:
        for (module, name), fn in list(_waiting.items()):
            found = getattr(sys.modules.get(module), name, None)
            if found is not None:
                _rules[found] = fn
                _waiting.pop((module, name), None)
    return _rules.get(op)


def cast_to(g: Graph, x: Any, dtype: Any) -> Layout | None:
    if isinstance(x, Layout):
        return g.cast(x, dtype)
    if x.__class__ not in (int, float, bool):
        return None
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        if x.__class__ is float or not info.min <= x <= info.max:
            return None
    return g.number(x, dtype)


def formula(name: str) -> Rule:
    """Return the rule of an operation that is one formula.

    Operands have the dtype of the result; those of a comparison the one that they have in common.
    """
    compares = FORMULAS[name].result == "b"
    form = "." + "v" * len(FORMULAS[name].inputs)

    def rule(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
        dtype = facts.dtypes[0]
        try:
            if compares:
                dtype = np.result_type(*[x.dtype if isinstance(x, Layout) else x for x in xs])
            if f"{name}.{LETTERS.get(dtype)}{form}" not in facts.kernels:
                return None
            cast = [cast_to(g, x, dtype) for x in xs]
        except (TypeError, OverflowError):
            return None
        return None if any(x is None for x in cast) else g.do(name, *cast)

    return rule


def _plain(module: str, names: str) -> None:
    for name in names.split():
        rule(module, name)(formula(name))


_plain("_ops.arithmetic", "subtract multiply divide maximum minimum hypot negative abs square "
       "reciprocal sign floor_divide remainder")  # fmt: skip
_plain("_ops.exponential", "sqrt exp exp2 expm1 log log1p log2 log10 logaddexp cbrt")
_plain("_ops.trigonometric", "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh atan2")
_plain("_ops.rounding", "floor ceil trunc round")
_plain("_ops.floating", "copysign")
_plain("_ops.comparison", "less less_equal greater greater_equal equal not_equal isnan isinf "
       "isfinite logical_and logical_or logical_xor logical_not")  # fmt: skip
_plain("_ops.activation", "sigmoid relu")
_plain("special.errors", "erf erfc")
rule("_ops.logistic", "expit")(formula("sigmoid"))
for _name in ("and", "or", "xor"):  # of bools: others have no kernel
    rule("_ops.bitwise", f"bitwise_{_name}")(formula(f"logical_{_name}"))
rule("_ops.bitwise", "bitwise_invert")(formula("logical_not"))


@rule("_ops.arithmetic", "pow")
def _pow(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    exponent = xs[1]
    if not isinstance(exponent, Layout) and facts.dtypes[0].kind == "f" and exponent in (2, 3, -1):
        base = cast_to(g, xs[0], facts.dtypes[0])
        if base is not None:
            out = g.do("reciprocal" if exponent == -1 else "square", base)
            return g.do("multiply", out, base) if exponent == 3 else out
    return formula("pow")(g, xs, facts)


@rule("_ops.searching", "where")
def _where(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    dtype = facts.dtypes[0]
    if dtype not in LETTERS:
        return None
    test, a, b = cast_to(g, xs[0], BOOL), cast_to(g, xs[1], dtype), cast_to(g, xs[2], dtype)
    return None if test is None or a is None or b is None else g.do("where", a, b, test)


@rule("_ops.complex", "conj", "real")
@rule("_ops.arithmetic", "positive")
@rule("_ops.casting", "astype")
@rule("_core.writes", "copy")
def _same(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    """Return the operand, cast; values are never written, so a copy is the value itself."""
    if facts.dtypes[0].kind == "c" or not isinstance(xs[0], Layout):
        return None
    return g.cast(xs[0], facts.dtypes[0])


@rule("_ops.shaping", "reshape", "reshape_copy")
def view(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    """Return what a view primitive makes of its operand."""
    x = xs[0]
    if len(xs) != 1 or not isinstance(x, Layout) or facts.dtypes[0] != x.dtype:
        return None
    if "shape" in facts.params and len(facts.params) == 1 and x.size == math.prod(facts.shapes[0]):
        return x.reshaped(facts.shapes[0])
    return x.through(lambda shadow: facts.function(facts.op)(shadow, **facts.params))


@rule("_ops.indexing", "element")
def _element(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    """Return one element, which as a value that is never written may be a view."""
    (x,), key = xs, facts.params["key"]
    if not isinstance(x, Layout) or not is_static(key):
        return None
    return x.through(lambda shadow: shadow[(*key, ...) if key.__class__ is tuple else (key, ...)])


def axes_of(x: Layout, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(len(x.shape)))
    return tuple(axis) if isinstance(axis, tuple | list) else (axis,)


def reducible(x: Layout, axes: tuple[int, ...]) -> bool:
    """Return whether the machine reduces `x` over `axes`: few totals, or whole rows."""
    left = math.prod([n for i, n in enumerate(x.shape) if i not in axes])
    rows = all(i in axes or n == 1 for i, n in list(enumerate(x.shape))[len(x.shape) - len(axes) :])
    return left <= _LARGEST_TOTAL or rows


@rule("_ops.reduction", "sum", "prod", "max", "min")
def _reduce(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    name, dtype = facts.op.name, facts.dtypes[0]
    x = cast_to(g, xs[0], dtype)
    if x is None or f"rows_{name}.{LETTERS.get(dtype)}.v" not in facts.kernels:
        return None
    axes = axes_of(x, facts.params["axis"])
    return g.reduce(name, x, axes, facts.params["keepdims"]) if reducible(x, axes) else None


@rule("_ops.products", "matmul")
def _matmul(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    a, b = xs
    dtype = facts.dtypes[0]
    if LETTERS.get(dtype) not in ("f", "d") or a.dtype != dtype or b.dtype != dtype:
        return None
    if len(a.shape) > 2 or len(b.shape) > 2:
        return None
    if "number" in (a.base.kind, b.base.kind):
        return _sum_product(g, a, b, facts.shapes[0])
    rows, inner = a.shape if len(a.shape) == 2 else (1, a.shape[0])
    columns = b.shape[1] if len(b.shape) == 2 else 1
    if rows * inner * columns > SMALL_PRODUCT:
        return _packed_product(g, a, b, facts)
    left = a.strides if len(a.shape) == 2 else (0, a.strides[0])
    right = b.strides if len(b.shape) == 2 else (b.strides[0], 0)
    sizes = (rows, inner, columns, *left, *right)
    return g.op("matmul", "matmul", (a, b), facts.shapes[0], dtype, sizes)


def _packed_product(g: Graph, a: Layout, b: Layout, facts: Facts) -> Layout | None:
    """Return the product by a matrix that is packed once for all that it multiplies."""
    if not facts.on_the_cpu:
        return None
    if len(a.shape) != 2 or len(b.shape) != 2 or a.strides[1] != 1:
        return None
    (rows, inner), columns = a.shape, b.shape[1]
    if rows < _ROWS or rows * inner * columns > _PACKED or a.strides[0] < inner:
        return None
    width = 128 // a.dtype.itemsize  # of the widest panel
    size = (inner * -(-columns // width) * width,)
    packed = g.op("matmul", "pack", (b,), size, b.dtype, (inner, columns, *b.strides))
    sizes = (rows, inner, columns, a.strides[0])
    return g.op("matmul", "product", (a, packed), facts.shapes[0], a.dtype, sizes)


def _sum_product(g: Graph, a: Layout, b: Layout, shape: tuple[int, ...]) -> Layout | None:
    """Return the product with an array of equal numbers: sums of the other's rows or columns."""
    x, factor, axis = (b, a, 0) if a.base.kind == "number" else (a, b, len(a.shape) - 1)
    if x.base.kind == "number" or not np.isfinite(factor.base.number):
        return None
    if not reducible(x, (axis,)):
        return None
    total = g.reduce("sum", x, (axis,), True)
    number = Layout(factor.base, 0, (), ())
    total = g.do("multiply", total, number)
    return total.reshaped(shape) if len(factor.shape) == 1 else total.broadcast(shape)


@rule("_core.writes", "write")
def _write(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    base, value = xs
    if not isinstance(base, Layout) or base.dtype not in LETTERS:
        return None
    if base.size > SMALL and not _is_zero(base):
        return None
    whole = Layout(base.base, 0, base.shape, contiguous(base.shape))
    key = facts.params["key"]
    if not is_static(key):
        return None

    def follow(shadow: Any) -> Any:
        for op, params in facts.params["chain"]:
            shadow = facts.function(op)(shadow, **params)
        parts = key if key.__class__ is tuple else (key,)
        return shadow[parts if Ellipsis in parts else (*parts, ...)]

    place = whole.through(follow)
    piece = cast_to(g, value, base.dtype)
    if place is None or piece is None:
        return None
    try:
        piece = piece.broadcast(np.broadcast_shapes(piece.shape, place.shape))
    except ValueError:
        return None
    if piece.shape != place.shape:
        return None
    where = ((0, contiguous(base.shape)), (place.offset, place.strides))
    return g.op("assemble", "", (base, piece), base.shape, base.dtype, where)


def _is_zero(x: Layout) -> bool:
    return x.base.kind == "number" and not x.base.number


def _boxes(x: Layout) -> list[tuple[tuple[int, int], ...]] | None:
    """Return from where to where the pieces lie that `x` has among zeros, or None."""
    base = x.base
    if base.kind != "assemble" or not x.whole or not _is_zero(base.args[0]):
        return None
    steps, boxes = contiguous(base.shape), []
    for y, (offset, strides) in zip(base.args[1:], base.params[1:], strict=True):
        if len(y.shape) != len(steps) or any(
            n != 1 and stride != step
            for n, stride, step in zip(y.shape, strides, steps, strict=True)
        ):
            return None
        box = []
        for n, step, size in zip(y.shape, steps, base.shape, strict=True):
            start = offset // step % size
            if start + n > size:  # written through another shape, it goes on in the next row
                return None
            box.append((start, start + n))
        boxes.append(tuple(box))
    return boxes


def _sum_of_pieces(g: Graph, xs: list[Any], facts: Facts) -> Layout | None:
    """Return the sum of two arrays that are zero but for pieces which do not overlap."""
    if any(not isinstance(x, Layout) or x.base.kind != "assemble" for x in xs):
        return None
    first, second = _boxes(xs[0]), _boxes(xs[1])
    a, b = xs[0].base, xs[1].base
    if first is None or second is None or a.shape != b.shape or a.dtype != b.dtype:
        return None
    for p in first:
        for q in second:
            if not any(s >= f or t >= e for (s, e), (t, f) in zip(p, q, strict=True)):
                return None
    pieces, where = (*a.args, *b.args[1:]), (*a.params, *b.params[1:])
    if sum([x.size for x in pieces[1:]]) == a.size:
        pieces, where = pieces[1:], where[1:]
    return g.op("assemble", "", pieces, a.shape, a.dtype, where)


@rule("_ops.arithmetic", "add")
def _add(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    return _sum_of_pieces(g, xs, facts) or formula("add")(g, xs, facts)


def is_static(key: Any) -> bool:
    """Return whether a key holds no arrays, so that it selects a view."""
    parts = key if key.__class__ is tuple else (key,)
    return all(part is None or part.__class__ in (int, slice, type(Ellipsis)) for part in parts)


@rule("_ops.shaping", "concat", "stack")
def _joined(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    shape, dtype, stacked = facts.shapes[0], facts.dtypes[0], facts.op.name == "stack"
    if math.prod(shape) > (_JOINED if facts.on_the_cpu else _JOINED_THERE) or dtype not in LETTERS:
        return None
    if any(not isinstance(x, Layout) or x.dtype != dtype for x in xs):
        return None
    axis = facts.params["axis"] % len(shape)
    steps = contiguous(shape)
    rest = tuple([step for i, step in enumerate(steps) if i != axis]) if stacked else steps
    where, at = [], 0
    for x in xs:
        where.append((at * steps[axis], rest))
        at += 1 if stacked else x.shape[axis]
    return g.op("assemble", "", tuple(xs), shape, dtype, tuple(where))


def known(dtype: Any, kernels: Any) -> bool:
    """Return whether the machine that has `kernels` works with a dtype."""
    return f"move.{LETTERS.get(dtype)}.v" in kernels


def lower(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    """Return the layouts of a step's results, or None where the machine cannot do it."""
    op = facts.op
    if any(isinstance(x, Layout) and x.size == 0 for x in xs) or any(
        math.prod(shape) == 0 for shape in facts.shapes
    ):
        return None
    if op.view and op is not reshape_p:
        looks_at_bytes = op in (bits_p, pairs_p, imag_p)
        if looks_at_bytes or (op is getitem_p and not is_static(facts.params["key"])):
            return None
        return view(g, xs, facts)
    found = rule_of(op)
    dtypes = [*facts.dtypes, *[x.dtype for x in xs if isinstance(x, Layout)]]
    if found is None or not all(known(dtype, facts.kernels) for dtype in dtypes):
        return None
    out = found(g, xs, facts)
    if out is None:
        return None
    outs = out if isinstance(out, tuple) else (out,)
    for x, shape, dtype in zip(outs, facts.shapes, facts.dtypes, strict=True):
        if x.shape != shape or x.dtype != dtype:
            return None
    return out
