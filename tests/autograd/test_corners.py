"""Branches of the engine and the door that few graphs reach."""

import gc

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._core import node as node_module
from tensorxp._core import record as record_module
from tensorxp._core.allocation import COMPILED
from tensorxp._core.watchers import Watcher, span, watch
from tensorxp.autograd import (
    Function,
    apply_primitive,
    batching,
    elementwise,
    gradcheck,
    jvp,
    primitive,
    value_and_grad,
)
from tests.autograd.test_collection import GRAPHS, hidden_in_cycles, leaf, plain

X = np.array([0.3, 0.5, -0.7])
V = np.array([1.0, -2.0, 0.5])


@pytest.fixture
def stand_ins(monkeypatch):
    """In pure Python, keep account of what compiled nodes would hide from the collector."""
    if COMPILED:
        return
    hidden = {}  # the things themselves, so that no id is used again
    for module in (node_module, record_module):
        monkeypatch.setattr(module, "COMPILED", True)
    monkeypatch.setattr(record_module, "hide", lambda x: hidden.update({id(x): x}))
    monkeypatch.setattr(node_module, "reveal", lambda x: hidden.pop(id(x), None))
    monkeypatch.setattr(record_module, "visible", lambda x: visible(x))

    def visible(x):
        return gc.is_tracked(x) and id(x) not in hidden

    monkeypatch.setattr("tests.autograd.test_collection.visible", visible, raising=False)


def nodes_of(root):
    found, waiting = {}, [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, node_module.Node) and node.seq not in found:
            found[node.seq] = node
            waiting.extend(node.edges)
    return list(found.values())


def seen(x):
    from tests.autograd import test_collection

    return test_collection.visible(x)


@pytest.mark.parametrize("make", GRAPHS)
def test_no_hidden_node_leads_to_itself(make, stand_ins):
    y = make(leaf())
    assert not hidden_in_cycles(y.grad_fn)


def test_which_nodes_are_hidden(stand_ins):
    y = plain(leaf())
    for node in nodes_of(y.grad_fn):
        assert not seen(node) and not seen(node.edges)
        assert not node.saved or not seen(node.saved)
    z = xp.sin(y)
    y.register_hook(lambda ct: ct)  # what holds hooks is seen, and what is made of it
    assert seen(y.grad_fn) and seen(y.grad_fn.edges) and not seen(z.grad_fn)
    assert all(not seen(node) for node in nodes_of(y.grad_fn)[1:])
    after = xp.exp(y)
    assert seen(after.grad_fn) and seen((after * 2).grad_fn)
    x = leaf()
    x.register_hook(lambda ct: ct)
    assert seen((x * 2).grad_fn) and not seen((leaf() * 2).grad_fn)
    parts = xp.linalg.qr(xp.asarray(np.eye(2) + 1, requires_grad=True))
    assert not seen((parts[0] * 2).grad_fn)
    parts[0].register_hook(lambda ct: ct)
    assert seen((parts[0] * 2).grad_fn)

    class Both(Function):  # which may keep anything
        @staticmethod
        def forward(ctx, x):
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, first, second):
            return first + 2 * second

    assert all(seen((part * 2).grad_fn) for part in Both.apply(leaf()))


def test_what_a_hook_holds_is_seen(stand_ins):
    held = [{"deep": (xp.exp(leaf() * 3),)}]
    graph = nodes_of(held[0]["deep"][0].grad_fn)
    assert len(graph) == 2 and not any(map(seen, graph))
    leaf().register_hook(lambda ct: (held, ct)[1])
    assert all(map(seen, graph))
    assert all(seen(node.edges) for node in graph)


def given(xp, x, *, value):
    return x * 1


def given_vjp(ct, *, value):
    return ct


given.__module__ = given_vjp.__module__ = "tensorxp.mine"  # as if it came with the package
given_p = primitive(given)
given_p.vjp(given_vjp)


