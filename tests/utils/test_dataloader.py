"""The loader: batches as a plain loop gives them, workers, seeds, errors and shutdown."""

import contextlib
import gc
import itertools
import multiprocessing
import os
import pickle
import pkgutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import tensorxp as xp
from tensorxp.utils.data import (
    DataLoader,
    IterableDataset,
    Subset,
    TensorDataset,
    default_collate,
)
from tests.utils import loading

METHODS = [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()]
POSIX = pytest.mark.skipif(os.name != "posix", reason="process groups")
#: JAX warns of every fork of a process that has imported it, as other tests of a run may have.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join([str(ROOT), str(Path(xp.__file__).parents[1])])


def blocks():
    """Return the names of the descriptors and mappings of shared memory, where they can be seen."""
    if not Path("/proc/self/maps").exists():
        return []
    found = [line.split(None, 5)[5:] for line in Path("/proc/self/maps").read_text().splitlines()]
    names = [name for row in found for name in row]
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            names.append(os.readlink(descriptor))
        except FileNotFoundError:  # that of the directory
            pass
    return [name for name in names if "memfd:tensorxp" in name]


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Check that no process and no shared memory outlives a test."""
    yield
    gc.collect()
    deadline = time.monotonic() + 5
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not multiprocessing.active_children()
    assert not blocks()


def plain(batches):
    """Return batches as lists that can be compared."""
    if isinstance(batches, dict):
        return {key: plain(value) for key, value in batches.items()}
    if isinstance(batches, list | tuple):
        return [plain(item) for item in batches]
    return batches.tolist() if isinstance(batches, xp.Tensor) else batches


def flat(batches):
    """Return the items of all batches."""
    return list(itertools.chain.from_iterable(plain(batches)))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches(workers):
    loader = DataLoader(loading.Squares(7), batch_size=3, num_workers=workers)
    assert len(loader) == 3
    batches = list(loader)
    assert [plain(b["square"]) for b in batches] == [[0, 1, 4], [9, 16, 25], [36]]
    assert batches[0]["row"].dtype == xp.float32 and batches[0]["row"].shape == (3, 3)
    assert batches[2]["text"] == ["6"]
    loader = DataLoader(loading.Squares(7), batch_size=3, num_workers=workers, drop_last=True)
    assert len(loader) == len(list(loader)) == 2
    single = list(DataLoader(loading.Squares(3), batch_size=None, num_workers=workers))
    assert [s["square"] for s in single] == [0, 1, 4] and isinstance(single[0]["row"], xp.Tensor)
    lists = DataLoader(range(4), batch_size=2, collate_fn=loading.as_list, num_workers=workers)
    assert list(lists) == [[0, 1], [2, 3]]
    own = DataLoader(range(9), batch_sampler=[[8, 1], [2]], num_workers=workers)
    assert plain(list(own)) == [[8, 1], [2]]
    assert plain(list(DataLoader(range(5), sampler=[4, 2], num_workers=workers))) == [[4], [2]]
    assert list(DataLoader([], num_workers=workers)) == []


@pytest.mark.parametrize("method", METHODS)
def test_workers_give_what_a_plain_loop_gives(method):
    def loader(**options):
        generator = xp.random.Generator("cpu").manual_seed(3)
        data = loading.Squares(30, width=5000)  # large enough for shared memory
        return DataLoader(data, 4, shuffle=True, generator=generator, **options)

    expected = [(plain(b["square"]), b["row"].numpy()) for b in loader()]
    found = list(loader(num_workers=3, multiprocessing_context=method))
    assert len(found) == 8
    for batch, (squares, rows) in zip(found, expected, strict=True):
        assert plain(batch["square"]) == squares
        assert np.array_equal(batch["row"].numpy(), rows)
        batch["row"] += 1  # memory of its own, and writable
    del batch, found


def test_shared_memory_lives_as_long_as_its_arrays():
    loader = DataLoader(loading.Squares(8, width=20_000), 4, num_workers=1)
    views = [batch["row"][1:, ::2] for batch in loader]
    gc.collect()
    assert len(blocks()) >= 2 or not hasattr(os, "memfd_create")
    assert [v[0, 0].item() for v in views] == [1, 5]
    assert all(bool(xp.all(v[1] == v[1, 0])) for v in views)


def test_order_is_kept_or_given_up():
    loader = DataLoader(loading.Slow(12), 1, num_workers=3, prefetch_factor=2)
    assert [b["square"].item() for b in loader] == [i * i for i in range(12)]
    loader = DataLoader(loading.Slow(12), 1, num_workers=3, in_order=False)
    assert sorted(b["square"].item() for b in loader) == [i * i for i in range(12)]


def test_workers_are_seeded_and_know_themselves():
    def report(seed):
        generator = xp.random.Generator("cpu").manual_seed(seed)
        loader = DataLoader(loading.WorkerReport(), 2, num_workers=2, generator=generator)
        return [xp.stack(batch, axis=1).numpy() for batch in loader]

    first, again, other = report(1), report(1), report(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    rows = np.concatenate(first)
    assert rows[:, 0].tolist() == [0, 0, 1, 1, 0, 0, 1, 1] and set(rows[:, 1]) == {2}
    assert rows[2, 2] == rows[0, 2] + 1
    assert len(set(rows[:, 3])) == len(set(rows[:, 4])) == len(set(rows[:, 5])) == 8
    xp.random.manual_seed(5)
    one = plain(list(DataLoader(loading.WorkerReport(2), num_workers=1)))
    xp.random.manual_seed(5)
    assert plain(list(DataLoader(loading.WorkerReport(2), num_workers=1))) == one


def test_worker_init():
    loader = DataLoader(
        loading.Environment(), 2, num_workers=2, worker_init_fn=loading.init,
        multiprocessing_context="spawn" if "spawn" in METHODS else None,
    )  # fmt: skip
    assert list(loader) == [["worker-0"] * 2, ["worker-1"] * 2]
    with pytest.raises(ValueError, match="worker 0 cannot start"):
        list(DataLoader(range(4), num_workers=1, worker_init_fn=loading.failing_init))


def test_persistent_workers_stay_between_epochs():
    loader = DataLoader(range(6), 2, num_workers=2, persistent_workers=True, shuffle=True)
    first = plain(list(loader))
    pids = sorted(p.pid for p in multiprocessing.active_children())
    assert len(pids) == 2
    second = plain(list(loader))
    assert sorted(p.pid for p in multiprocessing.active_children()) == pids
    assert sorted(flat(first)) == sorted(flat(second)) == list(range(6))
    for _ in loader:  # an unfinished epoch is dropped
        break
    assert sorted(flat(list(loader))) == list(range(6))
    pickle.dumps(loader)
    del loader


def test_persistent_workers_drop_shared_memory_of_an_unfinished_epoch():
    data = loading.Squares(40, width=20_000)
    loader = DataLoader(data, 2, num_workers=2, persistent_workers=True)
    first = next(iter(loader))
    squares = [b["square"].tolist() for b in loader]
    assert squares == [[i * i, (i + 1) ** 2] for i in range(0, 40, 2)]
    del first, loader


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_iterable_datasets(workers):
    data = loading.Stream(20)
    batches = plain(list(DataLoader(data, 4, num_workers=workers)))
    if workers in (0, 3):
        assert sorted(flat(batches)) == list(range(20))
    elif workers == 1:
        assert flat(batches) == [0, 1, 2]
    whole = plain(list(DataLoader(loading.Stream(5, share=False), 2, num_workers=workers)))
    assert sorted(flat(whole)) == sorted(list(range(5)) * max(1, workers))
    dropped = DataLoader(loading.Stream(5, False), 2, num_workers=workers, drop_last=True)
    assert sorted(flat(list(dropped))) == sorted([0, 1, 2, 3] * max(1, workers))
    assert sorted(DataLoader(loading.Stream(3, False), None, num_workers=workers)) == sorted(
        [0, 1, 2] * max(1, workers)
    )


@pytest.mark.parametrize("kind", [ValueError, KeyError, StopIteration])
def test_errors_of_a_worker_are_raised_with_its_traceback(kind):
    loader = DataLoader(loading.Failing(kind), 2, num_workers=2)
    batches = iter(loader)
    assert plain([next(batches), next(batches)]) == [[0, 1], [2, 3]]
    expected = RuntimeError if kind is StopIteration else kind
    with pytest.raises(expected, match="sample five is broken") as caught:
        next(batches)
    text = str(caught.value)
    assert f"Caught {kind.__name__} in DataLoader worker process 0" in text
    assert "loading.py" in text and "in __getitem__" in text
    assert plain(list(batches)) == [[6, 7], [8, 9], [10, 11]]


def test_errors_that_cannot_be_made_again_become_runtime_errors():
    with pytest.raises(RuntimeError, match="TwoArguments"):
        list(DataLoader(loading.Failing(loading.two_arguments), 2, num_workers=1))


def test_a_worker_that_dies_is_reported():
    with pytest.raises(RuntimeError, match="exited unexpectedly with exit code 3"):
        list(DataLoader(loading.Dying(), 2, num_workers=2))


def test_timeout(monkeypatch):
    monkeypatch.setattr("tensorxp.utils.data._pool.PATIENCE", 0.1)
    batches = iter(DataLoader(loading.Stuck(), 2, num_workers=1, timeout=0.2))
    with pytest.raises(RuntimeError, match=r"timed out after 0\.2 seconds"):
        next(batches)


def test_an_early_break_ends_the_workers():
    loader = DataLoader(loading.Squares(1000, width=20_000), 2, num_workers=2)
    started = time.monotonic()
    for _batch in loader:
        break
    assert not multiprocessing.active_children()
    assert time.monotonic() - started < 4
    del _batch
    batches = iter(loader)
    next(batches)
    del batches
    assert not multiprocessing.active_children()


# what a worker does at its very start: fork runs the hook, spawn unpickles the dataset
SCRIPT = """
    import multiprocessing, os, signal, sys, time
    from tensorxp.utils.data import DataLoader
    from tests.utils import loading

    if __name__ == "__main__":
        how, method, when = sys.argv[1:]
        signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been ignored
        if (when, method) == ("start", "fork"):
            os.register_at_fork(after_in_child=loading.interrupt)
        kind = loading.Interrupting if (when, method) == ("start", "spawn") else loading.Squares
        try:
            loader = DataLoader(kind(10**6, width=20_000), 4, num_workers=2,
                                persistent_workers=how == "persistent",
                                multiprocessing_context=method)
            for i, batch in enumerate(loader):
                if i == 3:
                    print(*[p.pid for p in multiprocessing.active_children()], flush=True)
                time.sleep(0.01)
        except KeyboardInterrupt:
            if how == "caught":
                print("caught", multiprocessing.active_children(), flush=True)
                sys.exit(7)
            raise
