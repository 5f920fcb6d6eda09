"""What is made per call is freed: primitives, Functions; no hidden node is in a reference cycle."""

import gc
import os
import subprocess
import sys
import weakref

import pytest

import tensorxp as xp
from tensorxp._core.allocation import COMPILED, reveal, visible
from tensorxp._core.checks import check_graph, hidden_in_cycles
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


@pytest.mark.skipif(not COMPILED, reason="only compiled nodes are hidden")
def test_the_check_names_a_hidden_node_that_leads_to_itself(monkeypatch):
    monkeypatch.setattr("tensorxp._core.checks.EVERY", 1)
    x = leaf()
    y = xp.sin(xp.exp(x) * 2)
    product = y.grad_fn.next_functions[0][0]
    check_graph([y.grad_fn])
    assert not visible(product)
    kept = {"kept": [y.grad_fn]}
    product.params = kept  # what nobody does: a parameter that leads to what comes after
    assert product in hidden_in_cycles(y.grad_fn)
    with pytest.raises(RuntimeError, match=r"lead to themselves: .*'multiply' \(call \d+\)"):
        check_graph([y.grad_fn])
    reveal(product)
    assert product not in hidden_in_cycles(y.grad_fn)
    kept.clear()


def test_backward_checks_every_so_many_th_graph():
    """As the tests themselves run: `conftest.py` turns the check on."""
    code = """
import tensorxp as xp
from tensorxp._core import checks
seen = []
checks.hidden_in_cycles = lambda *roots: seen.append(roots) or []
for _ in range(6):
    xp.sum(xp.asarray([1.0], requires_grad=True) * 2).backward()
print(len(seen))
"""
    env = {**os.environ, "TENSORXP_CHECK_GRAPHS": "3"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert out.stdout.strip() == "2", out.stderr