def test_parameters_that_may_lead_anywhere_are_seen(stand_ins):
    for value, found in (
        ([], True),
        (given_p, True),
        (slice(1), False),
        ((1, []), False),
        (3, False),
    ):
        y = apply_primitive(given_p, (leaf(),), {"value": value})
        assert seen(y.grad_fn) is found, value


def test_a_part_waits_beside_a_newer_node():
    m = np.array([[2.0, 0.3], [0.1, 1.0]])

    def loss(m, x):
        q, r = xp.linalg.qr(m)
        return (xp.sin(x) * q * xp.exp(x) * r).sum()

    given = [xp.asarray(m, requires_grad=True), xp.asarray(m + 1, requires_grad=True)]
    loss(*given).backward()
    for i in range(2):
        step = np.eye(4).reshape(4, 2, 2) * 1e-6
        for at in step:
            arrays = [[m, m + 1], [m, m + 1]]
            arrays[0][i], arrays[1][i] = arrays[0][i] + at, arrays[1][i] - at
            up, down = (float(loss(*map(xp.asarray, two))) for two in arrays)
            slope = float((given[i].grad.numpy() * (at > 0)).sum())
            np.testing.assert_allclose(slope, (up - down) / 2e-6, rtol=1e-6)


def test_rules_on_no_path_to_what_is_asked_for_do_not_run():
    called = []
    op = elementwise("mine", forward=lambda xp, x: x * 1, x=lambda ct: (called.append(1), ct)[1])
    for ask in (
        lambda y, x: xp.autograd.grad(y, x)[0],
        lambda y, x: xp.autograd.grad(y, x, create_graph=True)[0].detach(),
        lambda y, x: (y.backward(inputs=[x]), x.grad)[1],
    ):
        x, w = leaf(), leaf()
        y = (x * 2 + apply_primitive(op, (w * 3,))).sum()
        assert ask(y, x).tolist() == [2.0] * 3 and called == [] and w.grad is None
    xp.autograd.grad(y, w)
    assert called == [1]


def test_which_operations_take_the_short_way_back():
    multiply = (leaf() * leaf()).grad_fn.op
    assert multiply.plan((True, True)).thin and multiply.plan((True, False)).thin
    assert not xp.to_device(leaf(), "sim:0").grad_fn.op.plan((True,)).thin
    assert not xp.concat([leaf(), leaf()]).grad_fn.op.plan((True, True)).thin


