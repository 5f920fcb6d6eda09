"""Random programs of views, in-place writes, detach, no_grad, reads and backward, run three ways.

A program is a list of instructions (name and three small integers). `run` executes it on
tensorxp, on PyTorch, and as a functional reference: PyTorch without in-place writes, where a
buffer is replaced by a new one at each write and a view is read through its chain. After each
instruction values and errors agree, after each backward all gradients, and in the end
`requires_grad` and `is_leaf`. Where PyTorch refuses a backward since a saved value was
overwritten, tensorxp may have kept a copy; its gradients must then be those of the reference.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import tensorxp as xp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

Instruction = tuple[str, int, int, int]

#: Views of a 2-d tensor or its views: for both libraries.
VIEWS: list[Callable[[Any], Any]] = [
    lambda x: x[:1],
    lambda x: x[1:],
    lambda x: x[..., :2],
    lambda x: x[..., -1:],
    lambda x: x[..., ::2],
    lambda x: x[0] if x.ndim > 1 else x[:1],  # an element of 1-d is no view here
    lambda x: x[..., 0],
    lambda x: x[None],
    lambda x: x.T if x.ndim == 2 else x[...],
    lambda x: x[...],
]
UNARY = ["sin", "tanh", "exp", "square"]
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a * 0.5,
    lambda a, b: 1.5 - a,
]


def _iadd(a: Any, b: Any) -> None:
    a += b


def _isub(a: Any, b: Any) -> None:
    a -= b


def _imul(a: Any, b: Any) -> None:
    a *= b


def _ihalf(a: Any, b: Any) -> None:
    a *= 0.5


def _fill(a: Any, b: Any) -> None:
    a[...] = 0.25


def _copy(a: Any, b: Any) -> None:
    a[...] = b


def _first(a: Any, b: Any) -> None:
    a[:1] = b[-1:]


def _mask(a: Any, b: Any) -> None:
    a[a > 0.3] = 0.125


def _rows(a: Any, b: Any) -> None:
    a[[0]] = b


#: In-place writes to the first operand, a reader's second.
WRITES = [_iadd, _isub, _imul, _ihalf, _fill, _copy, _first, _mask, _rows]


@dataclass
class Buffer:
    """A root of the reference: its present value with history, the leaf it began as.

    `memory` is PyTorch's tensor over the same memory, which shows what writes through other
    roots over that memory (from `detach`) did to it.
    """

    value: Any
    memory: Any
    leaf: Any = None

    def refresh(self) -> None:
        """Take over the values of writes that this root's history knows nothing of."""
        actual = self.memory.detach()
        if not torch.equal(self.value.detach(), actual):
            self.value = self.value + (actual - self.value.detach())


@dataclass
class Place:
    """A tensor of the reference: a chain of views of a root."""

    buffer: Buffer
    chain: tuple[Any, ...] = ()

    def read(self) -> Any:
        """Return the present value, a torch tensor with the history it should have."""
        return follow(self.buffer.value, self.chain)

    def write(self, function: Callable[[Any, Any], None], other: Any) -> None:
        """Replace the root's value by one in which this place was changed."""
        new = self.buffer.value.clone()
        place = follow(new, self.chain)
        old = place.clone()  # what the write needs of the old value is not overwritten
        function(old, other.clone())
        place[...] = old
        self.buffer.value = new


def follow(x: Any, chain: tuple[Any, ...]) -> Any:
    for view in chain:
        x = view(x)
    return x


@dataclass
class World:
    """The tensors that a program made so far: tensorxp's, PyTorch's, the reference's."""

    ours: list[Any] = field(default_factory=list)
    theirs: list[Any] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    grads: dict[int, Any] = field(default_factory=dict)  # of the reference, by leaf
    frozen: set[int] = field(default_factory=set)  # views made in no_grad of what requires grad

    def add(self, ours: Any, theirs: Any, place: Place) -> None:
        """Keep a new tensor, in its three forms."""
        self.ours.append(ours)
        self.theirs.append(theirs)
        self.places.append(place)

    def refresh(self) -> None:
        """Bring all roots up to date after a write."""
        for place in self.places:
            place.buffer.refresh()


def leaf(world: World, seed: int, recorded: bool) -> None:
    """Make a new leaf."""
    data = np.random.default_rng(seed).uniform(-1, 1, (2, 3))
    ours, theirs = xp.asarray(data.copy()), torch.tensor(data)
    variable = torch.tensor(data)
    if recorded:
        ours.requires_grad_()
        theirs.requires_grad_()
        variable.requires_grad_()
    world.add(ours, theirs, Place(Buffer(variable, theirs, variable if recorded else None)))


