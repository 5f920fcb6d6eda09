"""What runs together: values are put into regions, and regions and NumPy's calls into an order.

A loop region goes over memory once: over N elements, or over rows of C of them where it holds a
reduction of whole rows, whose result the same region may use. Totals over other axes are known
when the region ends. A small region is a straight line over small arrays. Where a later region
needs a value of an earlier one, it is computed again if that costs less than writing and
reading it.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from tensorxp._compile.ir.formulas import FORMULAS
from tensorxp._compile.ir.graph import Layout, Value

#: Work over no more elements goes into small regions.
SMALL = 2048
#: The longest row that a loop region works on as one.
LONGEST_ROW = 8192
#: What writing a value and reading it again costs, in simple operations on each element.
MEMORY = 24


def cost(x: Value) -> int:
    """Return what one element of an operation costs, in simple operations."""
    return FORMULAS[x.name].cost if x.name in FORMULAS else 1


class Call:
    """A step that NumPy runs: `operands` are layouts or literals, `outs` its results."""

    def __init__(self, step: Any, operands: list[Any], references: dict[int, Layout]) -> None:
        self.step = step
        self.operands = operands
        self.references = references  # arrays inside the parameters, by register
        self.outs: list[Value] = []

    def layouts(self) -> Iterable[Layout]:
        """Return all that it reads."""
        yield from (x for x in self.operands if isinstance(x, Layout))
        yield from self.references.values()


class Region:
    """Values that one pass computes: `members` tells at which level, full, row or total."""

    def __init__(self, size: int) -> None:
        self.size = size  # N, or 0 for a small region
        self.width: int | None = None  # C, once there are rows
        self.members: dict[Value, str] = {}

    def holds(self, x: Layout, level: str) -> bool:
        """Return whether an operand can be read while the region runs."""
        found = self.members.get(x.base)
        if found is None or found == "total":
            return False
        if self.size == 0:
            return True
        if found == level:
            return x.whole
        return found == "row" and level == "full" and repeats(x, self.width or 1)


def level_of(x: Value, region: Region) -> str:
    """Return the level at which a member reads its operands."""
    return "full" if x.kind == "reduce" or region.members[x] != "row" else "row"


def repeats(x: Layout, width: int) -> bool:
    """Return whether each element of the base is repeated `width` times, one after another."""
    count, left = 1, len(x.shape)
    while left and count < width and (x.strides[left - 1] == 0 or x.shape[left - 1] == 1):
        left -= 1
        count *= x.shape[left]
    return count == width and Layout(x.base, x.offset, x.shape[:left], x.strides[:left]).whole


def is_row(x: Value) -> bool:
    """Return whether a reduction is one over whole rows."""
    shape, axes = x.args[0].shape, x.params
    first = min((i for i in axes if shape[i] != 1), default=len(shape))
    return all(i in axes or shape[i] == 1 for i in range(first, len(shape)))


def sources(x: Value) -> Iterable[Layout]:
    """Return what a value is computed of."""
    return x.params.layouts() if x.kind == "foreign" else x.args


def needed(wanted: Iterable[Value], available: set[Value]) -> list[Value]:
    """Return the values that lead from `available` to `wanted`, in order."""
    found: set[Value] = set()
    waiting = [x for x in wanted if x not in available]
    while waiting:
        x = waiting.pop()
        if x not in found and x.kind not in ("array", "number"):
            found.add(x)
            waiting.extend(y.base for y in sources(x) if y.base not in available)
    return sorted(found, key=lambda x: x.index)


class Schedule:
    """The stages, regions and calls, that compute `wanted` from `available`."""

    def __init__(self, wanted: list[Value], available: set[Value]) -> None:
        self.stages: list[Region | Call] = []
        self.home: dict[Value, int] = {}
        self.stored: set[Value] = set(wanted)
        self._by_size: dict[int, list[int]] = {}
        self._calls: set[Call] = set()
        for x in needed(wanted, available):
            if x.kind == "foreign":
                self._call(x.params)
            else:
                self._place(x)
        self._merge()
        self.live = self._settle(wanted)

    def _call(self, call: Call) -> None:
        if call in self._calls:
            return
        self._calls.add(call)
        self.stored.update(x.base for x in call.layouts())
        self.stages.append(call)
        for x in call.outs:
            self.home[x] = len(self.stages) - 1

    def _place(self, x: Value) -> None:
        work = x.args[0].size if x.kind == "reduce" else x.size
        at = self._row_stage(x)
        level = "row"
        if at is None:
            small = work <= SMALL or x.kind in ("matmul", "assemble")
            at = self._stage(x, 0 if small else work)
            level = "full"
        stage: Any = self.stages[at]
        for y in x.args:
            self._bring(y, stage, at, level)
        if x.kind == "reduce" and stage.size:
            if stage.width is not None and is_row(x) and stage.width == work // x.size:
                level = "row"
            else:
                level = "total"
        stage.members[x] = level
        self.home[x] = at

    def _row_stage(self, x: Value) -> int | None:
        """Return the loop region whose rows' values `x` goes on computing with, if there is one."""
        if x.kind != "elementwise":
            return None
        homes = [self.home.get(y.base, -1) for y in x.args]
        at = max(homes)
        stage = self.stages[at] if at >= 0 else None
        if not isinstance(stage, Region) or not stage.width or stage.size != x.size * stage.width:
            return None
        for y, home in zip(x.args, homes, strict=True):
            if home == at and not stage.holds(y, "row"):
                return None
        return at

    def _stage(self, x: Value, size: int) -> int:
        """Return the first region of `size` that can compute `x`, a new one at need."""
        earliest = 0
        for y in x.args:
            home = self.home.get(y.base, -1)
            if home >= 0:
                stage = self.stages[home]
                same = isinstance(stage, Region) and stage.size == size and stage.holds(y, "full")
                earliest = max(earliest, home if same else home + 1)
        width = None
        if x.kind == "reduce" and size and is_row(x):
            width = size // x.size
            if width > LONGEST_ROW or (x.size < 4 and size > 4 * LONGEST_ROW):
                width = None
        known = self._by_size.setdefault(size, [])
        for at in known[bisect_left(known, earliest) :]:
            stage = self.stages[at]
            assert isinstance(stage, Region)
            if width is None or stage.width in (None, width):
                stage.width = width or stage.width
                return at
        region = Region(size)
        region.width = width
        self.stages.append(region)
        known.append(len(self.stages) - 1)
        return known[-1]

    def _bring(self, y: Layout, stage: Region, at: int, level: str) -> None:
        """See to it that the operand can be read in `stage`: held, computed again, or stored."""
        x = y.base
        if x not in self.home or stage.holds(y, level):
            return
        if (
            stage.size and level == "full" and x not in self.stored and x.kind == "elementwise"
            and x.size == stage.size and y.whole and x not in stage.members
        ):  # fmt: skip
            cone: dict[Value, int] = {}
            if self._cone(x, stage, cone, MEMORY) is not None:
                for z in sorted(cone, key=lambda z: z.index):
                    for source in z.args:
                        if source.base in self.home and not stage.holds(source, "full"):
                            self.stored.add(source.base)
                    stage.members[z] = "full"
                return
        self.stored.add(x)

    def _merge(self) -> None:
        """Let loop regions run with later ones of their size where nothing between needs them."""
        reads = [{y.base for y in self._reads(i)} for i in range(len(self.stages))]
        for places in self._by_size.values():
            for a, b in pairwise(places):
                first: Any = self.stages[a]
                then: Any = self.stages[b]
                if not first.size or (None not in (first.width, then.width)
                                      and first.width != then.width):  # fmt: skip
                    continue
                if any(isinstance(stage, Call) for stage in self.stages[a:b]) or any(
                    self.home.get(x) == a for i in range(a + 1, b) for x in reads[i]
                ):  # what a call between gives and takes would live longer
                    continue
                both = Region(first.size)
                both.width = first.width or then.width
                both.members = {**first.members, **then.members}
                if all(
                    both.holds(y, level_of(x, both)) for x in then.members for y in x.args
                    if y.base in first.members
                ):  # fmt: skip
                    self.stages[a], self.stages[b] = Region(first.size), both
                    self.home.update((x, b) for x, at in self.home.items() if at == a)
                    reads[b] |= reads[a]

    def _reads(self, i: int) -> Iterable[Layout]:
        stage = self.stages[i]
        if isinstance(stage, Call):
            return stage.layouts()
        return (y for x in stage.members for y in x.args)

    def _settle(self, wanted: list[Value]) -> list[list[Value]]:
        """Return each region's members that are needed, and find those that must be stored."""
        self.stored = set(wanted)
        lives: list[list[Value]] = []
        for i in range(len(self.stages) - 1, -1, -1):
            stage, live = self.stages[i], []
            if isinstance(stage, Call):
                self.stored.update(x.base for x in stage.layouts())
            else:
                used: set[Value] = set()
                for x in reversed(stage.members):
                    if x in used or (x in self.stored and self.home[x] == i):
                        live.append(x)
                        level = level_of(x, stage)
                        for y in x.args:
                            if stage.holds(y, level):
                                used.add(y.base)
                            else:
                                self.stored.add(y.base)
            lives.append(live[::-1])
        return lives[::-1]

    def uses(self) -> dict[Value, set[int]]:
        """Return by which stages each value is read."""
        found: dict[Value, set[int]] = {}
        for i, (stage, live) in enumerate(zip(self.stages, self.live, strict=True)):
            own = [y for x in live for y in x.args]
            for x in stage.layouts() if isinstance(stage, Call) else own:
                found.setdefault(x.base, set()).add(i)
        return found

    def _cone(self, x: Value, stage: Region, cone: dict[Value, int], budget: int) -> int | None:
        """Collect what must be computed again for `x`; return what is left of the budget."""
        budget -= cost(x)
        cone[x] = 1
        for y in x.args:
            if budget < 0:
                return None
            z = y.base
            if z in cone or z.kind == "number" or stage.holds(y, "full"):
                continue
            if z.size * 4 <= stage.size:
                continue
            if z not in self.home or z.kind == "foreign" or z in self.stored:
                budget -= 4
            elif z.kind == "elementwise" and y.whole and z.size == stage.size:
                left = self._cone(z, stage, cone, budget)
                if left is None:
                    return None
                budget = left
            else:
                return None
        return budget if budget >= 0 else None


