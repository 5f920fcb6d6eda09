"""`DataLoader`: batches of a dataset, fetched here or by worker processes that run ahead."""

import itertools
import multiprocessing
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import tensorxp as xp
from tensorxp.utils.data import _worker
from tensorxp.utils.data._interrupts import Uninterrupted
from tensorxp.utils.data._pool import Pool
from tensorxp.utils.data._transport import unpack
from tensorxp.utils.data.collate import default_collate, default_convert
from tensorxp.utils.data.dataset import IterableDataset
from tensorxp.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler


class DataLoader:
    """Batches of a dataset, in order, fetched here or by worker processes that run ahead.

    Arrays come from workers through shared memory without a copy. They are pickled, which keeps
    `requires_grad` of a leaf and nothing of a graph: other tensors arrive detached, collated ones
    too. Batches that are fetched here keep their graph. Worker i is seeded with a number drawn
    from `generator` plus i; what fails in a worker is raised here with its traceback.
    Workers end with the loop, with an early `break`, or on Ctrl-C. A program that starts processes
    by "spawn" needs the guard `if __name__ == "__main__":`, and datasets that can be pickled.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int or None
        None: samples as they are.
    shuffle : bool or None
        A new order each time.
    sampler : iterable or None
        Gives the order instead.
    batch_sampler : iterable or None
        Gives lists of indices instead.
    num_workers : int
        Processes; 0: fetch here.
    collate_fn : callable or None
        Makes a batch of a list, in the process that fetches it. None: `default_collate`, or
        `default_convert` where `batch_size` is None. A `TensorDataset` is indexed by the whole list
        instead, with the same result.
    pin_memory : bool
        Ignored.
    drop_last : bool
        Leave a shorter last batch out.
    timeout : float
        Seconds to wait for a batch; 0: no limit.
    worker_init_fn : callable or None
        Called in each worker with its number.
    multiprocessing_context : str, context or None
        How processes start, such as "spawn".
    generator : Generator or None
        None: the default one.
    prefetch_factor : int or None
        Batches that each worker fetches ahead; None: 2.
    persistent_workers : bool
        Workers wait for the next pass.
    pin_memory_device : str
        Ignored.
    in_order : bool
        False: batches as they come.

    Raises
    ------
    ValueError
        Options are out of range or exclude each other.
    RuntimeError
        In iteration: a timeout, or a worker died.

    Examples
    --------
    >>> import tensorxp as xp
    >>> from tensorxp.utils.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(xp.arange(5)), batch_size=2)
    >>> [batch.tolist() for (batch,) in loader]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self.multiprocessing_context = multiprocessing_context
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            _check_iterable(shuffle, sampler, batch_sampler)
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "DataLoader: batch_sampler option is mutually exclusive with batch_size, "
                    "shuffle, sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("DataLoader: batch_size=None is mutually exclusive with drop_last")
        if sampler is None:
            if self._iterable:
                sampler = _Forever()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self._batched = batch_sampler is not None
        self.collate_fn: Callable[[Any], Any]
        if collate_fn is not None:
            self.collate_fn = collate_fn
        else:
            self.collate_fn = default_collate if self._batched else default_convert
        self._kept: _WorkerIterator | None = None

    @property
    def multiprocessing_context(self) -> Any:
        """How processes are started: a context of `multiprocessing`, or None for its default."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, value: Any) -> None:
        if value is not None and not self.num_workers:
            raise ValueError(
                "DataLoader: multiprocessing_context needs num_workers > 0, but it is 0"
            )
        if isinstance(value, str):
            allowed = multiprocessing.get_all_start_methods()
            if value not in allowed:
                raise ValueError(
                    f"DataLoader: multiprocessing_context is {value!r}; allowed are {allowed}"
                )
            value = multiprocessing.get_context(value)
        self._context = value

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._batched else self.sampler

    def __iter__(self) -> Iterator[Any]:
        if not self.num_workers:
            _draw_seed(self.generator)  # as with workers, so that a shuffled order is the same
            return _local_batches(self)
        if not self.persistent_workers:
            return _WorkerIterator(self)
        if self._kept is None or self._kept.closed:
            self._kept = _WorkerIterator(self)
        else:
            self._kept.begin()
        return self._kept

    def __len__(self) -> int:
        if not self._iterable:
            return len(self._index_sampler)
        n = len(self.dataset)
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_kept": None}


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(f"DataLoader: num_workers is {num_workers}; it must not be negative")
    if timeout < 0:
        raise ValueError(f"DataLoader: timeout is {timeout}; it must not be negative")
    if not num_workers and prefetch_factor is not None:
        raise ValueError("DataLoader: prefetch_factor needs num_workers > 0")
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(f"DataLoader: prefetch_factor is {prefetch_factor}; it must be positive")
    if persistent_workers and not num_workers:
        raise ValueError("DataLoader: persistent_workers needs num_workers > 0")


