"""What a worker process does: take tasks from a pipe, fetch batches, send them back.

Replies go out by a thread, so that the worker always comes back to its tasks and the parent's
writes never wait for its reads. A worker ends when its tasks do, or when its parent is gone.
"""

import os
import pickle
import queue
import random
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import numpy as np

import tensorxp as xp
from tensorxp._backend import kernels
from tensorxp.utils.data._interrupts import leave_to_parent
from tensorxp.utils.data._transport import as_message, pack, send
from tensorxp.utils.data.collate import default_collate

POLL = 2.0  # seconds between looks whether the parent lives


@dataclass
class WorkerInfo:
    """What `get_worker_info` tells in a worker process.

    Attributes
    ----------
    id, num_workers : int
        Its number, from 0, and how many there are.
    seed : int
    dataset : Dataset
        Its copy.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Here:
    info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return what this worker process is.

    >>> xp.utils.data.get_worker_info() is None
    True

    Returns
    -------
    WorkerInfo or None
        None in the main process.
    """
    return _Here.info


class EndOfStream(Exception):
    """The iterable dataset of a worker has no more samples."""


class Fetcher:
    """Fetches one batch after the other from a dataset, by indices or from its iterator."""

    def __init__(
        self, dataset: Any, iterable: bool, batched: bool, collate: Any, drop_last: bool
    ) -> None:
        self._dataset = dataset
        self._iterator: Iterator[Any] | None = iter(dataset) if iterable else None
        self._batched = batched
        self._collate = collate
        self._drop_last = drop_last
        self._ended = False

    def fetch(self, index: Any) -> Any:
        """Return the batch of an index or a list of indices; EndOfStream after the last one."""
        if self._iterator is not None:
            return self._collate(self._next(self._iterator, index))
        if not self._batched:
            return self._collate(self._dataset[index])
        if self._collate is default_collate and hasattr(self._dataset, "_whole_batch"):
            batch = self._dataset._whole_batch(index)
            if batch is not None:
                return batch
        if hasattr(self._dataset, "__getitems__"):
            return self._collate(self._dataset.__getitems__(index))
        return self._collate([self._dataset[i] for i in index])

    def _next(self, iterator: Iterator[Any], index: Any) -> Any:
        if self._ended:
            raise EndOfStream
        if not self._batched:
            try:
                return next(iterator)
            except StopIteration:
                raise EndOfStream from None
        batch = []
        for _ in index:
            try:
                batch.append(next(iterator))
            except StopIteration:
                self._ended = True
                break
        if not batch or (self._drop_last and len(batch) < len(index)):
            raise EndOfStream
        return batch


@dataclass
class Failure:
    """An exception of a worker, to be raised in the parent with the worker's traceback."""

    kind: type[BaseException]
    text: str
    where: str

    @classmethod
    def caught(cls, error: BaseException, where: str) -> "Failure":
        """Return the failure that `error` is."""
        return cls(type(error), traceback.format_exc(), where)

    def reraise(self) -> NoReturn:
        """Raise it anew: the same type where it takes a message, else RuntimeError."""
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        if issubclass(self.kind, KeyError):
            raise self.kind(_Message(message))
        if not issubclass(self.kind, Exception) or issubclass(self.kind, StopIteration):
            raise RuntimeError(message)
        try:
            error = self.kind(message)
        except Exception:  # its constructor wants something else
            raise RuntimeError(message) from None
        raise error


class _Message(str):
    """A message that KeyError, which shows its argument's repr, does not quote."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass
class Job:
    """What a worker is started with."""

    number: int
    workers: int
    dataset: Any
    iterable: bool
    batched: bool
    collate: Callable[[Any], Any]
    drop_last: bool
    init: Callable[[int], None] | None


class _Sender(threading.Thread):
    """Sends messages in order, without holding up the worker."""

    def __init__(self, pipe: Connection, stop: Any) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self._stop_sign = stop
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def run(self) -> None:
        while True:
            try:
                send(self._pipe, self._messages.get())
            except ConnectionError:  # the parent is gone or has hung up
                return
            except BaseException:
                if not self._stop_sign.value:
                    # a message may have been sent in part: the parent must not wait for the rest
                    traceback.print_exc()
                    os._exit(1)
                return

    def put(self, message: Any) -> None:
        """Queue a message."""
        self._messages.put(message)


def seed_all(seed: int) -> None:
    """Seed tensorxp, `random` and NumPy's global generator."""
    xp.random.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def run(job: Job, tasks: Connection, replies: Connection, stop: Any) -> None:
    """Be a worker until the end. A non-zero `stop` makes it leave the tasks it has."""
    leave_to_parent()
    kernels.set_threads(1)  # the workers are the threads
    sender = _Sender(replies, stop)
    sender.start()
    where = f"in DataLoader worker process {job.number}"
    fetcher: Any = None
    parent = os.getppid()
    while True:
        task = _next_task(tasks, parent)
        if task is None or stop.value:
            break
        epoch, number, content = task
        reply: Any
        if number is None:  # a new epoch: `content` is its seed
            fetcher = _begin(job, content, where)
            continue
        try:
            if isinstance(fetcher, Failure):
                reply = (epoch, number, "failed", fetcher)
            else:
                reply = (epoch, number, "batch", pack(fetcher.fetch(content)))
        except EndOfStream:
            reply = (epoch, number, "ended", None)
        except Exception as error:
            reply = (epoch, number, "failed", Failure.caught(error, where))
        if isinstance(reply[3], Failure):
            reply = (*reply[:3], _sendable(reply[3]))
        try:
            message = as_message(reply)
        except Exception as error:  # no memory
            message = as_message((epoch, number, "failed", Failure.caught(error, where)))
        sender.put(message)


def _sendable(failure: Failure) -> Failure:
    """Return a failure whose type the parent can import."""
    try:
        pickle.dumps(failure.kind)
    except Exception:
        return Failure(RuntimeError, failure.text, failure.where)
    return failure


def _next_task(tasks: Connection, parent: int) -> Any:
    """Return the next task, None where there will be none any more."""
    while True:
        try:
            if tasks.poll(POLL):
                return tasks.recv()
        except (EOFError, OSError):
            return None
        process = parent_process()
        if os.getppid() != parent or (process is not None and not process.is_alive()):
            return None


def _begin(job: Job, seed: int, where: str) -> Any:
    """Return a fetcher for a new epoch, or the failure to make one."""
    first = _Here.info is None
    _Here.info = WorkerInfo(job.number, job.workers, seed + job.number, job.dataset)
    try:
        seed_all(_Here.info.seed)
        if first and job.init is not None:
            job.init(job.number)
        return Fetcher(job.dataset, job.iterable, job.batched, job.collate, job.drop_last)
    except Exception as error:
        return Failure.caught(error, where)