def test_gradients_add_to_one_with_a_graph():
    x = xp.asarray(X, requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    (x**2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * X**2 + 2 * X, rtol=1e-12)
    assert not x.grad.requires_grad


def test_forward_rules_get_all_that_they_ask_for():
    asked = []

    @primitive
    def pair_p(xp, x1, x2):
        return x1 * x2, x1 + 0

    @pair_p.vjp
    def _(ct, x1, x2):
        return ct[0] * x2 + ct[1], ct[0] * x1

    @pair_p.jvp
    def _(xp, t, x1, x2, x1_shape, out0, out1, needs):
        asked.append((x1_shape, needs, out0.numpy(), out1.numpy()))
        t1, t2 = (xp.zeros_like(x1) if s is None else s for s in t)
        return t1 * x2 + x1 * t2, t1

    outs, slopes = jvp(
        lambda a, b: apply_primitive(pair_p, (a, b)), (xp.asarray(X), xp.asarray(V)),
        (xp.asarray(V), None),
    )  # fmt: skip
    np.testing.assert_allclose(slopes[0].numpy(), V * V)
    np.testing.assert_allclose(slopes[1].numpy(), V)
    ((shape, needs, product, first),) = asked
    assert shape == (3,) and needs == (True, True)
    assert (product == X * V).all() and (first == X).all()
    assert (outs[0].numpy() == X * V).all()


def test_plain_arrays_are_given_and_returned():
    out, slope = jvp(lambda x: x**2, X, V)
    assert type(out) is np.ndarray
    np.testing.assert_allclose(slope, 2 * X * V)
    out, slope = jvp(lambda x, y: x * y, (X, V), [V, X])
    np.testing.assert_allclose(slope, V * V + X * X)
    value, slopes = value_and_grad(lambda x, y: (x * x * y).sum(), argnums=(1, 0))(X, V)
    np.testing.assert_allclose(value, (X * X * V).sum())
    np.testing.assert_allclose(slopes[0], X * X)
    np.testing.assert_allclose(slopes[1], 2 * X * V)
    _, slope = value_and_grad(lambda x, y: (x * x * y).sum(), argnums=1)(X, V)
    np.testing.assert_allclose(slope, X * X)


def test_tangents_of_a_function_are_zeros_where_there_are_none():
    told = []

    class Scaled(Function):
        @staticmethod
        def forward(ctx, x, n, y, factor):
            ctx.save_for_forward(x, y)
            return x * y * factor

        @staticmethod
        def jvp(ctx, *ts):
            told.append(ts)
            x, y = ctx.saved_tensors
            return (ts[0] * y + x * ts[2]) * 2

    n = xp.asarray([1, 2, 3])
    _, slope = jvp(lambda x: Scaled.apply(x, n, xp.asarray(V), 2), xp.asarray(X), xp.asarray(V))
    np.testing.assert_allclose(slope.numpy(), 2 * V * V)
    ((first, second, third, fourth),) = told
    assert second is None and fourth is None
    assert (first.numpy() == V).all() and (third.numpy() == 0).all() and third.shape == (3,)


def test_errors_of_a_backend_say_where():
    def forward(xp, x, y):
        raise MemoryError("no room")

    op = elementwise("mine", inputs=("x", "y"), forward=forward)
    with pytest.raises(MemoryError, match="no room") as caught:
        apply_primitive(op, (xp.asarray(X), xp.asarray(1.0)))
    first, second = caught.value.__notes__
    assert first == "in mine: x has shape (3,) and dtype float64, y has shape () and dtype float64"
    assert second.startswith("out of memory on cpu: ")


def test_long_doubles_are_no_operands():
    if np.dtype("longdouble").itemsize > 8:
        with pytest.raises(TypeError, match="x2 is a numpy"):
            xp.asarray(X) + np.ones(3, dtype="longdouble")
    assert ((xp.asarray(X) + np.ones(3, dtype="float32")).numpy() == X + 1).all()


class Noting(Watcher):
    def __init__(self):
        self.notes = []

    def enter_span(self, name, kind, tensors, mark):
        self.notes.append(("enter", name, kind, tensors, mark))

    def leave_span(self, tensors, mark):
        self.notes.append(("leave", tensors, mark))

    def read(self, x):
        self.notes.append(("read", x._data.tolist()))


def test_watchers_are_told_of_spans_and_reads():
    outer, inner = Noting(), Noting()
    with watch(outer), watch(inner), span("step", "optimizer", (1,)):
        pass
    for watcher in (outer, inner):
        enter, leave = watcher.notes
        assert enter[:4] == ("enter", "step", "optimizer", (1,)) and leave[1] == (1,)
        assert enter[4] is leave[2]
    watcher, x = Noting(), xp.asarray(X)
    with watch(watcher):
        assert xp.allclose(x, x) is True and x[xp.asarray(1)].shape == ()
        x[xp.asarray([1, 2])]
    assert [note[0] for note in watcher.notes].count("read") == 2
    assert ("read", 1) in watcher.notes


@pytest.mark.parametrize("rows, shape", [((2, 3), (4, 3)), ((2, 4, 3), (3,)), ((2, 1, 3), (4, 3))])
def test_rows_of_cotangents_fit(rows, shape):
    raw = xp.device("cpu").raw
    g = np.arange(float(np.prod(rows))).reshape(rows)
    found = batching._fit(raw, g, (2, *shape), np.dtype("float64"))
    if len(rows) > 1 + len(shape):
        expected = g.sum(axis=1)
    else:
        expected = np.broadcast_to(g.reshape(2, -1, 3), (2, *shape))
    np.testing.assert_allclose(found, expected)


def test_gradcheck_leaves_out_what_has_no_gradient():
    assert gradcheck(lambda x: (x * 2, 3, xp.argmax(x)), (leaf(),))
