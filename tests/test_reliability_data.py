"""A loader tells which limit was met, instead of the death of a worker, and leaves nothing."""

import os
import subprocess
import sys
import textwrap

import pytest

resource = pytest.importorskip("resource", reason="limits of processes are of POSIX")
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="descriptors and memory are read in /proc"
)

BEGIN = """
import errno, gc, multiprocessing, os, resource, sys
import numpy as np
import tensorxp as xp
from tensorxp.utils.data import DataLoader, Dataset

class Rows(Dataset):
    def __init__(self, width): self.width = width
    def __len__(self): return 16
    def __getitem__(self, i): return np.full(self.width, i, np.float32)

def limit(name, value):
    hard = resource.getrlimit(getattr(resource, name))[1]
    resource.setrlimit(getattr(resource, name), (value, hard))

def descriptors():
    gc.collect()
    return sorted(os.listdir("/proc/self/fd"))

def free(number):
    "Leave `number` descriptors to be opened."
    taken = []
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for handle in taken[:number]:
        os.close(handle)
    return taken[number:]

def caught(work):
    try:
        work()
    except (OSError, MemoryError, RuntimeError) as error:
        found = type(error).__name__, getattr(error, "errno", None), str(error)
        del error
        return found

loader = DataLoader(Rows(8), 4, num_workers=2, multiprocessing_context=METHOD)
list(loader)  # what multiprocessing keeps open is open now
before = descriptors()
"""


def outcome(body, method="fork"):
    code = BEGIN.replace("METHOD", repr(method)) + textwrap.dedent(body)
    code = code if method == "fork" else "\n".join(["if True:", textwrap.indent(code, "    ")])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("left", [0, 3, 9])
def test_no_descriptors_to_start_workers(left):
    text = outcome(f"""
    limit("RLIMIT_NOFILE", 200)
    held = free({left})
    kind, number, message = caught(lambda: list(loader))
    for handle in held:
        os.close(handle)
    print(kind, number == errno.EMFILE, message)
    assert not multiprocessing.active_children()
    assert descriptors() == before, (before, descriptors())
    assert len(list(loader)) == 4
    """)
    assert text.startswith("OSError True")
    assert "no file descriptors left for worker" in text and "ulimit -n: 200" in text


def test_no_descriptors_for_a_batch():
    text = outcome("""
    loader = DataLoader(Rows(200_000), 4, num_workers=2)
    batches = iter(loader)
    limit("RLIMIT_NOFILE", 200)
    held = free(0)
    kind, number, message = caught(lambda: list(batches))
    for handle in held:
        os.close(handle)
    print(kind, number == errno.EMFILE, message)
    del batches
    assert not multiprocessing.active_children()
    assert descriptors() == before, (before, descriptors())
    assert len(list(loader)) == 4
    """)
    assert text.startswith("OSError True")
    assert "no file descriptors left for a batch" in text and "ulimit -n: 200" in text


def test_no_memory_for_a_batch():
    text = outcome("""
    loader = DataLoader(Rows(30_000_000), 1, num_workers=1, prefetch_factor=1)
    batches = iter(loader)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    limit("RLIMIT_AS", used + (50 << 20))
    kind, number, message = caught(lambda: next(batches))
    limit("RLIMIT_AS", resource.getrlimit(resource.RLIMIT_AS)[1])
    print(kind, message)
    del batches
    assert not multiprocessing.active_children()
    assert descriptors() == before, (before, descriptors())
    """)
    assert text.startswith(("OSError", "MemoryError"))
    assert "no memory left for a batch" in text and "ulimit -v" in text


def test_a_worker_without_descriptors():
    """It sends small batches and, having no block, large ones by the pipe."""
    outcome("""
    class Hungry(Rows):
        def __getitem__(self, i):
            if not hasattr(self, "held"):
                limit("RLIMIT_NOFILE", 100)
                self.held = free(0)
            return super().__getitem__(i)

    batches = [b[:, 0].tolist() for b in DataLoader(Hungry(200_000), 4, num_workers=1)]
    assert batches == [[float(i + j) for j in range(4)] for i in range(0, 16, 4)]
    """)


def test_a_worker_without_memory():
    text = outcome("""
    class Hungry(Rows):
        def __getitem__(self, i):
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            limit("RLIMIT_AS", used + (20 << 20))
            return super().__getitem__(i)

    print(caught(lambda: list(DataLoader(Hungry(30_000_000), 1, num_workers=1))))
    """)
    assert "Caught" in text and "MemoryError in DataLoader worker process 0" in text


def test_an_error_whose_type_cannot_be_sent():
    text = outcome("""
    Strange = type("Strange", (Exception,), {"__module__": "nowhere"})

    class Failing(Rows):
        def __getitem__(self, i):
            raise Strange("sample is broken")

    print(caught(lambda: list(DataLoader(Failing(3), 2, num_workers=1))))
    """)
    assert "RuntimeError" in text and "sample is broken" in text


def test_messages_that_cannot_be_sent_end_the_worker():
    text = outcome("""
    from tensorxp.utils.data import _worker

    def failing(pipe, message):
        raise MemoryError("no room to send")

    _worker.send = failing
    print(caught(lambda: list(DataLoader(Rows(3), 2, num_workers=1))))
    """)
    assert "exited unexpectedly with exit code 1" in text


def test_passes_leave_nothing():
    outcome("""
    for _ in range(5):
        for i, batch in enumerate(DataLoader(Rows(20_000), 2, num_workers=2)):
            if i == 2:
                break
    del batch
    assert descriptors() == before, (before, descriptors())
    assert not multiprocessing.active_children()
    assert not [name for name in os.listdir("/dev/shm") if "tensorxp" in name]
    """)
    assert os.path.isdir("/proc/self/fd")