def _check_iterable(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    for name, value in (("sampler", sampler), ("batch_sampler", batch_sampler)):
        if value is not None:
            raise ValueError(f"DataLoader: an IterableDataset has its own order; {name} is given")
    if shuffle:
        raise ValueError("DataLoader: an IterableDataset has its own order; shuffle=True is given")


class _Forever:
    """The sampler of an iterable dataset, whose iterator says when it ends."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


def _draw_seed(generator: Any) -> int:
    """Return the number from which the workers' seeds of one pass are counted."""
    with Uninterrupted():  # NumPy's modules, imported by the first draw, may swallow Ctrl-C
        return int(xp.random.randint(0, 2**62, device="cpu", generator=generator))


def _local_batches(loader: DataLoader) -> Iterator[Any]:
    fetcher = _worker.Fetcher(
        loader.dataset, loader._iterable, loader._batched, loader.collate_fn, loader.drop_last
    )
    for index in loader._index_sampler:
        try:
            batch = fetcher.fetch(index)
        except _worker.EndOfStream:
            return
        yield batch


class _WorkerIterator:
    """One pass over a loader with workers; with persistent workers, one pass after the other."""

    def __init__(self, loader: DataLoader) -> None:
        # no reference to the loader, which may keep this iterator: a cycle would keep the workers
        self._workers = loader.num_workers
        self._ahead = loader.num_workers * (loader.prefetch_factor or 2)
        self._sampler = loader._index_sampler
        self._generator = loader.generator
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._timeout = loader.timeout
        self._epoch = 0
        self._ready: dict[int, tuple[str, Any]] = {}  # replies that wait for their turn
        jobs = [
            _worker.Job(
                i,
                loader.num_workers,
                loader.dataset,
                loader._iterable,
                loader._batched,
                loader.collate_fn,
                loader.drop_last,
                loader.worker_init_fn,
            )
            for i in range(loader.num_workers)
        ]
        context = loader.multiprocessing_context or multiprocessing.get_context()
        with warnings.catch_warnings():
            # forking beside threads is the caller's choice of start method
            warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
            self._pool = Pool(context, jobs)
        self.begin()

    @property
    def closed(self) -> bool:
        """Whether the workers are gone."""
        return self._pool.closed

    def close(self) -> None:
        """End the workers and free what has arrived."""
        self._pool.close()
        self._ready.clear()

    def begin(self) -> None:
        """Start a new pass; what is under way for an unfinished one will be dropped."""
        try:
            self._ready.clear()
            self._epoch += 1
            self._indices = iter(self._sampler)
            self._sent = self._next = 0
            self._worker_of: dict[int, int] = {}  # tasks that are under way
            self._running = [True] * self._workers
            self._turn = itertools.cycle(range(self._workers))
            seed = _draw_seed(self._generator)
            for i in range(self._workers):
                self._pool.send(i, (self._epoch, None, seed))
            for _ in range(self._ahead):
                self._give()
        except BaseException:
            self.close()
            raise

    def _give(self) -> None:
        """Send the next task to the next worker that has not ended."""
        if not any(self._running):
            return
        try:
            index = next(self._indices)
        except StopIteration:
            return
        worker = next(i for i in self._turn if self._running[i])
        self._pool.send(worker, (self._epoch, self._sent, index))
        self._worker_of[self._sent] = worker
        self._sent += 1

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            found = None if self._pool.closed else self._next_reply()
            if found is not None:
                self._give()
                kind, content = found
                if kind == "batch":
                    return unpack(content)
            elif not self._persistent:
                self.close()
        except BaseException:  # the death of a worker, or Ctrl-C, whose traceback keeps this object
            self.close()
            raise
        if found is None:
            raise StopIteration
        content.reraise()  # the pass can go on where the caller catches this

    def _next_reply(self) -> tuple[str, Any] | None:
        """Return the reply whose turn it is, None after the last."""
        while True:
            found = self._in_turn()
            if found is not None or not self._worker_of:
                return found
            self._take_one()

    def _in_turn(self) -> tuple[str, Any] | None:
        if not self._in_order:
            return self._ready.pop(next(iter(self._ready))) if self._ready else None
        while self._next < self._sent:
            if self._next in self._ready:
                self._next += 1
                return self._ready.pop(self._next - 1)
            if self._next in self._worker_of:
                return None
            self._next += 1  # its worker had come to the end
        return None

    def _take_one(self) -> None:
        """Wait for a reply of this pass and keep it until its turn."""
        deadline = time.monotonic() + self._timeout if self._timeout else None
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                worker, (epoch, number, kind, content) = self._pool.receive(left)
            except TimeoutError:
                raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds") from None
            if epoch == self._epoch:
                break
        del self._worker_of[number]
        if kind == "ended":
            self._running[worker] = False
            self._give()
        else:
            self._ready[number] = (kind, content)
