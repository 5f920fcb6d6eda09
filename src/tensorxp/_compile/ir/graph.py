"""Values of a trace as the machine sees them: arrays, numbers, operations, and views of these.

A view is a base with an offset and strides in elements, so reshapes, transposes, broadcasts and
slices cost nothing until they are read. Elementwise operations are made as small as their operands
allow: what all of them repeat along a dimension is computed once and then repeated as a view.
"""

from math import prod
from typing import Any

import numpy as np

from tensorxp._compile.ir.formulas import FORMULAS

#: Letters of dtypes. The machine on the CPU has f, d, l and b, CUDA's kernels all of them.
LETTERS = {
    np.dtype(t): letter for t, letter in (
        (np.float32, "f"), (np.float64, "d"), (np.int64, "l"), (np.bool_, "b"), (np.float16, "e"),
        (np.int8, "c"), (np.int16, "h"), (np.int32, "i"),
        (np.uint8, "B"), (np.uint16, "H"), (np.uint32, "I"),
    )
}  # fmt: skip
BOOL = np.dtype(np.bool_)
Shape = tuple[int, ...]


def contiguous(shape: Shape) -> Shape:
    """Return the strides, in elements, of an array in C order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


class Value:
    """An array from outside, a number, or the result of an operation on layouts.

    `kind` is "array", "number", "elementwise", "reduce", "matmul", "assemble" or "foreign".
    """

    __slots__ = ("args", "dtype", "index", "kind", "name", "number", "params", "shape", "size")

    def __init__(self, kind: str, shape: Shape, dtype: Any, index: int) -> None:
        self.kind = kind
        self.shape = shape
        self.dtype = dtype
        self.size = prod(shape)
        self.index = index  # the order in which values were made
        self.name = ""
        self.args: tuple[Layout, ...] = ()
        self.params: Any = None
        self.number: Any = None

    @property
    def letter(self) -> str:
        return LETTERS[self.dtype]

    @property
    def nbytes(self) -> int:
        return int(self.size * self.dtype.itemsize)


class Layout:
    """A view: `base` read at `offset` with `strides` (in elements) in a shape."""

    __slots__ = ("base", "offset", "shape", "strides")

    def __init__(self, base: Value, offset: int, shape: Shape, strides: Shape) -> None:
        self.base = base
        self.offset = offset
        self.shape = shape
        self.strides = strides

    @property
    def dtype(self) -> Any:
        return self.base.dtype

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def whole(self) -> bool:
        """Whether these are the elements of the base in their order."""
        return self.offset == 0 and self.size == self.base.size and self.flat

    @property
    def flat(self) -> bool:
        """Whether the elements follow one another in memory."""
        step = 1
        for n, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if n != 1:
                if stride != step:
                    return False
                step *= n
        return True

    @property
    def single(self) -> bool:
        """Whether all elements are one."""
        return all(
            n == 1 or stride == 0 for n, stride in zip(self.shape, self.strides, strict=True)
        )

    @property
    def key(self) -> tuple[Any, ...]:
        return self.base.index, self.offset, self.shape, self.strides

    def broadcast(self, shape: Shape) -> "Layout":
        """Return the same elements repeated to `shape`."""
        if shape == self.shape:
            return self
        extra = len(shape) - len(self.shape)
        strides = (0,) * extra + tuple(
            0 if n == 1 else stride for n, stride in zip(self.shape, self.strides, strict=True)
        )
        return Layout(self.base, self.offset, shape, strides)

    def reshaped(self, shape: Shape) -> "Layout | None":
        """Return the elements in C order in another shape, or None where strides cannot tell."""
        if self.flat:
            return Layout(self.base, self.offset, shape, contiguous(shape))
        return self.through(lambda x: np.reshape(x, shape, copy=False))

    def through(self, view: Any) -> "Layout | None":
        """Return what `view`, a function of NumPy arrays that gives views, makes of this."""
        start = np.zeros(1, dtype=np.uint8)
        shadow = np.lib.stride_tricks.as_strided(start, self.shape, self.strides)
        try:
            out = view(shadow)
        except ValueError:  # a reshape that would copy
            return None
        if not isinstance(out, np.ndarray) or out.base is None:  # a scalar or a copy: no view
            return None
        offset = out.__array_interface__["data"][0] - start.__array_interface__["data"][0]
        return Layout(self.base, self.offset + offset, out.shape, out.strides)


def squeezed(shape: Shape, *strides: Shape) -> tuple[Shape, ...]:
    """Return a shape and strides with neighbouring dimensions joined where all strides allow."""
    dims: list[list[int]] = []
    for column in zip(shape, *strides, strict=True):
        if column[0] == 1:
            continue
        if dims and all(dims[-1][i] == column[i] * column[0] for i in range(1, len(column))):
            dims[-1] = [dims[-1][0] * column[0], *column[1:]]
        else:
            dims.append(list(column))
    if not dims:
        dims = [[1] + [0] * len(strides)]
    return tuple(tuple(column) for column in zip(*dims, strict=True))


def _order(xs: list[Layout]) -> list[int] | None:
    """Return the order of dimensions in which all of `xs` are flat, None where it is theirs."""
    many = [x for x in xs if not x.single]
    if not many or many[0].flat:
        return None
    order = sorted(range(len(many[0].shape)), key=lambda i: -many[0].strides[i])
    for x in many:
        shape, strides = (tuple([y[i] for i in order]) for y in (x.shape, x.strides))
        if not Layout(x.base, x.offset, shape, strides).flat:
            return None
    return order


_OPPOSITE = {"add": "subtract", "subtract": "add"}


class Graph:
    """Makes values, each only once."""

    def __init__(self) -> None:
        self.count = 0
        self._known: dict[Any, Value] = {}

    def value(self, kind: str, shape: Shape, dtype: Any) -> Value:
        self.count += 1
        return Value(kind, shape, dtype, self.count)

    def array(self, shape: Shape, dtype: Any, number: Any = None) -> Layout:
        """Return an array that comes from outside, known there by `number`."""
        x = self.value("array", shape, dtype)
        x.number = number
        return Layout(x, 0, shape, contiguous(shape))

    def number(self, number: Any, dtype: Any) -> Layout:
        """Return a Python number as a value of `dtype`."""
        kept = np.asarray(number).astype(dtype)
        key = ("number", dtype, kept.tobytes())
        if key not in self._known:
            x = self.value("number", (), dtype)
            x.number = kept
            self._known[key] = x
        return Layout(self._known[key], 0, (), ())

    def op(
        self, kind: str, name: str, args: tuple[Layout, ...], shape: Shape, dtype: Any,
        params: Any = None, fresh: bool = False,
    ) -> Layout:  # fmt: skip
        """Return the result of an operation; a fresh one is no one else's."""
        key = (kind, name, tuple([x.key for x in args]), shape, dtype, params)
        found = None if fresh else self._known.get(key)
        if found is None:
            found = self.value(kind, shape, dtype)
            found.name, found.args, found.params = name, args, params
            if not fresh:
                self._known[key] = found
        return Layout(found, 0, shape, contiguous(shape))

    def cast(self, x: Layout, dtype: Any) -> Layout | None:
        """Return `x` in `dtype`; None where the machine has no such cast."""
        if x.dtype == dtype:
            return x
        if x.base.kind == "number":
            return self.number(x.base.number, dtype).broadcast(x.shape)
        if x.dtype not in LETTERS or dtype not in LETTERS:
            return None
        return self.elementwise(f"to_{LETTERS[dtype]}", (x,), dtype)

    def do(self, name: str, *operands: Any) -> Layout:
        """Return an operation of layouts of one dtype, and of numbers that take it on."""
        dtype = next(x.dtype for x in operands if isinstance(x, Layout))
        args = [x if isinstance(x, Layout) else self.number(x, dtype) for x in operands]
        tests = name in FORMULAS and FORMULAS[name].result == "b"
        return self.elementwise(name, tuple(args), BOOL if tests else dtype)

    def elementwise(
        self, name: str, args: tuple[Layout, ...], dtype: Any, fresh: bool = False
    ) -> Layout:
        """Return an elementwise operation of operands of one dtype, broadcast against another."""
        if name in _OPPOSITE and not fresh:  # x + (-y) is x - y, x - (-y) is x + y
            last = self._negated(args[1])
            if last is not None:
                return self.elementwise(_OPPOSITE[name], (args[0], last), dtype)
        shape = np.broadcast_shapes(*[x.shape for x in args])
        whole = [x.broadcast(shape) for x in args]
        small = tuple([
            n if any(x.strides[i] for x in whole) else 1 for i, n in enumerate(shape)
        ])  # fmt: skip
        order = None if fresh or small != shape else _order(whole)
        if order is not None:  # in the order in which the operands lie in memory
            turned = [
                Layout(x.base, x.offset, tuple([shape[i] for i in order]),
                       tuple([x.strides[i] for i in order])) for x in whole
            ]  # fmt: skip
            out = self.op("elementwise", name, tuple(turned), turned[0].shape, dtype)
            strides = dict(zip(order, out.strides, strict=True))
            return Layout(out.base, 0, shape, tuple([strides[i] for i in range(len(shape))]))
        if small == shape or fresh:
            return self.op("elementwise", name, tuple(whole), shape, dtype, None, fresh)
        cut = tuple([Layout(x.base, x.offset, small, x.strides) for x in whole])
        return self.op("elementwise", name, cut, small, dtype).broadcast(shape)

    @staticmethod
    def _negated(x: Layout) -> Layout | None:
        """Return what `x` is the negative of, where one says so."""
        y = x.base
        if y.kind != "elementwise" or y.name != "negative" or not x.whole:
            return None
        return y.args[0].reshaped(x.shape)

    def reduce(self, name: str, x: Layout, axes: tuple[int, ...], keepdims: bool) -> Layout:
        """Return the sum, prod, max or min over `axes`."""
        kept = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
        out = self.op("reduce", name, (x,), kept, x.dtype, tuple(sorted(axes)))
        if keepdims:
            return out
        shape = tuple([n for i, n in enumerate(x.shape) if i not in axes])
        return Layout(out.base, 0, shape, contiguous(shape))

    def fresh(self, x: Layout) -> Layout:
        """Return a copy of `x` as a value of its own."""
        return self.op("elementwise", "move", (x,), x.shape, x.dtype, None, True)
