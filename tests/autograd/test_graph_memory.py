"""Graphs are deep without recursion, and go when their tensors go, without the cycle collector."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest

import tensorxp as xp

DEEP = 100_000


@pytest.fixture
def no_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def chain(x):
    y = x * 1
    for _ in range(DEEP):
        y = y + 1
    return y


def saving_chain(x):
    y = x * 1
    for _ in range(DEEP):
        y = y * x
    return y


def writes(x):
    y = x * 1
    for _ in range(DEEP // 10):
        y[0] = y[1]
        y += 1
    return y


@pytest.mark.parametrize("make", [chain, saving_chain, writes])
def test_deep_graphs(make, no_gc):
    x = xp.asarray([1.0, 1.0], requires_grad=True)
    y = make(x)
    root = weakref.ref(y.grad_fn)
    xp.sum(y).backward()
    assert x.grad is not None
    del y
    assert root() is None
    y = make(x)  # a graph that backward never saw
    root = weakref.ref(y.grad_fn)
    del y
    assert root() is None


class Double(xp.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x * 2
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, ct):
        x, y = ctx.saved_tensors
        return ct * y / x

    @staticmethod
    def jvp(ctx, t):
        return t * 2


class Pair(xp.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y, z = xp.exp(x), x * 2
        ctx.save_for_backward(y, z)
        return y, z

    @staticmethod
    def backward(ctx, ct1, ct2):
        y, _ = ctx.saved_tensors
        return ct1 * y + ct2 * 2

    @staticmethod
    def jvp(ctx, t):
        return t * 1, t * 2


class Change(xp.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x *= 2
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, ct):
        return ct * 2 + 0 * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx, t):
        return t * 2


def in_place(x):
    y = x * 2
    v = y[1:]
    v *= 3
    y[0] = v[0]
    return y * v[0]


def hooked(x):
    y = x * 2
    y.register_hook(lambda g: g * 1)
    y.retain_grad()
    return y * y


def several(x):
    a = xp.reshape(x, (2, 2)) + 3 * xp.eye(2)
    q, r = xp.linalg.qr(a)
    return q @ r + xp.linalg.svd(a).S


MAKERS = [
    lambda x: xp.sin(x) * x + xp.sum(x),
    in_place,
    hooked,
    several,
    Double.apply,
    lambda x: xp.stack(Pair.apply(x)),
    lambda x: Change.apply(x * 1) * 2,
    lambda x: Change.apply((x * 1)[1:]) * 2,
    lambda x: xp.autograd.checkpoint(lambda y: xp.exp(xp.sin(y)) * y, x),
    lambda x: xp.autograd.checkpoint(lambda y: Double.apply(y) * y, x),
    lambda x: xp.concat([x, x])[[0, 1, 1]],
    lambda x: xp.autograd.grad(xp.sum(xp.exp(x)), x, create_graph=True)[0],
]


def exercise(make, how):
    """Use a graph in one way, and check that it goes with its last tensor."""
    x = xp.asarray([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = make(x)
    array, root = weakref.ref(y._data), weakref.ref(y.grad_fn)
    if how == "backward":
        xp.sum(y).backward()
    elif how == "create_graph":
        (g,) = xp.autograd.grad(xp.sum(y), x, create_graph=True)
        if g.requires_grad:
            xp.sum(g).backward()
        del g
    elif how == "forward":
        xp.autograd.jvp(make, x, xp.ones(4))
    del y
    assert array() is None and root() is None


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("how", ["dropped", "backward", "create_graph", "forward"])
def test_no_cycles(make, how, no_gc):
    exercise(make, how)  # what is made once, at first use, may be anything
    gc.collect()
    exercise(make, how)
    assert gc.collect() == 0


def test_backward_frees_saved_values_as_it_goes(no_gc):
    x = xp.asarray(np.ones(4), requires_grad=True)
    inner = xp.exp(x)
    saved = weakref.ref(inner._data)
    y = inner * 2
    del inner
    assert saved() is not None
    seen = []
    x.register_hook(lambda g: seen.append(saved() is None))
    xp.sum(y).backward()
    assert seen == [True] and y.grad_fn is not None


def test_an_input_is_kept_by_what_saved_it_only(no_gc):
    x = xp.asarray(np.ones(4), requires_grad=True)
    middle = x + 1
    array = weakref.ref(middle._data)
    y = middle + 1  # addition saves nothing
    del middle
    assert array() is None and y.requires_grad


def test_needless_nodes_are_not_walked():
    x = xp.asarray([1.0], requires_grad=True)
    w = xp.asarray([1.0], requires_grad=True)
    y = chain(x) * w
    start = time.perf_counter()
    (g,) = xp.autograd.grad(xp.sum(y), w)
    assert float(g[0]) == DEEP + 1
    assert time.perf_counter() - start < 60  # linear, without recursion


def hook_on_itself(x):
    y = x * 2
    y.register_hook(lambda g: g * y)


def gradient_of_a_leaf_with_history(x):
    xp.sum(x**3).backward(create_graph=True)


def own_gradient(x):
    x.grad = x * 2


def retained_with_history(x):
    y = x**2
    y.retain_grad()
    xp.sum(y**2).backward(create_graph=True)


def checkpoint_that_keeps_its_output(x):
    kept = []
    kept.append(xp.autograd.checkpoint(lambda t: xp.sin(t * len(kept)), x))


def context_that_keeps_its_output(x):
    class Keep(xp.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            ctx.box = []
            Keep.box = ctx.box
            return t * 2

        @staticmethod
        def backward(ctx, ct):
            return ct * 2

    y = Keep.apply(x)
    Keep.box.append(y)


class Keeper:
    def keep_trajectory(self, x):
        self.weight = x
        self.y = xp.integrate.solve_ivp(
            lambda t, y: self.weight * y, (0.0, 1.0), x, gradient="adjoint"
        )

    def keep_root(self, x):
        self.weight = x
        self.y = xp.optimize.root(lambda y: y * y - self.weight, xp.ones(2))


def trajectory_in_reach_of_its_equation(x):
    Keeper().keep_trajectory(x)


def root_in_reach_of_its_equation(x):
    Keeper().keep_root(x)


@pytest.mark.parametrize(
    "make",
    [
        hook_on_itself,
        gradient_of_a_leaf_with_history,
        own_gradient,
        retained_with_history,
        checkpoint_that_keeps_its_output,
        context_that_keeps_its_output,
        trajectory_in_reach_of_its_equation,
        root_in_reach_of_its_equation,
    ],
)
def test_cycles_of_the_users_are_collected(make):
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    z = x * 1
    make(x if make in (gradient_of_a_leaf_with_history, own_gradient) else z)
    root = weakref.ref(x), weakref.ref(z.grad_fn)
    del x, z
    gc.collect()
    assert root[0]() is None and root[1]() is None


def module_with_a_hook_that_keeps_its_loss(x):
    class Holder:
        pass

    m = Holder()
    y = x * 2
    y.register_hook(lambda g: m.seen)
    m.seen = None
    m.last = xp.sum(y * 3)


def later_result_in_reach_of_a_hook(x):
    y = x * 2
    z = xp.sum(y)
    y.register_hook(lambda g: z.shape)


@pytest.mark.parametrize(
    "make", [module_with_a_hook_that_keeps_its_loss, later_result_in_reach_of_a_hook]
)
def test_cycles_through_later_results_are_collected(make):
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    z = x * 1
    make(z)
    root = weakref.ref(z.grad_fn)
    del z
    gc.collect()
    assert root() is None


def test_a_retained_gradient_is_the_users():
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    y = x * 2
    z = y + 0
    y.retain_grad()
    z.retain_grad()
    xp.sum(z).backward()
    y.grad += 1
    assert z.grad.tolist() == [1.0, 1.0] and y.grad.tolist() == [2.0, 2.0]


def test_threads_add_to_one_leaf():
    x = xp.zeros(200_000, requires_grad=True)

    def work():
        for _ in range(25):
            xp.sum(x * 1).backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert float(xp.min(x.grad)) == float(xp.max(x.grad)) == 100


@pytest.mark.parametrize("given", [2, "yes", [1]])
def test_a_true_value_is_a_mode(given):
    x = xp.asarray(2.0, requires_grad=True)
    (x**2).backward(create_graph=given)
    assert x.grad.requires_grad and xp.is_grad_enabled() is True
    x.grad = None
