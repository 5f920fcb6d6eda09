"""Datasets: what can be indexed (`Dataset`), what is only iterated, and ways to combine them."""

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import tensorxp as xp
from tensorxp._backend.families import see


class Dataset:
    """A collection with `__getitem__` and, as a rule, `__len__`: subclass it; `+` concatenates.

    A method `__getitems__(indices)`, which returns a list, is used to fetch whole batches.
    """

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __add__(self, other: "Dataset") -> "ConcatDataset":
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """A stream of samples: subclass it with `__iter__` instead of `__getitem__`.

    Each worker process iterates a copy of its own, so `__iter__` has to share out the samples with
    the help of `get_worker_info`.
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def __add__(self, other: Dataset) -> "ChainDataset":  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Tensors of equal length: sample i is the tuple of their slices i.

    Parameters
    ----------
    *tensors : Tensor
        Shapes (n, …), any dtypes.

    Raises
    ------
    ValueError
        There is none, or lengths differ.

    Examples
    --------
    >>> import tensorxp as xp
    >>> data = xp.utils.data.TensorDataset(xp.zeros((4, 2)), xp.arange(4))
    >>> len(data), data[3][1].item()
    (4, 3)
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ValueError("TensorDataset: give at least one tensor")
        sizes = [len(tensor) for tensor in tensors]
        if len(set(sizes)) != 1:
            raise ValueError(f"TensorDataset: size mismatch between tensors: {sizes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> Any:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def _whole_batch(self, indices: Sequence[int]) -> list[Any] | None:
        """Return what collating the samples would, by one gather per tensor; None if it can't."""
        if type(self).__getitem__ is not TensorDataset.__getitem__:
            return None
        if not all(isinstance(tensor, xp.Tensor) for tensor in self.tensors):
            return None
        index = xp.asarray(list(indices), dtype=xp.int64)
        return [tensor[index.to(tensor.device)] for tensor in self.tensors]


@see("ConcatDataset")
class StackDataset(Dataset):
    """Datasets of equal length side by side: samples are tuples, or dicts for keyword arguments.

    >>> xp.utils.data.StackDataset(range(2), "ab")[1]
    (1, 'b')

    Parameters
    ----------
    *args, **kwargs : Dataset
        Either by position or by keyword.

    Raises
    ------
    ValueError
        Both or none are given, or lengths differ.
    """

    datasets: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: give datasets either by position or by keyword")
        self.datasets = args or kwargs
        sizes = [len(dataset) for dataset in self._all()]
        if len(set(sizes)) != 1:
            raise ValueError(f"StackDataset: size mismatch between datasets: {sizes}")
        self._length = sizes[0]

    def _all(self) -> list[Any]:
        found = self.datasets
        return list(found.values() if isinstance(found, dict) else found)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return self._length


@see("ChainDataset, StackDataset")
class ConcatDataset(Dataset):
    """Datasets one after the other.

    >>> len(xp.utils.data.ConcatDataset([range(2), range(3)]))
    5

    Parameters
    ----------
    datasets : iterable of Datasets

    Raises
    ------
    TypeError
        One is an IterableDataset.
    ValueError
        There is none.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise TypeError("ConcatDataset does not support IterableDataset; use ChainDataset")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"ConcatDataset: index {index} is out of range for length {n}")
        index += n if index < 0 else 0
        which = bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset):
    """Iterable datasets one after the other.

    Parameters
    ----------
    datasets : iterable of IterableDatasets

    Raises
    ------
    TypeError
        One is no IterableDataset.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(
                    f"ChainDataset only supports IterableDataset, not {type(dataset).__name__}"
                )

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


@see("random_split")
class Subset(Dataset):
    """The samples of a dataset at given indices.

    >>> list(xp.utils.data.Subset(range(10), [2, 5]))
    [2, 5]

    Parameters
    ----------
    dataset : Dataset
    indices : sequence of ints

    Raises
    ------
    IndexError
        In indexing: beyond `indices`, or one of them beyond `dataset`.
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        picked = [self.indices[i] for i in indices]
        if hasattr(self.dataset, "__getitems__"):
            return list(self.dataset.__getitems__(picked))
        return [self.dataset[i] for i in picked]

    def __len__(self) -> int:
        return len(self.indices)

    def _whole_batch(self, indices: Sequence[int]) -> list[Any] | None:
        inner = getattr(self.dataset, "_whole_batch", None)
        if inner is None or type(self).__getitem__ is not Subset.__getitem__:
            return None
        found: list[Any] | None = inner([self.indices[i] for i in indices])
        return found


@see("Subset")
def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset]:
    """Split a dataset at random into subsets of given lengths.

    >>> a, b = xp.utils.data.random_split(range(10), [7, 3])
    >>> len(a), len(b)
    (7, 3)

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of ints, or of fractions that sum to 1
        What fractions leave over goes round the subsets.
    generator : Generator or None
        None: the default one.

    Returns
    -------
    list of Subsets

    Raises
    ------
    TypeError
        `dataset` has no length.
    ValueError
        The lengths do not add up, or one is negative.
    """
    n = len(dataset)
    sizes: list[int]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        if any(not 0 <= part <= 1 for part in lengths):
            raise ValueError(f"random_split: fractions {lengths} must be between 0 and 1")
        sizes = [math.floor(n * part) for part in lengths]
        for i in range(n - sum(sizes)):
            sizes[i % len(sizes)] += 1
        for i, size in enumerate(sizes):
            if size == 0:
                warnings.warn(f"random_split: the subset at index {i} is empty", stacklevel=2)
    else:
        sizes = [int(size) for size in lengths]
    if any(size < 0 for size in sizes):
        raise ValueError(f"random_split: lengths {list(lengths)} must not be negative")
    if sum(sizes) != n:
        raise ValueError(
            f"random_split: sum of input lengths {sum(sizes)} does not equal the length {n} of the "
            "dataset"
        )
    order = xp.random.randperm(n, device="cpu", generator=generator).tolist()
    ends = list(accumulate(sizes))
    return [Subset(dataset, order[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
