"""Few large products of matrices in place of many small ones, found in a trace.

What a loop over time multiplies by one weight is multiplied at once where no step needs another's
result (the projection of the inputs), and a weight's gradient, a sum of products over time, is one
product of what they multiply, joined: Σ AₜᵀBₜ = [A₁; A₂; …]ᵀ [B₁; B₂; …].
"""

from collections import Counter
from math import prod
from typing import Any

from tensorxp._compile.ir.steps import Register, Step, uses
from tensorxp._ops.indexing import getitem_p
from tensorxp._ops.products import matmul_p
from tensorxp._ops.shaping import concat_p, permute_dims_p, reshape_p

#: The fewest products that are joined, and the most bytes.
_FEWEST, _MOST = 4, 1 << 26
_FLIPPED = {"axes": (1, 0)}


def batched(
    registers: list[Register], steps: list[Step], kept: set[int], count: int
) -> tuple[list[Step], int]:
    """Return the steps, the first `count` of which are forward's, with products joined.

    The registers of `kept` leave the program, and stay as they are; new ones are appended.
    """
    if sum([step.op is matmul_p for step in steps]) < _FEWEST:
        return steps, count
    parts = [_live(steps[:count], kept | {n for step in steps[count:] for n in uses(step)})]
    parts.append(_live(steps[count:], kept))
    rows = [_Rows(registers, parts[0], [], kept)]
    parts[0] = rows[0].joined()
    rows.append(_Rows(registers, parts[1], parts[0], kept))
    parts[1] = rows[1].joined()
    read = Counter([n for part in parts for step in part for n in uses(step)])
    read.update(kept)
    first = _Sums(registers, parts[0], [], read, rows[0].joins).joined()
    second = _Sums(registers, parts[1], parts[0], read, rows[1].joins).joined()
    second = _live(second, kept)
    first = _live(first, kept | {n for step in second for n in uses(step)})
    return first + second, len(first)


def _live(steps: list[Step], wanted: set[int]) -> list[Step]:
    """Return the steps that lead to `wanted`."""
    wanted, found = set(wanted), []
    for step in reversed(steps):
        if not wanted.isdisjoint(step.outs):
            wanted.update(uses(step))
            found.append(step)
    return found[::-1]


class _Batches:
    """Steps that are looked up by what they make, and new ones."""

    def __init__(self, registers: list[Register], steps: list[Step], before: list[Step]) -> None:
        self.registers = registers
        self.steps = steps
        self.maker = {n: step for step in before + steps for n in step.outs}
        self.joins: dict[Any, int] = {}

    def add(self, op: Any, xs: tuple[int, ...], params: Any, shape: Any, out: int = -1) -> Step:
        """Return a new step; its result is a new register where none is given."""
        like = self.registers[xs[0]]
        if out < 0:
            out = len(self.registers)
            self.registers.append(Register.made(like, shape, out))
        self.registers[out].aliases = op.view
        return Step(op, xs, params, (out,), False, self.device_of(xs[0]))

    def device_of(self, n: int) -> Any:
        return self.registers[n].device

    def origin(self, n: int, flipped: bool = False) -> tuple[int, bool]:
        """Return the matrix that register `n` is, or is the transpose of."""
        step = self.maker.get(n)
        while step is not None and step.op is permute_dims_p and step.params == _FLIPPED:
            n, flipped = step.operands[0], not flipped
            step = self.maker.get(n)
        return n, flipped

    def product(self, n: int) -> tuple[Any, ...] | None:
        """Return the operands of the product of two matrices that made register `n`."""
        step = self.maker.get(n)
        if step is None or step.op is not matmul_p or len(self.registers[n].shape) != 2:
            return None
        a, b = step.operands
        if not all([len(self.registers[x].shape) == 2 for x in (a, b)]):
            return None
        same = self.registers[a].dtype == self.registers[b].dtype == self.registers[n].dtype
        return (a, b) if same and 0 not in self.registers[n].shape else None

    def place(self, n: int) -> tuple[int, int] | None:
        """Return of which register `n` is a row of matrices, and which."""
        step = self.maker.get(n)
        if step is None or step.op is not getitem_p or len(self.registers[n].shape) != 2:
            return None
        key = step.params["key"]
        key = key[0] if key.__class__ is tuple and len(key) == 1 else key
        base = step.operands[0]
        if key.__class__ is not int or len(self.registers[base].shape) != 3:
            return None
        return base, key % self.registers[base].shape[0]

    def slices(self, xs: list[int]) -> list[int] | None:
        """Return an order in which `xs` follow one another in one register, or None."""
        places: list[Any] = [self.place(n) for n in xs]
        if None in places or len({base for base, _ in places}) > 1:
            return None
        order = sorted(range(len(xs)), key=lambda i: places[i][1])
        first = places[order[0]][1]
        return order if all(places[i][1] == first + j for j, i in enumerate(order)) else None

    def join(self, xs: tuple[int, ...], axis: int, made: list[Step]) -> int:
        """Return the register of matrices joined; the steps to it are appended to `made`."""
        if (xs, axis) in self.joins:
            return self.joins[xs, axis]
        shapes = [self.registers[n].shape for n in xs]
        total = sum([shape[axis] for shape in shapes])
        shape = (total, shapes[0][1]) if axis == 0 else (shapes[0][0], total)
        if axis == 0 and self.slices(list(xs)) == list(range(len(xs))):
            base, first = self.place(xs[0])  # type: ignore[misc]
            whole = self.registers[base].shape
            if len(xs) != whole[0]:
                key = {"key": slice(first, first + len(xs))}
                made.append(self.add(getitem_p, (base,), key, (len(xs), *whole[1:])))
                base = made[-1].outs[0]
            made.append(self.add(reshape_p, (base,), {"shape": shape}, shape))
        else:
            made.append(self.add(concat_p, xs, {"axis": axis}, shape))
        self.joins[xs, axis] = made[-1].outs[0]
        return made[-1].outs[0]

    def flip(self, n: int, made: list[Step]) -> int:
        """Return the transpose of a register."""
        made.append(self.add(permute_dims_p, (n,), _FLIPPED, self.registers[n].shape[::-1]))
        return made[-1].outs[0]

    def small(self, xs: list[int]) -> bool:
        """Return whether what is to be joined is not too large."""
        sizes = [prod(self.registers[n].shape) for n in xs]
        return bool(sum(sizes) * self.registers[xs[0]].dtype.itemsize <= _MOST)


