"""Kernels of small regions: one block goes through their values, one after another.

Neighbouring elementwise values of one size share a loop; what passes on to other threads lies in
shared memory, or in a buffer where it is too much. Pieces of large arrays get kernels of their own.
"""

import numpy as np

from tensorxp._compile.cuda.emit import (
    BLOCKS,
    THREADS,
    Fold,
    Kernel,
    Text,
    kind_of,
    place,
    power,
    shared,
)
from tensorxp._compile.cuda.source import TYPES, formula, kept, literal, loaded
from tensorxp._compile.ir.graph import Layout, Value
from tensorxp._compile.ir.regions import SMALL

#: The most values of one kernel, and the bytes of shared memory for what they pass on.
_VALUES, _SHARED = 128, 32768


def kernels(live: list[Value], stored: set[Value]) -> list[Kernel]:
    """Return the kernels of a small region; `stored` are the values that others read."""
    parts: list[list[Value]] = []
    for x in live:
        large = x.kind == "assemble" and x.size > 4 * SMALL
        if large or not parts or len(parts[-1]) == _VALUES or _large(parts[-1][0]):
            parts.append([])
        parts[-1].append(x)
    home = {x: i for i, part in enumerate(parts) for x in part}
    stored = stored | {y.base for x in live for y in x.args if home.get(y.base, home[x]) != home[x]}
    found: list[Kernel] = []
    for part in parts:
        found += _pieces(part[0]) if _large(part[0]) else [_Line(part, stored).kernel()]
    return found


def _large(x: Value) -> bool:
    return x.kind == "assemble" and x.size > 4 * SMALL


