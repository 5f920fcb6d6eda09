"""What each operation is for the machine: a table from primitives' names to functions.

A function gets the graph, the operands (layouts, or Python scalars) and the step's facts, and
returns layouts; None where the machine cannot do this case, which then stays a call of NumPy.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tensorxp._compile.ir.graph import BOOL, LETTERS, Graph, Layout, contiguous

#: A product of matrices with more multiplications is left to BLAS, or to the packed one,
SMALL_PRODUCT = 4096
#: which is for at least so many rows, and so many multiplications at most.
_ROWS, _PACKED = 4, 1 << 22
#: What is written to more elements, or joined to more, is left to NumPy, or to CuPy.
SMALL, _JOINED, _JOINED_THERE = 2048, 1 << 20, 1 << 16
#: The largest result of a reduction over leading axes.
_LARGEST_TOTAL = 1 << 20


class Facts(NamedTuple):
    """What a trace knows of a step's results, and its parameters."""

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[Any, ...]
    params: dict[str, Any]
    forward: Any  # the primitive's function of raw arrays
    kernels: Any  # the names that the machine has


Lowered = Layout | tuple[Layout, ...] | None
Rule = Callable[[Graph, list[Any], Facts], Lowered]
RULES: dict[str, Rule] = {}


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


def _apply(g: Graph, name: str, xs: list[Any], dtype: Any, result: Any, facts: Facts) -> Any:
    """Return the elementwise kernel `name` of operands in `dtype`."""
    letter = LETTERS.get(dtype)
    form = ".vv" if len(xs) == 2 else ".v"
    if letter is None or f"{name}.{letter}{form}" not in facts.kernels:
        return None
    cast = [cast_to(g, x, dtype) for x in xs]
    if any(x is None for x in cast):
        return None
    return g.elementwise(name, tuple(cast), result)  # type: ignore[arg-type]


def _plain(name: str) -> Rule:
    """Return the rule of an operation whose operands have the dtype of the result."""
    return lambda g, xs, facts: _apply(g, name, xs, facts.dtypes[0], facts.dtypes[0], facts)


def _common(xs: list[Any]) -> Any:
    return np.result_type(*[x.dtype if isinstance(x, Layout) else x for x in xs])


def _compare(name: str) -> Rule:
    def rule(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
        try:
            return _apply(g, name, xs, _common(xs), BOOL, facts)  # type: ignore[no-any-return]
        except (TypeError, OverflowError):
            return None

    return rule


def _logical(name: str) -> Rule:
    return lambda g, xs, facts: _apply(g, name, xs, BOOL, BOOL, facts)


for _name in (
    "add", "subtract", "multiply", "divide", "maximum", "minimum", "atan2", "hypot", "copysign",
    "logaddexp", "negative", "abs", "sqrt", "square", "reciprocal",
    "sign", "exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "exp2", "expm1", "log1p",
    "log2", "log10", "asin", "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "cbrt",
    "sigmoid", "relu",
):  # fmt: skip
    RULES[_name] = _plain(_name)
RULES["expit"] = _plain("sigmoid")
for _name in ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
              "isnan", "isinf", "isfinite"):  # fmt: skip
    RULES[_name] = _compare(_name)
for _name in ("logical_and", "logical_or", "logical_xor", "logical_not"):
    RULES[_name] = _logical(_name)


