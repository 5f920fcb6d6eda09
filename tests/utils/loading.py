"""Datasets and functions for the tests of the loader, which spawned workers can import."""

import os
import random
import signal
import time

import numpy as np

import tensorxp as xp
from tensorxp.utils.data import Dataset, IterableDataset, get_worker_info


class Squares(Dataset):
    """Sample i is the number i², the array [i, i, …] and a text."""

    def __init__(self, n=20, width=3):
        self.n = n
        self.width = width

    def __getitem__(self, i):
        if i >= self.n:
            raise IndexError(i)
        return {"square": i * i, "row": np.full(self.width, i, np.float32), "text": str(i)}

    def __len__(self):
        return self.n


class Slow(Squares):
    """The first samples take longest, so that workers come back out of order."""

    def __getitem__(self, i):
        time.sleep(0.1 if i < 4 else 0.0)
        return super().__getitem__(i)


class WorkerReport(Dataset):
    """Samples tell which worker made them, its seed and random numbers."""

    def __init__(self, n=8):
        self.n = n

    def __getitem__(self, i):
        info = get_worker_info()
        drawn = [float(xp.random.rand()), random.random(), float(np.random.rand())]
        if info is None:
            return [0.0, 0.0, 0.0, *drawn]
        return [float(info.id), float(info.num_workers), float(info.seed % 2**20), *drawn]

    def __len__(self):
        return self.n


class Failing(Squares):
    """Sample 5 fails by an exception of the given type."""

    def __init__(self, kind, n=12):
        super().__init__(n)
        self.kind = kind

    def __getitem__(self, i):
        if i == 5:
            raise self.kind("sample five is broken")
        return i


class TwoArguments(Exception):
    """An exception that a single message does not make."""

    def __init__(self, a, b):
        super().__init__(a, b)


def two_arguments(_):
    return TwoArguments(1, 2)


class Dying(Squares):
    """Sample 5 ends the process."""

    def __getitem__(self, i):
        if i == 5:
            os._exit(3)
        return i


class Stuck(Squares):
    """Samples take long."""

    def __getitem__(self, i):
        time.sleep(30)


def interrupt():
    os.killpg(0, signal.SIGINT)


class Interrupting(Squares):
    """Unpickling it, which a spawned worker does first, interrupts the process group."""

    def __setstate__(self, state):
        interrupt()
        vars(self).update(state)


class Stream(IterableDataset):
    """The numbers below n, shared out among the workers; some workers have fewer."""

    def __init__(self, n, share=True):
        self.n = n
        self.share = share

    def __iter__(self):
        info = get_worker_info()
        if info is None or not self.share:
            yield from range(self.n)
        elif info.id == 0:
            yield from range(3)
        else:
            yield from range(3 + info.id - 1, self.n, info.num_workers - 1)


def failing_init(worker):
    raise ValueError(f"worker {worker} cannot start")


def init(worker):
    os.environ["TENSORXP_TEST_WORKER"] = f"worker-{worker}"


class Environment(Dataset):
    """Samples are the variable that `init` sets."""

    def __getitem__(self, i):
        return os.environ.get("TENSORXP_TEST_WORKER", "none")

    def __len__(self):
        return 4


def as_list(samples):
    return list(samples)
