"""What `compile` leaves behind: nothing; what it says of itself; threads, forks and interrupts."""

import gc
import os
import threading
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._core.watchers import stack, watching


class Holder:
    """Keeps its compiled loss, and the graph of its last call."""

    def __init__(self):
        self.w = xp.asarray([1.0, 2.0], requires_grad=True)
        self.step = xp.compile(self.loss)

    def loss(self, x):
        return xp.sum(xp.sin(x * self.w))

    def run(self, x):
        self.last = self.step(x)
        self.later = self.last * 2 + self.w


def _gone(ref):
    gc.collect()
    return ref() is None


@pytest.mark.parametrize("backend", ["auto", "replay"])
def test_what_a_compiled_function_closes_over_is_collected(backend):
    w = xp.asarray([1.0, 2.0], requires_grad=True)
    compiled = xp.compile(lambda x: xp.sum(x * w), backend=backend)
    out = compiled(xp.ones(2))
    refs = weakref.ref(w), weakref.ref(compiled)
    out.backward()
    compiled = out = w = None
    assert all(map(_gone, refs))


def test_an_object_that_keeps_its_compiled_loss_and_its_graph_is_collected():
    holder = Holder()
    for _ in range(3):
        holder.run(xp.ones(2))
    ref = weakref.ref(holder)
    del holder
    assert _gone(ref)


def test_a_model_that_is_replaced_is_collected():
    world = SimpleNamespace(model=xp.nn.Linear(2, 2))
    compiled = xp.compile(lambda x: world.model(x))
    for rows in (1, 2):  # two signatures
        compiled(xp.ones((rows, 2), dtype=xp.float32))
    ref = weakref.ref(world.model)
    world.model = xp.nn.Linear(2, 3)
    assert compiled(xp.ones((1, 2), dtype=xp.float32)).shape == (1, 3)
    assert _gone(ref)


def test_arguments_are_not_kept():
    compiled = xp.compile(lambda box, x: x * box.v)
    box, x = SimpleNamespace(v=2.0), xp.ones(2)
    compiled(box, x)
    refs = weakref.ref(x), weakref.ref(x._data)
    del x
    assert all(map(_gone, refs))


def test_a_parameter_whose_dtype_another_thread_changes():
    layer = xp.nn.Linear(64, 64, bias=False)
    compiled = xp.compile(lambda x: xp.sum(xp.exp(layer.weight * 0) * x))
    x, wrong, done = xp.ones((64, 64), dtype=xp.float32), [], threading.Event()

    def call():
        for _ in range(300):
            if float(compiled(x)) != 64 * 64:
                wrong.append(1)
        done.set()

    thread = threading.Thread(target=call)
    thread.start()
    while not done.is_set():
        layer.double()
        layer.float()
    thread.join()
    assert not wrong


def test_several_threads_call_and_trace_at_once():
    scale = SimpleNamespace(k=2.0)
    compiled = xp.compile(lambda x, n: xp.sum(xp.sin(x) * scale.k) * n)
    wrong = []

    def call(seed):
        rng = np.random.default_rng(seed)
        for i in range(60):
            data = rng.normal(size=3 + i % 4)
            x = xp.asarray(data, requires_grad=True)
            compiled(x, i % 3).backward()
            if not np.allclose(x.grad.numpy(), np.cos(data) * 2 * (i % 3)):
                wrong.append(seed)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_traces_and_collects_though_a_thread_traced_when_it_was_forked():
    started, go_on = threading.Event(), threading.Event()
    compiled = xp.compile(lambda x: _slow(x) * 2)

    def _slow(x):
        return x + 1

    def wait(*args):
        started.set()
        go_on.wait(10)

    def trace():
        compiled(xp.ones(2))

    from tensorxp._compile.front import entry

    original, entry.improved = entry.improved, lambda t: (wait(), original(t))[1]
    try:
        thread = threading.Thread(target=trace)
        thread.start()
        assert started.wait(10)
        child = os.fork()
        if not child:
            entry.improved = original
            good = gc.isenabled() and not stack()
            good = good and xp.compile(lambda x: x * 3)(xp.ones(2)).tolist() == [3.0, 3.0]
            os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        go_on.set()
        thread.join()
        entry.improved = original
    assert gc.isenabled()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_exception_in_the_middle_leaves_nothing_behind(error):
    world = SimpleNamespace(error=error("stop"))

    def fn(x):
        y = x * 2
        with xp.no_grad():
            y += 1
            if world.error is not None:
                raise world.error
        return y

    compiled = xp.compile(fn)
    for _ in range(2):
        with pytest.raises(error):
            compiled(xp.ones(2))
    assert not watching and not stack() and gc.isenabled() and xp.is_grad_enabled()
    world.error = None
    assert compiled(xp.ones(2)).tolist() == [3.0, 3.0]


