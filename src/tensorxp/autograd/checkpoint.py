"""`checkpoint`: run a function without keeping what its backward needs, and make it again then.

The function is recorded as usual, but the saved values of each node are replaced by a recipe.
When backward comes to the first of these nodes, the function runs again, and each node gets
the saved values of its double. So the graph is the same with and without a checkpoint.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tensorxp._backend.families import see
from tensorxp._core.modes import enable_grad, is_grad_enabled
from tensorxp._core.node import Node, Recipe, show
from tensorxp._core.primitive import Primitive
from tensorxp._core.tensor import Tensor
from tensorxp._core.views import View, cell_of
from tensorxp._core.watchers import Watcher, note_opaque, only, watch


def _random() -> Any:
    """Return `tensorxp.random`, which costs a fifth of the import and few use a checkpoint."""
    return import_module("tensorxp.random")


class _Run:
    """One checkpointed call: how to make it again, and what it must find unchanged."""

    def __init__(self, fn: Any, args: Any, kwargs: Any, rng: bool) -> None:
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        devices = {x.device for x in (*args, *kwargs.values()) if isinstance(x, Tensor)}
        self.rng = (
            {device: _random().get_rng_state(device) for device in {*devices, "cpu"}} if rng else {}
        )
        self.count = 0
        self.running = True
        self.outside: list[tuple[list[int], int]] = []  # version cells of what the call reads
        self.doubles: dict[int, Node] = {}

    def again(self) -> None:
        """Run the function again, and keep its nodes until each original took its saved values."""
        if any(cell[0] != version for cell, version in self.outside):
            raise RuntimeError(
                "checkpoint: a tensor that the function reads has been modified by an in-place "
                "operation since; the function cannot be run again on the same values"
            )
        doubles = _Doubles()
        with only(()), _random().fork_rng(list(self.rng), enabled=bool(self.rng)), enable_grad():
            for device, state in self.rng.items():
                _random().set_rng_state(state, device)
            with watch(doubles):
                self.fn(*self.args, **self.kwargs)
        # the first run may not be over, where the function takes gradients itself
        n = len(doubles.nodes)
        if n < self.count if self.running else n != self.count:
            raise RuntimeError(
                f"checkpoint: the function recorded {self.count} operations at first and "
                f"{n} when it was run again; it must do the same each time"
            )
        self.doubles = dict(enumerate(doubles.nodes))


class _FromRun(Recipe):
    """The saved values of node number `index` of a run."""

    def __init__(self, run: _Run, index: int) -> None:
        self.run = run
        self.index = index

    def restore(self, node: Node) -> None:
        if self.index not in self.run.doubles:
            self.run.again()
        double = self.run.doubles.pop(self.index)
        if double.name != node.name or double.shape != node.shape:
            raise RuntimeError(
                f"checkpoint: the function recorded {node.name!r} of shape {node.shape} at first "
                f"and {double.name!r} of shape {double.shape} when it was run again"
            )
        node.op, node.plan, node.saved = double.op, double.plan, double.saved


class _Recorded(Watcher):
    """Sees the nodes that a run makes, in order."""

    def after(self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> None:
        outs = out if isinstance(out, tuple) else (out,)
        found = next((x._node for x in outs if x._node is not None), None)
        if found is not None:
            self.add(getattr(found, "main", found))
        self.see(inputs, outs)

    def add(self, node: Node) -> None:
        """Take in a new node."""

    def see(self, inputs: tuple[Any, ...], outs: tuple[Any, ...]) -> None:
        """See what was read and made."""


class _Doubles(_Recorded):
    """Collects nodes; what nested checkpoints do with them stays."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, node: Node) -> None:
        self.nodes.append(node)


class _Strip(_Recorded):
    """Takes the saved values off the nodes, and notes the version of what the run reads."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.inside: dict[int, Any] = {}
        self.was_read: dict[int, tuple[list[int], int]] = {}

    def add(self, node: Node) -> None:
        if node.saved and not isinstance(node.saved, Recipe):
            node.saved = _FromRun(self.run, self.run.count)
            show(node)  # the function may lead back to its own output
            if node.op.kind == "function":  # its ctx goes as well
                node.op = Primitive(node.op.name, "function", ("xs",), variadic=True)
        self.run.count += 1

    def see(self, inputs: tuple[Any, ...], outs: tuple[Any, ...]) -> None:
        for x in inputs:
            if isinstance(x, Tensor) and id(cell_of(x)) not in self.inside:
                cell = cell_of(x)
                self.was_read.setdefault(id(cell), (cell, cell[0]))
        for y in outs:
            if y._version.__class__ is not View:
                cell = cell_of(y)
                self.inside[id(cell)] = cell


@see("grad")
def checkpoint(
    fn: Callable[..., Any], *args: Any, preserve_rng_state: bool = True, **kwargs: Any
) -> Any:
    """Return `fn(*args, **kwargs)`, keeping only its inputs and running it again in backward.

    Saves memory for time. Gradients to tensors that `fn` closes over (parameters of a module, say)
    are as without a checkpoint. Nests, and gives higher derivatives.

    >>> x = xp.tensor([0.0], requires_grad=True)
    >>> xp.autograd.checkpoint(lambda x: xp.sin(x) * x, x).shape
    (1,)

    Parameters
    ----------
    fn : callable
        Must do the same both times.
    *args, **kwargs
        Its arguments.
    preserve_rng_state : bool
        Whether random numbers are repeated.

    Returns
    -------
    object
        What `fn` returns.

    Raises
    ------
    TypeError
        `fn` is not callable.
    RuntimeError
        In backward: `fn` did something else, or a tensor that it reads was changed in place.
    """
    if not is_grad_enabled():
        return fn(*args, **kwargs)
    note_opaque("a checkpoint runs its function again in backward")
    run = _Run(fn, args, kwargs, preserve_rng_state)
    strip = _Strip(run)
    with watch(strip):
        out = fn(*args, **kwargs)
    run.running = False
    run.outside = [
        (cell, version) for cell, version in strip.was_read.values() if cell[0] == version
    ]
    return out