def _pieces(x: Value) -> list[Kernel]:
    """Return a kernel for each piece of an array that is put together, in order."""
    found = []
    for y, (offset, strides) in zip(x.args, x.params, strict=True):
        text = Text()
        text.add(
            "for (place_t i = (place_t)blockIdx.x * blockDim.x + threadIdx.x; "
            f"i < {y.size}; i += (place_t)gridDim.x * blockDim.x) {{"
        )
        value = text.declare(y.base.letter, text.read(y, "i"))
        text.write(x, place(Layout(x, offset, y.shape, strides), "i"), value)
        text.add("}")
        found.append(text.kernel(x.size, (min(-(-y.size // THREADS), BLOCKS), 1), THREADS))
    return found


def _length(x: Value) -> int:
    """Return how many elements one of the results is made of."""
    if x.kind == "reduce":
        return x.args[0].size // x.size
    return int(x.params[1]) if x.kind == "matmul" else 1


class _Line:
    """Writes a kernel of one block."""

    def __init__(self, live: list[Value], stored: set[Value]) -> None:
        self.live, self.stored = live, stored
        work = max(x.size * _length(x) for x in live)
        self.threads = min(THREADS, max(32, power(work)))
        self.groups = self._groups()
        self.text = Text()
        self.places: dict[Value, int] = {}
        group = {x: i for i, members in enumerate(self.groups) for x in members}
        end = 0
        for x in live:
            for y in x.args:
                z = y.base
                apart = group.get(z) is not None and not (group[z] == group[x] and y.whole)
                if apart and z not in stored and z not in self.places:
                    self.places[z] = end
                    end += -(-z.size * z.dtype.itemsize // 16) * 16
        self.scratch = Value("array", (end,), np.dtype(np.uint8), -1) if end > _SHARED else None
        self.bytes = end

    def _groups(self) -> list[list[Value]]:
        """Return neighbouring values in groups that one loop computes."""
        found: list[list[Value]] = []
        for x in self.live:
            last = found[-1] if found else []
            joins = (
                last and x.kind == "elementwise" == last[0].kind and x.size == last[0].size
                and all(y.whole for y in x.args if y.base in last)
            )  # fmt: skip
            if joins:
                last.append(x)
            else:
                found.append([x])
        return found

    def kernel(self) -> Kernel:
        text = self.text
        kinds = {kind_of(x) for x in self.live if x.kind == "reduce"}
        if any(x.kind == "matmul" for x in self.live):
            kinds.add("td")
        for line in shared(kinds, self.threads):
            text.add(line)
        if self.scratch is not None:
            text.written.add(self.scratch)
            text.add(f"unsigned char *scratch = {text.pointer(self.scratch)};")
        elif self.bytes:
            text.add(f"__shared__ __align__(16) unsigned char scratch[{self.bytes}];")
        for i, group in enumerate(self.groups):
            if i:
                text.add("__syncthreads();")
            text.add("{")
            if group[0].kind == "elementwise":
                self._elementwise(group)
            elif group[0].kind == "assemble":
                self._assemble(group[0])
            else:
                self._fold(group[0])
            text.add("}")
        return text.kernel(max(x.size * _length(x) for x in self.live), (1, 1), self.threads)

    def _memory(self, x: Value) -> str | None:
        """Return the pointer to a value of this line, None where it is in no memory."""
        if x in self.stored:
            return self.text.pointer(x)
        if x in self.places:
            return f"(({TYPES[x.letter]} *)(scratch + {self.places[x]}))"
        return None

    def _read(self, y: Layout, at: str) -> str:
        x = y.base
        if x in self.places:
            return loaded(x.letter, f"{self._memory(x)}[{place(y, at)}]")
        return self.text.read(y, at)

    def _write(self, x: Value, at: str, value: str) -> None:
        memory = self._memory(x)
        if memory is not None:
            if x in self.stored:
                self.text.written.add(x)
            self.text.add(f"{memory}[{at}] = {kept(x.letter, value)};")

    def _each(self, size: int) -> None:
        self.text.add(f"for (int i = threadIdx.x; i < {size}; i += {self.threads}) {{")

    def _elementwise(self, group: list[Value]) -> None:
        text, names, loads = self.text, dict[Value, str](), dict[object, str]()
        self._each(group[0].size)
        for x in group:
            values = []
            for y in x.args:
                if y.base in names:
                    values.append(names[y.base])
                elif y.base.kind == "number":
                    values.append(literal(y.base))
                else:
                    if y.key not in loads:
                        loads[y.key] = text.declare(y.base.letter, self._read(y, "i"))
                    values.append(loads[y.key])
            names[x] = text.declare(x.letter, formula(x, values))
            self._write(x, "i", names[x])
        text.add("}")

    def _assemble(self, x: Value) -> None:
        for i, (y, (offset, strides)) in enumerate(zip(x.args, x.params, strict=True)):
            if i:
                self.text.add("__syncthreads();")
            self._each(y.size)
            value = self.text.declare(y.base.letter, self._read(y, "i"))
            self._write(x, place(Layout(x, offset, y.shape, strides), "i"), value)
            self.text.add("}")

    def _fold(self, x: Value) -> None:
        """Write a reduction, or a product of matrices: some threads for each result."""
        text, count, length = self.text, x.size, _length(x)
        lanes = max(1, min(power(length), self.threads // min(self.threads, power(count))))
        per = self.threads // lanes
        letter = x.letter
        text.add(f"const int lane = threadIdx.x % {lanes};")
        text.add(f"for (int first = 0; first < {count}; first += {per}) {{")
        text.add(f"const int out = first + threadIdx.x / {lanes};")
        if x.kind == "reduce":
            fold = Fold(text, x.name, letter)
            y = x.args[0]
            order = [i for i in range(len(y.shape)) if i not in x.params] + list(x.params)
            turned = Layout(y.base, y.offset, tuple([y.shape[i] for i in order]),
                            tuple([y.strides[i] for i in order]))  # fmt: skip
            value = self._read(turned, f"(out * {length} + j)")
        else:
            fold = Fold(text, "sum", "d")
            _, inner, columns, *steps = x.params
            left, right = (
                self._read(Layout(y.base, y.offset, shape, strides), at)
                for y, shape, strides, at in (
                    (x.args[0], (count // columns, inner), tuple(steps[:2]),
                     f"(out / {columns} * {inner} + j)"),
                    (x.args[1], (columns, inner), (steps[3], steps[2]),
                     f"(out % {columns} * {inner} + j)"),
                )
            )  # fmt: skip
            value = f"(td){left} * (td){right}"
        text.add(f"if (out < {count}) for (int j = lane; j < {length}; j += {lanes}) {{")
        fold.take(value)
        text.add("}")
        whole = fold.join(lanes, 1, "lane")
        text.add(f"if (out < {count} && lane == 0) {{")
        self._write(x, "out", f"(t{letter})({whole})" if x.kind == "matmul" else fold.result(whole))
        text.add("}}")
