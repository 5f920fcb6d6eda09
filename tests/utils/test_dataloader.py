"""The loader: batches as a plain loop gives them, workers, seeds, errors and shutdown."""

import gc
import itertools
import multiprocessing
import os
import pickle
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
SHM = Path("/dev/shm")


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Check that no process and no shared memory outlives a test."""
    blocks = set(SHM.iterdir()) if SHM.exists() else set()
    yield
    gc.collect()
    deadline = time.monotonic() + 5
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not multiprocessing.active_children()
    if SHM.exists():
        ours = f"tensorxp-{os.getpid()}-"
        left = {path for path in set(SHM.iterdir()) - blocks if path.name.startswith(ours)}
        assert not left


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


SCRIPT = """
    import multiprocessing, os, signal, sys, threading, time
    from tensorxp.utils.data import DataLoader
    from tests.utils import loading

    if __name__ == "__main__":
        loader = DataLoader(loading.Squares(10**6, width=20_000), 4, num_workers=2,
                            persistent_workers=sys.argv[1] == "persistent")
        timer = threading.Timer(0.3, os.killpg, (0, signal.SIGINT))
        try:
            for i, batch in enumerate(loader):
                if i == 3:
                    print(*[p.pid for p in multiprocessing.active_children()], flush=True)
                    timer.start()
                time.sleep(0.01)
        except KeyboardInterrupt:
            if sys.argv[1] == "caught":
                print("caught", multiprocessing.active_children(), flush=True)
                sys.exit(7)
            raise
"""


@pytest.mark.parametrize("how", ["plain", "caught", "persistent"])
def test_ctrl_c_ends_everything(how, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), str(Path(xp.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, str(script), how], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": path}, start_new_session=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    if how == "caught":
        assert lines[1].startswith("caught") and done.returncode == 7
    else:
        assert done.returncode in (1, 130, -signal.SIGINT)
        assert "KeyboardInterrupt" in done.stderr
    assert "Process tensorxp-loader" not in done.stderr and "leaked" not in done.stderr
    for pid in map(int, lines[0].split()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_when_the_parent_is_killed(tmp_path):
    script = tmp_path / "script.py"
    killing = SCRIPT.replace(
        "os.killpg, (0, signal.SIGINT)", "os.kill, (os.getpid(), signal.SIGKILL)"
    )
    script.write_text(textwrap.dedent(killing))
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), str(Path(xp.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, str(script), "plain"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, timeout=60, env={**os.environ, "PYTHONPATH": path}, start_new_session=True,
    )  # fmt: skip
    pids = list(map(int, done.stdout.split()))
    assert len(pids) == 2
    deadline = time.monotonic() + 15
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    alive = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    states = [Path(f"/proc/{pid}/stat").read_text().split()[2] for pid in alive]
    assert all(state == "Z" for state in states)  # ended, if nobody has reaped them


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