class _Sums(_Batches):
    """Sums of products over the steps of a loop."""

    def __init__(
        self, registers: list[Register], steps: list[Step], before: list[Step], read: Any,
        joins: dict[Any, int],
    ) -> None:  # fmt: skip
        super().__init__(registers, steps, before)
        self.read = read
        self.joins = joins
        # how registers are joined, if they are
        self._orders = {frozenset(xs): list(xs) for xs, axis in joins if axis == 0}

    def joined(self) -> list[Step]:
        """Return the steps with sums of products as products."""
        inner = {
            n for step in self.steps if self._adds(step) for n in step.operands
            if self.read[n] == 1 and n in self.maker and self._adds(self.maker[n])
        }  # fmt: skip
        sums = {
            step.outs[0]: self._groups(step) for step in self.steps
            if step.outs[0] not in inner and self._adds(step)
        }  # fmt: skip
        for groups, _ in sums.values():  # what lies in order already decides first
            for pairs in groups.values():
                for side, other in (pairs, pairs[::-1]):
                    order = self.slices(side)
                    if order is not None:
                        self._orders.setdefault(frozenset(other), [other[i] for i in order])
        found: list[Step] = []
        for step in self.steps:
            n = step.outs[0]
            made = self._sum(step, *sums[n]) if n in sums else None
            found.extend([step] if made is None else made)
        return _in_order(found)

    def _adds(self, step: Step) -> bool:
        """Return whether a step adds two matrices of one shape and dtype."""
        if step.op.name != "add" or len(self.registers[step.outs[0]].shape) != 2:
            return False
        out = self.registers[step.outs[0]]
        return all([
            x.__class__ is int and self.registers[x].shape == out.shape
            and self.registers[x].dtype == out.dtype for x in step.operands
        ])  # fmt: skip

    def _leaves(self, step: Step) -> list[int]:
        """Return what a sum adds, in order."""
        found, waiting = [], list(step.operands[::-1])
        while waiting:
            n = waiting.pop()
            below = self.maker.get(n)
            if self.read[n] == 1 and below is not None and self._adds(below):
                waiting.extend(below.operands[::-1])
            else:
                found.append(n)
        return found

    def _factors(self, n: int) -> tuple[Any, ...] | None:
        """Return (x, transposed), (y, transposed) of a product that only the sum needs."""
        flipped = False
        while self.read[n] == 1:
            pair = self.product(n)
            if pair is not None:
                rows, inner = self.registers[pair[0]].shape
                columns = self.registers[pair[1]].shape[1]
                if inner * (rows + columns) > 2 * rows * columns:
                    return None  # joining costs more than adding
                a, b = self.origin(pair[0]), self.origin(pair[1])
                return ((b[0], not b[1]), (a[0], not a[1])) if flipped else (a, b)
            step = self.maker.get(n)
            if step is None or step.op is not permute_dims_p or step.params != _FLIPPED:
                return None
            n, flipped = step.operands[0], not flipped
        return None

    def _groups(self, step: Step) -> tuple[dict[Any, tuple[list[int], list[int]]], list[int]]:
        """Return the factors of products, by what of them is transposed, and what else is added."""
        groups: dict[Any, tuple[list[int], list[int]]] = {}
        rest = []
        for n in self._leaves(step):
            factors = self._factors(n)
            if factors is None:
                rest.append(n)
            else:
                (x, turned), (y, also) = factors
                xs, ys = groups.setdefault((turned, also), ([], []))
                xs.append(x)
                ys.append(y)
        return groups, rest

    def _sum(self, step: Step, groups: Any, rest: list[int]) -> list[Step] | None:
        """Return the steps to a sum of products as products; None where nothing is gained."""
        # before anything is joined: others would take what is joined here, and then left out
        if any([len(xs) < _FEWEST or not self.small(xs + ys) for xs, ys in groups.values()]):
            return None
        made: list[Step] = []
        terms = []
        for (turned, also), (xs, ys) in groups.items():
            order = self._order(xs, ys)
            left = self.join(tuple([xs[i] for i in order]), 0 if turned else 1, made)
            right = self.join(tuple([ys[i] for i in order]), 1 if also else 0, made)
            left = self.flip(left, made) if turned else left
            right = self.flip(right, made) if also else right
            last = not rest and len(groups) == 1
            shape = self.registers[step.outs[0]].shape
            made.append(self.add(matmul_p, (left, right), {}, shape, step.outs[0] if last else -1))
            terms.append(made[-1].outs[0])
        if not terms:
            return None
        terms += rest
        for i in range(1, len(terms)):
            out = step.outs[0] if i == len(terms) - 1 else -1
            shape = self.registers[step.outs[0]].shape
            made.append(self.add(step.op, (terms[0], terms[i]), {}, shape, out))
            terms[0] = made[-1].outs[0]
        return made

    def _order(self, xs: list[int], ys: list[int]) -> list[int]:
        """Return an order of the pairs in which one side is joined already, or lies in order."""
        sides = [side for side in (xs, ys) if len(set(side)) == len(side)]
        for side in sides:
            known = self._orders.get(frozenset(side))
            if known is not None and len(known) == len(side):  # what is joined may repeat
                return [side.index(n) for n in known]
        order = self.slices(xs) or self.slices(ys) or list(range(len(xs)))
        for side in sides:
            self._orders[frozenset(side)] = [side[i] for i in order]
        return order


