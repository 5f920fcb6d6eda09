"""Instructions: regions become tables that the machine reads (the structs of `machine.c`).

An operand is a place (a base and an offset in bytes) and a form: "v" for one element after
another, "s" for one element for all. Places are in the scratch of a block, in the work space of
the call, among constants, in arrays from outside, or behind a pointer that moves with the rows.
"""

import ctypes
from typing import Any

import numpy as np

from tensorxp._compile.ir.graph import LETTERS, Layout, Value, contiguous, squeezed
from tensorxp._compile.ir.regions import Region, cost, level_of, repeats

SCRATCH, CONSTANTS, WORK, TOTALS, OUTSIDE = range(5)
_MOVING = 1 << 20  # bases of moving pointers until the number of arrays is known
#: Bytes of a block's values of one kind; some of them fit into the first cache.
_BLOCK = 4096
#: Nanoseconds that a simple operation on 4 bytes takes, and that are worth a thread.
_SPEED, _THREAD = 0.035, 100_000
Place = tuple[int, int]
Operand = tuple[str, Place]


class Program(ctypes.Structure):
    """The machine's `Program`."""

    _fields_ = [(name, ctypes.c_void_p) for name in
                ("code", "pointers", "totals", "regions", "aux", "constants")] + [
               (name, ctypes.c_int64) for name in
                ("regions_count", "outside", "told", "work", "dynamic")]  # fmt: skip


