"""Kernels of loop regions: elementwise passes, rows with their reductions, and totals.

A region becomes one kernel that computes what must be stored, and one for each way in which its
totals reduce it. Nothing passes through memory inside a kernel but what is reduced: each thread
computes again what it needs. Sums are taken in a fixed order that only shapes decide.
"""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any, NamedTuple

from tensorxp._compile.cuda.source import (
    TYPES,
    WIDE,
    dtype_of,
    formula,
    kept,
    literal,
    loaded,
    narrowed,
)
from tensorxp._compile.ir.formulas import accumulator
from tensorxp._compile.ir.graph import Layout, Value, squeezed
from tensorxp._compile.ir.regions import Region, level_of

THREADS = 256
#: The most blocks of a grid: more than any GPU runs at once, each goes on where others ended.
BLOCKS = 1 << 16
#: Blocks that a reduction with few results is split into, and elements a thread has at least.
_SPLITS, _LEAST = 512, 8


class Kernel(NamedTuple):
    """A kernel's text without its name, how it is launched, and the values behind its pointers."""

    params: str
    body: str
    grid: tuple[int, int]
    block: int
    values: list[Value]
    written: set[Value]


def power(n: int) -> int:
    """Return the least power of two that is not less than `n`."""
    return 1 << max(0, n - 1).bit_length()


def place(x: Layout, at: str) -> str:
    """Return the element of the base that is the `at`-th of a layout."""
    shape, steps = squeezed(x.shape, x.strides)
    parts = [str(x.offset)] if x.offset else []
    inner = 1
    for i in range(len(shape) - 1, -1, -1):
        if steps[i] and shape[i] > 1:
            part = at if inner == 1 else f"{at} / {inner}"
            part = f"({part}) % {shape[i]}" if i else f"({part})"
            parts.append(part if steps[i] == 1 else f"({part}) * ({steps[i]})")
        inner *= shape[i]
    return " + ".join(parts) or "0"


class Text:
    """The text of a kernel while it is written: lines, and pointers to the values it uses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pointers: dict[Value, str] = {}
        self.written: set[Value] = set()
        self.largest = 0
        self._count = 0

    def add(self, line: str) -> None:
        self.lines.append(line)

    def name(self) -> str:
        """Return a name that is not used yet."""
        self._count += 1
        return f"v{self._count}"

    def pointer(self, x: Value) -> str:
        self.largest = max(self.largest, x.size)
        return self.pointers.setdefault(x, f"p{len(self.pointers)}")

    def read(self, x: Layout, at: str) -> str:
        """Return the `at`-th element of a layout of a number or of an array."""
        if x.base.kind == "number":
            return literal(x.base)
        return loaded(x.base.letter, f"{self.pointer(x.base)}[{place(x, at)}]")

    def write(self, x: Value, at: str, value: str) -> None:
        self.written.add(x)
        self.add(f"{self.pointer(x)}[{at}] = {kept(x.letter, value)};")

    def declare(self, letter: str, value: str) -> str:
        """Append a variable of the letter's wide type and return its name."""
        name = self.name()
        self.add(f"const t{WIDE[letter]} {name} = {value};")
        return name

    def kernel(self, size: int, grid: tuple[int, int], block: int) -> Kernel:
        """Return the whole; `size` is what flat places go up to."""
        params = ", ".join(
            f"{'' if x in self.written else 'const '}{TYPES[x.letter]} *__restrict__ {name}"
            for x, name in self.pointers.items()
        )
        step = "int" if max(size, self.largest) < 1 << 30 else "int64_t"
        body = "\n".join([f"typedef {step} place_t;", *self.lines])
        return Kernel(params, body, grid, block, list(self.pointers), self.written)