def _rounding(name: str) -> Rule:
    def rule(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
        if not isinstance(xs[0], Layout) or xs[0].dtype.kind in "iub":
            return None
        return _plain(name)(g, xs, facts)

    return rule


def _division(name: str) -> Rule:
    """Return the rule of a division, which stays a call for integers: NumPy tells of zeros."""
    return lambda g, xs, facts: None if facts.dtypes[0].kind in "iu" else _plain(name)(g, xs, facts)


for _name in ("floor_divide", "remainder"):
    RULES[_name] = _division(_name)
for _name in ("floor", "ceil", "trunc", "round"):
    RULES[_name] = _rounding(_name)


def _bitwise(name: str) -> Rule:
    return lambda g, xs, facts: _logical(name)(g, xs, facts) if facts.dtypes[0] == BOOL else None


for _name in ("and", "or", "xor"):
    RULES[f"bitwise_{_name}"] = _bitwise(f"logical_{_name}")
RULES["bitwise_invert"] = _bitwise("logical_not")


def _pow(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    exponent = xs[1]
    if not isinstance(exponent, Layout) and facts.dtypes[0].kind == "f":
        base = cast_to(g, xs[0], facts.dtypes[0])
        if base is not None and exponent in (2, 3, -1):
            if exponent == -1:
                return g.elementwise("reciprocal", (base,), base.dtype)
            square = g.elementwise("square", (base,), base.dtype)
            return (
                square if exponent == 2 else g.elementwise("multiply", (square, base), base.dtype)
            )
    return _plain("pow")(g, xs, facts)


RULES["pow"] = _pow


def _where(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    dtype = facts.dtypes[0]
    if dtype not in LETTERS:
        return None
    test, a, b = cast_to(g, xs[0], BOOL), cast_to(g, xs[1], dtype), cast_to(g, xs[2], dtype)
    if test is None or a is None or b is None:
        return None
    return g.elementwise("where", (a, b, test), dtype)


RULES["where"] = _where


def _same(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    """Return the operand, cast; values are never written, so a copy is the value itself."""
    if facts.dtypes[0].kind == "c" or not isinstance(xs[0], Layout):
        return None
    return cast_to(g, xs[0], facts.dtypes[0]) if xs[0].dtype != facts.dtypes[0] else xs[0]


for _name in ("conj", "copy", "positive", "real", "astype"):
    RULES[_name] = _same


def view(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    """Return what a view primitive makes of its operand."""
    x = xs[0]
    if len(xs) != 1 or not isinstance(x, Layout) or facts.dtypes[0] != x.dtype:
        return None
    if "shape" in facts.params and len(facts.params) == 1 and x.size == math.prod(facts.shapes[0]):
        return x.reshaped(facts.shapes[0])
    return x.through(lambda shadow: facts.forward(shadow, **facts.params))


def _element(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    """Return one element, which as a value that is never written may be a view."""
    (x,), key = xs, facts.params["key"]
    if not isinstance(x, Layout) or not is_static(key):
        return None
    return x.through(lambda shadow: shadow[(*key, ...) if key.__class__ is tuple else (key, ...)])


RULES["reshape"] = view
RULES["element"] = _element


def _axes(x: Layout, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(len(x.shape)))
    return tuple(axis) if isinstance(axis, tuple | list) else (axis,)


def reducible(x: Layout, axes: tuple[int, ...]) -> bool:
    """Return whether the machine reduces `x` over `axes`: few totals, or whole rows."""
    left = math.prod([n for i, n in enumerate(x.shape) if i not in axes])
    rows = all(i in axes or n == 1 for i, n in list(enumerate(x.shape))[len(x.shape) - len(axes) :])
    return left <= _LARGEST_TOTAL or rows


def _reduce(name: str) -> Rule:
    def rule(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
        dtype, params = facts.dtypes[0], facts.params
        x = cast_to(g, xs[0], dtype)
        if x is None or f"rows_{name}.{LETTERS.get(dtype)}.v" not in facts.kernels:
            return None
        axes = _axes(x, params["axis"])
        if not reducible(x, axes):
            return None
        return g.reduce(name, x, axes, params["keepdims"])

    return rule


for _name in ("sum", "prod", "max", "min"):
    RULES[_name] = _reduce(_name)


def _mean_of(g: Graph, x: Layout, axes: tuple[int, ...], keepdims: bool) -> Layout:
    count = math.prod([x.shape[i] for i in axes])
    total = g.reduce("sum", x, axes, keepdims)
    return g.elementwise("divide", (total, g.number(count, x.dtype)), x.dtype)


def _mean(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    if facts.dtypes[0].kind != "f" or facts.dtypes[0] not in LETTERS:
        return None
    x = cast_to(g, xs[0], facts.dtypes[0])
    if x is None or not reducible(x, axes := _axes(x, facts.params["axis"])):
        return None
    return _mean_of(g, x, axes, facts.params["keepdims"])


RULES["mean"] = _mean


def _var(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    x, dtype = xs[0], facts.dtypes[0]
    if dtype.kind != "f" or dtype not in LETTERS or x.dtype != dtype:
        return None
    axes = _axes(x, facts.params["axis"])
    left = math.prod([x.shape[i] for i in axes]) - facts.params["correction"]
    if left <= 0 or not reducible(x, axes):
        return None
    centred = g.elementwise("subtract", (x, _mean_of(g, x, axes, True)), dtype)
    total = g.reduce("sum", g.elementwise("square", (centred,), dtype), axes,
                     facts.params["keepdims"])  # fmt: skip
    return g.elementwise("divide", (total, g.number(left, dtype)), dtype)


RULES["var"] = _var


def _exponentials(g: Graph, x: Layout, axes: tuple[int, ...], even: bool) -> tuple[Layout, ...]:
    """Return exp(x - c), its sum and c; with `even` as `special.softmax` has it for infinities."""
    dtype = x.dtype
    shift = g.reduce("max", x, axes, True)
    if not even:
        e = g.elementwise("exp", (g.elementwise("subtract", (x, shift), dtype),), dtype)
        return e, g.reduce("sum", e, axes, True), shift
    zero = g.number(0, dtype)
    sunk = g.elementwise("equal", (shift, g.number(-math.inf, dtype)), BOOL)
    shift = g.elementwise("where", (zero, shift, sunk), dtype)
    moved = g.elementwise("shifted", (x, shift), dtype)  # inf - inf would be NaN
    e = g.elementwise("exp", (moved,), dtype)
    return e, g.reduce("sum", e, axes, True), shift


def _operand(g: Graph, xs: list[Any], facts: Facts) -> tuple[Layout, tuple[int, ...]] | None:
    dtype = facts.dtypes[0]
    x = cast_to(g, xs[0], dtype) if dtype in LETTERS and dtype.kind == "f" else None
    if x is None or not reducible(x, axes := _axes(x, facts.params["axis"])):
        return None
    return x, axes


def _softmax(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    found = _operand(g, xs, facts)
    if found is None:
        return None
    even = facts.params["even"]
    e, total, _ = _exponentials(g, *found, even)
    dtype = e.dtype
    if even:
        none = g.elementwise("equal", (total, g.number(0, dtype)), BOOL)
        total = g.elementwise("where", (g.number(1, dtype), total, none), dtype)
    return g.elementwise("divide", (e, total), dtype)


def _log_softmax(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    found = _operand(g, xs, facts)
    if found is None:
        return None
    x, _ = found
    _, total, shift = _exponentials(g, *found, False)
    moved = g.elementwise("subtract", (x, shift), x.dtype)
    return g.elementwise("subtract", (moved, g.elementwise("log", (total,), x.dtype)), x.dtype)


def _logsumexp(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    found = _operand(g, xs, facts)
    if found is None:
        return None
    _, total, shift = _exponentials(g, *found, True)
    out = g.elementwise("add", (g.elementwise("log", (total,), total.dtype), shift), total.dtype)
    shaped = out.reshaped(facts.shapes[0])
    if shaped is None or len(facts.shapes) not in (1, 3):
        return None
    return shaped if len(facts.shapes) == 1 else (shaped, shift, total)


RULES["softmax"] = _softmax
RULES["log_softmax"] = _log_softmax
RULES["logsumexp"] = _logsumexp


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
            out = g.elementwise(name, (out, limit), dtype)
    return out if out.shape == facts.shapes[0] and out is not xs[0] else None


RULES["clip"] = _clip


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
    if f"product.{LETTERS[a.dtype]}.v" not in facts.kernels:
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
    total = g.elementwise("multiply", (total, number), a.dtype)
    return total.reshaped(shape) if len(factor.shape) == 1 else total.broadcast(shape)


RULES["matmul"] = _matmul


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
            shadow = facts.forward(op)(shadow, **params)
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


def _add(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
    return _sum_of_pieces(g, xs, facts) or _plain("add")(g, xs, facts)


RULES["add"] = _add


def is_static(key: Any) -> bool:
    """Return whether a key holds no arrays, so that it selects a view."""
    parts = key if key.__class__ is tuple else (key,)
    return all(part is None or part.__class__ in (int, slice, type(Ellipsis)) for part in parts)


def _joined(stacked: bool) -> Rule:
    def rule(g: Graph, xs: list[Any], facts: Facts) -> Lowered:
        shape, dtype = facts.shapes[0], facts.dtypes[0]
        here = f"product.{LETTERS.get(dtype)}.v" in facts.kernels
        if math.prod(shape) > (_JOINED if here else _JOINED_THERE) or dtype not in LETTERS:
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

    return rule


RULES["write"] = _write
RULES["stack"] = _joined(True)
RULES["concat"] = _joined(False)


def known(dtype: Any, kernels: Any) -> bool:
    """Return whether the machine that has `kernels` works with a dtype."""
    return f"move.{LETTERS.get(dtype)}.v" in kernels


def lower(g: Graph, op: Any, xs: list[Any], facts: Facts) -> Lowered:
    """Return the layouts of a step's results, or None where the machine cannot do it."""
    if any(isinstance(x, Layout) and x.size == 0 for x in xs) or any(
        math.prod(shape) == 0 for shape in facts.shapes
    ):
        return None
    if op.view and op.name != "reshape":
        if op.name in ("view", "imag"):  # these look at the bytes
            return None
        if op.name == "getitem" and not is_static(facts.params["key"]):
            return None
        return view(g, xs, facts)
    rule = RULES.get(op.name)
    if rule is None:
        return None
    dtypes = [*facts.dtypes, *[x.dtype for x in xs if isinstance(x, Layout)]]
    if not all(known(dtype, facts.kernels) for dtype in dtypes):
        return None
    out = rule(g, xs, facts)
    if out is None:
        return None
    outs = out if isinstance(out, tuple) else (out,)
    for x, shape, dtype in zip(outs, facts.shapes, facts.dtypes, strict=True):
        if x.shape != shape or x.dtype != dtype:
            return None
    return out