def test_explain_tells_the_line_the_reason_and_what_would_help():
    def fn(x):
        y = x * 2
        return y / float(xp.sum(y))

    compiled = xp.compile(fn)
    assert "not called yet" in compiled.explain()
    compiled(xp.ones(2))
    line = fn.__code__.co_firstlineno + 2
    told = compiled.explain()
    assert f"{__file__}:{line}: it reads the values of a tensor" in told
    assert "keep the value a Tensor" in told
    good = xp.compile(lambda x: xp.sin(x) * 2)
    good(xp.ones(2))
    assert "compiled, 2 operations" in good.explain()


def test_fullgraph_asks_for_an_error_that_names_the_line():
    def fn(x):
        return x * x[0].item()

    compiled = xp.compile(fn, fullgraph=True)
    line = fn.__code__.co_firstlineno + 1
    for _ in range(2):
        with pytest.raises(RuntimeError, match=rf"fn cannot be compiled: .*:{line}: it reads"):
            compiled(xp.ones(2))
    assert xp.compile(lambda x: x * 2, fullgraph=True)(xp.ones(2)).tolist() == [2.0, 2.0]

    def wrong(x):
        return xp.reshape(x, (5,))

    with pytest.raises(ValueError, match="reshape"):
        xp.compile(wrong, fullgraph=True)(xp.ones(2))


def test_code_without_source_runs_as_it_is_written():
    scope = {}
    exec("def fn(x):\n    return x * 2\n", scope)
    compiled = xp.compile(scope["fn"])
    assert compiled(xp.ones(2)).tolist() == [2.0, 2.0]
    assert "source" in compiled.reason


def test_a_source_that_is_not_what_was_loaded_is_not_believed(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("def fn(x):\n    return x * 2\n")
    scope = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    path.write_text("def fn(x):\n    return x * 3\n")
    compiled = xp.compile(scope["fn"])
    assert compiled(xp.ones(2)).tolist() == [2.0, 2.0]
    assert "not what was loaded" in compiled.reason


def test_what_changes_at_each_call_is_given_up():
    world = SimpleNamespace(k=0.0)
    compiled = xp.compile(lambda x: x * world.k)
    for i in range(40):
        world.k = float(i)
        assert compiled(xp.ones(1)).tolist() == [i]
    assert "changes from call to call" in compiled.reason


def test_modes_that_alternate_keep_their_versions():
    model = xp.nn.Sequential(xp.nn.Linear(2, 2), xp.nn.Tanh())
    compiled = xp.compile(lambda x: model(x) * (2 if model.training else 3))
    x = xp.ones((1, 2), dtype=xp.float32)
    for i in range(40):
        model.train(i % 2 == 0)
        assert xp.allclose(compiled(x), model(x) * (3 - (i % 2 == 0)), rtol=1e-5)
    assert compiled.reason is None and compiled.explain().count(": compiled") == 2


_FACTOR = xp.asarray([1.0, 3.0])


@pytest.mark.parametrize("backend", ["auto", "replay"])
@pytest.mark.parametrize(
    "change",
    [
        lambda world: setattr(world, "k", 5.0),
        lambda world: setattr(world, "t", xp.asarray([7.0, 7.0])),
        lambda world: setattr(world, "p", xp.ones(2, requires_grad=True)),
        lambda world: world.p.requires_grad_(False),
        lambda world: world.p.register_hook(lambda g: g * 2),
        lambda world: xp.set_default_dtype(xp.float32),
        lambda world: globals().update(_FACTOR=xp.asarray([0.5, 0.5])),
        lambda world: setattr(world, "fn", xp.cos),
    ],
)
def test_second_derivatives_are_those_of_the_call(backend, change):
    def loss(x):
        with xp.no_grad():
            scale = xp.sum(x * world.k)
        y = world.fn(x * world.p) * scale * _FACTOR + world.t * x.detach()
        z = y * 1
        view = z[:1]
        z *= x
        return xp.sum(y * z) * world.k + xp.sum(view**2)

    found = []
    for compiled in (False, True):
        globals()["_FACTOR"] = xp.asarray([1.0, 3.0])
        world = SimpleNamespace(
            k=2.0, t=xp.asarray([1.0, 2.0]), p=xp.asarray([0.3, 0.4], requires_grad=True), fn=xp.sin
        )
        x, p = xp.asarray([1.0, 2.0], requires_grad=True), world.p
        out = (xp.compile(loss, backend=backend) if compiled else loss)(x)
        try:
            change(world)
            (g,) = xp.autograd.grad(out, x, create_graph=True)
            xp.sum(g * g).backward()
        finally:
            xp.set_default_dtype(xp.float64)
        found.append([a.tolist() for a in (g.detach(), x.grad, p.grad) if a is not None])
    np.testing.assert_allclose(np.array(found[0]), np.array(found[1]), rtol=1e-12)


def test_a_write_before_second_derivatives_raises():
    b = xp.asarray([1.0, 2.0])
    compiled = xp.compile(lambda x: xp.sum(xp.sin(x + b)))
    x = xp.asarray([1.0, 2.0], requires_grad=True)
    out = compiled(x)
    b[0] = 5.0
    with pytest.raises(RuntimeError, match="modified by an in-place"):
        xp.autograd.grad(out, x, create_graph=True)
