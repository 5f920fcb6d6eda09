"""Threads share generators, parameters, hooks, graphs and compiled functions, and meet nothing."""

import sys
import threading

import numpy as np
import pytest

import tensorxp as xp

THREADS, TIMES = 4, 60


@pytest.fixture(autouse=True)
def hasty():
    """Have threads change places often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(work):
    """Call `work(number)` in several threads at once; raise what one of them raises."""
    errors, start = [], threading.Barrier(THREADS)

    def run(number):
        start.wait()
        try:
            work(number)
        except BaseException as error:  # raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def test_a_shared_generator_gives_every_number_once():
    generator = xp.random.Generator().manual_seed(5)
    found = [[] for _ in range(THREADS)]

    def draw(number):
        for _ in range(TIMES):
            found[number] += xp.random.rand(7, generator=generator).tolist()

    together(draw)
    expected = xp.random.rand(7 * TIMES * THREADS, generator=xp.random.Generator().manual_seed(5))
    assert sorted(x for part in found for x in part) == sorted(expected.tolist())


def test_states_are_whole():
    generator = xp.random.Generator().manual_seed(5)
    states = [generator.get_state()]
    states += [xp.random.Generator().manual_seed(i).get_state() for i in range(3)]

    def change(number):
        for i in range(TIMES):
            if number % 2:
                generator.set_state(states[i % 4])
            else:
                xp.random.Generator().set_state(generator.get_state())
                xp.random.rand(3, generator=generator)

    together(change)


def test_gradients_of_shared_parameters_add_up():
    w = xp.ones(50, requires_grad=True)

    def train(number):
        for _ in range(TIMES):
            xp.sum(w * xp.asarray(2.0)).backward()

    together(train)
    assert w.grad.tolist() == [2.0 * THREADS * TIMES] * 50


def test_one_graph_from_several_threads():
    w = xp.ones(20, requires_grad=True)
    y = xp.sum(xp.exp(w * w))

    def back(number):
        for _ in range(TIMES):
            (grad,) = xp.autograd.grad(y, w, retain_graph=True)
            np.testing.assert_allclose(grad.numpy(), 2 * np.e)

    together(back)
    y.backward()


def test_a_graph_is_freed_by_one_thread_only():
    """Each backward either gives the whole gradient or says that the graph is gone."""
    outcomes = []
    for _ in range(20):
        w = xp.ones(5, requires_grad=True)
        y = w
        for _ in range(20):
            y = xp.exp(y * 0.1)
        z = xp.sum(y)

        def back(number, z=z):
            try:
                z.backward()
                outcomes.append(True)
            except RuntimeError as error:
                assert "retain_graph" in str(error) or "freed" in str(error)
                outcomes.append(False)

        together(back)
    assert any(outcomes)


def test_hooks_that_come_and_go():
    w = xp.ones(5, requires_grad=True)
    module = xp.nn.Linear(5, 5)

    def change(number):
        for _ in range(TIMES):
            handles = [w.register_hook(lambda ct: ct)]
            handles.append(module.register_forward_hook(lambda m, args, out: None))
            handles.append(module.register_full_backward_hook(lambda m, i, o: None))
            xp.sum(module(w * 1)).backward()
            for handle in handles:
                handle.remove()

    together(change)
    assert not module._forward_hooks


def test_modes_belong_to_a_thread():
    def change(number):
        for i in range(TIMES):
            assert xp.is_grad_enabled()
            if number % 2:
                with xp.no_grad():
                    assert not xp.is_grad_enabled()
                    y = xp.ones(2, requires_grad=True) * 2
                    assert not y.requires_grad
            else:
                with xp.device("sim:0" if i % 2 else "cpu"):
                    y = xp.ones(2, requires_grad=True) * 2
                    assert y.requires_grad and y.device.type == ("sim" if i % 2 else "cpu")
            with xp.profiler.profile() as found:
                xp.sum(y)
            assert len(found.events) == 1
            value, slope = xp.autograd.jvp(lambda x: x * x, xp.asarray(3.0), xp.asarray(1.0))
            assert float(value) == 9.0 and float(slope) == 6.0

    together(change)


def test_a_compiled_function_that_all_call():
    def fn(x, w):
        return xp.sum(xp.tanh(x * w) + xp.mean(x))

    compiled = xp.compile(fn)

    def call(number):
        for i in range(TIMES):
            n = (3, 40, 3000)[(i + number) % 3]
            x = xp.arange(n, dtype=xp.float64) / n
            w = xp.full(n, float(number + 1), requires_grad=True)
            v = xp.full(n, float(number + 1), requires_grad=True)
            compiled(x, w).backward()
            fn(x, v).backward()
            np.testing.assert_allclose(w.grad.numpy(), v.grad.numpy(), rtol=1e-12)

    together(call)


def test_parameters_that_another_thread_casts():
    """Errors of dtypes are fine; the process is to live, and to end right."""
    module = xp.nn.Linear(300, 300)
    x = xp.ones((4, 300), dtype=xp.float32)
    compiled = xp.compile(lambda x: xp.sum(module(x) * 2))

    def work(number):
        for i in range(TIMES // 2):
            if number == 0:
                module.to(xp.float32 if i % 2 else xp.float64)
                continue
            try:
                compiled(x)
                xp.sum(module(x)).backward()
            except (TypeError, ValueError, RuntimeError):
                pass

    together(work)
    module.to(xp.float32)
    np.testing.assert_allclose(float(compiled(x)), 2 * float(xp.sum(module(x))), rtol=1e-4)


def test_loops_over_large_arrays():
    a = xp.asarray(np.linspace(-3, 3, 40_000, dtype=np.float32).reshape(40, -1))
    expected = xp.nn.functional.softmax(a, -1).numpy()

    def work(number):
        for _ in range(TIMES):
            np.testing.assert_array_equal(xp.nn.functional.softmax(a, -1).numpy(), expected)

    together(work)


def test_optimizers_of_their_own_and_files(tmp_path):
    def train(number):
        model = xp.nn.Sequential(xp.nn.Linear(3, 4), xp.nn.Tanh(), xp.nn.Linear(4, 1))
        optimizer = xp.optim.Adam(model.parameters(), lr=0.05)
        x = xp.asarray(np.linspace(-1, 1, 30).reshape(10, 3))
        losses = []
        for _ in range(TIMES // 2):
            optimizer.zero_grad()
            loss = xp.mean((model(x) - xp.sum(x, axis=1, keepdims=True)) ** 2)
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        assert losses[-1] < losses[0]
        path = tmp_path / str(number)
        xp.save(model.state_dict(), path)
        assert list(xp.load(path)) == list(model.state_dict())

    with_dtype = xp.get_default_dtype()
    together(train)
    assert xp.get_default_dtype() == with_dtype


def test_lazy_modules_at_once():
    """The first use of what is loaded lazily, in several threads of a new process."""
    import subprocess

    code = """
import threading, sys
import tensorxp as xp
errors, start = [], threading.Barrier(6)
names = ["nn.Linear", "optim.Adam", "special.erf", "random.rand", "utils.data.DataLoader",
         "linalg.svd", "fft.fft", "profiler.profile", "optimize.minimize", "integrate.trapezoid"]
def use(i):
    start.wait()
    try:
        for k in range(len(names)):
            out = xp
            for part in names[(i + k) % len(names)].split("."):
                out = getattr(out, part)
    except BaseException as error:
        errors.append(error)
threads = [threading.Thread(target=use, args=(i,)) for i in range(6)]
[t.start() for t in threads]
[t.join(60) for t in threads]
assert not errors, errors
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
