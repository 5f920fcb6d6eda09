"""Samplers: the order in which the samples of a dataset are fetched, and its batches."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see


class Sampler:
    """Gives indices, or lists of them, by `__iter__`; give `__len__` too where it is known."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")


@see("RandomSampler")
class SequentialSampler(Sampler):
    """All indices in order.

    >>> list(xp.utils.data.SequentialSampler(range(3)))
    [0, 1, 2]

    Parameters
    ----------
    data_source : Dataset

    Raises
    ------
    TypeError
        In iteration: it has no length.
    """

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


@see("SequentialSampler")
class RandomSampler(Sampler):
    """Indices in random order, or drawn with replacement.

    >>> sorted(xp.utils.data.RandomSampler(range(3)))
    [0, 1, 2]

    Parameters
    ----------
    data_source : Dataset
    replacement : bool
    num_samples : int or None
        Of one pass; None: the length. More than it go round again.
    generator : Generator or None
        None: the default one.

    Raises
    ------
    TypeError
        `replacement` is no bool; in iteration: `data_source` has no length.
    ValueError
        `num_samples` is no int from 0 on.
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement is {replacement!r}; it must be a bool")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if num_samples is not None and (not isinstance(num_samples, int) or num_samples < 0):
            raise ValueError(f"RandomSampler: num_samples is {num_samples}; it must be an int ≥ 0")

    @property
    def num_samples(self) -> int:
        """Number of indices of one pass."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, left = len(self.data_source), self.num_samples
        if n == 0:
            return
        options = {"device": "cpu", "generator": self.generator}
        if self.replacement:
            for start in range(0, left, 1024):
                count = min(1024, left - start)
                yield from xp.random.randint(0, n, (count,), **options).tolist()
            return
        while left > 0:
            yield from xp.random.randperm(n, **options).tolist()[:left]
            left -= n

    def __len__(self) -> int:
        return self.num_samples


@see("RandomSampler")
class SubsetRandomSampler(Sampler):
    """Given indices in random order.

    >>> sorted(xp.utils.data.SubsetRandomSampler([4, 2]))
    [2, 4]

    Parameters
    ----------
    indices : sequence
    generator : Generator or None
        None: the default one.

    Raises
    ------
    TypeError
        In iteration: `indices` has no length.
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = xp.random.randperm(len(self.indices), device="cpu", generator=self.generator)
        for i in order.tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


@see("RandomSampler")
class WeightedRandomSampler(Sampler):
    """Indices drawn with probabilities in proportion to `weights`.

    >>> list(xp.utils.data.WeightedRandomSampler([0.0, 1.0], 3))
    [1, 1, 1]

    Parameters
    ----------
    weights : Tensor or sequence
        Shape (n,), not negative.
    num_samples : int
        Of one pass.
    replacement : bool
    generator : Generator or None
        None: the default one.

    Raises
    ------
    ValueError
        `num_samples`, `replacement` or the shape of `weights`; in iteration: a weight, or too few.
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: Any = None,
    ) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(
                f"WeightedRandomSampler: num_samples is {num_samples}; it must be a positive int"
            )
        if not isinstance(replacement, bool):
            raise ValueError(
                f"WeightedRandomSampler: replacement is {replacement!r}; it must be a bool"
            )
        self.weights = xp.asarray(weights, dtype=xp.float64).cpu()
        if self.weights.ndim != 1:
            raise ValueError(
                f"WeightedRandomSampler: weights have shape {self.weights.shape}; they must be 1-d"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = xp.random.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


@see("SequentialSampler, DataLoader")
class BatchSampler(Sampler):
    """Lists of indices of another sampler.

    >>> sampler = xp.utils.data.SequentialSampler(range(5))
    >>> list(xp.utils.data.BatchSampler(sampler, 2, drop_last=False))
    [[0, 1], [2, 3], [4]]

    Parameters
    ----------
    sampler : iterable
    batch_size : int
        Of a list; the last may be shorter.
    drop_last : bool
        Leave a shorter one out.

    Raises
    ------
    ValueError
        `batch_size` is no positive int, or `drop_last` no bool.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"BatchSampler: batch_size is {batch_size!r}; it must be a positive int"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"BatchSampler: drop_last is {drop_last!r}; it must be a bool")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
