"""Random programs of views, in-place writes, detach, no_grad, reads and backward, run three ways.

A program is a list of instructions (name and three small integers). `run` executes it on
tensorxp, on PyTorch, and as a functional reference: PyTorch without in-place writes, where a
buffer is replaced by a new one at each write and a view is read through its chain. After each
instruction values, `requires_grad`, `is_leaf` and errors agree; after each backward all
gradients. Where PyTorch refuses a backward since a saved value was overwritten, tensorxp may
have kept a copy; its gradients must then be those of the reference.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import tensorxp as xp

Instruction = tuple[str, int, int, int]

#: Views of a 2-d tensor or its views: for both libraries.
VIEWS: list[Callable[[Any], Any]] = [
    lambda x: x[:1],
    lambda x: x[1:],
    lambda x: x[..., :2],
    lambda x: x[..., -1:],
    lambda x: x[..., ::2],
    lambda x: x[0],
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
    a[0] = b[-1]


def _mask(a: Any, b: Any) -> None:
    a[a > 0.3] = 0.125


def _rows(a: Any, b: Any) -> None:
    a[[0]] = b


#: In-place writes to the first operand, a reader's second.
WRITES = [_iadd, _isub, _imul, _ihalf, _fill, _copy, _first, _mask, _rows]


@dataclass
class Buffer:
    """Memory of the functional reference: its present value, and the leaf it began as."""

    value: Any
    leaf: Any = None


@dataclass
class Place:
    """A tensor of the reference: a chain of views of a buffer; `cut` where it was detached."""

    buffer: Buffer
    chain: tuple[Any, ...] = ()
    cut: bool = False

    def read(self) -> Any:
        """Return the present value, a torch tensor with the history it should have."""
        out = follow(self.buffer.value, self.chain)
        return out.detach() if self.cut else out

    def write(self, function: Callable[[Any, Any], None], other: Any, recorded: bool) -> None:
        """Replace the buffer's value by one in which this place was changed."""
        base = self.buffer.value
        new = (base.detach() if self.cut or not recorded else base).clone()
        place = follow(new, self.chain)
        with torch.no_grad() if self.cut or not recorded else nullcontext():
            old = place.clone()  # what the write needs of the old value is not overwritten
            if function is _copy or function is _fill or function is _first or function is _rows:
                function(place, other.clone() if isinstance(other, torch.Tensor) else other)
            else:
                function(old, other)
                place[...] = old
        if self.cut or not recorded:  # values change, history does not
            new = base + (new - base).detach() if base.requires_grad else new
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

    def add(self, ours: Any, theirs: Any, place: Place) -> None:
        """Keep a new tensor, in its three forms."""
        self.ours.append(ours)
        self.theirs.append(theirs)
        self.places.append(place)


def leaf(world: World, seed: int, recorded: bool) -> None:
    """Make a new leaf."""
    data = np.random.default_rng(seed).uniform(-1, 1, (2, 3))
    ours, theirs = xp.asarray(data.copy()), torch.tensor(data)
    variable = torch.tensor(data)
    if recorded:
        ours.requires_grad_()
        theirs.requires_grad_()
        variable.requires_grad_()
    world.add(ours, theirs, Place(Buffer(variable, variable if recorded else None)))


def attempt(function: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return function(), None
    except (RuntimeError, ValueError, IndexError) as error:
        return None, error


def both(ours: Callable[[], Any], theirs: Callable[[], Any], what: str) -> tuple[Any, Any, bool]:
    """Return what both give, and whether both succeeded; AssertionError where they differ."""
    a, error_a = attempt(ours)
    b, error_b = attempt(theirs)
    if (error_a is None) != (error_b is None):
        raise AssertionError(f"{what}: tensorxp {error_a!r}, PyTorch {error_b!r}")
    return a, b, error_a is None


def step(world: World, instruction: Instruction) -> None:
    """Execute one instruction."""
    name, i, j, k = instruction
    if name == "leaf" or not world.ours:
        leaf(world, k, i % 3 != 0)
        return
    i, j = i % len(world.ours), j % len(world.ours)
    ours, theirs, place = world.ours[i], world.theirs[i], world.places[i]
    ours2, theirs2, place2 = world.ours[j], world.theirs[j], world.places[j]
    quiet = name.startswith("no_grad ")
    with xp.no_grad() if quiet else nullcontext(), torch.no_grad() if quiet else nullcontext():
        match name.removeprefix("no_grad "):
            case "view":
                view = VIEWS[k % len(VIEWS)]
                a, b, fine = both(lambda: view(ours), lambda: view(theirs), name)
                if fine:
                    cut = place.cut or quiet
                    world.add(a, b, Place(place.buffer, (*place.chain, view), cut))
            case "unary":
                op = UNARY[k % len(UNARY)]
                a, b = getattr(xp, op)(ours), getattr(torch, op)(theirs)
                value = getattr(torch, op)(place.read())
                world.add(a, b, Place(Buffer(value)))
            case "binary":
                function = BINARY[k % len(BINARY)]
                a, b, fine = both(
                    lambda: function(ours, ours2), lambda: function(theirs, theirs2), name
                )
                if fine:
                    world.add(a, b, Place(Buffer(function(place.read(), place2.read()))))
            case "write":
                write = WRITES[k % len(WRITES)]
                _, _, fine = both(
                    lambda: write(ours, ours2),
                    lambda: write(theirs, theirs2),
                    f"{name} {write.__name__}",
                )
                if fine:
                    place.write(write, place2.read(), not quiet)
            case "detach":
                world.add(ours.detach(), theirs.detach(), Place(place.buffer, place.chain, True))
            case "clone":
                world.add(xp.copy(ours), theirs.clone(), Place(Buffer(place.read().clone())))
            case "gather":
                world.add(ours[[0, 0]], theirs[[0, 0]], Place(Buffer(place.read()[[0, 0]])))
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
              and not p.chain and not p.cut]  # fmt: skip
    found = torch.autograd.grad(
        torch.sum(torch.sin(place.read())), [v for _, v in leaves], allow_unused=True
    )
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
    """Check that all tensors agree in value and history."""
    for n, (a, b, place) in enumerate(zip(world.ours, world.theirs, world.places, strict=True)):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-9)
        value = place.read().detach().numpy()
        np.testing.assert_allclose(a.detach().numpy(), value, rtol=1e-9, atol=1e-9)
        assert a.requires_grad == attempt(lambda b=b: b.requires_grad)[0], n
        assert a.is_leaf == b.is_leaf, n


def run(program: list[Instruction]) -> None:
    """Execute a program and compare after each instruction."""
    world = World()
    for instruction in program:
        step(world, instruction)
        compare(world)