class Fold:
    """A reduction inside a kernel: an accumulator in each thread, then a tree in shared memory."""

    def __init__(self, text: Text, name: str, letter: str) -> None:
        self.text, self.letter = text, letter
        self.type = f"t{accumulator(name, WIDE[letter])}"
        self.of = f"{name}_{self.type[1]}"
        self.total = text.name()
        text.add(f"{self.type} {self.total} = start_{self.of}();")

    def take(self, value: str) -> None:
        self.text.add(f"{self.total} = take_{self.of}({self.total}, {value});")

    def join(self, lanes: int, step: int, lane: str) -> str:
        """Let `lanes` threads, `step` from one another, fold theirs; return what holds the whole.

        All threads of the block come here.
        """
        if lanes == 1:
            return self.total
        text, shared = self.text, f"shared_{self.type}"
        mine = f"{shared}[threadIdx.x]"
        text.add(f"{mine} = {self.total};")
        text.add("__syncthreads();")
        text.add(f"for (int half = {lanes // 2}; half; half /= 2) {{")
        text.add(
            f"if ({lane} < half) "
            f"{mine} = take_{self.of}({mine}, {shared}[threadIdx.x + half * {step}]);"
        )
        text.add("__syncthreads(); }")
        whole = text.name()
        text.add(f"const {self.type} {whole} = {shared}[threadIdx.x - {lane} * {step}];")
        text.add("__syncthreads();")
        return whole

    def result(self, whole: str) -> str:
        """Return the whole as a value of the reduction's dtype."""
        return narrowed(self.letter, f"(t{WIDE[self.letter]})({whole})")


def shared(kinds: Iterable[str], threads: int) -> list[str]:
    """Return the declarations of the shared memory for folds of some types."""
    return [f"__shared__ {kind} shared_{kind}[{threads}];" for kind in sorted(set(kinds))]


def kind_of(x: Value) -> str:
    """Return the type in which a reduction accumulates."""
    return f"t{accumulator(x.name, WIDE[x.letter])}"