def choose_saved(
    reads: list[Value], inputs: set[Value], cells: int, free: set[Value]
) -> list[Value]:
    """Return what a later program should be given so that it can compute `reads`.

    Large elementwise results are computed again from `inputs`, and from what is saved anyway or
    small and not of `free`, where that is cheaper than memory.
    """
    saved: dict[Value, None] = dict.fromkeys(x for x in reads if x.size <= cells)
    for x in sorted(reads, key=lambda x: x.index):
        if x in saved:
            continue
        cone: dict[Value, None] = {}
        extra: dict[Value, None] = {}
        if x.kind == "elementwise" and (
            _again(x, inputs, saved, cone, extra, MEMORY) is not None and free.isdisjoint(extra)
        ):
            saved.update(extra)
        else:
            saved[x] = None
    return list(saved)


def _again(
    x: Value, inputs: set[Value], saved: dict[Value, None], cone: dict[Value, None],
    extra: dict[Value, None], budget: int,
) -> int | None:  # fmt: skip
    budget -= cost(x)
    cone[x] = None
    for y in x.args:
        if budget < 0:
            return None
        z = y.base
        if z in cone or z in saved or z.kind == "number":
            continue
        if z in inputs:
            budget -= 0 if z.size * 4 <= x.size else 2
        elif z.kind == "array":  # it may be written to before it would be read again
            return None
        elif z.size * 4 <= x.size:
            extra[z] = None
        elif z.kind == "elementwise":
            left = _again(z, inputs, saved, cone, extra, budget)
            if left is None:
                return None
            budget = left
        else:
            return None
    return budget if budget >= 0 else None
