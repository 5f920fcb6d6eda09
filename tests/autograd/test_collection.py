"""What is made per call is freed: primitives, Functions; no hidden node is in a reference cycle."""

import gc
import weakref
from types import FunctionType, ModuleType

import pytest

import tensorxp as xp
from tensorxp._core.allocation import COMPILED
from tensorxp._core.node import Node
from tensorxp.autograd import (
    Function,
    apply_primitive,
    checkpoint,
    elementwise,
    grad,
    jacobian,
    jvp,
    linear,
    primitive,
)

if COMPILED:
    from tensorxp._core.allocation import visible


def leaf():
    return xp.asarray([0.5, 1.5, 2.0], requires_grad=True)


def made_elementwise(x):
    return elementwise(
        "mine", forward=lambda xp, x: xp.sin(x), x=lambda xp, ct, x: ct * xp.cos(x)
    )  # fmt: skip


def made_named(x):
    held = xp.ones(1000)  # a rule's closure is freed with it
    return elementwise("exp", x=lambda ct, out: ct * out if held is not None else ct)


def made_linear(x):
    return linear("mine", forward=lambda xp, x: 2 * x, x=lambda ct: 2 * ct)


def made_general(x):
    @primitive
    def mine_p(xp, x):
        return x * x

    @mine_p.vjp
    def _(ct, x):
        return 2 * ct * x

    @mine_p.jvp
    def _(t, x):
        return 2 * t * x

    return mine_p


@pytest.mark.parametrize("make", [made_elementwise, made_named, made_linear, made_general])
def test_primitives_made_in_a_call_are_freed(make, device):
    def use():
        x = xp.asarray([0.5, 1.5], device=device, requires_grad=True)
        op = make(x)
        call = lambda x: apply_primitive(op, (x,))  # noqa: E731
        xp.sum(call(x) + call(x)).backward()
        jvp(call, x.detach(), xp.ones(2, device=device))
        jacobian(call, x.detach())
        return weakref.ref(op), apply_primitive(op, (x,)).tolist()

    found, value = use()
    gc.collect()
    assert found() is None
    assert use()[1] == value


def test_a_primitive_moves_between_devices(device):
    op = made_linear(None)
    for place in ("cpu", device, "cpu", device):
        y = apply_primitive(op, (xp.ones(2, device=place),))
        assert str(y.device) == place and y.tolist() == [2.0, 2.0]


def test_functions_made_in_a_call_are_freed():
    def use():
        class Cube(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, ct):
                return ct * 3 * ctx.saved_tensors[0] ** 2

        Cube.apply(leaf()).sum().backward()
        return weakref.ref(Cube)

    found = use()
    gc.collect()
    assert found() is None


def hidden_in_cycles(root):
    """Return the nodes of a graph that the collector does not see and that lead to themselves."""
    nodes, waiting = {}, [root]
    while waiting:
        node = waiting.pop()
        if node is not None and node.seq not in nodes:
            nodes[node.seq] = node
            waiting.extend(node.edges)
    found = []
    for node in nodes.values():
        if type(node) is not Node or visible(node):
            continue
        seen, waiting = set(), gc.get_referents(node)
        while waiting:
            x = waiting.pop()
            if x is node:
                found.append(node)
                break
            if id(x) in seen or isinstance(x, ModuleType | type):
                continue
            seen.add(id(x))
            skipped = id(x.__globals__) if type(x) is FunctionType else 0
            waiting.extend([r for r in gc.get_referents(x) if id(r) != skipped])
    return found


class Keeper(Function):
    """Keeps its output where its graph is."""

    @staticmethod
    def forward(ctx, x):
        ctx.kept = []
        return x * 2

    @staticmethod
    def backward(ctx, ct):
        return ct * 2


def plain(x):
    return xp.sum(xp.exp(x) * xp.tanh(x) + xp.concat([x, x])[:3])


def with_hook(x):
    y = x * 2
    z = xp.sin(y)
    y.register_hook(lambda g: g * z.detach())
    y.register_hook(lambda g: (z, g)[1])
    return xp.sum(z * y)


def with_gradient(x):
    y = xp.sum(x**3)
    y.backward(create_graph=True)
    return xp.sum(x.grad * x)


def with_writes(x):
    y = x * 1
    v = y[1:]
    y *= 2
    v[0] = x[0]
    return xp.sum(y * v[0])


def with_retained(x):
    y = x * 2
    y.retain_grad()
    z = xp.sum(xp.exp(y))
    z.backward(create_graph=True)
    return z + xp.sum(y.grad)


def with_kept(x):
    y = Keeper.apply(x)
    y.grad_fn.saved[0].kept.append(y)
    return xp.sum(y * y)


def with_closure(x):
    kept = []
    y = apply_primitive(
        elementwise("mine", forward=lambda xp, x: x * 1, x=lambda ct: (kept, ct)[1]), (x,)
    )
    kept.append(xp.exp(y))
    return xp.sum(kept[0])


GRAPHS = [plain, with_hook, with_gradient, with_writes, with_retained, with_kept, with_closure,
          lambda x: checkpoint(plain, x),
          lambda x: grad(plain(x), x, create_graph=True)[0].sum()]  # fmt: skip


@pytest.mark.skipif(not COMPILED, reason="only compiled nodes are hidden")
@pytest.mark.parametrize("make", GRAPHS)
def test_no_hidden_node_is_in_a_cycle(make):
    x = leaf()
    y = make(x)
    assert not hidden_in_cycles(y.grad_fn)
    found = weakref.ref(y.grad_fn)
    assert found() is not None
    del x, y
    gc.collect()
    assert found() is None