class Loop:
    """Writes the kernels of a loop region; `stored` are the values that others read."""

    def __init__(self, region: Region, live: list[Value], stored: set[Value]) -> None:
        self.region, self.live = region, live
        members = region.members
        self.totals = [x for x in live if members[x] == "total"]
        rows = {x for x in live if members[x] == "row"}
        self.stored = {x for x in live if x in stored and members[x] != "total"}
        # what totals read of rows must be in memory
        self.stored |= {y.base for x in self._cone(self.totals, self.stored) for y in x.args
                        if y.base in rows and members[x] != "row"}  # fmt: skip
        self.rank: dict[Value, int] = {}
        for x in live:
            at = max([self.rank.get(y.base, 0) for y in x.args])
            self.rank[x] = at + 1 if x in rows and x.kind == "reduce" else at

    def kernels(self) -> list[Kernel]:
        found = []
        if self.stored:
            rowed = any(self.region.members[x] == "row" for x in self._cone(self.stored, set()))
            found.append(self._rows() if rowed else self._flat())
        groups: dict[Any, list[Value]] = {}
        for x in self.totals:
            groups.setdefault(_pattern(x), []).append(x)
        for pattern, totals in groups.items():
            found += self._totals(pattern, totals)
        return found

    def _cone(self, wanted: Iterable[Value], known: set[Value]) -> list[Value]:
        """Return the members that lead from `known` to `wanted`, those too, in order."""
        found: set[Value] = set()
        waiting = list(wanted)
        while waiting:
            x = waiting.pop()
            if x not in found:
                found.add(x)
                level = level_of(x, self.region)
                waiting += [y.base for y in x.args
                            if y.base not in known and self.region.holds(y, level)]  # fmt: skip
        return [x for x in self.live if x in found]

    def _full(self, text: Text, wanted: list[Value], known: dict[Value, str], at: str) -> Any:
        """Write what leads to the elementwise values and reductions `wanted`, at a flat place.

        `known` has variables for values of rows. Return a function that gives an operand.
        """
        loads: dict[Any, str] = {}
        names: dict[Value, str] = dict(known)

        def operand(y: Layout) -> str:
            if y.base.kind == "number":
                return literal(y.base)
            if y.base in names and self.region.holds(y, "full"):
                return names[y.base]
            if y.key not in loads:
                loads[y.key] = text.declare(y.base.letter, text.read(y, at))
            return loads[y.key]

        for x in self._cone(wanted, set(known)):
            if x.kind == "elementwise" and self.region.members[x] == "full":
                names[x] = text.declare(x.letter, formula(x, [operand(y) for y in x.args]))
        return operand, names

    def _flat(self) -> Kernel:
        size, text = self.region.size, Text()
        text.add(
            "for (place_t i = (place_t)blockIdx.x * blockDim.x + threadIdx.x; "
            f"i < {size}; i += (place_t)gridDim.x * blockDim.x) {{"
        )
        wanted = [x for x in self.live if x in self.stored]
        _, names = self._full(text, wanted, {}, "i")
        for x in wanted:
            text.write(x, "i", names[x])
        text.add("}")
        return text.kernel(size, (min(-(-size // THREADS), BLOCKS), 1), THREADS)

    def _rows(self) -> Kernel:
        region, text = self.region, Text()
        width = region.width or 1
        rows, members = region.size // width, region.members
        lanes = min(THREADS, power(-(-width // 4)))
        per = THREADS // lanes
        cone = self._cone(self.stored, set())
        inner = [x for x in cone if members[x] == "row"]
        for line in shared({kind_of(x) for x in inner if x.kind == "reduce"}, THREADS):
            text.add(line)
        text.add(f"const int lane = threadIdx.x % {lanes};")
        text.add(
            f"for (place_t first = (place_t)blockIdx.x * {per}; first < {rows}; "
            f"first += (place_t)gridDim.x * {per}) {{"
        )
        text.add(f"const place_t row = first + threadIdx.x / {lanes};")
        text.add(f"const bool on = row < {rows};")
        known: dict[Value, str] = {}
        for x in inner:
            known[x] = text.name()
            text.add(f"t{WIDE[x.letter]} {known[x]} = 0;")
        for rank in range(max(self.rank[x] for x in cone) + 1):
            self._phase(text, rank, cone, known, lanes, width)
        text.add("}")
        return text.kernel(region.size, (min(-(-rows // per), BLOCKS), 1), THREADS)

    def _phase(
        self, text: Text, rank: int, cone: list[Value], known: dict[Value, str], lanes: int,
        width: int,
    ) -> None:  # fmt: skip
        """Write one pass over a row: what is reduced and stored once the rows' `rank` is known."""
        members, ranks = self.region.members, self.rank
        for x in cone:  # what rows compute of rows
            if members[x] == "row" and x.kind == "elementwise" and ranks[x] == rank:
                values = [
                    known[y.base] if y.base in known and self.region.holds(y, "row")
                    else text.read(y, "row") for y in x.args
                ]  # fmt: skip
                text.add(f"if (on) {known[x]} = {formula(x, values)};")
        for x in cone:
            if members[x] == "row" and x in self.stored and ranks[x] == rank:
                text.add("if (on && lane == 0)")
                text.write(x, "row", known[x])
        reduced = [x for x in cone if x.kind == "reduce" and ranks[x] == rank + 1]
        full = [x for x in cone if members[x] == "full" and x in self.stored and ranks[x] == rank]
        if not reduced and not full:
            return
        accumulators = [Fold(text, x.name, x.letter) for x in reduced]
        text.add(f"if (on) for (int column = lane; column < {width}; column += {lanes}) {{")
        text.add(f"const place_t i = row * {width} + column;")
        operand, names = self._full(text, [*reduced, *full], known, "i")
        for x, fold in zip(reduced, accumulators, strict=True):
            fold.take(operand(x.args[0]))
        for x in full:
            text.write(x, "i", names[x])
        text.add("}")
        for x, fold in zip(reduced, accumulators, strict=True):
            text.add(f"{known[x]} = {fold.result(fold.join(lanes, 1, 'lane'))};")

    def _totals(self, pattern: tuple[tuple[int, bool], ...], totals: list[Value]) -> list[Kernel]:
        region, text = self.region, Text()

        def given(at: str) -> list[str]:
            known: dict[Value, str] = {}
            for x in self._cone(totals, self.stored):
                for y in x.args:
                    z = y.base
                    if z in self.stored and z not in known and region.holds(y, "full"):
                        # another kernel of the region has stored it
                        where = at if region.members[z] == "full" else f"{at} / {region.width}"
                        known[z] = text.declare(
                            z.letter, loaded(z.letter, f"{text.pointer(z)}[{where}]")
                        )
            operand, _ = self._full(text, totals, known, at)
            return [operand(x.args[0]) for x in totals]

        return reduction(text, pattern, totals, given)


def _pattern(x: Value) -> tuple[tuple[int, bool], ...]:
    """Return the dimensions that a reduction goes over, joined, and whether it reduces each."""
    found: list[tuple[int, bool]] = []
    for i, n in enumerate(x.args[0].shape):
        reduced = i in x.params
        if n != 1:
            if found and found[-1][1] is reduced:
                found[-1] = (found[-1][0] * n, reduced)
            else:
                found.append((n, reduced))
    return tuple(found) or ((1, True),)


def _offset(pattern: tuple[tuple[int, bool], ...], reduced: bool, at: str) -> str:
    """Return the flat place of the `at`-th of the reduced, or of the kept, dimensions."""
    shape = tuple([n if flag is reduced else 1 for n, flag in pattern])
    steps = tuple([prod([n for n, _ in pattern[i + 1 :]]) for i in range(len(pattern))])
    return place(Layout(_NOWHERE, 0, shape, steps), at)


_NOWHERE: Any = None


def reduction(
    text: Text, pattern: tuple[tuple[int, bool], ...], totals: list[Value],
    given: Callable[[str], list[str]], most: int = _SPLITS,
) -> list[Kernel]:  # fmt: skip
    """Return the kernels that reduce what `given` says for each flat place, and store `totals`."""
    count = prod([n for n, reduced in pattern if not reduced])
    length = prod([n for n, reduced in pattern if reduced])
    along = pattern[-1][1]  # threads go along what is reduced
    lanes = min(THREADS, power(length)) if along else THREADS // min(32, power(count))
    side = THREADS // lanes
    blocks = -(-count // side)
    splits = max(1, min(most // blocks, length // (lanes * _LEAST)))
    kinds = {kind_of(x) for x in totals}
    for line in shared(kinds, THREADS):
        text.add(line)
    lane, out = f"threadIdx.x % {lanes}", f"threadIdx.x / {lanes}"
    if not along:
        lane, out = f"threadIdx.x / {side}", f"threadIdx.x % {side}"
    text.add(f"const int lane = {lane};")
    text.add(f"const place_t out = (place_t)blockIdx.x * {side} + {out};")
    folded = [Fold(text, x.name, x.letter) for x in totals]
    text.add(
        f"if (out < {count}) for (place_t j = blockIdx.y * {lanes} + lane; j < {length}; "
        f"j += {lanes * splits}) {{"
    )
    text.add(f"const place_t i = {_offset(pattern, False, 'out')} + {_offset(pattern, True, 'j')};")
    for fold, value in zip(folded, given("i"), strict=True):
        fold.take(value)
    text.add("}")
    wholes = [fold.join(lanes, 1 if along else side, "lane") for fold in folded]
    text.add(f"if (lane == 0 && out < {count}) {{")
    parts: list[Value] = []
    for x, fold, whole in zip(totals, folded, wholes, strict=True):
        if splits == 1:
            text.write(x, "out", fold.result(whole))
        else:
            wide = dtype_of(fold.type[1])
            parts.append(Value("array", (splits, count), wide, -1))
            text.write(parts[-1], f"blockIdx.y * (place_t){count} + out", whole)
    text.add("}")
    found = [text.kernel(count * length, (blocks, splits), THREADS)]
    if parts:
        last = Text()
        rest = ((splits, True), (count, False)) if count > 1 else ((splits, True),)
        found += reduction(
            last, rest, totals,
            lambda at: [f"{last.pointer(part)}[{at}]" for part in parts], 1,
        )  # fmt: skip
    return found