class _Rows(_Batches):
    """Products by one matrix that do not need one another's results."""

    def __init__(
        self, registers: list[Register], steps: list[Step], before: list[Step], kept: set[int]
    ) -> None:
        super().__init__(registers, steps, before)
        self.kept = kept

    def joined(self) -> list[Step]:
        """Return the steps with such products as one."""
        counts: Counter[Any] = Counter()
        for step in self.steps:
            counts.update([self._key(step)])
        del counts[None]
        for key, count in counts.most_common(16):
            if count >= _FEWEST:
                self._merge(key)
        return self.steps

    def _key(self, step: Step) -> Any:
        """Return what products have in common that can be one, or None."""
        n = step.outs[0]
        pair = self.product(n)
        if pair is None or n in self.kept:
            return None
        rows, columns = self.registers[n].shape
        return None if rows > columns else (*self.origin(pair[1]), self.registers[n].dtype)

    def _merge(self, key: Any) -> None:
        """Make one product of those of `key` that none of the others leads to."""
        led: set[int] = set()
        members: list[Step] = []
        for step in self.steps:
            found = any([n in led for n in uses(step)])
            if self._key(step) == key and not found:
                members.append(step)
                found = True
            if found:
                led.update(step.outs)
        xs = [step.operands[0] for step in members]
        if len(members) < _FEWEST or not self.small(xs):
            return
        order = self.slices(xs) or list(range(len(xs)))
        members = [members[i] for i in order]
        made: list[Step] = []
        left = self.join(tuple([xs[i] for i in order]), 0, made)
        total, columns = self.registers[left].shape[0], self.registers[members[0].outs[0]].shape[1]
        made.append(self.add(matmul_p, (left, members[0].operands[1]), {}, (total, columns)))
        whole, start = made[-1].outs[0], 0
        for step in members:
            n = step.outs[0]
            stop = start + self.registers[n].shape[0]
            made.append(self.add(getitem_p, (whole,), {"key": slice(start, stop)}, None, n))
            start = stop
        gone = {id(step) for step in members}
        last = next(s for s in reversed(self.steps) if id(s) in gone)
        steps = []
        for step in self.steps:
            if step is last:
                steps.extend(made)
            elif id(step) not in gone:
                steps.append(step)
        self.steps = _in_order(steps)
        self.maker.update((n, step) for step in self.steps for n in step.outs)


def _in_order(steps: list[Step]) -> list[Step]:
    """Return the steps so that each comes after those that it needs, otherwise as they are."""
    makers = {n: i for i, step in enumerate(steps) for n in step.outs}
    done = [False] * len(steps)
    found = []
    for i in range(len(steps)):
        waiting = [i]
        while waiting:
            j = waiting[-1]
            if not done[j]:
                needed = [makers[n] for n in uses(steps[j]) if n in makers]
                missing = [k for k in needed if not done[k]]
                if missing:
                    waiting.extend(missing[::-1])
                    continue
                done[j] = True
                found.append(steps[j])
            waiting.pop()
    return found