class _Space:
    """Hands out offsets in a growing space, again after they are given back."""

    def __init__(self) -> None:
        self.size = 0
        self._free: dict[int, list[int]] = {}

    def take(self, n: int) -> int:
        n = -(-n // 64) * 64
        free = self._free.get(n)
        if free:
            return free.pop()
        self.size += n
        return self.size - n

    def fresh(self, n: int) -> int:
        """Take what nobody had before."""
        self.size += -(-n // 64) * 64
        return self.size - -(-n // 64) * 64

    def give(self, at: int, n: int) -> None:
        self._free.setdefault(-(-n // 64) * 64, []).append(at)


class Emitter:
    """The tables of one call of the machine: the regions that run in it one after another.

    `outside` gives the places of values in arrays from outside: the array's number and an offset.
    """

    def __init__(
        self, kernels: dict[str, int], outside: dict[Value, tuple[Any, int]], told: bool
    ) -> None:
        self.kernels = kernels
        self.told = told  # whether errors of floating-point numbers are
        self.outside = outside
        self.arrays: dict[Any, int] = {}  # arrays from outside, in the order of the call
        self.time = 0.0
        self.stored: set[Value] = set()  # of the region that is emitted: what it must store,
        self.kept: set[Value] = set()  # and what must not lose its space meanwhile
        self._code: list[tuple[int, ...]] = []
        self._pointers: list[tuple[int, ...]] = []
        self._totals: list[tuple[int, ...]] = []
        self._regions: list[tuple[int, ...]] = []
        self._aux: list[int] = [0]
        self._known_aux: dict[tuple[int, ...], int] = {}
        self._constants = bytearray(64)
        self._numbers: dict[Value, int] = {}
        self._work = _Space()
        self._places: dict[Value, Place] = {}

    def add(
        self, region: Region, live: list[Value], stored: set[Value], kept: set[Value],
        dying: list[Value],
    ) -> None:  # fmt: skip
        """Emit a region's `live` values, of which it stores some.

        Those of `dying` give their space back afterwards, others than `kept` as soon as they may.
        """
        self.stored, self.kept = stored, kept
        code, pointers, totals = len(self._code), len(self._pointers), len(self._totals)
        emit: Any = _Loop(self, region, live) if region.size else _Line(self, live)
        emit.run()
        self._regions.append(
            (code, len(self._code), pointers, len(self._pointers) - pointers, totals,
             len(self._totals) - totals, emit.rows, emit.block, emit.scratch, emit.total_bytes,
             emit.threads)
        )  # fmt: skip
        for x in dying:
            if x in self._places:
                self._work.give(self._places.pop(x)[1], x.nbytes)

    def finish(self) -> "Program":
        """Return the tables as the machine wants them; they live as long as the result."""
        outside, moving = len(self.arrays), max([r[3] for r in self._regions], default=0)
        code = np.asarray(self._code, dtype=np.int32).reshape(-1, 12)
        bases = code[:, 4:8]
        bases[bases >= _MOVING] += OUTSIDE + outside - _MOVING
        tables: list[Any] = [
            code,
            *[np.asarray(x, dtype=np.int64) for x in
              (self._pointers, self._totals, self._regions, self._aux)],
            np.frombuffer(bytes(self._constants), dtype=np.uint8),
        ]  # fmt: skip
        program = Program(*[x.ctypes.data for x in tables], len(self._regions), outside, self.told,
                          self._work.size + 64, moving)  # fmt: skip
        program.tables = tables
        return program

    # what the two kinds of regions use

    def emit(self, kernel: str, count: int, to: Place, *operands: Place, aux: int = 0) -> None:
        """Append an instruction."""
        places = [to, *operands, *[(CONSTANTS, 0)] * (3 - len(operands))]
        self._code.append(
            (self.kernels[kernel], count, aux, 0, *[p[0] for p in places], *[p[1] for p in places])
        )

    def aux(self, *numbers: int) -> int:
        """Return where `numbers` lie in the table of auxiliary numbers."""
        found = self._known_aux.get(numbers)
        if found is None:
            found = self._known_aux[numbers] = len(self._aux)
            self._aux.extend(numbers)
        return found

    def pointer(self, *numbers: int) -> int:
        """Append a moving pointer and return its provisional base."""
        self._pointers.append(numbers)
        first = self._regions[-1] if self._regions else None
        done = first[2] + first[3] if first else 0
        return _MOVING + len(self._pointers) - 1 - done

    def total(self, *numbers: int) -> None:
        self._totals.append(numbers)

    def place(self, x: Value) -> Place:
        """Return where a value lies that does not move, with room made for it at need."""
        if x.kind == "number":
            if x not in self._numbers:
                self._numbers[x] = len(self._constants)
                self._constants += bytes(x.number.tobytes()).ljust(8, b"\0")
            return CONSTANTS, self._numbers[x]
        if x in self.outside:
            array, offset = self.outside[x]
            return OUTSIDE + self.arrays.setdefault(array, len(self.arrays)), offset
        if x not in self._places:
            self._places[x] = (WORK, self._work.take(x.nbytes))
        return self._places[x]

    def spare(self, n: int) -> Place:
        return WORK, self._work.take(n)

    def release(self, place: Place, n: int) -> None:
        self._work.give(place[1], n)

    def forget(self, x: Value) -> None:
        """Give the work space of `x` back, if it has some."""
        if x in self._places:
            self.release(self._places.pop(x), x.nbytes)


def _at(place: Place, x: Layout) -> Place:
    return place[0], place[1] + x.offset * x.dtype.itemsize


def _form(operands: list[Operand]) -> str:
    """Return the form of a kernel's name for one, two or three operands."""
    return "." + "".join([form for form, _ in operands[:2]])


def _tail(y: Layout) -> int:
    """Return the length of the row that a layout repeats for all rows; 0 where it is no such."""
    shape, steps = squeezed(y.shape, y.strides)
    return shape[1] if steps == (0, 1) else 0


class _Line:
    """A small region: each instruction computes a whole value."""

    rows = block = 1
    scratch, total_bytes, threads = 0, 0, 1

    def __init__(self, emitter: Emitter, live: list[Value]) -> None:
        self.to = emitter
        self.live = live

    def run(self) -> None:
        last: dict[Value, int] = {}
        for i, x in enumerate(self.live):
            for y in x.args:
                last[y.base] = i
        kept = self.to.kept
        for i, x in enumerate(self.live):
            self._value(x)
            work = x.size * (x.params[1] / 4 if x.name in ("product", "matmul") else 4 * cost(x))
            self.to.time += (work if x.size > 8 else 30) * _SPEED + 10
            for y in x.args:
                if last[y.base] == i and y.base not in kept:
                    self.to.forget(y.base)
            if x not in last and x not in kept:
                self.to.forget(x)

    def _operand(self, y: Layout, spares: list[tuple[Place, int]], vector: bool) -> Operand:
        place = _at(self.to.place(y.base), y)
        if y.size == 1 or y.flat:
            return "v", place
        if y.single and not vector:
            return "s", place
        n = y.size * y.dtype.itemsize
        spare = self.to.spare(n)
        spares.append((spare, n))
        shape, steps = squeezed(y.shape, y.strides)
        numbers = (len(shape), *shape, *contiguous(shape), *steps)
        self.to.emit(f"copy.{LETTERS[y.dtype]}.v", y.size, spare, place, aux=self.to.aux(*numbers))
        return "v", spare

    def _value(self, x: Value) -> None:
        to, letter = self.to, x.args[0].base.letter
        spares: list[tuple[Place, int]] = []
        if x.kind == "elementwise":
            found = [self._operand(y, spares, i == 2 or len(x.args) == 1)
                     for i, y in enumerate(x.args)]  # fmt: skip
            if [form for form, _ in found[:2]] == ["s", "s"] and x.name != "where":
                found[0] = self._operand(x.args[0], spares, True)
            if x.name == "where" and _form(found) not in (".vv", ".vs", ".sv", ".ss"):
                raise AssertionError
            to.emit(f"{x.name}.{letter}{_form(found)}", x.size, to.place(x), *[p for _, p in found])
        elif x.kind == "reduce":
            y = x.args[0]
            order = [i for i in range(len(y.shape)) if i not in x.params] + list(x.params)
            turned = Layout(y.base, y.offset, tuple([y.shape[i] for i in order]),
                            tuple([y.strides[i] for i in order]))  # fmt: skip
            _, place = self._operand(turned, spares, True)
            aux = to.aux(y.size // x.size)
            to.emit(f"rows_{x.name}.{letter}.v", x.size, to.place(x), place, aux=aux)
        elif x.kind == "matmul":
            places = [_at(to.place(y.base), y) for y in x.args]
            to.emit(f"{x.name}.{letter}.v", 1, to.place(x), *places, aux=to.aux(*x.params))
        else:
            base, start = to.place(x)
            for y, (offset, strides) in zip(x.args, x.params, strict=True):
                shape, out, into = squeezed(y.shape, strides, y.strides)
                aux = to.aux(len(shape), *shape, *out, *into)
                where = base, start + offset * x.dtype.itemsize
                to.emit(f"copy.{letter}.v", y.size, where, _at(to.place(y.base), y), aux=aux)
        for spare, n in spares:
            to.release(spare, n)


class _Loop:
    """A loop region: instructions compute a block of rows at a time."""

    def __init__(self, emitter: Emitter, region: Region, live: list[Value]) -> None:
        self.to = emitter
        self.region = region
        self.live = live
        self.width = region.width or 1
        self.rows = region.size // self.width
        item = max([y.dtype.itemsize for x in live for y in (x, *[z.base for z in x.args])])
        self.item = item
        self.block = max(1, min(self.rows, _BLOCK // item // self.width))
        # a long row that is the same for all rows need not be copied where a block is one row
        tails = {tail for x in live for y in x.args if 1024 <= (tail := _tail(y)) * item <= 65536}
        if region.width is None and len(tails) == 1 and region.size % max(tails) == 0:
            self.width, self.block = max(tails), 1
            self.rows = region.size // self.width
        elif region.width in tails:
            self.block = 1
        self._space = _Space()
        self._places: dict[Value, Place] = {}  # of members
        self._read: dict[Any, Operand] = {}
        totals = _Space()
        self._totals = {x: totals.fresh(8 * x.size) for x in live if region.members[x] == "total"}
        self.total_bytes = totals.size
        work = sum([cost(x) * x.dtype.itemsize / 4 for x in live if region.members[x] != "row"])
        nanoseconds = work * region.size * _SPEED
        emitter.time += nanoseconds
        self.threads = int(nanoseconds // _THREAD) + 1
        self.scratch = 0

    def _bytes(self, level: str) -> int:
        return int(self.block * self.item * (self.width if level == "full" else 1))

    def run(self) -> None:
        members, live = self.region.members, self.live
        last: dict[Value, int] = {}
        for i, x in enumerate(live):
            for y in x.args:
                if y.base in members:
                    last[y.base] = i
        for x in live:
            if members[x] != "total" and x in self.to.stored:
                width = self.width if members[x] == "full" else 1
                self._places[x] = (self._pointer(self.to.place(x), width, x.dtype.itemsize), 0)
        for i, x in enumerate(live):
            level = level_of(x, self.region)
            found = [self._operand(y, level, self._vector(x, j)) for j, y in enumerate(x.args)]
            if [form for form, _ in found[:2]] == ["s", "s"] and x.name != "where":
                found[0] = self._operand(x.args[0], level, True)
            dying = [y.base for y in dict.fromkeys(x.args)
                     if last.get(y.base) == i and self._places[y.base][0] == SCRATCH]  # fmt: skip
            dying = list(dict.fromkeys(dying))
            early = x.kind == "elementwise" and all(
                y.dtype.itemsize == x.dtype.itemsize for y in x.args
            )
            if early:
                self._drop(dying)
            self._value(x, found)
            if not early:
                self._drop(dying)
        self.scratch = self._space.size

    def _drop(self, values: list[Value]) -> None:
        for x in values:
            self._space.give(self._places[x][1], self._bytes(self.region.members[x]))

    @staticmethod
    def _vector(x: Value, position: int) -> bool:
        return position == 2 or len(x.args) == 1

    def _value(self, x: Value, found: list[Operand]) -> None:
        to, level, letter = self.to, self.region.members[x], x.args[0].base.letter
        places = [place for _, place in found]
        if level == "total":
            self._total(x, places[0])
            return
        if x not in self._places:
            self._places[x] = SCRATCH, self._space.take(self._bytes(level))
        count = self.width if level == "full" else 1
        if x.kind == "reduce":
            to.emit(f"rows_{x.name}.{letter}.v", 1, self._places[x], places[0],
                    aux=to.aux(self.width))  # fmt: skip
        else:
            to.emit(f"{x.name}.{letter}{_form(found)}", count, self._places[x], *places)

    def _total(self, x: Value, place: Place) -> None:
        y = x.args[0]
        kept = contiguous(x.shape)
        steps = tuple([0 if i in x.params else step for i, step in enumerate(kept)])
        shape, steps = squeezed(y.shape, steps)
        at = self._totals[x]
        letter = y.base.letter
        kind = ("sum", "prod", "max", "min").index(x.name)
        base, offset = self.to.place(x)
        self.to.total(at, x.size, kind, base, offset, "fdl".index(letter))
        self.to.emit(f"gather_{x.name}.{letter}.v", self.width, (TOTALS, at), place,
                     aux=self.to.aux(self.width, len(shape), *shape, *steps))  # fmt: skip

    def _pointer(self, place: Place, width: int, item: int, gather: Any = None) -> int:
        """Return the base of a pointer that moves by `width` elements with each row."""
        if gather is None:
            return self.to.pointer(*place, width * item, 0, item, 0, width, 0)
        # gathered when the block begins, before anything else runs
        at = self._space.fresh(self.block * self.item * width)
        return self.to.pointer(*place, 0, 1, item, at, width, gather)

    def _operand(self, y: Layout, level: str, vector: bool) -> Operand:
        """Return the place of an operand, with what reads it emitted where it is new."""
        x, held = y.base, self.region.holds(y, level)
        if held and x in self._places and self.region.members[x] == level:
            return "v", self._places[x]
        key = (y.key, level, vector)
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = self._load(y, level, vector, held)
        return found

    def _load(self, y: Layout, level: str, vector: bool, held: bool) -> Operand:
        x, item = y.base, y.dtype.itemsize
        width = self.width if level == "full" else 1
        if held:  # a row's value in each of its elements
            return self._repeated(self._places[x], x, vector)
        place = self.to.place(x)
        if y.single and not vector:
            return "s", _at(place, y)
        if y.flat and y.size == self.rows * width and not (y.size > 1 and y.single):
            return "v", (self._pointer(_at(place, y), width, item), 0)
        if level == "full" and self.block == 1 and _tail(y) == self.width > 1:
            return "v", (self._pointer(_at(place, y), 0, item), 0)
        if level == "full" and self.width > 1 and repeats(y, self.width):
            return self._repeated((self._pointer(place, 1, item), 0), x, vector)
        shape, steps = squeezed(y.shape, y.strides)
        aux = self.to.aux(len(shape), *shape, *steps)
        return "v", (self._pointer(_at(place, y), width, item, aux), 0)

    def _repeated(self, place: Place, x: Value, vector: bool) -> Operand:
        if self.block == 1 and not vector:
            return "s", place
        spread = SCRATCH, self._space.take(self._bytes("full"))
        self.to.emit(f"expand.{x.letter}.v", 1, spread, place, aux=self.to.aux(self.width))
        return "v", spread