def attempt(function: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return function(), None
    except (RuntimeError, ValueError, IndexError) as error:
        return None, error


def agree(what: str, ours: Exception | None, theirs: Exception | None) -> None:
    """Check that both failed, or none."""
    assert (ours is None) == (theirs is None), f"{what}: tensorxp {ours!r}, PyTorch {theirs!r}"


def step(world: World, instruction: Instruction) -> None:
    """Execute one instruction."""
    name, i, j, k = instruction
    if name == "leaf" or not world.ours:
        leaf(world, k, i % 3 != 0)
        return
    i, j = i % len(world.ours), j % len(world.ours)
    ours, theirs, place = world.ours[i], world.theirs[i], world.places[i]
    ours2, theirs2, place2 = world.ours[j], world.theirs[j], world.places[j]
    shared = np.shares_memory(ours.detach().numpy(), ours2.detach().numpy())
    root = ours if ours._base is None else ours._base
    match name:
        case "view" | "no_grad view":
            view = VIEWS[k % len(VIEWS)]
            frozen = name.startswith("no_grad") and root.requires_grad
            with xp.no_grad() if name.startswith("no_grad") else nullcontext():
                a, error = attempt(lambda: view(ours))
            # PyTorch says of such a view that it requires grad, but gives it none
            b, error_t = attempt(lambda: view(theirs.detach() if frozen else theirs))
            agree(name, error, error_t)
            if error is None:
                if frozen:
                    place = Place(Buffer(view(place.read()).detach(), b))
                    world.frozen.add(len(world.ours))
                else:
                    place = Place(place.buffer, (*place.chain, view))
                    if i in world.frozen:
                        world.frozen.add(len(world.ours))
                world.add(a, b, place)
        case "unary":
            op = UNARY[k % len(UNARY)]
            a, b = getattr(xp, op)(ours), getattr(torch, op)(theirs)
            world.add(a, b, Place(Buffer(getattr(torch, op)(place.read()), b)))
        case "binary":
            function = BINARY[k % len(BINARY)]
            a, error = attempt(lambda: function(ours, ours2))
            b, error_t = attempt(lambda: function(theirs, theirs2))
            agree(name, error, error_t)
            if error is None:
                world.add(a, b, Place(Buffer(function(place.read(), place2.read()), b)))
        case "write" | "no_grad write":
            write = WRITES[k % len(WRITES)]
            quiet = name.startswith("no_grad")
            with xp.no_grad() if quiet else nullcontext():
                _, error = attempt(lambda: write(ours, ours2))
            if i in world.frozen and not quiet and root.requires_grad:
                assert error is not None
                return
            with torch.no_grad() if quiet else nullcontext():
                _ = theirs.grad_fn  # PyTorch takes a view that is out of date for a leaf
                # PyTorch refuses operands that overlap
                _, error_t = attempt(lambda: write(theirs, theirs2.clone() if shared else theirs2))
            agree(f"{name} {write.__name__}", error, error_t)
            if error is None:
                if not quiet:
                    place.write(write, place2.read())
                world.refresh()
        case "detach":
            b = theirs.detach()
            world.add(ours.detach(), b, Place(Buffer(place.read().detach(), b)))
        case "clone":
            b = theirs.clone()
            world.add(xp.copy(ours), b, Place(Buffer(place.read().clone(), b)))
        case "gather":
            if theirs.ndim and theirs.shape[0]:
                b = theirs[[0, 0]]
                world.add(ours[[0, 0]], b, Place(Buffer(place.read()[[0, 0]], b)))
        case "backward":
            backward(world, i)


def backward(world: World, i: int) -> None:
    """Run backward from the sum of a tensor in all three, and compare all gradients."""
    ours, theirs, place = world.ours[i], world.theirs[i], world.places[i]
    loss, loss_t = xp.sum(xp.sin(ours)), torch.sum(torch.sin(theirs))
    assert loss.requires_grad == loss_t.requires_grad
    if not loss.requires_grad:
        return
    before = [None if x.grad is None else xp.copy(x.grad) for x in world.ours if x.is_leaf]
    _, error = attempt(lambda: loss.backward(retain_graph=True))
    _, error_t = attempt(lambda: loss_t.backward(retain_graph=True))
    if error is not None:
        assert error_t is not None, f"backward: only tensorxp raises: {error}"
        for x, grad in zip([x for x in world.ours if x.is_leaf], before, strict=True):
            x.grad = grad
        for x, y in zip(world.ours, world.theirs, strict=True):
            if x.is_leaf and y.requires_grad:
                y.grad = None if x.grad is None else torch.tensor(x.grad.numpy())
        assert "modified by an in-place" in str(error)
        return
    leaves = [(n, p.buffer.leaf) for n, p in enumerate(world.places) if p.buffer.leaf is not None
              and not p.chain]  # fmt: skip
    found = torch.autograd.grad(
        torch.sum(torch.sin(place.read())), [v for _, v in leaves],
        allow_unused=True, retain_graph=True,
    )  # fmt: skip
    for (n, _), g in zip(leaves, found, strict=True):
        if g is not None:
            world.grads[n] = world.grads[n] + g if n in world.grads else g
        assert (n in world.grads) == (world.ours[n].grad is not None), n
        if n in world.grads:
            np.testing.assert_allclose(
                world.ours[n].grad.numpy(), world.grads[n].numpy(), rtol=1e-9, atol=1e-9
            )
        if error_t is not None:  # let PyTorch go on from the same state
            world.theirs[n].grad = world.grads[n].clone() if n in world.grads else None
        elif n in world.grads:
            np.testing.assert_allclose(
                world.theirs[n].grad.numpy(), world.grads[n].numpy(), rtol=1e-9, atol=1e-9
            )


def compare(world: World) -> None:
    """Check that all tensors agree in value. To ask for history would bring it up to date."""
    for a, b, place in zip(world.ours, world.theirs, world.places, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-9)
        value = place.read().detach().numpy()
        np.testing.assert_allclose(a.detach().numpy(), value, rtol=1e-9, atol=1e-9)


def run(program: list[Instruction]) -> None:
    """Execute a program and compare after each instruction."""
    world = World()
    for instruction in program:
        step(world, instruction)
        compare(world)
    for a, b in zip(world.ours, world.theirs, strict=True):
        assert a.requires_grad == b.requires_grad
        assert a.is_leaf == b.is_leaf