"""


@pytest.fixture
def start_script(tmp_path):
    """Give a function that starts the script in a process group of its own."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, str(script), *arguments], env={**os.environ, "PYTHONPATH": PATH},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def of_group(group):
    """Return the processes of a group that have not ended, where they can be seen."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = path.read_text().partition(" ")
        except OSError:  # it has just ended
            continue
        state, _, its_group, *_ = rest.rpartition(")")[2].split()
        if int(its_group) == group and state != "Z":
            found.append(int(pid))
    return found


def check_end(process, how, workers=(), times=1):
    """Check that an interrupted script has ended well, and everything that it had started."""
    output, errors = process.communicate(timeout=60)
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    allowed = {7} if how == "caught" else {1, 130, -signal.SIGINT}
    if times == 2:  # the second may come while the first is handled
        allowed |= {1, 130, -signal.SIGINT}
    assert process.returncode in allowed, errors
    if how == "caught" and times == 1:
        assert output.splitlines()[-1] == "caught []"
    assert "Process tensorxp-loader" not in errors and "leaked" not in errors, errors
    assert "spawn_main" not in errors, errors
    if times == 1:  # none of a worker or a destructor
        assert errors.count("Traceback") == (how != "caught"), errors
    deadline = time.monotonic() + 20
    while of_group(process.pid) and time.monotonic() < deadline:  # the tracker of spawned ones
        time.sleep(0.01)
    assert not of_group(process.pid)


@POSIX
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", ["plain", "caught", "persistent"])
def test_ctrl_c_ends_everything(how, method, times, start_script):
    process = start_script(how, method, "later")
    workers = [int(pid) for pid in process.stdout.readline().split()]
    assert len(workers) == 2
    os.killpg(process.pid, signal.SIGINT)
    if times == 2:
        time.sleep(0.005)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
    check_end(process, how, workers, times)


@POSIX
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", ["plain", "caught", "persistent"])
def test_ctrl_c_while_a_worker_starts(how, method, start_script):
    # each worker that starts interrupts the group, perhaps when the first is being handled
    check_end(start_script(how, method, "start"), how, times=2)


@POSIX
@pytest.mark.parametrize(
    "where", ["_pool.Pool._start", "_transport._receive_block", "_pool._hang_up"]
)
def test_ctrl_c_waits_for_what_must_not_be_cut_in_two(where, monkeypatch):
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        pytest.skip("SIGINT is handled otherwise here")
    ended = []

    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        result = function(*args)
        ended.append(True)
        return result

    path = f"tensorxp.utils.data.{where}"
    function = pkgutil.resolve_name(path)
    monkeypatch.setattr(path, interrupted)
    loader = DataLoader(loading.Squares(8, width=20_000), 4, num_workers=2)
    with pytest.raises(KeyboardInterrupt):
        list(loader)
    assert ended
    assert not multiprocessing.active_children()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    monkeypatch.undo()
    assert len(list(loader)) == 2


def test_ctrl_c_between_two_halves_of_a_message_ends_the_workers(monkeypatch):
    def interrupted(pipe):
        pipe.recv_bytes(1 << 20)
        raise KeyboardInterrupt

    loader = DataLoader(loading.Squares(8), 4, num_workers=1, persistent_workers=True)
    batches = iter(loader)
    monkeypatch.setattr("tensorxp.utils.data._transport.receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        batches._pool.receive(None)  # as if a second one had come before the first was handled
    monkeypatch.undo()
    assert list(batches) == []
    assert len(list(loader)) == 2 and iter(loader) is not batches
    del loader, batches


@POSIX
def test_workers_end_when_the_parent_is_killed(start_script):
    process = start_script("plain", METHODS[0], "later")
    assert len(process.stdout.readline().split()) == 2
    process.kill()
    deadline = time.monotonic() + 20
    while of_group(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not of_group(process.pid)


def test_whole_batches_are_what_collating_gives():
    x, y = xp.reshape(xp.arange(24), (8, 3)), xp.arange(8, dtype=xp.int32)
    data = TensorDataset(x, y)
    expected = default_collate([data[i] for i in (5, 2, 2)])
    found = next(iter(DataLoader(data, batch_sampler=[[5, 2, 2]])))
    assert type(found) is type(expected) and plain(found) == plain(expected)
    assert [t.dtype for t in found] == [t.dtype for t in expected]
    part = Subset(data, [7, 6, 5])
    assert plain(next(iter(DataLoader(part, 2)))) == plain(default_collate([data[7], data[6]]))

    class Shifted(TensorDataset):
        def __getitem__(self, index):
            return self.tensors[0][index] + 100

    assert plain(next(iter(DataLoader(Shifted(x), 2)))) == (x[:2] + 100).tolist()


ERRORS = [
    ({"num_workers": -1}, "num_workers"),
    ({"timeout": -1}, "timeout"),
    ({"prefetch_factor": 2}, "prefetch_factor"),
    ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor"),
    ({"persistent_workers": True}, "persistent_workers"),
    ({"multiprocessing_context": "fork"}, "multiprocessing_context"),
    ({"num_workers": 1, "multiprocessing_context": "x"}, "multiprocessing_context"),
    ({"sampler": [0], "shuffle": True}, "mutually exclusive"),
    ({"batch_sampler": [[0]], "batch_size": 2}, "mutually exclusive"),
    ({"batch_size": None, "drop_last": True}, "mutually exclusive"),
    ({"batch_size": 0}, "batch_size"),
    ({"drop_last": 1}, "drop_last"),
]


@pytest.mark.parametrize(("options", "match"), ERRORS)
def test_errors(options, match):
    with pytest.raises(ValueError, match=match):
        DataLoader(range(3), **options)


@pytest.mark.parametrize("name", ["sampler", "batch_sampler", "shuffle"])
def test_iterable_datasets_have_their_own_order(name):
    with pytest.raises(ValueError, match=name):
        DataLoader(IterableDataset(), **{name: True if name == "shuffle" else [0]})
