"""A child forked while other threads are at work does not hang."""

import ast
import os
import re
import signal
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import tensorxp as xp
from tensorxp._backend import forks

SOURCES = Path(xp.__file__).parent
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
LOCKS = {"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier"}


def test_every_lock_is_made_by_forks():
    found = []
    for path in SOURCES.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.ImportFrom) and call.module in ("threading", "_thread"):
                found += [(path.name, name.name) for name in call.names if name.name in LOCKS]
            if (
                isinstance(call, ast.Attribute)
                and call.attr in LOCKS
                and isinstance(call.value, ast.Name)
                and call.value.id == "threading"
            ):
                found.append((path.name, call.attr))
    assert found == [("forks.py", "RLock")]


def test_every_static_mutex_in_c_is_renewed_beside_it():
    static = re.compile(r"^(?:static )?pthread_(?:mutex|cond|rwlock)_t ", re.M)
    sources = [path for end in ("*.c", "*.h", "*.pyx") for path in SOURCES.rglob(end)]
    assert sources
    for path in sources:
        text = path.read_text(encoding="utf-8")
        assert not static.search(text) or "pthread_atfork" in text, path.name


def in_child(work, limit=20.0):
    """Fork, and return whether `work` ended in the child within the limit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads beside a fork: the subject
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(0)
            work()
            code = 0
        finally:
            os._exit(code)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


@needs_fork
def test_a_lock_is_free_in_the_child():
    mended = []

    class Owner:
        def mend(self):
            mended.append(True)

    owner = Owner()
    held, own, free = forks.lock(owner.mend), forks.lock(), forks.lock(lambda: mended.append(2))
    taken, stop = threading.Event(), threading.Event()

    def hold():
        with held:
            taken.set()
            stop.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()

    def look():
        assert held.acquire(blocking=False) and own.acquire(blocking=False)
        own.release()
        own.release()
        with pytest.raises(RuntimeError):
            own.release()
        assert free.acquire(blocking=False)
        assert mended == [True]

    try:
        with own:
            assert in_child(look)
    finally:
        stop.set()
        thread.join()
    assert mended == []


def test_locks_are_no_reason_to_live():
    before = len(forks._locks)
    for _ in range(10):
        xp.random.Generator()
    assert len(forks._locks) <= before + 1


@needs_fork
def test_a_generator_whose_draw_was_going_on(monkeypatch):
    """NumPy's lock is held as well while its loop runs."""
    generator = xp.random.Generator().manual_seed(3)
    start, stop = threading.Event(), threading.Event()

    def hold():
        with generator._lock, generator._bits().bit_generator.lock:
            start.set()
            stop.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    start.wait()
    try:
        expected = xp.random.rand(3, generator=xp.random.Generator().manual_seed(3)).numpy()

        def draw():
            got = xp.random.rand(3, generator=generator).numpy()
            np.testing.assert_array_equal(got, expected)

        assert in_child(draw)
    finally:
        stop.set()
        thread.join()


def train(x):
    w = xp.ones((4, 4), requires_grad=True)
    xp.sum(xp.tanh(x @ w)).backward()
    assert w.grad is not None


def draw():
    xp.random.rand(50_000)
    xp.random.Generator().manual_seed(1)
    xp.random.get_rng_state()


def large():
    xp.exp(xp.nn.functional.softmax(xp.ones((64, 4096), dtype=xp.float32), -1))


def compiled():
    f = xp.compile(lambda x: xp.sum(xp.sin(x) * 2))
    f(xp.ones(5))
    f(xp.ones(200_000))


def load():
    loader = xp.utils.data.DataLoader(list(range(8)), batch_size=2, shuffle=True)
    assert len(list(loader)) == 4


def profiled():
    with xp.profiler.profile():
        xp.ones(3) + 1


def loss():
    train(xp.ones((3, 4)))


WORKS = [draw, large, compiled, load, profiled, loss]


@needs_fork
def test_forks_in_a_loop_beside_busy_threads(tmp_path):
    """Every thread does one kind of work; each child does all of them."""
    for work in WORKS:
        work()  # lazy imports are Python's own, and hold locks of its own
    stop = threading.Event()
    errors = []

    def repeat(work):
        try:
            while not stop.is_set():
                work()
        except BaseException as error:  # told by the main thread
            errors.append(error)

    def everything():
        for work in WORKS:
            work()
        xp.save({"x": xp.ones(3)}, tmp_path / "child.safetensors")

    threads = [threading.Thread(target=repeat, args=(work,)) for work in WORKS]
    for thread in threads:
        thread.start()
    try:
        assert all(in_child(everything) for _ in range(12))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []
